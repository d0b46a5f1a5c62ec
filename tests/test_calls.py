"""Programs that are kept from call to call: found again, dropped with every change, and the same bits as eager."""

import copy
import gc
import sys
import threading
import weakref

import numpy as np
import pytest

from fastnn import (
    Tensor,
    _core,
    layers,
    losses,
    models,
    ops,
    random,
    utils,
)
from fastnn.models.replay import MOST_KINDS, MOST_PROGRAMS
from tests.nets import RNG, X, Y, everything, net, settled

# ---- found again ----------------------------------------------------------------------------------------------------


def test_what_was_recorded_is_found_again(recordings):
    model = settled(net())
    n = len(recordings)
    assert n > 10
    got = everything(model)
    assert len(recordings) == n
    eager = settled(net(eager=True))
    assert everything(eager) == got and len(recordings) == n


def test_other_data_of_the_same_kind_is_no_reason_to_record(recordings):
    wide = np.zeros((200, 13), np.float64)
    wide[:70, 1::2] = X * 10
    variants = [
        (X.astype(np.float64), Y.astype(np.int8)),
        ((X * 10).astype(np.int16), Y.astype(np.uint8)),
        (np.asfortranarray(X)[::-1], Y[::-1]),
        (wide[:70, 1::2], np.repeat(Y, 3)[::3]),
        (X[:66], Y[:66]),
        (X[:66].astype(">f4"), list(Y[:66])),
    ]

    def run(model, x, y):
        utils.set_random_seed(8)
        return [
            model.fit(x, y, batch_size=33, verbose=0).history,
            model.evaluate(x, y, batch_size=33, verbose=0),
            model.predict(x, batch_size=33, verbose=0).tobytes(),
            [w.tobytes() for w in model.get_weights()],
        ]

    model, eager = net(), net(eager=True)
    for _ in range(3):
        assert run(model, X[:66], Y[:66]) == run(eager, X[:66], Y[:66])
        assert run(model, X, Y) == run(eager, X, Y)
    n = len(recordings)
    for x, y in variants:
        assert run(model, x, y) == run(eager, x, y)
    assert len(recordings) == n


def test_inputs_that_share_memory_are_not_mixed_up():
    def run(model, table, apart):
        got = []
        for x, y in ((table, table), (table[:, :3], table[:, 3:]), (apart[0], apart[1]), (apart[1][:, ::-1], apart[0])):
            for _ in range(4):
                got.append(model.train_on_batch(x[:, :3], y[:, :3]))
        return got

    def line(eager):
        utils.set_random_seed(1)
        model = models.Sequential([layers.Input((3,)), layers.Dense(3)])
        model.compile("sgd", "mse", run_eagerly=eager)
        return model

    table, apart = RNG.random((20, 6)).astype(np.float32), RNG.random((2, 20, 3)).astype(np.float32)
    assert run(line(False), table, apart) == run(line(True), table, apart)


def test_the_last_smaller_batch_becomes_a_program(programs):
    model = net()
    model.fit(X, Y, batch_size=32, epochs=4, verbose=0)
    assert len(programs) == 2


def test_short_calls_add_up_to_a_recording(programs):
    model = net()
    for _ in range(3):
        assert not programs
        model.train_on_batch(X[:8], Y[:8])
    assert len(programs) == 1


def test_a_kind_that_comes_once_is_not_recorded(recordings):
    model = net()
    for n in range(1, 33):
        model.predict(X[:n], verbose=0)
        model(X[:n])
    assert not recordings


# ---- calls ----------------------------------------------------------------------------------------------------------


def eager_call(model, x):
    """The call without programs."""
    model.run_eagerly = True
    try:
        return model(x)
    finally:
        model.run_eagerly = False


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int8", "uint8", "int64", "bool"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_call_matches_eager_for_every_dtype(dtype, order, recordings):
    model = settled(net())
    x = np.asarray(RNG.integers(0, 2, (7, 6)), dtype, order=order)
    want = eager_call(model, x).numpy()
    for _ in range(5):
        y = model(x)
        assert type(y) is Tensor and not y.requires_grad
        np.testing.assert_array_equal(y.numpy(), want)
        np.testing.assert_array_equal(model.predict(x, verbose=0), want)
    x[...] = 1
    np.testing.assert_array_equal(model(x).numpy(), eager_call(model, x).numpy())


