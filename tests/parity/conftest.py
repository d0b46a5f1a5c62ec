"""Comparison with the installed Keras, on JAX unless KERAS_BACKEND says otherwise; skipped where there is no Keras."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

MISSING = [name for name in ("keras", os.environ["KERAS_BACKEND"]) if importlib.util.find_spec(name) is None]
HERE = Path(__file__).parent

if MISSING:  # the files import Keras as they are read; tests/test_parity.py says that they were skipped
    collect_ignore_glob = ["test_*.py"]
elif os.environ["KERAS_BACKEND"] != "tensorflow":
    collect_ignore_glob = ["test_tensorflow_*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Warnings of the other libraries are theirs."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("default"))


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The same initial weights in every run."""
    import keras  # it takes seconds, and is not everywhere

    keras.utils.set_random_seed(1)
