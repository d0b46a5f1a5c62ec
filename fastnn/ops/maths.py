"""Functions of one element: y = f(x), with the derivative's kernel beside it."""

from __future__ import annotations

import math

import numpy as np

import fastnn.ops as ops  # for integers' arithmetic, looked up when used: arithmetic builds on this module
from fastnn._core import empty, launch, zeros
from fastnn.autograd import Array, Tensor, TensorLike, as_float, as_tensor, dense, grad_buffer, record
from fastnn.ops.dtypes import WEAK, constant

# Op codes, as the enum of csrc/elementwise.c has them.
NEGATIVE, ABSOLUTE, SIGN, SQUARE, SQRT, RSQRT, RECIPROCAL, EXP, EXPM1, LOG, LOG1P = range(11)
TANH, SIGMOID, RELU, LEAKY_RELU, STEP, FLOOR, CEIL, ROUND, CLIP = range(11, 20)
EXP2, LOG2, LOG10, CBRT, ERFC, ERFINV, TRUNC = range(31, 38)


def function_of(
    name: str, op: int, x: TensorLike, derivative_from: str = "", alpha: float = 0.0, beta: float = 0.0
) -> Tensor:
    """y = f(x). The gradient reads "x" or "y"; where neither is named, it is 0 everywhere."""
    x = as_float(x)
    source = dense(x)
    y = empty(x.shape, x.dtype)
    launch("unary_fwd", x.dtype, x=source, y=y, n=y.size, op=op, alpha=alpha, beta=beta)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        if not derivative_from:
            return (zeros(x.shape, x.dtype),)
        dx = grad_buffer(x)
        launch(
            "unary_bwd", x.dtype, x=source if derivative_from == "x" else None, y=y if derivative_from == "y" else None,
            dy=dy, dx=dx, n=dx.size, op=op, alpha=alpha, beta=beta,
        )
        return (dx,)

    return record(name, y, (x,), gradient)


def negative(x: TensorLike) -> Tensor:
    """-x.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.negative([1.0, -2.0]).numpy()
    array([-1.,  2.], dtype=float32)
    """
    x = as_tensor(x)
    if x.dtype.kind != "f":
        return ops.subtract(constant(0, x.dtype), x)
    y = empty(x.shape, x.dtype)
    launch("unary_fwd", x.dtype, x=dense(x), y=y, n=y.size, op=NEGATIVE, alpha=0.0, beta=0.0)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x)
        launch("unary_fwd", x.dtype, x=dy, y=dx, n=dx.size, op=NEGATIVE, alpha=0.0, beta=0.0)
        return (dx,)

    return record("negative", y, (x,), gradient)


def absolute(x: TensorLike) -> Tensor:
    """The magnitude. Its derivative at 0 is 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.absolute([-1.5, 2.0]).numpy()
    array([1.5, 2. ], dtype=float32)
    """
    x = as_tensor(x)
    if x.dtype.kind in "bu":
        return x
    return function_of("absolute", ABSOLUTE, x, "x") if x.dtype.kind == "f" else ops.maximum(x, negative(x))


def abs(x: TensorLike) -> Tensor:
    """The same as `absolute`.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.abs([-3.0]).numpy()
    array([3.], dtype=float32)
    """
    return absolute(x)


def sign(x: TensorLike) -> Tensor:
    """-1, 0 or 1. Its derivative is 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.sign([-2.0, 0.0, 5.0]).numpy()
    array([-1.,  0.,  1.], dtype=float32)
    """
    x = as_tensor(x)
    if x.dtype.kind == "f":
        return function_of("sign", SIGN, x)
    return ops.subtract(ops.cast(ops.greater(x, 0), x.dtype), ops.cast(ops.less(x, 0), x.dtype))


def square(x: TensorLike) -> Tensor:
    """x * x.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.square([3.0, -2.0]).numpy()
    array([9., 4.], dtype=float32)
    """
    x = as_tensor(x)
    return function_of("square", SQUARE, x, "x") if x.dtype.kind == "f" else ops.multiply(x, x)


