"""Minimizes a failing graph: drops outputs, nodes, bindings, inputs, attributes, symbols, sizes and values as long as
it fails in the same way."""
import time

import numpy as np

from check import with_intermediates
from graph import Leaf


class Shrinker:
    def __init__(self, fails, seconds=20):
        """`fails(graph)` says whether a candidate fails as the graph to be shrunk does."""
        self.fails = fails
        self.until = time.monotonic() + seconds
        self.tried = 0

    def attempt(self, candidate):
        if time.monotonic() > self.until or not candidate.nodes or not candidate.outputs:
            return False
        self.tried += 1
        try:
            candidate.prune()
            return bool(candidate.nodes) and self.fails(candidate)
        except Exception:  # a candidate that makes no sense is none
            return False

    def shrink(self, graph):
        while time.monotonic() < self.until:
            before = self.measure(graph)
            for step in (self.one_output, self.one_binding, self.cut, self.attributes, self.inputs, self.constants,
                         self.symbols, self.dims, self.values):
                graph = step(graph)
            if self.measure(graph) == before:
                break
        return graph

    @staticmethod
    def measure(graph):
        return (len(graph.nodes), graph.bindings, len(graph.outputs), sum(len(n.attributes) + len(n.inputs) for n in graph.nodes),
                sum(leaf.arrays[0].size for leaf in graph.leaves.values()),
                sum(len(leaf.symbols) for leaf in graph.leaves.values()),
                [leaf.kind for leaf in graph.leaves.values()])

    def one_output(self, graph):
        if len(graph.outputs) == 1:
            return graph
        for name in graph.outputs:
            candidate = graph.copy()
            candidate.outputs = [name]
            if self.attempt(candidate):
                return candidate
        for name in list(graph.outputs):
            candidate = graph.copy()
            candidate.outputs = [other for other in graph.outputs if other != name]
            if self.attempt(candidate):
                graph = candidate
        return graph

    def one_binding(self, graph):
        if graph.bindings == 1:
            return graph
        for binding in range(graph.bindings):
            candidate = graph.copy()
            for leaf in candidate.leaves.values():
                leaf.arrays = [leaf.array(binding)]
            candidate.bindings = 1
            if self.attempt(candidate):
                return candidate
        return graph

    def cut(self, graph):
        """Nodes become inputs with the values that the peer computed; later nodes become outputs."""
        values = with_intermediates(graph)
        if values is not None and len(graph.nodes) > 1:
            for at in range(len(graph.nodes)):  # one node alone
                candidate = self.isolated(graph, [at], values)
                if candidate is not None and self.attempt(candidate):
                    return candidate
        at = 0
        while at < len(graph.nodes) - 1 and values is not None:
            candidate = self.isolated(graph, [i for i in range(len(graph.nodes)) if i != at], values, graph.outputs)
            if candidate is not None and self.attempt(candidate):
                graph, values = candidate, with_intermediates(candidate)
                if values is None:
                    break
            else:
                at += 1
        for at in range(len(graph.nodes) - 1, 0, -1):  # an earlier output
            candidate = graph.copy()
            candidate.outputs = [name for name in candidate.nodes[at - 1].outputs if name and graph.types[name].kind in "fiubO"]
            candidate.nodes = candidate.nodes[:at]
            if self.attempt(candidate):
                return self.one_output(candidate)
        return graph

    @staticmethod
    def isolated(graph, kept, values, outputs=None):
        candidate = graph.copy()
        candidate.nodes = [candidate.nodes[i] for i in kept]
        made = {name for node in candidate.nodes for name in node.outputs}
        for node in candidate.nodes:
            for name in (*node.inputs, *node.captured):
                if name and name not in made and name not in candidate.leaves:
                    if name not in values[0]:
                        return None
                    arrays = [np.asarray(answer[name]) for answer in values]
                    if any(array.ndim != arrays[0].ndim for array in arrays):
                        return None
                    leaf = Leaf(arrays, "input")
                    for axis in range(arrays[0].ndim):
                        if any(array.shape[axis] != arrays[0].shape[axis] for array in arrays):
                            leaf.symbols[axis] = f"{name}_{axis}"
                    candidate.leaves[name] = leaf
        if outputs is None:
            candidate.outputs = [name for node in candidate.nodes for name in node.outputs
                                 if name and name in values[0]]
        else:
            candidate.outputs = [name for name in outputs if name in made]
        return candidate if candidate.outputs else None

    def attributes(self, graph):
        for at in range(len(graph.nodes)):
            for name in list(graph.nodes[at].attributes):
                candidate = graph.copy()
                del candidate.nodes[at].attributes[name]
                if self.attempt(candidate):
                    graph = candidate
        return graph

    def inputs(self, graph):
        for at in range(len(graph.nodes)):
            if at >= len(graph.nodes):
                break
            for index in range(len(graph.nodes[at].inputs) - 1, -1, -1):
                if index >= len(graph.nodes[at].inputs) or not graph.nodes[at].inputs[index]:
                    continue
                candidate = graph.copy()
                inputs = candidate.nodes[at].inputs
                inputs[index] = ""
                while inputs and not inputs[-1]:
                    inputs.pop()
                if self.attempt(candidate):
                    graph = candidate
                    if at >= len(graph.nodes):
                        return graph
            for index in range(len(graph.nodes[at].outputs) - 1, 0, -1):
                candidate = graph.copy()
                if index < len(candidate.nodes[at].outputs):
                    del candidate.nodes[at].outputs[index:]
                    if self.attempt(candidate):
                        graph = candidate
        return graph

    def constants(self, graph):
        """All leaves inputs, or each."""
        for name, leaf in list(graph.leaves.items()):
            if leaf.kind == "constant":
                candidate = graph.copy()
                candidate.leaves[name].kind = "initializer"
                if self.attempt(candidate):
                    graph = candidate
            if graph.leaves[name].kind == "initializer" and leaf.dtype.kind in "fiubO" and not leaf.dtype.name.startswith(
                    ("bfloat", "float8", "int4", "uint4")):
                candidate = graph.copy()
                candidate.leaves[name].kind = "input"
                if self.attempt(candidate):
                    graph = candidate
        return graph

    def symbols(self, graph):
        if graph.bindings > 1:
            return graph
        for name, leaf in list(graph.leaves.items()):
            for axis in list(leaf.symbols):
                candidate = graph.copy()
                del candidate.leaves[name].symbols[axis]
                if self.attempt(candidate):
                    graph = candidate
        return graph

    def dims(self, graph):
        """One size at a time, wherever it occurs."""
        if graph.bindings > 1:
            return graph
        sizes = sorted({size for leaf in graph.leaves.values() for size in leaf.arrays[0].shape if size > 1}, reverse=True)
        for size in sizes:
            for smaller in (1, size // 2, size - 1):
                if smaller >= size or smaller < 1:
                    continue
                candidate = graph.copy()
                for leaf in candidate.leaves.values():
                    array = leaf.arrays[0]
                    leaf.arrays[0] = array[tuple(slice(smaller) if full == size else slice(None) for full in array.shape)]
                if self.attempt(candidate):
                    graph = candidate
                    break
        for name, leaf in list(graph.leaves.items()):
            for axis in range(leaf.arrays[0].ndim):
                size = graph.leaves[name].arrays[0].shape[axis]
                for smaller in (0, 1, size // 2, size - 1):
                    if smaller >= size or smaller < 0:
                        continue
                    candidate = graph.copy()
                    array = candidate.leaves[name].arrays[0]
                    candidate.leaves[name].arrays[0] = array[tuple(slice(smaller) if i == axis else slice(None) for i in range(array.ndim))]
                    if self.attempt(candidate):
                        graph = candidate
                        break
        return graph

    def values(self, graph):
        if graph.bindings > 1:
            return graph
        scaled = any("Quantize" in node.op or node.op.startswith("QLinear") for node in graph.nodes)
        for name, leaf in list(graph.leaves.items()):
            array = leaf.arrays[0]
            if scaled and array.dtype.kind == "f":
                continue  # a scale of 0 means nothing
            if array.dtype.kind not in "fiu" or not array.size:
                continue
            for simpler in (np.zeros_like(array), np.ones_like(array), np.round(array) if array.dtype.kind == "f" else None):
                if simpler is None or np.array_equal(simpler, array):
                    continue
                candidate = graph.copy()
                candidate.leaves[name].arrays[0] = np.asarray(simpler, dtype=array.dtype)
                if self.attempt(candidate):
                    graph = candidate
                    break
        return graph
