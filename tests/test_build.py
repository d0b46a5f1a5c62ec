"""The built extension: what it exports, and that nothing unneeded is left in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from fastnn import _core

LINUX = sys.platform.startswith("linux")


@pytest.mark.skipif(not LINUX or shutil.which("nm") is None, reason="needs nm (binutils) and an ELF system")
def test_only_the_modules_init_is_exported():
    done = subprocess.run(["nm", "-D", "--defined-only", _core.__file__], capture_output=True, text=True, check=True)
    assert [line.split()[-1] for line in done.stdout.splitlines()] == ["PyInit__core"]


@pytest.mark.skipif(not LINUX or shutil.which("readelf") is None, reason="needs readelf (binutils) and an ELF system")
def test_extension_is_stripped():
    done = subprocess.run(["readelf", "-SW", _core.__file__], capture_output=True, text=True, check=True)
    assert ".dynsym" in done.stdout
    assert ".symtab" not in done.stdout and ".debug_info" not in done.stdout


@pytest.mark.parametrize(("variable", "value", "text"), [
    ("FASTNN_ISA", "sse9", "FASTNN_ISA: the instruction set must be one of"),
    ("FASTNN_NUM_THREADS", "many", "FASTNN_NUM_THREADS: its value must be an integer of at least 1; got 'many'"),
    ("FASTNN_NUM_THREADS", "0", "FASTNN_NUM_THREADS: its value must be an integer of at least 1; got '0'"),
])
def test_wrong_environment_is_an_import_error_that_says_so(variable, value, text):
    code = "import fastnn._core"
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, variable: value}, capture_output=True, text=True)
    assert done.returncode == 1 and "ImportError" in done.stderr and text in done.stderr


def test_isa_is_taken_from_the_environment():
    code = "import fastnn._core as core; print(core.isa())"
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "FASTNN_ISA": "generic"}, capture_output=True, text=True)
    assert done.stdout == "generic\n", done.stderr
