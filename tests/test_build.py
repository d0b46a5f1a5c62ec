"""The built extension: what it exports, and that nothing unneeded is left in it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

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


def test_package_is_typed():
    folder = Path(_core.__file__).parent
    assert (folder / "py.typed").exists() and (folder / "_core.pyi").exists()
