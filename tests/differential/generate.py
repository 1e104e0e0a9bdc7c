"""Random graphs. Operators, their types and since-versions come from onnx.defs; recipes.py knows what their inputs must be
for a node to mean something. Each node is run as soon as it is drawn, so that the next ones know its outputs' values."""
import functools
import random
import re

import numpy as np
import onnx
from onnx import defs, helper

import peer
from graph import DTYPES, INNER, NUMBERS, Graph, Leaf, Node, tensor_of

f32, f64, f16 = np.dtype("f4"), np.dtype("f8"), np.dtype("f2")
i8, i32, i64, u8, boolean, string = (np.dtype(t) for t in ("i1", "i4", "i8", "u1", "?", object))
MAX_ELEMENTS = 6000
DTYPE_OF_TEXT = {f"tensor({name})": DTYPES[number] for name, number in {
    "float": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "string": 8, "bool": 9,
    "float16": 10, "double": 11, "uint32": 12, "uint64": 13, "bfloat16": 16, "float8e4m3fn": 17, "float8e4m3fnuz": 18,
    "float8e5m2": 19, "float8e5m2fnuz": 20, "uint4": 21, "int4": 22}.items()}
# How often a type is drawn, if an operator takes it: by what models are made of.
WEIGHTS = {f32: 30, i64: 10, f16: 6, f64: 6, i32: 6, u8: 4, i8: 4, boolean: 4, string: 2}


# Operators for which the specification leaves open what becomes of NaN and of what overflows within.
OPEN = set("""MaxPool AveragePool LpPool GlobalMaxPool GlobalAveragePool ReduceL1 ReduceSum ReduceProd ReduceMean ReduceLogSum GlobalLpPool Hardmax ArgMax ArgMin TopK Unique ReduceMax ReduceMin
ReduceL2 ReduceSumSquare ReduceLogSumExp LpNormalization LayerNormalization RMSNormalization MeanVarianceNormalization
InstanceNormalization GroupNormalization BatchNormalization LRN Softmax LogSoftmax NonMaxSuppression Resize Upsample Einsum MatMul
Gemm Conv ConvTranspose Attention QuantizeLinear DynamicQuantizeLinear GridSample RoiAlign Max Min Clip Sign Mod Range
GRU LSTM RNN DFT STFT CumSum CumProd OneHot PRelu Pow Shrink ThresholdedRelu SoftmaxCrossEntropyLoss Cast CastLike Softplus MaxRoiPool""".split())


class Unfit(Exception):
    """The node that was drawn cannot be; another is."""


def is_float(dtype):
    return dtype.kind == "f" or dtype in INNER.values() and dtype.name.startswith(("bfloat", "float"))


@functools.lru_cache(maxsize=None)
def schema_of(op, domain, opset):
    try:
        return defs.get_schema(op, opset, domain)
    except defs.SchemaError:
        return None


class Value:
    """A value of the graph under construction, with its content under the first binding."""

    def __init__(self, name, array):
        self.name, self.array = name, array

    dtype = property(lambda self: self.array.dtype)
    shape = property(lambda self: self.array.shape)
    rank = property(lambda self: self.array.ndim)


