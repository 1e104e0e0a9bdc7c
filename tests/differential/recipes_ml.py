"""Recipes for ai.onnx.ml: classical models, whose inputs are rows of features."""
from generate import f32, f64, i32, i64, string
from recipes import emit, recipe, some

ML = "ai.onnx.ml"


def rows(g, dtype=None, features=None):
    dtype = dtype or g.choice([f32, f32, f64, i64, i32])
    return g.leaf(dtype, (g.integer(1, 4), features or g.integer(1, 5)))


def floats(g, count, low=-2, high=2):
    return [round(g.rng.uniform(low, high), 3) for _ in range(count)]


@recipe("Scaler", domain=ML)
def scaler(g):
    x = rows(g)
    count = g.choice([1, x.shape[1]])
    emit(g, [x], {"offset": floats(g, count), "scale": floats(g, count)})


@recipe("Binarizer", domain=ML)
def binarizer(g):
    emit(g, [rows(g, g.choice([f32, f64]))], some(g, threshold=lambda: floats(g, 1)[0]))


@recipe("Normalizer", domain=ML)
def normalizer(g):
    emit(g, [rows(g, f32)], {"norm": g.choice(["MAX", "L1", "L2"])})


@recipe("Imputer", domain=ML)
def imputer(g):
    if g.chance(0.3):
        x = rows(g, i64)
        return emit(g, [x], {"imputed_value_int64s": [g.integer(0, 9) for _ in range(g.choice([1, x.shape[1]]))], "replaced_value_int64": 2})
    x = rows(g, f32)
    emit(g, [x], {"imputed_value_floats": floats(g, g.choice([1, x.shape[1]])), "replaced_value_float": g.choice([2.0, float("nan")])})


@recipe("ArrayFeatureExtractor", domain=ML)
def array_feature_extractor(g):
    x = g.leaf(g.choice([f32, f64, i64, i32, string]), (g.integer(1, 3), g.integer(1, 5)))
    emit(g, [x, g.ints([g.integer(0, x.shape[1] - 1) for _ in range(g.integer(1, 3))])])


@recipe("FeatureVectorizer", domain=ML)
def feature_vectorizer(g):
    count, n = g.integer(1, 3), g.integer(1, 3)
    dtype = g.choice([f32, i64, i32, f64])
    inputs = [g.leaf(dtype, (n, g.integer(1, 3))) for _ in range(count)]
    emit(g, inputs, {"inputdimensions": [v.shape[1] for v in inputs]})


@recipe("OneHotEncoder", domain=ML)
def one_hot_encoder(g):
    if g.chance(0.4):
        return emit(g, [g.leaf(string, g.shape(g.integer(1, 2)))], {"cats_strings": ["a", "b", "", "Zebra"], "zeros": 1})
    emit(g, [g.leaf(g.choice([i64, f32, i32, f64]), g.shape(g.integer(1, 2)))], {"cats_int64s": [0, 1, 3, -2], "zeros": 1})


@recipe("LabelEncoder", domain=ML)
def label_encoder(g):
    kinds = {"strings": (string, ["a", "b", "", "ab"]), "int64s": (i64, [0, 1, 2, -3]), "floats": (f32, [0.0, 1.0, 2.5, -1.0])}
    key = g.choice(kinds)
    value = g.choice([kind for kind in kinds if kind != "strings" or key != "strings"])
    default = {"strings": ("default_string", "other"), "int64s": ("default_int64", -7), "floats": ("default_float", 0.25)}[value]
    emit(g, [g.leaf(kinds[key][0], g.shape(g.integer(1, 2)))], {f"keys_{key}": kinds[key][1], f"values_{value}": kinds[value][1], default[0]: default[1]})


@recipe("CategoryMapper", domain=ML)
def category_mapper(g):
    x = g.leaf(g.choice([string, i64]), g.shape(g.integer(1, 2)))
    emit(g, [x], {"cats_strings": ["a", "b", "Zebra"], "cats_int64s": [1, 2, 5], "default_string": "?", "default_int64": -1})


@recipe("LinearRegressor", domain=ML)
def linear_regressor(g):
    x = rows(g, f32)
    targets = g.integer(1, 3)
    emit(g, [x], {"coefficients": floats(g, targets * x.shape[1]), "targets": targets,
                  **some(g, intercepts=lambda: floats(g, targets), post_transform=lambda: g.choice(["NONE", *["LOGISTIC", "SOFTMAX"] * (targets > 1)]))})


@recipe("LinearClassifier", domain=ML)
def linear_classifier(g):
    x = rows(g, g.choice([f32, f32, i64, f64]))
    classes = g.integer(2, 4)
    labels = {"classlabels_ints": list(range(3, 3 + classes))} if g.chance(0.6) else {"classlabels_strings": list("abcd"[:classes])}
    emit(g, [x], {"coefficients": floats(g, classes * x.shape[1]), "intercepts": floats(g, classes), **labels,
                  **some(g, post_transform=lambda: g.choice(["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"]))}, 2)


@recipe("SVMRegressor", domain=ML)
def svm_regressor(g):
    x = rows(g, f32)
    vectors = g.integer(1, 4)
    emit(g, [x], {"kernel_type": g.choice(["LINEAR", "POLY", "RBF", "SIGMOID"]), "kernel_params": [0.5, 0.1, 2.0], "n_supports": vectors,
                  "support_vectors": floats(g, vectors * x.shape[1]), "coefficients": floats(g, vectors), "rho": floats(g, 1), **some(g, one_class=0)})


