"""The executor's own barriers: no thread passes one too early, and none waits for ever (tests/executor/executor.c)."""

from __future__ import annotations

import subprocess

import pytest

from fastnn import _core
from tests import native

PROGRAM = "tests/executor/executor.c"
ISA = _core.isas()[-1]
pytestmark = pytest.mark.skipif(
    bool(native.missing_tools(ISA)) or not _core.build_info()["openmp"], reason="needs a C compiler with OpenMP"
)


def steps(program: list[str], n: int) -> int:
    return subprocess.run([*program, str(n)], timeout=100).returncode


@pytest.mark.parametrize("rounds", [0, 1000])
def test_barriers_hold_with_more_threads_than_processors(tmp_path, rounds):
    program = native.build(
        PROGRAM, ISA, tmp_path, flags=["-fopenmp", f"-DSPIN_ROUNDS={rounds}", "csrc/executor.c"]
    )
    assert steps(program, 30) == 0


def test_missing_barriers_are_noticed(tmp_path):
    source = (native.ROOT / "csrc/executor.c").read_text()
    assert "if (entries[e].barrier)" in source
    (tmp_path / "executor.c").write_text(source.replace("if (entries[e].barrier)", "if (0)"))
    program = native.build(PROGRAM, ISA, tmp_path, flags=["-fopenmp", str(tmp_path / "executor.c")])
    assert steps(program, 30) == 1
