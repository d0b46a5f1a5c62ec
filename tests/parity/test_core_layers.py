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


# ---- masks


def sequence_model(library, functional):
    make = library.layers
    x = library.Input((6,), dtype="int32")
    steps = [make.Embedding(7, 5, mask_zero=True), make.Dense(4), make.ReLU(), make.LayerNormalization()]
    if functional:
        y = x
        for layer in steps:
            y = layer(y)
        other = make.Embedding(7, 4, mask_zero=True)(x)
        y = make.Multiply()([make.Maximum()([y, other]), make.Concatenate(axis=-1)([y, y])[..., :4]])
        y = make.Dense(3)(make.GlobalAveragePooling1D()(make.Add()([y, other])))
        return library.Model(x, y)
    return library.Sequential([x, *steps, make.Dense(1)])  # a value for each step: the loss sees the mask


@pytest.mark.parametrize("functional", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_masks(functional, weighted):
    rng = np.random.default_rng(3)
    x = rng.integers(0, 7, (12, 6)).astype(np.int32)
    x[:, 0] = 1
    y = rng.standard_normal((12, 3) if functional else (12, 6, 1)).astype(np.float32)
    weights = rng.uniform(size=(12,) if functional else (12, 6)).astype(np.float32) if weighted else None
    theirs, ours = sequence_model(keras, functional), sequence_model(fastnn, functional)
    ours.set_weights(theirs.get_weights())
    # On JAX what leaves Keras's compiled step has lost its mask, so its metrics count everything; we follow TensorFlow.
    compared = ["loss"] if keras.backend.backend() == "jax" else []
    logs = []
    for library, model in ((keras, theirs), (fastnn, ours)):
        model.compile(library.optimizers.SGD(0.05), "mse", metrics=["mae"], weighted_metrics=["mse"])
        logs.append([model.train_on_batch(x, y, sample_weight=weights, return_dict=True) for _ in range(3)])
    for want, got in zip(*logs, strict=True):
        assert want.keys() == got.keys()
        for name in compared or want:
            np.testing.assert_allclose(got[name], want[name], rtol=2e-5, err_msg=name)
    for got, want in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
