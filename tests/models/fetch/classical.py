"""Models of scikit-learn, XGBoost and LightGBM, trained here on numbers drawn here and converted as their users do."""

import functools
import warnings

import lightgbm
import numpy as np
import pandas
import skl2onnx
import skl2onnx.common.data_types as skl_types
import xgboost
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, Normalizer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, OneClassSVM

from zoo import draw, draw_ints

warnings.filterwarnings("ignore")
COLUMNS = 12
OPSETS = {"": 21, "ai.onnx.ml": 3}


def table(seed, rows):
    return draw(seed, rows, COLUMNS)


def target(x):
    return np.sin(3 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.5 * (x[:, 3] > 0.2)


def classes(x, count):
    return np.digitize(target(x), np.quantile(target(table(0, 600)), np.arange(1, count) / count))


def with_gaps(x):
    return np.where(draw(7, *x.shape) > 0.7, np.float32(np.nan), x)


X = table(0, 600)
CASES = {f"{rows}": [table(rows, rows)] for rows in (1, 3, 200)}
WITH_GAPS = {name: [with_gaps(x)] for name, (x,) in CASES.items()}


def sklearn(make, cases=CASES, labels=0):
    """labels: of a classifier, whose scores come as a tensor, without ZipMap; 0 for a regressor"""

    def add(zoo, name):
        y = classes(X, labels) if labels else target(X)
        model = make().fit(with_gaps(X) if cases is WITH_GAPS else X, y)
        last = model[-1] if hasattr(model, "steps") else model
        types = [("x", skl_types.FloatTensorType([None, COLUMNS]))]
        has_zipmap = labels and not isinstance(last, LinearSVC)
        options = {id(last): {"zipmap": False}} if has_zipmap else None
        zoo.add(name, skl2onnx.convert_sklearn(model, initial_types=types, options=options, target_opset=OPSETS), cases)

    return add


COLORS = np.array(["red", "green", "blue", "gray"])
CITIES = np.array(["Oslo", "Łódź", "Ōsaka", "Lima", "Nairobi"])


def frame(seed, rows):
    return pandas.DataFrame(
        {
            "age": (draw(seed, rows) * 30 + 45).round(),
            "income": draw(seed + 1, rows) * 1e4 + 3e4,
            "color": COLORS[draw_ints(seed + 2, len(COLORS), rows)],
            "city": CITIES[draw_ints(seed + 3, len(CITIES), rows)],
        }
    )


@functools.cache
def pipeline():
    """What a tutorial shows: numbers scaled, words one-hot or by rank, a forest; the labels are words."""
    shape = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), ["age", "income"]),
            ("color", OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["color"]),
            ("city", OrdinalEncoder(), ["city"]),
        ]
    )
    data = frame(0, 800)
    says = np.where((data.age > 45) ^ (data.color == "red") ^ (data.city == "Lima"), "buys", "leaves")
    says[data.income > 38000] = "waits"
    return make_pipeline(shape, RandomForestClassifier(60, max_depth=9, random_state=0)).fit(data, says)


def of_pipeline(zipmap):
    def inputs(rows):
        data = frame(10 + rows, rows)
        if rows > 2:
            data.loc[1, "color"] = "violet"  # never seen
        return [data[c].to_numpy().reshape(-1, 1).astype(np.float32 if c in ("age", "income") else "U") for c in data]

    def add(zoo, name):
        types = [(c, skl_types.FloatTensorType([None, 1])) for c in ("age", "income")]
        types += [(c, skl_types.StringTensorType([None, 1])) for c in ("color", "city")]
        options = {id(pipeline()[-1]): {"zipmap": zipmap}}
        model = skl2onnx.convert_sklearn(pipeline(), initial_types=types, options=options, target_opset=OPSETS)
        zoo.add(name, model, {str(rows): inputs(rows) for rows in (1, 3, 64)})

    return add


def boosting(make, convert, labels=0, gaps=False, **options):
    """labels: how many classes; 0 for a regressor. gaps: with missing numbers"""

    def add(zoo, name):
        cases, x = (WITH_GAPS, with_gaps(X)) if gaps else (CASES, X)
        model = make(n_estimators=60, n_jobs=1, random_state=0).fit(x, classes(X, labels) if labels else target(X))
        types = [("x", FloatTensorType([None, COLUMNS]))]
        zoo.add(name, convert(model, initial_types=types, target_opset=15, **options), cases)

    return add


def models():
    """name -> what adds it to a zoo under that name"""
    quiet = functools.partial(lightgbm.LGBMRegressor, verbose=-1), functools.partial(
        lightgbm.LGBMClassifier, verbose=-1
    )
    no_zipmap = {"zipmap": False}
    forest = functools.partial(GradientBoostingClassifier, n_estimators=40, random_state=0)
    bins = lambda: make_pipeline(KBinsDiscretizer(4, encode="onehot-dense"), LogisticRegression())
    return {
        "sklearn-pipeline-tensors": of_pipeline(False),
        "sklearn-pipeline-zipmap": of_pipeline(True),
        "sklearn-pipeline-columns": of_pipeline("columns"),
        "sklearn-gradient-boosting": sklearn(forest, labels=3),
        "sklearn-extra-trees": sklearn(lambda: ExtraTreesRegressor(50, max_depth=8, random_state=0)),
        "sklearn-isolation-forest": sklearn(lambda: IsolationForest(n_estimators=20, random_state=0)),
        "sklearn-svc-rbf": sklearn(SVC, labels=3),
        "sklearn-svc-binary": sklearn(SVC, labels=2),
        "sklearn-gradient-boosting-binary": sklearn(forest, labels=2),
        "sklearn-random-forest-binary": sklearn(lambda: RandomForestClassifier(20, random_state=0), labels=2),
        "sklearn-svc-poly": sklearn(lambda: SVC(kernel="poly", degree=2, decision_function_shape="ovo"), labels=3),
        "sklearn-linear-svc": sklearn(lambda: LinearSVC(random_state=0), labels=3),
        "sklearn-svr": sklearn(SVR),
        "sklearn-one-class-svm": sklearn(lambda: OneClassSVM(kernel="sigmoid")),
        "sklearn-logistic": sklearn(lambda: make_pipeline(StandardScaler(), LogisticRegression()), labels=3),
        "sklearn-mlp": sklearn(
            lambda: make_pipeline(Normalizer(), MLPClassifier((32, 16), max_iter=50, random_state=0)), labels=3
        ),
        "sklearn-bayes": sklearn(GaussianNB, labels=3),
        "sklearn-neighbors": sklearn(lambda: KNeighborsClassifier(5), labels=3),
        "sklearn-bins": sklearn(bins, labels=3),
        "sklearn-imputed": sklearn(lambda: make_pipeline(SimpleImputer(), SVR()), WITH_GAPS),
        "xgboost-regressor": boosting(xgboost.XGBRegressor, convert_xgboost),
        "xgboost-binary": boosting(xgboost.XGBClassifier, convert_xgboost, 2),
        "xgboost-multiclass": boosting(xgboost.XGBClassifier, convert_xgboost, 4),
        "xgboost-missing": boosting(xgboost.XGBRegressor, convert_xgboost, gaps=True),
        "lightgbm-regressor": boosting(quiet[0], convert_lightgbm, **no_zipmap),
        "lightgbm-binary": boosting(quiet[1], convert_lightgbm, 2, **no_zipmap),
        "lightgbm-multiclass": boosting(quiet[1], convert_lightgbm, 4, **no_zipmap),
        "lightgbm-missing": boosting(quiet[0], convert_lightgbm, gaps=True, **no_zipmap),
    }
