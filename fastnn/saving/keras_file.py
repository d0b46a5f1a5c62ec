"""Whole models in Keras 3's ``.keras`` files: what one of the two libraries writes, the other reads.

The file is an uncompressed ZIP archive of

    metadata.json        {"keras_version", "date_saved"}
    config.json          the model as `Model.get_config` describes it, and how it was compiled
    model.weights.h5     all variables, the optimizer's included (hdf5.py)

Reading looks classes up among fastnn's own, those registered and those passed; it imports and executes nothing that a
file names, and members are read one by one, never extracted.
"""

from __future__ import annotations

import datetime
import io
import json
import os
import warnings
import zipfile
from typing import Any

from fastnn import errors, registry
from fastnn.models.model import Model
from fastnn.saving import hdf5
from fastnn.saving.atomic import atomic_write, check_target

SUFFIX = ".keras"
KERAS_VERSION = "3.15.1"  # whose format is written
MEMBERS = ("metadata.json", "config.json", "model.weights.h5")
MOST_CONFIG_BYTES = 64 << 20
MOST_MORE_BYTES = 64 << 20  # of an HDF5 file, beside its numbers


def save(model: Model, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Write a model with its weights, how it was compiled, and the optimizer's state."""
    who = f"{model._who}.save"
    check_target(who, filepath, SUFFIX, overwrite)
    hdf5.h5py(who)
    config = registry.serialize(model)
    config["build_config"] = {"input_shape": getattr(model, "_build_shape", None)}
    compiled = model.get_compile_config() if model.compiled else None
    if compiled:
        config["compile_config"] = compiled
    weights = io.BytesIO()
    hdf5.write(model, weights)
    date = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    metadata = {"keras_version": KERAS_VERSION, "date_saved": date}
    written = json.dumps(config, default=registry.serialize)
    contents = (json.dumps(metadata).encode(), written.encode(), weights.getvalue())
    with atomic_write(filepath) as file, zipfile.ZipFile(file, "w") as archive:
        for name, content in zip(MEMBERS, contents, strict=True):
            archive.writestr(name, content)


def load(filepath: str | os.PathLike[str], custom_objects: Any = None, compile: bool = True) -> Model:
    """Make the model of a file: with its weights, and compiled as it was."""
    hdf5.h5py("load_model")
    if not os.path.exists(filepath):
        raise errors.value_error("load_model", "filepath", "a file that exists", os.fspath(filepath))
    try:
        with zipfile.ZipFile(filepath) as archive:
            config = json.loads(_member(filepath, archive, "config.json", MOST_CONFIG_BYTES))
            if not isinstance(config, dict):
                raise _wrong(filepath, "a configuration of a model", type(config).__name__)
            model = _model(filepath, config, custom_objects)
            if compile and config.get("compile_config"):
                _compile(model, config["compile_config"], custom_objects)
            most = sum(variable.data.nbytes for variable in model.variables) * 4 + MOST_MORE_BYTES
            content = _member(filepath, archive, "model.weights.h5", most)
    except (zipfile.BadZipFile, json.JSONDecodeError, UnicodeDecodeError, EOFError, RecursionError) as error:
        raise _wrong(filepath, "an undamaged archive", str(error)) from None
    hdf5.read("load_model", model, io.BytesIO(content))
    return model


def _model(filepath: Any, config: dict[str, Any], custom_objects: Any) -> Model:
    model = registry.deserialize(config, custom_objects)
    if not isinstance(model, Model):
        raise _wrong(filepath, "the configuration of a model", type(model).__name__)
    shape = (config.get("build_config") or {}).get("input_shape")
    if not model.built and shape is not None:
        model.build(tuple(shape))
    return model


def _compile(model: Model, config: dict[str, Any], custom_objects: Any) -> None:
    """As it was compiled; where that is not possible here, the model is left uncompiled, with a warning."""
    try:
        with registry.custom_object_scope(custom_objects or {}):
            model.compile_from_config(config)
    except (ValueError, TypeError, KeyError) as error:
        warnings.warn(f"load_model: the model is not compiled: {error}", stacklevel=4)


def _member(filepath: Any, archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    try:
        declared = archive.getinfo(name).file_size
    except KeyError:
        raise _wrong(filepath, f"one with the member {name}", ", ".join(archive.namelist()[:8])) from None
    if declared > most:
        raise _wrong(filepath, f"one with at most {most} bytes in {name}", str(declared))
    with archive.open(name) as file:
        return file.read(most + 1)


def _wrong(filepath: Any, rule: str, got: str) -> ValueError:
    got = got[:200] or "nothing"
    return errors.value_error("load_model", f"the file {os.fspath(filepath)!r}", rule, errors.Shown(got))
