"""The locks of the library. A forked child must not find one taken by a thread that it does not have."""

from __future__ import annotations

import os
import threading

building = threading.RLock()  # of threads that call a layer at once for the first time, one builds it
listing = threading.RLock()  # what a model lists of its steps is read and changed

_ALL = (building, listing)  # who has one may take those that follow


def _take_all() -> None:
    for lock in _ALL:
        lock.acquire()


def _give_all_back() -> None:
    for lock in reversed(_ALL):
        lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_take_all, after_in_parent=_give_all_back, after_in_child=_give_all_back)
