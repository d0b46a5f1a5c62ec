"""compile, fit, evaluate, predict and single batches."""

import threading

import numpy as np
import pytest

import fastnn as keras
from fastnn import _core, layers, losses, metrics, models, ops, optimizers, utils
from fastnn.models.data import Data
from tests.training import classes, classifier, line, regression, trained

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


def test_labels_of_a_crossentropy_that_was_found_to_be_sparse():
    x, y = classes()
    model = models.Sequential([layers.Input((2,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "crossentropy")
    model.train_on_batch(x, y)
    with pytest.raises(ValueError, match="class numbers in 0 ... 2"):
        model.train_on_batch(x, y + 3)


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


@pytest.mark.parametrize("steps", [0, None, 1.5])
def test_steps_per_execution_is_a_positive_int(steps):
    with pytest.raises((TypeError, ValueError), match="steps_per_execution must be a positive int"):
        line(steps_per_execution=steps)


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
