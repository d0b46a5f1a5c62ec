"""Activations: values and gradients against NumPy, names."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pytest

from fastnn import activations, ops
from tests import reference
from tests.helpers import check_op


def relu(
    x: np.ndarray, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> np.ndarray:
    y = np.where(x > threshold, x, negative_slope * (x - threshold))
    return y if max_value is None else np.minimum(y, max_value)


def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


REFERENCES: dict[str, Callable[..., np.ndarray]] = {
    "linear": lambda x: x,
    "relu": relu,
    "leaky_relu": functools.partial(relu, negative_slope=0.2),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "softmax": softmax,
    "log_softmax": lambda x: np.log(softmax(x)),
    "exponential": np.exp,
}


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize("shape", [(1,), (3, 17), (2, 5, 33)])
def test_matches_reference(name: str, shape: tuple[int, ...]) -> None:
    check_op(getattr(activations, name), REFERENCES[name], shape, reduction=64)


@pytest.mark.parametrize(
    "arguments",
    [
        {"negative_slope": 0.3}, {"max_value": 0.7}, {"threshold": 0.4}, {"negative_slope": 0.3, "threshold": 0.4},
        {"negative_slope": 0.1, "max_value": 0.9, "threshold": 0.4},
    ],
)
def test_relu_takes_the_arguments_of_keras(arguments: dict[str, float]) -> None:
    check_op(activations.relu, relu, (3, 17), step=1e-5, **arguments)


def test_softmax_takes_an_axis() -> None:
    check_op(activations.softmax, softmax, (4, 3, 5), axis=1, reduction=64)


def test_step_has_no_gradient() -> None:
    assert activations.step([-1.0, 0.0, 2.0]).tolist() == [0.0, 0.0, 1.0]


def test_gelu_is_exact_by_default() -> None:
    check_op(activations.gelu, reference.gelu, np.linspace(-3.7, 3.7, 33), approximate=False)
    assert activations.gelu([1.0]).tolist() == ops.gelu([1.0], approximate=False).tolist()


def test_every_op_of_one_element_is_an_activation() -> None:
    for name in {*reference.ACTIVATIONS, "glu", "sparsemax"} - {"gelu", "erf", "bounded_relu"}:
        x = np.array([-1.3, 0.2, 0.4, 2.0])
        assert getattr(activations, name)(x).tolist() == getattr(ops, name)(x).tolist()
    assert activations.threshold([0.5, 2.0], 1.0, 7.0).tolist() == [7, 2]
    assert activations.get("swish") is activations.swish is activations.silu
    assert activations.get("hard_swish") is activations.hard_swish is activations.hard_silu


def test_names() -> None:
    for name in (*REFERENCES, "step", *reference.ACTIVATIONS.keys() - {"erf", "bounded_relu"}):
        function = getattr(activations, name)
        assert activations.get(name) is function is activations.get(function)
        assert activations.serialize(function) == name and activations.deserialize(name) is function
    assert activations.get(None) is activations.linear


def test_rejects_unknown_names() -> None:
    with pytest.raises(ValueError, match=r"must be a known name; got 'relo'\. Did you mean"):
        activations.get("relo")
    with pytest.raises(TypeError, match=r"must be a name, a configuration or an activation; got 3\."):
        activations.get(3)
    with pytest.raises(ValueError, match=r"softmax: x must be of at least one axis"):
        activations.softmax(1.0)