def test_results_of_calls_are_the_callers_own():
    model = settled(net())
    first, second = model(X[:3]), model(X[3:6])
    want = eager_call(model, X[:3]).numpy()
    predicted = model.predict(X[:3], verbose=0)
    predicted[...] = 7
    second.data[...] = 9
    np.testing.assert_array_equal(first.numpy(), want)
    np.testing.assert_array_equal(model(X[:3]).numpy(), want)


@pytest.mark.parametrize("last", ["softmax", "sigmoid"])
def test_a_loss_of_a_call_uses_the_logits(last):
    model = models.Sequential([layers.Input((6,)), layers.Dense(3, activation=last)])
    model.set_weights([w * 60 for w in model.get_weights()])  # so that probabilities would be clipped
    name = "categorical_crossentropy" if last == "softmax" else "binary_crossentropy"
    y = np.eye(3, dtype=np.float32)[Y[:20]]

    def loss():
        return losses.get(name)(y, model(X[:20])).numpy()

    want = losses.get(name)(y, eager_call(model, X[:20])).numpy()
    for _ in range(5):
        np.testing.assert_array_equal(loss(), want)


def test_calls_that_return_what_they_got():
    model = models.Sequential([layers.Input((6,)), layers.Activation("linear"), layers.Flatten()])
    for i in range(6):
        np.testing.assert_array_equal(model(X[i : i + 2]).numpy(), X[i : i + 2])
        y = model.predict(X[i : i + 2], verbose=0)
        np.testing.assert_array_equal(y, X[i : i + 2])
        assert not np.shares_memory(y, X)


def test_structures_stay_structures():
    class Two(models.Model):
        def call(self, x):
            return {"twice": x * 2.0, "list": [x + 1.0]}

    model = Two()
    for _ in range(5):
        y = model(X[:4])
        np.testing.assert_array_equal(y["twice"].numpy(), X[:4] * 2)
        np.testing.assert_array_equal(y["list"][0].numpy(), X[:4] + 1)
        np.testing.assert_array_equal(model.predict(X[:4], verbose=0)["list"][0], X[:4] + 1)


def test_what_is_hopeless_is_not_tried_again_and_again(recordings):
    class Peek(layers.Layer):
        def call(self, x):
            return ops.multiply(x, float(ops.max(x)) + 1.0)

    model = models.Sequential([layers.Input((6,)), Peek()])
    for n in range(1, 9):
        for _ in range(4):
            np.testing.assert_array_equal(model(X[:n]).numpy(), X[:n] * (X[:n].max() + np.float32(1)))
    assert len(recordings) == 1


def test_losses_of_a_call_are_made_anew():
    model = models.Sequential([layers.Input((6,)), layers.Dense(3, activity_regularizer="l2")])
    for i in range(6):
        x = X[i : i + 2]
        y = model(x).numpy()
        np.testing.assert_allclose(model.losses[0].item(), 0.01 * (y**2).sum() / 2, rtol=1e-5)


def test_random_calls_go_on_drawing():
    class Noise(layers.Layer):
        def __init__(self):
            super().__init__()
            self.generator = random.SeedGenerator(4)

        def call(self, x):
            return x + random.uniform(x.shape, seed=self.generator)

    def run(eager):
        model = models.Sequential([layers.Input((6,)), Noise()])
        model.run_eagerly = eager
        return [model(X[:2]).numpy().tobytes() for _ in range(6)]

    assert run(False) == run(True) and len(set(run(False))) == 6


