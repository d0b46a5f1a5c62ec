"""What is shown while a model trains: a tqdm line per epoch, what Keras prints for verbose=2, or nothing.

tqdm is imported when the first line is drawn. Metrics are read only when a line is drawn, at most ten times a second.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fastnn import config, errors

INTERVAL = 0.1  # seconds between two updates of a line

Read = Callable[[], Mapping[str, float]]


def resolve_verbose(who: str, verbose: Any) -> int:
    """0 nothing, 1 a live line, 2 a printed line; "auto" is 1 in terminals and notebooks, else 0."""
    if verbose == "auto":
        return 1 if config.is_interactive_logging_enabled() and (in_notebook() or _is_terminal()) else 0
    if verbose not in (0, 1, 2):
        raise errors.value_error(who, "verbose", "'auto', 0, 1 or 2", verbose)
    return int(verbose)


def _is_terminal() -> bool:
    try:
        return bool(sys.stderr.isatty())
    except (AttributeError, ValueError):  # no stderr, or a closed one
        return False


def in_notebook() -> bool:
    """Whether the code runs in a Jupyter kernel."""
    ipython = sys.modules.get("IPython")
    shell = getattr(ipython, "get_ipython", lambda: None)()
    return shell is not None and "IPKernelApp" in getattr(shell, "config", {})


class Progress:
    """One line of progress: `update` after each step, `close` or `finish` with the final values.

    Parameters
    ----------
    verbose : int
        0, 1 or 2, see `resolve_verbose`.
    title : str
        What the live line begins with, and what is printed before the other: ``"Epoch 1/5"``.
    total : int, optional
        Number of steps, where it is known.
    """

    def __init__(self, verbose: int, title: str, total: int | None) -> None:
        self.verbose = verbose
        self.title = title
        self.total = total
        self._bar: Any = None
        self._begin = self._next = time.perf_counter()
        if verbose == 1:
            columns, lines = _screen()
            self._bar = _bar_class()(
                total=total,
                desc=title,
                unit="batch",
                mininterval=0,
                miniters=1,
                file=sys.stderr,
                ncols=columns,
                nrows=lines,
                dynamic_ncols=columns is None,
            )
            self._next += INTERVAL
        elif verbose == 2 and title:
            _print(title)

    def update(self, done: int, read: Read | None = None) -> None:
        """Note that ``done`` steps are finished; ``read`` gives the metrics if the line is due."""
        if self._bar is None:
            return
        now = time.perf_counter()
        if now < self._next:
            return
        self._next = now + INTERVAL
        self._postfix(read() if read is not None else {})
        self._bar.update(done - self._bar.n)

    def close(self, done: int, logs: Mapping[str, float] | None = None) -> None:
        """End the live line with the final values; a printed one waits for `finish`."""
        if self._bar is not None:
            self._bar.n = done
            self._postfix(logs or {})
            self._bar.close()  # draws the line once more
            self._bar = None

    def finish(self, done: int, logs: Mapping[str, float] | None = None) -> None:
        """End the line with the final values."""
        self.close(done, logs)
        if self.verbose == 2:
            seconds = time.perf_counter() - self._begin
            parts = [f"{done}/{self.total or done}", f"{seconds:.0f}s", per_step(seconds / max(done, 1))]
            parts += [f"{name}: {_as_keras(value)}" for name, value in (logs or {}).items()]
            _print(" - ".join(parts))

    def abandon(self) -> None:
        """End the line after an error or an interruption."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _postfix(self, logs: Mapping[str, float]) -> None:
        if logs:
            text = ", ".join(f"{name}={_number(value)}" for name, value in logs.items())
            self._bar.set_postfix_str(text, refresh=False)


def per_step(seconds: float) -> str:
    """A step's time as Keras prints it."""
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.0f}{unit}/step"
    return f"{seconds * 1e6:.0f}us/step"


def _number(value: Any) -> str:
    mean = float(np.mean(value))  # a step may report several values under one name
    return f"{mean:.4f}" if mean == 0 or not abs(mean) < 1e-3 else f"{mean:.4e}"


def _as_keras(value: Any) -> str:
    """A value as Keras prints it with verbose=2, where scripts read it."""
    mean = float(np.mean(value))
    return f"{mean:.4f}" if mean > 1e-3 else f"{mean:.4e}"


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _screen() -> tuple[int | None, int | None]:
    """Columns and lines for a terminal that does not tell its own (tqdm would draw nothing there); else tqdm asks."""
    try:
        told = os.get_terminal_size(sys.stderr.fileno()).columns
    except (AttributeError, ValueError, OSError):
        return None, None
    if told:
        return None, None
    import shutil  # only for such a terminal

    guessed = shutil.get_terminal_size()
    return guessed.columns, guessed.lines


def _bar_class() -> Any:
    """tqdm's bar for this place, without its monitor thread."""
    from tqdm.std import tqdm as base

    if in_notebook():
        with contextlib.suppress(ImportError):  # notebooks without ipywidgets get the line of text
            import ipywidgets  # noqa: F401  # is it there?
            from tqdm.notebook import tqdm as base

    return type("Bar", (base,), {"monitor_interval": 0})
