"""Muon: orthogonal steps for matrices, Adam's for everything else."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from fastnn import ops
from fastnn._core import launch
from fastnn.autograd import Tensor, TensorLike, Variable, as_tensor
from fastnn.optimizers.base import Optimizer, _registry
from fastnn.optimizers.hyper import Hyper, number
from fastnn.optimizers.segments import SKIPPED, Segments


@_registry.add
class Muon(Optimizer):
    """Momentum, made orthogonal by Newton and Schulz's iteration (Jordan et al. 2024; Liu et al., arXiv:2502.16982).

    For a matrix: ``m += g + (momentum - 1) * m``; ``x = g + momentum * m`` (without Nesterov ``m``) over its norm;
    ``ns_steps`` times ``x = a * x + (b * x x^T + c * (x x^T)^2) x``;
    ``w -= learning_rate * sqrt(max(rows, columns)) * rms_rate * x``. All other variables, and those that
    `exclude_layers` or `exclude_embeddings` name, move as `Adam`'s.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    adam_beta_1, adam_beta_2, epsilon : float
        Of Adam's steps.
    adam_weight_decay, weight_decay : float, optional
        Of what moves as Adam's, and of the matrices.
    clipnorm, clipvalue, global_clipnorm, use_ema, ... : see `Optimizer`
    exclude_layers : list of str, optional
        Regular expressions: variables whose path has one of them in it move as Adam's.
    exclude_embeddings : bool
        Variables with "embedding" in their path do, too.
    muon_a, muon_b, muon_c : float
        Of the iteration.
    adam_lr_ratio : float
        Adam's learning rate as a multiple of ``learning_rate``.
    momentum : float
        From 0 to 1.
    ns_steps : int
    nesterov : bool
    rms_rate : float, optional
        None leaves the steps as long as they are.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import Variable, optimizers
    >>> w = Variable(np.zeros((2, 2)))
    >>> optimizers.Muon(learning_rate=1.0, rms_rate=None).apply([[[5.0, 0.0], [0.0, 5.0]]], [w])
    >>> bool(abs(w.numpy() + np.eye(2)).max() < 0.35)
    True
    """

    hyper_count = 2
    adam_weight_decay = Hyper(1)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.775,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )
        self.adam_beta_1 = number("Muon", "adam_beta_1", adam_beta_1, below=1.0)
        self.adam_beta_2 = number("Muon", "adam_beta_2", adam_beta_2, below=1.0)
        self.adam_weight_decay = 0.0 if adam_weight_decay is None else adam_weight_decay
        self.epsilon = number("Muon", "epsilon", epsilon)
        self.exclude_layers = list(exclude_layers or ())
        self.exclude_embeddings = bool(exclude_embeddings)
        self.muon_a = muon_a
        self.muon_b = muon_b
        self.muon_c = muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = number("Muon", "momentum", momentum, most=1.0)
        self.ns_steps = int(ns_steps)
        self.nesterov = bool(nesterov)
        self.rms_rate = rms_rate

    def _moves_as_adam(self, variable: Variable) -> bool:
        path = variable.path
        return (
            variable.ndim != 2
            or (self.exclude_embeddings and "embedding" in path.lower())
            or any(re.search(pattern, path) for pattern in self.exclude_layers)
        )

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the flat buffers for these variables, once, momenta for all and velocities for Adam's."""
        if self.built:
            return
        chosen = list(variables)
        super().build(chosen)
        self._moments: dict[int, tuple[Variable, Variable | None]] = {}
        for variable in chosen:
            m = self.add_variable_from_reference(variable, "momentum")
            adam = self._moves_as_adam(variable)
            self._moments[id(variable)] = m, self.add_variable_from_reference(variable, "velocity") if adam else None

    def _decay_alone(self, segments: Segments, table: dict[str, Any]) -> None:
        present = {i for i, flag in enumerate(table["flags"].tolist()) if not flag & SKIPPED}
        by_adam = {i for i in present if self._moments[id(segments.variables[i])][1] is not None}
        for hyper, members in ((self._hyper, present - by_adam), (self._hyper[1:], by_adam)):
            fields = {**table, "flags": segments.flags(segments.others(members))}
            launch("decay_step", segments.dtype, params=segments.params, slots=segments.slots, hyper=hyper, **fields)

    def update_step(self, gradient: TensorLike, variable: Variable, learning_rate: TensorLike) -> None:
        """Change one variable along its gradient."""
        m, v = self._moments[id(variable)]
        g = as_tensor(gradient)
        if v is not None:
            self._adam_step(g, variable, ops.multiply(learning_rate, float(self.adam_lr_ratio)), m, v)
            return
        self.assign_add(m, ops.add(g, ops.multiply(m, self.momentum - 1.0)))
        x = self._orthogonal(ops.add(g, ops.multiply(m, self.momentum)) if self.nesterov else m.detach())
        size = 1.0 if self.rms_rate is None else math.sqrt(max(variable.shape)) * self.rms_rate
        self.assign_sub(variable, ops.multiply(ops.multiply(x, learning_rate), size))

    def _adam_step(self, g: Tensor, variable: Variable, rate: Tensor, m: Variable, v: Variable) -> None:
        t = ops.cast(ops.add(self.iterations, 1), variable.dtype)
        beta_1, beta_2 = (ops.full((), beta, variable.dtype) for beta in (self.adam_beta_1, self.adam_beta_2))
        below_m, below_v = ops.subtract(1.0, ops.power(beta_1, t)), ops.subtract(1.0, ops.power(beta_2, t))
        alpha = ops.divide(ops.multiply(rate, ops.sqrt(below_v)), below_m)
        self.assign_add(m, ops.multiply(ops.subtract(g, m), 1.0 - self.adam_beta_1))
        self.assign_add(v, ops.multiply(ops.subtract(ops.square(g), v), 1.0 - self.adam_beta_2))
        self.assign_sub(variable, ops.divide(ops.multiply(m, alpha), ops.add(ops.sqrt(v), self.epsilon)))

    def _orthogonal(self, x: Tensor) -> Tensor:
        """Nearly the orthogonal matrix next to x."""
        tall = x.shape[0] > x.shape[1]
        x = ops.transpose(x) if tall else x
        x = ops.divide(x, ops.add(ops.sqrt(ops.sum(ops.square(x))), 1e-7))
        for _ in range(self.ns_steps):
            square = ops.matmul(x, ops.transpose(x))
            mixed = ops.add(ops.multiply(square, self.muon_b), ops.matmul(ops.multiply(square, self.muon_c), square))
            x = ops.add(ops.multiply(x, self.muon_a), ops.matmul(mixed, x))
        return ops.transpose(x) if tall else x

    def get_config(self) -> dict[str, Any]:
        names = (
            "adam_beta_1", "adam_beta_2", "epsilon", "exclude_layers", "muon_a", "muon_b", "muon_c", "adam_lr_ratio",
            "momentum", "ns_steps", "nesterov", "exclude_embeddings", "adam_weight_decay", "rms_rate",
        )
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
