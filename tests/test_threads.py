"""Models in many threads and in forked children."""

import os
import select
import signal
import sys
import threading
import time

import numpy as np
import pytest

from fastnn import _core, layers, locks, losses, models, ops, utils
from fastnn.callbacks import LambdaCallback
from fastnn.models import replay
from fastnn.models.data import Batches

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


def slow_ones(shape, dtype):
    time.sleep(0.001)  # lets other threads run
    return ops.ones(shape, dtype)


class Own(models.Model):
    def __init__(self):
        super().__init__()
        self.below = layers.Dense(5, kernel_initializer=slow_ones)
        self.above = layers.Dense(3)

    def call(self, x):
        return self.above(self.below(x))


class at_every_chance:
    """Within this context Python threads switch as often as they can."""

    def __enter__(self):
        self.before = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)

    def __exit__(self, *exc):
        sys.setswitchinterval(self.before)


def in_threads(*functions):
    """Run functions at once; the first error of theirs is raised."""
    errors, start = [], threading.Barrier(len(functions))

    def work(function):
        start.wait()
        try:
            function()
        except BaseException as error:
            errors.append(error)

    pool = [threading.Thread(target=work, args=(function,)) for function in functions]
    with at_every_chance():
        for thread in pool:
            thread.start()
        for thread in pool:
            thread.join()
    if errors:
        raise errors[0]


@pytest.mark.parametrize("make", [lambda: models.Sequential(Own().layers), Own])
def test_threads_that_call_a_model_first_build_it_once(make):
    x = np.ones((4, 6), np.float32)
    for _ in range(5):
        model, found = make(), []
        in_threads(*[lambda: found.append(model.predict(x, verbose=0).tobytes())] * 3)  # noqa: B023  # called here
        assert len(model.weights) == 4 and len(set(found)) == 1


def test_predict_does_not_touch_the_penalties_of_another_threads_step():
    x, y = RNG.normal(size=(64, 6)).astype(np.float32), RNG.normal(size=(64, 3)).astype(np.float32)

    def make():
        utils.set_random_seed(0)
        model = models.Sequential([layers.Input((6,)), layers.Dense(5, activity_regularizer="l2"), layers.Dense(3)])
        model.compile("sgd", "mse", run_eagerly=True)
        return model

    def losses_of(model):
        return model.fit(x, y, shuffle=False, epochs=3, verbose=0).history["loss"]

    wanted = losses_of(make())
    for _ in range(5):
        model, done, found = make(), threading.Event(), []

        def predict(model=model, done=done):
            while not done.is_set():
                model.predict(x[:7], verbose=0)

        def fit(model=model, done=done, found=found):
            try:
                found.extend(losses_of(model))
            finally:
                done.set()

        in_threads(predict, predict, fit)
        assert found == wanted


@forks
@pytest.mark.parametrize("lock", [locks.building, locks.listing])
def test_a_child_finds_no_lock_taken(lock):
    taken = threading.Event()

    def take():
        with lock:
            taken.set()
            time.sleep(0.05)  # a fork waits for that

    thread = threading.Thread(target=take)
    thread.start()
    taken.wait(LIMIT)
    assert in_child(lambda: str(lock.acquire(timeout=5)).encode()) == b"True"
    thread.join()


def test_an_interrupt_before_a_recording_does_not_stop_those_that_follow(monkeypatch):
    model = net()
    model(X[:3])
    copy = np.copy

    def interrupted(x):
        raise KeyboardInterrupt

    monkeypatch.setattr(replay.np, "copy", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model(X[:3])
    monkeypatch.setattr(replay.np, "copy", copy)
    for _ in range(3):
        model(X[:3])
    assert any(step.call is not None for step in model._programs.steps.values())


def test_an_interrupt_while_a_program_is_bound_leaves_it_right(monkeypatch):
    """What was recorded for one layout is half another one's then."""
    model, x, y = net(), X.astype(np.float32), Y.astype(np.int64)
    twin = net()
    for each in (model, twin):
        each.fit(x, y, batch_size=32, shuffle=False, verbose=0)
    rebind = Batches.batch_at

    def interrupted(*args):
        rebind(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(Batches, "batch_at", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X[::-1], Y, batch_size=32, shuffle=False, verbose=0)
    monkeypatch.undo()
    for each in (model, twin):
        each.fit(x, y, batch_size=32, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
