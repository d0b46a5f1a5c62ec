"""Normalization beside Keras: layers inside of trainings, moving averages, masks, frozen layers, adapt, the ops."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import fastnn

EQUAL = {"rtol": 1e-5, "atol": 1e-5}
rng = np.random.default_rng(5)
X = (rng.standard_normal((24, 6, 5, 4)) * np.array([0.5, 1, 2, 5]) + np.array([0, 1, -3, 8])).astype(np.float32)
Y = rng.standard_normal((24, 2)).astype(np.float32)


def convolutional(keras, axis, data_format):
    layers = keras.layers
    return keras.Sequential([
        keras.Input(X.shape[1:]),
        layers.Conv2D(6, 3, use_bias=False, data_format=data_format, name="first"),
        layers.BatchNormalization(axis=axis, momentum=0.8, name="batch"),
        layers.Activation("tanh"),
        layers.Conv2D(4, 2, activation="tanh", data_format=data_format),
        layers.GroupNormalization(2, axis=axis),
        layers.Flatten(),
        layers.BatchNormalization(scale=False),
        layers.Activation("tanh"),
        layers.Dense(8, use_bias=False),
        layers.LayerNormalization(),
        layers.Dense(2),
    ])


def both(build, *arguments):
    keras.utils.set_random_seed(3)
    theirs, ours = build(keras, *arguments), build(fastnn, *arguments)
    ours.set_weights(theirs.get_weights())
    return theirs, ours


def assert_same_training(theirs, ours, x=X, y=Y, steps=6):
    theirs.compile(keras.optimizers.SGD(1e-3), "mse")
    ours.compile(fastnn.optimizers.SGD(1e-3), "mse")
    want = theirs.fit(x, y, batch_size=8, epochs=steps // 3, shuffle=False, verbose=0).history["loss"]
    got = ours.fit(x, y, batch_size=8, epochs=steps // 3, shuffle=False, verbose=0).history["loss"]
    np.testing.assert_allclose(got, want, rtol=1e-4)  # differences of rounding grow with each normalization
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=5e-5)
    np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("axis", "data_format"), [(-1, "channels_last"), (1, "channels_first"), (2, "channels_last")])
def test_training_of_a_network(axis, data_format):
    if data_format == "channels_first" and keras.backend.backend() == "tensorflow":
        pytest.skip("TensorFlow's convolutions on a CPU are channels_last")
    assert_same_training(*both(convolutional, axis, data_format))


def test_training_with_a_frozen_layer():
    theirs, ours = both(convolutional, -1, "channels_last")
    for model in (theirs, ours):
        model.get_layer("batch").trainable = False
    assert_same_training(theirs, ours)


@pytest.mark.parametrize("axis", [-1, 1])
def test_batch_normalization_with_a_mask(axis):
    x, mask = X[0], np.arange(5) < np.array([[5], [1], [3], [4], [5], [2]])
    theirs, ours = (library.layers.BatchNormalization(axis=axis, momentum=0.5) for library in (keras, fastnn))
    for training in (True, False):
        want, got = theirs(x, training=training, mask=mask), ours(x, training=training, mask=mask)
        np.testing.assert_allclose(got, np.asarray(want), **EQUAL)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, **EQUAL)


@pytest.mark.parametrize("axis", [-1, (1, 3), None])
@pytest.mark.parametrize("kind", ["array", "batches"])
def test_adapt(axis, kind):
    theirs, ours = (library.layers.Normalization(axis=axis) for library in (keras, fastnn))
    for layer in (theirs, ours):
        layer.adapt(X if kind == "array" else [X[:7], X[7:20], X[20:]])
        layer(X[:1])
    for name in ("mean", "variance"):
        np.testing.assert_allclose(np.asarray(getattr(ours, name)), np.asarray(getattr(theirs, name)), **EQUAL)
    np.testing.assert_allclose(ours(X), np.asarray(theirs(X)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("axis", "mean", "variance", "invert"), [
    (-1, 2.0, 4.0, False), ((1, 3), [1.0, 2, 3, 4], [4.0, 3, 2, 1], True),
    ((3, 1), np.ones((6, 1)), np.full((6, 1), 2.0), False),
])  # fmt: skip
def test_given_statistics(axis, mean, variance, invert):
    theirs, ours = (library.layers.Normalization(axis, mean, variance, invert) for library in (keras, fastnn))
    np.testing.assert_allclose(ours(X), np.asarray(theirs(X)), **EQUAL)


def call(library, name, *arguments, **more):
    result = getattr(library.ops, name)(*arguments, **more)
    return [np.asarray(part) for part in (result if isinstance(result, tuple) else (result,))]


@pytest.mark.parametrize(("name", "arguments", "more"), [
    ("moments", (X, [0, 2]), {"keepdims": True}),
    ("batch_normalization", (X, np.arange(4.0), np.arange(1.0, 5), -1), {"offset": np.arange(4.0)}),
    ("batch_normalization", (X, np.ones(5), np.ones(5), 2), {"scale": np.arange(5.0), "epsilon": 0.1}),
    ("layer_normalization", (X,), {"axis": (-1, 1), "gamma": np.arange(24.0).reshape(4, 6)}),
    ("layer_normalization", (X,), {"epsilon": 1e-3, "beta": np.arange(4.0)}),
    ("rms_normalization", (X, np.arange(4.0)), {}),
    ("rms_normalization", (X, 2.0), {"axis": (1, 2)}),
    ("normalize", (X,), {}),
    ("normalize", (X,), {"axis": 1, "order": 3}),
    ("normalize", (X,), {"axis": (1, 2), "epsilon": 0.5}),
])  # fmt: skip
def test_ops(name, arguments, more):
    for got, want in zip(call(fastnn, name, *arguments, **more), call(keras, name, *arguments, **more), strict=True):
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=1e-5)
