"""What a model's steps depend on beside the memory they read, in a form that can be compared.

Every layer, loss, metric, optimizer and regularizer has a version, which no other object ever had, and gets a new one
when an attribute is set (`fastnn._core.Tracked`). The versions of all that can be reached from a model, through
attributes, containers, and the variables that functions close over or find in their module, stand for its structure.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from types import FunctionType, MethodType
from typing import Any, NamedTuple

from fastnn import config, tree
from fastnn._core import Tracked, execution
from fastnn.autograd import Variable

MOST_ITEMS = 64  # of a container that a function refers to: a longer one is data


class Structure(NamedTuple):
    """What the forward pass depends on, what training does beside that, and what is switched to and fro."""

    forward: tuple[Any, ...]
    training: tuple[Any, ...]
    flags: tuple[Any, ...]  # instruction set and threads, and what is trainable


def structure_of(model: Any) -> Structure:
    """The present structure of a model."""
    forward = _Walk()
    forward.visit(model)
    training = _Walk(forward.seen)
    training.visit(model._loss_tracker)
    weights: tuple[Any, ...] = ()
    if model._compile_loss is not None:
        training.visit(model._compile_loss.parts())
        weights = tuple(tree.flatten(model._compile_loss.weights))
    if model._compile_metrics is not None:
        training.visit(model._compile_metrics.metrics)
    training.visit(getattr(model.optimizer, "_learning_rate", None))
    optimizer = None if model.optimizer is None else model.optimizer.version
    settings = (config.floatx(), config.epsilon(), config.image_data_format())
    return Structure(
        (*settings, *forward.found),
        (optimizer, *weights, *training.found),
        (*execution(), *forward.flags),
    )


class _Walk:
    """Visits everything that can be reached from an object, each once."""

    def __init__(self, seen: Iterable[int] = ()) -> None:
        self.seen = set(seen)
        self.found: list[Any] = []
        self.flags: list[bool] = []

    def visit(self, thing: Any, most: int | None = None) -> None:
        kind = type(thing)
        if kind in (int, float, str, bool, type(None)) or id(thing) in self.seen:
            return
        if isinstance(thing, Variable):
            self.seen.add(id(thing))
            self.found.append(id(thing))
            self.flags.append(thing.requires_grad)
            self.visit(thing.regularizer)
            self.visit(thing.constraint)
        elif isinstance(thing, Tracked):
            self.seen.add(id(thing))
            self._visit_object(thing)
        elif isinstance(thing, (list, tuple, dict)):
            if most is None or len(thing) <= most:
                for part in thing.values() if isinstance(thing, dict) else thing:
                    self.visit(part, most)
        elif isinstance(thing, (FunctionType, MethodType, functools.partial)):
            self.seen.add(id(thing))
            self._visit_function(thing)

    def _visit_object(self, thing: Tracked) -> None:
        self.found.append(thing.version)
        if "_trainable" in thing._compared:
            self.flags.append(vars(thing).get("_trainable", True))
        ignored = thing._bookkeeping | thing._compared
        for name, value in vars(thing).copy().items():  # another thread may set one
            if name not in ignored:
                self.visit(value)
        for cls in type(thing).__mro__:
            if cls.__module__.partition(".")[0] == "fastnn":
                break
            for value in vars(cls).values():
                self.visit(value)

    def _visit_function(self, thing: Any) -> None:
        if isinstance(thing, MethodType):
            self.visit(thing.__self__)
            self.visit(thing.__func__)
            return
        if isinstance(thing, functools.partial):
            for part in (thing.func, thing.args, thing.keywords):
                self.visit(part, MOST_ITEMS)
            return
        module = thing.__module__ or ""
        if module.partition(".")[0] in ("fastnn", "numpy"):
            return
        for cell in thing.__closure__ or ():
            try:
                self.visit(cell.cell_contents, MOST_ITEMS)
            except ValueError:  # not assigned yet
                continue
        self.visit(thing.__defaults__, MOST_ITEMS)
        for name in thing.__code__.co_names:
            value = thing.__globals__.get(name)
            if not isinstance(value, FunctionType) or value.__module__ == module:
                self.visit(value, MOST_ITEMS)
