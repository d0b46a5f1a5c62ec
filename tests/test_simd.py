"""The vector functions of csrc/simd on every instruction set, against plain C (tests/simd/simd.c)."""

from __future__ import annotations

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import native

ISAS = native.isas_here()
pytestmark = pytest.mark.skipif(bool(native.missing_tools(ISAS[0])), reason="needs a C compiler")
PROGRAM = "tests/simd/simd.c"


def c_names() -> set[str]:
    """The generic names that kernels use."""
    return set(re.findall(r"^#define ([vimr]_\w+) ", (native.ROOT / "csrc/simd/f32.h").read_text(), re.M))


def run(words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Words to run the checks for each instruction set."""
    folder = tmp_path_factory.mktemp("simd")
    with ThreadPoolExecutor() as pool:
        return dict(zip(ISAS, pool.map(lambda isa: native.build(PROGRAM, isa, folder), ISAS), strict=True))


@pytest.mark.parametrize("isa", ["avx512", "avx2", "neon", "generic"])
def test_every_function_equals_plain_c(programs, isa):
    if isa not in programs:
        pytest.skip(f"{isa} is neither here nor emulated")
    done = run(programs[isa])
    assert done.returncode == 0, done.stderr


def test_every_function_is_checked_and_defined_everywhere():
    mathematics = set(re.findall(r"^FNN_INLINE vec (v_\w+)\(", (native.ROOT / "csrc/vmath.h").read_text(), re.M))
    checks = (native.ROOT / "tests/simd/checks.inc").read_text()
    for name in c_names() - mathematics:
        assert re.search(rf"\b{name}\b", checks), f"{name} is not checked"
        for isa in ("avx512", "avx2", "neon", "generic"):
            header = (native.ROOT / f"csrc/simd/{isa}.h").read_text()
            for suffix in ("f32", "f64"):
                found = re.search(rf"\b{name}_{suffix}\b|FNN_COMPARE\({name},", header)
                assert found, f"{name}_{suffix} is not in {isa}.h"


@pytest.mark.parametrize(("right", "wrong"), [
    ("(fnn_i32x4)(a > b), a, b)", "(fnn_i32x4)(a > b), b, a)"),  # v_max
    ("b < 0x1p23f", "b < 0x1p22f"),  # v_round
    ("(n > 1) ? p[1] : 0", "p[1]"),
    ("memcpy(p, t, (size_t)n * sizeof *p);", "memcpy(p, t, (size_t)(n + 1) * sizeof *p);"),  # v_store_n
])
def test_a_wrong_function_is_noticed(tmp_path: Path, right: str, wrong: str):
    source = (native.ROOT / "csrc/simd/generic.h").read_text().replace("n > 1 ? p[1] : 0", "(n > 1) ? p[1] : 0")
    assert right in source
    (tmp_path / "generic.h").write_text(source.replace(right, wrong))
    program = native.build(PROGRAM, "generic", tmp_path, header=tmp_path / "generic.h", flags=["-O1", "-w"])
    assert run(program).returncode != 0
