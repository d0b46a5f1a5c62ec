"""A Sequential model in one .npz file: its configuration as JSON text, its weights as plain arrays.

The file is an uncompressed ZIP archive of .npy members, so `numpy.load(path)` reads it anywhere:

    config.npy      one text: {"format": "fastnn-npz", "format_version": 1, "fastnn_version", "class_name", "config"}
    weights/0.npy   float32 or float64, in the order of ``model.weights``, with the names kernel and bias in the config
    ...

Reading trusts nothing. Members are read one by one and never extracted; `pickle` is never reached, because each
array's header is checked (dtype, shape, order) before its bytes are; a declared size that differs from what the
configuration's own layers need is an error, so a small file cannot claim a large array; layers are looked up among
fastnn's own, never imported.
"""

from __future__ import annotations

import ast
import io
import json
import math
import os
import zipfile
from typing import Any

import numpy as np
import numpy.typing as npt

import fastnn
from fastnn import errors, registry
from fastnn.models import Functional, Sequential
from fastnn.saving.atomic import atomic_write, check_target

FORMAT = "fastnn-npz"
FORMAT_VERSION = 1
MOST_CONFIG_BYTES = 16 << 20
MOST_HEADER_BYTES = 64 << 10
SUFFIX = ".npz"
KINDS: dict[str, type[Sequential | Functional]] = {"Sequential": Sequential, "Functional": Functional}


def save_npz(model: Sequential | Functional, path: str | os.PathLike[str]) -> None:
    """Save a model's configuration and weights; optimizer state and compile arguments are not part of the file.

    Parameters
    ----------
    model : Sequential or Functional
        Built: it has weights to save.
    path : str or path-like
        Ends in ``.npz``. The file is written completely or not at all.

    Raises
    ------
    ValueError
        If the model is not built, or the name has another ending.
    TypeError
        If ``model`` is a class of your own.

    Examples
    --------
    >>> import os, tempfile, numpy as np, fastnn
    >>> from fastnn.saving import load_npz, save_npz
    >>> model = fastnn.Sequential([fastnn.Input((3,)), fastnn.layers.Dense(2)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_npz(model, os.path.join(folder, "model.npz"))
    ...     again = load_npz(os.path.join(folder, "model.npz"))
    >>> x = np.ones((1, 3), np.float32)
    >>> bool((model.predict(x, verbose=0) == again.predict(x, verbose=0)).all())
    True
    """
    if type(model) not in KINDS.values():
        raise errors.type_error("save_npz", "model", "a Sequential or Functional", errors.Shown(type(model).__name__))
    check_target("save_npz", path, SUFFIX, argument="path")
    if not model.built:
        raise errors.value_error(
            "save_npz", "model", "built", errors.Shown(f"{model.name!r} without weights"),
            "Call it on data, or give it an Input, first.",
        )
    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "fastnn_version": fastnn.__version__,
        "class_name": type(model).__name__,
        "config": model.get_config(),
    }
    with atomic_write(path) as file, zipfile.ZipFile(file, "w") as archive:
        _write_member(archive, "config", np.array(json.dumps(header, allow_nan=False, default=registry.serialize)))
        for number, weight in enumerate(model.get_weights()):
            _write_member(archive, f"weights/{number}", weight)


