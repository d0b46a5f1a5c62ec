"""fit, evaluate and single batches beside Keras's: the same weights and batches, the same names and numbers.

Models are functional: what the losses of a subclassed model are called differs between Keras's own backends
(test_tensorflow_fit.py follows TensorFlow's).
"""

from __future__ import annotations

import keras
import numpy as np
import pytest

import fastnn

RNG = np.random.default_rng(7)
N = 50
A = RNG.normal(size=(N, 4)).astype(np.float32)
B = RNG.normal(size=(N, 3)).astype(np.float32)
REAL = RNG.normal(size=(N, 2)).astype(np.float32)
LABELS = RNG.integers(0, 3, N)
ONE_HOT = np.eye(3, dtype=np.float32)[LABELS]
YES = RNG.integers(0, 2, (N, 1))
W = RNG.random(N).astype(np.float32)
V = RNG.random(N).astype(np.float32)
EQUAL = {"rtol": 1e-5, "atol": 1e-6}


def one(library, units=2, activation=None):
    x = library.Input((4,), name="a")
    h = library.layers.Dense(5, activation="tanh", kernel_regularizer="l2")(x)
    return library.Model(x, library.layers.Dense(units, activation=activation, name="out")(h))


def several(library, form="list"):
    a, b = library.Input((4,), name="a"), library.Input((3,), name="b")
    h = library.ops.add(library.layers.Dense(5)(a), library.layers.Dense(5, activation="tanh")(b))
    real = library.layers.Dense(2, name="real")(h)
    label = library.layers.Dense(3, activation="softmax", name="label")(h)
    yes = library.layers.Dense(1, activation="sigmoid", name="yes")(h)
    outputs = {"list": [real, label, yes], "dict": {"real": real, "label": label, "yes": yes}}
    return library.Model([a, b], outputs[form])


LIST = [REAL, LABELS, YES]
TUPLE = tuple(LIST)  # batches on TensorFlow may have no lists
DICT = {"yes": YES, "label": LABELS, "real": REAL}
LOSSES = ["mse", "sparse_categorical_crossentropy", "binary_crossentropy"]
NAMED = dict(zip(("real", "label", "yes"), LOSSES, strict=True))

