"""Number types: what operands are computed in, and casts.

Python scalars take the other operand's type, a float scalar beside integers gives `floatx`. Any float beside integers
decides the result's type; float32 with float64 gives float64. Integers keep to NumPy's rules among themselves and
wrap around; in operations that only make sense for floats they become `floatx`.
"""

from __future__ import annotations

import functools
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from fastnn import config, errors
from fastnn._core import empty, launch
from fastnn.autograd import Array, Tensor, TensorLike, as_float, as_tensor, contiguous, record

DType: TypeAlias = np.dtype[Any]

# As the enum of csrc/elementwise.c numbers them.
NUMBERS = {
    np.dtype(name): code
    for code, name in enumerate("bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 float32 float64".split())
}

BOOL, INT32, INT64, UINT64 = np.dtype(np.bool_), np.dtype(np.int32), np.dtype(np.int64), np.dtype(np.uint64)
FLOAT64 = np.dtype(np.float64)
WEAK = (float, int, bool)  # Python's own numbers take their type from the other operand; NumPy's scalars do not

# ---- number types -------------------------------------------------------------------------------------------------


def common_dtype(a: DType, b: DType) -> DType:
    """The type that two arrays are computed in.

    Examples
    --------
    >>> import numpy as np
    >>> common_dtype(np.dtype("float32"), np.dtype("int64"))
    dtype('float32')
    """
    if a == b:
        return a
    if a.kind == "f" or b.kind == "f":
        return b if a.kind != "f" or (b.kind == "f" and b.itemsize > a.itemsize) else a
    result = np.result_type(a, b)
    return result if result.kind != "f" else np.dtype(config.floatx())  # int64 with uint64


def scalar_dtype(value: float, other: DType) -> DType:
    """The type for a Python scalar beside an array of type ``other``."""
    if isinstance(value, float) and other.kind != "f":
        return np.dtype(config.floatx())
    return INT32 if other == BOOL and not isinstance(value, bool) else other


@functools.lru_cache(maxsize=1024)
def _constant_array(value: float, negative_zero: bool, type_char: str) -> Array:
    try:
        array = np.asarray(value, dtype=type_char)
    except OverflowError:
        raise errors.value_error(
            "ops", "a Python number", f"within the range of {np.dtype(type_char)}", value
        ) from None
    array.flags.writeable = False
    return array


def constant(value: float, dtype: DType) -> Tensor:
    """A tensor without axes for a Python scalar."""
    negative_zero = not value and str(value)[0] == "-"  # equal to 0.0, but not the same
    return Tensor.wrap(_constant_array(value, negative_zero, dtype.char))  # hashing a dtype takes long


def pair(a: TensorLike, b: TensorLike) -> tuple[Tensor, Tensor]:
    """Two operands as tensors of one type."""
    if type(b) in WEAK and type(a) not in WEAK:
        x = as_tensor(a)
        dtype = scalar_dtype(b, x.data.dtype)  # type: ignore[arg-type]
        return to_dtype(x, dtype), constant(b, dtype)  # type: ignore[arg-type]
    if type(a) in WEAK and type(b) not in WEAK:
        y = as_tensor(b)
        dtype = scalar_dtype(a, y.data.dtype)  # type: ignore[arg-type]
        return constant(a, dtype), to_dtype(y, dtype)  # type: ignore[arg-type]
    x, y = as_tensor(a), as_tensor(b)
    if x.data.dtype is y.data.dtype:
        return x, y
    dtype = common_dtype(x.data.dtype, y.data.dtype)
    return to_dtype(x, dtype), to_dtype(y, dtype)


def float_pair(a: TensorLike, b: TensorLike) -> tuple[Tensor, Tensor]:
    """Two operands as tensors of one float type."""
    x, y = pair(a, b)
    if x.dtype.kind == "f":
        return x, y
    dtype = np.dtype(config.floatx())
    return to_dtype(x, dtype), to_dtype(y, dtype)


def same_dtype(*values: TensorLike) -> list[Tensor]:
    """The values as float tensors of one dtype, the widest of theirs."""
    tensors = [as_float(value) for value in values]
    widest = functools.reduce(common_dtype, [x.dtype for x in tensors])
    return [x if x.dtype == widest else cast(x, widest) for x in tensors]


def to_dtype(x: Tensor, dtype: DType) -> Tensor:
    """The tensor in a number type, itself if it has it."""
    return x if x.data.dtype == dtype else _cast(x, dtype)


# ---- casts --------------------------------------------------------------------------------------------------------


def cast_array(x: Array, dtype: DType) -> Array:
    """The array in another number type, dense; itself if it has the type."""
    if x.dtype == dtype:
        return x
    if not x.flags.c_contiguous:
        x = contiguous(x)
    y = empty(x.shape, dtype)
    launch(
        "cast", FLOAT64, x=x, y=y, n=x.size, **{"from": NUMBERS[x.dtype]}, from_bytes=x.itemsize,
        to=NUMBERS[dtype], to_bytes=dtype.itemsize,
    )
    return y


def _cast(x: Tensor, dtype: DType) -> Tensor:
    y = cast_array(x.data, dtype)
    if dtype.kind != "f":
        return Tensor.wrap(y)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        return (cast_array(dy, x.dtype),)

    return record("cast", y, (x,), gradient)


def cast(x: TensorLike, dtype: npt.DTypeLike) -> Tensor:
    """Convert to another number type.

    Integers wrap around in fewer bits. Floats are truncated towards zero in integers, those out of range become the
    nearest integer that exists, and NaN becomes 0. Beyond float32's range lies infinity. Everything but 0 is True.

    Parameters
    ----------
    x : array_like
    dtype : str or dtype
        "bool", "int8" to "int64", "uint8" to "uint64", "float32" or "float64".

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.cast([-1.5, 2.5, 300.0], "uint8").numpy()
    array([  0,   2, 255], dtype=uint8)
    """
    x = as_tensor(x)
    try:
        target = np.dtype(dtype)
    except TypeError:
        target = None
    if target not in NUMBERS:
        known = ", ".join(map(str, NUMBERS))
        raise errors.type_error("ops.cast", "dtype", f"one of {known}", dtype)
    return to_dtype(x, target)
