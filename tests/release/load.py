# load.py LIBRARY FOLDER: computes the digits example's sample with a library that `link --shared` made, and compares the scores with
# FOLDER/scores.json. Python stands for any program: it brings the C library of its system. No package of Python is needed.
import ctypes
import json
import struct
import sys


class Tensor(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("type", ctypes.c_int32), ("rank", ctypes.c_int32),
                ("dims", ctypes.POINTER(ctypes.c_int64)), ("data", ctypes.c_void_p)]


library = ctypes.CDLL(sys.argv[1])
model, session, result, error = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_char_p()


def call(name, *arguments):
    if getattr(library, "modelrt_" + name)(*arguments) != 0:
        sys.exit("modelrt_%s: %s" % (name, error.value))


with open(sys.argv[2] + "/samples/one.npy", "rb") as file:
    pixels = file.read()[-64 * 4:]
dims = (ctypes.c_int64 * 4)(1, 1, 8, 8)
image = Tensor(b"image", 1, 4, dims, ctypes.cast(ctypes.c_char_p(pixels), ctypes.c_void_p))
call("load_embedded", ctypes.byref(model), ctypes.byref(error))
call("session_create", model, ctypes.c_int32(0), ctypes.byref(session), ctypes.byref(error))
call("run", session, ctypes.byref(image), ctypes.c_size_t(1), ctypes.byref(result), ctypes.byref(error))
scores = Tensor()
call("result_output", result, ctypes.c_size_t(0), ctypes.byref(scores))
values = struct.unpack("10f", ctypes.string_at(scores.data, 40))
with open(sys.argv[2] + "/scores.json") as file:
    expected = json.load(file)["scores"]["data"][0]
if any(abs(value - other) > 1e-6 for value, other in zip(values, expected)):
    sys.exit("%s\nare not\n%s" % (values, expected))
