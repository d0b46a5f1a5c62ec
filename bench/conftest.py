"""What every benchmark shares: the number of threads, and the facts that belong beside a figure."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fastnn import _core

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(params=sorted({1, _core.get_num_threads()}), ids=lambda n: f"{n} thread{'s' * (n > 1)}")
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """One thread, and all of them."""
    _core.set_num_threads(request.param)
    yield request.param
    _core.set_num_threads(None)


def cpu_name() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return "unknown CPU"


def facts() -> dict[str, Any]:
    return {
        "cpu": cpu_name(), "isa": _core.isa(), "threads": _core.get_num_threads(), "dtype": "float32",
        "compiler": _core.build_info()["compiler"], "load": round(os.getloadavg()[0], 2),
    }


def pytest_report_header() -> str:
    return "fastnn on " + ", ".join(f"{name} {value}" for name, value in facts().items())


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    machine_info["fastnn"] = facts()
