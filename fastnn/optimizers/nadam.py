"""Nadam: Adam with Nesterov's momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastnn._core import launch
from fastnn.autograd import Variable
from fastnn.ops import dtypes
from fastnn.optimizers.base import Optimizer, _registry
from fastnn.optimizers.hyper import Hyper
from fastnn.optimizers.segments import Segments


@_registry.add
class Nadam(Optimizer):
    """Adam with Nesterov's momentum (Dozat 2016).

    m and v as `Adam`'s; ``u_t = beta_1 * (1 - 0.96^t / 2)``, p the product of all u so far;
    ``m_hat = u_{t+1} * m / (1 - p * u_{t+1}) + (1 - u_t) * g / (1 - p)``;
    ``w -= learning_rate * m_hat / (sqrt(v / (1 - beta_2^t)) + epsilon)``.

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
    >>> optimizers.Nadam(learning_rate=0.1).apply([[3.0]], [w])
    >>> w.numpy().round(4)
    array([0.8937], dtype=float32)
    """

    kernel = "nadam_step"
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

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the flat buffers for these variables, once, and the running product, of the first one's dtype."""
        if self.built:
            return
        chosen = list(variables)
        super().build(chosen)
        self._u_product = self.add_variable((), "ones", chosen[0].dtype if chosen else None, name="variable")

    def _begin_step(self) -> None:
        launch(
            "nadam_advance", self._u_product.dtype, step=self._iterations.data, every=self._every, hyper=self._hyper,
            product=self._u_product.data,
        )

    def _launch_step(self, segments: Segments, table: dict[str, Any]) -> None:
        product = dtypes.cast_array(self._u_product.data, segments.dtype)
        super()._launch_step(segments, {**table, "product": product})

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
