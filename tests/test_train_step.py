"""Training of the user's own: train_step and its like, losses and metrics that models and layers add; all replayed."""

import numpy as np
import pytest

import fastnn as keras
from fastnn import layers, metrics, models, ops, optimizers, random, utils

RNG = np.random.default_rng(6)
X = RNG.normal(size=(70, 4)).astype(np.float32)
Y = RNG.normal(size=(70, 1)).astype(np.float32)
W = RNG.random(70).astype(np.float32)


def stack():
    return [layers.Input((4,)), layers.Dense(6, activation="tanh"), layers.Dense(1)]


class ByBackward(models.Sequential):
    def train_step(self, data):
        x, y, weight = utils.unpack_x_y_sample_weight(data)
        y_pred = self(x, training=True)
        loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=weight)
        self.zero_grad()
        loss.backward()
        trained = list(self.trainable_weights)
        self.optimizer.apply([v.value.grad for v in trained], trained)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss, sample_weight=len(x))
            else:
                metric.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics if m.name == "loss"} | self.metrics[1].result()


class ByGradients(models.Sequential):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.loss_tracker = metrics.Mean(name="loss")
        self.mae = metrics.MeanAbsoluteError(name="mae")

    @property
    def metrics(self):
        return [self.loss_tracker, self.mae]

    def train_step(self, data):
        x, y, weight = utils.unpack_x_y_sample_weight(data)
        y_pred = self(x, training=True)
        loss = ops.mean(keras.losses.mean_squared_error(y, y_pred) * (1.0 if weight is None else weight))
        gradients = keras.gradients(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return self.note(loss, x, y, y_pred)

    def test_step(self, data):
        x, y, weight = utils.unpack_x_y_sample_weight(data)
        y_pred = self(x, training=False)
        loss = ops.mean(keras.losses.mean_squared_error(y, y_pred) * (1.0 if weight is None else weight))
        return self.note(loss, x, y, y_pred)

    def note(self, loss, x, y, y_pred):
        self.loss_tracker.update_state(loss, sample_weight=len(x))
        self.mae.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics}


def own(cls, eager=False, **kwargs):
    utils.set_random_seed(3)
    model = cls(stack())
    arguments = {"optimizer": optimizers.Adam(0.01), "loss": "mse", "metrics": ["mae"], "run_eagerly": eager}
    model.compile(**arguments | kwargs)
    return model


def everything(model, y=Y, **fit):
    return {
        "history": model.fit(X, y, batch_size=16, epochs=3, validation_split=0.2, verbose=0, **fit).history,
        "one": [(model.train_on_batch(X[:9], y[:9]), model.test_on_batch(X[:9], y[:9])) for _ in range(5)],
        "evaluate": model.evaluate(X, y, batch_size=16, verbose=0, return_dict=True),
        "predict": model.predict(X, batch_size=16, verbose=0).tobytes(),
        "weights": [v.tobytes() for v in model.get_weights()],
    }


@pytest.mark.parametrize("cls", [ByBackward, ByGradients])
@pytest.mark.parametrize("weighted", [False, True])
def test_own_steps_do_what_the_built_in_ones_do(cls, weighted, programs):
    fit = {"sample_weight": W} if weighted else {}
    want = everything(own(models.Sequential), **fit)
    n = len(programs)
    assert everything(own(cls), **fit) == want == everything(own(cls, eager=True), **fit)
    assert len(programs) == 2 * n


def test_values_of_the_step_itself_are_reported_of_the_last_batch():
    class Own(models.Sequential):
        def train_step(self, data):
            x, y = data
            loss = ops.mean(ops.square(self(x, training=True) - y))
            loss.backward()
            self.optimizer.apply([v.grad for v in self.trainable_variables], self.trainable_variables)
            return {"this": loss, "rows": len(x), "first": ops.stack([loss, loss])}

    def run(eager):
        seen = []
        note = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: (seen.append(logs["this"]), model.predict(X, verbose=0))
        )
        model = own(Own, eager)
        history = model.fit(X, Y, batch_size=16, epochs=3, verbose=0, shuffle=False, callbacks=[note]).history
        alone = own(Own, eager).fit(X, Y, batch_size=16, epochs=3, verbose=0, shuffle=False).history
        assert alone["this"] == history["this"] == seen[4::5] and history["rows"] == [6.0] * 3
        assert [value.shape for value in history["first"]] == [(2,)] * 3
        return seen

    assert run(eager=False) == run(eager=True)


def test_looking_at_values_in_a_step_runs_it_through_python():
    class Own(models.Sequential):
        def train_step(self, data):
            logs = super().train_step(data)
            return {"loss": float(logs["loss"])}

    with pytest.warns(UserWarning, match="fit: every step runs through Python, because it reads values"):
        got = own(Own).fit(X, Y, epochs=2, verbose=0).history["loss"]
    assert got == own(models.Sequential, metrics=None).fit(X, Y, epochs=2, verbose=0).history["loss"]


