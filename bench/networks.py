"""The networks that bench/ and the peers' figures are about, with data for them."""

from __future__ import annotations

import numpy as np

import fastnn
from fastnn import layers


def reference_cnn() -> fastnn.Sequential:
    """The reference CNN for 28x28 images, compiled with Adam."""
    fastnn.utils.set_random_seed(0)
    model = fastnn.Sequential([
        layers.Input((28, 28, 1)),
        layers.Conv2D(32, 4, activation="relu"),
        layers.MaxPooling2D(3),
        layers.Conv2D(64, 4, activation="relu"),
        layers.MaxPooling2D(3),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(10),
    ])
    model.compile("adam", fastnn.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def mlp() -> fastnn.Sequential:
    """64-25-15-1 with ReLU and a logit, compiled with Adam."""
    fastnn.utils.set_random_seed(0)
    model = fastnn.Sequential([
        layers.Input((64,)),
        layers.Dense(25, activation="relu"),
        layers.Dense(15, activation="relu"),
        layers.Dense(1),
    ])
    model.compile("adam", fastnn.losses.BinaryCrossentropy(from_logits=True))
    return model


def images(n: int) -> tuple[np.ndarray, np.ndarray]:
    """``n`` images of 28x28 with one bright blob each, and labels: sparse like handwriting, not noise."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:28, :28]
    center = rng.uniform(8, 20, (2, n, 1, 1))
    blob = np.exp(-((rows - center[0]) ** 2 + (columns - center[1]) ** 2) / 20)
    return np.where(blob > 0.05, blob, 0).astype(np.float32)[..., None], rng.integers(0, 10, n)


def vectors(n: int) -> tuple[np.ndarray, np.ndarray]:
    """``n`` random vectors of 64 numbers, and labels 0 and 1."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 64)).astype(np.float32), rng.integers(0, 2, n)
