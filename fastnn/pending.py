"""Values that are asked for within a step and read when it is over, however many times it is replayed."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn._core import in_step
from fastnn.autograd import Tensor, as_tensor


class _Reading(threading.local):
    now: bool = False


_reading = _Reading()


class Pending:
    """What a metric's `result` gives within a step: a dict of logs can hold it, and its value is read after the step.

    Whoever looks at it within the step reads values there, which every step then does, through Python.

    Parameters
    ----------
    read : callable
        Gives the value.
    """

    __slots__ = ("_read",)

    def __init__(self, read: Callable[[], Any]) -> None:
        self._read = read

    def value(self) -> Any:
        """The value as it is now."""
        before, _reading.now = _reading.now, True
        try:
            return self._read()
        finally:
            _reading.now = before

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.value(), dtype=dtype)

    def __getattr__(self, name: str) -> Any:
        return getattr(as_tensor(self.value()), name)

    def __repr__(self) -> str:
        return "<Pending: the value is known after the step>"


def _delegating(name: str) -> Callable[..., Any]:
    def method(self: Pending, *args: Any) -> Any:
        return getattr(as_tensor(self.value()), name)(*args)

    return method


for _name in (
    "__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__rmul__", "__truediv__", "__rtruediv__", "__pow__",
    "__neg__", "__lt__", "__le__", "__gt__", "__ge__", "__float__", "__int__", "__bool__", "__format__", "__getitem__",
):  # fmt: skip
    if hasattr(Tensor, _name):
        setattr(Pending, _name, _delegating(_name))


def later(result: Callable[..., Any]) -> Callable[..., Any]:
    """A metric's `result` that within a step gives something `Pending`."""

    @functools.wraps(result)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if in_step() and not _reading.now:
            return Pending(lambda: result(*args, **kwargs))
        return result(*args, **kwargs)

    return wrapper
