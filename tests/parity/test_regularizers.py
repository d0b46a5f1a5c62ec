"""Regularizers beside Keras's: values, gradients through training, configurations."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import fastnn

CASES = [
    ("L1", {}),
    ("L1", {"l1": 0.3}),
    ("L2", {}),
    ("L2", {"l2": 0.3}),
    ("L1L2", {}),
    ("L1L2", {"l1": 0.1, "l2": 0.2}),
    ("OrthogonalRegularizer", {}),
    ("OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}),
]


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_values_configs_and_training(name, arguments):
    ours, theirs = getattr(fastnn.regularizers, name)(**arguments), getattr(keras.regularizers, name)(**arguments)
    w = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)
    np.testing.assert_allclose(float(ours(w)), float(theirs(keras.ops.convert_to_tensor(w))), rtol=1e-6)
    assert theirs.get_config() == pytest.approx(ours.get_config()) or name.startswith("Orthogonal")
    again = fastnn.regularizers.deserialize(keras.regularizers.serialize(theirs))
    assert type(again) is type(ours) and float(again(w)) == pytest.approx(float(ours(w)))
    assert fastnn.regularizers.serialize(ours)["class_name"] == keras.regularizers.serialize(theirs)["class_name"]

    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((24, 5)).astype(np.float32), rng.standard_normal((24, 3)).astype(np.float32)
    models = []
    for library, regularizer in ((keras, theirs), (fastnn, ours)):
        layers = library.layers
        activity = library.regularizers.L2(0.1)
        dense = layers.Dense(4, kernel_regularizer=regularizer, bias_regularizer="l1", activity_regularizer=activity)
        model = library.Sequential([layers.Input((5,)), dense, layers.Dense(3)])
        model.compile(library.optimizers.SGD(0.1), "mse")
        models.append(model)
    # No bias is 0: there the gradient of |b| is 1 on JAX, and 0 on TensorFlow and here.
    weights = [w if w.ndim > 1 else np.full_like(w, 0.25) for w in models[0].get_weights()]
    for model in models:
        model.set_weights(weights)
    losses = [m.fit(x, y, batch_size=6, epochs=3, shuffle=False, verbose=0).history["loss"] for m in models]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)
    for got, want in zip(models[1].get_weights(), models[0].get_weights(), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
