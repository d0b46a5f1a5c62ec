"""compile, fit, evaluate, predict and single batches."""

import threading

import numpy as np
import pytest

import fastnn as keras
from fastnn import _core, layers, losses, metrics, models, ops, optimizers, utils
from fastnn.models.data import Data


def regression(samples=70, features=3):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(samples, features))
    return x, x @ np.arange(1.0, features + 1) + 0.5


def classes(samples=90):
    """Three well separated clouds."""
    rng = np.random.default_rng(0)
    y = np.arange(samples) % 3
    return rng.normal(size=(samples, 2)) * 0.3 + np.array([[0, 3], [3, 0], [-3, -3]])[y], y


def line(loss="mse", optimizer="sgd", units=1, seed=1, **kwargs):
    utils.set_random_seed(seed)
    model = models.Sequential([layers.Input((3,)), layers.Dense(units)])
    model.compile(optimizer, loss, **kwargs)
    return model


def classifier(seed=1, **kwargs):
    utils.set_random_seed(seed)
    model = models.Sequential([layers.Input((2,)), layers.Dense(8, activation="relu"), layers.Dense(3)])
    arguments = {
        "optimizer": optimizers.Adam(0.05),
        "loss": losses.SparseCategoricalCrossentropy(from_logits=True),
        "metrics": ["accuracy"],
    }
    model.compile(**{**arguments, **kwargs})
    return model


def trained(model, x, y, **kwargs):
    """The first kernel after a fit, from the seed that the model was made with."""
    model.fit(x, y, verbose=0, **kwargs)
    return model.get_weights()[0]


# ---- learning


def test_linear_regression_is_solved():
    x, y = regression()
    model = line(optimizer=optimizers.SGD(0.1))
    history = model.fit(x, y, epochs=60, batch_size=16, verbose=0)
    assert history.history["loss"][-1] < 1e-6
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(kernel[:, 0], [1, 2, 3], atol=1e-3)
    np.testing.assert_allclose(bias, [0.5], atol=1e-3)


def test_classes_are_separated():
    x, y = classes()
    model = classifier()
    history = model.fit(x, y, epochs=20, verbose=0)
    assert history.history["accuracy"][-1] == 1.0
    assert model.evaluate(x, y, verbose=0)[1] == 1.0
    assert (model.predict(x).argmax(1) == y).all()


def test_a_small_cnn_learns():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 128)
    x = rng.random((128, 8, 8)) * 0.2
    x[y == 1, 2:5, 2:5] += 0.8
    utils.set_random_seed(0)
    model = models.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
    assert model.fit(x, y, epochs=10, verbose=0).history["accuracy"][-1] > 0.95


def test_one_step_of_sgd_by_hand():
    model = line(optimizer=optimizers.SGD(0.1))
    x, y = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]]), np.array([1.0, 3.0])
    kernel, bias = model.get_weights()
    error = x @ kernel[:, 0] + bias - y
    model.train_on_batch(x, y)
    got_kernel, got_bias = model.get_weights()
    np.testing.assert_allclose(
        got_kernel[:, 0], kernel[:, 0] - 0.1 * (2 * error @ x / 2), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(got_bias, bias - 0.1 * 2 * error.mean(), rtol=1e-5, atol=1e-6)


def test_runs_repeat_from_a_seed():
    x, y = classes()
    runs = []
    for _ in range(2):
        model = classifier(seed=7)
        model.fit(x, y, epochs=3, verbose=0)
        runs.append(model.get_weights())
    for a, b in zip(*runs, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_second_fit_goes_on_with_the_optimizers_state():
    x, y = regression()
    model, other = line(optimizer="adam"), line(optimizer="adam")
    model.fit(x, y, epochs=4, shuffle=False, verbose=0)
    other.fit(x, y, epochs=2, shuffle=False, verbose=0)
    history = other.fit(x, y, epochs=4, initial_epoch=2, shuffle=False, verbose=0)
    assert history.epoch == [2, 3]
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert int(other.optimizer.iterations) == 4 * 3


# ---- what is reported


def test_epoch_loss_is_the_mean_over_all_samples():
    """Learning rate 0, batches of 32, 32 and 6: the last one counts by its size."""
    x, y = regression(70)
    model = line(optimizer=optimizers.SGD(0.0), metrics=["mae"])
    want = ((model.predict(x)[:, 0] - y) ** 2).mean(), np.abs(model.predict(x)[:, 0] - y).mean()
    history = model.fit(x, y, verbose=0)
    np.testing.assert_allclose([history.history["loss"][0], history.history["mae"][0]], want, rtol=1e-5)
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), want, rtol=1e-5)
    np.testing.assert_allclose(model.evaluate(x, y, batch_size=7, verbose=0), want, rtol=1e-5)


