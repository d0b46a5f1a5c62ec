"""Batch and layer normalization, forward and backward: GB/s beside a copy of as many bytes.

    taskset -c 0 python -m pytest bench/kernels/bench_norm.py -o python_files='bench_*.py'

Bytes are those of x, y, dy and dx as often as a pass goes over them: forward x, x, y; backward x, dy, x, dy, dx.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from harness import measure_bytes

from fastnn import Tensor, Variable, _core, ops
from fastnn.ops.normalization import Fusion, by_batch

SHAPES = [(65536, 16), (16384, 32), (4096, 64)]  # ResNet-20's, batch 64


def filled(shape: tuple[int, ...]) -> Tensor:
    array = _core.empty(shape, np.float32)
    array[...] = np.random.default_rng(0).standard_normal(shape)
    tensor = Tensor.wrap(array)
    tensor.requires_grad = True
    return tensor


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("backward", [False, True], ids=["forward", "and backward"])
@pytest.mark.usefixtures("one_thread")
def test_batch_norm_relu(benchmark: Any, isa: Any, shape: tuple[int, int], backward: bool) -> None:
    x, gamma, beta, dy = filled(shape), filled(shape[1:]), filled(shape[1:]), filled(shape).data
    moving = Variable(np.zeros(shape[1]), dtype="float32"), Variable(np.ones(shape[1]), dtype="float32")

    def call() -> None:
        y = by_batch(x, gamma, beta, moving, 0.99, 1e-3, Fusion("relu"))
        if backward:
            y.backward(dy)
            x.grad = gamma.grad = beta.grad = None

    passes = 8 if backward else 3
    name = f"batch norm, relu {shape}{' + bwd' * backward}"
    measure_bytes(benchmark, name, call, passes * x.data.nbytes, "float32")


@pytest.mark.parametrize("shape", [(4096, 64), (512, 1024)], ids=str)
@pytest.mark.usefixtures("one_thread")
def test_layer_norm(benchmark: Any, isa: Any, shape: tuple[int, int]) -> None:
    x, gamma, beta = filled(shape), filled(shape[1:]), filled(shape[1:])
    def call() -> None:
        ops.layer_normalization(x, gamma, beta)

    measure_bytes(benchmark, f"layer norm {shape}", call, 2 * x.data.nbytes, "float32")
