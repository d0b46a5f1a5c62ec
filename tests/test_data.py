"""Data are read where they lie: never copied whole, and memory maps are read ahead of the steps."""

import os
import subprocess
import sys
import threading
import time
import tracemalloc

import numpy as np
import pytest

from fastnn import _core, layers, losses, models, utils
from fastnn.models import ahead

ROWS, COLUMNS = 30_000, 64
RNG = np.random.default_rng(0)
VALUES = RNG.integers(0, 2, (ROWS, COLUMNS))
LABELS = RNG.integers(0, 3, ROWS)


def net():
    utils.set_random_seed(1)
    model = models.Sequential([layers.Input((COLUMNS,)), layers.Dense(3)])
    model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def reversed_(x):
    return np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1]


def read_only(x):
    x = x.astype(np.float32)
    x.flags.writeable = False
    return x


def strided(x):
    wide = np.zeros((2 * ROWS, COLUMNS + 3), np.int16)
    wide[::2, 2:-1] = x
    return wide[::2, 2:-1]


def packed(x):
    """A field of records of an odd length: its items lie at odd addresses."""
    records = np.zeros(ROWS, np.dtype([("flag", "u1"), ("x", "f4", (COLUMNS,))]))
    records["x"] = x
    return records["x"]


def frame(x):
    return pytest.importorskip("pandas").DataFrame(x.astype(np.float64))


