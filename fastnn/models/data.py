"""The data a model is given, and how it is cut into batches.

Arrays stay where they are and as they are: each batch is gathered, and converted to the model's dtype, when its turn
comes. Only what cannot be looked into in place (lists, frames of several dtypes) is copied, once.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from fastnn import errors, ops, tree
from fastnn._core import empty
from fastnn.autograd import Array, Tensor
from fastnn.layers.base import as_numeric
from fastnn.models.ahead import Ahead, is_worth_it
from fastnn.ops.strided import KINDS, gatherable
from fastnn.utils import pack_x_y_sample_weight

BATCH_SIZE = 32

Arrays = tuple[Array | None, ...]
Dtypes = tuple[str, ...]


_NESTED = (list, tuple, dict)


class Data:
    """Inputs, targets and sample weights: arrays or structures of arrays, with one row per sample; None for none.

    Attributes
    ----------
    leaves : tuple
        All arrays, in their order.
    form : tuple, optional
        The structure of inputs, targets and weights, as a key; None where each is a single array.
    """

    __slots__ = ("form", "leaves", "weight", "x", "y")

    def __init__(self, x: Any, y: Any = None, weight: Any = None) -> None:
        self.x, self.y, self.weight = parts = x, y, weight
        self.leaves: Arrays = parts
        self.form: Any = None
        if isinstance(x, _NESTED) or isinstance(y, _NESTED) or isinstance(weight, _NESTED):
            self.leaves, self.form = tuple(tree.flatten(parts)), tree.form(parts)

    @property
    def parts(self) -> tuple[Any, Any, Any]:
        return self.x, self.y, self.weight

    @property
    def first(self) -> Array:
        """The first array there is."""
        for array in self.leaves:
            if array is not None:
                return array
        raise ValueError("Data: there is no array")

    @property
    def kind(self) -> Any:
        """What is left without shapes and values, as a key."""
        return self.form, *[None if array is None else array.dtype for array in self.leaves]

    def is_like(self, other: Data) -> bool:
        """Whether the structure is the same, and the shapes of single samples are."""
        shapes = [[None if a is None else a.shape[1:] for a in given.leaves] for given in (self, other)]
        return self.form == other.form and shapes[0] == shapes[1]

    def top(self) -> Any:
        """The inputs of the first sample."""
        return tree.map_structure(lambda a: None if a is None else a[:1], self.x)

    def map(self, function: Callable[[Array], Array]) -> Data:
        """Data of what a function makes of each array."""
        return Data(*tree.map_structure(lambda a: None if a is None else function(a), self.parts))


def as_data(who: str, argument: str, value: Any) -> Array:
    """An array-like with a sample axis, as an array."""
    if isinstance(value, Tensor):
        value = value.data
    if isinstance(value, Mapping) or hasattr(value, "__next__"):
        raise errors.type_error(who, argument, "an array-like", errors.Shown(f"a {type(value).__name__}"))
    series = hasattr(value, "to_numpy") and getattr(value, "ndim", 0) == 1
    array = as_numeric(who, argument, value, native=False)
    if array.ndim == 0:
        raise errors.value_error(who, argument, "an array with one entry per sample", value)
    return array[:, None] if series and argument.startswith("x") else array


def as_arrays(who: str, argument: str, value: Any) -> Any:
    """The user's data as an array, or as lists, tuples and dicts of arrays.

    A list of numbers, or of lists of them, is one array; a list of arrays is a structure.
    """
    if type(value) is np.ndarray:
        return value if value.ndim and value.dtype in KINDS else as_data(who, argument, value)
    if isinstance(value, dict):
        return {key: _part(who, f"{argument}[{key!r}]", part) for key, part in value.items()}
    if isinstance(value, (list, tuple)) and _holds_arrays(value):
        parts = [_part(who, f"{argument}[{i}]", part) for i, part in enumerate(value)]
        return tree.with_parts(value, parts)
    return as_data(who, argument, value)


def _part(who: str, argument: str, value: Any) -> Any:
    return None if value is None else as_arrays(who, argument, value)


def _holds_arrays(value: Any) -> bool:
    """Whether a list's first entry is an array, rather than a number or a list of them."""
    first = next((part for part in value if part is not None), None)
    if isinstance(first, (list, tuple)):
        return _holds_arrays(first)
    is_array = hasattr(first, "__array__") or hasattr(first, "to_numpy")
    return isinstance(first, dict) or (is_array and getattr(first, "ndim", 1) > 0)


