"""The sparse gradient of convolution and max-pooling: launches, and when it is faster than the dense one.

Only a window's winner has a gradient. The dense way spreads the pooled gradient over all outputs of the convolution
and multiplies the zeros too; here they are skipped (csrc/conv_pool_bwd.c). The results differ by the order of sums
alone.
"""

from __future__ import annotations

from fastnn._core import empty, launch, scratch_count
from fastnn.autograd import Array


def sparse_input_gradient(
    dx: Array, dz: Array, code: Array, kernel: Array, sizes: dict[str, int], pool: dict[str, int]
) -> None:
    """dx from the gradient behind the pooling.

    Parameters
    ----------
    dx : array (n, h, w, c), written
    dz : array (n, pooled_h, pooled_w, oc)
        The gradient of the pooled values, behind the activation.
    code : uint8 array of the same shape
        The winner's ``r * pool_w + s`` in its window; 255 where there is no gradient.
    kernel : array (kh, kw, c, oc)
    sizes : dict
        The convolution's, as `fastnn.ops.conv.sizes_of` has them; oh and ow are the outputs that windows cover.
    pool : dict
        pooled_h, pooled_w, pool_h, pool_w, pool_sh, pool_sw.
    """
    oc = sizes["oc"]
    by_channel = empty(scratch_count("conv2d_max_pool_bwd_input", dz.dtype, "kernel", **sizes, **pool), dz.dtype)
    launch("add_transposed", dz.dtype, x=kernel, y=by_channel, parts_n=1, m=kernel.size // oc, n=oc)
    launch("conv2d_max_pool_bwd_input", dz.dtype, dz=dz, code=code, kernel=by_channel, dx=dx, **sizes, **pool)


def sparse_kernel_gradient(
    dkernel: Array, dbias: Array | None, x: Array, dz: Array, code: Array, sizes: dict[str, int], pool: dict[str, int]
) -> None:
    """dkernel and dbias from the gradient behind the pooling; arguments as for `sparse_input_gradient`."""
    oc, dtype = sizes["oc"], dz.dtype
    chunks = scratch_count("conv2d_max_pool_bwd_kernel", dtype, "bias_parts", **sizes, **pool) // oc
    parts = empty((chunks, dkernel.size), dtype)
    bias_parts = dbias if dbias is not None and chunks == 1 else empty((chunks, oc), dtype)
    launch(
        "conv2d_max_pool_bwd_kernel", dtype, x=x, dz=dz, code=code, parts=parts, bias_parts=bias_parts, **sizes, **pool
    )
    launch("add_transposed", dtype, x=parts, y=dkernel, parts_n=chunks, m=oc, n=dkernel.size // oc)
    if dbias is not None and chunks > 1:
        launch("conv2d_add_parts", dtype, parts=bias_parts, sum=dbias, parts_n=chunks, size=oc)


LIVE = 0.8  # share of the windows with a gradient that the rule assumes; relu leaves 50 to 100 %
VECTOR = 16  # numbers, as float32 on AVX-512, whose times the rule knows


def prefers_sparse(sizes: dict[str, int], pool: dict[str, int]) -> tuple[bool, bool]:
    """Whether the sparse gradients of the input and of the kernel are faster than the dense ones, by shape alone.

    To the kernel they nearly always are. To the input both ways are estimated in cycles an image, with constants fitted
    to 400 shapes on one Zen 5 core with AVX-512. Over 100 shapes, 90 of them others, the rule picks the faster way 92
    and 96 times; where it is wrong it loses a factor of 1.6 (input) and 1.7 (kernel, 1x1 with few channels) at most; on
    average it gains 1.8 and 3.2 over dense gradients (bench/kernels/bench_conv_pool_backward.py).
    """
    if sizes["groups"] > 1:
        return False, False
    h, w, c, oc, kh, kw = (sizes[name] for name in ("h", "w", "c", "oc", "kh", "kw"))
    windows, size = pool["pooled_h"] * pool["pooled_w"], pool["pool_h"] * pool["pool_w"]
    outputs, positions, winners = sizes["oh"] * sizes["ow"], windows * size, windows * oc * LIVE
    lines, line = (kh, kw * c) if sizes["dw"] == 1 or kw == 1 else (kh * kw, c)
    across = -(-line // VECTOR)
    vectors, tiles = lines * across, -(-lines // 4) * -(-across // 6)
    # Places with a winner among 64 channels: each a tile that is loaded and stored, at the border slowly.
    found = positions * -(-oc // 64) * (1 - (1 - LIVE / size) ** min(oc, 64))
    inside = max(0, h - (kh - 1) * sizes["dh"]) * max(0, w - (kw - 1) * sizes["dw"]) / max(1, h * w)
    cut = 1 - inside if sizes["ph"] or sizes["pw"] else 0.0
    sparse = (
        tiles * (7 * positions + (16 + 94 * cut) * found + 3.3 * winners) + vectors * (2.2 * found + 0.62 * winners)
        + 0.1 * h * w * c
    )  # fmt: skip
    channels = -(-c // VECTOR)
    dense = channels * (0.52 * outputs * kh * kw * oc + 2.8 * h * w) + 0.18 * outputs * oc + 0.12 * windows * oc
    return sparse < dense, True
