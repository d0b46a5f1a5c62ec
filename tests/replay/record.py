"""Writes the kernel calls of the test suite to a file, with what they read and what they gave, for replay.c.

    python -m tests.replay.record FILE [pytest arguments]

Each different call (kernel, dtype, sizes, contents) is taken once, at most MOST_CALLS a kernel and dtype, and run
again from fresh copies on one thread. Calls of kernels that follow addresses in memory cannot be moved to another
process and are left out.

The file: the line "fastnn launches 1", then for each call: kernel name (length u8), dtype number u8, and for each field
in the order of kernels.def a u64: a size, a scalar's bits, or the bytes of an array, which follow (once for arrays that
are read, before and after for those that are written; an absent one has the length 2^64 - 1; scratch has nothing).
All numbers are little-endian.
"""

from __future__ import annotations

import ctypes
import hashlib
import struct
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

from fastnn import _core

MOST_BYTES = 1 << 18  # of one call's arrays: under emulation larger ones take too long
MOST_CALLS = 300
ABSENT = 2**64 - 1
TYPES = {"B": "u1", "f": "f4", "d": "f8", "i": "i4", "l": "i8", "L": "u8"}
FIELDS = _core.kernel_table_of_contents()


def contents(array: np.ndarray, nbytes: int) -> bytes:
    """The first bytes from an array's data pointer on, gaps between strides included."""
    return ctypes.string_at(array.ctypes.data, nbytes) if nbytes else b""


class Recorder:
    """A pytest plugin that notes the launches of each test and writes them after it."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.seen: set[bytes] = set()
        self.count: Counter[tuple[str, str]] = Counter()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        with _core.trace() as launches:
            try:
                yield
            finally:
                noted = list(launches)
        for name, dtype, fields in noted:
            self.write(name, np.dtype(dtype), fields)

    def write(self, name: str, dtype: np.dtype, fields: dict[str, Any]) -> None:
        if self.count[name, dtype.name] >= MOST_CALLS or any(kind == "P" for _, _, kind in FIELDS[name]):
            return
        numbers = {field: fields[field] for field, role, _ in FIELDS[name] if role in ("size", "scalar")}
        before: dict[str, bytes | None] = {}
        for field, role, kind in FIELDS[name]:
            if role not in ("size", "scalar", "scratch"):
                itemsize = np.dtype(TYPES.get(kind, dtype)).itemsize
                nbytes = _core.scratch_count(name, dtype, field, **numbers) * itemsize
                before[field] = None if fields[field] is None else contents(fields[field], nbytes)
        if sum(len(content or b"") for content in before.values()) > MOST_BYTES:
            return
        key = hashlib.sha1(repr((name, dtype, numbers, before)).encode()).digest()
        if key in self.seen:
            return
        self.seen.add(key)
        self.count[name, dtype.name] += 1

        arrays = {
            field: None if before[field] is None else np.frombuffer(before[field] or b"", TYPES.get(kind, dtype)).copy()
            for field, _, kind in FIELDS[name]
            if field in before
        }
        with _core.use_isa(_core.isas()[0]), _core.simulate_threads(1):
            _core.launch(name, dtype, **numbers, **arrays)

        self.file.write(struct.pack("<B", len(name)) + name.encode() + struct.pack("<B", int(dtype.itemsize == 8)))
        for field, role, _ in FIELDS[name]:
            if role == "size":
                self.file.write(struct.pack("<q", numbers[field]))
            elif role == "scalar":
                self.file.write(struct.pack("<d", numbers[field]))
            elif role != "scratch":
                content, array = before[field], arrays[field]
                self.file.write(struct.pack("<Q", ABSENT if content is None else len(content)) + (content or b""))
                if array is not None and not role.startswith("in") or role == "inout":
                    assert array is not None
                    self.file.write(array.tobytes())


def main() -> int:
    with Path(sys.argv[1]).open("wb") as file:
        file.write(b"fastnn launches 1\n")
        recorder = Recorder(file)
        status = pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[2:]], plugins=[recorder])
    kernels = {name for name, _ in recorder.count}
    missing = ", ".join(sorted(set(FIELDS) - kernels)) or "none"
    print(f"{recorder.count.total()} calls of {len(kernels)} kernels written; not covered: {missing}")
    # Noted launches keep their arrays alive, so a test of memory reuse may fail here; make test is the judge of that.
    return 0 if status in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) and kernels else int(status) or 1


if __name__ == "__main__":
    sys.exit(main())
