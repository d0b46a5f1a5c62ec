"""Geometry of convolutions, pooling and their like beside Keras's: odd sizes, strides, paddings, dilation, gradients.

Where Keras's backends differ, TensorFlow's way is followed, and what they refuse is left out.
"""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest

import fastnn
from fastnn import layers, ops

EQUAL = {"rtol": 1e-5, "atol": 1e-5}
BACKEND = keras.backend.backend()


def random(*shape):
    return np.random.default_rng(shape).standard_normal(shape).astype(np.float32)


def names(value):
    return value if isinstance(value, str) else ""


def same(got, want):
    want = keras.ops.convert_to_numpy(want)
    assert got.shape == want.shape
    np.testing.assert_allclose(got.numpy(), want, **EQUAL)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_conv_rounds_like_keras(padding):
    for size, kernel, stride in itertools.product((5, 8), (1, 2, 3, 4), (1, 2, 3)):
        x, w = random(2, size, size + 1, 2), random(kernel, kernel, 2, 3)
        same(ops.conv(x, w, stride, padding), keras.ops.conv(x, w, stride, padding))


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_pooling_rounds_like_keras(padding):
    for size, window, stride in itertools.product((5, 6), (2, 3), (1, 2, 3)):
        x = random(2, size, size + 1, 3)
        for name in ("max_pool", "average_pool"):
            want = getattr(keras.ops, name)(x, window, stride, padding)
            same(getattr(ops, name)(x, window, stride, padding), want)
            want = getattr(keras.ops, name)(x[:, 0], window, stride, padding)
            same(getattr(ops, name)(x[:, 0], window, stride, padding), want)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_conv_transpose_rounds_like_keras(padding):
    for size, kernel, stride in itertools.product((1, 4), (1, 2, 3, 5), (1, 2, 3)):
        x, w = random(2, size, size + 1, 2), random(kernel, kernel, 3, 2)
        for more in (None, *range(stride)):
            sensible = padding == "valid" or more is None or 1 <= kernel % 2 + more <= stride
            if BACKEND == "tensorflow" and not sensible:
                continue  # no convolution goes back from such an output
            same(
                ops.conv_transpose(x, w, stride, padding, more),
                keras.ops.conv_transpose(x, w, stride, padding, more),
            )


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_dilated_conv_transpose(padding):
    for kernel, dilation in itertools.product((2, 3), (2, 3)):
        x, w = random(1, 5, 4, 2), random(kernel, kernel, 3, 2)
        want = keras.ops.conv_transpose(x, w, 1, padding, dilation_rate=dilation)
        same(ops.conv_transpose(x, w, 1, padding, dilation_rate=dilation), want)
        same(
            ops.conv_transpose(x[:, 0], w[0], 1, padding, dilation_rate=dilation),
            keras.ops.conv_transpose(x[:, 0], w[0], 1, padding, dilation_rate=dilation),
        )


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides, dilation", [(1, 1), (2, 1), (1, 2), (3, 1)])
def test_depthwise_and_separable_conv(padding, strides, dilation):
    x, w, point = random(2, 8, 7, 3), random(3, 3, 3, 2), random(1, 1, 6, 4)
    arguments = {"strides": strides, "padding": padding, "dilation_rate": dilation}
    same(ops.depthwise_conv(x, w, **arguments), keras.ops.depthwise_conv(x, w, **arguments))
    same(ops.separable_conv(x, w, point, **arguments), keras.ops.separable_conv(x, w, point, **arguments))
    x, w, point = x[:, 0], w[0], point[0]
    same(ops.depthwise_conv(x, w, **arguments), keras.ops.depthwise_conv(x, w, **arguments))
    same(ops.separable_conv(x, w, point, **arguments), keras.ops.separable_conv(x, w, point, **arguments))


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"])
@pytest.mark.parametrize("size", [2, (4, 1), (3, 2)])
def test_upsampling_interpolates_like_keras(interpolation, size):
    if BACKEND == "tensorflow" and interpolation == "bicubic" and size == (3, 2):
        pytest.skip("TensorFlow rounds positions to 1/1024")
    x = random(2, 6, 5, 3)
    arguments = {"size": size, "interpolation": interpolation}
    same(layers.UpSampling2D(**arguments)(x), keras.layers.UpSampling2D(**arguments)(x))


SAME, RELU = {"padding": "same"}, {"activation": "relu"}
FIRST = {"data_format": "channels_first"}
TRAINED = [
    ("Conv1D", {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "causal"}, (11, 3)),
    ("Conv1D", {"filters": 4, "kernel_size": 2, "dilation_rate": 3, "padding": "causal", **RELU}, (11, 3)),
    ("Conv2D", {"filters": 6, "kernel_size": 3, "strides": 2, "padding": "same", "groups": 3}, (7, 8, 3)),
    ("Conv2DTranspose", {"filters": 4, "kernel_size": 3, "strides": 2, "output_padding": 1, **SAME}, (4, 5, 3)),
    ("Conv2DTranspose", {"filters": 4, "kernel_size": 3, "dilation_rate": 2, "activation": "relu"}, (4, 5, 3)),
    ("Conv2DTranspose", {"filters": 4, "kernel_size": 2, "strides": 3, "padding": "same"}, (4, 5, 3)),
    ("Conv1DTranspose", {"filters": 4, "kernel_size": 5, "strides": 3, "output_padding": 2}, (5, 3)),
    ("DepthwiseConv2D", {"kernel_size": 3, "strides": 2, "padding": "same", "depth_multiplier": 2}, (7, 6, 3)),
    ("SeparableConv2D", {"filters": 4, "kernel_size": 3, "strides": 2, "activation": "relu"}, (8, 7, 3)),
    ("UpSampling2D", {"size": (2, 3), "interpolation": "bilinear"}, (3, 4, 3)),
]  # fmt: skip


