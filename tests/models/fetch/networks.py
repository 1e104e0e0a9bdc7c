"""Well-known families of networks with random weights, written by PyTorch's exporters, sizes dynamic where users want it."""

import io
import warnings

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from zoo import draw, draw_ints

warnings.filterwarnings("ignore")
torch.set_num_threads(1)


def export(model, inputs, names, outputs, dynamic):
    """Today's exporter. dynamic: {input: {axis: name}}"""
    shapes = tuple({axis: torch.export.Dim.DYNAMIC for axis in dynamic.get(name, {})} for name in names)
    program = torch.onnx.export(
        model, inputs, None, input_names=names, output_names=outputs, dynamic_shapes=shapes, dynamo=True, verbose=False
    )
    return program.model_proto


def export_classic(model, inputs, names, outputs, dynamic, opset=17):
    """The exporter by tracing, whose files are in everybody's hands."""
    written = io.BytesIO()
    torch.onnx.export(
        model,
        inputs,
        written,
        input_names=names,
        output_names=outputs,
        dynamic_axes=dynamic,
        opset_version=opset,
        dynamo=False,
    )
    import onnx

    return onnx.load_from_string(written.getvalue())


def settle(model, seed):
    """Random weights, and statistics of batch normalization that differ from one channel to the next."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
    return model.eval()


def conv_norm(into, out, size=3, stride=1, groups=1, act=nn.ReLU):
    layers = [nn.Conv2d(into, out, size, stride, size // 2, groups=groups, bias=False), nn.BatchNorm2d(out)]
    return nn.Sequential(*layers, *([act()] if act else []))


class Basic(nn.Module):
    def __init__(self, into, out, stride):
        super().__init__()
        self.first = conv_norm(into, out, 3, stride)
        self.second = conv_norm(out, out, act=None)
        self.shortcut = conv_norm(into, out, 1, stride, act=None) if stride > 1 or into != out else nn.Identity()

    def forward(self, x):
        return F.relu(self.second(self.first(x)) + self.shortcut(x))


class ResNet(nn.Module):
    """ResNet-18 of half the width."""

    def __init__(self, width=32, labels=1000):
        super().__init__()
        self.stem = nn.Sequential(conv_norm(3, width, 7, 2), nn.MaxPool2d(3, 2, 1))
        blocks, into = [], width
        for stage in range(4):
            out = width << stage
            blocks += [Basic(into, out, 2 if stage else 1), Basic(out, out, 1)]
            into = out
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(into, labels)

    def forward(self, x):
        return self.head(F.adaptive_avg_pool2d(self.blocks(self.stem(x)), 1).flatten(1))


class Inverted(nn.Module):
    def __init__(self, into, out, stride, expand):
        super().__init__()
        hidden = into * expand
        layers = [conv_norm(into, hidden, 1, act=nn.ReLU6)] if expand > 1 else []
        layers += [conv_norm(hidden, hidden, 3, stride, hidden, nn.ReLU6), conv_norm(hidden, out, 1, act=None)]
        self.layers = nn.Sequential(*layers)
        self.adds = stride == 1 and into == out

    def forward(self, x):
        return x + self.layers(x) if self.adds else self.layers(x)


class MobileNetV2(nn.Module):
    def __init__(self, labels=1000):
        super().__init__()
        layers, into = [conv_norm(3, 32, 3, 2, act=nn.ReLU6)], 32
        stages = [
            (1, 16, 1, 1),
            (6, 24, 2, 2),
            (6, 32, 3, 2),
            (6, 64, 4, 2),
            (6, 96, 3, 1),
            (6, 160, 3, 2),
            (6, 320, 1, 1),
        ]
        for expand, out, count, stride in stages:
            for i in range(count):
                layers.append(Inverted(into, out, stride if i == 0 else 1, expand))
                into = out
        self.layers = nn.Sequential(*layers, conv_norm(into, 1280, 1, act=nn.ReLU6))
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, labels))

    def forward(self, x):
        return self.head(self.layers(x).mean([2, 3]))


class UNet(nn.Module):
    def __init__(self, width=16, depth=3):
        super().__init__()

        def double(into, out):
            return nn.Sequential(conv_norm(into, out), conv_norm(out, out))

        self.down = nn.ModuleList([double(3 if i == 0 else width << (i - 1), width << i) for i in range(depth)])
        self.bottom = double(width << (depth - 1), width << depth)
        self.up = nn.ModuleList(
            [nn.ConvTranspose2d(width << (i + 1), width << i, 2, 2) for i in reversed(range(depth - 1, depth))]
        )
        self.rest = nn.ModuleList([nn.Conv2d(width << (i + 1), width << i, 1) for i in reversed(range(depth - 1))])
        self.join = nn.ModuleList([double(width << (i + 1), width << i) for i in reversed(range(depth))])
        self.head = nn.Conv2d(width, 2, 1)

    def forward(self, x):
        kept = []
        for block in self.down:
            x = block(x)
            kept.append(x)
            x = F.max_pool2d(x, 2)
        x = self.bottom(x)
        for i, join in enumerate(self.join):
            if i == 0:
                x = self.up[0](x)
            else:  # the other common way up
                x = self.rest[i - 1](F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False))
            x = join(torch.cat([kept.pop(), x], 1))
        return self.head(x).sigmoid()


class RmsNorm(nn.Module):
    """Written out, as the models' own code has it; torch has one of its own only lately."""

    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(0.5, 1.5, size))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.weight


