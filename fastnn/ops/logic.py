"""Comparisons, logic, tests and selection, with NumPy's broadcasting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import overload

import fastnn.ops as ops  # for arithmetic and nonzero, looked up when used
from fastnn import errors
from fastnn._core import empty, launch, zeros
from fastnn.autograd import Array, Tensor, TensorLike, as_float, as_tensor, dense, grad_buffer, record
from fastnn.ops.axes import sum_to_shape
from fastnn.ops.broadcast import (
    AND,
    EQUAL,
    GREATER,
    GREATER_EQUAL,
    LESS,
    LESS_EQUAL,
    NOT_EQUAL,
    OR,
    XOR,
    broadcast_shape,
    compare_array,
    over,
)
from fastnn.ops.dtypes import BOOL, FLOAT64, INT64, cast, cast_array, float_pair, pair

ISFINITE, ISNAN, ISINF = range(3)

# ---- comparisons and logic: bool, without gradient ----------------------------------------------------------------


def _compare(name: str, op: int, x1: TensorLike, x2: TensorLike) -> Tensor:
    a, b = pair(x1, x2)
    return Tensor.wrap(compare_array(op, a.data, b.data, broadcast_shape(name, a, b)))


def equal(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 == x2, element by element.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.equal([1, 2], [1, 3]).numpy()
    array([ True, False])
    """
    return _compare("equal", EQUAL, x1, x2)


