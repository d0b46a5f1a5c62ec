"""Kernels over two or three operands that broadcast: which axes they walk, and the launches that ops share."""

from __future__ import annotations

import functools

import numpy as np

from fastnn import errors
from fastnn._core import empty, launch
from fastnn.autograd import Array, Tensor, contiguous, grad_buffer
from fastnn.ops.axes import sum_to_shape
from fastnn.ops.dtypes import BOOL, FLOAT64, INT32, INT64, UINT64, cast_array

# Op codes, as the enums of csrc/elementwise.c have them.
ADD, SUBTRACT, MULTIPLY, DIVIDE, MAXIMUM, MINIMUM, POWER = range(7)
MOD, FMOD, ARCTAN2, HYPOT, LOGADDEXP, NEXTAFTER = range(7, 13)
INT_FLOOR_DIVIDE, INT_MOD, INT_FMOD, INT_AND, INT_OR, INT_XOR, LEFT_SHIFT, RIGHT_SHIFT, GCD, LCM = range(7, 17)
DIVIDE_B, MAXIMUM_A, MAXIMUM_B, MINIMUM_A, MINIMUM_B, POWER_A, POWER_B = range(7)
MOD_B, FMOD_B, ARCTAN2_A, ARCTAN2_B, HYPOT_A, HYPOT_B, LOGADDEXP_A, LOGADDEXP_B = range(7, 15)
EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, AND, OR, XOR = range(9)

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
