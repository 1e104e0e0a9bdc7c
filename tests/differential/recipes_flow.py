"""Recipes for control flow, sequences and optionals: nodes with bodies that use values of the graph around them."""
import numpy as np
from onnx import TensorProto, helper

import peer
from generate import NUMBERS, Unfit, Value, boolean, f32, i64
from graph import Node, tensor_of
from recipes import emit, recipe

UNARY = ["Neg", "Abs", "Relu", "Tanh", "Sigmoid", "Identity"]


def info(name, dtype, rank=None):
    return helper.make_tensor_value_info(name, NUMBERS[dtype], None if rank is None else [None] * rank)


class Body:
    """A small graph under construction whose nodes use formal inputs, constants and values from outside."""

    def __init__(self, g):
        self.g, self.nodes, self.captured, self.count = g, [], [], 0
        g.counter += 1
        self.prefix = f"b{g.counter}_"

    def name(self):
        self.count += 1
        return f"{self.prefix}{self.count}"

    def node(self, op, inputs, **attributes):
        out = self.name()
        self.nodes.append(helper.make_node(op, inputs, [out], **attributes))
        return out

    def constant(self, array):
        return self.node("Constant", [], value=tensor_of(np.asarray(array)))

    def outer(self, value):
        if value.name not in self.captured:
            self.captured.append(value.name)
        return value.name

    def branch(self, condition, name, dtype, shape):
        """An If within the body, whose branches use its values and those around it."""
        branches = {}
        for attribute in ("then_branch", "else_branch"):
            inner = Body(self.g)
            out = inner.chain(inner.node("Identity", [name]), dtype, shape)
            self.captured += [outer for outer in inner.captured if outer not in self.captured]
            branches[attribute] = helper.make_graph(inner.nodes, attribute, [], [info(out, dtype)])
        return self.node("If", [condition], **branches)

    def chain(self, name, dtype, shape):
        """A few elementwise steps from `name`, which keep type and shape."""
        for _ in range(self.g.integer(1, 3)):
            draw = self.g.rng.random()
            if draw < 0.4:
                name = self.node(self.g.choice(UNARY) if dtype == f32 else self.g.choice(["Neg", "Abs", "Identity"]), [name])
            elif draw < 0.7:
                name = self.node(self.g.choice(["Add", "Mul", "Sub"]), [name, self.constant(self.g.numbers(dtype, ()))])
            else:
                other = self.g.existing(lambda v: v.dtype == dtype and v.rank <= len(shape) and all(
                    a in (1, b) for a, b in zip(v.shape[::-1], shape[::-1])))
                if other is None:
                    other = self.g.leaf(dtype, shape)
                name = self.node(self.g.choice(["Add", "Mul"]), [name, self.outer(other)])
        return name


@recipe("If")
def if_(g):
    condition = g.existing(lambda v: v.dtype == boolean and v.shape in ((), (1,))) or g.leaf(boolean, ())
    dtype = g.choice([f32, f32, i64] if g.graph.opset >= 13 else [f32])
    x = g.any(dtype)
    bodies, captured = [], []
    shapes_differ = g.chance(0.25)
    for index in range(2):
        body = Body(g)
        out = body.chain(body.outer(x), dtype, x.shape)
        if shapes_differ and index and g.graph.opset >= 13:
            out = body.node("Unsqueeze", [out, body.constant(np.array([0], i64))])
        graph = helper.make_graph(body.nodes, f"branch{index}", [], [info(out, dtype)])
        bodies.append(graph)
        captured += body.captured
    emit(g, [condition], {"then_branch": bodies[0], "else_branch": bodies[1]}, 1, dict.fromkeys(captured))


@recipe("Loop")
def loop(g):
    """One to three carried values, each with a chain of its own or one that adds another, and none to two outputs of all rounds."""
    dtype = g.choice([f32, f32, i64] if g.graph.opset >= 13 else [f32])
    x = g.any(dtype)
    carried = [x] + [g.like(dtype, x.shape) for _ in range(g.choice([0, 0, 1, 2]))]
    trips = g.ints(g.integer(0, 4), likely=0.6) if g.chance(0.85) else None
    start = g.leaf(boolean, values=np.array(g.chance(0.9))) if g.chance(0.5) or trips is None else None
    body = Body(g)
    i, keep = body.name(), body.name()
    states = [body.name() for _ in carried]
    inputs = [helper.make_tensor_value_info(i, TensorProto.INT64, []), helper.make_tensor_value_info(keep, TensorProto.BOOL, [])]
    inputs += [info(state, dtype, x.rank) for state in states]
    nexts = []
    for state in states:
        out = body.chain(state, dtype, x.shape)
        if g.chance(0.4):
            out = body.node("Add", [out, g.choice(states)])
        nexts.append(out)
    if g.chance(0.5) and dtype == f32:
        nexts[0] = body.node("Add", [nexts[0], body.node("Cast", [i], to=1)])
    if g.chance(0.25) and g.graph.opset >= 11:
        nexts[0] = body.branch(keep if g.chance(0.5) else body.node("Less", [i, body.constant(np.array(2, i64))]), nexts[0], dtype, x.shape)
    if trips is None or g.chance(0.3):
        if trips is None and g.graph.opset < 9:
            raise Unfit("endless")
        going = body.node("Less", [i, body.constant(np.array(g.integer(0, 3), i64))]) if g.graph.opset >= 9 else body.node("Identity", [keep])
    else:
        going = body.node("Identity", [keep])
    outputs = [helper.make_tensor_value_info(going, TensorProto.BOOL, None), *(info(n, dtype) for n in nexts)]
    # Of no round at all, the specification does not say how large the others would have been.
    runs = (trips is None or trips.array.item() > 0) and (start is None or start.array.item())
    scans = g.integer(0, 2) if runs else 0
    outputs += [info(body.node("Identity", [g.choice(nexts + states)]), dtype) for _ in range(scans)]
    graph = helper.make_graph(body.nodes, "body", inputs, outputs)
    emit(g, [trips, start, *carried], {"body": graph}, len(carried) + scans, dict.fromkeys(body.captured))


