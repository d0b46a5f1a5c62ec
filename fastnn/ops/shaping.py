"""Movement made of reshape, take, concatenate and slices: repeats, rolls, stacks, sections, blocks, windows."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import errors
from fastnn._core import values_are_read
from fastnn.autograd import Array, Tensor, TensorLike, as_tensor, dense
from fastnn.ops.dtypes import NUMBERS
from fastnn.ops.gather import getitem, take
from fastnn.ops.movement import (
    broadcast_to,
    concatenate,
    expand_dims,
    flip,
    moveaxis,
    ravel,
    reshape,
    slices,
    split,
    swapaxes,
    transpose,
)
from fastnn.ops.strided import Shape, axes_of, axis_of, shape_of, table, tensors_of

# ---- repeats and rolls --------------------------------------------------------------------------------------------


def tile(x: TensorLike, repeats: int | Shape) -> Tensor:
    """x repeated so many times along each axis; missing axes come first.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.tile([1, 2], (2, 2)).tolist()
    [[1, 2, 1, 2], [1, 2, 1, 2]]
    """
    x, times = as_tensor(x), shape_of("tile", "repeats", repeats)
    n = max(x.ndim, len(times))
    shape, times = (1,) * (n - x.ndim) + x.shape, (1,) * (n - len(times)) + times
    pairs = reshape(x, tuple(extent for m in shape for extent in (1, m)))
    repeated = broadcast_to(pairs, tuple(extent for k, m in zip(times, shape, strict=True) for extent in (k, m)))
    return reshape(repeated, tuple(k * m for k, m in zip(times, shape, strict=True)))


def repeat(x: TensorLike, repeats: TensorLike, axis: int | None = None) -> Tensor:
    """Each element along an axis repeated, all as often or each as often as ``repeats`` says.

    Parameters
    ----------
    x : tensor
    repeats : int or one int per position of the axis
        A tensor is read: a step with it runs through Python.
    axis : int or None
        None: x is flattened first.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.repeat([1, 2], 2).tolist(), ops.repeat([1, 2], [1, 2]).tolist()
    ([1, 1, 2, 2], [1, 2, 2])
    """
    x = as_tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    axis = axis_of("repeat", axis, x.ndim)
    if isinstance(repeats, Tensor):
        values_are_read("ops.repeat: repeats")
        repeats = repeats.data
    counts = tuple(operator.index(n) for n in np.asarray(repeats).reshape(-1))
    if len(counts) not in (1, x.shape[axis]) or min(counts, default=0) < 0:
        raise errors.value_error("ops.repeat", "repeats", f"one integer, or {x.shape[axis]}, of at least 0", repeats)
    if sum(counts) * (x.shape[axis] if len(counts) == 1 else 1) >= 1 << 60:  # NumPy would count them wrong
        raise MemoryError(f"ops.repeat: an axis of {sum(counts)} or more cannot be allocated")
    return take(x, table(_repeated_places, x.shape[axis], counts), axis)


def _repeated_places(extent: int, counts: tuple[int, ...]) -> Array:
    return np.repeat(np.arange(extent, dtype=np.int64), counts)


def roll(x: TensorLike, shift: int | Shape, axis: int | Shape | None = None) -> Tensor:
    """The elements moved on along axes; those that leave at one end come in at the other.

    Parameters
    ----------
    x : tensor
    shift : int or tuple of int
        One for each axis.
    axis : int, tuple of int or None
        None: as if x were flattened.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.roll([1, 2, 3], 1).tolist()
    [3, 1, 2]
    """
    x = as_tensor(x)
    if axis is None:
        return reshape(roll(ravel(x), shift, 0), x.shape)
    axes = [axis_of("roll", a, x.ndim) for a in (axis if isinstance(axis, (list, tuple)) else (axis,))]
    shifts = shape_of("roll", "shift", shift)
    if len(shifts) not in (1, len(axes)):
        raise errors.value_error("ops.roll", "shift", f"one integer or {len(axes)}", shift)
    for place, by in zip(axes, shifts * len(axes) if len(shifts) == 1 else shifts, strict=True):
        extent = x.shape[place]
        if extent and by % extent:
            around = (slice(None),) * place
            cut = extent - by % extent
            parts = [slices("roll", x, (*around, slice(cut, None))), slices("roll", x, (*around, slice(None, cut)))]
            x = concatenate(parts, place)
    return x


def rot90(array: TensorLike, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Tensor:
    """Rotated by k right angles in the plane of two axes, from the first towards the second.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.rot90([[1, 2], [3, 4]]).tolist()
    [[2, 4], [1, 3]]
    """
    x = as_tensor(array)
    if len(axes) != 2 or x.ndim < 2:
        raise errors.value_error("ops.rot90", "axes", "two axes of x", axes)
    first, second = axes_of("ops.rot90", tuple(axes), x.ndim)
    if k % 4 == 0:
        return x
    if k % 4 == 2:
        return flip(x, (first, second))
    return swapaxes(flip(x, second), first, second) if k % 4 == 1 else flip(swapaxes(x, first, second), second)


def fliplr(x: TensorLike) -> Tensor:
    """Reversed along the second axis.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.fliplr([[1, 2], [3, 4]]).tolist()
    [[2, 1], [4, 3]]
    """
    return flip(x, 1)


def flipud(x: TensorLike) -> Tensor:
    """Reversed along the first axis.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.flipud([[1, 2], [3, 4]]).tolist()
    [[3, 4], [1, 2]]
    """
    return flip(x, 0)


# ---- joins --------------------------------------------------------------------------------------------------------


def append(x1: TensorLike, x2: TensorLike, axis: int | None = None) -> Tensor:
    """x2 behind x1 along an axis; both flattened where it is None.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.append([1, 2], [[3]]).tolist()
    [1, 2, 3]
    """
    return concatenate([ravel(x1), ravel(x2)]) if axis is None else concatenate([x1, x2], axis)


def _at_least(xs: Any, ndim: int) -> list[Tensor]:
    """The tensors with so many axes: a scalar becomes a row, a row a matrix of one row."""
    tensors = tensors_of("stack", "xs", xs)
    if ndim == 1:
        return [reshape(x, (1,)) if not x.ndim else x for x in tensors]
    tensors = [reshape(x, (1, x.size)) if x.ndim < 2 else x for x in tensors]
    return [expand_dims(x, -1) if ndim == 3 and x.ndim == 2 else x for x in tensors]


def hstack(xs: Sequence[TensorLike]) -> Tensor:
    """Joined along the second axis, rows along their only one.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.hstack([[1, 2], [3]]).tolist()
    [1, 2, 3]
    """
    tensors = _at_least(xs, 1)
    return concatenate(tensors, 0 if tensors[0].ndim == 1 else 1)


def vstack(xs: Sequence[TensorLike]) -> Tensor:
    """Joined along the first axis, rows as matrices of one row.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.vstack([[1, 2], [3, 4]]).tolist()
    [[1, 2], [3, 4]]
    """
    return concatenate(_at_least(xs, 2), 0)


def dstack(xs: Sequence[TensorLike]) -> Tensor:
    """Joined along the third axis, which matrices and rows get.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.dstack([[1, 2], [3, 4]]).tolist()
    [[[1, 3], [2, 4]]]
    """
    return concatenate(_at_least(xs, 3), 2)


def meshgrid(*x: TensorLike, indexing: str = "xy") -> list[Tensor]:
    """For rows the tensors of the coordinates of all their combinations.

    Parameters
    ----------
    *x : tensor of at most one axis
    indexing : {"xy", "ij"}
        "xy": the first row runs along the second axis, the second one along the first.

    Examples
    --------
    >>> from fastnn import ops
    >>> [part.tolist() for part in ops.meshgrid([1, 2], [3, 4, 5], indexing="ij")]
    [[[1, 1, 1], [2, 2, 2]], [[3, 4, 5], [3, 4, 5]]]
    """
    if indexing not in ("xy", "ij"):
        raise errors.unknown_name("ops.meshgrid", "indexing", indexing, ("xy", "ij"))
    rows = [ravel(row) for row in x]
    order = list(range(len(rows)))
    if indexing == "xy" and len(rows) > 1:
        order[:2] = 1, 0
    shape = tuple(rows[i].size for i in order)
    place = {row: axis for axis, row in enumerate(order)}
    return [
        broadcast_to(reshape(row, tuple(row.size if axis == place[i] else 1 for axis in range(len(rows)))), shape)
        for i, row in enumerate(rows)
    ]


# ---- sections -----------------------------------------------------------------------------------------------------


def array_split(x: TensorLike, indices_or_sections: int | Shape, axis: int = 0) -> list[Tensor]:
    """`split` into sections that need not be equal: the first ones are one longer.

    Examples
    --------
    >>> from fastnn import ops
    >>> [part.tolist() for part in ops.array_split([1, 2, 3], 2)]
    [[1, 2], [3]]
    """
    x = as_tensor(x)
    if not isinstance(indices_or_sections, (int, np.integer)):
        return split(x, indices_or_sections, axis)
    sections = int(indices_or_sections)
    if sections < 1:
        raise errors.value_error("ops.array_split", "indices_or_sections", "at least 1", sections)
    size, longer = divmod(x.shape[axis_of("array_split", axis, x.ndim)], sections)
    return split(x, [i * size + min(i, longer) for i in range(1, sections)], axis)


def hsplit(x: TensorLike, indices_or_sections: int | Shape) -> list[Tensor]:
    """`split` along the second axis, of a row along its only one.

    Examples
    --------
    >>> from fastnn import ops
    >>> [part.tolist() for part in ops.hsplit([[1, 2], [3, 4]], 2)]
    [[[1], [3]], [[2], [4]]]
    """
    x = as_tensor(x)
    return split(x, indices_or_sections, 0 if x.ndim == 1 else 1)


def vsplit(x: TensorLike, indices_or_sections: int | Shape) -> list[Tensor]:
    """`split` along the first axis of at least two.

    Examples
    --------
    >>> from fastnn import ops
    >>> [part.tolist() for part in ops.vsplit([[1, 2], [3, 4]], 2)]
    [[[1, 2]], [[3, 4]]]
    """
    return split(_of_axes("vsplit", x, 2), indices_or_sections, 0)


def dsplit(x: TensorLike, indices_or_sections: int | Shape) -> list[Tensor]:
    """`split` along the third axis.

    Examples
    --------
    >>> from fastnn import ops
    >>> [part.shape for part in ops.dsplit(ops.zeros((1, 2, 4)), 2)]
    [(1, 2, 2), (1, 2, 2)]
    """
    return split(_of_axes("dsplit", x, 3), indices_or_sections, 2)


def _of_axes(who: str, x: TensorLike, ndim: int) -> Tensor:
    tensor = as_tensor(x)
    if tensor.ndim < ndim:
        raise errors.value_error(f"ops.{who}", "x", f"of at least {ndim} axes", tensor.data)
    return tensor


def unstack(x: TensorLike, num: int | None = None, axis: int = 0) -> list[Tensor]:
    """The parts along an axis, without it.

    Examples
    --------
    >>> from fastnn import ops
    >>> [part.tolist() for part in ops.unstack([[1, 2], [3, 4]])]
    [[1, 2], [3, 4]]
    """
    x = as_tensor(x)
    axis = axis_of("unstack", axis, x.ndim)
    if num is not None and num != x.shape[axis]:
        raise errors.value_error("ops.unstack", "num", f"{x.shape[axis]}, the extent of axis {axis}", num)
    return [slices("unstack", x, (*(slice(None),) * axis, i)) for i in range(x.shape[axis])]


def get_item(x: TensorLike, key: Any) -> Tensor:
    """``x[key]``.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.get_item([1, 2, 3], slice(1, None)).tolist()
    [2, 3]
    """
    return getitem(x, key)


# ---- blocks and windows -------------------------------------------------------------------------------------------


def _channels(who: str, data_format: str, x: Tensor) -> bool:
    """Whether channels come first; checks the argument and the number of axes."""
    if data_format not in ("channels_last", "channels_first"):
        raise errors.unknown_name(f"ops.{who}", "data_format", data_format, ("channels_last", "channels_first"))
    if x.ndim != 4:
        raise errors.value_error(f"ops.{who}", "x", "of 4 axes", x.data)
    return data_format == "channels_first"


def space_to_depth(x: TensorLike, block_size: int, data_format: str = "channels_last") -> Tensor:
    """Each block of pixels becomes one pixel: (n, h, w, c) to (n, h/b, w/b, b*b*c).

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.space_to_depth(ops.zeros((1, 4, 6, 3)), 2).shape
    (1, 2, 3, 12)
    """
    x = as_tensor(x)
    if _channels("space_to_depth", data_format, x):
        return moveaxis(space_to_depth(moveaxis(x, 1, -1), block_size), -1, 1)
    n, h, w, c = x.shape
    b = int(block_size)
    if b < 1 or h % b or w % b:
        raise errors.value_error("ops.space_to_depth", "block_size", f"a divisor of height and width of {x.shape}", b)
    parts = transpose(reshape(x, (n, h // b, b, w // b, b, c)), (0, 1, 3, 2, 4, 5))
    return reshape(parts, (n, h // b, w // b, b * b * c))


def depth_to_space(x: TensorLike, block_size: int, data_format: str = "channels_last") -> Tensor:
    """Each pixel becomes a block of pixels: (n, h, w, b*b*c) to (n, h*b, w*b, c).

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.depth_to_space(ops.zeros((1, 2, 3, 12)), 2).shape
    (1, 4, 6, 3)
    """
    x = as_tensor(x)
    if _channels("depth_to_space", data_format, x):
        return moveaxis(depth_to_space(moveaxis(x, 1, -1), block_size), -1, 1)
    n, h, w, c = x.shape
    b = int(block_size)
    if b < 1 or c % (b * b):
        raise errors.value_error("ops.depth_to_space", "block_size", f"such that its square divides {c} channels", b)
    parts = transpose(reshape(x, (n, h, w, b, b, c // (b * b))), (0, 1, 3, 2, 4, 5))
    return reshape(parts, (n, h * b, w * b, c // (b * b)))


def extract_sequences(x: TensorLike, sequence_length: int, sequence_stride: int) -> Tensor:
    """All windows of this length along the last axis, this stride apart: (..., n) to (..., windows, length).

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.extract_sequences([1, 2, 3, 4], 2, 1).tolist()
    [[1, 2], [2, 3], [3, 4]]
    """
    x = as_tensor(x)
    length, stride = int(sequence_length), int(sequence_stride)
    if length < 1 or stride < 1 or not x.ndim:
        raise errors.value_error(
            "ops.extract_sequences", "sequence_length and sequence_stride", "at least 1", (length, stride)
        )
    return take(x, table(_window_places, x.shape[-1], length, stride), -1)


def _window_places(extent: int, length: int, stride: int) -> Array:
    count = max(0, 1 + (extent - length) // stride)
    return np.asarray(np.arange(count)[:, np.newaxis] * stride + np.arange(length), np.int64)


# ---- another reading ----------------------------------------------------------------------------------------------


def view(x: TensorLike, dtype: npt.DTypeLike | None = None) -> Tensor:
    """The same bytes read as another number type; the last axis grows or shrinks with the size. Without gradient.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.view([1.0], "int32").tolist()
    [1065353216]
    """
    x = as_tensor(x)
    target = x.dtype if dtype is None else np.dtype(dtype)
    if target not in NUMBERS:
        raise errors.type_error("ops.view", "dtype", f"one of {', '.join(map(str, NUMBERS))}", dtype)
    if target.itemsize != x.dtype.itemsize and (not x.ndim or x.shape[-1] * x.dtype.itemsize % target.itemsize):
        raise errors.value_error("ops.view", "dtype", f"one whose size divides the last axis of {x.shape}", dtype)
    return Tensor.wrap(dense(x).view(target))


def size(x: TensorLike) -> int:
    """The number of elements.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.size([[1, 2]])
    2
    """
    return as_tensor(x).size


def ndim(x: TensorLike) -> int:
    """The number of axes.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.ndim([[1, 2]])
    2
    """
    return as_tensor(x).ndim


# ---- rearrange ----------------------------------------------------------------------------------------------------


def rearrange(tensor: TensorLike, pattern: str, **axes_lengths: int) -> Tensor:
    """Axes reordered, joined and cut as a pattern of names says: ``"b (h s) c -> b h (s c)"``.

    Parameters
    ----------
    tensor : tensor
    pattern : str
        Axes in and out; names in parentheses are one axis together.
    **axes_lengths : int
        The extents of names, where one cannot be inferred.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.rearrange(ops.zeros((2, 6, 5)), "b (h s) c -> b h (s c)", h=3).shape
    (2, 3, 10)
    """
    x = as_tensor(tensor)
    sides = [_axis_groups(side, pattern) for side in pattern.split("->")]
    if len(sides) != 2 or len(sides[0]) != x.ndim or sorted(sum(sides[0], [])) != sorted(sum(sides[1], [])):
        raise errors.value_error(
            "ops.rearrange", "pattern", f"'axes of x -> the same names', for x of shape {x.shape}", pattern
        )
    known = dict(axes_lengths)
    for group, extent in zip(sides[0], x.shape, strict=True):
        missing = [name for name in group if name not in known]
        product = math.prod(known[name] for name in group if name in known)
        if len(missing) > 1 or (missing and (not product or extent % product)) or (not missing and product != extent):
            raise errors.value_error("ops.rearrange", "axes_lengths", f"such that {group} has {extent}", axes_lengths)
        known.update(dict.fromkeys(missing, extent // max(product, 1)))
    names, wanted = sum(sides[0], []), sum(sides[1], [])
    y = transpose(reshape(x, tuple(known[name] for name in names)), [names.index(name) for name in wanted])
    return reshape(y, tuple(math.prod(known[name] for name in group) for group in sides[1]))


def _axis_groups(side: str, pattern: str) -> list[list[str]]:
    groups: list[list[str]] = []
    inside = False
    for word in side.replace("(", " ( ").replace(")", " ) ").split():
        if word in "()":
            if inside == (word == "("):
                raise errors.value_error("ops.rearrange", "pattern", "of names and pairs of parentheses", pattern)
            inside = word == "("
            if inside:
                groups.append([])
        elif inside:
            groups[-1].append(word)
        else:
            groups.append([word])
    return groups
