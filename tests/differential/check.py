"""Checks one graph: compares modelctl at two levels of optimization with the reference engines, under every binding."""
import dataclasses
import re

import numpy as np

import peer
from graph import Graph, Leaf
from ours import BUG, UNSUPPORTED, Failure

LEVELS = (0, 2)
# Relative error allowed for one operator; deeper graphs get more.
RELATIVE = {"f2": 4e-3, "f4": 2e-5, "f8": 1e-6}
# Operators whose integer results hang on how a quotient of floats is rounded: one step is allowed.
ROUNDING = {"QuantizeLinear", "QLinearConv", "QLinearMatMul", "DynamicQuantizeLinear", "QLinearAdd", "QLinearMul",
            "QLinearGlobalAveragePool", "QLinearAveragePool", "QLinearSigmoid", "QLinearLeakyRelu", "QLinearSoftmax",
            "QLinearConcat", "QGemm", "Resize", "Upsample", "QLinearReduceMean"}
# Where onnx.reference is known to be wrong, and so stands in for nobody.
REFERENCE_WRONG = {"QLinearConv", "QuantizeLinear", "Trilu", "Shape", "RNN", "LRN", "GlobalMaxPool", "GlobalAveragePool", "ConvTranspose", "Hardmax"}
RANDOM = {"RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial"}


@dataclasses.dataclass
class Verdict:
    kind: str         # "same", "wrong", "refused", "unsupported", "lenient", "peer", "unfit"
    reason: str = ""  # comparable between graphs: what shrinking must keep
    detail: str = ""


def difference(got, want, operators, depth):
    """None if two arrays agree, else what differs, in words."""
    if got.dtype != want.dtype:
        return f"type {got.dtype} and not {want.dtype}"
    if got.shape != want.shape:
        return f"shape {list(got.shape)} and not {list(want.shape)}"
    if got.dtype.kind != "f":
        if np.array_equal(got, want):
            return None
        if got.dtype.kind in "iu" and operators & ROUNDING:
            apart = np.abs(got.astype(object) - want.astype(object))
            if apart.max() <= depth:
                return None
        return _first(got, want, got != want)
    relative = RELATIVE[got.dtype.str[1:]] * (1 + depth)
    if operators & {"BFLOAT16"}:
        relative = max(relative, 3e-2)
    elif operators & {"FLOAT16"}:
        relative = max(relative, 4e-3 * (1 + depth))
    least = 1e-4 if got.dtype == np.dtype("f2") else 1e-6 if any("Gelu" in name for name in operators) else 1e-7
    with np.errstate(all="ignore"):
        a, b = got.astype("f8"), want.astype("f8")
        finite = np.isfinite(b)
        scale = np.abs(b[finite]).max(initial=0)
        near = np.abs(a - b) <= relative * (np.abs(b) + 0.3 * scale) + least
        same = near | (a == b) | (np.isnan(a) & np.isnan(b))
        same &= finite | (a == b) | (np.isnan(a) & np.isnan(b))
    return None if same.all() else _first(got, want, ~same)


def _first(got, want, where):
    at = tuple(int(i) for i in np.argwhere(where)[0])
    return f"{int(where.sum())} of {where.size} elements, the first at {list(at)}: {got[at]!r} and not {want[at]!r}"


def reason_of(message):
    """A refusal without the names and numbers of its graph."""
    line = message.splitlines()[0] if message else ""
    line = re.sub(r"@.*?(\||$)", r"\1", line)
    line = re.sub(r"'[^']*'", "'…'", line) if "[unsupported" not in line and "[no-such" not in line else line
    return re.sub(r"-?\d+", "N", line)[:160]


