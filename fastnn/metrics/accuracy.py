"""Accuracies: 1 where the prediction is right, else 0, and their means."""

from __future__ import annotations

import math
from typing import Any

from fastnn import errors, ops
from fastnn._core import empty, launch
from fastnn.autograd import Array, Tensor, TensorLike, as_float, dense
from fastnn.losses.base import align, numbers
from fastnn.metrics.reduction import BuiltinMetric
from fastnn.ops import loss as loss_ops

EQUAL, ABOVE_THRESHOLD = range(2)  # field op of the kernel match_values

# ---- functions ----------------------------------------------------------------------------------------------------


def _match(who: str, y_true: TensorLike, y_pred: TensorLike, op: int, threshold: float) -> Tensor:
    pred = as_float(y_pred)
    truth, pred = align(loss_ops.as_dtype(numbers(who, y_true), pred.dtype), pred)
    if truth.shape != pred.shape:
        raise errors.value_error(
            who, "y_true", f"of the predictions' shape {pred.shape}", errors.Shown(f"shape {truth.shape}")
        )
    y = empty(pred.shape, pred.dtype)
    launch(
        "match_values", pred.dtype, truth=dense(truth), pred=dense(pred), y=y, n=pred.size, op=op, threshold=threshold
    )
    return Tensor.wrap(y)


