"""Sorting and searching along an axis, and what is read off sorted rows: the largest k, medians, quantiles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import fastnn.ops as ops  # for casts, transposes and arithmetic, looked up when used
from fastnn import errors
from fastnn._core import empty, launch, values_are_read
from fastnn.autograd import Array, Tensor, TensorLike, as_float, as_tensor, dense
from fastnn.ops.axes import Axis, kept_shape, normalize_axes
from fastnn.ops.dtypes import FLOAT64, INT32, INT64, UINT64, cast_array, pair
from fastnn.ops.gather import axis_or_flat
from fastnn.ops.reduce import axes_last
from fastnn.ops.strided import table

# ---- order --------------------------------------------------------------------------------------------------------


def _order(x: Array, descending: bool = False) -> Array:
    """The places of the elements of each last row in order, int64; equal ones in theirs, NaN as the largest."""
    y = empty(x.shape, INT64)
    cols = x.shape[-1]
    sizes = {"rows": x.size // max(cols, 1), "cols": cols, "descending": int(descending)}
    if x.dtype.kind == "f":
        launch("argsort", x.dtype, x=x, y=y, **sizes)
    else:
        flip = -(2**63) if x.dtype == UINT64 else 0
        launch("argsort_i64", FLOAT64, x=cast_array(x, INT64), y=y, flip=flip, **sizes)
    return y


def argsort(x: TensorLike, axis: int | None = -1) -> Tensor:
    """The places of the elements in ascending order along an axis, int32; equal ones keep their order, NaN comes last.

    Parameters
    ----------
    x : tensor
    axis : int or None
        None: x is flattened first.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.argsort([3.0, 1.0, 2.0]).tolist()
    [1, 2, 0]
    """
    x, axis = axis_or_flat("argsort", x, axis)
    places = Tensor.wrap(_order(dense(ops.moveaxis(x, axis, -1))))
    return ops.moveaxis(ops.cast(places, INT32), -1, axis)


def sort(x: TensorLike, axis: int | None = -1) -> Tensor:
    """The elements in ascending order along an axis, NaN last.

    Parameters
    ----------
    x : tensor
    axis : int or None
        None: x is flattened first.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.sort([[3, 1, 2]]).tolist()
    [[1, 2, 3]]
    """
    x, axis = axis_or_flat("sort", x, axis)
    return ops.moveaxis(_sorted_rows(ops.moveaxis(x, axis, -1)), -1, axis)


def _sorted_rows(x: Tensor) -> Tensor:
    return ops.take_along_axis(x, Tensor.wrap(_order(dense(x))), axis=-1)


def argpartition(x: TensorLike, kth: int, axis: int = -1) -> Tensor:
    """Places of the elements such that the kth smallest stands at kth, smaller ones before it: here, all in order."""
    x, at = axis_or_flat("argpartition", x, axis)
    if not -x.shape[at] <= kth < x.shape[at]:
        raise errors.value_error("ops.argpartition", "kth", f"an index of the {x.shape[at]} positions", kth)
    return argsort(x, at)


def top_k(x: TensorLike, k: int, sorted: bool = True) -> tuple[Tensor, Tensor]:
    """The k largest elements of the last axis in descending order, and their places (int32), equal ones in theirs.

    Parameters
    ----------
    x : tensor
    k : int
        At most the extent of the last axis.
    sorted : bool
        The result is in order either way.

    Examples
    --------
    >>> from fastnn import ops
    >>> values, places = ops.top_k([5.0, 9.0, 7.0], 2)
    >>> values.tolist(), places.tolist()
    ([9.0, 7.0], [1, 2])
    """
    x = as_tensor(x)
    if not x.ndim or not 0 <= k <= x.shape[-1]:
        raise errors.value_error("ops.top_k", "k", f"at most the last axis of x {x.shape}", k)
    places = ops.getitem(Tensor.wrap(_order(dense(x), descending=True)), (..., slice(0, k)))
    return ops.take_along_axis(x, places, axis=-1), ops.cast(places, INT32)


def in_top_k(targets: TensorLike, predictions: TensorLike, k: int) -> Tensor:
    """Whether each row's prediction for its target is among the k largest; ties with the k-th count as among them.

    Parameters
    ----------
    targets : integer tensor (n)
    predictions : tensor (n, classes)
    k : int

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.in_top_k([2, 0], [[0.1, 0.7, 0.2], [0.1, 0.7, 0.2]], 2).tolist()
    [True, False]
    """
    predictions = as_float(predictions).detach()
    classes = predictions.shape[-1]
    index = ops.cast(as_tensor(targets), INT64)
    known = ops.logical_and(ops.greater_equal(index, 0), ops.less(index, classes))
    index = ops.expand_dims(ops.where(known, index, 0), -1)
    chosen = ops.take_along_axis(predictions, index, axis=-1)
    above = ops.sum(ops.cast(ops.greater(predictions, chosen), INT32), axis=-1)
    usable = ops.logical_and(known, ops.isfinite(ops.squeeze(chosen, -1)))
    return ops.logical_and(ops.less(above, k), usable)


# ---- search -------------------------------------------------------------------------------------------------------


def searchsorted(sorted_sequence: TensorLike, values: TensorLike, side: str = "left") -> Tensor:
    """Where each value would be inserted into a sorted row, int32; before equal elements (left) or behind (right).

    Parameters
    ----------
    sorted_sequence : tensor of one axis, ascending
    values : tensor of any shape
    side : {"left", "right"}

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.searchsorted([1.0, 2.0, 3.0], [0.0, 2.0, 9.0]).tolist()
    [0, 1, 3]
    """
    row, x = pair(sorted_sequence, values)
    if row.ndim != 1:
        raise errors.value_error("ops.searchsorted", "sorted_sequence", "of one axis", row.data)
    if side not in ("left", "right"):
        raise errors.unknown_name("ops.searchsorted", "side", side, ("left", "right"))
    if row.dtype.kind != "f":
        row, x = (ops.cast(t, FLOAT64) for t in (row, x))
    y = empty(x.shape, INT64)
    launch(
        "searchsorted", row.dtype, sorted=dense(row), x=dense(x), y=y, n=row.size, m=x.size, right=int(side == "right")
    )
    return ops.cast(Tensor.wrap(y), INT32)


def digitize(x: TensorLike, bins: TensorLike) -> Tensor:
    """The number of the interval that each element is in, int32: how many of the ascending bounds are not above it.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.digitize([0.5, 1.0, 9.0], [1.0, 2.0]).tolist()
    [0, 1, 2]
    """
    return searchsorted(bins, x, side="right")


def unique(
    x: TensorLike,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The different elements (or slices along an axis), in ascending order.

    Their number depends on the values, so a step with it runs through Python.

    Parameters
    ----------
    x : tensor
    sorted : bool
        The result is in order either way.
    return_index, return_inverse, return_counts : bool
        Also where each is found first, which one each element of x is, how often each occurs; int32.
    axis : int or None
        None: x is flattened first.
    size : int, optional
        Cut to this many, or fill up with ``fill_value`` (default: the first of them).

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.unique([3, 1, 3]).tolist()
    [1, 3]
    """
    array = as_tensor(x).data
    values_are_read("ops.unique: the result's shape depends on values")
    values, index, inverse, counts = np.unique(array, True, True, True, axis=axis)
    along = 0 if axis is None else axis
    if size is not None:
        missing = max(0, size - values.shape[along])
        keep = np.arange(min(size, values.shape[along]))
        values, index, counts = np.take(values, keep, along), index[keep], counts[keep]
        if missing:
            filler = np.take(values, [0], along) if fill_value is None else np.asarray(fill_value, values.dtype)
            shape = list(values.shape)
            shape[along] = missing
            values = np.concatenate([values, np.broadcast_to(filler, shape)], along)
            index = np.concatenate([index, np.full(missing, index[0] if index.size else 0)])
            counts = np.concatenate([counts, np.zeros(missing, counts.dtype)])
    inverse = inverse.reshape(array.shape) if axis is None else inverse.reshape(-1)
    wanted = [(index, return_index), (inverse, return_inverse), (counts, return_counts)]
    results = [Tensor(values), *(Tensor(part.astype(np.int32)) for part, asked in wanted if asked)]
    return results[0] if len(results) == 1 else tuple(results)


