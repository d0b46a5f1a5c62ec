"""Prints the table of the kernel benchmarks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import harness
import pytest

from fastnn import _core


@pytest.fixture(params=_core.isas())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every instruction set of this build and this CPU."""
    with _core.use_isa(request.param):
        yield request.param


@pytest.fixture
def one_thread() -> Iterator[None]:
    _core.set_num_threads(1)
    yield
    _core.set_num_threads(None)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if harness.rows:
        terminalreporter.section("kernels against the measured peak")
        terminalreporter.write_line(harness.HEADER)
        for row in harness.rows:
            terminalreporter.write_line(row)
    if harness.byte_rows:
        terminalreporter.section("kernels bound by memory, against copies")
        terminalreporter.write_line(harness.BYTES_HEADER)
        for row in harness.byte_rows:
            terminalreporter.write_line(row)
