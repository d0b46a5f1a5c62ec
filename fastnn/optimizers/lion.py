"""Lion: the sign of a mean of gradients."""

from __future__ import annotations

from typing import Any

from fastnn import errors
from fastnn.optimizers.base import Optimizer, _registry
from fastnn.optimizers.hyper import Hyper


@_registry.add
class Lion(Optimizer):
    """Steps of one length along the sign of a mean of gradients (Chen et al., arXiv:2302.06675).

    ``w -= learning_rate * sign(beta_1 * m + (1 - beta_1) * g)``; ``m = beta_2 * m + (1 - beta_2) * g``.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
        A third to a tenth of Adam's.
    beta_1 : float
        Above 0, at most 1.
    beta_2 : float
        From 0 to 1.
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ... : see `Optimizer`

    Examples
    --------
    >>> from fastnn import Variable, optimizers
    >>> w = Variable([1.0, 1.0, 1.0])
    >>> optimizers.Lion(learning_rate=0.5).apply([[3.0, -0.1, 0.0]], [w])
    >>> w.numpy()
    array([0.5, 1.5, 1. ], dtype=float32)
    """

    kernel = "lion_step"
    hyper_count = 3
    beta_1 = Hyper(1, most=1.0)
    beta_2 = Hyper(2, most=1.0)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
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

    def _slots(self) -> list[tuple[str, ...]]:
        return [("momentum",)]

    def _check_hyper(self, name: str, value: Any) -> None:
        if name == "beta_1" and value == 0:
            raise errors.value_error("Lion", "beta_1", "above 0 and at most 1", value)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2}
