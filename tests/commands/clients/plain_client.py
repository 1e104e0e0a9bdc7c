# /predict with what NumPy and pandas write, plain and compressed, and TensorFlow Serving's requests as documented.
import gzip
import io
import json
import sys
import urllib.request

import numpy as np
import zstandard

images = np.load("samples/images.npy").astype(np.float32)


def post(path, body, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"http://127.0.0.1:{sys.argv[1]}{path}", body, headers)
    response = urllib.request.urlopen(request)
    return response.headers, response.read()


def saved(save, *arrays, **named):
    file = io.BytesIO()
    save(file, *arrays, **named)
    return file.getvalue()


def loaded(answer):
    return np.load(io.BytesIO(answer[1]))


scores = loaded(post("/predict", saved(np.save, images), Accept="application/x-npy"))
named = loaded(post("/predict", saved(np.savez_compressed, image=images), Accept="application/x-npz"))["scores"]
body = json.dumps({"data": images.tolist()}).encode()
text = np.array(json.loads(post("/predict", body)[1])["prediction"], np.float32)
assert scores.shape == (len(images), 10)
assert (scores == named).all() and (scores == text).all()

many = json.dumps({"data": np.repeat(images[:1], 100, 0).tolist()}).encode()
expected = post("/predict", many)[1]
for coding, pack, unpack in [
    ("gzip", gzip.compress, gzip.decompress),
    ("zstd", zstandard.compress, lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data)),
]:
    headers, answer = post("/predict", pack(many), Content_Encoding=coding, Accept_Encoding=coding)
    assert headers["Content-Encoding"] == coding and unpack(answer) == expected

rows = json.dumps({"signature_name": "serving_default", "instances": images.tolist()}).encode()
assert np.allclose(json.loads(post("/v1/models/digits:predict", rows)[1])["predictions"], scores)
columns = json.dumps({"inputs": {"image": images.tolist()}}).encode()
assert np.allclose(json.loads(post("/v1/models/digits/versions/1.0:predict", columns)[1])["outputs"], scores)
