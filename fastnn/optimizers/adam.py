"""Adam, AdamW and Adamax."""

from __future__ import annotations

from typing import Any

from fastnn import errors
from fastnn.optimizers.base import Optimizer, _registry
from fastnn.optimizers.hyper import Hyper


@_registry.add
class Adam(Optimizer):
    """Steps along a running mean of gradients, divided by the root of one of their squares (Kingma, Ba 2015).

    ``m += (g - m) * (1 - beta_1)``; ``v += (g^2 - v) * (1 - beta_2)``; ``w -= m * alpha / (sqrt(v) + epsilon)`` with
    ``alpha = learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t)`` at step t. amsgrad uses the largest v so far
    (Reddi et al. 2018).

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    beta_1, beta_2 : float
        From 0 up to, but not including, 1.
    epsilon : float
        Outside the root: the "epsilon hat" of the paper.
    amsgrad : bool
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ... : see `Optimizer`

    Examples
    --------
    >>> from fastnn import Variable, optimizers
    >>> w = Variable([1.0])
    >>> optimizers.Adam(learning_rate=0.1).apply([[3.0]], [w])
    >>> w.numpy().round(4)
    array([0.9], dtype=float32)
    """

    kernel = "adam_step"
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
        amsgrad: bool = False,
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
        self._amsgrad = bool(amsgrad)

    @property
    def amsgrad(self) -> bool:
        """Whether the largest mean square so far is used."""
        return self._amsgrad

    def _slots(self) -> list[tuple[str, ...]]:
        return [("momentum", "velocity"), *([("velocity_hat",)] if self._amsgrad else [])]

    def _options(self) -> dict[str, Any]:
        return {"amsgrad": int(self._amsgrad)}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon,
            "amsgrad": self.amsgrad,
        }


@_registry.add
class AdamW(Adam):
    """`Adam` with weight decay apart from the gradient (Loshchilov, Hutter 2019).

    Before each step ``w -= w * weight_decay * learning_rate``, except for what `exclude_from_weight_decay` names.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    weight_decay : float
    beta_1, beta_2, epsilon, amsgrad : see `Adam`
    clipnorm, clipvalue, global_clipnorm, use_ema, ... : see `Optimizer`

    Examples
    --------
    >>> from fastnn import Variable, optimizers
    >>> w = Variable([1.0])
    >>> optimizers.AdamW(learning_rate=0.1, weight_decay=0.5).apply([[0.0]], [w])
    >>> w.numpy()
    array([0.95], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        if weight_decay is None:
            raise errors.value_error("AdamW", "weight_decay", "a number", None, "Use Adam to go without.")
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue, global_clipnorm,
            use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name,
            **kwargs,
        )


@_registry.add
class Adamax(Optimizer):
    """Adam with the largest gradient in place of the root of the mean square (Kingma, Ba 2015, section 7.1).

    ``m += (g - m) * (1 - beta_1)``; ``u = max(beta_2 * u, |g|)``;
    ``w -= learning_rate * m / ((1 - beta_1^t) * (u + epsilon))`` at step t.

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
    >>> w = Variable([1.0])
    >>> optimizers.Adamax(learning_rate=0.1).apply([[3.0]], [w])
    >>> w.numpy().round(4)
    array([0.9], dtype=float32)
    """

    kernel = "adamax_step"
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
        return [("momentum", "norm")]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
