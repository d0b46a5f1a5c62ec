"""Reductions: sum, mean, max, min, prod, var, std, any, all, argmax, argmin; each with its gradient below it."""

from __future__ import annotations

import builtins
import math

import numpy as np

import fastnn.ops as ops  # for casts and transposes, looked up when used: those families build on fastnn.ops.axes too
from fastnn import errors
from fastnn._core import empty, launch
from fastnn.autograd import Array, Tensor, TensorLike, as_float, as_tensor, dense, grad_buffer, record
from fastnn.ops.axes import (
    MAX,
    MIN,
    PROD,
    SUM,
    Axis,
    dtype_of_sum,
    kept_shape,
    normalize_axes,
    passes,
    reduce_array,
    spread_array,
)


def sum(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Sum over one, several or all axes.

    Parameters
    ----------
    x : array_like
        Integers add up to integers (of at least 32 bits), booleans to int32.
    axis : int, tuple of int or None
        None: all axes.
    keepdims : bool
        Leave the reduced axes in the result, with one element each.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.sum([[1.0, 2.0], [3.0, 4.0]], axis=0).numpy()
    array([4., 6.], dtype=float32)
    """
    x = as_tensor(x)
    if x.dtype.kind != "f":
        return ops.cast(sum(ops.cast(x, "float64"), axis, keepdims), dtype_of_sum(x.dtype))
    return _sum("sum", x, normalize_axes("sum", axis, x.ndim), keepdims, 1.0)


def mean(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Arithmetic mean over one, several or all axes; integers become floats.

    Parameters
    ----------
    x : array_like
    axis : int, tuple of int or None
        None: all axes.
    keepdims : bool
        Leave the reduced axes in the result, with one element each.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.mean([[1.0, 2.0], [3.0, 4.0]], axis=1).numpy()
    array([1.5, 3.5], dtype=float32)
    """
    x = as_float(x)
    axes = normalize_axes("mean", axis, x.ndim)
    return _sum("mean", x, axes, keepdims, float(math.prod(x.shape[axis] for axis in axes)))


def _sum(name: str, x: Tensor, axes: tuple[int, ...], keepdims: bool, divisor: float) -> Tensor:
    """Sum over axes, divided by divisor."""
    y = reduce_array(x.data, SUM, axes, divisor).reshape(kept_shape(x.shape, axes, keepdims))

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        if dy.size == x.size and divisor == 1:  # nothing was summed
            return (dy.reshape(x.shape),)
        return (spread_array(dy, axes, divisor, grad_buffer(x)),)

    return record(name, y, (x,), gradient)


def max(x: TensorLike, axis: Axis = None, keepdims: bool = False, initial: float | None = None) -> Tensor:
    """Largest element along axes; NaN if any is NaN.

    Equal maxima share the gradient in equal parts.

    Parameters
    ----------
    x : array_like
    axis : int, tuple of int or None
        None: all axes.
    keepdims : bool
        Leave the reduced axes in the result, with one element each.
    initial : float, optional
        The least value of the result; makes the maximum of nothing defined.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.max([[1.0, 5.0], [7.0, 3.0]], axis=1).numpy()
    array([5., 7.], dtype=float32)
    """
    y = _extreme("max", MAX, as_tensor(x), axis, keepdims, initial)
    return y if initial is None else ops.maximum(y, initial)


def min(x: TensorLike, axis: Axis = None, keepdims: bool = False, initial: float | None = None) -> Tensor:
    """Smallest element along axes; NaN if any is NaN.

    Equal minima share the gradient in equal parts.

    Parameters
    ----------
    x : array_like
    axis : int, tuple of int or None
        None: all axes.
    keepdims : bool
        Leave the reduced axes in the result, with one element each.
    initial : float, optional
        The largest value of the result; makes the minimum of nothing defined.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.min([[1.0, 5.0], [7.0, 3.0]]).item()
    1.0
    """
    y = _extreme("min", MIN, as_tensor(x), axis, keepdims, initial)
    return y if initial is None else ops.minimum(y, initial)


def _extreme(name: str, op: int, x: Tensor, axis: Axis, keepdims: bool, initial: float | None) -> Tensor:
    axes = normalize_axes(name, axis, x.ndim)
    if initial is None and not math.prod(x.shape[axis] for axis in axes):
        raise errors.value_error(
            f"ops.{name}", "x", "non-empty along the reduced axes", x.data, "Pass initial= to define the result."
        )
    if x.dtype.kind != "f":
        return ops.cast(_extreme(name, op, ops.cast(x, "float64"), axes, keepdims, initial), x.dtype)
    x, axes, shape = _one_run(x, axes, keepdims)
    y = reduce_array(x.data, op, axes)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x)
        outer, red, inner = (passes(x.shape, axes) or ((x.size, 1, 1),))[0]
        launch("reduce_extreme_bwd", x.dtype, x=dense(x), y=y, dy=dy, dx=dx, outer=outer, red=red, inner=inner)
        return (dx,)

    return record(name, y.reshape(shape), (x,), gradient)