def test_predict_step(programs):
    class Own(models.Sequential):
        def predict_step(self, data):
            x, _, _ = utils.unpack_x_y_sample_weight(data)
            return {"twice": self(x, training=False) * 2.0}

    model = own(Own)
    want = model(X).numpy() * 2
    for size in (16, 70, 70, 70, 70):
        np.testing.assert_array_equal(model.predict(X, batch_size=size, verbose=0)["twice"], want)
    np.testing.assert_array_equal(model.predict_on_batch(X)["twice"], want)
    assert programs


@pytest.mark.parametrize("with_training", [True, False])
def test_compute_loss_and_compute_metrics(with_training, programs):
    class Own(models.Sequential):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.largest = metrics.Mean(name="largest")

        if with_training:
            def compute_loss(self, x, y, y_pred, sample_weight, training=True):
                return ops.mean(ops.abs(y - y_pred)) + (1.0 if training else 2.0)
        else:
            def compute_loss(self, x, y, y_pred, sample_weight):
                return ops.mean(ops.abs(y - y_pred))

        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            results = super().compute_metrics(x, y, y_pred, sample_weight)
            self.largest.update_state(ops.max(y_pred))
            return results | {"largest": self.largest.result()}

    got = everything(own(Own))
    assert got == everything(own(Own, eager=True)) and programs
    extra = (1.0, 2.0) if with_training else (0.0, 0.0)
    history = got["history"]
    assert set(history) == {"loss", "mae", "largest", "val_loss", "val_mae", "val_largest"}
    np.testing.assert_allclose(np.array(history["loss"]) - extra[0], history["mae"], rtol=1e-5)
    np.testing.assert_allclose(np.array(history["val_loss"]) - extra[1], history["val_mae"], rtol=1e-5)


def test_losses_and_metrics_that_layers_add(programs):
    class Penalty(layers.Layer):
        def __init__(self):
            super().__init__()
            self.seen = metrics.Sum(name="seen")

        def call(self, x):
            self.add_loss(0.1 * ops.mean(ops.square(x)))
            self.add_metric(ops.mean(ops.abs(x)), name="size")
            self.seen.update_state(ops.ones((len(x),)))
            return x

    class Own(models.Model):
        def __init__(self):
            super().__init__()
            self.inner = models.Sequential([layers.Dense(3), Penalty()])
            self.last = layers.Dense(1)

        def call(self, x):
            h = self.inner(x)
            self.add_loss([ops.sum(h) * 0.0, ops.sum(h) * 0.0])
            return self.last(h)

    def run(eager):
        utils.set_random_seed(1)
        model = Own()
        model.compile("adam", "mse", run_eagerly=eager)
        return everything(model), [metric.name for metric in model.metrics], model.inner.layers[1].metrics[0].name

    got, names, name = run(False)
    assert (got, names, name) == run(True) and programs
    assert names == ["loss", "size", "seen"] and name == "size"
    assert got["history"]["seen"] == [56.0] * 3 and got["history"]["val_seen"] == [14.0] * 3
    assert set(got["evaluate"]) == {"loss", "size", "seen"}


def test_a_metric_of_the_users_own_in_a_step(programs):
    class Largest(metrics.Metric):
        def __init__(self, name="largest"):
            super().__init__(name=name)
            self.peak = self.add_variable((), "zeros", name="peak")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.peak.assign(ops.maximum(self.peak, ops.max(ops.abs(y_pred))))

        def result(self):
            return {"peak": self.peak.value, "half": self.peak / 2.0}

    model = own(models.Sequential, metrics=[Largest()], optimizer=optimizers.SGD(0.0))
    history = model.fit(X, Y, epochs=3, verbose=0).history
    peak = np.abs(model.predict(X, verbose=0)).max()
    np.testing.assert_allclose(history["peak"], [peak] * 3, rtol=1e-6)
    np.testing.assert_allclose(history["half"], [peak / 2] * 3, rtol=1e-6)
    assert programs


def test_variables_that_count_in_a_step(programs):
    class Count(layers.Layer):
        def __init__(self):
            super().__init__()
            self.rows = self.add_weight(shape=(), initializer="zeros", trainable=False)
            self.left = self.add_weight(shape=(), initializer="zeros", dtype="int32", trainable=False)

        def call(self, x, training=False):
            if training:
                self.rows.assign_add(ops.sum(ops.ones_like(x[:, 0])))
                assert self.left.assign_sub(1) is self.left
            return x

    counts = {}
    for eager in (True, False):
        count = Count()
        model = models.Sequential([layers.Input((4,)), count, layers.Dense(1)])
        model.compile("sgd", "mse", run_eagerly=eager)
        model.fit(X, Y, epochs=3, batch_size=16, verbose=0)
        counts[eager] = float(count.rows), int(count.left), count.left.dtype
    assert counts[False] == counts[True] == (210.0, -15, "int32") and programs
    weight = keras.Variable(np.float32([1.0, 2.0]))
    assert not weight.assign_add(ops.square(weight)).value.requires_grad and weight.tolist() == [2.0, 6.0]


