"""Arithmetic of two operands with NumPy's broadcasting."""

from __future__ import annotations

from fastnn._core import launch
from fastnn.autograd import Array, Tensor, TensorLike, grad_buffer, record
from fastnn.ops.axes import sum_to_shape
from fastnn.ops.broadcast import (
    ADD,
    DIVIDE,
    DIVIDE_B,
    MAXIMUM,
    MAXIMUM_A,
    MAXIMUM_B,
    MINIMUM,
    MINIMUM_A,
    MINIMUM_B,
    MULTIPLY,
    POWER,
    POWER_A,
    POWER_B,
    SUBTRACT,
    binary_array,
    binary_gradient,
    broadcast_shape,
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

    A negative exponent of an integer gives the fraction's integer part. In float64 the C library's pow computes, so
    the last bit may differ between systems. d/dx1 is 0 where x2 is 0; d/dx2 is 0 where x1 is 0 and x2 above it.

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
    """The larger of two elements; NaN if either is NaN. Equal elements share the gradient in halves.

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
    """The smaller of two elements; NaN if either is NaN. Equal elements share the gradient in halves.

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
