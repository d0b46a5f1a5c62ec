"""Names -> objects: what strings and configurations like ``"relu"`` or ``{"class_name": "L2", ...}`` stand for.

Each module with such names (activations, initializers, regularizers, losses, metrics, optimizers) makes one
`Registry`. `serialize` and `deserialize` turn any object with ``get_config`` into Keras's JSON form and back. Reading a
configuration never imports or runs anything but the public classes of this package and those the caller passes.
"""

from __future__ import annotations

import importlib
import inspect
import re
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from fastnn import errors

Thing = TypeVar("Thing", bound=Callable[..., Any])
CustomObjects = Mapping[str, Any]

# The modules whose classes a configuration may name.
MODULES = (
    "layers", "initializers", "regularizers", "constraints", "activations", "losses", "metrics", "optimizers", "random",
    "models",
)


def snake_case(name: str) -> str:
    """Keras's lower-case form of a class name.

    Examples
    --------
    >>> snake_case("GlorotUniform"), snake_case("MaxPooling2D"), snake_case("ReLU")
    ('glorot_uniform', 'max_pooling2d', 're_lu')
    """
    return re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()


class Registry:
    """The names of one kind of object.

    Parameters
    ----------
    module : str
        The module of the package whose names these are, "initializers".
    kind : str
        What one of them is called in errors, "initializer".
    accepts : callable
        Whether a finished object that is passed instead of a name will do; default: anything callable.
    ignore_case : bool
        Whether "ADAM" is "adam".

    Examples
    --------
    >>> shapes = Registry("layers", "shape")
    >>> @shapes.add
    ... class RoundThing:
    ...     def __call__(self): return "round"
    >>> shapes.get("round_thing")(), shapes.get(RoundThing)()
    ('round', 'round')
    """

    def __init__(
        self, module: str, kind: str, accepts: Callable[[Any], bool] = callable, ignore_case: bool = False
    ) -> None:
        self.module = module
        self.kind = kind
        self.accepts = accepts
        self.ignore_case = ignore_case
        self._things: dict[str, Callable[..., Any]] = {}

    def add(self, thing: Thing, *aliases: str) -> Thing:
        """Enter a class (under its name and its name in snake case) or a function; serves as a decorator."""
        names = {thing.__name__, *aliases}
        if inspect.isclass(thing):
            names.add(snake_case(thing.__name__))
        for name in names:
            self._things[name.lower() if self.ignore_case else name] = thing
        return thing

    @property
    def names(self) -> list[str]:
        return sorted(self._things)

    def find(self, name: str, custom_objects: CustomObjects | None = None) -> Callable[..., Any]:
        """The class or function of that name."""
        if custom_objects and name in custom_objects:
            return custom_objects[name]  # type: ignore[no-any-return]
        try:
            return self._things[name.lower() if self.ignore_case else name]
        except KeyError:
            raise errors.unknown_name(f"{self.module}.get", self.kind, name, self._things) from None

    def get(self, identifier: Any, custom_objects: CustomObjects | None = None) -> Any:
        """The object that an identifier stands for.

        Parameters
        ----------
        identifier : str, dict, class, callable or None
            A name (a class is instantiated with its defaults), a configuration, or the object itself.

        Raises
        ------
        ValueError
            For an unknown name, with the nearest known one.
        TypeError
            For anything that is not of this kind.
        """
        if identifier is None:
            return None
        if isinstance(identifier, str):
            thing = self.find(identifier, custom_objects)
        elif isinstance(identifier, dict):
            return self.deserialize(identifier, custom_objects)
        else:
            thing = identifier
        if inspect.isclass(thing):
            return thing()
        if not self.accepts(thing):
            kind = ("an " if self.kind[0] in "aeiou" else "a ") + self.kind
            raise errors.type_error(f"{self.module}.get", self.kind, f"a name, a configuration or {kind}", identifier)
        return thing

    def serialize(self, thing: Any) -> Any:
        """The configuration (a name for functions) from which `deserialize` makes an equal object."""
        return serialize(thing)

    def deserialize(self, config: Any, custom_objects: CustomObjects | None = None) -> Any:
        """The object that a configuration or a name describes."""
        if isinstance(config, str):
            return self.get(config, custom_objects)
        name, arguments = _open_envelope(config)
        if config.get("class_name") == "function":
            return self.find(name, custom_objects)
        return _construct(self.find(name, custom_objects), arguments, custom_objects)


# ---- any object ---------------------------------------------------------------------------------------------------


