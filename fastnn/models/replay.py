"""Steps that are recorded once and replayed in C.

The first step of a kind runs as written: it may make state that later steps only use. The next two are recorded while
they run. If both noted the same launches, the second becomes the program for all further steps; otherwise, or if the
step looks at values, every step runs as written.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any

from fastnn._core import Program, launch
from fastnn.autograd import FLOAT64
from fastnn.models.data import Batches

MOST_SECONDS = 0.05  # a replay comes back to Python so often, for Ctrl-C and the line of progress
TRIES = 3  # recordings until a step counts as different each time

_one_recording = threading.Lock()  # only one recording can go on; other threads' steps run as written meanwhile


class Replay:
    """Runs one kind of step over the batches of an epoch.

    Parameters
    ----------
    model : Model
        Its `_unreplayable` says, and is told, that recording its steps was tried in vain.
    call : str
        The method that runs the steps, for the warning.
    step : callable
        ``step(x, y, weight, count)``; what it returns is kept in `result`.
    eager : bool
        Never record.
    """

    def __init__(self, model: Any, call: str, step: Callable[..., Any], eager: bool = False) -> None:
        self.model = model
        self.call = call
        self.step = step
        self.eager = eager
        self.result: Any = None
        self.program: Program | None = None
        self._before: Program | None = None  # the recording to compare the next one with
        self._warm = False
        self._tries = 0

    def advance(self, batches: Batches, step: int, most: int) -> int:
        """Run at least one step from number `step` on, at most `most`; returns how many were run."""
        whole = batches.whole_steps - step
        batches.position[0] = step * batches.batch_size
        if self.program is not None and whole >= 1:
            return self.program.replay(min(most, whole), MOST_SECONDS)
        recordable = self._warm and whole >= 1 and not (self.eager or self.model._unreplayable)
        if not recordable or not _one_recording.acquire(blocking=False):
            self._warm = self._warm or whole >= 1
            self.result = self.step(*batches.batch(step))
            return 1
        program = Program()
        try:
            with program.record():
                self.result = self.step(*batches.next_batch())
                launch("counter_add", FLOAT64, counter=batches.position, amount=batches.batch_size)
        finally:
            _one_recording.release()
        self._consider(program)
        return 1

    def _consider(self, program: Program) -> None:
        self._tries += 1
        if program.abandoned is not None:
            self._give_up(f"it reads values while it computes ({program.abandoned})")
        elif self._before is not None and self._before.same_as(program):
            self.program, self._before = program, None
        elif self._tries < TRIES:
            self._before = program
        else:
            self._give_up("its operations differ from step to step")

    def _give_up(self, why: str) -> None:
        self.model._unreplayable = True
        self._before = None
        warnings.warn(
            f"{self.model._who}.{self.call}: every step runs through Python, because {why}. "
            "Set run_eagerly=True to say so yourself.",
            stacklevel=4,
        )
