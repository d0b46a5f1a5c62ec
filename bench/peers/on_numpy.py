"""NumPy's matrix product into an existing array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

VERSION = np.__version__


class Library:
    def __init__(self, threads: int, variant: str) -> None:
        """OPENBLAS_NUM_THREADS is set already."""

    def gemm(self, n: int) -> Callable[[int], Any]:
        a, b = np.random.default_rng(0).random((2, n, n), np.float32)
        c = np.empty_like(a)

        def products(rounds: int) -> None:
            for _ in range(rounds):
                np.matmul(a, b, out=c)

        return products
