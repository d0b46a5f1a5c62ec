"""LBFGS: quasi-Newton steps for small data, each over all samples."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from fastnn import errors, ops
from fastnn._core import launch
from fastnn.autograd import FLOAT64, Array, Tensor, TensorLike, Variable
from fastnn.ops import dtypes
from fastnn.optimizers.base import Optimizer, _put, _registry
from fastnn.optimizers.hyper import number

SUFFICIENT, CURVATURE = 1e-4, 0.9  # the constants of the strong Wolfe conditions, usual for quasi-Newton steps


def _dot(a: Array, b: Array) -> float:
    return float(ops.sum(ops.multiply(a, b)))


@_registry.add
class LBFGS(Optimizer):
    """Limited-memory BFGS with a line search (Liu, Nocedal 1989), as scikit-learn's MLPs have it for small data.

    A step evaluates the loss and its gradients several times on one batch, until the strong Wolfe conditions hold
    (Nocedal, Wright, Numerical Optimization, algorithms 3.5, 3.6 and 7.4). So give `fit` all samples as one batch; an
    epoch is then a step, and the loss that `fit` reports is that before it. The loss should be the same at each
    evaluation: no dropout, no noise. Nothing of it is Keras's.

    In a loop of your own, call `step` with a function that computes the loss and hands gradients to `apply`.

    Parameters
    ----------
    learning_rate : float
        The first length that a line search tries, in units of the quasi-Newton step.
    history_size : int
        Pairs of differences of weights and gradients that are remembered. They are not part of `variables`.
    max_evaluations : int
        Most evaluations of a line search.
    tolerance : float
        Nothing changes any more once no element of the gradient is larger than this.
    name : str, optional

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn as keras
    >>> x = np.linspace(-1, 1, 50)[:, None]
    >>> model = keras.Sequential([keras.layers.Dense(1)])
    >>> model.compile(keras.optimizers.LBFGS(), "mse")
    >>> losses = model.fit(x, 3 * x + 2, batch_size=len(x), epochs=10, verbose=0).history["loss"]
    >>> losses[-1] < 1e-10
    True
    """

    needs_closure: ClassVar[bool] = True
    _bookkeeping: ClassVar[frozenset[str]] = Optimizer._bookkeeping | {"_evaluating", "_pairs"}

    def __init__(
        self,
        learning_rate: float = 1.0,
        history_size: int = 10,
        max_evaluations: int = 20,
        tolerance: float = 0.0,
        name: str | None = None,
    ) -> None:
        super().__init__(number("LBFGS", "learning_rate", learning_rate), name=name)
        for argument, value in (("history_size", history_size), ("max_evaluations", max_evaluations)):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
                raise errors.value_error("LBFGS", argument, "an int of at least 1", value)
        self.history_size = int(history_size)
        self.max_evaluations = int(max_evaluations)
        self.tolerance = number("LBFGS", "tolerance", tolerance)
        self._loss: Array = np.zeros((), np.float64)  # of the last evaluation, written by a launch
        self._pairs: deque[tuple[Array, Array, float]] = deque(maxlen=self.history_size)
        self._evaluating = False

    # ---- what an evaluation calls, in a recorded step too

    def scale_loss(self, loss: Tensor) -> Tensor:
        """The loss itself; its value is noted for the line search."""
        _put(loss.data.reshape(()), self._loss)
        return loss

    def apply(
        self, grads: Sequence[TensorLike | None], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        """Take the gradients of an evaluation; the variables are changed by `step`."""
        if not self._evaluating:
            raise errors.order_error(
                "LBFGS.apply", "gradients alone are not enough for a step",
                "Use fit, or call optimizer.step with a function that computes loss and gradients.",
            )
        variables = self._trainable_variables if trainable_variables is None else trainable_variables
        self.build(variables)
        self._gather(grads, variables)

    # ---- the step

    def step(self, evaluate: Callable[[], Any]) -> None:
        """Change the variables.

        Parameters
        ----------
        evaluate : callable
            Computes the loss, calls ``scale_loss(loss).backward()`` and then ``apply(gradients, variables)``.
        """
        loss, gradient = self._evaluate(evaluate)
        here = self._position()
        try:
            self._move(evaluate, here, loss, gradient)
        except BaseException:
            self._go_to(here)
            raise
        else:
            launch("counter_add", FLOAT64, counter=self._iterations.data, amount=1)

    def _move(self, evaluate: Callable[[], Any], here: Array, loss: float, gradient: Array) -> None:
        if not np.abs(gradient).max(initial=0.0) > self.tolerance:
            return
        direction = self._direction(gradient)
        slope = _dot(gradient, direction)
        if not slope < 0:  # what is remembered is of no use here
            self._pairs.clear()
            direction = self._direction(gradient)
            slope = _dot(gradient, direction)

        def along(length: float) -> tuple[float, float, Array]:
            self._go_to(here + length * direction)
            value, there = self._evaluate(evaluate)
            return value, _dot(there, direction), there

        first = float(self._learning_rate) * (1.0 if self._pairs else min(1.0, 1.0 / math.sqrt(-slope)))
        length, there = line_search(along, loss, slope, first, self.max_evaluations)
        self._go_to(here + length * direction)
        if there is None:
            self._pairs.clear()  # the next step begins with the gradient
            return
        difference, turned = length * direction, there - gradient
        curvature = _dot(difference, turned)
        if curvature > 1e-10 * _dot(turned, turned):
            self._pairs.append((difference, turned, curvature))
        self._constrain(self._trainable_variables, self._trainable_variables)

    def _direction(self, gradient: Array) -> Array:
        """The two loops: minus the inverse of the Hessian that the pairs stand for, times the gradient."""
        q = gradient.copy()
        shares = []
        for difference, turned, curvature in reversed(self._pairs):
            share = _dot(difference, q) / curvature
            shares.append(share)
            q -= share * turned
        if self._pairs:
            _, turned, curvature = self._pairs[-1]
            q *= curvature / _dot(turned, turned)
        for (difference, turned, curvature), share in zip(self._pairs, reversed(shares), strict=True):
            q += (share - _dot(turned, q) / curvature) * difference
        return -q

    def _evaluate(self, evaluate: Callable[[], Any]) -> tuple[float, Array]:
        """Loss and gradients where the variables are."""
        self._evaluating = True
        self._loss[...] = np.nan
        try:
            evaluate()
        finally:
            self._evaluating = False
        parts = [dtypes.cast_array(segments.grads, FLOAT64) for segments in self._segments]
        return float(self._loss), np.concatenate(parts)

    def _position(self) -> Array:
        parts = []
        for segments in self._segments:
            flat = np.zeros(segments.total)
            for i, variable in enumerate(segments.variables):
                segments.view(flat, i)[...] = variable.data
            parts.append(flat)
        return np.concatenate(parts)

    def _go_to(self, position: Array) -> None:
        begin = 0
        for segments in self._segments:
            flat = position[begin : begin + segments.total]
            begin += segments.total
            for i, variable in enumerate(segments.variables):
                variable.assign(segments.view(flat, i))

    def _forget(self) -> None:
        super()._forget()
        self._pairs = deque(maxlen=self.history_size)  # they are of other variables

    def __setstate__(self, state: dict[str, Any]) -> None:
        pairs = state["_pairs"]
        super().__setstate__(state)
        self._pairs = pairs

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name, "learning_rate": float(self._learning_rate), "history_size": self.history_size,
            "max_evaluations": self.max_evaluations, "tolerance": self.tolerance,
        }


def line_search(
    along: Callable[[float], tuple[float, float, Array]], loss: float, slope: float, first: float, most: int
) -> tuple[float, Array | None]:
    """A length at which the strong Wolfe conditions hold, and the gradient there.

    Parameters
    ----------
    along : callable
        Loss, its slope along the direction, and its gradient at a length.
    loss, slope : float
        At length 0; the slope is negative.
    first : float
        The length to begin with.
    most : int
        Evaluations; where they run out, the best length that lowers the loss enough (or 0, and None).
    """
    low, low_loss, low_slope, low_gradient = 0.0, loss, slope, None
    high = high_loss = math.inf  # of the bracket, once there is one
    length = first
    for _ in range(most):
        value, rise, gradient = along(length)
        if not value <= loss + SUFFICIENT * length * slope or (low > 0 and value >= low_loss):
            high, high_loss = length, value  # too far; not a number counts as that
        elif abs(rise) <= -CURVATURE * slope:
            return length, gradient
        else:
            if rise * (high - low) >= 0 and (high < math.inf or rise >= 0):
                high, high_loss = low, low_loss
            low, low_loss, low_slope, low_gradient = length, value, rise, gradient
        length = 2 * low if high == math.inf else _between(low, low_loss, low_slope, high, high_loss)
    return low, low_gradient


def _between(low: float, low_loss: float, low_slope: float, high: float, high_loss: float) -> float:
    """The minimum of the parabola through both ends, kept away from them."""
    width = high - low
    bend = high_loss - low_loss - low_slope * width
    share = -0.5 * low_slope * width / bend if math.isfinite(bend) and bend > 0 else 0.5
    return low + min(max(share, 0.1), 0.9) * width