@recipe("Scan")
def scan(g):
    if g.graph.opset < 9:
        raise Unfit("the old form has batches")
    dtype = f32
    x = g.any(dtype, least=1, most=4, positive=True)
    axis = g.integer(0, x.rank - 1)
    rest = tuple(s for i, s in enumerate(x.shape) if i != axis)
    state = g.like(dtype, rest)
    body = Body(g)
    a, b = body.name(), body.name()
    next_ = body.node(g.choice(["Add", "Mul", "Max"]) if g.graph.opset >= 8 else "Add", [a, b])
    next_ = body.chain(next_, dtype, rest)
    out = body.chain(next_, dtype, rest)
    graph = helper.make_graph(body.nodes, "body", [info(a, dtype, len(rest)), info(b, dtype, len(rest))], [info(next_, dtype), info(out, dtype)])
    attributes = {"body": graph, "num_scan_inputs": 1, "scan_input_axes": [axis]}
    if g.chance(0.4):
        attributes["scan_input_directions"] = [g.integer(0, 1)]
    if g.chance(0.3):
        attributes["scan_output_directions"] = [g.integer(0, 1)]
    if g.chance(0.3):
        attributes["scan_output_axes"] = [g.integer(0, len(rest))]
    emit(g, [state, x], attributes, 2, dict.fromkeys(body.captured))


@recipe("SequenceConstruct", "SplitToSequence", "SequenceEmpty")
def sequences(g):
    """A sequence made, changed and taken apart again."""
    if g.graph.opset < 11:
        raise Unfit("no sequences")
    dtype = g.choice([f32, i64])
    rank = g.integer(1, 3)
    shape = g.positive_shape(rank)
    chain = []

    def node(op, inputs, **attributes):
        name = g.fresh("q")
        chain.append((op, inputs, name, attributes))
        return name

    if g.op == "SplitToSequence":
        x = g.leaf(dtype, shape)
        axis = g.axis(rank)
        attributes, inputs = {"axis": axis}, [x]
        if g.chance(0.5):
            inputs.append(g.ints(g.integer(1, 3)))
        else:
            attributes["keepdims"] = g.integer(0, 1)  # ignored beside lengths, but not by ONNX Runtime
        seq = node("SplitToSequence", inputs, **attributes)
    elif g.op == "SequenceEmpty":
        seq = node("SequenceEmpty", [], dtype=NUMBERS[dtype])
        seq = node("SequenceInsert", [seq, g.leaf(dtype, shape)])
    else:
        seq = node("SequenceConstruct", [g.leaf(dtype, shape) for _ in range(g.integer(1, 3))])
    if g.chance(0.4) and g.op != "SplitToSequence":
        seq = node("SequenceInsert", [seq, g.leaf(dtype, shape), *([g.ints(0)] if g.chance(0.5) else [])])
    if g.chance(0.25) and g.op == "SequenceConstruct":
        seq = node("SequenceErase", [node("SequenceInsert", [seq, g.leaf(dtype, shape)]), *([g.ints(-1)] if g.chance(0.5) else [])])
    draw = g.rng.random()
    if draw < 0.35:
        node("SequenceAt", [seq, g.ints(g.choice([0, -1]))])
    elif draw < 0.6:
        node("SequenceLength", [seq])
    else:
        stack = g.integer(0, 1)
        node("ConcatFromSequence", [seq], axis=g.integer(-rank, rank - 1), new_axis=stack)
    emit_chain(g, chain)


@recipe("Optional")
def optionals(g):
    """A tensor put into an optional, which is asked whether it holds one, or opened again."""
    if g.graph.opset < 15:
        raise Unfit("no optionals that are opened")
    chain, name = [], g.fresh("o")
    chain.append(("Optional", [g.any(g.choice([f32, i64, boolean]))], name, {}))
    last = "OptionalHasElement" if g.chance(0.4) else "OptionalGetElement"
    chain.append((last, [name], g.fresh("o"), {}))
    emit_chain(g, chain)


def emit_chain(g, chain):
    """Emits nodes of which only the last one's output is a tensor."""
    nodes, feeds = [], {}
    for op, inputs, name, attributes in chain:
        names = [i if isinstance(i, str) else i.name for i in inputs]
        for i in inputs:
            if not isinstance(i, str):
                feeds[i.name] = i.array
        nodes.append(Node(op, "", names, [name], attributes))
    last = nodes[-1].outputs[0]
    graph = helper.make_graph([helper.make_node(n.op, n.inputs, n.outputs, **n.attributes) for n in nodes], "chain", [],
                              [helper.make_empty_tensor_value_info(last)], [tensor_of(a, n) for n, a in feeds.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", g.graph.opset)])
    model.ir_version = 11
    try:
        array = np.asarray(peer.Runtime(model.SerializeToString(), False).run({})[last])
    except peer.Refused as refused:
        raise Unfit(str(refused)) from None
    g.graph.nodes += nodes
    for node in nodes:
        g.graph.types[node.outputs[0]] = np.dtype("V1")  # no tensor
    g.graph.types[last] = array.dtype
    g.values[last] = Value(last, array)
