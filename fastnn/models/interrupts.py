"""Ctrl-C between steps, never within one."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType


class Uninterrupted:
    """A context that Ctrl-C does not end in the middle: it raises KeyboardInterrupt when the context ends.

    Pressed a second time it does so at once. Only the main thread gets interrupts, and only Python's own answer to
    them is put off: with a handler of the user's nothing changes.
    """

    __slots__ = ("_before", "_pending")

    def __enter__(self) -> None:
        self._before = None
        self._pending = False
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if before is signal.default_int_handler:
                self._before = before
                signal.signal(signal.SIGINT, self._note)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            if self._pending:
                raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._pending:
            raise KeyboardInterrupt
        self._pending = True
