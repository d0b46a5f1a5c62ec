"""scikit-learn's MLPClassifier."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import sklearn
from networks import BETA_2, Network
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

VERSION = sklearn.__version__
warnings.simplefilter("ignore", ConvergenceWarning)


class Library:
    def __init__(self, threads: int, variant: str) -> None:
        """OPENBLAS_NUM_THREADS and OMP_NUM_THREADS are set already."""

    def trainer(self, network: Network, x: np.ndarray, y: np.ndarray, weights: list[Any], batch: int) -> Trainer:
        return Trainer(network, x, y, weights, batch)

    def caller(self, network: Network, x: np.ndarray, weights: list[Any], batch: int) -> Callable[[int], Any]:
        self.to_logits = to_logits
        classifier = Trainer(network, np.repeat(x[:1], 2, axis=0), np.array([0, 1]), weights, 2).classifier
        sample = x[:1]

        def calls(n: int) -> Any:
            for _ in range(n):
                y = classifier.predict_proba(sample)
            return y

        return calls


class Trainer:
    def __init__(self, network: Network, x: np.ndarray, y: np.ndarray, weights: list[Any], batch: int) -> None:
        self.x, self.y, self.weights = x, y, weights
        self.classifier = MLPClassifier(
            tuple(layer.units for layer in network.layers[:-1]), alpha=0.0, beta_2=BETA_2, batch_size=batch,
            learning_rate_init=network.rate, epsilon=1e-7, max_iter=1, warm_start=True, tol=0.0,
            n_iter_no_change=1 << 30, shuffle=False, random_state=0,
        )  # fmt: skip
        self.classifier.fit(x, y)
        self.reset()

    def reset(self) -> None:
        for place, value in zip(self.classifier.coefs_, self.weights[::2], strict=True):
            place[...] = value
        for place, value in zip(self.classifier.intercepts_, self.weights[1::2], strict=True):
            place[...] = value

    def run(self, epochs: int, shuffle: bool) -> Any:
        return self.fit(self.x, self.y, epochs, shuffle)

    def fit(self, x: np.ndarray, y: np.ndarray, epochs: int, shuffle: bool) -> float:
        self.classifier.set_params(max_iter=epochs, shuffle=shuffle)
        before = len(self.classifier.loss_curve_)
        self.classifier.n_iter_ = 0
        self.classifier.fit(x, y)
        return float(np.mean(self.classifier.loss_curve_[before:]))

    def check(self, x: np.ndarray, y: np.ndarray, epochs: int) -> float:
        return self.fit(x, y, epochs, shuffle=False)

    def logits(self, x: np.ndarray) -> np.ndarray:
        return to_logits(self.classifier.predict_proba(x).astype(np.float64))


def to_logits(p: np.ndarray) -> np.ndarray:
    return np.log(p[:, 1] / p[:, 0]) if p.shape[1] == 2 else np.log(p)
