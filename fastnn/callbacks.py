"""Callbacks: what happens at the beginning and end of training, of epochs and of batches."""

from __future__ import annotations

import sys
import warnings
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import errors

if TYPE_CHECKING:
    from fastnn.models.model import Model

Logs = dict[str, float]


class Callback:
    """The base of all callbacks: override the hooks you need.

    Hooks of epochs and batches get their number and ``logs``, a dict of the metrics so far; hooks that say ``train``,
    ``test`` or ``predict`` belong to `fit`, `evaluate` and `predict`. Inside them ``self.model`` is the model, and
    ``self.model.stop_training = True`` ends training after the current batch.

    Attributes
    ----------
    model : Model
    params : dict
        ``verbose``, ``epochs``, ``steps``.

    Examples
    --------
    >>> from fastnn.callbacks import Callback
    >>> class Announce(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(f"epoch {epoch}: loss {logs['loss']:.3f}")
    """

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self._model: Model | None = None

    @property
    def model(self) -> Model:
        """The model that is being trained."""
        return self._model  # type: ignore[return-value]

    def set_params(self, params: dict[str, Any]) -> None:
        """Called once, before training."""
        self.params = params

    def set_model(self, model: Model) -> None:
        """Called once, before training."""
        self._model = model

    def on_train_begin(self, logs: Logs | None = None) -> None: ...
    def on_train_end(self, logs: Logs | None = None) -> None: ...
    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None: ...
    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None: ...
    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None: ...

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.on_batch_end(batch, logs=logs)

    def on_test_begin(self, logs: Logs | None = None) -> None: ...
    def on_test_end(self, logs: Logs | None = None) -> None: ...
    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_predict_begin(self, logs: Logs | None = None) -> None: ...
    def on_predict_end(self, logs: Logs | None = None) -> None: ...
    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None: ...


HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))
_BATCH = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


class CallbackList(Callback):
    """Several callbacks as one.

    Parameters
    ----------
    callbacks : Callback or iterable of Callback, optional
    add_history : bool
        Put a `History` at the end if there is none.
    model : Model, optional
    **params
        Given to each callback's `set_params`.

    Notes
    -----
    `wants` says whether any callback overrides a hook, so that nothing is computed for hooks nobody has.
    """

    def __init__(
        self,
        callbacks: Callback | Iterable[Any] | None = None,
        add_history: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        super().__init__()
        self.callbacks = _flatten(callbacks)
        for callback in self.callbacks:
            if not isinstance(callback, Callback):
                fix = "Give an instance." if isinstance(callback, type) else ""
                raise errors.type_error("callbacks", "every entry", "a fastnn.callbacks.Callback", callback, fix)
        self.history = next((c for c in self.callbacks if isinstance(c, History)), None)
        if self.history is None and add_history:
            self.history = History()
            self.callbacks.append(self.history)
        if model is not None:
            self.set_model(model)
        self.set_params(params)
        self._users: dict[str, list[Any]] = {hook: [] for hook in HOOKS}
        for callback in self.callbacks:
            for hook in _HISTORY_HOOKS if type(callback) is History else HOOKS:
                if _overrides(callback, hook):
                    self._users[hook].append(callback)

    def wants(self, hook: str) -> bool:
        """Whether any callback does something at this hook."""
        return bool(self._users[hook])

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Model) -> None:
        super().set_model(model)
        for callback in self.callbacks:
            callback.set_model(model)

    def _call(self, hook: str, *args: Any, logs: Logs | None = None) -> None:
        for callback in self._users[hook]:
            getattr(callback, hook)(*args, logs=logs if logs is not None else {})


def _dispatcher(hook: str) -> Callable[..., None]:
    def without_number(self: CallbackList, logs: Logs | None = None) -> None:
        self._call(hook, logs=logs)

    def with_number(self: CallbackList, number: int, logs: Logs | None = None) -> None:
        self._call(hook, number, logs=logs)

    return with_number if "epoch" in hook or "batch" in hook else without_number


for _hook in HOOKS:
    setattr(CallbackList, _hook, _dispatcher(_hook))


def _overrides(callback: Callback, hook: str) -> bool:
    names = (hook, _BATCH[hook]) if hook in _BATCH else (hook,)
    for name in names:
        bound = getattr(callback, name)
        if getattr(bound, "__func__", bound) is not getattr(Callback, name):
            return True
    return False


def _flatten(callbacks: Any) -> list[Any]:
    if callbacks is None:
        return []
    if isinstance(callbacks, (list, tuple)):
        return [c for part in callbacks for c in _flatten(part)]
    return [callbacks]


def _nothing() -> None:
    """What a weak reference to nothing gives."""


class History(Callback):
    """The record of training that `fit` returns.

    Attributes
    ----------
    epoch : list of int
    history : dict of str to list of float
        One entry per epoch and metric: ``history["val_loss"][-1]``.
    model : Model or None
        None once the model is gone: the model has its history, which must not in turn keep it (and its memory) alive.
    """

    def __init__(self) -> None:
        super().__init__()
        self._trained: Callable[[], Model | None] = _nothing
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def set_model(self, model: Model) -> None:
        self._trained = weakref.ref(model)
        model.history = self

    @property
    def model(self) -> Model:
        return self._trained()  # type: ignore[return-value]  # None once the model is gone

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_trained"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _trained=_nothing)


_HISTORY_HOOKS = ("on_train_begin", "on_epoch_end")  # it is there in every fit: no need to look at all hooks


class EarlyStopping(Callback):
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
        super().__init__()
        if mode not in ("auto", "min", "max"):
            raise errors.unknown_name("EarlyStopping", "mode", mode, ("auto", "min", "max"))
        self.monitor = monitor
        self.min_delta = abs(min_delta)
        self.patience = patience
        self.verbose = verbose
        self.mode = mode
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._sign = 0
        self._start()

    def _start(self) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best: float | None = None
        self.best_epoch = 0
        self.best_weights: list[np.ndarray] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._start()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if not self._sign:
            self._sign = self._direction()
        current = (logs or {}).get(self.monitor)
        if current is None:
            names = ", ".join(logs or {})
            warnings.warn(
                f"EarlyStopping: monitor={self.monitor!r} is not among the logs of this epoch ({names}).", stacklevel=2
            )
            return
        if epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self._improves(current, self.best):
            self.best, self.best_epoch = current, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self._improves(current, self.baseline):
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

    def _improves(self, value: float, reference: float | None) -> bool:
        return reference is None or self._sign * (value - reference) > self.min_delta

    def _direction(self) -> int:
        """1 where larger is better, -1 where smaller is."""
        if self.mode != "auto":
            return 1 if self.mode == "max" else -1
        name = self.monitor.removeprefix("val_")
        if name == "loss":
            return -1
        direction = self.model._metric_direction(name)
        if direction is None:
            raise errors.value_error(
                "EarlyStopping",
                "mode",
                f"'min' or 'max' for monitor={self.monitor!r}, whose direction is not known",
                self.mode,
            )
        return 1 if direction == "up" else -1


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

if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
