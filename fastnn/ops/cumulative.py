"""Along an axis, element after element: running sums and products, differences, areas."""

from __future__ import annotations

import math

import numpy.typing as npt

import fastnn.ops as ops  # for casts, slices and arithmetic, looked up when used
from fastnn._core import empty, launch
from fastnn.autograd import Array, Tensor, TensorLike, as_float, as_tensor, dense, grad_buffer, record
from fastnn.ops.dtypes import BOOL, FLOAT64, INT32, INT64, cast_array
from fastnn.ops.gather import axis_or_flat
from fastnn.ops.strided import axis_of

RUNNING_SUM, RUNNING_PRODUCT = range(2)  # field op of the kernel cumulate


def cumsum(x: TensorLike, axis: int | None = None, dtype: npt.DTypeLike | None = None) -> Tensor:
    """Running sums along an axis.

    Parameters
    ----------
    x : tensor
        Booleans become int32.
    axis : int or None
        None: x is flattened first.
    dtype : str, optional
        x is converted to it first.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.cumsum([1.0, 2.0, 3.0]).tolist()
    [1.0, 3.0, 6.0]
    """
    return _cumulate("cumsum", RUNNING_SUM, x, axis, dtype)


def cumprod(x: TensorLike, axis: int | None = None, dtype: npt.DTypeLike | None = None) -> Tensor:
    """Running products along an axis; the gradient is exact where factors are zero.

    Parameters
    ----------
    x : tensor
        Booleans become int32.
    axis : int or None
        None: x is flattened first.
    dtype : str, optional
        x is converted to it first.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.cumprod([1.0, 2.0, 3.0]).tolist()
    [1.0, 2.0, 6.0]
    """
    return _cumulate("cumprod", RUNNING_PRODUCT, x, axis, dtype)


def _cumulate(name: str, op: int, x: TensorLike, axis: int | None, dtype: npt.DTypeLike | None) -> Tensor:
    x = as_tensor(x) if dtype is None else ops.cast(x, dtype)
    x = ops.cast(x, INT32) if x.dtype == BOOL else x
    x, axis = axis_or_flat(name, x, axis)
    sizes = {"outer": math.prod(x.shape[:axis]), "n": x.shape[axis], "inner": math.prod(x.shape[axis + 1 :])}
    source = dense(x)
    if x.dtype.kind != "f":
        whole = empty(x.shape, INT64)
        launch("cumulate_i64", FLOAT64, x=cast_array(source, INT64), y=whole, op=op, **sizes)
        return Tensor.wrap(cast_array(whole, x.dtype))
    y = empty(x.shape, x.dtype)
    launch("cumulate", x.dtype, x=source, y=y, op=op, reverse=0, **sizes)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x)
        if op == RUNNING_SUM:
            launch("cumulate", x.dtype, x=dy, y=dx, op=op, reverse=1, **sizes)
        else:
            launch("cumprod_bwd", x.dtype, x=source, y=y, dy=dy, dx=dx, **sizes)
        return (dx,)

    return record(name, y, (x,), gradient)


def diff(a: TensorLike, n: int = 1, axis: int = -1) -> Tensor:
    """Each element less the one before it along an axis, n times over.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.diff([1.0, 4.0, 9.0]).tolist()
    [3.0, 5.0]
    """
    x = as_tensor(a)
    axis = axis_of("diff", axis, x.ndim)
    around = (slice(None),) * axis
    for _ in range(min(n, x.shape[axis])):  # then nothing is left
        after, before = ops.getitem(x, (*around, slice(1, None))), ops.getitem(x, (*around, slice(None, -1)))
        x = ops.not_equal(after, before) if x.dtype == BOOL else ops.subtract(after, before)
    return x


def trapezoid(y: TensorLike, x: TensorLike | None = None, dx: float = 1.0, axis: int = -1) -> Tensor:
    """The area under straight lines between points along an axis: at the places x, or ``dx`` apart.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.trapezoid([1.0, 3.0, 3.0]).item()
    5.0
    """
    y = as_float(y)
    axis = axis_of("trapezoid", axis, y.ndim)
    around = (slice(None),) * axis
    step: TensorLike = dx
    if x is not None:
        places = as_float(x)
        step = diff(places, axis=0 if places.ndim == 1 else axis)
        if places.ndim == 1:
            step = ops.reshape(step, (-1, *(1,) * (y.ndim - 1 - axis)))
    pairs = ops.add(ops.getitem(y, (*around, slice(1, None))), ops.getitem(y, (*around, slice(None, -1))))
    return ops.sum(ops.multiply(ops.multiply(pairs, step), 0.5), axis=axis)
