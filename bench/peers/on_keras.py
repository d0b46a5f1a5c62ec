"""Keras's own `fit`, on TensorFlow (with and without XLA) or on JAX; inference through a compiled function."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from fitting import Fit
from networks import BETA_2, Network, keras_loss, keras_model

STEPS = 50  # per execution: Keras's `fit` is up to three times as fast as with one


class Library:
    def __init__(self, threads: int, variant: str) -> None:
        os.environ["KERAS_BACKEND"] = variant.split()[0]
        self.jit: Any = True if "jit" in variant or variant == "jax" else False
        if "tensorflow" in variant:
            import tensorflow as tf

            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(1)

    def trainer(self, network: Network, x: np.ndarray, y: np.ndarray, weights: list[Any], batch: int) -> Fit:
        import keras

        model = keras_model(network, keras, weights)
        model.compile(keras.optimizers.Adam(network.rate, beta_2=BETA_2), keras_loss(network, keras),
                      jit_compile=self.jit, steps_per_execution=min(STEPS, len(x) // batch))  # fmt: skip
        return Fit(model, x, y, weights, batch)

    def predictor(self, network: Network, x: np.ndarray, weights: list[Any], batch: int) -> Callable[[int], Any]:
        import keras
        import tensorflow as tf

        model = keras_model(network, keras, weights)
        run = tf.function(lambda x: model(x, training=False), jit_compile=self.jit)

        def passes(n: int) -> Any:
            for _ in range(n):
                for i in range(0, len(x), batch):
                    y = run(tf.constant(x[i : i + batch])).numpy()
            return y

        return passes

    def caller(self, network: Network, x: np.ndarray, weights: list[Any], batch: int) -> Callable[[int], Any]:
        return self.predictor(network, x[:1], weights, 1)
