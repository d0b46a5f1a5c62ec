"""Whole networks beside Keras: the same loss curve over 20 steps from the same weights and batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest

import fastnn

STEPS, BATCHES, BATCH = 20, 4, 16
MOST = 1e-4  # between two losses of a step


class Network(NamedTuple):
    build: Callable[[Any], Any]  # from a library, keras or fastnn
    input: tuple[int, ...]
    targets: Callable[[np.random.Generator], np.ndarray]
    loss: str
    # At 1e-3, rounding errors grow: in ResNet-20 Keras on JAX, on TensorFlow and on PyTorch are 6e-4 to 2e-3 apart
    # after 20 steps (batch 8); we are 6e-4 from JAX.
    rate: float = 1e-3  # of SGD


def resnet20(keras: Any) -> Any:
    """He et al. 2016, for CIFAR: three stages of three blocks, a convolution where a stage changes the size."""
    layers = keras.layers

    def conv(x: Any, filters: int, size: int = 3, strides: int = 1) -> Any:
        x = layers.Conv2D(filters, size, strides, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
        return layers.BatchNormalization()(x)

    x = inputs = keras.Input((32, 32, 3))
    x = layers.ReLU()(conv(x, 16))
    for stage, filters in enumerate((16, 32, 64)):
        for block in range(3):
            strides = 2 if stage and not block else 1
            y = layers.ReLU()(conv(x, filters, strides=strides))
            y = conv(y, filters)
            x = layers.ReLU()(layers.add([y, conv(x, filters, 1, strides) if strides == 2 else x]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def unet(keras: Any) -> Any:
    """Ronneberger et al. 2015, with two levels, for masks of one class."""
    layers = keras.layers

    def double(x: Any, filters: int) -> Any:
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        return x

    x = inputs = keras.Input((32, 24, 1))
    left = []
    for filters in (8, 16):
        x = double(x, filters)
        left.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = double(x, 32)
    x = layers.Conv2DTranspose(16, 2, strides=2, padding="same")(x)
    x = double(layers.Concatenate()([left[1], x]), 16)
    x = layers.Conv2D(8, 1)(layers.UpSampling2D(2, interpolation="bilinear")(x))
    x = double(layers.Concatenate()([left[0], x]), 8)
    return keras.Model(inputs, layers.Conv2D(1, 1, activation="sigmoid")(x))


def separable(keras: Any) -> Any:
    """Depthwise-separable convolutions, as in MobileNet (Howard et al. 2017) and Xception (Chollet 2017)."""
    layers = keras.layers

    x = inputs = keras.Input((28, 28, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    for filters, strides in ((16, 1), (32, 2)):
        x = layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)(x)
        x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
        x = layers.Conv2D(filters, 1, use_bias=False)(x)
        x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    y = layers.SeparableConv2D(32, 3, padding="same", activation="swish", depth_multiplier=2)(x)
    x = layers.Add()([x, y])
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def ecg(keras: Any) -> Any:
    """A 1-D network for heart beats: dilated causal convolutions, pooling, five classes."""
    layers = keras.layers
    return keras.Sequential([
        keras.Input((187, 1)),
        layers.Conv1D(16, 7, padding="causal", activation="relu"),
        layers.Conv1D(16, 5, padding="causal", dilation_rate=2, activation="relu"),
        layers.MaxPooling1D(2),
        layers.BatchNormalization(),
        layers.SeparableConv1D(32, 5, padding="same", activation="elu"),
        layers.AveragePooling1D(3, strides=2, padding="same"),
        layers.Conv1D(32, 3, strides=2, activation="gelu"),
        layers.LayerNormalization(),
        layers.GlobalMaxPooling1D(),
        layers.Dense(32, activation="selu", kernel_initializer="lecun_normal"),
        layers.Dense(5, activation="softmax"),
    ])


def classes(count: int) -> Callable[[np.random.Generator], np.ndarray]:
    return lambda rng: rng.integers(0, count, BATCH)


NETWORKS = {
    "ResNet-20": Network(resnet20, (32, 32, 3), classes(10), "sparse_categorical_crossentropy", rate=2e-4),
    "U-Net": Network(
        unet, (32, 24, 1), lambda rng: rng.integers(0, 2, (BATCH, 32, 24, 1)).astype(np.float32), "binary_crossentropy"
    ),
    "depthwise-separable": Network(separable, (28, 28, 3), classes(10), "sparse_categorical_crossentropy"),
    "ECG": Network(ecg, (187, 1), classes(5), "sparse_categorical_crossentropy", rate=2e-4),
}


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("name", NETWORKS)
def test_loss_curve(name, optimizer):
    network = NETWORKS[name]
    keras.utils.set_random_seed(1)
    theirs, ours = network.build(keras), network.build(fastnn)
    assert ours.count_params() == theirs.count_params()
    ours.set_weights(theirs.get_weights())
    arguments = {"SGD": {"learning_rate": network.rate, "momentum": 0.9}, "Adam": {"learning_rate": 1e-5}}[optimizer]
    for library, model in ((keras, theirs), (fastnn, ours)):
        model.compile(getattr(library.optimizers, optimizer)(**arguments), network.loss)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((BATCHES, BATCH, *network.input)).astype(np.float32)
    y = np.stack([network.targets(rng) for _ in range(BATCHES)])
    curves = []
    for model in (theirs, ours):
        curves.append([])
        for step in range(STEPS):
            curves[-1].append(float(model.train_on_batch(x[step % BATCHES], y[step % BATCHES])))
            model.reset_metrics()
    np.testing.assert_allclose(curves[1], curves[0], rtol=0, atol=MOST)
    assert curves[0][-1] != curves[0][0]
    np.testing.assert_allclose(
        ours.predict(x[0], verbose=0), theirs.predict(x[0], verbose=0), rtol=0, atol=10 * MOST
    )
