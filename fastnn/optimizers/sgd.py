"""SGD: gradient descent, with momentum if wanted."""

from __future__ import annotations

from typing import Any

from fastnn.optimizers.base import Optimizer, _registry
from fastnn.optimizers.hyper import Hyper, refuse_late_momentum


@_registry.add
class SGD(Optimizer):
    """Gradient descent, with momentum if wanted.

    ``m = momentum * m - learning_rate * g``; ``w += m``, with Nesterov ``w += momentum * m - learning_rate * g``;
    without momentum ``w -= learning_rate * g``.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    momentum : float
        From 0 to 1.
    nesterov : bool
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ... : see `Optimizer`

    Examples
    --------
    >>> from fastnn import Variable, optimizers
    >>> w = Variable([1.0, 2.0])
    >>> optimizers.SGD(learning_rate=0.5).apply([[1.0, -1.0]], [w])
    >>> w.numpy()
    array([0.5, 2.5], dtype=float32)
    """

    kernel = "sgd_step"
    hyper_count = 2
    momentum = Hyper(1, most=1.0)

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
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
        self.momentum = momentum
        self.nesterov = bool(nesterov)

    def _check_hyper(self, name: str, value: Any) -> None:
        refuse_late_momentum(self, name, value, "momentum" in self._slot_names)

    def _slots(self) -> list[tuple[str, ...]]:
        return [("momentum",)] if self.momentum else []

    def _options(self) -> dict[str, Any]:
        return {"slot_count": int("momentum" in self._slot_names), "nesterov": int(self.nesterov)}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}
