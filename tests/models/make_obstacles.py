#!/usr/bin/env python3
"""Creates obstacles.onnx: a model that cannot be built, for more than one reason."""
import onnx
from onnx import TensorProto, helper

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
x = helper.make_tensor_value_info("x", FLOAT, ["batch", 4])
n = helper.make_tensor_value_info("n", INT64, [2, 3])
outputs = [helper.make_tensor_value_info(name, FLOAT, None) for name in ("d", "s", "t", "p")]
nodes = [
    helper.make_node("Reluu", ["x"], ["a"], "first"),
    helper.make_node("Reluu", ["a"], ["b"], "second"),
    helper.make_node("Attend", ["b"], ["d"], "attend", domain="my.layers"),
    helper.make_node("Softmax", ["n"], ["s"], "whole_numbers"),
    helper.make_node("Softmax", ["n"], ["t"], "more_whole_numbers"),
    helper.make_node("MatMul", ["n", "n"], ["p"], "sizes"),
]
graph = helper.make_graph(nodes, "obstacles", [x, n], outputs)
opsets = [helper.make_opsetid("", 17), helper.make_opsetid("my.layers", 1)]
model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="make_obstacles.py")
onnx.save(model, "obstacles.onnx")
