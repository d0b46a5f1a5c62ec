"""Penalties on weights or activations, added to the loss; Keras's names and formulas."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fastnn import errors, ops, registry
from fastnn._core import Tracked
from fastnn.autograd import Tensor, TensorLike, as_float

_registry = registry.Registry("regularizers", "regularizer")


@_registry.add
class Regularizer(Tracked):
    """The base of regularizers: subclass it and write ``__call__(self, x)``, a scalar, and ``get_config(self)``.

    Examples
    --------
    >>> from fastnn import ops, regularizers
    >>> class Peak(regularizers.Regularizer):
    ...     def __call__(self, x):
    ...         return ops.max(ops.absolute(x))
    >>> float(Peak()([1.0, -3.0]))
    3.0
    """

    def __call__(self, x: TensorLike) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}: a regularizer needs a __call__(self, x).")

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Regularizer:
        """Make a regularizer from what `get_config` returned."""
        return cls(**config)


def _factor(who: str, argument: str, value: Any, default: float) -> float:
    if value is None:
        return default
    if isinstance(value, (str, bool)):
        raise errors.type_error(who, argument, "a number", value)
    number = float(value)
    if not math.isfinite(number) or number < 0:
        raise errors.value_error(who, argument, "a finite number of at least 0", number)
    return number


@_registry.add
class L1L2(Regularizer):
    """``l1 * sum(|x|) + l2 * sum(x^2)``.

    Parameters
    ----------
    l1, l2 : float

    Examples
    --------
    >>> from fastnn import regularizers
    >>> float(regularizers.L1L2(l1=1.0, l2=0.5)([1.0, -2.0]))
    5.5
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = _factor("L1L2", "l1", l1, 0.0)
        self.l2 = _factor("L1L2", "l2", l2, 0.0)

    def __call__(self, x: TensorLike) -> Tensor:
        return ops.l1_l2_penalty(x, self.l1, self.l2)

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1, "l2": self.l2}


@_registry.add
class L1(Regularizer):
    """``l1 * sum(|x|)``; the string "l1" means 0.01.

    Parameters
    ----------
    l1 : float

    Examples
    --------
    >>> from fastnn import regularizers
    >>> float(regularizers.L1(0.5)([1.0, -2.0]))
    1.5
    """

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _factor("L1", "l1", l1, 0.01)

    def __call__(self, x: TensorLike) -> Tensor:
        return ops.l1_l2_penalty(x, self.l1, 0.0)

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1}


@_registry.add
class L2(Regularizer):
    """``l2 * sum(x^2)``; the string "l2" means 0.01.

    Parameters
    ----------
    l2 : float

    Examples
    --------
    >>> from fastnn import regularizers
    >>> float(regularizers.L2(0.5)([1.0, -2.0]))
    2.5
    """

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = _factor("L2", "l2", l2, 0.01)

    def __call__(self, x: TensorLike) -> Tensor:
        return ops.l1_l2_penalty(x, 0.0, self.l2)

    def get_config(self) -> dict[str, Any]:
        return {"l2": self.l2}


@_registry.add
class OrthogonalRegularizer(Regularizer):
    """The mean absolute cosine between the rows (or columns) of a matrix, times ``factor``.

    ``factor * mean over pairs i < j of |cos(row i, row j)|``: 0 where all are orthogonal.

    Parameters
    ----------
    factor : float
    mode : str
        "rows" or "columns".

    Raises
    ------
    ValueError
        When called with anything but a matrix.

    Examples
    --------
    >>> from fastnn import regularizers
    >>> float(regularizers.OrthogonalRegularizer(1.0)([[1.0, 0.0], [0.0, 2.0]]))
    0.0
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = _factor("OrthogonalRegularizer", "factor", factor, 0.01)
        if mode not in ("rows", "columns"):
            raise errors.value_error("OrthogonalRegularizer", "mode", "'rows' or 'columns'", mode)
        self.mode = mode

    def __call__(self, x: TensorLike) -> Tensor:
        x = as_float(x)
        if x.ndim != 2:
            raise errors.value_error("OrthogonalRegularizer", "x", "a matrix", errors.Shown(f"shape {x.shape}"))
        axis = 1 if self.mode == "rows" else 0
        size = x.shape[1 - axis]
        x = ops.normalize(x, axis)
        other = ops.transpose(x)
        cosines = ops.matmul(x, other) if axis == 1 else ops.matmul(other, x)
        apart = ops.multiply(cosines, ops.subtract(1.0, ops.eye(size, dtype=x.dtype)))
        return ops.divide(ops.multiply(ops.sum(ops.absolute(apart)), self.factor * 0.5), size * (size - 1.0) / 2.0)

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor, "mode": self.mode}


_registry.add(L1L2, "l1_l2")
# Keras offers every class under both names.
l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer

get = _registry.get


def serialize(regularizer: Any) -> Any:
    """The configuration from which `deserialize` makes a regularizer equal to this one."""
    return _registry.serialize(regularizer)


deserialize = _registry.deserialize

if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
