"""Exports one small network three times, with exporters of different ages, and writes ONNX Runtime's outputs.

    python make.py          # into this folder; requirements as for ../digits

opset_7.onnx    the TorchScript exporter of old: weights listed among the inputs, batch norm as a node of its own
external.onnx   today's exporter with its weights in external.onnx.data beside it
newest.onnx     today's exporter, converted to opset 27
"""

import pathlib
import warnings

import numpy as np
import onnx
import onnx.version_converter
import onnxruntime
import torch

warnings.filterwarnings("ignore")
folder = pathlib.Path(__file__).resolve().parent
torch.manual_seed(0)
torch.set_num_threads(1)


class Small(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 2, 3, padding=1)
        self.norm = torch.nn.BatchNorm2d(2)
        self.head = torch.nn.Linear(8, 3)

    def forward(self, image):
        features = torch.nn.functional.max_pool2d(torch.relu(self.norm(self.conv(image))), 2)
        return torch.log_softmax(self.head(features.flatten(1)), dim=1)


network = Small().eval()
torch.nn.init.normal_(network.norm.running_mean)
torch.nn.init.uniform_(network.norm.running_var, 0.5, 2)
image = torch.rand(3, 1, 4, 4)


def strip(model):
    """Takes away the exporter's notes: paths and versions of the machine that ran it."""
    for part in [model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer,
                 *model.graph.input, *model.graph.output]:
        del part.metadata_props[:]
    for node in model.graph.node:
        node.doc_string = ""
    del model.graph.value_info[:]
    return model


torch.onnx.export(network, (image,), str(folder / "opset_7.onnx"), dynamo=False, opset_version=7,
                  keep_initializers_as_inputs=True, training=torch.onnx.TrainingMode.PRESERVE,
                  do_constant_folding=False, input_names=["image"], output_names=["scores"],
                  dynamic_axes={"image": {0: "batch"}, "scores": {0: "batch"}})
old = strip(onnx.load(folder / "opset_7.onnx"))
onnx.save(old, folder / "opset_7.onnx")

program = torch.onnx.export(network, (image,), dynamo=True, input_names=["image"], output_names=["scores"],
                            dynamic_shapes={"image": {0: torch.export.Dim("batch")}})
today = strip(program.model_proto)
newest = onnx.version_converter.convert_version(today, 27)
onnx.save(newest, folder / "newest.onnx")
(folder / "external.onnx.data").unlink(missing_ok=True)
# The small constants stay in the model: a runtime must see the shape that Reshape is given.
onnx.save(today, folder / "external.onnx", save_as_external_data=True, location="external.onnx.data", size_threshold=64)

np.save(folder / "image.npy", image.numpy())
answers = []
for path in sorted(folder.glob("*.onnx")):
    onnx.checker.check_model(str(path))
    model = onnx.load(path)
    answers += onnxruntime.InferenceSession(path).run(None, {"image": image.numpy()})
    print(path.name, path.stat().st_size, "opset", model.opset_import[0].version, "ir", model.ir_version,
          [value.name for value in model.graph.input], [node.op_type for node in model.graph.node])
expected = network(image).detach().numpy()
np.save(folder / "scores.npy", expected)
print(len(answers), "answers differ by", max(np.abs(answer - expected).max() for answer in answers))
