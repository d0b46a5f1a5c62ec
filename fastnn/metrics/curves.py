"""Metrics over many thresholds: the areas under curves, and the best of one rate where another is high enough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn import config, errors, ops
from fastnn.autograd import FLOAT64, Tensor, TensorLike, Variable, as_tensor, no_grad
from fastnn.metrics.base import Metric
from fastnn.metrics.confusion import ThresholdMetric
from fastnn.metrics.counting import (
    FALSE_NEGATIVES,
    FALSE_POSITIVES,
    TRUE_NEGATIVES,
    TRUE_POSITIVES,
    Thresholds,
    count_above,
    is_even,
    ratio,
    samples,
)
from fastnn.ops import loss as loss_ops


def _between(n: int) -> list[float]:
    """n - 2 thresholds evenly spaced between 0 and 1."""
    return [(i + 1) * 1.0 / (n - 1) for i in range(n - 2)]


# ---- one rate at another ------------------------------------------------------------------------------------------


class _RateAtRate(ThresholdMetric):
    """Base: the largest of one rate over the thresholds at which the other is at least ``value``."""

    _direction = "up"
    _given: str  # the argument that names the other rate

    def __init__(self, value: float, num_thresholds: int, class_id: int | None, name: str | None, dtype: Any) -> None:
        who = type(self).__name__
        if not 0 <= value <= 1:
            raise errors.value_error(who, self._given, "from 0 to 1", value)
        if num_thresholds <= 0:
            raise errors.value_error(who, "num_thresholds", "a positive int", num_thresholds)
        thresholds = [0.5] if num_thresholds == 1 else [0.0, *_between(num_thresholds), 1.0]
        super().__init__(thresholds, name, dtype, even=num_thresholds > 1)
        self.value = value
        self.num_thresholds = num_thresholds
        self.class_id = class_id
        self.true_positives = self._count(TRUE_POSITIVES, "true_positives")
        self.false_positives = self._count(FALSE_POSITIVES, "false_positives")
        self.true_negatives = self._count(TRUE_NEGATIVES, "true_negatives")
        self.false_negatives = self._count(FALSE_NEGATIVES, "false_negatives")

    def update_state(
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None
    ) -> None:
        self._update(y_true, y_pred, sample_weight, class_id=self.class_id)

    def _rate(self, part: Variable, rest: Variable) -> Any:
        counts = part.numpy()
        return ratio(counts, counts + rest.numpy())

    def _recall(self) -> Any:
        return self._rate(self.true_positives, self.false_negatives)

    def _precision(self) -> Any:
        return self._rate(self.true_positives, self.false_positives)

    def _specificity(self) -> Any:
        return self._rate(self.true_negatives, self.false_positives)

    def _best(self, rate: Any, where: Any) -> Tensor:
        # compared in the metric's dtype, as Keras does: a rate of 0.8 reaches 0.8
        reached = where.astype(self.dtype) >= np.asarray(self.value, self.dtype)
        return self._value(np.where(reached, rate, 0.0).max(initial=0.0))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(), "class_id": self.class_id, "num_thresholds": self.num_thresholds,
            self._given: self.value,
        }


class SensitivityAtSpecificity(_RateAtRate):
    """The best sensitivity TP / (TP + FN) over the thresholds with at least this specificity TN / (TN + FP).

    Parameters
    ----------
    specificity : float
        From 0 to 1.
    num_thresholds : int
        How many, evenly spaced from 0 to 1, are tried.
    class_id : int, optional
        The class that is looked at, instead of all.
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]).item()
    0.5
    """

    _given = "specificity"

    def __init__(
        self, specificity: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(specificity, num_thresholds, class_id, name, dtype)
        self.specificity = specificity

    def result(self) -> Tensor:
        return self._best(self._recall(), self._specificity())


class SpecificityAtSensitivity(_RateAtRate):
    """The best specificity TN / (TN + FP) over the thresholds with at least this sensitivity TP / (TP + FN).

    Parameters
    ----------
    sensitivity : float
        From 0 to 1.
    num_thresholds, class_id, name, dtype
        As for `SensitivityAtSpecificity`.

    Examples
    --------
    >>> from fastnn import metrics
    >>> round(metrics.SpecificityAtSensitivity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]).item(), 4)
    0.6667
    """

    _given = "sensitivity"

    def __init__(
        self, sensitivity: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)
        self.sensitivity = sensitivity

    def result(self) -> Tensor:
        return self._best(self._specificity(), self._recall())


class PrecisionAtRecall(_RateAtRate):
    """The best precision TP / (TP + FP) over the thresholds with at least this recall TP / (TP + FN).

    Parameters
    ----------
    recall : float
        From 0 to 1.
    num_thresholds, class_id, name, dtype
        As for `SensitivityAtSpecificity`.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]).item()
    0.5
    """

    _given = "recall"

    def __init__(
        self, recall: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(recall, num_thresholds, class_id, name, dtype)
        self.recall = recall

    def result(self) -> Tensor:
        return self._best(self._precision(), self._recall())


class RecallAtPrecision(_RateAtRate):
    """The best recall TP / (TP + FN) over the thresholds with at least this precision TP / (TP + FP).

    Parameters
    ----------
    precision : float
        From 0 to 1.
    num_thresholds, class_id, name, dtype
        As for `SensitivityAtSpecificity`.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.RecallAtPrecision(0.8)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]).item()
    0.5
    """

    _given = "precision"

    def __init__(
        self, precision: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(precision, num_thresholds, class_id, name, dtype)
        self.precision = precision

    def result(self) -> Tensor:
        return self._best(self._recall(), self._precision())


# ---- areas --------------------------------------------------------------------------------------------------------

CURVES = {"ROC": "ROC", "roc": "ROC", "PR": "PR", "pr": "PR", "PRGAIN": "PRGAIN", "prgain": "PRGAIN"}
SUMMATIONS = {
    form: method for method in ("interpolation", "majoring", "minoring") for form in (method, method.capitalize())
}


class AUC(Metric):
    """The area under the curve of true over false positive rates, or of precision over recall.

    Parameters
    ----------
    num_thresholds : int
        At how many thresholds, evenly spaced from 0 to 1, the curve is known; the more, the nearer to the true area.
    curve : str
        "ROC", "PR", or "PRGAIN", precision and recall as gains over a random guess.
    summation_method : str
        How an area between two thresholds is estimated: "interpolation" (for "PR" that of Davis and Goadrich, otherwise
        the trapezoidal rule), "minoring" or "majoring" by the smaller or larger height.
    name : str, optional
    dtype : str, optional
    thresholds : list of float, optional
        From 0 to 1, instead of evenly spaced ones; one below 0 and one above 1 are added.
    multi_label : bool
        Whether each label has its curve, the result being the mean of the areas.
    num_labels : int, optional
        For multi_label: of how many state is made at once, not with the first batch.
    label_weights : list of float, optional
        For multi_label the labels' weights in the mean of the areas, otherwise those of their predictions.
    from_logits : bool
        Whether predictions are logits, whose sigmoid is taken.

    Source
    ------
    Davis and Goadrich, The Relationship Between Precision-Recall and ROC Curves, ICML 2006.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.AUC(num_thresholds=3)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]).item()
    0.75
    """

    _direction = "up"

    def __init__(
        self, num_thresholds: int = 200, curve: str = "ROC", summation_method: str = "interpolation",
        name: str | None = None, dtype: Any = None, thresholds: Sequence[float] | None = None,
        multi_label: bool = False, num_labels: int | None = None,
        label_weights: Sequence[float] | None = None, from_logits: bool = False,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if curve not in CURVES:
            raise errors.value_error("AUC", "curve", "one of 'ROC', 'PR', 'PRGAIN'", curve)
        if summation_method not in SUMMATIONS:
            raise errors.value_error(
                "AUC", "summation_method", "one of 'interpolation', 'majoring', 'minoring'", summation_method
            )
        if num_labels and not multi_label:
            raise errors.value_error("AUC", "num_labels", "left out where multi_label is False", num_labels)
        self.curve = CURVES[curve]
        self.summation_method = SUMMATIONS[summation_method]
        self._init_from_thresholds = thresholds is not None
        if thresholds is None:
            if num_thresholds <= 1:
                raise errors.value_error("AUC", "num_thresholds", "an int above 1", num_thresholds)
            inner, even = _between(num_thresholds), True
        else:
            inner = sorted(thresholds)
            if any(not 0 <= t <= 1 for t in inner):
                raise errors.value_error("AUC", "thresholds", "numbers from 0 to 1", thresholds)
            even = is_even([0.0, *inner, 1.0])
        self.num_thresholds = len(inner) + 2
        self._thresholds = [0.0 - config.epsilon(), *inner, 1.0 + config.epsilon()]
        self._sorted = Thresholds(self._thresholds, self.dtype, even)
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = None if label_weights is None else np.asarray(label_weights, self.dtype)
        self._from_logits = from_logits
        self._totals: dict[int, Variable] = {}
        self._built = False
        if not multi_label:
            self._build(None)
        elif num_labels:
            self._build(num_labels)

    @property
    def thresholds(self) -> list[float]:
        """The thresholds, the added ones included."""
        return list(self._thresholds)

    def _build(self, labels: int | None) -> None:
        self._num_labels = labels
        shape = (self.num_thresholds,) if labels is None else (self.num_thresholds, labels)
        names = ("true_positives", "false_positives", "true_negatives", "false_negatives")
        totals = [self.add_variable(shape, "zeros", dtype=FLOAT64, name=name) for name in names]
        self.true_positives, self.false_positives, self.true_negatives, self.false_negatives = totals
        order = (TRUE_POSITIVES, FALSE_POSITIVES, TRUE_NEGATIVES, FALSE_NEGATIVES)
        self._totals = dict(zip(order, totals, strict=True))
        self._built = True

    def update_state(
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None
    ) -> None:
        with no_grad():
            y_pred = loss_ops.as_dtype(y_pred, np.dtype(self.dtype))
            if self._from_logits:
                y_pred = ops.sigmoid(y_pred)
            truth, pred, weight = samples("AUC", self.dtype, y_true, y_pred, sample_weight)
            if self.multi_label:
                self._check_labels(pred)
            elif self.label_weights is not None:
                each = ops.broadcast_to(as_tensor(self.label_weights), pred.shape)
                weight = each if weight is None else ops.multiply(weight, each)
            count_above(self._sorted, truth, pred, weight, self._totals, self._num_labels or 1)

    def _check_labels(self, pred: Tensor) -> None:
        if not self._built and pred.ndim == 2:
            self._build(pred.shape[1])
        if pred.ndim != 2 or pred.shape[1] != self._num_labels:
            wanted = "samples, labels" if not self._built else f"samples, {self._num_labels}"
            raise errors.value_error("AUC", "y_pred", f"of shape ({wanted})", errors.Shown(f"shape {pred.shape}"))

    def result(self) -> Tensor:
        if not self._built:
            raise errors.order_error("AUC", "no batch was seen yet", "Call update_state first, or give num_labels.")
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self.interpolate_pr_auc()
        tp, fp, tn, fn = (self._totals[which].numpy() for which in range(4))
        x, y = _points(self.curve, tp, fp, tn, fn)
        heights = {
            "interpolation": (y[:-1] + y[1:]) / 2, "minoring": np.minimum(y[:-1], y[1:]),
            "majoring": np.maximum(y[:-1], y[1:]),
        }
        return self._sum((x[:-1] - x[1:]) * heights[self.summation_method])

    def interpolate_pr_auc(self) -> Tensor:
        """The area under precision over recall by the rule of Davis and Goadrich, whatever ``curve`` is."""
        return self._sum(
            _interpolated(self.true_positives.numpy(), self.false_positives.numpy(), self.false_negatives.numpy())
        )

    def _sum(self, areas: Any) -> Tensor:
        """All areas; for several labels, the (weighted) mean of theirs."""
        area = areas.sum(axis=0)
        if not self.multi_label:
            return self._value(area)
        if self.label_weights is None:
            return self._value(area.mean())
        return self._value(ratio((area * self.label_weights).sum(), self.label_weights.sum()))

    def get_config(self) -> dict[str, Any]:
        weights = None if self.label_weights is None else self.label_weights.tolist()
        config = {
            **super().get_config(), "num_thresholds": self.num_thresholds, "curve": self.curve,
            "summation_method": self.summation_method, "multi_label": self.multi_label, "num_labels": self.num_labels,
            "label_weights": weights, "from_logits": self._from_logits,
        }
        if self._init_from_thresholds:
            config["thresholds"] = self.thresholds[1:-1]
        return config


def _points(curve: str, tp: Any, fp: Any, tn: Any, fn: Any) -> tuple[Any, Any]:
    """The curve's points at the thresholds."""
    recall = ratio(tp, tp + fn)
    if curve == "ROC":
        return ratio(fp, fp + tn), recall
    if curve == "PR":
        return recall, ratio(tp, tp + fp)
    odds = ratio(tp + fn, tn + fp)
    none = tp == 0
    recall_gain = np.maximum(np.where(none, 0.0, 1.0 - odds * ratio(fn, tp)), 0.0)
    return recall_gain, np.where(none, 1.0, 1.0 - odds * ratio(fp, tp))


def _interpolated(tp: Any, fp: Any, fn: Any) -> Any:
    """Areas under precision over recall where true positives grow linearly with all positives between thresholds."""
    dtp = tp[:-1] - tp[1:]
    p = tp + fp
    slope = ratio(dtp, np.maximum(p[:-1] - p[1:], 0))
    intercept = tp[1:] - slope * p[1:]
    both = (p[:-1] > 0) & (p[1:] > 0)
    growth = np.where(both, ratio(p[:-1], np.where(both, p[1:], 0)), 1.0)
    return ratio(slope * (dtp + intercept * np.log(growth)), np.maximum(tp[1:] + fn[1:], 0))
