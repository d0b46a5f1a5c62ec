"""Optimizers under Keras's names, with Keras 3's arguments, defaults and formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnn import errors
from fastnn.optimizers import schedules as schedules
from fastnn.optimizers.adafactor import Adafactor as Adafactor
from fastnn.optimizers.adagrad import Adadelta as Adadelta
from fastnn.optimizers.adagrad import Adagrad as Adagrad
from fastnn.optimizers.adam import Adam as Adam
from fastnn.optimizers.adam import Adamax as Adamax
from fastnn.optimizers.adam import AdamW as AdamW
from fastnn.optimizers.base import Optimizer as Optimizer
from fastnn.optimizers.base import _registry
from fastnn.optimizers.ftrl import Ftrl as Ftrl
from fastnn.optimizers.lamb import Lamb as Lamb
from fastnn.optimizers.lbfgs import LBFGS as LBFGS
from fastnn.optimizers.lion import Lion as Lion
from fastnn.optimizers.muon import Muon as Muon
from fastnn.optimizers.nadam import Nadam as Nadam
from fastnn.optimizers.rmsprop import RMSprop as RMSprop
from fastnn.optimizers.sgd import SGD as SGD

get = _registry.get


def serialize(optimizer: Any) -> Any:
    """The configuration from which `deserialize` makes an optimizer equal to this one."""
    return _registry.serialize(optimizer)


deserialize = _registry.deserialize

if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
