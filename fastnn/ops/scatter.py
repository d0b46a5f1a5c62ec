"""Elements to and from places that tensors name: along an axis, by coordinates, as blocks."""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

import fastnn.ops as ops  # for selection and arithmetic, looked up when used
from fastnn import errors
from fastnn._core import empty, launch
from fastnn._core import zeros as zeros_array
from fastnn.autograd import Array, Tensor, TensorLike, as_tensor, dense, grad_buffer, record
from fastnn.ops.axes import MAX
from fastnn.ops.dtypes import INT64
from fastnn.ops.gather import as_int64, guard_indices, take
from fastnn.ops.movement import slices
from fastnn.ops.segment import combine, segment_max, segment_min, segment_prod, segment_sum
from fastnn.ops.strided import FLOAT32, Shape, axis_of, contiguous_copy, move, shape_of

# ---- along an axis ------------------------------------------------------------------------------------------------


def take_along_axis(x: TensorLike, indices: TensorLike, axis: int | None = None) -> Tensor:
    """One element of x for each index, at its place but for the axis: y[i,j,k] = x[i,indices[i,j,k],k] for axis 1.

    The gradient is summed over repeated indices, in their order.

    Parameters
    ----------
    x : tensor
    indices : integer tensor
        Broadcasts with x but for the axis; a negative one counts from the end.
    axis : int or None
        None: x is flattened first, and indices are too.

    Raises
    ------
    IndexError
        For an index outside the axis.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.take_along_axis([[10, 20], [30, 40]], [[1], [0]], axis=1).tolist()
    [[20], [30]]
    """
    x, index = as_tensor(x), as_int64("ops.take_along_axis", "indices", indices)
    if axis is None:
        x, index, axis = ops.ravel(x), index.reshape(-1), 0
    axis = axis_of("take_along_axis", axis, x.ndim)
    if index.ndim != x.ndim:
        raise errors.value_error("ops.take_along_axis", "indices", f"of {x.ndim} axes, as x", index)
    around = np.broadcast_shapes(
        *((*array.shape[:axis], 1, *array.shape[axis + 1 :]) for array in (x.data, index))
    )
    extent, m = x.shape[axis], index.shape[axis]
    x = _broadcast(x, (*around[:axis], extent, *around[axis + 1 :]))
    index = dense(_broadcast(Tensor.wrap(index), (*around[:axis], m, *around[axis + 1 :])))
    y, status = empty(index.shape, x.dtype), zeros_array((1,), INT64)
    sizes = {"outer": math.prod(around[:axis]), "extent": extent, "inner": math.prod(around[axis + 1 :]), "m": m}
    launch("take_along", FLOAT32, x=dense(x), index=index, y=y, status=status, itemsize=x.dtype.itemsize, **sizes)
    guard_indices("take_along_axis", index, extent, status)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x)
        launch("take_along_bwd", x.dtype, dy=dy, index=index, dx=dx, **sizes)
        return (dx,)

    return record("take_along_axis", y, (x,), gradient)


