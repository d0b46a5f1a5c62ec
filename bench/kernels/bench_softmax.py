"""Softmax, cross-entropy and sums on the shapes of classifiers: few, many and very many classes.

    taskset -c 0 python -m pytest bench/kernels/bench_softmax.py -o python_files='bench_*.py'

An exponential counts as 15 operations (its polynomial and reduction), so the fractions compare with other kernels'.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from harness import measure

from fastnn import Tensor, _core, ops

SHAPES = [(128, 10), (64, 1000), (32, 100_000)]
EXP = 15


def logits(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    x = _core.empty(shape, np.float32)
    x[...] = np.random.default_rng(0).standard_normal(shape)
    return x, np.random.default_rng(1).integers(0, shape[1], shape[0])


def numpy_softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(1, keepdims=True))
    e /= e.sum(1, keepdims=True)
    return e


def numpy_crossentropy(x: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    top, rows = x.max(1, keepdims=True), np.arange(len(x))
    e = np.exp(x - top)
    total = e.sum(1, keepdims=True)
    loss = np.log(total[:, 0]) - (x - top)[rows, label]
    e /= total
    e[rows, label] -= 1
    return loss, e


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.usefixtures("one_thread")
def test_softmax(benchmark: Any, isa: Any, shape: tuple[int, int]) -> None:
    x, _ = logits(shape)
    call = partial(ops.softmax, x)
    measure(benchmark, f"softmax {shape}", call, (EXP + 4.0) * x.size, "float32", lambda: numpy_softmax(x))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.usefixtures("one_thread")
def test_crossentropy_and_gradient(benchmark: Any, isa: Any, shape: tuple[int, int]) -> None:
    x, label = logits(shape)
    seed = np.ones(shape[0], np.float32)

    def call() -> None:
        tensor = Tensor.wrap(x)
        tensor.requires_grad = True
        ops.sparse_categorical_crossentropy(label, tensor, from_logits=True).backward(seed)

    flops = 2 * (EXP + 3.0) * x.size
    measure(benchmark, f"cross-entropy {shape}", call, flops, "float32", lambda: numpy_crossentropy(x, label))


@pytest.mark.parametrize(
    ("shape", "axis"), [((128, 10), 0), ((4096, 64), 0), ((512, 512), 1), ((64, 7, 7, 64), (1, 2))], ids=str
)
@pytest.mark.usefixtures("one_thread")
def test_sum(benchmark: Any, isa: Any, shape: tuple[int, ...], axis: Any) -> None:
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    measure(benchmark, f"sum {shape} {axis}", lambda: ops.sum(x, axis), float(x.size), "float32", lambda: x.sum(axis))
