"""Functions of one element against NumPy, and arithmetic with broadcasting against copies.

    taskset -c 0 python -m pytest bench/kernels/bench_elementwise.py -o python_files='bench_*.py'

A function counts the floating point operations of its formula in csrc/vmath.h (a fused multiply-add is two), so divide
by them for elements per nanosecond.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from harness import measure, measure_bytes

from fastnn import _core, ops

N = 16_384  # in and out fit into L2
FUNCTIONS = {  # operations per element, NumPy's function
    "exp": (23, np.exp), "log": (31, np.log), "tanh": (43, np.tanh),
    "sigmoid": (34, lambda x: 1 / (1 + np.exp(-x))),
}
RANGES = {  # the others' is -10 to 10
    "arcsin": (-1, 1), "arccos": (-1, 1), "arctanh": (-1, 1), "arccosh": (1, 50), "erfinv": (-0.99, 0.99),
    "log": (0.1, 50), "log2": (0.1, 50), "log10": (0.1, 50), "log1p": (0.1, 50), "power": (0.1, 10),
}  # fmt: skip
OTHERS = (
    "sin cos tan arcsin arccos arctan sinh cosh arcsinh arccosh arctanh exp exp2 expm1 log log2 log10 log1p cbrt "
    "erf erfc erfinv power arctan2 hypot logaddexp"
).split()
SHAPES = {
    "dense": ((1000, 1000), (1000, 1000)), "row": ((1000, 1000), (1000,)), "column": ((1000, 1000), (1000, 1)),
    "short row": ((100_000, 10), (10,)), "channels": ((32, 16, 16, 64), (32, 1, 1, 64)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.usefixtures("one_thread")
def test_function(benchmark: Any, isa: Any, name: str, dtype: str) -> None:
    flops, function = FUNCTIONS[name]
    x = _core.empty((N,), dtype)
    x[...] = np.random.default_rng(0).uniform(0.1, 4, N)
    measure(benchmark, f"{name} {flops} x {N}", lambda: getattr(ops, name)(x), flops * N, dtype, lambda: function(x))


@pytest.mark.parametrize("n", [1000, 1_000_000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.usefixtures("one_thread")
def test_other_function(benchmark: Any, name: str, dtype: str, n: int) -> None:
    """Counted as ten operations: GFLOP/s, ours and NumPy's (which has no erf), are ten times the elements per ns."""
    arguments = []
    for _ in range(2 if name in ("power", "arctan2", "hypot", "logaddexp") else 1):
        arguments.append(_core.empty((n,), dtype))
        arguments[-1][...] = np.random.default_rng(len(arguments)).uniform(*RANGES.get(name, (-10, 10)), n)
    theirs = getattr(np, name, None)
    out = np.empty(n, dtype)
    call = theirs and (lambda: theirs(*arguments, out=out))
    measure(benchmark, f"{name} {n}", lambda: getattr(ops, name)(*arguments), 10 * n, dtype, call)


@pytest.mark.parametrize("shapes", SHAPES.values(), ids=SHAPES)
@pytest.mark.usefixtures("one_thread")
def test_add(benchmark: Any, isa: Any, shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    a, b = (np.random.default_rng(0).standard_normal(shape).astype(np.float32) for shape in shapes)
    nbytes = a.nbytes + b.nbytes + a.nbytes
    measure_bytes(benchmark, f"add {shapes[0]} {shapes[1]}", lambda: ops.add(a, b), nbytes, "float32")
