"""Metrics from class against class: the confusion matrix itself, and how far regions overlap."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn import config, errors, ops
from fastnn.autograd import FLOAT64, Tensor, TensorLike, as_float, as_tensor, no_grad
from fastnn.losses.base import numbers
from fastnn.metrics.base import Metric
from fastnn.metrics.counting import count_classes
from fastnn.ops import loss as loss_ops

INT64 = np.dtype(np.int64)


class _ClassCounts(Metric):
    """Base: the matrix of the true (rows) and predicted (columns) classes' weights."""

    def __init__(
        self, num_classes: int, name: str | None, dtype: Any, ignore_class: int | None, sparse_y_true: bool,
        sparse_y_pred: bool, axis: int,
    ) -> None:
        super().__init__(name=name, dtype=INT64 if dtype in (None, "int", int) else dtype)
        if num_classes < 1:
            raise errors.value_error(type(self).__name__, "num_classes", "a positive int", num_classes)
        self.num_classes = num_classes
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        self.total_cm = self.add_variable(
            (num_classes, num_classes), "zeros", dtype=FLOAT64, name="total_confusion_matrix"
        )

    def update_state(
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None
    ) -> None:
        with no_grad():
            truth = self._classes(numbers(type(self).__name__, y_true), self.sparse_y_true)
            self._add(truth, self._classes(as_tensor(y_pred), self.sparse_y_pred), sample_weight)

    def _classes(self, given: Tensor, sparse: bool) -> Tensor:
        """Class numbers in one row."""
        classes = given if sparse else ops.argmax(given, axis=self.axis)
        return ops.reshape(loss_ops.as_dtype(classes, INT64), (-1,))

    def _add(self, truth: Tensor, pred: Tensor, sample_weight: TensorLike | None) -> None:
        who = type(self).__name__
        if truth.shape != pred.shape:
            raise errors.value_error(
                who, "y_true", f"as many classes as are predicted, {pred.size}", errors.Shown(f"{truth.size}")
            )
        weight = None if sample_weight is None else self._weights(sample_weight, pred)
        count_classes(truth, pred, weight, self.total_cm, self.ignore_class)

    def _weights(self, sample_weight: TensorLike, pred: Tensor) -> Tensor:
        weight = as_tensor(sample_weight)
        integers = np.dtype(self.dtype).kind in "iu"
        if integers and weight.dtype.kind == "f":
            warnings.warn(
                f"{type(self).__name__}: dtype is {self.dtype}, so fractions of weights are cut off; for fractions "
                "use dtype='float32'.",
                stacklevel=5,
            )
        if weight.ndim > 1:
            weight = ops.reshape(weight, (-1,))
        if weight.size not in (1, pred.size):
            raise errors.value_error(
                type(self).__name__, "sample_weight", f"one, or {pred.size}, as many as predictions",
                errors.Shown(f"shape {weight.shape}"),
            )
        if integers:
            weight = ops.cast(weight, INT64)
        return ops.broadcast_to(ops.cast(weight, FLOAT64), pred.shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(), "num_classes": self.num_classes, "ignore_class": self.ignore_class,
            "sparse_y_true": self.sparse_y_true, "sparse_y_pred": self.sparse_y_pred, "axis": self.axis,
        }


class ConfusionMatrix(_ClassCounts):
    """How often samples of each class (rows) were taken for each class (columns). Not in Keras.

    Parameters
    ----------
    num_classes : int
    normalize : str, optional
        "true": the rows are shares of the true classes; "pred": the columns are shares of the predicted ones; "all":
        shares of all samples. None: counts, or sums of weights.
    threshold : float
        For predictions with one element per sample: above it, class 1 is predicted, else class 0.
    ignore_class : int, optional
        A true class whose samples are not counted.
    sparse_y_true : bool
        Whether targets are class numbers; otherwise the largest element along ``axis`` is the class.
    sparse_y_pred : bool
        The same for predictions, which usually are probabilities or logits.
    axis : int
    name : str, optional
    dtype : str, optional

    Notes
    -----
    Samples whose true class is not one of ``num_classes`` are not counted.

    Examples
    --------
    >>> from fastnn import metrics
    >>> m = metrics.ConfusionMatrix(3)
    >>> m.update_state([0, 1, 1, 2], [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1], [0.1, 0.2, 0.7]])
    >>> m.result().tolist()
    [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """

    def __init__(
        self, num_classes: int, normalize: str | None = None, threshold: float = 0.5, ignore_class: int | None = None,
        sparse_y_true: bool = True, sparse_y_pred: bool = False, axis: int = -1, name: str | None = None,
        dtype: Any = None,
    ) -> None:
        if normalize not in (None, "true", "pred", "all"):
            raise errors.value_error("ConfusionMatrix", "normalize", "None, 'true', 'pred' or 'all'", normalize)
        dtype = dtype or config.floatx()
        super().__init__(num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)
        self.normalize = normalize
        self.threshold = threshold

    def _classes(self, given: Tensor, sparse: bool) -> Tensor:
        if not sparse and (given.ndim < 2 or given.shape[self.axis] == 1):
            given, sparse = ops.greater(given, self.threshold), True
        return super()._classes(given, sparse)

    def result(self) -> Tensor:
        matrix = self.total_cm.numpy()
        axis = {"true": 1, "pred": 0, "all": None}
        if self.normalize is not None:
            total = matrix.sum(axis=axis[self.normalize], keepdims=True)
            matrix = matrix / np.where(total == 0, 1, total)
        return self._value(matrix)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "normalize": self.normalize, "threshold": self.threshold}


