"""Measures the errors of csrc/vmath.h and its kin with ulp.c, and that instruction sets with FMA give the same bits.

    python -m tests.ulp.run [f32 step] [f64 samples]      make ulp

First every variant this machine runs (and NEON under qemu, where the tools are installed) on a coarse grid, whose
checksums must agree; then the best variant on everything: by default all 2^32 float32 inputs and 10^8 float64 inputs,
which takes about half an hour on two cores.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests import native

FUNCTIONS = (
    "exp expm1 log log1p tanh sigmoid erf sin cos tan arcsin arccos arctan sinh cosh arcsinh arccosh arctanh "
    "exp2 log2 log10 cbrt erfc erfinv power arctan2 hypot"
).split()
COARSE = {"f32": "4099", "f64": "200000"}


class Measured(NamedTuple):
    """One line of ulp's output."""

    name: str
    error: float
    where: str
    checksum: str


def measure(words: list[str], *arguments: str) -> list[Measured]:
    """Run ulp."""
    done = subprocess.run([*words, *arguments], check=True, capture_output=True, text=True)
    lines = (line.split() for line in done.stdout.splitlines())
    return [Measured(name, float(error), where, checksum) for name, error, _, where, checksum in lines]


def main() -> int:
    isas = native.isas_here()
    if "neon" not in isas:
        print(f"neon: skipped, {' and '.join(native.missing_tools('neon'))} not found")
    full = dict(zip(("f32", "f64"), [*sys.argv[1:], *("1", "100000000")[len(sys.argv) - 1 :]], strict=True))
    with tempfile.TemporaryDirectory() as folder:
        programs = {isa: native.build("tests/ulp/ulp.c", isa, Path(folder)) for isa in isas}
        for dtype, coarse in COARSE.items():
            sums = {
                isa: [(line.name, line.checksum) for line in measure(programs[isa], dtype, coarse)] for isa in isas
            }
            fused = [isa for isa in isas if isa != "generic"]
            if any(sums[isa] != sums[fused[0]] for isa in fused):
                print(f"{dtype}: checksums differ: {sums}", file=sys.stderr)
                return 1
            print(f"{dtype}: same bits on {', '.join(fused)}")
        for dtype, amount in full.items():
            what = f"every {amount}th of 2^32 inputs" if dtype == "f32" else f"{int(amount):,} inputs"
            print(f"{dtype} on {isas[0]}, {what}: largest errors in ulp", flush=True)
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                for lines in pool.map(lambda name: measure(programs[isas[0]], dtype, amount, name), FUNCTIONS):  # noqa: B023  # the map ends within the loop
                    print(f"  {lines[0].name:<8} {lines[0].error:6.3f} at {lines[0].where}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
