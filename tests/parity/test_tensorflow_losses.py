"""Cross-entropies of saturated and unnormalised probabilities beside Keras's on TensorFlow, whose rule they follow."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import fastnn
from fastnn import losses

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
    ("BinaryCrossentropy", ONE_HOT, {"label_smoothing": 0.1}),
]


@pytest.mark.parametrize("weight", [None, WEIGHT[:, None]])
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean_with_sample_weight", None])
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
