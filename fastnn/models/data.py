"""The data a model is given, and how it is cut into batches.

Arrays stay where they are and as they are: each batch is gathered, and converted to the model's dtype, when its turn
comes. Only things that NumPy cannot look into in place (lists, pandas frames of several dtypes) are copied once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from fastnn import errors, ops
from fastnn._core import empty
from fastnn.autograd import Array, Tensor
from fastnn.layers.base import as_numeric

BATCH_SIZE = 32

Arrays = tuple[Array, Array | None, Array | None]


def as_data(who: str, argument: str, value: Any) -> Array:
    """An array-like with a sample axis, as an array."""
    if isinstance(value, Tensor):
        value = value.data
    if isinstance(value, Mapping) or hasattr(value, "__next__"):
        raise errors.type_error(who, argument, "one array-like", errors.Shown(f"a {type(value).__name__}"))
    series = hasattr(value, "to_numpy") and getattr(value, "ndim", 0) == 1
    array = as_numeric(who, argument, value)
    if array.ndim == 0:
        raise errors.value_error(who, argument, "an array with one entry per sample", value)
    return array[:, None] if series and argument == "x" else array


def check_lengths(who: str, **arrays: Array | None) -> int:
    """The number of samples that all arrays share; at least one."""
    lengths = {name: len(array) for name, array in arrays.items() if array is not None}
    if len(set(lengths.values())) != 1:
        given = ", ".join(f"{n} in {name}" for name, n in lengths.items())
        raise errors.value_error(
            who,
            " and ".join(lengths),
            "of the same length",
            errors.Shown(given),
            "Is the batch axis there? A single sample is x[None].",
        )
    samples = next(iter(lengths.values()))
    if samples == 0:
        raise errors.value_error(who, next(iter(lengths)), "data of at least one sample", errors.Shown("0 samples"))
    return samples


def check_batch_size(who: str, batch_size: Any, argument: str = "batch_size") -> int:
    if batch_size is None:
        return BATCH_SIZE
    if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)):
        raise errors.type_error(who, argument, "a positive int", batch_size)
    if batch_size < 1:
        raise errors.value_error(who, argument, "a positive int", int(batch_size), "The default is 32.")
    return int(batch_size)


def split(
    who: str, x: Array, y: Array | None, weight: Array | None, share: float
) -> tuple[Arrays, Arrays]:
    """The first part for training and the tail for validation, as views."""
    if isinstance(share, (bool, str)) or not 0 <= share <= 1:
        raise errors.value_error(who, "validation_split", "a share from 0 to 1", share)
    samples = len(x)
    cut = math.floor(samples * (1.0 - share))
    if cut in (0, samples):
        raise errors.value_error(
            who,
            "validation_split",
            f"a share that leaves samples on both sides of {samples}",
            share,
            "Give more data or another share.",
        )
    head = x[:cut], None if y is None else y[:cut], None if weight is None else weight[:cut]
    tail = x[cut:], None if y is None else y[cut:], None if weight is None else weight[cut:]
    return head, tail


def class_weights(who: str, y: Array | None, weights: Mapping[int, float], sample_weight: Array | None) -> Array:
    """One weight per sample from one weight per class; classes without one weigh 1."""
    if y is None or y.ndim > 2:
        raise errors.value_error(who, "y", "labels or one-hot rows where class_weight is given", y)
    labels = y.argmax(axis=-1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(-1).astype(np.int64)
    if not isinstance(weights, Mapping):
        raise errors.type_error(who, "class_weight", "a dict from class to weight", weights)
    result = np.ones(len(labels), np.float32)
    for label, weight in weights.items():
        result[labels == int(label)] = weight
    return result if sample_weight is None else result * sample_weight


class Batches:
    """Arrays that are handed out batch by batch.

    Parameters
    ----------
    arrays : tuple
        x, y or None, sample weights or None; all of the same length.
    dtypes : tuple of str
        What each is converted to on the way.
    batch_size : int
    shuffle : bool
        Whether `reshuffle` puts the samples into a new order.
    """

    def __init__(
        self, arrays: Arrays, dtypes: tuple[str, str, str], batch_size: int, shuffle: bool = False
    ) -> None:
        self.arrays = arrays
        self.dtypes = dtypes
        self.samples = len(arrays[0])
        self.batch_size = min(batch_size, self.samples)
        self.steps = -(-self.samples // self.batch_size)
        self.whole_steps = self.samples // self.batch_size
        self.position = np.zeros(1, np.int64)  # of the next batch's first row; read when a kernel runs
        self.index: Array | None = None
        if shuffle:
            self.index = empty((self.samples,), np.int64)
            self.index[:] = np.arange(self.samples)

    def reshuffle(self, generator: np.random.Generator) -> None:
        """Put the samples into a new order, in place."""
        if self.index is not None:
            generator.shuffle(self.index)

    def count(self, step: int) -> int:
        """The number of samples in a step: fewer in the last one."""
        return min(self.batch_size, self.samples - step * self.batch_size)

    def batch(self, step: int) -> tuple[Tensor, Tensor | None, Tensor | None, int]:
        """The rows of x, y and weights that belong to a step, and how many there are (fewer in the last step)."""
        return self._rows(step * self.batch_size, self.count(step), None)

    def next_batch(self) -> tuple[Tensor, Tensor | None, Tensor | None, int]:
        """The rows of the whole batch at `position`."""
        return self._rows(0, self.batch_size, self.position)

    def _rows(
        self, begin: int, count: int, position: Array | None
    ) -> tuple[Tensor, Tensor | None, Tensor | None, int]:
        def rows(array: Array, dtype: str) -> Tensor:
            return Tensor.wrap(ops.gather_rows(array, self.index, begin, count, dtype, position))

        x, y, weight = self.arrays
        x_dtype, y_dtype, weight_dtype = self.dtypes
        return (
            rows(x, x_dtype),
            None if y is None else rows(y, y_dtype),
            None if weight is None else rows(weight, weight_dtype),
            count,
        )
