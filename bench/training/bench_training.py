"""One training step: `fit` over an epoch (divided by its steps in the JSON's extra_info), and train_on_batch."""

from __future__ import annotations

from typing import Any

import pytest
from networks import CIFAR_CNN, MLP, REFERENCE_CNN, WIDE_MLP, Network, data, fastnn_model

# network, batch, steps of an epoch
CASES: dict[str, tuple[Network, int, int]] = {
    "reference CNN, batch 32": (REFERENCE_CNN, 32, 64),
    "reference CNN, batch 128": (REFERENCE_CNN, 128, 64),
    "MLP 64-25-15-1, batch 32": (MLP, 32, 1000),
    "MLP 784-512-512-10, batch 128": (WIDE_MLP, 128, 64),
    "CIFAR CNN, batch 64": (CIFAR_CNN, 64, 8),
}


@pytest.mark.parametrize("case", CASES)
def test_fit(benchmark: Any, threads: int, case: str) -> None:
    network, batch, steps = CASES[case]
    model, (x, y) = fastnn_model(network), data(network, batch * steps)
    benchmark.group = f"{case}: {steps} training steps of fit"
    benchmark.pedantic(
        model.fit, (x, y), {"batch_size": batch, "epochs": 1, "verbose": 0}, rounds=12, warmup_rounds=2
    )
    if benchmark.stats is not None:  # --benchmark-disable
        benchmark.extra_info |= {"steps": steps, "min_us_per_step": benchmark.stats.stats.min / steps * 1e6}


@pytest.mark.parametrize("case", CASES)
def test_train_on_batch(benchmark: Any, threads: int, case: str) -> None:
    network, batch, _ = CASES[case]
    model, (x, y) = fastnn_model(network), data(network, batch)
    benchmark.group = f"{case}: train_on_batch"
    benchmark.pedantic(model.train_on_batch, (x, y), rounds=50, warmup_rounds=5)
