"""A model behind MLServer: the runtime that it has not, for ONNX Runtime with one thread."""

import os

import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class Small(MLModel):
    async def load(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
        return True

    async def predict(self, payload):
        given = {port.name: NumpyCodec.decode_input(port) for port in payload.inputs}
        outputs = zip(self.session.get_outputs(), self.session.run(None, given))
        return InferenceResponse(model_name=self.name, outputs=[
            NumpyCodec.encode_output(port.name, value) for port, value in outputs])
