"""Models in many threads and in forked children."""

import os
import select
import signal
import sys
import threading

import numpy as np
import pytest

from fastnn import _core, layers, losses, models, ops, utils
from fastnn.callbacks import LambdaCallback

RNG = np.random.default_rng(4)
X = RNG.integers(0, 256, (256, 12, 12, 1), dtype=np.uint8)
Y = RNG.integers(0, 4, 256)
LIMIT = 120  # seconds after which a child counts as hanging; it is killed then

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")


@pytest.fixture(autouse=True)
def _two_threads():
    _core.set_num_threads(2)
    yield
    _core.set_num_threads(None)


def net(seed=1):
    """Large enough for its steps to be shared by threads."""
    utils.set_random_seed(seed)
    model = models.Sequential(
        [
            layers.Input((12, 12, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.2, seed=seed),
            layers.Dense(4),
        ]
    )
    model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def batches():
    for i in range(0, 256, 32):
        yield X[i : i + 32], Y[i : i + 32]


def train(model, source="arrays", epochs=3):
    """What training leaves behind."""
    if source == "arrays":
        model.fit(X, Y, batch_size=32, epochs=epochs, shuffle=False, verbose=0)
    else:
        for _ in range(epochs):
            model.fit(batches(), verbose=0)
    return b"".join([*(w.tobytes() for w in model.get_weights()), model.predict(X, verbose=0).tobytes()])


def in_child(function):
    """The bytes that a function returns in a forked child."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(read)
            with os.fdopen(write, "wb") as pipe:
                pipe.write(function())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        if not select.select([pipe], [], [], LIMIT)[0]:
            os.kill(child, signal.SIGKILL)
        result = pipe.read()
    os.waitpid(child, 0)
    return result


@forks
@pytest.mark.parametrize("source", ["arrays", "batches"])
def test_a_forked_child_trains_to_the_same_bits(source):
    """The parent's threads exist by then; the child has none of them, and its programs replay serially."""
    model = net()
    train(model, source)
    child = in_child(lambda: train(model, source))
    assert child == train(model, source) != b""
    assert in_child(lambda: train(net(), source)) == train(net(), source)
    assert in_child(lambda: _core.threads_reason().encode()).startswith(b"1: a forked child runs serially")


@forks
def test_a_fork_in_the_middle_of_a_fit():
    """In a callback, with the thread that fetches batches alive in the parent."""
    want = train(net())
    found = []

    def fork(batch, logs):
        if batch == 3:
            found.append(in_child(lambda: train(net())))

    model = net()
    model.fit(batches(), verbose=0, callbacks=[LambdaCallback(on_train_batch_end=fork)])
    assert found == [want]
    twin = net()
    twin.fit(batches(), verbose=0)
    for a, b in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


class Computed(utils.PyDataset):
    """Batches that fastnn itself computes, in the worker."""

    def __len__(self):
        return 8

    def __getitem__(self, i):
        x = X[32 * i : 32 * i + 32].astype(np.float32)
        return ops.conv2d(x, np.full((3, 3, 1, 1), 0.1, np.float32), padding="same").numpy(), Y[32 * i : 32 * i + 32]


PROCESSES = {"workers": 2, "use_multiprocessing": True}


@pytest.mark.parametrize("kind", [{"workers": 2}, pytest.param(PROCESSES, marks=forks)])
def test_workers_may_use_fastnn(kind):
    weights = []
    for arguments in ({"workers": 0}, kind):
        model = net()
        model.fit(Computed(**arguments), epochs=2, shuffle=False, verbose=0)
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)


# ---- threads


@pytest.mark.parametrize("source", ["arrays", "batches"])
def test_models_train_at_once_to_the_same_bits(source):
    """Threads switch as often as Python can, so that recordings and replays meet."""
    wanted = [train(net(seed), source) for seed in range(3)]
    trained, found = [net(seed) for seed in range(3)], [b""] * 3
    start = threading.Barrier(3)

    def work(i):
        start.wait()
        found[i] = train(trained[i], source)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        pool = [threading.Thread(target=work, args=(i,)) for i in range(3)]
        for thread in pool:
            thread.start()
        for thread in pool:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert found == wanted


def test_one_model_is_trained_by_one_thread_at_a_time():
    model = net()
    train(model)
    begun, go_on = threading.Event(), threading.Event()

    def waiting():
        yield X, Y
        begun.set()
        go_on.wait(LIMIT)
        yield X, Y

    thread = threading.Thread(target=lambda: model.fit(waiting(), verbose=0))
    thread.start()
    try:
        begun.wait(LIMIT)
        for call in (model.fit, model.train_on_batch):
            with pytest.raises(RuntimeError, match="fit of the same model is still running"):
                call(X, Y)
        with pytest.raises(RuntimeError, match="compile: fit of the same model is still running"):
            model.compile("sgd", "mse")
        assert model.predict(X, verbose=0).shape == (256, 4)
    finally:
        go_on.set()
        thread.join()
    train(model)
