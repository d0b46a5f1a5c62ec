"""What scripts around training see: printed lines, the hooks of callbacks, losses, metrics and layers of their own."""

from __future__ import annotations

import re

import keras
import numpy as np
import pytest

import fastnn

RNG = np.random.default_rng(8)
LABELS = RNG.integers(0, 3, 60)
X = (RNG.normal(size=(60, 6)) + 2 * np.eye(3, 6)[LABELS]).astype(np.float32)
WEIGHTS = [RNG.normal(size=shape).astype(np.float32) for shape in ((6, 5), (5,), (5, 3), (3,))]
EQUAL = {"rtol": 1e-5, "atol": 1e-6}
FIT = {"epochs": 5, "batch_size": 20, "shuffle": False}


def model_of(k, between=(), **arguments):
    layers = [k.layers.Dense(5, activation="relu"), *between, k.layers.Dense(3, activation="softmax")]
    model = k.Sequential([k.Input((6,)), *layers])
    dense = [layer for layer in model.layers if isinstance(layer, k.layers.Dense)]
    dense[0].set_weights(WEIGHTS[:2])
    dense[1].set_weights(WEIGHTS[2:])
    model.compile(k.optimizers.SGD(0.5), run_eagerly=k is keras, **arguments)
    return model


def printed(k, capsys):
    model = model_of(k, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    callbacks = [
        k.callbacks.EarlyStopping(patience=2, min_delta=10.0, restore_best_weights=True, verbose=1),
        k.callbacks.ModelCheckpoint("best.weights.h5", save_weights_only=True, save_best_only=True, verbose=1),
        k.callbacks.ReduceLROnPlateau(factor=0.5, patience=1, min_delta=10.0, verbose=1),
    ]
    held = (X[40:], LABELS[40:])
    model.fit(X, LABELS, validation_data=held, callbacks=callbacks, verbose=2, **FIT)
    rate = k.callbacks.LearningRateScheduler(lambda epoch: 0.25, verbose=1)
    model.fit(X, LABELS, callbacks=[rate], shuffle=False, verbose=2)
    model.evaluate(X, LABELS, verbose=2)
    model.predict(X, verbose=2)
    return re.sub(r"\d+(ms|us|s)\b", "T", capsys.readouterr().out)


@pytest.mark.filterwarnings("ignore")
def test_printed_lines(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    want, got = (printed(k, capsys) for k in (keras, fastnn))
    assert got == want


def hooks(k):
    calls = []

    class Note(k.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1
            calls.append(("epoch end", epoch, logs))

        def on_train_batch_end(self, batch, logs=None):
            weights = self.model.layers[-1].get_weights()
            self.model.layers[-1].set_weights([0.9 * weight for weight in weights])  # which the next step must see
            calls.append(("batch end", batch, logs))

    def note(name):
        if "batch" in name or "epoch" in name:
            return lambda self, number, logs=None: calls.append((name, number, sorted(logs or ())))
        return lambda self, logs=None: calls.append((name, sorted(logs or ())))

    for name in ("train_begin", "train_end", "epoch_begin", "train_batch_begin", "test_begin", "test_end",
                 "predict_begin", "predict_end", "predict_batch_begin", "predict_batch_end"):  # fmt: skip
        setattr(Note, f"on_{name}", note(name))
    model = model_of(k, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, LABELS, validation_data=(X[:30], LABELS[:30]), callbacks=[Note()], verbose=0, **FIT)
    model.evaluate(X, LABELS, callbacks=[Note()], verbose=0)
    model.predict(X, callbacks=[Note()], verbose=0)
    return calls


def test_hooks():
    want, got = hooks(keras), hooks(fastnn)
    assert [call[:-1] for call in got] == [call[:-1] for call in want]
    for theirs, ours in zip(want, got, strict=True):
        if isinstance(theirs[-1], dict):
            assert list(ours[-1]) == list(theirs[-1])
            np.testing.assert_allclose(list(ours[-1].values()), list(theirs[-1].values()), **EQUAL)
        else:
            assert ours == theirs


def own(k):
    """A loss, a metric and a layer of one's own; all keep what they need in variables."""

    class Focal(k.losses.Loss):
        def __init__(self, gamma=2.0, name="focal"):
            super().__init__(name=name)
            self.gamma = gamma

        def call(self, y_true, y_pred):
            p = k.ops.clip(y_pred, 1e-3, 1 - 1e-3)
            return k.ops.sum(-y_true * k.ops.power(1 - p, self.gamma) * k.ops.log(p), axis=-1)

    class Right(k.metrics.Metric):
        def __init__(self, name="right", **kwargs):
            super().__init__(name=name, **kwargs)
            self.found = self.add_weight(name="found", initializer="zeros")
            self.of = self.add_variable(shape=(), initializer="zeros", name="of")

        def update_state(self, y_true, y_pred, sample_weight=None):
            right = k.ops.equal(k.ops.argmax(y_true, axis=1), k.ops.argmax(y_pred, axis=1))
            right = k.ops.cast(right, "float32")
            if sample_weight is not None:
                right = k.ops.multiply(right, k.ops.cast(sample_weight, "float32"))
            self.found.assign_add(k.ops.sum(right))
            self.of.assign(self.of + k.ops.cast(k.ops.shape(y_true)[0], self.of.dtype))

        def result(self):
            return self.found / self.of

    class Penalty(k.layers.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", regularizer="l2", name="scale")
            self.rows = self.add_weight(shape=(), initializer="zeros", trainable=False, name="rows")

        def call(self, x, training=False):
            self.add_loss(0.1 * k.ops.mean(k.ops.square(x)))
            if training:
                self.rows.assign_add(k.ops.sum(k.ops.ones_like(x[:, 0])))
            return x * self.scale

    return Focal(), Right, Penalty()


@pytest.mark.filterwarnings("ignore")
def test_losses_metrics_and_layers_of_ones_own():
    found = []
    for k in (keras, fastnn):
        loss, metric, layer = own(k)
        model = model_of(k, [layer], loss=loss, metrics=[metric()], weighted_metrics=[metric(name="weighted")])
        weight = np.linspace(0.1, 2.0, 60)
        history = model.fit(X, np.eye(3)[LABELS], sample_weight=weight, verbose=0, **FIT).history
        found.append((history, model.get_weights(), model.metrics_names, float(layer.rows)))
    (want, *theirs), (got, *ours) = found
    assert list(got) == list(want) and ours[1:] == theirs[1:]
    for name, values in want.items():
        np.testing.assert_allclose(got[name], values, **EQUAL, err_msg=name)
    for a, b in zip(ours[0], theirs[0], strict=True):
        np.testing.assert_allclose(a, b, **EQUAL)
