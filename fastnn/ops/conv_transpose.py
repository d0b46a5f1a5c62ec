"""Transposed convolution: what a convolution's gradient does to its input, as a layer's forward pass.

Forward is the kernel `conv2d_bwd_input` with bias and activation; backward are `conv2d_fwd` and `conv2d_bwd_kernel`.
"""

from __future__ import annotations

from typing import Any

from fastnn import errors
from fastnn._core import empty, launch, scratch_count
from fastnn.autograd import Array, Tensor, TensorLike, dense, grad_buffer, record
from fastnn.ops.conv import (
    check_bias,
    convolve,
    from_channels_last,
    kernel_gradient,
    sizes_of,
    to_channels_last,
)
from fastnn.ops.dtypes import same_dtype
from fastnn.ops.fused import PLAIN, Fusion, behind_fusion, check_fusion, only_given
from fastnn.ops.window import Pair, Window, along_line, pair


def conv2d_transpose(
    x: TensorLike,
    kernel: TensorLike,
    bias: TensorLike | None = None,
    strides: int | tuple[int, ...] = 1,
    padding: str = "valid",
    output_padding: int | tuple[int, ...] | None = None,
    dilation: int | tuple[int, ...] = 1,
    activation: str | None = None,
    slope: float = 0.2,
) -> Tensor:
    """Transposed 2-D convolution, channels last, with bias and activation.

    y[n, i*sh + r*dh - top, j*sw + s*dw - left, o] is the sum of x[n,i,j,c] * kernel[r,s,o,c] over all i, j, r, s, c
    that meet there, plus bias[o], through the activation.

    Parameters
    ----------
    x : array_like, shape (n, h, w, c)
    kernel : array_like, shape (kh, kw, oc, c)
    bias : array_like, shape (oc,), optional
    strides, dilation : int or (int, int)
    padding : "valid" or "same"
        With "same" there are h * sh rows of outputs; otherwise all that any row of x reaches.
    output_padding : int or (int, int), optional
        Less than the strides. "valid": that many rows more, where otherwise there are max(sh - kh, 0) of them; "same":
        (h - 1) * sh + kh % 2 + output_padding rows (kh with its dilation).
    activation : None, "linear", "relu" or "leaky_relu"
    slope : float
        Of leaky_relu below zero, at least 0.

    Returns
    -------
    Tensor, shape (n, oh, ow, oc)

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.conv2d_transpose(ops.ones((1, 2, 2, 1)), ops.ones((2, 2, 1, 1))).numpy()[0, :, :, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]], dtype=float32)
    """
    return checked_transpose(
        "conv2d_transpose", 4, x, kernel, bias, strides, padding, output_padding, dilation,
        Fusion(activation, slope),
    )  # fmt: skip


def conv1d_transpose(
    x: TensorLike,
    kernel: TensorLike,
    bias: TensorLike | None = None,
    strides: int | tuple[int, ...] = 1,
    padding: str = "valid",
    output_padding: int | tuple[int, ...] | None = None,
    dilation: int | tuple[int, ...] = 1,
    activation: str | None = None,
    slope: float = 0.2,
) -> Tensor:
    """`conv2d_transpose` over one axis.

    Parameters
    ----------
    x : array_like, shape (n, length, c)
    kernel : array_like, shape (k, oc, c)
    bias, strides, padding, output_padding, dilation, activation, slope
        As for `conv2d_transpose`.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.conv1d_transpose([[[1.0], [2.0]]], ops.ones((3, 1, 1)), strides=2).numpy()[0, :, 0]
    array([1., 1., 3., 2., 2.], dtype=float32)
    """
    return checked_transpose(
        "conv1d_transpose", 3, x, kernel, bias, strides, padding, output_padding, dilation,
        Fusion(activation, slope),
    )  # fmt: skip


def conv_transpose(
    inputs: TensorLike,
    kernel: TensorLike,
    strides: int | tuple[int, ...] = 1,
    padding: str = "valid",
    output_padding: int | tuple[int, ...] | None = None,
    data_format: str | None = None,
    dilation_rate: int | tuple[int, ...] = 1,
) -> Tensor:
    """Transposed convolution over one or two axes, as `keras.ops.conv_transpose`.

    Parameters
    ----------
    inputs : array_like
        (n, h, w, c) or (n, length, c); with channels first (n, c, h, w) or (n, c, length).
    kernel : array_like, shape (kh, kw, oc, c) or (k, oc, c)
    strides, padding, output_padding, dilation_rate
        As for `conv2d_transpose`.
    data_format : "channels_last" (default) or "channels_first"

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.conv_transpose(ops.ones((1, 4, 4, 3)), ops.ones((3, 3, 8, 3)), strides=2, padding="same").shape
    (1, 8, 8, 8)
    """
    who = "conv_transpose"
    x, weights = same_dtype(inputs, kernel)
    x, first = to_channels_last(who, x, weights, data_format)
    y = checked_transpose(who, x.ndim, x, weights, None, strides, padding, output_padding, dilation_rate, PLAIN)
    return from_channels_last(y, first)


# ---- arguments ----------------------------------------------------------------------------------------------------