def test_regularizers_are_part_of_the_loss():
    x, y = regression()
    utils.set_random_seed(0)
    model = models.Sequential([layers.Input((3,)), layers.Dense(1, kernel_regularizer="l2")])
    model.compile(optimizers.SGD(0.0), "mse")
    want = ((model.predict(x)[:, 0] - y) ** 2).mean() + 0.01 * (model.get_weights()[0] ** 2).sum()
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), want, rtol=1e-5)
    np.testing.assert_allclose(model.fit(x, y, verbose=0).history["loss"], [want], rtol=1e-5)


def test_regularizers_change_the_step():
    model = models.Sequential(
        [
            layers.Input((1,)),
            layers.Dense(1, use_bias=False, kernel_regularizer="l2", kernel_initializer="ones"),
        ]
    )
    model.compile(optimizers.SGD(1.0), "mse")
    model.train_on_batch([[0.0]], [0.0])
    np.testing.assert_allclose(model.get_weights()[0], [[1 - 0.02]], rtol=1e-6)


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
@pytest.mark.parametrize(
    "loss", ["mse", "mae", "binary_crossentropy", lambda t, p: ops.mean(ops.square(t - p), axis=-1)]
)
def test_targets_align_with_outputs(loss, shape):
    """(n,) against (n, 1) is never n x n."""
    model = models.Sequential(
        [layers.Input((1,)), layers.Dense(1, use_bias=False, kernel_initializer="ones")]
    )
    model.compile(optimizers.SGD(0.0), loss, metrics=["mae", "accuracy"])
    x = np.array([0.2, 0.4, 0.6, 0.8])
    y = np.array([0.0, 1.0, 1.0, 0.0])
    value, mae, accuracy = model.evaluate(x, y.reshape(shape), verbose=0)
    want = {
        "mse": ((x - y) ** 2).mean(),
        "mae": np.abs(x - y).mean(),
        "binary_crossentropy": -np.log(np.where(y == 1, x, 1 - x)).mean(),
    }
    np.testing.assert_allclose(value, want.get(loss, want["mse"]), rtol=1e-5)
    np.testing.assert_allclose([mae, accuracy], [np.abs(x - y).mean(), 0.5], rtol=1e-5)


def test_history_keeps_the_users_names():
    x, y = regression()
    model = line(
        metrics=[
            "mae",
            "MeanAbsoluteError",
            "mae",
            metrics.MeanSquaredError(name="my_mse"),
            losses.mean_squared_error,
        ]
    )
    history = model.fit(x, y, validation_split=0.2, verbose=0)
    names = ["mae", "MeanAbsoluteError", "mae_1", "my_mse", "mean_squared_error"]
    assert set(history.history) == {"loss", "val_loss", *names, *(f"val_{name}" for name in names)}
    assert model.metrics_names == ["loss", "compile_metrics"]
    assert [metric.name for metric in model.metrics[1].metrics] == ["mae", "MeanAbsoluteError", "mae", *names[3:]]
    assert list(history.history)[:2] == ["MeanAbsoluteError", "loss"], "sorted, as Keras has them"


