"""A layer's constructor arguments as plain values, and back."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from fastnn import registry, tree
from fastnn.layers.weights import Weighted

SIMPLE = (str, int, float, bool, type(None))


class Configured(Weighted):
    """Gets a layer's configuration, and makes a layer from one."""

    activity_regularizer: Any
    _arguments: dict[str, Any] | None = None  # what a class of the user's was made with, if that is simple

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as plain values: ``type(layer).from_config(config)`` makes an equal layer.

        A class that overrides it adds its own arguments to what this gives. Of one that does not, an argument is the
        attribute of its name, or else the value that the constructor was given, if that is a text, a number, a bool or
        None, or a list, tuple or dict of these.
        """
        cls = type(self)
        home = next(each for each in cls.__mro__ if is_ours(each))
        result: dict[str, Any] = {"name": self.name, "trainable": self.trainable, "dtype": self.dtype}  # type: ignore[attr-defined]  # of Layer
        for argument in own_arguments(home):
            if argument not in result and argument != "activity_regularizer":
                result[argument] = self._argument(argument)
        if self.activity_regularizer is not None:
            result["activity_regularizer"] = plain(self.activity_regularizer)
        if cls is home or cls.get_config is not home.get_config:  # type: ignore[attr-defined]  # a Layer
            return result
        for argument in own_arguments(cls):
            if argument not in result:
                result[argument] = self._argument(argument)
        if not takes_any(cls.__init__):
            result = {name: value for name, value in result.items() if name in own_arguments(cls)}
        return result

    def _argument(self, name: str) -> Any:
        if hasattr(self, name):
            return plain(getattr(self, name))
        if self._arguments is not None and name in self._arguments:
            return plain(self._arguments[name])
        raise NotImplementedError(
            f"{self._who}: get_config must be defined, because the argument {name!r} is not stored as self.{name}."
        )

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make a layer from what `get_config` returned."""
        return cls(**config)

    def get_build_config(self) -> dict[str, Any] | None:
        """What `build_from_config` needs to make the weights; None before the layer is built."""
        return None if self._build_shape is None else {"input_shape": self._build_shape}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Make the weights as `get_build_config` says."""
        if config and "input_shape" in config:
            self.build(config["input_shape"])  # type: ignore[attr-defined]  # a Layer
        elif config and "shapes_dict" in config:
            self.build(**config["shapes_dict"])  # type: ignore[attr-defined]  # a Layer


def is_ours(cls: type) -> bool:
    """Whether a class is one of this package's."""
    return cls.__module__.partition(".")[0] == __name__.partition(".")[0]


def simple_arguments(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any] | None:
    """The arguments of a constructor by name, defaults included; None where one of them is an object."""
    try:
        bound = inspect.signature(cls.__init__).bind(None, *args, **kwargs)  # type: ignore[misc]  # of this very class
    except TypeError:  # which the constructor will say
        return None
    bound.apply_defaults()
    found = dict(list(bound.arguments.items())[1:])
    return found if all(isinstance(value, SIMPLE) for value in tree.flatten(list(found.values()))) else None


def plain(value: Any) -> Any:
    """A constructor argument as a configuration holds it: numbers, texts, lists; objects through the registry."""
    if isinstance(value, (np.integer, np.floating, np.bool_)):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (tuple, list)):
        return type(value)(plain(part) for part in value)
    if hasattr(value, "get_config") or callable(value):
        return registry.serialize(value)
    return value


def own_arguments(cls: type) -> tuple[str, ...]:
    """The names of a constructor's arguments."""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]  # type: ignore[misc]  # of this very class
    fixed = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return tuple(p.name for p in parameters if p.name != "autocast" and p.kind in fixed)


def argument_names(cls: type) -> Iterable[str]:
    """All names that a layer's constructor takes."""
    return {*own_arguments(cls), "activity_regularizer", "trainable", "dtype", "autocast", "name", "input_shape"}


def takes_any(function: Callable[..., Any]) -> bool:
    """Whether a function takes keywords of any name."""
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(function).parameters.values())
