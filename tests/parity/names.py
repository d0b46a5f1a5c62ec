"""fastnn's public names and signatures beside those of the installed Keras: what docs/keras-parity.md is made of."""

from __future__ import annotations

import importlib
import inspect
import re
import types
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from tests.parity.reasons import DIFFERENCES, LEFT_OUT, LEFT_OUT_MODULES

# Modules of which every public name has a row, in the order of the page.
MODULES = (
    "", "layers", "activations", "losses", "metrics", "optimizers", "optimizers.schedules", "initializers",
    "regularizers", "constraints", "callbacks", "models", "ops", "ops.image", "random", "saving", "utils", "config",
    "datasets", "preprocessing", "preprocessing.image", "preprocessing.sequence", "backend", "tree", "wrappers",
)  # fmt: skip
# Parts of `keras.ops` once more, each name of which is in `keras.ops` too.
SAME_AGAIN = ("ops.nn", "ops.numpy", "ops.linalg")

BUILT_IN = ("builtins", "fastnn._core", "abc", "typing")
HAVE, DIFFERS, OUT = STATES = "have", "differs", "left out"


class Row(NamedTuple):
    """A name of Keras: what fastnn makes of it, and why, where it is not the same."""

    name: str
    state: str
    how: str = ""
    why: str = ""


def rows(keras: Any) -> Iterator[tuple[str, list[Row]]]:
    """The rows of each module."""
    for module in MODULES:
        theirs, ours = _module(keras, "keras", module), _module_or_none(module)
        path = f"keras.{module}".rstrip(".")
        yield path, [row for name in _public(theirs) for row in _compare(path, name, theirs, ours)]


def modules_left_out(keras: Any) -> Iterator[Row]:
    """The modules that have no rows of their own."""
    for name in sorted(n for n, value in vars(keras).items() if isinstance(value, types.ModuleType)):
        if name not in ("src", "api") and not name.startswith("_") and name not in MODULES:
            yield Row(f"keras.{name}", OUT, why=LEFT_OUT_MODULES.get(name, ""))


def _module(package: Any, root: str, name: str) -> Any:
    return importlib.import_module(f"{root}.{name}") if name else package


def _module_or_none(name: str) -> Any:
    try:
        return importlib.import_module(f"fastnn.{name}".rstrip("."))
    except (ImportError, AttributeError):
        return None


def _public(module: Any) -> list[str]:
    """Public names, submodules but those of `keras.datasets` left out."""
    datasets = module.__name__.endswith(".datasets")
    found = [n for n in dir(module) if not n.startswith("_")]
    return sorted(n for n in found if isinstance(getattr(module, n), types.ModuleType) == datasets)


def _compare(path: str, name: str, theirs: Any, ours: Any) -> Iterator[Row]:
    full = f"{path}.{name}"
    mine = getattr(ours, name, None) if ours is not None else None
    if mine is None:
        yield Row(full, OUT, why=_reason(full, LEFT_OUT))
        return
    thing = getattr(theirs, name)
    how = differences(thing, mine)
    yield Row(full, DIFFERS if how else HAVE, how, _reason(full, DIFFERENCES) if how else "")
    if inspect.isclass(thing):
        yield from _methods(full, thing, mine)


def _methods(path: str, theirs: type, ours: Any) -> Iterator[Row]:
    """Rows of the methods and properties that a class of Keras itself defines and that are not the same here."""
    if theirs.__module__ == "keras.src.backend":  # which puts a name on what all backends have in common
        theirs = next(base for base in theirs.__mro__ if base.__module__.startswith("keras.src.backend.common."))
    for name, thing in sorted(vars(theirs).items()):
        if name.startswith("_") or not (callable(thing) or isinstance(thing, (property, classmethod, staticmethod))):
            continue
        full = f"{path}.{name}"
        if not hasattr(ours, name) and not (isinstance(thing, property) and _sets(ours, name)):
            yield Row(full, OUT, why=_reason(full, LEFT_OUT))
        elif not isinstance(thing, property):
            how = differences(getattr(theirs, name), getattr(ours, name))
            if how:
                yield Row(full, DIFFERS, how, _reason(full, DIFFERENCES))