CASES = {
    "plain": (one, A, REAL, {"loss": "mse"}, {}),
    "metrics": (one, A, REAL, {"loss": "mae", "metrics": ["mse", "mae"], "weighted_metrics": ["mse"]}, {}),
    "doubles": (one, A, REAL, {"loss": "mse", "metrics": ["mae", ["mae", "mse"]], "weighted_metrics": ["mae"]}, {}),
    "loss list": (one, A, REAL, {"loss": ["mse"], "loss_weights": [0.5]}, {}),
    "inputs by name": (one, {"a": A}, REAL, {"loss": "mse"}, {}),
    "weights": (one, A, REAL, {"loss": "mse", "weighted_metrics": ["mae"]}, {"sample_weight": W}),
    "sparse": (
        lambda k: one(k, 3, "softmax"), A, LABELS, {"loss": "crossentropy", "metrics": ["accuracy", "acc"]}, {},
    ),
    "class weights": (
        lambda k: one(k, 3, "softmax"), A, LABELS,
        {"loss": "sparse_categorical_crossentropy", "weighted_metrics": ["acc"]}, {"class_weight": {0: 0.3, 2: 4.0}},
    ),
    "class weights, one-hot": (
        lambda k: one(k, 3, "softmax"), A, ONE_HOT,
        {"loss": "categorical_crossentropy", "metrics": ["acc"]}, {"class_weight": {1: 3.0}},
    ),
    "class weights, a column": (
        lambda k: one(k, 1, "sigmoid"), A, YES.astype(np.float32),
        {"loss": "bce", "metrics": ["accuracy"]}, {"class_weight": {0: 2.0, 1: 0.5}},
    ),
    "split": (one, A, REAL, {"loss": "mse", "metrics": ["mae"]}, {"validation_split": 0.3}),
    "validation": (
        one, A, REAL, {"loss": "mse", "weighted_metrics": ["mae"]},
        {"validation_data": (A[:20], REAL[:20], W[:20]), "validation_freq": 2, "validation_batch_size": 6},
    ),
    "validation steps": (
        one, A, REAL, {"loss": "mse"},
        {"validation_data": (A, REAL), "validation_steps": 2, "validation_freq": [1, 3]},
    ),
    "steps": (one, A, REAL, {"loss": "mse"}, {"steps_per_epoch": 2, "initial_epoch": 1}),
    "steps of a size": (one, A, REAL, {"loss": "mse"}, {"steps_per_epoch": 3, "batch_size": None}),
    "several": (several, [A, B], LIST, {"loss": LOSSES}, {"validation_split": 0.2}),
    "several, one loss": (several, (A, B), [REAL, ONE_HOT, YES.astype(np.float32)], {"loss": "mse"}, {}),
    "several, weights": (
        several, {"b": B, "a": A}, LIST,
        {"loss": LOSSES, "loss_weights": [0.5, 2.0, 1.0], "metrics": [["mae"], ["accuracy"], ["accuracy", "mse"]],
         "weighted_metrics": [["mae", "mse"], None, "accuracy"]},
        {"sample_weight": W, "validation_split": 0.2},
    ),
    "several, each its weights": (
        several, [A, B], LIST, {"loss": LOSSES, "weighted_metrics": ["mae", "acc", "acc"]},
        {"sample_weight": [W, V, W]},
    ),
    "several, by names": (
        several, [A, B], DICT,
        {"loss": NAMED, "metrics": {"label": "accuracy", "real": ["mae", "mse"]}, "loss_weights":
         {"yes": 0.1, "real": 1.0, "label": 0.2}},
        {"validation_data": ([A[:9], B[:9]], {name: y[:9] for name, y in DICT.items()})},
    ),
    "several, without": (several, [A, B], LIST, {"loss": ["mse", None, None], "metrics": [None, "acc", None]}, {}),
    "dict": (
        lambda k: several(k, "dict"), [A, B], DICT,
        {"loss": NAMED, "loss_weights": dict.fromkeys(NAMED, 0.5), "metrics": {"yes": ["acc"], "real": "mae"}},
        {"sample_weight": dict.fromkeys(DICT, W), "validation_split": 0.2},
    ),
    "dict, some": (
        lambda k: several(k, "dict"), [A, B], {"yes": YES, "real": REAL},
        {"loss": {"yes": "binary_crossentropy", "real": "mse"}}, {},
    ),
}  # fmt: skip


def pair(make, **arguments):
    theirs, ours = make(keras), make(fastnn)
    ours.set_weights(theirs.get_weights())
    theirs.compile(keras.optimizers.SGD(0.1), run_eagerly=True, **arguments)  # compiling would take most of the time
    ours.compile(fastnn.optimizers.SGD(0.1), **arguments)
    return theirs, ours


def same(got, want):
    if isinstance(want, dict):
        assert list(got) == list(want)
        got, want = list(got.values()), list(want.values())
    np.testing.assert_allclose(np.asarray(got, np.float64), np.asarray(want, np.float64), **EQUAL)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASES)
