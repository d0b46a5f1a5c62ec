"""Losses of numbers: mean over the last axis of a function of targets and predictions."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import config, errors, ops
from fastnn.autograd import Tensor, TensorLike, as_float
from fastnn.losses.base import BuiltinLoss, align, numbers
from fastnn.ops import loss as loss_ops


def aligned_pair(who: str, y_true: TensorLike, y_pred: TensorLike) -> tuple[Tensor, Tensor]:
    """Both aligned, of y_pred's dtype and one shape."""
    y_pred = as_float(y_pred)
    y_true, y_pred = align(loss_ops.as_dtype(numbers(who, y_true), y_pred.dtype), y_pred)
    if y_true.shape == y_pred.shape:
        return y_true, y_pred
    fits = y_true.ndim in (0, y_pred.ndim) or y_pred.ndim == 0
    try:
        shape = np.broadcast_shapes(y_true.shape, y_pred.shape)
    except ValueError:
        fits = False
    if not fits:
        raise errors.value_error(
            who, "y_true", f"of the predictions' shape {y_pred.shape}", errors.Shown(f"shape {y_true.shape}")
        )
    return ops.broadcast_to(y_true, shape), ops.broadcast_to(y_pred, shape)


# ---- functions ----------------------------------------------------------------------------------------------------


