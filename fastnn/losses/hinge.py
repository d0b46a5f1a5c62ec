"""Losses of margins: the product of a label, -1 or 1, and the prediction should be positive, or at least 1.

Labels 0 and 1 are turned into -1 and 1; as in Keras, a batch is looked at as a whole: all of its labels are 0 or 1, or
none is changed.
"""

from __future__ import annotations

from typing import Any

from fastnn import ops
from fastnn.autograd import Tensor, TensorLike
from fastnn.losses.base import BuiltinLoss
from fastnn.losses.regression import aligned_pair
from fastnn.ops import loss as loss_ops


def signed_labels(y: Tensor) -> Tensor:
    """2 y - 1 if all labels are 0 or 1, else y."""
    binary = ops.all(ops.logical_or(ops.equal(y, 0), ops.equal(y, 1)))
    return ops.where(binary, ops.subtract(ops.multiply(y, 2.0), 1.0), y)


def _margin_loss(who: str, kind: str, y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    y_true, y_pred = aligned_pair(who, y_true, y_pred)
    return loss_ops.pair_loss(kind, signed_labels(y_true), y_pred)


# ---- functions ----------------------------------------------------------------------------------------------------


def hinge(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """mean(max(1 - y_true * y_pred, 0)) over the last axis, for labels -1 and 1, or 0 and 1.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.hinge([[0, 1]], [[0.5, 0.5]]).tolist()
    [1.0]
    """
    return _margin_loss("hinge", "hinge", y_true, y_pred)


def squared_hinge(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """mean(max(1 - y_true * y_pred, 0)**2) over the last axis, for labels -1 and 1, or 0 and 1.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.squared_hinge([[0, 1]], [[0.5, 0.5]]).tolist()
    [1.25]
    """
    return _margin_loss("squared_hinge", "squared_hinge", y_true, y_pred)


def categorical_hinge(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """max(neg - pos + 1, 0) with pos = sum(y_true * y_pred) and neg = max((1 - y_true) * y_pred) over the last axis.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.categorical_hinge([[0, 1, 0]], [[0.5, 0.75, 0.25]]).tolist()
    [0.75]
    """
    y_true, y_pred = aligned_pair("categorical_hinge", y_true, y_pred)
    pos = ops.sum(ops.multiply(y_true, y_pred), axis=-1)
    neg = ops.max(ops.multiply(ops.subtract(1.0, y_true), y_pred), axis=-1)
    return ops.maximum(ops.add(ops.subtract(neg, pos), 1.0), 0.0)


def perceptron(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """mean(max(0, -y_true * y_pred)) over the last axis: Rosenblatt's criterion; not in Keras.

    Labels are -1 and 1, or 0 and 1. Its gradient is -y_true where the sign of the prediction is wrong or the prediction
    is 0, else 0: stochastic gradient descent with batches of one sample and learning rate 1 is Rosenblatt's rule.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.perceptron([[-1], [1]], [[0.5], [0.5]]).tolist()
    [0.5, 0.0]
    """
    return _margin_loss("perceptron", "perceptron", y_true, y_pred)


# ---- classes ------------------------------------------------------------------------------------------------------


class Hinge(BuiltinLoss):
    """How far margins are below 1, see `hinge`.

    Parameters
    ----------
    reduction, name, dtype
        As for `Loss`.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.Hinge()([[0, 1]], [[0.5, 0.5]]).item()
    1.0
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "hinge", dtype: Any = None
    ) -> None:
        super().__init__(hinge, name=name, reduction=reduction, dtype=dtype)


class SquaredHinge(BuiltinLoss):
    """The squares of how far margins are below 1, see `squared_hinge`.

    Parameters
    ----------
    reduction, name, dtype
        As for `Loss`.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.SquaredHinge()([[0, 1]], [[0.5, 0.5]]).item()
    1.25
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "squared_hinge", dtype: Any = None
    ) -> None:
        super().__init__(squared_hinge, name=name, reduction=reduction, dtype=dtype)


class CategoricalHinge(BuiltinLoss):
    """How far the right class is from leading the others by 1, see `categorical_hinge`.

    Parameters
    ----------
    reduction, name, dtype
        As for `Loss`.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.CategoricalHinge()([[0, 1, 0]], [[0.5, 0.75, 0.25]]).item()
    0.75
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "categorical_hinge", dtype: Any = None
    ) -> None:
        super().__init__(categorical_hinge, name=name, reduction=reduction, dtype=dtype)


class Perceptron(BuiltinLoss):
    """Rosenblatt's criterion, see `perceptron`: what wrongly signed predictions are away from 0. Not in Keras.

    Parameters
    ----------
    reduction, name, dtype
        As for `Loss`.

    Source
    ------
    Rosenblatt, The Perceptron, Psychological Review 65 (1958).

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.Perceptron()([[-1], [1]], [[0.5], [0.5]]).item()
    0.25
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "perceptron", dtype: Any = None
    ) -> None:
        super().__init__(perceptron, name=name, reduction=reduction, dtype=dtype)
