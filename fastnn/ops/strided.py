"""Copies of arrays that lie in any way, and checks of the arguments that name axes and shapes."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from fastnn import errors
from fastnn._core import empty, launch, values_are_read
from fastnn.autograd import Array, Tensor, as_tensor
from fastnn.ops.dtypes import FLOAT64, cast, common_dtype

FLOAT32 = np.dtype(np.float32)
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
    known = array.dtype in KINDS or array.dtype.newbyteorder("=") in KINDS
    if known and (array.ndim <= MOST_AXES or array.flags.c_contiguous):
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


@functools.lru_cache(maxsize=256)
def table(make: Callable[..., Array], *arguments: Hashable) -> Array:
    """``make(*arguments)``, made once: a step may read it and be replayed, because the array is the same each time."""
    array = make(*arguments)
    array.flags.writeable = False
    return array


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
    dtype = functools.reduce(common_dtype, [x.dtype for x in tensors])
    return [x if x.dtype == dtype else cast(x, dtype) for x in tensors]
