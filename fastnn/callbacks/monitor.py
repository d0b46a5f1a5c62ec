"""Callbacks that watch a metric: stop early, lower the learning rate."""

from __future__ import annotations

import sys
import warnings

import numpy as np

from fastnn import errors
from fastnn.callbacks.callback import Callback, Logs


class MonitorCallback(Callback):
    """The base of callbacks that ask whether a metric has improved.

    Parameters
    ----------
    monitor : str
        The name in the logs, as History shows it.
    mode : str
        ``"min"``, ``"max"``, or ``"auto"``: by the metric's name and kind.
    baseline : float, optional
        The value to begin with.
    min_delta : float
        Smaller changes do not count as improvement.
    """

    def __init__(
        self, monitor: str = "val_loss", mode: str = "auto", baseline: float | None = None, min_delta: float = 0
    ) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            raise errors.unknown_name(type(self).__name__, "mode", mode, ("auto", "min", "max"))
        self.monitor = monitor
        self.mode = mode
        self.best = baseline
        self.min_delta = abs(min_delta)
        self._sign = 0  # 1 where larger is better, -1 where smaller is; known when the metrics are

    def get_monitor_value(self, logs: Logs | None) -> float | None:
        """The metric's value in the logs; None, with a warning, where it is not among them."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(
                f"{type(self).__name__}: monitor={self.monitor!r} is not among the logs of this epoch "
                f"({', '.join(logs or {})}).",
                stacklevel=2,
            )
        return value

    def _is_improvement(self, value: float, reference: float | None) -> bool:
        if not self._sign:
            self._sign = self._direction()
        return reference is None or self._sign * (value - reference) > self.min_delta

    def _direction(self) -> int:
        if self.mode != "auto":
            return 1 if self.mode == "max" else -1
        name = self.monitor.removeprefix("val_")
        direction = "down" if name == "loss" else self.model._metric_direction(name)
        if direction is None:
            raise errors.value_error(
                type(self).__name__, "mode",
                f"'min' or 'max' for monitor={self.monitor!r}, whose direction is not known", self.mode,
            )  # fmt: skip
        return 1 if direction == "up" else -1


class EarlyStopping(MonitorCallback):
    """Stop when a metric no longer improves.

    Parameters
    ----------
    monitor : str
        The name in the logs, as History shows it.
    min_delta : float
        Smaller changes do not count as improvement.
    patience : int
        So many epochs without improvement are allowed.
    verbose : int
        1 prints why training stopped.
    mode : str
        ``"min"``, ``"max"``, or ``"auto"``: by the metric's name and kind.
    baseline : float, optional
        A value that must be beaten within ``patience`` epochs.
    restore_best_weights : bool
        Go back to the weights of the best epoch.
    start_from_epoch : int
        Do not look at the epochs before.

    Examples
    --------
    >>> from fastnn.callbacks import EarlyStopping
    >>> EarlyStopping(monitor="val_loss", patience=3, restore_best_weights=True).monitor
    'val_loss'
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._start()

    def _start(self) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best = None
        self.best_epoch = 0
        self.best_weights: list[np.ndarray] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._start()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        current = self.get_monitor_value(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self._is_improvement(current, self.best):
            self.best, self.best_epoch = current, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self._is_improvement(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch and self.verbose:
            sys.stdout.write(f"Epoch {self.stopped_epoch + 1}: early stopping\n")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                sys.stdout.write(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.\n")
            self.model.set_weights(self.best_weights)


class ReduceLROnPlateau(MonitorCallback):
    """Lower the learning rate when a metric no longer improves: times ``factor``, down to ``min_lr``.

    Parameters
    ----------
    monitor : str
        The name in the logs, as History shows it.
    factor : float
        Below 1.
    patience : int
        So many epochs without improvement are allowed.
    verbose : int
        1 prints each change.
    mode : str
        ``"min"``, ``"max"``, or ``"auto"``: by the metric's name and kind.
    min_delta : float
        Smaller changes do not count as improvement.
    cooldown : int
        So many epochs after a change do not count.
    min_lr : float

    Raises
    ------
    ValueError
        For a factor of 1 or more.

    Examples
    --------
    >>> from fastnn.callbacks import ReduceLROnPlateau
    >>> ReduceLROnPlateau("val_loss", factor=0.5, patience=3).factor
    0.5
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        if factor >= 1.0:
            raise errors.value_error("ReduceLROnPlateau", "factor", "below 1", factor)
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self._start()

    def _start(self) -> None:
        self.best = None
        self.cooldown_counter = 0
        self.wait = 0

    def in_cooldown(self) -> bool:
        """Whether the last change was so recently that this epoch does not count."""
        return self.cooldown_counter > 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._start()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = {} if logs is None else logs
        logs["learning_rate"] = rate = float(self.model.optimizer.learning_rate)
        current = self.get_monitor_value(logs)
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_improvement(current, self.best):
            self.best = current
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and rate > np.float32(self.min_lr):
                rate = max(rate * self.factor, self.min_lr)
                self.model.optimizer.learning_rate = rate
                if self.verbose:
                    sys.stdout.write(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {rate}.\n")
                self.cooldown_counter = self.cooldown
                self.wait = 0
