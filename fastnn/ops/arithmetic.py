"""Arithmetic of two operands with NumPy's broadcasting."""

from __future__ import annotations

import math

import fastnn.ops as ops  # for selections and casts, looked up when used
from fastnn import errors
from fastnn._core import launch
from fastnn.autograd import Array, Tensor, TensorLike, as_float, as_tensor, grad_buffer, record
from fastnn.ops.axes import sum_to_shape
from fastnn.ops.broadcast import (
    ADD,
    ARCTAN2,
    ARCTAN2_A,
    ARCTAN2_B,
    DIVIDE,
    DIVIDE_B,
    FMOD,
    FMOD_B,
    HYPOT,
    HYPOT_A,
    HYPOT_B,
    INT_FLOOR_DIVIDE,
    INT_FMOD,
    INT_MOD,
    LOGADDEXP,
    LOGADDEXP_A,
    LOGADDEXP_B,
    MAXIMUM,
    MAXIMUM_A,
    MAXIMUM_B,
    MINIMUM,
    MINIMUM_A,
    MINIMUM_B,
    MOD,
    MOD_B,
    MULTIPLY,
    NEXTAFTER,
    POWER,
    POWER_A,
    POWER_B,
    SUBTRACT,
    binary_array,
    binary_gradient,
    broadcast_shape,
    int_binary_array,
    product_gradient,
)
from fastnn.ops.dtypes import WEAK, float_pair, pair
from fastnn.ops.maths import NEGATIVE, square


