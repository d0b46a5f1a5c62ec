"""Files that Keras writes are read here, and the other way round: the same outputs, and training goes on alike."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import fastnn
from tests.parity.test_networks import NETWORKS

SAMPLES = 8


def small(keras):
    """A graph with a model within, a shared layer and two inputs."""
    layers = keras.layers
    a, b = keras.Input((6,), name="a"), keras.Input((6,), name="b")
    shared = layers.Dense(5, activation="tanh", kernel_regularizer="l2")
    inner = keras.Sequential([layers.Dense(4, activation="gelu"), layers.BatchNormalization(), layers.Dropout(0.0)])
    x = layers.Concatenate()([shared(a), shared(b)])
    return keras.Model([a, b], layers.Dense(2)(inner(x)))


def data(name):
    rng = np.random.default_rng(3)
    if name == "two inputs":
        x = [rng.standard_normal((SAMPLES, 6)).astype(np.float32) for _ in range(2)]
        return x, rng.standard_normal((SAMPLES, 2)).astype(np.float32), "mse"
    network = NETWORKS[name]
    targets = network.targets(rng)[:SAMPLES]
    return rng.standard_normal((SAMPLES, *network.input)).astype(np.float32), targets, network.loss


@pytest.mark.parametrize("direction", ["from Keras", "to Keras"])
@pytest.mark.parametrize("name", ["two inputs", "U-Net", "depthwise-separable", "ECG"])
def test_whole_models(name, direction, tmp_path):
    path = tmp_path / "model.keras"
    x, y, loss = data(name)
    source, target = (keras, fastnn) if direction == "from Keras" else (fastnn, keras)
    model = small(source) if name == "two inputs" else NETWORKS[name].build(source)
    model.compile(source.optimizers.Adam(1e-4), loss, metrics=["accuracy"])
    model.fit(x, y, batch_size=4, epochs=1, shuffle=False, verbose=0)
    model.save(path)
    again = target.models.load_model(path)
    np.testing.assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-4, atol=1e-5)
    assert len(again.optimizer.variables) == len(model.optimizer.variables)
    assert int(np.asarray(again.optimizer.iterations)) == 2
    histories = [each.fit(x, y, batch_size=4, shuffle=False, verbose=0).history for each in (model, again)]
    np.testing.assert_allclose(histories[1]["loss"], histories[0]["loss"], rtol=1e-4)


@pytest.mark.parametrize("direction", ["from Keras", "to Keras"])
def test_weights(direction, tmp_path):
    path = tmp_path / "model.weights.h5"
    source, target = (keras, fastnn) if direction == "from Keras" else (fastnn, keras)
    model, again = small(source), small(target)
    x = data("two inputs")[0]
    model.save_weights(path)
    again.load_weights(path)
    np.testing.assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5, atol=1e-6)
