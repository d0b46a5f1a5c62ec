"""What fit, evaluate and predict make of arrays: layouts, orders, weights, steps."""

import threading

import numpy as np
import pytest

import fastnn as keras
from fastnn import layers, models, ops, optimizers
from tests.training import classes, classifier, line, regression, trained

# ---- data


@pytest.mark.parametrize(
    "convert",
    [
        lambda x: x.astype("float64"),
        lambda x: x.astype("int32"),
        lambda x: x.astype("uint8"),
        lambda x: x.astype("float16"),
        lambda x: x.tolist(),
        lambda x: np.asfortranarray(x),
        lambda x: np.repeat(x, 2, axis=0)[::2],
        lambda x: x[::-1][::-1],
        lambda x: keras.Tensor(x),
        lambda x: tuple(map(tuple, x.tolist())),
        lambda x: x.astype(">f4"),
    ],
    ids=[
        "float64",
        "int32",
        "uint8",
        "float16",
        "list",
        "fortran",
        "strided",
        "reversed",
        "tensor",
        "tuples",
        "big endian",
    ],
)
def test_any_array_like_gives_the_same_training(convert):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 5, (40, 3)).astype("float32")
    y = x.sum(1)
    wanted, got = line(), line()
    wanted.fit(x, y, epochs=2, verbose=0, shuffle=False)
    got.fit(
        convert(x),
        convert(y[:, None]) if convert(x) is not None else None,
        epochs=2,
        verbose=0,
        shuffle=False,
    )
    for a, b in zip(wanted.get_weights(), got.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_pandas():
    pandas = pytest.importorskip("pandas")
    x, y = regression()
    frame = pandas.DataFrame(x, columns=["a", "b", "c"])
    frame["d"] = np.arange(len(frame))
    wanted, got = line(), line()
    wanted.fit(x, y, verbose=0, shuffle=False)
    got.fit(frame[["a", "b", "c"]], pandas.Series(y), verbose=0, shuffle=False)
    np.testing.assert_array_equal(wanted.get_weights()[0], got.get_weights()[0])
    one = models.Sequential([layers.Dense(1)])
    assert one.predict(frame["a"]).shape == (70, 1)
    assert models.Sequential([layers.Dense(1)]).predict(frame).shape == (70, 1)


def test_float_labels_that_are_whole_are_fine():
    x, y = classes()
    a, b = (trained(classifier(), x, target) for target in (y, y.astype("float64")))
    np.testing.assert_array_equal(a, b)


def test_data_is_read_where_it_lies():
    x = np.arange(12.0).reshape(4, 3)
    x.flags.writeable = False
    y = np.ones(4)
    y.flags.writeable = False
    line().fit(x, y, verbose=0)


def test_shuffle_sees_every_sample_once():
    seen = []

    class Watch(layers.Layer):
        def call(self, x, training=False):
            if training:
                seen.extend(x.numpy()[:, 0].astype(int).tolist())
            return x

    model = models.Sequential([layers.Input((1,)), Watch(), layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    model.fit(np.arange(50), np.zeros(50), epochs=2, batch_size=16, verbose=0)
    first, second = seen[:50], seen[50:]
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second and first != list(range(50))
    seen.clear()
    model.fit(np.arange(50), np.zeros(50), shuffle=False, verbose=0)
    assert seen == list(range(50))


def test_validation_split_takes_the_tail():
    x = np.arange(10.0)[:, None]
    model = models.Sequential([layers.Input((1,)), layers.Dense(1, kernel_initializer="zeros")])
    model.compile(optimizers.SGD(0.0), "mae")
    # 10 * (1 - 0.25) = 7.5 -> 7 for training, the last 3 held out
    history = model.fit(x, x, validation_split=0.25, verbose=0)
    assert history.history["loss"] == [3.0] and history.history["val_loss"] == [8.0]


def test_validation_data_is_evaluated_like_evaluate():
    x, y = regression()
    model = line(metrics=["mae"])
    history = model.fit(x, y, validation_data=(x[:20], y[:20]), validation_batch_size=6, verbose=0)
    loss, mae = model.evaluate(x[:20], y[:20], verbose=0)
    np.testing.assert_allclose(
        [history.history["val_loss"][0], history.history["val_mae"][0]], [loss, mae], rtol=1e-5
    )
    np.testing.assert_allclose(
        model.fit(x, y, validation_data=(x[:20], y[:20], np.zeros(20)), verbose=0).history["val_loss"], [0.0]
    )


def state(model):
    variables = [*model.variables, *model.optimizer.variables, *(v for m in model.metrics for v in m.variables)]
    return [variable.numpy() for variable in variables]


def held_out_model(**compiled):
    keras.utils.set_random_seed(0)
    model = models.Sequential([
        layers.Input((3,)), layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(4, name="last"),
    ])  # fmt: skip
    model.compile(**{"loss": keras.losses.SparseCategoricalCrossentropy(True), "metrics": ["accuracy"]} | compiled)
    return model


HELD_X, HELD_Y = np.ones((6, 3), "float32"), np.arange(6) % 4


@pytest.mark.parametrize(
    "held",
    [
        (np.ones((6, 5)), HELD_Y),
        (np.ones((6, 3, 2)), HELD_Y),
        (HELD_X, np.eye(4)[HELD_Y]),
        (HELD_X, HELD_Y, np.ones((6, 7))),
        ([HELD_X, HELD_X], HELD_Y),
        (HELD_X, [HELD_Y, HELD_Y]),
    ],
    ids=["features", "axes", "one-hot", "weights", "inputs", "targets"],
)
@pytest.mark.parametrize("before", [0, 1])
def test_validation_data_that_does_not_fit_is_refused_before_anything_is_changed(held, before):
    x, y = np.ones((40, 3), "float32"), np.arange(40) % 4
    model = held_out_model()
    for _ in range(before):
        model.fit(x, y, validation_data=(HELD_X, HELD_Y), verbose=0)
    began = []
    callback = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: began.append(1))
    kept = state(model)
    with pytest.raises(ValueError, match="fit validation_data|x must be of shape"):
        model.fit(x, y, validation_data=held, verbose=0, callbacks=[callback])
    assert not began
    for now, then in zip(state(model), kept, strict=True):
        np.testing.assert_array_equal(now, then)


def test_looking_at_the_shapes_of_validation_data_changes_no_training():
    x, y = np.random.default_rng(0).random((40, 3), "float32"), np.arange(40) % 4
    found = []
    ones = np.ones(6)
    for held in [(HELD_X, HELD_Y), (HELD_X, HELD_Y[:, None]), (HELD_X, HELD_Y, ones), (HELD_X, HELD_Y, ones[:, None])]:
        model = held_out_model(loss="crossentropy")
        history = model.fit(x, y, epochs=2, validation_data=held, validation_batch_size=4, verbose=0).history
        found.append((history, state(model)))
    for history, values in found[1:]:
        assert history == found[0][0]
        for now, then in zip(values, found[0][1], strict=True):
            np.testing.assert_array_equal(now, then)


def test_validation_data_may_have_other_sizes_where_the_model_takes_them():
    parts = [layers.Conv1D(3, 2), layers.GlobalMaxPooling1D(), layers.Dense(1)]
    model = models.Sequential([layers.Input((None, 2)), *parts])
    model.compile("sgd", "mse")
    held = np.ones((5, 7, 2)), np.ones(5)
    history = model.fit(np.ones((8, 4, 2)), np.ones((8, 1)), validation_data=held, verbose=0)
    assert history.history["val_loss"] == [model.evaluate(*held, verbose=0)]


def test_validation_data_of_a_model_that_looks_at_values_is_left_to_the_test_step():
    class Looks(layers.Layer):
        def call(self, x):
            return x * (1.0 if float(x.numpy().min()) > 0 else 1 / 0)

    model = models.Sequential([Looks(), layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    history = model.fit(np.ones((8, 4)), np.ones((8, 1)), validation_data=(np.ones((5, 4)), np.ones(5)), verbose=0)
    assert len(history.history["val_loss"]) == 1


def test_validation_freq():
    x, y = regression()
    history = line().fit(x, y, epochs=5, validation_split=0.2, validation_freq=2, verbose=0)
    assert len(history.history["val_loss"]) == 2
    history = line().fit(x, y, epochs=5, validation_split=0.2, validation_freq=[1, 3, 4], verbose=0)
    assert len(history.history["val_loss"]) == 3


def first_values(**fit):
    """What the batches of each epoch begin with, for 0 ... 69 in batches of 10."""
    seen = []

    class Watch(layers.Layer):
        def call(self, x, training=False):
            if training:
                seen[-1].append(int(x.numpy()[0, 0]))
            return x

    model = models.Sequential([layers.Input((1,)), Watch(), layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    begin = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: seen.append([]))
    x = np.arange(70.0)
    model.fit(x, x * 0, batch_size=10, shuffle=False, verbose=0, callbacks=[begin], **fit)
    return seen


def test_epochs_of_a_few_steps_go_on_where_the_last_one_stopped():
    assert first_values(epochs=2, steps_per_epoch=3) == [[0, 10, 20], [30, 40, 50]]
    assert first_values(epochs=2, steps_per_epoch=7) == [[0, 10, 20, 30, 40, 50, 60]] * 2
    with pytest.warns(UserWarning, match=r"fit: x ran out of data: 3 batches an epoch .* there are 7"):
        assert first_values(epochs=4, steps_per_epoch=3) == [[0, 10, 20], [30, 40, 50], [60], [0, 10, 20]]
    with pytest.warns(UserWarning, match=r"8 batches an epoch"):
        assert first_values(steps_per_epoch=8) == [[0, 10, 20, 30, 40, 50, 60]]


def test_steps_of_evaluate_predict_and_validation_begin_at_the_start():
    x, y = regression(70)
    model = line(optimizer=optimizers.SGD(0.0))
    assert model.evaluate(x, y, batch_size=8, steps=3, verbose=0) == model.evaluate(x[:24], y[:24], batch_size=8)
    np.testing.assert_array_equal(model.predict(x, batch_size=8, steps=3), model.predict(x[:24]))
    losses_ = model.fit(x, y, 8, epochs=2, validation_data=(x, y), validation_steps=2, verbose=0).history["val_loss"]
    assert losses_ == [model.evaluate(x[:16], y[:16], batch_size=8)] * 2
    with pytest.raises(ValueError, match="fit: steps_per_epoch must be a positive int; got 0"):
        model.fit(x, y, steps_per_epoch=0)


def test_sample_weights():
    x, y = regression(8)
    weight = np.array([1.0, 0, 2, 0, 0, 0, 0, 1])
    model = line()
    error = (model.predict(x)[:, 0] - y) ** 2
    np.testing.assert_allclose(
        model.evaluate(x, y, sample_weight=weight, verbose=0), (error * weight).mean(), rtol=1e-5
    )
    model = line(optimizer=optimizers.SGD(0.1))
    twin = line(optimizer=optimizers.SGD(0.1))
    model.fit(x, y, sample_weight=np.ones(8), shuffle=False, verbose=0)
    twin.fit(x, y, shuffle=False, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], twin.get_weights()[0], rtol=1e-6)


def test_class_weight_is_a_sample_weight():
    x, y = classes()
    a = trained(classifier(), x, y, class_weight={0: 1.0, 1: 3.0, 2: 0.5})
    b = trained(classifier(), x, y, sample_weight=np.array([1.0, 3.0, 0.5])[y])
    np.testing.assert_array_equal(a, b)


def test_weighted_metrics_use_the_weights():
    x, y = regression(8)
    weight = np.array([1.0, 0, 0, 0, 0, 0, 0, 0])
    model = line(metrics=["mae"], weighted_metrics=["mae"])
    error = np.abs(model.predict(x)[:, 0] - y)
    got = model.evaluate(x, y, sample_weight=weight, verbose=0, return_dict=True)
    np.testing.assert_allclose([got["mae"], got["weighted_mae"]], [error.mean(), error[0]], rtol=1e-5)


# ---- predict


@pytest.mark.parametrize("samples", [1, 31, 32, 33, 100])
def test_predict_is_the_call(samples):
    model = line(units=2)
    x = np.random.default_rng(0).normal(size=(samples, 3))
    np.testing.assert_array_equal(model.predict(x), model(x).numpy())
    np.testing.assert_array_equal(model.predict(x, batch_size=7), model(x).numpy())
    np.testing.assert_array_equal(model.predict_on_batch(x), model(x).numpy())
    assert isinstance(model.predict(x), np.ndarray) and model.predict(x).dtype == "float32"


def test_predict_needs_no_compile():
    assert models.Sequential([layers.Dense(2)]).predict(np.ones((3, 4))).shape == (3, 2)


def test_predict_result_is_not_overwritten():
    model = line()
    a = model.predict(np.ones((2, 3)))
    kept = a.copy()
    model.predict(np.zeros((2, 3)))
    np.testing.assert_array_equal(a, kept)


def test_predict_from_many_threads():
    model = line(units=4)
    x = np.random.default_rng(0).normal(size=(200, 3))
    want = model.predict(x)
    wrong = []

    def work():
        for _ in range(20):
            if not np.array_equal(model.predict(x, batch_size=16), want):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not wrong
    assert model(keras.Tensor(x)).requires_grad, "gradients are still recorded afterwards"


def test_structured_outputs():
    class Two(keras.Model):
        def call(self, x):
            return {"sum": ops.sum(x, axis=1), "twice": [x * 2.0]}

    x = np.arange(100.0).reshape(50, 2)
    got = Two().predict(x)
    np.testing.assert_array_equal(got["sum"], x.sum(1))
    np.testing.assert_array_equal(got["twice"][0], 2 * x)
