"""fastnn: `fit`, `predict`, `model(x)`; matrix products as in bench/kernels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from fitting import Fit
from networks import BETA_2, Network, fastnn_model

import fastnn
from fastnn import _core

VERSION = fastnn.__version__


class Library:
    def __init__(self, threads: int, variant: str) -> None:
        fastnn.set_num_threads(threads)
        self.threads = threads

    def trainer(self, network: Network, x: np.ndarray, y: np.ndarray, weights: list[Any], batch: int) -> Fit:
        model = fastnn_model(network)
        model.compile(fastnn.optimizers.Adam(network.rate, beta_2=BETA_2), model.loss)
        return Fit(model, x, y, weights, batch)

    def predictor(self, network: Network, x: np.ndarray, weights: list[Any], batch: int) -> Callable[[int], Any]:
        model = fastnn_model(network)
        model.set_weights(weights)
        if batch == 1:
            return self._one_by_one(model, x)

        def passes(n: int) -> Any:
            for _ in range(n):
                y = model.predict(x, batch_size=batch, verbose=0)
            return y

        return passes

    @staticmethod
    def _one_by_one(model: Any, x: np.ndarray) -> Callable[[int], Any]:
        def passes(n: int) -> Any:
            for _ in range(n):
                for i in range(len(x)):
                    y = model(x[i : i + 1])
            return y

        return passes

    def caller(self, network: Network, x: np.ndarray, weights: list[Any], batch: int) -> Callable[[int], Any]:
        model = fastnn_model(network)
        model.set_weights(weights)
        sample = x[:1]

        def calls(n: int) -> Any:
            for _ in range(n):
                y = model(sample)
            return y

        return calls

    def predict_caller(self, network: Network, x: np.ndarray, weights: list[Any], batch: int) -> Callable[[int], Any]:
        model = fastnn_model(network)
        model.set_weights(weights)
        sample = x[:1]

        def calls(n: int) -> Any:
            for _ in range(n):
                y = model.predict(sample, verbose=0)
            return y

        return calls

    def gemm(self, n: int) -> Callable[[int], Any]:
        from fastnn.ops.linalg import multiply_into

        rng = np.random.default_rng(0)
        a, b, c = (_core.empty((n, n), "float32") for _ in range(3))
        a[...], b[...] = rng.random((2, n, n), np.float32)
        program = _core.Program()
        with program.record():
            multiply_into(c, a, b)
        return lambda rounds: program.replay(steps=rounds, threads=self.threads)

    def peak(self) -> float:
        """GFLOP/s that the threads in use can do now."""
        import sys

        sys.path.insert(0, str(Path(__file__).parents[1] / "kernels"))
        from harness import peak

        return peak("float32")
