"""Counts of right and wrong yes-or-no predictions, and what is made of them at given thresholds."""

from __future__ import annotations

from typing import Any

from fastnn.autograd import FLOAT64, Tensor, TensorLike, Variable, no_grad
from fastnn.metrics.base import Metric
from fastnn.metrics.counting import (
    FALSE_NEGATIVES,
    FALSE_POSITIVES,
    LOWEST,
    TRUE_NEGATIVES,
    TRUE_POSITIVES,
    Thresholds,
    count_above,
    ratio,
    samples,
    threshold_list,
)


class ThresholdMetric(Metric):
    """Base of metrics that count predictions above thresholds."""

    def __init__(self, thresholds: list[float], name: str | None, dtype: Any, even: bool | None = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.thresholds = thresholds
        self._sorted = Thresholds(thresholds, self.dtype, even)
        self._totals: dict[int, Variable] = {}

    def _count(self, which: int, name: str) -> Variable:
        """State for one of the four counts."""
        total = self.add_variable((len(self.thresholds),), "zeros", dtype=FLOAT64, name=name)
        self._totals[which] = total
        return total

    def _update(
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None, top_k: int | None = None,
        class_id: int | None = None,
    ) -> None:
        with no_grad():
            truth, pred, weight = samples(
                type(self).__name__, self.dtype, y_true, y_pred, sample_weight, top_k, class_id
            )
            count_above(self._sorted, truth, pred, weight, self._totals)

    def _per_threshold(self, values: Any) -> Tensor:
        """A result: a scalar for one threshold, else one value for each."""
        return self._value(values[0] if len(self.thresholds) == 1 else values)


class _ConditionCount(ThresholdMetric):
    """One of the four counts."""

    _which: int

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(threshold_list(type(self).__name__, thresholds, 0.5), name, dtype)
        self.init_thresholds = thresholds
        self.accumulator = self._count(self._which, "accumulator")

    def update_state(
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None
    ) -> None:
        self._update(y_true, y_pred, sample_weight)

    def result(self) -> Tensor:
        return self._per_threshold(self.accumulator.numpy())

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "thresholds": self.init_thresholds}


class TruePositives(_ConditionCount):
    """The number of samples that are positive and predicted so, or the sum of their weights.

    Parameters
    ----------
    thresholds : float or list of float, optional
        From 0 to 1: predictions above are positive; 0.5 by default. With a list the result has a value for each.
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.TruePositives()([0, 1, 1, 1], [1, 0, 1, 1]).item()
    2.0
    """

    _which = TRUE_POSITIVES


class TrueNegatives(_ConditionCount):
    """The number of samples that are negative and predicted so, or the sum of their weights.

    Parameters
    ----------
    thresholds, name, dtype
        As for `TruePositives`.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.TrueNegatives()([0, 1, 0, 0], [1, 1, 0, 0]).item()
    2.0
    """

    _which = TRUE_NEGATIVES


class FalsePositives(_ConditionCount):
    """The number of samples that are negative and predicted positive, or the sum of their weights.

    Parameters
    ----------
    thresholds, name, dtype
        As for `TruePositives`.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.FalsePositives()([0, 1, 0, 0], [0, 0, 1, 1]).item()
    2.0
    """

    _which = FALSE_POSITIVES


class FalseNegatives(_ConditionCount):
    """The number of samples that are positive and predicted negative, or the sum of their weights.

    Parameters
    ----------
    thresholds, name, dtype
        As for `TruePositives`.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.FalseNegatives()([0, 1, 1, 1], [0, 1, 0, 0]).item()
    2.0
    """

    _which = FALSE_NEGATIVES


class _Share(ThresholdMetric):
    """Of true positives, among them and one other count."""

    _direction = "up"

    def __init__(
        self, thresholds: Any = None, top_k: int | None = None, class_id: int | None = None, name: str | None = None,
        dtype: Any = None,
    ) -> None:
        default = 0.5 if top_k is None else LOWEST
        super().__init__(threshold_list(type(self).__name__, thresholds, default), name, dtype)
        self.init_thresholds = thresholds
        self.top_k = top_k
        self.class_id = class_id
        self.true_positives = self._count(TRUE_POSITIVES, "true_positives")

    def update_state(
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None
    ) -> None:
        self._update(y_true, y_pred, sample_weight, self.top_k, self.class_id)

    def _share(self, other: Variable) -> Tensor:
        right = self.true_positives.numpy()
        return self._per_threshold(ratio(right, right + other.numpy()))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(), "thresholds": self.init_thresholds, "top_k": self.top_k, "class_id": self.class_id
        }


class Precision(_Share):
    """The share of samples predicted positive that are: TP / (TP + FP), 0 if none was.

    Parameters
    ----------
    thresholds : float or list of float, optional
        From 0 to 1: predictions above are positive; 0.5 by default. With a list the result has a value for each.
    top_k : int, optional
        Only the k largest predictions of a sample can be positive; without thresholds, all of them are.
    class_id : int, optional
        The class that is looked at, instead of all.
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> round(metrics.Precision()([0, 1, 1, 1], [1, 0, 1, 1]).item(), 4)
    0.6667
    """

    def __init__(
        self, thresholds: Any = None, top_k: int | None = None, class_id: int | None = None, name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(thresholds, top_k, class_id, name, dtype)
        self.false_positives = self._count(FALSE_POSITIVES, "false_positives")

    def result(self) -> Tensor:
        return self._share(self.false_positives)


class Recall(_Share):
    """The share of positive samples that are predicted so: TP / (TP + FN), 0 if there is none.

    Parameters
    ----------
    thresholds, top_k, class_id, name, dtype
        As for `Precision`.

    Examples
    --------
    >>> from fastnn import metrics
    >>> round(metrics.Recall()([0, 1, 1, 1], [1, 0, 1, 1]).item(), 4)
    0.6667
    """

    def __init__(
        self, thresholds: Any = None, top_k: int | None = None, class_id: int | None = None, name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(thresholds, top_k, class_id, name, dtype)
        self.false_negatives = self._count(FALSE_NEGATIVES, "false_negatives")

    def result(self) -> Tensor:
        return self._share(self.false_negatives)