def check_lengths(who: str, given: Data) -> int:
    """The number of samples that all arrays share; at least one."""
    found = {len(array) for array in given.leaves if array is not None}
    if len(found) == 1 and 0 not in found:
        return found.pop()
    lengths = {}
    for name, part in zip(("x", "y", "sample_weight"), given.parts, strict=True):
        for path, array in tree.flatten_with_path(part):
            if array is not None:
                lengths[name + "".join(f"[{key!r}]" for key in path)] = len(array)
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{n} in {name}" for name, n in lengths.items())
        raise errors.value_error(
            who,
            " and ".join(lengths),
            "of the same length",
            errors.Shown(shown),
            "Is the batch axis there? A single sample is x[None].",
        )
    if not lengths:
        raise errors.type_error(who, "x", "an array-like", None)
    samples = next(iter(lengths.values()))
    if samples == 0:
        raise errors.value_error(who, next(iter(lengths)), "data of at least one sample", errors.Shown("0 samples"))
    return samples


def check_batch_size(who: str, batch_size: Any, argument: str = "batch_size") -> int:
    if batch_size is None:
        return BATCH_SIZE
    return check_whole(who, argument, batch_size, 1, "The default is 32.")


def check_steps(who: str, argument: str, steps: Any) -> int | None:
    return None if steps is None else check_whole(who, argument, steps, 1, "None takes all the data.")


def check_whole(who: str, argument: str, value: Any, least: int = 0, fix: str = "") -> int:
    rule = "a positive int" if least == 1 else f"an int of at least {least}"
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise errors.type_error(who, argument, rule, value)
    if value < least:
        raise errors.value_error(who, argument, rule, int(value), fix)
    return int(value)


def split(who: str, given: Data, share: float) -> tuple[tuple[Any, Any, Any], tuple[Any, Any, Any]]:
    """The first part for training and the tail for validation, as views."""
    if isinstance(share, (bool, str)) or not 0 <= share <= 1:
        raise errors.value_error(who, "validation_split", "a share from 0 to 1", share)
    samples = len(given.first)
    cut = math.floor(samples * (1.0 - share))
    if cut in (0, samples):
        raise errors.value_error(
            who,
            "validation_split",
            f"a share that leaves samples on both sides of {samples}",
            share,
            "Give more data or another share.",
        )
    return given.map(lambda array: array[:cut]).parts, given.map(lambda array: array[cut:]).parts


def class_weights(who: str, y: Array | None, weights: Mapping[int, float]) -> Array:
    """One weight per sample from one weight per class; classes without one weigh 1."""
    if y is None or y.ndim > 2:
        raise errors.value_error(who, "y", "labels or one-hot rows where class_weight is given", y)
    if not isinstance(weights, Mapping):
        raise errors.type_error(who, "class_weight", "a dict from class to weight", weights)
    labels = y.argmax(axis=-1) if y.ndim == 2 and y.shape[1] > 1 else np.round(y.reshape(-1)).astype(np.int64)
    result = np.ones(len(labels), np.float32)
    for label, weight in weights.items():
        result[labels == int(label)] = weight
    return result


def begin_first(who: str, batches: Batches, generator: np.random.Generator | None = None) -> None:
    """Begin the first epoch; a model without weights is built from what comes."""
    if not batches.begin(generator):
        raise errors.value_error(who, "x", "data of at least one batch", errors.Shown("0 batches"))