def test_duplicate_acc_gets_a_number():
    x, y = classes()
    model = classifier(metrics=["acc", "accuracy", "acc"])
    assert set(model.fit(x, y, verbose=0).history) == {"acc", "accuracy", "acc_1", "loss"}


@pytest.mark.parametrize(
    ("loss", "y", "units", "kind"),
    [
        ("sparse_categorical_crossentropy", np.array([0, 1, 2, 0]), 3, "sparse"),
        ("sparse_categorical_crossentropy", np.array([[0], [1], [2], [0]]), 3, "sparse"),
        ("categorical_crossentropy", np.eye(3)[[0, 1, 2, 0]], 3, "categorical"),
        ("binary_crossentropy", np.array([0, 1, 1, 0]), 1, "binary"),
    ],
)
def test_accuracy_is_the_one_that_fits(loss, y, units, kind):
    model = models.Sequential(
        [layers.Input((3,)), layers.Dense(units, activation="softmax" if units > 1 else "sigmoid")]
    )
    model.compile("sgd", loss, metrics=["accuracy"])
    x = np.random.default_rng(0).normal(size=(4, 3))
    value = model.evaluate(x, y, verbose=0)[1]
    p = model.predict(x)
    want = {
        "sparse": (p.argmax(1) == y.reshape(4, -1)[:, 0]).mean(),
        "categorical": (p.argmax(1) == y.reshape(4, -1).argmax(1)).mean(),
        "binary": ((p[:, 0] > 0.5) == y.reshape(4, -1)[:, 0]).mean(),
    }[kind]
    assert value == pytest.approx(want)


def test_evaluate_returns_a_float_a_list_or_a_dict():
    x, y = regression()
    alone, both = line(), line(metrics=["mae"])
    assert isinstance(alone.evaluate(x, y, verbose=0), float)
    values = both.evaluate(x, y, verbose=0)
    assert isinstance(values, list) and len(values) == 2
    assert both.evaluate(x, y, verbose=0, return_dict=True) == {"loss": values[0], "mae": values[1]}
    assert set(alone.evaluate(x, y, verbose=0, return_dict=True)) == {"loss"}


def test_losses_by_string_object_class_and_function_agree():
    x, y = regression()
    values = {
        line(loss=loss).evaluate(x, y, verbose=0)
        for loss in (
            "mse",
            "MeanSquaredError",
            "mean_squared_error",
            losses.MeanSquaredError(),
            losses.mean_squared_error,
            metrics.mean_squared_error,
            ["mse"],
        )
    }
    assert len(values) == 1


def test_loss_weights_scale_the_loss():
    x, y = regression()
    assert line(loss_weights=2.0).evaluate(x, y, verbose=0) == pytest.approx(
        2 * line().evaluate(x, y, verbose=0)
    )


def test_crossentropy_is_the_one_that_fits():
    x, y = classes()
    model = models.Sequential([layers.Input((2,)), layers.Dense(3, activation="softmax")])
    found = []
    for loss, target in (
        ("crossentropy", y),
        ("sparse_categorical_crossentropy", y),
        ("crossentropy", np.eye(3)[y]),
    ):
        model.compile("sgd", loss)
        found.append(model.evaluate(x, target, verbose=0))
    np.testing.assert_allclose(found, found[0], rtol=1e-5)


def test_default_optimizer_is_rmsprop():
    model = line()
    model.compile(loss="mse")
    assert type(model.optimizer) is optimizers.RMSprop


