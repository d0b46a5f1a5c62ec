"""Callbacks that tell how training goes: a table in a file, the line of progress, a stop where numbers blow up."""

from __future__ import annotations

import csv
import math
import os
import sys
from collections.abc import Iterable
from typing import Any, TextIO

import numpy as np

from fastnn import errors
from fastnn.callbacks.callback import Callback, Logs


class CSVLogger(Callback):
    """Write each epoch's logs as a line of a CSV file.

    The columns are ``epoch`` and the logs of the first epoch, by name; where it was not validated, the ``val_`` ones as
    well. A value that is missing is ``NA``.

    Parameters
    ----------
    filename : str or path-like
    separator : str
        One character.
    append : bool
        Go on in a file that exists; else it is written anew.

    Examples
    --------
    >>> from fastnn.callbacks import CSVLogger
    >>> CSVLogger("training.csv").filename
    'training.csv'
    """

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = append
        if not isinstance(separator, str) or len(separator) != 1:
            raise errors.value_error("CSVLogger", "separator", "one character", separator)
        self.keys: list[str] | None = None
        self.csv_file: TextIO | None = None
        self._head = True
        self._writer: Any = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._close()
        self._head = not (self.append and os.path.exists(self.filename) and os.path.getsize(self.filename))
        self.csv_file = open(self.filename, "a" if self.append else "w", newline="", encoding="utf-8")
        self.keys = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        if self.csv_file is None:
            return
        if self.keys is None:
            self.keys = sorted(logs)
            if not any(name.startswith("val_") for name in self.keys):
                self.keys += [f"val_{name}" for name in self.keys]
            self._writer = csv.writer(self.csv_file, delimiter=self.sep, lineterminator="\n")
            if self._head:
                self._writer.writerow(["epoch", *self.keys])
        self._writer.writerow([epoch, *(_cell(logs.get(name, "NA")) for name in self.keys)])
        self.csv_file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._close()

    def _close(self) -> None:
        if self.csv_file is not None:
            self.csv_file.close()
        self.csv_file = self._writer = None


def _cell(value: Any) -> Any:
    """A value as a cell: numbers as they are, several of them in brackets."""
    if isinstance(value, str) or np.ndim(value) == 0 or not isinstance(value, Iterable):
        return value
    return f"[{', '.join(map(str, np.asarray(value).tolist()))}]"


class TerminateOnNaN(Callback):
    """Stop training when the loss is NaN or infinite; it is looked at after each batch.

    Parameters
    ----------
    raise_error : bool
        Raise RuntimeError instead of ending `fit` early.

    Examples
    --------
    >>> from fastnn.callbacks import TerminateOnNaN
    >>> callback = TerminateOnNaN()
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(
                f"TerminateOnNaN: the loss must be finite; got {loss} in batch {batch}. "
                "Lower the learning rate, clip gradients (clipnorm=1.0), or look for NaN in the data."
            )
        sys.stdout.write(f"Batch {batch}: Invalid loss, terminating training\n")
        self.model.stop_training = True


class ProgbarLogger(Callback):
    """The line of progress of `fit`, `evaluate` and `predict`.

    They draw it by themselves, as ``verbose`` says, whether this callback is listed or not; it is here for scripts
    that list it.

    Examples
    --------
    >>> from fastnn.callbacks import ProgbarLogger
    >>> callback = ProgbarLogger()
    """
