"""`conv2d_max_pool`: convolution, bias, activation and max-pooling in one kernel that stores only the pooled values."""

from __future__ import annotations

import math
from typing import Any

from fastnn._core import empty, launch, scratch_count
from fastnn.autograd import Array, Tensor, TensorLike, dense, grad_buffer, is_grad_enabled, record
from fastnn.ops.conv import check_arguments, fused_conv2d, input_gradient, kernel_gradient, sizes_of
from fastnn.ops.conv_pool_bwd import prefers_sparse, sparse_input_gradient, sparse_kernel_gradient
from fastnn.ops.fused import LEAKY_RELU, LINEAR, Fusion, behind_activation, only_given
from fastnn.ops.pool import max_pool_nhwc
from fastnn.ops.window import Padding, Window, along_line, outputs_of, pair, window_of

MOST_POSITIONS = 254  # of a window: codes are bytes, and 255 says that no gradient flows


def conv2d_max_pool(
    x: TensorLike,
    kernel: TensorLike,
    bias: TensorLike | None = None,
    strides: int | tuple[int, ...] = 1,
    padding: Padding = "valid",
    dilation: int | tuple[int, ...] = 1,
    groups: int = 1,
    activation: str | None = None,
    slope: float = 0.2,
    pool_size: int | tuple[int, ...] = 2,
    pool_strides: int | tuple[int, ...] | None = None,
) -> Tensor:
    """`conv2d` followed by `max_pool` without padding: the same bits, in less time and memory.

    y[n,i,j,o] = max over r < ph, s < pw of conv2d(x, ...)[n, i*psh + r, j*psw + s, o]

    The convolution's result is not stored, and what no window covers is not computed. The gradient is computed from the
    windows' winners alone where that is faster than to spread it over the convolution's outputs.

    Parameters
    ----------
    x, kernel, bias, strides, padding, dilation, groups, activation, slope
        As for `conv2d`.
    pool_size : int or (int, int)
    pool_strides : int or (int, int), optional
        `pool_size` where not given.

    Returns
    -------
    Tensor, shape (n, (oh - ph) // psh + 1, (ow - pw) // psw + 1, oc)

    Raises
    ------
    ValueError
        If shapes do not fit or an argument has another value.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.ops.reshape(fastnn.ops.arange(16.0), (1, 4, 4, 1))
    >>> fastnn.ops.conv2d_max_pool(x, fastnn.ops.ones((1, 1, 1, 1))).numpy()[0, :, :, 0]
    array([[ 5.,  7.],
           [13., 15.]], dtype=float32)
    """
    fusion = Fusion(activation, slope)
    return checked_conv_max_pool(
        4, x, kernel, bias, strides, padding, dilation, groups, fusion, pool_size, pool_strides
    )


def checked_conv_max_pool(
    ndim: int, x: TensorLike, kernel: TensorLike, bias: TensorLike | None, strides: Any, padding: Padding,
    dilation: Any, groups: int, fusion: Fusion, pool_size: Any, pool_strides: Any,
) -> Tensor:  # fmt: skip
    """`conv2d_max_pool` of four axes, or over the one axis of a line, and what follows the convolution."""
    who = f"conv{ndim - 2}d_max_pool"
    x, kernel, bias = check_arguments(who, ndim, x, kernel, bias, groups, fusion)
    spot = window_of(who, x.shape, kernel.shape, strides, padding, dilation)
    size = pair(who, "pool_size", pool_size if ndim == 4 else along_line(who, "pool_size", pool_size))[: ndim - 2]
    steps = size
    if pool_strides is not None:
        steps = pair(who, "pool_strides", pool_strides if ndim == 4 else along_line(who, "pool_strides", pool_strides))
    pooling = window_of(who, (0, *outputs_of(spot, ndim), 0), size, steps[: ndim - 2], "valid")
    wanted = is_grad_enabled() and any(each is not None and each.requires_grad for each in (x, kernel, bias))
    scaled = fusion.norm.scale is not None
    if groups > 1 or math.prod(size) > MOST_POSITIONS or (wanted and scaled):
        sizes = sizes_of(x.shape, kernel.shape, spot, groups)
        return max_pool_nhwc(fused_conv2d(x, kernel, bias, sizes, fusion), pooling)
    return fused_conv2d_max_pool(x, kernel, bias, spot, pooling, fusion, wanted)


