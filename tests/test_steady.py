"""A steady step takes no memory, no page fault and no Python; Ctrl-C and errors in the data come between two steps."""

import ctypes
import functools
import gc
import os
import signal
import sys
import threading

import numpy as np
import pytest

from fastnn import Tensor, _core, layers, losses, models, ops, optimizers, utils
from fastnn.autograd import is_grad_enabled
from fastnn.layers import base
from fastnn.models import replay, stream
from fastnn.models.data import Data
from tests.helpers import real_threads

RNG = np.random.default_rng(8)
IMAGES = RNG.integers(0, 256, (96, 28, 28, 1), dtype=np.uint8)
DIGITS = RNG.integers(0, 10, 96)
ROWS = RNG.standard_normal((640, 64)).astype(np.float32)
BITS = RNG.integers(0, 2, 640)


def cnn():
    """The reference CNN."""
    utils.set_random_seed(1)
    model = models.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 4, activation="relu"),
            layers.MaxPooling2D(3),
            layers.Conv2D(64, 4, activation="relu"),
            layers.MaxPooling2D(3),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10),
        ]
    )
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    return model, IMAGES, DIGITS


def mlp(optimizer="adam", constraint=None):
    utils.set_random_seed(1)
    sizes = [layers.Dense(25, activation="relu", kernel_constraint=constraint), layers.Dense(15, activation="relu")]
    model = models.Sequential([layers.Input((64,)), *sizes, layers.Dense(1, activation="sigmoid")])
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
    return model, ROWS, BITS


NETS = {"cnn": (cnn, 32), "mlp": (mlp, 32)}


# ---- memory