def sqrt(x: TensorLike) -> Tensor:
    """Square root; NaN below 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.sqrt([4.0, 9.0]).numpy()
    array([2., 3.], dtype=float32)
    """
    return function_of("sqrt", SQRT, x, "y")


def rsqrt(x: TensorLike) -> Tensor:
    """1 / sqrt(x).

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.rsqrt([4.0]).numpy()
    array([0.5], dtype=float32)
    """
    return function_of("rsqrt", RSQRT, x, "y")


def reciprocal(x: TensorLike) -> Tensor:
    """1 / x.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.reciprocal([4.0]).numpy()
    array([0.25], dtype=float32)
    """
    return function_of("reciprocal", RECIPROCAL, x, "y")


def exp(x: TensorLike) -> Tensor:
    """e to the power x.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.exp([0.0, 1.0]).numpy()
    array([1.       , 2.7182817], dtype=float32)
    """
    return function_of("exp", EXP, x, "y")


def expm1(x: TensorLike) -> Tensor:
    """exp(x) - 1, exact for small x.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.expm1([1e-10]).numpy()
    array([1.e-10], dtype=float32)
    """
    return function_of("expm1", EXPM1, x, "y")


def log(x: TensorLike) -> Tensor:
    """Natural logarithm; -inf at 0, NaN below.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.log([1.0, 2.0]).numpy()
    array([0.       , 0.6931472], dtype=float32)
    """
    return function_of("log", LOG, x, "x")


def log1p(x: TensorLike) -> Tensor:
    """log(1 + x), exact for small x.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.log1p([1e-10]).numpy()
    array([1.e-10], dtype=float32)
    """
    return function_of("log1p", LOG1P, x, "x")


def tanh(x: TensorLike) -> Tensor:
    """Hyperbolic tangent.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.tanh([0.0, 100.0]).numpy()
    array([0., 1.], dtype=float32)
    """
    return function_of("tanh", TANH, x, "y")


def sigmoid(x: TensorLike) -> Tensor:
    """1 / (1 + exp(-x)), without overflow.

    A loss that is given the result computes from ``x`` itself, as if it had been called with ``from_logits=True``.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.sigmoid([0.0, -1000.0]).numpy()
    array([0.5, 0. ], dtype=float32)
    """
    x = as_float(x)
    y = function_of("sigmoid", SIGMOID, x, "y")
    y._logits = ("sigmoid", x)
    return y


def relu(x: TensorLike) -> Tensor:
    """max(0, x). Its derivative at 0 is 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.relu([-1.0, 2.0]).numpy()
    array([0., 2.], dtype=float32)
    """
    return function_of("relu", RELU, x, "y")


def leaky_relu(x: TensorLike, negative_slope: float = 0.2) -> Tensor:
    """x above 0, ``negative_slope * x`` elsewhere. Its derivative at 0 is the slope.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.leaky_relu([-1.0, 2.0]).numpy()
    array([-0.2,  2. ], dtype=float32)
    """
    return function_of("leaky_relu", LEAKY_RELU, x, "x", alpha=float(negative_slope))


def step(x: TensorLike) -> Tensor:
    """1 above 0, else 0 (also for NaN). Its derivative is 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.step([-1.0, 0.0, 2.0]).numpy()
    array([0., 0., 1.], dtype=float32)
    """
    return function_of("step", STEP, x)


def floor(x: TensorLike) -> Tensor:
    """The largest whole number not above x. Its derivative is 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.floor([-1.5, 2.5]).numpy()
    array([-2.,  2.], dtype=float32)
    """
    return function_of("floor", FLOOR, x)


def ceil(x: TensorLike) -> Tensor:
    """The smallest whole number not below x. Its derivative is 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.ceil([-1.5, 2.5]).numpy()
    array([-1.,  3.], dtype=float32)
    """
    return function_of("ceil", CEIL, x)


