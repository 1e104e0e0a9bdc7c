"""Every estimator of scikit-learn that skl2onnx converts, as `to_onnx` writes it by default (with ZipMap), from f32 and f64.

The models are small: what counts is which operators and attributes a converter writes.
"""

import warnings

import numpy as np
import pandas
import skl2onnx
from sklearn import (
    calibration,
    cluster,
    compose,
    cross_decomposition,
    decomposition,
    discriminant_analysis,
    dummy,
    ensemble,
    feature_extraction,
    feature_selection,
    gaussian_process,
    impute,
    kernel_ridge,
    linear_model,
    mixture,
    model_selection,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    random_projection,
    svm,
    tree,
)
from sklearn.base import is_classifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer

from zoo import draw, draw_ints

warnings.filterwarnings("ignore")
COLUMNS, ROWS = 6, 300
SIZES = (1, 3, 40)


def numbers(seed, rows):
    return draw(seed, rows, COLUMNS)


def target(x):
    return np.sin(3 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.5 * (x[:, 3] > 0.2)


def thirds(x):
    return np.digitize(target(x), [-0.3, 0.6])


def words(x):
    return np.array(["calm", "wind", "storm"])[thirds(x)]


def halves(x):
    return (target(x) > 0.1).astype(np.int64)


def both(x):
    return np.stack([target(x), x[:, 4] - x[:, 0]], 1)


def labels(x):
    return np.stack([halves(x), (x[:, 4] > 0).astype(np.int64)], 1)


def positive(x):
    return np.exp(target(x))


def nothing(x):
    return None


def gaps(x):
    return np.where(draw(7, *x.shape) > 0.7, np.float32(np.nan), x)


def counts(x):
    return np.floor(np.abs(x) * 5).astype(np.float32)


def unchanged(x):
    return x


def from_numbers(make, y=nothing, change=unchanged, types=(np.float32, np.float64), **options):
    """Yields (suffix, what adds it). y: the target of a table; change: of a table, before it is fitted and computed"""
    for dtype in types:

        def add(zoo, name, dtype=dtype):
            x = numbers(0, ROWS)
            model = make().fit(change(x).astype(dtype), y(x))
            written = convert(model, change(x[:1]).astype(dtype), options)
            zoo.add(name, written, {str(n): [change(numbers(n, n)).astype(dtype)] for n in SIZES})

        yield {np.float32: "", np.float64: "-f64", np.int64: "-i64"}[dtype], add


def convert(model, first, options):
    if first.dtype == np.float64 and is_classifier(model) and not options:
        # ONNX Runtime does not load the ZipMap of doubles that is the default, and not every classifier has one.
        try:
            return skl2onnx.to_onnx(model, first, options={id(model): {"zipmap": False}})
        except NameError:
            pass
    return skl2onnx.to_onnx(model, first, **of_model(options, model))


def of_model(options, model):
    return {**options, "options": {id(model): options["options"]}} if "options" in options else options


TEXTS = np.array(
    [
        "The quick brown fox jumps over the lazy dog.",
        "A man, a plan, a canal: Panama!",
        "Ünïcödé words — and naïve café",
        "numbers 1 22 333 and under_scores",
        "the the the THE fox",
        "",
        "don't stop; it's 5 o'clock",
        "a b c dd ee fox dog",
    ]
)


def from_texts(make, y=None, shape=(-1,), **options):
    def add(zoo, name):
        model = make().fit(TEXTS if len(shape) == 1 else TEXTS.reshape(shape), y)
        kind = skl2onnx.common.data_types.StringTensorType([None] if len(shape) == 1 else [None, 1])
        written = skl2onnx.convert_sklearn(model, initial_types=[("x", kind)], **of_model(options, model))
        cases = {"all": TEXTS, "one": TEXTS[:1], "other": np.array(["fox", "nothing known here", "dog dog the"])}
        zoo.add(name, written, {case: [texts.reshape(shape)] for case, texts in cases.items()})

    yield "", add


COLORS = np.array(["red", "green", "blue", "gray"])


def frame(seed, rows):
    return pandas.DataFrame(
        {
            "age": draw_ints(seed, 90, rows),
            "income": draw(seed + 1, rows).astype(np.float64) * 1e4 + 3e4,
            "color": COLORS[draw_ints(seed + 2, len(COLORS), rows)],
            "city": np.array(["Oslo", "Łódź", "Lima"])[draw_ints(seed + 3, 3, rows)],
        }
    )


def buys(data):
    return np.where((data.age > 45) ^ (data.color == "red") ^ (data.income > 32000), "buys", "leaves")


def from_frame(make, columns, y=buys, **options):
    """As to_onnx describes a DataFrame: one input of one column for each column."""

    def inputs(rows):
        data = frame(10 + rows, rows)[columns]
        arrays = [data[column].to_numpy() for column in columns]
        return [(x if x.dtype.kind in "if" else x.astype("U")).reshape(-1, 1) for x in arrays]

    def add(zoo, name):
        data = frame(0, ROWS)
        model = make().fit(data[columns], y(data))
        zoo.add(
            name,
            skl2onnx.to_onnx(model, data[columns][:1], **of_model(options, model)),
            {str(n): inputs(n) for n in SIZES},
        )

    yield "", add


def from_strings(make, y=nothing, **options):
    """A table of strings, one input."""

    def add(zoo, name):
        data = frame(0, ROWS)
        model = make().fit(data[["color", "city"]].to_numpy().astype(object), y(data))
        kind = skl2onnx.common.data_types.StringTensorType([None, 2])
        written = skl2onnx.convert_sklearn(model, initial_types=[("x", kind)], **options)
        zoo.add(name, written, {str(n): [frame(n, n)[["color", "city"]].to_numpy().astype("U")] for n in SIZES})

    yield "", add


def from_labels(make, values):
    """Of one column: encoders of targets."""

    def add(zoo, name):
        values_ = np.array(values)
        model = make().fit(values_)
        kinds = skl2onnx.common.data_types
        kind = kinds.Int64TensorType([None]) if values_.dtype.kind == "i" else kinds.StringTensorType([None])
        written = skl2onnx.convert_sklearn(model, initial_types=[("x", kind)])
        zoo.add(name, written, {"all": [values_], "one": [values_[:1]]})

    yield "", add


def preprocess(numeric, words):
    return compose.ColumnTransformer(
        [("numbers", numeric, ["age", "income"]), ("words", words, ["color", "city"])], sparse_threshold=0
    )


def scaled(last):
    return lambda: pipeline.make_pipeline(preprocessing.StandardScaler(), last())


S = {"random_state": 0}
forest = {"n_estimators": 8, "max_depth": 5, **S}
few = {"n_estimators": 5, **S}
logistic = linear_model.LogisticRegression
linear = linear_model.LinearRegression
stump = tree.DecisionTreeRegressor


def estimators():
    """name -> generator of its variants"""
    n = from_numbers
    classifiers = {
        "AdaBoostClassifier": lambda: ensemble.AdaBoostClassifier(**few),
        "BaggingClassifier": lambda: ensemble.BaggingClassifier(**few),
        "BernoulliNB": naive_bayes.BernoulliNB,
        "CalibratedClassifierCV": lambda: calibration.CalibratedClassifierCV(logistic(), cv=2),
        "CalibratedClassifierCV-isotonic": lambda: calibration.CalibratedClassifierCV(
            logistic(), cv=2, method="isotonic"
        ),
        "DecisionTreeClassifier": lambda: tree.DecisionTreeClassifier(max_depth=5, **S),
        "ExtraTreeClassifier": lambda: tree.ExtraTreeClassifier(max_depth=5, **S),
        "ExtraTreesClassifier": lambda: ensemble.ExtraTreesClassifier(**forest),
        "GaussianNB": naive_bayes.GaussianNB,
        "GradientBoostingClassifier": lambda: ensemble.GradientBoostingClassifier(**few),
        "GridSearchCV": lambda: model_selection.GridSearchCV(logistic(), {"C": [0.1, 1]}, cv=2),
        "HistGradientBoostingClassifier": lambda: ensemble.HistGradientBoostingClassifier(max_iter=5, **S),
        "KNeighborsClassifier": neighbors.KNeighborsClassifier,
        "KNeighborsClassifier-distance": lambda: neighbors.KNeighborsClassifier(weights="distance", p=1),
        "LinearDiscriminantAnalysis": discriminant_analysis.LinearDiscriminantAnalysis,
        "LinearSVC": lambda: svm.LinearSVC(**S),
        "LogisticRegression": logistic,
        "LogisticRegressionCV": lambda: linear_model.LogisticRegressionCV(cv=2),
        "MLPClassifier": lambda: neural_network.MLPClassifier((8,), max_iter=20, **S),
        "MLPClassifier-tanh": lambda: neural_network.MLPClassifier((8,), "tanh", max_iter=20, **S),
        "NuSVC": lambda: svm.NuSVC(nu=0.2, probability=True, **S),
        "OneVsOneClassifier": lambda: multiclass.OneVsOneClassifier(logistic()),
        "OneVsRestClassifier": lambda: multiclass.OneVsRestClassifier(logistic()),
        "PassiveAggressiveClassifier": lambda: linear_model.PassiveAggressiveClassifier(**S),
        "Perceptron": lambda: linear_model.Perceptron(**S),
        "QuadraticDiscriminantAnalysis": discriminant_analysis.QuadraticDiscriminantAnalysis,
        "RadiusNeighborsClassifier": lambda: neighbors.RadiusNeighborsClassifier(2.5),
        "RandomForestClassifier": lambda: ensemble.RandomForestClassifier(**forest),
        "RidgeClassifier": linear_model.RidgeClassifier,
        "RidgeClassifierCV": linear_model.RidgeClassifierCV,
        "SGDClassifier": lambda: linear_model.SGDClassifier(**S),
        "SGDClassifier-log": lambda: linear_model.SGDClassifier("log_loss", **S),
        "SVC": svm.SVC,
        "SVC-probability": lambda: svm.SVC(probability=True, **S),
        "SVC-linear": lambda: svm.SVC(kernel="linear"),
        "StackingClassifier": lambda: ensemble.StackingClassifier(
            [("a", logistic()), ("b", tree.DecisionTreeClassifier(max_depth=3, **S))], cv=2
        ),
        "VotingClassifier": lambda: ensemble.VotingClassifier(
            [("a", logistic()), ("b", tree.DecisionTreeClassifier(max_depth=3, **S))], flatten_transform=False
        ),
        "VotingClassifier-soft": lambda: ensemble.VotingClassifier(
            [("a", logistic()), ("b", tree.DecisionTreeClassifier(max_depth=3, **S))],
            voting="soft",
            flatten_transform=False,
        ),
        "DummyClassifier": dummy.DummyClassifier,
    }
    regressors = {
        "ARDRegression": linear_model.ARDRegression,
        "AdaBoostRegressor": lambda: ensemble.AdaBoostRegressor(**few),
        "BaggingRegressor": lambda: ensemble.BaggingRegressor(**few),
        "BayesianRidge": linear_model.BayesianRidge,
        "DecisionTreeRegressor": lambda: stump(max_depth=5, **S),
        "ElasticNet": lambda: linear_model.ElasticNet(0.01),
        "ElasticNetCV": linear_model.ElasticNetCV,
        "ExtraTreeRegressor": lambda: tree.ExtraTreeRegressor(max_depth=5, **S),
        "ExtraTreesRegressor": lambda: ensemble.ExtraTreesRegressor(**forest),
        "GaussianProcessRegressor": gaussian_process.GaussianProcessRegressor,
        "GaussianProcessRegressor-rbf": lambda: gaussian_process.GaussianProcessRegressor(
            gaussian_process.kernels.RBF() + gaussian_process.kernels.WhiteKernel(0.5), optimizer=None
        ),
        "GradientBoostingRegressor": lambda: ensemble.GradientBoostingRegressor(**few),
        "HistGradientBoostingRegressor": lambda: ensemble.HistGradientBoostingRegressor(max_iter=5, **S),
        "HuberRegressor": linear_model.HuberRegressor,
        "KNeighborsRegressor": neighbors.KNeighborsRegressor,
        "KNeighborsRegressor-distance": lambda: neighbors.KNeighborsRegressor(weights="distance"),
        "KernelRidge": lambda: kernel_ridge.KernelRidge(kernel="rbf"),
        "Lars": linear_model.Lars,
        "LarsCV": linear_model.LarsCV,
        "Lasso": lambda: linear_model.Lasso(0.01),
        "LassoCV": linear_model.LassoCV,
        "LassoLars": lambda: linear_model.LassoLars(0.01),
        "LassoLarsCV": linear_model.LassoLarsCV,
        "LassoLarsIC": linear_model.LassoLarsIC,
        "LinearRegression": linear,
        "LinearSVR": lambda: svm.LinearSVR(**S),
        "MLPRegressor": lambda: neural_network.MLPRegressor(hidden_layer_sizes=(8,), max_iter=20, **S),
        "NuSVR": svm.NuSVR,
        "OrthogonalMatchingPursuit": linear_model.OrthogonalMatchingPursuit,
        "OrthogonalMatchingPursuitCV": linear_model.OrthogonalMatchingPursuitCV,
        "PLSRegression": cross_decomposition.PLSRegression,
        "PassiveAggressiveRegressor": lambda: linear_model.PassiveAggressiveRegressor(**S),
        "QuantileRegressor": lambda: linear_model.QuantileRegressor(alpha=0.01),
        "RANSACRegressor": lambda: linear_model.RANSACRegressor(**S),
        "RadiusNeighborsRegressor": lambda: neighbors.RadiusNeighborsRegressor(2.0),
        "RandomForestRegressor": lambda: ensemble.RandomForestRegressor(**forest),
        "Ridge": linear_model.Ridge,
        "RidgeCV": linear_model.RidgeCV,
        "SGDRegressor": lambda: linear_model.SGDRegressor(**S),
        "SVR": svm.SVR,
        "SVR-poly": lambda: svm.SVR(kernel="poly"),
        "StackingRegressor": lambda: ensemble.StackingRegressor(
            [("a", linear()), ("b", stump(max_depth=3, **S))], cv=2
        ),
        "TheilSenRegressor": lambda: linear_model.TheilSenRegressor(**S),
        "VotingRegressor": lambda: ensemble.VotingRegressor([("a", linear()), ("b", stump(max_depth=3, **S))]),
        "DummyRegressor": dummy.DummyRegressor,
        "GridSearchCV-regressor": lambda: model_selection.GridSearchCV(svm.SVR(), {"C": [0.1, 1]}, cv=2),
        "TransformedTargetRegressor": lambda: compose.TransformedTargetRegressor(linear()),
    }
    transformers = {
        "Binarizer": preprocessing.Binarizer,
        "FeatureAgglomeration": cluster.FeatureAgglomeration,
        "FeatureUnion": lambda: pipeline.make_union(preprocessing.StandardScaler(), decomposition.PCA(2)),
        "FunctionTransformer": preprocessing.FunctionTransformer,
        "GaussianRandomProjection": lambda: random_projection.GaussianRandomProjection(3, **S),
        "IncrementalPCA": lambda: decomposition.IncrementalPCA(3),
        "KBinsDiscretizer": preprocessing.KBinsDiscretizer,
        "KBinsDiscretizer-ordinal": lambda: preprocessing.KBinsDiscretizer(3, encode="ordinal"),
        "KMeans": lambda: cluster.KMeans(4, n_init=1, **S),
        "MiniBatchKMeans": lambda: cluster.MiniBatchKMeans(4, n_init=1, **S),
        "KNeighborsTransformer": neighbors.KNeighborsTransformer,
        "KernelPCA": lambda: decomposition.KernelPCA(3, kernel="rbf"),
        "MaxAbsScaler": preprocessing.MaxAbsScaler,
        "MinMaxScaler": preprocessing.MinMaxScaler,
        "MinMaxScaler-clip": lambda: preprocessing.MinMaxScaler(clip=True),
        "Normalizer": preprocessing.Normalizer,
        "Normalizer-l1": lambda: preprocessing.Normalizer("l1"),
        "Normalizer-max": lambda: preprocessing.Normalizer("max"),
        "PCA": lambda: decomposition.PCA(3),
        "PCA-whiten": lambda: decomposition.PCA(3, whiten=True),
        "PolynomialFeatures": preprocessing.PolynomialFeatures,
        "PolynomialFeatures-3": lambda: preprocessing.PolynomialFeatures(3, interaction_only=True, include_bias=False),
        "PowerTransformer": preprocessing.PowerTransformer,
        "QuantileTransformer": lambda: preprocessing.QuantileTransformer(n_quantiles=20, **S),
        "RandomTreesEmbedding": lambda: ensemble.RandomTreesEmbedding(n_estimators=4, max_depth=3, **S),
        "RobustScaler": preprocessing.RobustScaler,
        "SplineTransformer": preprocessing.SplineTransformer,
        "StandardScaler": preprocessing.StandardScaler,
        "TruncatedSVD": lambda: decomposition.TruncatedSVD(3, **S),
        "VarianceThreshold": lambda: feature_selection.VarianceThreshold(0.3),
    }
    outliers = {
        "BayesianGaussianMixture": lambda: mixture.BayesianGaussianMixture(n_components=2, **S),
        "GaussianMixture": lambda: mixture.GaussianMixture(n_components=2, **S),
        "GaussianMixture-diag": lambda: mixture.GaussianMixture(n_components=2, covariance_type="diag", **S),
        "IsolationForest": lambda: ensemble.IsolationForest(n_estimators=5, **S),
        "LocalOutlierFactor": lambda: neighbors.LocalOutlierFactor(novelty=True),
        "NearestNeighbors": neighbors.NearestNeighbors,
        "OneClassSVM": svm.OneClassSVM,
        "SGDOneClassSVM": lambda: linear_model.SGDOneClassSVM(**S),
    }
    supervised = {
        "GenericUnivariateSelect": lambda: feature_selection.GenericUnivariateSelect(mode="k_best", param=3),
        "RFE": lambda: feature_selection.RFE(logistic(), n_features_to_select=3),
        "RFECV": lambda: feature_selection.RFECV(logistic(), cv=2),
        "SelectFdr": lambda: feature_selection.SelectFdr(alpha=0.9),
        "SelectFpr": lambda: feature_selection.SelectFpr(alpha=0.9),
        "SelectFwe": lambda: feature_selection.SelectFwe(alpha=0.9),
        "SelectFromModel": lambda: feature_selection.SelectFromModel(logistic()),
        "SelectKBest": lambda: feature_selection.SelectKBest(k=3),
        "SelectPercentile": lambda: feature_selection.SelectPercentile(percentile=50),
        "NeighborhoodComponentsAnalysis": lambda: neighbors.NeighborhoodComponentsAnalysis(2, max_iter=10, **S),
    }
    made = {name: n(make, words) for name, make in classifiers.items()}
    made |= {name: n(make, target) for name, make in regressors.items()}
    made |= {name: n(make) for name, make in (transformers | outliers).items()}
    made |= {name: n(make, thirds) for name, make in supervised.items()}
    two = (
        "AdaBoostClassifier",
        "GradientBoostingClassifier",
        "HistGradientBoostingClassifier",
        "KNeighborsClassifier",
        "LinearSVC",
        "LogisticRegression",
        "MLPClassifier",
        "SGDClassifier",
        "SVC",
        "SVC-probability",
        "CalibratedClassifierCV",
        "DecisionTreeClassifier",
        "RandomForestClassifier",
        "VotingClassifier",
        "NuSVC",
        "StackingClassifier",
        "BaggingClassifier",
        "OneVsRestClassifier",
        "RidgeClassifier",
        "Perceptron",
    )
    made |= {name + "-binary": n(classifiers[name], halves, types=(np.float32,)) for name in two}
    several = (
        "DecisionTreeClassifier",
        "RandomForestClassifier",
        "ExtraTreesClassifier",
        "KNeighborsClassifier",
        "MLPClassifier",
    )
    made |= {name + "-multilabel": n(classifiers[name], labels, types=(np.float32,)) for name in several}
    of_two = (
        "LinearRegression",
        "DecisionTreeRegressor",
        "RandomForestRegressor",
        "KNeighborsRegressor",
        "MLPRegressor",
        "PLSRegression",
        "GaussianProcessRegressor",
        "ExtraTreesRegressor",
        "Ridge",
        "BayesianRidge",
    )
    made |= {
        name + "-multioutput": n(regressors[name], both, types=(np.float32,))
        for name in of_two
        if name != "BayesianRidge"
    }
    made |= {
        "CategoricalNB": n(naive_bayes.CategoricalNB, words, counts, (np.float32, np.int64)),
        "ComplementNB": n(naive_bayes.ComplementNB, words, counts),
        "MultinomialNB": n(naive_bayes.MultinomialNB, words, counts),
        "OneHotEncoder-numbers": n(preprocessing.OneHotEncoder, change=counts, types=(np.int64,)),
        "OrdinalEncoder-numbers": n(preprocessing.OrdinalEncoder, change=counts, types=(np.int64,)),
        "LinearRegression-integers": n(linear, target, counts, (np.int64,)),
        "StandardScaler-integers": n(preprocessing.StandardScaler, nothing, counts, (np.int64,)),
        "RandomForestClassifier-integers": n(
            lambda: ensemble.RandomForestClassifier(**forest), words, counts, (np.int64,)
        ),
        "GammaRegressor": n(linear_model.GammaRegressor, positive),
        "PoissonRegressor": n(linear_model.PoissonRegressor, positive),
        "TweedieRegressor": n(lambda: linear_model.TweedieRegressor(power=1.5), positive),
        "HistGradientBoostingRegressor-poisson": n(
            lambda: ensemble.HistGradientBoostingRegressor(loss="poisson", max_iter=5, **S), positive
        ),
        "GaussianProcessClassifier": n(gaussian_process.GaussianProcessClassifier, halves),
        "SimpleImputer": n(impute.SimpleImputer, change=gaps),
        "KNNImputer": n(impute.KNNImputer, change=gaps),
        "HistGradientBoostingClassifier-gaps": n(
            lambda: ensemble.HistGradientBoostingClassifier(max_iter=5, **S), words, gaps
        ),
        "RandomForestRegressor-gaps": n(lambda: ensemble.RandomForestRegressor(**forest), target, gaps, (np.float32,)),
        "MultiOutputClassifier": n(lambda: multioutput.MultiOutputClassifier(logistic()), labels),
        "MultiOutputRegressor": n(lambda: multioutput.MultiOutputRegressor(linear_model.Ridge()), both),
        "OneVsRestClassifier-multilabel": n(lambda: multiclass.OneVsRestClassifier(logistic()), labels),
        "MultiTaskElasticNet": n(lambda: linear_model.MultiTaskElasticNet(0.01), both),
        "MultiTaskElasticNetCV": n(linear_model.MultiTaskElasticNetCV, both),
        "MultiTaskLasso": n(lambda: linear_model.MultiTaskLasso(0.01), both),
        "MultiTaskLassoCV": n(linear_model.MultiTaskLassoCV, both),
        "TunedThresholdClassifierCV": n(lambda: model_selection.TunedThresholdClassifierCV(logistic(), cv=2), halves),
        "KernelCenterer": n(preprocessing.KernelCenterer, change=lambda x: np.resize(x, (x.shape[0], ROWS))),
        "GaussianProcessRegressor-std": n(
            gaussian_process.GaussianProcessRegressor, target, options={"return_std": True}
        ),
        "LogisticRegression-zipmap-off": n(logistic, words, options={"zipmap": False}),
        "LogisticRegression-zipmap-columns": n(logistic, words, options={"zipmap": "columns"}),
        "LogisticRegression-raw-scores": n(logistic, words, options={"raw_scores": True}),
        "LogisticRegression-no-classes": n(logistic, words, options={"nocl": True}),
        "RandomForestClassifier-decision-path": n(
            lambda: ensemble.RandomForestClassifier(**forest), words, options={"decision_path": True}
        ),
        "RandomForestRegressor-decision-leaf": n(
            lambda: ensemble.RandomForestRegressor(**forest), target, options={"decision_leaf": True}
        ),
        "KNeighborsClassifier-cdist": n(neighbors.KNeighborsClassifier, words, options={"optim": "cdist"}),
        "IsolationForest-samples": n(
            lambda: ensemble.IsolationForest(n_estimators=5, **S), options={"score_samples": True}
        ),
        "Pipeline": n(scaled(logistic), words),
        "Pipeline-svc": n(scaled(svm.SVC), words),
        "Pipeline-kmeans": n(scaled(lambda: cluster.KMeans(3, n_init=1, **S))),
        # Texts
        "CountVectorizer": from_texts(CountVectorizer),
        "CountVectorizer-bigrams": from_texts(lambda: CountVectorizer(ngram_range=(1, 2), stop_words=["the"])),
        "CountVectorizer-binary": from_texts(lambda: CountVectorizer(binary=True, lowercase=False)),
        "CountVectorizer-char": from_texts(lambda: CountVectorizer(analyzer="char", ngram_range=(2, 3))),
        "CountVectorizer-tokens": from_texts(lambda: CountVectorizer(token_pattern="[a-zA-Z]+")),
        "TfidfVectorizer": from_texts(TfidfVectorizer),
        "TfidfVectorizer-bigrams": from_texts(lambda: TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)),
        "TfidfVectorizer-l1": from_texts(lambda: TfidfVectorizer(norm="l1", use_idf=False)),
        "TfidfVectorizer-column": from_texts(
            lambda: compose.ColumnTransformer([("text", TfidfVectorizer(), 0)]), shape=(-1, 1)
        ),
        "TfidfTransformer": n(TfidfTransformer, change=counts),
        "Pipeline-text": from_texts(
            lambda: pipeline.make_pipeline(TfidfVectorizer(), linear_model.LogisticRegression()),
            [0, 1, 0, 1, 1, 0, 1, 0],
        ),
        "Pipeline-text-count-bayes": from_texts(
            lambda: pipeline.make_pipeline(CountVectorizer(), TfidfTransformer(), naive_bayes.MultinomialNB()),
            ["x", "y", "x", "y", "z", "x", "z", "y"],
        ),
        "Pipeline-text-svd": from_texts(
            lambda: pipeline.make_pipeline(TfidfVectorizer(), decomposition.TruncatedSVD(3, **S), svm.LinearSVC(**S)),
            [0, 1, 0, 1, 1, 0, 1, 0],
        ),
        "FeatureHasher": from_strings(lambda: feature_extraction.FeatureHasher(8, input_type="string")),
        # Strings
        "OneHotEncoder": from_strings(preprocessing.OneHotEncoder),
        "OneHotEncoder-drop": from_strings(lambda: preprocessing.OneHotEncoder(drop="first", sparse_output=False)),
        "OneHotEncoder-ignore": from_strings(lambda: preprocessing.OneHotEncoder(handle_unknown="ignore")),
        "OneHotEncoder-infrequent": from_strings(
            lambda: preprocessing.OneHotEncoder(min_frequency=80, handle_unknown="infrequent_if_exist")
        ),
        "OrdinalEncoder": from_strings(preprocessing.OrdinalEncoder),
        "OrdinalEncoder-unknown": from_strings(
            lambda: preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        ),
        "TargetEncoder": from_strings(lambda: preprocessing.TargetEncoder(**S), buys),
        "SimpleImputer-strings": from_strings(lambda: impute.SimpleImputer(strategy="most_frequent")),
        "LabelEncoder": from_labels(preprocessing.LabelEncoder, ["b", "a", "c", "a"]),
        "LabelEncoder-integers": from_labels(preprocessing.LabelEncoder, [5, 3, 9, 3]),
        "LabelBinarizer": from_labels(preprocessing.LabelBinarizer, [5, 3, 9, 3]),
        "LabelBinarizer-strings": from_labels(preprocessing.LabelBinarizer, ["b", "a", "c", "a"]),
        # Frames: a column is an input
        "ColumnTransformer": from_frame(
            lambda: preprocess(preprocessing.StandardScaler(), preprocessing.OneHotEncoder(handle_unknown="ignore")),
            ["age", "income", "color", "city"],
        ),
        "ColumnTransformer-passthrough": from_frame(
            lambda: compose.ColumnTransformer(
                [("words", preprocessing.OneHotEncoder(sparse_output=False), ["color"])], remainder="passthrough"
            ),
            ["age", "income", "color"],
        ),
        "Pipeline-frame": from_frame(
            lambda: pipeline.make_pipeline(
                preprocess(
                    pipeline.make_pipeline(impute.SimpleImputer(strategy="median"), preprocessing.StandardScaler()),
                    pipeline.make_pipeline(
                        impute.SimpleImputer(strategy="most_frequent"),
                        preprocessing.OneHotEncoder(handle_unknown="ignore"),
                    ),
                ),
                linear_model.LogisticRegression(),
            ),
            ["age", "income", "color", "city"],
        ),
        "Pipeline-frame-boosting": from_frame(
            lambda: pipeline.make_pipeline(
                preprocess("passthrough", preprocessing.OrdinalEncoder()),
                ensemble.HistGradientBoostingClassifier(max_iter=5, **S),
            ),
            ["age", "income", "color", "city"],
        ),
        "Pipeline-frame-numbers": from_frame(
            lambda: pipeline.make_pipeline(
                compose.ColumnTransformer([("all", preprocessing.StandardScaler(), ["age", "income"])]),
                ensemble.RandomForestClassifier(**forest),
            ),
            ["age", "income"],
        ),
    }
    return made


def models():
    """name -> what adds it to a zoo under that name"""
    return {f"skl2onnx-{name}{suffix}": add for name, made in estimators().items() for suffix, add in made}
