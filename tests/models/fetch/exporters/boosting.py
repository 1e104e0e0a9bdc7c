"""XGBoost, LightGBM and CatBoost: each objective and booster, as the converters of onnxmltools and CatBoost's own exporter
write them by default."""

import pathlib
import tempfile
import warnings

import catboost
import lightgbm
import numpy as np
import onnx
import onnxmltools
import skl2onnx
import xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
from skl2onnx.common.shape_calculator import (
    calculate_linear_classifier_output_shapes,
    calculate_linear_regressor_output_shapes,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from zoo import draw

warnings.filterwarnings("ignore")
COLUMNS, ROWS = 6, 400
SIZES = (1, 3, 40)
X = draw(0, ROWS, COLUMNS)


def target(x):
    return np.sin(3 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.5 * (x[:, 3] > 0.2)


def classes(count):
    return np.digitize(target(X), np.quantile(target(X), np.arange(1, count) / count))


def gaps(x):
    return np.where(draw(7, *x.shape) > 0.7, np.float32(np.nan), x)


def cases(change=lambda x: x):
    return {str(n): [change(draw(n, n, COLUMNS))] for n in SIZES}


TYPES = [("x", FloatTensorType([None, COLUMNS]))]
TARGETS = {
    "regression": target(X),
    "positive": np.exp(target(X)),
    "binary": classes(2),
    "multiclass": classes(4),
    "between": 1 / (1 + np.exp(-target(X))),
}


def of_xgboost(make, kind, change=lambda x: x, **options):
    def add(zoo, name):
        model = make(**{"n_estimators": 8, "max_depth": 4, "n_jobs": 1, "random_state": 0, **options})
        model.fit(change(X), TARGETS[kind])
        zoo.add(name, onnxmltools.convert_xgboost(model, initial_types=TYPES), cases(change))

    return add


def of_booster(zoo, name):
    data = xgboost.DMatrix(X, TARGETS["regression"])
    model = xgboost.train({"max_depth": 4, "nthread": 1}, data, 8)
    zoo.add(name, onnxmltools.convert_xgboost(model, initial_types=TYPES), cases())


def of_ranker(zoo, name):
    model = xgboost.XGBRanker(n_estimators=8, max_depth=4, n_jobs=1, random_state=0)
    model.fit(X, classes(4), group=[100] * (ROWS // 100))
    zoo.add(name, onnxmltools.convert_xgboost(model, initial_types=TYPES), cases())


def of_lightgbm(make, kind, change=lambda x: x, **options):
    def add(zoo, name):
        model = make(**{"n_estimators": 8, "num_leaves": 8, "n_jobs": 1, "random_state": 0, "verbose": -1, **options})
        model.fit(change(X), TARGETS[kind])
        zoo.add(name, onnxmltools.convert_lightgbm(model, initial_types=TYPES), cases(change))

    return add


def of_lightgbm_booster(zoo, name):
    data = lightgbm.Dataset(X, TARGETS["binary"])
    model = lightgbm.train({"objective": "binary", "num_leaves": 8, "verbose": -1, "num_threads": 1}, data, 8)
    zoo.add(name, onnxmltools.convert_lightgbm(model, initial_types=TYPES), cases())


def of_categories(zoo, name):
    """A column of categories, which LightGBM splits by equality."""
    x = X.copy()
    x[:, 5] = np.floor(np.abs(x[:, 5]) * 6)
    model = lightgbm.LGBMRegressor(n_estimators=8, num_leaves=8, n_jobs=1, random_state=0, verbose=-1)
    model.fit(x, target(X) + (x[:, 5] % 2), categorical_feature=[5])

    def change(y):
        y[:, 5] = np.floor(np.abs(y[:, 5]) * 6)
        return y

    zoo.add(name, onnxmltools.convert_lightgbm(model, initial_types=TYPES), cases(change))


def of_catboost(make, kind, change=lambda x: x, **options):
    def add(zoo, name):
        model = make(
            **{
                "iterations": 8,
                "depth": 4,
                "verbose": 0,
                "thread_count": 1,
                "random_seed": 0,
                "allow_writing_files": False,
                **options,
            }
        )
        model.fit(change(X), TARGETS[kind])
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "model.onnx"
            model.save_model(path, format="onnx")
            zoo.add(name, onnx.load(path), cases(change))

    return add


def words(kind):
    TARGETS[kind + "-words"] = np.array(["low", "mid", "high", "top"])[TARGETS[kind]]
    return kind + "-words"


def of_pipeline(make, converter, shapes, kind, options):
    """In a pipeline of scikit-learn, by skl2onnx, with the converter registered as onnxmltools documents it."""

    def add(zoo, name):
        model = make()
        skl2onnx.update_registered_converter(type(model), type(model).__name__, shapes, converter, options=options)
        pipeline = make_pipeline(StandardScaler(), model).fit(X, TARGETS[kind])
        opsets = {"": 15, "ai.onnx.ml": 3}
        zoo.add(name, skl2onnx.to_onnx(pipeline, X[:1], target_opset=opsets), cases())

    return add


def models():
    """name -> what adds it to a zoo under that name"""
    regressor, classifier = xgboost.XGBRegressor, xgboost.XGBClassifier
    light, sorts = lightgbm.LGBMRegressor, lightgbm.LGBMClassifier
    cat, tom = catboost.CatBoostRegressor, catboost.CatBoostClassifier
    zipmaps = {"nocl": [True, False], "zipmap": [True, False, "columns"]}
    return {
        "xgboost-XGBRegressor": of_xgboost(regressor, "regression"),
        "xgboost-XGBRegressor-gaps": of_xgboost(regressor, "regression", gaps),
        "xgboost-XGBRegressor-dart": of_xgboost(regressor, "regression", booster="dart", rate_drop=0.1),
        "xgboost-XGBRegressor-linear": of_xgboost(regressor, "regression", booster="gblinear"),
        "xgboost-XGBRegressor-depthwise": of_xgboost(regressor, "regression", grow_policy="lossguide", max_leaves=9),
        "xgboost-XGBRegressor-absolute": of_xgboost(regressor, "regression", objective="reg:absoluteerror"),
        "xgboost-XGBRegressor-logistic": of_xgboost(regressor, "between", objective="reg:logistic"),
        "xgboost-XGBRegressor-huber": of_xgboost(regressor, "regression", objective="reg:pseudohubererror"),
        "xgboost-XGBRegressor-squared-log": of_xgboost(regressor, "positive", objective="reg:squaredlogerror"),
        "xgboost-XGBRegressor-poisson": of_xgboost(regressor, "positive", objective="count:poisson"),
        "xgboost-XGBRegressor-gamma": of_xgboost(regressor, "positive", objective="reg:gamma"),
        "xgboost-XGBRegressor-tweedie": of_xgboost(regressor, "positive", objective="reg:tweedie"),
        "xgboost-XGBRegressor-base-score": of_xgboost(regressor, "regression", base_score=0.3),
        "xgboost-XGBClassifier-binary": of_xgboost(classifier, "binary"),
        "xgboost-XGBClassifier-gaps": of_xgboost(classifier, "binary", gaps),
        "xgboost-XGBClassifier-multiclass": of_xgboost(classifier, "multiclass"),
        "xgboost-XGBClassifier-softmax": of_xgboost(classifier, "multiclass", objective="multi:softmax"),
        "xgboost-XGBClassifier-dart": of_xgboost(classifier, "binary", booster="dart"),
        "xgboost-XGBClassifier-hinge": of_xgboost(classifier, "binary", objective="binary:hinge"),
        "xgboost-XGBClassifier-logitraw": of_xgboost(classifier, "binary", objective="binary:logitraw"),
        "xgboost-XGBRFRegressor": of_xgboost(xgboost.XGBRFRegressor, "regression"),
        "xgboost-XGBRFClassifier": of_xgboost(xgboost.XGBRFClassifier, "binary"),
        "xgboost-XGBRFClassifier-multiclass": of_xgboost(xgboost.XGBRFClassifier, "multiclass"),
        "xgboost-XGBRanker": of_ranker,
        "xgboost-Booster": of_booster,
        "xgboost-Pipeline": of_pipeline(
            lambda: classifier(n_estimators=8, n_jobs=1),
            convert_xgboost,
            calculate_linear_classifier_output_shapes,
            "multiclass",
            zipmaps,
        ),
        "xgboost-Pipeline-regressor": of_pipeline(
            lambda: regressor(n_estimators=8, n_jobs=1),
            convert_xgboost,
            calculate_linear_regressor_output_shapes,
            "regression",
            None,
        ),
        "lightgbm-LGBMRegressor": of_lightgbm(light, "regression"),
        "lightgbm-LGBMRegressor-gaps": of_lightgbm(light, "regression", gaps),
        "lightgbm-LGBMRegressor-categories": of_categories,
        "lightgbm-LGBMRegressor-zero-as-missing": of_lightgbm(light, "regression", zero_as_missing=True),
        "lightgbm-LGBMClassifier-binary": of_lightgbm(sorts, "binary"),
        "lightgbm-LGBMClassifier-gaps": of_lightgbm(sorts, "binary", gaps),
        "lightgbm-LGBMClassifier-multiclass": of_lightgbm(sorts, "multiclass"),
        "lightgbm-LGBMClassifier-ova": of_lightgbm(sorts, "multiclass", objective="multiclassova"),
        "lightgbm-LGBMClassifier-words": of_lightgbm(sorts, words("multiclass")),
        "lightgbm-LGBMClassifier-dart": of_lightgbm(sorts, "binary", boosting_type="dart"),
        "lightgbm-LGBMClassifier-rf": of_lightgbm(
            sorts, "binary", boosting_type="rf", bagging_freq=1, bagging_fraction=0.7
        ),
        "lightgbm-LGBMClassifier-xentropy": of_lightgbm(light, "between", objective="cross_entropy"),
        **{
            "lightgbm-LGBMRegressor-" + objective: of_lightgbm(light, kind, objective=objective)
            for objective, kind in [
                ("huber", "regression"),
                ("fair", "regression"),
                ("quantile", "regression"),
                ("mape", "regression"),
                ("regression_l1", "regression"),
                ("poisson", "positive"),
                ("gamma", "positive"),
                ("tweedie", "positive"),
            ]
        },
        "lightgbm-Booster": of_lightgbm_booster,
        "lightgbm-Pipeline": of_pipeline(
            lambda: sorts(n_estimators=8, n_jobs=1, verbose=-1),
            convert_lightgbm,
            calculate_linear_classifier_output_shapes,
            "multiclass",
            zipmaps,
        ),
        "lightgbm-Pipeline-regressor": of_pipeline(
            lambda: light(n_estimators=8, n_jobs=1, verbose=-1),
            convert_lightgbm,
            calculate_linear_regressor_output_shapes,
            "regression",
            {"split": None},
        ),
        "catboost-CatBoostRegressor": of_catboost(cat, "regression"),
        "catboost-CatBoostRegressor-gaps": of_catboost(cat, "regression", gaps),
        "catboost-CatBoostRegressor-lossguide": of_catboost(cat, "regression", grow_policy="Lossguide"),
        "catboost-CatBoostRegressor-depthwise": of_catboost(cat, "regression", grow_policy="Depthwise"),
        "catboost-CatBoostRegressor-poisson": of_catboost(cat, "positive", loss_function="Poisson"),
        "catboost-CatBoostRegressor-quantile": of_catboost(cat, "regression", loss_function="Quantile"),
        "catboost-CatBoostClassifier-binary": of_catboost(tom, "binary"),
        "catboost-CatBoostClassifier-gaps": of_catboost(tom, "binary", gaps),
        "catboost-CatBoostClassifier-multiclass": of_catboost(tom, "multiclass"),
        "catboost-CatBoostClassifier-words": of_catboost(tom, words("multiclass")),
        "catboost-CatBoostClassifier-cross-entropy": of_catboost(tom, "binary", loss_function="CrossEntropy"),
    }
