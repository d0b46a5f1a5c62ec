"""The flat buffers of an optimizer, and the table that leads from them to its variables."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.autograd import FLOAT64, Array, Variable

DECAYS, SKIPPED = 1, 2  # flags of a segment
ALIGNMENT = 16  # elements: segments start on cache lines
PIECE = 4096  # elements: norms are sums of pieces


def aligned_zeros(n: int, dtype: np.dtype[Any]) -> Array:
    """Zeros from the start of a cache line; not from a launch, which a recorded step would repeat."""
    line = 64 // dtype.itemsize
    spacious = np.zeros(n + line, dtype)
    start = -(spacious.ctypes.data // dtype.itemsize) % line
    return spacious[start : start + n]


class Segments:
    """Variables of one dtype, side by side in flat buffers.

    Parameters
    ----------
    variables : list of Variable
    decays : list of bool
        Which of them weight decay applies to.
    slots : list of str
        Names of the flat buffers beside the gradients'.
    """

    def __init__(self, variables: list[Variable], decays: list[bool], slots: list[str]) -> None:
        self.variables = variables
        self.dtype = variables[0].dtype
        self.length = np.array([v.size for v in variables], np.int64)
        padded = -(-self.length // ALIGNMENT) * ALIGNMENT
        self.begin = np.cumsum(padded) - padded
        self.total = int(padded.sum())
        self.params = np.array([v.data.ctypes.data for v in variables], np.uint64)
        self.grads = aligned_zeros(self.total, self.dtype)
        self.names = slots
        self.slots = aligned_zeros(len(slots) * self.total, self.dtype).reshape(len(slots), self.total)
        pieces = self.total // PIECE + len(variables)
        self.square_sums = aligned_zeros(2 * pieces, FLOAT64)  # clipping uses one half; Lamb both
        self.grad_views = [self.view(self.grads, i) for i in range(len(variables))]
        self._decay_flags = np.array([DECAYS * decay for decay in decays], np.int64)
        self._flags: dict[tuple[int | str, ...], Array] = {}

    def view(self, flat: Array, i: int) -> Array:
        """Variable i's part of a flat buffer, in its shape."""
        start = int(self.begin[i])
        return flat[start : start + int(self.length[i])].reshape(self.variables[i].shape)

    def slot(self, name: str) -> Array:
        """The flat buffer of that name."""
        row: Array = self.slots[self.names.index(name)]
        return row

    def others(self, present: set[int]) -> tuple[int, ...]:
        """The variables without a gradient, if these have one."""
        return tuple(i for i in range(len(self.variables)) if i not in present)

    def flags(self, skipped: tuple[int, ...]) -> Array:
        """The flags of a step without gradients for the variables `skipped`; never changed once made."""
        if skipped not in self._flags:
            flags = self._decay_flags.copy()
            flags[list(skipped)] |= SKIPPED
            self._flags[skipped] = flags
        return self._flags[skipped]

    def without_decay(self, flags: Array) -> Array:
        """The same flags, but weight decay applies nowhere; never changed once made."""
        key = ("no decay", *flags.tolist())
        if key not in self._flags:
            self._flags[key] = flags & ~DECAYS
        return self._flags[key]

    def table(self, skipped: tuple[int, ...]) -> dict[str, Any]:
        """The kernel fields that say where everything is."""
        return {
            "begin": self.begin, "length": self.length, "flags": self.flags(skipped), "rows": len(self.variables),
            "total": self.total, "grads": self.grads,
        }
