"""Optimizer steps and random draws: GB/s beside a copy of as many bytes.

    taskset -c 0 python -m pytest bench/kernels/bench_optim.py -o python_files='bench_*.py'
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from harness import measure_bytes

from fastnn import Variable, _core, ops, optimizers, random

# The parameters of a 784-512-512-600-48 network: about a million.
SHAPES = [(784, 512), (512,), (512, 512), (512,), (512, 600), (600,), (600, 48), (48,)]
# How many arrays of the parameters' size a step reads or writes.
STEPS = {
    "sgd": (lambda: optimizers.SGD(), 3),
    "sgd momentum": (lambda: optimizers.SGD(momentum=0.9), 5),
    "rmsprop": (lambda: optimizers.RMSprop(), 5),
    "adam": (lambda: optimizers.Adam(), 7),
    "adamw": (lambda: optimizers.AdamW(), 7),
    "nadam": (lambda: optimizers.Nadam(), 7),
    "ftrl": (lambda: optimizers.Ftrl(), 7),
    "lion": (lambda: optimizers.Lion(), 5),
    "lamb": (lambda: optimizers.Lamb(), 11),  # two passes
    "adam clipped": (lambda: optimizers.Adam(global_clipnorm=1e9), 8),  # by global_clipnorm: reads the gradients twice
}


def step(benchmark: Any, name: str, dtype: str) -> None:
    make, streams = STEPS[name]
    variables = [Variable(np.ones(shape, dtype)) for shape in SHAPES]
    optimizer = make()
    optimizer.build(variables)
    grads = [v._grad_target for v in variables]
    nbytes = streams * sum(v.data.nbytes for v in variables)
    measure_bytes(benchmark, f"{name}, a million weights", lambda: optimizer.apply(grads, variables), nbytes, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", STEPS)
@pytest.mark.usefixtures("one_thread")
def test_step(benchmark, name, dtype):
    step(benchmark, name, dtype)


@pytest.mark.usefixtures("one_thread", "isa")
def test_step_on_every_isa(benchmark):
    step(benchmark, "adam", "float32")


def test_step_threads(benchmark):
    step(benchmark, "adam", "float32")


@pytest.mark.parametrize("n", [1 << 16, 1 << 20])
@pytest.mark.usefixtures("one_thread", "isa")
def test_dropout(benchmark, n):
    generator, x = random.SeedGenerator(1), np.ones(n, np.float32)
    measure_bytes(benchmark, f"dropout_fwd, {n}", lambda: ops.dropout(x, 0.5, generator), 9 * n, "float32")


@pytest.mark.parametrize("n", [1 << 16, 1 << 20])
@pytest.mark.usefixtures("one_thread", "isa")
def test_dropout_backward(benchmark, n):
    dy, dx, mask = _core.zeros(n, np.float32), _core.zeros(n, np.float32), _core.zeros(n, np.uint8)

    def call() -> None:
        _core.launch("dropout_bwd", np.dtype(np.float32), dy=dy, mask=mask, dx=dx, n=n, rate=0.5)

    measure_bytes(benchmark, f"dropout_bwd, {n}", call, 9 * n, "float32")


@pytest.mark.parametrize("draw", ["uniform", "normal", "truncated_normal"])
@pytest.mark.usefixtures("one_thread", "isa")
def test_draw(benchmark, draw):
    n = 1 << 20
    generator = random.SeedGenerator(1)
    measure_bytes(benchmark, f"{draw}, {n}", lambda: getattr(random, draw)((n,), seed=generator), 4 * n, "float32")
