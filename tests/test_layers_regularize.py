"""Noise, dropout of slices, penalties of activities: statistics, and what is off outside training."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn
from fastnn import layers

NOISY = [
    ("SpatialDropout1D", {"rate": 0.25}, (200, 3, 40)), ("SpatialDropout2D", {"rate": 0.25}, (200, 2, 2, 40)),
    ("SpatialDropout2D", {"rate": 0.25, "data_format": "channels_first"}, (200, 40, 2, 2)),
    ("GaussianNoise", {"stddev": 0.5}, (100, 100)), ("GaussianDropout", {"rate": 0.25}, (100, 100)),
    ("AlphaDropout", {"rate": 0.25}, (100, 100)), ("AlphaDropout", {"rate": 0.25, "noise_shape": (None, 1)}, (3000, 3)),
]  # fmt: skip
each = pytest.mark.parametrize(("name", "arguments", "shape"), NOISY, ids=str)


@each
def test_off_outside_training(name, arguments, shape):
    x = fastnn.Tensor(np.ones(shape, np.float32))
    layer = getattr(layers, name)(**arguments)
    assert layer(x) is x and layer(x, training=False) is x
    assert layer.compute_output_shape((None, *shape[1:])) == (None, *shape[1:])
    zero = dict.fromkeys(arguments.keys() & {"rate", "stddev"}, 0.0)
    assert getattr(layers, name)(**{**arguments, **zero})(x, training=True) is x


@each
def test_draws_differ_and_can_be_repeated(name, arguments, shape):
    x = np.ones(shape)
    layer, twin = (getattr(layers, name)(**arguments, seed=3) for _ in range(2))
    first, second = (layer(x, training=True).numpy() for _ in range(2))
    assert (first != second).any()
    np.testing.assert_array_equal(twin(x, training=True).numpy(), first)


@pytest.mark.parametrize(("name", "arguments", "shape"), NOISY[:3], ids=str)
def test_spatial_dropout_drops_whole_channels(name, arguments, shape):
    y = getattr(layers, name)(**arguments, seed=1)(np.ones(shape), training=True).numpy()
    first = arguments.get("data_format") == "channels_first"
    by_channel = np.moveaxis(y, 1, -1) if first else y
    one = by_channel[(slice(None), *[slice(0, 1)] * (y.ndim - 2))]
    assert (by_channel == one).all()
    assert set(np.unique(y)) == {0, np.float32(1 / 0.75)}
    assert abs((one == 0).mean() - 0.25) < 0.02


def test_gaussian_noise():
    y = layers.GaussianNoise(0.5, seed=1)(np.full((200, 200), 3.0), training=True).numpy()
    assert abs(y.mean() - 3) < 0.02 and abs(y.std() - 0.5) < 0.01


def test_gaussian_dropout_has_the_variance_of_dropout():
    y = layers.GaussianDropout(0.2, seed=1)(np.full((200, 200), 3.0), training=True).numpy()
    assert abs(y.mean() - 3) < 0.05 and abs(y.std() - 3 * 0.5) < 0.03


def test_alpha_dropout_keeps_mean_and_variance():
    x = np.random.default_rng(0).standard_normal((300, 300))
    y = layers.AlphaDropout(0.3, seed=1)(x, training=True).numpy()
    assert abs(y.mean()) < 0.02 and abs(y.std() - 1) < 0.02
    values, counts = np.unique(y, return_counts=True)
    assert abs(counts.max() / y.size - 0.3) < 0.01  # the dropped ones are equal
    a = ((1 - 0.3) * (1 + 0.3 * 1.7580993408473766**2)) ** -0.5
    np.testing.assert_allclose(values[counts.argmax()], -a * 1.7580993408473766 * 0.7, rtol=1e-6)


def test_alpha_dropout_noise_shape():
    y = layers.AlphaDropout(0.5, noise_shape=(None, 1), seed=1)(np.ones((50, 3)), training=True).numpy()
    assert (y == y[:, :1]).all() and len(np.unique(y)) == 2


@pytest.mark.parametrize("name", ["GaussianNoise", "GaussianDropout", "AlphaDropout", "SpatialDropout1D"])
def test_gradients(name):
    """The layer is affine in its input: the slope is what the same draw makes of 1 more."""
    make, x = getattr(layers, name), np.random.default_rng(0).standard_normal((4, 3, 5))
    tensor = fastnn.Tensor(x, requires_grad=True)
    make(0.4, seed=2, dtype="float64")(tensor, training=True).sum().backward()
    a, b = (make(0.4, seed=2, dtype="float64")(value, training=True).numpy() for value in (x, x + 1))
    np.testing.assert_allclose(tensor.grad.numpy(), b - a, rtol=1e-12, atol=1e-12)


def test_activity_regularization():
    layer = layers.ActivityRegularization(l1=0.1, l2=0.5)
    x = np.array([[1.0, -2.0], [0.0, 3.0]], np.float32)
    np.testing.assert_array_equal(layer(x).numpy(), x)
    np.testing.assert_allclose(layer.losses[0].item(), (0.1 * 6 + 0.5 * 14) / 2, rtol=1e-6)
    assert "activity_regularizer" not in layer.get_config()


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), None])
def test_rejects_rates(value):
    for make, argument in [
        (layers.GaussianNoise, "stddev"), (layers.GaussianDropout, "rate"), (layers.AlphaDropout, "rate"),
        (layers.SpatialDropout1D, "rate"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=f"{argument} must be a number from 0 to 1"):
            make(value)


def test_rejects():
    for make in (layers.GaussianDropout, layers.AlphaDropout):
        with pytest.raises(ValueError, match="rate must be below 1 in training"):
            make(1.0)(np.ones((1, 2)), training=True)
    with pytest.raises(ValueError, match="noise_shape must be a tuple of positive sizes and None"):
        layers.Dropout(0.5, noise_shape=(0, None))
    with pytest.raises(TypeError, match="noise_shape must be a tuple of sizes, or None"):
        layers.AlphaDropout(0.5, noise_shape="x")
