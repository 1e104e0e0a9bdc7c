"""What the training scripts of the example projects share: writing the model, its samples and what is expected of them.

A graph is given in ONNX's text form without its weights, which are added as initializers under the names that the text
uses: so each script shows the complete computation, and no exporter's version shapes the file.
"""

import json
import pathlib

import numpy as np
import onnx
import onnx.numpy_helper
import onnx.parser
import onnxruntime

PROJECTS = pathlib.Path(__file__).resolve().parents[2] / "templates" / "projects"
DATATYPES = {"f4": "FP32", "i8": "INT64", "i2": "INT16", "i1": "INT8", "u1": "UINT8"}


def model_of(text, weights, domains=""):
    """The graph `text` with these arrays as initializers. `domains` adds imports: ', "ai.onnx.ml" : 3'."""
    model = onnx.parser.parse_model(f'<ir_version: 9, opset_import: ["" : 20{domains}]> {text}')
    for name, array in weights.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.ascontiguousarray(array), name))
    onnx.checker.check_model(model, full_check=True)
    return model


def session_of(model):
    """Without optimizations: some of them trade accuracy for speed, such as the product of rounded weights."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def v2(name, array):
    """One input of a request of the Open Inference Protocol."""
    text = array.dtype.kind in "UO"
    return {"name": name, "shape": list(array.shape), "datatype": "BYTES" if text else DATATYPES[array.dtype.str[1:]],
            "data": array.ravel().tolist()}


def save(path, array):
    np.save(path, array.astype(str) if array.dtype.kind == "O" else array)


def write(name, model, inputs, kept):
    """Writes the project's model, the outputs of ONNX Runtime for the samples (those named in `kept`) and a request with
    the first sample. `inputs` is a dictionary of arrays, as is what is returned: all outputs."""
    folder = PROJECTS / name
    samples = folder / "samples"
    samples.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.onnx"
    path.write_bytes(model.SerializeToString(deterministic=True))
    session = session_of(model)
    outputs = dict(zip([o.name for o in session.get_outputs()], session.run(None, inputs)))
    for output in kept:
        save(samples / f"{output}.npy", outputs[output])
    request = {"inputs": [v2(key, array[:1]) for key, array in inputs.items()]}
    (samples / "request.json").write_text(json.dumps(request, ensure_ascii=False) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes,", " ".join(sorted({node.op_type for node in model.graph.node})))
    return outputs
