"""Small models that the project does not ship, exported here, for the tests of the page in a browser.

    python models.py FOLDER

flowers.onnx   a random forest of scikit-learn over four numbers: the name of a flower and the probabilities
people.onnx    a pipeline of scikit-learn with an input for each column, texts and numbers
colors.onnx    an RGB image, 16x16: which color there is most of, in the range 0 to 1
edges.onnx     a gray image of any size: where it becomes brighter, as an image
sizes.onnx     three scores: the names of the two best classes, and their probabilities
hostile.onnx   inputs and outputs whose names are HTML
"""

import pathlib
import sys

import numpy as np
import onnx
import pandas as pd
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

float32 = TensorProto.FLOAT


def flowers():
    data = load_iris()
    forest = RandomForestClassifier(10, random_state=0).fit(data.data, data.target_names[data.target])
    return to_onnx(forest, initial_types=[("measures", FloatTensorType([None, 4]))], options={"zipmap": False}), forest


def people():
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"age": random.uniform(18, 80, 400).round(), "income": random.uniform(1, 9, 400).round(1),
                          "city": random.choice(["Bern", "Rome", "Oslo"], 400)})
    buys = np.where((frame["age"] < 40) & (frame["city"] != "Oslo"), "yes", "no")
    columns = ColumnTransformer([("text", OneHotEncoder(handle_unknown="ignore"), ["city"]),
                                 ("numbers", StandardScaler(), ["age", "income"])])
    pipeline = make_pipeline(columns, LogisticRegression()).fit(frame, buys)
    types = [(name, StringTensorType([None, 1]) if name == "city" else FloatTensorType([None, 1])) for name in frame]
    return to_onnx(pipeline, initial_types=types, options={"zipmap": False}), pipeline


def graph(name, nodes, inputs, outputs, constants=()):
    made = helper.make_model(helper.make_graph(nodes, name, inputs, outputs, [numpy_helper.from_array(value, key) for key, value in constants]),
                             opset_imports=[helper.make_opsetid("", 13)])
    made.ir_version = 8
    onnx.checker.check_model(made)
    return made


def colors():
    image = helper.make_tensor_value_info("image", float32, ["batch", 3, 16, 16])
    scores = helper.make_tensor_value_info("probabilities", float32, ["batch", 3])
    return graph("colors", [helper.make_node("ReduceMean", ["image"], ["mean"], axes=[2, 3], keepdims=0),
                            helper.make_node("Mul", ["mean", "five"], ["sharp"]),
                            helper.make_node("Softmax", ["sharp"], ["probabilities"])], [image], [scores],
                 [("five", np.float32([5]))])


def edges():
    image = helper.make_tensor_value_info("image", float32, [1, 1, "height", "width"])
    edge = helper.make_tensor_value_info("edges", float32, [1, 1, "height", "width"])
    return graph("edges", [helper.make_node("Conv", ["image", "kernel"], ["edges"], pads=[1, 1, 1, 1])], [image], [edge],
                 [("kernel", np.float32([[[[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]]]))])


def sizes():
    scores = helper.make_tensor_value_info("given", float32, ["batch", 3])
    label = helper.make_tensor_value_info("label", TensorProto.STRING, ["batch", 2])
    probability = helper.make_tensor_value_info("probability", float32, ["batch", 2])
    return graph("sizes", [helper.make_node("Softmax", ["given"], ["shares"]),
                           helper.make_node("TopK", ["shares", "two"], ["probability", "index"]),
                           helper.make_node("Gather", ["names", "index"], ["label"])], [scores], [label, probability],
                 [("two", np.int64([2])), ("names", np.array(["small", "<i>medium</i>", "large"], dtype=object))])


def hostile():
    bad = '<img src=x onerror="window.hacked=1">'
    given = helper.make_tensor_value_info(bad, float32, ["batch", 2])
    return graph("hostile", [helper.make_node("Neg", [bad], ["</script><script>window.hacked=2</script>"])], [given],
                 [helper.make_tensor_value_info("</script><script>window.hacked=2</script>", float32, ["batch", 2])])


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for make in (flowers, people):
        (folder / f"{make.__name__}.onnx").write_bytes(make()[0].SerializeToString())
    for make in (colors, edges, sizes, hostile):
        (folder / f"{make.__name__}.onnx").write_bytes(make().SerializeToString())
