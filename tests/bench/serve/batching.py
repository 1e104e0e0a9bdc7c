"""A row of run.py: what batching is worth, for models of real sizes with random weights.

MiniLM-L6 (384 wide, 6 layers, 12 heads, 30522 words) on sentences of 16 words, and ResNet-18 on images of 64 x 64.
`bench` measures first what rows together cost next to rows alone: more throughput than that no server can have.
"""

import contextlib
import http.client
import json
import statistics
import struct
import subprocess

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

WORDS = 16
BATCH = 16


class Graph:
    def __init__(self, seed=1):
        self.random = numpy.random.default_rng(seed)
        self.nodes, self.weights, self.count = [], [], 0

    def constant(self, array):
        self.count += 1
        self.weights.append(numpy_helper.from_array(numpy.ascontiguousarray(array), f"w{self.count}"))
        return f"w{self.count}"

    def weight(self, *shape, scale=0.05):
        return self.constant((self.random.standard_normal(shape) * scale).astype(numpy.float32))

    def __call__(self, operator, *inputs, **attributes):
        self.count += 1
        self.nodes.append(helper.make_node(operator, list(inputs), [f"t{self.count}"], **attributes))
        return f"t{self.count}"

    def save(self, path, name, inputs, output, shape):
        graph = helper.make_graph(
            self.nodes + [helper.make_node("Identity", [output], ["y"])], name, inputs,
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)], self.weights)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def minilm(path, words=30522, width=384, layers=6, heads=12, inner=1536, longest=512):
    g = Graph()

    def shape(*sizes):
        return g.constant(numpy.array(sizes, numpy.int64))

    def norm(x):
        return g("LayerNormalization", x, g.constant(numpy.ones(width, numpy.float32)), g.weight(width), axis=-1)

    def dense(x, inputs, outputs):
        return g("Add", g("MatMul", x, g.weight(inputs, outputs)), g.weight(outputs))

    def per_head(x, order):
        return g("Transpose", g("Reshape", x, shape(0, 0, heads, width // heads)), perm=order)

    positions = g.constant((g.random.standard_normal((1, WORDS, width)) * 0.05).astype(numpy.float32))
    x = norm(g("Add", g("Gather", g.weight(words, width), "x"), positions))
    scale = g.constant(numpy.float32((width // heads) ** -0.5))
    for _ in range(layers):
        q = per_head(dense(x, width, width), (0, 2, 1, 3))
        k = per_head(dense(x, width, width), (0, 2, 3, 1))
        v = per_head(dense(x, width, width), (0, 2, 1, 3))
        seen = g("MatMul", g("Softmax", g("Mul", g("MatMul", q, k), scale), axis=-1), v)
        merged = g("Reshape", g("Transpose", seen, perm=(0, 2, 1, 3)), shape(0, 0, width))
        x = norm(g("Add", x, dense(merged, width, width)))
        h = dense(x, width, inner)
        half, one = g.constant(numpy.float32(0.5)), g.constant(numpy.float32(1))
        erf = g("Erf", g("Mul", h, g.constant(numpy.float32(0.5 ** 0.5))))
        h = g("Mul", g("Mul", h, half), g("Add", erf, one))
        x = norm(g("Add", x, dense(h, inner, width)))
    y = g("ReduceMean", x, axes=[1], keepdims=0)
    g.save(path, "minilm", [helper.make_tensor_value_info("x", TensorProto.INT64, ["n", WORDS])], y, ["n", width])


def resnet18(path, classes=1000):
    g = Graph()

    def conv(x, inputs, outputs, size, stride=1):
        scale = (2 / (inputs * size * size)) ** 0.5
        return g("Conv", x, g.weight(outputs, inputs, size, size, scale=scale), g.weight(outputs, scale=0.01),
                 kernel_shape=[size, size], strides=[stride, stride], pads=[size // 2] * 4)

    x = g("Relu", conv("x", 3, 64, 7, 2))
    x = g("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    before = 64
    for width, stride in ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)):
        shortcut = x if before == width and stride == 1 else conv(x, before, width, 1, stride)
        inner = g("Relu", conv(x, before, width, 3, stride))
        x = g("Relu", g("Add", conv(inner, width, width, 3), shortcut))
        before = width
    x = g("Flatten", g("GlobalAveragePool", x))
    y = g("Gemm", x, g.weight(512, classes), g.weight(classes))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 64, 64])
    g.save(path, "resnet18", [x], y, ["n", classes])


MODELS = {
    "minilm": (minilm, "INT64", [1, WORDS], struct.pack(f"<{WORDS}q", *range(100, 100 + WORDS))),
    "resnet18": (resnet18, "FP32", [1, 3, 64, 64],
                 struct.pack(f"<{3 * 64 * 64}f", *(i % 255 / 255 for i in range(3 * 64 * 64)))),
}


def worth(bench, name):
    """How much faster rows are together than alone, on one thread, as a worker runs them."""
    taken = {1: [], BATCH: []}
    for _ in range(bench.options.rounds):
        for rows, seconds in taken.items():
            artifact = bench.folder / f"{name}.artifact"
            done = subprocess.run(
                [bench.options.modelctl, "--output", "json", "bench", artifact, "--threads", "1", "--bind", f"n={rows}",
                 "--seconds", "1"], check=True, capture_output=True, text=True)
            seconds.append(json.loads(done.stdout)["seconds"]["p50"] / rows)
    alone, together = (statistics.median(seconds) for seconds in taken.values())
    print(f"\n{name} by `bench`, 1 thread: {alone * 1e3:.2f} ms for a row alone, {together * 1e3:.2f} ms for each of "
          f"{BATCH}: {alone / together:.2f}x", flush=True)
    bench.results[f"{name}, bench"] = {"alone": alone, "together": together}


def mean_batch(server):
    """Of all batches until now; nan if the version is not batched."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
    value = {line.split("{")[0]: float(line.split()[-1]) for line in lines if line.startswith("modelctl_batch")}
    if not value.get("modelctl_batching"):
        return float("nan")
    return value["modelctl_batch_size_sum"] / value["modelctl_batch_size_count"]


def batching(bench):
    """32 clients, with and without batches."""
    for name, (make, datatype, shape, data) in MODELS.items():
        make(bench.folder / f"{name}.onnx")
        off = bench.modelctl(name)
        on = bench.modelctl(name, flags=("--batch-max", str(BATCH)))
        patient = bench.modelctl(name, flags=("--batch-max", str(BATCH), "--batch-delay", "0.005"))
        worth(bench, name)
        head = json.dumps({"inputs": [{"name": "x", "datatype": datatype, "shape": shape,
                                       "parameters": {"binary_data_size": len(data)}}],
                           "parameters": {"binary_data_output": True}}).encode()
        headers = (f"Inference-Header-Content-Length: {len(head)}",)
        path = f"/v2/models/{name}/infer"
        length = {"Inference-Header-Content-Length": str(len(head))}
        if len({one.wait(path, head + data, length) for one in (off, on, patient)}) != 1:
            raise RuntimeError("the answers differ")
        measures = {label: lambda one=one: bench.wrk(one, path, head + data, headers, 32)
                    for label, one in ((f"batches of up to {BATCH}", on), ("the same, 5 ms of delay", patient),
                                       ("no batches", off))}
        for measure in measures.values():
            measure()  # each size of a batch is tried out before it is used, which takes twice as long
        bench.rounds(f"{name}, binary, 32 connections", measures)
        for one in (on, patient):
            print(f"rows of a batch: {mean_batch(one):.1f}")
