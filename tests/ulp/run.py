"""Measures the errors of csrc/vmath.h with ulp.c, and that all instruction sets with FMA give the same bits.

    python -m tests.ulp.run [f32 step] [f64 samples]      make ulp

First every variant this machine runs (and NEON under qemu, where the tools are installed) on a coarse grid, whose
checksums must agree; then the best variant on everything: by default all 2^32 float32 inputs and 10^8 float64 inputs,
which takes about 15 minutes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from fastnn import _core

ROOT = Path(__file__).parents[2]
FLAGS = ["-O2", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-Icsrc"]
ISA_FLAGS = {
    "avx512": "-mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx2 -mfma -mprefer-vector-width=512",
    "avx2": "-mavx2 -mfma",
}
COARSE = {"f32": "4099", "f64": "200000"}
CROSS = [os.environ.get("NEON_CC", "aarch64-linux-gnu-gcc"), os.environ.get("QEMU", "qemu-aarch64")]


def build(isa: str, folder: Path) -> list[str]:
    """Compile ulp.c for an instruction set; the words that run it."""
    program = str(folder / f"ulp_{isa}")
    cross = isa == "neon" and "neon" not in _core.isas()
    compiler = [CROSS[0], "-static"] if cross else [os.environ.get("CC", "cc")]
    macros = [f"-DFNN_ISA={isa}", f'-DFNN_SIMD="simd/{isa}.h"']
    subprocess.run(
        [*compiler, *FLAGS, *ISA_FLAGS.get(isa, "").split(), *macros, "tests/ulp/ulp.c", "-o", program, "-lm"],
        cwd=ROOT, check=True,
    )
    return [CROSS[1], program] if cross else [program]


def measure(words: list[str], *arguments: str) -> list[list[str]]:
    """ulp's lines, as words: function, largest error, "at", argument, checksum."""
    done = subprocess.run([*words, *arguments], check=True, capture_output=True, text=True)
    return [line.split() for line in done.stdout.splitlines()]


def main() -> int:
    isas = _core.isas()
    if "neon" not in isas:
        missing = [tool for tool in CROSS if shutil.which(tool) is None]
        if missing:
            print(f"neon: skipped, {' and '.join(missing)} not found")
        else:
            isas = [*isas, "neon"]
    full = dict(zip(("f32", "f64"), [*sys.argv[1:], *("1", "100000000")[len(sys.argv) - 1 :]], strict=True))
    with tempfile.TemporaryDirectory() as folder:
        programs = {isa: build(isa, Path(folder)) for isa in isas}
        for dtype, coarse in COARSE.items():
            sums = {isa: [(line[0], line[-1]) for line in measure(programs[isa], dtype, coarse)] for isa in isas}
            fused = [isa for isa in isas if isa != "generic"]
            if any(sums[isa] != sums[fused[0]] for isa in fused):
                print(f"{dtype}: checksums differ: {sums}", file=sys.stderr)
                return 1
            print(f"{dtype}: same bits on {', '.join(fused)}")
        for dtype, amount in full.items():
            what = f"every {amount}th of 2^32 inputs" if dtype == "f32" else f"{int(amount):,} inputs"
            print(f"{dtype} on {isas[0]}, {what}: largest errors in ulp", flush=True)
            for name, error, _, where, _ in measure(programs[isas[0]], dtype, amount):
                print(f"  {name:<8} {error:>6} at {where}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
