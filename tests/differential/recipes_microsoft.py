"""Recipes for com.microsoft: what exporters and optimizers emit. There are no schemas for them here, nor a reference."""
import numpy as np

from generate import Unfit, f32, f64, i8, i32, i64, string, u8
from recipes import conv_shapes, emit, indices_leaf, recipe, scale, some, window, zero_point

MS = "com.microsoft"


@recipe("Gelu", "QuickGelu", domain=MS)
def gelu(g):
    emit(g, [g.any(f32)], some(g, alpha=1.5) if g.op == "QuickGelu" else {})


@recipe("FastGelu", "BiasGelu", domain=MS)
def bias_gelu(g):
    x = g.any(f32, least=1, positive=True)
    bias = [g.like(f32, (x.shape[-1],))]
    emit(g, [x, *(bias if g.op == "BiasGelu" or g.chance(0.7) else [])])


@recipe("CDist", domain=MS)
def cdist(g):
    dtype, columns = g.choice([f32, f32, f64]), g.integer(1, 5)
    rows = [g.leaf(dtype, (g.integer(1, 5), columns)) for _ in range(2)]
    # ONNX Runtime expands squares, so that small distances of f32 come out of the difference of large numbers.
    emit(g, rows, {"metric": "sqeuclidean" if dtype == f32 else g.choice(["euclidean", "sqeuclidean"])})


TEXTS = ["", "a", "The cat, the dog!", "naïve café", "x1 y22  z333", "aab ab;b", "tab\tand\nnewline", "Ünï"]


@recipe("Tokenizer", domain=MS)
def tokenizer(g):
    shape = (g.integer(1, 3),) if g.chance(0.5) else (g.integer(1, 3), g.integer(1, 2))
    texts = g.leaf(string, shape, make=lambda shape: np.array([g.choice(TEXTS) for _ in range(int(np.prod(shape)))], object).reshape(shape))
    attributes = {"mark": g.integer(0, 1), "pad_value": g.choice(["", "#"]), "mincharnum": g.integer(1, 3)}
    kind = g.choice(["characters", "separators", "expression"])
    if kind == "separators":
        attributes["separators"] = [g.choice([" ", ",|;", "[a-c]+", "\\W", "x*", "b"]) for _ in range(g.integer(1, 3))]
    elif kind == "expression":
        attributes["tokenexp"] = g.choice(["[a-zA-Z0-9_]+", "\\w\\w+", "a|ab|aab", "\\pL+", "[^ ]*", "a+?"])
    else:
        attributes |= {"mincharnum": 1, **g.choice([{"separators": [""]}, {"tokenexp": "."}])}
    emit(g, [texts], attributes)


@recipe("FusedMatMul", domain=MS)
def fused_matmul(g):
    rank = g.integer(2, 4)
    lead = g.shape(rank - 2)
    m, k, n = g.integer(1, 5), g.integer(1, 5), g.integer(1, 5)
    ta, tb = g.integer(0, 1), g.integer(0, 1)
    a = g.leaf(f32, (*lead, *((k, m) if ta else (m, k))))
    b = g.leaf(f32, (*lead, *((n, k) if tb else (k, n))))
    emit(g, [a, b], {"transA": ta, "transB": tb, **some(g, alpha=0.5)})


@recipe("FusedGemm", domain=MS)
def fused_gemm(g):
    m, k, n = g.integer(1, 5), g.integer(1, 5), g.integer(1, 5)
    emit(g, [g.leaf(f32, (m, k)), g.leaf(f32, (k, n)), g.leaf(f32, (n,))],
         {"activation": g.choice(["Relu", "Sigmoid", "Tanh", "LeakyRelu"]), **some(g, activation_alpha=0.1, alpha=0.5)})


