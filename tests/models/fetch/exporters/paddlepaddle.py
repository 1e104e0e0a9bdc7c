"""Networks of PaddlePaddle with random weights, as paddle.onnx.export writes them by default (paddle2onnx)."""

import pathlib
import tempfile
import warnings

import numpy as np
import onnx
import paddle
import paddle.nn.functional as F
from paddle import nn
from paddle.vision import models as vision

from zoo import draw, draw_ints

warnings.filterwarnings("ignore")
IMAGE, SERIES, VECTOR = (4, 12, 10), (6, 8), (8,)


class Of(nn.Layer):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class OfTwo(Of):
    def forward(self, x, y):  # the exporter takes as many inputs as are named here
        return self.function(x, y)


class Cells(nn.Layer):
    def __init__(self, kind, **options):
        super().__init__()
        self.cells = kind(8, 6, **options)

    def forward(self, x):
        return self.cells(x)[0]


class Attends(nn.Layer):
    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(16, 4, 32)

    def forward(self, x):
        return self.layer(x)


class Squeeze(nn.Layer):
    """The block of PP-LCNet: a depthwise convolution, squeeze and excitation."""

    def __init__(self):
        super().__init__()
        self.a = nn.Sequential(
            nn.Conv2D(4, 4, 3, padding=1, groups=4, bias_attr=False), nn.BatchNorm2D(4), nn.Hardswish()
        )
        self.b, self.c = nn.Conv2D(4, 2, 1), nn.Conv2D(2, 4, 1)
        self.pool = nn.AdaptiveAvgPool2D(1)

    def forward(self, x):
        x = self.a(x)
        return x * F.hardsigmoid(self.c(F.relu(self.b(self.pool(x)))))


