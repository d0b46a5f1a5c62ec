"""Data sets: digits as embedded, the others from tiny files of the same formats."""

import functools
import gc
import gzip
import hashlib
import http.server
import io
import os
import struct
import sys
import tarfile
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest

from fastnn.datasets import cifar10, digits, fashion_mnist, files, mnist

IDX = {"mnist": mnist, "fashion_mnist": fashion_mnist}
TRAIN, TEST = 5, 3

packed = functools.partial(gzip.compress, mtime=0)  # the same bytes, and so the same test names, every time


def idx(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def images(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 28, 28)).astype(np.uint8)


def labels(n):
    return (np.arange(n) * 3 % 10).astype(np.uint8)


def idx_files(module=mnist):
    contents = [images(TRAIN), labels(TRAIN), images(TEST, 1), labels(TEST)]
    return dict(zip(module.SHA256, map(idx, contents), strict=True))


def cifar_batches():
    rng = np.random.default_rng(0)
    return {name: rng.integers(0, 10, (2, cifar10.RECORD)).astype(np.uint8) for name in cifar10.BATCHES}


def cifar_archive(path, batches, folder="cifar-10-batches-bin/"):
    with tarfile.open(path, "w:gz") as archive:
        for name, records in {"readme.html": np.zeros(3, np.uint8), **batches}.items():
            member = tarfile.TarInfo(folder + name)
            member.size = records.nbytes
            archive.addfile(member, io.BytesIO(records.tobytes()))


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    """An empty FASTNN_DATA_DIR, an empty cache, and no way to download."""
    monkeypatch.setenv("FASTNN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setitem(sys.modules, "pooch", None)
    for name in ("mnist", "fashion_mnist", "cifar10"):
        (tmp_path / "data" / name).mkdir(parents=True)
    return tmp_path / "data"


def test_digits():
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    assert (x_train.shape, y_train.shape, x_test.shape, y_test.shape) == ((1442, 8, 8), (1442,), (355, 8, 8), (355,))
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}
    assert x_train.max() == 16 and x_train.flags.writeable
    # The class counts of the source's documentation.
    counts = np.bincount(y_train) + np.bincount(y_test)
    assert counts.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.bincount(y_test).min() >= 34
    # Every number: the hash of pixels and labels in the source's order, as scikit-learn's copy of the source has them.
    with np.load(digits.FILE) as archive:
        content = archive["x"].tobytes() + archive["y"].tobytes()
    assert hashlib.sha256(content).hexdigest() == "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"
    assert os.path.getsize(digits.FILE) < 100_000


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("name", IDX)
def test_idx_sets_have_the_shapes_of_keras(name, compress, data_dir):
    for file_name, content in idx_files(IDX[name]).items():
        path = data_dir / name / (file_name if compress else file_name.removesuffix(".gz"))
        path.write_bytes(packed(content) if compress else content)
    loaded = [array for part in IDX[name].load_data() for array in part]
    for got, want in zip(loaded, (images(TRAIN), labels(TRAIN), images(TEST, 1), labels(TEST)), strict=True):
        np.testing.assert_array_equal(got, want)
        assert got.dtype == np.uint8 and got.flags.writeable


def test_the_cache_is_looked_at_after_the_data_dir(data_dir, monkeypatch):
    folder = files.cache_folder() / "mnist"
    folder.mkdir(parents=True)
    for file_name, content in idx_files().items():
        (folder / file_name).write_bytes(packed(content))
    np.testing.assert_array_equal(mnist.load_data()[0][0], images(TRAIN))
    (data_dir / "mnist" / "train-images-idx3-ubyte").write_bytes(idx(images(TRAIN, 7)))
    np.testing.assert_array_equal(mnist.load_data()[0][0], images(TRAIN, 7))
    monkeypatch.delenv("FASTNN_DATA_DIR")
    np.testing.assert_array_equal(mnist.load_data()[0][0], images(TRAIN))


