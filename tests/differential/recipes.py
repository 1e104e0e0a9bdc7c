"""Valid inputs and attributes of each operator. A recipe generates them from the generator
`g` and emits the node; what it draws wrongly the peers refuse, which only costs time."""
import numpy as np
from onnx import helper

from generate import NUMBERS, Unfit, boolean, f16, f32, f64, i8, i32, i64, is_float, string, u8
from graph import INNER, tensor_of

RECIPES = {}


def recipe(*ops, domain=""):
    def register(function):
        for op in ops:
            RECIPES[(domain, op)] = function
        return function
    return register


def some(g, **options):
    """Each attribute with a chance; a value may be a function."""
    return {name: value() if callable(value) else value for name, value in options.items() if g.has(name) and g.chance(0.6)}


def emit(g, inputs, attributes=None, outputs=1, captured=()):
    return g.node(g.op, inputs, attributes, outputs, g.domain, captured)


def fits_type(g, parameter="T"):
    allowed = g.types(parameter)
    return lambda value: value.dtype in allowed


def first(g, parameter="T", rank=None, least=0, most=5, among=None, positive=False, fits=None):
    """An operand of a type that the parameter allows: what the graph has is liked better."""
    allowed = [t for t in g.types(parameter) if among is None or t in among]
    if g.chance(g.reuse):
        low, high = (rank, rank) if rank is not None else (least, most)
        found = g.existing(lambda v: v.dtype in allowed and low <= v.rank <= high and (not positive or v.array.size)
                           and (fits is None or fits(v)))
        if found:
            return found
    return g.any(g.dtype(parameter, among), rank, least, most, fits, positive)


def axes_operand(g, inputs, attributes, axes):
    """Axes as the opset has them: an attribute or an input."""
    if g.has("axes"):
        attributes["axes"] = list(axes)
    else:
        inputs.append(g.ints(axes))


UNARY = """Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Ceil Cos Cosh Erf Exp Floor HardSwish Identity IsNaN Log
Mish Neg Not Reciprocal Relu Round Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Tan Tanh""".split()
ATTRIBUTES = {
    "Elu": {"alpha": (0.1, 2)}, "Celu": {"alpha": (0.2, 2)}, "Selu": {"alpha": (0.5, 2), "gamma": (0.5, 2)},
    "LeakyRelu": {"alpha": (-0.5, 2)}, "ThresholdedRelu": {"alpha": (-1, 2)}, "HardSigmoid": {"alpha": (0.1, 1), "beta": (-1, 1)},
    "Shrink": {"lambd": (0, 2), "bias": (-1, 1)}, "Swish": {"alpha": (0.5, 2)}, "Gelu": {}, "IsInf": {},
}


@recipe(*UNARY, *ATTRIBUTES)
def unary(g):
    attributes = some(g, **{name: (lambda span=span: round(g.rng.uniform(*span), 3)) for name, span in ATTRIBUTES.get(g.op, {}).items()})
    if g.op == "Gelu":
        attributes = some(g, approximate=lambda: g.choice(["none", "tanh"]))
    if g.op == "IsInf":
        attributes = some(g, detect_negative=lambda: g.integer(0, 1), detect_positive=lambda: g.integer(0, 1))
    emit(g, [first(g, g.schema.inputs[0].type_str)], attributes)


def second(g, a, dtype=None, nonzero=False):
    """What broadcasts with `a`."""
    dtype = dtype or a.dtype
    whole = dtype.kind in "iu" and nonzero
    if g.chance(g.reuse * 0.5):
        def fits(v):
            try:
                shape = np.broadcast_shapes(v.shape, a.shape)
            except ValueError:
                return False
            return v.dtype == dtype and np.prod(shape) < 6000 and not (whole and (v.array == 0).any())
        found = g.existing(fits)
        if found:
            return found
    shape = g.shape_to_broadcast(a.shape)
    if not whole:
        return g.leaf(dtype, shape)
    low = 1 if dtype.kind == "u" else g.choice([1, -7])
    return g.leaf(dtype, shape, make=lambda shape: np.where((n := g.np.integers(low, 8, shape)) == 0, 3, n).astype(dtype))


def pair(g, a, b):
    return [b, a] if g.chance(0.4) else [a, b]


@recipe("Add", "Sub", "Mul", "And", "Or", "Xor", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual",
        "BitwiseAnd", "BitwiseOr", "BitwiseXor")
def binary(g):
    a = first(g, g.schema.inputs[0].type_str)
    emit(g, pair(g, a, second(g, a)))


@recipe("Div")
def div(g):
    a = first(g)
    emit(g, [a, second(g, a, nonzero=True)])


@recipe("Mod")
def mod(g):
    a = first(g)
    emit(g, [a, second(g, a, nonzero=True)], {"fmod": 1} if is_float(a.dtype) else some(g, fmod=lambda: g.integer(0, 1)))


@recipe("Pow")
def power(g):
    a = first(g)
    exponents = [t for t in g.types("T1") if t in g.types("T")] if g.chance(0.6) else g.types("T1")
    dtype = g.rng.choice(exponents or [a.dtype])
    b = g.leaf(dtype, g.shape_to_broadcast(a.shape), make=lambda shape: g.np.integers(0, 4, shape).astype(dtype))
    emit(g, [a, b])


@recipe("BitShift")
def bit_shift(g):
    a = first(g)
    b = g.leaf(a.dtype, g.shape_to_broadcast(a.shape), make=lambda shape: g.np.integers(0, 8, shape).astype(a.dtype))
    emit(g, [a, b], {"direction": g.choice(["LEFT", "RIGHT"])})


@recipe("PRelu")
def prelu(g):
    a = first(g)
    shape = list(a.shape)
    shape = [1 if g.chance(0.3) else size for size in shape][g.integer(0, len(shape)):]
    emit(g, [a, g.like(a.dtype, shape)])


@recipe("Max", "Min", "Mean", "Sum")
def variadic(g):
    a = first(g)
    inputs = [a]
    for _ in range(g.choice([0, 1, 1, 2, 3])):
        inputs.append(second(g, a))
    g.rng.shuffle(inputs)
    emit(g, inputs)


@recipe("Clip")
def clip(g):
    x = first(g)
    low, high = sorted([g.rng.uniform(-3, 3), g.rng.uniform(-3, 4)], reverse=g.chance(0.05))
    if x.dtype.kind in "iu":
        low, high = max(int(low), 0 if x.dtype.kind == "u" else -9), max(int(high), 0)
    if g.has("min"):
        return emit(g, [x], some(g, min=float(low), max=float(high)))
    emit(g, [x, g.scalar(x.dtype, low) if g.chance(0.7) else None, g.scalar(x.dtype, high) if g.chance(0.7) else None])


@recipe("Where")
def where(g):
    a = first(g, "T")
    condition = g.like(boolean, g.shape_to_broadcast(a.shape)) if g.chance(0.7) else g.any(boolean, fits=lambda v: v.shape == a.shape)
    emit(g, [condition, *pair(g, a, second(g, a))])


def refuse_open_cast(x, to):
    if to == string and is_float(x) or to.name in ("int4", "uint4") and is_float(x):
        raise Unfit("digits and rounding are nobody's promise")


@recipe("Cast")
def cast(g):
    x = first(g, "T1")
    to = g.dtype("T2")
    refuse_open_cast(x.dtype, to)
    if is_float(x.dtype) and to.kind == "u" and x.dtype != boolean:
        x = g.node("Abs", [x])[0]  # what is out of range is nobody's promise
    emit(g, [x], {"to": NUMBERS[to], **some(g, saturate=lambda: g.integer(0, 1))})


