"""What PyTorch's users write, in small: every common layer and function, exported by both exporters.

script-NAME    torch.onnx.export(…, dynamo=False): by tracing, or of a scripted function
dynamo-NAME    torch.onnx.export(…): today's default

Each has a dynamic batch, except those whose names end with `-fixed`, which are exported as the shortest call does it.
"""

import warnings

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from networks import settle, tensors
from zoo import draw, draw_ints

warnings.filterwarnings("ignore")
torch.set_num_threads(1)


class Of(nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


def write(kind, model, inputs, fixed):
    import io

    import onnx

    names = [f"x{i}" for i in range(len(inputs))]
    if kind == "dynamo":
        shapes = None if fixed else (tuple({0: torch.export.Dim.DYNAMIC} if x.dim() else None for x in inputs),)
        if shapes and not isinstance(model, Of):
            shapes = shapes[0]
        return torch.onnx.export(model, inputs, dynamic_shapes=shapes, dynamo=True, verbose=False).model_proto
    written = io.BytesIO()
    axes = {} if fixed else {"dynamic_axes": {name: {0: "batch"} for name in names}}
    torch.onnx.export(model, inputs, written, input_names=names, dynamo=False, **axes)
    return onnx.load_from_string(written.getvalue())


def add_of(kind, make, shapes, fixed):
    def add(zoo, name):
        torch.manual_seed(0)
        model = make()
        model = settle(model if isinstance(model, nn.Module) else Of(model), 0)
        written = write(kind, model, tensors(inputs_of(shapes, 2)), fixed)
        # An input that is not used is not one of the model's.
        kept = [int("".join(c for c in i.name if c.isdigit()) or 0) for i in written.graph.input]
        order = kept if kind == "script" else [list_position(written, i, len(shapes)) for i in range(len(kept))]
        sizes = (2,) if fixed else (1, 2, 5)
        zoo.add(name, written, {str(n): [inputs_of(shapes, n)[i] for i in order] for n in sizes})

    return add


def list_position(written, index, count):
    assert len(written.graph.input) == count, "an input is not used"
    return index


def inputs_of(shapes, batch):
    """A shape is that of floats, without the batch; or (below, shape) of integers; or 'bool', shape"""
    made = []
    for i, shape in enumerate(shapes):
        if shape and shape[0] == "bool":
            made.append(draw_ints(i + batch, 2, batch, *shape[1]).astype(bool))
        elif len(shape) == 2 and isinstance(shape[1], tuple):
            made.append(draw_ints(i + batch, shape[0], batch, *shape[1]))
        else:
            made.append(draw(i + batch, batch, *shape))
    return made


class Attends(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)

    def forward(self, x, y):
        return self.attention(x, y, y)


class Translator(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Transformer(16, 4, 1, 1, 32, 0.0, batch_first=True)

    def forward(self, x, y):
        return self.layers(x, y, tgt_mask=nn.Transformer.generate_square_subsequent_mask(y.shape[1]))


class Indices(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.up = nn.MaxPool2d(2, return_indices=True), nn.MaxUnpool2d(2)

    def forward(self, x):
        return self.up(*self.down(x))


class Weighed(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.utils.parametrizations.weight_norm(nn.Linear(8, 4))

    def forward(self, x):
        return self.layer(x)


class Buffers(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("table", torch.randn(10, 4))

    def forward(self, i):
        return self.table[i]


class Scripted(nn.Module):
    def forward(self, x):
        if x.sum() > 0:
            y = x * 2
        else:
            y = x - 1
        for _ in range(x.size(0)):
            y = y + x
        return y


class Branches(nn.Module):
    def forward(self, x):
        return torch.cond(x.sum() > 0, lambda x: x * 2, lambda x: x - 1, (x,))


class LstmTop(nn.Module):
    def __init__(self, kind, **options):
        super().__init__()
        self.cells = kind(8, 6, batch_first=True, **options)

    def forward(self, x):
        return self.cells(x)


class WithState(nn.Module):
    def __init__(self):
        super().__init__()
        self.cells = nn.LSTM(8, 6, batch_first=True)

    def forward(self, x, h, c):
        y, (h, c) = self.cells(x, (h.transpose(0, 1).contiguous(), c.transpose(0, 1).contiguous()))
        return y, h.transpose(0, 1), c.transpose(0, 1)


class Cells(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.cell = kind(8, 6)

    def forward(self, x, h):
        for t in range(4):
            h = self.cell(x[:, t], h)
        return h


class Quantizes(nn.Module):
    def forward(self, x):
        x = torch.fake_quantize_per_tensor_affine(x, 0.05, 3, -128, 127)
        return torch.fake_quantize_per_channel_affine(
            x, torch.full((4,), 0.1), torch.zeros(4, dtype=torch.int32), 1, 0, 255
        )


def scatter_rows(x, i):
    return torch.zeros_like(x).scatter(1, i, x)


def put(x):
    y = x.clone()
    y[:, 1:3] = 7
    y[:, 0] += x[:, 5]
    return y


def boxes_of(x):
    centers, sizes = x[..., :2] * 50, x[..., 2:4].abs() * 40 + 1
    return torch.cat([centers - sizes / 2, centers + sizes / 2], -1)


IMAGE = (4, 12, 10)
VECTOR = (8,)
SERIES = (6, 8)


def layers():
    """name -> (what makes the module or function, shapes of its inputs without the batch)"""
    unary = {
        name: (lambda f=f: f, [VECTOR])
        for name, f in {
            "abs": torch.abs,
            "acos": lambda x: torch.acos(x * 0.9),
            "asinh": torch.asinh,
            "atan2": lambda x: torch.atan2(x, x + 2),
            "ceil": torch.ceil,
            "clamp": lambda x: x.clamp(-0.5, 0.5),
            "clamp-min": lambda x: x.clamp(min=0.1),
            "cos": torch.cos,
            "cosh": torch.cosh,
            "cumsum": lambda x: x.cumsum(1),
            "cumprod": lambda x: x.cumprod(1),
            "erf": torch.erf,
            "exp": torch.exp,
            "expm1": torch.expm1,
            "floor-divide": lambda x: torch.floor_divide(x, 0.3),
            "fmod": lambda x: torch.fmod(x, 0.3),
            "remainder": lambda x: x % 0.3,
            "frac": torch.frac,
            "isnan": lambda x: torch.isnan(x / (x > 0)),
            "isinf": lambda x: torch.isinf(x / (x > 0)),
            "log": lambda x: torch.log(x + 2),
            "log10": lambda x: torch.log10(x + 2),
            "log1p": torch.log1p,
            "log2": lambda x: torch.log2(x + 2),
            "logit": lambda x: torch.logit(x.abs() * 0.9 + 0.01),
            "neg": torch.neg,
            "nan-to-num": lambda x: torch.nan_to_num(x / (x > 0)),
            "pow": lambda x: x**3,
            "pow-scalar": lambda x: 2**x,
            "reciprocal": lambda x: (x + 2).reciprocal(),
            "round": torch.round,
            "round-decimals": lambda x: torch.round(x, decimals=1),
            "rsqrt": lambda x: (x + 2).rsqrt(),
            "sign": torch.sign,
            "sinc": torch.sinc,
            "sqrt": lambda x: (x + 2).sqrt(),
            "square": torch.square,
            "tan": torch.tan,
            "trunc": torch.trunc,
            "heaviside": lambda x: torch.heaviside(x, x),
            "softmax": lambda x: x.softmax(-1),
            "log-softmax": lambda x: x.log_softmax(-1),
            "softmin": lambda x: F.softmin(x, -1),
            "gelu": F.gelu,
            "gelu-tanh": lambda x: F.gelu(x, approximate="tanh"),
            "elu": F.elu,
            "selu": F.selu,
            "celu": F.celu,
            "glu": F.glu,
            "hardtanh": F.hardtanh,
            "hardshrink": F.hardshrink,
            "softshrink": F.softshrink,
            "tanhshrink": F.tanhshrink,
            "threshold": lambda x: F.threshold(x, 0.1, 20),
            "hardsigmoid": F.hardsigmoid,
            "hardswish": F.hardswish,
            "leaky-relu": F.leaky_relu,
            "logsigmoid": F.logsigmoid,
            "mish": F.mish,
            "relu6": F.relu6,
            "rrelu": F.rrelu,
            "silu": F.silu,
            "softplus": F.softplus,
            "softsign": F.softsign,
            "normalize": F.normalize,
            "argmax": lambda x: x.argmax(1),
            "argmin-keep": lambda x: x.argmin(1, keepdim=True),
            "argsort": lambda x: x.argsort(1),
            "sort": lambda x: x.sort(1, descending=True),
            "topk": lambda x: x.topk(3),
            "max": lambda x: x.max(1),
            "min": lambda x: x.min(1),
            "amax": lambda x: x.amax(1),
            "aminmax": lambda x: torch.aminmax(x, dim=1),
            "any": lambda x: (x > 0).any(1),
            "all": lambda x: (x > 0).all(1),
            "mean": lambda x: x.mean(),
            "sum-keep": lambda x: x.sum(1, keepdim=True),
            "prod": lambda x: x.prod(1),
            "std": lambda x: x.std(1),
            "var-mean": lambda x: torch.var_mean(x, 1, unbiased=False),
            "logsumexp": lambda x: x.logsumexp(1),
            "norm": lambda x: x.norm(dim=1),
            "norm-1": lambda x: x.norm(1, dim=1),
            "norm-inf": lambda x: torch.linalg.vector_norm(x, float("inf"), dim=1),
            "count-nonzero": lambda x: (x > 0).sum(1),
            "flip": lambda x: x.flip(1),
            "roll": lambda x: x.roll(2, 1),
            "nonzero": lambda x: (x > 0).nonzero(),
            "masked-select": lambda x: x[x > 0],
            "unique": lambda x: torch.unique((x * 3).round()),
            "where-index": lambda x: torch.where(x > 0)[1],
            "put": lambda x: put(x),
            "index": lambda x: x[:, [3, 1, 1]],
            "step": lambda x: x[:, ::3],
            "negative-index": lambda x: x[:, -3:-1],
            "repeat": lambda x: x.repeat(1, 2),
            "repeat-interleave": lambda x: x.repeat_interleave(2, 1),
            "expand": lambda x: x[:, None].expand(-1, 3, -1),
            "tile": lambda x: x.tile((2, 2)),
            "chunk": lambda x: x.chunk(3, 1),
            "split": lambda x: x.split([3, 5], 1),
            "unbind": lambda x: x.unbind(1),
            "stack": lambda x: torch.stack([x, x + 1], 1),
            "one-hot": lambda x: F.one_hot(x.argmax(1), 8),
            "tril": lambda x: (x[:, :, None] * x[:, None]).tril(),
            "triu": lambda x: (x[:, :, None] * x[:, None]).triu(1),
            "diagonal": lambda x: (x[:, :, None] * x[:, None]).diagonal(dim1=1, dim2=2),
            "diag-embed": lambda x: torch.diag_embed(x),
            "eye": lambda x: x @ torch.eye(8),
            "arange": lambda x: x + torch.arange(x.shape[1]),
            "arange-batch": lambda x: torch.arange(x.shape[0]).float(),
            "linspace": lambda x: x + torch.linspace(0, 1, 8),
            "full-like": lambda x: torch.full_like(x, 3) + x,
            "zeros": lambda x: torch.zeros(x.shape[0], 3),
            "to-int": lambda x: (x * 9).int(),
            "to-half": lambda x: x.half() * 2,
            "to-double": lambda x: x.double() / 3,
            "to-bool": lambda x: x.bool(),
            "bfloat16": lambda x: (x.bfloat16() * 2).float(),
            "bitwise": lambda x: ((x * 9).int() & 3) | 4,
            "shift": lambda x: (x * 9).abs().int() << 2,
            "logical": lambda x: (x > 0) ^ (x < 0.5),
            "bucketize": lambda x: torch.bucketize(x, torch.tensor([-0.5, 0.0, 0.5])),
            "quantile": lambda x: x.quantile(0.3, 1),
            "median": lambda x: x.median(1),
            "kthvalue": lambda x: x.kthvalue(2, 1),
            "meshgrid": lambda x: torch.meshgrid(x[0], x[0], indexing="ij"),
            "outer": lambda x: torch.outer(x[0], x[0]),
            "numel": lambda x: x / x.numel(),
            "size": lambda x: x * x.shape[0],
            "scalar-item": lambda x: x[0, 0],
            "flatten": lambda x: x.flatten(),
            "view-batch": lambda x: x.view(x.shape[0], 2, -1),
            "unflatten": lambda x: x.unflatten(1, (2, 4)),
            "squeeze": lambda x: x[:, :, None].squeeze(),
            "movedim": lambda x: x[:, :, None].movedim(1, 2),
            "einsum": lambda x: torch.einsum("bi,bj->bij", x, x),
            "addcmul": lambda x: torch.addcmul(x, x, x, value=0.5),
            "lerp": lambda x: torch.lerp(x, x + 1, 0.3),
            "xlogy": lambda x: torch.xlogy(x.abs(), x.abs() + 1),
            "cdist": lambda x: torch.cdist(x, x + 1),
            "cosine": lambda x: F.cosine_similarity(x, x + 1),
            "pairwise": lambda x: F.pairwise_distance(x, x + 1),
            "complex-fft": lambda x: torch.view_as_real(torch.fft.fft(x)),
            "rfft": lambda x: torch.view_as_real(torch.fft.rfft(x)),
            "irfft": lambda x: torch.fft.irfft(torch.fft.rfft(x)),
            "rand": lambda x: x + 0 * torch.rand_like(x),
            "dropout": F.dropout,
            "isin": lambda x: torch.isin((x * 3).round(), torch.tensor([1.0, 2.0])),
            "hypot": lambda x: torch.hypot(x, x + 1),
            "maximum": lambda x: torch.maximum(x, x * 2),
            "fmin": lambda x: torch.fmin(x, x * 2),
            "trapezoid": lambda x: torch.trapezoid(x, dim=1),
            "diff": lambda x: x.diff(dim=1),
            "cummax": lambda x: x.cummax(1),
            "logcumsumexp": lambda x: x.logcumsumexp(1),
            "rot90": lambda x: x[:, :, None].rot90(1, (1, 2)),
            "special-erfinv": lambda x: torch.erfinv(x * 0.9),
        }.items()
    }
    image = {
        "conv1d": (lambda: nn.Conv1d(6, 5, 3, padding="same"), [SERIES]),
        "conv2d": (lambda: nn.Conv2d(4, 8, 3, 2, 1), [IMAGE]),
        "conv2d-groups": (lambda: nn.Conv2d(4, 8, 3, groups=2, dilation=2), [IMAGE]),
        "conv2d-circular": (lambda: nn.Conv2d(4, 8, 3, padding=1, padding_mode="circular"), [IMAGE]),
        "conv3d": (lambda: nn.Conv3d(2, 3, 3, padding=1), [(2, 5, 6, 7)]),
        "conv-transpose1d": (lambda: nn.ConvTranspose1d(6, 5, 3, 2), [SERIES]),
        "conv-transpose2d": (lambda: nn.ConvTranspose2d(4, 8, 3, 2, 1, output_padding=1), [IMAGE]),
        "conv-transpose3d": (lambda: nn.ConvTranspose3d(2, 3, 3, 2), [(2, 3, 4, 5)]),
        "max-pool1d": (lambda: nn.MaxPool1d(2), [SERIES]),
        "max-pool2d-ceil": (lambda: nn.MaxPool2d(3, 2, 1, ceil_mode=True), [IMAGE]),
        "max-pool2d-dilated": (lambda: nn.MaxPool2d(2, dilation=2), [IMAGE]),
        "max-pool3d": (lambda: nn.MaxPool3d(2), [(2, 5, 6, 7)]),
        "max-unpool": (Indices, [IMAGE]),
        "avg-pool2d": (lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False), [IMAGE]),
        "avg-pool2d-ceil": (lambda: nn.AvgPool2d(3, 2, ceil_mode=True), [IMAGE]),
        "avg-pool1d": (lambda: nn.AvgPool1d(2), [SERIES]),
        "avg-pool3d": (lambda: nn.AvgPool3d(2), [(2, 5, 6, 7)]),
        "adaptive-avg": (lambda: nn.AdaptiveAvgPool2d((3, 2)), [(4, 12, 10)]),
        "adaptive-max": (lambda: nn.AdaptiveMaxPool2d((3, 2)), [(4, 12, 10)]),
        "adaptive-avg-1": (lambda: nn.AdaptiveAvgPool1d(1), [SERIES]),
        "lp-pool": (lambda: nn.LPPool2d(2, 2), [IMAGE]),
        "batch-norm1d": (lambda: nn.BatchNorm1d(6), [SERIES]),
        "batch-norm2d": (lambda: nn.BatchNorm2d(4), [IMAGE]),
        "instance-norm": (lambda: nn.InstanceNorm2d(4, affine=True), [IMAGE]),
        "layer-norm": (lambda: nn.LayerNorm(8), [SERIES]),
        "layer-norm-2": (lambda: nn.LayerNorm((6, 8)), [SERIES]),
        "group-norm": (lambda: nn.GroupNorm(2, 4), [IMAGE]),
        "rms-norm": (lambda: nn.RMSNorm(8), [SERIES]),
        "local-response": (lambda: nn.LocalResponseNorm(2), [IMAGE]),
        "prelu": (lambda: nn.PReLU(4), [IMAGE]),
        "pad-reflect": (lambda: nn.ReflectionPad2d(2), [IMAGE]),
        "pad-replicate": (lambda: nn.ReplicationPad2d((1, 2, 3, 1)), [IMAGE]),
        "pad-constant": (lambda: nn.ConstantPad2d(1, 3.5), [IMAGE]),
        "pad-negative": (lambda: lambda x: F.pad(x, (-1, 2)), [IMAGE]),
        "pixel-shuffle": (lambda: nn.PixelShuffle(2), [IMAGE]),
        "pixel-unshuffle": (lambda: nn.PixelUnshuffle(2), [IMAGE]),
        "channel-shuffle": (lambda: nn.ChannelShuffle(2), [IMAGE]),
        "upsample-nearest": (lambda: nn.Upsample(scale_factor=2), [IMAGE]),
        "upsample-bilinear": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), [IMAGE]),
        "upsample-corners": (lambda: nn.Upsample((7, 15), mode="bilinear", align_corners=True), [IMAGE]),
        "upsample-bicubic": (lambda: nn.Upsample(scale_factor=1.5, mode="bicubic"), [IMAGE]),
        "upsample-linear": (lambda: nn.Upsample(scale_factor=2, mode="linear"), [SERIES]),
        "upsample-trilinear": (lambda: nn.Upsample(scale_factor=2, mode="trilinear"), [(2, 3, 4, 5)]),
        "interpolate-antialias": (lambda: lambda x: F.interpolate(x, (5, 6), mode="bilinear", antialias=True), [IMAGE]),
        "interpolate-area": (lambda: lambda x: F.interpolate(x, (6, 5), mode="area"), [IMAGE]),
        "grid-sample": (lambda: lambda x, g: F.grid_sample(x, g, align_corners=False), [IMAGE, (5, 6, 2)]),
        "grid-sample-border": (lambda: lambda x, g: F.grid_sample(x, g, "nearest", "border", True), [IMAGE, (5, 6, 2)]),
        "affine-grid": (lambda: lambda t: F.affine_grid(t, (t.shape[0], 4, 5, 6), align_corners=False), [(2, 3)]),
        "unfold": (lambda: nn.Unfold(3, padding=1), [IMAGE]),
        "fold": (lambda: nn.Fold((6, 6), 3, padding=1), [(27, 36)]),
        "stft": (
            lambda: lambda x: torch.view_as_real(
                torch.stft(x, 16, 8, window=torch.hann_window(16), return_complex=True)
            ),
            [(64,)],
        ),
        "quantizes": (Quantizes, [IMAGE]),
    }
    words = {
        "linear": (lambda: nn.Linear(8, 4), [VECTOR]),
        "linear-no-bias-3d": (lambda: nn.Linear(8, 4, bias=False), [SERIES]),
        "bilinear": (lambda: nn.Bilinear(8, 8, 4), [VECTOR, VECTOR]),
        "weight-norm": (Weighed, [VECTOR]),
        "embedding": (lambda: nn.Embedding(10, 4, padding_idx=0), [(10, (6,))]),
        "embedding-bag": (lambda: nn.EmbeddingBag(10, 4, mode="mean"), [(10, (6,))]),
        "buffer": (Buffers, [(10, (6,))]),
        "rnn": (lambda: LstmTop(nn.RNN), [SERIES]),
        "rnn-relu": (lambda: LstmTop(nn.RNN, nonlinearity="relu", num_layers=2), [SERIES]),
        "lstm": (lambda: LstmTop(nn.LSTM), [SERIES]),
        "lstm-projected": (lambda: LstmTop(nn.LSTM, proj_size=3), [SERIES]),
        "lstm-bidirectional": (lambda: LstmTop(nn.LSTM, bidirectional=True, num_layers=2), [SERIES]),
        "lstm-state": (WithState, [SERIES, (1, 6), (1, 6)]),
        "gru": (lambda: LstmTop(nn.GRU), [SERIES]),
        "gru-bidirectional": (lambda: LstmTop(nn.GRU, bidirectional=True), [SERIES]),
        "gru-cell": (lambda: Cells(nn.GRUCell), [SERIES, (6,)]),
        "rnn-cell": (lambda: Cells(nn.RNNCell), [SERIES, (6,)]),
        "attention": (Attends, [(5, 16), (7, 16)]),
        "attention-function": (lambda: F.scaled_dot_product_attention, [(2, 5, 8), (2, 7, 8), (2, 7, 8)]),
        "attention-causal": (
            lambda: lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
            [(2, 5, 8)] * 3,
        ),
        "transformer": (Translator, [(5, 16), (4, 16)]),
        "transformer-encoder": (
            lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), 2),
            [(5, 16)],
        ),
        "matmul": (lambda: torch.matmul, [(3, 4), (4, 5)]),
        "bmm": (lambda: torch.bmm, [(3, 4), (4, 5)]),
        "baddbmm": (lambda: torch.baddbmm, [(3, 5), (3, 4), (4, 5)]),
        "tensordot": (lambda: lambda x, y: torch.tensordot(x, y, dims=([0, 1], [0, 1])), [(3, 4), (3, 5)]),
        "gather": (lambda: lambda x, i: x.gather(1, i), [VECTOR, (8, (5,))]),
        "scatter": (lambda: scatter_rows, [VECTOR, (8, (8,))]),
        "scatter-add": (lambda: lambda x, i: x.scatter_add(1, i, x), [VECTOR, (8, (8,))]),
        "scatter-reduce": (lambda: lambda x, i: x.scatter_reduce(1, i, x, "amax"), [VECTOR, (8, (8,))]),
        "index-select": (lambda: lambda x: x.index_select(1, torch.tensor([2, 0])), [VECTOR]),
        "index-put": (
            lambda: lambda x, i: x.index_put((torch.arange(x.shape[0])[:, None], i), torch.tensor(5.0)),
            [VECTOR, (8, (2,))],
        ),
        "take-along": (lambda: lambda x, i: torch.take_along_dim(x, i, 1), [VECTOR, (8, (5,))]),
        "where": (lambda: torch.where, [("bool", (8,)), VECTOR, VECTOR]),
        "masked-fill": (lambda: lambda x, m: x.masked_fill(m, float("-inf")).softmax(1), [VECTOR, ("bool", (8,))]),
        "masked-scatter": (lambda: lambda x, m: x.masked_scatter(m, x * 2), [VECTOR, ("bool", (8,))]),
        "cross": (lambda: lambda x, y: torch.linalg.cross(x, y), [(3,), (3,)]),
        "cross-entropy": (lambda: F.cross_entropy, [VECTOR, (8, ())]),
        "mse": (lambda: F.mse_loss, [VECTOR, VECTOR]),
        "binary-cross-entropy": (
            lambda: lambda x, y: F.binary_cross_entropy_with_logits(x, y.sigmoid()),
            [VECTOR, VECTOR],
        ),
        "floor-division": (lambda: lambda a, b: a // (b + 1), [(9, (4,)), (5, (4,))]),
        "integer-arithmetic": (lambda: lambda a, b: (a * b - a) % (b + 1), [(9, (4,)), (5, (4,))]),
        "searchsorted": (lambda: lambda x: torch.searchsorted(torch.tensor([-0.5, 0.0, 0.5]), x), [VECTOR]),
        "determinant": (lambda: lambda x: torch.linalg.det(x), [(3, 3)]),
        "inverse": (lambda: lambda x: torch.linalg.inv(x + 3 * torch.eye(3)), [(3, 3)]),
        "column-stack": (lambda: lambda x, y: torch.column_stack([x, y]), [VECTOR, VECTOR]),
        "dict-output": (lambda: lambda x: {"a": x, "b": x + 1}, [VECTOR]),
    }
    return unary | image | words


def models():
    """name -> what adds it to a zoo under that name"""
    made = {
        f"{kind}-{name}": add_of(kind, make, shapes, False)
        for name, (make, shapes) in layers().items()
        for kind in ("script", "dynamo")
    }
    fixed = (
        "conv2d",
        "linear",
        "lstm",
        "attention",
        "softmax",
        "upsample-bilinear",
        "adaptive-avg",
        "nonzero",
        "topk",
        "transformer",
    )
    made |= {
        f"{kind}-{name}-fixed": add_of(kind, *layers()[name], True) for name in fixed for kind in ("script", "dynamo")
    }
    made["script-control-flow"] = add_of("script", lambda: torch.jit.script(Scripted()), [VECTOR], False)
    made["dynamo-control-flow"] = add_of("dynamo", Branches, [VECTOR], False)
    return made
