"""The base of callbacks, several as one, and the record of training."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

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
    add_progbar : bool
        Accepted for Keras: `fit` draws its line of progress itself.
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
        add_progbar: bool = False,
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
        self._users: dict[str, list[Any]] = {}
        for callback in self.callbacks:
            for hook in _HISTORY_HOOKS if type(callback) is History else HOOKS:
                if type(callback) is History or _overrides(callback, hook):
                    self._users.setdefault(hook, []).append(callback)

    def wants(self, hook: str) -> bool:
        """Whether any callback does something at this hook."""
        return hook in self._users

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Model) -> None:
        super().set_model(model)
        for callback in self.callbacks:
            callback.set_model(model)

    def _call(self, hook: str, *args: Any, logs: Logs | None = None) -> None:
        for callback in self._users.get(hook, ()):
            getattr(callback, hook)(*args, logs=logs if logs is not None else {})


def _dispatcher(hook: str) -> Callable[..., None]:
    def without_number(self: CallbackList, logs: Logs | None = None) -> None:
        self._call(hook, logs=logs)

    def with_batch(self: CallbackList, batch: int, logs: Logs | None = None) -> None:
        self._call(hook, batch, logs=logs)

    def with_epoch(self: CallbackList, epoch: int, logs: Logs | None = None) -> None:
        self._call(hook, epoch, logs=logs)

    return with_epoch if "epoch" in hook else with_batch if "batch" in hook else without_number


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
