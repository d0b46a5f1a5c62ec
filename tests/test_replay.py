"""Training with programs: the same bits as step by step, and only where a step can be replayed."""

import sys
import threading

import numpy as np
import pytest

from fastnn import _core, layers, losses, models, ops, optimizers, utils
from fastnn.callbacks import LambdaCallback
from fastnn.models import replay

RNG = np.random.default_rng(5)
IMAGES = RNG.integers(0, 256, (150, 10, 10, 2), dtype=np.uint8)
LABELS = RNG.integers(0, 4, 150)


def small_net(*middle, last="softmax"):
    head = [layers.Flatten(), layers.Dense(4, activation=last)]
    return [layers.Input((10, 10, 2)), layers.Rescaling(1 / 255), *middle, *head]


def train(net, eager, optimizer="adam", loss="sparse_categorical_crossentropy", y=LABELS, metrics=("accuracy",), **fit):
    """Everything that training leaves behind, as bytes and numbers."""
    utils.set_random_seed(7)
    model = models.Sequential(net() if callable(net) else net)
    model.compile(optimizer() if callable(optimizer) else optimizer, loss, metrics=list(metrics), run_eagerly=eager)
    history = model.fit(IMAGES, y, epochs=2, batch_size=16, verbose=0, validation_split=0.2, **fit)
    few = IMAGES[:5], y[:5]
    return {
        "on batch": [(model.train_on_batch(*few), model.test_on_batch(*few)) for _ in range(5)],
        "call": [model(few[0]).numpy().tobytes() for _ in range(5)],
        "predict one": [model.predict(few[0], verbose=0).tobytes() for _ in range(5)],
        "history": history.history,
        "weights": [w.tobytes() for w in model.get_weights()],
        "optimizer": [v.numpy().tobytes() for v in model.optimizer.variables],
        "evaluate": model.evaluate(IMAGES, y, batch_size=16, verbose=0),
        "predict": model.predict(IMAGES, batch_size=16, verbose=0).tobytes(),
    }


MIDDLES = {
    "conv": lambda: [
        layers.Conv2D(5, 3, activation="relu", strides=2), layers.Conv2D(3, 2, padding="same", dilation_rate=2),
    ],
    "groups": lambda: [layers.Conv2D(4, 3, groups=2, use_bias=False)],
    "max_pool": lambda: [layers.Conv2D(4, 3, groups=2), layers.MaxPooling2D(2), layers.ReLU()],
    "fused_max_pool": lambda: [layers.Conv2D(20, 3, activation="relu"), layers.MaxPooling2D(2), layers.MaxPooling2D(3)],
    "fused_activation": lambda: [layers.Conv2D(4, 3), layers.LeakyReLU(), layers.Dense(3), layers.ReLU()],
    "average_pool": lambda: [layers.AveragePooling2D(3, strides=2, padding="same")],
    "global_average": lambda: [layers.Conv2D(6, 3, activation="tanh"), layers.GlobalAveragePooling2D()],
    "global_max": lambda: [layers.Conv2D(6, 3, activation="sigmoid"), layers.GlobalMaxPooling2D()],
    "dropout": lambda: [layers.Dropout(0.4), layers.Dense(8, activation="leaky_relu"), layers.Dropout(0.2)],
    "activations": lambda: [layers.Dense(6), layers.LeakyReLU(), layers.Softmax(), layers.Activation("tanh")],
    "regularizers": lambda: [
        layers.Dense(5, kernel_regularizer="l1_l2", bias_regularizer="l2", activity_regularizer="l1"),
    ],
    "reshape": lambda: [layers.Reshape((20, 10)), layers.Dense(3, activation="relu")],
}


@pytest.mark.parametrize("name", MIDDLES)
def test_replay_matches_eager_for_every_layer(name, programs):
    def net():
        return small_net(*MIDDLES[name]())

    eager = train(net, eager=True)
    assert not programs
    assert train(net, eager=False) == eager
    assert len(programs) >= 3  # fit, its validation, evaluate, predict


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: optimizers.SGD(0.01),
        lambda: optimizers.SGD(0.01, momentum=0.9, nesterov=True),
        lambda: optimizers.RMSprop(0.001, momentum=0.5, centered=True),
        lambda: optimizers.Adam(0.001, amsgrad=True, clipnorm=0.1),
        lambda: optimizers.AdamW(0.001),
    ],
)  # fmt: skip
def test_replay_matches_eager_for_every_optimizer(optimizer):
    def net():
        return small_net(layers.Dense(6, activation="relu"))

    assert train(net, eager=False, optimizer=optimizer) == train(net, eager=True, optimizer=optimizer)


@pytest.mark.parametrize(
    ("loss", "y", "metrics"),
    [
        (lambda: losses.SparseCategoricalCrossentropy(from_logits=True), LABELS, ["accuracy"]),
        (lambda: "categorical_crossentropy", np.eye(4)[LABELS], ["accuracy", "mse"]),
        (lambda: "binary_crossentropy", np.eye(4)[LABELS], ["accuracy", "mae"]),
        (lambda: "mse", np.eye(4)[LABELS], ["mse", "mae"]),
        (lambda: "mae", np.eye(4)[LABELS], []),
    ],
)
def test_replay_matches_eager_for_every_loss(loss, y, metrics, programs):
    def net():
        return small_net(layers.Dense(6), last="sigmoid")

    results = [train(net, eager, loss=loss(), y=y, metrics=metrics) for eager in (True, False)]
    assert results[0] == results[1] and programs


