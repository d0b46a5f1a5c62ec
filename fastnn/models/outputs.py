"""What `predict` returns: the outputs of all batches, joined."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.autograd import Array, Tensor


class Collected:
    """The outputs of all batches in one array, or in the structure that the model returns.

    Parameters
    ----------
    samples : int, optional
        How many rows there will be, where it is known.
    """

    def __init__(self, samples: int | None) -> None:
        self.samples = samples
        self.filled = 0
        self.whole: Array | None = None
        self.parts: list[Any] = []

    def add(self, y: Any, count: int) -> None:
        """Take the outputs of the next batch."""
        if self.samples is not None and isinstance(y, Tensor) and y.shape[:1] == (count,) and not self.parts:
            if self.whole is None:
                self.whole = np.empty((self.samples, *y.shape[1:]), y.dtype)
            self.whole[self.filled : self.filled + count] = y.data
            self.filled += count
        else:
            self.parts.append(copied(y))

    def room(self, y: Any, count: int) -> Array | None:
        """The array that further outputs like y can be written to, from row `filled` on; None if y does not fit."""
        rows = None if self.parts or type(y) is not Tensor else self.whole
        if rows is None or y.shape != (count, *rows.shape[1:]) or y.dtype != rows.dtype:
            return None
        return rows if y.data.flags.c_contiguous else None

    def result(self) -> Any:
        return self.whole if self.whole is not None else joined(self.parts)


def copied(y: Any) -> Any:
    """A structure of arrays from one of Tensors."""
    if isinstance(y, dict):
        return {key: copied(value) for key, value in y.items()}
    if isinstance(y, (list, tuple)):
        return [copied(value) for value in y]
    return y.numpy() if isinstance(y, Tensor) else np.asarray(y)


def joined(parts: list[Any]) -> Any:
    """The structures of all batches as one."""
    if isinstance(parts[0], dict):
        return {key: joined([part[key] for part in parts]) for key in parts[0]}
    if isinstance(parts[0], list):
        return [joined([part[i] for part in parts]) for i in range(len(parts[0]))]
    return np.concatenate(parts)