@recipe("CastLike")
def cast_like(g):
    x, to = first(g, "T1"), g.dtype("T2")
    refuse_open_cast(x.dtype, to)
    if is_float(x.dtype) and to.kind == "u":
        x = g.node("Abs", [x])[0]
    emit(g, [x, g.leaf(to, g.shape(g.integer(0, 2)))], some(g, saturate=lambda: g.integer(0, 1)))


@recipe("BitCast")
def bit_cast(g):
    x = first(g, "T1")
    emit(g, [x], {"to": NUMBERS[g.dtype("T2", [t for t in g.types("T2") if t.itemsize == x.dtype.itemsize])]})


# Shapes.

@recipe("Reshape")
def reshape(g):
    x = first(g)
    sizes, rest = [], int(x.array.size)
    while rest > 1 and g.chance(0.8) and len(sizes) < 4:
        divisors = [d for d in range(1, rest + 1) if rest % d == 0]
        sizes.append(g.choice(divisors))
        rest //= sizes[-1]
    sizes.append(rest)
    g.rng.shuffle(sizes)
    attributes = {}
    if x.array.size and g.chance(0.4):
        sizes[g.integer(0, len(sizes) - 1)] = -1
    for axis, size in enumerate(sizes):
        if axis < x.rank and x.shape[axis] == size and g.chance(0.3) and size:
            sizes[axis] = 0
    if 0 in x.shape and g.chance(0.5):
        sizes = list(x.shape) + [1]
        attributes = {"allowzero": 1}
    if x.array.size == 1 and g.chance(0.2):
        sizes = []
    emit(g, [x, g.ints(sizes)], attributes)


@recipe("Flatten")
def flatten(g):
    x = first(g, least=1)
    low = -x.rank if g.schema.since_version >= 11 else 0
    emit(g, [x], some(g, axis=lambda: g.integer(low, x.rank)))


@recipe("Squeeze")
def squeeze(g):
    x = first(g, least=1, fits=lambda v: 1 in v.shape)
    ones = [axis for axis, size in enumerate(x.shape) if size == 1]
    if not ones:
        shape = list(g.shape(g.integer(1, 3)))
        shape.insert(g.integer(0, len(shape)), 1)
        x = g.leaf(x.dtype, shape)
        ones = [axis for axis, size in enumerate(x.shape) if size == 1]
    inputs, attributes = [x], {}
    if g.chance(0.75):
        chosen = g.rng.sample(ones, g.integer(1, len(ones)))
        low = g.schema.since_version >= 11
        axes_operand(g, inputs, attributes, [a - x.rank if low and g.chance(0.3) else a for a in chosen])
    emit(g, inputs, attributes)


@recipe("Unsqueeze")
def unsqueeze(g):
    x = first(g, most=4)
    count = g.integer(1, 2)
    rank = x.rank + count
    axes = g.rng.sample(range(rank), count)
    if g.schema.since_version >= 11:
        axes = [a - rank if g.chance(0.3) else a for a in axes]
    inputs, attributes = [x], {}
    axes_operand(g, inputs, attributes, axes)
    emit(g, inputs, attributes)


@recipe("Transpose")
def transpose(g):
    x = first(g)
    emit(g, [x], {"perm": g.rng.sample(range(x.rank), x.rank)} if g.chance(0.85) else {})


@recipe("Expand")
def expand(g):
    x = first(g)
    emit(g, [x, g.ints(list(g.shape_to_broadcast(x.shape)))])


@recipe("Tile")
def tile(g):
    x = first(g, least=1)
    emit(g, [x, g.ints([g.choice([1, 1, 2, 3, 0]) if g.chance(0.9) else 1 for _ in x.shape])])


@recipe("Shape")
def shape(g):
    x = first(g)
    emit(g, [x], some(g, start=lambda: g.integer(-x.rank - 1, x.rank + 1), end=lambda: g.integer(-x.rank - 1, x.rank + 1)))


@recipe("Size", "IsNaN")
def size(g):
    emit(g, [first(g, g.schema.inputs[0].type_str)])


@recipe("Concat")
def concat(g):
    x = first(g, least=1)
    axis = g.axis(x.rank)
    inputs = [x]
    for _ in range(g.integer(0, 3)):
        shape = list(x.shape)
        shape[axis] = g.size()
        def fits(v):
            return v.dtype == x.dtype and v.rank == x.rank and all(
                v.shape[i] == x.shape[i] for i in range(x.rank) if i != axis % x.rank)
        other = g.existing(fits) if g.chance(0.5) else None
        inputs.append(other or g.leaf(x.dtype, shape))
    g.rng.shuffle(inputs)
    emit(g, inputs, {"axis": axis if g.schema.since_version >= 11 else axis % x.rank})


@recipe("Split")
def split(g):
    x = first(g, least=1)
    axis = g.axis(x.rank)
    full = x.shape[axis]
    attributes = {"axis": axis if g.schema.since_version >= 11 else axis % x.rank}
    if g.has("num_outputs") and g.chance(0.5):
        count = g.integer(1, max(1, min(4, full)))
        return emit(g, [x], {**attributes, "num_outputs": count}, count)
    if g.chance(0.3) and full:
        count = g.choice([d for d in (1, 2, 3, 4) if full % d == 0])
        if not g.has("num_outputs"):
            return emit(g, [x], attributes, count)
    parts, rest = [], full
    for _ in range(g.integer(0, 3)):
        parts.append(g.integer(0, rest))
        rest -= parts[-1]
    parts.append(rest)
    inputs = [x]
    if g.has("split"):
        attributes["split"] = parts
    else:
        inputs.append(g.ints(parts))
    emit(g, inputs, attributes, len(parts))


@recipe("Slice")
def slice_(g):
    x = first(g, least=1)
    axes = g.rng.sample(range(x.rank), g.integer(1, x.rank))
    starts, ends, steps = [], [], []
    for axis in axes:
        full = x.shape[axis]
        step = g.choice([1, 1, 1, 2, 3, -1, -2]) if g.schema.since_version >= 10 else 1
        a, b = g.integer(-full - 1, full + 1), g.integer(-full - 1, full + 1)
        if g.chance(0.3):
            b = g.choice([2**31 - 1, 2**63 - 1]) if step > 0 else g.choice([-2**31, -2**63 + 1])
        starts.append(a), ends.append(b), steps.append(step)
    if g.chance(0.3):
        axes = [axis - x.rank for axis in axes] if g.schema.since_version >= 10 else axes
    if g.has("starts"):
        return emit(g, [x], {"starts": starts, "ends": ends, "axes": axes})
    dtype = i64 if any(abs(e) > 2**31 - 1 for e in ends) else g.choice([i64, i64, i32])
    inputs = [x, g.ints(starts, dtype), g.ints(ends, dtype)]
    if g.chance(0.8) or axes != list(range(x.rank)):
        inputs.append(g.ints(axes, dtype))
        if g.chance(0.8) or set(steps) != {1}:
            inputs.append(g.ints(steps, dtype))
    elif set(steps) != {1}:
        inputs += [None, g.ints(steps, dtype)]
    emit(g, inputs)


@recipe("Pad")
def pad(g):
    x = first(g, least=1)
    modes = ["constant", "constant", "edge", "reflect"] + (["wrap"] if g.schema.since_version >= 19 else [])
    mode = g.choice(modes)
    rank = x.rank
    axes = list(range(rank))
    if g.takes(3) and g.chance(0.3):
        axes = g.rng.sample(range(rank), g.integer(1, rank))
    bound = lambda axis: 3 if mode in ("constant", "edge") else max(0, x.shape[axis] - 1)
    low = -1 if g.chance(0.3) else 0
    low = 0 if mode == "wrap" else low
    pads = [min(g.integer(low, 3), bound(axis)) for axis in axes * 2]
    attributes = {"mode": mode}
    if g.has("pads"):
        if g.chance(0.5):
            attributes["value"] = 1.5
        return emit(g, [x], {**attributes, "pads": pads})
    inputs = [x, g.ints(pads)]
    value = g.scalar(x.dtype, g.numbers(x.dtype, ())) if g.chance(0.5) else None
    if len(axes) != rank or axes != list(range(rank)):
        inputs += [value, g.ints([a - rank if g.chance(0.3) else a for a in axes], g.choice([i64, i32]))]
    else:
        inputs.append(value)
    emit(g, inputs, attributes)


