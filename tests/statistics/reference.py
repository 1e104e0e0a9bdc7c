"""Writes reference.json: random labels and targets, and the metrics that scikit-learn computes for them.

    python reference.py > reference.json

Needs numpy and scikit-learn (1.4 or later, which has root_mean_squared_error). The quantiles and Wilson's intervals are
of SciPy, which scikit-learn stands on. Numbers are written with all their digits, so that reading them gives the same.
"""

import json

import numpy as np
from scipy import stats
from sklearn import metrics

random = np.random.default_rng(2024)


def classification(name, expected, predicted):
    scores = metrics.precision_recall_fscore_support(expected, predicted, zero_division=0)
    averages = {
        kind: list(metrics.precision_recall_fscore_support(expected, predicted, average=kind, zero_division=0)[:3])
        for kind in ("macro", "micro", "weighted")
    }
    return {
        "name": name,
        "expected": expected.tolist(),
        "predicted": predicted.tolist(),
        "classes": sorted({*expected.tolist(), *predicted.tolist()}),
        "accuracy": metrics.accuracy_score(expected, predicted),
        "precision": scores[0].tolist(),
        "recall": scores[1].tolist(),
        "f1": scores[2].tolist(),
        "support": scores[3].tolist(),
        "matrix": metrics.confusion_matrix(expected, predicted).tolist(),
        **averages,
    }


def classifier(name, samples, classes, share_right):
    expected = random.integers(0, classes, samples)
    predicted = np.where(random.random(samples) < share_right, expected, random.integers(0, classes, samples))
    return classification(name, expected, predicted)


def regression(name, expected, predicted):
    return {
        "name": name,
        "columns": 1 if expected.ndim == 1 else expected.shape[1],
        "expected": expected.ravel().tolist(),
        "predicted": predicted.ravel().tolist(),
        "mae": metrics.mean_absolute_error(expected, predicted),
        "rmse": metrics.root_mean_squared_error(expected, predicted),
        "r2": metrics.r2_score(expected, predicted),
    }


def noisy(shape, scale, offset):
    expected = random.normal(offset, 1, shape)
    return expected, expected + random.normal(0, scale, shape)


def wilson(successes, trials, confidence):
    interval = stats.binomtest(successes, trials).proportion_ci(confidence, "wilson")
    return [successes, trials, confidence, interval.low, interval.high]


document = {
    "classification": [
        classifier("two classes", 200, 2, 0.8),
        classifier("ten classes", 400, 10, 0.6),
        classifier("more classes than samples of most", 60, 50, 0.5),
        classification("a class that is never predicted", np.array([0, 1, 2, 2, 1]), np.array([0, 1, 1, 0, 1])),
        classification("a class that never occurs", np.array([0, 4, 0, 4]), np.array([0, 4, 2, 0])),
        classification("one class", np.array([3, 3, 3]), np.array([3, 3, 3])),
        classification("nothing right", np.array([0, 1, 0]), np.array([1, 0, 2])),
    ],
    "regression": [
        regression("one column", *noisy(300, 0.5, 0)),
        regression("a mean far from 0", *noisy(200, 0.1, 1000)),
        regression("worse than the mean", *noisy(100, 3, 0)),
        regression("three columns", *noisy((80, 3), 0.3, 5)),
        regression("a constant target that is missed", np.full(7, 0.25), np.linspace(0, 1, 7)),
        regression("a constant target that is met", np.full(7, 0.25), np.full(7, 0.25)),
    ],
    "wilson": [wilson(*case) for case in [(0, 10, 0.95), (10, 10, 0.95), (7, 9, 0.9), (512, 1000, 0.99), (1, 3, 0.5)]],
    "quantile": [[p, stats.norm.ppf(p)] for p in (1e-9, 0.001, 0.025, 0.3, 0.5, 0.75, 0.975, 0.9995)],
}

# One number to a line would be thousands of lines, all in one line no diff: one case to a line.
print("{")
for i, (kind, cases) in enumerate(document.items()):
    print(json.dumps(kind) + ": [")
    print(",\n".join(json.dumps(case) for case in cases))
    print("]" if i == len(document) - 1 else "],")
print("}")
