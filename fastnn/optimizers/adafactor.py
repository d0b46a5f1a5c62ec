"""Adafactor: Adam's steps with the squared gradients of a matrix kept as one row and one column."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastnn import ops
from fastnn.autograd import Tensor, TensorLike, Variable, as_tensor
from fastnn.optimizers.base import Optimizer, _registry
from fastnn.optimizers.hyper import number


def _rms(x: Tensor) -> Tensor:
    return ops.sqrt(ops.mean(ops.square(x)))


@_registry.add
class Adafactor(Optimizer):
    """Adaptive steps with little memory (Shazeer, Stern, arXiv:1804.04235).

    At step t, with ``beta = 1 - t^beta_2_decay`` and ``s = g^2 + epsilon_1``, the means of s over the last axis (r) and
    over the one before it (c) are averaged, ``r = beta * r + (1 - beta) * mean(s)``, and ``v = r * c / mean(r)``; for
    a vector ``v = beta * v + (1 - beta) * s``. ``u = g / sqrt(v)``, scaled down to a root mean square of
    ``clip_threshold``; ``w -= max(epsilon_2, rms(w)) * min(learning_rate, 1 / sqrt(t)) * u``.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    beta_2_decay : float
    epsilon_1, epsilon_2, clip_threshold : float
    relative_step : bool
        Kept for Keras's signature: the rate is at most ``1 / sqrt(t)`` in any case, as in Keras.
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ... : see `Optimizer`

    Examples
    --------
    >>> from fastnn import Variable, optimizers
    >>> w = Variable([1.0, 1.0])
    >>> optimizers.Adafactor(learning_rate=0.5).apply([[3.0, 3.0]], [w])
    >>> w.numpy()
    array([0.5, 0.5], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
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
        self.beta_2_decay = number("Adafactor", "beta_2_decay", beta_2_decay, most=0.0, least=-float("inf"))
        self.epsilon_1 = number("Adafactor", "epsilon_1", epsilon_1)
        self.epsilon_2 = number("Adafactor", "epsilon_2", epsilon_2)
        self.clip_threshold = number("Adafactor", "clip_threshold", clip_threshold)
        self.relative_step = bool(relative_step)

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the flat buffers for these variables, once, with rows, columns and velocities."""
        if self.built:
            return
        chosen = list(variables)
        super().build(chosen)
        self._factors: dict[int, tuple[Variable, Variable, Variable]] = {}
        for variable in chosen:
            shape, dtype, factored = variable.shape, variable.dtype, variable.ndim >= 2
            row = self.add_variable(shape[:-1] if factored else (), dtype=dtype, name=variable.name)
            column = self.add_variable((*shape[:-2], shape[-1]) if factored else (), dtype=dtype, name=variable.name)
            velocity = self.add_variable_from_reference(variable, "velocity")
            self._factors[id(variable)] = row, column, velocity

    def update_step(self, gradient: TensorLike, variable: Variable, learning_rate: TensorLike) -> None:
        """Change one variable along its gradient."""
        g, dtype = as_tensor(gradient), variable.dtype
        row, column, velocity = self._factors[id(variable)]
        t = ops.cast(ops.add(self.iterations, 1), dtype)
        rate = ops.minimum(learning_rate, ops.rsqrt(t))
        alpha = ops.multiply(ops.maximum(_rms(variable), self.epsilon_2), rate)
        rest = ops.power(t, self.beta_2_decay)  # 1 - beta
        beta = ops.subtract(1.0, rest)
        squares = ops.add(ops.square(g), self.epsilon_1)

        def averaged(mean: Variable, value: Tensor) -> Tensor:
            return ops.add(ops.multiply(beta, mean), ops.multiply(rest, value))

        if variable.ndim >= 2:
            self.assign(row, averaged(row, ops.mean(squares, axis=-1)))
            self.assign(column, averaged(column, ops.mean(squares, axis=-2)))
            share = ops.divide(row, ops.mean(row, axis=-1, keepdims=True))
            self.assign(velocity, ops.multiply(ops.expand_dims(share, -1), ops.expand_dims(column, -2)))
        else:
            self.assign(velocity, averaged(velocity, squares))
        u = ops.divide(g, ops.sqrt(velocity))
        u = ops.divide(u, ops.maximum(ops.divide(_rms(u), self.clip_threshold), 1.0))
        self.assign_sub(variable, ops.multiply(alpha, u))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(), "beta_2_decay": self.beta_2_decay, "epsilon_1": self.epsilon_1,
            "epsilon_2": self.epsilon_2, "clip_threshold": self.clip_threshold, "relative_step": self.relative_step,
        }
