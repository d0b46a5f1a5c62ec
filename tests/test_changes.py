"""Every change of a model, its loss, metrics or optimizer is honoured at once; what is in memory needs no recording."""

import numpy as np
import pytest

from fastnn import (
    Variable,
    _core,
    activations,
    config,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    random,
    regularizers,
    utils,
)
from fastnn.callbacks import LambdaCallback
from tests.nets import X, Y, everything, net, settled


def replace_kernel(model):
    old = model.layers[-1].kernel
    model.layers[-1]._trainable_weights[0] = model.layers[-1].kernel = Variable(old.numpy() * 2, name="kernel")
    model.compile("sgd", losses.SparseCategoricalCrossentropy())


def freeze(model):
    model.layers[0].trainable = False


CHANGES = {
    "activation": lambda m: setattr(m.layers[-1], "activation", activations.sigmoid),
    "nested activation": lambda m: setattr(m.layers[0].layers[0], "activation", activations.tanh),
    "dropout rate": lambda m: setattr(m.layers[1], "rate", 0.6),
    "a method": lambda m: setattr(m.layers[1], "call", lambda x, training=False: x * 0.5),
    "activity regularizer": lambda m: setattr(m.layers[-1], "activity_regularizer", regularizers.L1(0.1)),
    "regularizer's factor": lambda m: setattr(m.layers[0].layers[0].kernel_regularizer, "l2", 0.5),
    "weight's regularizer": lambda m: setattr(m.layers[-1].kernel, "regularizer", regularizers.L1(0.2)),
    "layer's trainable": freeze,
    "weight's trainable": lambda m: setattr(m.layers[-1].kernel, "trainable", False),
    "seed generator": lambda m: setattr(m.layers[1], "seed_generator", random.SeedGenerator(9)),
    "loss reduction": lambda m: setattr(m._compile_loss.losses[0].loss, "reduction", "sum"),
    "clipnorm": lambda m: setattr(m.optimizer, "clipnorm", 0.01),
    "clipvalue": lambda m: setattr(m.optimizer, "clipvalue", 0.001),
    "metric": lambda m: setattr(m.metrics[1].metrics[0], "_fn", metrics.sparse_categorical_crossentropy),
    "compile": lambda m: m.compile(optimizers.SGD(0.1, momentum=0.9, nesterov=True), "sparse_categorical_crossentropy"),
    "loss weight": lambda m: m.compile(m.optimizer, m.loss, loss_weights=0.5),
    "add": lambda m: (m.add(layers.Dense(3, activation="softmax")), m.compile("adam", m.loss)),
    "pop": lambda m: (m.pop(), m.pop(), m.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True))),
    "kernel": replace_kernel,
    "epsilon": lambda m: config.set_epsilon(0.2),
    "one thread": lambda m: _core.set_num_threads(1),
}
IN_MEMORY = {
    "learning rate": lambda m: setattr(m.optimizer, "learning_rate", 0.2),
    "learning rate assigned": lambda m: m.optimizer.learning_rate.assign(0.3),
    "hyperparameter": lambda m: setattr(m.optimizer, "beta_1", 0.5),
    "weight decay": lambda m: setattr(m.optimizer, "weight_decay", 0.1),
    "weights": lambda m: m.set_weights([w * 0.5 for w in m.get_weights()]),
    "optimizer's state": lambda m: m.optimizer.set_weights([v.numpy() * 2 for v in m.optimizer.variables]),
    "a weight": lambda m: m.layers[-1].bias.assign([1.0, 2.0, 3.0]),
    "seed": lambda m: utils.set_random_seed(77),
    "an equal value": lambda m: setattr(m.layers[1], "rate", 0.25),
    "stop_training": lambda m: setattr(m, "stop_training", True),
    "another model": lambda m: settled(net()),
}


@pytest.fixture(autouse=True)
def _settings():
    epsilon = config.epsilon()
    yield
    config.set_epsilon(epsilon)
    _core.set_num_threads(None)


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_is_honoured_at_once(name, recordings):
    def run(eager):
        model = settled(net(eager))
        before = everything(model)
        n = len(recordings)
        CHANGES[name](model)
        model.run_eagerly = eager  # compile has reset it
        after = everything(model)
        again = [everything(model) for _ in range(2)]
        config.set_epsilon(1e-7)
        return before, after, again, len(recordings) > n

    utils.set_random_seed(5)
    *got, recorded = run(False)
    *want, _ = run(True)
    assert got == want
    assert recorded


@pytest.mark.parametrize("name", IN_MEMORY)
def test_what_is_read_from_memory_needs_no_recording(name, recordings):
    def run(eager):
        model = settled(net(eager))
        before = everything(model)
        IN_MEMORY[name](model)
        n = len(recordings)
        after = everything(model)
        assert len(recordings) == n
        assert before != after
        return before, after

    assert run(False) == run(True)


def test_isa_and_threads_are_part_of_the_structure(recordings):
    model = settled(net())
    want, n = model.predict(X[:5], verbose=0).tobytes(), len(recordings)
    for context in (_core.use_isa(_core.isa()), _core.simulate_threads(3)):
        with context:
            for _ in range(4):
                assert model.predict(X[:5], verbose=0).tobytes() == want
    assert len(recordings) == n + 2  # the instruction set was the same
    assert model.predict(X[:5], verbose=0).tobytes() == want
    threadpoolctl = pytest.importorskip("threadpoolctl")
    with threadpoolctl.threadpool_limits(1, user_api="openmp"):
        for _ in range(4):
            assert model.predict(X[:5], verbose=0).tobytes() == want
    model.predict(X[:5], verbose=0)
    assert len(recordings) == n + 2 + 2 * (_core.get_num_threads() > 1)


