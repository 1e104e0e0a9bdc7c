"""A model behind BentoML: its service takes the `inputs` of V2 JSON, on ONNX Runtime with one thread."""

import os

import bentoml
import numpy as np
import onnxruntime


@bentoml.service(workers=2)
class Small:
    def __init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])

    @bentoml.api(route="/v2/models/small/infer")
    def infer(self, inputs: list) -> dict:
        given = {port["name"]: np.array(port["data"], np.float32).reshape(port["shape"]) for port in inputs}
        outputs = zip(self.session.get_outputs(), self.session.run(None, given))
        return {"outputs": [
            {"name": port.name, "datatype": "FP32", "shape": list(value.shape), "data": value.ravel().tolist()}
            for port, value in outputs]}