class Judge:
    def __init__(self, ours, stage=lambda name: None):
        self.ours, self.stage = ours, stage

    def peers(self, graph, names=None):
        """What the peers answer: (by binding: outputs, the peer's name), or a Verdict."""
        bytes_ = graph.serialized()
        feeds = [graph.feeds(binding) for binding in range(graph.bindings)]
        self.stage("peer")
        try:
            plain = peer.Runtime(bytes_, False)
            answers = []
            for at, feed in enumerate(feeds):
                try:
                    answers.append(plain.run(feed))
                except peer.Refused:
                    if at == 0:
                        raise
                    answers.append(None)
        except peer.Refused as refused:
            if not refused.lacks:
                return Verdict("unfit", reason_of(str(refused)))
            try:
                if any(node.op in REFERENCE_WRONG for node in graph.nodes):
                    return Verdict("unfit", "the reference is not right")
                if any(0 in leaf.arrays[0].shape for leaf in graph.leaves.values()):
                    return Verdict("unfit", "the reference does not support empty tensors")
                reference = peer.Reference(bytes_)
                answers = [reference.run(feeds[0])] + [None] * (len(feeds) - 1)
                return answers, "onnx.reference"
            except peer.Refused as error:
                return Verdict("unfit", reason_of(str(error)))
        operators, depth = _operators(graph), len(graph.nodes)
        try:
            optimized = peer.Runtime(bytes_, True)
            for feed, want in zip(feeds, answers):
                if want is None:
                    continue
                got = optimized.run(feed)
                for name in want:
                    if apart := difference(np.asarray(got[name]), np.asarray(want[name]), operators, depth):
                        if not operators & RANDOM:
                            return Verdict("peer", "ONNX Runtime disagrees with itself", f"{name}: {apart}")
        except peer.Refused as refused:
            return Verdict("peer", "ONNX Runtime refuses when optimized: " + reason_of(str(refused)))
        return answers, "ONNX Runtime"

    def judge(self, graph, levels=LEVELS, bind=False):
        answers = self.peers(graph)
        if isinstance(answers, Verdict):
            if answers.kind == "unfit":
                self.ours_alone(graph)
            return answers
        answers, name = answers
        operators, depth = _operators(graph), len(graph.nodes)
        bytes_ = graph.serialized()
        for level in levels:
            self.stage("ours")
            bindings = graph.sizes(0) if bind else {}
            try:
                loaded = self.ours.build(bytes_, level, bindings)
            except Failure as failure:
                return _refusal(failure, level)
            try:
                for binding, want in enumerate(answers[:1] if bind else answers):
                    try:
                        got = loaded.run(graph.feeds(binding))
                    except Failure as failure:
                        if want is None and failure.kind != BUG:
                            continue
                        return _refusal(failure, level)
                    if want is None:
                        continue
                    for output in graph.outputs:
                        apart = difference(got[output], np.asarray(want[output]), operators, depth)
                        if apart and not operators & RANDOM:
                            return Verdict("wrong", f"-O{level} against {name}" + (", bound" if bind else ""),
                                           f"{output}, binding {binding}: {apart}")
            finally:
                loaded.close()
        return Verdict("same", name)

    def ours_alone(self, graph):
        """A graph that the peers refuse must not take us down."""
        self.stage("ours")
        try:
            loaded = self.ours.build(graph.serialized(), 2)
            try:
                loaded.run(graph.feeds(0))
            finally:
                loaded.close()
        except Failure:
            pass

    def unstable(self, graph):
        """Whether rounding alone moves the peer's results: its inputs are moved by about one bit."""
        operators, depth = _operators(graph), len(graph.nodes)
        try:
            want = peer.Runtime(graph.serialized(), False).run(graph.feeds(0))
            for seed in range(4):
                rng = np.random.default_rng(seed)
                moved = graph.copy()
                for leaf in moved.leaves.values():
                    for at, array in enumerate(leaf.arrays):
                        if array.dtype.kind == "f" and array.size:
                            bit = np.finfo(array.dtype).eps * 2
                            with np.errstate(all="ignore"):
                                leaf.arrays[at] = (array * (1 + bit * rng.choice([-1, 1], array.shape))).astype(array.dtype)
                got = peer.Runtime(moved.serialized(), False).run(moved.feeds(0))
                for name in want:
                    if difference(np.asarray(got[name]), np.asarray(want[name]), operators, depth / 4):
                        return True
        except peer.Refused:
            return True
        return False


STRICT = ("window of", "do not fit scores", "slope does not broadcast", "the condition picks",
          "one weight for each class", "the batches of data and indices", "there is nothing to sample",
          "needs a real signal", "'matmul_f32': Y has", "must have one element for each",
          "does not fit a column", "of different batches", "differ in K", "coefficients for", "[wrong-size]", "one value to impute",
          "sizes along axis", "differs in size from a row")


def _refusal(failure, level):
    # What is refused on purpose, though ONNX Runtime takes it: windows larger than what they slide over, and sizes with
    # different names that are not the same where they meet.
    if any(text in failure.message for text in STRICT):
        return Verdict("strict", reason_of(failure.message))
    kind = "unsupported" if failure.kind == UNSUPPORTED else "bug" if failure.kind == BUG else "refused"
    return Verdict(kind, f"{failure.stage}: {reason_of(failure.message)}", f"-O{level}: {failure.message}")


def _operators(graph):
    found = {node.op for node in graph.nodes}
    for name, dtype in graph.types.items():
        if dtype.name == "bfloat16":
            found.add("BFLOAT16")
        elif dtype.name == "float16":
            found.add("FLOAT16")
        elif dtype.name.startswith("float8"):
            found.add("BFLOAT16")
    for leaf in graph.leaves.values():
        if leaf.dtype.name == "float16":
            found.add("FLOAT16")
        elif leaf.dtype.name == "bfloat16" or leaf.dtype.name.startswith("float8"):
            found.add("BFLOAT16")
    return found


def with_intermediates(graph):
    """By binding, every value of the graph that the peer can hand out; None if it refuses."""
    whole = graph.copy()
    whole.outputs = [name for node in graph.nodes for name in node.outputs
                     if name and graph.types[name].kind in "fiubO" and graph.types[name].name in
                     ("float16", "float32", "float64", "bool", "object", "int8", "int16", "int32", "int64", "uint8",
                      "uint16", "uint32", "uint64")]
    try:
        loaded = peer.Runtime(whole.serialized(), False)
        return [loaded.run(whole.feeds(binding)) for binding in range(graph.bindings)]
    except peer.Refused:
        return None


__all__ = ["Graph", "Leaf", "Judge", "Verdict", "with_intermediates"]
