"""Names and imports: what `import fastnn` offers, and what it leaves alone."""

import importlib
import json
import os
import re
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
    unwanted = (
        "tqdm pooch h5py matplotlib pandas sklearn scipy onnx safetensors mpi4py requests urllib.request http.client "
        "asyncio multiprocessing concurrent.futures argparse unittest doctest importlib.metadata email sqlite3 xml ssl "
        "fastnn.layers fastnn.models fastnn.datasets fastnn.saving fastnn.cli"
    ).split()
    by_numpy = fresh("import numpy\nprint(json.dumps(list(sys.modules)))")
    loaded = set(fresh("import fastnn\nprint(json.dumps(list(sys.modules)))")) - set(by_numpy)
    assert sorted(loaded & set(unwanted)) == []


def test_idle_threads_spin_briefly_unless_the_user_says_otherwise():
    code = "import fastnn, os; print(os.environ.get('GOMP_SPINCOUNT'))"

    def shown(**environment):
        clean = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
        environment = clean | environment
        environment["OMP_DISPLAY_ENV"] = "verbose"  # libgomp then writes its settings when it is loaded
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip(), re.findall(r"GOMP_SPINCOUNT = '(\d+)'", done.stderr)

    if not shown()[1]:
        pytest.skip("this build's OpenMP runtime is not libgomp")
    assert shown() == ("None", ["10000"])
    assert shown(GOMP_SPINCOUNT="77") == ("77", ["77"])
    assert shown(OMP_WAIT_POLICY="passive")[1] == ["0"]


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