class MallInfo(ctypes.Structure):
    """What glibc says of its heap."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
    ]


try:
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = MallInfo
except (AttributeError, OSError, TypeError):  # another C library
    mallinfo2 = MallInfo


def bytes_in_use():
    """Bytes that malloc has given out; 0 where the C library does not tell."""
    info = mallinfo2()
    return info.uordblks + info.hblkhd


def page_faults():
    resource = pytest.importorskip("resource")
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def recorded(make, kind, batch_size=32):
    """A program of one step of a model on its data, and what must stay alive for it."""
    model, x, y = make()
    model.fit(x, y, batch_size=batch_size, verbose=0)  # state is made
    batches = model._batches("", Data(x, y), batch_size, shuffle=True)
    step = {"train": model.train_step, "test": model.test_step, "predict": model.predict_step}[kind]
    position = np.zeros(1, np.int64)
    program = _core.Program(_core.Arena())
    with program.record((*batches.arrays, batches.index)):
        kept = step(batches.batch_at(position, batches.arrays, batch_size))
    return program, (model, batches, position, kept)


@pytest.mark.parametrize(("n", "steps"), [(1, 1000), (2, 50)])
@pytest.mark.parametrize("kind", ["train", "test", "predict"])
@pytest.mark.parametrize("net", NETS)
def test_steady_steps_take_no_page_fault_and_no_memory(net, kind, n, steps):
    make, batch_size = NETS[net]
    with real_threads(n):
        program, kept = recorded(make, kind, batch_size)
        program.replay(2, threads=1)
        gc.collect()
        own = _core.memory_info(), program.info()["arena_bytes"]
        found = []
        while len(found) < 5 and (0, 0, 0) not in found:  # measuring takes memory itself, the first time
            before = sys.getallocatedblocks() + 10, bytes_in_use(), page_faults()
            assert program.replay(steps, threads=n) == steps
            after = sys.getallocatedblocks(), bytes_in_use(), page_faults()
            found.append(tuple(max(a - b, 0) for a, b in zip(after, before, strict=True)))
        assert (0, 0, 0) in found
        assert (_core.memory_info(), program.info()["arena_bytes"]) == own
        del kept


# ---- Python


def calls_of(function):
    """Calls of Python functions, and from Python of C functions, that a function makes."""
    count = 0

    def note(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count


def test_a_replay_runs_no_python(monkeypatch):
    """An epoch of 1000 steps makes the calls that one of 100 makes, if it need not look for Ctrl-C in between."""
    monkeypatch.setattr(replay, "MOST_SECONDS", 1e9)
    model, x, y = mlp()
    x, y = np.tile(x, (50, 1)), np.tile(y, 50)
    for run, steps in ((model.fit, "steps_per_epoch"), (model.evaluate, "steps")):
        for _ in range(2):
            run(x, y, batch_size=32, verbose=0, **{steps: 10})
        counts = [calls_of(lambda: run(x, y, batch_size=32, verbose=0, **{steps: n})) for n in (100, 1000)]  # noqa: B023
        assert counts[0] == counts[1] > 50


def test_what_python_does_around_a_step():
    """What is known of a model and its data is looked for once, not in each call: these are calls of functions."""
    model, x, y = mlp()
    x, y, three = x[:32], y[:32], x[:96]
    runs = {
        "train_on_batch": (lambda: model.train_on_batch(x, y), 160),
        "test_on_batch": (lambda: model.test_on_batch(x, y), 155),
        "fit": (lambda: model.fit(x, y, verbose=0), 290),
        "evaluate": (lambda: model.evaluate(x, y, verbose=0), 200),
        "predict": (lambda: model.predict(three, verbose=0), 130),
    }
    for name, (run, most) in runs.items():
        for _ in range(4):
            run()
        assert 20 < calls_of(run) <= most, name


def test_a_fit_comes_back_to_python_by_the_clock(monkeypatch):
    model, x, y = mlp()
    x, y = np.tile(x, (50, 1)), np.tile(y, 50)
    returns = []
    advance = replay.Replay.advance

    def noting(*args):
        returns.append(advance(*args))
        return returns[-1]

    monkeypatch.setattr(replay.Replay, "advance", noting)
    monkeypatch.setattr(replay, "MOST_SECONDS", 0.0)
    model.fit(x, y, batch_size=32, verbose=0)
    assert returns == [1] * 1000, "after every step, where no time is left"
    returns.clear()
    monkeypatch.setattr(replay, "MOST_SECONDS", 1e9)
    model.fit(x, y, batch_size=32, verbose=0)
    assert returns == [1000]


# ---- leaks


def growth(cycle, warm, cycles):
    """Bytes and Python objects by which each of some cycles makes the process larger."""
    for _ in range(warm):
        cycle()
    gc.collect()
    before = bytes_in_use() + sum(_core.memory_info().values()), sys.getallocatedblocks()
    for _ in range(cycles):
        cycle()
    gc.collect()
    after = bytes_in_use() + sum(_core.memory_info().values()), sys.getallocatedblocks()
    return (after[0] - before[0]) / cycles, (after[1] - before[1]) / cycles


def test_predict_leaks_nothing():
    model, x, _ = mlp()
    few = x[:5]

    def cycle():
        model.predict(x, batch_size=32, verbose=0)
        model.predict(few, verbose=0)
        model(few)

    leaked, objects = growth(cycle, 20, 300)
    assert leaked < 100 and objects < 0.5


@pytest.mark.parametrize("how", ["arrays", "batches"])
def test_building_training_and_deleting_leaks_nothing(how):
    def cycle():
        model, x, y = mlp()
        if how == "arrays":
            model.fit(x, y, batch_size=32, verbose=0)
        else:
            model.fit(([x[i : i + 32], y[i : i + 32]] for i in range(0, 640, 32)), verbose=0)
        model.evaluate(x, y, verbose=0)
        model.predict(x, verbose=0)
        del model
        gc.collect()

    leaked, objects = growth(cycle, 5, 25)
    assert leaked < 1000 and objects < 15


def test_the_measure_sees_a_leak():
    kept = []
    leaked, objects = growth(lambda: kept.append(np.empty(2000)), 5, 25)
    assert leaked > 1000 or not bytes_in_use()
    assert objects > 0.5


# ---- Ctrl-C


@pytest.fixture(autouse=True)
def python_answers_interrupts():
    """Also in a process that a shell started in the background, which ignores them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def after_steps(make, count):
    """Weights and optimizer state after so many batches of 32 in their order, computed as written."""
    model, x, y = make()
    model.run_eagerly = True
    for step in range(count):
        begin = 32 * step % len(x)
        model.train_on_batch(x[begin : begin + 32], y[begin : begin + 32])
    return state(model)


def state(model):
    model.optimizer.build(model.trainable_variables)  # if an interrupt came before that
    return [v.numpy().tobytes() for v in (*model.variables, *model.optimizer.variables)]


@pytest.mark.skipif(sys.platform == "win32", reason="raises signals in another way")
@pytest.mark.parametrize("delay", [0.0, 0.003, 0.03])
@pytest.mark.parametrize("net", NETS)
def test_an_interrupt_comes_between_two_steps(net, delay):
    """Whenever it comes: the weights are those after as many whole steps as the optimizer has counted."""
    make, size = NETS[net]
    model, x, y = make()
    timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        model.fit(x, y, batch_size=size, epochs=10**6, shuffle=False, verbose=0)
    timer.join()
    assert state(model) == after_steps(make, int(model.optimizer.iterations))
    model.fit(x, y, batch_size=size, verbose=0)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.skipif(sys.platform == "win32", reason="raises signals in another way")
