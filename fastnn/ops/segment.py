"""Sums, products and extremes of the rows that belong together, and counts of integers and of intervals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import fastnn.ops as ops  # for selection, gathers and arithmetic, looked up when used
from fastnn import errors
from fastnn._core import empty, launch, values_are_read
from fastnn.autograd import Array, Tensor, TensorLike, as_tensor, dense, record
from fastnn.ops.axes import MAX, MIN, PROD, SUM
from fastnn.ops.dtypes import BOOL, FLOAT64, INT32, INT64, UINT64, cast_array, common_dtype
from fastnn.ops.gather import as_int64


def _segments(
    who: str, data: TensorLike, segment_ids: TensorLike, num_segments: int | None
) -> tuple[Tensor, Array, int]:
    x, ids = as_tensor(data), as_int64(f"ops.{who}", "segment_ids", segment_ids)
    if ids.ndim != 1 or not x.ndim or x.shape[0] != ids.size:
        raise errors.value_error(
            f"ops.{who}", "segment_ids", f"of one axis, as long as the first of data {x.shape}", ids
        )
    if num_segments is None:
        values_are_read(f"ops.{who}: num_segments is not given")
        num_segments = int(ids.max(initial=-1)) + 1
    return (ops.cast(x, INT32) if x.dtype == BOOL else x), ids, int(num_segments)


def combine(op: int, x: Array, ids: Array, count: int, start: float) -> Array:
    """For each id the sum, product, least or largest of its rows, and of ``start``; ids out of range are left out."""
    shape = (count, *x.shape[1:])
    sizes = {"outer": 1, "n": ids.size, "inner": math.prod(x.shape[1:]), "segments": count, "op": op}
    if x.dtype.kind == "f":
        y = empty(shape, x.dtype)
        launch("segment", x.dtype, x=x, id=ids, y=y, start=start, **sizes)
        return y
    whole = empty(shape, INT64)
    flip = -(2**63) if x.dtype == UINT64 else 0
    bits = int(np.array(int(start), x.dtype).astype(np.int64))
    launch("segment_i64", FLOAT64, x=cast_array(x, INT64), id=ids, y=whole, start=bits, flip=flip, **sizes)
    return cast_array(whole, x.dtype)


def rows_at(dy: Array, ids: Array) -> Array:
    """dy's row for each id, zeros for ids out of range."""
    padded = ops.concatenate([Tensor.wrap(dy), ops.zeros((1, *dy.shape[1:]), dy.dtype)])
    return ops.take(padded, _inside(ids, dy.shape[0]), axis=0).data


def _inside(ids: Array, count: int) -> Tensor:
    """The ids, those out of range as ``count``."""
    index = Tensor.wrap(ids)
    known = ops.logical_and(ops.greater_equal(index, 0), ops.less(index, count))
    return ops.where(known, index, count)