class Decoder(nn.Module):
    """Two layers as Llama has them: RMS norm, rotary positions, grouped queries, gated feed-forward; cache in and out."""

    layers, heads, groups, size, vocabulary, hidden = 2, 8, 4, 16, 512, 352

    def __init__(self):
        super().__init__()
        width = self.heads * self.size
        self.embed = nn.Embedding(self.vocabulary, width)
        self.parts = nn.ModuleList()
        for _ in range(self.layers):
            part = nn.Module()
            part.norm, part.after = RmsNorm(width), RmsNorm(width)
            part.q = nn.Linear(width, width, bias=False)
            part.k = nn.Linear(width, self.groups * self.size, bias=False)
            part.v = nn.Linear(width, self.groups * self.size, bias=False)
            part.o = nn.Linear(width, width, bias=False)
            part.gate, part.up = nn.Linear(width, self.hidden, bias=False), nn.Linear(width, self.hidden, bias=False)
            part.down = nn.Linear(self.hidden, width, bias=False)
            self.parts.append(part)
        self.norm = RmsNorm(width)
        self.head = nn.Linear(width, self.vocabulary, bias=False)
        self.register_buffer("rates", 10000.0 ** (-torch.arange(0, self.size, 2) / self.size))

    def rotate(self, x, positions):
        angles = positions[:, None, :, None] * self.rates
        angles = torch.cat([angles, angles], -1)
        left, right = x.chunk(2, -1)
        return x * angles.cos() + torch.cat([-right, left], -1) * angles.sin()

    def forward(self, ids, mask, key_0, value_0, key_1, value_1):  # the exporter wants them one by one
        cache = [key_0, value_0, key_1, value_1]
        batch, length = ids.shape
        total = mask.shape[1]
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, total - length :]
        rows = torch.arange(total - length, total)[:, None]
        seen = (torch.arange(total)[None, :] <= rows)[None, None] & mask[:, None, None, :].bool()
        x, kept = self.embed(ids), []
        for i, part in enumerate(self.parts):
            h = part.norm(x)

            def split(y, count):
                return y.view(batch, length, count, self.size).transpose(1, 2)

            q = self.rotate(split(part.q(h), self.heads), positions)
            k = torch.cat([cache[2 * i], self.rotate(split(part.k(h), self.groups), positions)], 2)
            v = torch.cat([cache[2 * i + 1], split(part.v(h), self.groups)], 2)
            kept += [k, v]
            k, v = (t.repeat_interleave(self.heads // self.groups, 1) for t in (k, v))
            h = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
            x = x + part.o(h.transpose(1, 2).reshape(batch, length, -1))
            h = part.after(x)
            x = x + part.down(F.silu(part.gate(h)) * part.up(h))
        return (self.head(self.norm(x)), *kept)


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.embed = nn.Embedding(200, 32)
        self.cells = kind(32, 48, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(96, 5)

    def forward(self, ids):
        y, _ = self.cells(self.embed(ids))
        return self.head(y.mean(1)).log_softmax(-1), y


class Encoder(nn.Module):
    """As torch's own transformer has it."""

    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(64, 4, 128, 0.0, "gelu", batch_first=True, norm_first=True)
        self.embed = nn.Embedding(100, 64)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, ids):
        return self.layers(self.embed(ids))


def decoder_inputs(batch, length, past):
    cache = [draw(i + past, batch, Decoder.groups, past, Decoder.size) for i in range(2 * Decoder.layers)]
    mask = np.ones((batch, past + length), np.int64)
    if batch > 1:
        mask[1, :2] = 0  # padded on the left
    return [draw_ints(length + past, Decoder.vocabulary, batch, length), mask, *cache]


def tensors(inputs):
    return tuple(torch.from_numpy(np.ascontiguousarray(x)) for x in inputs)


def of_images(model, writer, sizes, dynamic):
    def add(zoo, name):
        torch.manual_seed(0)
        batch, height, width = sizes[0]
        example = tensors([draw(0, max(batch, 2), 3, height, width)])
        written = writer(settle(model(), 0), example, ["image"], ["y"], {"image": dynamic})
        zoo.add(name, written, {f"{n}x{h}x{w}": [draw(h + w, n, 3, h, w)] for n, h, w in sizes})

    return add


def of_texts(model, writer, below, outputs):
    def add(zoo, name):
        torch.manual_seed(0)
        dynamic = {"ids": {0: "batch", 1: "length"}, **{output: {0: "batch"} for output in outputs}}
        written = writer(model().eval(), tensors([draw_ints(0, below, 2, 9)]), ["ids"], outputs, dynamic)
        zoo.add(name, written, {f"{b}x{s}": [draw_ints(s, below, b, s)] for b, s in ((1, 7), (3, 64), (1, 1))})

    return add


def of_decoder(writer):
    def add(zoo, name):
        torch.manual_seed(0)
        caches = [f"{half}.{i}" for i in range(Decoder.layers) for half in ("key", "value")]
        dynamic = {"ids": {0: "batch", 1: "length"}, "mask": {0: "batch", 1: "total"}}
        dynamic |= {"past." + cache: {0: "batch", 2: "past"} for cache in caches}
        names = ["ids", "mask", *("past." + cache for cache in caches)]
        outputs = ["logits", *("present." + cache for cache in caches)]
        written = writer(Decoder().eval(), tensors(decoder_inputs(2, 3, 5)), names, outputs, dynamic)
        sizes = ((1, 7, 0), (1, 1, 7), (1, 1, 8), (3, 5, 64))
        zoo.add(name, written, {f"{b}x{s}+{p}": decoder_inputs(b, s, p) for b, s, p in sizes})

    return add


def models():
    """name -> what adds it to a zoo under that name"""
    batch, free = {0: "batch"}, {0: "batch", 2: "height", 3: "width"}
    large, small = [(1, 224, 224), (3, 224, 224)], [(1, 128, 128), (3, 64, 96), (1, 96, 160)]
    return {
        "torch-resnet": of_images(ResNet, export, large, batch),
        "torch-resnet-classic": of_images(ResNet, export_classic, [*large, (1, 160, 96)], free),
        "torch-mobilenet-v2": of_images(MobileNetV2, export, large, batch),
        "torch-unet": of_images(UNet, export_classic, small, free),
        "torch-decoder": of_decoder(export),
        "torch-decoder-classic": of_decoder(export_classic),
        "torch-gru": of_texts(lambda: Recurrent(nn.GRU), export_classic, 200, ["scores", "states"]),
        "torch-lstm": of_texts(lambda: Recurrent(nn.LSTM), export_classic, 200, ["scores", "states"]),
        "torch-encoder": of_texts(Encoder, export, 100, ["y"]),
    }