@recipe("FusedConv", domain=MS)
def fused_conv(g):
    x, channels, groups, kernel = conv_shapes(g, f32)
    if x.rank != 4:
        raise Unfit("images alone")
    out = groups * g.integer(1, 4)
    inputs = [x, g.leaf(f32, (out, channels // groups, *kernel)), g.leaf(f32, (out,))]
    activation = g.choice(["Relu", "Sigmoid", "Tanh", "LeakyRelu", "Clip", "HardSigmoid"])
    parameters = {"LeakyRelu": [0.1], "Clip": [-1.0, 1.5], "HardSigmoid": [0.2, 0.5]}.get(activation)
    attributes = {"activation": activation, "kernel_shape": kernel, "group": groups, **window(g, x, kernel)}
    if parameters:
        attributes["activation_params"] = parameters
    emit(g, inputs, attributes)


@recipe("SkipLayerNormalization", "SkipSimplifiedLayerNormalization", domain=MS)
def skip_layer_normalization(g):
    x = g.leaf(f32, g.positive_shape(3))
    size = x.shape[-1]
    inputs = [x, g.leaf(f32, x.shape if g.chance(0.8) else (1, *x.shape[1:])), g.leaf(f32, (size,))]
    if g.op == "SkipLayerNormalization":
        inputs.append(g.leaf(f32, (size,)) if g.chance(0.8) else None)
    if g.chance(0.5):
        inputs.append(g.leaf(f32, (size,)))
    emit(g, inputs, {"epsilon": 1e-3}, [True, False, False, True] if g.chance(0.4) else 1)


@recipe("EmbedLayerNormalization", domain=MS)
def embed(g):
    n, s, size = g.integer(1, 3), g.integer(1, 5), g.integer(1, 6)
    ids = indices_leaf(g, (n, s), 9, i32, False)
    segment = indices_leaf(g, (n, s), 2, i32, False) if g.chance(0.6) else None
    inputs = [ids, segment, g.leaf(f32, (9, size)), g.leaf(f32, (7, size)), g.leaf(f32, (2, size)) if segment else None,
              g.leaf(f32, (size,)), g.leaf(f32, (size,))]
    if g.chance(0.4):
        lengths = np.arange(s)[None, :] < g.np.integers(1, s + 1, (n, 1))
        inputs.append(g.leaf(i32, values=lengths.astype(i32)))
    emit(g, inputs, {"epsilon": 1e-3}, 2)


@recipe("Attention", domain=MS)
def attention(g):
    n, s, heads, size = g.integer(1, 2), g.integer(1, 4), g.integer(1, 3), g.choice([2, 4])
    hidden = heads * size
    inputs = [g.leaf(f32, (n, s, hidden)), g.leaf(f32, (hidden, 3 * hidden)), g.leaf(f32, (3 * hidden,))]
    if g.chance(0.4):
        mask = np.arange(s)[None, :] < g.np.integers(1, s + 1, (n, 1))
        inputs.append(g.leaf(i32, values=mask.astype(i32)))
    emit(g, inputs, {"num_heads": heads, **some(g, unidirectional=lambda: g.integer(0, 1), scale=0.4)})


@recipe("MultiHeadAttention", domain=MS)
def multi_head(g):
    n, s, kv, heads, size = g.integer(1, 2), g.integer(1, 4), g.integer(1, 5), g.integer(1, 3), g.choice([2, 4])
    hidden = heads * size
    inputs = [g.leaf(f32, (n, s, hidden)), g.leaf(f32, (n, kv, hidden)), g.leaf(f32, (n, kv, hidden))]
    inputs.append(g.leaf(f32, (3 * hidden,)) if g.chance(0.4) else None)
    inputs.append(None)
    inputs.append(g.leaf(f32, (g.choice([1, n]), g.choice([1, heads]), s, kv)) if g.chance(0.4) else None)
    emit(g, inputs, {"num_heads": heads, **some(g, scale=0.4, unidirectional=lambda: int(s == kv and g.chance(0.4)))})


@recipe("GroupQueryAttention", domain=MS)
def group_query(g):
    n, heads, size = 1, g.choice([1, 2, 4]), g.choice([8, 16])
    kv = g.choice([d for d in (1, 2, 4) if heads % d == 0])
    s, past, room = g.integer(1, 4), g.integer(0, 3), 8
    if past:
        s = 1
    inputs = [g.leaf(f32, (n, s, heads * size)), g.leaf(f32, (n, s, kv * size)), g.leaf(f32, (n, s, kv * size)),
              g.leaf(f32, (n, kv, past, size)), g.leaf(f32, (n, kv, past, size)),
              g.leaf(i32, values=np.full((n,), past + s - 1, i32)), g.leaf(i32, values=np.array(past + s, i32))]
    attributes = {"num_heads": heads, "kv_num_heads": kv, **some(g, scale=0.4, softcap=3.0, local_window_size=lambda: g.integer(1, 4))}
    if g.chance(0.5):
        attributes |= {"do_rotary": 1, **some(g, rotary_interleaved=lambda: g.integer(0, 1))}
        inputs += [g.leaf(f32, (room, size // 2)), g.leaf(f32, (room, size // 2))]
    emit(g, inputs, attributes, 3)


@recipe("RotaryEmbedding", domain=MS)
def rotary(g):
    n, heads, s, size = g.integer(1, 2), g.integer(1, 3), g.integer(1, 4), g.choice([2, 4, 8])
    four = g.chance(0.5)
    x = g.leaf(f32, (n, heads, s, size) if four else (n, s, heads * size))
    positions = indices_leaf(g, (n, s), 8, i64, False) if g.chance(0.6) else g.leaf(i64, values=np.array([g.integer(0, 8 - s)], i64))
    emit(g, [x, positions, g.leaf(f32, (8, size // 2)), g.leaf(f32, (8, size // 2))], some(g, interleaved=lambda: g.integer(0, 1)) if four else
         {**some(g, interleaved=lambda: g.integer(0, 1)), "num_heads": 0})


@recipe("MatMulNBits", domain=MS)
def matmul_nbits(g):
    k, n, block = g.choice([16, 32, 40, 64]), g.integer(1, 6), g.choice([16, 32])
    bits = g.choice([4, 4, 4, 8])
    blocks = (k + block - 1) // block
    weights = g.np.integers(0, 256, (n, blocks, block * bits // 8)).astype(u8)
    inputs = [g.leaf(f32, (*g.shape(g.integer(0, 1)), g.integer(1, 4), k)), g.leaf(u8, values=weights, constant=True),
              scale(g, f32, (n, blocks) if g.chance(0.5) else (n * blocks,))]
    if g.chance(0.5):
        inputs.append(g.leaf(u8, values=g.np.integers(0, 256, (n, (blocks * bits + 7) // 8)).astype(u8), constant=True))
    elif g.chance(0.3):
        inputs += [None, None, g.leaf(f32, (n,))]
    emit(g, inputs, {"K": k, "N": n, "bits": bits, "block_size": block, **some(g, accuracy_level=0)})


def quantized(g, shape=None, dtype=None):
    dtype = dtype or g.choice([u8, i8])
    return [g.leaf(dtype, shape if shape is not None else g.positive_shape(g.integer(1, 4))), scale(g), zero_point(g, dtype)]


@recipe("QLinearAdd", "QLinearMul", domain=MS)
def qlinear_pair(g):
    a = quantized(g)
    b = quantized(g, g.shape_to_broadcast(a[0].shape), a[0].dtype)
    emit(g, [*a, *b, scale(g), zero_point(g, a[0].dtype)])


@recipe("QLinearSigmoid", "QLinearLeakyRelu", domain=MS)
def qlinear_unary(g):
    x = quantized(g)
    emit(g, [*x, scale(g), zero_point(g, x[0].dtype)], {"alpha": 0.2} if g.op == "QLinearLeakyRelu" else {})


@recipe("QLinearGlobalAveragePool", domain=MS)
def qlinear_global(g):
    last = g.integer(0, 1)
    x = quantized(g, g.positive_shape(4), u8)
    emit(g, [*x, scale(g), zero_point(g, u8)], {"channels_last": last})


@recipe("QLinearConcat", domain=MS)
def qlinear_concat(g):
    x = quantized(g)
    axis = g.axis(x[0].rank)
    inputs = [scale(g), zero_point(g, x[0].dtype), *x]
    for _ in range(g.integer(0, 2)):
        shape = list(x[0].shape)
        shape[axis] = g.integer(1, 4)
        inputs += quantized(g, shape, x[0].dtype)
    emit(g, inputs, {"axis": axis})


@recipe("QGemm", domain=MS)
def qgemm(g):
    m, k, n = g.integer(1, 5), g.integer(1, 6), g.integer(1, 5)
    ta, tb = g.integer(0, 1), g.integer(0, 1)
    a, b = g.choice([u8, i8]), g.choice([u8, i8])
    if a == i8:
        b = i8
    inputs = [g.leaf(a, (k, m) if ta else (m, k)), scale(g), zero_point(g, a), g.leaf(b, (n, k) if tb else (k, n)), scale(g), zero_point(g, b),
              g.leaf(i32, (n,)) if g.chance(0.6) else None]
    if g.chance(0.6):
        inputs += [scale(g), zero_point(g, a)]
    emit(g, inputs, {"transA": ta, "transB": tb, **some(g, alpha=2.0)})


@recipe("MatMulIntegerToFloat", "DynamicQuantizeMatMul", domain=MS)
def integer_matmul(g):
    m, k, n = g.integer(1, 5), g.integer(1, 6), g.integer(1, 5)
    b = g.choice([u8, i8])
    bias = g.leaf(f32, (n,)) if g.chance(0.5) else None
    if g.op == "DynamicQuantizeMatMul":
        return emit(g, [g.leaf(f32, (m, k)), g.leaf(b, (k, n)), scale(g), zero_point(g, b), bias])
    a = g.choice([u8, i8])
    emit(g, [g.leaf(a, (m, k)), g.leaf(b, (k, n)), scale(g), scale(g), zero_point(g, a), zero_point(g, b), bias])