def test_add_loss_without_a_loss():
    class Penalty(layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(shape=(1,), initializer="ones", name="w")

        def call(self, x):
            self.add_loss(ops.sum(ops.square(self.w)))
            return x

    model = models.Sequential([layers.Input((1,)), Penalty()])
    model.compile(optimizers.SGD(0.25))
    history = model.fit(np.ones((4, 1)), epochs=2, batch_size=4, verbose=0)
    np.testing.assert_allclose(history.history["loss"], [1.0, 0.25])


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


# ---- single batches


def test_single_batches_report_that_batch_alone():
    x, y = regression(20)
    model = line(optimizer=optimizers.SGD(0.0), metrics=["mae"])
    model.train_on_batch(x[:10], y[:10])
    second = model.train_on_batch(x[10:], y[10:])
    np.testing.assert_allclose(second, model.evaluate(x[10:], y[10:], verbose=0), rtol=1e-5)
    np.testing.assert_allclose(model.test_on_batch(x[10:], y[10:]), second, rtol=1e-5)
    assert set(model.test_on_batch(x, y, return_dict=True)) == {"loss", "mae"}


def test_get_metrics_result():
    x, y = regression()
    model = line(metrics=["mae"])
    got = model.evaluate(x, y, verbose=0, return_dict=True)
    assert model.get_metrics_result() == got


# ---- trainable, constraints, dropout


def test_frozen_layers_stay():
    x, y = classes()
    model = classifier()
    model.layers[0].trainable = False
    before = model.get_weights()
    model.fit(x, y, verbose=0)
    after = model.get_weights()
    np.testing.assert_array_equal(before[0], after[0])
    assert (before[2] != after[2]).any()


def test_freezing_takes_effect_at_the_next_fit():
    x, y = classes()
    model = classifier()
    model.fit(x, y, verbose=0)
    model.layers[0].trainable = False
    before = model.get_weights()
    model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(before[0], model.get_weights()[0])
    model.layers[0].trainable = True
    model.fit(x, y, verbose=0)
    assert (before[0] != model.get_weights()[0]).any()


def test_constraints_hold_after_every_step():
    x, y = regression()
    utils.set_random_seed(0)
    model = models.Sequential(
        [layers.Input((3,)), layers.Dense(1, kernel_constraint=lambda w: ops.clip(w, -0.25, 0.25))]
    )
    model.compile(optimizers.SGD(0.1), "mse")
    model.fit(x, y, epochs=3, verbose=0)
    assert np.abs(model.get_weights()[0]).max() == 0.25


def test_dropout_is_only_used_in_training():
    model = models.Sequential([layers.Input((50,)), layers.Dropout(0.5)])
    model.compile("sgd", "mse")
    x = np.ones((4, 50))
    assert model.evaluate(x, x, verbose=0) == 0.0
    np.testing.assert_array_equal(model.predict(x), x)
    assert (model(x, training=True).numpy() == 0).any()


def test_float64_model():
    model = models.Sequential([layers.Input((3,), dtype="float64"), layers.Dense(1, dtype="float64")])
    model.compile("sgd", "mse")
    x, y = regression()
    model.fit(x, y, verbose=0)
    assert model.predict(x).dtype == "float64"


# ---- control


def test_stop_training_ends_the_epoch():
    steps = []

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            steps.append(batch)
            self.model.stop_training = batch == 1

    x, y = regression(100)
    history = line().fit(x, y, batch_size=10, epochs=5, callbacks=[Stop()], verbose=0)
    assert steps == [0, 1] and history.epoch == [0]


def test_an_interruption_leaves_a_usable_model():
    x, y = regression()

    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    model = line()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, callbacks=[Interrupt()], verbose=0)
    assert all(v.grad is None for v in model.trainable_variables)
    model.fit(x, y, verbose=0)


