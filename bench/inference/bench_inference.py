"""Inference: one sample through model(x) and predict, and a batch of 256 through predict."""

from __future__ import annotations

from typing import Any

import pytest
from networks import CIFAR_CNN, MLP, REFERENCE_CNN, WIDE_MLP, data, fastnn_model

CASES = {network.name: network for network in (REFERENCE_CNN, MLP, WIDE_MLP, CIFAR_CNN)}


@pytest.mark.parametrize("case", CASES)
def test_one_sample_call(benchmark: Any, threads: int, case: str) -> None:
    model, (x, _) = fastnn_model(CASES[case]), data(CASES[case], 1)
    benchmark.group = f"{case}: one sample"
    benchmark(model, x)


@pytest.mark.parametrize("case", CASES)
def test_one_sample_predict(benchmark: Any, threads: int, case: str) -> None:
    model, (x, _) = fastnn_model(CASES[case]), data(CASES[case], 1)
    benchmark.group = f"{case}: one sample"
    benchmark(model.predict, x, verbose=0)


@pytest.mark.parametrize("case", CASES)
def test_256_samples_predict(benchmark: Any, threads: int, case: str) -> None:
    model, (x, _) = fastnn_model(CASES[case]), data(CASES[case], 256)
    benchmark.group = f"{case}: 256 samples"
    benchmark(model.predict, x, batch_size=256, verbose=0)
