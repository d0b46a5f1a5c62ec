"""Operations on the bits of integers, and on their divisors."""

from __future__ import annotations

import numpy as np

from fastnn import errors
from fastnn.autograd import Tensor, TensorLike
from fastnn.ops.broadcast import (
    GCD,
    INT_AND,
    INT_OR,
    INT_XOR,
    LCM,
    LEFT_SHIFT,
    RIGHT_SHIFT,
    broadcast_shape,
    int_binary_array,
)
from fastnn.ops.dtypes import BOOL, cast_array, pair


def _of_integers(name: str, op: int, x: TensorLike, y: TensorLike) -> Tensor:
    """A kernel on integers of one type; bits of booleans stay booleans."""
    a, b = pair(x, y)
    if a.dtype.kind == "f":
        raise errors.type_error(f"ops.{name}", "both arguments", "integers", errors.Shown(f"dtype {a.dtype}"))
    result = int_binary_array(op, a.data, b.data, broadcast_shape(name, a, b))
    return Tensor.wrap(cast_array(result, BOOL) if a.dtype == BOOL and op in (INT_AND, INT_OR, INT_XOR) else result)


def bitwise_and(x: TensorLike, y: TensorLike) -> Tensor:
    """The bits that both have.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.bitwise_and([6, 3], 5).tolist()
    [4, 1]
    """
    return _of_integers("bitwise_and", INT_AND, x, y)


def bitwise_or(x: TensorLike, y: TensorLike) -> Tensor:
    """The bits that either has.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.bitwise_or([6, 3], 5).tolist()
    [7, 7]
    """
    return _of_integers("bitwise_or", INT_OR, x, y)


def bitwise_xor(x: TensorLike, y: TensorLike) -> Tensor:
    """The bits that exactly one has.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.bitwise_xor([6, 3], 5).tolist()
    [3, 6]
    """
    return _of_integers("bitwise_xor", INT_XOR, x, y)


def bitwise_left_shift(x: TensorLike, y: TensorLike) -> Tensor:
    """x times 2^y, wrapping around.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.bitwise_left_shift([6, 3], 2).tolist()
    [24, 12]
    """
    return _of_integers("bitwise_left_shift", LEFT_SHIFT, x, y)


def bitwise_right_shift(x: TensorLike, y: TensorLike) -> Tensor:
    """x divided by 2^y, rounded down.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.bitwise_right_shift([6, -3], 1).tolist()
    [3, -2]
    """
    return _of_integers("bitwise_right_shift", RIGHT_SHIFT, x, y)


def left_shift(x: TensorLike, y: TensorLike) -> Tensor:
    """The same as `bitwise_left_shift`."""
    return bitwise_left_shift(x, y)


def right_shift(x: TensorLike, y: TensorLike) -> Tensor:
    """The same as `bitwise_right_shift`."""
    return bitwise_right_shift(x, y)


def bitwise_not(x: TensorLike) -> Tensor:
    """The bits that x does not have: -1 - x for signed integers.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.bitwise_not([5, -1]).tolist()
    [-6, 0]
    """
    a, _ = pair(x, True)
    return _of_integers("bitwise_not", INT_XOR, a, True if a.dtype == BOOL else _all_bits(a))


def _all_bits(x: Tensor) -> Tensor:
    return Tensor.wrap(cast_array(np.asarray(-1), x.dtype))


def bitwise_invert(x: TensorLike) -> Tensor:
    """The same as `bitwise_not`."""
    return bitwise_not(x)


def gcd(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The greatest common divisor; of x and 0 it is |x|.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.gcd([12, -18], 8).tolist()
    [4, 2]
    """
    return _of_integers("gcd", GCD, x1, x2)


def lcm(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The least common multiple; 0 if either is 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.lcm([4, 0], 6).tolist()
    [12, 0]
    """
    return _of_integers("lcm", LCM, x1, x2)
