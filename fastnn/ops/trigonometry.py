"""Trigonometric and hyperbolic functions and their inverses; errors: csrc/vtrig.h, csrc/vhyperbolic.h."""

from __future__ import annotations

import math

import fastnn.ops as ops  # for arithmetic and selection, looked up when used
from fastnn.autograd import Tensor, TensorLike, as_float
from fastnn.ops.maths import function_of

# Op codes, as the enum of csrc/elementwise.c has them.
SIN, COS, TAN, ARCSIN, ARCCOS, ARCTAN, SINH, COSH, ARCSINH, ARCCOSH, ARCTANH = range(20, 31)


def sin(x: TensorLike) -> Tensor:
    """Sine of an angle in radians.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.sin([0.0, 0.5]).numpy()
    array([0.        , 0.47942555], dtype=float32)
    """
    return function_of("sin", SIN, x, "x")


def cos(x: TensorLike) -> Tensor:
    """Cosine of an angle in radians.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.cos([0.0, 1.0]).numpy()
    array([1.       , 0.5403023], dtype=float32)
    """
    return function_of("cos", COS, x, "x")


def tan(x: TensorLike) -> Tensor:
    """Tangent of an angle in radians.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.tan([0.0, 1.0]).numpy()
    array([0.       , 1.5574077], dtype=float32)
    """
    return function_of("tan", TAN, x, "y")


def arcsin(x: TensorLike) -> Tensor:
    """The angle in [-pi/2, pi/2] that has this sine; NaN outside [-1, 1].

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.arcsin([0.5, 1.0]).numpy()
    array([0.5235988, 1.5707964], dtype=float32)
    """
    return function_of("arcsin", ARCSIN, x, "x")


def arccos(x: TensorLike) -> Tensor:
    """The angle in [0, pi] that has this cosine; NaN outside [-1, 1].

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.arccos([0.5, 1.0]).numpy()
    array([1.0471976, 0.       ], dtype=float32)
    """
    return function_of("arccos", ARCCOS, x, "x")


def arctan(x: TensorLike) -> Tensor:
    """The angle in (-pi/2, pi/2) that has this tangent.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.arctan([0.0, 1.0]).numpy()
    array([0.       , 0.7853982], dtype=float32)
    """
    return function_of("arctan", ARCTAN, x, "x")


def sinh(x: TensorLike) -> Tensor:
    """Hyperbolic sine, (exp(x) - exp(-x)) / 2.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.sinh([0.0, 1.0]).numpy()
    array([0.       , 1.1752012], dtype=float32)
    """
    return function_of("sinh", SINH, x, "x")


def cosh(x: TensorLike) -> Tensor:
    """Hyperbolic cosine, (exp(x) + exp(-x)) / 2.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.cosh([0.0, 2.0]).numpy()
    array([1.       , 3.7621956], dtype=float32)
    """
    return function_of("cosh", COSH, x, "x")


def arcsinh(x: TensorLike) -> Tensor:
    """The number that has this hyperbolic sine, log(x + sqrt(x^2 + 1)).

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.arcsinh([0.0, 1.0]).numpy()
    array([0.       , 0.8813736], dtype=float32)
    """
    return function_of("arcsinh", ARCSINH, x, "x")


def arccosh(x: TensorLike) -> Tensor:
    """The number of at least 0 that has this hyperbolic cosine; NaN below 1.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.arccosh([1.0, 3.0]).numpy()
    array([0.       , 1.7627472], dtype=float32)
    """
    return function_of("arccosh", ARCCOSH, x, "x")


def arctanh(x: TensorLike) -> Tensor:
    """The number that has this hyperbolic tangent, log((1 + x) / (1 - x)) / 2; NaN outside [-1, 1].

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.arctanh([0.0, 0.5]).numpy()
    array([0.        , 0.54930615], dtype=float32)
    """
    return function_of("arctanh", ARCTANH, x, "x")


def deg2rad(x: TensorLike) -> Tensor:
    """Degrees as radians, x pi / 180.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.deg2rad([180.0]).numpy()
    array([3.1415927], dtype=float32)
    """
    return ops.multiply(as_float(x), math.pi / 180)


def rad2deg(x: TensorLike) -> Tensor:
    """Radians as degrees, 180 x / pi.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.rad2deg([1.0]).numpy()
    array([57.29578], dtype=float32)
    """
    return ops.multiply(as_float(x), 180 / math.pi)


def sinc(x: TensorLike) -> Tensor:
    """sin(pi x) / (pi x), 1 at 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.sinc([0.0, 0.5]).numpy()
    array([1.        , 0.63661975], dtype=float32)
    """
    angle = ops.multiply(as_float(x), math.pi)
    is_zero = ops.equal(angle, 0)
    angle = ops.where(is_zero, 1.0, angle)  # so that the branch that is not taken has a finite gradient
    return ops.where(is_zero, 1.0, ops.divide(sin(angle), angle))
