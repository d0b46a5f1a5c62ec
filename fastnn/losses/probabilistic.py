"""Losses of probabilities and logits: cross-entropies, divergence, Poisson.

An output that comes straight from a softmax or a sigmoid is taken as its logits, see `fastnn.ops.loss`.
"""

from __future__ import annotations

import warnings
from typing import Any

from fastnn import config, errors, ops
from fastnn.autograd import Tensor, TensorLike, as_float, as_tensor
from fastnn.losses.base import BuiltinLoss, align, masks, numbers, takes_labels
from fastnn.losses.regression import aligned_pair
from fastnn.ops import loss as loss_ops

# ---- arguments ----------------------------------------------------------------------------------------------------


def check_axis(who: str, axis: int) -> None:
    if isinstance(axis, bool):
        raise errors.type_error(who, "axis", "an integer", axis)


def yes_or_no(who: str, y_true: TensorLike, y_pred: TensorLike, label_smoothing: float) -> tuple[Tensor, Tensor]:
    """Aligned targets, moved towards 1/2, and predictions."""
    y_pred = as_float(y_pred)
    y_true, y_pred = align(loss_ops.as_dtype(numbers(who, y_true), y_pred.dtype), y_pred)
    if label_smoothing:
        y_true = ops.add(ops.multiply(y_true, 1.0 - label_smoothing), 0.5 * label_smoothing)
    return y_true, y_pred


def distributions(who: str, y_true: TensorLike, y_pred: TensorLike, label_smoothing: float) -> tuple[Tensor, Tensor]:
    """Targets, moved towards 1/classes, and predictions."""
    y_pred = as_float(y_pred)
    y_true = loss_ops.as_dtype(numbers(who, y_true), y_pred.dtype)
    if y_pred.ndim and y_pred.shape[-1] == 1:
        warnings.warn(
            f"{who}: y_pred has one class (shape {y_pred.shape}), so the loss cannot change; "
            "for two classes in one output use the binary one.",
            SyntaxWarning, stacklevel=3,
        )
    if label_smoothing:
        y_true = ops.add(ops.multiply(y_true, 1.0 - label_smoothing), label_smoothing / y_true.shape[-1])
    return y_true, y_pred


# ---- functions ----------------------------------------------------------------------------------------------------


