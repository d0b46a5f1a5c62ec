"""Losses of masks: how little the predicted and the true region overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnn import config, ops
from fastnn.autograd import Tensor, TensorLike
from fastnn.losses.base import BuiltinLoss
from fastnn.losses.regression import aligned_pair

Axes = int | Sequence[int] | None


# ---- functions ----------------------------------------------------------------------------------------------------


def dice(y_true: TensorLike, y_pred: TensorLike, axis: Axes = None) -> Tensor:
    """1 - 2 * sum(y_true * y_pred) / (sum(y_true) + sum(y_pred) + epsilon), over ``axis`` (None: over everything).

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.dice([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]]).item(), 4)
    0.3333
    """
    y, p = aligned_pair("dice", y_true, y_pred)
    both = ops.sum(ops.multiply(y, p), axis=axis)
    total = ops.add(ops.add(ops.sum(y, axis=axis), ops.sum(p, axis=axis)), config.epsilon())
    return ops.subtract(1.0, ops.divide(ops.multiply(both, 2.0), total))


def tversky(
    y_true: TensorLike, y_pred: TensorLike, alpha: float = 0.5, beta: float = 0.5, axis: Axes = None
) -> Tensor:
    """1 - both / (both + alpha * missed + beta * invented + epsilon), summed over ``axis`` (None: over everything).

    both = sum(y_true * y_pred), missed = sum(y_true * (1 - y_pred)), invented = sum((1 - y_true) * y_pred). In Keras,
    whose formula this is, alpha is said to weigh false positives; what it weighs is what was missed.

    Source
    ------
    Salehi, Erdogmus and Gholipour, Tversky loss function for image segmentation, arXiv:1706.05721.

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.tversky([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]]).item(), 4)
    0.3333
    """
    y, p = aligned_pair("tversky", y_true, y_pred)
    both = ops.sum(ops.multiply(y, p), axis=axis)
    missed = ops.sum(ops.multiply(y, ops.subtract(1.0, p)), axis=axis)
    invented = ops.sum(ops.multiply(ops.subtract(1.0, y), p), axis=axis)
    total = ops.add(ops.add(both, ops.multiply(missed, alpha)), ops.add(ops.multiply(invented, beta), config.epsilon()))
    return ops.subtract(1.0, ops.divide(both, total))


# ---- classes ------------------------------------------------------------------------------------------------------


class Dice(BuiltinLoss):
    """1 - the Dice coefficient of two regions, see `dice`.

    Parameters
    ----------
    reduction, name
        As for `Loss`.
    axis : int, tuple of int or None
        Over which a region is summed; None: over the whole batch.
    dtype
        As for `Loss`.

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.Dice()([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]]).item(), 4)
    0.3333
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "dice", axis: Axes = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(dice, name=name, reduction=reduction, dtype=dtype, axis=axis)


class Tversky(BuiltinLoss):
    """1 - the Tversky index of two regions, see `tversky`; with alpha = beta = 1/2 it is `Dice`.

    Parameters
    ----------
    alpha, beta : float
        The weights of what was missed and of what was invented.
    reduction, name
        As for `Loss`.
    axis : int, tuple of int or None
        Over which a region is summed; None: over the whole batch.
    dtype
        As for `Loss`.

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.Tversky(alpha=1, beta=0)([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]]).item(), 4)
    0.5
    """

    def __init__(
        self, alpha: float = 0.5, beta: float = 0.5, reduction: str | None = "sum_over_batch_size",
        name: str | None = "tversky", axis: Axes = None, dtype: Any = None,
    ) -> None:
        super().__init__(tversky, name=name, reduction=reduction, dtype=dtype, alpha=alpha, beta=beta, axis=axis)
