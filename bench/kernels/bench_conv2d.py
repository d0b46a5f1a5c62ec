"""Convolution from plain row-major arrays, packing included; backward to the kernel with the bias.

    taskset -c 0 python -m pytest bench/kernels/bench_conv2d.py -o python_files='bench_*.py'

Only products with numbers inside of x are counted: "same" on 8x8 maps asks for 84 % of n*oh*ow*kh*kw*c*oc.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from harness import measure

from fastnn import _core
from fastnn.ops.conv import convolve, input_gradient, kernel_gradient, sizes_of
from fastnn.ops.fused import Fusion
from fastnn.ops.window import Window, window


class Case(NamedTuple):
    """A square convolution."""

    size: int
    c: int
    oc: int
    k: int = 3
    padding: str = "same"
    stride: int = 1
    n: int = 32
    groups: int = 1

    def __str__(self) -> str:
        rest = [self.padding] * (self.padding != "same") + [f"/{self.stride}"] * (self.stride > 1)
        rest += [f"g{self.groups}"] * (self.groups > 1)
        return " ".join([f"{self.n}x{self.size}x{self.size}x{self.c}->{self.oc} {self.k}x{self.k}", *rest])


BARS = [Case(size, c, oc) for size in (8, 16, 32) for c, oc in ((32, 32), (32, 64), (64, 64))]  # at least 0.80
OTHERS = [
    Case(28, 1, 32, 4, "valid"), Case(8, 32, 64, 4, "valid"),  # the reference CNN
    Case(32, 3, 32), Case(32, 16, 16), Case(16, 64, 64, 1), Case(16, 64, 128, 3, "same", 2),
    Case(7, 64, 64), Case(4, 128, 128), Case(2, 256, 256), Case(14, 256, 256, n=8), Case(7, 512, 512, n=8),
    Case(8, 64, 64, n=1), Case(32, 32, 32, n=1), Case(32, 64, 64, groups=64), Case(32, 64, 64, groups=4),
    Case(28, 1, 6, 5), Case(28, 6, 16, 5, "valid"), Case(32, 3, 64, 7, "same", 2, n=8), Case(32, 32, 3),  # few channels
    Case(16, 64, 1, 1), Case(16, 128, 128, groups=32), Case(7, 512, 512, n=8, groups=512), Case(7, 512, 512, n=1),
]  # fmt: skip
PASSES = ["fwd", "bwd_input", "bwd_kernel"]


def products(case: Case, spot: Window) -> int:
    """Pairs of an output and a tap along one axis whose input exists."""
    positions = np.arange(spot.output[0])[:, None] * case.stride - spot.before[0] + np.arange(case.k)
    return int(((positions >= 0) & (positions < case.size)).sum())


def bench(benchmark: Any, which: str, case: Case, dtype: Any) -> None:
    spot = window("bench", (case.size, case.size), (case.k, case.k), case.stride, case.padding)
    rng = np.random.default_rng(0)

    def filled(*shape: int) -> np.ndarray:
        array = _core.empty(shape, dtype)
        array[...] = rng.standard_normal(shape)
        return array

    x = filled(case.n, case.size, case.size, case.c)
    kernel = filled(case.k, case.k, case.c // case.groups, case.oc)
    bias, y = filled(case.oc), filled(case.n, *spot.output, case.oc)
    result = _core.empty({"fwd": y, "bwd_input": x, "bwd_kernel": kernel}[which].shape, dtype)
    dbias = _core.empty(bias.shape, dtype)
    sizes = sizes_of(x.shape, kernel.shape, spot, case.groups)

    def call() -> None:
        if which == "fwd":
            convolve(result, x, kernel, bias, Fusion("relu"), sizes)
        elif which == "bwd_input":
            input_gradient(result, y, kernel, sizes)
        else:
            kernel_gradient(result, dbias, x, y, sizes)

    flops = 2.0 * case.n * products(case, spot) ** 2 * case.c * case.oc / case.groups
    measure(benchmark, f"{which} {case}", call, flops, dtype)


@pytest.mark.parametrize("which", PASSES)
@pytest.mark.parametrize("case", BARS, ids=str)
@pytest.mark.usefixtures("one_thread")
def test_conv2d_on_every_isa(benchmark, isa, case, which):
    if isa == "generic":
        pytest.skip("the bar is for instruction sets with FMA")
    bench(benchmark, which, case, np.dtype("float32"))


@pytest.mark.parametrize("which", PASSES)
@pytest.mark.parametrize("case", OTHERS, ids=str)
@pytest.mark.usefixtures("one_thread")
def test_conv2d(benchmark, case, which):
    bench(benchmark, which, case, np.dtype("float32"))


@pytest.mark.parametrize("which", PASSES)
@pytest.mark.parametrize("case", BARS[::4], ids=str)
@pytest.mark.usefixtures("one_thread")
def test_conv2d_float64(benchmark, case, which):
    bench(benchmark, which, case, np.dtype("float64"))


@pytest.mark.parametrize("which", PASSES)
@pytest.mark.parametrize("case", BARS[::4], ids=str)
def test_conv2d_threads(benchmark, case, which):
    bench(benchmark, which, case, np.dtype("float32"))