def _sets(cls: type, name: str) -> bool:
    """Whether objects of a class have an attribute that its methods set."""
    pattern = re.compile(rf"self\.{name}\b[^=\n]*=")
    return any(pattern.search(inspect.getsource(base)) for base in cls.__mro__ if base.__module__ not in BUILT_IN)


def _reason(name: str, reasons: dict[str, str]) -> str:
    """The reason given for a name, for the classes ``*.`` of a method, or for a group of names."""
    from fnmatch import fnmatchcase

    return next((why for pattern, why in reasons.items() if fnmatchcase(name, pattern)), "")


# ---- signatures ---------------------------------------------------------------------------------------------------


def differences(theirs: Any, ours: Any) -> str:
    """How a signature differs from Keras's; empty where a call written for Keras means the same here."""
    mine, wanted = _parameters(ours), _parameters(theirs)
    if mine is None or wanted is None:
        return ""
    any_keyword = any(p.kind is p.VAR_KEYWORD for p in mine)
    any_position = any(p.kind is p.VAR_POSITIONAL for p in mine)
    own = {p.name: p for p in mine}
    found = []
    place = 0
    positional = [p.name for p in mine if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    for p in wanted:
        if p.kind is p.VAR_POSITIONAL:
            if not any_position:
                found.append(f"no `*{p.name}`")
            continue
        if p.kind is p.VAR_KEYWORD:
            continue
        if p.name not in own:
            if not (any_keyword and any_position):
                found.append(f"no argument `{p.name}`" + (" by position" if any_keyword else ""))
        else:
            if p.kind is not p.KEYWORD_ONLY and own[p.name].kind is not p.KEYWORD_ONLY:
                if positional.index(p.name) != place:
                    found.append(f"`{p.name}` is argument {positional.index(p.name) + 1}, not {place + 1}")
            if not same_default(own[p.name].default, p.default):
                found.append(f"`{p.name}` is {_show(own[p.name])}, not {_show(p)}")
        place += p.kind is not p.KEYWORD_ONLY
    known = {p.name for p in wanted}
    new = [
        p.name for p in mine
        if p.name not in known and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and p.default is p.empty
    ]
    found += [f"needs `{name}`" for name in new]
    return "; ".join(found)


def _parameters(thing: Any) -> list[inspect.Parameter] | None:
    try:
        # Classes of Keras have a __new__ of (*args, **kwargs).
        signature = inspect.signature(_init(thing) if inspect.isclass(thing) else thing)
    except (TypeError, ValueError):
        return None
    return [p for p in signature.parameters.values() if p.name not in ("self", "cls")]


def _init(cls: type) -> Any:
    """The first __init__ of a class that names its arguments: optimizers of some backends have another in front."""
    anything = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    for base in cls.__mro__:
        if "__init__" in vars(base):
            kinds = {p.kind for p in list(inspect.signature(base.__init__).parameters.values())[1:]}
            if kinds != anything or not base.__module__.startswith("keras.src.backend."):
                return base.__init__
    return cls.__init__


def _show(p: inspect.Parameter) -> str:
    return "required" if p.default is p.empty else f"`{p.default!r}` by default"


def same_default(a: Any, b: Any) -> bool:
    if a is inspect.Parameter.empty or b is inspect.Parameter.empty:
        return a is b
    if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)):
        return len(a) == len(b) and all(same_default(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, bool) or isinstance(b, bool) or a is None or b is None:
        return a is b
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return bool(np.isclose(a, b, rtol=1e-12, atol=0)) or a == b
    if isinstance(a, type) or callable(a) or not isinstance(a, (str, dict)):
        return getattr(a, "__name__", type(a).__name__) == getattr(b, "__name__", type(b).__name__)
    return bool(a == b)