@recipe("DepthToSpace")
def depth_to_space(g):
    block = g.integer(1, 3)
    n, c, h, w = g.shape(4)
    x = g.leaf(g.dtype(), (n, max(c, 1) * block * block, h, w))
    emit(g, [x], {"blocksize": block, **some(g, mode=lambda: g.choice(["DCR", "CRD"]))})


@recipe("SpaceToDepth")
def space_to_depth(g):
    block = g.integer(1, 3)
    n, c, h, w = g.shape(4)
    emit(g, [g.leaf(g.dtype(), (n, c, h * block, w * block))], {"blocksize": block, **some(g, mode=lambda: g.choice(["DCR", "CRD"]))})


@recipe("Constant")
def constant(g):
    kinds = ["value", "value_float", "value_floats", "value_int", "value_ints", "value_string", "value_strings"]
    kind = g.choice([kind for kind in kinds if g.has(kind)])
    number, whole = round(g.rng.uniform(-3, 3), 2), g.integer(-5, 9)
    values = {"value_float": number, "value_floats": [number, 1.0], "value_int": whole, "value_ints": [whole, 2],
              "value_string": "word", "value_strings": ["a", ""]}
    if kind == "value":
        dtype = g.dtype(g.schema.outputs[0].type_str)
        values["value"] = tensor_of(g.numbers(dtype, g.shape(g.integer(0, 3))))
    emit(g, [], {kind: values[kind]})


@recipe("ConstantOfShape")
def constant_of_shape(g):
    dtype = g.dtype("T2", [t for t in g.types("T2") if t not in INNER.values()])
    attributes = {"value": tensor_of(np.asarray(g.numbers(dtype, (1,))))} if g.chance(0.8) else {}
    emit(g, [g.ints(list(g.shape(g.integer(0, 3))), likely=0.5)], attributes)


@recipe("Range")
def range_(g):
    dtype = g.dtype()
    start = g.integer(-5, 5)
    step = g.choice([1, 1, 2, 3, -1, -2])
    limit = start + step * g.integer(-1, 6) + g.integer(0, 1)
    if dtype.kind == "f" and g.chance(0.5):
        step = step / 2
    emit(g, [g.scalar(dtype, v) for v in (start, limit, step)])


@recipe("EyeLike")
def eye_like(g):
    emit(g, [first(g, "T1", rank=2)], some(g, k=lambda: g.integer(-3, 3), dtype=lambda: NUMBERS[g.dtype("T2", [f32, f64, i32, i64, u8, boolean])]))


@recipe("Trilu")
def trilu(g):
    x = first(g, least=2)
    inputs = [x] + ([g.ints(g.integer(-4, 4))] if g.chance(0.6) else [])
    emit(g, inputs, some(g, upper=lambda: g.integer(0, 1)))


@recipe("CenterCropPad")
def center_crop_pad(g):
    x = first(g, least=1)
    axes = g.rng.sample(range(x.rank), g.integer(1, x.rank))
    if g.chance(0.3) or axes == list(range(x.rank)):
        return emit(g, [x, g.ints([g.integer(0, 6) for _ in x.shape], g.choice([i64, i32]))])
    emit(g, [x, g.ints([g.integer(0, 6) for _ in axes], g.choice([i64, i32]))], {"axes": [a - x.rank if g.chance(0.3) else a for a in axes]})


# Indices.

def indices_leaf(g, shape, size, dtype=None, negative=True):
    low = -size if negative and g.chance(0.3) else 0
    dtype = dtype or g.choice([i64, i64, i32])
    return g.leaf(dtype, shape, make=lambda shape: g.np.integers(low, max(size, 1), shape).astype(dtype))


@recipe("Gather")
def gather(g):
    x = first(g, least=1, positive=True)
    if x.dtype == string and x.rank > 1:
        raise Unfit("ONNX Runtime loses all but the first text of a row")
    axis = g.axis(x.rank)
    shape = g.shape(g.integer(0, 2))
    emit(g, [x, indices_leaf(g, shape, x.shape[axis], negative=g.schema.since_version >= 11)], some(g, axis=axis) if axis not in (0, -x.rank) or x.rank > 1 and False else {"axis": axis})


@recipe("GatherElements")
def gather_elements(g):
    x = first(g, least=1, positive=True)
    axis = g.axis(x.rank)
    shape = [g.integer(0 if g.chance(0.1) else 1, size) for size in x.shape]
    shape[axis] = g.size()
    emit(g, [x, indices_leaf(g, shape, x.shape[axis])], {"axis": axis})


@recipe("GatherND")
def gather_nd(g):
    x = first(g, least=1, positive=True)
    batch = g.integer(0, min(2, x.rank - 1)) if g.has("batch_dims") and g.chance(0.4) else 0
    last = g.integer(1, x.rank - batch)
    lead = list(x.shape[:batch]) + list(g.shape(g.integer(0, 2)))
    bounds = np.array(x.shape[batch:batch + last])
    make = lambda shape: (g.np.integers(0, 1 << 30, shape) % bounds).astype(i64)
    emit(g, [x, g.leaf(i64, lead + [last], make=make)], {"batch_dims": batch} if batch else {})


def reduction(g, dtype):
    options = ["none", "add", "mul"] + (["max", "min"] if g.schema.since_version >= 18 else [])
    reduction = g.choice(options) if g.has("reduction") and dtype.kind in "fiu" and g.chance(0.5) else "none"
    return reduction, {"reduction": reduction} if reduction != "none" else {}


@recipe("ScatterElements", "Scatter")
def scatter_elements(g):
    x = first(g, least=1, positive=True)
    axis = g.axis(x.rank) if g.op == "ScatterElements" else g.integer(0, x.rank - 1)
    kind, attributes = reduction(g, x.dtype) if not g.special else ("none", {})
    shape = [g.integer(1, size) for size in x.shape]
    full = x.shape[axis]
    if kind == "none":
        # Each place once: the order of writes is nobody's promise.
        make = lambda shape: np.argsort(g.np.random((*shape[:axis % x.rank], full, *shape[axis % x.rank + 1:])), axis % x.rank).take(
            np.arange(shape[axis]), axis % x.rank).astype(i64)
        index = g.leaf(i64, values=make(tuple(shape)), prefix="n")
    else:
        index = indices_leaf(g, shape, full)
    emit(g, [x, index, g.like(x.dtype, shape)], {"axis": axis, **attributes})


@recipe("ScatterND")
def scatter_nd(g):
    x = first(g, least=1, positive=True)
    last = g.integer(1, x.rank)
    count = int(np.prod(x.shape[:last]))
    kind, attributes = reduction(g, x.dtype) if not g.special else ("none", {})
    number = g.integer(1, min(count, 6))
    places = g.rng.sample(range(count), number) if kind == "none" else [g.integer(0, count - 1) for _ in range(number)]
    index = np.stack(np.unravel_index(places, x.shape[:last]), -1).astype(i64)
    emit(g, [x, g.leaf(i64, values=index), g.like(x.dtype, [number, *x.shape[last:]])], attributes)


