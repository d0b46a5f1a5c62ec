"""Whether tests/parity compares with the Keras that docs/keras-parity.md was written for."""

import importlib.metadata
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def test_the_installed_keras_is_the_one_compared_with():
    if not PROJECT.exists():
        pytest.skip("this distribution came without pyproject.toml")
    wanted = re.search(r'"keras==([\d.]+)"', PROJECT.read_text())
    try:
        found = importlib.metadata.version("keras")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("Keras is not installed, so nothing was compared with it: make parity")
    assert found == wanted[1]
