"""The sparse gradient of convolution and max-pooling, against the dense one worked out in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from fastnn import Tensor, _core, ops
from fastnn._core import empty
from fastnn.ops.conv import sizes_of
from fastnn.ops.conv_pool_bwd import sparse_input_gradient, sparse_kernel_gradient
from fastnn.ops.window import window
from tests.helpers import FMA_ISAS, THREADS, assert_close, assert_same_bits, random_array


def case(
    x, kernel, pool, pool_strides=None, strides=(1, 1), padding="valid", dilation=(1, 1), live=0.8, dtype=np.float32
):
    """Sizes and random operands; codes as relu leaves them."""
    rng = np.random.default_rng([*x, *kernel, *pool])
    spot = window("test", x[1:3], kernel[:2], strides, padding, dilation)
    pool_strides = pool_strides or pool
    pooled = [(o - k) // s + 1 for o, k, s in zip(spot.output, pool, pool_strides, strict=True)]
    sizes = sizes_of(x, kernel, spot)
    sizes["oh"], sizes["ow"] = ((n - 1) * s + k for n, s, k in zip(pooled, pool_strides, pool, strict=True))
    names = ("pooled_h", "pooled_w", "pool_h", "pool_w", "pool_sh", "pool_sw")
    pools = dict(zip(names, (*pooled, *pool, *pool_strides), strict=True))
    shape = (x[0], *pooled, kernel[3])
    code = rng.integers(0, pool[0] * pool[1], shape).astype(np.uint8)
    code[rng.random(shape) > live] = 255
    arrays = [rng.standard_normal(s).astype(dtype) for s in (x, kernel, shape)]
    return sizes, pools, *arrays, code


def reference(sizes, pool, x, kernel, dz, code):
    """dx, dkernel, dbias in float64: the gradient spread over the convolution's outputs, and its sums by tap."""
    x, kernel, dz = (a.astype(np.float64) for a in (x, kernel, dz))
    n, h, w, c = x.shape
    kh, kw, _, oc = kernel.shape
    dy = np.zeros((n, sizes["oh"], sizes["ow"], oc))
    for i in range(pool["pooled_h"]):
        for j in range(pool["pooled_w"]):
            for r in range(pool["pool_h"]):
                for s in range(pool["pool_w"]):
                    won = code[:, i, j] == r * pool["pool_w"] + s
                    dy[:, i * pool["pool_sh"] + r, j * pool["pool_sw"] + s] += np.where(won, dz[:, i, j], 0)
    down = (sizes["oh"] - 1) * sizes["sh"] + 1, (kh - 1) * sizes["dh"]
    right = (sizes["ow"] - 1) * sizes["sw"] + 1, (kw - 1) * sizes["dw"]
    shape = (n, max(sum(down), h + sizes["ph"]), max(sum(right), w + sizes["pw"]), c)
    wide, dwide = np.zeros(shape), np.zeros(shape)
    wide[:, sizes["ph"] : sizes["ph"] + h, sizes["pw"] : sizes["pw"] + w] = x
    dkernel = np.zeros(kernel.shape)
    for r in range(kh):
        for s in range(kw):
            part = (
                slice(None), slice(r * sizes["dh"], r * sizes["dh"] + down[0], sizes["sh"]),
                slice(s * sizes["dw"], s * sizes["dw"] + right[0], sizes["sw"]),
            )  # fmt: skip
            dkernel[r, s] = np.einsum("nijc,nijo->co", wide[part], dy)
            dwide[part] += dy @ kernel[r, s].T
    return dwide[:, sizes["ph"] : sizes["ph"] + h, sizes["pw"] : sizes["pw"] + w], dkernel, dy.sum((0, 1, 2))


def run(sizes, pool, x, kernel, dz, code, bias=True):
    """The same by the kernels, from memory that holds NaN."""
    results = [empty(shape, x.dtype) for shape in (x.shape, kernel.shape, kernel.shape[3:])]
    for result in results:
        result[...] = np.nan
    sparse_input_gradient(results[0], dz, code, kernel, sizes, pool)
    sparse_kernel_gradient(results[1], results[2] if bias else None, x, dz, code, sizes, pool)
    return results


def check(*args, dtypes=(np.float32, np.float64), **kwargs):
    for dtype in dtypes:
        operands = case(*args, dtype=dtype, **kwargs)
        got = run(*operands)
        terms = max(operands[4].size, operands[3].size)
        for name, a, b in zip(("dx", "dkernel", "dbias"), got, reference(*operands), strict=True):
            assert_close(a, b, dtype, terms, name)
        for threads in THREADS:
            with _core.simulate_threads(threads):
                for a, b in zip(run(*operands), got, strict=True):
                    assert_same_bits(a, b, f"{threads} threads")
        for isa in FMA_ISAS:
            with _core.use_isa(isa):
                for a, b in zip(run(*operands), got, strict=True):
                    assert_same_bits(a, b, isa)


@pytest.mark.parametrize("c", [1, 3, 4, 7, 8, 16, 17, 32, 33, 48, 64, 100])
def test_input_channels(c):
    check((3, 7, 8, c), (3, 3, c, 20), (2, 2), padding="same")


@pytest.mark.parametrize("oc", [1, 2, 15, 16, 31, 63, 64, 65, 130])
def test_output_channels(oc):
    check((2, 6, 6, 5), (3, 3, 5, oc), (2, 2), padding="same")
    check((2, 6, 6, 24), (2, 3, 24, oc), (3, 2), dtypes=(np.float32,))