# ---- quantiles ----------------------------------------------------------------------------------------------------

METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def quantile(
    x: TensorLike, q: TensorLike, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """The values that are not below a share q of the elements.

    Between the neighbours of place q (n - 1) of the sorted elements ``method`` decides: linear interpolation, the
    lower or the higher one, their mean, or the nearest (the even place of two equally near). NaN if any is NaN.

    Parameters
    ----------
    x : tensor
        Integers become floats.
    q : float or tensor of at most one axis
        In [0, 1]; its axis comes first in the result.
    axis : int, tuple of int or None
        None: all axes.
    method : {"linear", "lower", "higher", "midpoint", "nearest"}
    keepdims : bool
        Leave the reduced axes in the result, with one element each.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.quantile([1.0, 2.0, 4.0], 0.75).item()
    3.0
    """
    x = as_float(x)
    rows, shares, rest = _quantile_rows("quantile", x, q, axis, method, keepdims)
    n = rows.shape[-1]
    rows = ops.where(ops.any(ops.isnan(rows), axis=-1, keepdims=True), math.nan, rows)
    lower, upper, weight = table(_neighbours, tuple((shares * (n - 1)).tolist()), method)
    low, high = (ops.take(rows, ops.cast(at, INT64), -1) for at in (lower, upper))
    y = _interpolated(low, high, ops.cast(weight, x.dtype))
    return _shares_first(y, q, rest)


def _quantile_rows(
    who: str, x: Tensor, q: TensorLike, axis: Axis, method: str, keepdims: bool
) -> tuple[Tensor, Array, tuple[int, ...]]:
    """x with its reduced axes flattened, last and sorted; the shares; the result's shape without theirs."""
    if method not in METHODS:
        raise errors.unknown_name(f"ops.{who}", "method", method, METHODS)
    if isinstance(q, Tensor):
        values_are_read(f"ops.{who}: q")
    shares = np.asarray(q.data if isinstance(q, Tensor) else q, np.float64)
    if shares.ndim > 1 or not ((shares >= 0) & (shares <= 1)).all():
        raise errors.value_error(f"ops.{who}", "q", "numbers in [0, 1] along at most one axis", q)
    axes = normalize_axes(who, axis, x.ndim)
    rest = kept_shape(x.shape, axes, keepdims)
    kept = kept_shape(x.shape, axes)
    n = math.prod(x.shape[i] for i in axes)
    if not n:
        raise errors.value_error(f"ops.{who}", "x", "non-empty along the axis", x.data)
    return _sorted_rows(ops.reshape(axes_last(x, axes), (*kept, n))), shares.reshape(-1), rest


def _neighbours(places: tuple[float, ...], method: str) -> Array:
    """Rows of the places between which an element is taken, and the share of the second."""
    place = np.array(places)
    lower, upper = np.floor(place), np.ceil(place)
    if method == "linear":
        weight = place - lower
    elif method == "midpoint":
        weight = np.full(place.shape, 0.5)
    else:
        lower = upper = {"lower": lower, "higher": upper, "nearest": np.rint(place)}[method]
        weight = np.zeros(place.shape)
    return np.stack([lower, upper, weight])


def _interpolated(low: Tensor, high: Tensor, weight: Any) -> Tensor:
    return ops.add(ops.multiply(low, ops.subtract(1, weight)), ops.multiply(high, weight))


def _shares_first(y: Tensor, q: TensorLike, rest: tuple[int, ...]) -> Tensor:
    shape = np.shape(q) if not isinstance(q, Tensor) else q.shape
    return ops.reshape(ops.moveaxis(y, -1, 0), (*shape, *rest))


def percentile(
    x: TensorLike, q: TensorLike, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """`quantile` of q / 100.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.percentile([1.0, 2.0, 4.0], 75).item()
    3.0
    """
    return quantile(x, _hundredth(q), axis, method, keepdims)


def _hundredth(q: TensorLike) -> TensorLike:
    return ops.divide(q, 100) if isinstance(q, Tensor) else np.asarray(q, np.float64) / 100


def median(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The middle element in order, or the mean of both middle ones; NaN if any is NaN.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.median([5.0, 1.0, 3.0, 2.0]).item()
    2.5
    """
    return quantile(x, 0.5, axis, "linear", keepdims)


def nanquantile(
    x: TensorLike, q: TensorLike, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """`quantile` of the elements that are not NaN; NaN where there are none.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.nanquantile([1.0, float("nan"), 4.0], 0.5).item()
    2.5
    """
    x = as_float(x)
    rows, shares, rest = _quantile_rows("nanquantile", x, q, axis, method, keepdims)
    count = ops.sum(ops.cast(ops.logical_not(ops.isnan(rows)), x.dtype), axis=-1, keepdims=True)
    last = ops.maximum(ops.subtract(count, 1), 0)  # NaN stand last, so only the places depend on their number
    place = ops.multiply(last, shares.astype(x.dtype))
    lower, upper = ops.floor(place), ops.ceil(place)
    if method == "nearest":
        lower = upper = ops.round(place)
    weight: Any = {"linear": ops.subtract(place, lower), "lower": 0.0, "higher": 1.0, "midpoint": 0.5, "nearest": 0.0}
    low, high = (ops.take_along_axis(rows, ops.cast(at, INT64), axis=-1) for at in (lower, upper))
    if method in ("lower", "higher", "nearest"):
        return _shares_first(high if method == "higher" else low, q, rest)
    return _shares_first(_interpolated(low, high, weight[method]), q, rest)


def nanpercentile(
    x: TensorLike, q: TensorLike, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """`nanquantile` of q / 100."""
    return nanquantile(x, _hundredth(q), axis, method, keepdims)


def nanmedian(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """`median` of the elements that are not NaN.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.nanmedian([5.0, float("nan"), 1.0]).item()
    3.0
    """
    return nanquantile(x, 0.5, axis, "linear", keepdims)
