"""Callbacks that write the model to files as it trains."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import warnings
from typing import Any

import numpy as np

from fastnn import errors
from fastnn.callbacks.callback import Callback, Logs
from fastnn.callbacks.monitor import MonitorCallback


class _SaveCounter:
    """Whether it is time to save after a batch: every ``every`` batches, counted over epochs."""

    def __init__(self, who: str, every: Any) -> None:
        if every != "epoch" and (isinstance(every, bool) or not isinstance(every, (int, np.integer)) or every < 1):
            raise errors.value_error(who, "save_freq", "'epoch' or a positive int", every)
        self.every = every
        self.since = 0
        self.last: int | None = None

    def is_time(self, batch: int) -> bool:
        if self.every == "epoch":
            return False
        new_epoch = self.last is None or batch <= self.last
        self.since += batch + 1 if new_epoch else batch - (self.last or 0)
        self.last = batch
        if self.since < self.every:
            return False
        self.since = 0
        return True


class ModelCheckpoint(MonitorCallback):
    """Save the model, or its weights, at the end of each epoch or every so many batches.

    Parameters
    ----------
    filepath : str or path-like
        Ends in ``.keras`` for the whole model, in ``.weights.h5`` for the weights alone. May have fields
        of the epoch (from 1), the batch and the logs: ``"{epoch:02d}-{val_loss:.2f}.keras"``.
    monitor : str
        The name in the logs, as History shows it.
    verbose : int
        1 prints each save.
    save_best_only : bool
        Save only when ``monitor`` improves.
    save_weights_only : bool
    mode : str
        ``"min"``, ``"max"``, or ``"auto"``: by the metric's name and kind.
    save_freq : "epoch" or int
        After each epoch, or after so many batches.
    initial_value_threshold : float, optional
        The value of ``monitor`` to beat at first.

    Raises
    ------
    ValueError
        For another ending of the name.
    KeyError
        For a field that is not among the logs.

    Examples
    --------
    >>> from fastnn.callbacks import ModelCheckpoint
    >>> ModelCheckpoint("best.keras", monitor="val_accuracy", save_best_only=True).mode
    'auto'
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: Any = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self._counter = _SaveCounter("ModelCheckpoint", save_freq)
        self._epoch = 0
        endings = (".weights.h5",) if save_weights_only else (".keras", ".npz")
        if not self.filepath.endswith(endings):
            what = "the weights alone" if save_weights_only else "the whole model"
            raise errors.value_error(
                "ModelCheckpoint", "filepath", f"a name that ends in {endings[0]} for {what}", self.filepath
            )

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if self._counter.is_time(batch):
            self._save(self._epoch, batch, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, None, logs or {})

    def _save(self, epoch: int, batch: int | None, logs: Logs) -> None:
        path = self._path(epoch, batch, logs)
        if not self._is_due(epoch, path, logs):
            return
        folder = os.path.dirname(path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)
        self._tell(f"\nEpoch {epoch + 1}: finished saving model to {path}")

    def _is_due(self, epoch: int, path: str, logs: Logs) -> bool:
        if not self.save_best_only:
            self._tell(f"\nEpoch {epoch + 1}: saving model to {path}")
            return True
        current = logs.get(self.monitor)
        if current is None:
            warnings.warn(
                f"ModelCheckpoint: monitor={self.monitor!r} is not among the logs ({', '.join(logs)}), so the model is "
                "saved whether it is the best or not.",
                stacklevel=2,
            )
            return True
        best = "None" if self.best is None else f"{self.best:.5f}"
        if not self._is_improvement(current, self.best):
            self._tell(f"\nEpoch {epoch + 1}: {self.monitor} did not improve from {best}")
            return False
        self._tell(f"\nEpoch {epoch + 1}: {self.monitor} improved from {best} to {current:.5f}, saving model to {path}")
        self.best = current
        return True

    def _path(self, epoch: int, batch: int | None, logs: Logs) -> str:
        fields: dict[str, Any] = {"epoch": epoch + 1} if batch is None else {"epoch": epoch + 1, "batch": batch + 1}
        try:
            return self.filepath.format(**{**fields, **logs})
        except KeyError as error:
            raise KeyError(
                f"ModelCheckpoint: filepath {self.filepath!r} has the field {error}, which is not among "
                f"{', '.join({**fields, **logs})}."
            ) from None

    def _tell(self, text: str) -> None:
        if self.verbose > 0:
            sys.stdout.write(text + "\n")


