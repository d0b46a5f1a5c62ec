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


def prefers_sparse(sizes: dict[str, int], pool: dict[str, int]) -> tuple[bool, bool]:
    """Whether the sparse gradients of the input and of the kernel are faster than the dense ones, by shape alone."""
    return sizes["groups"] == 1, sizes["groups"] == 1
