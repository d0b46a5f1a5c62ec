"""Errors and similarities of numbers over everything seen."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from fastnn import errors, ops
from fastnn.autograd import FLOAT64, Tensor, TensorLike, no_grad
from fastnn.losses.base import align, numbers
from fastnn.losses.regression import (
    cosine,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from fastnn.metrics.base import Metric
from fastnn.metrics.reduction import BuiltinMetric, Mean
from fastnn.ops import loss as loss_ops


def cosine_similarity(y_true: TensorLike, y_pred: TensorLike, axis: int = -1) -> Tensor:
    """The cosine of the angle between targets and predictions along an axis; `fastnn.losses` has the other sign.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.cosine_similarity([[0.0, 1.0], [1.0, 0.0]], [[0.0, 4.0], [0.0, 1.0]]).tolist()
    [1.0, 0.0]
    """
    return cosine(y_true, y_pred, axis)


class MeanSquaredError(BuiltinMetric):
    """The mean squared error.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.MeanSquaredError()([[0, 1], [0, 0]], [[1, 1], [0, 0]]).item()
    0.25
    """

    _direction = "down"

    def __init__(self, name: str | None = "mean_squared_error", dtype: Any = None) -> None:
        super().__init__(mean_squared_error, name=name, dtype=dtype)


class MeanAbsoluteError(BuiltinMetric):
    """The mean absolute error.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.MeanAbsoluteError()([[0, 1], [0, 0]], [[1, 1], [0, 0]]).item()
    0.25
    """

    _direction = "down"

    def __init__(self, name: str | None = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(mean_absolute_error, name=name, dtype=dtype)


class MeanAbsolutePercentageError(BuiltinMetric):
    """The mean of absolute differences as percentages of the targets.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.MeanAbsolutePercentageError()([[2, 4]], [[1, 5]]).item()
    37.5
    """

    _direction = "down"

    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype: Any = None) -> None:
        super().__init__(mean_absolute_percentage_error, name=name, dtype=dtype)


class MeanSquaredLogarithmicError(BuiltinMetric):
    """The mean of squared differences of logarithms.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> round(metrics.MeanSquaredLogarithmicError()([[1]], [[3]]).item(), 4)
    0.4805
    """

    _direction = "down"

    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype: Any = None) -> None:
        super().__init__(mean_squared_logarithmic_error, name=name, dtype=dtype)


class LogCoshError(BuiltinMetric):
    """The mean of the logarithms of hyperbolic cosines of differences.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> round(metrics.LogCoshError()([[0, 0]], [[1, 0]]).item(), 4)
    0.2169
    """

    _direction = "down"

    def __init__(self, name: str | None = "logcosh", dtype: Any = None) -> None:
        super().__init__(log_cosh, name=name, dtype=dtype)


class RootMeanSquaredError(Mean):
    """The root of the mean squared error over everything seen.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.RootMeanSquaredError()([[0, 1], [0, 0]], [[1, 1], [0, 0]]).item()
    0.5
    """

    _direction = "down"

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(  # type: ignore[override]
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None
    ) -> None:
        with no_grad():
            dtype = np.dtype(self.dtype)
            truth, pred = align(loss_ops.as_dtype(y_true, dtype), loss_ops.as_dtype(y_pred, dtype))
            super().update_state(ops.square(ops.subtract(pred, truth)), sample_weight)

    def result(self) -> Tensor:
        return Tensor(np.asarray(math.sqrt(super().result().item()), self.dtype))


class CosineSimilarity(BuiltinMetric):
    """The mean cosine of the angle between targets and predictions: 1 for the same direction.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional
    axis : int
        Along which the vectors lie.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.CosineSimilarity()([[0, 1], [1, 0]], [[0, 4], [0, 1]]).item()
    0.5
    """

    _direction = "up"
    _unsaid = {"axis": -1}

    def __init__(self, name: str | None = "cosine_similarity", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(cosine_similarity, name=name, dtype=dtype, axis=axis)


class R2Score(Metric):
    """How much of the targets' variance the predictions explain: 1 - sum((y - p)**2) / sum((y - mean(y))**2).

    Parameters
    ----------
    class_aggregation : str or None
        What is made of the scores of several outputs: "uniform_average", their mean; "variance_weighted_average";
        None: nothing, there is one for each.
    num_regressors : int
        Above 0: the adjusted score, 1 - (1 - R2) * (n - 1) / (n - num_regressors - 1), n the number of targets.
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> round(metrics.R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]]).item(), 4)
    0.5714
    """

    _direction = "up"

    def __init__(
        self, class_aggregation: str | None = "uniform_average", num_regressors: int = 0,
        name: str | None = "r2_score", dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        known = (None, "uniform_average", "variance_weighted_average")
        if class_aggregation not in known:
            raise errors.value_error(
                "R2Score", "class_aggregation", f"one of {', '.join(map(repr, known))}", class_aggregation
            )
        if num_regressors < 0:
            raise errors.value_error("R2Score", "num_regressors", "at least 0", num_regressors)
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable((), "zeros", dtype=FLOAT64, name="num_samples")
        self._built = False

    def _build(self, outputs: int) -> None:
        self.squared_sum, self.sum, self.total_mse, self.count = (
            self.add_variable((outputs,), "zeros", dtype=FLOAT64, name=name)
            for name in ("squared_sum", "sum", "residual", "count")
        )
        self._built = True

    def update_state(
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None
    ) -> None:
        with no_grad():
            dtype = np.dtype(self.dtype)
            y, p = align(loss_ops.as_dtype(numbers("R2Score", y_true), dtype), loss_ops.as_dtype(y_pred, dtype))
            if y.ndim != 2 or y.shape != p.shape:
                raise errors.value_error(
                    "R2Score", "y_true and y_pred", "of one shape (samples, outputs)",
                    errors.Shown(f"shapes {y.shape} and {p.shape}"),
                )
            if not self._built:
                self._build(y.shape[1])
            y, p = ops.cast(y, FLOAT64), ops.cast(p, FLOAT64)
            weight = loss_ops.as_dtype(1.0 if sample_weight is None else sample_weight, FLOAT64)
            if weight.ndim == 1:
                weight = ops.reshape(weight, (-1, 1))
            weight = ops.broadcast_to(weight, y.shape)
            weighted = ops.multiply(y, weight)
            error = ops.multiply(ops.square(ops.subtract(y, p)), weight)
            for total, part in (
                (self.sum, weighted), (self.squared_sum, ops.multiply(y, weighted)), (self.total_mse, error),
                (self.count, weight),
            ):
                total.assign(ops.add(total, ops.sum(part, axis=0)))
            self.num_samples.assign(ops.add(self.num_samples, y.size))

    def result(self) -> Tensor:
        if not self._built:
            raise errors.order_error("R2Score", "no batch was seen yet", "Call update_state first.")
        total_sum, count = self.sum.numpy(), self.count.numpy()
        with np.errstate(divide="ignore", invalid="ignore"):
            total = self.squared_sum.numpy() - total_sum * (total_sum / count)
            scores = 1 - self.total_mse.numpy() / total
        scores = np.where(np.isinf(scores), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = scores.mean()
        elif self.class_aggregation == "variance_weighted_average":
            scores = (total * scores).sum() / total.sum()
        return self._value(self._adjusted(scores))

    def _adjusted(self, score: Any) -> Any:
        n, p = self.num_samples.item(), self.num_regressors
        if p == 0:
            return score
        if p >= n - 1:
            warnings.warn(
                f"R2Score: there is no adjusted score of {p} regressors and {n:.0f} targets; the plain one is given.",
                stacklevel=3,
            )
            return score
        return 1 - (1 - score) * (n - 1) / (n - p - 1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(), "class_aggregation": self.class_aggregation, "num_regressors": self.num_regressors
        }