def _broadcast(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    return x if x.shape == shape else ops.broadcast_to(x, shape)


# ---- by coordinates -----------------------------------------------------------------------------------------------


def _flat_ids(who: str, indices: TensorLike, shape: tuple[int, ...]) -> tuple[Array, tuple[int, ...], int]:
    """For each row of coordinates the row of an array of ``shape`` in row-major order, -1 where it is outside.

    Also the shape of the list of rows, and how many axes the coordinates are for.
    """
    index = as_int64(f"ops.{who}", "indices", indices)
    depth = index.shape[-1] if index.ndim else 0
    if not index.ndim or depth > len(shape):
        raise errors.value_error(
            f"ops.{who}", "indices", f"coordinates of at most {len(shape)} axes along the last axis", index
        )
    extents = np.array(shape[:depth], np.int64)
    steps = np.array([math.prod(shape[i + 1 : depth]) for i in range(depth)], np.int64)
    at = Tensor.wrap(index)
    at = ops.where(ops.less(at, 0), ops.add(at, extents), at)
    known = ops.all(ops.logical_and(ops.greater_equal(at, 0), ops.less(at, extents)), axis=-1)
    flat = ops.where(known, ops.sum(ops.multiply(at, steps), axis=-1), -1)
    return dense(ops.reshape(flat, (-1,))), index.shape[:-1], depth


def scatter(indices: TensorLike, values: TensorLike, shape: Shape) -> Tensor:
    """Zeros with values added at coordinates: those of repeated ones add up, those outside are left out.

    Parameters
    ----------
    indices : integer tensor (..., k)
        Coordinates for the first k axes of the result; negative ones count from the end.
    values : tensor (..., *shape[k:])
    shape : tuple of int
        Of the result.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.scatter([[0], [2], [0]], [1.0, 5.0, 2.0], (4,)).tolist()
    [3.0, 0.0, 5.0, 0.0]
    """
    x, target = as_tensor(values), shape_of("scatter", "shape", shape)
    ids, rows, depth = _flat_ids("scatter", indices, target)
    wanted = (*rows, *target[depth:])
    if x.shape != wanted:
        raise errors.value_error("ops.scatter", "values", f"of shape {wanted}", x.data)
    listed = ops.reshape(x, (ids.size, *target[depth:]))
    return ops.reshape(segment_sum(listed, ids, math.prod(target[:depth])), target)


REDUCTIONS = ("add", "max", "min", "mul")


def scatter_update(
    inputs: TensorLike, indices: TensorLike, updates: TensorLike, reduction: str | None = None
) -> Tensor:
    """inputs with the elements (or slices) at coordinates replaced by, or combined with, updates.

    Parameters
    ----------
    inputs : tensor
    indices : integer tensor (..., k)
        Coordinates for the first k axes; negative ones count from the end, those outside are left out.
    updates : tensor (..., *inputs.shape[k:])
    reduction : {None, "add", "max", "min", "mul"}
        None: the last update of a place replaces what was there.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.scatter_update([1.0, 2.0, 3.0], [[0], [2]], [9.0, 7.0]).tolist()
    [9.0, 2.0, 7.0]
    """
    x = as_tensor(inputs)
    y = ops.cast(updates, x.dtype)
    ids, rows, depth = _flat_ids("scatter_update", indices, x.shape)
    wanted = (*rows, *x.shape[depth:])
    if y.shape != wanted:
        raise errors.value_error("ops.scatter_update", "updates", f"of shape {wanted}", y.data)
    if reduction is not None and reduction not in REDUCTIONS:
        raise errors.unknown_name("ops.scatter_update", "reduction", reduction, REDUCTIONS)
    count = math.prod(x.shape[:depth])
    flat, listed = ops.reshape(x, (count, *x.shape[depth:])), ops.reshape(y, (ids.size, *x.shape[depth:]))
    if reduction is None:
        result = _last_update(flat, listed, ids, count)
    elif reduction == "add":
        result = ops.add(flat, segment_sum(listed, ids, count))
    elif reduction == "mul":
        result = ops.multiply(flat, segment_prod(listed, ids, count))
    elif reduction == "max":
        result = ops.maximum(flat, segment_max(listed, ids, count))
    else:
        result = ops.minimum(flat, segment_min(listed, ids, count))
    return ops.reshape(ops.cast(result, x.dtype), x.shape)


def _last_update(flat: Tensor, listed: Tensor, ids: Array, count: int) -> Tensor:
    if not ids.size:
        return flat
    updates = ops.arange(ids.size, dtype="int64").data
    number = Tensor.wrap(combine(MAX, updates, ids, count, -1))  # of the last update, -1 if there is none
    chosen = take(listed, ops.maximum(number, 0), axis=0)
    changed = ops.reshape(ops.greater_equal(number, 0), (count, *(1,) * (flat.ndim - 1)))
    return ops.where(changed, chosen, flat)


def unravel_index(indices: TensorLike, shape: Shape) -> tuple[Tensor, ...]:
    """The coordinates of places in an array of this shape, counted in row-major order.

    Examples
    --------
    >>> from fastnn import ops
    >>> [axis.tolist() for axis in ops.unravel_index([1, 5], (2, 3))]
    [[0, 1], [1, 2]]
    """
    x, extents = as_tensor(indices), shape_of("unravel_index", "shape", shape)
    as_int64("ops.unravel_index", "indices", x)
    size = math.prod(extents)
    x = ops.where(ops.less(x, 0), ops.add(x, size), x)
    parts: list[Tensor] = []
    for extent in reversed(extents):
        parts.insert(0, ops.mod(x, extent))
        x = ops.floor_divide(x, extent)
    return tuple(parts)


# ---- blocks -------------------------------------------------------------------------------------------------------


def _starts(who: str, start_indices: Any, ndim: int) -> tuple[list[Any], bool]:
    """One start per axis, and whether all are plain integers."""
    starts = list(start_indices) if isinstance(start_indices, (list, tuple)) else start_indices
    if isinstance(starts, Tensor):
        starts = [ops.getitem(starts, i) for i in range(starts.shape[0])]
    starts = list(np.asarray(starts)) if not isinstance(starts, list) else starts
    if len(starts) != ndim:
        raise errors.value_error(f"ops.{who}", "start_indices", f"one per axis ({ndim})", len(starts))
    plain = not any(isinstance(start, Tensor) for start in starts)
    return [operator.index(start) if plain else start for start in starts], plain


def slice(inputs: TensorLike, start_indices: Any, shape: Shape) -> Tensor:  # Keras's name
    """A block of x that begins at ``start_indices`` and has this shape.

    Parameters
    ----------
    inputs : tensor
    start_indices : one int or integer tensor per axis
    shape : tuple of int
        -1: to the end of the axis.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.slice([[1, 2, 3], [4, 5, 6]], (0, 1), (2, 2)).tolist()
    [[2, 3], [5, 6]]
    """
    x = as_tensor(inputs)
    extents = shape_of("slice", "shape", shape)
    starts, plain = _starts("slice", start_indices, x.ndim)
    if len(extents) != x.ndim:
        raise errors.value_error("ops.slice", "shape", f"one extent per axis ({x.ndim})", shape)
    if not plain:
        for axis, (start, extent) in enumerate(zip(starts, extents, strict=True)):
            x = take(x, ops.add(ops.arange(extent if extent >= 0 else x.shape[axis], dtype="int64"), start), axis)
        return x
    ends = [n if extent == -1 else start + extent for start, extent, n in zip(starts, extents, x.shape, strict=True)]
    if any(not 0 <= a <= b <= n for a, b, n in zip(starts, ends, x.shape, strict=True)):
        raise errors.value_error("ops.slice", "start_indices and shape", f"a block of x {x.shape}", (starts, shape))
    return slices("slice", x, tuple(builtins.slice(a, b) for a, b in zip(starts, ends, strict=True)))


def slice_update(inputs: TensorLike, start_indices: Any, updates: TensorLike) -> Tensor:
    """x with the block that begins at ``start_indices`` replaced.

    Parameters
    ----------
    inputs : tensor
    start_indices : one int or integer tensor per axis
    updates : tensor
        Its shape is the block's.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.slice_update([1, 2, 3], [1], [9, 8]).tolist()
    [1, 9, 8]
    """
    x = as_tensor(inputs)
    part = ops.cast(updates, x.dtype)
    starts, plain = _starts("slice_update", start_indices, x.ndim)
    if part.ndim != x.ndim or any(m > n for m, n in zip(part.shape, x.shape, strict=True)):
        raise errors.value_error("ops.slice_update", "updates", f"a block of x {x.shape}", part.data)
    if not plain:
        return _update_at(x, starts, part) if part.size else x
    block = tuple(builtins.slice(a, a + m) for a, m in zip(starts, part.shape, strict=True))
    if any(not 0 <= a <= a + m <= n for a, m, n in zip(starts, part.shape, x.shape, strict=True)):
        raise errors.value_error("ops.slice_update", "start_indices", f"such that updates lie in x {x.shape}", starts)
    y = contiguous_copy(x.data)
    if part.size:
        move("copy_into", part.data, y[block])

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        if not part.size:
            return dy, zeros_array(part.shape, part.dtype)
        dx = contiguous_copy(dy)
        move("copy_into", zeros_array(part.shape, part.dtype), dx[block])
        return dx, contiguous_copy(dy[block])

    return record("slice_update", y, (x, part), gradient)


def _update_at(x: Tensor, starts: Sequence[Any], part: Tensor) -> Tensor:
    """Starts that only the kernels know: for each place of x the place in the block, and whether it is in it."""
    inside: Tensor | None = None
    for axis, (start, m) in enumerate(zip(starts, part.shape, strict=True)):
        place = ops.subtract(ops.arange(x.shape[axis], dtype="int64"), start)
        known = ops.logical_and(ops.greater_equal(place, 0), ops.less(place, m))
        known = ops.reshape(known, (-1, *(1,) * (x.ndim - 1 - axis)))
        inside = known if inside is None else ops.logical_and(inside, known)
        part = take(part, ops.clip(place, 0, m - 1), axis)
    return x if inside is None else ops.where(inside, part, x)
