"""A model behind Flask, as people write it: V2 JSON in and out, ONNX Runtime on one thread."""

import os

import flask
import numpy as np
import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
application = flask.Flask(__name__)


@application.post("/v2/models/<name>/infer")
def infer(name):
    inputs = {port["name"]: np.array(port["data"], np.float32).reshape(port["shape"])
              for port in flask.request.get_json()["inputs"]}
    outputs = zip(session.get_outputs(), session.run(None, inputs))
    return {"model_name": name, "outputs": [
        {"name": port.name, "datatype": "FP32", "shape": list(value.shape), "data": value.ravel().tolist()}
        for port, value in outputs]}
