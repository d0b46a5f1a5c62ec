"""Subclassed models beside Keras on TensorFlow: how the losses of several outputs are called, and own training steps.

Keras runs eagerly: in a graph of TensorFlow's the size of a batch is not known, and the mean of an output's own loss
counts a smaller last batch as much as the others. With other backends, and here, it counts by its size.
"""

from __future__ import annotations

import keras
import numpy as np
import pytest

import fastnn

RNG = np.random.default_rng(7)
A = RNG.normal(size=(50, 4)).astype(np.float32)
REAL = RNG.normal(size=(50, 2)).astype(np.float32)
YES = RNG.integers(0, 2, (50, 1))
W = RNG.random(50).astype(np.float32)
EQUAL = {"rtol": 1e-5, "atol": 1e-6}


def subclass(library, form):
    class Two(library.Model):
        def __init__(self):
            super().__init__()
            self.real = library.layers.Dense(2)
            self.yes = library.layers.Dense(1, activation="sigmoid")
            self.size = library.metrics.Mean(name="size")

        def call(self, x):
            a, b = self.real(x), self.yes(x)
            self.add_loss(0.1 * library.ops.mean(library.ops.square(a)))
            return {
                "list": [a, b], "tuple": (a, b), "dict": {"z": a, "c": b}, "nested": {"p": [a, b], "q": a},
            }[form]  # fmt: skip

        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            self.size.update_state(library.ops.mean(x))
            return super().compute_metrics(x, y, y_pred, sample_weight)

    return Two()


CASES = {
    "list": ([REAL, YES], {"loss": ["mse", "bce"], "metrics": [["mae"], ["acc"]], "loss_weights": [1.0, 2.0]}),
    "tuple": ((REAL, YES), {"loss": ["mse", "bce"], "weighted_metrics": [None, "acc"]}),
    "dict": (
        {"c": YES, "z": REAL},
        {"loss": {"z": "mse", "c": "bce"}, "metrics": {"z": ["mae"], "c": ["acc", "mse"]},
         "loss_weights": {"z": 1.0, "c": 0.1}},
    ),
    "nested": (
        {"p": [REAL, YES], "q": REAL},
        {"loss": {"q": "mae", "p": ["mse", "bce"]}, "metrics": {"p": [["mae"], "acc"], "q": ["mse"]}},
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", CASES)
def test_history_and_evaluation(form):
    y, arguments = CASES[form]
    theirs, ours = subclass(keras, form), subclass(fastnn, form)
    theirs(A), ours(A)
    ours.set_weights(theirs.get_weights())
    theirs.compile(keras.optimizers.SGD(0.1), run_eagerly=True, **arguments)
    ours.compile(fastnn.optimizers.SGD(0.1), **arguments)
    weight = fastnn.tree.map_structure(lambda _: W, y)
    fit = {"batch_size": 16, "epochs": 3, "shuffle": False, "verbose": 0, "sample_weight": weight}
    if form == "tuple":
        fit["validation_split"] = 0.2
    want, got = theirs.fit(A, y, **fit).history, ours.fit(A, y, **fit).history
    assert list(got) == list(want)
    for key, values in want.items():
        np.testing.assert_allclose(got[key], values, **EQUAL, err_msg=key)
    assert sorted(ours.metrics_names) == sorted(theirs.metrics_names)
    want, got = (model.evaluate(A, y, batch_size=16, verbose=0) for model in (theirs, ours))
    np.testing.assert_allclose(got, want, **EQUAL)
    got, want = ours.predict(A, verbose=0), theirs.predict(A, verbose=0)
    fastnn.tree.assert_same_structure(got, want)


@pytest.mark.filterwarnings("ignore")
def test_own_train_step():
    import tensorflow as tf

    def make(library, gradients):
        class Own(library.Model):
            def __init__(self):
                super().__init__()
                self.first = library.layers.Dense(5, activation="tanh", kernel_regularizer="l2")
                self.last = library.layers.Dense(2)

            def call(self, x):
                return self.last(self.first(x))

            def train_step(self, data):
                x, y, weight = library.utils.unpack_x_y_sample_weight(data)
                loss, grads = gradients(self, x, y, weight)
                self.optimizer.apply(grads[0], self.trainable_variables)
                for metric in self.metrics:
                    if metric.name == "loss":
                        metric.update_state(loss)
                    else:
                        metric.update_state(y, grads[1])
                return {metric.name: metric.result() for metric in self.metrics if metric.name == "loss"}

        return Own()

    def theirs(self, x, y, weight):
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=weight)
        return loss, (tape.gradient(loss, self.trainable_variables), y_pred)

    def ours(self, x, y, weight):
        y_pred = self(x, training=True)
        loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=weight)
        return loss, (fastnn.gradients(loss, self.trainable_variables), y_pred)

    models = make(keras, theirs), make(fastnn, ours)
    [model(A) for model in models]
    models[1].set_weights(models[0].get_weights())
    found = []
    for model, library in zip(models, (keras, fastnn), strict=True):
        model.compile(library.optimizers.Adam(0.01), "mse", metrics=["mae"], run_eagerly=library is keras)
        history = model.fit(A, REAL, sample_weight=W, batch_size=16, epochs=3, shuffle=False, verbose=0).history
        found.append((history, [np.asarray(w) for w in model.get_weights()]))
    assert list(found[0][0]) == list(found[1][0])
    for a, b in zip(fastnn.tree.flatten(found[0]), fastnn.tree.flatten(found[1]), strict=True):
        np.testing.assert_allclose(b, a, **EQUAL)
