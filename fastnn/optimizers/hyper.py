"""What a user may change between steps: numbers in memory that the kernels read."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import errors
from fastnn.autograd import Array, Tensor, Variable

if TYPE_CHECKING:
    from fastnn.optimizers.base import Optimizer


def number(
    who: str, argument: str, value: Any, most: float = math.inf, below: float = math.inf, least: float = 0.0
) -> float:
    """A number within the bounds, or the error."""
    if isinstance(value, (str, bool)) or not isinstance(value, (int, float, np.number, np.ndarray, Tensor)):
        raise errors.type_error(who, argument, "a number", value)
    result = float(value)
    if not (least <= result <= most and result < below):
        rule = f"a finite number of at least {least:g}"
        if most < math.inf:
            rule = f"a number from {least:g} to {most:g}" if least > -math.inf else f"a number of at most {most:g}"
        elif below < math.inf:
            rule = f"at least {least:g} and below {below:g}"
        raise errors.value_error(who, argument, rule, result)
    return result


class Hyper:
    """A hyperparameter: an attribute that lives in the float64 array the kernels read.

    Parameters
    ----------
    index : int
        Its place in the array (kernels.def).
    most, below, least : float
        Bounds: at most the one, less than the other, at least the third.
    """

    def __init__(self, index: int, most: float = math.inf, below: float = math.inf, least: float = 0.0) -> None:
        self.index = index
        self.most = most
        self.below = below
        self.least = least

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, optimizer: Optimizer, owner: type) -> float:
        return float(optimizer._hyper[self.index])

    def __set__(self, optimizer: Optimizer, value: Any) -> None:
        optimizer._check_hyper(self.name, value)
        checked = number(type(optimizer).__name__, self.name, value, self.most, self.below, self.least)
        optimizer._hyper[self.index] = checked


class LearningRate(Variable):
    """The learning rate of an optimizer: a float64 variable that checks what it is assigned."""

    __slots__ = ("_optimizer_name",)

    def __init__(self, value: Any, optimizer_name: str) -> None:
        self._optimizer_name = optimizer_name
        super().__init__(self._checked(value), trainable=False, name="learning_rate", dtype="float64")

    def _checked(self, value: Any) -> Array:
        if isinstance(value, Tensor):
            value = value.numpy()
        return np.array(number(self._optimizer_name, "learning_rate", value), np.float64)

    def assign(self, value: Any) -> LearningRate:
        """Use another learning rate from the next step on."""
        super().assign(self._checked(value))
        return self


def refuse_late_momentum(optimizer: Optimizer, name: str, value: Any, has_slot: bool) -> None:
    if name == "momentum" and optimizer.built and not has_slot and value:
        raise errors.order_error(
            type(optimizer).__name__, "momentum cannot be turned on once the optimizer has been used",
            "Make a new optimizer.",
        )
