"""What `import fastnn` must not drag in, and what the package must carry.

Milliseconds are measured in bench/import_and_size.py.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import fastnn

HEAVY = [
    "tqdm", "pooch", "h5py", "matplotlib", "pandas", "sklearn", "scipy", "onnx", "safetensors", "mpi4py",
    "requests", "urllib.request", "http.client", "asyncio", "multiprocessing", "concurrent.futures", "argparse",
    "unittest", "doctest", "importlib.metadata", "email", "sqlite3", "xml", "ssl", "logging.handlers",
]
EDGES = ["fastnn.cli", "fastnn.saving", "fastnn.datasets.digits", "fastnn.datasets.mnist"]


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.fixture(scope="module")
def extra_modules() -> set[str]:
    """What `import fastnn` loads and `import numpy` does not."""
    return modules_after("import fastnn") - modules_after("import numpy")


@pytest.mark.parametrize("module", HEAVY)
def test_import_fastnn_does_not_import(module, extra_modules):
    assert module not in extra_modules


@pytest.mark.parametrize("module", EDGES)
def test_import_fastnn_leaves_the_edges_alone(module, extra_modules):
    assert module not in extra_modules


def test_import_fastnn_loads_few_modules(extra_modules):
    assert len([name for name in extra_modules if not name.startswith("fastnn")]) <= 30


def test_package_is_typed():
    folder = Path(fastnn.__file__).parent
    assert (folder / "py.typed").exists() and (folder / "_core.pyi").exists()
