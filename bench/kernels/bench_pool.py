"""Pooling against copies of as many bytes: what is read and written, winners included.

    taskset -c 0 python -m pytest bench/kernels/bench_pool.py -o python_files='bench_*.py'
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from harness import measure_bytes

from fastnn import _core
from fastnn._core import empty, launch
from fastnn.ops.pool import sizes_of
from fastnn.ops.window import window

# (n, h, w, c), window, stride, padding: the reference CNN's, a stem's, one of overlaps, few channels
CASES = [
    ((32, 26, 26, 32), 2, 2, "valid"), ((32, 26, 26, 32), 3, 3, "valid"), ((32, 26, 26, 32), 3, 2, "same"),
    ((32, 26, 26, 32), 3, 1, "same"), ((32, 28, 28, 6), 2, 2, "valid"), ((32, 28, 28, 1), 2, 2, "valid"),
]  # fmt: skip


@pytest.mark.parametrize("kernel", ["max_pool_fwd", "max_pool_bwd", "average_pool_fwd", "average_pool_bwd"])
@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.usefixtures("one_thread")
def test_pool(benchmark: Any, isa: Any, case: Any, kernel: str) -> None:
    shape, k, stride, padding = case
    dtype = np.dtype(np.float32)
    x = empty(shape, dtype)
    x[...] = np.random.default_rng(0).standard_normal(shape)
    sizes = sizes_of(x, window("bench", shape[1:3], (k, k), stride, padding))
    y = empty((shape[0], sizes["oh"], sizes["ow"], shape[3]), dtype)
    winner = empty(y.shape, np.uint8)
    launch("max_pool_fwd", dtype, x=x, y=y, winner=winner, **sizes)
    fields: dict[str, Any] = {"x": x, "y": y} if kernel.endswith("fwd") else {"dy": y, "dx": empty(shape, dtype)}
    if kernel.startswith("max"):
        fields["winner"] = winner
    nbytes = sum(array.nbytes for array in fields.values())
    label = f"{kernel} {'x'.join(map(str, shape))} {k}/{stride}"
    measure_bytes(benchmark, label, lambda: launch(kernel, dtype, **fields, **sizes), nbytes, dtype)


@pytest.mark.parametrize("kernel", ["global_max_pool", "global_average_pool"])
@pytest.mark.parametrize("shape", [(32, 49, 512), (32, 676, 32)], ids=str)
@pytest.mark.usefixtures("one_thread")
def test_global_pool(benchmark: Any, isa: Any, shape: tuple[int, int, int], kernel: str) -> None:
    dtype = np.dtype(np.float32)
    x = empty(shape, dtype)
    x[...] = np.random.default_rng(0).standard_normal(shape)
    fields: dict[str, Any] = {"x": x, "y": empty((shape[0], shape[2]), dtype)}
    if "max" in kernel:
        fields["winner"] = empty((shape[0], shape[2]), np.int32)
    sizes = dict(zip("npc", shape, strict=True))
    call = partial(_core.launch, f"{kernel}_fwd", dtype, **fields, **sizes)
    measure_bytes(benchmark, f"{kernel} {shape}", call, x.nbytes, dtype)
