"""Weights in HDF5 as Keras 3 lays them out (``.weights.h5``): what one of the two libraries writes, the other reads.

    vars/0, 1, ...                                  the model's own variables
    layers/conv2d/vars/0, ...                       those of its layers, called by their class, numbered
    layers/sequential/layers/dense/vars/0, ...      those of a model within
    encoder/vars/0, ...                             layers that a subclass holds in attributes
    optimizer/vars/0, 1, ...                        steps, learning rate, slots

Reading trusts nothing: only plain datasets inside of the file are read (no links to other files, no external or virtual
storage), each after its shape was compared with the variable's, and no variable changes before all are read.
"""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

import numpy as np

from fastnn import errors, registry
from fastnn.autograd import Array, Variable
from fastnn.layers.base import Layer
from fastnn.models.model import Model
from fastnn.saving.atomic import atomic_write, check_target

SUFFIX = ".weights.h5"
STEMS = ("Sequential", "Functional")  # models that are made of `layers`


class Place(NamedTuple):
    """An object with variables, and where they are in the file."""

    path: str
    name: str
    variables: list[Variable]


def h5py(who: str) -> Any:
    """The module h5py, or the error that says how to get it."""
    try:
        return importlib.import_module("h5py")
    except ImportError:
        raise ImportError(f'{who} needs the package h5py: pip install "fastnn[keras]".') from None


def save_weights(
    model: Model, filepath: str | os.PathLike[str], overwrite: bool = True, max_shard_size: None = None
) -> None:
    """Save the weights of a model, and its optimizer's state if it has been trained.

    Parameters
    ----------
    model : Model
        Built.
    filepath : str or path-like
        Ends in ``.weights.h5``. The file is written completely or not at all.
    overwrite : bool
        Replace a file that exists; False is an error then.
    max_shard_size
        Keras's; left out here, only None is accepted.
    """
    who = f"{model._who}.save_weights"
    errors.check_left_out(who, max_shard_size=max_shard_size)
    check_target(who, filepath, SUFFIX, overwrite)
    if not model.built:
        raise _unbuilt(who)
    h5py(who)
    with atomic_write(filepath) as file:
        write(model, file)


def load_weights(model: Model, filepath: str | os.PathLike[str], skip_mismatch: bool = False) -> None:
    """Read the weights of a model, and its optimizer's state if both have one, from a file of `save_weights` or Keras.

    Parameters
    ----------
    model : Model
        Built, of the same layers.
    filepath : str or path-like
        Ends in ``.weights.h5``.
    skip_mismatch : bool
        Leave variables as they are, with a warning, where the file has none or one of another shape.

    Raises
    ------
    ValueError
        If the file does not fit; nothing is changed then.
    """
    who = f"{model._who}.load_weights"
    name = os.fspath(filepath)
    if not str(name).removesuffix(".bkp").endswith(SUFFIX):
        raise errors.value_error(who, "filepath", f"a name that ends in {SUFFIX}", name)
    if not model.built:
        raise _unbuilt(who)
    with open(filepath, "rb") as file:
        read(who, model, file, skip_mismatch)


def _unbuilt(who: str) -> ValueError:
    fix = "Call it on data, or give it an Input, first."
    return errors.value_error(who, "the model", "built", errors.Shown("one without weights"), fix)


# ---- what is where ------------------------------------------------------------------------------------------------


def places(thing: Any, path: str = "", seen: set[int] | None = None) -> Iterator[Place]:
    """The object and all below it that have variables, each once, in Keras's order."""
    seen = set() if seen is None else seen
    if id(thing) in seen:
        return
    seen.add(id(thing))
    yield Place(path, thing.name, _own_variables(thing))
    for name, child in _children(thing):
        below = f"{path}/{name}".lstrip("/")
        if isinstance(child, (list, tuple, dict)):
            counts: dict[str, int] = {}
            for part in child.values() if isinstance(child, dict) else child:
                if isinstance(part, Layer):
                    kind = registry.snake_case(type(part).__name__)
                    number = counts.get(kind, 0)
                    counts[kind] = number + 1
                    yield from places(part, f"{below}/{kind}_{number}" if number else f"{below}/{kind}", seen)
        else:
            yield from places(child, below, seen)


