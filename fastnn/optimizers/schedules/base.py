"""What a schedule is: a function of the optimizer's step count, written with ops, so that recorded steps follow it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from fastnn import config, errors, ops, registry
from fastnn._core import Tracked, empty, launch
from fastnn.autograd import FLOAT64, Array, Tensor, TensorLike, as_tensor, dense
from fastnn.ops import dtypes

_registry = registry.Registry(
    "optimizers.schedules", "schedule", accepts=lambda thing: isinstance(thing, LearningRateSchedule)
)


class LearningRateSchedule(Tracked):
    """The base of schedules: subclass it and write ``__call__(self, step)`` and ``get_config(self)``.

    ``step`` is an integer Tensor without axes. What ops make of it is recorded with the training step and follows the
    count without Python; a schedule that looks at the value (``if step < 10``) makes each step run through Python.

    Examples
    --------
    >>> from fastnn import ops, optimizers
    >>> class Halving(optimizers.schedules.LearningRateSchedule):
    ...     def __init__(self, first):
    ...         self.first = first
    ...     def __call__(self, step):
    ...         return self.first / (1 + ops.cast(step, "float32"))
    >>> optimizer = optimizers.SGD(Halving(0.5))
    >>> float(optimizer.learning_rate)
    0.5
    """

    def __call__(self, step: TensorLike) -> Any:
        raise NotImplementedError(f"{type(self).__name__}: a schedule needs a __call__(self, step).")

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments; needed where the schedule is saved."""
        raise NotImplementedError(f"{type(self).__name__}: a schedule needs a get_config(self) to be saved.")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LearningRateSchedule:
        """Make a schedule from what `get_config` returned."""
        return cls(**config)


class BuiltInSchedule(LearningRateSchedule):
    """A schedule that is one launch (csrc/schedule.c)."""

    _bookkeeping: ClassVar[frozenset[str]] = frozenset({"_known"})
    _kind: ClassVar[int]
    _known: tuple[tuple[float, ...], Array] = (), np.zeros(0)

    def _values(self) -> Sequence[Any]:
        """The numbers in its formula, in the kernel's order."""
        raise NotImplementedError

    def _rates(self, step: Tensor) -> Array:
        """The rates of steps, as float64."""
        values = tuple(map(float, self._values()))
        if self._known[0] != values:
            self._known = values, np.array(values, np.float64)
        steps = dtypes.cast_array(dense(step), FLOAT64)
        rate = empty(steps.shape, FLOAT64)
        launch(
            "scheduled_rate", FLOAT64, step=steps, values=self._known[1], rate=rate, n=rate.size, kind=self._kind,
            count=len(values),
        )
        return rate

    def __call__(self, step: TensorLike) -> Tensor:
        """The learning rate of a step, or of each of several."""
        return ops.cast(Tensor.wrap(self._rates(as_tensor(step))), config.floatx())


def check_steps(who: str, argument: str, value: Any) -> None:
    if isinstance(value, str) or not value > 0:
        raise errors.value_error(who, argument, "above 0", value)
