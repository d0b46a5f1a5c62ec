"""The one place where the wording of errors is decided.

Every error a user can cause reads
``<who>: <argument> must be <rule>; got <value>. <How to fix it>.``
and is raised before any work starts. ``who`` names the function, or the layer as ``Dense 'fc1'``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import numpy as np


def describe(value: object) -> str:
    """Show a value in an error: arrays by shape and dtype, long texts cut."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}, dtype {value.dtype}"
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def sentence(who: str, argument: str, rule: str, got: object, fix: str = "") -> str:
    """The one-line text of an error; ``got`` is shown by `describe` unless it is already a `Shown` text."""
    shown = got.text if isinstance(got, Shown) else describe(got)
    return f"{who}: {argument} must be {rule}; got {shown}." + (f" {fix}" if fix else "")


class Shown:
    """A text that goes into an error as it stands, without quotes."""

    def __init__(self, text: str) -> None:
        self.text = text


def value_error(who: str, argument: str, rule: str, got: object, fix: str = "") -> ValueError:
    return ValueError(sentence(who, argument, rule, got, fix))


def type_error(who: str, argument: str, rule: str, got: object, fix: str = "") -> TypeError:
    return TypeError(sentence(who, argument, rule, got, fix))


def order_error(who: str, what: str, fix: str) -> RuntimeError:
    """A call that came too early or too late: ``what`` happened, ``fix`` says what to call first."""
    return RuntimeError(f"{who}: {what}. {fix}")


def unknown_name(who: str, argument: str, name: object, known: Iterable[str]) -> ValueError:
    """An unknown string, with the nearest known one."""
    names = sorted(set(known))
    near = _nearest(str(name), names, n=1, cutoff=0.5)
    fix = f"Did you mean {near[0]!r}?" if near else f"Known names: {', '.join(names)}."
    return value_error(who, argument, "a known name", name, fix)


def unknown_argument(who: str, name: str, known: Iterable[str]) -> TypeError:
    """A keyword argument that does not exist, with the nearest that does."""
    near = _nearest(name, sorted(set(known)), n=1, cutoff=0.5)
    fix = f" Did you mean {near[0]!r}?" if near else ""
    return TypeError(f"{who}: {name!r} is not one of its arguments.{fix}")


def check_left_out(who: str, **given: Any) -> None:
    """Arguments of Keras that exist here for its signature only: anything but None or False is an error."""
    for argument, value in given.items():
        if value is not None and value is not False:
            raise value_error(who, argument, "None: it does not exist here (docs/keras-parity.md)", value)


def suggesting(module: str) -> Callable[[str], NoReturn]:
    """A ``__getattr__`` for a module: an unknown name is an AttributeError with the nearest known one."""

    def __getattr__(name: str) -> NoReturn:
        known = [] if name.startswith("__") else [n for n in vars(sys.modules[module]) if not n.startswith("_")]
        raise unknown_attribute(module, name, known)

    return __getattr__


def unknown_attribute(who: str, name: str, known: Iterable[str]) -> AttributeError:
    """A name that a module does not have, with the nearest that it has."""
    near = _nearest(name, sorted(set(known)), n=1, cutoff=0.6)
    fix = f" Did you mean {near[0]!r}?" if near else ""
    return AttributeError(f"module {who!r} has no attribute {name!r}.{fix}")


def _nearest(name: str, known: Iterable[str], n: int, cutoff: float) -> list[str]:
    import difflib  # only for an error that is about to be raised

    return difflib.get_close_matches(name, list(known), n=n, cutoff=cutoff)
