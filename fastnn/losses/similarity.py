"""Losses of embeddings: samples of one class should lie close, those of different classes far."""

from __future__ import annotations

from typing import Any

from fastnn import errors, ops
from fastnn.autograd import Tensor, TensorLike, as_float
from fastnn.losses.base import BuiltinLoss, masks, numbers, takes_labels

FAR = -1e30  # of a pair that is not there, before log-sum-exp: far below any other, and finite


def circle(
    y_true: TensorLike, y_pred: TensorLike, ref_labels: TensorLike | None = None,
    ref_embeddings: TensorLike | None = None, remove_diagonal: bool = True, gamma: float = 80, margin: float = 0.4,
) -> Tensor:
    """log(1 + sum over positive pairs of exp(..) * sum over negative pairs of exp(..)), one value per sample.

    For d = max(0, 1 - cosine) a positive pair (of one class) contributes -gamma * (margin + d) * (margin - d), a
    negative pair gamma * max(0, 1 + margin - d) * (1 - margin - d). `Circle` takes the mean over samples whose loss
    is positive.

    Parameters
    ----------
    y_true : array_like
        Class numbers, of shape (n,) or (n, 1).
    y_pred : array_like
        Embeddings of length 1, of shape (n, d).
    ref_labels, ref_embeddings : array_like, optional
        What the samples are compared with; by default with each other.
    remove_diagonal : bool
        Whether a sample is no pair with itself (with the reference of the same number).
    gamma, margin : float

    Source
    ------
    Sun et al., Circle Loss: A Unified Perspective of Pair Similarity Optimization, arXiv:2002.10857.

    Examples
    --------
    >>> from fastnn import losses
    >>> loss = losses.circle([0, 0, 1], [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]], gamma=1)
    >>> [round(value, 4) for value in loss.tolist()]
    [1.1989, 1.0899, 0.0]
    """
    x = as_float(y_pred)
    label = numbers("circle", y_true)
    other = x if ref_embeddings is None else as_float(ref_embeddings)
    other_label = label if ref_labels is None else numbers("circle", ref_labels)
    for name, labels, rows in (("y_true", label, x), ("ref_labels", other_label, other)):
        if rows.ndim != 2 or labels.size != rows.shape[0]:
            raise errors.value_error(
                "circle", name, "one label for each row of embeddings",
                errors.Shown(f"shapes {labels.shape} and {rows.shape}"),
            )
    distance = ops.maximum(ops.subtract(1.0, ops.matmul(x, ops.transpose(other))), 0.0)
    same = ops.equal(ops.reshape(label, (-1, 1)), ops.reshape(other_label, (1, -1)))
    positive = same
    if remove_diagonal:
        number = ops.arange(max(x.shape[0], other.shape[0]), dtype="float32")
        other_one = ops.not_equal(ops.reshape(number[: x.shape[0]], (-1, 1)), number[: other.shape[0]])
        positive = ops.logical_and(same, other_one)
    near = ops.multiply(ops.add(distance, margin), ops.subtract(distance, margin))
    far = ops.multiply(ops.maximum(ops.subtract(1 + margin, distance), 0.0), ops.subtract(1 - margin, distance))
    pull = ops.logsumexp(ops.where(positive, ops.multiply(near, gamma), FAR), axis=1)
    push = ops.logsumexp(ops.where(same, FAR, ops.multiply(far, gamma)), axis=1)
    total = ops.add(pull, push)  # FAR where a sample has no positive or no negative pair: a loss of 0
    return ops.logsumexp(ops.stack([ops.zeros_like(total), total], axis=1), axis=1)


def _positive(y_true: TensorLike, values: Tensor, arguments: dict[str, Any]) -> Tensor:
    return ops.cast(ops.greater(values, 0), values.dtype)


takes_labels.add(circle)
masks[circle] = _positive


class Circle(BuiltinLoss):
    """Pulls embeddings of one class together and pushes those of different classes apart, see `circle`.

    Parameters
    ----------
    gamma : float
        How sharply the hardest pairs dominate.
    margin : float
        How close is close enough.
    remove_diagonal : bool
        Whether a sample is no pair with itself.
    reduction, name, dtype
        As for `Loss`; means are over the samples whose loss is positive.

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.Circle(gamma=1)([0, 0, 1], [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]).item(), 4)
    1.1444
    """

    def __init__(
        self, gamma: float = 80.0, margin: float = 0.4, remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size", name: str | None = "circle", dtype: Any = None,
    ) -> None:
        super().__init__(
            circle, name=name, reduction=reduction, dtype=dtype, gamma=gamma, margin=margin,
            remove_diagonal=remove_diagonal,
        )
