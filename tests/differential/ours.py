"""modelctl, called in this process through the C interface of libmodelctl_differential.so."""
import ctypes as c
import os

import numpy as np
import onnx

NUMPY = {
    onnx.TensorProto.FLOAT: np.dtype("f4"), onnx.TensorProto.UINT8: np.dtype("u1"), onnx.TensorProto.INT8: np.dtype("i1"),
    onnx.TensorProto.UINT16: np.dtype("u2"), onnx.TensorProto.INT16: np.dtype("i2"),
    onnx.TensorProto.INT32: np.dtype("i4"), onnx.TensorProto.INT64: np.dtype("i8"),
    onnx.TensorProto.BOOL: np.dtype("?"), onnx.TensorProto.FLOAT16: np.dtype("f2"),
    onnx.TensorProto.DOUBLE: np.dtype("f8"), onnx.TensorProto.UINT32: np.dtype("u4"),
    onnx.TensorProto.UINT64: np.dtype("u8"), onnx.TensorProto.STRING: np.dtype(object),
}
ONNX = {dtype: number for number, dtype in NUMPY.items()}
UNSUPPORTED = 79
BUG = 70


class _Tensor(c.Structure):
    _fields_ = [("name", c.c_char_p), ("type", c.c_int32), ("rank", c.c_int32), ("dims", c.POINTER(c.c_int64)),
                ("data", c.c_void_p)]


class Failure(Exception):
    """What modelctl refused, with its kind (an exit code) and message."""

    def __init__(self, stage, kind, message):
        super().__init__(message)
        self.stage, self.kind, self.message = stage, kind, message


class Ours:
    def __init__(self, library):
        self.lib = c.CDLL(os.path.abspath(library))
        self.lib.modelrt_result_count.restype = c.c_size_t
        self.lib.modelrt_result_count.argtypes = [c.c_void_p]
        for name in ("model", "session", "result"):
            getattr(self.lib, f"modelrt_{name}_free").argtypes = [c.c_void_p]
        self.lib.modelrt_string_free.argtypes = [c.c_void_p]
        self.artifact = f"/dev/shm/modelctl-differential-{os.getpid()}.artifact"

    def _call(self, stage, function, *arguments):
        error = c.c_void_p()
        kind = function(*arguments, c.byref(error))
        if kind != 0:
            message = c.string_at(error).decode(errors="replace") if error else ""
            self.lib.modelrt_string_free(error)
            raise Failure(stage, kind, message.strip())

    def build(self, model, level, bindings=None):
        """A loaded model, to be run and released."""
        bindings = bindings or {}
        names = (c.c_char_p * len(bindings))(*[name.encode() for name in bindings])
        sizes = (c.c_int64 * len(bindings))(*bindings.values())
        path = self.artifact.encode()
        self._call("build", self.lib.differential_build, model, c.c_size_t(len(model)), c.c_int32(level), names, sizes,
                   c.c_size_t(len(bindings)), path)
        return Loaded(self, path)

    def print(self, model, level):
        text = c.c_void_p()
        self.lib.differential_print(model, c.c_size_t(len(model)), c.c_int32(level), c.byref(text))
        answer = c.string_at(text).decode(errors="replace")
        self.lib.modelrt_string_free(text)
        return answer


class Loaded:
    def __init__(self, ours, path):
        self.ours, self.model, self.session = ours, c.c_void_p(), c.c_void_p()
        ours._call("load", ours.lib.modelrt_load_file, path, c.byref(self.model))
        try:
            ours._call("load", ours.lib.modelrt_session_create, self.model, c.c_int32(1), c.byref(self.session))
        except Failure:
            self.close()
            raise

    def close(self):
        self.ours.lib.modelrt_session_free(self.session)
        self.ours.lib.modelrt_model_free(self.model)
        self.session = self.model = c.c_void_p()

    def run(self, feeds):
        """Outputs by name."""
        tensors, keep = (_Tensor * len(feeds))(), []
        for tensor, (name, array) in zip(tensors, feeds.items()):
            array = np.asarray(array, order="C")
            dims = (c.c_int64 * array.ndim)(*array.shape)
            if array.dtype == object:
                texts = [str(text).encode() for text in array.ravel()]
                data = (c.c_char_p * len(texts))(*texts)
                address = c.addressof(data)
            else:
                data, address = array, array.ctypes.data
            keep.append((dims, data))
            tensor.name, tensor.type, tensor.rank = name.encode(), ONNX[array.dtype], array.ndim
            tensor.dims, tensor.data = dims, address
        result = c.c_void_p()
        self.ours._call("run", self.ours.lib.modelrt_run, self.session, tensors, c.c_size_t(len(feeds)), c.byref(result))
        outputs = {}
        for index in range(self.ours.lib.modelrt_result_count(result)):
            got = _Tensor()
            self.ours.lib.modelrt_result_output(result, c.c_size_t(index), c.byref(got))
            outputs[got.name.decode()] = _array(got)
        self.ours.lib.modelrt_result_free(result)
        return outputs


def _array(tensor):
    shape = tuple(tensor.dims[axis] for axis in range(tensor.rank))
    count = int(np.prod(shape, dtype=np.int64))
    dtype = NUMPY.get(tensor.type)
    if dtype is None:
        raise Failure("run", UNSUPPORTED, f"[odd-type] an output has type {tensor.type}")
    if dtype == object:
        texts = c.cast(tensor.data, c.POINTER(c.c_char_p))
        return np.array([texts[i].decode(errors="replace") for i in range(count)], dtype=object).reshape(shape)
    if count == 0:
        return np.zeros(shape, dtype)
    return np.frombuffer(c.string_at(tensor.data, count * dtype.itemsize), dtype).reshape(shape).copy()
