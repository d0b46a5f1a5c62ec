"""Matrix products: `matmul`, `dot`, and `linear`, a dense layer's product with bias and activation.

All of them are launches of the kernel ``gemm``, which takes operands of any strides: a transposed matrix is a view
with its strides exchanged, so the gradients below read the forward operands where they lie.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

import fastnn  # for cast, multiply and transpose, other families of ops
from fastnn import errors
from fastnn._core import empty, launch
from fastnn.autograd import (
    Array,
    Tensor,
    TensorLike,
    as_tensor,
    contiguous,
    dense,
    grad_buffer,
    record,
)
from fastnn.ops.dtypes import pair, same_dtype
from fastnn.ops.fused import LINEAR, Fusion, behind_activation, check_fusion


def matmul(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Matrix product, with NumPy's rules for vectors and stacks of matrices.

    y[..., i, j] = sum_p x1[..., i, p] * x2[..., p, j]

    Parameters
    ----------
    x1 : array_like, shape (..., m, k) or (k,)
    x2 : array_like, shape (..., k, n) or (k,)
        The leading axes are broadcast. A vector is a row on the left and a column on the right; its axis does not
        appear in the result.

    Returns
    -------
    Tensor, shape (..., m, n)

    Raises
    ------
    ValueError
        If the sizes k differ, an operand has no axes, or the leading axes do not broadcast.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.ops.matmul([[1.0, 2.0], [3.0, 4.0]], [[1.0], [10.0]]).numpy()
    array([[21.],
           [43.]], dtype=float32)
    """
    if (integers := _integers(x1, x2)) is not None:
        return _of_integers(matmul, *integers)
    a, b = same_dtype(x1, x2)
    for argument, x in (("x1", a), ("x2", b)):
        if not x.ndim:
            raise errors.value_error("matmul", argument, "at least 1-dimensional", x.data, "Use multiply for scalars.")
    left = a.data[np.newaxis] if a.ndim == 1 else a.data
    right = b.data[:, np.newaxis] if b.ndim == 1 else b.data
    if left.shape[-1] != right.shape[-2]:
        axis = "only" if b.ndim == 1 else "second-to-last"
        rule = f"of size {left.shape[-1]} along its {axis} axis, the size of x1's last"
        raise errors.value_error("matmul", "x2", rule, b.data)
    try:
        batch = () if left.ndim == right.ndim == 2 else np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    except ValueError:
        rule = f"broadcastable with x1 (shape {a.shape}) along the leading axes"
        raise errors.value_error("matmul", "x2", rule, b.data) from None
    y = empty((*batch, left.shape[-2], right.shape[-1]), a.dtype)
    multiply_into(y, left, right)
    shape = (*batch, *left.shape[-2:-1] * (a.ndim > 1), *right.shape[-1:] * (b.ndim > 1))

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dy = dy.reshape(y.shape)
        da = db = None
        if a.requires_grad:
            da = grad_buffer(a)
            multiply_into(da.reshape(left.shape), dy, right.swapaxes(-1, -2))
        if b.requires_grad:
            db = grad_buffer(b)
            multiply_into(db.reshape(right.shape), left.swapaxes(-1, -2), dy)
        return da, db

    return record("matmul", y.reshape(shape), (a, b), gradient)


