"""Callbacks made of functions."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn import errors
from fastnn.callbacks.callback import HOOKS, Callback, Logs


class LambdaCallback(Callback):
    """A callback from plain functions.

    Parameters
    ----------
    on_epoch_begin, on_epoch_end, on_train_batch_begin, on_train_batch_end : callable, optional
        ``function(number, logs)``.
    on_train_begin, on_train_end : callable, optional
        ``function(logs)``.
    **kwargs : callable
        Any other hook of `Callback`.

    Examples
    --------
    >>> from fastnn.callbacks import LambdaCallback
    >>> callback = LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **kwargs: Callable[..., Any],
    ) -> None:
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        for hook, function in given.items():
            if hook not in HOOKS:
                raise errors.unknown_argument("LambdaCallback", hook, HOOKS)
            if function is not None:
                if not callable(function):
                    raise errors.type_error("LambdaCallback", hook, "callable", function)
                setattr(self, hook, _Positional(function))


class _Positional:
    """Calls a user's function with positional arguments, whatever it calls them."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *args: Any, logs: Logs | None = None) -> None:
        self.function(*args, logs)


class LearningRateScheduler(Callback):
    """Set the learning rate at the beginning of each epoch.

    Parameters
    ----------
    schedule : callable
        ``schedule(epoch, learning_rate)`` or ``schedule(epoch)`` gives the rate, a float.
    verbose : int
        1 prints each rate.

    Raises
    ------
    ValueError
        If the schedule gives anything but a float.

    Examples
    --------
    >>> from fastnn.callbacks import LearningRateScheduler
    >>> callback = LearningRateScheduler(lambda epoch, rate: rate if epoch < 10 else rate * 0.9)
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        before = float(self.model.optimizer.learning_rate)
        try:
            rate = self.schedule(epoch, before)
        except TypeError:  # it takes the epoch alone
            rate = self.schedule(epoch)
        if not isinstance(rate, (float, np.floating)):
            raise errors.value_error("LearningRateScheduler", "schedule", "a function that gives a float", rate)
        self.model.optimizer.learning_rate = float(rate)
        if self.verbose:
            sys.stdout.write(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.\n")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)
