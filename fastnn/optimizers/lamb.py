"""Lamb: Adam's direction, scaled to the size of each variable."""

from __future__ import annotations

from typing import Any

from fastnn._core import launch
from fastnn.optimizers.base import Optimizer, _registry
from fastnn.optimizers.hyper import Hyper
from fastnn.optimizers.segments import Segments


@_registry.add
class Lamb(Optimizer):
    """Adam's direction, as long as the share ``learning_rate`` of the variable it changes (You et al. 2020).

    m and v as `Adam`'s; ``u = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon)``;
    ``w -= (|w| / |u|) * learning_rate * u``, the norms over the whole variable; the ratio is 1 where one of them is 0.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    beta_1, beta_2 : float
        From 0 up to, but not including, 1.
    epsilon : float
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ... : see `Optimizer`

    Examples
    --------
    >>> from fastnn import Variable, optimizers
    >>> w = Variable([3.0, 4.0])
    >>> optimizers.Lamb(learning_rate=0.1).apply([[1.0, 0.0]], [w])
    >>> w.numpy().round(4)
    array([2.5, 4. ], dtype=float32)
    """

    kernel = "lamb_step"
    hyper_count = 4
    beta_1 = Hyper(1, below=1.0)
    beta_2 = Hyper(2, below=1.0)
    epsilon = Hyper(3)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
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
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def _slots(self) -> list[tuple[str, ...]]:
        return [("momentum", "velocity")]

    def _launch_step(self, segments: Segments, table: dict[str, Any]) -> None:
        fields = {
            **table, "params": segments.params, "slots": segments.slots, "hyper": self._hyper,
            "sums": segments.square_sums,
        }
        launch("lamb_norms", segments.dtype, **fields)
        launch("lamb_step", segments.dtype, **fields)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