class IoU(_ClassCounts):
    """Intersection over union, TP / (TP + FP + FN), the mean over some of the classes.

    Parameters
    ----------
    num_classes : int
    target_class_ids : list of int
        The classes that count; those which neither occur nor are predicted are left out of the mean.
    name : str, optional
    dtype : str, optional
        Of the counts, int64 by default (as in Keras on TensorFlow): fractions of weights are cut off. The result is
        float32.
    ignore_class : int, optional
        A true class whose samples are not counted.
    sparse_y_true, sparse_y_pred : bool
        Whether targets and predictions are class numbers; otherwise the largest element along ``axis`` is the class.
    axis : int

    Examples
    --------
    >>> from fastnn import metrics
    >>> round(metrics.IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1]).item(), 4)
    0.3333
    """

    _direction = "up"

    def __init__(
        self, num_classes: int, target_class_ids: Sequence[int], name: str | None = None, dtype: Any = None,
        ignore_class: int | None = None, sparse_y_true: bool = True, sparse_y_pred: bool = True, axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)
        self.target_class_ids = list(target_class_ids)
        if max(self.target_class_ids) >= num_classes:
            raise errors.value_error(
                type(self).__name__, "target_class_ids", f"class numbers below {num_classes}", target_class_ids
            )

    def result(self) -> Tensor:
        matrix = self.total_cm.numpy()
        right = np.diag(matrix)[self.target_class_ids]
        union = (matrix.sum(axis=0) + matrix.sum(axis=1))[self.target_class_ids] - right
        there = union > 1e-9
        epsilon = config.epsilon()
        iou = np.where(there, right / (union + epsilon), 0.0)
        return Tensor.wrap(np.asarray(iou.sum() / (there.sum() + epsilon), np.float32))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "target_class_ids": self.target_class_ids}


class BinaryIoU(IoU):
    """Intersection over union for class 0, class 1 or both, of predictions above a threshold.

    Parameters
    ----------
    target_class_ids : list of int
        [0], [1], or [0, 1] for the mean of both.
    threshold : float
        Predictions from there on are class 1.
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> round(metrics.BinaryIoU(target_class_ids=[0, 1], threshold=0.3)([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7]).item(), 4)
    0.3333
    """

    def __init__(
        self, target_class_ids: Sequence[int] = (0, 1), threshold: float = 0.5, name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(2, target_class_ids, name=name, dtype=dtype)
        self.threshold = threshold

    def update_state(
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None
    ) -> None:
        with no_grad():
            super().update_state(y_true, ops.greater_equal(as_float(y_pred), self.threshold), sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {
            **Metric.get_config(self), "target_class_ids": self.target_class_ids, "threshold": self.threshold
        }


class MeanIoU(IoU):
    """Intersection over union, the mean over all classes that occur or are predicted.

    Parameters
    ----------
    num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis
        As for `IoU`.

    Examples
    --------
    >>> from fastnn import metrics
    >>> round(metrics.MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1]).item(), 4)
    0.3333
    """

    def __init__(
        self, num_classes: int, name: str | None = None, dtype: Any = None, ignore_class: int | None = None,
        sparse_y_true: bool = True, sparse_y_pred: bool = True, axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, range(num_classes), name=name, dtype=dtype, ignore_class=ignore_class,
            sparse_y_true=sparse_y_true, sparse_y_pred=sparse_y_pred, axis=axis,
        )

    def get_config(self) -> dict[str, Any]:
        return _without(super().get_config(), "target_class_ids")


class OneHotIoU(IoU):
    """`IoU` of one-hot targets and, unless they are sparse, predictions with an element for each class.

    Parameters
    ----------
    num_classes, target_class_ids, name, dtype, ignore_class, sparse_y_pred, axis
        As for `IoU`.

    Examples
    --------
    >>> from fastnn import metrics
    >>> m = metrics.OneHotIoU(num_classes=2, target_class_ids=[0])
    >>> round(m([[1, 0], [1, 0], [0, 1], [0, 1]], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]]).item(), 4)
    0.3333
    """

    def __init__(
        self, num_classes: int, target_class_ids: Sequence[int], name: str | None = None, dtype: Any = None,
        ignore_class: int | None = None, sparse_y_pred: bool = False, axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, target_class_ids, name=name, dtype=dtype, ignore_class=ignore_class, sparse_y_true=False,
            sparse_y_pred=sparse_y_pred, axis=axis,
        )

    def get_config(self) -> dict[str, Any]:
        return _without(super().get_config(), "sparse_y_true")


class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` of one-hot targets and, unless they are sparse, predictions with an element for each class.

    Parameters
    ----------
    num_classes, name, dtype, ignore_class, sparse_y_pred, axis
        As for `IoU`.

    Examples
    --------
    >>> from fastnn import metrics
    >>> m = metrics.OneHotMeanIoU(num_classes=2)
    >>> round(m([[1, 0], [1, 0], [0, 1], [0, 1]], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]]).item(), 4)
    0.3333
    """

    def __init__(
        self, num_classes: int, name: str | None = None, dtype: Any = None, ignore_class: int | None = None,
        sparse_y_pred: bool = False, axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, name=name, dtype=dtype, ignore_class=ignore_class, sparse_y_true=False,
            sparse_y_pred=sparse_y_pred, axis=axis,
        )

    def get_config(self) -> dict[str, Any]:
        return _without(super().get_config(), "sparse_y_true")


def _without(config: dict[str, Any], name: str) -> dict[str, Any]:
    """The configuration of a class that has no such argument."""
    return {k: v for k, v in config.items() if k != name}
