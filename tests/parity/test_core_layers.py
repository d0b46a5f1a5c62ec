"""Activations beside Keras's: names, defaults, values and gradients."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest

import fastnn

FUNCTIONS = sorted(
    name
    for name, function in vars(keras.activations).items()
    if inspect.isfunction(function) and name not in ("get", "serialize", "deserialize")
)
# Keras 3.15 adds up all cumulative sums of the support where the last one belongs: its rows do not sum to 1.
OTHERWISE = {"sparsemax"}
ARGUMENTS = {"threshold": {"threshold": 0.3, "default_value": -7.0}}
X = (np.random.default_rng(0).standard_normal((5, 8)) * 2).astype(np.float32)
EQUAL = {"rtol": 1e-5, "atol": 1e-6}


def value_and_gradient(function):
    """Of Keras's function on its backend, for the gradient of (the sum of the squares)."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        x = tf.constant(X)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
            total = tf.reduce_sum(tf.square(y))
        return y.numpy(), tape.gradient(total, x).numpy()
    import jax

    return np.asarray(function(X)), np.asarray(jax.grad(lambda x: (function(x) ** 2).sum())(X))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_activation(name):
    theirs, ours = getattr(keras.activations, name), getattr(fastnn.activations, name)
    assert str(inspect.signature(theirs)) == str(inspect.signature(ours).replace(
        parameters=[p.replace(annotation=p.empty) for p in inspect.signature(ours).parameters.values()],
        return_annotation=inspect.Signature.empty,
    ))
    assert fastnn.activations.get(name) is ours
    assert keras.activations.serialize(theirs) == fastnn.activations.serialize(ours)
    if name in OTHERWISE:
        return
    arguments = ARGUMENTS.get(name, {})
    value, slope = value_and_gradient(lambda x: theirs(x, **arguments))
    x = fastnn.Tensor(X, requires_grad=True)
    y = ours(x, **arguments)
    np.testing.assert_allclose(y.numpy(), value, **EQUAL)
    fastnn.ops.sum(fastnn.ops.square(y)).backward()
    np.testing.assert_allclose(x.grad.numpy(), slope, **EQUAL)


@pytest.mark.parametrize(
    "arguments",
    [
        {"negative_slope": 0.1}, {"max_value": 1.0}, {"max_value": 6}, {"threshold": 0.4}, {"threshold": -0.4},
        {"threshold": -0.4, "max_value": 1.0}, {"negative_slope": 0.1, "max_value": 1.0, "threshold": 0.2},
        {"negative_slope": 0.1, "max_value": 6.0},
    ],
)
def test_relu_with_arguments(arguments):
    value, slope = value_and_gradient(lambda x: keras.activations.relu(x, **arguments))
    x = fastnn.Tensor(X, requires_grad=True)
    y = fastnn.activations.relu(x, **arguments)
    np.testing.assert_allclose(y.numpy(), value, **EQUAL)
    fastnn.ops.sum(fastnn.ops.square(y)).backward()
    np.testing.assert_allclose(x.grad.numpy(), slope, **EQUAL)
