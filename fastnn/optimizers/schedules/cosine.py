"""Schedules along a cosine (Loshchilov, Hutter, SGDR, arXiv:1608.03983)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnn.optimizers.schedules.base import BuiltInSchedule, _registry, check_steps


@_registry.add
class CosineDecay(BuiltInSchedule):
    """``rate * ((1 - alpha) * (1 + cos(pi * step / decay_steps)) / 2 + alpha)``, after a linear warm-up if wanted.

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : int
        Without those of the warm-up; the rate stays at its end from then on.
    alpha : float
        The last rate as a share of the first.
    name : str
    warmup_target : float, optional
        Rise from ``initial_learning_rate`` to it, and fall from there.
    warmup_steps : int

    Examples
    --------
    >>> from fastnn.optimizers import schedules
    >>> rate = schedules.CosineDecay(0.0, decay_steps=4, warmup_target=1.0, warmup_steps=2)
    >>> [round(float(rate(step)), 4) for step in range(7)]
    [0.0, 0.5, 1.0, 0.8536, 0.5, 0.1464, 0.0]
    """

    _kind = 4

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.name = name
        self.warmup_steps = warmup_steps
        self.warmup_target = warmup_target
        check_steps("CosineDecay", "decay_steps", decay_steps)

    def _values(self) -> Sequence[Any]:
        warms_up = self.warmup_target is not None
        target = self.warmup_target if warms_up else 0.0
        return self.initial_learning_rate, self.decay_steps, self.alpha, warms_up, target, self.warmup_steps

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate, "decay_steps": self.decay_steps, "alpha": self.alpha,
            "name": self.name, "warmup_target": self.warmup_target, "warmup_steps": self.warmup_steps,
        }


@_registry.add
class CosineDecayRestarts(BuiltInSchedule):
    """The cosine of `CosineDecay` again and again, each time ``t_mul`` times as long and ``m_mul`` times as high.

    Parameters
    ----------
    initial_learning_rate : float
    first_decay_steps : int
    t_mul, m_mul : float
    alpha : float
        The last rate of a period as a share of the first rate of all.
    name : str

    Examples
    --------
    >>> from fastnn.optimizers import schedules
    >>> rate = schedules.CosineDecayRestarts(1.0, first_decay_steps=2, m_mul=0.5)
    >>> [round(float(rate(step)), 4) for step in range(7)]
    [1.0, 0.5, 0.5, 0.4268, 0.25, 0.0732, 0.25]
    """

    _kind = 5

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name
        check_steps("CosineDecayRestarts", "first_decay_steps", first_decay_steps)

    def _values(self) -> Sequence[Any]:
        return self.initial_learning_rate, self.first_decay_steps, self.t_mul, self.m_mul, self.alpha

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate, "first_decay_steps": self.first_decay_steps,
            "t_mul": self.t_mul, "m_mul": self.m_mul, "alpha": self.alpha, "name": self.name,
        }
