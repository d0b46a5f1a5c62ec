"""Resampling along an axis: each output is a weighted sum of some inputs, by a table that depends on sizes alone.

The kernel `resample` applies a table; the gradient applies its transpose.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastnn._core import empty, launch
from fastnn.autograd import Array, Tensor, dense, grad_buffer, record


class Table(NamedTuple):
    """Output i is the sum of weight[k] * x[source[k]] for first[i] <= k < first[i + 1]."""

    inputs: int
    first: Array  # int64, of one more than the outputs
    source: Array  # int64
    weight: Array


def table_of(inputs: int, outputs: int, target: Array, source: Array, weight: Array, dtype: str) -> Table:
    """The table of pairs (output, input) with their weights, in this order."""
    first = np.searchsorted(target, np.arange(outputs + 1)).astype(np.int64)
    return Table(inputs, first, source.astype(np.int64), np.ascontiguousarray(weight, dtype))


def both_ways(
    inputs: int, outputs: int, target: Array, source: Array, weight: Array, dtype: str
) -> tuple[Table, Table]:
    """The table and its transpose."""
    order = np.argsort(source, kind="stable")
    back = table_of(outputs, inputs, source[order], target[order], weight[order], dtype)
    return table_of(inputs, outputs, target, source, weight, dtype), back


@functools.lru_cache(maxsize=64)
def repeating(size: int, times: int, dtype: str) -> tuple[Table, Table]:
    target = np.arange(size * times)
    return both_ways(size, size * times, target, target // times, np.ones(size * times), dtype)


@functools.lru_cache(maxsize=64)
def resizing(size: int, outputs: int, method: str, dtype: str, antialias: bool = False) -> tuple[Table, Table]:
    """Pixels are intervals: the centre of output i lies at (i + 0.5) * size / outputs; weights are normalised.

    With ``antialias``, an output that covers more than an input averages over what it covers.
    """
    centre = (np.arange(outputs) + 0.5) * (size / outputs)
    if method == "nearest":
        return both_ways(size, outputs, np.arange(outputs), centre.astype(np.int64), np.ones(outputs), dtype)
    function, support = METHODS[method]
    distance = np.abs(centre[:, None] - 0.5 - np.arange(size))
    if antialias:
        distance = distance / max(size / outputs, 1.0)
    weights = np.where(distance < support, function(distance), 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    target, source = np.nonzero(weights)
    return both_ways(size, outputs, target, source, weights[target, source], dtype)


def linear(x: Array) -> Array:
    return 1 - x


def cubic(x: Array) -> Array:
    """Keys's interpolation with a = -0.5."""
    return np.where(x < 1, ((1.5 * x - 2.5) * x) * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2)


def lanczos(radius: int) -> Callable[[Array], Array]:
    def function(x: Array) -> Array:
        return np.sinc(x) * np.sinc(x / radius)

    return function


METHODS: dict[str, tuple[Callable[[Array], Array], float]] = {
    "bilinear": (linear, 1),
    "bicubic": (cubic, 2),
    "lanczos3": (lanczos(3), 3),
    "lanczos5": (lanczos(5), 5),
}


def repeated(x: Tensor, axis: int, times: int) -> Tensor:
    """Each position of the axis so many times in a row."""
    return x if times == 1 else resample(x, axis, *repeating(x.shape[axis], times, x.dtype.name))


def resized(x: Tensor, axis: int, size: int, method: str, antialias: bool = False) -> Tensor:
    """The axis with so many positions, between the old ones by "nearest" or one of `METHODS`."""
    if size == x.shape[axis]:
        return x
    return resample(x, axis, *resizing(x.shape[axis], size, method, x.dtype.name, antialias))


def resample(x: Tensor, axis: int, table: Table, back: Table) -> Tensor:
    shape = x.shape
    y = empty((*shape[:axis], back.inputs, *shape[axis + 1 :]), x.dtype)
    apply(table, dense(x), y, math.prod(shape[:axis]), math.prod(shape[axis + 1 :]))

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x)
        apply(back, dy, dx, math.prod(shape[:axis]), math.prod(shape[axis + 1 :]))
        return (dx,)

    return record("resample", y, (x,), gradient)


def apply(table: Table, x: Array, y: Array, outer: int, inner: int) -> None:
    """y (outer, outputs, inner) from x (outer, inputs, inner)."""
    fields: dict[str, Any] = {"first": table.first, "index": table.source, "weight": table.weight}
    launch(
        "resample", x.dtype, x=x, y=y, outer=outer, inputs=table.inputs, outputs=len(table.first) - 1, inner=inner,
        entries=len(table.source), **fields,
    )
