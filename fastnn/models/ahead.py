"""Memory-mapped data, read from disk while the steps run: a thread walks ahead of them and brings pages into memory.

It asks the system for the rows of the next `AHEAD_BYTES`, so that many reads are under way at once, and of these rows
alone; then it touches them, so that the step takes no page fault. Data that will fit into memory it reads in the order
of the file instead, as fast as the disk can. It rests in epochs whose data are in memory.
"""

from __future__ import annotations

import mmap
import os
import threading
from typing import Any

from fastnn._core import fetch_rows, resident
from fastnn.autograd import Array

AHEAD_BYTES = 16 << 20
LEAST_BYTES = 4 << 20  # smaller data are in memory soon anyhow
IN_MEMORY = 0.99  # share of the pages; then there is nothing to do
SHARE_OF_MEMORY = 0.25  # that data may take to be read as a whole
PORTION_BYTES = 1 << 18  # between two looks at where the steps are


def is_mapped(array: Any) -> bool:
    """Whether an array's memory is a file's."""
    while array is not None:
        if isinstance(array, mmap.mmap):
            return True
        array = array.obj if isinstance(array, memoryview) else getattr(array, "base", None)
    return False


def is_worth_it(array: Array) -> bool:
    """Whether an array is mapped, large, and its rows are pieces of it."""
    if array.nbytes < LEAST_BYTES or not is_mapped(array):
        return False
    reach = array.itemsize + sum(abs(s) * (n - 1) for s, n in zip(array.strides[1:], array.shape[1:], strict=True))
    return bool(reach <= 2 * array.nbytes // len(array))


def fits(nbytes: int) -> bool:
    """Whether data surely find room in memory."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return False
    return nbytes <= memory * SHARE_OF_MEMORY


class Ahead:
    """The thread.

    Parameters
    ----------
    arrays : list of ndarray
        Of one length.
    index : ndarray of int64, optional
        The order in which their rows are used.
    """

    def __init__(self, arrays: list[Array], index: Array | None) -> None:
        self.arrays = arrays
        self.whole = fits(sum(array.nbytes for array in arrays))
        self.index = None if self.whole else index
        self.rows = len(arrays[0])
        row = max(sum(array.nbytes for array in arrays) // self.rows, 1)
        self.window = max(AHEAD_BYTES // row, 1)
        self.portion = max(PORTION_BYTES // row, 1)
        self.fetched = 0  # rows that are in memory
        self._asked = 0  # rows that were asked for
        self._at = 0  # the row that the steps have reached
        self._stopping = self._resting = False
        self._moved = threading.Condition()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """An epoch begins."""
        with self._moved:
            self._resting = all(resident(array) >= IN_MEMORY for array in self.arrays)
            self.fetched = self._asked = self._at = 0
            self._moved.notify()
        if self._thread is None and not self._resting:
            self._thread = threading.Thread(target=self._run, name="fastnn-ahead", daemon=True)
            self._thread.start()

    def move(self, row: int) -> None:
        """The steps have used the rows before this one."""
        if not self._resting and not self.whole:
            with self._moved:
                self._at = row
                self._moved.notify()

    def close(self) -> None:
        with self._moved:
            self._stopping = True
            self._moved.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while (task := self._next_task()) is not None:
            begin, end, touch = task
            for array in self.arrays:
                fetch_rows(array, self.index, begin, end, touch)
            with self._moved:
                if touch and self.fetched == begin:  # and no epoch has begun meanwhile
                    self.fetched = end

    def _next_task(self) -> tuple[int, int, bool] | None:
        """The next rows to ask for or to wait for; None when all is over."""
        with self._moved:
            while not self._stopping:
                if not self.whole:
                    self._asked = max(self._asked, self._at)
                    self.fetched = max(self.fetched, self._at)
                end = min((self.fetched if self.whole else self._at) + self.window, self.rows)
                if not self._resting and self._asked < end:
                    begin, self._asked = self._asked, min(self._asked + self.portion, end)
                    return begin, self._asked, False
                if not self._resting and self.fetched < end:
                    return self.fetched, min(self.fetched + self.portion, end), True
                self._moved.wait()
            return None
