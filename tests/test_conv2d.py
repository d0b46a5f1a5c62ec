"""conv2d and conv: values, gradients, geometry, bits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import fastnn
from fastnn import _core, ops
from fastnn.ops.window import output_size, same_padding
from tests import reference
from tests.helpers import assert_close, assert_same_bits, check_op, random_array, real_threads


def check(x, kernel, bias=True, strides=(1, 1), padding="valid", dilation=(1, 1), groups=1, activation=None, **kwargs):
    """check_op with the padding worked out for the reference."""
    if padding == "same":
        pads = tuple(same_padding(*axis) for axis in zip(x[1:3], kernel[:2], strides, dilation, strict=True))
    else:
        pads = ((0, 0), (0, 0)) if padding == "valid" else padding

    def want(*args):
        return reference.conv2d(
            *args, strides=strides, pads=pads, dilation=dilation, groups=groups, activation=activation, slope=0.3
        )

    def got(x, kernel, bias=None):
        return ops.conv2d(x, kernel, bias, strides, padding, dilation, groups, activation, 0.3)

    arrays = [random_array(x, 1), random_array(kernel, 2)] + ([random_array(kernel[3:], 3)] if bias else [])
    check_op(got, want, *arrays, reduction=max(kernel[0] * kernel[1] * max(kernel[2:]), x[0] * x[1] * x[2]), **kwargs)


# Tiles: 10 or 6 pixels anywhere, 14 or 6, 24 or 12 along a row, 32 or 16 outputs (float64: 16 or 8), 14 or 6 channels
# of a kernel gradient.
@pytest.mark.parametrize("oc", [1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 49])
def test_conv2d_matches_reference_for_output_channels(oc):
    check((2, 5, 4, 3), (3, 2, 3, oc), padding="same")


@pytest.mark.parametrize("c", [1, 2, 5, 7, 8, 13, 14, 15, 29, 43])
def test_conv2d_matches_reference_for_input_channels(c):
    check((2, 4, 5, c), (2, 3, c, 6), padding="same")


@pytest.mark.parametrize("width", [1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 21])
@pytest.mark.parametrize("n", [1, 3])
def test_conv2d_matches_reference_for_map_sizes(width, n):
    check((n, 3, width, 2), (3, 3, 2, 5), padding="same")
    check((n, width, 4, 9), (1, 3, 9, 5))


@pytest.mark.parametrize("width", [14, 15, 19, 24, 25, 29, 43])
@pytest.mark.parametrize("oc", [9, 20])
def test_conv2d_matches_reference_along_rows(width, oc):
    check((2, 2, width, 3), (2, 3, 3, oc), padding="same", activation="leaky_relu", step=1e-5)
    check((1, 2, 2 * width, 2), (1, 2, 2, oc), strides=(1, 2), dtypes=(np.float32,))


# Outputs of at most 8 (float64: 4): lanes are channels where there are 16 (8) and more, else pixels.
@pytest.mark.parametrize("oc", [1, 2, 3, 4, 5, 6, 7, 8])
@pytest.mark.parametrize("c", [1, 3, 8, 16, 17, 40])
def test_conv2d_matches_reference_for_few_outputs(oc, c):
    check((2, 9, 11, c), (3, 3, c, oc), padding="same", activation="relu", step=1e-5)


@pytest.mark.parametrize("c, oc, groups", [(1, 6, 1), (3, 2, 1), (20, 3, 1), (24, 12, 6), (36, 2, 2)])
@pytest.mark.parametrize(
    "strides, dilation, padding",
    [((1, 1), (1, 1), "valid"), ((1, 1), (2, 3), "same"), ((2, 3), (1, 1), "same"), ((1, 1), (1, 1), ((0, 3), (4, 1)))],
)
def test_conv2d_matches_reference_for_few_outputs_and_geometry(c, oc, groups, strides, dilation, padding):
    check((3, 8, 12, c), (3, 2, c // groups, oc), True, strides, padding, dilation, groups, dtypes=(np.float32,))
    check((2, 7, 9, oc), (2, 3, oc // groups, c), True, strides, padding, dilation, groups, dtypes=(np.float32,))


def test_conv2d_of_few_channels_in_blocks_of_rows():
    """More rows than one block of planes takes."""
    check((1, 150, 130, 2), (3, 3, 2, 3), padding="same", dtypes=(np.float32,))


@pytest.mark.parametrize("kernel", [(1, 1), (1, 5), (4, 1), (2, 2), (5, 3), (7, 7)])
def test_conv2d_matches_reference_for_kernel_sizes(kernel):
    check((2, 7, 8, 3), (*kernel, 3, 4))
    check((2, 7, 8, 9), (*kernel, 9, 4), padding="same")


@pytest.mark.parametrize("strides", [(1, 2), (2, 2), (3, 1), (4, 3)])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1), (2, 3)])
@pytest.mark.parametrize("padding", ["valid", "same", ((1, 0), (2, 3)), ((5, 4), (0, 6))])
def test_conv2d_matches_reference_for_strides_dilations_paddings(strides, dilation, padding):
    check((2, 7, 9, 2), (3, 3, 2, 3), strides=strides, dilation=dilation, padding=padding, dtypes=(np.float32,))


@pytest.mark.parametrize(
    "groups, c, oc", [(2, 4, 6), (3, 27, 51), (4, 4, 4), (5, 5, 10), (2, 70, 2), (16, 16, 16), (33, 33, 33)]
)
@pytest.mark.parametrize("strides", [(1, 1), (2, 1)])
def test_conv2d_matches_reference_for_groups(groups, c, oc, strides):
    check((2, 5, 6, c), (3, 2, c // groups, oc), groups=groups, strides=strides, padding="same", dtypes=(np.float32,))


@pytest.mark.parametrize("width", [2, 3, 4, 7, 12, 13, 14, 15, 27, 40])
@pytest.mark.parametrize("c", [5, 16, 35])
def test_depthwise_conv2d_along_rows(width, c):
    """Three or five taps across slide over lines of up to 12 pixels."""
    check((2, 3, width, c), (3, 3, 1, c), groups=c, padding="same", activation="leaky_relu", step=1e-5)
    check((1, 3, width + 4, c), (2, 3, 1, c), groups=c, strides=(2, 2), dilation=(1, 2), dtypes=(np.float32,))
    check((2, 2, width, c), (2, 5, 1, c), groups=c, padding="same", dtypes=(np.float32,))
    check((1, 2, width, c), (1, 5, 1, c), groups=c, padding=((0, 0), (3, 6)), dtypes=(np.float32,))


@pytest.mark.parametrize("activation", ["linear", "relu", "leaky_relu"])
@pytest.mark.parametrize("oc", [5, 16, 40])
def test_conv2d_applies_the_activation_and_its_gradient(activation, oc):
    check((2, 4, 5, 3), (3, 3, 3, oc), activation=activation, padding="same", step=1e-5)


def test_conv2d_without_bias():
    check((2, 6, 5, 3), (3, 3, 3, 4), bias=False)


@pytest.mark.parametrize("x", [(0, 5, 4, 3), (2, 0, 4, 3), (2, 4, 0, 3)])
def test_conv2d_of_nothing(x):
    check(x, (3, 2, 3, 4), padding="same")


def test_conv2d_kernel_larger_than_padded_map_sees_only_padding():
    check((2, 1, 1, 3), (3, 3, 3, 4), padding=((4, 4), (3, 5)), dtypes=(np.float32,))


def test_conv2d_with_many_chunks_and_rows():
    """Kernel gradients summed over 16 parts of the batch, and over blocks of rows."""
    check((17, 3, 4, 2), (2, 2, 2, 3), padding="same", dtypes=(np.float32,))
    check((2, 40, 30, 16), (3, 3, 16, 33), padding="same", dtypes=(np.float32,))


@pytest.mark.parametrize("c, oc", [(1, 1), (1, 16), (16, 1)])
@pytest.mark.parametrize("size", [2, 9])
def test_conv2d_padding_does_not_multiply(c, oc, size):
    """What lies outside does not exist: an infinite weight does not make NaN of it."""
    kernel = np.zeros((3, 3, c, oc), np.float32)
    kernel[0, 0] = np.inf
    y = ops.conv2d(np.ones((1, size, size, c), np.float32), kernel, padding="same").numpy()[0, :, :, 0]
    want = np.full((size, size), np.inf)
    want[0], want[:, 0] = 0, 0
    np.testing.assert_array_equal(y, want)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_conv2d_activation_keeps_nan_and_infinities(activation):
    x = np.array([np.nan, np.inf, -np.inf, 0.0], np.float32).reshape(4, 1, 1, 1)
    y = ops.conv2d(x, np.ones((1, 1, 1, 1), np.float32), activation=activation).numpy().ravel()
    np.testing.assert_array_equal(y, [np.nan, np.inf, 0 if activation == "relu" else -np.inf, 0])


@pytest.mark.parametrize(
    "shape, kernel",
    [
        ((9, 8, 8, 16), (3, 3, 16, 40)), ((7, 3, 2, 5), (3, 3, 5, 4)), ((12, 1, 1, 8), (1, 1, 8, 8)),
        ((5, 9, 14, 3), (3, 3, 3, 4)), ((6, 5, 6, 20), (3, 3, 20, 3)),
    ],
)
def test_conv2d_of_a_sample_does_not_depend_on_its_batch(shape, kernel):
    x, kernel = random_array(shape).astype(np.float32), random_array(kernel).astype(np.float32)
    whole = ops.conv2d(x, kernel, padding="same").numpy()
    for n in range(len(x)):
        assert_same_bits(ops.conv2d(x[n : n + 1], kernel, padding="same").numpy(), whole[n : n + 1], f"sample {n}")
    assert_same_bits(ops.conv2d(x[2:5], kernel, padding="same").numpy(), whole[2:5], "three samples")


@pytest.mark.parametrize(
    "shape, oc, strides",
    [
        ((33, 16, 16, 32), 64, 1), ((5, 31, 29, 3), 20, 2), ((1, 64, 64, 8), 48, 1), ((1, 64, 64, 2), 5, 1),
        ((3, 40, 40, 32), 3, 1),
    ],
)
def test_conv2d_same_bits_for_real_threads(shape, oc, strides):
    x, kernel = random_array(shape).astype(np.float32), random_array((3, 3, shape[3], oc)).astype(np.float32)

    def run():
        a, b = fastnn.Tensor(x, requires_grad=True), fastnn.Tensor(kernel, requires_grad=True)
        y = ops.conv2d(a, b, strides=strides, padding="same")
        y.backward(y.numpy())
        return y.numpy(), a.grad.numpy(), b.grad.numpy()

    with real_threads(1):
        want = run()
    for threads in (2, 3, 7):
        with real_threads(threads):
            for got, one in zip(run(), want, strict=True):
                assert_same_bits(got, one, f"{threads} threads")


def test_conv2d_mixes_float32_and_float64():
    y = ops.conv2d(np.ones((1, 2, 2, 1), np.float32), np.ones((1, 1, 1, 1)))
    assert y.dtype == np.float64


def test_conv2d_takes_integers():
    y = ops.conv2d(np.arange(9).reshape(1, 3, 3, 1), np.ones((2, 2, 1, 1), np.float32))
    np.testing.assert_array_equal(y.numpy()[0, :, :, 0], [[8, 12], [20, 24]])


# ---- conv --------------------------------------------------------------------------------------------------------


def test_conv_finds_the_groups_and_takes_channels_first():
    x, kernel = random_array((2, 5, 6, 4)), random_array((3, 3, 2, 6))
    want = reference.conv2d(x, kernel, pads=(same_padding(5, 3), same_padding(6, 3)), groups=2)
    assert_close(ops.conv(x, kernel, padding="same").numpy(), want, np.float64, 18)
    first = ops.conv(x.transpose(0, 3, 1, 2), kernel, padding="same", data_format="channels_first")
    assert_close(first.numpy(), want.transpose(0, 3, 1, 2), np.float64, 18)


def test_conv_over_one_axis():
    x, kernel = random_array((2, 11, 4)), random_array((3, 4, 6))
    want = reference.conv2d(x[:, None], kernel[None], strides=(1, 2), dilation=(1, 2))[:, 0]
    assert_close(ops.conv(x, kernel, 2, "valid", None, (2,)).numpy(), want, np.float64, 12)


@pytest.mark.parametrize("padding", ["valid", "same", "causal", (3, 1)])
def test_conv1d_matches_reference(padding):
    def want(x, kernel, bias):
        before = (4, 0) if padding == "causal" else same_padding(9, 3, 2, 2) if padding == "same" else padding
        pads = (0, 0) if padding == "valid" else before
        y = reference.conv2d(x[:, None], kernel[None], bias, (1, 2), ((0, 0), pads), (1, 2), 2, "relu")
        return y[:, 0]

    check_op(
        lambda x, k, b: ops.conv1d(x, k, b, 2, padding, 2, 2, "relu"), want, (3, 9, 4), (3, 2, 6), (6,), reduction=27,
        step=1e-5,
    )  # fmt: skip


def test_conv_gradients_with_channels_first():
    def want(x, kernel):
        return reference.conv2d(x.transpose(0, 2, 3, 1), kernel).transpose(0, 3, 1, 2)

    check_op(lambda x, k: ops.conv(x, k, data_format="channels_first"), want, (2, 3, 4, 5), (2, 2, 3, 4), reduction=20)


# ---- errors --------------------------------------------------------------------------------------------------------


X, K = np.ones((2, 5, 5, 3), np.float32), np.ones((3, 3, 3, 4), np.float32)


@pytest.mark.parametrize(
    "args, kwargs, message",
    [
        ((X[0], K), {}, r"conv2d: x must be of rank 4 \(n, h, w, c\); got an array of shape"),
        ((X, K[0]), {}, r"conv2d: kernel must be of rank 4"),
        ((X, K[:, :, :2]), {}, r"conv2d: x must be of 2 channels, as a kernel .* got .* \(2, 5, 5, 3\)"),
        ((X, K), {"groups": 3}, "conv2d: groups must be a divisor of the kernel's 4 outputs; got 3"),
        ((X, K), {"groups": 2}, "conv2d: x must be of 6 channels"),
        ((X, K, np.ones(3, np.float32)), {}, r"conv2d: bias must be of shape \(4,\)"),
        ((X, K), {"strides": 0}, "conv2d: strides must be an integer of at least 1"),
        ((X, K), {"dilation": (1, 3)}, "conv2d: the input's width must be at least the window's 7; got 5"),
        ((X, K), {"padding": "full"}, "conv2d: padding must be a known name; got 'full'"),
        ((X, K), {"activation": "tanh"}, "conv2d: activation must be a known name; got 'tanh'"),
        ((X, K), {"slope": -1.0}, "conv2d: slope must be at least 0"),
        ((X[:, :2], K), {}, "conv2d: the input's height must be at least the window's 3; got 2"),
    ],
)
def test_conv2d_rejects_bad_arguments(args, kwargs, message):
    with pytest.raises(ValueError, match=message):
        ops.conv2d(*args, **kwargs)


def test_conv_rejects_bad_arguments():
    with pytest.raises(ValueError, match="conv: inputs must be of rank 4"):
        ops.conv(X[0, 0], K)
    with pytest.raises(ValueError, match="conv: kernel must be of rank 4, as inputs"):
        ops.conv(X, K[0])
    with pytest.raises(ValueError, match="conv: data_format must be a known name; got 'channels_fist'"):
        ops.conv(X, K, data_format="channels_fist")
    with pytest.raises(ValueError, match="conv: strides must be an integer or a tuple of one"):
        ops.conv(X[0], K[0], strides=(1, 1))


# ---- geometry ------------------------------------------------------------------------------------------------------


def test_conv2d_output_shapes_on_a_grid():
    for size, k, s, d, padding in itertools.product((1, 4, 7), (1, 2, 3), (1, 2, 3), (1, 2), ("valid", "same")):
        if padding == "valid" and output_size(size, k, s, d) < 1:
            continue
        y = ops.conv2d(np.ones((1, size, size, 1), np.float32), np.ones((k, k, 1, 1), np.float32), None, s, padding, d)
        want = -(-size // s) if padding == "same" else (size - (k - 1) * d - 1) // s + 1
        assert y.shape == (1, want, want, 1)


def test_conv2d_runs_on_every_isa():
    for name in _core.isas():
        with _core.use_isa(name):
            y = ops.conv2d(random_array((2, 5, 5, 9)), random_array((3, 3, 9, 20)), padding="same").numpy()
        want = reference.conv2d(random_array((2, 5, 5, 9)), random_array((3, 3, 9, 20)), pads=((1, 1), (1, 1)))
        assert_close(y, want, np.float64, 81)


def test_conv2d_bias_gradient_with_a_frozen_kernel():
    x, kernel = random_array((3, 4, 5, 2)), random_array((2, 2, 2, 3))
    bias = fastnn.Tensor(np.zeros(3), requires_grad=True)
    ops.conv2d(x, kernel, bias).sum().backward()
    np.testing.assert_allclose(bias.grad.numpy(), 3 * 3 * 4)
