"""What `predict` returns: the outputs of all batches, joined."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import tree
from fastnn.autograd import Array, Tensor


class Collected:
    """The outputs of all batches in arrays, in the structure that the model returns.

    Parameters
    ----------
    samples : int, optional
        How many rows there will be, where it is known.
    """

    def __init__(self, samples: int | None) -> None:
        self.samples = samples
        self.filled = 0
        self.like: Any = None  # an output of the model
        self.whole: list[Array] | None = None  # its leaves, for all samples
        self.parts: list[Any] = []

    def add(self, y: Any, count: int) -> None:
        """Take the outputs of the next batch."""
        leaves = tree.flatten(y)
        if self.whole is None and not self.parts and _has_rows(leaves, count):
            self._begin(y, leaves)
        if self.whole is not None and _has_rows(leaves, count) and _fit(leaves, self.whole):
            for whole, leaf in zip(self.whole, leaves, strict=True):
                whole[self.filled : self.filled + count] = leaf.data
            self.filled += count
            return
        if self.whole is not None:  # this output has another shape than those before
            self.parts.append(tree.pack_sequence_as(self.like, [whole[: self.filled] for whole in self.whole]))
            self.whole = None
        self.parts.append(copied(y))

    def _begin(self, y: Any, leaves: list[Tensor]) -> None:
        """Make arrays for outputs like y, if it is known how many rows there will be."""
        if self.samples is not None:
            self.like = tree.map_structure(lambda leaf: None, y)
            self.whole = [np.empty((self.samples, *leaf.data.shape[1:]), leaf.data.dtype) for leaf in leaves]

    def room(self, y: Any, count: int) -> Array | None:
        """The array that outputs like y can be written to, from row `filled` on; None if y does not fit."""
        if type(y) is not Tensor:
            return None
        if self.whole is None and not self.parts and y.data.shape[:1] == (count,):
            self._begin(y, [y])
        if self.whole is None or len(self.whole) > 1:
            return None
        rows, values = self.whole[0], y.data
        fits = values.shape == (count, *rows.shape[1:]) and values.dtype == rows.dtype
        return rows if fits and values.flags.c_contiguous else None

    def result(self) -> Any:
        if self.whole is None:
            return joined(self.parts)
        whole = [each[: self.filled] for each in self.whole]
        return whole[0] if self.like is None else tree.pack_sequence_as(self.like, whole)


def _has_rows(leaves: list[Any], count: int) -> bool:
    return bool(leaves) and all(isinstance(leaf, Tensor) and leaf.shape[:1] == (count,) for leaf in leaves)


def _fit(leaves: list[Any], whole: list[Array]) -> bool:
    return len(leaves) == len(whole) and all(
        leaf.shape[1:] == rows.shape[1:] and leaf.dtype == rows.dtype for leaf, rows in zip(leaves, whole, strict=True)
    )


def copied(y: Any) -> Any:
    """A structure of arrays from one of Tensors."""
    return tree.map_structure(lambda part: part.numpy() if isinstance(part, Tensor) else np.asarray(part), y)


def joined(parts: list[Any]) -> Any:
    """The structures of all batches as one."""
    return tree.map_structure(lambda *each: np.concatenate(each) if each[0].ndim else np.stack(each), *parts)