def fused_conv2d_max_pool(
    x: Tensor, kernel: Tensor, bias: Tensor | None, spot: Window, pooling: Window, fusion: Fusion, wanted: bool
) -> Tensor:
    """`conv2d_max_pool` once its arguments are checked; wanted: whether a gradient is."""
    pool = pool_sizes(pooling)
    sizes = sizes_of(x.shape, kernel.shape, spot) | covered(pool)
    image, weights = dense(x), dense(kernel)
    y = empty((x.shape[0], *outputs_of(pooling, x.ndim), kernel.shape[-1]), x.dtype)
    inputs = (x, kernel, bias)
    code = empty(y.shape if wanted else (0,), "uint8")
    shift = None if bias is None else dense(bias)
    convolve_and_pool(y, code if wanted else None, image, weights, shift, fusion, sizes, pool)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x) if x.requires_grad else None
        dkernel = grad_buffer(kernel) if kernel.requires_grad else None
        dbias = grad_buffer(bias) if bias is not None and bias.requires_grad else None
        dz = behind_activation(dy, y, fusion.act, fusion.leak, None) if fusion.act == LEAKY_RELU else dy
        sparse_input, sparse_kernel = prefers_sparse(sizes, pool)
        if (dx is not None and not sparse_input) or (dbias is not None and dkernel is None) or not sparse_kernel:
            spread = expanded(dz, code, sizes, pool)
        if dx is not None and sparse_input:
            sparse_input_gradient(dx, dz, code, weights, sizes, pool)
        elif dx is not None:
            input_gradient(dx, spread, weights, sizes)
        if dkernel is not None and sparse_kernel:
            sparse_kernel_gradient(dkernel, dbias, image, dz, code, sizes, pool)
        elif dkernel is not None:
            kernel_gradient(dkernel, dbias, image, spread, sizes)
        elif dbias is not None:
            behind_activation(spread, spread, LINEAR, 0.0, dbias)
        return only_given(inputs, (dx, dkernel, dbias))

    return record("conv2d_max_pool", y, only_given(inputs, inputs), gradient)


# ---- from arrays to launches: C-contiguous, of one dtype ------------------------------------------------------------


def pool_sizes(pooling: Window) -> dict[str, int]:
    """The sizes of the windows, which the kernels take beside those of the convolution."""
    (pooled_h, pooled_w), (pool_h, pool_w), (pool_sh, pool_sw) = pooling.output, pooling.kernel, pooling.strides
    return {
        "pooled_h": pooled_h, "pooled_w": pooled_w, "pool_h": pool_h, "pool_w": pool_w, "pool_sh": pool_sh,
        "pool_sw": pool_sw,
    }  # fmt: skip


def covered(pool: dict[str, int]) -> dict[str, int]:
    """oh and ow of the convolution, cropped to what the windows cover."""

    def extent(windows: int, size: int, stride: int) -> int:
        return (windows - 1) * stride + size if windows else 0

    return {
        "oh": extent(pool["pooled_h"], pool["pool_h"], pool["pool_sh"]),
        "ow": extent(pool["pooled_w"], pool["pool_w"], pool["pool_sw"]),
    }


def convolve_and_pool(
    y: Array, code: Array | None, x: Array, kernel: Array, bias: Array | None, fusion: Fusion,
    sizes: dict[str, int], pool: dict[str, int],
) -> None:  # fmt: skip
    """y = max_pool(act(norm(conv(x, kernel) + bias))), and where each maximum is."""
    few = {name: sizes[name] for name in ("c", "oc", "kh", "kw", "groups")} | {"panels": 1}
    packed = empty(scratch_count("conv2d_pack_fwd", x.dtype, "packed", **few), x.dtype)
    launch("conv2d_pack_fwd", x.dtype, kernel=kernel, packed=packed, **few)
    launch(
        "conv2d_max_pool_fwd", x.dtype, x=x, packed=packed, bias=bias, y=y, code=code, act=fusion.act,
        slope=fusion.leak, **fusion.norm._asdict(), **sizes, **pool,
    )


def expanded(dz: Array, code: Array, sizes: dict[str, int], pool: dict[str, int]) -> Array:
    """The gradient of the convolution's outputs: each window's at its winner, zero elsewhere."""
    spread = empty((sizes["n"], sizes["oh"], sizes["ow"], sizes["oc"]), dz.dtype)
    launch(
        "max_pool_bwd", dz.dtype, dy=dz, winner=code, dx=spread, n=sizes["n"], h=sizes["oh"], w=sizes["ow"],
        c=sizes["oc"], oh=pool["pooled_h"], ow=pool["pooled_w"], kh=pool["pool_h"], kw=pool["pool_w"],
        sh=pool["pool_sh"], sw=pool["pool_sw"], pt=0, pl=0,
    )
    return spread
