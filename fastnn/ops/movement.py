"""Operations that move elements: shapes, orders, joins, slices and pads.

Results are new C-contiguous arrays, except that `reshape` and its like share memory where they can.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn import errors
from fastnn._core import empty, launch
from fastnn.autograd import Array, Tensor, TensorLike, as_tensor, dense, grad_buffer, record
from fastnn.ops.axes import SUM, reduce_array
from fastnn.ops.gather import take
from fastnn.ops.strided import (
    FLOAT32,
    Shape,
    axes_of,
    axis_of,
    contiguous_copy,
    fill_array,
    move,
    shape_of,
    table,
    tensors_of,
)

# ---- the same elements in another shape ---------------------------------------------------------------------------


def view(op: str, x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """x's elements in row-major order under another shape; memory is shared where x is C-contiguous."""
    return record(op, dense(x).reshape(shape), (x,), lambda dy: (dy.reshape(x.shape),))


def reshape(x: TensorLike, newshape: int | Sequence[Any]) -> Tensor:
    """Give the elements, in row-major order, another shape.

    Parameters
    ----------
    x : tensor
    newshape : int or tuple of int
        One extent may be -1: what is left.

    Raises
    ------
    ValueError
        If the numbers of elements differ.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.reshape([1.0, 2.0, 3.0, 4.0], (2, -1)).tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    x = as_tensor(x)
    shape = shape_of("reshape", "newshape", newshape)
    known = math.prod(n for n in shape if n != -1)
    unknown = shape.count(-1)
    fits = known == x.size if not unknown else unknown == 1 and known > 0 and x.size % known == 0
    if not fits or min(shape, default=0) < -1:
        raise errors.value_error("reshape", "newshape", f"a shape of {x.size} elements, as x {x.shape} has", shape)
    return view("reshape", x, tuple(x.size // known if n == -1 else n for n in shape))


def ravel(x: TensorLike) -> Tensor:
    """All elements along one axis.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.ravel([[1, 2], [3, 4]]).tolist()
    [1, 2, 3, 4]
    """
    x = as_tensor(x)
    return view("ravel", x, (x.size,))


def expand_dims(x: TensorLike, axis: int | Shape) -> Tensor:
    """Insert axes of extent 1 at these places of the result's shape.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.expand_dims([1.0, 2.0], -1).shape
    (2, 1)
    """
    x = as_tensor(x)
    count = len(axis) if isinstance(axis, (tuple, list)) else 1
    new = axes_of("expand_dims", axis, x.ndim + count)
    old = iter(x.shape)
    return view("expand_dims", x, tuple(1 if i in new else next(old) for i in range(x.ndim + count)))


def squeeze(x: TensorLike, axis: int | Shape | None = None) -> Tensor:
    """Remove axes of extent 1: these, or all.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.squeeze([[1.0, 2.0]]).shape
    (2,)
    """
    x = as_tensor(x)
    gone = axes_of("squeeze", axis, x.ndim) if axis is not None else tuple(i for i, n in enumerate(x.shape) if n == 1)
    if any(x.shape[i] != 1 for i in gone):
        raise errors.value_error("squeeze", "axis", f"an axis of extent 1 of shape {x.shape}", axis)
    return view("squeeze", x, tuple(n for i, n in enumerate(x.shape) if i not in gone))


# ---- axes in another order ----------------------------------------------------------------------------------------


def permute(array: Array, order: tuple[int, ...]) -> Array:
    """A C-contiguous array whose axis i is axis order[i] of the given one."""
    transposed = array.transpose(order)
    return transposed if transposed.flags.c_contiguous else contiguous_copy(transposed)


def permutation(op: str, x: Tensor, order: tuple[int, ...]) -> Tensor:
    back = tuple(order.index(i) for i in range(x.ndim))
    return record(op, permute(x.data, order), (x,), lambda dy: (permute(dy, back),))


def transpose(x: TensorLike, axes: Shape | None = None) -> Tensor:
    """Permute the axes: axis i of the result is axis ``axes[i]`` of x; reversed where ``axes`` is None.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.transpose([[1, 2], [3, 4], [5, 6]]).tolist()
    [[1, 3, 5], [2, 4, 6]]
    """
    x = as_tensor(x)
    order = tuple(reversed(range(x.ndim))) if axes is None else axes_of("transpose", tuple(axes), x.ndim)
    if len(order) != x.ndim:
        raise errors.value_error("transpose", "axes", f"a permutation of the {x.ndim} axes of x", axes)
    return permutation("transpose", x, order)


def moveaxis(x: TensorLike, source: int | Shape, destination: int | Shape) -> Tensor:
    """Move axes to new places; the others keep their order.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.moveaxis(ops.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    x = as_tensor(x)
    sources, destinations = axes_of("moveaxis", source, x.ndim), axes_of("moveaxis", destination, x.ndim)
    if len(sources) != len(destinations):
        raise errors.value_error("moveaxis", "destination", f"as many axes as source ({len(sources)})", destination)
    order = [i for i in range(x.ndim) if i not in sources]
    for place, axis in sorted(zip(destinations, sources, strict=True)):
        order.insert(place, axis)
    return permutation("moveaxis", x, tuple(order))


def swapaxes(x: TensorLike, axis1: int, axis2: int) -> Tensor:
    """Exchange two axes.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.swapaxes(ops.zeros((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    x = as_tensor(x)
    order = list(range(x.ndim))
    first, second = axis_of("swapaxes", axis1, x.ndim, "axis1"), axis_of("swapaxes", axis2, x.ndim, "axis2")
    order[first], order[second] = second, first
    return permutation("swapaxes", x, tuple(order))


def flip(x: TensorLike, axis: int | Shape | None = None) -> Tensor:
    """Reverse the order along these axes, or all.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.flip([1, 2, 3]).tolist()
    [3, 2, 1]
    """
    x = as_tensor(x)
    axes = tuple(range(x.ndim)) if axis is None else axes_of("flip", axis, x.ndim)
    places = tuple(slice(None, None, -1 if i in axes else 1) for i in range(x.ndim))
    index: tuple[Any, ...] = (*places, ...)  # without axes: still an array
    return record("flip", contiguous_copy(x.data[index]), (x,), lambda dy: (contiguous_copy(dy[index]),))


# ---- joining and cutting ------------------------------------------------------------------------------------------


def copy(x: TensorLike) -> Tensor:
    """The same values in memory of their own.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.copy([1.0, 2.0]).tolist()
    [1.0, 2.0]
    """
    x = as_tensor(x)
    return record("copy", contiguous_copy(x.data), (x,), lambda dy: (dy,))


def part(array: Array, axis: int, begin: int, end: int) -> Array:
    """The view [begin, end) along one axis."""
    return array[(slice(None),) * axis + (slice(begin, end),)]


def concatenate(xs: Sequence[TensorLike], axis: int = 0) -> Tensor:
    """Join tensors along an axis they have.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.concatenate([[1, 2], [3]]).tolist()
    [1, 2, 3]
    """
    tensors = tensors_of("concatenate", "xs", xs)
    axis = axis_of("concatenate", axis, tensors[0].ndim)
    around = tensors[0].shape[:axis], tensors[0].shape[axis + 1 :]
    for x in tensors[1:]:
        if x.ndim != tensors[0].ndim or (x.shape[:axis], x.shape[axis + 1 :]) != around:
            raise errors.value_error(
                "concatenate", "the shapes", f"equal but for axis {axis}",
                errors.Shown(" and ".join(str(t.shape) for t in tensors)),
            )
    ends = np.cumsum([x.shape[axis] for x in tensors]).tolist()
    begins = [0, *ends[:-1]]
    y = empty((*around[0], ends[-1], *around[1]), tensors[0].dtype)
    for x, begin, end in zip(tensors, begins, ends, strict=True):
        if x.size:
            move("copy_into", x.data, part(y, axis, begin, end))

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        parts: list[Array | None] = []
        for x, begin, end in zip(tensors, begins, ends, strict=True):
            if not x.requires_grad:
                parts.append(None)
                continue
            dx = grad_buffer(x)
            if x.size:
                move("copy", part(dy, axis, begin, end), dx)
            parts.append(dx)
        return tuple(parts)

    return record("concatenate", y, tuple(tensors), gradient)


def stack(x: Sequence[TensorLike], axis: int = 0) -> Tensor:
    """Join tensors of one shape along a new axis.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.stack([[1, 2], [3, 4]], axis=1).tolist()
    [[1, 3], [2, 4]]
    """
    tensors = tensors_of("stack", "x", x)
    if any(t.shape != tensors[0].shape for t in tensors):
        raise errors.value_error(
            "stack", "the shapes", "equal", errors.Shown(" and ".join(str(t.shape) for t in tensors))
        )
    axis = axis_of("stack", axis, tensors[0].ndim + 1)
    return concatenate([expand_dims(t, axis) for t in tensors], axis)


def split(x: TensorLike, indices_or_sections: int | Shape, axis: int = 0) -> list[Tensor]:
    """Cut a tensor along an axis, into equal sections or before the given indices.

    Examples
    --------
    >>> from fastnn import ops
    >>> [part.tolist() for part in ops.split([1, 2, 3, 4, 5, 6], 3)]
    [[1, 2], [3, 4], [5, 6]]
    >>> [part.tolist() for part in ops.split([1, 2, 3, 4, 5, 6], [1, 3])]
    [[1], [2, 3], [4, 5, 6]]
    """
    x = as_tensor(x)
    axis = axis_of("split", axis, x.ndim)
    extent = x.shape[axis]
    if isinstance(indices_or_sections, (int, np.integer)):
        sections = int(indices_or_sections)
        if sections < 1 or extent % sections:
            raise errors.value_error(
                "split", "indices_or_sections", f"a divisor of the {extent} positions of axis {axis}", sections
            )
        places = [extent // sections * i for i in range(1, sections)]
    else:
        places = list(shape_of("split", "indices_or_sections", indices_or_sections))
    before = (slice(None),) * axis
    return [
        slices("split", x, (*before, slice(begin, end)))
        for begin, end in zip([0, *places], [*places, extent], strict=True)
    ]


def slices(op: str, x: Tensor, index: tuple[Any, ...]) -> Tensor:
    """A part of x by ints, slices and None; its gradient is zero elsewhere."""
    index = (*index, Ellipsis)  # so that ints for all axes give an array, not a scalar
    y = contiguous_copy(x.data[index])

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x)
        launch("fill_zero", FLOAT32, x=dx, nbytes=dx.nbytes)
        target = dx[index]
        if dy.size:
            scatter(dy, target, dx, index)
        return (dx,)

    return record(op, y, (x,), gradient)


def scatter(dy: Array, target: Array, dx: Array, index: tuple[Any, ...]) -> None:
    """target[...] = dy, where target = dx[index] may be a view with negative strides."""
    backwards: tuple[Any, ...] = (*[slice(None, None, -1 if s < 0 else 1) for s in target.strides], Ellipsis)
    move("copy_into", dy[backwards], target[backwards])


def broadcast_to(x: TensorLike, shape: Shape) -> Tensor:
    """Repeat along new axes and axes of extent 1 until the shape is this one (NumPy's rule).

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.broadcast_to([1, 2], (2, 2)).tolist()
    [[1, 2], [1, 2]]
    """
    x = as_tensor(x)
    target = shape_of("broadcast_to", "shape", shape)
    old = (1,) * (len(target) - x.ndim) + x.shape
    if len(old) != len(target) or any(n not in (1, m) for n, m in zip(old, target, strict=True)):
        raise errors.value_error("broadcast_to", "shape", f"one that x {x.shape} broadcasts to", target)
    y = contiguous_copy(np.broadcast_to(x.data, target))
    repeated = tuple(i for i, (n, m) in enumerate(zip(old, target, strict=True)) if n != m)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        return (reduce_array(dy, SUM, repeated).reshape(x.shape),)

    return record("broadcast_to", y, (x,), gradient)


PAD_MODES = ("constant", "reflect", "symmetric", "edge", "wrap", "circular")


def _padded_places(extent: int, width: tuple[int, int], mode: Any) -> Array:
    """Which element stands where: what NumPy's pad makes of 0 .. extent - 1."""
    return np.pad(np.arange(extent, dtype=np.int64), width, mode="wrap" if mode == "circular" else mode)


def pad(x: TensorLike, pad_width: Any, mode: str = "constant", constant_values: float | None = None) -> Tensor:
    """Add positions before and after each axis.

    Parameters
    ----------
    x : tensor
    pad_width : int, (before, after) or one such pair per axis
    mode : {"constant", "reflect", "symmetric", "edge", "wrap", "circular"}
        What stands there: a constant, x mirrored without or with its edge, its edge, its other end (both names).
    constant_values : float, optional
        0 where not given; only for mode "constant".

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.pad([1, 2, 3], (1, 2)).tolist()
    [0, 1, 2, 3, 0, 0]
    >>> ops.pad([1, 2, 3], (1, 2), mode="reflect").tolist()
    [2, 1, 2, 3, 2, 1]
    """
    x = as_tensor(x)
    try:
        pairs = np.broadcast_to(np.asarray(pad_width), (x.ndim, 2)).tolist()
        widths = [(operator.index(before), operator.index(after)) for before, after in pairs]
    except (TypeError, ValueError):
        widths = [(-1, -1)]
    if any(width < 0 for pair in widths for width in pair):
        raise errors.value_error("pad", "pad_width", f"an integer, a pair, or {x.ndim} pairs of at least 0", pad_width)
    if mode not in PAD_MODES:
        raise errors.unknown_name("pad", "mode", mode, PAD_MODES)
    if mode != "constant":
        if constant_values is not None:
            raise errors.value_error("pad", "constant_values", f"None where mode is {mode!r}", constant_values)
        for axis, pair in enumerate(widths):
            if any(pair):
                x = take(x, table(_padded_places, x.shape[axis], pair, mode), axis=axis)
        return x
    inside = tuple(slice(before, before + n) for (before, _), n in zip(widths, x.shape, strict=True))
    y = empty(tuple(n + sum(pair) for n, pair in zip(x.shape, widths, strict=True)), x.dtype)
    fill_array(y, constant_values or 0)
    if x.size:
        move("copy_into", x.data, y[inside])

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x)
        if dx.size:
            move("copy", dy[inside], dx)
        return (dx,)

    return record("pad", y, (x,), gradient)
