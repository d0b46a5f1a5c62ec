"""Initializers: Keras's fans, scales, names and seeds."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

import fastnn
from fastnn import initializers, random
from tests.helpers import assert_same_bits

SHAPE = (3, 5, 200, 300)  # fans 3000 and 4500
SCALED = {
    # name: (distribution, standard deviation)
    "GlorotUniform": ("uniform", math.sqrt(2 / 7500)),
    "GlorotNormal": ("normal", math.sqrt(2 / 7500)),
    "HeUniform": ("uniform", math.sqrt(2 / 3000)),
    "HeNormal": ("normal", math.sqrt(2 / 3000)),
    "LecunUniform": ("uniform", math.sqrt(1 / 3000)),
    "LecunNormal": ("normal", math.sqrt(1 / 3000)),
}
RANDOM = [*SCALED, "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling", "Orthogonal"]
CONSTANT = ["Zeros", "Ones", "Constant", "Identity"]


@pytest.mark.parametrize("name", SCALED)
def test_scale_follows_the_fans(name: str) -> None:
    kind, stddev = SCALED[name]
    w = getattr(initializers, name)(seed=1)(SHAPE).numpy()
    assert w.dtype == np.float32 and w.shape == SHAPE
    assert abs(w.mean()) < 6 * stddev / math.sqrt(w.size)
    assert abs(w.std() / stddev - 1) < 0.005
    bound = math.sqrt(3) * stddev if kind == "uniform" else 2 * stddev / 0.87962566103423978
    assert 0.99 * bound < abs(w).max() <= bound * (1 + 1e-6)


@pytest.mark.parametrize(
    ("shape", "fans"),
    [((), (1, 1)), ((7,), (7, 7)), ((3, 4), (3, 4)), ((2, 3, 4), (6, 8)), ((2, 5, 3, 4), (30, 40))],
)
def test_fans_are_those_of_keras(shape: tuple[int, ...], fans: tuple[int, int]) -> None:
    assert initializers.compute_fans(shape) == fans


def test_fans_of_chosen_axes() -> None:
    assert initializers.compute_fans((2, 3, 5, 7), input_axes=[0, 2], output_axes=[1]) == (10, 3)
    w = initializers.HeNormal(seed=1, input_axes=[0], output_axes=[1])((400, 500)).numpy()
    assert abs(w.std() / math.sqrt(2 / 400) - 1) < 0.01


@pytest.mark.parametrize(
    ("arguments", "stddev"),
    [
        ({}, math.sqrt(1 / 3000)),
        ({"scale": 4.0, "mode": "fan_out"}, math.sqrt(4 / 4500)),
        ({"scale": 0.5, "mode": "fan_avg", "distribution": "untruncated_normal"}, math.sqrt(0.5 / 3750)),
        ({"distribution": "Uniform"}, math.sqrt(1 / 3000)),
        ({"distribution": "normal"}, math.sqrt(1 / 3000)),
    ],
)
def test_variance_scaling(arguments: dict, stddev: float) -> None:
    w = initializers.VarianceScaling(**arguments, seed=2)(SHAPE).numpy()
    assert abs(w.std() / stddev - 1) < 0.005


def test_plain_random_initializers() -> None:
    w = initializers.RandomNormal(1.0, 0.5, seed=1)((1000, 300)).numpy()
    assert abs(w.mean() - 1) < 0.006 and abs(w.std() - 0.5) < 0.004
    w = initializers.TruncatedNormal(1.0, 0.5, seed=1)((1000, 300)).numpy()
    assert abs(w.std() - 0.5 * 0.8796) < 0.004 and abs(w - 1).max() <= 1.0
    w = initializers.RandomUniform(-1.0, 2.0, seed=1)((1000, 300)).numpy()
    assert w.min() >= -1 and w.max() < 2 and abs(w.mean() - 0.5) < 0.01


def test_constants() -> None:
    assert initializers.Zeros()((2, 2)).tolist() == [[0, 0], [0, 0]]
    assert initializers.Ones()((2,), dtype="float64").dtype == np.float64
    assert initializers.Constant([1.0, 2.0])((3, 2)).tolist() == [[1, 2]] * 3
    assert initializers.Identity(2.0)((2, 3)).tolist() == [[2, 0, 0], [0, 2, 0]]
    assert initializers.Zeros()(()).shape == () and initializers.Zeros()((0, 3)).shape == (0, 3)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (3, 2, 5, 4), (5, 5)])
def test_orthogonal_rows_or_columns(shape: tuple[int, ...]) -> None:
    q = initializers.Orthogonal(gain=2.0, seed=1)(shape).numpy().reshape(-1, shape[-1])
    product = q.T @ q if q.shape[0] >= q.shape[1] else q @ q.T
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-5)


@pytest.mark.parametrize("name", RANDOM)
def test_seeds(name: str) -> None:
    """An int or no seed: the same values at every call. A generator: other values. No seed: others per initializer."""
    kind = getattr(initializers, name)
    fixed = kind(seed=3)
    assert_same_bits(fixed((9, 9)).numpy(), fixed((9, 9)).numpy(), "int seed")
    assert_same_bits(fixed((9, 9)).numpy(), kind(seed=3)((9, 9)).numpy(), "equal seeds")
    moving = kind(seed=random.SeedGenerator(3))
    assert (moving((9, 9)).numpy() != moving((9, 9)).numpy()).any()
    unseeded = kind()
    assert_same_bits(unseeded((9, 9)).numpy(), unseeded((9, 9)).numpy(), "no seed")
    assert (unseeded((9, 9)).numpy() != kind()((9, 9)).numpy()).any()


def test_python_seed_decides_unseeded_initializers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastnn.ops.random._global_generator", None)  # as in a new process
    draws = []
    for _ in range(2):
        fastnn.utils.set_random_seed(12)
        draws.append(initializers.GlorotUniform()((4, 4)).numpy())
    assert_same_bits(draws[0], draws[1], "set_random_seed")


@pytest.mark.parametrize("name", [*RANDOM, *CONSTANT])
def test_config_and_names(name: str) -> None:
    initializer = getattr(initializers, name)()
    again = initializers.deserialize(initializers.serialize(initializer))
    assert type(again) is type(initializer) and again.get_config() == initializer.get_config()
    assert type(initializer.clone()) is type(initializer)
    snake = {"Orthogonal": "orthogonal", "LecunNormal": "lecun_normal", "GlorotUniform": "glorot_uniform"}
    for identifier in (name, snake.get(name, name), initializer, type(initializer), {"class_name": name, "config": {}}):
        assert type(initializers.get(identifier)) is type(initializer)


def test_names_of_keras() -> None:
    for name in ("uniform", "normal", "zero", "one", "orthogonal", "glorot_uniform", "he_normal", "truncated_normal"):
        assert isinstance(initializers.get(name), initializers.Initializer)
    assert initializers.get(None) is None
    assert initializers.glorot_uniform is initializers.GlorotUniform
    function: Callable = lambda shape, dtype=None: np.zeros(shape)  # noqa: E731  # a lambda is what is tested
    assert initializers.get(function) is function


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: initializers.get("glorot"), ValueError, r"must be a known name; got 'glorot'\. Did you mean"),
        (lambda: initializers.get(3), TypeError, r"must be a name, a configuration or an initializer; got 3\."),
        (lambda: initializers.HeNormal(seed="a"), TypeError, r"HeNormal: seed must be an integer, a SeedGen"),
        (lambda: initializers.VarianceScaling(0.0), ValueError, r"VarianceScaling: scale must be above 0; got 0\.0\."),
        (lambda: initializers.VarianceScaling(mode="in"), ValueError, r"mode must be 'fan_in', 'fan_out' or 'fan_avg'"),
        (lambda: initializers.VarianceScaling(distribution="unifrom"), ValueError, r"Did you mean 'uniform'\?"),
        (lambda: initializers.VarianceScaling(input_axes=[0]), ValueError, r"must be given together or not at all"),
        (lambda: initializers.Identity()((2, 2, 2)), ValueError, r"Identity: shape must be that of a matrix"),
        (lambda: initializers.Constant([1.0, 2.0])((3,)), ValueError, r"Constant: value must be of a shape that broad"),
        (lambda: initializers.Orthogonal()((3,)), ValueError, r"Orthogonal: shape must be of at least two axes"),
        (lambda: initializers.Zeros()((-1,)), ValueError, r"shape must be a tuple of non-negative ints"),
    ],
)
def test_rejects_bad_arguments(make: Callable[[], object], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()


def test_given_values_initialize_weights_of_their_shape() -> None:
    values = np.arange(6).reshape(2, 3)
    for given in (values, fastnn.Tensor(values)):
        assert_same_bits(initializers.get(given)((2, 3)).numpy(), values.astype(np.float32), "given")
    with pytest.raises(ValueError, match=r"shape must be that of the given values, \(2, 3\); got \(3, 2\)"):
        initializers.get(values)((3, 2))
