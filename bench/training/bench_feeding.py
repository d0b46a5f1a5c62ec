"""Where the data come from: `fit` on arrays, a memory map, batches; and a source that takes as long as a step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import REFERENCE_CNN, data, fastnn_model

from fastnn.utils import PyDataset

BATCH, STEPS = 128, 64
SLOW = 0.001  # seconds a batch


class Batches(PyDataset):
    """The batches of arrays, each of which takes a while."""

    def __init__(self, x: np.ndarray, y: np.ndarray, seconds: float, workers: int) -> None:
        super().__init__(workers)
        self.x, self.y, self.seconds = x, y, seconds

    def __len__(self) -> int:
        return STEPS

    def __getitem__(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        if self.seconds:
            time.sleep(self.seconds)
        rows = slice(BATCH * i, BATCH * i + BATCH)
        return self.x[rows], self.y[rows]


def generator(x: np.ndarray, y: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for i in range(0, len(x), BATCH):
        yield x[i : i + BATCH], y[i : i + BATCH]


CASES = {
    "arrays": lambda x, y: ((x, y), {"batch_size": BATCH}),
    "memory map": lambda x, y: ((x, y), {"batch_size": BATCH}),
    "generator": lambda x, y: ((generator(x, y),), {}),
    "dataset": lambda x, y: ((Batches(x, y, 0, workers=1),), {}),
    "1 ms a batch, not ahead": lambda x, y: ((Batches(x, y, SLOW, workers=0),), {}),
    "1 ms a batch, ahead": lambda x, y: ((Batches(x, y, SLOW, workers=1),), {}),
    "1 ms a batch, two workers": lambda x, y: ((Batches(x, y, SLOW, workers=2),), {}),
}


@pytest.mark.parametrize("case", CASES)
def test_fit_from(benchmark: Any, threads: int, case: str, tmp_path: Path) -> None:
    model, (x, y) = fastnn_model(REFERENCE_CNN), data(REFERENCE_CNN, BATCH * STEPS)
    if case == "memory map":
        np.save(tmp_path / "x.npy", x)
        x = np.load(tmp_path / "x.npy", mmap_mode="r")

    def setup() -> tuple[Any, Any]:
        arguments, options = CASES[case](x, y)
        return arguments, {"verbose": 0, **options}

    benchmark.group = f"reference CNN, batch {BATCH}: {STEPS} training steps of fit"
    benchmark.pedantic(model.fit, setup=setup, rounds=12, warmup_rounds=2)
    if benchmark.stats is not None:  # --benchmark-disable
        benchmark.extra_info |= {"steps": STEPS, "min_us_per_step": benchmark.stats.stats.min / STEPS * 1e6}
