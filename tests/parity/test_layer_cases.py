"""Every layer beside Keras's: same weights, same batches, the same outputs and the same weights after some steps."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import fastnn
from tests.layer_cases import CASES, make, network

STEPS = 5
EQUAL = {"rtol": 1e-5, "atol": 1e-5}

compared = pytest.mark.parametrize("case", [case for case in CASES if not case.alone], ids=lambda case: case.id)


def plain(value):
    """Lists for tuples, and numbers as float32, which is how Keras keeps some."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return float(np.float32(value)) if isinstance(value, float) else value


@compared
def test_layer(case):
    theirs, ours = (network(case, library, make(case, library)) for library in (keras, fastnn))
    x = case.samples(12)
    y = np.random.default_rng(1).standard_normal((12, 2)).astype(np.float32)
    theirs(x), ours(x)  # make the weights
    assert [w.shape for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), **EQUAL)
    if case.random:
        return
    theirs.compile(keras.optimizers.SGD(0.02), "mse")
    ours.compile(fastnn.optimizers.SGD(0.02), "mse")
    for step in range(STEPS):
        batch = x[step::2], y[step::2]
        want = theirs.train_on_batch(*batch)
        np.testing.assert_allclose(ours.train_on_batch(*batch), want, **EQUAL)
        theirs.reset_metrics(), ours.reset_metrics()
    for got, want in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(got, want, **EQUAL)
    np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), **EQUAL)


@compared
def test_configuration_of_keras_is_read(case):
    """What Keras writes about a layer, we read; what we write, Keras reads."""
    theirs, ours = make(case, keras), make(case)
    config = type(ours).from_config(theirs.get_config()).get_config()
    for name, value in ours.get_config().items():
        if name not in ("name", "dtype"):
            assert plain(config[name]) == plain(value), name
    assert type(theirs).from_config(ours.get_config()).name == ours.name
