"""CIFAR-10: 60,000 colour pictures of 32x32 pixels (Krizhevsky), read from the binary version."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fastnn.datasets.files import DAMAGE, Array, Split, checked_labels, damaged, fetch, find, read_exactly

URL = "https://www.cs.toronto.edu/~kriz/"
ARCHIVE = "cifar-10-binary.tar.gz"
# Of the archive at URL, as published by TensorFlow Datasets (url_checksums/cifar10.txt).
SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
FOLDER = "cifar-10-batches-bin"
BATCHES = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
RECORD = 1 + 3 * 32 * 32  # the label, then the red, green and blue planes
RULE = "a batch of CIFAR-10's binary version: records of 3073 bytes"


def load_data() -> Split:
    """CIFAR-10 as Keras returns it.

    Classes: airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck. Read from
    ``$FASTNN_DATA_DIR/cifar10`` or the cache directory: the archive cifar-10-binary.tar.gz, or the six .bin files, in
    their folder cifar-10-batches-bin or without it; else the archive is downloaded into the cache.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        uint8: x (n, 32, 32, 3) of 0 to 255, y (n, 1) of 0 to 9; n is 50,000 and 10,000.

    Raises
    ------
    FileNotFoundError
        If the files are neither there nor can be downloaded.
    ValueError
        If a file is damaged or something else.

    Examples
    --------
    >>> from fastnn.datasets import cifar10
    >>> (x_train, y_train), (x_test, y_test) = cifar10.load_data()  # doctest: +SKIP
    """
    loose = [find("cifar10", [f"{FOLDER}/{batch}", batch]) for batch in BATCHES]
    found = [path for path in loose if path is not None]
    if len(found) == len(BATCHES):
        batches = [parsed(path, path.read_bytes()) for path in found]
    else:
        archive = find("cifar10", [ARCHIVE]) or fetch("cifar10", URL, ARCHIVE, SHA256, [ARCHIVE])
        batches = list(from_archive(archive))
    x_train, y_train = (np.concatenate(parts) for parts in zip(*batches[:-1], strict=True))
    return (x_train, y_train), batches[-1]


def from_archive(path: Path) -> Iterator[tuple[Array, Array]]:
    """The batches, read from the archive member by member; nothing is extracted."""
    contents: dict[str, Array] = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                batch = member.name.rsplit("/", 1)[-1]
                stream = archive.extractfile(member) if batch in BATCHES and member.isfile() else None
                if stream is not None:
                    contents[batch] = read_exactly(stream, member.size)
    except (tarfile.TarError, *DAMAGE) as error:
        damaged("cifar10", path, "a gzipped tar archive", f"a damaged one ({error})")
    for batch in BATCHES:
        if batch not in contents:
            damaged("cifar10", path, f"an archive with {batch}", f"one with {', '.join(contents) or 'no batch'}")
        yield parsed(path / batch, contents[batch])


def parsed(path: Path, data: bytes | Array) -> tuple[Array, Array]:
    """Images (n, 32, 32, 3) and labels (n, 1) of one batch."""
    records = np.frombuffer(data, np.uint8)
    if not records.size or records.size % RECORD:
        damaged("cifar10", path, RULE, f"{records.size} bytes")
    records = records.reshape(-1, RECORD)
    labels = checked_labels("cifar10", path, records[:, :1].copy(), len(records))
    return np.ascontiguousarray(records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)), labels