class Recognizer(nn.Layer):
    """As PaddleOCR recognizes a line: a convolutional network, its columns as a sequence, a recurrent one, scores for CTC."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2D(3, 8, 3, 2, 1),
            nn.BatchNorm2D(8),
            nn.ReLU(),
            nn.Conv2D(8, 12, 3, (2, 1), 1),
            nn.Hardswish(),
            nn.MaxPool2D((8, 1)),
        )
        self.cells = nn.LSTM(12, 10, direction="bidirect")
        self.head = nn.Linear(20, 30)

    def forward(self, x):
        x = self.features(x).squeeze(2).transpose([0, 2, 1])
        return F.softmax(self.head(self.cells(x)[0]), -1)


class Detector(nn.Layer):
    """As PaddleOCR finds lines: a pyramid of features and a map of probabilities (DB)."""

    def __init__(self):
        super().__init__()
        self.down = nn.LayerList([nn.Conv2D(3 if i == 0 else 8, 8, 3, 2, 1) for i in range(3)])
        self.side = nn.LayerList([nn.Conv2D(8, 8, 1) for _ in range(3)])
        self.head = nn.Sequential(
            nn.Conv2D(8, 4, 3, padding=1),
            nn.BatchNorm(4, act="relu"),
            nn.Conv2DTranspose(4, 4, 2, 2),
            nn.ReLU(),
        )
        self.last = nn.Conv2D(4, 1, 1)

    def forward(self, x):
        levels = []
        for layer in self.down:
            x = F.relu(layer(x))
            levels.append(x)
        y = self.side[2](levels[2])
        for i in (1, 0):
            y = self.side[i](levels[i]) + F.upsample(y, scale_factor=2.0, mode="nearest", align_mode=1)
        return F.sigmoid(self.last(self.head(y)))


def layers():
    """name -> (what makes the layer or function, shape and type of each input without the batch)"""
    unary = {
        "relu": F.relu,
        "relu6": F.relu6,
        "gelu": F.gelu,
        "silu": F.silu,
        "swish": F.swish,
        "hardswish": F.hardswish,
        "hardsigmoid": F.hardsigmoid,
        "leaky-relu": F.leaky_relu,
        "elu": F.elu,
        "selu": F.selu,
        "mish": F.mish,
        "softplus": F.softplus,
        "log-softmax": F.log_softmax,
        "softmax": F.softmax,
        "exp": paddle.exp,
        "sqrt": lambda x: (x + 2).sqrt(),
        "rsqrt": lambda x: (x + 2).rsqrt(),
        "floor": paddle.floor,
        "round": paddle.round,
        "clip": lambda x: x.clip(-0.5, 0.5),
        "cumsum": lambda x: x.cumsum(1),
        "argmax": lambda x: x.argmax(1),
        "argsort": lambda x: x.argsort(1),
        "topk": lambda x: x.topk(3),
        "sort": lambda x: x.sort(1),
        "mean": lambda x: x.mean(1),
        "sum": lambda x: x.sum(1, keepdim=True),
        "max": lambda x: x.max(1),
        "prod": lambda x: x.prod(1),
        "norm": lambda x: x.norm(2, 1),
        "logsumexp": lambda x: x.logsumexp(1),
        "flip": lambda x: x.flip(1),
        "roll": lambda x: x.roll(2, 1),
        "tile": lambda x: x.tile([1, 2]),
        "expand": lambda x: x.unsqueeze(1).expand([-1, 3, -1]),
        "split": lambda x: x.split(2, 1),
        "chunk": lambda x: x.chunk(4, 1),
        "stack": lambda x: paddle.stack([x, x + 1], 1),
        "concat": lambda x: paddle.concat([x, x], 1),
        "slice": lambda x: x[:, 1:7:2],
        "where": lambda x: paddle.where(x > 0, x, x * 2),
        "nonzero": lambda x: paddle.nonzero(x > 0),
        "masked-select": lambda x: paddle.masked_select(x, x > 0),
        "one-hot": lambda x: F.one_hot(x.argmax(1), 8),
        "cast": lambda x: (x * 9).astype("int32"),
        "pow": lambda x: x**3,
        "remainder": lambda x: x % 0.3,
        "floor-divide": lambda x: x // 0.3,
        "isnan": lambda x: paddle.isnan(x),
        "erf": paddle.erf,
        "abs": paddle.abs,
        "sign": paddle.sign,
        "log1p": paddle.log1p,
        "full": lambda x: x + paddle.full([8], 2.0),
        "arange": lambda x: x + paddle.arange(8, dtype="float32"),
        "tril": lambda x: paddle.tril(x.unsqueeze(2) * x.unsqueeze(1)),
        "einsum": lambda x: paddle.einsum("bi,bj->bij", x, x),
        "reshape": lambda x: x.reshape([0, 2, -1]),
        "flatten": lambda x: x.unsqueeze(1).flatten(),
        "index-select": lambda x: x.index_select(paddle.to_tensor([2, 0]), 1),
        "unique": lambda x: paddle.unique((x * 3).round()),
        "dropout": lambda x: F.dropout(x, training=False),
        "normalize": F.normalize,
        "glu": F.glu,
        "meshgrid": lambda x: paddle.meshgrid(x[0], x[0]),
        "unstack": lambda x: x.unbind(1),
    }
    made = {name: (lambda f=f: Of(f), [(VECTOR, "float32")]) for name, f in unary.items()}
    of = lambda make, shape=IMAGE, dtype="float32": (make, [(shape, dtype)])
    return made | {
        "linear": of(lambda: nn.Linear(8, 4), VECTOR),
        "conv1d": of(lambda: nn.Conv1D(6, 5, 3, padding=1), SERIES),
        "conv2d": of(lambda: nn.Conv2D(4, 8, 3, 2, 1)),
        "conv2d-same": of(lambda: nn.Conv2D(4, 8, 3, 2, "SAME")),
        "conv2d-dilated": of(lambda: nn.Conv2D(4, 8, 3, dilation=2, groups=2)),
        "conv2d-transpose": of(lambda: nn.Conv2DTranspose(4, 8, 3, 2, 1, output_padding=1)),
        "conv3d": of(lambda: nn.Conv3D(2, 3, 3, padding=1), (2, 5, 6, 7)),
        "max-pool": of(lambda: nn.MaxPool2D(3, 2, 1)),
        "max-pool-ceil": of(lambda: nn.MaxPool2D(3, 2, ceil_mode=True)),
        "avg-pool": of(lambda: nn.AvgPool2D(3, 2, 1)),
        "avg-pool-ceil": of(lambda: nn.AvgPool2D(3, 2, ceil_mode=True, exclusive=False)),
        "adaptive-avg": of(lambda: nn.AdaptiveAvgPool2D(1)),
        "adaptive-avg-3": of(lambda: nn.AdaptiveAvgPool2D((3, 2))),
        "adaptive-max": of(lambda: nn.AdaptiveMaxPool2D(1)),
        "batch-norm": of(lambda: nn.BatchNorm2D(4)),
        "batch-norm1d": of(lambda: nn.BatchNorm1D(6), SERIES),
        "instance-norm": of(lambda: nn.InstanceNorm2D(4)),
        "group-norm": of(lambda: nn.GroupNorm(2, 4)),
        "layer-norm": of(lambda: nn.LayerNorm(8), SERIES),
        "rms-norm": of(lambda: Of(lambda x: x * paddle.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5)), SERIES),
        "prelu": of(lambda: nn.PReLU(4)),
        "pad-reflect": of(lambda: nn.Pad2D(2, "reflect")),
        "pad-replicate": of(lambda: nn.Pad2D([1, 2, 3, 1], "replicate")),
        "pad-constant": of(lambda: nn.Pad2D(1, value=3.5)),
        "pixel-shuffle": of(lambda: nn.PixelShuffle(2)),
        "upsample-nearest": of(lambda: nn.Upsample(scale_factor=2.0)),
        "upsample-bilinear": of(lambda: nn.Upsample(scale_factor=2.0, mode="bilinear")),
        "upsample-corners": of(lambda: nn.Upsample([7, 15], mode="bilinear", align_corners=True)),
        "upsample-mode-1": of(lambda: nn.Upsample([7, 15], mode="bilinear", align_mode=1)),
        "upsample-bicubic": of(lambda: nn.Upsample(scale_factor=2.0, mode="bicubic")),
        "interpolate-like": of(lambda: Of(lambda x: F.interpolate(x, x.shape[2:], mode="nearest"))),
        "unfold": of(lambda: nn.Unfold(3, paddings=1)),
        "grid-sample": (lambda: OfTwo(lambda x, g: F.grid_sample(x, g)), [(IMAGE, "float32"), ((5, 6, 2), "float32")]),
        "embedding": of(lambda: nn.Embedding(10, 4), (6,), "int64"),
        "simple-rnn": of(lambda: Cells(nn.SimpleRNN), SERIES),
        "lstm": of(lambda: Cells(nn.LSTM), SERIES),
        "lstm-bidirect": of(lambda: Cells(nn.LSTM, direction="bidirect", num_layers=2), SERIES),
        "gru": of(lambda: Cells(nn.GRU), SERIES),
        "transformer-encoder": of(Attends, (5, 16)),
        "matmul": (lambda: OfTwo(paddle.matmul), [((3, 4), "float32"), ((4, 5), "float32")]),
        "matmul-transposed": (
            lambda: OfTwo(lambda x, y: paddle.matmul(x, y, transpose_y=True)),
            [((3, 4), "float32"), ((5, 4), "float32")],
        ),
        "gather": (lambda: OfTwo(lambda x, i: paddle.take_along_axis(x, i, 1)), [(VECTOR, "float32"), ((3,), "int64")]),
        "scatter": (
            lambda: OfTwo(lambda x, i: paddle.put_along_axis(x, i, 5.0, 1)),
            [(VECTOR, "float32"), ((3,), "int64")],
        ),
        "squeeze-excite": of(Squeeze),
        "ocr-recognizer": of(Recognizer, (3, 32, 40)),
        "ocr-detector": of(Detector, (3, 32, 64)),
        "resnet18": of(lambda: vision.resnet18(num_classes=5), (3, 64, 64)),
        "mobilenet-v2": of(lambda: vision.mobilenet_v2(scale=0.35, num_classes=5), (3, 64, 64)),
        "mobilenet-v3": of(lambda: vision.mobilenet_v3_small(num_classes=5), (3, 64, 64)),
        "shufflenet": of(lambda: vision.shufflenet_v2_x0_25(num_classes=5), (3, 64, 64)),
        "squeezenet": of(lambda: vision.squeezenet1_1(num_classes=5), (3, 64, 64)),
        "densenet": of(lambda: vision.densenet121(num_classes=5), (3, 64, 64)),
    }


def inputs_of(shapes, batch):
    return [
        draw(k + batch, batch, *shape) if dtype == "float32" else draw_ints(k + batch, 5, batch, *shape)
        for k, (shape, dtype) in enumerate(shapes)
    ]


def add_of(make, shapes):
    def add(zoo, name):
        paddle.seed(0)
        model = make()
        model.eval()
        for part, value in model.named_buffers():
            if part.endswith("_variance"):
                value.set_value(paddle.to_tensor(draw(1, *value.shape) * 0.5 + 1))
        specs = [paddle.static.InputSpec([None, *shape], dtype, f"x{k}") for k, (shape, dtype) in enumerate(shapes)]
        with tempfile.TemporaryDirectory() as folder:
            paddle.onnx.export(model, f"{folder}/model", input_spec=specs)
            written = onnx.load(pathlib.Path(folder) / "model.onnx")
        zoo.add(name, written, {str(n): inputs_of(shapes, n) for n in (1, 2, 5)})

    return add


def models():
    """name -> what adds it to a zoo under that name"""
    return {"paddle-" + name: add_of(make, shapes) for name, (make, shapes) in layers().items()}