def binary_crossentropy(
    y_true: TensorLike, y_pred: TensorLike, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """The mean over ``axis`` of the binary cross-entropy, see `fastnn.ops.binary_crossentropy`.

    Parameters
    ----------
    y_true, y_pred : array_like
        Of one shape.
    from_logits : bool
        Whether y_pred is logits.
    label_smoothing : float
        s moves the targets towards 1/2: y * (1 - s) + s / 2.
    axis : int

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.binary_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).item(), 4)
    0.6931
    """
    y_true, y_pred = yes_or_no("binary_crossentropy", y_true, y_pred, label_smoothing)
    return ops.mean(ops.binary_crossentropy(y_true, y_pred, from_logits=from_logits), axis=axis)


def categorical_crossentropy(
    y_true: TensorLike, y_pred: TensorLike, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """The cross-entropy between target distributions and predictions, see `fastnn.ops.categorical_crossentropy`.

    Parameters
    ----------
    y_true, y_pred : array_like
        Of one shape; y_true one-hot or any distribution.
    from_logits : bool
        Whether y_pred is logits.
    label_smoothing : float
        s moves the targets towards 1/classes: y * (1 - s) + s / classes.
    axis : int
        Where the classes are.

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).item(), 4)
    0.6931
    """
    check_axis("categorical_crossentropy", axis)
    y_true, y_pred = distributions("categorical_crossentropy", y_true, y_pred, label_smoothing)
    return ops.categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)


def sparse_categorical_crossentropy(
    y_true: TensorLike, y_pred: TensorLike, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Tensor:
    """The cross-entropy between integer labels and predictions, see `fastnn.ops.sparse_categorical_crossentropy`.

    Parameters
    ----------
    y_true : array_like
        Class numbers from 0, as integers or integer-valued floats, of shape (..., ) or (..., 1).
    y_pred : array_like
        Of shape (..., classes).
    from_logits : bool
        Whether y_pred is logits.
    ignore_class : int, optional
        A label whose samples give 0; `SparseCategoricalCrossentropy` also leaves them out of its mean.
    axis : int
        Where the classes are.

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.sparse_categorical_crossentropy([1], [[0.5, 0.5]]).item(), 4)
    0.6931
    """
    return loss_ops.sparse_crossentropy(
        "sparse_categorical_crossentropy", y_true, y_pred, from_logits, axis, ignore_class
    )


def _not_ignored(y_true: TensorLike, values: Tensor, arguments: dict[str, Any]) -> Tensor | None:
    """1 where the label is not ignore_class."""
    ignored = arguments.get("ignore_class")
    if ignored is None:
        return None
    return ops.reshape(ops.cast(ops.not_equal(as_tensor(y_true), ignored), values.dtype), values.shape)


takes_labels.add(sparse_categorical_crossentropy)
masks[sparse_categorical_crossentropy] = _not_ignored


def kl_divergence(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """sum(y_true * log(y_true / y_pred)) over the last axis, both clipped to [epsilon, 1].

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.kl_divergence([[0.5, 0.5]], [[0.25, 0.75]]).item(), 4)
    0.1438
    """
    return loss_ops.pair_loss("divergence", *aligned_pair("kl_divergence", y_true, y_pred), config.epsilon())


def poisson(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """mean(y_pred - y_true * log(y_pred + epsilon)) over the last axis.

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.poisson([[0.0, 2.0]], [[0.5, 1.0]]).item(), 4)
    0.75
    """
    return loss_ops.pair_loss("poisson", *aligned_pair("poisson", y_true, y_pred), config.epsilon())


# ---- classes ------------------------------------------------------------------------------------------------------


class BinaryCrossentropy(BuiltinLoss):
    """The cross-entropy of yes-or-no targets.

    Parameters
    ----------
    from_logits, label_smoothing, axis
        As for `binary_crossentropy`.
    reduction, name, dtype
        As for `Loss`.

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.BinaryCrossentropy(from_logits=True)([0.0, 1.0], [[0.0], [0.0]]).item(), 4)
    0.6931
    """

    def __init__(
        self, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
        reduction: str | None = "sum_over_batch_size", name: str | None = "binary_crossentropy", dtype: Any = None,
    ) -> None:
        super().__init__(
            binary_crossentropy, name=name, reduction=reduction, dtype=dtype, from_logits=from_logits,
            label_smoothing=label_smoothing, axis=axis,
        )


class CategoricalCrossentropy(BuiltinLoss):
    """The cross-entropy of one-hot targets.

    Parameters
    ----------
    from_logits, label_smoothing, axis
        As for `categorical_crossentropy`.
    reduction, name, dtype
        As for `Loss`.

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.CategoricalCrossentropy()([[0, 1, 0]], [[0.05, 0.9, 0.05]]).item(), 4)
    0.1054
    """

    def __init__(
        self, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
        reduction: str | None = "sum_over_batch_size", name: str | None = "categorical_crossentropy", dtype: Any = None,
    ) -> None:
        super().__init__(
            categorical_crossentropy, name=name, reduction=reduction, dtype=dtype, from_logits=from_logits,
            label_smoothing=label_smoothing, axis=axis,
        )


class SparseCategoricalCrossentropy(BuiltinLoss):
    """The cross-entropy of integer labels.

    Parameters
    ----------
    from_logits, ignore_class, axis
        As for `sparse_categorical_crossentropy`.
    reduction, name, dtype
        As for `Loss`.

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.SparseCategoricalCrossentropy(from_logits=True)([0, 1], [[0.0, 0.0], [0.0, 0.0]]).item(), 4)
    0.6931
    """

    _unsaid = {"axis": -1}

    def __init__(
        self, from_logits: bool = False, ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size", axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy", dtype: Any = None,
    ) -> None:
        super().__init__(
            sparse_categorical_crossentropy, name=name, reduction=reduction, dtype=dtype, from_logits=from_logits,
            ignore_class=ignore_class, axis=axis,
        )


class KLDivergence(BuiltinLoss):
    """How far predicted distributions are from the targets' (Kullback and Leibler), see `kl_divergence`.

    Parameters
    ----------
    reduction, name, dtype
        As for `Loss`.

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]]).item(), 4)
    0.1438
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "kl_divergence", dtype: Any = None
    ) -> None:
        super().__init__(kl_divergence, name=name, reduction=reduction, dtype=dtype)


class Poisson(BuiltinLoss):
    """-log of the probability of counts whose means are predicted, less what does not depend on them, see `poisson`.

    Parameters
    ----------
    reduction, name, dtype
        As for `Loss`.

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.Poisson()([[0.0, 2.0]], [[0.5, 1.0]]).item(), 4)
    0.75
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "poisson", dtype: Any = None
    ) -> None:
        super().__init__(poisson, name=name, reduction=reduction, dtype=dtype)