def test_replay_matches_eager_with_weights(programs):
    weight = RNG.random(150)
    def net():
        return small_net(layers.Dense(6, activation="relu"))

    results = [train(net, eager, sample_weight=weight) for eager in (True, False)]
    assert results[0] == results[1] and programs


def test_replay_matches_eager_in_any_number_of_threads():
    def net():
        return small_net(layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(2))

    want = train(net, eager=True)
    for n in (1, 2, 3):
        with _core.simulate_threads(n):
            assert train(net, eager=False) == want


def test_a_layer_that_looks_at_values_runs_through_python_with_one_warning(programs):
    class Peek(layers.Layer):
        def call(self, x):
            return ops.multiply(x, float(ops.max(x)) + 1.0)

    def net():
        return small_net(Peek())

    with pytest.warns(UserWarning, match=r"fit: every step runs through Python, because it reads values") as caught:
        got = train(net, eager=False)
    assert len(caught) == 1
    assert got == train(net, eager=True) and not programs


def test_a_layer_that_changes_from_step_to_step_runs_through_python():
    class Counting(layers.Layer):
        def __init__(self):
            super().__init__()
            self.calls = 0

        def call(self, x):
            self.calls += 1
            return ops.multiply(x, 1.0 + self.calls)

    def net():
        return small_net(Counting())

    with pytest.warns(UserWarning, match="its operations differ from step to step"):
        got = train(net, eager=False)
    assert got == train(net, eager=True)


def test_callbacks_between_batches_see_and_change_every_step(programs):
    def run(eager):
        utils.set_random_seed(3)
        model = models.Sequential(small_net(layers.Dropout(0.1)))
        model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=eager)
        seen = []

        def act(batch, logs):
            inside = model.evaluate(IMAGES[:30], LABELS[:30], verbose=0), model.predict(IMAGES[:2], verbose=0).tolist()
            seen.append((batch, logs, inside))
            if batch in (4, 7):
                model.layers[1].rate += 0.2
            model.optimizer.learning_rate.assign(0.01 / (batch + 1))

        hooks = LambdaCallback(on_train_batch_end=act)
        model.fit(IMAGES, LABELS, batch_size=15, epochs=2, verbose=0, callbacks=[hooks])
        return seen, [w.tobytes() for w in model.get_weights()]

    got = run(False)
    assert len(programs) > 5 and [batch for batch, _, _ in got[0]] == [*range(10)] * 2
    assert got == run(True)


def test_callbacks_of_predict_may_keep_the_outputs():
    model = models.Sequential(small_net())
    kept = []
    keep = LambdaCallback(on_predict_batch_end=lambda batch, logs: kept.append(logs["outputs"]))
    for _ in range(3):
        kept.clear()
        want = model.predict(IMAGES, batch_size=30, verbose=0, callbacks=[keep])
        np.testing.assert_array_equal(np.concatenate(kept), want)


def test_a_callback_may_change_the_learning_rate_between_epochs(programs):
    def run(eager):
        utils.set_random_seed(1)
        model = models.Sequential(small_net())
        model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=eager)
        slower = LambdaCallback(on_epoch_end=lambda epoch, logs: model.optimizer.learning_rate.assign(0.001))
        model.fit(IMAGES, LABELS, batch_size=10, epochs=3, verbose=0, callbacks=[slower])
        return [w.tobytes() for w in model.get_weights()]

    assert run(False) == run(True) and programs


def test_a_wrong_label_in_a_replayed_step_stops_before_the_optimizer():
    model = models.Sequential(small_net())
    model.compile("sgd", lambda y, p: losses.sparse_categorical_crossentropy(y, p))
    y = LABELS.copy()
    y[100] = 9
    with pytest.raises(ValueError, match="9|label"):
        model.fit(IMAGES, y, batch_size=10, shuffle=False, verbose=0)
    assert model.optimizer.iterations.numpy() == 10
    model.fit(IMAGES, LABELS, batch_size=10, verbose=0)


def test_predict_in_many_python_threads():
    """Threads switch as often as Python can, so that recordings meet."""
    model = models.Sequential(small_net(layers.Dense(6, activation="relu")))
    want = model.predict(IMAGES, batch_size=10, verbose=0).tobytes()
    wrong = []

    def work():
        try:
            for _ in range(40):
                if model.predict(IMAGES, batch_size=10, verbose=0).tobytes() != want:
                    wrong.append("other values")
        except RuntimeError as error:
            wrong.append(str(error))

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


def test_a_step_runs_as_written_while_another_thread_records(programs):
    def net():
        return small_net(layers.Dense(6, activation="relu"))

    assert replay._one_recording.acquire("another thread")
    try:
        eager = train(net, eager=False)
    finally:
        replay._one_recording.release("another thread")
    assert not programs
    assert train(net, eager=False) == eager and programs