def test_training_and_tensors_are_calls_of_their_own():
    model = settled(net())
    y = model(Tensor(X[:3]))
    assert y.requires_grad and model(X[:3], training=True).requires_grad
    np.testing.assert_array_equal(y.numpy(), model(X[:3]).numpy())
    a, b = layers.Input((6,), name="a"), layers.Input((6,), name="b")
    two = models.Model({"a": a, "b": b}, model(a) + model(b))
    assert two({"a": X[:3], "b": Tensor(X[:3])}).requires_grad, "a tensor anywhere"
    assert two({"a": Tensor(X[:3]), "b": Tensor(X[:3])}, training=False).requires_grad
    assert not two({"a": X[:3], "b": X[:3]}).requires_grad
    assert model.predict(X[:40], verbose=0).shape == (40, 3)
    with pytest.raises(ValueError, match="must be 6"):
        model(X[:3, :5])
    with pytest.raises(ValueError, match="at least one sample"):
        model.predict(X[:0], verbose=0)


def test_a_data_error_in_a_replayed_call_raises():
    class Embedding(layers.Layer):
        def build(self, shape):
            self.table = self.add_weight(shape=(4, 2), name="table")

        def call(self, x):
            return ops.take(self.table, x, axis=0)

    class Words(models.Model):
        def __init__(self):
            super().__init__()
            self.embed = Embedding()

        def call(self, x):
            return self.embed(x)

    model = Words()
    good, bad = np.array([0, 3, 1]), np.array([0, 9, 1])
    want = model(good).numpy()
    for _ in range(5):
        np.testing.assert_array_equal(model(good).numpy(), want)
    for call in (model, lambda x: eager_call(model, x), model):
        with pytest.raises((ValueError, IndexError), match="below 4; got 9"):
            call(bad)
    np.testing.assert_array_equal(model(good).numpy(), want)


def test_a_model_called_in_another_models_step_takes_part_in_its_recording():
    inner = models.Sequential([layers.Input((6,)), layers.Dense(2)])
    constant = X[:1]
    for _ in range(5):
        inner(constant)

    class Outer(models.Model):
        def __init__(self):
            super().__init__()
            self.inner = inner

        def call(self, x):
            return self.inner(x) + self.inner(constant)

    outer = Outer()
    for _ in range(4):
        outer(X[:3])
    inner.set_weights([w + 1 for w in inner.get_weights()])
    want = inner(X[:3]).numpy() + inner(constant).numpy()
    np.testing.assert_allclose(outer(X[:3]).numpy(), want, rtol=1e-6)


def test_calls_in_many_python_threads():
    """Threads switch as often as Python can."""
    model = models.Sequential([layers.Input((6,)), layers.Dense(300, activation="relu"), layers.Dense(3)])
    rows = [X[:n] for n in (1, 2, 30, 70)]
    want = [eager_call(model, x).numpy().tobytes() for x in rows]
    wrong = []

    def work():
        for _ in range(60):
            for x, y in zip(rows, want, strict=True):
                if model(x).numpy().tobytes() != y or model.predict(x, verbose=0).tobytes() != y:
                    wrong.append(len(x))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        pool = [threading.Thread(target=work) for _ in range(4)]
        for thread in pool:
            thread.start()
        for thread in pool:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []


def test_calls_while_another_thread_changes_the_structure():
    """Many kinds of calls, so that what lists them is interrupted."""
    model = models.Sequential([layers.Input((6,)), layers.Dense(20, activation="relu"), layers.Dense(3)])
    rows = [X[:n] for n in range(1, 61)]
    want = [eager_call(model, x).numpy().tobytes() for x in rows]
    finished = threading.Event()
    wrong = []

    def work():
        try:
            for _ in range(20):
                for x, y in zip(rows, want, strict=True):
                    if model(x).numpy().tobytes() != y:
                        wrong.append(len(x))
        except RuntimeError as error:
            wrong.append(error)

    def change():
        while not finished.is_set():
            model.layers[1].trainable = not model.layers[1].trainable
            model.layers[0].activation = model.layers[0].activation

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        pool = [threading.Thread(target=work) for _ in range(3)]
        other = threading.Thread(target=change)
        for thread in (*pool, other):
            thread.start()
        for thread in pool:
            thread.join()
        finished.set()
        other.join()
    finally:
        finished.set()
        sys.setswitchinterval(interval)
    assert wrong == []


