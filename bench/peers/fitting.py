"""What a trainer through Keras's `fit` is, for Keras and for fastnn alike."""

from __future__ import annotations

from typing import Any

import numpy as np


class Fit:
    """Trains a compiled model.

    Parameters
    ----------
    model : keras.Model or fastnn.Model
    x, y : array
        All samples.
    weights : list of array
        The initial ones.
    batch : int
    """

    def __init__(self, model: Any, x: np.ndarray, y: np.ndarray, weights: list[Any], batch: int) -> None:
        self.model, self.x, self.y, self.weights, self.batch = model, x, y, weights, batch
        self.reset()

    def reset(self) -> None:
        self.model.set_weights(self.weights)

    def run(self, epochs: int, shuffle: bool) -> Any:
        return self.model.fit(self.x, self.y, self.batch, epochs, verbose=0, shuffle=shuffle)

    def check(self, x: np.ndarray, y: np.ndarray, epochs: int) -> float:
        history = self.model.fit(x, y, self.batch, epochs, verbose=0, shuffle=False)
        return float(np.mean(history.history["loss"]))

    def logits(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self.model.predict(x, batch_size=64, verbose=0))