class Generator:
    """What recipes see: `g.op`, `g.schema`, chances, values to take or make, and node() to emit."""

    def __init__(self, seed, recipes, domains=("", "ai.onnx.ml", "com.microsoft"), only=None):
        self.rng = random.Random(seed)
        self.np = np.random.default_rng(seed)
        self.recipes = recipes
        self.only = only
        self.domains = domains
        self.lacking = []  # what no peer could run
        opset = self.rng.choice([7, 8, 9, 10, 11, 12, 13, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27])
        self.graph = Graph(opset, ml=self.rng.choice([1, 2, 3, 3, 4, 5]))
        self.values = {}
        self.dynamic = self.rng.random() < 0.4
        self.constants = self.rng.choice([0.1, 0.4, 0.9])
        self.special = self.rng.random() < 0.06  # infinities, NaN, and extremes among the values
        self.reuse = self.rng.choice([0.5, 0.8, 0.95])
        self.counter = 0
        self.depth = 0

    # Chances.
    def chance(self, probability):
        return self.rng.random() < probability

    def choice(self, options):
        return self.rng.choice(list(options))

    def integer(self, low, high):
        return self.rng.randint(low, high)

    def size(self):
        """Of one dimension."""
        draw = self.rng.random()
        if draw < 0.02:
            return 0
        if draw < 0.22:
            return 1
        if draw < 0.9:
            return self.rng.randint(2, 5)
        return self.rng.choice([6, 7, 8, 9, 13, 16, 17, 33])

    def shape(self, rank=None):
        if rank is None:
            rank = self.rng.choice([0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5])
        while True:
            shape = tuple(self.size() for _ in range(rank))
            if np.prod(shape, dtype=np.int64) <= MAX_ELEMENTS:
                return shape

    def positive_shape(self, rank):
        return tuple(max(1, size) for size in self.shape(rank))

    def shape_to_broadcast(self, shape):
        """One that broadcasts with `shape`."""
        other = [1 if self.chance(0.25) else size for size in shape]
        if self.chance(0.25) and other:
            other = other[self.integer(0, len(other)):]
        elif self.chance(0.1) and len(other) < 5:
            other = list(self.shape(1)) + other
        other = [self.size() if self.chance(0.2) and full == 1 and self.chance(0.5) else size
                 for size, full in zip(other, ([1] * 8 + list(shape))[-len(other):] if other else [])]
        return tuple(other)

    def axis(self, rank, low=None):
        axis = self.integer(0, rank - 1)
        return axis - rank if self.chance(0.35) and (low is None or low < 0) else axis

    def axes(self, rank, least=1):
        count = self.integer(min(least, rank), rank)
        chosen = self.rng.sample(range(rank), count)
        return [axis - rank if self.chance(0.3) else axis for axis in chosen]

    # Types.
    def types(self, parameter):
        """Those that a type parameter of the operator may be, as far as there are values of them here."""
        for constraint in self.schema.type_constraints:
            if constraint.type_param_str == parameter:
                return [DTYPE_OF_TEXT[text] for text in constraint.allowed_type_strs if text in DTYPE_OF_TEXT]
        text = parameter
        return [DTYPE_OF_TEXT[text]] if text in DTYPE_OF_TEXT else []

    def dtype(self, parameter="T", among=None):
        allowed = [t for t in self.types(parameter) if among is None or t in among]
        if not allowed:
            raise Unfit(f"{self.op} has no type {parameter}")
        return self.rng.choices(allowed, [WEIGHTS.get(t, 1.5) for t in allowed])[0]

    # Values.
    def fresh(self, prefix="v"):
        self.counter += 1
        return f"{prefix}{self.counter}"

    def numbers(self, dtype, shape):
        """Random elements, of one of several sorts."""
        count = int(np.prod(shape, dtype=np.int64))
        if dtype == string:
            words = ["", "a", "b", "ab", "Zebra", "été", "1", "-2.5", "x y", "The quick fox", "a.b@c.de"]
            return np.array([self.choice(words) for _ in range(count)], dtype=object).reshape(shape)
        if dtype == boolean:
            return self.np.integers(0, 2, shape).astype(bool)
        if is_float(dtype):
            sort = self.rng.random()
            if sort < 0.3:
                array = self.np.integers(-4, 5, shape).astype("f8")
            elif sort < 0.4:
                array = self.np.integers(-8, 9, shape) / 2.0
            else:
                array = np.asarray(self.np.standard_normal(shape)) * self.choice([0.3, 1, 1, 3])
            if self.special and count and dtype in (f32, f64, f16):
                flat = array.reshape(-1)
                for _ in range(max(1, count // 4)):
                    flat[self.integer(0, count - 1)] = self.choice(
                        [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, -1e30, 1e-40, 65504, -65504, 2.5, 0.5, 1 << 31])
                array = flat.reshape(shape)
            with np.errstate(all="ignore"):
                return np.asarray(array).astype(dtype)
        low, high = _bounds(dtype)
        if self.special and self.chance(0.5):
            span = [low, high, 0, 1, high - 1, low + 1]
            return np.array([self.choice(span) for _ in range(count)], dtype=object).reshape(shape).astype(dtype)
        if self.chance(0.15) and dtype.itemsize == 1:
            return np.asarray(self.np.integers(low, high, shape, endpoint=True)).astype(dtype)
        return np.asarray(self.np.integers(max(low, -5), min(high, 9), shape, endpoint=True)).astype(dtype)

    def leaf(self, dtype, shape=None, values=None, make=None, constant=None, prefix="x"):
        """A new input or constant. `make` draws the values again for another shape."""
        dtype = np.dtype(dtype)
        shape = tuple(shape) if shape is not None else np.shape(values)
        if values is None:
            make = make or (lambda shape: self.numbers(dtype, shape))
            values = make(shape)
        array = np.asarray(values, dtype=dtype).reshape(shape)
        if constant is None:
            constant = self.chance(self.constants)
        if dtype in INNER.values() and not constant:
            source = self.leaf(f32, values=array.astype(f32), constant=False)
            return self.node("Cast", [source], {"to": NUMBERS[dtype]})[0]
        kind = self.choice(["initializer", "initializer", "constant"]) if constant else "input"
        if self.depth:
            kind = "constant"
        name = self.fresh(prefix)
        leaf = Leaf([array], kind, {}, make)
        if kind == "input" and self.dynamic and make is not None:
            for axis, size in enumerate(shape):
                if self.chance(0.6):
                    leaf.symbols[axis] = f"s{size}" if self.chance(0.7) else self.fresh("d")
        self.graph.leaves[name] = leaf
        self.values[name] = Value(name, array)
        return self.values[name]

    def ints(self, values, dtype=i64, likely=0.75):
        """Sizes, axes and the like: a constant mostly."""
        return self.leaf(dtype, values=np.array(values, dtype), constant=self.chance(likely), prefix="n")

    def scalar(self, dtype, value, constant=None):
        return self.leaf(dtype, values=np.array(value, dtype), constant=constant)

    def existing(self, fits):
        found = [value for value in self.values.values() if fits(value)]
        return self.rng.choice(found[-12:]) if found else None

    def any(self, dtype, rank=None, least=0, most=5, fits=None, positive=False):
        """A value there is, or a new one."""
        dtype = np.dtype(dtype)
        low, high = (rank, rank) if rank is not None else (least, most)
        if self.chance(self.reuse):
            found = self.existing(lambda v: v.dtype == dtype and low <= v.rank <= high and (not positive or v.array.size)
                                  and (fits is None or fits(v)))
            if found:
                return found
        if rank is None:
            rank = self.integer(low, min(high, 4))
        shape = self.positive_shape(rank) if positive else self.shape(rank)
        return self.leaf(dtype, shape)

    def like(self, dtype, shape):
        """A value of just this type and shape."""
        dtype, shape = np.dtype(dtype), tuple(shape)
        if self.chance(self.reuse * 0.5):
            found = self.existing(lambda v: v.dtype == dtype and v.shape == shape)
            if found:
                return found
        return self.leaf(dtype, shape)

    def has(self, attribute):
        return self.schema is None or attribute in self.schema.attributes

    def takes(self, index):
        """Whether this version has an input of that index."""
        return index < len(self.schema.inputs) or (self.schema.inputs and self.schema.inputs[-1].option == defs.OpSchema.FormalParameterOption.Variadic)

    # Nodes.
    def node(self, op, inputs, attributes=None, outputs=1, domain="", captured=()):
        """Emits a node and runs it; its outputs as values. Outputs may be a list of flags: False leaves one out."""
        schema = schema_of(op, domain, self.graph.opset if domain == "" else self.graph.ml)
        attributes = dict(attributes or {})
        if schema is not None and domain != "com.microsoft":
            attributes = {name: value for name, value in attributes.items() if name in schema.attributes}
        flags = outputs if isinstance(outputs, list) else [True] * outputs
        for value in inputs:
            if value is not None and (op in OPEN or domain) and value.array.size and value.dtype.kind != "O":
                with np.errstate(all="ignore"):
                    limit = 1e15 if is_float(value.dtype) else 1 << 20
                    if not (np.abs(value.array.astype(f64)) < limit).all():
                        raise Unfit(f"{op} of extremes")
        names = [self.fresh() if flag else "" for flag in flags]
        inputs = list(inputs)
        while inputs and inputs[-1] is None:
            inputs.pop()
        node = Node(op, domain, [v.name if v else "" for v in inputs], names, attributes, tuple(captured))
        feeds = {name: self.values[name].array for name in [*node.inputs, *node.captured] if name}
        arrays = evaluate(self.graph.opset, self.graph.ml, node, feeds)
        made = []
        for name in filter(None, names):
            array = np.asarray(arrays[name])
            if array.size > 16 * MAX_ELEMENTS:
                raise Unfit("too large")
            self.graph.types[name] = array.dtype
            made.append(Value(name, array))
        self.graph.nodes.append(node)
        for value in made:
            self.values[value.name] = value
        return made

    def draw(self):
        """One node by a recipe drawn at random; false if it could not be."""
        names = self.only or list(self.recipes)
        key = self.rng.choice(names)
        domain, self.op = key
        self.domain = domain
        self.schema = schema_of(self.op, domain, self.graph.opset if domain == "" else self.graph.ml)
        if domain == "com.microsoft":
            self.schema = None
        elif self.schema is None and not defs.has(self.op, domain):
            pass  # no version of ONNX has a schema of it
        elif self.schema is None or self.schema.deprecated:
            return False
        leaves, values, nodes = set(self.graph.leaves), set(self.values), len(self.graph.nodes)
        try:
            self.recipes[key](self)
            return True
        except (Unfit, IndexError, ValueError, OverflowError, TypeError, KeyError) as error:
            if not isinstance(error, Unfit) and self.only:
                raise
            for name in set(self.graph.leaves) - leaves:
                del self.graph.leaves[name]
            for name in set(self.values) - values:
                del self.values[name]
            del self.graph.nodes[nodes:]
            return False

    @staticmethod
    def resized(leaf, sizes):
        if not leaf.symbols:
            return leaf.arrays[0]
        shape = list(leaf.arrays[0].shape)
        for axis, symbol in leaf.symbols.items():
            shape[axis] = sizes[symbol]
        return leaf.make(tuple(shape))

    def finish(self):
        """Chooses the outputs, and the other bindings of the symbols."""
        graph = self.graph
        used = {name for node in graph.nodes for name in (*node.inputs, *node.captured)}
        made = [name for node in graph.nodes for name in node.outputs if name in self.values]
        outputs = [name for name in made if name not in used]
        outputs += [name for name in made if name in used and self.chance(0.15)]
        graph.outputs = []
        for name in outputs[-6:]:
            value = self.values[name]
            if value.dtype in INNER.values():
                value = self.node("Cast", [value], {"to": 1})[0]
            graph.outputs.append(value.name)
        graph.prune()
        symbols = {symbol for leaf in graph.leaves.values() for symbol in leaf.symbols.values()}
        if symbols and not self.special:
            for _ in range(self.integer(1, 2)):
                sizes = {symbol: self.size() for symbol in sorted(symbols)}
                try:
                    more = {name: self.resized(leaf, sizes) for name, leaf in graph.leaves.items() if leaf.kind == "input"}
                except ValueError:  # its values hang on the first sizes
                    break
                for name, array in more.items():
                    graph.leaves[name].arrays.append(array)
                graph.bindings += 1
        return graph


def _bounds(dtype):
    if dtype.name in ("int4", "uint4"):
        return (-8, 7) if dtype.name == "int4" else (0, 15)
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


# What ONNX Runtime has no kernel for need not be tried again: (operator, since, types of the inputs).
_no_kernel = set()


def evaluate(opset, ml, node, feeds):
    """A node's outputs by name, from ONNX Runtime or else onnx.reference; raises Unfit if neither runs it."""
    schema = schema_of(node.op, node.domain, opset if node.domain == "" else ml)
    key = (node.op, node.domain, schema.since_version if schema else 0,
           tuple(feeds[name].dtype.name if name else "" for name in node.inputs))
    names = [name for name in node.outputs if name]
    inputs = [tensor_of(array, name) for name, array in feeds.items()]
    body = helper.make_node(node.op, node.inputs, node.outputs, domain=node.domain, **node.attributes)
    last, wanted = [body], list(names)
    graph = helper.make_graph(last, "one", [], [helper.make_empty_tensor_value_info(name) for name in wanted], inputs)
    opsets = [helper.make_opsetid("", opset)]
    if node.domain:
        opsets.append(helper.make_opsetid(node.domain, 1 if node.domain == "com.microsoft" else ml))
    model = helper.make_model(graph, opset_imports=opsets)
    model.ir_version = 11
    if key not in _no_kernel:
        try:
            return _inner(model, peer.Runtime)
        except peer.Refused as refused:
            if not refused.lacks:
                raise Unfit(f"{node.op}: {refused}") from None
            _no_kernel.add(key)
    if node.domain == "com.microsoft":
        raise Unfit("no reference")
    try:
        return peer.Reference(model.SerializeToString()).run({}, names)
    except peer.Refused as refused:
        raise Unfit(f"{node.op}: {refused}") from None


def _inner(model, runtime):
    """Runs with outputs of inner types cast to f32 and back, as ONNX Runtime hands them to nobody."""
    bytes_ = model.SerializeToString()
    loaded = runtime(bytes_, False)
    names = [output.name for output in loaded.session.get_outputs()]
    types = [re.sub(r"^tensor\((.*)\)$", r"\1", output.type) for output in loaded.session.get_outputs()]
    inner = {name: DTYPE_OF_TEXT[f"tensor({text})"] for name, text in zip(names, types)
             if DTYPE_OF_TEXT.get(f"tensor({text})") in INNER.values()}
    if not inner:
        if any(f"tensor({text})" not in DTYPE_OF_TEXT for text in types):
            raise Unfit("no tensor")
        return loaded.run({})
    for output in model.graph.output:
        if output.name in inner:
            model.graph.node.append(helper.make_node("Cast", [output.name], [output.name + "_f32"], to=1))
            output.name += "_f32"
    arrays = runtime(model.SerializeToString(), False).run({})
    return {name: arrays[name + "_f32"].astype(inner[name]) if name in inner else arrays[name] for name in names}


def generate(seed, recipes, only=None):
    generator = Generator(seed, recipes, only=only)
    wanted = generator.rng.choice([1, 1, 1, 2, 3, 4, 6, 8, 12])
    for _ in range(4 * wanted + 8):
        generator.draw()
        if len(generator.graph.nodes) >= wanted:
            break
    if not generator.graph.nodes:
        return None
    try:
        return generator.finish()
    except Unfit:
        return None
