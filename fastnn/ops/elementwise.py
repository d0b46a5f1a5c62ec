"""Elementwise operations with NumPy's broadcasting: arithmetic, comparisons, selection, casts, simple activations.

Number types: Python scalars take the other operand's type, a float scalar beside integers gives `floatx`. Any float
beside integers decides the result's type; float32 with float64 gives float64. Integers keep to NumPy's rules among
themselves and wrap around; in operations that only make sense for floats they become `floatx`.
"""

from __future__ import annotations

import functools
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from fastnn import config, errors
from fastnn._core import empty, launch, zeros
from fastnn.autograd import (
    Array,
    Tensor,
    TensorLike,
    as_float,
    as_tensor,
    contiguous,
    dense,
    grad_buffer,
    record,
)
from fastnn.ops.axes import sum_to_shape

DType: TypeAlias = np.dtype[Any]

# Op codes, as the enums of csrc/elementwise.c have them.
NEGATIVE, ABSOLUTE, SIGN, SQUARE, SQRT, RSQRT, RECIPROCAL, EXP, EXPM1, LOG, LOG1P = range(11)
TANH, SIGMOID, RELU, LEAKY_RELU, STEP, FLOOR, CEIL, ROUND, CLIP = range(11, 20)
ISFINITE, ISNAN, ISINF = range(3)
ADD, SUBTRACT, MULTIPLY, DIVIDE, MAXIMUM, MINIMUM, POWER = range(7)
DIVIDE_B, MAXIMUM_A, MAXIMUM_B, MINIMUM_A, MINIMUM_B, POWER_A, POWER_B = range(7)
EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, AND, OR, XOR = range(9)
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


def to_dtype(x: Tensor, dtype: DType) -> Tensor:
    """The tensor in a number type, itself if it has it."""
    return x if x.data.dtype == dtype else _cast(x, dtype)