@pytest.mark.parametrize("kind", ["written", "recorded"])
def test_an_interrupt_at_any_line_of_a_step_comes_after_it(kind):
    """Where Python could be interrupted: an update is several launches, the more with constraints."""

    def make():
        return mlp(optimizers.SGD(0.1, momentum=0.9, global_clipnorm=1.0), lambda w: ops.clip(w, -0.1, 0.1))

    wanted = {n: after_steps(make, n) for n in range(4)}
    at, lines, over = 0, 0, False

    def interrupt(frame, event, argument):
        nonlocal lines
        lines += 1
        if lines == at:
            sys.settrace(None)
            signal.raise_signal(signal.SIGINT)
        return interrupt

    while not over:
        model, x, y = make()
        model.run_eagerly = kind == "written"
        for step in range(2):
            model.train_on_batch(x[32 * step : 32 * step + 32], y[32 * step : 32 * step + 32])
        at, lines = at + 97, 0
        trace = sys.gettrace()
        try:
            sys.settrace(interrupt)
            model.train_on_batch(x[64:96], y[64:96])
        except KeyboardInterrupt:
            pass
        else:
            over = True
        finally:
            sys.settrace(trace)
        steps = int(model.optimizer.iterations)
        assert steps in (2, 3) and state(model) == wanted[steps], f"interrupted at line {at}"
        model.train_on_batch(x, y)
    assert at > 97


@pytest.mark.skipif(sys.platform == "win32", reason="raises signals in another way")
def test_an_interrupt_while_a_generator_is_waited_for(monkeypatch):
    monkeypatch.setattr(stream, "PATIENCE", 0.01)
    go_on = threading.Event()

    def slow():
        yield ROWS, BITS
        signal.raise_signal(signal.SIGINT)  # its answer is the main thread's
        go_on.wait(10)
        yield ROWS, BITS

    model, _, _ = mlp()
    with pytest.raises(KeyboardInterrupt):
        try:
            model.fit(slow(), verbose=0)
        finally:
            go_on.set()
    model.fit(ROWS, BITS, verbose=0)


def interrupt_at(n, function):
    """Run a function, with Ctrl-C at the n-th place where Python looks for it; False where there are fewer.

    These are the begin of each Python function, and the end of each C function: of those that count, see `shown`.
    """
    seen = 0

    def note(frame, event, argument):
        nonlocal seen
        seen += event == ("return" if frame.f_code is shown.__code__ else "call")
        if seen == n:
            sys.setprofile(None)
            raise KeyboardInterrupt

    sys.setprofile(note)
    try:
        function()
    except KeyboardInterrupt:
        pass
    finally:
        sys.setprofile(None)
    return seen >= n


def shown(function):
    function()


CALLS = {
    "as written": (0, lambda model: model(Tensor(ROWS[:5]))),
    "in training": (0, lambda model: model(ROWS[:5], training=True)),
    "recorded": (1, lambda model: model(ROWS[:5])),
    "predict": (1, lambda model: model.predict(ROWS, batch_size=320, verbose=0)),
}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # one at the end of a generator is lost
@pytest.mark.parametrize("call", CALLS)
def test_an_interrupt_anywhere_leaves_nothing_behind_in_its_thread(call, monkeypatch):
    """Nor a program that is still taken: it would run as written for ever."""
    for module in (base, replay):
        for step in (_core.enter_step, _core.leave_step):
            monkeypatch.setattr(module, step.__name__, functools.partial(shown, step))
    before, function = CALLS[call]
    n, more = 0, True
    while more:
        model = models.Sequential([layers.Input((64,)), layers.Dense(3, activity_regularizer="l2")])
        for _ in range(before):
            function(model)
        n += 1
        more = interrupt_at(n, lambda: function(model))  # noqa: B023  # called here
        assert is_grad_enabled() and not _core.in_step(), n
        assert (base._state.depth, base._state.training) == (0, None), n
        for turn in (model._programs, replay._one_recording):
            assert turn.acquire("me"), n
            turn.release("me")
    assert n > 50


def test_a_second_interrupt_does_not_wait():
    from fastnn.models.interrupts import Uninterrupted

    seen = []
    with pytest.raises(KeyboardInterrupt), Uninterrupted():
        signal.raise_signal(signal.SIGINT)
        seen.append("put off")
        signal.raise_signal(signal.SIGINT)
        seen.append("never")
    assert seen == ["put off"]
    with pytest.raises(KeyboardInterrupt), Uninterrupted():
        signal.raise_signal(signal.SIGINT)
        seen.append("the end")
    assert seen == ["put off", "the end"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


# ---- errors in the data


@pytest.mark.parametrize("n", [1, 2])
def test_a_wrong_label_stops_before_its_step_changes_anything(n):
    """The loss is a function, so that only the kernel sees the label."""

    def make():
        model, x, y = cnn()
        model.compile("adam", lambda y, p: losses.sparse_categorical_crossentropy(y, p, from_logits=True))
        return model, np.tile(x, (3, 1, 1, 1)), np.tile(y, 3)

    for wrong in (5, 70, 250):  # in a step as written, in a recorded one, in a replay
        with real_threads(n):
            model, x, y = make()
            y[wrong] = 10
            with pytest.raises(ValueError, match="10"):
                model.fit(x, y, batch_size=32, shuffle=False, verbose=0)
            assert int(model.optimizer.iterations) == wrong // 32
            want = after_steps(make, wrong // 32)
            assert state(model)[: len(want)] == want
            model.fit(*make()[1:], batch_size=32, verbose=0)
