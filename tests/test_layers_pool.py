"""Pooling layers."""

import numpy as np
import pytest

from fastnn import layers
from tests.helpers import check_layer, random_array
from tests.test_layers_conv import pads


def windows(x, size, strides, padding, fill):
    both = [pads(x.shape[1 + i], size[i], strides[i], 1, padding) for i in (0, 1)]
    x = np.pad(x, ((0, 0), *both, (0, 0)), constant_values=fill)
    return np.lib.stride_tricks.sliding_window_view(x, size, (1, 2))[:, :: strides[0], :: strides[1]]


def max_pool(x, size, strides, padding):
    return windows(x, size, strides, padding, -np.inf).max((-2, -1))


def average_pool(x, size, strides, padding):
    total = windows(x, size, strides, padding, 0).sum((-2, -1))
    return total / windows(np.ones_like(x), size, strides, padding, 0).sum((-2, -1))


CASES = [
    {"pool_size": 2},
    {"pool_size": (3, 2)},
    {"pool_size": 3, "strides": 2},
    {"pool_size": 2, "strides": (1, 3)},
    {"pool_size": 3, "padding": "same"},
    {"pool_size": (2, 3), "strides": 2, "padding": "same"},
]


def distinct(shape):
    """No ties and no two values within a step of the differences."""
    values = np.random.default_rng(0).permutation(int(np.prod(shape))).reshape(shape)
    return values / values.size


@pytest.mark.parametrize("case", CASES, ids=str)
def test_max_pooling_matches_reference(case):
    layer = layers.MaxPooling2D(**case)
    check_layer(
        layers.MaxPooling2D, distinct((2, 7, 6, 3)),
        lambda x: max_pool(x, layer.pool_size, layer.strides, layer.padding), **case,
    )  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_average_pooling_matches_reference(case):
    layer = layers.AveragePooling2D(**case)
    check_layer(
        layers.AveragePooling2D, (2, 7, 6, 3),
        lambda x: average_pool(x, layer.pool_size, layer.strides, layer.padding), 9, **case,
    )  # fmt: skip


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_global_pooling(data_format, keepdims):
    axes = (2, 3) if data_format == "channels_first" else (1, 2)
    arguments = {"data_format": data_format, "keepdims": keepdims}
    x = distinct((2, 3, 4, 5))
    check_layer(layers.GlobalAveragePooling2D, x, lambda x: x.mean(axes, keepdims=keepdims), 20, **arguments)
    check_layer(layers.GlobalMaxPooling2D, x, lambda x: x.max(axes, keepdims=keepdims), **arguments)


@pytest.mark.parametrize("kind", [layers.MaxPooling2D, layers.AveragePooling2D])
def test_channels_first(kind):
    x = random_array((2, 3, 6, 4))
    want = kind(2)(x.transpose(0, 2, 3, 1)).numpy().transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(kind(2, data_format="channels_first")(x).numpy(), want)


@pytest.mark.parametrize("case", [{"pool_size": 2}, {"pool_size": 3, "strides": (2,), "padding": "same"}], ids=str)
def test_pooling_of_lines_matches_images_of_height_1(case):
    layer = layers.MaxPooling1D(**case)
    strides, size = (1, *layer.strides), (1, *layer.pool_size)
    for make, pool in ((layers.MaxPooling1D, max_pool), (layers.AveragePooling1D, average_pool)):
        check_layer(
            make, distinct((2, 8, 3)),
            lambda x, pool=pool: pool(x[:, None], size, strides, layer.padding)[:, 0], 3, **case,
        )  # fmt: skip


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_global_pooling_of_lines(data_format, keepdims):
    axis = 2 if data_format == "channels_first" else 1
    arguments = {"data_format": data_format, "keepdims": keepdims}
    x = distinct((2, 3, 4))
    check_layer(layers.GlobalAveragePooling1D, x, lambda x: x.mean(axis, keepdims=keepdims), 4, **arguments)
    check_layer(layers.GlobalMaxPooling1D, x, lambda x: x.max(axis, keepdims=keepdims), **arguments)


def test_defaults_and_aliases():
    assert layers.MaxPooling1D().pool_size == (2,)
    assert layers.MaxPooling2D().pool_size == layers.MaxPooling2D().strides == (2, 2)
    assert layers.MaxPool2D is layers.MaxPooling2D and layers.AvgPool2D is layers.AveragePooling2D
    assert (
        layers.GlobalAvgPool2D is layers.GlobalAveragePooling2D
        and layers.GlobalMaxPool2D is layers.GlobalMaxPooling2D
    )
    with pytest.raises(TypeError, match="pool_size"):
        layers.AveragePooling2D()


def test_pooling_errors():
    with pytest.raises(
        ValueError, match="MaxPooling2D 'p': pool_size must be a positive int or two of them; got 0"
    ):
        layers.MaxPooling2D(0, name="p")
    with pytest.raises(
        ValueError, match=r"MaxPooling2D 'p': x must be of rank 4 .*; got rank 2 \(shape \(2, 3\)\)"
    ):
        layers.MaxPooling2D(2, name="p")(np.ones((2, 3)))
    with pytest.raises(
        ValueError, match=r"the image must be at least as large as the pooling window \(5, 5\); got shape"
    ):
        layers.MaxPooling2D(5)(np.ones((1, 3, 3, 1)))
    with pytest.raises(ValueError, match=r"GlobalMaxPooling2D 'g': x must be of rank 4"):
        layers.GlobalMaxPooling2D(name="g")(np.ones((2, 3)))
