"""Schedules that fall: exponentially, in steps, as a polynomial, as the inverse of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnn import errors
from fastnn.optimizers.schedules.base import BuiltInSchedule, _registry, check_steps


class _TimeDecay(BuiltInSchedule):
    """What exponential and inverse decay share: their arguments."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str | None = None,
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name
        check_steps(type(self).__name__, "decay_steps", decay_steps)

    def _values(self) -> Sequence[Any]:
        return self.initial_learning_rate, self.decay_steps, self.decay_rate, self.staircase

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate, "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate, "staircase": self.staircase, "name": self.name,
        }


@_registry.add
class ExponentialDecay(_TimeDecay):
    """``initial_learning_rate * decay_rate ** (step / decay_steps)``.

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : int
    decay_rate : float
    staircase : bool
        Use the whole part of ``step / decay_steps``.
    name : str

    Examples
    --------
    >>> from fastnn.optimizers import schedules
    >>> rate = schedules.ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)
    >>> float(rate(20))
    0.02500000037252903
    """

    _kind = 0

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)


@_registry.add
class InverseTimeDecay(_TimeDecay):
    """``initial_learning_rate / (1 + decay_rate * step / decay_steps)``.

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : int
    decay_rate : float
    staircase : bool
        Use the whole part of ``step / decay_steps``.
    name : str

    Examples
    --------
    >>> from fastnn.optimizers import schedules
    >>> rate = schedules.InverseTimeDecay(0.5, decay_steps=1, decay_rate=0.5)
    >>> float(rate(2))
    0.25
    """

    _kind = 3

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)


@_registry.add
class PiecewiseConstantDecay(BuiltInSchedule):
    """``values[0]`` up to and including step ``boundaries[0]``, then ``values[1]``, ...

    Parameters
    ----------
    boundaries : list of int
        Ascending.
    values : list of float
        One more than there are boundaries.
    name : str

    Examples
    --------
    >>> from fastnn.optimizers import schedules
    >>> rate = schedules.PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.25])
    >>> float(rate(10)), float(rate(11)), float(rate(21))
    (1.0, 0.5, 0.25)
    """

    _kind = 1

    def __init__(
        self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"
    ) -> None:
        if len(boundaries) != len(values) - 1:
            raise errors.value_error(
                "PiecewiseConstantDecay", "values", f"of length {len(boundaries) + 1}, one more than boundaries",
                errors.Shown(f"length {len(values)}"),
            )
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def _values(self) -> Sequence[Any]:
        return (*self.boundaries, *self.values)

    def get_config(self) -> dict[str, Any]:
        return {"boundaries": self.boundaries, "values": self.values, "name": self.name}


@_registry.add
class PolynomialDecay(BuiltInSchedule):
    """``(initial_learning_rate - end_learning_rate) * (1 - step / decay_steps) ** power + end_learning_rate``.

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : int
    end_learning_rate : float
        The rate from step ``decay_steps`` on.
    power : float
    cycle : bool
        Begin again after ``decay_steps``, each time with ``decay_steps`` more to go.
    name : str

    Examples
    --------
    >>> from fastnn.optimizers import schedules
    >>> rate = schedules.PolynomialDecay(1.0, decay_steps=4, end_learning_rate=0.5)
    >>> [float(rate(step)) for step in (0, 2, 4, 6)]
    [1.0, 0.75, 0.5, 0.5]
    """

    _kind = 2

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name
        check_steps("PolynomialDecay", "decay_steps", decay_steps)

    def _values(self) -> Sequence[Any]:
        return self.initial_learning_rate, self.decay_steps, self.end_learning_rate, self.power, self.cycle

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate, "decay_steps": self.decay_steps,
            "end_learning_rate": self.end_learning_rate, "power": self.power, "cycle": self.cycle, "name": self.name,
        }