def _own_variables(thing: Any) -> list[Variable]:
    if not isinstance(thing, Layer):
        return list(thing.variables)  # an optimizer
    found = [*thing._trainable_weights, *thing._non_trainable_weights]
    known = {id(variable) for variable in found}
    return found + [v for v in vars(thing).values() if isinstance(v, Variable) and id(v) not in known]


def _children(thing: Any) -> Iterator[tuple[str, Any]]:
    """Layers, containers of layers and the optimizer that an object has, under the names of its attributes."""
    if not isinstance(thing, Layer):
        return
    stem = any(base.__name__ in STEMS and base.__module__.startswith("fastnn.") for base in type(thing).__mro__)
    if stem:
        yield "layers", thing.layers  # type: ignore[attr-defined]  # of a Sequential or Functional
    own = type(thing).__module__.startswith("fastnn.")
    for name in sorted(vars(thing)):
        value = vars(thing)[name]
        # What our own classes hold in private attributes is their bookkeeping; what users hold there is a part.
        if (name.startswith("_") and (own or stem)) or name in _BOOKKEEPING:
            continue
        if name == "optimizer":
            if value is not None and value.built:
                yield name, value
        elif isinstance(value, Layer) or isinstance(value, (list, tuple, dict)):
            yield name, value


_BOOKKEEPING = frozenset({"_layers", "_constraints", "_call_losses", "_trainable_weights", "_non_trainable_weights"})


# ---- bytes --------------------------------------------------------------------------------------------------------


def write(model: Model, file: IO[bytes]) -> None:
    """Write all variables into an open file."""
    with h5py("saving").File(file, "w") as root:
        for place in places(model):
            group = root.require_group(f"{place.path}/vars".lstrip("/"))
            group.attrs["name"] = place.name
            for number, variable in enumerate(place.variables):
                group.create_dataset(str(number), data=variable.numpy())


def read(who: str, model: Model, file: IO[bytes], skip_mismatch: bool = False) -> None:
    """Read all variables from an open file, then assign them."""
    module = h5py(who)
    try:
        with module.File(file, "r") as root:
            if model.optimizer is not None and not model.optimizer.built and _group(root, "optimizer/vars") is not None:
                model.optimizer.build(model.trainable_variables)
            found = [pair for place in places(model) for pair in _read_place(who, root, place, skip_mismatch)]
    except OSError as error:
        raise errors.value_error(who, "the file", "an HDF5 file", errors.Shown(str(error))) from None
    for variable, array in found:
        variable.assign(array)


def _read_place(who: str, root: Any, place: Place, skip_mismatch: bool) -> Iterator[tuple[Variable, Array]]:
    group = _group(root, f"{place.path}/vars".lstrip("/"))
    if place.path == "optimizer" and (group is None or len(group) != len(place.variables)):
        if group is not None:
            warnings.warn(
                f"{who}: the optimizer's state is left as it is: the file has {len(group)} variables of it, "
                f"{place.name!r} has {len(place.variables)}.",
                stacklevel=5,
            )
        return
    for number, variable in enumerate(place.variables):
        where = f"{place.path}/vars/{number}".lstrip("/")
        dataset = None if group is None else _dataset(group, str(number))
        if dataset is None:
            problem = "nothing there"
        elif dataset.shape != variable.shape:
            problem = f"shape {dataset.shape}"
        elif dataset.dtype.kind not in "fiub":
            problem = f"dtype {dataset.dtype}"
        else:
            yield variable, np.asarray(dataset[()])
            continue
        if not skip_mismatch:
            rule = f"of shape {variable.shape}, as {place.name!r} needs"
            fix = "Build the same layers, or pass skip_mismatch=True."
            raise errors.value_error(who, f"{where} of the file", rule, errors.Shown(problem), fix)
        warnings.warn(f"{who}: {place.name!r} keeps its {variable.name}: {where} is {problem}.", stacklevel=5)


def _group(root: Any, path: str) -> Any:
    """A group of this very file, or None."""
    module = h5py("")
    for part in path.split("/"):
        if not isinstance(root.get(part, getlink=True), module.HardLink):
            return None
        root = root[part]
        if not isinstance(root, module.Group):
            return None
    return root


def _dataset(group: Any, name: str) -> Any:
    """A dataset whose numbers lie in this very file, or None."""
    module = h5py("")
    if not isinstance(group.get(name, getlink=True), module.HardLink):
        return None
    dataset = group[name]
    plain = isinstance(dataset, module.Dataset) and not dataset.is_virtual and not dataset.external
    return dataset if plain else None