@pytest.mark.parametrize("name, config, shape", TRAINED, ids=names)
def test_gradients(name, config, shape):
    """A layer behind another one, so that the gradient of its input counts, too."""

    def network(library):
        make = library.layers
        front = make.Conv1D(3, 1) if len(shape) == 2 else make.Conv2D(3, 1)
        model = library.Sequential([library.Input(shape), front, getattr(make, name)(**config)])
        model.compile(library.optimizers.SGD(0.05), "mse")
        return model

    theirs, ours = network(keras), network(fastnn)
    ours.set_weights(theirs.get_weights())
    x = random(4, *shape)
    y = random(*ours(x).shape)
    for _ in range(4):
        np.testing.assert_allclose(ours.train_on_batch(x, y), theirs.train_on_batch(x, y), **EQUAL)
        ours.reset_metrics(), theirs.reset_metrics()
    for got, want in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(got, want, **EQUAL)


CHANNELS_FIRST = [
    ("Conv1D", {"filters": 4, "kernel_size": 3}, (3, 9)),
    ("Conv1DTranspose", {"filters": 4, "kernel_size": 3, "strides": 2}, (3, 9)),
    ("Conv2DTranspose", {"filters": 4, "kernel_size": 3, "strides": 2}, (3, 4, 5)),
    ("DepthwiseConv1D", {"kernel_size": 3}, (3, 9)),
    ("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 2}, (3, 6, 5)),
    ("SeparableConv1D", {"filters": 4, "kernel_size": 3}, (3, 9)),
    ("SeparableConv2D", {"filters": 4, "kernel_size": 3}, (3, 6, 5)),
    ("MaxPooling1D", {"pool_size": 2}, (3, 9)),
    ("AveragePooling2D", {"pool_size": 2, "padding": "same"}, (3, 5, 6)),
    ("GlobalAveragePooling1D", {"keepdims": True}, (3, 5)),
    ("GlobalMaxPooling2D", {}, (3, 5, 4)),
    ("ZeroPadding1D", {"padding": (1, 2)}, (3, 5)),
    ("ZeroPadding2D", {"padding": (1, 2)}, (3, 5, 4)),
    ("Cropping2D", {"cropping": ((1, 0), (0, 2))}, (3, 5, 4)),
    ("UpSampling2D", {"size": (3, 2)}, (3, 5, 4)),
]


@pytest.mark.parametrize("name, config, shape", CHANNELS_FIRST, ids=names)
def test_channels_first(name, config, shape):
    theirs = getattr(keras.layers, name)(**config, **FIRST)
    ours = getattr(layers, name)(**config, **FIRST)
    x = random(2, *shape)
    theirs.build(x.shape), ours(x)
    ours.set_weights(theirs.get_weights())
    want = tuple(theirs.compute_output_shape((None, *shape)))
    assert ours.compute_output_shape((None, *shape)) == want == (None, *ours(x).shape[1:])
    if BACKEND == "jax":  # TensorFlow's convolutions have no channels first on CPUs
        same(ours(x), theirs(x))


@pytest.mark.parametrize(
    "name, config",
    [
        ("Conv2D", {"filters": 0, "kernel_size": 3}),
        ("Conv2D", {"filters": 4, "kernel_size": 3, "groups": 3}),
        ("Conv2D", {"filters": 4, "kernel_size": 3, "strides": 2, "dilation_rate": 2}),
        ("Conv2D", {"filters": 4, "kernel_size": 3, "padding": "causal"}),
        ("Conv1D", {"filters": 4, "kernel_size": (3, 3)}),
        ("Conv2DTranspose", {"filters": 4, "kernel_size": 3, "strides": 2, "output_padding": 2}),
        ("Conv1DTranspose", {"filters": 4, "kernel_size": 3, "strides": 2, "dilation_rate": 2}),
        ("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 0}),
        ("SeparableConv1D", {"filters": 4, "kernel_size": 3, "padding": "causal"}),
        ("ZeroPadding2D", {"padding": (1, 2, 3)}),
        ("Cropping2D", {"cropping": -1}),
        ("UpSampling1D", {"size": 0}),
    ],
    ids=names,
)
def test_what_keras_refuses_is_refused(name, config):
    for library in (keras, fastnn):
        with pytest.raises(ValueError):
            getattr(library.layers, name)(**config)