@pytest.mark.parametrize("form", ["archive", "flat archive", "folder", "loose"])
def test_cifar10_has_the_shapes_of_keras(form, data_dir):
    batches, folder = cifar_batches(), data_dir / "cifar10"
    if "archive" in form:
        cifar_archive(folder / cifar10.ARCHIVE, batches, "" if "flat" in form else "cifar-10-batches-bin/")
    else:
        folder = folder / "cifar-10-batches-bin" if form == "folder" else folder
        folder.mkdir(exist_ok=True)
        for name, records in batches.items():
            (folder / name).write_bytes(records.tobytes())
    (x_train, y_train), (x_test, y_test) = cifar10.load_data()
    assert (x_train.shape, y_train.shape) == ((10, 32, 32, 3), (10, 1))
    assert (x_test.shape, y_test.shape) == ((2, 32, 32, 3), (2, 1))
    assert x_train.dtype == y_train.dtype == np.uint8 and x_test.flags.c_contiguous
    last = batches["test_batch.bin"][1]
    assert y_test[1, 0] == last[0]
    assert x_test[1, 4, 7].tolist() == [last[1 + plane * 1024 + 4 * 32 + 7] for plane in range(3)]
    assert y_train[2, 0] == batches["data_batch_2.bin"][0, 0]


@pytest.mark.parametrize("module", [mnist, fashion_mnist, cifar10])
def test_missing_data_says_what_to_do(module, data_dir):
    name = module.__name__.rsplit(".", 1)[-1]
    with pytest.raises(FileNotFoundError) as caught:
        module.load_data()
    text = str(caught.value)
    assert text.startswith(f"{name}.load_data: ") and "\n" not in text
    for part in ('pip install "fastnn[datasets]"', str(data_dir / name), str(files.cache_folder() / name)):
        assert part in text
    for file_name in [module.ARCHIVE] if module is cifar10 else module.SHA256:
        assert file_name in text


GOOD = idx(images(TRAIN))
PACKED = packed(GOOD)
HUGE = b"\0\0\x08\x03" + b"\xff\xff\xff\xff\0\0\0\x1c\0\0\0\x1c"  # the header claims 2^32 - 1 images


@pytest.mark.parametrize(
    ("file_name", "content", "message"),
    [
        ("train-images-idx3-ubyte.gz", b"no gzip at all", "a damaged one"),
        ("train-images-idx3-ubyte.gz", PACKED[:-30], "a damaged one"),
        ("train-images-idx3-ubyte.gz", PACKED[:200] + b"\xff" * 50 + PACKED[250:], "a damaged one"),
        ("train-images-idx3-ubyte.gz", PACKED[:-6] + bytes(6), "a damaged one"),
        ("train-images-idx3-ubyte.gz", packed(GOOD[:-1]), "1 of 3920 bytes are missing"),
        ("train-images-idx3-ubyte.gz", packed(GOOD + b"x"), "more bytes than shape"),
        ("train-images-idx3-ubyte.gz", packed(idx(labels(5))), "one that begins with the bytes 00 00 08 01"),
        ("train-images-idx3-ubyte.gz", packed(idx(images(2)[:, :20])), r"shape \(2, 20, 28\)"),
        ("train-images-idx3-ubyte.gz", packed(HUGE), "are missing"),
        ("train-images-idx3-ubyte.gz", b"", "4 of 4 bytes are missing"),
        ("train-labels-idx1-ubyte.gz", packed(idx(labels(4))), r"as long as the images \(5\); got 4 labels"),
        ("train-labels-idx1-ubyte.gz", packed(idx(np.full(5, 11, np.uint8))), "labels from 0 to 9; got 11"),
    ],
)
def test_a_damaged_idx_file_is_one_clear_error(file_name, content, message, data_dir):
    for name, good in idx_files().items():
        (data_dir / "mnist" / name).write_bytes(packed(good))
    (data_dir / "mnist" / file_name).write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        mnist.load_data()
    text = str(caught.value)
    assert str(data_dir / "mnist" / file_name) in text and "\n" not in text and "Delete the file" in text


