"""What follows a convolution and is computed with it: the bits of one op after the other, of gradients too."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn
from fastnn import _core, ops
from fastnn.ops.conv import checked_conv
from fastnn.ops.conv_pool import checked_conv_max_pool
from fastnn.ops.conv_transpose import checked_transpose
from fastnn.ops.depthwise import checked_depthwise
from fastnn.ops.fused import Affine, Fusion
from fastnn.ops.normalization import affine
from tests.helpers import assert_same_bits, check_bits, random_array, run

ACTS = {"linear": lambda y: y, "relu": ops.relu, "leaky_relu": lambda y: ops.leaky_relu(y, 0.3)}
EPSILON = 1e-3


def conv(x, kernel, bias, fusion, strides=1, padding="same", dilation=1, groups=1):
    return checked_conv(x.ndim, x, kernel, bias, strides, padding, dilation, groups, fusion)


def transpose(x, kernel, bias, fusion, strides=1, padding="same"):
    who = f"conv{x.ndim - 2}d_transpose"
    return checked_transpose(who, x.ndim, x, kernel, bias, strides, padding, None, 1, fusion)


def depthwise(x, kernel, bias, fusion, strides=1):
    return checked_depthwise(f"depthwise_conv{x.ndim - 2}d", x.ndim, x, kernel, bias, strides, "same", 1, fusion)


def check(function, x, kernel, channels, activation="relu", residual=True, norm=True, dtypes=(np.float32,), **kwargs):
    """x and kernel are shapes."""
    for dtype in dtypes:
        inputs = [random_array(shape, seed=i).astype(dtype) for i, shape in enumerate((x, kernel, (channels,)))]
        shape = function(*map(fastnn.Tensor, inputs), Fusion(), **kwargs).shape
        assert shape[-1] == channels
        inputs.append(random_array(shape, seed=9).astype(dtype))
        given = (random_array((channels,), seed=3 + i).astype(dtype) for i in range(4))
        mean, variance, gamma, beta = map(fastnn.Tensor, given)
        variance = ops.square(variance)

        def joined(x, kernel, bias, other, mean=mean, variance=variance, gamma=gamma, beta=beta):
            x, kernel, bias, other = map(ops.convert_to_tensor, (x, kernel, bias, other))
            scaled = affine(mean, variance, gamma, beta, EPSILON) if norm else Affine()
            fusion = Fusion(activation, 0.3, other if residual else None, scaled)
            return function(x, kernel, bias, fusion, **kwargs)

        def apart(x, kernel, bias, other, mean=mean, variance=variance, gamma=gamma, beta=beta):
            x, kernel, bias, other = map(ops.convert_to_tensor, (x, kernel, bias, other))
            y = function(x, kernel, bias, Fusion(), **kwargs)
            y = ops.batch_normalization(y, mean, variance, -1, beta, gamma, EPSILON) if norm else y
            return ACTS[activation](ops.add(y, other) if residual else y)

        dy = random_array(shape, seed=99).astype(dtype)
        base = run(joined, inputs, dy, {})
        for got, want in zip(base, run(apart, inputs, dy, {}), strict=True):
            assert_same_bits(got, want, f"{dtype.__name__} {x} {kernel} {activation}")
        check_bits(joined, inputs, dy, {}, base)


BOTH = (np.float32, np.float64)


@pytest.mark.parametrize("channels", [1, 3, 5, 8, 9, 15, 16, 17, 24, 32, 33, 48, 70])
def test_channels(channels):
    """Whole panels, parts of one, and those that are lanes of pixels."""
    check(conv, (2, 5, 9, 3), (3, 3, 3, channels), channels, dtypes=BOTH)
    check(conv, (2, 3, 4, 20), (1, 1, 20, channels), channels, "leaky_relu")


@pytest.mark.parametrize("activation", ACTS)
@pytest.mark.parametrize("residual, norm", [(True, True), (True, False), (False, True)])
def test_parts(activation, residual, norm):
    for channels in (4, 16, 20):
        check(conv, (2, 4, 17, 5), (3, 3, 5, channels), channels, activation, residual, norm)


@pytest.mark.parametrize("width", [1, 2, 7, 14, 15, 30, 50])
def test_widths(width):
    """Lines of pixels, and pixels anywhere."""
    check(conv, (3, 3, width, 4), (3, 3, 4, 32), 32)
    check(conv, (2, 4, 2 * width, 4), (1, 1, 4, 16), 16, strides=2)


@pytest.mark.parametrize("channels, groups", [(6, 3), (32, 2), (40, 2)])
def test_groups(channels, groups):
    check(conv, (2, 5, 6, 2 * groups), (3, 2, 2, channels), channels, groups=groups, dtypes=BOTH)


@pytest.mark.parametrize("c, m", [(5, 1), (16, 1), (40, 1), (3, 2)])
def test_depthwise(c, m):
    check(depthwise, (2, 4, 15, c), (3, 3, c, m), c * m, dtypes=BOTH)
    check(depthwise, (2, 9, c), (3, c, m), c * m, strides=2)


@pytest.mark.parametrize("strides, padding", [(1, "same"), (2, "same"), (3, "valid")])
def test_transposed(strides, padding):
    for channels in (2, 16, 20):
        check(transpose, (2, 4, 5, 6), (2, 2, channels, 6), channels, strides=strides, padding=padding)


def test_lines():
    check(conv, (3, 40, 6), (5, 6, 32), 32, padding="causal")
    check(conv, (3, 40, 6), (5, 6, 3), 3, padding="valid", activation="leaky_relu")


@pytest.mark.parametrize("size, strides", [(2, 2), (3, 2), (2, 3)])
def test_pooling(size, strides):
    """Negative scales turn maxima into minima: what is pooled is normalized before."""
    for shape, channels in (((2, 13, 9, 3), 20), ((2, 30, 3), 5)):
        rank = len(shape) - 2
        x = random_array(shape).astype(np.float32)
        kernel = random_array((*[3] * rank, 3, channels), 1).astype(np.float32)
        given = [fastnn.Tensor(random_array((channels,), seed=i).astype(np.float32)) for i in range(4)]
        given[1] = ops.square(given[1])
        fusion = Fusion("relu", norm=affine(*given, EPSILON))

        def joined(x, kernel, fusion=fusion):
            return checked_conv_max_pool(x.ndim, x, kernel, None, 1, "same", 1, 1, fusion, size, strides)

        want = ops.max_pool(conv(fastnn.Tensor(x), fastnn.Tensor(kernel), None, fusion), size, strides)
        with _core.trace() as launches:
            got = joined(x, kernel).numpy()
        assert "conv2d_max_pool_fwd" in {name for name, _, _ in launches}
        assert_same_bits(got, want.numpy(), "pooled")
        check_bits(joined, [x, kernel], None, {}, [got])
        a, b = fastnn.Tensor(x, requires_grad=True), fastnn.Tensor(x, requires_grad=True)
        joined(a, kernel).sum().backward()
        ops.max_pool(conv(b, fastnn.Tensor(kernel), None, fusion), size, strides).sum().backward()
        assert_same_bits(a.grad.numpy(), b.grad.numpy(), "gradient")


@pytest.mark.parametrize("activation", ["linear", "relu", "leaky_relu"])
@pytest.mark.parametrize("shape, pool, strides", [((2, 31, 3), 2, None), ((2, 30, 5), 3, 2), ((1, 40, 20), 4, 4)])
def test_lines_are_pooled_as_images_of_height_1(activation, shape, pool, strides):
    inputs = [random_array(shape).astype(np.float32), random_array((4, shape[-1], 18), 1).astype(np.float32)]

    def joined(x, kernel):
        return checked_conv_max_pool(3, x, kernel, None, 1, "causal", 1, 1, Fusion(activation), pool, strides)

    def apart(x, kernel):
        return ops.max_pool(ops.conv1d(x, kernel, padding="causal", activation=activation), pool, strides)

    dy = random_array(joined(*inputs).shape, seed=9).astype(np.float32)
    base, want = run(joined, inputs, dy, {}), run(apart, inputs, dy, {})
    assert_same_bits(base[0], want[0], "value")
    for got, one in zip(base[1:], want[1:], strict=True):
        np.testing.assert_allclose(got, one, rtol=1e-4, atol=1e-4)
    check_bits(joined, inputs, dy, {}, base)
