"""What is shown while a model trains: a tqdm line per epoch, a printed line, or nothing.

tqdm is imported when the first line is drawn. Metrics are read only when a line is drawn, at most ten times a second.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

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
    """One line of progress: `update` after each step, `finish` with the final values.

    Parameters
    ----------
    verbose : int
        0, 1 or 2, see `resolve_verbose`.
    title : str
        What the line begins with, ``"Epoch 1/5"``.
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

    def finish(self, done: int, logs: Mapping[str, float] | None = None) -> None:
        """Show the final values and end the line."""
        logs = logs or {}
        if self._bar is not None:
            self._bar.n = done
            self._postfix(logs)
            self._bar.close()  # draws the line once more
            self._bar = None
        elif self.verbose == 2:
            seconds = time.perf_counter() - self._begin
            parts = [self.title] if self.title else []
            parts += [f"{done}/{self.total or done}", f"{seconds:.0f}s", per_step(seconds / max(done, 1))]
            parts += [f"{name}: {_number(value)}" for name, value in logs.items()]
            sys.stdout.write(" - ".join(parts) + "\n")
            sys.stdout.flush()

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


def _number(value: float) -> str:
    return f"{value:.4f}" if value == 0 or not abs(value) < 1e-3 else f"{value:.4e}"


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
