"""Keras's own `fit`, on TensorFlow (with and without XLA) or on JAX; inference through a compiled function."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from networks import BETA_2, Conv, Network, Pool

STEPS = 50  # per execution: Keras's `fit` is up to three times as fast as with one


class Library:
    def __init__(self, threads: int, variant: str) -> None:
        os.environ["KERAS_BACKEND"] = variant.split()[0]
        self.jit: Any = True if "jit" in variant or variant == "jax" else False
        if "tensorflow" in variant:
            import tensorflow as tf

            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(1)

    def model(self, network: Network, weights: list[Any]) -> Any:
        import keras
        from keras import layers

        stack: list[Any] = [keras.Input(network.input)]
        flat = len(network.input) == 1
        for layer in network.layers:
            if isinstance(layer, Conv):
                stack.append(layers.Conv2D(layer.filters, layer.size, padding=layer.padding, activation="relu"))
            elif isinstance(layer, Pool):
                stack.append(layers.MaxPooling2D(layer.size))
            else:
                if not flat:
                    stack.append(layers.Flatten())
                    flat = True
                stack.append(layers.Dense(layer.units, activation="relu" if layer.relu else None))
        model = keras.Sequential(stack)
        model.set_weights(weights)
        return model

    def trainer(self, network: Network, x: np.ndarray, y: np.ndarray, weights: list[Any], batch: int) -> Trainer:
        return Trainer(self.model(network, weights), network, x, y, weights, batch, self.jit)

    def predictor(self, network: Network, x: np.ndarray, weights: list[Any], batch: int) -> Callable[[int], Any]:
        import tensorflow as tf

        model = self.model(network, weights)
        run = tf.function(lambda x: model(x, training=False), jit_compile=self.jit)

        def passes(n: int) -> Any:
            for _ in range(n):
                for i in range(0, len(x), batch):
                    y = run(tf.constant(x[i : i + batch])).numpy()
            return y

        return passes

    def caller(self, network: Network, x: np.ndarray, weights: list[Any], batch: int) -> Callable[[int], Any]:
        return self.predictor(network, x[:1], weights, 1)


class Trainer:
    def __init__(
        self, model: Any, network: Network, x: np.ndarray, y: np.ndarray, weights: list[Any], batch: int, jit: Any
    ) -> None:
        import keras

        self.model, self.x, self.y, self.weights, self.batch = model, x, y, weights, batch
        losses = keras.losses
        chosen = losses.SparseCategoricalCrossentropy if network.loss == "sparse" else losses.BinaryCrossentropy
        model.compile(keras.optimizers.Adam(network.rate, beta_2=BETA_2), chosen(from_logits=True), jit_compile=jit,
                      steps_per_execution=min(STEPS, len(x) // batch))

    def reset(self) -> None:
        self.model.set_weights(self.weights)

    def run(self, epochs: int, shuffle: bool) -> Any:
        return self.model.fit(self.x, self.y, self.batch, epochs, verbose=0, shuffle=shuffle)

    def check(self, x: np.ndarray, y: np.ndarray, epochs: int) -> float:
        history = self.model.fit(x, y, self.batch, epochs, verbose=0, shuffle=False)
        return float(np.mean(history.history["loss"]))

    def logits(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self.model.predict(x, batch_size=64, verbose=0))