def prod(x: TensorLike, axis: Axis = None, keepdims: bool = False, dtype: str | None = None) -> Tensor:
    """Product over one, several or all axes; the gradient is exact where factors are zero.

    Parameters
    ----------
    x : array_like
    axis : int, tuple of int or None
        None: all axes.
    keepdims : bool
        Leave the reduced axes in the result, with one element each.
    dtype : str, optional
        Convert x to this type first.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.prod([1.0, 2.0, 3.0]).item()
    6.0
    """
    x = as_tensor(x) if dtype is None else ops.cast(x, dtype)
    if x.dtype.kind != "f":
        return ops.cast(prod(ops.cast(x, "float64"), axis, keepdims), dtype_of_sum(x.dtype))
    x, axes, shape = _one_run(x, normalize_axes("prod", axis, x.ndim), keepdims)
    y = reduce_array(x.data, PROD, axes).reshape(shape)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x)
        outer, red, inner = (passes(x.shape, axes) or ((x.size, 1, 1),))[0]
        launch("reduce_prod_bwd", x.dtype, x=dense(x), dy=dy, dx=dx, outer=outer, red=red, inner=inner)
        return (dx,)

    return record("prod", y, (x,), gradient)


def _one_run(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> tuple[Tensor, tuple[int, ...], tuple[int, ...]]:
    """x and axes such that the reduced axes form one run (transposed if they did not), and the result's shape."""
    shape = kept_shape(x.shape, axes, keepdims)
    if len(passes(x.shape, axes)) > 1:
        x = axes_last(x, axes)
        axes = tuple(range(x.ndim - len(axes), x.ndim))
    return x, axes, shape


def axes_last(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """x with these axes moved to the end, in their order."""
    kept = tuple(axis for axis in range(x.ndim) if axis not in axes)
    order = kept + axes
    return x if order == tuple(range(x.ndim)) else ops.transpose(x, order)


def var(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Variance (the mean squared distance from the mean) over one, several or all axes.

    Parameters
    ----------
    x : array_like
    axis : int, tuple of int or None
        None: all axes.
    keepdims : bool
        Leave the reduced axes in the result, with one element each.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.var([1.0, 2.0, 3.0, 4.0]).item()
    1.25
    """
    x = as_float(x)
    return mean(ops.square(ops.subtract(x, mean(x, axis, keepdims=True))), axis, keepdims)


def std(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Standard deviation, the square root of `var`.

    Parameters
    ----------
    x : array_like
    axis : int, tuple of int or None
        None: all axes.
    keepdims : bool
        Leave the reduced axes in the result, with one element each.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.std([3.0, 5.0]).item()
    1.0
    """
    return ops.sqrt(var(x, axis, keepdims))


def any(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether any element along axes is not zero.

    Parameters
    ----------
    x : array_like
    axis : int, tuple of int or None
        None: all axes.
    keepdims : bool
        Leave the reduced axes in the result, with one element each.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.any([[True, False], [False, False]], axis=1).numpy()
    array([ True, False])
    """
    return _any_all("any", as_tensor(x), axis, keepdims)


def all(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether all elements along axes are not zero.

    Parameters
    ----------
    x : array_like
    axis : int, tuple of int or None
        None: all axes.
    keepdims : bool
        Leave the reduced axes in the result, with one element each.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.all([[True, False], [True, True]], axis=1).numpy()
    array([False,  True])
    """
    return _any_all("all", as_tensor(x), axis, keepdims)


def _any_all(name: str, x: Tensor, axis: Axis, keepdims: bool) -> Tensor:
    axes = normalize_axes(name, axis, x.ndim)
    data = dense(x if x.dtype.kind == "b" else ops.not_equal(x, 0))
    for outer, red, inner in passes(x.shape, axes):
        y = empty(outer * inner, np.bool_)
        launch("any_all_fwd", np.float32, x=data, y=y, outer=outer, red=red, inner=inner, all=int(name == "all"))
        data = y
    return Tensor.wrap(data.reshape(kept_shape(x.shape, axes, keepdims)))


def argmax(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Index of the largest element along an axis, the first of equal ones; a NaN counts as the largest.

    Parameters
    ----------
    x : array_like
    axis : int or None
        None: of all elements in row-major order.
    keepdims : bool
        Leave the reduced axis in the result, with one element.

    Returns
    -------
    Tensor of int32

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.argmax([[1.0, 5.0], [7.0, 3.0]], axis=1).numpy()
    array([1, 0], dtype=int32)
    """
    return _arg("argmax", MAX, as_tensor(x), axis, keepdims)


def argmin(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Index of the smallest element along an axis, the first of equal ones; a NaN counts as the smallest.

    Parameters
    ----------
    x : array_like
    axis : int or None
        None: of all elements in row-major order.
    keepdims : bool
        Leave the reduced axis in the result, with one element.

    Returns
    -------
    Tensor of int32

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.argmin([4.0, 2.0, 3.0]).item()
    1
    """
    return _arg("argmin", MIN, as_tensor(x), axis, keepdims)


def _arg(name: str, op: int, x: Tensor, axis: int | None, keepdims: bool) -> Tensor:
    axes = normalize_axes(name, axis, x.ndim)
    shape = kept_shape(x.shape, axes, keepdims)
    red = math.prod(x.shape[axis] for axis in axes)
    if not 0 < red < 2**31:
        raise errors.value_error(f"ops.{name}", "x", "non-empty, and shorter than 2**31, along the axis", x.data)
    if x.dtype.kind != "f":
        x = ops.cast(x, "float64")
    if axis is not None and len(axes) > 1:
        raise errors.type_error(f"ops.{name}", "axis", "one integer or None", axis)
    inner = math.prod(x.shape[axes[-1] + 1 :]) if axes else 1
    outer = x.size // builtins.max(red * inner, 1)
    y = empty(shape, np.int32)
    launch("argmax_fwd", x.dtype, x=dense(x), y=y, outer=outer, red=red, inner=inner, op=op)
    return Tensor.wrap(y)
