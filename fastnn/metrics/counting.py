"""How confusion metrics count: predictions above thresholds, and classes against classes, by kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastnn import config, errors, ops
from fastnn._core import empty, launch
from fastnn.autograd import FLOAT64, Tensor, TensorLike, Variable, dense
from fastnn.losses.base import align, numbers
from fastnn.ops import loss as loss_ops

TRUE_POSITIVES, FALSE_POSITIVES, TRUE_NEGATIVES, FALSE_NEGATIVES = range(4)  # field which of the kernel threshold_add
ANY, EVEN, EVEN_BEYOND = range(3)  # field spacing of the kernel threshold_counts
LOWEST = -1e10  # stands for predictions that are not among the top k, and below which no threshold lies
MOST_CHUNKS, CHUNK = 16, 8192  # parts that threads may count, and samples a part has at least


class Thresholds:
    """Thresholds as the kernels want them: sorted, with their places, and whether they are evenly spaced.

    Evenly spaced ones, as Keras tells them, are not compared with predictions: which lie below follows from the
    prediction times their number, rounded as in Keras.
    """

    def __init__(self, values: Sequence[float], dtype: str, even: bool | None = None) -> None:
        given = np.asarray(values, np.float64)
        if even is None:
            even = is_even(given)
        self.spacing = ANY if not even else EVEN_BEYOND if given[0] < 0 or given[-1] > 1 else EVEN
        order = np.argsort(given, kind="stable")
        self.sorted = given[order].astype(dtype)
        self.place = order.astype(np.int64)

    def __len__(self) -> int:
        return self.sorted.size


def is_even(values: Any) -> bool:
    """Whether these are at least three thresholds from 0 to 1, evenly spaced, by Keras's tolerance."""
    n = len(values)
    even = np.arange(n, dtype=np.float32) / max(1, n - 1)
    return n >= 3 and bool(np.allclose(values, even, atol=config.epsilon()))


def threshold_list(who: str, thresholds: Any, default: float) -> list[float]:
    """The user's thresholds, one or several between 0 and 1, as a list."""
    if thresholds is None:
        return [default]
    given = list(thresholds) if isinstance(thresholds, (list, tuple, np.ndarray)) else [thresholds]
    if not given or any(t is None or not 0 <= t <= 1 for t in given):
        raise errors.value_error(who, "thresholds", "numbers from 0 to 1", thresholds)
    return given


def samples(
    who: str, dtype: str, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None,
    top_k: int | None = None, class_id: int | None = None,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Targets, predictions and weights of one shape; of class_id alone, and only the top k, if asked for."""
    pred = loss_ops.as_dtype(y_pred, np.dtype(dtype))
    truth = loss_ops.as_dtype(numbers(who, y_true), pred.dtype)
    pred, truth = align(pred, truth)
    if truth.shape != pred.shape:
        raise errors.value_error(
            who, "y_true", f"of the predictions' shape {pred.shape}", errors.Shown(f"shape {truth.shape}"),
            "Class numbers are no yes-or-no targets: use one-hot ones." if truth.ndim < pred.ndim else "",
        )
    if top_k is not None:
        pred = _keep_top_k(who, pred, top_k)
    if class_id is not None:
        if pred.ndim < 2:
            raise errors.value_error(
                who, "y_pred", "of shape (samples, classes) where class_id is given",
                errors.Shown(f"shape {pred.shape}"),
            )
        truth, pred = truth[..., class_id, None], pred[..., class_id, None]
    return truth, pred, _weights(who, sample_weight, pred)


def _weights(who: str, sample_weight: TensorLike | None, pred: Tensor) -> Tensor | None:
    """One weight per prediction: those of samples, or of what the predictions' leading axes are."""
    if sample_weight is None:
        return None
    weight = loss_ops.as_dtype(sample_weight, pred.dtype)
    given = weight.shape
    if weight.ndim < pred.ndim:
        weight = ops.reshape(weight, (*weight.shape, *(1,) * (pred.ndim - weight.ndim)))
    elif weight.ndim == pred.ndim + 1 and weight.shape[-1] == 1:
        weight = ops.reshape(weight, weight.shape[:-1])
    if weight.ndim != pred.ndim or any(w not in (1, n) for w, n in zip(weight.shape, pred.shape, strict=True)):
        raise errors.value_error(
            who, "sample_weight", f"one weight per sample, or of the predictions' shape {pred.shape}",
            errors.Shown(f"shape {given}"),
        )
    return ops.broadcast_to(weight, pred.shape)


def _keep_top_k(who: str, pred: Tensor, k: int) -> Tensor:
    """Predictions that are not among the k largest of their row become LOWEST; of equals the first is kept."""
    if not pred.ndim or not 0 < k <= pred.shape[-1]:
        raise errors.value_error(who, "top_k", f"from 1 to the number of classes (predictions {pred.shape})", k)
    y = empty(pred.shape, pred.dtype)
    rows, cols = loss_ops.rows_and_cols(pred)
    launch("top_k_keep", pred.dtype, pred=dense(pred), y=y, rows=rows, cols=cols, k=int(k), other=LOWEST)
    return Tensor.wrap(y)


def count_above(
    thresholds: Thresholds, truth: Tensor, pred: Tensor, weight: Tensor | None, totals: Mapping[int, Variable],
    labels: int = 1, soft: bool = False,
) -> None:
    """Add to the totals (of TRUE_POSITIVES, ...) the weights of the samples above each threshold, or below.

    Parameters
    ----------
    thresholds : Thresholds
    truth, pred, weight : Tensor
        Of one shape.
    totals : dict
        Which count -> float64 variable of shape (thresholds,), or (thresholds, labels).
    labels : int
        1: all samples are counted together; otherwise the elements of the last axis, counted apart.
    soft : bool
        Whether targets are shares between no (0) and yes (1); otherwise all but 0 are yes.
    """
    rows = pred.size // max(1, labels)
    chunk = max(CHUNK, -(-rows // MOST_CHUNKS))
    chunks = max(1, -(-rows // chunk))
    counts = empty((chunks, 2, labels, len(thresholds) + 1), FLOAT64)
    sizes = {"labels": labels, "thresholds": len(thresholds)}
    launch(
        "threshold_counts", pred.dtype, truth=dense(truth), pred=dense(pred),
        weight=None if weight is None else dense(weight), threshold=thresholds.sorted, counts=counts, rows=rows,
        chunk=chunk, spacing=thresholds.spacing, soft=int(soft), **sizes,
    )
    for which, total in totals.items():
        launch(
            "threshold_add", pred.dtype, counts=counts, place=thresholds.place, total=total.data, chunks=chunks,
            which=which, **sizes,
        )


def count_classes(
    truth: Tensor, pred: Tensor, weight: Tensor | None, total: Variable, ignore_class: int | None
) -> None:
    """total[t, p] += the weights of the samples of class t for which p was predicted; both of dtype int64."""
    launch(
        "class_counts", FLOAT64 if weight is None else weight.dtype, truth=dense(truth), pred=dense(pred),
        weight=None if weight is None else dense(weight), total=total.data, n=pred.size, classes=total.shape[0],
        has_ignore=int(ignore_class is not None), ignore=float(ignore_class or 0),
    )


def ratio(part: Any, whole: Any) -> Any:
    """part / whole, and 0 where whole is 0."""
    return np.divide(part, whole, out=np.zeros_like(part, np.float64), where=whole != 0)