@recipe("TensorScatter")
def tensor_scatter(g):
    n, h, s, d = [max(1, v) for v in g.shape(4)]
    dtype = g.dtype()
    new = g.integer(1, s)
    inputs = [g.leaf(dtype, (n, h, s, d)), g.leaf(dtype, (n, h, new, d))]
    mode = g.choice(["linear", "circular"])
    if g.chance(0.6):
        inputs.append(g.ints([g.integer(0, s - new if mode == "linear" else s - 1) for _ in range(n)]))
    emit(g, inputs, {"mode": mode, "axis": -2})


@recipe("OneHot")
def one_hot(g):
    depth = g.integer(1, 6)
    index = indices_leaf(g, g.shape(g.integer(0, 3)), depth, g.dtype("T1", [i64, i32, f32]))
    dtype = g.dtype("T3", [f32, f64, i32, i64, string, boolean, f16, u8, i8])
    values = g.leaf(dtype, (2,))
    at = g.leaf(g.dtype("T2", [i64, i32, f32]), values=np.array(depth) if g.chance(0.6) else np.array([depth]))
    emit(g, [index, at, values], some(g, axis=lambda: g.integer(-index.rank - 1, index.rank)))


@recipe("Compress")
def compress(g):
    x = first(g, least=1)
    axis = g.axis(x.rank) if g.chance(0.7) else None
    if g.schema.since_version < 11 and axis is not None:
        axis %= x.rank
    full = x.array.size if axis is None else x.shape[axis]
    emit(g, [x, g.leaf(boolean, (g.integer(0, full),))], {} if axis is None else {"axis": axis})


@recipe("NonZero")
def non_zero(g):
    emit(g, [first(g, least=1)])


@recipe("Unique")
def unique(g):
    x = first(g)
    attributes = some(g, sorted=lambda: g.integer(0, 1))
    if x.rank and g.chance(0.5):
        attributes["axis"] = g.axis(x.rank)
    emit(g, [x], attributes, [True, *[g.chance(0.6) for _ in range(3)]])


@recipe("TopK")
def top_k(g):
    x = first(g, least=1, positive=True)
    axis = g.axis(x.rank) if g.schema.since_version >= 11 else g.integer(0, x.rank - 1)
    k = g.integer(0 if g.chance(0.1) else 1, x.shape[axis])
    attributes = {"axis": axis, **some(g, largest=lambda: g.integer(0, 1), sorted=1)}
    if g.has("k"):
        return emit(g, [x], {**attributes, "k": k}, 2)
    emit(g, [x, g.ints([k])], attributes, 2)


@recipe("ArgMax", "ArgMin")
def arg(g):
    x = first(g, least=1, positive=True)
    emit(g, [x], some(g, axis=lambda: g.axis(x.rank, low=-1 if g.schema.since_version >= 11 else 0), keepdims=lambda: g.integer(0, 1),
                      select_last_index=lambda: g.integer(0, 1)))


@recipe("ReverseSequence")
def reverse_sequence(g):
    x = first(g, least=2)
    time = g.integer(0, 1)
    lengths = lambda shape: g.np.integers(0 if x.shape[time] == 0 else 1, x.shape[time] + 1, shape)
    emit(g, [x, g.leaf(i64, (x.shape[1 - time],), make=lengths)], {"time_axis": time, "batch_axis": 1 - time})


@recipe("CumSum", "CumProd")
def cumulative(g):
    x = first(g, least=1)
    emit(g, [x, g.ints(g.axis(x.rank), g.choice([i64, i32]))], some(g, exclusive=lambda: g.integer(0, 1), reverse=lambda: g.integer(0, 1)))


# Reductions and normalizations.

