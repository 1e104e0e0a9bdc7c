"""The fuzzer's representation of graphs: nodes, and leaves with the values that each binding of the symbolic sizes feeds."""
import copy
import dataclasses
from typing import Any

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

from ours import NUMPY

# Types that only travel inside a graph: at its edge stands a Cast from or to f32, which every peer can feed and read.
INNER = {
    onnx.TensorProto.BFLOAT16: np.dtype(ml_dtypes.bfloat16), onnx.TensorProto.FLOAT8E4M3FN: np.dtype(ml_dtypes.float8_e4m3fn),
    onnx.TensorProto.FLOAT8E4M3FNUZ: np.dtype(ml_dtypes.float8_e4m3fnuz),
    onnx.TensorProto.FLOAT8E5M2: np.dtype(ml_dtypes.float8_e5m2),
    onnx.TensorProto.FLOAT8E5M2FNUZ: np.dtype(ml_dtypes.float8_e5m2fnuz),
    onnx.TensorProto.INT4: np.dtype(ml_dtypes.int4), onnx.TensorProto.UINT4: np.dtype(ml_dtypes.uint4),
}
DTYPES = {**NUMPY, **INNER}
NUMBERS = {dtype: number for number, dtype in DTYPES.items()}
IR_VERSIONS = {7: 3, 8: 3, 9: 4, 10: 5, 11: 6, 12: 7, 13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10,
               22: 10, 23: 11, 24: 11, 25: 11, 26: 11}


@dataclasses.dataclass
class Leaf:
    arrays: list  # by binding; a constant has one
    kind: str     # "input", "initializer" or "constant"
    symbols: dict = dataclasses.field(default_factory=dict)  # axis -> name of an input's size
    make: Any = None  # shape -> array, for further bindings; None: the values hang on the shape

    @property
    def dtype(self):
        return self.arrays[0].dtype

    def array(self, binding):
        return self.arrays[min(binding, len(self.arrays) - 1)]


@dataclasses.dataclass
class Node:
    op: str
    domain: str
    inputs: list   # names; "" if absent
    outputs: list
    attributes: dict
    captured: tuple = ()  # names of outer values that a body uses


@dataclasses.dataclass
class Graph:
    opset: int
    ml: int = 5  # the opset of ai.onnx.ml
    leaves: dict = dataclasses.field(default_factory=dict)
    nodes: list = dataclasses.field(default_factory=list)
    outputs: list = dataclasses.field(default_factory=list)
    types: dict = dataclasses.field(default_factory=dict)  # name -> numpy dtype of what nodes make
    bindings: int = 1

    def copy(self):
        other = copy.copy(self)
        other.leaves = {name: copy.copy(leaf) for name, leaf in self.leaves.items()}
        for leaf in other.leaves.values():
            leaf.arrays, leaf.symbols = list(leaf.arrays), dict(leaf.symbols)
        other.nodes = [Node(n.op, n.domain, list(n.inputs), list(n.outputs), dict(n.attributes), n.captured)
                       for n in self.nodes]
        other.outputs, other.types = list(self.outputs), dict(self.types)
        return other

    def prune(self):
        """Drops what no output needs."""
        needed, kept = set(self.outputs), []
        for node in reversed(self.nodes):
            if any(name in needed for name in node.outputs):
                needed.update(filter(None, (*node.inputs, *node.captured)))
                kept.append(node)
        self.nodes = kept[::-1]
        self.leaves = {name: leaf for name, leaf in self.leaves.items() if name in needed}
        return self

    def feeds(self, binding=0):
        return {name: leaf.array(binding) for name, leaf in self.leaves.items() if leaf.kind == "input"}

    def sizes(self, binding=0):
        """The symbols' sizes."""
        return {symbol: leaf.array(binding).shape[axis] for leaf in self.leaves.values() if leaf.kind == "input"
                for axis, symbol in leaf.symbols.items()}

    def model(self):
        nodes, inputs, initializers = [], [], []
        for name, leaf in self.leaves.items():
            if leaf.kind == "input":
                shape = [leaf.symbols.get(axis, size) for axis, size in enumerate(leaf.arrays[0].shape)]
                inputs.append(helper.make_tensor_value_info(name, NUMBERS[leaf.dtype], shape))
            elif leaf.kind == "initializer":
                initializers.append(tensor_of(leaf.arrays[0], name))
            else:
                nodes.append(helper.make_node("Constant", [], [name], value=tensor_of(leaf.arrays[0], name)))
        for node in self.nodes:
            nodes.append(helper.make_node(node.op, node.inputs, node.outputs, domain=node.domain, **node.attributes))
        outputs = []
        for name in self.outputs:
            leaf = self.leaves.get(name)
            number = NUMBERS[leaf.dtype if leaf else self.types[name]]
            outputs.append(helper.make_tensor_value_info(name, number, None))
        graph = helper.make_graph(nodes, "random", inputs, outputs, initializers)
        domains = {node.domain for node in self.nodes} - {""}
        opsets = [helper.make_opsetid("", self.opset)]
        opsets += [helper.make_opsetid(domain, 1 if domain == "com.microsoft" else self.ml) for domain in sorted(domains)]
        model = helper.make_model(graph, opset_imports=opsets, producer_name="")
        # The IR version of the opset's day; 4 at least, from which on an initializer need not be an input as well.
        model.ir_version = max(4, IR_VERSIONS.get(self.opset, 11))
        return model

    def serialized(self):
        return self.model().SerializeToString(deterministic=True)


def tensor_of(array, name=""):
    if array.dtype == object:
        return helper.make_tensor(name, onnx.TensorProto.STRING, array.shape, [str(text).encode() for text in array.ravel()])
    return numpy_helper.from_array(np.asarray(array, order="C"), name)
