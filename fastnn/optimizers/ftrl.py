"""Ftrl: follow the regularized leader."""

from __future__ import annotations

import math
from typing import Any

from fastnn.optimizers.base import Optimizer, _registry
from fastnn.optimizers.hyper import Hyper, number


@_registry.add
class Ftrl(Optimizer):
    """Follow the regularized leader: many weights stay exactly 0 (McMahan et al. 2013).

    ``q = -learning_rate_power``; ``s' = s + g^2``;
    ``z += g + 2 * l2_shrinkage * w - (s'^q - s^q) / learning_rate * w``;
    ``w = (clip(z, -l1, l1) - z) / (s'^q / learning_rate + 2 * l2 + beta / learning_rate)``.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    learning_rate_power : float
        At most 0; 0 keeps the learning rate as it is.
    initial_accumulator_value : float
        What s begins with, at least 0.
    l1_regularization_strength, l2_regularization_strength, l2_shrinkage_regularization_strength : float
        At least 0.
    beta : float
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ... : see `Optimizer`

    Examples
    --------
    >>> from fastnn import Variable, optimizers
    >>> w = Variable([1.0])
    >>> optimizers.Ftrl(learning_rate=0.1, l1_regularization_strength=100.0).apply([[3.0]], [w])
    >>> w.numpy()
    array([0.], dtype=float32)
    """

    kernel = "ftrl_step"
    hyper_count = 6
    learning_rate_power = Hyper(1, most=0.0, least=-math.inf)
    l1_regularization_strength = Hyper(2)
    l2_regularization_strength = Hyper(3)
    l2_shrinkage_regularization_strength = Hyper(4)
    beta = Hyper(5, least=-math.inf)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = number("Ftrl", "initial_accumulator_value", initial_accumulator_value)
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta

    def _slots(self) -> list[tuple[str, ...]]:
        return [("accumulator", "linear")]

    def _initial(self, slot: str) -> float:
        return self.initial_accumulator_value if slot == "accumulator" else 0.0

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(), "learning_rate_power": self.learning_rate_power,
            "initial_accumulator_value": self.initial_accumulator_value,
            "l1_regularization_strength": self.l1_regularization_strength,
            "l2_regularization_strength": self.l2_regularization_strength,
            "l2_shrinkage_regularization_strength": self.l2_shrinkage_regularization_strength, "beta": self.beta,
        }
