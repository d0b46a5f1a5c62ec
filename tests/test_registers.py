"""The micro-kernels (functions named fnn_tile_*) keep their accumulators in registers while k runs.

The objects that the build left behind are disassembled: the innermost loops that multiply must not touch the stack.
That the test can fail is shown on a tile with more accumulators than registers.
"""

from __future__ import annotations

import ast
import functools
import re
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from fastnn import _core

ROOT = Path(__file__).parent.parent
OBJDUMP = shutil.which("objdump")
pytestmark = pytest.mark.skipif(OBJDUMP is None, reason="objdump (binutils) is not installed")

MULTIPLIES = re.compile(r"v?f(n?m(add|sub|la|ls)\w*)|v?mulp[sd]|fmul")
BRANCH = re.compile(r"(?:j\w+|b(?:\.\w+)?|cbn?z|tbn?z)$")
# AT&T syntax: a pointer may live in rbp where it is no frame pointer. aarch64: the stack pointer, or x29 if a frame.
STACK = re.compile(r"\(%rsp|\[sp\b")
FRAME = re.compile(r"\(%rbp|\[x29\b")
SETS_FRAME = re.compile(r"mov\s+%rsp,%rbp|mov\s+x29, sp|add\s+x29, sp")


@functools.cache
def functions(obj: Path) -> dict[str, list[tuple[int, str]]]:
    """The micro-kernels of an object: name -> [(address, instruction)]."""
    assert OBJDUMP is not None
    command = [OBJDUMP, "-d", "--no-show-raw-insn", str(obj)]
    dump = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: dict[str, list[tuple[int, str]]] = {}
    current: list[tuple[int, str]] | None = None
    for line in dump.splitlines():
        if header := re.match(r"[0-9a-f]+ <(.+)>:$", line):
            current = found.setdefault(header[1], []) if header[1].startswith("fnn_tile_") else None
        elif current is not None and (match := re.match(r"\s*([0-9a-f]+):\s+(.*)", line)):
            current.append((int(match[1], 16), match[2]))
    return found


def innermost_loops(code: list[tuple[int, str]]) -> list[list[str]]:
    """Instructions from the target of a backward branch to the branch, where no smaller such range lies inside.

    A range with a return in it is no loop, but code behind the return that jumps back to the function's end.
    """
    spans = []
    for address, text in code:
        parts = text.split()
        if parts and BRANCH.match(parts[0]) and (target := re.search(r"\b([0-9a-f]+) <", text)):
            begin = int(target[1], 16)
            returns = any(begin <= at <= address and text.split()[:1] == ["ret"] for at, text in code)
            if code[0][0] <= begin <= address and not returns:
                spans.append((begin, address))
    inner = [s for s in spans if not any(o != s and s[0] <= o[0] and o[1] <= s[1] for o in spans)]
    return [[text for address, text in code if begin <= address <= end] for begin, end in inner]


def k_loops(code: list[tuple[int, str]]) -> list[list[str]]:
    """The innermost loops that multiply vectors."""
    return [loop for loop in innermost_loops(code) if any(MULTIPLIES.match(text) for text in loop)]


def stack_accesses(code: list[tuple[int, str]]) -> list[str]:
    """Instructions of the k loops that read or write the stack."""
    framed = any(SETS_FRAME.match(text) for _, text in code)
    loops = [text for loop in k_loops(code) for text in loop if not text.startswith("lea")]
    return [text for text in loops if STACK.search(text) or (framed and FRAME.search(text))]


def built_object(isa: str) -> Path:
    """What the last build in place left for this ISA."""
    objects = sorted(ROOT.glob(f"build/temp*/csrc/isa/{isa}.o"), key=lambda path: path.stat().st_mtime)
    if not objects:
        pytest.skip(f"no build/temp*/csrc/isa/{isa}.o: the extension was not built in this directory")
    return objects[-1]


def compile_tiles(folder: Path, isa: str, defines: list[str]) -> Path:
    """The tiles alone, compiled with the flags of setup.py."""
    compiler = shlex.split(sysconfig.get_config_var("CC") or "cc")
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"no C compiler ({compiler[0]})")
    constants = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse((ROOT / "setup.py").read_text()).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id in ("ISA_FLAGS", "COMMON_FLAGS")
    }
    folder = folder / "_".join([isa, *defines])
    folder.mkdir()
    source = folder / "tiles.c"
    source.write_text(
        f'#define FNN_ISA {isa}\n#include "simd/{isa}.h"\n#include "shapes.h"\n'
        f"#define FNN(name) fnn_##name##_f32__{isa}\n"
        '#include "simd/f32.h"\n#include "tile.h"\nconst void *const use[] = {(const void *)FNN(tiles)};\n'
    )
    flags = [*constants["COMMON_FLAGS"], *constants["ISA_FLAGS"][isa], *(f"-D{d}" for d in defines)]
    obj = folder / "tiles.o"
    subprocess.run([*compiler, *flags, f"-I{ROOT / 'csrc'}", "-c", str(source), "-o", str(obj)], check=True)
    return obj


@pytest.mark.parametrize("which", ["gemm", "conv"])
@pytest.mark.parametrize("isa", _core.isas())
def test_micro_kernels_do_not_touch_the_stack(isa, which):
    tiles = {name: code for name, code in functions(built_object(isa)).items() if ("conv" in name) == (which == "conv")}
    if isa == "generic":  # its loads of part of a register are branches
        tiles = {name: code for name, code in tiles.items() if "depthwise" not in name and "dots" not in name}
    assert tiles, "no function is called fnn_tile_*"
    for name, code in tiles.items():
        assert k_loops(code), f"{name} has no loop that multiplies"
    assert {name: found for name, code in tiles.items() if (found := stack_accesses(code))} == {}


@pytest.mark.parametrize("isa", [isa for isa in _core.isas() if isa != "generic"])
def test_full_tile_holds_every_accumulator(isa):
    """The k loop of r rows multiplies r times the tile's registers, each into a register of its own."""
    registers = 4 if isa == "neon" else 2
    for name, code in functions(built_object(isa)).items():
        if match := re.match(r"fnn_tile_(\d+)_full_", name):
            place = 1 if isa == "neon" else -1
            loops = [[re.split(r"[ ,]+", x)[place] for x in loop if MULTIPLIES.match(x)] for loop in k_loops(code)]
            targets = max(loops, key=len)
            assert len(targets) == len(set(targets)) == registers * int(match[1]), name


@pytest.mark.parametrize("isa", _core.isas())
def test_a_spilling_build_is_found(isa, tmp_path):
    sound = functions(compile_tiles(tmp_path, isa, []))
    assert not any(stack_accesses(code) for code in sound.values())
    spilling = functions(compile_tiles(tmp_path, isa, ["TILE_NU=8"]))
    assert any(stack_accesses(code) for code in spilling.values())
