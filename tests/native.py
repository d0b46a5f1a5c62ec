"""Compiles the C test programs once per instruction set, NEON's for qemu-user where its tools are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from fastnn import _core

ROOT = Path(__file__).parents[1]
FLAGS = [  # as in setup.py, which says why
    "-O2", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-Icsrc",
    "-Wall", "-Wextra", "-Wshadow", "-Werror",
]
ISA_FLAGS = {
    "avx512": "-mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx2 -mfma -mprefer-vector-width=512",
    "avx2": "-mavx2 -mfma",
}
NEON_CC, QEMU = os.environ.get("NEON_CC", "aarch64-linux-gnu-gcc"), os.environ.get("QEMU", "qemu-aarch64")
COMPILER = os.environ.get("CC", "cc").split()


def missing_tools(isa: str) -> list[str]:
    """What is not installed of what a program for this instruction set needs here."""
    if isa in _core.isas():
        return [] if shutil.which(COMPILER[-1]) else [COMPILER[-1]]
    return [tool for tool in (NEON_CC, QEMU) if shutil.which(tool) is None]


def isas_here() -> list[str]:
    """The instruction sets that this machine runs, and NEON if it can be emulated."""
    return _core.isas() + ([] if "neon" in _core.isas() or missing_tools("neon") else ["neon"])


def build(source: str, isa: str, folder: Path, header: Path | None = None, flags: Sequence[str] = ()) -> list[str]:
    """Compile a program of tests/ for an instruction set; the words that run it. ``header`` replaces the ISA's own."""
    program = str(folder / f"{Path(source).stem}_{isa}")
    emulated = isa not in _core.isas()
    compiler = [NEON_CC, "-static"] if emulated else COMPILER
    macros = [f"-DFNN_ISA={isa}", f'-DFNN_SIMD="{header or f"simd/{isa}.h"}"']
    options = [*FLAGS, *ISA_FLAGS.get(isa, "").split(), *flags, *macros]
    subprocess.run([*compiler, *options, source, "-o", program, "-lm"], cwd=ROOT, check=True)
    return [QEMU, program] if emulated else [program]
