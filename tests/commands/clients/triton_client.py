# Triton's own client, with each of its codings of requests and responses.
import sys

import numpy as np
import tritonclient.http as http

client = http.InferenceServerClient(f"127.0.0.1:{sys.argv[1]}")
images = np.load("samples/images.npy").astype(np.float32)
x = http.InferInput("image", list(images.shape), "FP32")
x.set_data_from_numpy(images)
plain = client.infer("digits", [x]).as_numpy("scores")
for sent in ("gzip", "deflate", None):
    for received in ("gzip", "deflate", None):
        answer = client.infer(
            "digits", [x], request_compression_algorithm=sent, response_compression_algorithm=received
        )
        assert (answer.as_numpy("scores") == plain).all()