def test_history_and_evaluation(name):
    make, x, y, arguments, fit = CASES[name]
    theirs, ours = pair(make, **arguments)
    fit = {"batch_size": 16, "epochs": 3, "shuffle": False, "verbose": 0} | fit
    want, got = theirs.fit(x, y, **fit), ours.fit(x, y, **fit)
    assert got.epoch == want.epoch
    assert list(got.history) == list(want.history)
    for key, values in want.history.items():
        np.testing.assert_allclose(got.history[key], values, **EQUAL, err_msg=key)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, **EQUAL)
    assert ours.metrics_names == theirs.metrics_names
    for options in ({"return_dict": True}, {}, {"sample_weight": fit.get("sample_weight"), "steps": 2}):
        same(*(model.evaluate(x, y, batch_size=16, verbose=0, **options) for model in (ours, theirs)))
    weight = fit.get("sample_weight")
    for options in ({"return_dict": True}, {"sample_weight": weight} if not isinstance(weight, dict) else {}):
        same(ours.train_on_batch(x, y, **options), theirs.train_on_batch(x, y, **options))
        same(ours.test_on_batch(x, y, **options), theirs.test_on_batch(x, y, **options))
    for batch in (7, N):
        got, want = ours.predict(x, batch_size=batch, verbose=0), theirs.predict(x, batch_size=batch, verbose=0)
        fastnn.tree.assert_same_structure(got, want)
        for a, b in zip(fastnn.tree.flatten(got), fastnn.tree.flatten(want), strict=True):
            np.testing.assert_allclose(a, b, **EQUAL)


def batches(*arrays, size=16):
    return [tuple(fastnn.tree.map_structure(lambda a: a[i : i + size], part) for part in arrays)  # noqa: B023 (at once)
            for i in range(0, N, size)]  # fmt: skip


def endless(parts):
    while True:
        yield from parts


def dataset(library, parts):
    class Parts(library.utils.PyDataset):
        def __len__(self):
            return len(parts)

        def __getitem__(self, i):
            return parts[i]

    return Parts()


SOURCES = {
    "generator": (lambda k: endless(batches((A, B), TUPLE)), {"steps_per_epoch": 3, "epochs": 3}),
    "once": (lambda k: iter(b for b in batches((A, B), TUPLE)), {}),
    "weights": (lambda k: (b for b in batches((A, B), TUPLE, (W, V, W))), {}),
    "dataset": (lambda k: dataset(k, batches((A, B), TUPLE)), {"epochs": 2}),
    "dataset, some steps": (lambda k: dataset(k, batches((A, B), TUPLE)), {"epochs": 3, "steps_per_epoch": 3}),
    "validation": (
        lambda k: dataset(k, batches((A, B), TUPLE)),
        lambda k: {"validation_data": dataset(k, batches((A, B), TUPLE)), "validation_steps": 2, "epochs": 2},
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SOURCES)
def test_batches(name):
    make, fit = SOURCES[name]
    theirs, ours = pair(several, loss=LOSSES, metrics=["mae", "acc", "acc"])
    want, got = (
        model.fit(make(k), shuffle=False, verbose=0, **(fit(k) if callable(fit) else fit)).history
        for model, k in ((theirs, keras), (ours, fastnn))
    )
    assert list(got) == list(want)
    for key, values in want.items():
        np.testing.assert_allclose(got[key], values, **EQUAL, err_msg=key)


def test_class_weights_of_a_dataset():
    theirs, ours = pair(lambda k: one(k, 3, "softmax"), loss="sparse_categorical_crossentropy")
    weights = {0: 0.3, 2: 4.0}
    want, got = (
        model.fit(dataset(k, batches(A, LABELS)), class_weight=weights, shuffle=False, verbose=0).history
        for model, k in ((theirs, keras), (ours, fastnn))
    )
    same(got, want)


REFUSED = {
    "weights twice": (A, LABELS, {"class_weight": {0: 1.0}, "sample_weight": W}),
    "lengths": (A, LABELS[:9], {}),
    "split": (A, LABELS, {"validation_split": 1.0}),
    "targets of batches": (iter([(A, LABELS)]), LABELS, {}),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REFUSED)
def test_what_keras_refuses_is_refused(name):
    x, y, fit = REFUSED[name]
    for model in pair(lambda k: one(k, 3, "softmax"), loss="sparse_categorical_crossentropy"):
        with pytest.raises(ValueError):
            model.fit(x, y, verbose=0, **fit)