def accuracy(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """1 where y_true equals y_pred, else 0.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.accuracy([1, 2, 3], [1.0, 2.0, 4.0]).tolist()
    [1.0, 1.0, 0.0]
    """
    return _match("accuracy", y_true, y_pred, EQUAL, 0.0)


def binary_accuracy(y_true: TensorLike, y_pred: TensorLike, threshold: float = 0.5) -> Tensor:
    """1 where y_true is (y_pred > threshold), else 0; the threshold applies to outputs as they are, also to logits.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.binary_accuracy([[1], [1], [0]], [[0.9], [0.5], [0.1]]).tolist()
    [[1.0], [0.0], [1.0]]
    """
    return _match("binary_accuracy", y_true, y_pred, ABOVE_THRESHOLD, threshold)


def _match_classes(who: str, truth: Tensor | None, label: Any, pred: Tensor, shape: tuple[int, ...]) -> Tensor:
    if not pred.ndim or not pred.shape[-1]:
        raise errors.value_error(who, "y_pred", "an array whose last axis is the classes", pred.data)
    y = empty(shape, pred.dtype)
    launch(
        "match_classes", pred.dtype, label=label, truth=None if truth is None else dense(truth), pred=dense(pred), y=y,
        rows=math.prod(pred.shape[:-1]), cols=pred.shape[-1],
    )
    return Tensor.wrap(y)


def categorical_accuracy(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """1 where the largest elements of y_true and y_pred are at the same place, else 0; the first of equals counts.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.categorical_accuracy([[0, 1], [1, 0]], [[0.2, 0.8], [0.4, 0.6]]).tolist()
    [1.0, 0.0]
    """
    who = "categorical_accuracy"
    pred = as_float(y_pred)
    truth = loss_ops.as_dtype(numbers(who, y_true), pred.dtype)
    loss_ops.same_shape(who, truth, pred)
    return _match_classes(who, truth, None, pred, pred.shape[:-1])


def sparse_categorical_accuracy(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """1 where the largest element of y_pred is at the place the label says, else 0; the first of equals counts.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.sparse_categorical_accuracy([1, 1], [[0.2, 0.8], [0.6, 0.4]]).tolist()
    [1.0, 0.0]
    """
    who = "sparse_categorical_accuracy"
    pred = as_float(y_pred)
    label = loss_ops.labels_of(who, numbers(who, y_true), pred.shape, max(pred.ndim - 1, 0))
    return _match_classes(who, None, label, pred, pred.shape[:-1])


def top_k_categorical_accuracy(y_true: TensorLike, y_pred: TensorLike, k: int = 5) -> Tensor:
    """1 where the largest element of y_true is among the k largest of y_pred, else 0.

    As in Keras on TensorFlow, all elements equal to the k-th count, and a row with infinite or NaN elements is wrong.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.top_k_categorical_accuracy([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0, 0.95]], k=2).tolist()
    [1.0, 0.0]
    """
    who = "top_k_categorical_accuracy"
    pred = as_float(y_pred)
    truth = loss_ops.as_dtype(numbers(who, y_true), pred.dtype)
    loss_ops.same_shape(who, truth, pred)
    return _match_top_k(who, truth, None, pred, k)


def sparse_top_k_categorical_accuracy(
    y_true: TensorLike, y_pred: TensorLike, k: int = 5, from_sorted_ids: bool = False
) -> Tensor:
    """1 where the label's element is among the k largest of y_pred, else 0; see `top_k_categorical_accuracy`.

    Parameters
    ----------
    y_true : array_like
        Class numbers from 0, of shape (...,) or (..., 1).
    y_pred : array_like
        Of shape (..., classes).
    k : int
    from_sorted_ids : bool
        Whether y_pred is not scores but class numbers, the most probable first.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.sparse_top_k_categorical_accuracy([2, 1], [[0.1, 0.9, 0.8], [0.05, 0, 0.95]], k=2).tolist()
    [1.0, 0.0]
    """
    who = "sparse_top_k_categorical_accuracy"
    pred = as_float(y_pred)
    label = loss_ops.labels_of(who, numbers(who, y_true), pred.shape, max(pred.ndim - 1, 0))
    if not from_sorted_ids:
        return _match_top_k(who, None, label, pred, k)
    wanted = loss_ops.as_dtype(Tensor.wrap(label.reshape(*pred.shape[:-1], 1)), pred.dtype)
    return ops.cast(ops.any(ops.equal(wanted, pred[..., :k]), axis=-1), pred.dtype)


def _match_top_k(who: str, truth: Tensor | None, label: Array | None, pred: Tensor, k: int) -> Tensor:
    if not pred.ndim or not pred.shape[-1]:
        raise errors.value_error(who, "y_pred", "an array whose last axis is the classes", pred.data)
    y = empty(pred.shape[:-1], pred.dtype)
    launch(
        "match_top_k", pred.dtype, label=label, truth=None if truth is None else dense(truth), pred=dense(pred), y=y,
        rows=math.prod(pred.shape[:-1]), cols=pred.shape[-1], k=int(k),
    )
    return Tensor.wrap(y)


# ---- classes ------------------------------------------------------------------------------------------------------


class Accuracy(BuiltinMetric):
    """The share of predictions equal to the targets.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.Accuracy()([1, 2, 3, 4], [0, 2, 3, 4]).item()
    0.75
    """

    _direction = "up"

    def __init__(self, name: str | None = "accuracy", dtype: Any = None) -> None:
        super().__init__(accuracy, name=name, dtype=dtype)


class BinaryAccuracy(BuiltinMetric):
    """The share of predictions on the right side of a threshold.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional
    threshold : float

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.BinaryAccuracy()([[1], [1], [0], [0]], [[0.98], [1], [0], [0.6]]).item()
    0.75
    """

    _direction = "up"

    def __init__(self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5) -> None:
        super().__init__(binary_accuracy, name=name, dtype=dtype, threshold=threshold)


class CategoricalAccuracy(BuiltinMetric):
    """The share of predictions whose largest element is that of the one-hot target.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.CategoricalAccuracy()([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]]).item()
    0.5
    """

    _direction = "up"

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(categorical_accuracy, name=name, dtype=dtype)


class SparseCategoricalAccuracy(BuiltinMetric):
    """The share of predictions whose largest element is at the label.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.SparseCategoricalAccuracy()([2, 1], [[0.1, 0.6, 0.3], [0.05, 0.95, 0]]).item()
    0.5
    """

    _direction = "up"

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(sparse_categorical_accuracy, name=name, dtype=dtype)


class TopKCategoricalAccuracy(BuiltinMetric):
    """The share of one-hot targets that are among the k largest predictions.

    Parameters
    ----------
    k : int
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.TopKCategoricalAccuracy(k=1)([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]]).item()
    0.5
    """

    _direction = "up"

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(top_k_categorical_accuracy, name=name, dtype=dtype, k=k)


class SparseTopKCategoricalAccuracy(BuiltinMetric):
    """The share of labels that are among the k largest predictions.

    Parameters
    ----------
    k : int
    name : str, optional
    dtype : str, optional
    from_sorted_ids : bool
        Whether predictions are not scores but class numbers, the most probable first.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.SparseTopKCategoricalAccuracy(k=1)([2, 1], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]]).item()
    0.5
    """

    _direction = "up"
    _unsaid = {"from_sorted_ids": False}

    def __init__(
        self, k: int = 5, name: str | None = "sparse_top_k_categorical_accuracy", dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(
            sparse_top_k_categorical_accuracy, name=name, dtype=dtype, k=k, from_sorted_ids=from_sorted_ids
        )