def mean_squared_error(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """mean((y_true - y_pred)**2) over the last axis.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.mean_squared_error([[0.0, 1.0]], [[1.0, 3.0]]).tolist()
    [2.5]
    """
    return loss_ops.pair_loss("squared", *aligned_pair("mean_squared_error", y_true, y_pred))


def mean_absolute_error(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """mean(|y_true - y_pred|) over the last axis; the gradient of |0| is 0.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.mean_absolute_error([[0.0, 1.0]], [[1.0, 3.0]]).tolist()
    [1.5]
    """
    return loss_ops.pair_loss("absolute", *aligned_pair("mean_absolute_error", y_true, y_pred))


def mean_absolute_percentage_error(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """100 * mean(|y_true - y_pred| / max(|y_true|, epsilon)) over the last axis, epsilon as `fastnn.config.epsilon`.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.mean_absolute_percentage_error([[2.0, 4.0]], [[1.0, 5.0]]).tolist()
    [37.5]
    """
    pair = aligned_pair("mean_absolute_percentage_error", y_true, y_pred)
    return loss_ops.pair_loss("percentage", *pair, config.epsilon())


def mean_squared_logarithmic_error(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """mean((log(1 + y_true) - log(1 + y_pred))**2) over the last axis; values below epsilon count as epsilon.

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.mean_squared_logarithmic_error([[1.0]], [[3.0]]).item(), 4)
    0.4805
    """
    pair = aligned_pair("mean_squared_logarithmic_error", y_true, y_pred)
    return loss_ops.pair_loss("logarithmic", *pair, config.epsilon())


def cosine_similarity(y_true: TensorLike, y_pred: TensorLike, axis: int = -1) -> Tensor:
    """-cos of the angle between targets and predictions along an axis: -1 for the same direction, 1 for the opposite.

    `fastnn.metrics.CosineSimilarity` has the other sign. A vector of zeros gives 0.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.cosine_similarity([[0.0, 1.0], [1.0, 0.0]], [[0.0, 4.0], [0.0, 1.0]]).tolist()
    [-1.0, -0.0]
    """
    return ops.negative(cosine(y_true, y_pred, axis))


def cosine(y_true: TensorLike, y_pred: TensorLike, axis: int) -> Tensor:
    """The cosine of the angle between targets and predictions along an axis."""
    y_true, y_pred = aligned_pair("cosine_similarity", y_true, y_pred)
    return ops.sum(ops.multiply(ops.normalize(y_true, axis), ops.normalize(y_pred, axis)), axis=axis)


def huber(y_true: TensorLike, y_pred: TensorLike, delta: float = 1.0) -> Tensor:
    """The mean over the last axis of d**2 / 2 where |d| <= delta, else delta * |d| - delta**2 / 2; d = y_pred - y_true.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.huber([[0.0, 0.0]], [[0.5, 3.0]]).tolist()
    [1.3125]
    """
    return loss_ops.pair_loss("huber", *aligned_pair("huber", y_true, y_pred), delta)


def log_cosh(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """mean(log(cosh(y_pred - y_true))) over the last axis: a square near 0, an absolute value far from it.

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.log_cosh([[0.0, 0.0]], [[1.0, 0.0]]).item(), 4)
    0.2169
    """
    return loss_ops.pair_loss("log_cosh", *aligned_pair("log_cosh", y_true, y_pred))


# ---- classes ------------------------------------------------------------------------------------------------------


class MeanSquaredError(BuiltinLoss):
    """The mean of squared differences.

    Parameters
    ----------
    reduction, name, dtype
        As for `Loss`.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.MeanSquaredError()([[0.0, 1.0]], [[1.0, 3.0]]).item()
    2.5
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "mean_squared_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_squared_error, name=name, reduction=reduction, dtype=dtype)


class MeanAbsoluteError(BuiltinLoss):
    """The mean of absolute differences.

    Parameters
    ----------
    reduction, name, dtype
        As for `Loss`.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.MeanAbsoluteError()([[0.0, 1.0]], [[1.0, 3.0]]).item()
    1.5
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "mean_absolute_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_absolute_error, name=name, reduction=reduction, dtype=dtype)


class MeanAbsolutePercentageError(BuiltinLoss):
    """The mean of absolute differences as percentages of the targets, see `mean_absolute_percentage_error`.

    Parameters
    ----------
    reduction, name, dtype
        As for `Loss`.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 5.0]]).item()
    37.5
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "mean_absolute_percentage_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_absolute_percentage_error, name=name, reduction=reduction, dtype=dtype)


class MeanSquaredLogarithmicError(BuiltinLoss):
    """The mean of squared differences of logarithms, see `mean_squared_logarithmic_error`.

    Parameters
    ----------
    reduction, name, dtype
        As for `Loss`.

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.MeanSquaredLogarithmicError()([[1.0]], [[3.0]]).item(), 4)
    0.4805
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_squared_logarithmic_error, name=name, reduction=reduction, dtype=dtype)


class CosineSimilarity(BuiltinLoss):
    """-cos of the angle between targets and predictions, see `cosine_similarity`.

    Parameters
    ----------
    axis : int
        Along which the vectors lie.
    reduction, name, dtype
        As for `Loss`.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.CosineSimilarity()([[0.0, 1.0], [1.0, 0.0]], [[0.0, 4.0], [0.0, 1.0]]).item()
    -0.5
    """

    _unsaid = {"axis": -1}

    def __init__(
        self, axis: int = -1, reduction: str | None = "sum_over_batch_size", name: str | None = "cosine_similarity",
        dtype: Any = None,
    ) -> None:
        super().__init__(cosine_similarity, name=name, reduction=reduction, dtype=dtype, axis=axis)


class Huber(BuiltinLoss):
    """Squares of small differences, absolute values of large ones, see `huber`.

    Parameters
    ----------
    delta : float
        Where the one becomes the other.
    reduction, name, dtype
        As for `Loss`.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.Huber(delta=1.0)([[0.0, 0.0]], [[0.5, 3.0]]).item()
    1.3125
    """

    _unsaid = {"delta": 1.0}

    def __init__(
        self, delta: float = 1.0, reduction: str | None = "sum_over_batch_size", name: str | None = "huber_loss",
        dtype: Any = None,
    ) -> None:
        super().__init__(huber, name=name, reduction=reduction, dtype=dtype, delta=delta)


class LogCosh(BuiltinLoss):
    """The mean of the logarithms of hyperbolic cosines of differences, see `log_cosh`.

    Parameters
    ----------
    reduction, name, dtype
        As for `Loss`.

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.LogCosh()([[0.0, 0.0]], [[1.0, 0.0]]).item(), 4)
    0.2169
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "log_cosh", dtype: Any = None
    ) -> None:
        super().__init__(log_cosh, name=name, reduction=reduction, dtype=dtype)
