"""Callback, CallbackList, History, EarlyStopping, LambdaCallback."""

import numpy as np
import pytest

from fastnn import callbacks, layers, models, optimizers, utils
from fastnn.callbacks import Callback, EarlyStopping, LambdaCallback


def model_and_data(rate=0.1, **kwargs):
    utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(20, 2))
    model = models.Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile(optimizers.SGD(rate), "mse", **kwargs)
    return model, x, x.sum(1)


class Record(Callback):
    def __init__(self):
        super().__init__()
        self.calls = []


def _note(name):
    def hook(self, *args, logs=None):
        self.calls.append((name, *args, sorted(logs)))

    return hook


for _hook in callbacks.HOOKS:
    if _hook not in ("on_batch_begin", "on_batch_end"):
        setattr(Record, _hook, _note(_hook))


def test_hooks_come_in_keras_order():
    model, x, y = model_and_data(metrics=["mae"])
    record = Record()
    model.fit(x, y, batch_size=10, epochs=2, validation_split=0.5, callbacks=[record], verbose=0)
    train, both = ["loss", "mae"], ["loss", "mae", "val_loss", "val_mae"]
    epoch = [
        ("on_train_batch_begin", 0, []),
        ("on_train_batch_end", 0, train),
        ("on_test_begin", []),
        ("on_test_batch_begin", 0, []),
        ("on_test_batch_end", 0, train),
        ("on_test_end", train),
    ]
    want = [("on_train_begin", [])]
    for number in (0, 1):
        want += [("on_epoch_begin", number, []), *epoch, ("on_epoch_end", number, both)]
    assert record.calls == [*want, ("on_train_end", both)]
    assert record.model is model
    assert record.params == {"verbose": 0, "epochs": 2, "steps": 1}


def test_predict_and_evaluate_hooks():
    model, x, y = model_and_data()
    record = Record()
    model.predict(x, callbacks=[record], verbose=0)
    assert [call[0] for call in record.calls] == [
        "on_predict_begin",
        "on_predict_batch_begin",
        "on_predict_batch_end",
        "on_predict_end",
    ]
    record.calls.clear()
    model.evaluate(x, y, callbacks=record, verbose=0)
    assert [call[0] for call in record.calls] == [
        "on_test_begin",
        "on_test_batch_begin",
        "on_test_batch_end",
        "on_test_end",
    ]


def test_on_batch_end_is_on_train_batch_end():
    seen = []

    class Old(Callback):
        def on_batch_end(self, batch, logs=None):
            seen.append((batch, set(logs)))

    model, x, y = model_and_data()
    model.fit(x, y, batch_size=10, callbacks=[Old()], verbose=0)
    assert seen == [(0, {"loss"}), (1, {"loss"})]


def test_logs_are_python_floats():
    kinds = set()
    hook = LambdaCallback(on_train_batch_end=lambda batch, logs: kinds.update(map(type, logs.values())))
    model, x, y = model_and_data()
    history = model.fit(x, y, callbacks=hook, verbose=0)
    assert kinds == {float} and type(history.history["loss"][0]) is float


def test_history():
    model, x, y = model_and_data()
    history = model.fit(x, y, epochs=3, verbose=0)
    assert model.history is history and history.model is model
    assert (
        history.epoch == [0, 1, 2] and list(history.history) == ["loss"] and len(history.history["loss"]) == 3
    )
    assert history.params == {"verbose": 0, "epochs": 3, "steps": 1}


def test_a_history_of_the_users_own_is_used():
    model, x, y = model_and_data()
    mine = callbacks.History()
    assert model.fit(x, y, callbacks=[mine], verbose=0) is mine


@pytest.mark.parametrize(("callback", "text"), [(3, "got 3"), (Callback, "Give an instance")])
def test_callbacks_must_be_callbacks(callback, text):
    model, x, y = model_and_data()
    with pytest.raises(
        TypeError, match=f"callbacks: every entry must be a fastnn.callbacks.Callback; .*{text}"
    ):
        model.fit(x, y, callbacks=[callback], verbose=0)