def checked_transpose(
    who: str, ndim: int, x: TensorLike, kernel: TensorLike, bias: TensorLike | None, strides: Any, padding: str,
    output_padding: Any, dilation: Any, fusion: Fusion,
) -> Tensor:  # fmt: skip
    check_fusion(who, fusion)
    x, kernel, *rest = same_dtype(x, kernel, *(() if bias is None else (bias,)))
    if x.ndim != ndim or kernel.ndim != ndim or 0 in kernel.shape:
        axes = "rank 4, (n, h, w, c) and (kh, kw, oc, c)" if ndim == 4 else "rank 3, (n, length, c) and (k, oc, c)"
        raise errors.value_error(who, "x and kernel", f"of {axes}", errors.Shown(f"{x.shape} and {kernel.shape}"))
    if x.shape[-1] != kernel.shape[-1]:
        raise errors.value_error(who, "x", f"of {kernel.shape[-1]} channels, the kernel's last axis", x.data)
    bias = rest[0] if rest else None
    check_bias(who, bias, kernel.shape[-2])
    spot, size = transposed_window(who, x.shape, kernel.shape, strides, padding, output_padding, dilation)
    shape = (x.shape[0], *(size if ndim == 4 else size[1:]), kernel.shape[-2])
    return fused_transpose(x, kernel, bias, shape, spot, fusion)


def transposed_extent(
    size: int, kernel: int, stride: int, padding: str, output_padding: int | None, dilation: int
) -> tuple[int, int]:
    """The outputs along an axis, and how many positions before them are cut off.

    Keras's rule: the convolution that goes from these outputs to ``size`` positions has this padding before.

    Examples
    --------
    >>> transposed_extent(5, 3, 2, "same", None, 1)
    (10, 0)
    """
    reach = (kernel - 1) * dilation + 1
    if padding == "valid":
        more = max(stride - reach, 0) if output_padding is None else output_padding
        return max((size - 1) * stride + reach + more, 0) if size else 0, 0
    last = (size - 1) * stride
    extent = size * stride if output_padding is None else max(last + reach % 2 + output_padding, 0)
    return extent if size else 0, max(last + reach - extent, 0) // 2


def transposed_window(
    who: str, x: tuple[int, ...], kernel: tuple[int, ...], strides: Any, padding: Any, output_padding: Any,
    dilation: Any,
) -> tuple[Window, Pair]:  # fmt: skip
    """The convolution whose gradient this is, from the result's height and width to those of x; and the former."""
    line = len(x) == 3
    size = (1, x[1]) if line else (x[1], x[2])
    taps = (1, kernel[0]) if line else (kernel[0], kernel[1])

    def axes(argument: str, value: Any, least: int, missing: int) -> Pair:
        if line:
            return missing, pair(who, argument, along_line(who, argument, value), least)[1]
        return pair(who, argument, value, least)

    step, spread = axes("strides", strides, 1, 1), axes("dilation", dilation, 1, 1)
    more: tuple[int | None, int | None] = (None, None)
    if output_padding is not None:
        more = rows, columns = axes("output_padding", output_padding, 0, 0)
        if rows >= step[0] or columns >= step[1]:
            raise errors.value_error(who, "output_padding", f"less than the strides {strides}", output_padding)
    name = padding.lower() if isinstance(padding, str) else ""
    if name not in ("valid", "same"):
        raise errors.value_error(who, "padding", "'valid' or 'same'", padding)
    height, top = (1, 0) if line else transposed_extent(size[0], taps[0], step[0], name, more[0], spread[0])
    width, left = transposed_extent(size[1], taps[1], step[1], name, more[1], spread[1])
    return Window(taps, step, spread, (top, left), (0, 0), size), (height, width)


# ---- forward and gradient --------------------------------------------------------------------------------------------


def fused_transpose(
    x: Tensor, kernel: Tensor, bias: Tensor | None, shape: tuple[int, ...], spot: Window, fusion: Fusion
) -> Tensor:
    """The result, of this shape, once the arguments are checked."""
    sizes = sizes_of(shape, kernel.shape, spot)
    maps, weights = dense(x), dense(kernel)
    y = empty(shape, x.dtype)
    packed = empty(scratch_count("conv2d_pack_bwd_input", x.dtype, "packed", **sizes), x.dtype)
    launch("conv2d_pack_bwd_input", x.dtype, kernel=weights, packed=packed, **sizes)
    launch(
        "conv2d_bwd_input", x.dtype, dy=maps, packed=packed, bias=None if bias is None else dense(bias), dx=y,
        **fusion.fields(), **sizes,
    )  # fmt: skip
    inputs = (x, kernel, bias, fusion.residual)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x) if x.requires_grad else None
        dkernel = grad_buffer(kernel) if kernel.requires_grad else None
        dbias = grad_buffer(bias) if bias is not None and bias.requires_grad else None
        dresidual, dz = behind_fusion(dy, y, fusion, dbias)
        if dx is not None:
            convolve(dx, dz, weights, None, PLAIN, sizes)
        if dkernel is not None:
            kernel_gradient(dkernel, None, dz, maps, sizes)
        return only_given(inputs, (dx, dkernel, dbias, dresidual))

    return record("conv_transpose", y, only_given(inputs, inputs), gradient)