def load_npz(path: str | os.PathLike[str]) -> Any:
    """Make the model that `save_npz` saved: built, with its weights, not compiled.

    Parameters
    ----------
    path : str or path-like
        Any file: one that is damaged or was not written by `save_npz` is an error that says what is wrong.

    Returns
    -------
    Sequential or Functional

    Raises
    ------
    ValueError
        If the file is not what `save_npz` writes; nothing it names is ever imported or executed.
    OSError
        If it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _read_model(os.fspath(path), archive)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:  # what zipfile raises on damage
        raise _wrong(path, "an undamaged archive", str(error)) from None


def _wrong(path: object, rule: str, got: str) -> ValueError:
    text = got if len(got) <= 200 else got[:197] + "..."
    return errors.value_error("load_npz", f"the file {os.fspath(path)!r}", rule, errors.Shown(text))  # type: ignore[call-overload]


def _write_member(archive: zipfile.ZipFile, name: str, array: npt.NDArray[Any]) -> None:
    content = io.BytesIO()
    in_c_order = np.ascontiguousarray(array).reshape(array.shape)
    np.lib.format.write_array(content, in_c_order, version=(1, 0), allow_pickle=False)
    # A fixed time stamp: the same model gives the same bytes.
    archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), content.getvalue())


def _read_model(path: str, archive: zipfile.ZipFile) -> Any:
    names = archive.namelist()
    count = len(names) - 1
    if sorted(names) != sorted(["config.npy", *(f"weights/{i}.npy" for i in range(count))]):
        shown = ", ".join(repr(name) for name in sorted(names)[:8])
        raise _wrong(path, "of the members config.npy and weights/0.npy, weights/1.npy, ...", shown or "no members")
    header = _read_header(path, archive)
    try:
        model = KINDS[header["class_name"]].from_config(header["config"])
    except KeyError as error:
        raise _wrong(path, f"the configuration of a {header['class_name']} model", f"one without {error}") from None
    except (ValueError, TypeError, AttributeError, IndexError, NotImplementedError, RecursionError) as error:
        raise _wrong(path, f"the configuration of a {header['class_name']} model", str(error)) from None
    if not model.built:
        raise _wrong(path, "the configuration of a built model", "one without an input shape")
    weights = model.weights
    if len(weights) != count:
        raise _wrong(path, f"of {len(weights)} weights, as its configuration says", f"{count} arrays")
    arrays = [_read_weight(path, archive, i, weight.shape, weight.dtype) for i, weight in enumerate(weights)]
    model.set_weights(arrays)
    return model


def _read_header(path: str, archive: zipfile.ZipFile) -> dict[str, Any]:
    size = archive.getinfo("config.npy").file_size
    if size > MOST_CONFIG_BYTES:
        raise _wrong(path, f"a configuration of at most {MOST_CONFIG_BYTES} bytes", f"{size}")
    with archive.open("config.npy") as file:
        content = file.read(MOST_CONFIG_BYTES)
    begin, dtype, shape = _npy_header(path, "config.npy", content)
    if dtype.kind != "U" or shape != () or len(content) - begin != dtype.itemsize:
        raise _wrong(path, "a configuration that is one text", f"dtype {dtype}, shape {shape}")
    try:
        header = json.loads(content[begin:].decode("utf-32-le" if dtype.byteorder != ">" else "utf-32-be").rstrip("\0"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise _wrong(path, "a configuration in JSON", str(error)) from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise _wrong(path, f"a model saved by save_npz (format {FORMAT!r})", repr(header)[:80])
    if header.get("format_version") != FORMAT_VERSION:
        raise _wrong(path, f"of format version {FORMAT_VERSION}", f"{header.get('format_version')!r}")
    if header.get("class_name") not in KINDS or not isinstance(header.get("config"), dict):
        raise _wrong(path, "the configuration of a Sequential or Functional model", repr(header.get("class_name")))
    return header


def _read_weight(
    path: str, archive: zipfile.ZipFile, number: int, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> npt.NDArray[Any]:
    """One array, after its header was compared with what the model needs."""
    name = f"weights/{number}.npy"
    expected = math.prod(shape) * dtype.itemsize
    declared = archive.getinfo(name).file_size
    if not expected < declared <= expected + MOST_HEADER_BYTES:
        raise _wrong(path, f"an array of shape {shape} in {name} ({expected} bytes and a header)", f"{declared} bytes")
    with archive.open(name) as file:
        content = file.read(declared + 1)
    begin, found, found_shape = _npy_header(path, name, content)
    if found_shape != shape or found.kind != "f" or found.itemsize != dtype.itemsize:
        raise _wrong(path, f"{dtype} of shape {shape} in {name}", f"{found} of shape {found_shape}")
    if len(content) - begin != expected:
        raise _wrong(path, f"{expected} bytes of numbers in {name}", f"{len(content) - begin}")
    return np.frombuffer(content, found, offset=begin).reshape(shape).astype(dtype)


def _npy_header(path: str, name: str, content: bytes) -> tuple[int, np.dtype[Any], tuple[int, ...]]:
    """Where the data begin, their dtype and shape, of a .npy member (NEP 1, versions 1 and 2; C order).

    Written here rather than left to `numpy.lib.format.read_array`, so that no object dtype can reach a pickle.
    """
    width = {b"\x93NUMPY\x01\x00": 2, b"\x93NUMPY\x02\x00": 4}.get(content[:8], 0)
    begin = 8 + width + int.from_bytes(content[8 : 8 + width], "little")
    if not width or begin > min(len(content), MOST_HEADER_BYTES):
        raise _wrong(path, f"a NumPy array in {name}", "a damaged header")
    try:
        fields = ast.literal_eval(content[8 + width : begin].decode("latin1").strip())
        dtype, shape = np.dtype(str(fields["descr"])), fields["shape"]
        fine = fields["fortran_order"] is False and isinstance(shape, tuple)
        fine = fine and all(type(n) is int and n >= 0 for n in shape)
    except (ValueError, TypeError, KeyError, SyntaxError, MemoryError, RecursionError):
        fine = False
    if not fine or dtype.hasobject or dtype.fields is not None or dtype.subdtype is not None:
        raise _wrong(path, f"an array of numbers in C order in {name}", "another header")
    return begin, dtype, shape