def run(stopper, values, monitor="val_loss"):
    """Feed a sequence of values to an EarlyStopping and count the epochs that it lets pass."""
    model, x, y = model_and_data()

    class Feed(Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs[monitor] = values[epoch]
            self.model.layers[0].bias.assign(np.array([float(epoch)], "float32"))

    model.fit(x, y, epochs=len(values), callbacks=[Feed(), stopper], verbose=0)
    return len(model.history.epoch), model


@pytest.mark.parametrize(
    ("arguments", "values", "epochs"),
    [
        ({}, [3, 2, 2, 1], 3),
        ({"patience": 1}, [3, 2, 2, 1], 3),
        ({"patience": 2}, [3, 2, 2, 1, 1, 1], 6),
        ({"patience": 2}, [3, 2, 2, 2, 1], 4),
        ({"min_delta": 0.5}, [3, 2, 1.8, 1], 3),
        ({"mode": "max"}, [1, 2, 3, 3, 4], 4),
        ({"baseline": 1.0, "patience": 2}, [3, 2, 1.5, 1.6, 0.5], 4),
        ({"start_from_epoch": 2}, [1, 2, 3, 2, 2, 1], 5),
        ({}, [3, 2, 1], 3),
    ],
    ids=str,
)
def test_early_stopping_counts_like_keras(arguments, values, epochs):
    assert run(EarlyStopping(**arguments), values)[0] == epochs


def test_early_stopping_restores_the_best_weights(capsys):
    stopper = EarlyStopping(patience=2, restore_best_weights=True, verbose=1)
    epochs, model = run(stopper, [3, 1, 2, 2, 0])
    assert epochs == 4 and model.layers[0].bias.tolist() == [1.0]
    assert stopper.stopped_epoch == 3 and stopper.best == 1 and stopper.best_epoch == 1
    out = capsys.readouterr().out
    assert out == "Epoch 4: early stopping\nRestoring model weights from the end of the best epoch: 2.\n"


def test_early_stopping_restores_at_the_end_too():
    _, model = run(EarlyStopping(patience=9, restore_best_weights=True), [3, 1, 2])
    assert model.layers[0].bias.tolist() == [1.0]


def test_early_stopping_knows_that_accuracy_grows():
    model, x, y = model_and_data(rate=0.0, metrics=["accuracy"])
    model.fit(x, y, epochs=5, validation_split=0.5, callbacks=[EarlyStopping("val_accuracy")], verbose=0)
    assert len(model.history.epoch) == 2


def test_early_stopping_of_an_unknown_direction():
    with pytest.raises(
        ValueError, match="mode must be 'min' or 'max' for monitor='score', whose direction is not known"
    ):
        run(EarlyStopping("score"), [1, 2], monitor="score")


def test_early_stopping_without_its_metric_warns():
    model, x, y = model_and_data()
    with pytest.warns(UserWarning, match=r"monitor='val_loss' is not among the logs of this epoch \(loss\)"):
        model.fit(x, y, epochs=2, callbacks=[EarlyStopping()], verbose=0)


def test_early_stopping_mode():
    with pytest.raises(ValueError, match="mode must be a known name; got 'maximum'. Did you mean 'max'"):
        EarlyStopping(mode="maximum")


def test_lambda_callback():
    seen = []
    callback = LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append((epoch, sorted(logs))),
        on_train_begin=lambda logs: seen.append("begin"),
        on_test_begin=lambda logs: seen.append("test"),
    )
    model, x, y = model_and_data()
    model.fit(x, y, validation_split=0.5, callbacks=[callback], verbose=0)
    assert seen == ["begin", "test", (0, ["loss", "val_loss"])]
    with pytest.raises(
        TypeError,
        match="LambdaCallback: 'on_epoch_ends' is not one of its arguments. Did you mean 'on_epoch_end'",
    ):
        LambdaCallback(on_epoch_ends=print)
    with pytest.raises(TypeError, match="on_epoch_end must be callable; got 3"):
        LambdaCallback(on_epoch_end=3)
