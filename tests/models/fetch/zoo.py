"""A folder of models as tests/end_to_end/zoo_test.cpp reads it, written with the outputs of ONNX Runtime,
its optimizations off; with them on it must answer the same.

    FOLDER/NAME/model.onnx
    FOLDER/NAME/CASE/input_0.npy …, output_0.npy …     one folder for each set of inputs, by position

An output that is a sequence of maps (ZipMap) is output_N.npy, one row of values for each map, and output_N.keys.npy.
"""

import pathlib
import shutil

import numpy as np
import onnxruntime

NUMPY_OF = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(uint8)": np.uint8,
    "tensor(bool)": np.bool_,
}


def session_of(path, level):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.graph_optimization_level = level
    # Products of 8-bit numbers saturate on older CPUs unless they are told not to.
    options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


class Zoo:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def has(self, name):
        return (self.folder / name / "done").exists()

    def add(self, name, model, cases):
        """model: a file to copy or an onnx.ModelProto; cases: {case: list of arrays in the order of the inputs}"""
        home = self.folder / name
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        path = home / "model.onnx"
        if isinstance(model, (str, pathlib.Path)):
            shutil.copy(model, path)
        else:
            path.write_bytes(model.SerializeToString())
        # What the file says, and what the engine makes of it.
        plain = session_of(path, onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL)
        optimized = session_of(path, onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL)
        for case, inputs in cases.items():
            self._write_case(home / case, plain, optimized, inputs)
        (home / "done").touch()
        print(f"  {name}: {path.stat().st_size} bytes, {len(cases)} cases", flush=True)

    @staticmethod
    def _write_case(folder, plain, optimized, inputs):
        folder.mkdir()
        formals = plain.get_inputs()
        assert len(formals) == len(inputs), [f.name for f in formals]
        feed = {}
        for i, (formal, value) in enumerate(zip(formals, inputs)):
            value = np.asarray(value, order="C")  # not ascontiguousarray: that makes a list of a single number
            if formal.type in NUMPY_OF:
                value = value.astype(NUMPY_OF[formal.type])
            np.save(folder / f"input_{i}.npy", value)
            feed[formal.name] = value.astype(object) if value.dtype.kind == "U" else value
        outputs = plain.run(None, feed)
        for output, other in zip(outputs, optimized.run(None, feed)):
            if isinstance(output, np.ndarray) and output.dtype.kind == "f":
                # An answer that hangs on how the last bit was rounded can be held to nothing: take other inputs.
                np.testing.assert_allclose(other, output, rtol=1e-3, atol=1e-4, err_msg=str(folder))
        for i, output in enumerate(outputs):
            if isinstance(output, list):  # ZipMap's
                keys = list(output[0])
                np.save(folder / f"output_{i}.keys.npy", np.array(keys))
                output = np.array([[row[key] for key in keys] for row in output], np.float32)
            elif output.dtype == object:
                output = output.astype(str)
            np.save(folder / f"output_{i}.npy", output)


def draw(seed, *shape):
    """Deterministic numbers in [-1, 1), the same on every machine."""
    return np.random.Generator(np.random.PCG64(seed)).uniform(-1, 1, shape).astype(np.float32)


def draw_ints(seed, below, *shape):
    return np.random.Generator(np.random.PCG64(seed)).integers(0, below, shape)
