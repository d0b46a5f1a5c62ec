"""Reductions made of others: weighted means, counts, ranges, and those that pass over NaN."""

from __future__ import annotations

import math
from typing import Any

import numpy.typing as npt

import fastnn.ops as ops  # for arithmetic, selection and casts, looked up when used
from fastnn import errors
from fastnn.autograd import Tensor, TensorLike, as_tensor
from fastnn.ops.axes import Axis, normalize_axes
from fastnn.ops.dtypes import INT32, float_pair
from fastnn.ops.reduce import argmax, argmin, max, mean, min, prod, std, sum, var


def amax(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The same as `max`."""
    return max(x, axis, keepdims)


def amin(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The same as `min`."""
    return min(x, axis, keepdims)


def ptp(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest less the least element.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.ptp([1.0, 5.0, 3.0]).item()
    4.0
    """
    return ops.subtract(max(x, axis, keepdims), min(x, axis, keepdims))


def count_nonzero(x: TensorLike, axis: Axis = None) -> Tensor:
    """How many elements are not 0, int32.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.count_nonzero([0.0, 2.0, 3.0]).item()
    2
    """
    return sum(ops.cast(ops.not_equal(x, 0), INT32), axis)


def average(x: TensorLike, axis: Axis = None, weights: TensorLike | None = None) -> Tensor:
    """sum(x weights) / sum(weights); without weights `mean`.

    Parameters
    ----------
    x : tensor
    axis : int, tuple of int or None
    weights : tensor, optional
        Of x's shape, or a row for the one axis.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.average([1.0, 2.0], weights=[1.0, 3.0]).item()
    1.75
    """
    if weights is None:
        return mean(x, axis)
    a, w = float_pair(x, weights)
    axes = normalize_axes("average", axis, a.ndim)
    if w.shape != a.shape:
        if len(axes) != 1 or w.ndim != 1 or w.size != a.shape[axes[0]]:
            raise errors.value_error("ops.average", "weights", f"of x's shape {a.shape}, or a row for one axis", w.data)
        w = ops.reshape(w, tuple(w.size if i == axes[0] else 1 for i in range(a.ndim)))
    total = sum(w, axes) if w.shape == a.shape else sum(w)
    return ops.divide(sum(ops.multiply(a, w), axes), total)


# ---- without NaN --------------------------------------------------------------------------------------------------


def _filled(x: TensorLike, value: float) -> Tensor:
    """NaN replaced, where there can be any."""
    x = as_tensor(x)
    return ops.where(ops.isnan(x), value, x) if x.dtype.kind == "f" else x


def _counts(x: Tensor, axis: Axis) -> Tensor:
    """How many along the axis are numbers, with the axis kept."""
    return sum(ops.cast(ops.logical_not(ops.isnan(x)), x.dtype), axis, keepdims=True)


def nansum(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """`sum` of the elements that are not NaN.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.nansum([1.0, float("nan"), 3.0]).item()
    4.0
    """
    return sum(_filled(x, 0.0), axis, keepdims)


def nanprod(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """`prod` of the elements that are not NaN.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.nanprod([2.0, float("nan"), 3.0]).item()
    6.0
    """
    return prod(_filled(x, 1.0), axis, keepdims)


def nanmean(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """`mean` of the elements that are not NaN; NaN where there are none.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.nanmean([1.0, float("nan"), 3.0]).item()
    2.0
    """
    x = as_tensor(x)
    if x.dtype.kind != "f":
        return mean(x, axis, keepdims)
    y = ops.divide(nansum(x, axis, keepdims=True), _counts(x, axis))
    return y if keepdims else ops.squeeze(y, normalize_axes("nanmean", axis, x.ndim))


def nanvar(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """`var` of the elements that are not NaN; NaN where there are none.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.nanvar([1.0, float("nan"), 3.0]).item()
    1.0
    """
    x = as_tensor(x)
    if x.dtype.kind != "f":
        return var(x, axis, keepdims)
    return nanmean(ops.square(ops.subtract(x, nanmean(x, axis, keepdims=True))), axis, keepdims)


def nanstd(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """`std` of the elements that are not NaN; NaN where there are none.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.nanstd([1.0, float("nan"), 3.0]).item()
    1.0
    """
    x = as_tensor(x)
    return std(x, axis, keepdims) if x.dtype.kind != "f" else ops.sqrt(nanvar(x, axis, keepdims))


def nanmax(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """`max` of the elements that are not NaN; NaN where there are none.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.nanmax([1.0, float("nan"), 3.0]).item()
    3.0
    """
    return _nan_extreme(max, -math.inf, x, axis, keepdims)


def nanmin(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """`min` of the elements that are not NaN; NaN where there are none.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.nanmin([1.0, float("nan"), 3.0]).item()
    1.0
    """
    return _nan_extreme(min, math.inf, x, axis, keepdims)


def _nan_extreme(reduction: Any, neutral: float, x: TensorLike, axis: Axis, keepdims: bool) -> Tensor:
    x = as_tensor(x)
    y: Tensor = reduction(_filled(x, neutral), axis, keepdims)
    if x.dtype.kind != "f":
        return y
    return ops.where(ops.all(ops.isnan(x), axis, keepdims), math.nan, y)


def nanargmax(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """`argmax` of the elements that are not NaN; -1 where there are none.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.nanargmax([1.0, float("nan"), 3.0]).item()
    2
    """
    return _nan_place(argmax, -math.inf, x, axis, keepdims)


def nanargmin(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """`argmin` of the elements that are not NaN; -1 where there are none.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.nanargmin([1.0, float("nan"), 3.0]).item()
    0
    """
    return _nan_place(argmin, math.inf, x, axis, keepdims)


def _nan_place(reduction: Any, neutral: float, x: TensorLike, axis: int | None, keepdims: bool) -> Tensor:
    x = as_tensor(x)
    y: Tensor = reduction(_filled(x, neutral), axis, keepdims)
    if x.dtype.kind != "f":
        return y
    return ops.where(ops.all(ops.isnan(x), axis, keepdims), -1, y)


def nancumsum(x: TensorLike, axis: int | None = None, dtype: npt.DTypeLike | None = None) -> Tensor:
    """`cumsum` with 0 in the place of NaN.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.nancumsum([1.0, float("nan"), 3.0]).tolist()
    [1.0, 1.0, 4.0]
    """
    return ops.cumsum(_filled(x, 0.0), axis, dtype)


def nancumprod(x: TensorLike, axis: int | None = None, dtype: npt.DTypeLike | None = None) -> Tensor:
    """`cumprod` with 1 in the place of NaN.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.nancumprod([2.0, float("nan"), 3.0]).tolist()
    [2.0, 2.0, 6.0]
    """
    return ops.cumprod(_filled(x, 1.0), axis, dtype)


# ---- parts of complex numbers, which all are real here ------------------------------------------------------------


def real(x: TensorLike) -> Tensor:
    """x: there are no complex numbers here."""
    return as_tensor(x)


def conj(x: TensorLike) -> Tensor:
    """x: there are no complex numbers here."""
    return as_tensor(x)


def conjugate(x: TensorLike) -> Tensor:
    """The same as `conj`."""
    return conj(x)


def imag(x: TensorLike) -> Tensor:
    """Zeros: there are no complex numbers here."""
    return ops.zeros_like(x)


def angle(x: TensorLike) -> Tensor:
    """0 where x is positive, pi where it is negative, NaN for NaN.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.angle([1.0, -1.0]).numpy()
    array([0.       , 3.1415927], dtype=float32)
    """
    x, _ = float_pair(x, 0.0)
    return ops.where(ops.isnan(x), math.nan, ops.where(ops.signbit(x), math.pi, ops.zeros((), x.dtype)))