def test_predict_while_another_thread_trains():
    model = settled(net())
    wanted = threading.Event()
    wrong = []

    def work():
        while not wanted.is_set():
            y = model.predict(X[:5], verbose=0)
            if not np.allclose(y.sum(axis=1), 1, atol=1e-4):
                wrong.append(y)

    thread = threading.Thread(target=work)
    thread.start()
    for _ in range(20):
        model.fit(X, Y, batch_size=16, verbose=0)
    wanted.set()
    thread.join()
    assert wrong == []


# ---- memory ---------------------------------------------------------------------------------------------------------


def test_nothing_of_the_data_is_kept():
    model = settled(net())
    kept = []
    for _ in range(4):
        x, y, weight = X.copy(), Y.copy(), np.ones(70, np.float32)
        kept += [weakref.ref(array) for array in (x, y, weight)]
        model.fit(x, y, sample_weight=weight, batch_size=16, verbose=0)
        model.train_on_batch(x, y)
        model.evaluate(x, y, verbose=0)
        model.predict(x, batch_size=16, verbose=0)
        model.predict(x, batch_size=70, verbose=0)
        model(x)
    del x, y, weight
    assert [ref() for ref in kept] == [None] * 12


def test_a_model_goes_with_its_last_reference():
    gc.collect()
    gc.disable()
    try:
        live = _core.memory_info()["live"]
        model = settled(net())
        ref = weakref.ref(model)
        history = model.fit(X, Y, verbose=0)
        assert history.model is model
        del model
        assert ref() is None and history.model is None
        assert _core.memory_info()["live"] <= live
    finally:
        gc.enable()


def test_a_model_keeps_few_programs():
    model = net()
    for n in range(1, 40):
        for _ in range(4):
            model.predict(X[:n], verbose=0)
        assert len(model._programs.steps) <= MOST_PROGRAMS
    for n in range(1, MOST_KINDS + 3):
        model.predict(RNG.random((n, 6)), verbose=0)
    assert len(model._programs.seen) <= MOST_KINDS
    np.testing.assert_array_equal(model.predict(X[:3], verbose=0), eager_call(model, X[:3]).numpy())


def test_the_least_recently_used_program_goes(recordings):
    model = net()
    sizes = range(1, MOST_PROGRAMS + 1)
    for n in sizes:
        for _ in range(3):
            model(X[:n])
    model(X[:1])
    for _ in range(3):
        model(X[:20])
    n = len(recordings)
    model(X[:1])
    assert len(recordings) == n
    model(X[:2])
    assert len(recordings) == n + 1


def test_memory_is_steady_over_shapes_and_models():
    """The first round fills the pool."""
    def round_of_shapes(model):
        for n in range(1, 30):
            for _ in range(4):
                model.predict(X[:n], verbose=0)

    model = net()
    used = []
    for _ in range(6):
        round_of_shapes(model)
        settled(net())
        gc.collect()
        used.append(sum(_core.memory_info().values()))
    assert max(used[3:]) < min(used[:3]) + 10_000


@pytest.mark.parametrize("how", [copy.deepcopy, copy.copy])
def test_copies_record_for_themselves(how):
    model = settled(net())
    twin = how(model)
    assert twin._programs is not model._programs or how is copy.copy
    np.testing.assert_array_equal(twin.predict(X, verbose=0), model.predict(X, verbose=0))
    np.testing.assert_array_equal(twin(X[:3]).numpy(), eager_call(model, X[:3]).numpy())


def test_programs_are_released_by_those_who_have_them():
    calls = _core.Calls()
    assert calls.acquire("a") and not calls.acquire("b")
    calls.release("b")
    assert not calls.acquire("c")
    calls.release("a")
    assert calls.acquire("c")
