"""ops.py_function: Python in a step, eagerly, symbolically, recorded and replayed."""

import os
import signal
import warnings

import numpy as np
import pytest

from fastnn import KerasTensor, Tensor, layers, models, ops, saving, utils
from tests.helpers import real_threads

RNG = np.random.default_rng(4)
X = RNG.standard_normal((640, 30)).astype(np.float32)
Y = X[:, :1] * 2


class Sine(layers.Layer):
    """2 sin(x), by NumPy; notes its calls, and may fail."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.calls = []
        self.before = {"call": lambda: None}

    def call(self, x):
        def sine(values):
            self.calls.append(values)
            self.before["call"]()
            return 2 * np.sin(values)

        return ops.py_function(sine, x, "float32", gradient=lambda dy, values: 2 * dy * np.cos(values))


def net(eager=False, width=8, layer=Sine):
    utils.set_random_seed(3)
    made = [layers.Input((30,)), layers.Dense(width, activation="relu"), layer(), layers.Dense(width), layers.Dense(1)]
    model = models.Sequential(made)
    model.compile("adam", "mse", run_eagerly=eager)
    return model


def has_programs(model):
    return {key[0]: step.program is not None for key, step in model._programs.steps.items()}


@pytest.mark.parametrize(("n", "width"), [(1, 8), (2, 500)])
def test_replay_matches_eager(n, width):
    got = []
    with real_threads(n), warnings.catch_warnings():
        warnings.simplefilter("error")
        for eager in (True, False):
            model = net(eager, width)
            history = model.fit(X, Y, epochs=2, verbose=0).history["loss"]
            weights = [w.tobytes() for w in model.get_weights()]
            outputs = [model.predict(X, verbose=0).tobytes() for _ in range(3)]
            outputs += [model(X[:4]).numpy().tobytes() for _ in range(4)]
            assert len(set(outputs[:3])) == len(set(outputs[3:])) == 1
            assert len(model.layers[1].calls) >= 2 * 20 + 3 * 20 + 4
            got.append((history, weights, outputs))
    assert got[0] == got[1]
    assert has_programs(model) == {"train": True, "predict": True, "call 0": True}


def test_gradient_is_that_of_the_op():
    class Op(layers.Layer):
        def call(self, x):
            return 2 * ops.sin(x)

    found = [net(layer=layer).fit(X, Y, epochs=2, verbose=0).history["loss"] for layer in (Sine, Op)]
    np.testing.assert_allclose(*found, rtol=1e-5)


def test_values_shapes_and_several_results():
    x = Tensor([[3.0, 1.0, 2.0]])
    assert ops.py_function(np.sort, x, "float32").tolist() == [[1.0, 2.0, 3.0]]
    y, n = ops.py_function(lambda v: (v.sum(axis=1), v.argmax(axis=1)), x, ["float64", "int64"], [(None,), (1,)])
    assert (y.dtype, y.tolist(), n.dtype, n.tolist()) == (np.float64, [6.0], np.int64, [0])
    ones = np.ones((1, 3), np.float32)
    assert ops.py_function(lambda a, b: a - b, [x, ones], "float32").tolist() == [[2.0, 0.0, 1.0]]
    assert ops.py_function(lambda: 5, [], "int32", ()).item() == 5


def test_what_the_function_keeps_is_its_own():
    kept = []

    def keep(v):
        kept.append(v)
        v += 1
        return v

    x = Tensor([1.0])
    y = ops.py_function(keep, x, "float32")
    kept[0] += 1
    assert (x.tolist(), y.tolist()) == ([1.0], [2.0])


def test_on_keras_tensors():
    y = ops.py_function(np.cumsum, KerasTensor((None, 3)), "float64", (None, 7))
    assert (y.shape, y.dtype) == ((None, 7), "float64")
    x = layers.Input((3,))
    model = models.Model(x, ops.py_function(lambda v: v.sum(axis=1, keepdims=True), x, "float32", (None, 1)))
    data = np.ones((5, 3), np.float32)
    for _ in range(4):
        np.testing.assert_array_equal(model.predict(data, verbose=0), np.full((5, 1), 3, np.float32))
    assert has_programs(model)["call 2"]


def test_results_that_do_not_fit():
    with pytest.raises(ValueError, match=r"what func returns must be of shape \(2,\); got shape \(3,\)"):
        ops.py_function(lambda v: np.ones(3), [1.0, 2.0], "float32")
    with pytest.raises(ValueError, match="what func returns must be 2 arrays; got 1"):
        ops.py_function(lambda v: v, [1.0], ["float32", "float32"], [(1,), (1,)])
    with pytest.raises(ValueError, match="shape must be a list of 2 shapes"):
        ops.py_function(lambda v: v, [1.0], ["float32", "float32"], [(1,)])
    with pytest.raises(ValueError, match="gradient must be None for several results"):
        ops.py_function(lambda v: v, [1.0], ["float32"], [(1,)], gradient=lambda dy, v: dy)


@pytest.mark.parametrize("n", [1, 2])
def test_an_error_in_it_reaches_the_user_and_leaves_the_model_usable(n):
    def fail():
        raise KeyError("mine")

    with real_threads(n):
        model = net(width=8 if n == 1 else 500)
        runs = [lambda: model.fit(X, Y, verbose=0), lambda: model.predict(X, verbose=0), lambda: model(X[:4])]
        for run in runs * 4:
            run()
        layer, weights = model.layers[1], model.get_weights()
        steps = int(model.optimizer.iterations)
        layer.before["call"] = fail
        for run in runs:
            with pytest.raises(KeyError, match="mine"):
                run()
        assert int(model.optimizer.iterations) == steps
        for before, after in zip(weights, model.get_weights(), strict=True):
            np.testing.assert_array_equal(before, after)
        layer.before["call"] = lambda: None
        model.fit(X, Y, verbose=0)
        assert int(model.optimizer.iterations) == steps + 20
        assert has_programs(model) == {"train": True, "predict": True, "call 0": True}


def test_an_interrupt_in_it_comes_after_the_step():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        model = net()
        for _ in range(4):
            model.fit(X, Y, verbose=0)
        layer, steps = model.layers[1], int(model.optimizer.iterations)
        layer.calls.clear()
        layer.before["call"] = lambda: os.kill(os.getpid(), signal.SIGINT) if len(layer.calls) == 3 else None
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, epochs=10**6, verbose=0)
        assert len(layer.calls) == int(model.optimizer.iterations) - steps >= 3
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_it_computes_with_ops_is_not_recorded():
    def inner(v):
        return (ops.exp(v) * 2).numpy()

    class Inner(layers.Layer):
        def call(self, x):
            return ops.py_function(inner, x, "float32")

    model = models.Sequential([layers.Input((3,)), Inner()])
    for i in range(5):
        x = np.full((2, 3), i, np.float32)
        np.testing.assert_allclose(model.predict(x, verbose=0), 2 * np.exp(x), rtol=1e-6)
    (step,) = model._programs.steps.values()
    assert step.program.info()["kernels"].count("python") == 1 and "unary_fwd" not in step.program.info()["kernels"]
    assert ops.exp(1.0).item() == pytest.approx(np.e)


def test_functions_over_other_values_are_other_functions():
    """A number that differs from step to step would be that of the recording for ever."""
    count = [0]

    class Counted(layers.Layer):
        def call(self, x):
            count[0] += 1
            n = count[0]
            return ops.py_function(lambda v: v + n, x, "float32")

    model = models.Sequential([layers.Input((3,)), Counted()])
    found = [model.predict(np.zeros((2, 3)), verbose=0)[0, 0] for _ in range(6)]
    assert found == list(np.arange(found[0], found[0] + 6))


@pytest.mark.parametrize("kind", ["itself", "unset", "globals"])
def test_functions_are_compared_through_their_closures(kind):
    class Looks(layers.Layer):
        def call(self, x):
            def down(v, n=3):
                return v if n == 0 else down(v + 1, n - 1)

            def unset(v):
                return v + 3 if v.size else later

            if kind == "unset" and x is None:
                later = 0
            other = eval("lambda v: v + n", {"n": 3})
            return ops.py_function({"itself": down, "unset": unset, "globals": other}[kind], x, "float32")

    model = models.Sequential([layers.Input((3,)), Looks()])
    for _ in range(6):
        np.testing.assert_array_equal(model.predict(np.zeros((2, 3)), verbose=0), np.full((2, 3), 3, np.float32))
    assert has_programs(model) == {"call 2": kind != "globals"}


@pytest.mark.parametrize("several", [False, True])
def test_an_error_in_a_call_is_raised_once(several):
    calls, fails = [], [False]

    def func(v):
        calls.append(1)
        if fails[0]:
            raise ValueError("mine")
        return v

    x = layers.Input((3,))
    y = ops.py_function(func, x, "float32")
    model = models.Model([x], [y, y + 1]) if several else models.Model(x, y)
    for _ in range(4):
        model(np.ones((2, 3), np.float32))
    assert has_programs(model) == {"call 0": True}
    calls.clear()
    fails[0] = True
    with pytest.raises(ValueError, match="mine"):
        model(np.ones((2, 3), np.float32))
    assert len(calls) == 1


def test_within_a_replay_it_is_in_the_step():
    """What it sets on layers and the models it calls are the step's own doing, as in a step that runs as written."""
    inner = models.Sequential([layers.Input((3,)), layers.Dense(3)])

    class Counts(layers.Layer):
        def call(self, x):
            return ops.py_function(self.count, x, "float32")

        def count(self, v):
            self.seen = getattr(self, "seen", 0) + 1
            return inner.predict(v, verbose=0) + model.predict(v, verbose=0) if self.seen % 2 else v

    model = models.Sequential([layers.Input((3,)), Counts()])
    x = np.ones((2, 3), np.float32)
    expected = inner.predict(x, verbose=0) + x
    programs = []
    for _ in range(8):
        np.testing.assert_allclose(model.predict(x, verbose=0), expected)
        programs.append({key: step.program for key, step in model._programs.steps.items()})
    assert programs[-1] == programs[-4] and has_programs(model) == {"call 2": True}