def serialize(thing: Any) -> Any:
    """An object as Keras writes it to JSON: class name and configuration; a function of this package as its name.

    Examples
    --------
    >>> from fastnn import regularizers
    >>> serialize(regularizers.L2(0.5))["config"]
    {'l2': 0.5}
    """
    if thing is None or isinstance(thing, (str, int, float)):
        return thing
    if isinstance(thing, (list, tuple)):
        return [serialize(part) for part in thing]
    if not inspect.isclass(thing) and hasattr(thing, "get_config"):
        cls = type(thing)
        home = _public_module(cls)
        return {
            "module": home or cls.__module__,
            "class_name": cls.__name__,
            "config": thing.get_config(),
            "registered_name": None if home else cls.__name__,
        }
    name = getattr(thing, "__name__", "")
    if _public_module(thing) and name:
        return name
    if isinstance(thing, types.FunctionType) and name != "<lambda>":
        return {"module": "builtins", "class_name": "function", "config": name, "registered_name": name}
    raise errors.type_error(
        "serialize", "the object", "one with get_config(), or a function with a name", thing,
        "Write it as a class with get_config().",
    )


def deserialize(config: Any, custom_objects: CustomObjects | None = None) -> Any:
    """The object that `serialize` described.

    Parameters
    ----------
    config : dict
        With ``class_name`` and ``config``, and as a rule ``module``.
    custom_objects : dict, optional
        Classes and functions of your own by name.

    Examples
    --------
    >>> from fastnn import regularizers
    >>> deserialize(serialize(regularizers.L2(0.5))).l2
    0.5
    """
    if not isinstance(config, dict):
        return config
    name, arguments = _open_envelope(config)
    is_function = config.get("class_name") == "function"
    if custom_objects and name in custom_objects:
        thing = custom_objects[name]
    else:
        thing = _find_public(name, str(config.get("module") or ""), is_function)
    return thing if is_function else _construct(thing, arguments, custom_objects)


def _open_envelope(config: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    name, arguments = config.get("class_name"), config.get("config", {})
    if name == "function" and isinstance(arguments, str):
        return arguments, {}
    if not isinstance(name, str) or not isinstance(arguments, dict):
        raise errors.value_error(
            "deserialize", "config", "a dict with the keys 'class_name' and 'config'",
            errors.Shown(f"keys {sorted(config)}"),
        )
    return name, arguments


def _construct(thing: Callable[..., Any], arguments: dict[str, Any], custom_objects: CustomObjects | None) -> Any:
    from_config = getattr(thing, "from_config", None)
    if from_config is None:
        return thing(**arguments)
    if custom_objects and "custom_objects" in inspect.signature(from_config).parameters:
        return from_config(arguments, custom_objects=custom_objects)
    return from_config(arguments)


def _public_module(thing: Any) -> str | None:
    """Keras's name of the public module that a class or function of this package belongs to, else None."""
    package, _, rest = getattr(thing, "__module__", "").partition(".")
    if package != __name__.partition(".")[0]:
        return None
    parts = rest.split(".")
    part = parts[1] if parts[0] == "ops" and len(parts) > 1 else parts[0]
    return "keras" if part == "models" else f"keras.{part}"


def _find_public(name: str, module: str, is_function: bool) -> Any:
    """The public class or function of that name in the module, or anywhere if the module does not say."""
    parts = [part for part in module.split(".") if part in MODULES][:1] or MODULES
    public = dict(thing for part in reversed(parts) for thing in _public_things(part, is_function))
    if name not in public:
        raise errors.unknown_name("deserialize", "class_name", name, public)
    return public[name]


def _public_things(part: str, is_function: bool) -> Iterator[tuple[str, Any]]:
    """Name and object of the classes with a configuration, or of the functions, that a module itself offers."""
    try:
        home = importlib.import_module(f"fastnn.{part}")
    except ModuleNotFoundError:
        return
    for name in dir(home):
        thing = getattr(home, name)
        wanted = inspect.isfunction(thing) if is_function else inspect.isclass(thing) and hasattr(thing, "from_config")
        own = _public_module(thing) == ("keras" if part == "models" else f"keras.{part}")
        if wanted and own and not name.startswith("_"):
            yield name, thing


# ---- automatic names ----------------------------------------------------------------------------------------------

_counts: dict[str, int] = {}


def auto_name(class_name: str) -> str:
    """Keras's default names: ``MaxPooling2D`` gives max_pooling2d, then max_pooling2d_1, ...

    Examples
    --------
    >>> auto_name("SomeThing"), auto_name("SomeThing")
    ('some_thing', 'some_thing_1')
    """
    name = snake_case(class_name)
    count = _counts.get(name, 0)
    _counts[name] = count + 1
    return f"{name}_{count}" if count else name


def reset_names() -> None:
    """Start numbering automatic names again."""
    _counts.clear()