def round(x: TensorLike, decimals: int = 0) -> Tensor:
    """The nearest number of ``decimals`` digits after the point, ties to even; integers stay. Its derivative is 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.round([0.5, 1.5, 2.6]).numpy()
    array([0., 2., 3.], dtype=float32)
    """
    x = as_tensor(x)
    if x.dtype.kind != "f" and decimals >= 0:
        return x
    if not decimals:
        return function_of("round", ROUND, x)
    scale = 10.0**decimals
    return ops.divide(function_of("round", ROUND, ops.multiply(as_float(x), scale)), scale)


def clip(x: TensorLike, x_min: TensorLike, x_max: TensorLike) -> Tensor:
    """x, but x_min where it is below and x_max where it is above; NaN stays. Its derivative at the bounds is 1.

    Bounds may be arrays that broadcast.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.clip([-1.0, 0.5, 3.0], 0.0, 1.0).numpy()
    array([0. , 0.5, 1. ], dtype=float32)
    """
    x = as_tensor(x)
    if x.dtype.kind == "f" and type(x_min) in WEAK and type(x_max) in WEAK:
        return function_of("clip", CLIP, x, "x", alpha=float(x_min), beta=float(x_max))  # type: ignore[arg-type]
    return ops.minimum(ops.maximum(x, x_min), x_max)


def exp2(x: TensorLike) -> Tensor:
    """2 to the power x.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.exp2([0.0, 3.0]).numpy()
    array([1., 8.], dtype=float32)
    """
    return function_of("exp2", EXP2, x, "y")


def log2(x: TensorLike) -> Tensor:
    """Logarithm to base 2; -inf at 0, NaN below.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.log2([1.0, 8.0]).numpy()
    array([0., 3.], dtype=float32)
    """
    return function_of("log2", LOG2, x, "x")


def log10(x: TensorLike) -> Tensor:
    """Logarithm to base 10; -inf at 0, NaN below.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.log10([1.0, 100.0]).numpy()
    array([0., 2.], dtype=float32)
    """
    return function_of("log10", LOG10, x, "x")


def cbrt(x: TensorLike) -> Tensor:
    """Cube root, of the sign of x.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.cbrt([27.0, -8.0]).numpy()
    array([ 3., -2.], dtype=float32)
    """
    return function_of("cbrt", CBRT, x, "y")


def erfc(x: TensorLike) -> Tensor:
    """1 - erf(x), exact where that is small.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.erfc([0.0, 1.0]).numpy()
    array([1.       , 0.1572992], dtype=float32)
    """
    return function_of("erfc", ERFC, x, "x")


def erfinv(x: TensorLike) -> Tensor:
    """The number that has this value of `erf`; infinite at -1 and 1, NaN beyond.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.erfinv([0.0, 0.5]).numpy()
    array([0.        , 0.47693628], dtype=float32)
    """
    return function_of("erfinv", ERFINV, x, "y")


def trunc(x: TensorLike) -> Tensor:
    """The whole number next to x towards 0; integers stay as they are. Its derivative is 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.trunc([-1.5, 2.5]).numpy()
    array([-1.,  2.], dtype=float32)
    """
    x = as_tensor(x)
    return function_of("trunc", TRUNC, x) if x.dtype.kind == "f" else x


def fabs(x: TensorLike) -> Tensor:
    """The magnitude, a float also for integers.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.fabs([-3, 2]).numpy()
    array([3., 2.], dtype=float32)
    """
    return absolute(as_float(x))


def nan_to_num(
    x: TensorLike, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """x with other numbers for NaN and the infinities: by default the largest and least of x's type.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.nan_to_num([float("nan"), float("inf"), 1.0], posinf=9.0).numpy()
    array([0., 9., 1.], dtype=float32)
    """
    x = as_tensor(x)
    if x.dtype.kind != "f":
        return x
    most = float(np.finfo(x.dtype).max)
    x = ops.where(ops.isnan(x), float(nan), x)
    x = ops.where(ops.equal(x, math.inf), most if posinf is None else float(posinf), x)
    return ops.where(ops.equal(x, -math.inf), -most if neginf is None else float(neginf), x)
