"""Constraints beside Keras's: values, configurations, and weights after some steps."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import fastnn

CASES = [
    ("MaxNorm", {}),
    ("MaxNorm", {"max_value": 0.5, "axis": 1}),
    ("NonNeg", {}),
    ("UnitNorm", {}),
    ("MinMaxNorm", {}),
    ("MinMaxNorm", {"min_value": 1.0, "max_value": 2.0, "rate": 0.5, "axis": 1}),
]


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_values_and_configs(name, arguments):
    ours, theirs = getattr(fastnn.constraints, name)(**arguments), getattr(keras.constraints, name)(**arguments)
    w = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32) * 2
    np.testing.assert_allclose(ours(w).numpy(), np.asarray(theirs(w)), rtol=1e-6, atol=1e-7)
    assert ours.get_config() == theirs.get_config()
    assert fastnn.constraints.serialize(ours) == keras.constraints.serialize(theirs)
    assert type(fastnn.constraints.deserialize(keras.constraints.serialize(theirs))) is type(ours)


@pytest.mark.parametrize("name", ["max_norm", "NonNeg", "unit_norm", "MinMaxNorm"])
def test_training(name):
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((24, 5)).astype(np.float32), rng.standard_normal((24, 2)).astype(np.float32)
    models = []
    for library in (keras, fastnn):
        layers = library.layers
        dense = layers.Dense(4, activation="tanh", kernel_constraint=name, bias_constraint="non_neg")
        model = library.Sequential([layers.Input((5,)), dense, layers.Dense(2, kernel_constraint="max_norm")])
        model.compile(library.optimizers.SGD(0.5), "mse")
        models.append(model)
    theirs, ours = models
    ours.set_weights(theirs.get_weights())
    for model in models:
        model.fit(x, y, batch_size=6, epochs=3, shuffle=False, verbose=0)
    for got, want in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
