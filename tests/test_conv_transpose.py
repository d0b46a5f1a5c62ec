"""conv2d_transpose, conv1d_transpose and conv_transpose: values, gradients, geometry, bits; and their layers."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn
from fastnn import layers, ops
from fastnn.ops.conv_transpose import transposed_extent
from tests import reference
from tests.helpers import assert_close, assert_same_bits, check_layer, check_op, random_array, real_threads


def geometry(size, kernel, strides, padding, output_padding, dilation):
    more = (None, None) if output_padding is None else output_padding
    axes = zip(size, kernel, strides, more, dilation, strict=True)
    sizes = [transposed_extent(n, k, s, padding, m, d) for n, k, s, m, d in axes]
    return {"size": [n for n, _ in sizes], "before": [b for _, b in sizes]}


def check(x, kernel, bias=True, strides=(1, 1), padding="valid", more=None, dilation=(1, 1), activation=None, **kwargs):
    spot = geometry(x[1:3], kernel[:2], strides, padding, more, dilation)

    def want(*args):
        return reference.conv2d_transpose(*args, strides=strides, dilation=dilation, activation=activation, **spot)

    def got(x, kernel, bias=None):
        return ops.conv2d_transpose(x, kernel, bias, strides, padding, more, dilation, activation)

    arrays = [random_array(x, 1), random_array(kernel, 2)] + ([random_array(kernel[2:3], 3)] if bias else [])
    check_op(got, want, *arrays, reduction=max(kernel[0] * kernel[1] * max(kernel[2:]), x[0] * x[1] * x[2]), **kwargs)


@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (3, 1), (2, 4)])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (2, 4)])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_conv2d_transpose_matches_reference(strides, kernel, padding):
    check((2, 4, 3, 3), (*kernel, 5, 3), strides=strides, padding=padding, dtypes=(np.float32,))


@pytest.mark.parametrize("more", [(0, 1), (2, 0)])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_conv2d_transpose_with_output_padding(more, padding):
    check((2, 4, 3, 2), (3, 2, 4, 2), strides=(3, 2), padding=padding, more=more, activation="relu", step=1e-5)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_conv2d_transpose_with_dilation(padding):
    check((1, 5, 4, 2), (3, 2, 3, 2), padding=padding, dilation=(2, 3), bias=False)


@pytest.mark.parametrize("oc, c", [(1, 17), (40, 3), (16, 16), (3, 1)])
@pytest.mark.parametrize("activation", [None, "relu"])
def test_conv2d_transpose_for_channels(oc, c, activation):
    """Tiles of pixels, of few outputs and of dot products, with bias and activation."""
    check((2, 5, 6, c), (3, 3, oc, c), padding="same", strides=(2, 2), activation=activation, step=1e-5)
    check((2, 6, 7, c), (2, 2, oc, c), activation=activation, dtypes=(np.float32,), step=1e-5)


def test_conv2d_transpose_where_nothing_arrives_is_bias():
    y = ops.conv2d_transpose(np.ones((1, 2, 2, 1)), np.ones((1, 1, 1, 1)), np.array([0.5]), strides=3).numpy()
    want = np.full((6, 6), 0.5)
    want[::3, ::3] = 1.5
    np.testing.assert_array_equal(y[0, :, :, 0], want)


@pytest.mark.parametrize("x", [(0, 5, 4, 3), (2, 0, 4, 3)])
def test_conv2d_transpose_of_nothing(x):
    check(x, (3, 2, 4, 3), padding="same", strides=(2, 2))


def test_conv2d_transpose_is_the_gradient_of_conv2d():
    x = fastnn.Tensor(random_array((2, 9, 8, 3)), requires_grad=True)
    kernel, dy = random_array((3, 3, 3, 4)), random_array((2, 4, 3, 4))
    ops.conv2d(x, kernel, strides=2).backward(dy)
    y = ops.conv2d_transpose(dy, kernel, strides=2, output_padding=(0, 1)).numpy()
    assert_same_bits(y, x.grad.numpy(), "transposed")


def test_conv1d_transpose_matches_reference():
    def want(x, kernel, bias):
        spot = geometry((1, 6), (1, 3), (1, 2), "same", None, (1, 1))
        return reference.conv2d_transpose(x[:, None], kernel[None], bias, (1, 2), **spot)[:, 0]

    check_op(
        lambda x, k, b: ops.conv1d_transpose(x, k, b, 2, "same"), want, (2, 6, 3), (3, 4, 3), (4,), reduction=18
    )


def test_conv_transpose_takes_channels_first_and_lines():
    x, kernel = random_array((2, 3, 4, 5)), random_array((3, 3, 2, 5))
    want = ops.conv2d_transpose(x, kernel, strides=2, padding="same").numpy()
    first = ops.conv_transpose(x.transpose(0, 3, 1, 2), kernel, [2, 2], "same", data_format="channels_first").numpy()
    assert_same_bits(first, want.transpose(0, 3, 1, 2), "channels first")
    line = ops.conv_transpose(x[:, 0], kernel[0], 2).numpy()
    assert_close(line, ops.conv2d_transpose(x[:, :1], kernel[:1], strides=(1, 2)).numpy()[:, 0], np.float64, 15)


def test_conv2d_transpose_same_bits_for_real_threads():
    x, kernel = random_array((5, 20, 17, 32)).astype(np.float32), random_array((3, 3, 24, 32)).astype(np.float32)

    def run():
        a, b = fastnn.Tensor(x, requires_grad=True), fastnn.Tensor(kernel, requires_grad=True)
        y = ops.conv2d_transpose(a, b, strides=2, padding="same", activation="relu")
        y.backward(y.numpy())
        return y.numpy(), a.grad.numpy(), b.grad.numpy()

    with real_threads(1):
        want = run()
    for threads in (2, 3):
        with real_threads(threads):
            for got, one in zip(run(), want, strict=True):
                assert_same_bits(got, one, f"{threads} threads")


def test_conv2d_transpose_bias_gradient_with_a_frozen_kernel():
    bias = fastnn.Tensor(np.zeros(3), requires_grad=True)
    ops.conv2d_transpose(np.ones((2, 4, 5, 2)), np.ones((2, 2, 3, 2)), bias, 2).sum().backward()
    np.testing.assert_allclose(bias.grad.numpy(), 2 * 8 * 10)


X, K = np.ones((2, 5, 5, 3), np.float32), np.ones((3, 3, 4, 3), np.float32)


@pytest.mark.parametrize(
    "args, kwargs, message",
    [
        ((X[0], K), {}, r"conv2d_transpose: x and kernel must be of rank 4, .*; got \(5, 5, 3\) and"),
        ((X, K[..., :2]), {}, "conv2d_transpose: x must be of 2 channels, the kernel's last axis"),
        ((X, K, np.ones(3, np.float32)), {}, r"conv2d_transpose: bias must be of shape \(4,\)"),
        ((X, K), {"strides": 0}, "conv2d_transpose: strides must be an integer of at least 1"),
        ((X, K), {"strides": 2, "output_padding": 2}, "output_padding must be less than the strides 2; got 2"),
        ((X, K), {"padding": "causal"}, "conv2d_transpose: padding must be 'valid' or 'same'; got 'causal'"),
        ((X, K), {"activation": "tanh"}, "conv2d_transpose: activation must be a known name; got 'tanh'"),
    ],
)
def test_conv2d_transpose_rejects_bad_arguments(args, kwargs, message):
    with pytest.raises(ValueError, match=message):
        ops.conv2d_transpose(*args, **kwargs)


# ---- layers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case",
    [
        {"kernel_size": 3, "strides": 2, "padding": "same"},
        {"kernel_size": (2, 3), "strides": (3, 2), "output_padding": (2, 0)},
        {"kernel_size": 2, "dilation_rate": 2, "data_format": "channels_first"},
    ],
    ids=str,
)
def test_layer_matches_op(case):
    layer = layers.Conv2DTranspose(4, **case)
    first = case.get("data_format") == "channels_first"

    def want(x, kernel, bias):
        x = x.transpose(0, 2, 3, 1) if first else x
        spot = geometry(
            x.shape[1:3], layer.kernel_size, layer.strides, layer.padding, layer.output_padding, layer.dilation_rate
        )
        y = np.tanh(reference.conv2d_transpose(x, kernel, bias, layer.strides, dilation=layer.dilation_rate, **spot))
        return y.transpose(0, 3, 1, 2) if first else y

    shape = (2, 3, 4, 5) if first else (2, 4, 5, 3)
    check_layer(layers.Conv2DTranspose, shape, want, 27, filters=4, activation="tanh", **case)


def test_layer_over_lines():
    layer = layers.Conv1DTranspose(4, 3, strides=2, padding="same")
    assert layer.compute_output_shape((None, None, 3)) == (None, None, 4)
    assert layer(np.ones((1, 5, 3))).shape == layer.compute_output_shape((1, 5, 3)) == (1, 10, 4)
    assert [w.shape for w in layer.weights] == [(3, 4, 3), (4,)]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"strides": 2, "output_padding": 2}, r"output_padding must be less than strides=\(2, 2\); got \(2, 2\)"),
        ({"strides": 2, "dilation_rate": 2}, r"dilation_rate must be 1 with strides=\(2, 2\)"),
        ({"output_padding": (-1, 0)}, r"output_padding must be an int of at least 0 or two of them; got \(-1, 0\)"),
        ({"padding": "causal"}, "padding must be 'valid' or 'same'; got 'causal'"),
    ],
    ids=str,
)
def test_layer_rejects_arguments(arguments, text):
    with pytest.raises(ValueError, match=f"Conv2DTranspose 'c': {text}"):
        layers.Conv2DTranspose(3, 2, **arguments, name="c")