@recipe("SVMClassifier", domain=ML)
def svm_classifier(g):
    x = rows(g, f32)
    classes = g.integer(2, 3)
    per = [g.integer(1, 2) for _ in range(classes)]
    vectors, pairs = sum(per), classes * (classes - 1) // 2
    attributes = {"kernel_type": g.choice(["LINEAR", "POLY", "RBF", "SIGMOID"]), "kernel_params": [0.5, 0.1, 2.0], "vectors_per_class": per,
                  "support_vectors": floats(g, vectors * x.shape[1]), "coefficients": floats(g, vectors * (classes - 1)), "rho": floats(g, pairs)}
    attributes |= {"classlabels_ints": list(range(classes))} if g.chance(0.6) else {"classlabels_strings": list("abc"[:classes])}
    transforms = ["NONE", "LOGISTIC", *["SOFTMAX", "SOFTMAX_ZERO"] * (classes > 2)]  # of two, ONNX Runtime forgets it
    if g.chance(0.4):
        attributes |= {"prob_a": floats(g, pairs, -2, -0.5), "prob_b": floats(g, pairs)}
    emit(g, [x], {**attributes, **some(g, post_transform=lambda: g.choice(transforms))}, 2)


def trees(g, features, many):
    """The nodes_* attributes of one to three small trees, and the leaves as (tree, node)."""
    modes = ["BRANCH_LEQ"] * 5 + ["BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]
    nodes = {key: [] for key in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids", "missing_value_tracks_true")}
    leaves = []
    mode = g.choice(modes) if g.chance(0.6) else None
    for tree in range(g.integer(1, many)):
        count = 0

        def grow(depth):
            nonlocal count
            node = count
            count += 1
            at = len(nodes["nodeids"])
            for key, value in (("treeids", tree), ("nodeids", node), ("featureids", g.integer(0, features - 1)), ("values", round(g.rng.uniform(-2, 2), 1)),
                               ("modes", mode or g.choice(modes)), ("truenodeids", 0), ("falsenodeids", 0), ("missing_value_tracks_true", g.integer(0, 1))):
                nodes[key].append(value)
            if depth == 0 or node and g.chance(0.25):
                nodes["modes"][at] = "LEAF"
                leaves.append((tree, node))
            else:
                nodes["truenodeids"][at] = grow(depth - 1)
                nodes["falsenodeids"][at] = grow(depth - 1)
            return node

        first = len(nodes["nodeids"])
        grow(g.integer(1, 3))  # ONNX Runtime drops trees that are one leaf
        if g.chance(0.4):
            share(g, nodes, first)
    return {f"nodes_{key}": value for key, value in nodes.items()}, leaves


def share(g, nodes, first):
    """A categorical split in the place of a tree's root: tests for equality in a row, with one child where any passes."""
    ids = nodes["nodeids"][first:]
    children = nodes["truenodeids"][first], nodes["falsenodeids"][first]
    feature, fresh = nodes["featureids"][first], max(ids) + 1
    nodes["modes"][first] = "BRANCH_EQ"
    nodes["values"][first] = float(g.integer(-2, 2))
    nodes["missing_value_tracks_true"][first] = 0  # with NaN, the converters' chains mean something else
    count = g.integer(1, 3)
    nodes["falsenodeids"][first] = fresh
    for i in range(count):
        last = i + 1 == count
        for key, value in (("treeids", nodes["treeids"][first]), ("nodeids", fresh + i), ("featureids", feature),
                           ("values", float(g.integer(-2, 2))), ("modes", "BRANCH_EQ"), ("truenodeids", children[0]),
                           ("falsenodeids", children[1] if last else fresh + i + 1), ("missing_value_tracks_true", 0)):
            nodes[key].append(value)


@recipe("TreeEnsembleRegressor", domain=ML)
def tree_regressor(g):
    x = rows(g, g.choice([f32, f32, f64, i64]))
    attributes, leaves = trees(g, x.shape[1], 3)
    targets = g.integer(1, 2)
    # A leaf tells of every target: of one that no leaf told of, ONNX Runtime forgets the base value.
    attributes |= {"n_targets": targets, "target_treeids": [t for t, _ in leaves for _ in range(targets)],
                   "target_nodeids": [n for _, n in leaves for _ in range(targets)],
                   "target_ids": [i for _ in leaves for i in range(targets)], "target_weights": floats(g, len(leaves) * targets)}
    emit(g, [x], {**attributes, **some(g, base_values=lambda: floats(g, targets), aggregate_function=lambda: g.choice(["SUM", "AVERAGE", "MIN", "MAX"]),
                                       post_transform=lambda: g.choice(["NONE", *["LOGISTIC", "SOFTMAX"] * (targets > 1)]))})


@recipe("TreeEnsembleClassifier", domain=ML)
def tree_classifier(g):
    x = rows(g, g.choice([f32, f32, f64, i64]))
    attributes, leaves = trees(g, x.shape[1], 3)
    classes = 3  # with two, ONNX Runtime does not always choose the greater score
    attributes |= {"class_treeids": [t for t, _ in leaves for _ in range(classes)],
                   "class_nodeids": [n for _, n in leaves for _ in range(classes)],
                   "class_ids": [i for _ in leaves for i in range(classes)], "class_weights": floats(g, len(leaves) * classes, 0, 1)}
    attributes |= {"classlabels_int64s": list(range(classes))} if g.chance(0.6) else {"classlabels_strings": list("abc"[:classes])}
    emit(g, [x], {**attributes, **some(g, base_values=lambda: floats(g, classes), post_transform=lambda: g.choice(["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"]))}, 2)