# ---- broadcasting -------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=4096)
def collapse(shape: tuple[int, ...], *inputs: tuple[tuple[int, ...], tuple[int, ...], int]) -> dict[str, int] | None:
    """The kernels' axes n0, n1, n2 and a stride per axis and input (``as0`` ...; named c, a, b from the last).

    Neighbouring axes that every input walks with one stride become one. None if more than three axes are left, or a
    stride is negative or no whole number of elements.

    Parameters
    ----------
    shape : tuple of int
        The output's; every input broadcasts to it.
    *inputs : (shape, strides, itemsize)
        Strides in bytes.

    Examples
    --------
    >>> collapse((2, 3, 4), ((2, 3, 4), (48, 16, 4), 4), ((4,), (4,), 4))["n1"]
    6
    """
    axes: list[list[int]] = []  # [extent, stride of each input]
    for axis, extent in enumerate(shape):
        if extent == 1:
            continue
        steps = []
        for in_shape, strides, itemsize in inputs:
            place = axis - len(shape) + len(in_shape)
            step = strides[place] if place >= 0 and in_shape[place] != 1 else 0
            if step < 0 or step % itemsize:
                return None
            steps.append(step // itemsize)
        if axes and all(before == step * extent for before, step in zip(axes[-1][1:], steps, strict=True)):
            axes[-1] = [axes[-1][0] * extent, *steps]
        else:
            axes.append([extent, *steps])
    if len(axes) > 3:
        return None
    axes = [[1] + [0] * len(inputs)] * (3 - len(axes)) + axes
    names = ["n", "cs", "as", "bs"] if len(inputs) == 3 else ["n", "as", "bs"]
    return {f"{name}{number}": axis[column] for column, name in enumerate(names) for number, axis in enumerate(axes)}


_broadcast_shapes = functools.lru_cache(maxsize=1024)(np.broadcast_shapes)


def broadcast_shape(who: str, *tensors: Tensor) -> tuple[int, ...]:
    """The shape that the tensors broadcast to."""
    first = tensors[0].data.shape
    for x in tensors:
        if x.data.shape != first:
            break
    else:
        return first
    try:
        return _broadcast_shapes(*[x.data.shape for x in tensors])
    except ValueError:
        shapes = " and ".join(str(x.shape) for x in tensors)
        raise errors.value_error(
            f"ops.{who}", "the shapes", "equal, or 1, axis by axis from the last", errors.Shown(shapes),
            "Insert axes of one element with reshape or expand_dims.",
        ) from None


def over(shape: tuple[int, ...], *arrays: Array) -> tuple[dict[str, int], tuple[Array, ...]]:
    """Kernel axes for reading the arrays over ``shape``, and the arrays, copied where they lie too irregularly."""
    plan = collapse(shape, *[(x.shape, x.strides, x.itemsize) for x in arrays])
    if plan is not None:
        return plan, arrays
    return over(shape, *[contiguous(np.broadcast_to(x, shape)) for x in arrays])  # dense arrays have one axis


def binary_array(op: int, a: Array, b: Array, shape: tuple[int, ...], out: Array | None = None) -> Array:
    """One of ADD ... POWER on arrays of one dtype."""
    if a.dtype.kind != "f":
        return int_binary_array(op, a, b, shape)
    y = empty(shape, a.dtype) if out is None else out
    plan, (a, b) = over(shape, a, b)
    launch("binary_fwd", y.dtype, a=a, b=b, y=y, op=op, **plan)
    return y


def int_binary_array(op: int, a: Array, b: Array, shape: tuple[int, ...]) -> Array:
    """The same on integers, modulo the range of their type; booleans become int32."""
    dtype = INT32 if a.dtype == BOOL else a.dtype
    y = empty(shape, INT64)
    plan, (a, b) = over(shape, cast_array(a, INT64), cast_array(b, INT64))
    launch("int_binary", FLOAT64, a=a, b=b, y=y, op=op, flip=-(2**63) if dtype == UINT64 else 0, **plan)
    return cast_array(y, dtype)


def compare_array(op: int, a: Array, b: Array, shape: tuple[int, ...]) -> Array:
    """One of EQUAL ... XOR on arrays of one dtype, as bool."""
    y = empty(shape, BOOL)
    if a.dtype.kind == "f":
        plan, (a, b) = over(shape, a, b)
        launch("compare", a.dtype, a=a, b=b, y=y, op=op, **plan)
    else:
        flip = -(2**63) if a.dtype == UINT64 else 0
        plan, (a, b) = over(shape, cast_array(a, INT64), cast_array(b, INT64))
        launch("int_compare", FLOAT64, a=a, b=b, y=y, op=op, flip=flip, **plan)
    return y


def binary_gradient(op: int, a: Tensor, b: Tensor, dy: Array, target: Tensor) -> Array:
    """dy times a partial derivative of f(a, b), summed to the shape of ``target``, which is a or b."""
    d = grad_buffer(target) if target.shape == dy.shape else empty(dy.shape, dy.dtype)
    plan, (x, y) = over(dy.shape, a.data, b.data)
    launch("binary_bwd", dy.dtype, a=x, b=y, dy=dy, d=d, op=op, **plan)
    return sum_to_shape(d, target.shape)


def product_gradient(op: int, dy: Array, other: Tensor, target: Tensor) -> Array:
    """dy times or divided by ``other``, summed to the shape of ``target``."""
    out = grad_buffer(target) if target.shape == dy.shape else None
    return sum_to_shape(binary_array(op, dy, other.data, dy.shape, out), target.shape)


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


# ---- arithmetic ---------------------------------------------------------------------------------------------------


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


# ---- functions of one element -------------------------------------------------------------------------------------


def _map(name: str, op: int, x: TensorLike, derivative_from: str = "", alpha: float = 0.0, beta: float = 0.0) -> Tensor:
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
        return subtract(constant(0, x.dtype), x)
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
    return _map("absolute", ABSOLUTE, x, "x") if x.dtype.kind == "f" else maximum(x, negative(x))


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
        return _map("sign", SIGN, x)
    return subtract(cast(greater(x, 0), x.dtype), cast(less(x, 0), x.dtype))


def square(x: TensorLike) -> Tensor:
    """x * x.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.square([3.0, -2.0]).numpy()
    array([9., 4.], dtype=float32)
    """
    x = as_tensor(x)
    return _map("square", SQUARE, x, "x") if x.dtype.kind == "f" else multiply(x, x)


def sqrt(x: TensorLike) -> Tensor:
    """Square root; NaN below 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.sqrt([4.0, 9.0]).numpy()
    array([2., 3.], dtype=float32)
    """
    return _map("sqrt", SQRT, x, "y")


def rsqrt(x: TensorLike) -> Tensor:
    """1 / sqrt(x).

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.rsqrt([4.0]).numpy()
    array([0.5], dtype=float32)
    """
    return _map("rsqrt", RSQRT, x, "y")


def reciprocal(x: TensorLike) -> Tensor:
    """1 / x.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.reciprocal([4.0]).numpy()
    array([0.25], dtype=float32)
    """
    return _map("reciprocal", RECIPROCAL, x, "y")


def exp(x: TensorLike) -> Tensor:
    """e to the power x.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.exp([0.0, 1.0]).numpy()
    array([1.       , 2.7182817], dtype=float32)
    """
    return _map("exp", EXP, x, "y")


def expm1(x: TensorLike) -> Tensor:
    """exp(x) - 1, exact for small x.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.expm1([1e-10]).numpy()
    array([1.e-10], dtype=float32)
    """
    return _map("expm1", EXPM1, x, "y")


def log(x: TensorLike) -> Tensor:
    """Natural logarithm; -inf at 0, NaN below.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.log([1.0, 2.0]).numpy()
    array([0.       , 0.6931472], dtype=float32)
    """
    return _map("log", LOG, x, "x")


def log1p(x: TensorLike) -> Tensor:
    """log(1 + x), exact for small x.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.log1p([1e-10]).numpy()
    array([1.e-10], dtype=float32)
    """
    return _map("log1p", LOG1P, x, "x")


def tanh(x: TensorLike) -> Tensor:
    """Hyperbolic tangent.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.tanh([0.0, 100.0]).numpy()
    array([0., 1.], dtype=float32)
    """
    return _map("tanh", TANH, x, "y")


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
    y = _map("sigmoid", SIGMOID, x, "y")
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
    return _map("relu", RELU, x, "y")


def leaky_relu(x: TensorLike, negative_slope: float = 0.2) -> Tensor:
    """x above 0, ``negative_slope * x`` elsewhere. Its derivative at 0 is the slope.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.leaky_relu([-1.0, 2.0]).numpy()
    array([-0.2,  2. ], dtype=float32)
    """
    return _map("leaky_relu", LEAKY_RELU, x, "x", alpha=float(negative_slope))


def step(x: TensorLike) -> Tensor:
    """1 above 0, else 0 (also for NaN). Its derivative is 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.step([-1.0, 0.0, 2.0]).numpy()
    array([0., 0., 1.], dtype=float32)
    """
    return _map("step", STEP, x)


def floor(x: TensorLike) -> Tensor:
    """The largest whole number not above x. Its derivative is 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.floor([-1.5, 2.5]).numpy()
    array([-2.,  2.], dtype=float32)
    """
    return _map("floor", FLOOR, x)


def ceil(x: TensorLike) -> Tensor:
    """The smallest whole number not below x. Its derivative is 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.ceil([-1.5, 2.5]).numpy()
    array([-1.,  3.], dtype=float32)
    """
    return _map("ceil", CEIL, x)


def round(x: TensorLike, decimals: int = 0) -> Tensor:
    """The nearest number of ``decimals`` digits after the point, ties to even. Its derivative is 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.round([0.5, 1.5, 2.6]).numpy()
    array([0., 2., 3.], dtype=float32)
    """
    if not decimals:
        return _map("round", ROUND, x)
    scale = 10.0**decimals
    return divide(_map("round", ROUND, multiply(as_float(x), scale)), scale)


def clip(x: TensorLike, x_min: TensorLike, x_max: TensorLike) -> Tensor:
    """x, but x_min where it is below and x_max where it is above; NaN stays. Its derivative at the bounds is 1.

    Bounds may be arrays that broadcast; then equal elements share the gradient with them in halves.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.clip([-1.0, 0.5, 3.0], 0.0, 1.0).numpy()
    array([0. , 0.5, 1. ], dtype=float32)
    """
    x = as_tensor(x)
    if x.dtype.kind == "f" and type(x_min) in WEAK and type(x_max) in WEAK:
        return _map("clip", CLIP, x, "x", alpha=float(x_min), beta=float(x_max))  # type: ignore[arg-type]
    return minimum(maximum(x, x_min), x_max)


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


def where(condition: TensorLike, x1: TensorLike, x2: TensorLike) -> Tensor:
    """x1 where the condition is True (or not 0), else x2.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.where([True, False], [1.0, 2.0], 0.0).numpy()
    array([1., 0.], dtype=float32)
    """
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
