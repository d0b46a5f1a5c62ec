"""Builds fastnn._core: the Cython binding, the executor, and the kernels once per instruction set.

Each csrc/isa/<isa>.c is one translation unit with its own flags; nothing else is compiled beyond the platform's
baseline, so the extension loads on every CPU and csrc/cpu.c picks the variant at run time.

Environment: FASTNN_NO_OPENMP=1 builds serial; FASTNN_BUILD_ISA=avx2,generic limits the variants (development);
FASTNN_WERROR=1 turns warnings in csrc into errors; FASTNN_DEFINES="A=1 B" adds macros to the kernels (tests).
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

WINDOWS = sys.platform == "win32"
MACOS = sys.platform == "darwin"

# What each variant may use; -mprefer-vector-width keeps GCC from halving explicit 512-bit code.
ISA_FLAGS = {
    "avx512": ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mavx2", "-mfma", "-mprefer-vector-width=512"],
    "avx2": ["-mavx2", "-mfma"],
    "neon": [],
    "generic": [],
}
# The interpreter's own flags ask for debug information, which doubles the time and is stripped in the end.
# Contraction is off: every fused multiply-add is written as one, so all ISAs round alike.
COMMON_FLAGS = ["-O2", "-g0", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-fvisibility=hidden"]
WARNINGS = ["-Wall", "-Wextra", "-Wshadow"]
BASELINE_SOURCES = ["csrc/registry.c", "csrc/cpu.c", "csrc/executor.c", "csrc/prefetch.c"]
PATTERNS = ("*.h", "*.c", "*.def", "*.inc", "simd/*.h", "isa/*.c")
HEADERS = [str(path) for pattern in PATTERNS for path in Path("csrc").glob(pattern)]


def target_isas() -> list[str]:
    """The variants for the machine this build is for (not necessarily the one it runs on)."""
    machine = os.environ.get("_PYTHON_HOST_PLATFORM", platform.machine()).lower()
    if "x86_64" in machine or "amd64" in machine:
        isas = ["avx512", "avx2", "generic"]
    elif "aarch64" in machine or "arm64" in machine:
        isas = ["neon", "generic"]
    else:
        isas = ["generic"]
    wanted = os.environ.get("FASTNN_BUILD_ISA")
    if not wanted:
        return isas
    chosen = [isa for isa in isas if isa in wanted.split(",")]
    return chosen if "generic" in chosen else [*chosen, "generic"]


class BuildCore(build_ext):
    """build_ext with flags per translation unit and OpenMP where the compiler has it."""

    def openmp_flags(self) -> tuple[list[str], list[str]]:
        """Compile and link flags for OpenMP, empty where a test program does not build."""
        if os.environ.get("FASTNN_NO_OPENMP") == "1":
            print("fastnn: FASTNN_NO_OPENMP=1, building without OpenMP: kernels will run on one thread")
            return [], []
        compile_flags, link_flags = ["-fopenmp"], ["-fopenmp"]
        if MACOS:  # Apple clang has the pragma but not the runtime; -lomp works where libomp is installed
            compile_flags, link_flags = ["-Xpreprocessor", "-fopenmp"], ["-lomp"]
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "test.c")
            source.write_text(
                "#include <omp.h>\nint main(void) {\n  int n = 0;\n#pragma omp parallel reduction(+ : n)\n"
                "  n += omp_get_num_threads();\n  return n < 1;\n}\n"
            )
            try:
                objects = self.compiler.compile([str(source)], output_dir=folder, extra_postargs=compile_flags)
                self.compiler.link_executable(objects, str(Path(folder, "test")), extra_postargs=link_flags)
            except Exception as error:  # distutils raises many kinds; all mean the same here
                print(f"fastnn: no OpenMP ({error}); building serial: kernels will run on one thread")
                return [], []
        return compile_flags, link_flags

    def build_extension(self, ext: Extension) -> None:
        openmp_compile, openmp_link = self.openmp_flags()
        warnings = WARNINGS + (["-Werror"] if os.environ.get("FASTNN_WERROR") == "1" else [])
        defines = [(d.split("=")[0], d.split("=")[1] if "=" in d else "1")
                   for d in os.environ.get("FASTNN_DEFINES", "").split()]
        isas = target_isas()
        have = [(f"FNN_HAVE_{isa.upper()}", "1") for isa in isas]

        def compiled(sources: list[str], flags: list[str], macros: list[tuple[str, str]]) -> list[str]:
            return list(self.compiler.compile(
                sources, output_dir=self.build_temp, include_dirs=["csrc"], macros=macros, depends=HEADERS,
                extra_postargs=[*COMMON_FLAGS, *warnings, *flags],
            ))

        with ThreadPoolExecutor(os.cpu_count()) as pool:  # one compiler process per translation unit
            jobs = [pool.submit(compiled, BASELINE_SOURCES, openmp_compile, have)]
            jobs += [pool.submit(compiled, [f"csrc/isa/{isa}.c"], ISA_FLAGS[isa], defines) for isa in isas]
            ext.extra_objects = [path for job in jobs for path in job.result()]
        ext.extra_compile_args = [*COMMON_FLAGS, *openmp_compile]
        ext.extra_link_args = [*openmp_link, "-lm"]
        if not MACOS and not WINDOWS:
            ext.extra_link_args += ["-Wl,--strip-all", "-Wl,--exclude-libs,ALL"]
        super().build_extension(ext)


core = Extension(
    "fastnn._core",
    ["fastnn/_core/module.pyx"],
    include_dirs=["csrc", numpy.get_include()],
    define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"), ("NPY_TARGET_VERSION", "NPY_2_0_API_VERSION")],
    depends=HEADERS,
)

setup(
    ext_modules=cythonize(
        [core],
        compiler_directives={"language_level": "3", "boundscheck": False, "wraparound": False, "cdivision": True},
    ),
    cmdclass={"build_ext": BuildCore},
)