def dot(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Sum of products over the last axis of ``x1`` and the second-to-last (or only) axis of ``x2``, as `numpy.dot`.

    Parameters
    ----------
    x1, x2 : array_like
        The product of scalars is `multiply`, of vectors the inner product, of matrices `matmul`.

    Returns
    -------
    Tensor
        Of shape x1.shape[:-1] + x2.shape[:-2] + x2.shape[-1:].

    Examples
    --------
    >>> import fastnn
    >>> float(fastnn.ops.dot([1.0, 2.0, 3.0], [1.0, 10.0, 100.0]))
    321.0
    """
    if (integers := _integers(x1, x2)) is not None:
        return _of_integers(dot, *integers)
    a, b = same_dtype(x1, x2)
    if not a.ndim or not b.ndim:
        return fastnn.ops.multiply(a, b)
    if b.ndim <= 2 or a.ndim == 1:
        return matmul(a, b)
    axes = (b.ndim - 2, *range(b.ndim - 2), b.ndim - 1)  # the summed axis first
    columns = fastnn.ops.reshape(fastnn.ops.transpose(b, axes), (b.shape[-2], math.prod(b.shape[:-2]) * b.shape[-1]))
    return fastnn.ops.reshape(matmul(a, columns), (*a.shape[:-1], *b.shape[:-2], b.shape[-1]))


def linear(
    x: TensorLike, kernel: TensorLike, bias: TensorLike | None = None, activation: str | None = None, slope: float = 0.2
) -> Tensor:
    """A dense layer: product, bias and activation in one kernel.

    y[..., j] = activation(bias[j] + sum_i x[..., i] * kernel[i, j])

    Parameters
    ----------
    x : array_like, shape (..., inputs)
    kernel : array_like, shape (inputs, units)
    bias : array_like, shape (units,), optional
    activation : None, "linear", "relu" or "leaky_relu"
    slope : float
        Of leaky_relu below zero, at least 0.

    Returns
    -------
    Tensor, shape (..., units)

    Raises
    ------
    ValueError
        If shapes do not fit, the activation is another one, or the slope is negative or NaN.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.ops.linear([[1.0, 2.0]], [[1.0, -1.0], [1.0, -1.0]], [0.5, 0.5], activation="relu").numpy()
    array([[3.5, 0. ]], dtype=float32)
    """
    fusion = Fusion(activation, slope)
    check_fusion("linear", fusion)
    x, kernel, *rest = same_dtype(x, kernel, *(() if bias is None else (bias,)))
    if kernel.ndim != 2:
        raise errors.value_error("linear", "kernel", "2-dimensional (inputs, units)", kernel.data)
    inputs, units = kernel.shape
    if not x.ndim or x.shape[-1] != inputs:
        raise errors.value_error("linear", "x", f"of size {inputs} along its last axis, as the kernel's first", x.data)
    bias = rest[0] if rest else None
    if bias is not None and bias.shape != (units,):
        raise errors.value_error("linear", "bias", f"of shape ({units},), one per column of the kernel", bias.data)
    rows = x.data if x.ndim == 2 else dense(x).reshape(math.prod(x.shape[:-1]), inputs)
    weights, act, slope = kernel.data, fusion.act, fusion.leak
    y = empty((rows.shape[0], units), x.dtype)
    multiply_into(y, rows, weights, None if bias is None else dense(bias), act, slope)
    parents = (x, kernel) if bias is None else (x, kernel, bias)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = dkernel = None
        dbias = grad_buffer(bias) if bias is not None and bias.requires_grad else None
        dz = behind_activation(dy.reshape(y.shape), y, act, slope, dbias)
        if x.requires_grad:
            dx = grad_buffer(x)
            multiply_into(dx.reshape(rows.shape), dz, weights.T)
        if kernel.requires_grad:
            dkernel = grad_buffer(kernel)
            multiply_into(dkernel, rows.T, dz)
        return (dx, dkernel) if bias is None else (dx, dkernel, dbias)

    return record("linear", y.reshape(*x.shape[:-1], units), parents, gradient)


# ---- from arrays to launches ----------------------------------------------------------------------------------------


def _integers(x1: TensorLike, x2: TensorLike) -> tuple[Tensor, Tensor] | None:
    """Both as tensors of one type if neither is a float."""
    a, b = as_tensor(x1), as_tensor(x2)
    return None if "f" in (a.dtype.kind, b.dtype.kind) else pair(a, b)


def _of_integers(product: Callable[[TensorLike, TensorLike], Tensor], a: Tensor, b: Tensor) -> Tensor:
    """A product of integers, computed in float64 and so exact up to 2^53, in their type; of booleans whether any is."""
    y = fastnn.ops.cast(product(fastnn.ops.cast(a, "float64"), fastnn.ops.cast(b, "float64")), "int64")
    return fastnn.ops.cast(y, a.dtype)


def multiply_into(
    c: Array, a: Array, b: Array, bias: Array | None = None, act: int = LINEAR, slope: float = 0.0
) -> None:
    """c = act(a @ b + bias), or, where c lacks leading axes of the product or has size 1 there, the sum over them.

    The last two axes of a, b and c are the matrices'; c is C-contiguous, a and b have any strides.
    """
    a, b = _addressable(a), _addressable(b)
    if b.ndim == 2 and a.ndim > 2 and a.flags.c_contiguous and c.size == a.size // max(a.shape[-1], 1) * c.shape[-1]:
        a, c = a.reshape(-1, a.shape[-1]), c.reshape(-1, c.shape[-1])  # a stack of rows times one matrix
    if a.ndim == b.ndim == 2:
        _launch_gemm("gemm", c, a, b, bias, act, slope)
        return
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    columns = a.swapaxes(-1, -2)
    if c.ndim == 2 and a.shape[:-2] == b.shape[:-2] and columns.flags.c_contiguous and b.flags.c_contiguous:
        k = math.prod(columns.shape[:-1])  # the sum over a stack is one product with a longer k
        _launch_gemm("gemm", c, columns.reshape(k, a.shape[-2]).T, b.reshape(k, b.shape[-1]), bias, act, slope)
        return
    a, b = (np.broadcast_to(x, batch + x.shape[-2:]) for x in (a, b))
    c = c.reshape((1,) * (len(batch) + 2 - c.ndim) + c.shape)
    summed = [axis for axis, size in enumerate(batch) if c.shape[axis] != size]
    if not summed:
        _launch_stack("gemm", c, a, b, bias, act, slope)
        return
    a, b, c = (np.moveaxis(x, summed, range(len(summed))) for x in (a, b, c))
    c = c[(0,) * len(summed)]
    terms = [batch[axis] for axis in summed]
    if 0 in terms:  # a sum of nothing is a product of nothing
        no_columns, no_rows = (*c.shape[:-1], 0), (*c.shape[:-2], 0, c.shape[-1])
        _launch_stack("gemm", c, empty(no_columns, c.dtype), empty(no_rows, c.dtype), bias, act, slope)
    for place, index in enumerate(np.ndindex(*terms)):
        _launch_stack("gemm_add" if place else "gemm", c, a[index], b[index], bias, act, slope)


def _launch_stack(kernel: str, c: Array, a: Array, b: Array, bias: Array | None, act: int, slope: float) -> None:
    """One launch where the leading axes, equal in all three, have one stride; else one per outer index."""
    if c.ndim == 2:
        _launch_gemm(kernel, c, a, b, bias, act, slope)
        return
    views = [_merged(x) for x in (c, a, b)]
    if c.ndim == 3 or all(view is not None for view in views):
        c, a, b = (x if view is None else view for x, view in zip((c, a, b), views, strict=True))
        _launch_gemm(kernel, c, a, b, bias, act, slope)
        return
    for i in range(c.shape[0]):
        _launch_stack(kernel, c[i], a[i], b[i], bias, act, slope)


def _merged(x: Array) -> Array | None:
    """A view of x with all axes but the last two made one, or None where their strides forbid it."""
    sizes, strides = x.shape[:-2], x.strides[:-2]
    axes = [(size, stride) for size, stride in zip(sizes, strides, strict=True) if size != 1] or [(1, 0)]
    if any(outer[1] != inner[0] * inner[1] for outer, inner in zip(axes, axes[1:], strict=False)):
        return None
    shape, stride = (math.prod(sizes), *x.shape[-2:]), axes[-1][1]
    return np.lib.stride_tricks.as_strided(x, shape, (stride, *x.strides[-2:]), writeable=x.flags.writeable)


def _addressable(x: Array) -> Array:
    """The array itself if its strides are whole, non-negative numbers of elements, else a contiguous copy."""
    flags = x.flags
    if flags.aligned and (flags.c_contiguous or (min(x.strides) >= 0 and not any(s % x.itemsize for s in x.strides))):
        return x
    return contiguous(x)


def _launch_gemm(kernel: str, c: Array, a: Array, b: Array, bias: Array | None, act: int, slope: float) -> None:
    """The launch itself: c, a, b are matrices or equally long stacks of them."""
    size = c.itemsize
    a_bs, a_rs, a_cs = (0, *a.strides)[-3:]
    b_bs, b_rs, b_cs = (0, *b.strides)[-3:]
    c_bs, c_rs, _ = (0, *c.strides)[-3:]
    launch(
        kernel, c.dtype, a=a, b=b, bias=bias, c=c, m=c.shape[-2], n=c.shape[-1], k=a.shape[-1],
        batch=c.shape[0] if c.ndim == 3 else 1, a_rs=a_rs // size, a_cs=a_cs // size, a_bs=a_bs // size,
        b_rs=b_rs // size, b_cs=b_cs // size, b_bs=b_bs // size, c_rs=c_rs // size, c_bs=c_bs // size,
        packed=0, act=act, slope=slope,
    )


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """The names of `fastnn.ops` once more, where Keras has `keras.ops.linalg`."""
        return getattr(fastnn.ops, name)
