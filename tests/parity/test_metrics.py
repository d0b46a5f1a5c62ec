"""Metrics beside Keras's: values over several batches, weighted and not, names and configurations."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import fastnn

RNG = np.random.default_rng(1)
N, C = 24, 5
A, B = (RNG.standard_normal((2, N, C)).astype(np.float32) for _ in range(2))
LABEL = RNG.integers(0, C, (2, N))
ONE_HOT = np.eye(C, dtype=np.float32)[LABEL]
GUESS = RNG.integers(0, C, (2, N))
BITS = RNG.integers(0, 2, (2, N, C)).astype(np.float32)
SCORE = RNG.random((2, N, C)).astype(np.float32)
SCORE[:, :4] = np.round(SCORE[:, :4] * 8) / 8  # ties, and predictions that are thresholds, 0 and 1 among them
SHARES = SCORE / SCORE.sum(-1, keepdims=True)
SHARES_TRUE = (SCORE[..., ::-1] + 0.1) / (SCORE + 0.1).sum(-1, keepdims=True)
WEIGHT = RNG.random((2, N)).astype(np.float32)
COUNTS = RNG.integers(0, 4, (2, N, C)).astype(np.float32)
YES, HOW_SURE = BITS[..., 0], SCORE[..., 0]
THRESHOLDS = [0.7, 0.1, 0.5]
EVEN = [0.0, 0.25, 0.5, 0.75, 1.0]
PIXELS = RNG.integers(-1, 4, (2, 2, 4, 3))
PIXELS_GUESS = RNG.integers(-1, 4, (2, 2, 4, 3))
PIXEL_SCORE = RNG.random((2, 2, 4, 3, 3)).astype(np.float32)
PIXEL_ONE_HOT = np.eye(3, dtype=np.float32)[RNG.integers(0, 3, (2, 2, 4, 3))]

CASES = [  # name, targets, predictions, arguments
    ("Accuracy", LABEL, GUESS.astype(np.float32), {}),
    ("BinaryAccuracy", BITS, SCORE, {}),
    ("BinaryAccuracy", YES, HOW_SURE[..., None], {"threshold": 0.25}),
    ("CategoricalAccuracy", ONE_HOT, SCORE, {}),
    ("SparseCategoricalAccuracy", LABEL, SCORE, {}),
    ("SparseCategoricalAccuracy", LABEL[..., None], SCORE, {}),
    ("TopKCategoricalAccuracy", ONE_HOT, SCORE, {"k": 2}),
    ("TopKCategoricalAccuracy", ONE_HOT, SCORE, {}),
    ("SparseTopKCategoricalAccuracy", LABEL, SCORE, {"k": 3}),
    ("SparseTopKCategoricalAccuracy", LABEL, np.argsort(-B, -1).astype(np.float32), {"k": 2, "from_sorted_ids": True}),
    *(
        (name, y, p, arguments)
        for name in ("TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives")
        for y, p, arguments in (
            (YES, HOW_SURE, {}), (BITS, SCORE, {"thresholds": THRESHOLDS}), (BITS, SCORE, {"thresholds": EVEN}),
        )
    ),
    *(
        (name, y, p, arguments)
        for name in ("Precision", "Recall")
        for y, p, arguments in (
            (YES, HOW_SURE, {}), (YES[..., None], HOW_SURE[..., None], {"thresholds": 0.3}),
            (BITS, SCORE, {"thresholds": THRESHOLDS}), (BITS, SCORE, {"thresholds": EVEN}), (BITS, SCORE, {"top_k": 2}),
            (BITS, SCORE, {"class_id": 3}), (BITS, SCORE, {"top_k": 3, "class_id": 1, "thresholds": 0.5}),
        )
    ),
    *(
        (name, y, p, {key: value, **arguments})
        for name, key, value in (
            ("SensitivityAtSpecificity", "specificity", 0.6), ("SpecificityAtSensitivity", "sensitivity", 0.7),
            ("PrecisionAtRecall", "recall", 0.5), ("RecallAtPrecision", "precision", 0.5),
        )
        for y, p, arguments in (
            (YES, HOW_SURE, {}), (YES, HOW_SURE, {"num_thresholds": 1}),
            (BITS, SCORE, {"num_thresholds": 9, "class_id": 2}),
        )
    ),
    *(
        ("AUC", y, p, {"curve": curve, "summation_method": method, **arguments})
        for curve in ("ROC", "PR", "PRGAIN")
        for method in ("interpolation", "minoring", "majoring")
        for y, p, arguments in ((YES, HOW_SURE, {}), (BITS, SCORE, {"num_thresholds": 7, "multi_label": True}))
    ),
    ("AUC", YES, HOW_SURE, {"thresholds": [0.2, 0.5, 0.6]}),
    ("AUC", YES, HOW_SURE, {"thresholds": [0.25, 0.5, 0.75]}),
    ("AUC", YES, HOW_SURE, {"num_thresholds": 2}),
    ("AUC", BITS, A, {"from_logits": True}),
    ("AUC", BITS, SCORE, {"label_weights": [0.1, 0.5, 1.0, 2.0, 0.0]}),
    ("AUC", BITS, SCORE, {"multi_label": True, "num_labels": C, "label_weights": [0.1, 0.5, 1.0, 2.0, 0.0]}),
    ("AUC", BITS, SCORE, {"multi_label": True, "thresholds": [0.2, 0.5, 0.6]}),
    *(
        (name, y, p, {"average": average, **arguments})
        for name, extra in (("F1Score", {}), ("FBetaScore", {"beta": 2.0}))
        for average in (None, "micro", "macro", "weighted")
        for y, p, arguments in ((ONE_HOT, SCORE, extra), (BITS, SCORE, {"threshold": 0.5, **extra}))
    ),
    ("IoU", PIXELS, PIXELS_GUESS, {"num_classes": 4, "target_class_ids": [0, 2]}),
    ("IoU", PIXEL_ONE_HOT, PIXEL_SCORE, {
        "num_classes": 3, "target_class_ids": [1], "sparse_y_true": False, "sparse_y_pred": False, "dtype": "float32",
    }),
    ("MeanIoU", PIXELS, PIXELS_GUESS, {"num_classes": 4}),
    ("MeanIoU", PIXELS, PIXELS_GUESS, {"num_classes": 4, "ignore_class": 1, "dtype": "float32"}),
    ("BinaryIoU", BITS, SCORE, {}),
    ("BinaryIoU", BITS, SCORE, {"target_class_ids": [1], "threshold": 0.25, "dtype": "float32"}),
    ("OneHotIoU", PIXEL_ONE_HOT, PIXEL_SCORE, {"num_classes": 3, "target_class_ids": [0, 1]}),
    ("OneHotMeanIoU", PIXEL_ONE_HOT, PIXEL_SCORE, {"num_classes": 3, "dtype": "float32"}),
    ("MeanSquaredError", A, B, {}),
    ("MeanSquaredError", A[..., 0], B[..., :1], {}),
    ("RootMeanSquaredError", A, B, {}),
    ("MeanAbsoluteError", A, B, {}),
    ("MeanAbsolutePercentageError", A, B, {}),
    ("MeanSquaredLogarithmicError", SCORE, SHARES, {}),
    ("LogCoshError", A, B, {}),
    ("CosineSimilarity", A, B, {}),
    ("CosineSimilarity", A, B, {"axis": 1}),
    *(
        ("R2Score", A, A + B / 4, {"class_aggregation": how, "num_regressors": p})
        for how, p in (("uniform_average", 0), ("variance_weighted_average", 2), (None, 0))
    ),
    ("PearsonCorrelation", A, B, {}),
    ("ConcordanceCorrelation", A, B, {"axis": -1}),
    ("BinaryCrossentropy", BITS, SCORE * 0.9 + 0.05, {"label_smoothing": 0.1}),
    ("BinaryCrossentropy", BITS, A, {"from_logits": True}),
    ("CategoricalCrossentropy", ONE_HOT, SHARES * 0.9 + 0.02, {}),
    ("CategoricalCrossentropy", ONE_HOT, A, {"from_logits": True, "label_smoothing": 0.1}),
    ("SparseCategoricalCrossentropy", LABEL, A, {"from_logits": True}),
    ("SparseCategoricalCrossentropy", LABEL, A, {"from_logits": True, "ignore_class": 2}),
    ("KLDivergence", SHARES_TRUE, SHARES, {}),
    ("Poisson", COUNTS, SCORE + 0.1, {}),
    ("Hinge", BITS, A, {}),
    ("SquaredHinge", BITS, A, {}),
    ("CategoricalHinge", ONE_HOT, A, {}),
]
CLASSES = sorted({case[0] for case in CASES})
NEEDED = {case[0]: case[3] for case in reversed(CASES)}  # arguments of which a class may need some
PLAIN = ("num_classes", "target_class_ids", "specificity", "sensitivity", "recall", "precision")


def name_of(case):
    return "-".join([case[0], *(f"{k}={v}" for k, v in case[3].items())])


def weights_of(case):
    """Whole weights of samples, so that sums of them are exact in every order."""
    name, y_true, y_pred, arguments = case
    if "IoU" in name:
        one_hot = "OneHot" in name or "sparse_y_true" in arguments
        return RNG.integers(0, 4, y_true[1].shape[:-1] if one_hot else y_true[1].shape)
    if arguments.get("axis") == 1:
        return RNG.random(N).astype(np.float32)[:, None]
    return RNG.integers(0, 4, N).astype(np.float32)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_value_and_configuration(case):
    """A batch without weights, then one with weights."""
    name, y_true, y_pred, arguments = case
    theirs, ours = getattr(keras.metrics, name)(**arguments), getattr(fastnn.metrics, name)(**arguments)
    weights = None, weights_of(case)
    for metric in (theirs, ours):
        for y, p, weight in zip(y_true, y_pred, weights, strict=True):
            metric.update_state(y, p, sample_weight=weight)
    want, got = np.asarray(theirs.result()), np.asarray(ours.result())
    assert got.shape == want.shape
    exact = name.endswith(("Positives", "Negatives"))
    np.testing.assert_allclose(got, want, rtol=0 if exact else 2e-6, atol=0 if exact else 1e-6)

    config = ours.get_config()
    assert fastnn.metrics.deserialize(fastnn.metrics.serialize(ours)).get_config() == config
    if name != "CosineSimilarity":  # whose axis Keras does not write
        for key, value in theirs.get_config().items():
            same = np.array_equal(config.pop(key), value) if key != "name" else True
            assert same or value == "int32"  # on JAX; on TensorFlow int64, as here
        assert set(config) == {"name"}


@pytest.mark.parametrize("name", CLASSES)
def test_names_and_configuration(name):
    needed = {k: v for k, v in NEEDED[name].items() if k in PLAIN}
    theirs, ours = getattr(keras.metrics, name)(**needed), getattr(fastnn.metrics, name)(**needed)
    fresh = getattr(keras.metrics, name)(name="own", **needed), getattr(fastnn.metrics, name)(name="own", **needed)
    configs = [metric.get_config() for metric in fresh]
    if configs[0]["dtype"] == "int32":  # on JAX; on TensorFlow int64, as here
        configs[0]["dtype"] = "int64"
    assert configs[0] == configs[1]
    assert ours.name.rstrip("_0123456789") == theirs.name.rstrip("_0123456789")
    assert getattr(ours, "_direction", None) == getattr(theirs, "_direction", getattr(ours, "_direction", None))
    assert type(fastnn.metrics.deserialize(keras.metrics.serialize(theirs))) is type(ours)
    assert type(keras.metrics.deserialize(fastnn.metrics.serialize(ours))) is type(theirs)


def test_numbering():
    keras.backend.clear_session()
    fastnn.registry.reset_names()
    for name in ("AUC", "AUC", "Precision", "Recall", "MeanIoU", "Precision", "BinaryIoU"):
        arguments = {"num_classes": 2} if name == "MeanIoU" else {}
        assert getattr(fastnn.metrics, name)(**arguments).name == getattr(keras.metrics, name)(**arguments).name


def test_strings():
    from keras.src.metrics import ALL_OBJECTS_DICT

    for name, cls in ALL_OBJECTS_DICT.items():
        assert fastnn.metrics.registry.find(name).__name__ == cls.__name__


@pytest.mark.parametrize("shape", [(6,), (6, 1), (6, 4), (3, 2, 4)])
@pytest.mark.parametrize("weight_axes", [0, 1, 2])
def test_mean_and_sum(shape, weight_axes):
    values, weight = RNG.random(shape).astype(np.float32), RNG.random(shape[:weight_axes]).astype(np.float32)
    for name in ("Mean", "Sum"):
        ours, theirs = getattr(fastnn.metrics, name)(), getattr(keras.metrics, name)()
        for metric in (ours, theirs):
            metric.update_state(values, sample_weight=weight)
            metric.update_state(values)
        np.testing.assert_allclose(np.asarray(ours.result()), np.asarray(theirs.result()), rtol=3e-6)


@pytest.mark.parametrize("name", [
    "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy", "top_k_categorical_accuracy",
    "sparse_top_k_categorical_accuracy", "pearson_correlation", "concordance_correlation",
])
def test_function(name):
    y_true = {"b": BITS, "c": ONE_HOT, "s": LABEL, "t": ONE_HOT, "p": A}[name[0]][0] if name[:2] != "co" else A[0]
    y_pred = B[0] if "correlation" in name else SCORE[0]
    want = getattr(keras.metrics, name)(keras.ops.array(y_true), keras.ops.array(y_pred))
    got = getattr(fastnn.metrics, name)(y_true, y_pred).numpy()
    np.testing.assert_allclose(got, np.asarray(want), rtol=2e-5, atol=1e-6)


def test_wrapper_of_a_loss_function():
    ours = fastnn.metrics.MeanMetricWrapper(fastnn.losses.huber, name="h", delta=0.5)
    theirs = keras.metrics.MeanMetricWrapper(keras.losses.huber, name="h", delta=0.5)
    for metric in (ours, theirs):
        metric.update_state(A[0], B[0], sample_weight=WEIGHT[0])
    np.testing.assert_allclose(float(ours.result()), float(theirs.result()), rtol=2e-6)
    again = fastnn.metrics.deserialize(fastnn.metrics.serialize(ours))
    ours.reset_state()
    assert again(A[0], B[0]).item() == ours(A[0], B[0]).item()