def test_a_damaged_cifar10_is_one_clear_error(data_dir):
    path = data_dir / "cifar10" / cifar10.ARCHIVE
    path.write_bytes(b"no archive")
    with pytest.raises(ValueError, match="a gzipped tar archive; got a damaged one"):
        cifar10.load_data()
    cifar_archive(path, cifar_batches())
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(ValueError, match="damaged one"):
        cifar10.load_data()
    batches = cifar_batches()
    short = batches.pop("data_batch_4.bin")
    cifar_archive(path, batches)
    with pytest.raises(ValueError, match=r"an archive with data_batch_4.bin; got one with data_batch_1.bin, "):
        cifar10.load_data()
    cifar_archive(path, {**batches, "data_batch_4.bin": short.reshape(-1)[:-1]})
    with pytest.raises(ValueError, match=r"data_batch_4.bin must be .* records of 3073 bytes; got 6145 bytes"):
        cifar10.load_data()
    short[1, 0] = 10
    cifar_archive(path, {**batches, "data_batch_4.bin": short})
    with pytest.raises(ValueError, match="labels from 0 to 9; got 10"):
        cifar10.load_data()


@pytest.fixture
def server(data_dir, monkeypatch):
    """A local web server with a small MNIST, in place of the real one."""
    pytest.importorskip("pooch", reason="the extra 'datasets' is not installed")
    contents = {name: packed(content, mtime=0) for name, content in idx_files().items()}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            content = contents.get(self.path.lstrip("/"))
            self.send_response(200 if content else 404)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http_server:
        thread = threading.Thread(target=http_server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setattr(mnist, "URL", f"http://127.0.0.1:{http_server.server_port}/")
        for name, content in contents.items():
            monkeypatch.setitem(mnist.SHA256, name, hashlib.sha256(content).hexdigest())
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield contents
        http_server.shutdown()
        thread.join()
    with warnings.catch_warnings():  # pooch leaves the connection of a failed download to the garbage collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def with_pooch(data_dir, monkeypatch):
    monkeypatch.delitem(sys.modules, "pooch")
    pytest.importorskip("pooch", reason="the extra 'datasets' is not installed")


def test_download_into_the_cache(data_dir, with_pooch, server):
    np.testing.assert_array_equal(mnist.load_data()[1][0], images(TEST, 1))
    assert sorted(p.name for p in (files.cache_folder() / "mnist").iterdir()) == sorted(mnist.SHA256)
    server.clear()  # the second time nothing is downloaded
    np.testing.assert_array_equal(mnist.load_data()[1][0], images(TEST, 1))


def test_download_of_other_bytes_is_refused(data_dir, with_pooch, server):
    server["train-images-idx3-ubyte.gz"] = packed(b"something else")
    with pytest.raises(FileNotFoundError, match="could not be downloaded") as caught:
        mnist.load_data()
    assert "\n" not in str(caught.value) and "hash" in str(caught.value)
    assert not (files.cache_folder() / "mnist" / "train-images-idx3-ubyte.gz").exists()


def test_download_that_fails_says_what_to_do(data_dir, with_pooch, server):
    server.clear()
    with pytest.raises(FileNotFoundError, match="not be downloaded .*404.* Try again, or put train-images") as caught:
        mnist.load_data()
    assert "\n" not in str(caught.value)


def test_mnist_itself():
    folder = Path(os.environ.get("FASTNN_DATA_DIR", "")) / "mnist"
    if not os.environ.get("FASTNN_DATA_DIR") or not folder.is_dir():
        pytest.skip("FASTNN_DATA_DIR names no directory with MNIST")
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    assert x_train.shape == (60000, 28, 28) and x_test.shape == (10000, 28, 28)
    assert y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4] and y_test[:5].tolist() == [7, 2, 1, 0, 4]
