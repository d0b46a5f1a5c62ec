"""Convolution: `conv2d` and `conv1d`, with bias and activation in one kernel, and Keras's `conv` over them.

A line (n, length, c) is an image of height 1: the same kernels on the same memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import errors
from fastnn._core import empty, launch, scratch_count
from fastnn.autograd import Array, Tensor, TensorLike, dense, grad_buffer, record, take_sum
from fastnn.ops.dtypes import same_dtype
from fastnn.ops.fused import PLAIN, Fusion, behind_fusion, check_fusion, only_given
from fastnn.ops.movement import transpose
from fastnn.ops.window import Padding, Window, along_line, channels_first, window_of


def conv2d(
    x: TensorLike,
    kernel: TensorLike,
    bias: TensorLike | None = None,
    strides: int | tuple[int, ...] = 1,
    padding: Padding = "valid",
    dilation: int | tuple[int, ...] = 1,
    groups: int = 1,
    activation: str | None = None,
    slope: float = 0.2,
) -> Tensor:
    """2-D convolution (cross-correlation), channels last, with bias and activation.

    y[n,i,j,o] = activation(bias[o] + sum_{r,s,c} x[n, i*sh + r*dh - top, j*sw + s*dw - left, c] * kernel[r,s,c,o])

    Parameters
    ----------
    x : array_like, shape (n, h, w, c)
    kernel : array_like, shape (kh, kw, c // groups, oc)
    bias : array_like, shape (oc,), optional
    strides, dilation : int or (int, int)
    padding : "valid", "same" or ((top, bottom), (left, right))
        With "same" there are ceil(h / sh) rows of outputs, and the odd row of padding is below.
    groups : int
        Channels and outputs are split into this many parts that do not see each other; c groups make it depthwise.
    activation : None, "linear", "relu" or "leaky_relu"
    slope : float
        Of leaky_relu below zero, at least 0.

    Returns
    -------
    Tensor, shape (n, oh, ow, oc)
        "valid": oh = (h - (kh - 1) * dh - 1) // sh + 1.

    Raises
    ------
    ValueError
        If shapes do not fit or an argument has another value.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.ops.reshape(fastnn.ops.arange(9.0), (1, 3, 3, 1))
    >>> fastnn.ops.conv2d(x, fastnn.ops.ones((2, 2, 1, 1))).numpy()[0, :, :, 0]
    array([[ 8., 12.],
           [20., 24.]], dtype=float32)
    """
    return checked_conv(4, x, kernel, bias, strides, padding, dilation, groups, Fusion(activation, slope))


def conv1d(
    x: TensorLike,
    kernel: TensorLike,
    bias: TensorLike | None = None,
    strides: int | tuple[int, ...] = 1,
    padding: Padding = "valid",
    dilation: int | tuple[int, ...] = 1,
    groups: int = 1,
    activation: str | None = None,
    slope: float = 0.2,
) -> Tensor:
    """`conv2d` over one axis.

    y[n,j,o] = activation(bias[o] + sum_{s,c} x[n, j*stride + s*dilation - before, c] * kernel[s,c,o])

    Parameters
    ----------
    x : array_like, shape (n, length, c)
    kernel : array_like, shape (k, c // groups, oc)
    bias, groups, activation, slope
        As for `conv2d`.
    strides, dilation : int
    padding : "valid", "same", "causal" or (before, after)
        With "causal" all padding is before: no output sees what comes after it.

    Returns
    -------
    Tensor, shape (n, outputs, oc)

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.conv1d([[[1.0], [2.0], [4.0]]], [[[1.0]], [[-1.0]]], padding="causal").numpy()[0, :, 0]
    array([-1., -1., -2.], dtype=float32)
    """
    return checked_conv(3, x, kernel, bias, strides, padding, dilation, groups, Fusion(activation, slope))


def checked_conv(
    ndim: int, x: TensorLike, kernel: TensorLike, bias: TensorLike | None, strides: Any, padding: Padding,
    dilation: Any, groups: int, fusion: Fusion,
) -> Tensor:  # fmt: skip
    """`conv2d` of four axes or `conv1d` of three, and what follows."""
    who = f"conv{ndim - 2}d"
    x, kernel, bias = check_arguments(who, ndim, x, kernel, bias, groups, fusion)
    spot = window_of(who, x.shape, kernel.shape, strides, padding, dilation)
    return fused_conv2d(x, kernel, bias, sizes_of(x.shape, kernel.shape, spot, groups), fusion)


def fused_conv2d(x: Tensor, kernel: Tensor, bias: Tensor | None, sizes: dict[str, int], fusion: Fusion) -> Tensor:
    """A convolution over one or two axes once the arguments are checked."""
    image, weights = dense(x), dense(kernel)
    y = empty((sizes["n"], *((sizes["oh"],) if x.ndim == 4 else ()), sizes["ow"], sizes["oc"]), x.dtype)
    convolve(y, image, weights, None if bias is None else dense(bias), fusion, sizes)
    inputs = (x, kernel, bias, fusion.residual)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x) if x.requires_grad else None
        dkernel = grad_buffer(kernel) if kernel.requires_grad else None
        dbias = grad_buffer(bias) if bias is not None and bias.requires_grad else None
        # The kernel's gradient brings the bias's along; without it the activation's does.
        dresidual, dz = behind_fusion(dy, y, fusion, dbias if dkernel is None else None)
        if dx is not None:
            input_gradient(dx, dz, weights, sizes, take_sum(x))
        if dkernel is not None:
            kernel_gradient(dkernel, dbias, image, dz, sizes)
        return only_given(inputs, (dx, dkernel, dbias, dresidual))

    return record("conv2d", y, only_given(inputs, inputs), gradient)


# ---- from arrays to launches: C-contiguous, of one dtype ------------------------------------------------------------


def sizes_of(x: tuple[int, ...], kernel: tuple[int, ...], spot: Window, groups: int = 1) -> dict[str, int]:
    """The sizes that the kernels share, from the shapes of x and kernel."""
    height = x[1] if len(x) == 4 else 1
    return {
        "n": x[0], "h": height, "w": x[-2], "c": x[-1], "oh": spot.output[0], "ow": spot.output[1], "oc": kernel[-1],
        "kh": spot.kernel[0], "kw": spot.kernel[1], "sh": spot.strides[0], "sw": spot.strides[1],
        "dh": spot.dilation[0], "dw": spot.dilation[1], "ph": spot.before[0], "pw": spot.before[1], "groups": groups,
    }  # fmt: skip


def convolve(
    y: Array, x: Array, kernel: Array, bias: Array | None, fusion: Fusion, sizes: dict[str, int]
) -> None:
    """y = conv(x, kernel) + bias, and what follows"""
    few = {name: sizes[name] for name in ("c", "oc", "kh", "kw", "groups")} | {"panels": 0}
    packed = empty(scratch_count("conv2d_pack_fwd", x.dtype, "packed", **few), x.dtype)
    launch("conv2d_pack_fwd", x.dtype, kernel=kernel, packed=packed, **few)
    launch("conv2d_fwd", x.dtype, x=x, packed=packed, bias=bias, y=y, **fusion.fields(), **sizes)


def input_gradient(dx: Array, dy: Array, kernel: Array, sizes: dict[str, int], other: Array | None = None) -> None:
    """dx from the gradient of the convolution's result, and another gradient of x that is added."""
    packed = empty(scratch_count("conv2d_pack_bwd_input", dy.dtype, "packed", **sizes), dy.dtype)
    launch("conv2d_pack_bwd_input", dy.dtype, kernel=kernel, packed=packed, **sizes)
    launch(
        "conv2d_bwd_input", dy.dtype, dy=dy, packed=packed, bias=None, dx=dx, **PLAIN.fields() | {"residual": other},
        **sizes,
    )


def kernel_gradient(dkernel: Array, dbias: Array | None, x: Array, dy: Array, sizes: dict[str, int]) -> None:
    """dkernel and dbias from the gradient of the convolution's result."""
    chunks = scratch_count("conv2d_bwd_kernel", dy.dtype, "parts", **sizes) // dkernel.size
    results = [dkernel, dbias]
    parts = results if chunks == 1 else [None if r is None else empty((chunks, r.size), r.dtype) for r in results]
    launch("conv2d_bwd_kernel", dy.dtype, x=x, dy=dy, parts=parts[0], bias_parts=parts[1], **sizes)
    if chunks > 1:
        for part, result in zip(parts, results, strict=True):
            if result is not None:
                launch("conv2d_add_parts", dy.dtype, parts=part, sum=result, parts_n=chunks, size=result.size)


# ---- Keras's convolution --------------------------------------------------------------------------------------------


def conv(
    inputs: TensorLike,
    kernel: TensorLike,
    strides: int | tuple[int, ...] = 1,
    padding: Padding = "valid",
    data_format: str | None = None,
    dilation_rate: int | tuple[int, ...] = 1,
) -> Tensor:
    """Convolution over one or two axes, as `keras.ops.conv`.

    Parameters
    ----------
    inputs : array_like
        (n, h, w, c) or (n, length, c); with channels first (n, c, h, w) or (n, c, length).
    kernel : array_like, shape (kh, kw, c // groups, oc) or (k, c // groups, oc)
        The number of groups follows from the channels of ``inputs`` and ``kernel``.
    strides, dilation_rate : int or tuple of int
    padding : "valid", "same" or ((top, bottom), (left, right))
    data_format : "channels_last" (default) or "channels_first"

    Returns
    -------
    Tensor

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.conv([[[1.0], [2.0], [4.0]]], [[[1.0]], [[-1.0]]]).numpy()[0, :, 0]
    array([-1., -2.], dtype=float32)
    """
    x, weights = same_dtype(inputs, kernel)
    x, first = to_channels_last("conv", x, weights, data_format)
    if x.ndim == 3:
        strides = along_line("conv", "strides", strides)
        dilation_rate = along_line("conv", "dilation_rate", dilation_rate)
    channels = weights.shape[-2]
    groups = x.shape[-1] // channels if channels and x.shape[-1] % channels == 0 else 1
    convolution: Any = conv1d if x.ndim == 3 else conv2d
    return from_channels_last(convolution(x, weights, None, strides, padding, dilation_rate, groups), first)


# ---- arguments ----------------------------------------------------------------------------------------------------


def to_channels_last(who: str, x: Tensor, kernel: Tensor, data_format: str | None) -> tuple[Tensor, bool]:
    """Inputs and kernel have 3 or 4 axes alike; the inputs with channels last, and whether they came first."""
    if x.ndim not in (3, 4):
        raise errors.value_error(
            who, "inputs", "of rank 4 (n, h, w, c) or 3 (n, length, c)", x.data,
            "Add the axis that is missing with expand_dims.",
        )
    if kernel.ndim != x.ndim:
        raise errors.value_error(who, "kernel", f"of rank {x.ndim}, as inputs", kernel.data)
    first = channels_first(who, data_format)
    return (transpose(x, (0, *range(2, x.ndim), 1)) if first else x), first


def from_channels_last(y: Tensor, first: bool) -> Tensor:
    return transpose(y, (0, y.ndim - 1, *range(1, y.ndim - 1))) if first else y


def check_arguments(
    who: str, ndim: int, x: TensorLike, kernel: TensorLike, bias: TensorLike | None, groups: int, fusion: Fusion
) -> tuple[Tensor, Tensor, Tensor | None]:  # fmt: skip
    """x, kernel and bias as tensors of one dtype; raise where they do not fit together or the activation is another."""
    check_fusion(who, fusion)
    x, kernel, *rest = same_dtype(x, kernel, *(() if bias is None else (bias,)))
    check_shapes(who, ndim, x.data, kernel.data, groups)
    bias = rest[0] if rest else None
    check_bias(who, bias, kernel.shape[-1])
    return x, kernel, bias


def check_bias(who: str, bias: Tensor | None, channels: int) -> None:
    if bias is not None and bias.shape != (channels,):
        rule = f"of shape {(channels,)}, one per output channel of the kernel"
        raise errors.value_error(who, "bias", rule, bias.data)


def check_shapes(who: str, ndim: int, x: Array, kernel: Array, groups: int) -> None:
    """Raise where x (n, h, w, c) and kernel (kh, kw, c / groups, oc), or their lines, do not fit together."""
    if x.ndim != ndim:
        rule = "of rank 4 (n, h, w, c)" if ndim == 4 else "of rank 3 (n, length, c)"
        raise errors.value_error(who, "x", rule, x, "Add the axis that is missing with expand_dims.")
    if kernel.ndim != ndim or 0 in kernel.shape:
        axes = "rank 4 (kh, kw, c // groups, oc)" if ndim == 4 else "rank 3 (k, c // groups, oc)"
        raise errors.value_error(who, "kernel", f"of {axes} and not empty", kernel)
    if not isinstance(groups, (int, np.integer)) or groups < 1 or kernel.shape[-1] % groups:
        raise errors.value_error(who, "groups", f"a divisor of the kernel's {kernel.shape[-1]} outputs", groups)
    if x.shape[-1] != kernel.shape[-2] * groups:
        rule = f"of {kernel.shape[-2] * groups} channels, as a kernel of shape {kernel.shape} wants in {groups} groups"
        raise errors.value_error(who, "x", rule, x)
