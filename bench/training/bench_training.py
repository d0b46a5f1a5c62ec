"""One training step: `fit` over 64 batches (divided by 64 in the JSON's extra_info), and train_on_batch."""

from __future__ import annotations

from typing import Any

import pytest
from networks import images, mlp, reference_cnn, vectors

STEPS = 64
CASES = {
    "reference CNN, batch 32": (reference_cnn, images, 32),
    "reference CNN, batch 128": (reference_cnn, images, 128),
    "MLP 64-25-15-1, batch 32": (mlp, vectors, 32),
}


@pytest.mark.parametrize("case", CASES)
def test_fit(benchmark: Any, threads: int, case: str) -> None:
    make, data, batch = CASES[case]
    model, (x, y) = make(), data(batch * STEPS)
    benchmark.group = f"{case}: {STEPS} training steps of fit"
    benchmark.pedantic(
        model.fit, (x, y), {"batch_size": batch, "epochs": 1, "verbose": 0}, rounds=12, warmup_rounds=2
    )
    benchmark.extra_info |= {"steps": STEPS, "min_us_per_step": benchmark.stats.stats.min / STEPS * 1e6}


@pytest.mark.parametrize("case", CASES)
def test_train_on_batch(benchmark: Any, threads: int, case: str) -> None:
    make, data, batch = CASES[case]
    model, (x, y) = make(), data(batch)
    benchmark.group = f"{case}: train_on_batch"
    benchmark.pedantic(model.train_on_batch, (x, y), rounds=50, warmup_rounds=5)