class Batches:
    """Arrays that are handed out batch by batch.

    An epoch is ``begin()``, then ``ready()`` and ``taken(n)`` in turns until `ready` gives None, then ``end()``;
    ``close()`` when there are no more epochs.

    Parameters
    ----------
    given : Data
        Arrays of one length.
    dtypes : tuple of str
        What each array is converted to on the way.
    batch_size : int
    shuffle : bool or "batch"
        Whether the samples get a new order each time they are gone through; "batch": within their batch.
    limit : int, optional
        Steps of an epoch; the next one goes on where it stopped. Default: all samples, once.
    who : str
        For warnings.
    """

    known = True  # `sample` can be asked for before the first epoch

    def __init__(
        self,
        given: Data,
        dtypes: Dtypes,
        batch_size: int,
        shuffle: Any = False,
        limit: int | None = None,
        who: str = "",
    ) -> None:
        self.who = who
        self.dtypes = dtypes
        self.limit = limit
        self.index: Array | None = None
        self._hold(given, batch_size)
        self._all = -(-self.samples // self.batch_size)
        self._next = 0  # of all steps
        self._left = 0  # of this epoch's
        self._within = shuffle == "batch"
        if shuffle:
            self.index = empty((self.samples,), np.int64)
            self.index[:] = np.arange(self.samples)
        mapped: list[Array] = []
        if self._all > 1:
            mapped = [array for array in self.arrays if array is not None and is_worth_it(array)]
        self._ahead = Ahead(mapped, self.index) if mapped else None

    def _hold(self, given: Data, batch_size: int) -> None:
        # What cannot be read where it lies (more axes than kernels know) is copied here, once.
        self.arrays: Arrays = tuple([None if a is None else gatherable(a) for a in given.leaves])
        self._skeleton, self.form, self._spread = None, given.form, False
        if self.form is not None:
            self._skeleton = tree.map_structure(lambda a: None, given.parts)
            self._spread = tree.is_nested(given.y) and given.weight is not None and not tree.is_nested(given.weight)
        self.samples = len(given.first)
        self.batch_size = min(batch_size, self.samples)
        self.whole_steps = self.samples // self.batch_size

    @property
    def steps(self) -> int | None:
        """The number of steps of an epoch; None where nobody knows before its end."""
        return self.limit or self._all

    @property
    def total(self) -> int | None:
        """The number of samples of an epoch, where it is known."""
        return self.samples if self.limit is None else min(self.samples, self.limit * self.batch_size)

    @property
    def sample(self) -> Data:
        """A few samples, to build a model from, and all that is known to be checked."""
        return Data(*self._packed(self.arrays))

    def _packed(self, leaves: Sequence[Any]) -> Any:
        """Inputs, targets and weights, of their leaves."""
        return leaves if self._skeleton is None else tree.pack_sequence_as(self._skeleton, leaves)

    def begin(self, generator: np.random.Generator | None = None, anew: bool = False) -> bool:
        """Begin an epoch; ``anew`` starts from the first batch in any case. Returns whether there is one."""
        if self._next >= self._all or anew:
            self._next = 0
        if self._next == 0 and self.index is not None and generator is not None:
            self._shuffle(self.index, generator)
        self._left = self.limit or self._all
        if self._ahead is not None and self._next == 0:
            self._ahead.begin()
        return True

    def _shuffle(self, index: Array, generator: np.random.Generator) -> None:
        if not self._within:
            generator.shuffle(index)
            return
        for begin in range(0, self.samples, self.batch_size):
            generator.shuffle(index[begin : begin + self.batch_size])

    def ready(self) -> tuple[int, int] | None:
        """The number of the next step and how many are ready from there on; None at the end of the epoch."""
        if self._left and self._next >= self._all:
            self._ran_out(self._all)
            self._left = 0
        return (self._next, min(self._left, self._all - self._next)) if self._left else None

    def taken(self, steps: int) -> None:
        """So many steps have been run."""
        self._next += steps
        self._left -= steps
        if self._ahead is not None:
            self._ahead.move(self._next * self.batch_size)

    def end(self) -> None:
        """End an epoch."""

    def close(self) -> None:
        """There will be no more epochs."""
        if self._ahead is not None:
            self._ahead.close()

    def count(self, step: int) -> int:
        """The number of samples in a step: fewer in the last one."""
        return self.where(step)[2]

    def where(self, step: int) -> tuple[Arrays, int, int]:
        """Arrays, first row and number of rows of a step's batch."""
        begin = step * self.batch_size
        return self.arrays, begin, min(self.batch_size, self.samples - begin)

    def batch(self, step: int) -> Any:
        """The rows that belong to a step, as `train_step` gets them: x, (x, y) or (x, y, weights)."""
        return self._rows(*self.where(step), None)

    def batch_at(self, position: Array, arrays: Arrays, count: int) -> Any:
        """The batch of so many rows from `position` on, a number that is read when a kernel runs."""
        return self._rows(arrays, 0, count, position)

    def _rows(self, arrays: Arrays, begin: int, count: int, position: Array | None) -> Any:
        def rows(array: Array | None, dtype: str) -> Tensor | None:
            if array is None:
                return None
            stored = dtype if dtype.startswith("float") else "int64"
            tensor = Tensor.wrap(ops.gather_rows(array, self.index, begin, count, stored, position))
            return tensor if stored == dtype else ops.cast(tensor, dtype)

        x, y, weight = self._packed([rows(array, dtype) for array, dtype in zip(arrays, self.dtypes, strict=True)])
        if self._spread:
            weight = tree.map_structure(lambda _: weight, y)
        return pack_x_y_sample_weight(x, y, weight)

    def warn_spent(self, argument: str, what: str) -> None:
        """Say that an epoch had no batch at all: not with arrays."""

    def _ran_out(self, batches: int) -> None:
        warnings.warn(
            f"{self.who}: x ran out of data: {self.limit} batches an epoch were asked for, and there are {batches}. "
            "The epoch ends early.",
            stacklevel=5,
        )
