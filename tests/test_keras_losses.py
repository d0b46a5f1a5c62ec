"""Losses and metrics against Keras itself (on TensorFlow), where it is installed."""

from __future__ import annotations

import os

import numpy as np
import pytest

import fastnn
from fastnn import losses, metrics

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

RNG = np.random.default_rng(0)
LABEL = np.array([0, 1, 2, 3, 1, 2])
ONE_HOT = np.eye(4, dtype=np.float32)[LABEL]
SOFT = RNG.random((6, 4)).astype(np.float32)
LOGITS = (5 * RNG.standard_normal((6, 4))).astype(np.float32)
UNNORMALISED = (1.5 * RNG.random((6, 4))).astype(np.float32)  # with 0, 1 and more than 1, which are clipped
UNNORMALISED[0, 0], UNNORMALISED[1], UNNORMALISED[2, 1] = 0, (1, 0, 0, 0), 1.2
PROBABILITIES = UNNORMALISED / UNNORMALISED.sum(1, keepdims=True)
WEIGHT = RNG.random(6).astype(np.float32)

CASES = [
    ("SparseCategoricalCrossentropy", LABEL, {}), ("SparseCategoricalCrossentropy", LABEL, {"ignore_class": 1}),
    ("SparseCategoricalCrossentropy", LABEL, {"from_logits": True}), ("CategoricalCrossentropy", ONE_HOT, {}),
    ("CategoricalCrossentropy", SOFT, {}), ("CategoricalCrossentropy", ONE_HOT, {"from_logits": True}),
    ("CategoricalCrossentropy", ONE_HOT, {"label_smoothing": 0.1}), ("BinaryCrossentropy", ONE_HOT, {}),
    ("BinaryCrossentropy", SOFT, {}), ("BinaryCrossentropy", SOFT, {"from_logits": True}),
    ("BinaryCrossentropy", ONE_HOT, {"label_smoothing": 0.1}), ("MeanSquaredError", SOFT, {}),
    ("MeanAbsoluteError", SOFT, {}),
]


@pytest.mark.parametrize("weight", [None, WEIGHT, WEIGHT[:, None]])
@pytest.mark.parametrize("reduction", losses.REDUCTIONS)
@pytest.mark.parametrize(("name", "y_true", "arguments"), CASES)
def test_loss_and_gradient(name, y_true, arguments, reduction, weight):
    for y_pred in [LOGITS] if arguments.get("from_logits") else [PROBABILITIES, UNNORMALISED]:
        variable = tf.Variable(y_pred)
        with tf.GradientTape() as tape:
            want = getattr(keras.losses, name)(reduction=reduction, **arguments)(y_true, variable, sample_weight=weight)
            total = tf.reduce_sum(want)
        x = fastnn.Tensor(y_pred, requires_grad=True)
        got = getattr(losses, name)(reduction=reduction, **arguments)(y_true, x, sample_weight=weight)
        np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=3e-6, atol=3e-6)
        got.backward(np.ones(got.shape))
        np.testing.assert_allclose(x.grad.numpy(), tape.gradient(total, variable).numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("weight", [None, WEIGHT, WEIGHT[:, None]])
@pytest.mark.parametrize(("name", "y_true", "y_pred"), [
    ("SparseCategoricalAccuracy", LABEL, PROBABILITIES), ("SparseCategoricalAccuracy", LABEL[:, None], PROBABILITIES),
    ("CategoricalAccuracy", ONE_HOT, PROBABILITIES), ("BinaryAccuracy", ONE_HOT, PROBABILITIES),
    ("BinaryAccuracy", ONE_HOT[:, :1], LOGITS[:, :1]), ("MeanSquaredError", SOFT, PROBABILITIES),
    ("MeanAbsoluteError", SOFT[:, :1], PROBABILITIES[:, 0]), ("RootMeanSquaredError", SOFT, PROBABILITIES),
    ("SparseCategoricalCrossentropy", LABEL, PROBABILITIES), ("CategoricalCrossentropy", ONE_HOT, PROBABILITIES),
    ("BinaryCrossentropy", SOFT, PROBABILITIES), ("Accuracy", LABEL, LABEL[::-1]),
])
def test_metric(name, y_true, y_pred, weight):
    ours, theirs = getattr(metrics, name)(), getattr(keras.metrics, name)()
    for metric in (ours, theirs):
        metric.update_state(y_true, y_pred, sample_weight=weight)
        metric.update_state(y_true, y_pred)
    np.testing.assert_allclose(ours.result().numpy(), theirs.result().numpy(), rtol=3e-6)
    assert ours.name == theirs.name


@pytest.mark.parametrize("shape", [(6,), (6, 1), (6, 4), (3, 2, 4)])
@pytest.mark.parametrize("weight_axes", [0, 1, 2])
def test_mean(shape, weight_axes):
    values, weight = RNG.random(shape).astype(np.float32), RNG.random(shape[:weight_axes]).astype(np.float32)
    for name in ("Mean", "Sum"):
        ours, theirs = getattr(metrics, name)(), getattr(keras.metrics, name)()
        for metric in (ours, theirs):
            metric.update_state(values, sample_weight=weight)
            metric.update_state(values)
        np.testing.assert_allclose(ours.result().numpy(), theirs.result().numpy(), rtol=3e-6)


@pytest.mark.parametrize("name", sorted({case[0] for case in CASES}))
def test_configuration(name):
    assert getattr(losses, name)().get_config() == getattr(keras.losses, name)().get_config()
    assert getattr(metrics, name)().get_config() == getattr(keras.metrics, name)().get_config()
