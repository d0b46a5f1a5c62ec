"""Write a file completely or not at all, where it may be written."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from fastnn import errors


def check_target(
    who: str, path: str | os.PathLike[str], suffix: str, overwrite: bool = True, argument: str = "filepath"
) -> None:
    """The ending, the folder, and whether a file may be replaced: found out before anything is computed."""
    name = str(os.fspath(path))
    if not name.endswith(suffix):
        raise errors.value_error(who, argument, f"a name that ends in {suffix}", name)
    folder = os.path.dirname(os.path.realpath(name))
    if not os.path.isdir(folder):
        raise errors.value_error(who, argument, "in a folder that exists", name, f"Make {folder} first.")
    if not overwrite and os.path.exists(name):
        raise errors.value_error(who, argument, "new where overwrite=False", name)


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a temporary file that becomes ``path`` when the block ends, and vanishes when it raises.

    The bytes reach the disk (fsync) before the rename, and the rename before the return, so a reader, or a machine
    that lost its power, finds the old file or the new one, never a part.

    Parameters
    ----------
    path : str or path-like
        Its folder must exist. An existing file is replaced and keeps its permissions.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "a.bin")
    ...     with atomic_write(path) as file:
    ...         _ = file.write(b"abc")
    ...     path.read_bytes()
    b'abc'
    """
    target = Path(os.path.realpath(path))  # through a symbolic link, so that the link survives
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _permissions(target))
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    _sync_folder(target.parent)


def _permissions(target: Path) -> int:
    """Those of the file that is replaced, else what `open` would give a new one."""
    try:
        return target.stat().st_mode & 0o777
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system can (not on Windows)."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
