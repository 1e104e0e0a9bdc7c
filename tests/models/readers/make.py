"""Creates the seeds of tests/fuzz/corpus/onnx: small models that, together, use every part of the encoding.

    python make.py ../../fuzz/corpus/onnx
"""
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper as nh

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)


def save(name, nodes, inputs, outputs, initializers=(), opset=21, ir=10, **more):
    graph = h.make_graph(nodes, name, inputs, outputs, list(initializers), **more)
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", opset), h.make_opsetid("ai.onnx.ml", 3)],
                         producer_name="make.py", producer_version="1", ir_version=ir, doc_string="a seed")
    h.set_model_props(model, {"key": "value"})
    (folder / f"{name}.onnx").write_bytes(model.SerializeToString())


def f32(name, *dims):
    return h.make_tensor_value_info(name, T.FLOAT, list(dims))


save("dense", [h.make_node("Gemm", ["x", "w", "b"], ["y"], "fc", alpha=0.5, transB=1), h.make_node("Relu", ["y"], ["z"])],
     [f32("x", "batch", 2)], [f32("z", "batch", 3)],
     [nh.from_array(np.ones((3, 2), np.float32), "w"), nh.from_array(np.zeros(3, np.float32), "b")])
save("old", [h.make_node("Squeeze", ["x"], ["y"], axes=[1]), h.make_node("Dropout", ["y"], ["z"], ratio=0.1)],
     [f32("x", None, 1, 0)], [f32("z", None, None)], opset=9, ir=3)
save("branches",
     [h.make_node("If", ["c"], ["y"],
                  then_branch=h.make_graph([h.make_node("Neg", ["x"], ["a"])], "then", [], [f32("a", 2)]),
                  else_branch=h.make_graph([h.make_node("Identity", ["x"], ["b"])], "else", [], [f32("b", 2)]))],
     [h.make_tensor_value_info("c", T.BOOL, []), f32("x", 2)], [f32("y", 2)],
     value_info=[f32("y", 2)])
types = [T.FLOAT, T.DOUBLE, T.INT8, T.UINT16, T.INT32, T.INT64, T.UINT64, T.BOOL, T.FLOAT16, T.BFLOAT16, T.UINT4, T.INT4,
         T.FLOAT8E4M3FN, T.COMPLEX64]
save("types", [h.make_node("Constant", [], [f"c{t}"], value=h.make_tensor("", t, [2], [1, 0])) for t in types]
     + [h.make_node("Constant", [], ["s"], value_strings=["a", "b"]), h.make_node("Constant", [], ["i"], value_ints=[1, 2])],
     [], [h.make_tensor_value_info(f"c{t}", t, [2]) for t in types], [h.make_tensor("text", T.STRING, [1], ["x"])])
external = nh.from_array(np.ones(4, np.float32), "w")
onnx.external_data_helper.set_external_data(external, "w.bin", offset=0, length=16)
external.ClearField("raw_data")
save("external", [h.make_node("Add", ["x", "w"], ["y"])], [f32("x", 4)], [f32("y", 4)], [external])
save("trees", [h.make_node("TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", n_targets=1, nodes_treeids=[0],
                           nodes_nodeids=[0], nodes_featureids=[0], nodes_modes=["LEAF"], nodes_values=[0.0],
                           nodes_truenodeids=[0], nodes_falsenodeids=[0], target_treeids=[0], target_nodeids=[0],
                           target_ids=[0], target_weights=[1.0])], [f32("x", 1, 1)], [f32("y", 1, 1)])
