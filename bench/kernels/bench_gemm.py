"""GEMM from plain row-major arrays, packing included.

    taskset -c 0 python -m pytest bench/kernels/bench_gemm.py -o python_files='bench_*.py'
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from harness import measure

from fastnn import _core
from fastnn.ops.linalg import multiply_into

BARS = [(512, 512, 512), (32, 784, 128)]  # (m, k, n): at least 0.90 and 0.70 of the peak
OTHERS = [(n, n, n) for n in (32, 64, 128, 256, 384, 1024, 2048)] + [(32, 64, 64), (128, 784, 512), (20000, 16, 32)]
VECTORS = [(1, 784, 128), (1, 2048, 2048), (2048, 2048, 1)]


def operands(m: int, k: int, n: int, dtype: Any, layout: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    arrays = []
    for shape, transposed in (((m, k), layout[0] == "T"), ((k, n), layout[1] == "T")):
        array = _core.empty(shape[::-1] if transposed else shape, dtype)
        array[...] = rng.standard_normal(array.shape)
        arrays.append(array.T if transposed else array)
    return arrays[0], arrays[1], _core.empty((m, n), dtype)


def bench(benchmark: Any, shape: tuple[int, int, int], dtype: Any, layout: str = "NN") -> dict[str, float]:
    m, k, n = shape
    a, b, c = operands(m, k, n, dtype, layout)
    name = f"gemm {layout} {m} x {k} x {n}"
    other = np.empty_like(c)
    return measure(
        benchmark, name, lambda: multiply_into(c, a, b), 2.0 * m * n * k, dtype, lambda: np.matmul(a, b, out=other)
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", BARS, ids=str)
@pytest.mark.usefixtures("one_thread")
def test_gemm_on_every_isa(benchmark, isa, shape, dtype):
    bench(benchmark, shape, dtype)


@pytest.mark.parametrize("shape", OTHERS + VECTORS, ids=str)
@pytest.mark.usefixtures("one_thread")
def test_gemm(benchmark, shape):
    bench(benchmark, shape, "float32")


@pytest.mark.parametrize("layout", ["NT", "TN", "TT"])
@pytest.mark.parametrize("shape", [*BARS, (784, 32, 128), (1024, 1024, 1024)], ids=str)
@pytest.mark.usefixtures("one_thread")
def test_gemm_layouts(benchmark, shape, layout):
    bench(benchmark, shape, "float32", layout)


@pytest.mark.parametrize("shape", [*BARS, *((n, n, n) for n in (256, 1024, 2048))], ids=str)
def test_gemm_threads(benchmark, shape):
    bench(benchmark, shape, "float32")