def test_a_guard_behind_it_ends_the_step():
    x = layers.Input((2,))
    rows = ops.py_function(lambda v: v + 1, x, "float32")
    model = models.Model(x, layers.Embedding(5, 2)(rows))
    for _ in range(4):
        model.predict([[0, 3]], verbose=0)
    for _ in range(2):
        with pytest.raises((ValueError, IndexError), match="5"):
            model.predict([[0, 4]], verbose=0)
        assert model.predict([[0, 3]], verbose=0).shape == (1, 2, 2)


def test_dtypes_shapes_and_inputs():
    x = Tensor([1.0, 2.0])
    assert ops.py_function(lambda a, b: a * b, [x, 2.0], "float32").tolist() == [2.0, 4.0]
    for wrong in ("object", "complex64", "float16", None):
        with pytest.raises(ValueError, match="Tout must be one of"):
            ops.py_function(lambda v: v, x, wrong)
    for shape in (3, (None, None), (-1,)):
        with pytest.raises(ValueError, match="shape must be a tuple of sizes"):
            ops.py_function(lambda v: v, x, "float32", shape)
    a, b = layers.Input((3,)), layers.Input((3,))
    model = models.Model([a, b], ops.py_function(np.subtract, [a, b], "float32"))
    ones = np.ones((2, 3), np.float32)
    for i in range(5):
        assert (model([ones, i * ones]).numpy() == 1 - i).all()


def doubled(v):
    return 2 * v


def test_files_hold_functions_with_names(tmp_path):
    x = layers.Input((3,))
    model = models.Model(x, ops.py_function(doubled, x, "float32", (None, 3)))
    model.save(tmp_path / "named.keras")
    with pytest.raises(ValueError, match="doubled"):
        saving.load_model(tmp_path / "named.keras")
    again = saving.load_model(tmp_path / "named.keras", custom_objects={"doubled": doubled})
    assert (again(np.ones((2, 3), np.float32)).numpy() == 2).all()
    model = models.Model(x, ops.py_function(lambda v: 2 * v, x, "float32"))
    with pytest.raises(TypeError, match="a function with a name"):
        model.save(tmp_path / "unnamed.keras")
    assert (models.clone_model(model)(np.ones((2, 3), np.float32)).numpy() == 2).all()