@recipe(*[f"Reduce{kind}" for kind in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")])
def reduce(g):
    # Logarithms of integers, and what an int32 cannot hold, are not what ONNX Runtime is to be asked about.
    among = g.types("T") if g.op in ("ReduceMax", "ReduceMin", "ReduceSum", "ReduceL1") else [f32, f64, f16]
    x = first(g, positive=g.op == "ReduceMean", among=among)
    inputs, attributes = [x], some(g, keepdims=lambda: g.integer(0, 1))
    if x.rank and g.chance(0.8):
        axes = g.axes(x.rank)
        axes_operand(g, inputs, attributes, axes if g.schema.since_version >= 11 else [a % x.rank for a in axes])
    elif g.has("noop_with_empty_axes") and g.chance(0.5):
        if g.chance(0.5):
            inputs.append(g.ints([]))
        attributes["noop_with_empty_axes"] = g.integer(0, 1)
    emit(g, inputs, attributes)


@recipe("Softmax", "LogSoftmax", "Hardmax")
def softmax(g):
    x = first(g, least=1)
    emit(g, [x], some(g, axis=lambda: g.axis(x.rank, low=-1 if g.schema.since_version >= 11 else 0)))


@recipe("LpNormalization")
def lp_normalization(g):
    x = first(g, least=1)
    emit(g, [x], some(g, axis=lambda: g.axis(x.rank), p=lambda: g.integer(1, 2)))


@recipe("MeanVarianceNormalization")
def mean_variance(g):
    x = g.leaf(g.dtype("T", [f32, f64]), [max(2, size) for size in g.shape(4)], make=lambda s: g.np.standard_normal(s).astype(f32))
    emit(g, [x], some(g, axes=lambda: sorted(g.rng.sample(range(4), g.integer(1, 3)))))


@recipe("BatchNormalization")
def batch_normalization(g):
    x = first(g, least=2, among=g.types("T"))
    channels = x.shape[1]
    parameter = [g.leaf(x.dtype, (channels,)) for _ in range(3)]
    variance = g.leaf(x.dtype, (channels,), make=lambda shape: (g.np.random(shape) + 0.3).astype(x.dtype))
    emit(g, [x, *parameter, variance], some(g, epsilon=lambda: g.choice([1e-5, 1e-2]), momentum=0.9))


@recipe("InstanceNormalization")
def instance_normalization(g):
    x = first(g, least=3, positive=True, fits=lambda v: v.shape[-1] > 1)
    emit(g, [x, g.leaf(x.dtype, (x.shape[1],)), g.leaf(x.dtype, (x.shape[1],))], some(g, epsilon=1e-3))


@recipe("GroupNormalization")
def group_normalization(g):
    groups, per = g.integer(1, 3), g.integer(1, 3)
    dtype = g.dtype()
    x = g.leaf(dtype, (g.integer(1, 3), groups * per, *g.positive_shape(g.integer(1, 2))))
    count = groups if g.schema.since_version < 21 else groups * per
    emit(g, [x, g.leaf(dtype, (count,)), g.leaf(dtype, (count,))], {"num_groups": groups, **some(g, epsilon=1e-3)})


@recipe("LayerNormalization", "RMSNormalization")
def layer_normalization(g):
    x = first(g, least=1, positive=True)
    axis = g.axis(x.rank)
    shape = x.shape[axis:]
    if g.chance(0.2):
        shape = [1 if g.chance(0.4) else size for size in shape]
    inputs = [x, g.leaf(x.dtype, shape)]
    if g.op == "LayerNormalization" and g.chance(0.6):
        inputs.append(g.leaf(x.dtype, shape))
    emit(g, inputs, {"axis": axis, **some(g, epsilon=1e-3)}, g.choice([1, 1, 1, 3]) if g.op == "LayerNormalization" else 1)


@recipe("LRN")
def lrn(g):
    x = first(g, rank=4) if g.chance(0.7) else first(g, least=2)
    emit(g, [x], {"size": g.choice([1, 3, 5, 2]), **some(g, alpha=0.3, beta=0.5, bias=2.0)})


@recipe("Dropout")
def dropout(g):
    emit(g, [first(g)], {}, [True, g.schema.since_version >= 12 and g.chance(0.3)])


# Products.

@recipe("MatMul")
def matmul(g):
    a = first(g, least=1, most=4, positive=g.chance(0.9))
    k = a.shape[-1]
    if g.chance(0.15):
        b = g.like(a.dtype, (k,))
    else:
        lead = g.shape_to_broadcast(a.shape[:-2]) if g.chance(0.6) else ()
        b = g.like(a.dtype, (*lead, k, g.size()))
    emit(g, [a, b])


@recipe("Gemm")
def gemm(g):
    a = first(g, rank=2)
    number = lambda: round(g.rng.uniform(-2, 2), 2) if is_float(a.dtype) else float(g.integer(1, 3))
    attributes = some(g, alpha=number, beta=number,
                      transA=lambda: g.integer(0, 1), transB=lambda: g.integer(0, 1))
    m, k = a.shape[::-1] if attributes.get("transA") else a.shape
    n = g.size()
    inputs = [a, g.like(a.dtype, (n, k) if attributes.get("transB") else (k, n))]
    if g.chance(0.7) or g.schema.since_version < 11:
        shape = g.choice([(m, n), (n,), (1, n), (m, 1), (1, 1), (1,), ()])
        inputs.append(g.like(a.dtype, shape))
    emit(g, inputs, attributes)


@recipe("Einsum")
def einsum(g):
    equation, ranks = g.choice([("ij,jk->ik", (2, 2)), ("bij,bjk->bik", (3, 3)), ("ii->i", (2,)), ("ii", (2,)), ("ij->ji", (2,)), ("i,j->ij", (1, 1)),
                                ("...ij,...jk->...ik", (3, 3)), ("ij,ij->", (2, 2)), ("bhid,bhjd->bhij", (4, 4)), ("ijk->", (3,)), ("abc,cd->abd", (3, 2)),
                                ("i,i", (1, 1)), ("a...->...", (3,)), ("bn,anm,bm->ba", (2, 3, 2)), ("ij, jk", (2, 2))])
    letters = {}
    inputs, dtype = [], g.dtype()
    for term, rank in zip(equation.split("->")[0].replace(" ", "").split(","), ranks):
        shape = []
        dots = rank - len(term.replace("...", ""))
        for at, letter in enumerate(term.replace("...", "." * dots)):
            shape.append(letters.setdefault(letter, g.size()))
        inputs.append(g.like(dtype, shape))
    emit(g, inputs, {"equation": equation})


@recipe("Det")
def det(g):
    n = g.integer(1, 4)
    emit(g, [g.leaf(g.dtype(), (*g.shape(g.integer(0, 2)), n, n))])


# Windows.

def window(g, x, kernel, strided=True, dilated=True):
    """Attributes of a window over the spatial axes of x that fits into it."""
    spatial = x.shape[2:]
    attributes = {}
    if strided and g.chance(0.6):
        attributes["strides"] = [g.integer(1, 3) for _ in spatial]
    if dilated and g.has("dilations") and g.chance(0.4):
        attributes["dilations"] = [g.integer(1, 2) for _ in spatial]
    draw = g.rng.random()
    if draw < 0.55:
        attributes["pads"] = [g.integer(0, max(0, k - 1)) if g.chance(0.7) else 0 for k in [*kernel, *kernel]]
    elif draw < 0.8:
        attributes["auto_pad"] = g.choice(["SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"])
    return attributes


def image(g, dtype, channels=None, most=10):
    rank = g.choice([3, 4, 4, 4, 4, 5])
    channels = channels or g.choice([1, 2, 3, 4, 5, 8, 16, 17])
    def fits(v):
        return v.dtype == dtype and v.rank in (3, 4, 5) and v.array.size and (channels is None or True) and v.shape[1] > 0
    if g.chance(g.reuse):
        found = g.existing(fits)
        if found:
            return found
    sizes = [g.integer(1, most if rank < 5 else 4) for _ in range(rank - 2)]
    return g.leaf(dtype, (g.choice([1, 1, 1, 2, 3]), channels, *sizes))


def conv_shapes(g, dtype, x=None):
    x = x or image(g, dtype)
    channels = x.shape[1]
    groups = 1
    if g.chance(0.35):
        groups = g.choice([d for d in range(1, channels + 1) if channels % d == 0] + [channels, channels])
    kernel = [g.integer(1, min(5, size + 1)) for size in x.shape[2:]]
    if g.chance(0.3):
        kernel = [1 for _ in kernel]
    elif g.chance(0.4):
        kernel = [3 for _ in kernel]
    return x, channels, groups, kernel


@recipe("Conv")
def conv(g):
    dtype = g.dtype()
    x, channels, groups, kernel = conv_shapes(g, dtype)
    out = groups * g.choice([1, 1, 2, 3, 4, 8])
    inputs = [x, g.leaf(dtype, (out, channels // groups, *kernel))]
    if g.chance(0.6):
        inputs.append(g.leaf(dtype, (out,)))
    attributes = {**window(g, x, kernel), **some(g, kernel_shape=kernel)}
    if groups > 1:
        attributes["group"] = groups
    y = emit(g, inputs, attributes)[0]
    if g.chance(0.3) and dtype == f32:  # what passes look for
        tail = g.choice(["Relu", "bn", "add", "Sigmoid", "mul", "Clip"])
        if tail in ("Relu", "Sigmoid"):
            g.node(tail, [y])
        elif tail == "bn" and g.graph.opset >= 9:
            g.node("BatchNormalization", [y, *[g.leaf(dtype, (y.shape[1],), constant=g.chance(0.8)) for _ in range(3)],
                                          g.leaf(dtype, (y.shape[1],), make=lambda s: g.np.random(s).astype(f32) + 0.5, constant=g.chance(0.8))])
        elif tail == "Clip" and g.graph.opset >= 11:
            g.node("Clip", [y, g.scalar(dtype, 0.0), g.scalar(dtype, 6.0)])
        elif tail in ("add", "mul"):
            shape = g.choice([y.shape, (y.shape[1], *[1] * (y.rank - 2)), (1,)])
            g.node(tail.capitalize(), pair(g, y, g.like(dtype, shape)))


@recipe("ConvTranspose")
def conv_transpose(g):
    dtype = g.dtype()
    x, channels, groups, kernel = conv_shapes(g, dtype)
    kernel = [min(k, 4) for k in kernel]
    out = g.choice([1, 2, 3])
    inputs = [x, g.leaf(dtype, (channels, out, *kernel))]
    if g.chance(0.6):
        inputs.append(g.leaf(dtype, (out * groups,)))
    attributes = {**window(g, x, kernel), **some(g, kernel_shape=kernel)}
    if "auto_pad" in attributes:
        attributes.pop("dilations", None)
        attributes["strides"] = [min(s, k) for s, k in zip(attributes.get("strides", kernel), kernel)]
        if attributes["auto_pad"] == "VALID":
            attributes.pop("auto_pad")
    if g.chance(0.3) and "strides" in attributes:
        attributes["output_padding"] = [g.integer(0, s - 1) for s in attributes["strides"]]
    elif g.chance(0.15) and "strides" in attributes:
        attributes.pop("pads", None)
        attributes["output_shape"] = [(s - 1) * t + k for s, t, k in zip(x.shape[2:], attributes["strides"], kernel)]
        attributes.pop("dilations", None)
    if groups > 1:
        attributes["group"] = groups
    emit(g, inputs, attributes)


@recipe("MaxPool", "AveragePool", "LpPool")
def pool(g):
    x = image(g, g.dtype())
    kernel = [g.integer(1, min(4, size)) for size in x.shape[2:]]
    placed = window(g, x, kernel)
    if "auto_pad" in placed:
        placed.pop("dilations", None)  # which ONNX Runtime forgets there
        placed["strides"] = [min(s, k) for s, k in zip(placed.get("strides", [1] * len(kernel)), kernel)]
    attributes = {"kernel_shape": kernel, **placed,
                  **some(g, ceil_mode=lambda: g.integer(0, 1), count_include_pad=lambda: g.integer(0, 1), p=lambda: g.integer(1, 3))}
    if g.op == "MaxPool" and g.schema.since_version >= 8 and g.chance(0.3):
        return emit(g, [x], {**attributes, **some(g, storage_order=lambda: g.integer(0, 1))}, 2)
    emit(g, [x], attributes)


@recipe("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def global_pool(g):
    emit(g, [image(g, g.dtype())], some(g, p=lambda: g.integer(1, 3)))


@recipe("MaxUnpool")
def max_unpool(g):
    x = g.leaf(f32, (1, g.integer(1, 2), 4, 4))
    y, places = g.node("MaxPool", [x], {"kernel_shape": [2, 2], "strides": [2, 2]}, 2)
    emit(g, [y, places], {"kernel_shape": [2, 2], "strides": [2, 2]})


@recipe("MaxRoiPool")
def max_roi_pool(g):
    x = g.leaf(g.dtype(), (g.integer(1, 2), g.integer(1, 3), 8, 8))
    rois = [[g.integer(0, x.shape[0] - 1), g.integer(0, 3), g.integer(0, 3), g.integer(4, 7), g.integer(4, 7)] for _ in range(g.integer(1, 3))]
    emit(g, [x, g.leaf(x.dtype, values=np.array(rois, x.dtype))], {"pooled_shape": [2, 3], **some(g, spatial_scale=0.5)})


@recipe("RoiAlign")
def roi_align(g):
    dtype = g.dtype("T1")
    x = g.leaf(dtype, (g.integer(1, 2), g.integer(1, 3), g.integer(3, 8), g.integer(3, 8)))
    count = g.integer(1, 3)
    rois = np.sort(g.np.random((count, 2, 2)) * 7, axis=1).reshape(count, 4).astype(dtype)
    batch = g.leaf(i64, values=g.np.integers(0, x.shape[0], (count,)))
    emit(g, [x, g.leaf(dtype, values=rois), batch], some(
        g, mode=lambda: g.choice(["avg", "max"]), output_height=lambda: g.integer(1, 3), output_width=lambda: g.integer(1, 3),
        sampling_ratio=lambda: g.integer(0, 3), spatial_scale=lambda: g.choice([0.5, 1.0]),
        coordinate_transformation_mode=lambda: g.choice(["half_pixel", "output_half_pixel"])))


@recipe("GridSample")
def grid_sample(g):
    spatial = 2 if g.schema.since_version < 20 or g.chance(0.8) else 3
    x = g.leaf(g.dtype("T1", [f32, f64]), (g.integer(1, 2), g.integer(1, 2), *[g.integer(2, 5) for _ in range(spatial)]))
    grid = lambda shape: (g.np.random(shape) * 2.6 - 1.3).astype(x.dtype)
    modes = ["bilinear", "nearest", "bicubic"] if g.schema.since_version < 20 else ["linear", "nearest"] + (["cubic"] if spatial == 2 else [])
    padding = g.choice(["zeros", "border", "reflection"])
    if padding == "border":  # the peers do not agree on what a cubic does there
        modes = [mode for mode in modes if "cubic" not in mode]
    y = g.leaf(x.dtype, (x.shape[0], *[g.integer(1, 4) for _ in range(spatial)], spatial), make=grid)
    emit(g, [x, y], some(g, mode=lambda: g.choice(modes), padding_mode=padding, align_corners=lambda: g.integer(0, 1)))


@recipe("AffineGrid")
def affine_grid(g):
    spatial = g.integer(2, 3)
    dtype = g.dtype("T1", [f32, f64])
    n = g.integer(1, 2)
    theta = g.leaf(dtype, (n, spatial, spatial + 1))
    emit(g, [theta, g.ints([n, 2, *[g.integer(2, 4) for _ in range(spatial)]])], some(g, align_corners=lambda: g.integer(0, 1)))


@recipe("Col2Im")
def col2im(g):
    height, width, kh, kw = g.integer(3, 6), g.integer(3, 6), g.integer(1, 3), g.integer(1, 3)
    sh, sw = g.integer(1, 2), g.integer(1, 2)
    blocks = ((height - kh) // sh + 1) * ((width - kw) // sw + 1)
    x = g.leaf(g.dtype("T", [f32, f64, f16]), (g.integer(1, 2), g.integer(1, 2) * kh * kw, blocks))
    emit(g, [x, g.ints([height, width]), g.ints([kh, kw])], {"strides": [sh, sw]})


@recipe("DeformConv")
def deform_conv(g):
    dtype = g.dtype("T", [f32, f64])
    n, c, h, w, k = g.integer(1, 2), g.integer(1, 2) * 2, g.integer(3, 6), g.integer(3, 6), g.integer(1, 3)
    group, offset_group = g.choice([1, 2]), g.choice([1, 2])
    out = 2
    oh, ow = h - k + 1, w - k + 1
    inputs = [g.leaf(dtype, (n, c, h, w)), g.leaf(dtype, (out, c // group, k, k)), g.leaf(dtype, (n, offset_group * k * k * 2, oh, ow))]
    if g.chance(0.6):
        inputs.append(g.leaf(dtype, (out,)) if g.chance(0.7) else None)
        if g.chance(0.5):
            inputs.append(g.leaf(dtype, (n, offset_group * k * k, oh, ow)))
    emit(g, inputs, {"group": group, "offset_group": offset_group, "kernel_shape": [k, k], "pads": [0, 0, 0, 0]})


@recipe("Resize", "Upsample")
def resize(g):
    x = first(g, g.schema.inputs[0].type_str, rank=4 if g.chance(0.7) else None, least=1, positive=True)
    scales = [g.choice([0.5, 1, 1, 2, 3, 1.5, 0.7]) for _ in x.shape]
    if x.rank >= 3:
        scales[:2] = [1, 1]
    modes = ["nearest", "linear"] + (["cubic"] if x.rank == 4 and g.op == "Resize" and g.schema.since_version >= 11 else [])
    mode = g.choice(modes)
    attributes = {"mode": mode}
    if g.op == "Upsample" or g.schema.since_version < 11:
        scales = [max(1, s) for s in scales] if g.op == "Upsample" else scales
        if g.has("scales"):
            return emit(g, [x], {**attributes, "scales": [float(s) for s in scales]})
        return emit(g, [x, g.leaf(f32, values=np.array(scales, f32), constant=True)], attributes)
    attributes |= some(g, coordinate_transformation_mode=lambda: g.choice(["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]
                       + (["half_pixel_symmetric"] if g.schema.since_version >= 19 else [])),
                       nearest_mode=lambda: g.choice(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]),
                       cubic_coeff_a=-0.5, exclude_outside=lambda: g.integer(0, 1), antialias=lambda: g.integer(0, 1))
    if mode == "nearest":
        attributes.pop("antialias", None)
        attributes.pop("exclude_outside", None)
    roi = None if g.schema.since_version >= 13 or g.chance(0.3) else g.leaf(f32, (0,), constant=True)
    sizes = g.chance(0.5)
    if sizes:
        out = [size if scale == 1 else g.integer(1, 8) for size, scale in zip(x.shape, scales)]
        empty = None if g.schema.since_version >= 13 else g.leaf(f32, (0,), constant=True)
        if roi is None and g.schema.since_version < 13:
            roi = g.leaf(f32, (0,), constant=True)
        return emit(g, [x, roi, empty, g.ints(out)], attributes)
    if roi is None and g.schema.since_version < 13:
        roi = g.leaf(f32, (0,), constant=True)
    if attributes.get("coordinate_transformation_mode") == "align_corners":
        scales = [max(1, int(s)) for s in scales]  # ONNX Runtime rounds the resized length where the specification does not
    emit(g, [x, roi, g.leaf(f32, values=np.array(scales, f32), constant=g.chance(0.8))], attributes)


@recipe("NonMaxSuppression")
def non_max_suppression(g):
    n, count, classes = g.integer(1, 2), g.integer(1, 8), g.integer(1, 2)
    center = g.integer(0, 1)
    def make(shape):
        boxes = g.np.random(shape).astype(f32)
        return boxes if center else np.concatenate([np.minimum(boxes[..., :2], boxes[..., 2:]), np.maximum(boxes[..., :2], boxes[..., 2:])], -1)
    inputs = [g.leaf(f32, (n, count, 4), make=make), g.leaf(f32, (n, classes, count), make=lambda s: g.np.random(s).astype(f32))]
    if g.chance(0.9):
        inputs.append(g.ints([g.integer(0, 5)]))
        if g.chance(0.7):
            inputs.append(g.leaf(f32, values=np.array([round(g.rng.random(), 2)], f32)))
            if g.chance(0.6):
                inputs.append(g.leaf(f32, values=np.array([round(g.rng.random(), 2)], f32)))
    emit(g, inputs, {"center_point_box": center})


# Recurrence.

@recipe("LSTM", "GRU", "RNN")
def recurrent(g):
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[g.op]
    dtype = g.dtype("T", [f32, f64])
    seq, batch, size, hidden = g.integer(1, 5), g.integer(1, 3), g.integer(1, 6), g.choice([1, 2, 3, 4, 8, 9])
    direction = g.choice(["forward", "reverse", "bidirectional"])
    d = 2 if direction == "bidirectional" else 1
    layout = 0
    weights = lambda shape: (g.np.standard_normal(shape) * 0.5).astype(dtype)
    constant = g.chance(0.7)
    x = g.leaf(dtype, (seq, batch, size) if not layout else (batch, seq, size), make=weights)
    inputs = [x, g.leaf(dtype, (d, gates * hidden, size), make=weights, constant=constant),
              g.leaf(dtype, (d, gates * hidden, hidden), make=weights, constant=constant)]
    optional = [
        lambda: g.leaf(dtype, (d, 2 * gates * hidden), make=weights, constant=constant),
        lambda: g.leaf(i32, (batch,), values=g.np.integers(1, seq + 1, (batch,)).astype(i32)),
        lambda: g.leaf(dtype, (d, batch, hidden), make=weights)]
    if g.op == "LSTM":
        optional += [lambda: g.leaf(dtype, (d, batch, hidden), make=weights), lambda: g.leaf(dtype, (d, 3 * hidden), make=weights, constant=constant)]
    inputs += [make() if g.chance(0.5) else None for make in optional]
    attributes = {"hidden_size": hidden, "direction": direction, **some(g, clip=lambda: 1.5 if g.op != "LSTM" and g.chance(0.3) else 20.0,
                  input_forget=lambda: int(g.chance(0.3)), linear_before_reset=lambda: g.integer(0, 1))}
    if g.chance(0.25):
        per = {"LSTM": 3, "GRU": 2, "RNN": 1}[g.op]
        attributes["activations"] = [g.choice(["Relu", "Tanh", "Sigmoid", "Softsign", "Softplus"]) for _ in range(per * d)]
    flags = [g.chance(0.8) for _ in range(3 if g.op == "LSTM" else 2)]
    if not any(flags):
        flags[0] = True
    emit(g, inputs, attributes, flags)


# Quantization.

def scale(g, dtype=f32, shape=()):
    return g.leaf(dtype, shape, make=lambda s: (g.np.integers(1, 16, s) / 16 + (0.001 if g.chance(0.5) else 0)).astype(dtype))


def zero_point(g, dtype, shape=()):
    return g.leaf(dtype, shape, make=lambda s: g.np.integers(0 if dtype.kind == "u" else -3, 10, s).astype(dtype))


def quantization(g, x, types):
    """Shapes of scales for x, with the attributes that say how they lie."""
    attributes = {}
    if x.rank and g.has("axis") and g.chance(0.5):
        axis = g.axis(x.rank)
        if g.has("block_size") and g.chance(0.4) and x.shape[axis] > 1:
            block = g.choice([d for d in range(1, x.shape[axis] + 1) if x.shape[axis] % d == 0])
            shape = list(x.shape)
            shape[axis] //= block
            return shape, {"axis": axis, "block_size": block}
        return (x.shape[axis],), {"axis": axis}
    return (), attributes


@recipe("QuantizeLinear")
def quantize_linear(g):
    x = first(g, g.schema.inputs[0].type_str, among=[f32, f16, i32], positive=True)
    shape, attributes = quantization(g, x, None)
    inputs = [x, scale(g, x.dtype if x.dtype != i32 else f32, shape)]
    to = g.dtype(g.schema.outputs[0].type_str)
    if g.chance(0.8):
        inputs.append(zero_point(g, to, shape) if to.kind in "iu" else g.leaf(to, shape, make=lambda s: np.zeros(s, to), constant=True))
    elif g.has("output_dtype") and g.chance(0.5):
        attributes["output_dtype"] = NUMBERS[to]
    emit(g, inputs, attributes)


@recipe("DequantizeLinear")
def dequantize_linear(g):
    x = first(g, g.schema.inputs[0].type_str, positive=True)
    shape, attributes = quantization(g, x, None)
    to = f32 if g.schema.since_version < 19 or g.chance(0.7) else f16
    inputs = [x, scale(g, to, shape)]
    if g.chance(0.6) and x.dtype != i32 and x.dtype.kind in "iu":
        inputs.append(zero_point(g, x.dtype, shape))
    emit(g, inputs, attributes)


@recipe("DynamicQuantizeLinear")
def dynamic_quantize(g):
    emit(g, [g.any(f32, positive=True)], {}, 3)


@recipe("MatMulInteger")
def matmul_integer(g):
    a = first(g, "T1", least=1, most=4, positive=True)
    b = g.leaf(g.dtype("T2"), (a.shape[-1], g.integer(1, 9)))
    inputs = [a, b]
    if g.chance(0.6):
        inputs.append(zero_point(g, a.dtype))
        if g.chance(0.7):
            inputs.append(zero_point(g, b.dtype, () if g.chance(0.6) else (b.shape[1],)))
    emit(g, inputs)


@recipe("ConvInteger")
def conv_integer(g):
    dtype = g.dtype("T1")
    x, channels, groups, kernel = conv_shapes(g, dtype)
    out = groups * g.integer(1, 3)
    w = g.leaf(g.dtype("T2"), (out, channels // groups, *kernel))
    inputs = [x, w]
    if g.chance(0.6):
        inputs.append(zero_point(g, dtype))
        if g.chance(0.6):
            inputs.append(zero_point(g, w.dtype))
    emit(g, inputs, {**window(g, x, kernel), **({"group": groups} if groups > 1 else {})})


@recipe("QLinearConv")
def qlinear_conv(g):
    dtype = g.dtype("T1")
    x, channels, groups, kernel = conv_shapes(g, dtype)
    out = groups * g.integer(1, 3)
    w = g.leaf(g.dtype("T2"), (out, channels // groups, *kernel))
    y = g.dtype("T3")
    per = (out,) if g.chance(0.4) else ()
    zero = g.leaf(w.dtype, per, make=lambda s: np.zeros(s, w.dtype)) if g.chance(0.6) else zero_point(g, w.dtype, per)
    inputs = [x, scale(g), zero_point(g, dtype), w, scale(g, f32, per), zero, scale(g), zero_point(g, y)]
    if g.chance(0.5):
        inputs.append(g.leaf(i32, (out,)))
    emit(g, inputs, {**window(g, x, kernel), **({"group": groups} if groups > 1 else {})})


@recipe("QLinearMatMul")
def qlinear_matmul(g):
    a = first(g, "T1", least=2, most=4, positive=True, among=[u8, i8])
    b = g.leaf(g.dtype("T2", [u8, i8]), (a.shape[-1], g.integer(1, 9)))
    y = g.dtype("T3", [u8, i8])
    emit(g, [a, scale(g), zero_point(g, a.dtype), b, scale(g), zero_point(g, b.dtype), scale(g), zero_point(g, y)])


# Losses.

@recipe("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss")
def loss(g):
    dtype = g.dtype("T", [f32, f64])
    n, c, rest = g.integer(1, 4), g.integer(1, 5), g.positive_shape(g.integer(0, 2))
    x = g.leaf(dtype, (n, c, *rest))
    labels = indices_leaf(g, (n, *rest), c, g.dtype("Tind" if g.op[0] == "N" else "Tind", [i32, i64]), negative=False)
    inputs = [x, labels] + ([g.leaf(dtype, (c,), make=lambda s: g.np.random(s).astype(dtype))] if g.chance(0.5) else [])
    attributes = some(g, reduction=lambda: g.choice(["none", "mean", "sum"]), ignore_index=lambda: g.integer(-1, c))
    emit(g, inputs, attributes, 2 if g.op[0] == "S" and g.chance(0.4) else 1)


# Signals.

@recipe("DFT")
def dft(g):
    x = g.leaf(g.dtype("T1", [f32, f64]), (g.integer(1, 2), g.integer(1, 9), g.integer(1, 4), g.choice([1, 2])))
    inverse = g.integer(0, 1)
    onesided = int(not inverse and x.shape[-1] == 1 and g.chance(0.4))
    axis = g.integer(1, 2)
    length = g.ints(g.integer(1, 9)) if g.chance(0.4) else None
    attributes = {"inverse": inverse, "onesided": onesided}
    if g.has("axis"):
        return emit(g, [x, length], {**attributes, "axis": axis})
    emit(g, [x, length, g.ints(axis) if g.chance(0.6) else None], attributes)


@recipe("STFT")
def stft(g):
    dtype = g.dtype("T1", [f32, f64])
    length, frame = g.integer(12, 40), g.choice([4, 8, 7, 12])
    x = g.leaf(dtype, (g.integer(1, 2), length, 1))
    step = g.ints(g.integer(1, 5), likely=1)
    window_ = g.leaf(dtype, (frame,)) if g.chance(0.6) else None
    emit(g, [x, step, window_, g.ints(frame, likely=1) if window_ is None or g.chance(0.3) else None], some(g, onesided=lambda: g.integer(0, 1)))


@recipe("HannWindow", "HammingWindow", "BlackmanWindow")
def window_of(g):
    emit(g, [g.ints(g.integer(2, 12), g.choice([i64, i32]))], some(g, periodic=lambda: g.integer(0, 1), output_datatype=lambda: g.choice([1, 11])))


@recipe("MelWeightMatrix")
def mel(g):
    emit(g, [g.ints(v) for v in (g.integer(2, 8), g.integer(16, 64), 8000)] + [g.scalar(f32, 0.0), g.scalar(f32, 4000.0)])


# Text.

@recipe("StringConcat")
def string_concat(g):
    a = g.any(string)
    emit(g, pair(g, a, second(g, a)))


@recipe("StringSplit")
def string_split(g):
    x = g.any(string)
    if "" in x.array:
        raise Unfit("ONNX Runtime counts no part in a text without letters, the reference one")
    emit(g, [x], some(g, delimiter=lambda: g.choice([" ", ".", "", "ab"]), maxsplit=lambda: g.integer(1, 2)), 2)


@recipe("StringNormalizer")
def string_normalizer(g):
    shape = g.choice([(g.integer(1, 5),), (1, g.integer(1, 5))])
    # With letters of ASCII alone: ONNX Runtime changes no others in the locale C.
    words = np.array([g.choice(["a", "ab", "Zebra", "The quick fox", ""]) for _ in range(max(shape))], object)
    emit(g, [g.leaf(string, values=words.reshape(shape))], {"locale": "C"} | some(g, case_change_action=lambda: g.choice(["LOWER", "UPPER", "NONE"]), is_case_sensitive=lambda: g.integer(0, 1),
                                          stopwords=lambda: ["a", "Zebra"]))


@recipe("TfIdfVectorizer")
def tf_idf(g):
    x = g.leaf(g.choice([i64, i32]), g.choice([(g.integer(1, 12),), (2, g.integer(1, 12))]))
    emit(g, [x], {"mode": g.choice(["TF", "IDF", "TFIDF"]), "min_gram_length": 1, "max_gram_length": g.integer(1, 2), "max_skip_count": g.integer(0, 2),
                  "ngram_counts": [0, 3], "ngram_indexes": list(range(5)), "pool_int64s": [1, 2, 3, 1, 2, 2, 3], **some(g, weights=[1.0, 0.5, 2.0, 1.5, 3.0])})


# Attention.

@recipe("Attention")
def attention(g):
    dtype = g.dtype("T1", [f32, f64, f16])
    n, heads, seq, kv, size = g.integer(1, 2), g.choice([1, 2, 4]), g.integer(1, 5), g.integer(1, 6), g.choice([2, 4, 8])
    kv_heads = heads if g.chance(0.6) else g.choice([d for d in (1, 2, 4) if heads % d == 0])
    four = g.chance(0.6)
    def operand(h, s):
        return g.leaf(dtype, (n, h, s, size) if four else (n, s, h * size))
    inputs = [operand(heads, seq), operand(kv_heads, kv), operand(kv_heads, kv)]
    attributes = {} if four else {"q_num_heads": heads, "kv_num_heads": kv_heads}
    attributes |= some(g, is_causal=lambda: g.integer(0, 1), scale=0.3, softcap=lambda: g.choice([0.0, 2.0]))
    past = g.chance(0.3)
    total = kv + (3 if past else 0)
    if g.chance(0.4):
        shape = g.choice([(seq, total), (n, 1, seq, total), (n, heads, seq, total)])
        inputs.append(g.leaf(boolean if g.chance(0.4) else dtype, shape))
    else:
        inputs.append(None)
    if past:
        inputs += [g.leaf(dtype, (n, kv_heads, 3, size)), g.leaf(dtype, (n, kv_heads, 3, size))]
    outputs = [True, True, True] if past else [True]
    if g.chance(0.15):
        outputs = [*outputs, *[False] * (3 - len(outputs)), True]
        attributes["qk_matmul_output_mode"] = g.integer(0, 3)
    emit(g, inputs, attributes, outputs)


@recipe("RotaryEmbedding")
def rotary(g):
    dtype = g.dtype("T", [f32, f16])
    n, heads, seq, size = g.integer(1, 2), g.integer(1, 3), g.integer(1, 4), g.choice([2, 4, 8])
    four = g.chance(0.6)
    x = g.leaf(dtype, (n, heads, seq, size) if four else (n, seq, heads * size))
    attributes = some(g, interleaved=lambda: g.integer(0, 1))
    if not four:
        attributes["num_heads"] = heads
    if g.chance(0.5):
        rows = 8
        return emit(g, [x, g.leaf(dtype, (rows, size // 2)), g.leaf(dtype, (rows, size // 2)), indices_leaf(g, (n, seq), rows, i64, False)], attributes)
    emit(g, [x, g.leaf(dtype, (n, seq, size // 2)), g.leaf(dtype, (n, seq, size // 2))], attributes)
