"""Batches from generators, datasets and iterables: the same training as from arrays, and no thread left over."""

import gc
import sys
import threading
import time
import traceback

import numpy as np
import pytest

from fastnn import callbacks, layers, losses, models, optimizers, utils
from fastnn.models import stream

RNG = np.random.default_rng(3)
X = RNG.integers(0, 256, (130, 6), dtype=np.uint8)
Y = RNG.integers(0, 3, 130)
W = RNG.random(130)


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    before = set(threading.enumerate())
    yield
    left = [t.name for t in set(threading.enumerate()) - before if t.name.startswith(("fastnn", "QueueManager"))]
    assert not left


def net(**kwargs):
    utils.set_random_seed(5)
    model = models.Sequential([layers.Rescaling(1 / 255), layers.Dense(8, activation="relu"), layers.Dense(3)])
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(**{"optimizer": "adam", "loss": loss, "metrics": ["accuracy"], **kwargs})
    return model


def cut(*arrays, size=16):
    """The batches of arrays, as tuples."""
    return [tuple(a[i : i + size] for a in arrays) for i in range(0, len(arrays[0]), size)]


class Again:
    """An iterable that can be gone through again and has no length."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


class Loader(Again):
    """What a torch DataLoader looks like from outside: a length, lists, tensors that NumPy can read."""

    class Foreign:
        def __init__(self, array):
            self.array = array

        def __array__(self, dtype=None, copy=None):
            return self.array

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        return ([self.Foreign(a) for a in batch] for batch in self.batches)


class Dataset(utils.PyDataset):
    def __init__(self, batches, **kwargs):
        super().__init__(**kwargs)
        self.batches, self.epochs = batches, []

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, i):
        return self.batches[i]

    def on_epoch_begin(self):
        self.epochs.append("begin")

    def on_epoch_end(self):
        self.epochs.append("end")


def endless(batches):
    while True:
        yield from batches


def left_behind(x, y=None, **fit):
    model = net()
    history = model.fit(x, y, shuffle=False, verbose=0, **fit)
    return history.history, [w.tobytes() for w in model.get_weights()]


SOURCES = {
    "iterable": Again,
    "loader": Loader,
    "dataset": Dataset,
    "dataset in the caller's thread": lambda b: Dataset(b, workers=0),
    "dataset in threads": lambda b: Dataset(b, workers=3, max_queue_size=2),
    "dataset in processes": lambda b: Dataset(b, workers=2, use_multiprocessing=True),
}


@pytest.mark.parametrize("source", SOURCES)
def test_any_source_trains_as_arrays_do(source, programs):
    """130 samples in batches of 16: the last one is smaller."""
    want = left_behind(X, Y, epochs=3, batch_size=16)
    n = len(programs)
    assert left_behind(SOURCES[source](cut(X, Y)), epochs=3) == want
    assert len(programs) > n > 0


def test_a_generator_trains_as_arrays_do():
    even = X[:128], Y[:128]
    want = left_behind(*even, epochs=4, batch_size=16)
    assert left_behind(endless(cut(*even)), epochs=4, steps_per_epoch=8) == want
    assert left_behind((b for b in cut(*even)), epochs=1) == left_behind(*even, epochs=1, batch_size=16)


def test_weights_come_in_the_batches():
    want = left_behind(X, Y, sample_weight=W, batch_size=16)
    assert left_behind(Again(cut(X, Y, W))) == want
    want = left_behind(X, Y, class_weight={1: 2.5}, batch_size=16)
    assert left_behind(Again(cut(X, Y)), class_weight={1: 2.5}) == want
    assert left_behind(Again(cut(X, Y)), class_weight={1: 2.5}, batch_size=7) == want, "their size is their own"


def test_evaluate_and_predict():
    model = net()
    want = model.evaluate(X, Y, batch_size=16, verbose=0)
    for source in SOURCES.values():
        assert model.evaluate(source(cut(X, Y)), verbose=0) == want
    out = model.predict(X, batch_size=16, verbose=0)
    for source in (Again(cut(X, Y)), Dataset(cut(X)), (x for (x,) in cut(X)), endless(cut(X))):
        steps = {"steps": 9} if source.__class__.__name__ == "generator" else {}
        np.testing.assert_array_equal(model.predict(source, **steps, verbose=0), out)
    np.testing.assert_array_equal(model.predict(endless(cut(X)), steps=3, verbose=0), out[:48])


def test_batches_of_any_size_and_dtype():
    """Those unlike the first are kept as they are."""
    parts = [(X[a:b].astype(d), Y[a:b]) for a, b, d in ((0, 20, "u1"), (20, 21, "f4"), (21, 90, "u1"), (90, 95, "f8"))]
    one, other = net(), net()
    one.fit(Again(parts), verbose=0)
    for part in parts:
        other.train_on_batch(*part)
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_source_may_write_into_its_arrays_again():
    x, y = np.empty((16, 6), np.uint8), np.empty(16, np.int64)

    def reusing():
        for batch in cut(X, Y):
            n = len(batch[0])
            x[:n], y[:n] = batch
            yield x[:n], y[:n]

    assert left_behind(reusing()) == left_behind(X, Y, batch_size=16)


def test_validation_from_batches():
    model = net(optimizer=optimizers.SGD(0.0))
    model.fit(X, Y, verbose=0)
    want, few = (model.evaluate(X[:n], Y[:n], batch_size=16, verbose=0)[0] for n in (130, 48))
    for source in SOURCES.values():
        history = model.fit(X, Y, epochs=2, validation_data=source(cut(X, Y)), verbose=0)
        assert history.history["val_loss"] == [want] * 2
    history = model.fit(X, Y, epochs=2, validation_data=Dataset(cut(X, Y)), validation_steps=3, verbose=0)
    assert history.history["val_loss"] == [few] * 2
    generator = endless(cut(X[:96], Y[:96]))
    assert model.fit(X, Y, validation_data=generator, validation_steps=3, verbose=0).history["val_loss"] == [few]
    rest = model.evaluate(X[48:96], Y[48:96], batch_size=16, verbose=0)[0]
    generator = endless(cut(X[:96], Y[:96]))
    history = model.fit(X, Y, epochs=3, validation_data=generator, validation_steps=3, verbose=0)
    assert history.history["val_loss"] == [few, rest, few], "it goes on where it stopped"
    once = iter(cut(X, Y))
    with pytest.warns(UserWarning, match="fit validation_data: it has no more batches"):
        history = model.fit(X, Y, epochs=3, validation_data=once, verbose=0)
    assert history.history["val_loss"] == [want]


# ---- epochs


def test_an_iterator_is_asked_for_no_more_than_what_is_used():
    taken = []

    def counting():
        for batch in endless(cut(X, Y)):
            taken.append(1)
            yield batch

    source = counting()
    model = net()
    model.fit(source, epochs=3, steps_per_epoch=5, verbose=0)
    assert len(taken) == 15
    model.evaluate(source, steps=2, verbose=0)
    assert len(taken) == 17
    assert len(next(source)) == 2, "it is not closed"


def test_epochs_of_a_few_steps_go_on_where_the_last_one_stopped():
    want = left_behind(endless(cut(X, Y)), epochs=6, steps_per_epoch=3)
    for source in SOURCES.values():
        assert left_behind(source(cut(X, Y)), epochs=6, steps_per_epoch=3) == want


def test_running_out_of_data():
    with pytest.warns(UserWarning, match=r"fit: x ran out of data: 12 batches an epoch .* there are 9") as caught:
        history = net().fit(iter(cut(X, Y)), epochs=3, steps_per_epoch=12, verbose=0)
    assert history.epoch == [0] and len(caught) == 1
    with pytest.warns(UserWarning, match="fit: x has no more batches: a generator can be gone through only once"):
        history = net().fit(iter(cut(X, Y)), epochs=3, verbose=0)
    assert history.epoch == [0]
    with pytest.warns(UserWarning, match="ran out of data"):
        assert net().fit(Again(cut(X, Y)), epochs=2, steps_per_epoch=12, verbose=0).epoch == [0, 1]


def test_a_dataset_is_told_of_epochs_and_shuffled():
    seen = []

    class Watched(Dataset):
        def __getitem__(self, i):
            seen.append(i)
            return super().__getitem__(i)

    dataset = Watched(cut(X, Y))
    net().fit(dataset, epochs=2, verbose=0)
    assert dataset.epochs == ["begin", "end"] * 2
    assert sorted(seen[:9]) == sorted(seen[9:]) == list(range(9)) and seen[:9] != seen[9:]
    seen.clear()
    net().evaluate(dataset, verbose=0)
    assert seen == list(range(9))


def test_the_number_of_steps_is_shown_where_it_is_known(capsys):
    net().fit(Loader(cut(X, Y)), verbose=2)
    net().fit(Again(cut(X, Y)), verbose=2)
    assert capsys.readouterr().out.count("9/9 - ") == 2
    steps = []
    note = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: steps.append(batch))
    net().fit(Again(cut(X, Y)), verbose=0, callbacks=[note])
    assert steps == list(range(9)) and note.params["steps"] is None


def test_steps_per_execution_groups_the_batch_hooks():
    ended = []
    note = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: ended.append(batch))
    net(steps_per_execution=4).fit(Again(cut(X, Y)), verbose=0, callbacks=[note])
    assert ended == [3, 7, 8]


# ---- errors


def failing(after):
    yield from cut(X, Y)[:after]
    raise KeyError("the disk is gone")


@pytest.mark.parametrize("after", [0, 1, 4])
def test_an_error_in_a_generator_is_that_of_fit(after):
    model, twin = net(), net()
    with pytest.raises(KeyError, match="the disk is gone") as caught:
        model.fit(failing(after), verbose=0)
    assert "failing" in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    for batch in cut(X, Y)[:after]:
        twin.train_on_batch(*batch)
    for a, b in zip(model.get_weights() if after else [], twin.get_weights() if after else [], strict=True):
        np.testing.assert_array_equal(a, b)
    model.fit(X, Y, verbose=0)


@pytest.mark.parametrize("kind", [{}, {"workers": 0}, {"workers": 3}, {"workers": 2, "use_multiprocessing": True}])
def test_an_error_in_a_dataset_is_that_of_fit(kind):
    class Broken(Dataset):
        def __getitem__(self, i):
            if i == 5:
                raise OSError("no such image")
            return super().__getitem__(i)

    with pytest.raises(OSError, match="no such image"):
        net().fit(Broken(cut(X, Y), **kind), shuffle=False, verbose=0)


def test_an_error_of_fit_ends_the_thread():
    def slow():
        for batch in endless(cut(X, Y)):
            time.sleep(0.001)
            yield batch

    class Stop(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 3:
                raise KeyboardInterrupt

    model = net()
    with pytest.raises(KeyboardInterrupt):
        model.fit(slow(), verbose=0, callbacks=[Stop()])
    with pytest.raises(ValueError, match="3 outputs|label"):
        model.fit(((x, y + 3) for x, y in slow()), verbose=0)
    model.fit(slow(), steps_per_epoch=2, verbose=0)


def test_a_generator_that_does_not_come_back_does_not_hold_fit_up(monkeypatch):
    monkeypatch.setattr(stream, "PATIENCE", 0.01)
    go_on = threading.Event()

    def stuck():
        yield X, Y
        yield X, Y
        go_on.wait()

    class Stop(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        net().fit(stuck(), verbose=0, callbacks=[Stop()])
    go_on.set()
    for thread in threading.enumerate():
        if thread.name == "fastnn-batches":
            thread.join()


def test_what_is_no_batch():
    model = net()
    cases = [
        ([(X, Y, W, W)], ValueError, r"fit, batch 0 of x: it must be \(x,\), \(x, y\) .*; got a tuple of 4"),
        ([{"x": X}], TypeError, "batch 0 of x: y must be given for the loss"),
        ([(X,)], TypeError, "batch 0 of x: y must be given for the loss"),
        ([(X, Y), (X, Y[1:])], ValueError, "batch 1 of x: x and y must be of the same length"),
        ([(X, Y), (X, Y.astype(str))], ValueError, "batch 1 of x: y must be numbers"),
        ([], ValueError, "fit: x must be data of at least one batch; got 0 batches"),
        ([(X, Y), (X[:, :5], Y)], ValueError, "the last axis of x must be 6"),
    ]
    for batches, kind, text in cases:
        with pytest.raises(kind, match=text):
            model.fit(Again(batches), verbose=0)


def test_arguments_that_do_not_go_with_batches():
    model, batches = net(), Again(cut(X, Y))
    for argument in ({"y": Y}, {"sample_weight": W}):
        with pytest.raises(ValueError, match=f"fit: {next(iter(argument))} must be None where x gives batches"):
            model.fit(batches, **argument)
    with pytest.raises(ValueError, match="validation_split must be 0 where x gives batches; got 0.5"):
        model.fit(batches, validation_split=0.5)
    with pytest.raises(TypeError, match="y must be an array-like"):
        model.fit(X, iter(Y))


def test_a_dataset_without_its_methods():
    class Nothing(utils.PyDataset):
        pass

    with pytest.raises(NotImplementedError, match=r"Nothing: __len__\(self\) must return the number of batches"):
        net().fit(Nothing())


def test_a_dataset_without_an_end():
    class Endless(Dataset):
        num_batches = None

        def __getitem__(self, i):
            return super().__getitem__(i % 8)

    want = left_behind(endless(cut(X[:128], Y[:128])), epochs=2, steps_per_epoch=10)
    for workers in (1, 2):
        assert left_behind(Endless(cut(X, Y), workers=workers), epochs=2, steps_per_epoch=10) == want


def test_nothing_keeps_the_source_alive():
    source = Again(cut(X, Y))
    model = net()
    model.fit(source, verbose=0)
    gc.collect()
    assert sys.getrefcount(source) == 2
