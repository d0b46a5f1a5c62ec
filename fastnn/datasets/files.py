"""Finding, downloading and reading the files of a data set.

Files that a user put in place are judged by their contents (magic number, shape, labels); downloads also by SHA-256.
"""

from __future__ import annotations

import gzip
import os
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, NoReturn, TypeAlias

import numpy as np
import numpy.typing as npt

from fastnn import errors

Array: TypeAlias = npt.NDArray[np.uint8]
Split: TypeAlias = tuple[tuple[Array, Array], tuple[Array, Array]]
# What reading a damaged archive raises, beyond ValueError.
DAMAGE = (EOFError, OSError, zlib.error)


def cache_folder() -> Path:
    """Where downloads are kept: the platform's place for caches."""
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "fastnn"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "fastnn" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "fastnn"


def folders(name: str) -> list[Path]:
    """Where the files of a data set may lie, in the order in which they are looked for."""
    own = os.environ.get("FASTNN_DATA_DIR")
    return [*([Path(own).expanduser() / name] if own else []), cache_folder() / name]


def find(name: str, file_names: list[str]) -> Path | None:
    """The first of these files that exists, in the first folder that has one."""
    for folder in folders(name):
        for file_name in file_names:
            if (folder / file_name).is_file():
                return folder / file_name
    return None


def fetch(name: str, base_url: str, file_name: str, sha256: str, all_names: list[str]) -> Path:
    """Download one file into the cache.

    Raises
    ------
    FileNotFoundError
        If pooch is not installed or the download fails, with what to do in one line.
    """
    target = cache_folder() / name
    by_hand = f"put {', '.join(all_names)} into {folders(name)[0]}"
    try:
        import pooch
    except ImportError:
        raise FileNotFoundError(
            f"{name}.load_data: {file_name} was not found in {' or '.join(map(str, folders(name)))}. "
            f'To download it, pip install "fastnn[datasets]"; or {by_hand} (FASTNN_DATA_DIR names another directory).'
        ) from None
    try:
        return Path(pooch.retrieve(
            base_url + file_name, known_hash=f"sha256:{sha256}", fname=file_name, path=target,
            progressbar=sys.stderr.isatty(),
        ))  # fmt: skip
    except Exception as error:  # requests, urllib and pooch raise many kinds
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FileNotFoundError(
            f"{name}.load_data: {base_url}{file_name} could not be downloaded ({reason}). Try again, or {by_hand}."
        ) from error


def damaged(name: str, path: Path, rule: str, got: str) -> NoReturn:
    """The one error for a file that is not what it should be."""
    fix = "Delete the file and load again, or replace it."
    raise errors.value_error(f"{name}.load_data", f"the file {path}", rule, errors.Shown(got), fix) from None


def read_exactly(stream: IO[bytes] | gzip.GzipFile, count: int) -> Array:
    """The next ``count`` bytes; EOFError if there are fewer."""
    data = bytearray()
    while len(data) < count:
        piece = stream.read(min(count - len(data), 1 << 24))  # a damaged header may claim far too many
        if not piece:
            raise EOFError(f"{count - len(data)} of {count} bytes are missing")
        data += piece
    return np.frombuffer(data, np.uint8)


def read_idx(name: str, path: Path, item_shape: tuple[int, ...]) -> Array:
    """An IDX file of unsigned bytes, gzipped or not, of shape (n, *item_shape).

    The format: two zero bytes, the type (8: uint8), the number of axes, each extent in 4 big-endian bytes, the data.
    """
    shown = "(" + ", ".join(["n", *map(str, item_shape)]) + ("," if not item_shape else "") + ")"
    rule = f"an IDX file of bytes of shape {shown}"
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as stream:
            magic = bytes(read_exactly(stream, 4))
            if magic != bytes([0, 0, 8, 1 + len(item_shape)]):
                damaged(name, path, rule, f"one that begins with the bytes {magic.hex(' ')}")
            shape = tuple(np.frombuffer(bytes(read_exactly(stream, 4 * (1 + len(item_shape)))), ">u4").tolist())
            if shape[1:] != item_shape:
                damaged(name, path, rule, f"shape {shape}")
            data = read_exactly(stream, int(np.prod(shape, dtype=np.int64)))
            if stream.read(1):
                damaged(name, path, rule, f"more bytes than shape {shape} has")
    except DAMAGE as error:
        damaged(name, path, rule, f"a damaged one ({error})")
    return data.reshape(shape)


def checked_labels(name: str, path: Path, labels: Array, count: int, classes: int = 10) -> Array:
    """The labels, if there are as many as images and all are class numbers."""
    if len(labels) != count:
        damaged(name, path, f"as long as the images ({count})", f"{len(labels)} labels")
    if labels.size and labels.max() >= classes:
        damaged(name, path, f"labels from 0 to {classes - 1}", f"{int(labels.max())}")
    return labels


def load_idx_set(name: str, base_url: str, sha256: Mapping[str, str]) -> Split:
    """The four files of MNIST or a set in its format: ``sha256`` maps their names, in MNIST's order, to the hashes."""
    names = list(sha256)
    arrays: list[Any] = []
    for i, file_name in enumerate(names):
        path = find(name, [file_name, file_name.removesuffix(".gz")])
        path = path or fetch(name, base_url, file_name, sha256[file_name], names)
        array = read_idx(name, path, (28, 28) if i % 2 == 0 else ())
        arrays.append(array if i % 2 == 0 else checked_labels(name, path, array, len(arrays[-1])))
    return (arrays[0], arrays[1]), (arrays[2], arrays[3])
