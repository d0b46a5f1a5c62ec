"""Cross-entropies that give less weight to what is predicted well already, or to labels that may be wrong."""

from __future__ import annotations

from typing import Any

from fastnn import config, errors, ops
from fastnn.autograd import Tensor, TensorLike, as_float
from fastnn.losses.base import BuiltinLoss, numbers, takes_labels
from fastnn.losses.probabilistic import check_axis, distributions, yes_or_no
from fastnn.ops import loss as loss_ops

# ---- functions ----------------------------------------------------------------------------------------------------


def binary_focal_crossentropy(
    y_true: TensorLike, y_pred: TensorLike, apply_class_balancing: bool = False, alpha: float = 0.25,
    gamma: float = 2.0, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
) -> Tensor:
    """The mean over ``axis`` of (1 - q)**gamma times the binary cross-entropy; q = y p + (1 - y) (1 - p).

    Parameters
    ----------
    y_true, y_pred : array_like
        Of one shape.
    apply_class_balancing : bool
        Whether targets 1 weigh ``alpha`` and targets 0 weigh ``1 - alpha``.
    alpha : float
    gamma : float
        How much is taken away from what is predicted well; 0: nothing.
    from_logits : bool
        Whether y_pred is logits.
    label_smoothing : float
        s moves the targets towards 1/2: y * (1 - s) + s / 2.
    axis : int

    Source
    ------
    Lin, Goyal, Girshick, He and Dollar, Focal Loss for Dense Object Detection, arXiv:1708.02002.

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.binary_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).item(), 4)
    0.1733
    """
    y, p = yes_or_no("binary_focal_crossentropy", y_true, y_pred, label_smoothing)
    if from_logits:
        p = ops.sigmoid(p)
    no = ops.subtract(1.0, y)
    right = ops.add(ops.multiply(y, p), ops.multiply(no, ops.subtract(1.0, p)))
    loss = ops.multiply(ops.power(ops.subtract(1.0, right), gamma), ops.binary_crossentropy(y, p))
    if apply_class_balancing:
        loss = ops.multiply(ops.add(ops.multiply(y, alpha), ops.multiply(no, 1.0 - alpha)), loss)
    return ops.mean(loss, axis=axis)


def categorical_focal_crossentropy(
    y_true: TensorLike, y_pred: TensorLike, alpha: float = 0.25, gamma: float = 2.0, from_logits: bool = False,
    label_smoothing: float = 0.0, axis: int = -1,
) -> Tensor:
    """sum(-alpha * (1 - p)**gamma * y_true * log(p)) along an axis; p is y_pred / sum(y_pred), clipped by epsilon.

    Parameters
    ----------
    y_true, y_pred : array_like
        Of one shape; y_true one-hot or any distribution.
    alpha : float or list of float
        The weight, of all classes or of each.
    gamma : float
        How much is taken away from what is predicted well; 0: nothing.
    from_logits : bool
        Whether y_pred is logits.
    label_smoothing : float
        s moves the targets towards 1/classes: y * (1 - s) + s / classes.
    axis : int
        Where the classes are.

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).item(), 4)
    0.0433
    """
    check_axis("categorical_focal_crossentropy", axis)
    y, p = distributions("categorical_focal_crossentropy", y_true, y_pred, label_smoothing)
    if from_logits:
        p = ops.softmax(p, axis=axis)
    p = ops.divide(p, ops.sum(p, axis=axis, keepdims=True))
    p = ops.clip(p, config.epsilon(), 1.0 - config.epsilon())
    weight = ops.multiply(ops.power(ops.subtract(1.0, p), gamma), alpha)
    return ops.negative(ops.sum(ops.multiply(weight, ops.multiply(y, ops.log(p))), axis=axis))


