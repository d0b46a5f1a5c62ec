"""Reductions of arrays over any set of axes, for ops and for the gradients of ops.

A set of axes is brought to passes of the form outer x reduced x inner, from the shape alone: axes of one element are
dropped, neighbours that are both kept or both reduced become one. A pass longer than a chunk reduces chunk by chunk
and then the results, so the order of additions depends on nothing but the shape.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from fastnn import errors
from fastnn._core import empty, launch
from fastnn.autograd import Array, contiguous

Axis: TypeAlias = int | Sequence[int] | None
Pass: TypeAlias = tuple[int, int, int]  # outer, reduced, inner

SUM, PROD, MIN, MAX = range(4)  # field op of the kernel reduce_fwd
ROW_CHUNK = 4096  # contiguous elements that become one number: 64 per lane and accumulator, 16 KB of float32
COLUMN_CHUNK = 512  # rows that become one row


def normalize_axes(who: str, axis: Axis, ndim: int) -> tuple[int, ...]:
    """The axes meant by ``axis`` (None: all), counted from 0 and sorted.

    Examples
    --------
    >>> normalize_axes("sum", (-1, 0), 3)
    (0, 2)
    """
    if axis is None:
        return tuple(range(ndim))
    if type(axis) is int and -ndim <= axis < ndim:
        return (axis % ndim,)
    given = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    axes = []
    for entry in given:
        try:
            number = operator.index(entry)
        except TypeError:
            raise errors.type_error(who, "axis", "an integer, several of them, or None", axis) from None
        if not -ndim <= number < ndim:
            raise errors.value_error(who, "axis", f"at least {-ndim} and below {ndim} for {ndim} axes", axis)
        axes.append(number % ndim)
    if len(set(axes)) < len(axes):
        raise errors.value_error(who, "axis", "free of repetitions", axis)
    return tuple(sorted(axes))


@functools.lru_cache(maxsize=4096)
def kept_shape(shape: tuple[int, ...], axes: tuple[int, ...], keepdims: bool = False) -> tuple[int, ...]:
    """The shape of a reduction's result."""
    if keepdims:
        return tuple(1 if axis in axes else extent for axis, extent in enumerate(shape))
    return tuple(extent for axis, extent in enumerate(shape) if axis not in axes)


