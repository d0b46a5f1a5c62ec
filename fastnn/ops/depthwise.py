"""Depthwise convolution, in which every channel stands by itself, and the separable one, which then mixes them."""

from __future__ import annotations

from typing import Any

from fastnn import errors
from fastnn.autograd import Tensor, TensorLike
from fastnn.ops.conv import check_bias, conv, from_channels_last, fused_conv2d, sizes_of, to_channels_last
from fastnn.ops.dtypes import same_dtype
from fastnn.ops.fused import PLAIN, Fusion, check_fusion
from fastnn.ops.window import Padding, window_of


def depthwise_conv2d(
    x: TensorLike,
    kernel: TensorLike,
    bias: TensorLike | None = None,
    strides: int | tuple[int, ...] = 1,
    padding: Padding = "valid",
    dilation: int | tuple[int, ...] = 1,
    activation: str | None = None,
    slope: float = 0.2,
) -> Tensor:
    """2-D convolution of each channel with kernels of its own, channels last, with bias and activation.

    y[n,i,j,c*m + q] = activation(bias[c*m + q] + sum_{r,s} x[n, i*sh + r*dh - top, j*sw + s*dw - left, c] *
    kernel[r,s,c,q])

    Parameters
    ----------
    x : array_like, shape (n, h, w, c)
    kernel : array_like, shape (kh, kw, c, m)
        m kernels for each channel; one is much the fastest.
    bias : array_like, shape (c * m,), optional
    strides, padding, dilation, activation, slope
        As for `conv2d`.

    Returns
    -------
    Tensor, shape (n, oh, ow, c * m)

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.depthwise_conv2d(ops.ones((1, 3, 3, 2)), ops.ones((2, 2, 2, 1))).numpy()[0, 0]
    array([[4., 4.],
           [4., 4.]], dtype=float32)
    """
    fusion = Fusion(activation, slope)
    return checked_depthwise("depthwise_conv2d", 4, x, kernel, bias, strides, padding, dilation, fusion)


def depthwise_conv1d(
    x: TensorLike,
    kernel: TensorLike,
    bias: TensorLike | None = None,
    strides: int | tuple[int, ...] = 1,
    padding: Padding = "valid",
    dilation: int | tuple[int, ...] = 1,
    activation: str | None = None,
    slope: float = 0.2,
) -> Tensor:
    """`depthwise_conv2d` over one axis: x (n, length, c), kernel (k, c, m).

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.depthwise_conv1d([[[1.0, 5.0], [2.0, 7.0]]], ops.ones((2, 2, 1))).numpy()
    array([[[ 3., 12.]]], dtype=float32)
    """
    fusion = Fusion(activation, slope)
    return checked_depthwise("depthwise_conv1d", 3, x, kernel, bias, strides, padding, dilation, fusion)


def depthwise_conv(
    inputs: TensorLike,
    kernel: TensorLike,
    strides: int | tuple[int, ...] = 1,
    padding: Padding = "valid",
    data_format: str | None = None,
    dilation_rate: int | tuple[int, ...] = 1,
) -> Tensor:
    """Depthwise convolution over one or two axes, as `keras.ops.depthwise_conv`.

    Parameters
    ----------
    inputs : array_like
        (n, h, w, c) or (n, length, c); with channels first (n, c, h, w) or (n, c, length).
    kernel : array_like, shape (kh, kw, c, m) or (k, c, m)
    strides, padding, dilation_rate
        As for `conv`.
    data_format : "channels_last" (default) or "channels_first"

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.depthwise_conv(ops.ones((1, 4, 4, 3)), ops.ones((3, 3, 3, 2)), padding="same").shape
    (1, 4, 4, 6)
    """
    who = "depthwise_conv"
    x, weights = same_dtype(inputs, kernel)
    x, first = to_channels_last(who, x, weights, data_format)
    y = checked_depthwise(who, x.ndim, x, weights, None, strides, padding, dilation_rate, PLAIN)
    return from_channels_last(y, first)


def separable_conv(
    inputs: TensorLike,
    depthwise_kernel: TensorLike,
    pointwise_kernel: TensorLike,
    strides: int | tuple[int, ...] = 1,
    padding: Padding = "valid",
    data_format: str | None = None,
    dilation_rate: int | tuple[int, ...] = 1,
) -> Tensor:
    """`depthwise_conv`, and a convolution of single positions behind it, as `keras.ops.separable_conv`.

    Parameters
    ----------
    inputs, strides, padding, data_format, dilation_rate
        As for `depthwise_conv`.
    depthwise_kernel : array_like, shape (kh, kw, c, m) or (k, c, m)
    pointwise_kernel : array_like, shape (1, 1, c * m, oc) or (1, c * m, oc)

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.separable_conv(ops.ones((1, 4, 4, 3)), ops.ones((3, 3, 3, 2)), ops.ones((1, 1, 6, 5))).shape
    (1, 2, 2, 5)
    """
    y = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(y, pointwise_kernel, data_format=data_format)


def checked_depthwise(
    who: str, ndim: int, x: TensorLike, kernel: TensorLike, bias: TensorLike | None, strides: Any, padding: Padding,
    dilation: Any, fusion: Fusion,
) -> Tensor:  # fmt: skip
    check_fusion(who, fusion)
    x, kernel, *rest = same_dtype(x, kernel, *(() if bias is None else (bias,)))
    if x.ndim != ndim or kernel.ndim != ndim or 0 in kernel.shape:
        axes = "rank 4, (n, h, w, c) and (kh, kw, c, m)" if ndim == 4 else "rank 3, (n, length, c) and (k, c, m)"
        raise errors.value_error(who, "x and kernel", f"of {axes}", errors.Shown(f"{x.shape} and {kernel.shape}"))
    channels, multiplier = kernel.shape[-2:]
    if x.shape[-1] != channels:
        raise errors.value_error(who, "x", f"of {channels} channels, as the kernel has", x.data)
    bias = rest[0] if rest else None
    check_bias(who, bias, channels * multiplier)
    spot = window_of(who, x.shape, kernel.shape, strides, padding, dilation)
    # (kh, kw, c, m) lies in memory as the kernel (kh, kw, 1, c * m) of c groups.
    sizes = sizes_of(x.shape, kernel.shape, spot, channels) | {"oc": channels * multiplier}
    return fused_conv2d(x, kernel, bias, sizes, fusion)