def segment_sum(
    data: TensorLike, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """The sum of the rows of each segment; 0 where there are none. Ids outside 0 .. num_segments - 1 are left out.

    Parameters
    ----------
    data : tensor (n, ...)
    segment_ids : integer tensor (n)
    num_segments : int, optional
        Without it the largest id decides, and a step with it runs through Python.
    sorted : bool
        Makes no difference.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.segment_sum([1.0, 2.0, 3.0], [0, 2, 0], 3).tolist()
    [4.0, 0.0, 2.0]
    """
    x, ids, count = _segments("segment_sum", data, segment_ids, num_segments)
    y = combine(SUM, dense(x), ids, count, 0)
    return record("segment_sum", y, (x,), lambda dy: (rows_at(dy, ids),))


def segment_max(
    data: TensorLike, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """The largest of the rows of each segment, element by element; the least number of the type where there are none.

    Arguments as of `segment_sum`. Equal maxima share the gradient in equal parts. (As Keras on TensorFlow; on JAX an
    empty segment has -inf.)

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.segment_max([1.0, 2.0, 3.0], [0, 1, 0], 2).tolist()
    [3.0, 2.0]
    """
    return _segment_extreme("segment_max", MAX, data, segment_ids, num_segments)


def segment_min(
    data: TensorLike, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """The least of the rows of each segment, element by element; the largest number of the type where there are none.

    Arguments as of `segment_sum`. Equal minima share the gradient in equal parts.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.segment_min([1.0, 2.0, 3.0], [0, 1, 0], 2).tolist()
    [1.0, 2.0]
    """
    return _segment_extreme("segment_min", MIN, data, segment_ids, num_segments)


def _segment_extreme(name: str, op: int, data: TensorLike, segment_ids: TensorLike, num_segments: int | None) -> Tensor:
    x, ids, count = _segments(name, data, segment_ids, num_segments)
    limits: Any = np.finfo(x.dtype) if x.dtype.kind == "f" else np.iinfo(x.dtype)
    y = combine(op, dense(x), ids, count, limits.min if op == MAX else limits.max)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        wins = ops.cast(ops.equal(x.detach(), Tensor.wrap(rows_at(y, ids))), x.dtype)
        winners = combine(SUM, wins.data, ids, count, 0)
        share = ops.divide(Tensor.wrap(dy), ops.maximum(Tensor.wrap(winners), 1))
        return (ops.multiply(wins, Tensor.wrap(rows_at(share.data, ids))).data,)

    return record(name, y, (x,), gradient)


def segment_prod(
    data: TensorLike, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """The product of the rows of each segment, 1 where there are none; the gradient is exact where factors are zero.

    Arguments as of `segment_sum`.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.segment_prod([2.0, 4.0, 3.0], [0, 1, 0], 2).tolist()
    [6.0, 4.0]
    """
    x, ids, count = _segments("segment_prod", data, segment_ids, num_segments)
    y = combine(PROD, dense(x), ids, count, 1)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        # Of a segment with one zero only that element has a gradient, the product of the others; with more, none has.
        value = x.detach()
        zero = ops.equal(value, 0)
        others = combine(PROD, dense(ops.where(zero, 1.0, value)), ids, count, 1)
        zeros = combine(SUM, ops.cast(zero, x.dtype).data, ids, count, 0)
        others_at, zeros_at = (Tensor.wrap(rows_at(part, ids)) for part in (others, zeros))
        alone = ops.logical_and(zero, ops.equal(zeros_at, 1))
        quotient = ops.where(ops.equal(zeros_at, 0), ops.divide(others_at, ops.where(zero, 1.0, value)), 0.0)
        return (ops.multiply(Tensor.wrap(rows_at(dy, ids)), ops.where(alone, others_at, quotient)).data,)

    return record("segment_prod", y, (x,), gradient)


def bincount(x: TensorLike, weights: TensorLike | None = None, minlength: int = 0, sparse: bool = False) -> Tensor:
    """How often each of 0, 1, 2, ... occurs, or the sum of its weights; the rows of a matrix apart from each other.

    The number of results depends on the values, so a step with it runs through Python.

    Parameters
    ----------
    x : tensor of integers, of one or two axes
        Negative numbers do not count.
    weights : tensor, optional
        Of x's shape. Gradients flow to it.
    minlength : int
        The least number of results.
    sparse : bool
        Must be False: there are no sparse tensors here.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.bincount([1, 3, 1]).tolist()
    [0, 2, 0, 1]
    """
    if sparse:
        raise errors.value_error("ops.bincount", "sparse", "False", sparse, "fastnn has dense tensors only.")
    numbers = as_int64("ops.bincount", "x", x)
    if numbers.ndim not in (1, 2):
        raise errors.value_error("ops.bincount", "x", "of one or two axes", numbers)
    values_are_read("ops.bincount: the result's shape depends on values")
    size = max(int(minlength), int(numbers.max(initial=-1)) + 1)
    wanted = INT32
    counted: TensorLike = ops.ones(numbers.shape, INT32)
    if weights is not None:
        wanted = common_dtype(as_tensor(x).dtype, as_tensor(weights).dtype)
        counted = ops.cast(weights, wanted)
    counted = as_tensor(counted)
    if numbers.ndim == 2:  # row r counts in its own part of one long result
        first = np.arange(numbers.shape[0])[:, np.newaxis] * size
        total = segment_sum(
            ops.ravel(counted), np.where(numbers < 0, -1, numbers + first).reshape(-1), numbers.shape[0] * size
        )
        return ops.reshape(total, (numbers.shape[0], size))
    return segment_sum(counted, numbers, size)


def histogram(x: TensorLike, bins: int = 10, range: tuple[float, float] | None = None) -> tuple[Tensor, Tensor]:
    """How many elements are in each of equal intervals, in x's type, and the bounds of the intervals.

    Elements outside of the range do not count; the last interval holds its upper bound. Reads the values: a step with
    it runs through Python.

    Parameters
    ----------
    x : tensor
    bins : int
    range : (float, float), optional
        Default: from the least to the largest element.

    Examples
    --------
    >>> from fastnn import ops
    >>> counts, bounds = ops.histogram([1.0, 2.0, 2.5], bins=2, range=(1.0, 3.0))
    >>> counts.tolist(), bounds.tolist()
    ([1.0, 2.0], [1.0, 2.0, 3.0])
    """
    if not isinstance(bins, (int, np.integer)) or bins < 1:
        raise errors.value_error("ops.histogram", "bins", "an integer of at least 1", bins)
    if range is not None and (len(range) != 2 or not range[0] <= range[1]):
        raise errors.value_error("ops.histogram", "range", "(low, high) with low <= high, or None", range)
    x = as_tensor(x)
    values_are_read("ops.histogram")
    values = x.data if x.dtype.kind == "f" else x.data.astype(np.float64)
    counts, bounds = np.histogram(values, bins=int(bins), range=range)
    return Tensor(counts.astype(x.dtype)), Tensor(bounds.astype(x.dtype if x.dtype.kind == "f" else np.float32))