@functools.lru_cache(maxsize=4096)
def passes(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[Pass, ...]:
    """One pass per run of reduced axes, the last run first.

    Examples
    --------
    >>> passes((2, 3, 4, 5), (1, 2))
    ((2, 12, 5),)
    >>> passes((2, 3, 4), (0, 2))
    ((6, 4, 1), (1, 2, 3))
    """
    groups: list[list[int]] = []  # [whether reduced, extent], alternating
    for axis, extent in enumerate(shape):
        reduced = int(axis in axes)
        if extent == 1:
            continue
        if groups and groups[-1][0] == reduced:
            groups[-1][1] *= extent
        else:
            groups.append([reduced, extent])
    result = []
    for place in reversed(range(len(groups))):
        if groups[place][0]:
            outer = math.prod(extent for _, extent in groups[:place])
            inner = math.prod(extent for reduced, extent in groups[place + 1 :] if not reduced)
            result.append((outer, groups[place][1], inner))
    return tuple(result)


def pass_strides(array: Array, step: Pass) -> tuple[int, int] | None:
    """Strides in elements of the outer and the reduced axis, if the kernel can read the array as it lies."""
    outer, red, inner = step
    if array.flags.c_contiguous:
        return red * inner, inner
    strides: list[int] = []
    # Walk the axes from the last one, filling inner, reduced and outer in turn; each must have one stride throughout.
    axis = array.ndim - 1
    for extent in (inner, red, outer):
        stride, filled = 0, 1
        while filled < extent and axis >= 0:
            if array.shape[axis] != 1:
                step_bytes = array.strides[axis]
                if filled == 1:
                    stride = step_bytes
                elif step_bytes != stride * filled:
                    return None
                filled *= array.shape[axis]
            axis -= 1
        if filled != extent or stride < 0 or stride % array.itemsize:
            return None
        strides.append(stride // array.itemsize)
    inner_stride, red_stride, outer_stride = strides
    one = red_stride if inner == 1 else inner_stride
    return (outer_stride, red_stride) if one == 1 else None


def reduce_array(array: Array, op: int, axes: tuple[int, ...], divisor: float = 1.0) -> Array:
    """The reduction of a float array over ``axes``, divided by ``divisor``; the axes are gone from the result.

    Parameters
    ----------
    array : ndarray
        float32 or float64, any strides.
    op : int
        SUM, PROD, MIN or MAX.
    axes : tuple of int
        As `normalize_axes` gives them.

    Examples
    --------
    >>> import numpy as np
    >>> reduce_array(np.ones((2, 3, 4), np.float32), SUM, (0, 2))
    array([8., 8., 8.], dtype=float32)
    """
    shape = kept_shape(array.shape, axes)
    steps = passes(array.shape, axes)
    if not steps:
        return (array if array.flags.c_contiguous else contiguous(array)).reshape(shape)
    strides = pass_strides(array, steps[0])
    if strides is None:
        array = contiguous(array)
        strides = steps[0][1] * steps[0][2], steps[0][2]
    for number, (outer, red, inner) in enumerate(steps):
        if number:
            strides = red * inner, inner
        chunk = ROW_CHUNK if inner == 1 else COLUMN_CHUNK
        while True:
            chunks = max(1, -(-red // chunk))
            last = chunks == 1 and number == len(steps) - 1
            result = empty(shape if last else outer * chunks * inner, array.dtype)
            launch(
                "reduce_fwd", array.dtype, x=array, y=result, outer=outer, so=strides[0], red=red, sr=strides[1],
                inner=inner, chunk=chunk, op=op, divisor=divisor if last else 1.0,
            )
            array, red, strides = result, chunks, (chunks * inner, inner)
            if chunks == 1:
                break
    return array


def spread_array(dy: Array, axes: tuple[int, ...], divisor: float, out: Array) -> Array:
    """The reverse of a sum: ``dy`` repeated along ``axes`` and divided by ``divisor``, written to ``out``.

    ``dy`` is C-contiguous and has the elements of out's shape without ``axes``.
    """
    steps = passes(out.shape, axes)[::-1] or ((out.size, 1, 1),)
    for number, (outer, red, inner) in enumerate(steps):
        last = number == len(steps) - 1
        dx = out if last else empty(outer * red * inner, dy.dtype)
        launch(
            "reduce_sum_bwd", dy.dtype, dy=dy, dx=dx, outer=outer, red=red, inner=inner,
            divisor=1.0 if number else divisor,
        )
        dy = dx
    return out


def sum_to_shape(array: Array, shape: tuple[int, ...]) -> Array:
    """Sum over the axes along which ``shape`` was broadcast to the array's shape: broadcasting's gradient.

    Examples
    --------
    >>> import numpy as np
    >>> sum_to_shape(np.ones((4, 2, 3), np.float32), (2, 1))
    array([[12.],
           [12.]], dtype=float32)
    """
    if array.shape == shape:
        return array
    extra = array.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(
        extra + axis for axis, extent in enumerate(shape) if extent == 1 and array.shape[extra + axis] != 1
    )
    return reduce_array(array, SUM, axes).reshape(shape)


def dtype_of_sum(dtype: np.dtype[np.generic]) -> np.dtype[np.generic]:
    """What integers add up to, by Keras's rule: at least 32 bits."""
    if dtype.kind == "b" or dtype in (np.int8, np.int16):
        return np.dtype(np.int32)
    return np.dtype(np.uint32) if dtype in (np.uint8, np.uint16) else dtype