LAYOUTS = {
    **{name: lambda x, name=name: x.astype(name) for name in ("u1", "i2", "i4", "u8", "i8", "f2", "f4", "f8", "bool")},
    "fortran": np.asfortranarray,
    "reversed": reversed_,
    "strided": strided,
    "read-only": read_only,
    "packed": packed,
    "foreign byte order": lambda x: x.astype(">i4" if sys.byteorder == "little" else "<i4"),
    "pandas": frame,
    "repeated": lambda x: np.broadcast_to(x[:1].astype(np.uint8), x.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_data_are_never_copied_whole(layout):
    """Neither by NumPy, which tracemalloc sees, nor in memory of fastnn's own."""
    x = LAYOUTS[layout](VALUES)
    y = LABELS.astype(np.uint8)
    model = net()
    model.fit(x[:100], y[:100], verbose=0)
    model.predict(x[:100], verbose=0)
    least = VALUES.size * np.asarray(x[:1]).itemsize
    own = sum(_core.memory_info().values())
    tracemalloc.start()
    try:
        model.fit(x, y, batch_size=128, validation_split=0.1, verbose=0)
        model.evaluate(x, y, batch_size=128, verbose=0)
        result = model.predict(x, batch_size=128, verbose=0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    index = 8 * ROWS
    assert peak < least / 4 + index + 2 * result.nbytes, f"{peak} bytes beside data of {least}"
    assert sum(_core.memory_info().values()) - own < least / 4 + index


def test_the_measure_sees_a_copy():
    x = VALUES.astype(np.float32)
    tracemalloc.start()
    try:
        x.copy()
        assert tracemalloc.get_traced_memory()[1] >= x.nbytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("layout", ["packed", "foreign byte order", "reversed"])
def test_layout_does_not_matter(layout):
    """Nor that labels are of the other byte order; in one batch, in many, in batches of the user's."""
    x, y = LAYOUTS[layout](VALUES)[:1000], LABELS[:1000].astype(">i2")
    results = []
    for rows, labels in ((x, y), (VALUES[:1000], LABELS[:1000])):
        model = net()
        model.fit(rows, labels, shuffle=False, verbose=0)
        model.fit(([rows[i : i + 100], labels[i : i + 100]] for i in range(0, 1000, 100)), verbose=0)
        model.train_on_batch(rows, labels)
        results.append([w.tobytes() for w in model.get_weights()])
        results[-1] += [model.predict(rows, batch_size=n, verbose=0).tobytes() for n in (32, 1000)]
        results[-1] += [model(rows).numpy().tobytes(), model.evaluate(rows, labels, verbose=0)]
    assert results[0] == results[1]


def test_a_program_does_not_mistake_one_byte_order_for_the_other():
    model = net()
    x = VALUES[:640].astype("<f4")
    for _ in range(2):
        want = [model.predict(x, batch_size=n, verbose=0).tobytes() for n in (32, 640)]
        assert [model.predict(x.astype(">f4"), batch_size=n, verbose=0).tobytes() for n in (32, 640)] == want


# ---- memory maps


@pytest.fixture
def mapped(tmp_path):
    file = tmp_path / "x.npy"
    np.save(file, VALUES.astype(np.float32))
    return lambda: np.load(file, mmap_mode="r")


def test_what_is_mapped_is_found(mapped):
    x = mapped()
    for view in (x, x[5:], np.asarray(x), x.reshape(-1)[::2].T, np.frombuffer(memoryview(x._mmap), np.uint8)):
        assert ahead.is_mapped(view)
    for array in (VALUES, x.copy(), x + 1, np.asarray(x).astype(np.uint8)):
        assert not ahead.is_mapped(array)
    assert ahead.is_worth_it(x) and not ahead.is_worth_it(x[:100])
    assert not ahead.is_worth_it(x.T), "its rows lie all over the file"


@pytest.mark.parametrize("order", ["ordered", "shuffled", "reversed"])
def test_fetched_rows_take_no_page_fault(mapped, order):
    resource = pytest.importorskip("resource")
    x = mapped()[:: -1 if order == "reversed" else 1]
    index = RNG.permutation(ROWS) if order == "shuffled" else None
    if index is not None:
        index[:3] = -1, ROWS, 1 << 60  # are left out
    for touch in (False, True):
        _core.fetch_rows(x, index, -5, ROWS + 5, touch)
    first = np.ascontiguousarray(x[:, 0])  # brings this function's own pages, too
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    again = np.add.reduce(x[:, 0])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 10
    assert again == first.sum() and _core.resident(x) == 1.0


@pytest.mark.parametrize("share", [0.0, 0.25], ids=["row by row", "as a whole"])
def test_training_from_a_map_is_training_from_memory(mapped, monkeypatch, share):
    monkeypatch.setattr(ahead, "SHARE_OF_MEMORY", share)
    monkeypatch.setattr(ahead, "IN_MEMORY", 2.0)  # as if some of it were on disk
    monkeypatch.setattr(ahead, "AHEAD_BYTES", 1 << 19)
    monkeypatch.setattr(ahead, "PORTION_BYTES", 1 << 14)
    weights = []
    for x in (mapped(), VALUES.astype(np.float32)):
        model = net()
        model.fit(x, LABELS, epochs=3, batch_size=100, verbose=0)
        weights.append([w.tobytes() for w in model.get_weights()] + [model.predict(x, verbose=0).tobytes()])
    assert weights[0] == weights[1]
    assert not [t for t in threading.enumerate() if t.name == "fastnn-ahead"]


def wait_until(condition):
    for _ in range(10_000):
        if condition():
            return
        time.sleep(0.001)
    raise AssertionError("it did not come about")


def test_the_thread_stays_a_window_ahead_of_the_steps(mapped, monkeypatch):
    monkeypatch.setattr(ahead, "SHARE_OF_MEMORY", 0.0)
    monkeypatch.setattr(ahead, "IN_MEMORY", 2.0)
    monkeypatch.setattr(ahead, "AHEAD_BYTES", 1000 * COLUMNS * 4)
    walker = ahead.Ahead([mapped()], RNG.permutation(ROWS))
    for _ in range(2):
        walker.begin()
        wait_until(lambda: walker.fetched == 1000)
        walker.move(5000)
        wait_until(lambda: walker.fetched == 6000)
        walker.move(ROWS)
        wait_until(lambda: walker.fetched == ROWS)
    walker.close()


def test_nothing_runs_for_data_that_are_in_memory(mapped):
    x = mapped()
    x.sum()
    walker = ahead.Ahead([x], None)
    walker.begin()
    assert walker._thread is None
    walker.close()


LARGER_THAN_MEMORY = """
import os, resource, sys
import numpy as np
from fastnn import layers, models

memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
rows = 2 * memory // (4 << 16)
with open(sys.argv[1], "wb") as file:
    file.truncate(rows * (4 << 16))
resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))
x = np.memmap(sys.argv[1], np.float32, "r", shape=(rows, 1 << 16))
y = np.broadcast_to(np.float32(1), rows)
model = models.Sequential([layers.Input((1 << 16,)), layers.Dense(1)])
model.compile("sgd", "mse", run_eagerly=True)
loss = model.fit(x, y, batch_size=4, steps_per_epoch=3, verbose=0).history["loss"][0]
assert 0 < loss <= 1, loss
assert model.evaluate(x, y, batch_size=4, steps=2, verbose=0) < loss
assert model.predict(x[-5:], verbose=0).shape == (5, 1)
assert x.nbytes > memory
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of memory is Linux's")
def test_data_larger_than_memory_are_only_read(tmp_path):
    """A file with holes in it, twice as large as this machine's memory; the process may have 1 GB."""
    file = tmp_path / "large"
    try:
        with open(file, "wb") as large:
            large.truncate(2 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except OSError:
        pytest.skip("this file system has no files of that size")
    done = subprocess.run([sys.executable, "-c", LARGER_THAN_MEMORY, file], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert file.stat().st_blocks < 100, "nothing was written"