class BackupAndRestore(Callback):
    """Keep the state of training in a folder, and go on from there when an interrupted `fit` is called again.

    The folder holds ``latest.weights.h5`` (weights and optimizer state) and ``training_metadata.json`` (the next
    epoch). It is removed when training ends.

    Parameters
    ----------
    backup_dir : str or path-like
        For this training alone.
    save_freq : "epoch" or int
        After each epoch, or after so many batches.
    double_checkpoint : bool
        Keep the state before the last one, too, in case the last one is damaged.
    delete_checkpoint : bool
        Remove the folder when training has ended.

    Examples
    --------
    >>> from fastnn.callbacks import BackupAndRestore
    >>> BackupAndRestore("backup").save_freq
    'epoch'
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: Any = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not backup_dir:
            raise errors.value_error("BackupAndRestore", "backup_dir", "the name of a folder", backup_dir)
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._counter = _SaveCounter("BackupAndRestore", save_freq)
        self._epoch = 0
        self._weights = os.path.join(self.backup_dir, "latest.weights.h5")
        self._metadata = os.path.join(self.backup_dir, "training_metadata.json")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        try:
            self._restore("")
        except (OSError, ValueError, KeyError):  # the last state is damaged
            if not os.path.exists(self._weights + ".bkp"):
                raise
            self._restore(".bkp")

    def _restore(self, ending: str) -> None:
        if os.path.exists(self._weights + ending):
            if not self.model.optimizer.built:
                self.model.optimizer.build(self.model.trainable_variables)
            self.model.load_weights(self._weights + ending)
        if os.path.exists(self._metadata + ending):
            with open(self._metadata + ending, encoding="utf-8") as file:
                self._epoch = self.model._initial_epoch = int(json.load(file)["epoch"])

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch + 1
        self._counter.last = None
        if self.save_freq == "epoch":
            self._save(0)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if self._counter.is_time(batch):
            self._save(batch)

    def _save(self, batch: int) -> None:
        os.makedirs(self.backup_dir, exist_ok=True)
        if self.double_checkpoint:
            for path in (self._weights, self._metadata):
                with contextlib.suppress(FileNotFoundError):
                    shutil.copyfile(path, path + ".bkp")
        self.model.save_weights(self._weights, overwrite=True)
        fresh = self._metadata + ".new"
        with open(fresh, "w", encoding="utf-8") as file:
            json.dump({"epoch": self._epoch, "batch": batch}, file)
        os.replace(fresh, self._metadata)

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.delete_checkpoint:
            shutil.rmtree(self.backup_dir, ignore_errors=True)


class SwapEMAWeights(Callback):
    """Evaluate and predict with the moving averages of the weights, which an optimizer with ``use_ema=True`` keeps.

    Weights and averages change places before evaluation, and back after it.

    Parameters
    ----------
    swap_on_epoch : bool
        Change places at the end of each epoch, too, until the next begins: a `ModelCheckpoint` listed behind saves the
        averages.

    Raises
    ------
    ValueError
        If the optimizer keeps no averages.

    Examples
    --------
    >>> from fastnn.callbacks import SwapEMAWeights
    >>> callback = SwapEMAWeights()
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._swapped = False

    def _pairs(self) -> list[tuple[Any, Any]]:
        """Weights and their averages."""
        optimizer = self.model.optimizer
        if not getattr(optimizer, "use_ema", False):
            raise errors.value_error(
                "SwapEMAWeights", "the optimizer", "one with use_ema=True", getattr(optimizer, "name", None)
            )
        return list(zip(optimizer._trainable_variables, optimizer._model_variables_moving_average, strict=True))

    def _swap(self, swapped: bool) -> None:
        if self._swapped == swapped:
            return
        for weight, average in self._pairs():
            kept = weight.numpy()
            weight.assign(average.numpy())
            average.assign(kept)
        self._swapped = swapped

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        if self.swap_on_epoch:
            self._swap(False)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if not self.swap_on_epoch:
            return
        self._swap(True)
        if epoch == self.params["epochs"] - 1:
            # fit ends by writing the averages into the weights, where they are now.
            for weight, average in self._pairs():
                average.assign(weight.numpy())

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._swap(True)

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._swap(False)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._swap(True)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._swap(False)