def categorical_generalized_cross_entropy(y_true: TensorLike, y_pred: TensorLike, q: float) -> Tensor:
    """(1 - p**q) / q for p the probability of the label: between the absolute error (q = 1) and -log(p) (q = 0).

    Parameters
    ----------
    y_true : array_like
        Class numbers, of shape (...,) or (..., 1).
    y_pred : array_like
        Probabilities, of shape (..., classes).
    q : float

    Source
    ------
    Zhang and Sabuncu, Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels,
    arXiv:1805.07836.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.categorical_generalized_cross_entropy([1], [[0.75, 0.25]], q=0.5).tolist()
    [1.0]
    """
    who = "categorical_generalized_cross_entropy"
    p = as_float(y_pred)
    if not p.ndim:
        raise errors.value_error(who, "y_pred", "an array whose last axis is the classes", p.data)
    label = loss_ops.labels_of(who, numbers(who, y_true), p.shape, p.ndim - 1).reshape(p.shape[:-1])
    chosen = ops.cast(ops.one_hot(Tensor.wrap(label), p.shape[-1]), p.dtype)
    p = ops.sum(ops.multiply(p, chosen), axis=-1)
    return ops.divide(ops.subtract(1.0, ops.power(p, q)), q)


takes_labels.add(categorical_generalized_cross_entropy)

# ---- classes ------------------------------------------------------------------------------------------------------


class BinaryFocalCrossentropy(BuiltinLoss):
    """The binary cross-entropy with less weight on what is predicted well, see `binary_focal_crossentropy`.

    Parameters
    ----------
    apply_class_balancing, alpha, gamma, from_logits, label_smoothing, axis
        As for `binary_focal_crossentropy`.
    reduction, name, dtype
        As for `Loss`.

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.BinaryFocalCrossentropy(gamma=2)([[0.0, 1.0]], [[0.5, 0.5]]).item(), 4)
    0.1733
    """

    def __init__(
        self, apply_class_balancing: bool = False, alpha: float = 0.25, gamma: float = 2.0, from_logits: bool = False,
        label_smoothing: float = 0.0, axis: int = -1, reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_focal_crossentropy", dtype: Any = None,
    ) -> None:
        super().__init__(
            binary_focal_crossentropy, name=name, reduction=reduction, dtype=dtype, from_logits=from_logits,
            label_smoothing=label_smoothing, axis=axis, apply_class_balancing=apply_class_balancing, alpha=alpha,
            gamma=gamma,
        )


class CategoricalFocalCrossentropy(BuiltinLoss):
    """The cross-entropy of one-hot targets with less weight on what is predicted well.

    Parameters
    ----------
    alpha, gamma, from_logits, label_smoothing, axis
        As for `categorical_focal_crossentropy`.
    reduction, name, dtype
        As for `Loss`.

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]]).item(), 4)
    0.0433
    """

    def __init__(
        self, alpha: float = 0.25, gamma: float = 2.0, from_logits: bool = False, label_smoothing: float = 0.0,
        axis: int = -1, reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_focal_crossentropy", dtype: Any = None,
    ) -> None:
        super().__init__(
            categorical_focal_crossentropy, name=name, reduction=reduction, dtype=dtype, from_logits=from_logits,
            label_smoothing=label_smoothing, axis=axis, alpha=alpha, gamma=gamma,
        )


class CategoricalGeneralizedCrossEntropy(BuiltinLoss):
    """A loss for labels some of which are wrong, see `categorical_generalized_cross_entropy`.

    Parameters
    ----------
    q : float
        Between 0 and 1; the larger, the less a wrong label counts.
    reduction, name, dtype
        As for `Loss`.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.CategoricalGeneralizedCrossEntropy(q=0.5)([1, 1], [[0.75, 0.25], [0.0, 1.0]]).item()
    0.5
    """

    def __init__(
        self, q: float = 0.5, reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_generalized_cross_entropy", dtype: Any = None,
    ) -> None:
        if not 0 < q < 1:
            raise errors.value_error("CategoricalGeneralizedCrossEntropy", "q", "between 0 and 1, both excluded", q)
        super().__init__(categorical_generalized_cross_entropy, name=name, reduction=reduction, dtype=dtype, q=q)
