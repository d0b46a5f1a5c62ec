"""Constraints: values against NumPy, names, configurations, and weights that keep to them in training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from fastnn import Variable, constraints, layers, models, ops, optimizers, utils
from tests.helpers import assert_same_bits

EPSILON = 1e-7


def norms(w: np.ndarray, axis: int | tuple[int, ...]) -> np.ndarray:
    return np.sqrt((w * w).sum(axis=axis, keepdims=True))


def max_norm(w: np.ndarray, max_value: float = 2, axis: int | tuple[int, ...] = 0) -> np.ndarray:
    n = norms(w, axis)
    return w * (np.minimum(n, max_value) / (EPSILON + n))


def min_max_norm(w, min_value=0.0, max_value=1.0, rate=1.0, axis=0) -> np.ndarray:
    n = norms(w, axis)
    return w * ((rate * np.clip(n, min_value, max_value) + (1 - rate) * n) / (EPSILON + n))


CASES = [
    (constraints.MaxNorm(), max_norm, {}, (7, 5)),
    (constraints.MaxNorm(0.5, axis=[0, 1, 2]), max_norm, {"max_value": 0.5, "axis": (0, 1, 2)}, (3, 3, 2, 17)),
    (constraints.NonNeg(), lambda w: np.maximum(w, 0), {}, (7, 5)),
    (constraints.UnitNorm(axis=1), lambda w: w / (EPSILON + norms(w, 1)), {}, (7, 5)),
    (constraints.MinMaxNorm(), min_max_norm, {}, (7, 5)),
    (
        constraints.MinMaxNorm(0.5, 1.5, 0.25, axis=1), min_max_norm,
        {"min_value": 0.5, "max_value": 1.5, "rate": 0.25, "axis": 1}, (7, 5),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("constraint", "reference", "arguments", "shape"), CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_matches_reference(constraint, reference: Callable, arguments: dict, shape: tuple, dtype: str) -> None:
    w = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    w.reshape(-1)[:: shape[-1]] = 0  # a column of zeros stays what it is
    got = constraint(w)
    assert got.dtype == dtype
    tolerance = 2e-6 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(got.numpy(), reference(w, **arguments), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("identifier", "kind", "config"),
    [
        ("max_norm", constraints.MaxNorm, {"max_value": 2, "axis": 0}),
        ("MaxNorm", constraints.MaxNorm, {"max_value": 2, "axis": 0}),
        ("non_neg", constraints.NonNeg, {}),
        ("NonNeg", constraints.non_neg, {}),
        ("unit_norm", constraints.UnitNorm, {"axis": 0}),
        ("min_max_norm", constraints.min_max_norm, {"min_value": 0.0, "max_value": 1.0, "rate": 1.0, "axis": 0}),
        ({"class_name": "UnitNorm", "config": {"axis": 1}}, constraints.unit_norm, {"axis": 1}),
        (constraints.MaxNorm(3, [0, 1]), constraints.max_norm, {"max_value": 3, "axis": [0, 1]}),
    ],
)
def test_names_and_configs(identifier: object, kind: type, config: dict) -> None:
    constraint = constraints.get(identifier)
    assert type(constraint) is kind and constraint.get_config() == config
    envelope = constraints.serialize(constraint)
    assert envelope["module"] == "keras.constraints"
    again = constraints.deserialize(envelope)
    assert type(again) is kind and again.get_config() == config


def test_unknown_names() -> None:
    assert constraints.get(None) is None
    with pytest.raises(ValueError, match="constraint must be a known name; got 'maxnorm'. Did you mean 'max_norm'"):
        constraints.get("maxnorm")
    with pytest.raises(TypeError, match="constraint must be a name, a configuration or a constraint; got 3"):
        constraints.get(3)


def trained(constraint: object, **kwargs: object) -> models.Sequential:
    utils.set_random_seed(1)
    x = np.random.default_rng(0).standard_normal((64, 3)).astype(np.float32)
    model = models.Sequential(
        [layers.Input((3,)), layers.Dense(5, kernel_constraint=constraint, bias_constraint="non_neg"), layers.Dense(1)]
    )
    model.compile(optimizers.SGD(0.05), "mse", **kwargs)
    model.fit(x, x[:, :1] * 5, batch_size=8, epochs=3, shuffle=False, verbose=0)
    return model


def test_weights_keep_to_constraints_in_replayed_steps() -> None:
    model = trained("unit_norm")
    kernel, bias = model.layers[0].get_weights()
    np.testing.assert_allclose(np.linalg.norm(kernel, axis=0), 1.0, rtol=1e-5)
    assert (bias >= 0).all() and not model._programs.hopeless
    eager = trained("unit_norm", run_eagerly=True)
    for one, other in zip(model.get_weights(), eager.get_weights(), strict=True):
        assert_same_bits(one, other, "eager")


def test_changed_constraint_is_seen_by_recorded_steps() -> None:
    constraint = constraints.MaxNorm(0.5)
    model = trained(constraint)
    assert np.linalg.norm(model.layers[0].get_weights()[0], axis=0).max() <= 0.5 + 1e-6
    constraint.max_value = 0.25
    x = np.ones((16, 3), np.float32)
    model.fit(x, x[:, :1], batch_size=8, verbose=0)
    assert np.linalg.norm(model.layers[0].get_weights()[0], axis=0).max() <= 0.25 + 1e-6


def test_optimizer_imposes_constraints_of_variables_with_gradients() -> None:
    a, b = Variable([3.0, -4.0], name="a"), Variable([-1.0], name="b")
    a.constraint = constraints.NonNeg()
    b.constraint = lambda w: ops.multiply(w, 0.0)
    with pytest.warns(UserWarning, match="no gradients for b"):
        optimizers.SGD(1.0).apply([np.ones(2), None], [a, b])
    assert a.numpy().tolist() == [2.0, 0.0] and b.numpy().tolist() == [-1.0]
