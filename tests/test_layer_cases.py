"""What holds for every layer: its steps replay with the same bits, its configuration makes an equal layer, ..."""

from __future__ import annotations

import inspect
import sys

import numpy as np
import pytest

import fastnn
from fastnn import layers, optimizers, utils
from tests.layer_cases import CASES, make, network

# Not layers to be put into a network by themselves.
BASES = {"Layer", "InputLayer", "InputSpec"}
FUNCTIONAL = {"Lambda"}  # no configuration holds its function: tests/test_layers_function.py

pytestmark = pytest.mark.filterwarnings("ignore:.* the input has a mask")  # Flatten does not pass it on
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)


def train(case, eager):
    """A short training and what it leaves behind, as bytes and numbers."""
    utils.set_random_seed(3)
    model = network(case, fastnn, make(case))
    model.compile(optimizers.SGD(0.05), "mse", run_eagerly=eager)
    x = case.samples(20)
    y = np.random.default_rng(1).standard_normal((20, 2))
    history = model.fit(x, y, epochs=3, batch_size=4, verbose=0)
    return {
        "history": history.history,
        "weights": [weight.tobytes() for weight in model.get_weights()],
        "predict": model.predict(x, batch_size=4, verbose=0).tobytes(),
    }


@every_case
def test_steps_replay_with_the_same_bits(case, programs):
    replayed = train(case, eager=False)
    assert len(programs) == 2  # training, prediction
    assert replayed == train(case, eager=True)


def python_calls(function):
    """How many Python functions are called."""
    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(None)
    return calls


@every_case
def test_no_python_in_a_step(case):
    model = network(case, fastnn, make(case))
    model.compile(optimizers.SGD(0.01), "mse")
    x, y = case.samples(200), np.zeros((200, 2))
    model.fit(x[:80], y[:80], batch_size=4, verbose=0)
    few, many = (python_calls(lambda n=n: model.fit(x[:n], y[:n], batch_size=4, verbose=0)) for n in (40, 200))
    assert many - few < 40  # steps: less than a call for each of those that there are more


@every_case
def test_configuration_makes_an_equal_layer(case):
    layer = make(case)
    twin = type(layer).from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
    assert twin.name == layer.name


@every_case
def test_output_shape_and_dtype(case):
    inputs = [np.ones((3, *shape), case.input_dtype) for shape in case.shapes]
    given = inputs if isinstance(case.shape, list) else inputs[0]
    for dtype in ("float32", "float64"):
        layer = type(make(case))(**case.config, dtype=dtype)
        y = layer(given)
        shapes = [(None, *shape) for shape in case.shapes]
        promised = layer.compute_output_shape(shapes if isinstance(case.shape, list) else shapes[0])
        assert tuple(promised) == (None, *y.shape[1:])
        assert y.dtype == dtype or not case.input_dtype.startswith("float")


def test_every_layer_has_a_case():
    public = {name for name in layers.__all__ if inspect.isclass(getattr(layers, name))}
    classes = {getattr(layers, name) for name in public - BASES - FUNCTIONAL}
    without = classes - {getattr(layers, case.layer) for case in CASES}
    assert not without
