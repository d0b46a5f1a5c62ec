"""Constraints on weights, imposed after each optimizer step; Keras's names and formulas.

A constraint is called with a weight and returns what the weight becomes. It is written with ops, so a recorded step
imposes it without Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnn import config, errors, ops, registry
from fastnn._core import Tracked
from fastnn.autograd import Tensor, TensorLike, as_float, as_tensor

Axis = int | Sequence[int]

_registry = registry.Registry("constraints", "constraint")


@_registry.add
class Constraint(Tracked):
    """The base of constraints: subclass it and write ``__call__(self, w)`` and ``get_config(self)``.

    Examples
    --------
    >>> from fastnn import constraints, ops
    >>> class AtMostOne(constraints.Constraint):
    ...     def __call__(self, w):
    ...         return ops.minimum(w, 1.0)
    >>> AtMostOne()([0.5, 3.0]).numpy()
    array([0.5, 1. ], dtype=float32)
    """

    def __call__(self, w: TensorLike) -> Tensor:
        return as_tensor(w)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Constraint:
        """Make a constraint from what `get_config` returned."""
        return cls(**config)


def _norms(w: Tensor, axis: Axis) -> Tensor:
    axes = axis if isinstance(axis, int) else tuple(axis)
    return ops.sqrt(ops.sum(ops.square(w), axis=axes, keepdims=True))


@_registry.add
class MaxNorm(Constraint):
    """Vectors of at most a given length: ``w * clip(|w|, 0, max_value) / (|w| + epsilon)``.

    Parameters
    ----------
    max_value : float
    axis : int or tuple of int
        The axes along which a vector lies: 0 for a Dense kernel (one vector of inputs per unit), (0, 1, 2) for a
        Conv2D kernel.

    Examples
    --------
    >>> from fastnn import constraints
    >>> constraints.MaxNorm(1.0)([[3.0, 0.3], [4.0, 0.4]]).numpy().round(3)
    array([[0.6, 0.3],
           [0.8, 0.4]], dtype=float32)
    """

    def __init__(self, max_value: float = 2, axis: Axis = 0) -> None:
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: TensorLike) -> Tensor:
        w = as_float(w)
        norms = _norms(w, self.axis)
        desired = ops.clip(norms, 0.0, float(self.max_value))
        return ops.multiply(w, ops.divide(desired, ops.add(norms, config.epsilon())))

    def get_config(self) -> dict[str, Any]:
        return {"max_value": self.max_value, "axis": self.axis}


@_registry.add
class NonNeg(Constraint):
    """No negative weights: ``max(w, 0)``.

    Examples
    --------
    >>> from fastnn import constraints
    >>> constraints.NonNeg()([-1.0, 2.0]).numpy()
    array([0., 2.], dtype=float32)
    """

    def __call__(self, w: TensorLike) -> Tensor:
        return ops.maximum(as_float(w), 0.0)


@_registry.add
class UnitNorm(Constraint):
    """Vectors of length 1: ``w / (|w| + epsilon)``.

    Parameters
    ----------
    axis : int or tuple of int
        The axes along which a vector lies; see `MaxNorm`.

    Examples
    --------
    >>> from fastnn import constraints
    >>> constraints.UnitNorm()([[3.0], [4.0]]).numpy().round(3)
    array([[0.6],
           [0.8]], dtype=float32)
    """

    def __init__(self, axis: Axis = 0) -> None:
        self.axis = axis

    def __call__(self, w: TensorLike) -> Tensor:
        w = as_float(w)
        return ops.divide(w, ops.add(_norms(w, self.axis), config.epsilon()))

    def get_config(self) -> dict[str, Any]:
        return {"axis": self.axis}


@_registry.add
class MinMaxNorm(Constraint):
    """Vectors whose length moves into an interval: |w| becomes ``rate * clip(|w|, min, max) + (1 - rate) * |w|``.

    Parameters
    ----------
    min_value, max_value : float
    rate : float
        1 imposes the bounds in every step, less lets vectors approach them.
    axis : int or tuple of int
        The axes along which a vector lies; see `MaxNorm`.

    Examples
    --------
    >>> from fastnn import constraints
    >>> constraints.MinMaxNorm(0.5, 1.0)([[3.0, 0.03], [4.0, 0.04]]).numpy().round(3)
    array([[0.6, 0.3],
           [0.8, 0.4]], dtype=float32)
    """

    def __init__(
        self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Axis = 0
    ) -> None:
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: TensorLike) -> Tensor:
        w = as_float(w)
        norms = _norms(w, self.axis)
        bounded = ops.clip(norms, float(self.min_value), float(self.max_value))
        desired = ops.add(ops.multiply(bounded, float(self.rate)), ops.multiply(norms, float(1 - self.rate)))
        return ops.multiply(w, ops.divide(desired, ops.add(norms, config.epsilon())))

    def get_config(self) -> dict[str, Any]:
        return {"min_value": self.min_value, "max_value": self.max_value, "rate": self.rate, "axis": self.axis}


# Keras offers every class under both names.
max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm

get = _registry.get


def serialize(constraint: Any) -> Any:
    """The configuration from which `deserialize` makes a constraint equal to this one."""
    return _registry.serialize(constraint)


deserialize = _registry.deserialize

if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
