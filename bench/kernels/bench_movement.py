"""Copies, transposes and the gather of a shuffled batch against copies of as many bytes.

    taskset -c 0 python -m pytest bench/kernels/bench_movement.py -o python_files='bench_*.py'
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from harness import measure_bytes

from fastnn._core import empty, launch, zeros
from fastnn.ops.gather import gather_rows
from fastnn.ops.strided import move

TRANSPOSES = {
    "NHWC to NCHW": ((32, 26, 26, 32), (0, 3, 1, 2)), "NCHW to NHWC": ((32, 32, 26, 26), (0, 2, 3, 1)),
    "images to NCHW": ((32, 32, 32, 3), (0, 3, 1, 2)), "matrix": ((512, 784), (1, 0)),
    "power of two": ((1024, 1024), (1, 0)), "heads": ((8, 12, 128, 64), (0, 2, 1, 3)),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TRANSPOSES)
@pytest.mark.usefixtures("one_thread")
def test_transpose(benchmark: Any, isa: Any, name: str, dtype: str) -> None:
    shape, axes = TRANSPOSES[name]
    x = empty(shape, dtype)
    x[...] = 1
    y = empty(x.transpose(axes).shape, dtype)
    measure_bytes(benchmark, f"transpose {name}", lambda: move("copy", x.transpose(axes), y), 2 * x.nbytes, dtype)


@pytest.mark.parametrize("source", ["uint8", "float16", "float32", "float64", "int64"])
@pytest.mark.usefixtures("one_thread")
def test_gather_rows(benchmark: Any, isa: Any, source: str) -> None:
    """32 rows of 784 out of 20,000 in random order, further on with every step."""
    rows, batch, width = 20_000, 32, 784
    x = empty((rows, width), source)
    x[...] = np.random.default_rng(0).integers(0, 256, x.shape)
    index = np.resize(np.random.default_rng(1).permutation(rows // batch * batch), 10_000_000 // batch * batch)
    position = zeros((1,), np.int64)

    def call() -> None:
        gather_rows(x, index, 0, batch, np.float32, position=position)
        launch("counter_add", np.float32, counter=position, amount=batch)

    measure_bytes(benchmark, f"gather 32 x 784 {source}", call, batch * width * (4 + x.itemsize), "float32")
