"""Names -> objects: what strings and configurations like ``"relu"`` or ``{"class_name": "L2", ...}`` stand for.

Each module with such names (activations, initializers, regularizers, losses, metrics, optimizers) makes one
`Registry`. `serialize` and `deserialize` turn any object with ``get_config`` into Keras's JSON form and back. Reading a
configuration never imports or runs anything but the public classes of this package and those the caller passes.
"""

from __future__ import annotations

import importlib
import inspect
import re
import threading
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from fastnn import errors

Thing = TypeVar("Thing", bound=Callable[..., Any])
CustomObjects = Mapping[str, Any]

# The modules whose classes a configuration may name.
MODULES = (
    "layers", "initializers", "regularizers", "constraints", "activations", "losses", "metrics", "optimizers",
    "optimizers.schedules", "random", "models",
)


# Classes that Keras writes under the name of a module that is not public.
HIDDEN = {"Functional": "keras.src.models.functional"}


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

    def find(
        self, name: str, custom_objects: CustomObjects | None = None, registered_name: str | None = None
    ) -> Callable[..., Any]:
        """The class or function of that name, or registered under a longer one."""
        custom = find_custom(name, custom_objects, registered_name or "")
        if custom is not None:
            return custom  # type: ignore[no-any-return]
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
        found = self.find(name, custom_objects, config.get("registered_name"))
        return found if config.get("class_name") == "function" else _construct(found, arguments, custom_objects)


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
        home = HIDDEN.get(cls.__name__, _public_module(cls)) if _public_module(cls) else None
        return {
            "module": home or cls.__module__,
            "class_name": cls.__name__,
            "config": thing.get_config(),
            "registered_name": None if home and cls.__name__ not in HIDDEN else get_registered_name(cls),
        }
    name = getattr(thing, "__name__", "")
    if _public_module(thing) and name:
        return name
    if isinstance(thing, types.FunctionType) and name != "<lambda>":
        known = get_registered_name(thing)
        return {"module": "builtins", "class_name": "function", "config": name, "registered_name": known}
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
    if custom_objects:  # they count for what is within, too
        with custom_object_scope(custom_objects):
            return deserialize(config)
    name, arguments = _open_envelope(config)
    is_function = config.get("class_name") == "function"
    registered = config.get("registered_name")
    thing = find_custom(name, None, registered if isinstance(registered, str) else "")
    if thing is None:
        thing = _find_public(name, str(config.get("module") or ""), is_function)
    return thing if is_function else _construct(thing, arguments, None)


def serialize_keras_object(obj: Any) -> Any:
    """An object as Keras writes it to JSON: a dict with ``module``, ``class_name``, ``config``, ``registered_name``."""
    return serialize(obj)


def deserialize_keras_object(config: Any, custom_objects: Any = None, safe_mode: bool = True, **kwargs: Any) -> Any:
    """The object that `serialize_keras_object` described.

    ``safe_mode`` makes no difference: code is never read from a configuration.
    """
    for unknown in kwargs:
        raise errors.unknown_argument("deserialize_keras_object", unknown, ("custom_objects", "safe_mode"))
    return deserialize(config, custom_objects)


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
    if parts[0] == "ops" and len(parts) > 1:
        part = parts[1]
    else:
        part = ".".join(parts[:2]) if ".".join(parts[:2]) in MODULES else parts[0]
    return "keras" if part == "models" else f"keras.{part}"


def _find_public(name: str, module: str, is_function: bool) -> Any:
    """The public class or function of that name in the module, or anywhere if the module does not say."""
    if module.startswith("keras.src.ops."):
        from fastnn import symbolic  # graphs are built on this module

        found = symbolic.find_operation_class(name)
        if found is None:
            raise errors.value_error("deserialize", "class_name", "the name of an op of fastnn.ops", name)
        return found
    parts = [part for part in reversed(MODULES) if f".{part}." in f".{module}."][:1] or MODULES
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


# ---- objects of the user's own -------------------------------------------------------------------------------------

_custom_objects: dict[str, Any] = {}


class _Scopes(threading.local):
    """The custom objects of each `custom_object_scope` that the thread is in, the inner ones last."""

    def __init__(self) -> None:
        self.open: list[CustomObjects] = []


_scopes = _Scopes()
_registered_names: dict[Any, str] = {}


def find_custom(name: str, custom_objects: CustomObjects | None = None, registered_name: str = "") -> Any:
    """What the user calls by a name: in the given dict, in a scope, or registered; None if nothing."""
    for objects in (custom_objects or {}, *reversed(_scopes.open), _custom_objects):
        for each in (registered_name, name):
            if each in objects:
                return objects[each]
    return None


def get_custom_objects() -> dict[str, Any]:
    """The dict of all custom objects by name; entries may be added."""
    return _custom_objects


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Thing], Thing]:
    """A decorator: configurations may name this class or function.

    Parameters
    ----------
    package : str
        It is known as "package>name".
    name : str, optional
        Default: its own.

    Examples
    --------
    >>> @register_keras_serializable("shapes")
    ... class Square: pass
    >>> get_registered_name(Square), get_registered_object("shapes>Square") is Square
    ('shapes>Square', True)
    """

    def register(thing: Thing) -> Thing:
        if inspect.isclass(thing) and not hasattr(thing, "get_config") and hasattr(thing, "from_config"):
            raise errors.type_error("register_keras_serializable", "the class", "one with get_config()", thing)
        known = f"{package}>{name or thing.__name__}"
        _custom_objects[known] = thing
        _registered_names[thing] = known
        return thing

    return register


def get_registered_name(obj: Any) -> str:
    """The name under which a class or function is registered, else its own."""
    known = _registered_names.get(obj) if obj.__hash__ is not None else None
    return known or str(obj.__name__)


def get_registered_object(
    name: str, custom_objects: CustomObjects | None = None, module_objects: CustomObjects | None = None
) -> Any:
    """The class or function that is known by a name; None if there is none."""
    found = find_custom(name, custom_objects)
    return found if found is not None else (module_objects or {}).get(name)


class custom_object_scope:
    """Inside of ``with custom_object_scope({"Mine": Mine}):``, configurations may name these classes and functions.

    Examples
    --------
    >>> class Mine: pass
    >>> with custom_object_scope({"Mine": Mine}):
    ...     get_registered_object("Mine") is Mine
    True
    >>> get_registered_object("Mine") is None
    True
    """

    def __init__(self, custom_objects: CustomObjects) -> None:
        self.custom_objects = dict(custom_objects or {})

    def __enter__(self) -> custom_object_scope:
        _scopes.open.append(self.custom_objects)
        return self

    def __exit__(self, *exc: object) -> None:
        _scopes.open.pop()


CustomObjectScope = custom_object_scope


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
    count = next_number(name)
    return f"{name}_{count}" if count else name


def next_number(name: str) -> int:
    """The next number, from 0, of those that have this name."""
    count = _counts.get(name, 0)
    _counts[name] = count + 1
    return count


def reset_names() -> None:
    """Start numbering automatic names again."""
    _counts.clear()