def not_equal(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 != x2, element by element; True where either is NaN.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.not_equal([1, 2], [1, 3]).numpy()
    array([False,  True])
    """
    return _compare("not_equal", NOT_EQUAL, x1, x2)


def less(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 < x2, element by element.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.less([1, 2], 2).numpy()
    array([ True, False])
    """
    return _compare("less", LESS, x1, x2)


def less_equal(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 <= x2, element by element.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.less_equal([1, 3], 2).numpy()
    array([ True, False])
    """
    return _compare("less_equal", LESS_EQUAL, x1, x2)


def greater(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 > x2, element by element.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.greater([1, 3], 2).numpy()
    array([False,  True])
    """
    return _compare("greater", GREATER, x1, x2)


def greater_equal(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 >= x2, element by element.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.greater_equal([1, 2], 2).numpy()
    array([False,  True])
    """
    return _compare("greater_equal", GREATER_EQUAL, x1, x2)


def logical_and(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Whether both elements are other than 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.logical_and([True, True], [True, False]).numpy()
    array([ True, False])
    """
    return _compare("logical_and", AND, x1, x2)


def logical_or(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Whether either element is other than 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.logical_or([True, False], False).numpy()
    array([ True, False])
    """
    return _compare("logical_or", OR, x1, x2)


def logical_xor(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Whether exactly one of the elements is other than 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.logical_xor([True, False], True).numpy()
    array([False,  True])
    """
    return _compare("logical_xor", XOR, x1, x2)


def logical_not(x: TensorLike) -> Tensor:
    """Whether the element is 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.logical_not([0.0, 2.0]).numpy()
    array([ True, False])
    """
    return _compare("logical_not", EQUAL, x, False)


def _test(op: int, x: TensorLike) -> Tensor:
    x = as_float(x)
    y = empty(x.shape, BOOL)
    launch("unary_test", x.dtype, x=dense(x), y=y, n=y.size, op=op)
    return Tensor.wrap(y)


def isfinite(x: TensorLike) -> Tensor:
    """Whether the element is neither infinite nor NaN.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.isfinite([1.0, float("inf"), float("nan")]).numpy()
    array([ True, False, False])
    """
    return _test(ISFINITE, x)


def isnan(x: TensorLike) -> Tensor:
    """Whether the element is NaN.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.isnan([1.0, float("nan")]).numpy()
    array([False,  True])
    """
    return _test(ISNAN, x)


def isinf(x: TensorLike) -> Tensor:
    """Whether the element is infinite.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.isinf([1.0, float("-inf")]).numpy()
    array([False,  True])
    """
    return _test(ISINF, x)


# ---- selection ----------------------------------------------------------------------------------------------------


def where_array(c: Array, a: Array, b: Array, shape: tuple[int, ...], out: Array | None = None) -> Array:
    """c ? a : b over ``shape``; a and b of one float type, c of bool."""
    y = empty(shape, a.dtype) if out is None else out
    plan, (c, a, b) = over(shape, c, a, b)
    launch("where_fwd", a.dtype, c=c, a=a, b=b, y=y, **plan)
    return y


@overload
def where(condition: TensorLike) -> tuple[Tensor, ...]: ...
@overload
def where(condition: TensorLike, x1: TensorLike, x2: TensorLike) -> Tensor: ...
def where(
    condition: TensorLike, x1: TensorLike | None = None, x2: TensorLike | None = None
) -> Tensor | tuple[Tensor, ...]:
    """x1 where the condition is True (or not 0), else x2; with the condition alone, `nonzero` of it.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.where([True, False], [1.0, 2.0], 0.0).numpy()
    array([1., 0.], dtype=float32)
    """
    if x1 is None or x2 is None:
        if x1 is None and x2 is None:
            return ops.nonzero(condition)
        raise errors.value_error("ops.where", "x1 and x2", "given both or not at all", None)
    c, (a, b) = cast(condition, BOOL), pair(x1, x2)
    shape = broadcast_shape("where", c, a, b)
    if a.dtype.kind != "f":  # the kernel moves bits, so 64-bit integers pass as float64
        first, second = (cast_array(x.data, INT64).view(FLOAT64) for x in (a, b))
        moved = where_array(c.data, first, second, shape)
        return Tensor.wrap(cast_array(moved.view(INT64), a.dtype))
    y = where_array(c.data, a.data, b.data, shape)

    def part(dy: Array, x: Tensor, first: bool) -> Array | None:
        if not x.requires_grad:
            return None
        zero, out = zeros((), dy.dtype), grad_buffer(x) if x.shape == shape else None
        chosen = (dy, zero) if first else (zero, dy)
        return sum_to_shape(where_array(c.data, *chosen, shape, out), x.shape)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        return part(dy, a, True), part(dy, b, False)

    return record("where", y, (a, b), gradient)


def select(condlist: Sequence[TensorLike], choicelist: Sequence[TensorLike], default: TensorLike = 0) -> Tensor:
    """For each element the choice of the first condition that holds, ``default`` where none does.

    Examples
    --------
    >>> from fastnn import ops
    >>> x = ops.arange(5)
    >>> ops.select([x < 2, x > 3], [x, x * 10], 7).tolist()
    [0, 1, 7, 7, 40]
    """
    if not condlist or len(condlist) != len(choicelist):
        raise errors.value_error(
            "ops.select", "choicelist", f"as long as condlist ({len(condlist)}), and not empty", len(choicelist)
        )
    result: TensorLike = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = where(condition, choice, result)
    return as_tensor(result)


# ---- comparisons made of others -----------------------------------------------------------------------------------


def isposinf(x: TensorLike) -> Tensor:
    """Whether the element is positive infinity.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.isposinf([1.0, float("inf")]).numpy()
    array([False,  True])
    """
    return equal(as_float(x), math.inf)


def isneginf(x: TensorLike) -> Tensor:
    """Whether the element is negative infinity.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.isneginf([1.0, float("-inf")]).numpy()
    array([False,  True])
    """
    return equal(as_float(x), -math.inf)


def isreal(x: TensorLike) -> Tensor:
    """Whether the element has no imaginary part: True, for there are no complex numbers here.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.isreal([1.0]).numpy()
    array([ True])
    """
    return ops.ones(as_tensor(x).shape, "bool")


def signbit(x: TensorLike) -> Tensor:
    """Whether the number's sign is negative, -0.0 and NaN by their bits.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.signbit([-0.0, 0.0, -3.0]).numpy()
    array([ True, False,  True])
    """
    x = as_tensor(x)
    if x.dtype.kind == "f":
        x = Tensor.wrap(dense(x).view(f"i{x.dtype.itemsize}"))
    return less(x, 0)


def isclose(
    x1: TensorLike, x2: TensorLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """|x1 - x2| <= atol + rtol |x2|, or both the same infinity (or NaN, if ``equal_nan``).

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.isclose([1.0, 2.0], [1.000001, 2.1]).numpy()
    array([ True, False])
    """
    a, b = float_pair(x1, x2)
    near = less_equal(ops.absolute(ops.subtract(a, b)), ops.add(ops.multiply(ops.absolute(b), rtol), atol))
    near = logical_or(equal(a, b), logical_and(near, isfinite(b)))
    return logical_or(near, logical_and(isnan(a), isnan(b))) if equal_nan else near


def allclose(
    x1: TensorLike, x2: TensorLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """Whether `isclose` holds everywhere.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.allclose([1.0, 2.0], [1.0, 2.0]).item()
    True
    """
    return ops.all(isclose(x1, x2, rtol, atol, equal_nan))


def isin(x1: TensorLike, x2: TensorLike, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Whether the element of x1 is among those of x2; ``invert`` asks for the opposite.

    ``assume_unique`` makes no difference.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.isin([1, 2, 3], [3, 1]).tolist()
    [True, False, True]
    """
    a, b = pair(x1, x2)
    found = ops.any(equal(ops.expand_dims(a, -1), ops.ravel(b)), axis=-1)
    return logical_not(found) if invert else found
