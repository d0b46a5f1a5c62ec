"""Inference: one sample through model(x) and predict, and a batch of 256 through predict."""

from __future__ import annotations

from typing import Any

import pytest
from networks import images, mlp, reference_cnn, vectors

CASES = {"reference CNN": (reference_cnn, images), "MLP 64-25-15-1": (mlp, vectors)}


@pytest.mark.parametrize("case", CASES)
def test_one_sample_call(benchmark: Any, threads: int, case: str) -> None:
    make, data = CASES[case]
    model, (x, _) = make(), data(1)
    benchmark.group = f"{case}: one sample"
    benchmark(model, x)


@pytest.mark.parametrize("case", CASES)
def test_one_sample_predict(benchmark: Any, threads: int, case: str) -> None:
    make, data = CASES[case]
    model, (x, _) = make(), data(1)
    benchmark.group = f"{case}: one sample"
    benchmark(model.predict, x, verbose=0)


@pytest.mark.parametrize("case", CASES)
def test_256_samples_predict(benchmark: Any, threads: int, case: str) -> None:
    make, data = CASES[case]
    model, (x, _) = make(), data(256)
    benchmark.group = f"{case}: 256 samples"
    benchmark(model.predict, x, batch_size=256, verbose=0)
