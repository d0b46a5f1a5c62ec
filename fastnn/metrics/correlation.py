"""Correlations of targets and predictions, the mean over everything seen."""

from __future__ import annotations

from typing import Any

from fastnn import config, ops
from fastnn.autograd import Tensor, TensorLike
from fastnn.losses.regression import aligned_pair
from fastnn.metrics.reduction import BuiltinMetric


def pearson_correlation(y_true: TensorLike, y_pred: TensorLike, axis: int = -1) -> Tensor:
    """mean((y_true - mean) / std * (y_pred - mean) / std) along an axis; NaN where one does not vary.

    Examples
    --------
    >>> from fastnn import metrics
    >>> round(metrics.pearson_correlation([[0.0, 1.0, 0.5]], [[0.1, 0.9, 1.0]]).item(), 4)
    0.8109
    """
    y, p = aligned_pair("pearson_correlation", y_true, y_pred)
    y, p = (ops.subtract(x, ops.mean(x, axis=axis, keepdims=True)) for x in (y, p))
    y, p = (ops.divide(x, ops.std(x, axis=axis, keepdims=True)) for x in (y, p))
    return ops.mean(ops.multiply(y, p), axis=axis)


def concordance_correlation(y_true: TensorLike, y_pred: TensorLike, axis: int = -1) -> Tensor:
    """2 * covariance / (var(y_true) + var(y_pred) + (difference of the means)**2 + epsilon) along an axis.

    Examples
    --------
    >>> from fastnn import metrics
    >>> round(metrics.concordance_correlation([[0.0, 1.0, 0.5]], [[0.1, 0.9, 1.0]]).item(), 4)
    0.7477
    """
    y, p = aligned_pair("concordance_correlation", y_true, y_pred)
    y_mean, p_mean = ops.mean(y, axis=axis, keepdims=True), ops.mean(p, axis=axis, keepdims=True)
    spread = ops.add(ops.var(y, axis=axis, keepdims=True), ops.var(p, axis=axis, keepdims=True))
    spread = ops.add(ops.add(spread, ops.square(ops.subtract(y_mean, p_mean))), config.epsilon())
    together = ops.multiply(ops.subtract(y, p_mean), ops.subtract(p, p_mean))  # in the mean, the covariance
    return ops.mean(ops.divide(ops.multiply(together, 2.0), spread), axis=axis)


class PearsonCorrelation(BuiltinMetric):
    """The mean correlation of targets and predictions: 1 where they lie on a rising line.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional
    axis : int
        Along which values are correlated.

    Examples
    --------
    >>> from fastnn import metrics
    >>> round(metrics.PearsonCorrelation(axis=-1)([[0, 1, 0.5]], [[0.1, 0.9, 1.0]]).item(), 4)
    0.8109
    """

    _direction = "up"

    def __init__(self, name: str | None = "pearson_correlation", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(pearson_correlation, name=name, dtype=dtype, axis=axis)


class ConcordanceCorrelation(BuiltinMetric):
    """The mean concordance of targets and predictions (Lin): 1 where they are equal.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional
    axis : int
        Along which values are correlated.

    Examples
    --------
    >>> from fastnn import metrics
    >>> round(metrics.ConcordanceCorrelation(axis=-1)([[0, 1, 0.5]], [[0.1, 0.9, 1.0]]).item(), 4)
    0.7477
    """

    _direction = "up"

    def __init__(self, name: str | None = "concordance_correlation", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(concordance_correlation, name=name, dtype=dtype, axis=axis)
