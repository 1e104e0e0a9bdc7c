"""Compares the latency of real models with ONNX Runtime's.

    python latency.py libmodelrt.so modelctl ROUNDS FOLDER…

FOLDER is one that `./dev models` makes, or one of its models. Both sides run in this process on one thread, in turns,
so that whatever else the machine does hits both; medians and 10th percentiles are compared. Needs numpy and
onnxruntime; the runtime and modelctl should be of the release preset.
"""

import ctypes as c
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnxruntime

TYPES = {"f4": 1, "u1": 2, "i1": 3, "i4": 6, "i8": 7, "b1": 9, "f2": 10, "f8": 11}


class Tensor(c.Structure):
    _fields_ = [
        ("name", c.c_char_p),
        ("type", c.c_int32),
        ("rank", c.c_int32),
        ("dims", c.POINTER(c.c_int64)),
        ("data", c.c_void_p),
    ]


class Ours:
    """A session of the C interface (lib/runtime/modelrt.h)."""

    def __init__(self, library, artifact, inputs):
        self.library, self.session, self.inputs = library, c.c_void_p(), inputs
        model, error = c.c_void_p(), c.c_char_p()
        self.check(library.modelrt_load_file(str(artifact).encode(), c.byref(model), c.byref(error)), error)
        self.check(library.modelrt_session_create(model, 1, c.byref(self.session), c.byref(error)), error)
        self.tensors = (Tensor * len(inputs))()
        for tensor, array in zip(self.tensors, inputs):
            dims = (c.c_int64 * max(1, array.ndim))(*array.shape)
            tensor.type, tensor.rank, tensor.dims = TYPES[array.dtype.str[1:]], array.ndim, dims
            tensor.data = array.ctypes.data

    @staticmethod
    def check(code, error):
        if code != 0:
            raise RuntimeError(error.value)

    def run(self):
        result, error = c.c_void_p(), c.c_char_p()
        code = self.library.modelrt_run(self.session, self.tensors, len(self.inputs), c.byref(result), c.byref(error))
        self.check(code, error)
        self.library.modelrt_result_free(result)


def load(path):
    library = c.CDLL(path)
    library.modelrt_result_free.argtypes = [c.c_void_p]
    library.modelrt_session_create.argtypes = [c.c_void_p, c.c_int32, c.c_void_p, c.c_void_p]
    library.modelrt_run.argtypes = [c.c_void_p, c.c_void_p, c.c_size_t, c.c_void_p, c.c_void_p]
    return library


def theirs(path, inputs):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    feed = dict(zip((i.name for i in session.get_inputs()), inputs))
    return lambda: session.run(None, feed)


def compare(ours, other, rounds):
    """Medians and 10th percentiles in milliseconds, ours and the other's, of runs in turns."""
    for _ in range(3):
        ours(), other()
    times = np.empty((rounds, 2))
    for i in range(rounds):
        start = time.perf_counter()
        ours()
        middle = time.perf_counter()
        other()
        times[i] = middle - start, time.perf_counter() - middle
    return np.median(times * 1e3, axis=0), np.percentile(times * 1e3, 10, axis=0)


def models_in(folders):
    """The models of folders that `./dev models` makes; a folder may be one model."""
    each = [m for f in map(pathlib.Path, folders) for m in ([f] if (f / "model.onnx").exists() else f.iterdir())]
    return sorted(m for m in each if (m / "model.onnx").exists())


def inputs_of(case):
    """The arrays of one set of inputs, in the model's order; none if text is among them."""
    inputs = [np.load(path) for path in sorted(case.glob("input_?.npy"))]
    return inputs if all(array.dtype.str[1:] in TYPES for array in inputs) else []


def main():
    library, modelctl, rounds = load(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    models = models_in(sys.argv[4:])
    print(
        f"| model | inputs | ours ms | ONNX Runtime {onnxruntime.__version__} ms | ratio of medians | of 10th percentiles |"
    )
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for model in models:
            artifact = pathlib.Path(scratch) / "artifact"
            built = subprocess.run([modelctl, "-q", "build", model / "model.onnx", "-o", artifact], capture_output=True)
            if built.returncode != 0:
                print(f"| {model.name} | | refused | | | |")
                continue
            for case in [model, *sorted(model.iterdir())]:
                inputs = inputs_of(case)
                if not inputs:
                    continue
                name = case.name if case != model else ""
                try:
                    median, low = compare(
                        Ours(library, artifact, inputs).run, theirs(model / "model.onnx", inputs), rounds
                    )
                    print(
                        f"| {model.name} | {name} | {median[0]:.3f} | {median[1]:.3f} | {median[1] / median[0]:.2f} "
                        f"| {low[1] / low[0]:.2f} |",
                        flush=True,
                    )
                except Exception as error:  # the others are worth telling
                    print(f"| {model.name} | {name} | {error} | | | |")


if __name__ == "__main__":
    main()
