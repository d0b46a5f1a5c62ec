"""Softmax, log-softmax and log-sum-exp over any axes; the kernels work on rows, other axes are moved to the end."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

import fastnn.ops as ops  # for transposes, looked up when used
from fastnn._core import empty, launch
from fastnn.autograd import Array, Tensor, TensorLike, as_float, dense, grad_buffer, record
from fastnn.ops.axes import Axis, kept_shape, normalize_axes
from fastnn.ops.reduce import axes_last


def softmax(x: TensorLike, axis: Axis = -1) -> Tensor:
    """exp(x) / sum(exp(x)) along an axis, computed as exp(x - max) / sum(exp(x - max)).

    Infinite inputs give the limits: a row of -inf is uniform, k elements of +inf share 1/k each. The result remembers
    its logits, and the cross-entropies compute from them (see `fastnn.ops.loss`).

    Parameters
    ----------
    x : array_like
        Logits, finite or infinite.
    axis : int, tuple of int or None
        The axes over which the result sums to 1; None: all.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.softmax([0.0, 0.0, float("-inf")]).tolist()
    [0.5, 0.5, 0.0]
    """
    x = as_float(x)
    axes = normalize_axes("softmax", axis, x.ndim)
    y = over_rows(_softmax_rows, x, axes)
    if axes == (x.ndim - 1,):
        y._logits = ("softmax", x)
    return y


def _softmax_rows(x: Tensor, cols: int) -> Tensor:
    y = empty(x.shape, x.dtype)
    rows = _rows(x, cols)
    launch("softmax_fwd", x.dtype, x=dense(x), y=y, rows=rows, cols=cols)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x)
        launch("softmax_bwd", x.dtype, y=y, dy=dy, dx=dx, rows=rows, cols=cols)
        return (dx,)

    return record("softmax", y, (x,), gradient)


def log_softmax(x: TensorLike, axis: Axis = -1) -> Tensor:
    """x - logsumexp(x) along an axis, the logarithm of `softmax` without forming it.

    Parameters
    ----------
    x : array_like
        Logits, finite or infinite.
    axis : int, tuple of int or None
        The axes over which the exponentials of the result sum to 1; None: all.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.log_softmax([4096.0, 0.0]).tolist()
    [0.0, -4096.0]
    """
    x = as_float(x)
    return over_rows(_log_softmax_rows, x, normalize_axes("log_softmax", axis, x.ndim))


def _log_softmax_rows(x: Tensor, cols: int) -> Tensor:
    y = empty(x.shape, x.dtype)
    rows = _rows(x, cols)
    launch("log_softmax_fwd", x.dtype, x=dense(x), y=y, rows=rows, cols=cols)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x)
        launch("log_softmax_bwd", x.dtype, y=y, dy=dy, dx=dx, rows=rows, cols=cols)
        return (dx,)

    return record("log_softmax", y, (x,), gradient)


def logsumexp(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """log(sum(exp(x))) over axes, computed as max + log(sum(exp(x - max))).

    Parameters
    ----------
    x : array_like
        Finite or infinite; of nothing but -inf, and of nothing, it is -inf.
    axis : int, tuple of int or None
        None: all axes.
    keepdims : bool
        Leave the reduced axes in the result, with one element each.

    Examples
    --------
    >>> from fastnn import ops
    >>> round(ops.logsumexp([1000.0, 1000.0]).item(), 3)
    1000.693
    """
    x = as_float(x)
    axes = normalize_axes("logsumexp", axis, x.ndim)
    shape = kept_shape(x.shape, axes, keepdims)
    x = axes_last(x, axes)
    cols = math.prod(x.shape[x.ndim - len(axes) :])
    rows = math.prod(shape)
    data, y, top, total = dense(x), *(empty(shape, x.dtype) for _ in range(3))
    launch("logsumexp_fwd", x.dtype, x=data, y=y, top=top, total=total, rows=rows, cols=cols)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x)
        launch("logsumexp_bwd", x.dtype, x=data, top=top, total=total, dy=dy, dx=dx, rows=rows, cols=cols)
        return (dx,)

    return record("logsumexp", y, (x,), gradient)


def over_rows(function: Callable[[Tensor, int], Tensor], x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """function(x, cols) with the axes at the end, and the result back in x's order."""
    cols = math.prod(x.shape[axis] for axis in axes)
    moved = axes_last(x, axes)
    y = function(moved, cols)
    if moved is x:
        return y
    order = tuple(axis for axis in range(x.ndim) if axis not in axes) + axes
    return ops.transpose(y, tuple(int(place) for place in np.argsort(order)))


def _rows(x: Tensor, cols: int) -> int:
    return x.size // cols if cols else 0