@pytest.mark.parametrize("kernel", [(1, 1), (1, 5), (5, 1), (2, 2), (4, 4), (5, 3), (7, 7)])
@pytest.mark.parametrize("c", [2, 16, 20])
def test_kernel_sizes(kernel, c):
    check((2, 10, 9, c), (*kernel, c, 9), (2, 2), dtypes=(np.float32,))
    check((2, 10, 9, c), (*kernel, c, 9), (2, 2), padding="same", dtypes=(np.float32,))


@pytest.mark.parametrize("pool", [(1, 1), (2, 3), (3, 3), (4, 4), (15, 16)])
@pytest.mark.parametrize("pool_strides", [None, (1, 2), (4, 3)])
@pytest.mark.parametrize("c", [1, 16])
def test_windows_apart_and_overlapping(pool, pool_strides, c):
    check((2, 18, 19, c), (3, 3, c, 7), pool, pool_strides, padding="same", dtypes=(np.float32,))


@pytest.mark.parametrize("strides", [(1, 2), (3, 2)])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1), (2, 3)])
@pytest.mark.parametrize("padding", ["valid", "same", ((1, 0), (2, 3)), ((5, 4), (0, 6))])
@pytest.mark.parametrize("c", [2, 32])
def test_strides_dilations_paddings(strides, dilation, padding, c):
    geometry = {"strides": strides, "dilation": dilation, "padding": padding}
    check((2, 14, 15, c), (3, 3, c, 5), (2, 2), dtypes=(np.float32,), **geometry)


@pytest.mark.parametrize("live", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("c", [1, 32])
def test_live_shares(live, c):
    check((3, 7, 6, c), (3, 3, c, 18), (2, 2), padding="same", live=live)


@pytest.mark.parametrize("x, kernel, pool", [
    ((32, 28, 28, 1), (4, 4, 1, 32), (3, 3)), ((32, 8, 8, 32), (4, 4, 32, 64), (3, 3)),
    ((2, 32, 32, 32), (3, 3, 32, 32), (2, 2)), ((3, 16, 16, 64), (3, 3, 64, 64), (2, 2)),
])  # fmt: skip
def test_networks_layers(x, kernel, pool):
    padding = "same" if kernel[0] == 3 else "valid"
    check(x, kernel, pool, padding=padding, dtypes=(np.float32,))


def test_many_chunks():
    """Sums of 16 parts of the batch, the last ones longer."""
    check((37, 5, 4, 6), (3, 3, 6, 17), (2, 2))
    check((18, 5, 4, 10), (3, 3, 10, 3), (2, 2))


@pytest.mark.parametrize("x", [(0, 6, 6, 3), (2, 6, 6, 0), (0, 6, 6, 40)])
def test_nothing(x):
    check(x, (3, 3, x[3], 4), (2, 2))


def test_a_map_without_windows_has_no_gradient():
    sizes, pool, x, kernel, dz, code = case((2, 4, 4, 20), (3, 3, 20, 4), (2, 2))
    pool["pooled_h"] = sizes["oh"] = 0
    for result in run(sizes, pool, x, kernel, dz[:, :0], code[:, :0]):
        assert not result.any()


def test_without_bias_gradient():
    operands = case((3, 6, 6, 4), (3, 3, 4, 5), (2, 2))
    dx, dkernel, dbias = run(*operands, bias=False)
    assert np.isnan(dbias).all()
    assert_close(dkernel, reference(*operands)[1], np.float32, 300)


def test_zeros_are_not_multiplied():
    """What no winner's patch covers may be infinite, and so may gradients that no winner has."""
    for c in (1, 32):
        sizes, pool, x, kernel, dz, code = case((1, 7, 7, c), (2, 2, c, 16), (2, 2))
        code[...] = 0
        x[:, ::2, 6] = x[:, 6] = np.inf
        code[0, 0, 0, 3], dz[0, 0, 0, 3] = 255, np.inf
        assert all(np.isfinite(result).all() for result in run(sizes, pool, x, kernel, dz, code))


@pytest.mark.parametrize("activation", ["linear", "relu", "leaky_relu"])
@pytest.mark.parametrize("shape, kernel, pool", [
    ((3, 12, 11, 3), (3, 3, 3, 18), 2), ((2, 9, 9, 20), (4, 4, 20, 7), 3), ((2, 8, 8, 16), (1, 1, 16, 16), 4),
])  # fmt: skip
def test_the_op_has_the_same_gradients_sparse_and_dense(monkeypatch, activation, shape, kernel, pool):
    gradients = []
    for choice in (True, False):
        monkeypatch.setattr("fastnn.ops.conv_pool.prefers_sparse", lambda *_, choice=choice: (choice, choice))
        arrays = random_array(shape, 1), random_array(kernel, 2), random_array(kernel[3:], 3)
        leaves = [Tensor(a.astype(np.float32), requires_grad=True) for a in arrays]
        y = ops.conv2d_max_pool(*leaves, padding="same", activation=activation, pool_size=pool)
        y.backward(random_array(y.shape, 4).astype(np.float32))
        gradients.append([leaf.grad.numpy() for leaf in leaves])
    for sparse, dense in zip(*gradients, strict=True):
        assert_close(sparse, dense, np.float32, 1000)
