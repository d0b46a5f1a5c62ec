"""Adagrad and Adadelta: sums and running means of squared gradients."""

from __future__ import annotations

import math
from typing import Any

from fastnn.optimizers.base import Optimizer, _registry
from fastnn.optimizers.hyper import Hyper, number


@_registry.add
class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients (Duchi et al. 2011).

    ``s += g^2``; ``w -= learning_rate * g / sqrt(s + epsilon)``.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    initial_accumulator_value : float
        What s begins with.
    epsilon : float
        Inside the root.
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ... : see `Optimizer`

    Examples
    --------
    >>> from fastnn import Variable, optimizers
    >>> w = Variable([1.0])
    >>> optimizers.Adagrad(learning_rate=0.1, initial_accumulator_value=7.0).apply([[3.0]], [w])
    >>> w.numpy().round(4)
    array([0.925], dtype=float32)
    """

    kernel = "adagrad_step"
    hyper_count = 2
    epsilon = Hyper(1)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
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
        self.initial_accumulator_value = number(
            "Adagrad", "initial_accumulator_value", initial_accumulator_value, least=-math.inf
        )
        self.epsilon = epsilon

    def _slots(self) -> list[tuple[str, ...]]:
        return [("accumulator",)]

    def _initial(self, slot: str) -> float:
        return self.initial_accumulator_value if slot == "accumulator" else 0.0

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(), "initial_accumulator_value": self.initial_accumulator_value,
            "epsilon": self.epsilon,
        }


@_registry.add
class Adadelta(Optimizer):
    """Steps in the units of the weights: running means of squares above and below (Zeiler, arXiv:1212.5701).

    ``s = rho * s + (1 - rho) * g^2``; ``u = sqrt(d + epsilon) * g / sqrt(s + epsilon)``;
    ``d = rho * d + (1 - rho) * u^2``; ``w -= learning_rate * u``.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
        1.0 is the paper's.
    rho : float
        From 0 to 1.
    epsilon : float
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ... : see `Optimizer`

    Examples
    --------
    >>> from fastnn import Variable, optimizers
    >>> w = Variable([1.0])
    >>> optimizers.Adadelta(learning_rate=1.0, epsilon=0.01).apply([[2.0]], [w])
    >>> w.numpy().round(4)
    array([0.5636], dtype=float32)
    """

    kernel = "adadelta_step"
    hyper_count = 3
    rho = Hyper(1, most=1.0)
    epsilon = Hyper(2)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
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
        self.rho = rho
        self.epsilon = epsilon

    def _slots(self) -> list[tuple[str, ...]]:
        return [("accumulated_grad", "accumulated_delta_var")]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rho": self.rho, "epsilon": self.epsilon}
