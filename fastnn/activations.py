"""Activation functions under Keras's names; each is one or two ops."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from fastnn import errors, ops, registry
from fastnn.autograd import Tensor, TensorLike, as_float

Activation = Callable[[Any], Tensor]

_registry = registry.Registry("activations", "activation")


@_registry.add
def linear(x: TensorLike) -> Tensor:
    """x itself.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.linear([-1.0, 2.0]).numpy()
    array([-1.,  2.], dtype=float32)
    """
    return as_float(x)


@_registry.add
def relu(
    x: TensorLike, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Tensor:
    """Rectifier: ``max(x, 0)`` with the default arguments.

    ``max_value`` where x >= max_value; x where threshold < x; else ``negative_slope * (x - threshold)``.

    Parameters
    ----------
    x : array_like
    negative_slope : float
    max_value : float, optional
        No bound where None.
    threshold : float

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.relu([-1.0, 0.5, 9.0]).numpy()
    array([0. , 0.5, 9. ], dtype=float32)
    >>> activations.relu([-1.0, 0.5, 9.0], negative_slope=0.5, max_value=6.0, threshold=1.0).numpy()
    array([-1.  , -0.25,  6.  ], dtype=float32)
    """
    if not threshold and max_value is None:
        return ops.relu(x) if not negative_slope else ops.leaky_relu(x, negative_slope)
    x = as_float(x)
    limit = math.inf if max_value is None else float(max_value)
    if negative_slope:
        below = ops.multiply(ops.subtract(x, threshold), negative_slope)
        passed = ops.where(ops.greater(x, threshold), x, below)
    else:
        passed = ops.where(ops.greater(x, threshold), x, 0.0)
    return ops.minimum(passed, limit) if max_value is not None else passed


@_registry.add
def leaky_relu(x: TensorLike, negative_slope: float = 0.2) -> Tensor:
    """x where positive, else ``negative_slope * x``.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.leaky_relu([-1.0, 2.0]).numpy()
    array([-0.2,  2. ], dtype=float32)
    """
    return ops.leaky_relu(x, negative_slope)


@_registry.add
def sigmoid(x: TensorLike) -> Tensor:
    """``1 / (1 + exp(-x))``.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.sigmoid([0.0]).numpy()
    array([0.5], dtype=float32)
    """
    return ops.sigmoid(x)


@_registry.add
def tanh(x: TensorLike) -> Tensor:
    """The hyperbolic tangent.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.tanh([0.0]).numpy()
    array([0.], dtype=float32)
    """
    return ops.tanh(x)


@_registry.add
def softmax(x: TensorLike, axis: int | Sequence[int] = -1) -> Tensor:
    """``exp(x) / sum(exp(x))`` along an axis, computed without overflow.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.softmax([[1000.0, 1000.0]]).numpy()
    array([[0.5, 0.5]], dtype=float32)
    """
    if not as_float(x).ndim:
        raise errors.value_error("softmax", "x", "of at least one axis", as_float(x).data)
    return ops.softmax(x, axis=axis)


@_registry.add
def log_softmax(x: TensorLike, axis: int | Sequence[int] = -1) -> Tensor:
    """The logarithm of `softmax`, computed without overflow.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.log_softmax([[0.0, 0.0]]).numpy().round(4)
    array([[-0.6931, -0.6931]], dtype=float32)
    """
    return ops.log_softmax(x, axis=axis)


@_registry.add
def step(x: TensorLike) -> Tensor:
    """1 where x is positive, else 0; the gradient is 0.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.step([-1.0, 0.0, 2.0]).numpy()
    array([0., 0., 1.], dtype=float32)
    """
    return ops.step(x)


@_registry.add
def exponential(x: TensorLike) -> Tensor:
    """``exp(x)``.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.exponential([0.0]).numpy()
    array([1.], dtype=float32)
    """
    return ops.exp(x)


def get(identifier: str | dict[str, Any] | Activation | None) -> Activation:
    """The function an identifier stands for; None is `linear`.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.get("relu") is activations.relu
    True
    """
    return cast(Activation, linear if identifier is None else _registry.get(identifier))


serialize = _registry.serialize
deserialize = _registry.deserialize

if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
