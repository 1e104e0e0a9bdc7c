"""Hostile models: small valid ones with bytes flipped, cut or repeated, and with absurd sizes and attributes."""
import onnx

EXTREMES = [0, 1, -1, 2, 3, 7, 64, 255, -128, 1 << 15, 1 << 20, (1 << 31) - 1, -(1 << 31), 1 << 32, 1 << 40, (1 << 62) + 1,
            (1 << 63) - 1, -(1 << 63), -(1 << 63) + 1]


def mutate(rng, model):
    """Bytes of a model like `model`, an onnx.ModelProto, that was tampered with."""
    for _ in range(rng.choice([1, 1, 2, 3])):
        rng.choice([attribute, attribute, initializer, size, wiring, wiring])(rng, model)
    data = bytearray(model.SerializeToString())
    if rng.random() < 0.35 and data:
        for _ in range(rng.choice([1, 2, 5, 20])):
            at = rng.randrange(len(data))
            kind = rng.random()
            if kind < 0.6:
                data[at] ^= 1 << rng.randrange(8)
            elif kind < 0.75:
                del data[at:at + rng.randint(1, 8)]
            elif kind < 0.9:
                data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 4)))
            else:
                data[at] = 0xFF
            if not data:
                break
    return bytes(data)


def attribute(rng, model):
    nodes = [node for node in model.graph.node if node.attribute]
    if not nodes:
        return
    chosen = rng.choice(rng.choice(nodes).attribute)
    kind = onnx.AttributeProto
    if chosen.type == kind.INT:
        chosen.i = rng.choice(EXTREMES)
    elif chosen.type == kind.INTS and chosen.ints:
        if rng.random() < 0.7:
            chosen.ints[rng.randrange(len(chosen.ints))] = rng.choice(EXTREMES)
        elif rng.random() < 0.5:
            del chosen.ints[rng.randrange(len(chosen.ints)):]
        else:
            chosen.ints.extend([rng.choice(EXTREMES)] * rng.choice([1, 2, 30]))
    elif chosen.type == kind.FLOAT:
        chosen.f = rng.choice([0.0, -1.0, 1e38, -1e38, float("nan"), float("inf"), 1e-45])
    elif chosen.type == kind.FLOATS and chosen.floats:
        chosen.floats[rng.randrange(len(chosen.floats))] = rng.choice([0.0, -1.0, 1e38, float("nan"), float("inf")])
    elif chosen.type == kind.STRING:
        chosen.s = rng.choice([b"", b"NONE", b"x" * 300, b"\xff\xfe", chosen.s + b"0"])


def initializer(rng, model):
    tensors = list(model.graph.initializer)
    tensors += [a.t for node in model.graph.node for a in node.attribute if a.type == onnx.AttributeProto.TENSOR]
    if not tensors:
        return
    tensor = rng.choice(tensors)
    draw = rng.random()
    if tensor.data_type == onnx.TensorProto.INT64 and tensor.raw_data and draw < 0.6:
        at = rng.randrange(len(tensor.raw_data) // 8) * 8
        value = rng.choice(EXTREMES).to_bytes(8, "little", signed=True)
        tensor.raw_data = tensor.raw_data[:at] + value + tensor.raw_data[at + 8:]
    elif draw < 0.7 and tensor.dims:
        tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(EXTREMES)
    elif draw < 0.85:
        tensor.data_type = rng.choice([0, 1, 2, 6, 7, 8, 9, 10, 11, 14, 16, 17, 21, 22, 23, 26, 99, -1])
    elif tensor.raw_data:
        tensor.raw_data = tensor.raw_data[:rng.randrange(len(tensor.raw_data))]


def size(rng, model):
    inputs = [i for i in model.graph.input if i.type.tensor_type.shape.dim]
    if not inputs:
        return
    shape = rng.choice(inputs).type.tensor_type.shape
    draw = rng.random()
    dim = shape.dim[rng.randrange(len(shape.dim))]
    if draw < 0.6:
        dim.dim_value = rng.choice(EXTREMES)
    elif draw < 0.8:
        dim.dim_param = rng.choice(["N", "", "a+b", "x" * 200])
    elif draw < 0.9:
        shape.dim.add().dim_value = rng.choice(EXTREMES)
    else:
        del shape.dim[0]


def wiring(rng, model):
    nodes = model.graph.node
    if not nodes:
        return
    node = rng.choice(nodes)
    names = [i.name for i in model.graph.input] + [i.name for i in model.graph.initializer] + [
        o for n in nodes for o in n.output] + [""]
    draw = rng.random()
    if draw < 0.5 and node.input:
        node.input[rng.randrange(len(node.input))] = rng.choice(names)
    elif draw < 0.6:
        node.input.append(rng.choice(names))
    elif draw < 0.7 and node.input:
        del node.input[-1]
    elif draw < 0.8:
        node.output.append(rng.choice(["extra", *node.output]))
    elif draw < 0.9 and node.attribute:
        del node.attribute[rng.randrange(len(node.attribute))]
    else:
        other = rng.choice(nodes)
        node.op_type = other.op_type if rng.random() < 0.5 else rng.choice(
            ["Reshape", "Conv", "Gather", "Slice", "Pad", "Tile", "Expand", "Concat", "Resize", "TopK", "Loop", "If"])