def test_two_fits_at_once_raise():
    x, y = regression()
    model = line()
    errors = []

    class Nested(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            for call in (model.fit, model.train_on_batch):
                try:
                    call(x, y)
                except RuntimeError as error:
                    errors.append(str(error))

    thread = threading.Thread(target=lambda: model.fit(x, y, callbacks=[Nested()], verbose=0))
    thread.start()
    thread.join()
    assert len(errors) == 2
    assert errors[0].endswith(".fit: fit of the same model is still running. Wait until it has returned.")
    model.fit(x, y, verbose=0)


def test_evaluate_and_predict_inside_a_callback():
    x, y = regression()
    seen = []

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(self.model.evaluate(x, y, verbose=0))
            self.model.predict(x[:2], verbose=0)

    a, b = line(), line()
    one = a.fit(x, y, callbacks=[Look()], shuffle=False, verbose=0)
    two = b.fit(x, y, shuffle=False, verbose=0)
    assert len(seen) == 3 and one.history == two.history


def test_run_eagerly_gives_the_same_bits():
    x, y = classes()
    a, b = (trained(classifier(run_eagerly=eagerly), x, y, epochs=2) for eagerly in (False, True))
    np.testing.assert_array_equal(a, b)


def test_steps_per_execution_groups_the_batch_hooks():
    begun, ended = [], []
    callback = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: begun.append(batch),
        on_train_batch_end=lambda batch, logs: ended.append(batch),
    )
    x, y = regression(100)
    line(steps_per_execution=4).fit(x, y, batch_size=10, callbacks=[callback], verbose=0)
    assert begun == [0, 4, 8] and ended == [3, 7, 9]


# ---- steps are launches only


def everything(seed=1):
    """A model with every kind of layer, trained one step so that all buffers exist."""
    utils.set_random_seed(seed)
    model = models.Sequential(
        [
            layers.Input((9, 9, 2)),
            layers.Rescaling(2.0, offset=-1.0),
            layers.Conv2D(4, 3, activation="relu", kernel_regularizer="l2"),
            layers.MaxPooling2D(2),
            layers.Conv2D(4, 2, padding="same", activity_regularizer="l1"),
            layers.LeakyReLU(),
            layers.AveragePooling2D(2, strides=1),
            layers.Flatten(),
            layers.Dropout(0.25, seed=3),
            layers.Dense(6, activation="tanh"),
            layers.Reshape((2, 1, 3)),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3),
            layers.Softmax(),
        ]
    )
    names = ["accuracy", "sparse_categorical_crossentropy"]
    model.compile("adam", "sparse_categorical_crossentropy", metrics=names, weighted_metrics=["accuracy"])
    rng = np.random.default_rng(0)
    x, y, weight = rng.random((8, 9, 9, 2)), rng.integers(0, 3, 8), rng.random(8)
    model.fit(x, y, sample_weight=weight, verbose=0)
    return model, x, y, weight


def test_a_step_can_be_recorded_and_replayed():
    eager, *data = everything()
    for _ in range(3):
        eager.train_on_batch(*data)
    replayed, *data = everything()
    batch = replayed._batches("", Data(*data), 8).batch(0)
    program = _core.Program()
    with program.record():
        replayed.train_step(batch)
    assert program.abandoned is None
    assert program.replay(1) == 1
    replayed.reset_metrics()
    assert program.replay(1) == 1
    for a, b in zip(eager.get_weights(), replayed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert eager.get_metrics_result() == replayed.get_metrics_result()


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_training_gives_the_same_bits_for_every_thread_count(threads):
    want, *data = everything()
    want.fit(*data[:2], batch_size=3, verbose=0)
    with _core.simulate_threads(threads):
        got, *data = everything()
        got.fit(*data[:2], batch_size=3, verbose=0)
    for a, b in zip(want.get_weights(), got.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("isa", [name for name in _core.isas() if name != "generic"])
def test_training_gives_the_same_bits_for_every_instruction_set(isa):
    if _core.isa() == "generic":
        pytest.skip("generic multiplies and adds in two roundings")
    want, *data = everything()
    want.fit(*data[:2], batch_size=3, verbose=0)
    with _core.use_isa(isa):
        got, *data = everything()
        got.fit(*data[:2], batch_size=3, verbose=0)
    for a, b in zip(want.get_weights(), got.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
