"""fastnn: small and medium neural networks on a CPU, fast, through Keras 3's API.

>>> import fastnn as keras
>>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
>>> model.count_params()
15

Submodules and the names below are loaded when they are first used, so that the import costs little more than NumPy's.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastnn import activations as activations
    from fastnn import backend as backend
    from fastnn import callbacks as callbacks
    from fastnn import config as config
    from fastnn import constraints as constraints
    from fastnn import datasets as datasets
    from fastnn import dtype_policies as dtype_policies
    from fastnn import initializers as initializers
    from fastnn import layers as layers
    from fastnn import losses as losses
    from fastnn import metrics as metrics
    from fastnn import models as models
    from fastnn import ops as ops
    from fastnn import optimizers as optimizers
    from fastnn import preprocessing as preprocessing
    from fastnn import random as random
    from fastnn import regularizers as regularizers
    from fastnn import saving as saving
    from fastnn import tree as tree
    from fastnn import utils as utils
    from fastnn.autograd import Tensor as Tensor
    from fastnn.autograd import Variable as Variable
    from fastnn.autograd import custom_gradient as custom_gradient
    from fastnn.autograd import gradients as gradients
    from fastnn.autograd import no_grad as no_grad
    from fastnn.dtype_policies import DTypePolicy as DTypePolicy
    from fastnn.initializers import Initializer as Initializer
    from fastnn.layers.base import Layer as Layer
    from fastnn.layers.core import Input as Input
    from fastnn.layers.input_spec import InputSpec as InputSpec
    from fastnn.losses import Loss as Loss
    from fastnn.metrics import Metric as Metric
    from fastnn.models.model import Model as Model
    from fastnn.models.sequential import Sequential as Sequential
    from fastnn.optimizers import Optimizer as Optimizer
    from fastnn.regularizers import Regularizer as Regularizer
    from fastnn.symbolic import KerasTensor as KerasTensor

__version__ = "0.1.0"


def version() -> str:
    """The version of fastnn."""
    return __version__


def _load_core() -> None:
    """Load the extension, and with it libgomp, whose idle threads are to spin for microseconds, not milliseconds.

    libgomp reads its settings when it is loaded. By default a thread that waits spins 300,000 rounds, and beside other
    processes that keeps the core from the very thread it waits for: training the digits CNN on two busy cores took 14
    to 42 times as long as with 1,000 rounds. With 10,000 (0.1 ms) an idle machine is as fast as with 300,000; with
    1,000 the reference CNN takes 1.25 times as long. A setting of the user's stands.
    """
    if "GOMP_SPINCOUNT" in os.environ or "OMP_WAIT_POLICY" in os.environ:
        importlib.import_module("fastnn._core")
        return
    os.environ["GOMP_SPINCOUNT"] = "10000"
    try:
        importlib.import_module("fastnn._core")
    finally:
        del os.environ["GOMP_SPINCOUNT"]


_load_core()

_MODULES = frozenset({
    "activations",
    "autograd",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "datasets",
    "dtype_policies",
    "errors",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "preprocessing",
    "progress",
    "random",
    "registry",
    "regularizers",
    "saving",
    "tree",
    "utils",
})  # fmt: skip
# Where the public names live.
_NAMES = {
    "Tensor": "autograd",
    "Variable": "autograd",
    "custom_gradient": "autograd",
    "gradients": "autograd",
    "no_grad": "autograd",
    "Initializer": "initializers",
    "Input": "layers.core",
    "DTypePolicy": "dtype_policies",
    "InputSpec": "layers.input_spec",
    "KerasTensor": "symbolic",
    "Layer": "layers.base",
    "Loss": "losses",
    "Metric": "metrics",
    "Model": "models.model",
    "Optimizer": "optimizers",
    "Regularizer": "regularizers",
    "Sequential": "models.sequential",
    "get_num_threads": "_core",
    "set_num_threads": "_core",
}


def _load(name: str) -> object:
    if name in _NAMES:
        value = getattr(importlib.import_module(f"fastnn.{_NAMES[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"fastnn.{name}")
    else:
        from fastnn.errors import unknown_attribute

        raise unknown_attribute("fastnn", name, [*_NAMES, *_MODULES, "version"])
    globals()[name] = value
    return value


if not TYPE_CHECKING:
    __getattr__ = _load


def __dir__() -> list[str]:
    return sorted([*_NAMES, *_MODULES, "__version__", "version"])