def test_run_eagerly_is_honoured_at_once():
    calls = []

    class Noting(layers.Layer):
        def call(self, x):
            calls.append(1)
            return x

    model = models.Sequential([layers.Input((6,)), Noting(), layers.Dense(1)])
    model.compile("sgd", "mse")
    n = len(calls)  # the layer was asked for its output's shape
    for _ in range(5):
        model.predict(X[:5], verbose=0)
    assert len(calls) == n + 3
    model.run_eagerly = True
    model.predict(X[:5], verbose=0)
    model(X[:5])
    assert len(calls) == n + 5


def test_trainable_to_and_fro_finds_both_programs_again(recordings):
    def run(eager):
        model = net(eager)
        for _ in range(8):
            for trainable in (False, True):
                model.layers[-1].trainable = trainable
                model.train_on_batch(X[:8], Y[:8])
            n.append(len(recordings))
        return [w.tobytes() for w in model.get_weights()]

    n = []
    assert run(False) == run(True)
    assert n[3:] == [n[3]] * 13


def test_a_layer_that_was_frozen_at_first_can_be_trained_later():
    def run(eager):
        model = net(eager)
        model.layers[0].trainable = False
        model.fit(X, Y, epochs=2, verbose=0)
        head, moments = model.get_weights()[0], model.optimizer.variables[2].numpy()
        model.layers[0].trainable = True
        model.optimizer.learning_rate = 0.0
        model.fit(X[:32], Y[:32], verbose=0)
        assert len(model.optimizer.variables) == 2 + 2 * 4
        np.testing.assert_array_equal(model.get_weights()[0], head)
        assert np.abs(model.optimizer.variables[2].numpy() - moments).max() < np.abs(moments).max(), "it went on"
        model.optimizer.learning_rate = 0.01
        model.fit(X, Y, epochs=2, verbose=0)
        assert (model.get_weights()[0] != head).any()
        return [w.tobytes() for w in model.get_weights()]

    assert run(False) == run(True)


def test_a_change_by_a_callback_holds_from_the_next_epoch(recordings):
    def run(eager, epochs=6):
        model = net(eager)

        def act(epoch, logs):
            if epoch == 3:
                model.layers[1].rate = 0.7
                model.layers[0].trainable = False

        model.fit(X, Y, batch_size=10, epochs=epochs, verbose=0, callbacks=[LambdaCallback(on_epoch_end=act)])
        return [w.tobytes() for w in model.get_weights()]

    assert run(False) == run(True)
    n = len(recordings)
    assert n == 4  # once at the start, once after the change; callbacks alone are no reason
    run(False, epochs=3)
    assert len(recordings) == n + 2


feature_net = None


@pytest.mark.parametrize("reached_by", ["closure", "global", "attribute"])
def test_a_model_inside_a_loss_is_part_of_the_structure(reached_by):
    global feature_net

    def run(eager):
        global feature_net
        utils.set_random_seed(2)
        features = feature_net = models.Sequential([layers.Input((2,)), layers.Dense(4, activation="relu")])
        features.trainable = False

        class Perceptual(losses.Loss):
            def __init__(self):
                super().__init__()
                self.features = [features]

            def call(self, y_true, y_pred):
                return ops.mean(ops.square(self.features[0](y_true) - self.features[0](y_pred)), axis=-1)

        def by_closure(y_true, y_pred):
            return ops.mean(ops.square(features(y_true) - features(y_pred)), axis=-1)

        def by_global(y_true, y_pred):
            return ops.mean(ops.square(feature_net(y_true) - feature_net(y_pred)), axis=-1)

        loss = {"closure": by_closure, "global": by_global, "attribute": Perceptual()}[reached_by]
        model = models.Sequential([layers.Input((2,)), layers.Dense(2)])
        model.compile("sgd", loss, run_eagerly=eager)
        got = [model.train_on_batch(X[:, :2], X[:, 1:3]) for _ in range(5)]
        features.layers[0].activation = activations.tanh
        return got + [model.train_on_batch(X[:, :2], X[:, 1:3]) for _ in range(5)]

    assert run(False) == run(True)


def test_what_a_step_sets_itself_is_no_change(recordings):
    class Counting(layers.Layer):
        def __init__(self):
            super().__init__()
            self.calls = 0

        def call(self, x):
            self.calls += 1
            return x

    counting = Counting()
    model = models.Sequential([layers.Input((6,)), counting, layers.Dense(3)])
    model.compile("sgd", losses.SparseCategoricalCrossentropy(from_logits=True))
    n = counting.calls
    for _ in range(6):
        model.fit(X, Y, batch_size=35, verbose=0)
    assert len(recordings) == 2 and counting.calls == n + 3


def test_the_default_image_format_is_honoured_at_once():
    class Pooled(layers.Layer):
        def call(self, x):
            return ops.max_pool(x, 2)

    model, x = models.Sequential([Pooled()]), np.arange(64, dtype="float32").reshape(1, 4, 4, 4)
    try:
        for data_format, shape in (("channels_last", (1, 2, 2, 4)), ("channels_first", (1, 4, 2, 2))):
            config.set_image_data_format(data_format)
            for _ in range(3):
                assert model.predict(x, verbose=0).shape == shape
    finally:
        config.set_image_data_format("channels_last")