def add(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 + x2.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.add([1.0, 2.0], 3).numpy()
    array([4., 5.], dtype=float32)
    """
    a, b = pair(x1, x2)
    y = binary_array(ADD, a.data, b.data, broadcast_shape("add", a, b))

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        return (
            sum_to_shape(dy, a.shape) if a.requires_grad else None,
            sum_to_shape(dy, b.shape) if b.requires_grad else None,
        )

    return record("add", y, (a, b), gradient)


def subtract(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 - x2.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.subtract([[1.0], [2.0]], [0.0, 1.0]).numpy()
    array([[1., 0.],
           [2., 1.]], dtype=float32)
    """
    a, b = pair(x1, x2)
    y = binary_array(SUBTRACT, a.data, b.data, broadcast_shape("subtract", a, b))

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        da = sum_to_shape(dy, a.shape) if a.requires_grad else None
        db = None
        if b.requires_grad:
            total = sum_to_shape(dy, b.shape)
            db = grad_buffer(b)
            launch("unary_fwd", b.dtype, x=total, y=db, n=db.size, op=NEGATIVE, alpha=0.0, beta=0.0)
        return da, db

    return record("subtract", y, (a, b), gradient)


def multiply(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 * x2, element by element.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.multiply([1.0, 2.0], [3.0, 4.0]).numpy()
    array([3., 8.], dtype=float32)
    """
    a, b = pair(x1, x2)
    y = binary_array(MULTIPLY, a.data, b.data, broadcast_shape("multiply", a, b))

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        return (
            product_gradient(MULTIPLY, dy, b, a) if a.requires_grad else None,
            product_gradient(MULTIPLY, dy, a, b) if b.requires_grad else None,
        )

    return record("multiply", y, (a, b), gradient)


def divide(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 / x2, a float also for integers.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.divide([1, 2], 4).numpy()
    array([0.25, 0.5 ], dtype=float32)
    """
    a, b = float_pair(x1, x2)
    y = binary_array(DIVIDE, a.data, b.data, broadcast_shape("divide", a, b))

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        return (
            product_gradient(DIVIDE, dy, b, a) if a.requires_grad else None,
            binary_gradient(DIVIDE_B, a, b, dy, b) if b.requires_grad else None,
        )

    return record("divide", y, (a, b), gradient)


def true_divide(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The same as `divide`.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.true_divide([3.0], 2).numpy()
    array([1.5], dtype=float32)
    """
    return divide(x1, x2)


def power(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 ** x2 by C's rules: NaN for a negative base with a fractional exponent, 1 for the exponent 0.

    A negative exponent of an integer gives the fraction's integer part. d/dx1 is 0 where x2 is 0; d/dx2 is 0 where x1
    is 0 and x2 above it.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.power([1.0, 2.0, 3.0], 3).numpy()
    array([ 1.,  8., 27.], dtype=float32)
    """
    if type(x2) in WEAK and x2 == 2:
        return square(x1)
    a, b = pair(x1, x2)
    y = binary_array(POWER, a.data, b.data, broadcast_shape("power", a, b))

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        return (
            binary_gradient(POWER_A, a, b, dy, a) if a.requires_grad else None,
            binary_gradient(POWER_B, a, b, dy, b) if b.requires_grad else None,
        )

    return record("power", y, (a, b), gradient)


def maximum(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The larger of two elements; NaN if either is NaN. Of equal elements the first has the gradient.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.maximum([1.0, 5.0], [3.0, 2.0]).numpy()
    array([3., 5.], dtype=float32)
    """
    a, b = pair(x1, x2)
    y = binary_array(MAXIMUM, a.data, b.data, broadcast_shape("maximum", a, b))

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        return (
            binary_gradient(MAXIMUM_A, a, b, dy, a) if a.requires_grad else None,
            binary_gradient(MAXIMUM_B, a, b, dy, b) if b.requires_grad else None,
        )

    return record("maximum", y, (a, b), gradient)


def minimum(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The smaller of two elements; NaN if either is NaN. Of equal elements the first has the gradient.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.minimum([1.0, 5.0], [3.0, 2.0]).numpy()
    array([1., 2.], dtype=float32)
    """
    a, b = pair(x1, x2)
    y = binary_array(MINIMUM, a.data, b.data, broadcast_shape("minimum", a, b))

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        return (
            binary_gradient(MINIMUM_A, a, b, dy, a) if a.requires_grad else None,
            binary_gradient(MINIMUM_B, a, b, dy, b) if b.requires_grad else None,
        )

    return record("minimum", y, (a, b), gradient)


# ---- division with a remainder ------------------------------------------------------------------------------------


def floor_divide(x1: TensorLike, x2: TensorLike) -> Tensor:
    """floor(x1 / x2); integers give integers, 0 where x2 is 0. Its derivative is 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.floor_divide([7.0, -7.0], 2).numpy()
    array([ 3., -4.], dtype=float32)
    """
    a, b = pair(x1, x2)
    if a.dtype.kind != "f":
        y = int_binary_array(INT_FLOOR_DIVIDE, a.data, b.data, broadcast_shape("floor_divide", a, b))
        return Tensor.wrap(y)
    return ops.floor(divide(a, b))


def mod(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The remainder of ``floor_divide(x1, x2)``, of x2's sign; of integers by 0 it is 0.

    d/dx1 = 1, d/dx2 = -floor(x1 / x2).

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.mod([7.0, -7.0], 4).numpy()
    array([3., 1.], dtype=float32)
    """
    return _remainder("mod", MOD, MOD_B, INT_MOD, x1, x2)


def fmod(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The remainder of the division rounded towards 0, of x1's sign; of integers by 0 it is 0.

    d/dx1 = 1, d/dx2 = -trunc(x1 / x2).

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.fmod([7.0, -7.0], 4).numpy()
    array([ 3., -3.], dtype=float32)
    """
    return _remainder("fmod", FMOD, FMOD_B, INT_FMOD, x1, x2)


def _remainder(name: str, op: int, derivative: int, int_op: int, x1: TensorLike, x2: TensorLike) -> Tensor:
    a, b = pair(x1, x2)
    shape = broadcast_shape(name, a, b)
    if a.dtype.kind != "f":
        return Tensor.wrap(int_binary_array(int_op, a.data, b.data, shape))

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        return (
            sum_to_shape(dy, a.shape) if a.requires_grad else None,
            binary_gradient(derivative, a, b, dy, b) if b.requires_grad else None,
        )

    return record(name, binary_array(op, a.data, b.data, shape), (a, b), gradient)


# ---- functions of two floats --------------------------------------------------------------------------------------


def _function_of_two(name: str, op: int, derivatives: tuple[int, int], x1: TensorLike, x2: TensorLike) -> Tensor:
    a, b = float_pair(x1, x2)
    y = binary_array(op, a.data, b.data, broadcast_shape(name, a, b))

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        return (
            binary_gradient(derivatives[0], a, b, dy, a) if a.requires_grad else None,
            binary_gradient(derivatives[1], a, b, dy, b) if b.requires_grad else None,
        )

    return record(name, y, (a, b), gradient)


def arctan2(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The angle in [-pi, pi] of the point with ordinate x1 and abscissa x2.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.arctan2([1.0, 0.0], [1.0, -1.0]).numpy()
    array([0.7853982, 3.1415927], dtype=float32)
    """
    return _function_of_two("arctan2", ARCTAN2, (ARCTAN2_A, ARCTAN2_B), x1, x2)


def hypot(x1: TensorLike, x2: TensorLike) -> Tensor:
    """sqrt(x1^2 + x2^2) without overflow in between.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.hypot([3.0], 4.0).numpy()
    array([5.], dtype=float32)
    """
    return _function_of_two("hypot", HYPOT, (HYPOT_A, HYPOT_B), x1, x2)


def logaddexp(x1: TensorLike, x2: TensorLike) -> Tensor:
    """log(exp(x1) + exp(x2)) without overflow.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.logaddexp([100.0], 0.0).numpy()
    array([100.], dtype=float32)
    """
    return _function_of_two("logaddexp", LOGADDEXP, (LOGADDEXP_A, LOGADDEXP_B), x1, x2)


def logaddexp2(x1: TensorLike, x2: TensorLike) -> Tensor:
    """log2(2^x1 + 2^x2) without overflow.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.logaddexp2([3.0], 3.0).numpy()
    array([4.], dtype=float32)
    """
    a, b = float_pair(x1, x2)
    log2 = math.log(2)
    return divide(logaddexp(multiply(a, log2), multiply(b, log2)), log2)


def nextafter(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The float next to x1 towards x2; without gradient.

    Examples
    --------
    >>> from fastnn import ops
    >>> (ops.nextafter([1.0], 2.0) - 1.0).numpy()
    array([1.1920929e-07], dtype=float32)
    """
    a, b = float_pair(x1, x2)
    return Tensor.wrap(binary_array(NEXTAFTER, a.data, b.data, broadcast_shape("nextafter", a, b)))


# ---- combinations of the above ------------------------------------------------------------------------------------


def divide_no_nan(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 / x2, 0 where x2 is 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.divide_no_nan([1.0, 2.0], [0.0, 4.0]).numpy()
    array([0. , 0.5], dtype=float32)
    """
    a, b = float_pair(x1, x2)
    none = ops.equal(b, 0)
    return ops.where(none, 0.0, divide(a, ops.where(none, 1.0, b)))


def fmax(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The larger of two elements; where one is NaN, the other.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.fmax([1.0, float("nan")], [3.0, 2.0]).numpy()
    array([3., 2.], dtype=float32)
    """
    a, b = pair(x1, x2)
    if a.dtype.kind != "f":
        return maximum(a, b)
    return maximum(ops.where(ops.isnan(a), b, a), ops.where(ops.isnan(b), a, b))


def fmin(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The smaller of two elements; where one is NaN, the other.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.fmin([1.0, float("nan")], [3.0, 2.0]).numpy()
    array([1., 2.], dtype=float32)
    """
    a, b = pair(x1, x2)
    if a.dtype.kind != "f":
        return minimum(a, b)
    return minimum(ops.where(ops.isnan(a), b, a), ops.where(ops.isnan(b), a, b))


def heaviside(x1: TensorLike, x2: TensorLike) -> Tensor:
    """0 below 0, 1 above, x2 at 0; NaN for NaN.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.heaviside([-1.0, 0.0, 2.0], 0.5).numpy()
    array([0. , 0.5, 1. ], dtype=float32)
    """
    a, b = float_pair(x1, x2)
    return ops.where(ops.equal(a, 0), b, ops.where(ops.isnan(a), a, ops.step(a)))


def ldexp(x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 * 2^x2 for integers x2.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.ldexp([0.75, 3.0], [3, -1]).numpy()
    array([6. , 1.5], dtype=float32)
    """
    exponent = as_tensor(x2)
    if exponent.dtype.kind not in "iu":
        raise errors.type_error("ops.ldexp", "x2", "integers", exponent.data)
    x = as_float(x1)
    return multiply(x, ops.exp2(ops.cast(exponent, x.dtype)))