class GAN(models.Model):
    """Two optimizers, two losses, a compile of its own, random numbers in the step."""

    def __init__(self):
        super().__init__()
        self.generator = models.Sequential([layers.Input((3,)), layers.Dense(5, activation="relu"), layers.Dense(4)])
        self.judge = models.Sequential([layers.Input((4,)), layers.Dense(5, activation="relu"), layers.Dense(1)])
        self.seed = random.SeedGenerator(5)
        self.d_loss, self.g_loss = metrics.Mean(name="d_loss"), metrics.Mean(name="g_loss")

    def compile(self, d_optimizer, g_optimizer, loss_fn, **kwargs):
        super().compile(**kwargs)
        self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn

    @property
    def metrics(self):
        return [self.d_loss, self.g_loss]

    def train_step(self, real):
        n = ops.shape(real)[0]
        made = self.generator(random.normal((n, 3), seed=self.seed), training=True)
        both = ops.concatenate([made, real], axis=0)
        labels = ops.concatenate([ops.ones((n, 1)), ops.zeros((n, 1))], axis=0)
        d_loss = self.loss_fn(labels, self.judge(both, training=True))
        d_variables, g_variables = self.judge.trainable_weights, self.generator.trainable_weights
        d_gradients = keras.gradients(d_loss, d_variables)
        g_loss = self.loss_fn(ops.zeros((n, 1)), self.judge(made, training=True))
        g_gradients = keras.gradients(g_loss, g_variables)
        self.d_optimizer.apply(d_gradients, d_variables)
        self.g_optimizer.apply(g_gradients, g_variables)
        self.d_loss.update_state(d_loss)
        self.g_loss.update_state(g_loss)
        return {"d_loss": self.d_loss.result(), "g_loss": self.g_loss.result()}


def test_two_optimizers(programs):
    def run(eager):
        utils.set_random_seed(2)
        model = GAN()
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        model.compile(optimizers.Adam(0.01), optimizers.Adam(0.02), loss, run_eagerly=eager)
        history = model.fit(X, batch_size=16, epochs=4, verbose=0).history
        return history, [v.tobytes() for v in model.get_weights()]

    got = run(False)
    assert got == run(True) and len(programs) == 2 and set(got[0]) == {"d_loss", "g_loss"}


def test_gradients_leave_everything_else_alone():
    a, b = (keras.Variable(np.float32([1.0, 2.0])) for _ in range(2))
    h = a * b
    first, second = ops.sum(h * h), ops.sum(h)
    assert [g.tolist() for g in keras.gradients(first, [a, b])] == [[2.0, 16.0]] * 2
    assert keras.gradients(second, [b])[0].tolist() == [1.0, 2.0], "what both were made from is still there"
    assert a.grad is None and b.grad is None
    assert keras.gradients(second, [keras.Variable(np.float32(1.0))]) == [None]
    second.backward()
    assert a.grad.tolist() == [1.0, 2.0]


def test_a_model_without_trainable_weights_is_evaluated_with_a_warning():
    model = own(models.Sequential)
    model.trainable = False
    before = model.get_weights()
    with pytest.warns(UserWarning, match="the model has no trainable weights"):
        loss = model.fit(X, Y, verbose=0).history["loss"]
    np.testing.assert_allclose(loss, model.evaluate(X, Y, verbose=0)[0], rtol=1e-6)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_is_never_called_is_refused():
    class Own(models.Sequential):
        def make_train_function(self, force=False):
            raise AssertionError

    with pytest.raises(RuntimeError, match="a make_..._function is overridden, but never used. Override train_step"):
        own(Own).fit(X, Y, verbose=0)
    own(models.Sequential).make_train_function(force=True)


def test_evaluation_and_prediction_can_be_stopped():
    class Stop(keras.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            self.model.stop_evaluating = batch == 1

        def on_predict_batch_end(self, batch, logs=None):
            self.model.stop_predicting = batch == 1

    model = own(models.Sequential)
    want = model.evaluate(X[:20], Y[:20], batch_size=10, verbose=0)
    assert model.evaluate(X, Y, batch_size=10, verbose=0, callbacks=[Stop()]) == want
    np.testing.assert_array_equal(
        model.predict(X, batch_size=10, verbose=0, callbacks=[Stop()]), model.predict(X[:20], verbose=0)
    )
    assert model.evaluate(X, Y, batch_size=10, verbose=0) != want
