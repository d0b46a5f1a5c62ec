"""Operations that move elements: shapes, slices, joins, gathers, and the making of new tensors.

Results are new C-contiguous arrays, except that `reshape` and its like share memory where they can.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

import fastnn.ops as ops  # for cast, looked up when used: elementwise builds on this module
from fastnn import config, errors
from fastnn._core import empty, guard, launch, values_are_read
from fastnn._core import zeros as zeros_array
from fastnn.autograd import (
    Array,
    Tensor,
    TensorLike,
    as_tensor,
    dense,
    grad_buffer,
    record,
)
from fastnn.ops.axes import SUM, reduce_array

FLOAT32 = np.dtype(np.float32)
FLOAT64 = np.dtype(np.float64)
INT64 = np.dtype(np.int64)
Shape = Sequence[int]

# ---- strided copies -----------------------------------------------------------------------------------------------

MOST_AXES = 8
EXTENTS = [f"d{i}" for i in range(MOST_AXES)]
X_STRIDES = [f"x{i}" for i in range(MOST_AXES)]
Y_STRIDES = [f"y{i}" for i in range(MOST_AXES)]
# How kernels.def numbers the dtypes it can read (enum fnn_kind in shapes.h).
KINDS = {
    np.dtype(name): kind
    for kind, name in (
        (0, "bool"), (0, "uint8"), (1, "int8"), (2, "uint16"), (3, "int16"), (4, "uint32"), (5, "int32"),
        (6, "uint64"), (7, "int64"), (8, "float16"), (9, "float32"), (10, "float64"),
    )
}  # fmt: skip

PACKED, SWAPPED = 16, 32  # added to a kind; csrc/shapes.h


def readable(array: Array) -> Array:
    """The array itself if kernels can read it where it lies, else a copy that they can.

    Kernels want native byte order, aligned items, strides in whole items, at most 8 axes and a dtype of `KINDS`.
    """
    if array.dtype not in KINDS:
        return np.ascontiguousarray(array, dtype=FLOAT64 if array.dtype.kind == "f" else None)
    if array.flags.c_contiguous and array.flags.aligned:
        return array
    whole = all(stride % array.itemsize == 0 for stride in array.strides)
    return array if whole and array.flags.aligned and array.ndim <= MOST_AXES else np.ascontiguousarray(array)


def gatherable(array: Array) -> Array:
    """The array itself if `gather_rows` can read it where it lies, else a copy: only for odd dtypes and many axes."""
    if array.dtype.newbyteorder("=") in KINDS and (array.ndim <= MOST_AXES or array.flags.c_contiguous):
        return array
    return readable(array)


class _Memory:
    """The bytes of an array without negative strides, to be made into an array."""

    def __init__(self, array: Array) -> None:
        end = sum(stride * (n - 1) for stride, n in zip(array.strides, array.shape, strict=True)) + array.itemsize
        place = array.__array_interface__["data"][0], True
        self.array = array
        self.__array_interface__ = {
            "data": place, "shape": (end if array.size else 0,), "typestr": "|u1", "version": 3,
        }  # fmt: skip


def _packed(array: Array) -> tuple[int, Array, tuple[int, ...], int]:
    """What `gather_rows` needs to know of an array whose items lie at any address or in the other byte order."""
    kind = KINDS[array.dtype.newbyteorder("=")] | PACKED | (0 if array.dtype.isnative else SWAPPED)
    low, strides, start = lowest(array, 1)
    return kind, np.asarray(_Memory(low)), strides, start


def lowest(array: Array, size: int = 0) -> tuple[Array, tuple[int, ...], int]:
    """A view without negative strides, the true strides in items, and the item of the view at index 0.

    An item is ``size`` bytes; default: the array's.
    """
    size = size or array.itemsize
    strides = tuple([s // size for s in array.strides])
    if min(strides, default=0) >= 0 or not array.size:
        return array, strides, 0
    start = sum(-s * (n - 1) for s, n in zip(strides, array.shape, strict=True) if s < 0)
    return array[tuple([slice(None, None, -1 if s < 0 else 1) for s in strides])], strides, start


def move(kernel: str, x: Array, y: Array) -> None:
    """y[...] = x, for equal shapes and dtypes; ``copy`` writes all of y's memory, ``copy_into`` a part of an array."""
    if x.ndim > MOST_AXES or any(stride % x.itemsize for stride in x.strides) or not x.flags.aligned:
        values_are_read("an array of more than 8 axes, or with unaligned items")
        y[...] = x
        return
    x, x_strides, start = lowest(x)
    rest = MOST_AXES - x.ndim
    sizes = dict(zip(EXTENTS, (1,) * rest + x.shape, strict=True))
    sizes.update(zip(X_STRIDES, (0,) * rest + x_strides, strict=True))
    sizes.update(zip(Y_STRIDES, [0] * rest + [s // y.itemsize for s in y.strides], strict=True))
    launch(kernel, FLOAT32, x=x, y=y, itemsize=x.itemsize, x_start=start, **sizes)


def contiguous_copy(array: Array) -> Array:
    """A new C-contiguous array with the same values, from any strides."""
    y = empty(array.shape, array.dtype)
    if array.size:
        move("copy", array, y)
    return y


def fill_array(array: Array, value: Any) -> Array:
    """Write one value everywhere into a C-contiguous array."""
    item = np.asarray(value).astype(array.dtype)
    bits = int.from_bytes(item.tobytes().ljust(8, b"\0"), "little", signed=True)
    launch("fill", FLOAT32, x=array, n=array.size, itemsize=array.itemsize, bits=bits)
    return array


def float_dtype(x: Tensor) -> np.dtype[Any]:
    """The type in which gradients of x travel; any float where there are none."""
    return x.dtype if x.dtype == FLOAT64 else FLOAT32


def axis_of(who: str, axis: Any, ndim: int, argument: str = "axis") -> int:
    """An axis counted from the front."""
    try:
        number = operator.index(axis)
    except TypeError:
        raise errors.type_error(who, argument, "an integer", axis) from None
    if not -ndim <= number < ndim:
        raise errors.value_error(who, argument, f"at least {-ndim} and below {ndim}", axis)
    return number % ndim


def axes_of(who: str, axes: Any, ndim: int) -> tuple[int, ...]:
    """One or several different axes counted from the front."""
    numbers = tuple(axis_of(who, axis, ndim) for axis in (axes if isinstance(axes, (tuple, list)) else (axes,)))
    if len(set(numbers)) != len(numbers):
        raise errors.value_error(who, "axis", "without repetition", axes)
    return numbers


def shape_of(who: str, argument: str, value: Any) -> tuple[int, ...]:
    """An int or a sequence of ints as a tuple."""
    try:
        if isinstance(value, (int, np.integer)):
            return (operator.index(value),)
        return tuple(operator.index(n) for n in value)
    except TypeError:
        raise errors.type_error(who, argument, "an integer or a sequence of integers", value) from None


def tensors_of(who: str, argument: str, values: Any) -> list[Tensor]:
    """The tensors of a list, brought to one dtype."""
    if isinstance(values, (Tensor, np.ndarray)):
        values = list(values)
    if not isinstance(values, (list, tuple)) or not values:
        raise errors.value_error(who, argument, "a list of at least one tensor", values)
    tensors = [as_tensor(value) for value in values]
    dtype = common_dtype([x.dtype for x in tensors])
    return [x if x.dtype == dtype else cast(x, dtype) for x in tensors]


def common_dtype(dtypes: list[np.dtype[Any]]) -> np.dtype[Any]:
    """Keras's rule: floats win over integers whatever their sizes."""
    floats = [dtype for dtype in dtypes if dtype.kind == "f"]
    return np.result_type(*(floats or dtypes))


def cast(x: Tensor, dtype: npt.DTypeLike) -> Tensor:
    """`fastnn.ops.cast`, which builds on this module."""
    return ops.cast(x, dtype)


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
    known = int(np.prod([n for n in shape if n != -1], dtype=np.int64))
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
    index = tuple(slice(None, None, -1 if i in axes else 1) for i in range(x.ndim))
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


def pad(x: TensorLike, pad_width: Any, mode: str = "constant", constant_values: float | None = None) -> Tensor:
    """Add positions before and after each axis.

    Parameters
    ----------
    x : tensor
    pad_width : int, (before, after) or one such pair per axis
    mode : {"constant", "reflect", "symmetric"}
        What stands there: a constant, or x mirrored without or with its edge.
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
    if mode not in ("constant", "reflect", "symmetric"):
        raise errors.unknown_name("pad", "mode", mode, ("constant", "reflect", "symmetric"))
    if mode != "constant":
        if constant_values is not None:
            raise errors.value_error("pad", "constant_values", f"None where mode is {mode!r}", constant_values)
        for axis, pair in enumerate(widths):
            if any(pair):
                # The index array is a fact of the shape: NumPy's pad of 0..n-1 says which element stands where.
                x = take(x, np.pad(np.arange(x.shape[axis]), pair, mode=mode), axis=axis)  # type: ignore[call-overload]
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


# ---- gathers ------------------------------------------------------------------------------------------------------


def as_int64(who: str, argument: str, x: TensorLike) -> Array:
    """Integers of any type as a C-contiguous int64 array."""
    array = as_tensor(x).data
    if array.dtype.kind not in "iu":
        if array.size or array.dtype.kind == "b":
            raise errors.type_error(who, argument, "integers", array)
        return zeros_array(array.shape, INT64)
    if array.dtype == INT64:
        return array if array.flags.c_contiguous else contiguous_copy(array)
    return gather_rows(array[np.newaxis], None, 0, 1, INT64).reshape(array.shape)


def take(x: TensorLike, indices: TensorLike, axis: int | None = None) -> Tensor:
    """The elements at these indices along an axis; an index may repeat, a negative one counts from the end.

    The gradient is summed over repeated indices, in their order.

    Parameters
    ----------
    x : tensor
    indices : integer array of any shape
        Its shape takes the place of the axis.
    axis : int, optional
        None: x is flattened first.

    Raises
    ------
    IndexError
        For an index outside the axis.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.take([[1, 2, 3], [4, 5, 6]], [2, 0], axis=1).tolist()
    [[3, 1], [6, 4]]
    """
    x = as_tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    axis = axis_of("take", axis, x.ndim)
    index = as_int64("take", "indices", indices)
    before, extent, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    y = empty((*before, *index.shape, *after), x.dtype)
    sizes = {
        "outer": int(np.prod(before, dtype=np.int64)), "extent": extent,
        "inner": int(np.prod(after, dtype=np.int64)), "m": index.size,
    }  # fmt: skip
    status = zeros_array((1,), INT64)
    launch("take", FLOAT32, x=dense(x), index=index, y=y, status=status, itemsize=x.dtype.itemsize, **sizes)

    def wrong_index(position: int) -> Exception:
        got = errors.Shown(f"{int(index.reshape(-1)[position])} at position {position}")
        return IndexError(errors.sentence("take", "indices", f"at least {-extent} and below {extent}", got))

    guard(status, wrong_index)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x)
        launch("take_bwd", x.dtype, dy=dy, index=index, dx=dx, **sizes)
        return (dx,)

    return record("take", y, (x,), gradient)


def getitem(x: TensorLike, index: Any) -> Tensor:
    """``x[index]``: ints, slices, None, Ellipsis, and at most one array of integers or booleans.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.getitem([[1, 2, 3], [4, 5, 6]], (slice(None), -1)).tolist()
    [3, 6]
    >>> x = ops.convert_to_tensor([5.0, -1.0, 7.0])
    >>> x[np.array([True, False, True])].tolist()
    [5.0, 7.0]
    """
    x = as_tensor(x)
    items = [as_index(item) for item in (index if isinstance(index, tuple) else (index,))]
    used = sum(axes_used(item) for item in items)
    if used > x.ndim:
        raise IndexError(f"Tensor: too many indices for shape {x.shape}: {used}.")
    if Ellipsis not in [item for item in items if not isinstance(item, np.ndarray)]:
        items.append(Ellipsis)
    place = next(i for i, item in enumerate(items) if item is Ellipsis)
    full = items[:place] + [slice(None)] * (x.ndim - used) + items[place + 1 :]
    arrays = [i for i, item in enumerate(full) if isinstance(item, np.ndarray)]
    if any(item is Ellipsis for item in full) or len(arrays) > 1:
        raise IndexError("Tensor: an index may hold one Ellipsis and one array.")
    if not arrays:
        return slices("getitem", x, tuple(full))
    return getitem_array(x, full, arrays[0])


def as_index(item: Any) -> Any:
    """One part of an index, arrays and tensors as ndarrays."""
    if item is None or item is Ellipsis or isinstance(item, slice):
        return item
    if isinstance(item, (int, np.integer)) and not isinstance(item, bool):
        return int(item)
    array = item.data if isinstance(item, Tensor) else np.asarray(item)
    if array.ndim == 0 and array.dtype.kind in "iu":
        return int(array)
    if array.dtype.kind not in "biu" and array.size or array.ndim == 0:
        raise IndexError(
            f"Tensor: an index must be an int, slice, None, Ellipsis, or an array of ints or bools; got {item!r}."
        )
    return array if array.size else array.astype(bool if array.dtype.kind == "b" else INT64)


def axes_used(item: Any) -> int:
    """How many axes of x one part of an index stands for."""
    if item is None or item is Ellipsis:
        return 0
    return item.ndim if isinstance(item, np.ndarray) and item.dtype.kind == "b" else 1


def getitem_array(x: Tensor, full: list[Any], at: int) -> Tensor:
    """An index with one array: the basic parts first, then `take` along the array's axis."""
    array = full[at]
    mask = array if array.dtype.kind == "b" else None
    basic = full[:at] + [slice(None)] * axes_used(array) + full[at + 1 :]
    axis = sum(not isinstance(item, int) for item in full[:at])  # of the array, once ints are gone
    if any(not (isinstance(item, slice) and item == slice(None)) for item in basic):
        x = slices("getitem", x, tuple(basic))
    if mask is not None:
        covered = x.shape[axis : axis + mask.ndim]
        if covered != mask.shape:
            raise IndexError(f"Tensor: the mask's shape {mask.shape} does not match the axes {covered} of the tensor.")
        x = reshape(x, (*x.shape[:axis], mask.size, *x.shape[axis + mask.ndim :]))
        values_are_read("a boolean index: the result's shape depends on its values")
        array = np.flatnonzero(mask)
    y = take(x, array, axis=axis)
    # NumPy: where ints are separated from the array by a slice, None or Ellipsis, the array's axes come first.
    advanced = [i for i, item in enumerate(full) if isinstance(item, (int, np.ndarray))]
    if axis and advanced[-1] - advanced[0] != len(advanced) - 1:
        y = moveaxis(y, tuple(range(axis, axis + array.ndim)), tuple(range(array.ndim)))
    return y


def gather_rows(
    source: Array,
    index: Array | None,
    begin: int,
    count: int,
    dtype: npt.DTypeLike,
    position: Array | None = None,
    status: Array | None = None,
) -> Array:
    """Rows of a shuffled batch, read where they lie and converted on the way.

    Row r of the result is ``source[index[position + begin + r]]``; without an index ``source[position + begin + r]``.

    Parameters
    ----------
    source : ndarray
        bool, any integer, float16, float32 or float64; any strides, alignment and byte order (`gatherable` makes
        others so).
    index : ndarray of int64, optional
    begin, count : int
    dtype : numpy dtype
        float32, float64, or int64 for labels, where fractions, NaN and numbers too large are errors.
    position : ndarray of one int64, optional
        Read when the kernel runs, so a replay can move on.
    status : ndarray of one int64, optional
        Gets 1 + the first wrong row, for the caller to check; without it, a wrong row is a ValueError.

    Examples
    --------
    >>> import numpy as np
    >>> gather_rows(np.array([[1, 2], [3, 4], [5, 6]], np.uint8), np.array([2, 0]), 0, 2, np.float32)
    array([[5., 6.],
           [1., 2.]], dtype=float32)
    """
    dtype = np.dtype(dtype)
    source = gatherable(source)
    y = empty((count, *source.shape[1:]), dtype)
    shape = source.shape
    if source.ndim > MOST_AXES:  # gatherable made it contiguous
        source = source.reshape(shape[0], -1)
    kind = KINDS.get(source.dtype)
    if kind is None or not source.flags.aligned or any(stride % source.itemsize for stride in source.strides):
        kind, low, strides, start = _packed(source)
    else:
        low, strides, start = lowest(source)
    rest = MOST_AXES - source.ndim
    sizes = dict(zip(EXTENTS[1:], source.shape[1:] + (1,) * rest, strict=True))
    sizes.update(zip(X_STRIDES, strides + (0,) * rest, strict=True))
    kernel = "gather_rows_i64" if dtype == INT64 else "gather_rows"
    checked = zeros_array((1,), INT64) if status is None else status
    launch(
        kernel, FLOAT32 if dtype == INT64 else dtype, x=low, index=index, position=position, y=y, status=checked,
        kind=kind, x_start=start, index_count=0 if index is None else index.size, begin=begin,
        count=count, rows=shape[0], **sizes,
    )  # fmt: skip
    if status is None:
        rule = f"inside the data ({shape[0]} rows)" + (" and hold integers" if dtype == INT64 else "")
        guard(checked, lambda r: errors.value_error("gather_rows", "rows", rule, errors.Shown(f"another at row {r}")))
    return y


def one_hot(
    x: TensorLike, num_classes: int, axis: int = -1, dtype: npt.DTypeLike | None = None, sparse: bool = False
) -> Tensor:
    """1 at each integer's place along a new axis, 0 elsewhere; integers outside 0 .. num_classes - 1 give zeros.

    Parameters
    ----------
    x : integer tensor
    num_classes : int
    axis : int
        Of the result, where the classes go.
    dtype : str, optional
        `fastnn.config.floatx` where not given.
    sparse : bool
        Must be False: there are no sparse tensors here.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.one_hot([0, 2], 3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if sparse:
        raise errors.value_error("one_hot", "sparse", "False", sparse, "fastnn has dense tensors only.")
    index = as_int64("one_hot", "x", x)
    axis = axis_of("one_hot", axis, index.ndim + 1)
    wanted = np.dtype(dtype or config.floatx())
    computed = wanted if wanted in (FLOAT32, FLOAT64) else FLOAT32
    y = empty((*index.shape[:axis], num_classes, *index.shape[axis:]), computed)
    outer, inner = (int(np.prod(n, dtype=np.int64)) for n in (index.shape[:axis], index.shape[axis:]))
    launch("one_hot", computed, index=index, y=y, outer=outer, classes=num_classes, inner=inner)
    return Tensor.wrap(y) if wanted == computed else cast(Tensor.wrap(y), wanted)


# ---- making tensors -----------------------------------------------------------------------------------------------


def full(shape: int | Shape, fill_value: float, dtype: npt.DTypeLike | None = None) -> Tensor:
    """A tensor with one value everywhere; `fastnn.config.floatx` where no dtype is given.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.full((2,), 7).tolist()
    [7.0, 7.0]
    """
    extents = shape_of("full", "shape", shape)
    return Tensor.wrap(fill_array(empty(extents, np.dtype(dtype or config.floatx())), fill_value))


def zeros(shape: int | Shape, dtype: npt.DTypeLike | None = None) -> Tensor:
    """A tensor of zeros.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.zeros((2,)).tolist()
    [0.0, 0.0]
    """
    return full(shape, 0, dtype)


def ones(shape: int | Shape, dtype: npt.DTypeLike | None = None) -> Tensor:
    """A tensor of ones.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.ones(2, dtype="int32").tolist()
    [1, 1]
    """
    return full(shape, 1, dtype)


def full_like(x: TensorLike, fill_value: float, dtype: npt.DTypeLike | None = None) -> Tensor:
    """A tensor of x's shape, and dtype if none is given, with one value everywhere."""
    x = as_tensor(x)
    return full(x.shape, fill_value, dtype or x.dtype)


def zeros_like(x: TensorLike, dtype: npt.DTypeLike | None = None) -> Tensor:
    """Zeros of x's shape, and dtype if none is given."""
    return full_like(x, 0, dtype)


def ones_like(x: TensorLike, dtype: npt.DTypeLike | None = None) -> Tensor:
    """Ones of x's shape, and dtype if none is given."""
    return full_like(x, 1, dtype)


def arange(
    start: float, stop: float | None = None, step: float | None = None, dtype: npt.DTypeLike | None = None
) -> Tensor:
    """Numbers from start (0 if only one is given) up to, not including, stop.

    Without a dtype: int32 for integers, else `fastnn.config.floatx`, as in Keras.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.arange(2, 8, 3).tolist()
    [2, 5]
    """
    if stop is None:
        start, stop = 0, start
    step = 1 if step is None else step
    if step == 0:
        raise errors.value_error("arange", "step", "a number other than 0", step)
    whole = all(isinstance(number, (int, np.integer)) for number in (start, stop, step))
    wanted = np.dtype(dtype or ("int32" if whole else config.floatx()))
    n = max(0, -int((start - stop) // step))
    if wanted in (FLOAT32, FLOAT64):
        y = empty((n,), wanted)
        launch("arange", wanted, y=y, n=n, start=start, step=step)
        return Tensor.wrap(y)
    if not whole:
        return cast(arange(start, stop, step, FLOAT64), wanted)
    y = empty((n,), INT64)
    launch("arange_i64", FLOAT32, y=y, n=n, start=start, step=step)
    return Tensor.wrap(y) if wanted == INT64 else cast(Tensor.wrap(y), wanted)


def eye(N: int, M: int | None = None, k: int = 0, dtype: npt.DTypeLike | None = None) -> Tensor:
    """Ones on the k-th diagonal of an N by M matrix, zeros elsewhere.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.eye(2, 3, k=1).tolist()
    [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    return one_hot(arange(k, k + N, dtype="int64"), N if M is None else M, dtype=dtype)


def convert_to_tensor(
    x: TensorLike, dtype: npt.DTypeLike | None = None, sparse: Any = None, ragged: Any = None
) -> Tensor:
    """A tensor of the value, converted to dtype if one is given; a tensor of that dtype is returned as it is.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.convert_to_tensor([1, 2], dtype="float32").tolist()
    [1.0, 2.0]
    """
    if sparse or ragged:
        raise errors.value_error(
            "convert_to_tensor", "sparse and ragged", "None or False", errors.Shown(f"{sparse!r} and {ragged!r}"),
            "fastnn has dense tensors only.",
        )
    tensor = x if isinstance(x, Tensor) else Tensor(x)
    return tensor if dtype is None or tensor.dtype == np.dtype(dtype) else cast(tensor, dtype)


def convert_to_numpy(x: TensorLike) -> Array:
    """The values as a NumPy array of their own.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.convert_to_numpy(ops.ones(2))
    array([1., 1.], dtype=float32)
    """
    return as_tensor(x).numpy()


def stop_gradient(variable: TensorLike) -> Tensor:
    """The same values, through which no gradient flows.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.Tensor([1.0], requires_grad=True)
    >>> fastnn.ops.stop_gradient(x).requires_grad
    False
    """
    return as_tensor(variable).detach()


def shape(x: TensorLike) -> tuple[int, ...]:
    """The shape as a tuple of ints.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.shape([[1, 2, 3]])
    (1, 3)
    """
    return as_tensor(x).shape
