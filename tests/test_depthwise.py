"""depthwise_conv2d and its kin, separable_conv, and their layers; tests/test_conv2d.py has the lines of three taps."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn
from fastnn import layers, ops
from fastnn.ops.window import same_padding
from tests import reference
from tests.helpers import assert_same_bits, check_layer, check_op, random_array, real_threads


def check(x, kernel, strides=(1, 1), padding="valid", dilation=(1, 1), activation=None, **kwargs):
    pads = ((0, 0), (0, 0))
    if padding == "same":
        pads = tuple(same_padding(*axis) for axis in zip(x[1:3], kernel[:2], strides, dilation, strict=True))

    def want(*args):
        return reference.depthwise_conv2d(
            *args, strides=strides, pads=pads, dilation=dilation, activation=activation
        )

    def got(x, kernel, bias):
        return ops.depthwise_conv2d(x, kernel, bias, strides, padding, dilation, activation)

    check_op(got, want, x, kernel, (kernel[2] * kernel[3],), reduction=max(x[0] * x[1] * x[2], 9), **kwargs)


@pytest.mark.parametrize("c", [1, 2, 15, 16, 17, 40, 70])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
def test_depthwise_matches_reference_for_channels(c, strides):
    check((2, 6, 7, c), (3, 3, c, 1), strides, "same", activation="relu", step=1e-5)


@pytest.mark.parametrize("multiplier", [2, 3, 8, 17])
def test_depthwise_matches_reference_for_multipliers(multiplier):
    check((2, 5, 4, 3), (3, 2, 3, multiplier), (1, 2), "same", dtypes=(np.float32,))
    check((2, 5, 4, 17), (2, 2, 17, multiplier), dtypes=(np.float32,))


@pytest.mark.parametrize("kernel", [(1, 1), (1, 3), (3, 1), (5, 5), (2, 4), (7, 3), (4, 7), (1, 11)])
@pytest.mark.parametrize("strides", [(1, 1), (2, 1), (3, 2)])
def test_depthwise_matches_reference_for_kernels(kernel, strides):
    check((2, 9, 8, 18), (*kernel, 18, 1), strides, "same", dtypes=(np.float32,))


@pytest.mark.parametrize("dilation", [(2, 2), (1, 3)])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_depthwise_matches_reference_for_dilation(dilation, strides, padding):
    check((2, 9, 13, 20), (3, 3, 20, 1), strides, padding, dilation, dtypes=(np.float32,))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_depthwise_of_tiny_maps(size):
    check((3, size, size, 19), (3, 3, 19, 1), (1, 1), "same", dtypes=(np.float32,))
    check((3, size, size, 19), (3, 3, 19, 1), (2, 2), "same", dtypes=(np.float32,))


def test_depthwise_of_many_images_and_rows():
    """Kernel gradients summed over 16 parts of the batch."""
    check((19, 3, 4, 33), (3, 3, 33, 1), padding="same", dtypes=(np.float32,))
    check((2, 40, 30, 32), (3, 3, 32, 1), padding="same", dtypes=(np.float32,))


@pytest.mark.parametrize("strides", [1, 2])
def test_depthwise_of_wide_images(strides):
    """Kernel gradients summed strip by strip."""
    check((1, 5, 61, 80), (3, 3, 80, 1), strides=(strides, strides), padding="same", dtypes=(np.float32,))


@pytest.mark.parametrize("taps", [3, 5])
def test_depthwise_padding_does_not_multiply(taps):
    """An infinite weight reaches the pixels that have its tap inside of x alone."""
    kernel = np.ones((taps, taps, 2, 1), np.float32)
    kernel[0, 0], kernel[-1, -1] = np.inf, np.inf
    y = ops.depthwise_conv2d(np.ones((1, 13, 26, 2), np.float32), kernel, padding="same").numpy()
    rows, columns = np.arange(13)[:, None], np.arange(26)
    before = (rows >= taps // 2) & (columns >= taps // 2)
    behind = (rows < 13 - taps // 2) & (columns < 26 - taps // 2)
    assert np.array_equal(np.isinf(y[0, :, :, 1]), before | behind)
    assert not np.isnan(y).any()


def test_depthwise_padding_does_not_multiply_gradients():
    """An infinite gradient reaches the taps inside of x alone."""
    kernel = fastnn.Tensor(np.ones((3, 3, 2, 1), np.float32), requires_grad=True)
    y = ops.depthwise_conv2d(np.ones((1, 4, 5, 2), np.float32), kernel, padding="same")
    dy = np.zeros(y.shape, np.float32)
    dy[0, 0, 0], dy[0, 3, 4] = np.inf, np.inf
    y.backward(dy)
    want = np.full((3, 3), np.inf, np.float32)
    want[0, 2] = want[2, 0] = 0
    assert np.array_equal(kernel.grad.numpy()[:, :, 0, 0], want)


@pytest.mark.parametrize("shape, strides", [((33, 16, 16, 32), 1), ((5, 31, 29, 20), 2), ((1, 64, 64, 48), 1)])
def test_depthwise_same_bits_for_real_threads(shape, strides):
    x, kernel = random_array(shape).astype(np.float32), random_array((3, 3, shape[3], 1)).astype(np.float32)

    def run():
        a, b = fastnn.Tensor(x, requires_grad=True), fastnn.Tensor(kernel, requires_grad=True)
        y = ops.depthwise_conv2d(a, b, strides=strides, padding="same")
        y.backward(y.numpy())
        return y.numpy(), a.grad.numpy(), b.grad.numpy()

    with real_threads(1):
        want = run()
    for threads in (2, 3):
        with real_threads(threads):
            for got, one in zip(run(), want, strict=True):
                assert_same_bits(got, one, f"{threads} threads")


@pytest.mark.parametrize("strides", [1, 2])
def test_depthwise_of_a_sample_does_not_depend_on_its_batch(strides):
    x, kernel = random_array((9, 8, 8, 20)).astype(np.float32), random_array((3, 3, 20, 1)).astype(np.float32)
    whole = ops.depthwise_conv2d(x, kernel, strides=strides, padding="same").numpy()
    for n in range(len(x)):
        y = ops.depthwise_conv2d(x[n : n + 1], kernel, strides=strides, padding="same").numpy()
        assert_same_bits(y, whole[n : n + 1], f"sample {n}")


def test_depthwise_over_lines():
    check_op(
        lambda x, k: ops.depthwise_conv1d(x, k, strides=2, padding="causal"),
        lambda x, k: reference.depthwise_conv2d(x[:, None], k[None], strides=(1, 2), pads=((0, 0), (2, 0)))[:, 0],
        (2, 9, 5), (3, 5, 2), reduction=18,
    )  # fmt: skip


def test_separable_conv_is_depthwise_and_pointwise():
    def want(x, depthwise, pointwise):
        return reference.conv2d(reference.depthwise_conv2d(x, depthwise, strides=(2, 2)), pointwise)

    check_op(
        lambda x, d, p: ops.separable_conv(x, d, p, 2), want, (2, 7, 6, 3), (3, 2, 3, 2), (1, 1, 6, 5), reduction=36
    )
    first = ops.separable_conv(
        random_array((2, 3, 7, 6)), np.ones((3, 2, 3, 2)), np.ones((1, 1, 6, 5)), 2, data_format="channels_first"
    )
    assert first.shape == (2, 5, 3, 3)


X, K = np.ones((2, 5, 5, 3), np.float32), np.ones((3, 3, 3, 2), np.float32)


@pytest.mark.parametrize(
    "args, message",
    [
        ((X[0], K), r"depthwise_conv2d: x and kernel must be of rank 4, .*; got \(5, 5, 3\) and"),
        ((X, K[:, :, :2]), "depthwise_conv2d: x must be of 2 channels, as the kernel has"),
        ((X, K, np.ones(3, np.float32)), r"depthwise_conv2d: bias must be of shape \(6,\)"),
    ],
)
def test_depthwise_rejects_bad_arguments(args, message):
    with pytest.raises(ValueError, match=message):
        ops.depthwise_conv2d(*args)


# ---- layers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [False, True])
def test_depthwise_layer_matches_reference(first):
    def want(x, kernel, bias):
        y = np.tanh(
            reference.depthwise_conv2d(x.transpose(0, 2, 3, 1) if first else x, kernel, bias, strides=(1, 2))
        )
        return y.transpose(0, 3, 1, 2) if first else y

    check_layer(
        layers.DepthwiseConv2D, (2, 3, 5, 6) if first else (2, 5, 6, 3), want, 30, kernel_size=(3, 2), strides=(1, 2),
        depth_multiplier=2, activation="tanh", data_format="channels_first" if first else None,
    )  # fmt: skip


def test_separable_layer_matches_reference():
    def want(x, depthwise, pointwise, bias):
        y = reference.depthwise_conv2d(x, depthwise, pads=(same_padding(5, 3), same_padding(6, 3)))
        return np.maximum(reference.conv2d(y, pointwise, bias), 0)

    layer = layers.SeparableConv2D(4, 3, padding="same", activation="relu")
    layer(np.ones((1, 5, 6, 3)))
    assert [w.name for w in layer.weights] == ["depthwise_kernel", "pointwise_kernel", "bias"]
    check_layer(
        layers.SeparableConv2D, random_array((2, 5, 6, 3), 4), want, 60, filters=4, kernel_size=3, padding="same",
        activation="relu",
    )  # fmt: skip


def test_layers_over_lines():
    x = np.ones((2, 9, 3))
    assert layers.DepthwiseConv1D(3, depth_multiplier=2)(x).shape == (2, 7, 6)
    assert layers.DepthwiseConv1D(3).compute_output_shape((None, None, 3)) == (None, None, 3)
    assert layers.SeparableConv1D(5, 3, strides=2, padding="same")(x).shape == (2, 5, 5)


def test_layers_reject_arguments():
    with pytest.raises(ValueError, match="DepthwiseConv2D 'd': depth_multiplier must be a positive int; got 0"):
        layers.DepthwiseConv2D(3, depth_multiplier=0, name="d")
    with pytest.raises(ValueError, match="SeparableConv1D 's': padding must be 'valid' or 'same'; got 'causal'"):
        layers.SeparableConv1D(3, 3, padding="causal", name="s")
    with pytest.raises(ValueError, match=r"DepthwiseConv2D 'd': the image must be at least as large as the kernel"):
        layers.DepthwiseConv2D(3, name="d")(np.ones((1, 2, 5, 3)))
