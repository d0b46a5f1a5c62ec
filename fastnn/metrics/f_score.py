"""F-scores: one number from precision and recall."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import config, errors, ops
from fastnn.autograd import FLOAT64, Tensor, TensorLike, no_grad
from fastnn.losses.base import numbers
from fastnn.metrics.base import Metric
from fastnn.metrics.counting import (
    FALSE_NEGATIVES,
    FALSE_POSITIVES,
    TRUE_POSITIVES,
    Thresholds,
    count_above,
    samples,
)
from fastnn.ops import loss as loss_ops

AVERAGES = (None, "micro", "macro", "weighted")


class FBetaScore(Metric):
    """(1 + beta**2) * precision * recall / (beta**2 * precision + recall), for each class or averaged.

    Parameters
    ----------
    average : str or None
        None: one score for each class; "macro": their mean; "weighted": their mean by the classes' frequency;
        "micro": the score of all classes' counts together.
    beta : float
        How much more recall counts than precision.
    threshold : float, optional
        Above 0 and at most 1: predictions above are positive. Without one, the largest of a sample is.
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> m = metrics.FBetaScore(beta=2.0, threshold=0.5)
    >>> m.update_state([[1, 1, 1], [1, 0, 0], [1, 1, 0]], [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]])
    >>> [round(score, 4) for score in m.result().tolist()]
    [0.3846, 0.9091, 0.8333]
    """

    _direction = "up"

    def __init__(
        self, average: str | None = None, beta: float = 1.0, threshold: float | None = None,
        name: str | None = "fbeta_score", dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        who = type(self).__name__
        if average not in AVERAGES:
            raise errors.value_error(who, "average", f"one of {', '.join(map(repr, AVERAGES))}", average)
        if not isinstance(beta, float) or beta <= 0:
            raise errors.value_error(who, "beta", "a positive float", beta)
        if threshold is not None and not (isinstance(threshold, float) and 0 < threshold <= 1):
            raise errors.value_error(who, "threshold", "a float above 0 and at most 1", threshold)
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self._sorted = Thresholds([0.5 if threshold is None else threshold], self.dtype)
        self._built = False

    def _build(self, classes: int) -> None:
        shape = () if self.average == "micro" else (classes,)
        self.true_positives, self.false_positives, self.false_negatives = (
            self.add_variable(shape, "zeros", dtype=FLOAT64, name=name)
            for name in ("true_positives", "false_positives", "false_negatives")
        )
        self._built = True

    def update_state(
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None
    ) -> None:
        with no_grad():
            who, dtype = type(self).__name__, np.dtype(self.dtype)
            truth, pred = loss_ops.as_dtype(numbers(who, y_true), dtype), loss_ops.as_dtype(y_pred, dtype)
            if truth.ndim != 2 or pred.ndim != 2:
                raise errors.value_error(
                    who, "y_true and y_pred", "of shape (samples, classes)",
                    errors.Shown(f"shapes {truth.shape} and {pred.shape}"),
                )
            if not self._built:
                self._build(pred.shape[1])
            if self.threshold is None:
                top = ops.greater_equal(pred, ops.max(pred, axis=-1, keepdims=True))
                pred = ops.cast(ops.logical_and(top, ops.greater(ops.abs(pred), 1e-9)), dtype)
            truth, pred, weight = samples(who, self.dtype, truth, pred, sample_weight)
            totals = {
                TRUE_POSITIVES: self.true_positives, FALSE_POSITIVES: self.false_positives,
                FALSE_NEGATIVES: self.false_negatives,
            }
            labels = 1 if self.average == "micro" else pred.shape[1]
            count_above(self._sorted, truth, pred, weight, totals, labels, soft=True)

    def result(self) -> Tensor:
        if not self._built:
            raise errors.order_error(type(self).__name__, "no batch was seen yet", "Call update_state first.")
        tp, fp, fn = self.true_positives.numpy(), self.false_positives.numpy(), self.false_negatives.numpy()
        epsilon, square = config.epsilon(), self.beta**2
        precision, recall = tp / (tp + fp + epsilon), tp / (tp + fn + epsilon)
        score = (1 + square) * precision * recall / (square * precision + recall + epsilon)
        if self.average == "weighted":
            frequency = tp + fn
            score = (score * frequency / (frequency.sum() + epsilon)).sum()
        elif self.average is not None:
            score = score.mean()
        return self._value(score)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "average": self.average, "beta": self.beta, "threshold": self.threshold}


class F1Score(FBetaScore):
    """2 * precision * recall / (precision + recall), for each class or averaged.

    Parameters
    ----------
    average, threshold, name, dtype
        As for `FBetaScore`.

    Examples
    --------
    >>> from fastnn import metrics
    >>> m = metrics.F1Score(threshold=0.5)
    >>> m.update_state([[1, 1, 1], [1, 0, 0], [1, 1, 0]], [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]])
    >>> [round(score, 4) for score in m.result().tolist()]
    [0.5, 0.8, 0.6667]
    """

    def __init__(
        self, average: str | None = None, threshold: float | None = None, name: str | None = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average=average, beta=1.0, threshold=threshold, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["beta"]
        return config
