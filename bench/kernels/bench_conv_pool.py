"""Convolution, ReLU and max-pooling: the fused forward pass with and without winners, and the whole gradient.

    taskset -c 0 python -m pytest bench/kernels/bench_conv_pool.py -o python_files='bench_*.py'

What counts are products with numbers inside of x, for the outputs that a window covers; for the gradient, of the kernel
and (but in first layers) of the input, for one winner in each window. "two ops" is conv2d followed by max_pool; "dense"
and "sparse" are the two ways backward, beside the one that the shape prefers ("fused").
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from harness import measure

from fastnn import Tensor, ops
from fastnn.ops import conv_pool
from fastnn.ops.window import window


class Case(NamedTuple):
    """A square convolution and square windows."""

    size: int
    c: int
    oc: int
    k: int
    pool: int
    padding: str = "same"
    stride: int = 0  # of the windows; 0: their size
    n: int = 32

    def __str__(self) -> str:
        every = f"/{self.stride}" if self.stride else ""
        shape = f"{self.n}x{self.size}x{self.size}x{self.c}->{self.oc} {self.k}x{self.k}"
        return f"{shape} {self.padding} pool {self.pool}{every}"


CASES = [
    Case(28, 1, 32, 4, 3, "valid"), Case(8, 32, 64, 4, 3, "valid"),  # the reference CNN
    Case(32, 32, 32, 3, 2), Case(16, 64, 64, 3, 2),  # the CIFAR CNN
    Case(28, 1, 32, 3, 2, "valid"), Case(13, 32, 64, 3, 2, "valid"), Case(32, 3, 32, 5, 2), Case(8, 128, 128, 3, 2),
    Case(32, 32, 64, 3, 3, stride=2),
]  # fmt: skip


def products(case: Case, outputs: int, before: int) -> int:
    """Pairs of an output and a tap along one axis whose input exists."""
    positions = np.arange(outputs)[:, None] - before + np.arange(case.k)
    return int(((positions >= 0) & (positions < case.size)).sum())


@pytest.mark.parametrize("how", ["fused", "two ops", "dense", "sparse"])
@pytest.mark.parametrize("which", ["fwd", "fwd with codes", "bwd"])
@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.usefixtures("one_thread")
def test_conv2d_max_pool(benchmark: Any, case: Case, which: str, how: str, monkeypatch: Any) -> None:
    if how in ("dense", "sparse"):
        if which != "bwd":
            pytest.skip("a way of computing gradients")
        monkeypatch.setattr(conv_pool, "prefers_sparse", lambda *_: (how == "sparse",) * 2)
    spot = window("bench", (case.size, case.size), (case.k, case.k), 1, case.padding)
    stride = case.stride or case.pool
    rng = np.random.default_rng(0)
    shapes = (case.n, case.size, case.size, case.c), (case.k, case.k, case.c, case.oc), (case.oc,)
    x, kernel, bias = (Tensor(rng.standard_normal(s).astype(np.float32), requires_grad=which != "fwd") for s in shapes)
    x.requires_grad = which == "bwd" and case.c > 3  # first layers want no gradient of the images

    def forward() -> Tensor:
        if how == "two ops":
            y = ops.conv2d(x, kernel, bias, padding=case.padding, activation="relu")
            return ops.max_pool(y, case.pool, stride)
        return ops.conv2d_max_pool(
            x, kernel, bias, padding=case.padding, activation="relu", pool_size=case.pool, pool_strides=stride
        )

    y = forward()
    pooled = y.shape[1]
    outputs = (pooled - 1) * stride + case.pool
    flops = 2.0 * case.n * products(case, outputs, spot.before[0]) ** 2 * case.c * case.oc
    if which != "bwd":
        measure(benchmark, f"{how}: {which} {case}", forward, flops, np.float32)
        return
    dy = rng.standard_normal(y.shape).astype(np.float32)
    node = y._node
    assert node is not None and node.gradient is not None
    gradient, inputs = node.gradient, node.inputs
    convolution = inputs[0]._node if how == "two ops" else None

    def backward() -> None:
        parts = gradient(dy)
        if convolution is not None and convolution.gradient is not None:
            convolution.gradient(parts[0])

    winners = pooled**2 / outputs**2
    measure(benchmark, f"{how}: bwd {case}", backward, flops * winners * (1 + x.requires_grad), np.float32)
