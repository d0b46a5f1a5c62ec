"""Learning rates that depend on the step, under Keras's names, with Keras 3's arguments, defaults and formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnn import errors
from fastnn.optimizers.schedules.base import LearningRateSchedule as LearningRateSchedule
from fastnn.optimizers.schedules.base import _registry
from fastnn.optimizers.schedules.cosine import CosineDecay as CosineDecay
from fastnn.optimizers.schedules.cosine import CosineDecayRestarts as CosineDecayRestarts
from fastnn.optimizers.schedules.decay import ExponentialDecay as ExponentialDecay
from fastnn.optimizers.schedules.decay import InverseTimeDecay as InverseTimeDecay
from fastnn.optimizers.schedules.decay import PiecewiseConstantDecay as PiecewiseConstantDecay
from fastnn.optimizers.schedules.decay import PolynomialDecay as PolynomialDecay


def serialize(learning_rate_schedule: Any) -> Any:
    """The configuration from which `deserialize` makes a schedule equal to this one."""
    return _registry.serialize(learning_rate_schedule)


deserialize = _registry.deserialize

if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
