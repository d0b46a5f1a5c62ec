"""RMSprop: steps divided by the root of a running mean of squared gradients."""

from __future__ import annotations

from typing import Any

from fastnn.optimizers.base import Optimizer, _registry
from fastnn.optimizers.hyper import Hyper, refuse_late_momentum


@_registry.add
class RMSprop(Optimizer):
    """Steps divided by the root of a running mean of squared gradients (Hinton, lecture 6e, 2012).

    ``v = rho * v + (1 - rho) * g^2``; ``u = learning_rate * g / sqrt(v + epsilon)``, centered with ``v - mean(g)^2`` in
    place of v; ``w -= u``, with momentum ``m = momentum * m + u; w -= m``.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    rho : float
        From 0 to 1.
    momentum : float
        From 0 to 1.
    epsilon : float
        Inside the root.
    centered : bool
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ... : see `Optimizer`

    Examples
    --------
    >>> from fastnn import Variable, optimizers
    >>> w = Variable([10.0])
    >>> optimizers.RMSprop(learning_rate=0.1).apply([[10.0]], [w])
    >>> w.numpy().round(4)
    array([9.6838], dtype=float32)
    """

    kernel = "rmsprop_step"
    hyper_count = 4
    rho = Hyper(1, most=1.0)
    epsilon = Hyper(2)
    momentum = Hyper(3, most=1.0)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
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
        self.momentum = momentum
        self.epsilon = epsilon
        self._centered = bool(centered)

    @property
    def centered(self) -> bool:
        """Whether the mean gradient's square is taken off the mean square."""
        return self._centered

    def _check_hyper(self, name: str, value: Any) -> None:
        refuse_late_momentum(self, name, value, "momentum" in self._slot_names)

    def _slots(self) -> list[tuple[str, ...]]:
        momentum = [("momentum",)] if self.momentum else []
        return [("velocity",), *momentum, *([("average_gradient",)] if self._centered else [])]

    def _options(self) -> dict[str, Any]:
        return {"with_momentum": int("momentum" in self._slot_names), "centered": int(self._centered)}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(), "rho": self.rho, "momentum": self.momentum, "epsilon": self.epsilon,
            "centered": self.centered,
        }
