"""Names and imports: what `import fastnn` offers, and what it leaves alone."""

import importlib
import json
import subprocess
import sys

import pytest

import fastnn as keras

SUBMODULES = (
    "layers models activations losses metrics optimizers initializers regularizers callbacks utils datasets "
    "ops random config"
).split()


def fresh(code):
    """What a new interpreter prints as JSON after running the code."""
    result = subprocess.run(
        [sys.executable, "-c", f"import json, sys\n{code}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(result.stdout)


@pytest.mark.parametrize("name", SUBMODULES)
def test_every_keras_submodule_is_there(name):
    assert getattr(keras, name) is importlib.import_module(f"fastnn.{name}")
    assert name in dir(keras)


@pytest.mark.parametrize(
    "name",
    "Sequential Model Input Layer InputSpec KerasTensor Loss Metric Optimizer Initializer Regularizer Variable Tensor "
    "no_grad custom_gradient __version__".split(),
)
def test_top_level_names(name):
    assert getattr(keras, name) is not None and name in dir(keras)


def test_the_usual_ways_to_import():
    from fastnn import Input, Sequential, layers, models
    from fastnn.layers import Conv2D, Dense
    from fastnn.models import Model

    assert keras.Sequential is Sequential is models.Sequential and keras.Model is Model
    assert keras.layers.Conv2D is Conv2D and layers.Dense is Dense and layers.Input is Input is keras.Input


def test_import_loads_no_more_than_numpy_and_the_core():
    unwanted = [
        "tqdm",
        "pooch",
        "h5py",
        "matplotlib",
        "pandas",
        "fastnn.layers",
        "fastnn.models",
        "fastnn.datasets",
    ]
    assert fresh(f"import fastnn\nprint(json.dumps([m for m in {unwanted} if m in sys.modules]))") == []


def test_training_quietly_does_not_load_tqdm_or_pooch():
    code = """
import numpy as np, fastnn
model = fastnn.Sequential([fastnn.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(np.ones((4, 2)), np.ones(4))
print(json.dumps([m for m in ("tqdm", "pooch", "h5py", "matplotlib", "pandas") if m in sys.modules]))
"""
    assert fresh(code) == []


def test_submodules_can_be_imported_first():
    for name in ("models", "layers", "callbacks", "optimizers"):
        assert fresh(f"from fastnn import {name}\nprint(json.dumps({name}.__name__))") == f"fastnn.{name}"


def test_dir_has_no_surprises():
    assert dir(keras) == sorted(dir(keras)) and "Sequential" in dir(keras)
