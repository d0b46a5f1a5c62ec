"""Any number of inputs and outputs: lists, tuples and dicts of arrays go in and come out, and steps are replayed."""

import numpy as np
import pytest

from fastnn import Tensor, layers, models, ops, optimizers, tree, utils

RNG = np.random.default_rng(4)
A = RNG.normal(size=(70, 4)).astype(np.float32)
B = RNG.integers(0, 9, (70, 3))
Y = RNG.normal(size=(70, 2)).astype(np.float32)


class Two(models.Model):
    """Two inputs, named or not, and as many outputs as `outputs` says."""

    def __init__(self, outputs="one"):
        super().__init__()
        self.outputs = outputs
        self.left = layers.Dense(5, activation="relu")
        self.right = layers.Dense(5)
        self.last = layers.Dense(2)

    def call(self, x):
        a, b = (x["a"], x["b"]) if isinstance(x, dict) else x
        h = self.left(a) + self.right(ops.cast(b, "float32"))
        y = self.last(h)
        return {"one": y, "list": [y, h], "tuple": (y, (h,)), "dict": {"y": y, "more": {"h": h}}}[self.outputs]


def two(outputs="one", eager=False):
    utils.set_random_seed(3)
    model = Two(outputs)
    model.compile(optimizers.Adam(0.01), "mse" if outputs == "one" else None, metrics=None, run_eagerly=eager)
    return model


FORMS = {"list": lambda: [A, B], "tuple": lambda: (A, B), "dict": lambda: {"b": B, "a": A}}


def everything(model, x, y=Y):
    parts = [tree.map_structure(lambda array, n=n: array[n : n + 10], (x, y)) for n in range(0, 70, 10)]
    return {
        "history": model.fit(x, y, batch_size=16, epochs=3, validation_split=0.2, verbose=0).history,
        "batches": model.fit(iter(parts), verbose=0).history,
        "one": [(model.train_on_batch(*part), model.test_on_batch(*part)) for part in parts],
        "evaluate": model.evaluate(x, y, verbose=0),
        "predict": model.predict(x, verbose=0).tobytes(),
        "predict_on_batch": [model.predict_on_batch(part[0]).tobytes() for part in parts],
        "call": [model(part[0]).numpy().tobytes() for part in parts],
        "weights": [w.tobytes() for w in model.get_weights()],
    }


@pytest.mark.parametrize("form", FORMS)
def test_replay_matches_eager_for_several_inputs(form, programs):
    want = everything(two(eager=True), FORMS[form]())
    assert not programs
    assert everything(two(), FORMS[form]()) == want
    assert len({id(program) for program in programs}) >= 7  # fit, of batches, its validation, evaluate, predict, call


def test_the_form_of_the_inputs_does_not_matter():
    results = [everything(two(), make()) for make in FORMS.values()]
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("outputs", ["list", "tuple", "dict"])
def test_predict_returns_the_structure_of_the_outputs(outputs, programs):
    model = two(outputs)
    model.run_eagerly = True
    want = model.predict([A, B], batch_size=16, verbose=0)
    model.run_eagerly = False
    assert type(want) is {"list": list, "tuple": tuple, "dict": dict}[outputs]
    calls = [
        *[lambda: model.predict([A, B], batch_size=16, verbose=0)] * 3,
        *[lambda: model.predict([A, B], batch_size=70, verbose=0)] * 5,
        lambda: model.predict_on_batch([A, B]),
        lambda: model.predict(iter([([A[i : i + 16], B[i : i + 16]],) for i in range(0, 70, 16)]), verbose=0),
        *[lambda: tree.map_structure(Tensor.numpy, model([A, B]))] * 5,
    ]
    for call in calls:
        got = call()
        tree.assert_same_structure(got, want)
        for a, b in zip(tree.flatten(got), tree.flatten(want), strict=True):
            np.testing.assert_array_equal(a, b)
    assert len(programs) >= 3


def test_replayed_calls_read_their_own_inputs_and_give_results_of_their_own():
    class Swap(models.Model):
        def call(self, x):
            return {"x": x[1], "sum": x[0] + x[1]}

    model = Swap()
    for i in range(6):
        x = [A[i : i + 2], A[i + 1 : i + 3]]  # they share memory
        y = model(x)
        np.testing.assert_array_equal(y["x"].numpy(), x[1])
        np.testing.assert_array_equal(y["sum"].numpy(), x[0] + x[1])
        if i > 3:
            y["x"].data[...] = 99
    assert (A < 99).all()


def test_integers_stay_integers_in_models_of_the_users_own():
    seen = []

    class Look(models.Model):
        def call(self, x):
            seen.append({key: str(value.dtype) for key, value in x.items()})
            return ops.sum(ops.one_hot(x["i"], 9), axis=(1, 2)) + x["f"][:, 0]

    model = Look()
    model.compile(loss="mse", run_eagerly=True)
    x = {"i": B.astype(np.uint8), "f": A.astype(np.float64), "b": A[:, 0] > 0}
    y = model.predict(x, verbose=0)
    assert seen[-1] == {"i": "int64", "f": "float32", "b": "bool"}
    np.testing.assert_allclose(y, 3 + A[:, 0], rtol=1e-6)
    model.evaluate(x, Y[:, 0], verbose=0)
    assert seen[-1] == {"i": "int64", "f": "float32", "b": "bool"}


def test_frames_and_series():
    pandas = pytest.importorskip("pandas")
    columns = {"a": pandas.Series(A[:, 0]), "b": pandas.Series(B[:, 0])}

    class Sum(models.Model):
        def call(self, x):
            return x["a"] + ops.cast(x["b"], "float32") if isinstance(x, dict) else ops.sum(x, axis=1, keepdims=True)

    want = (A[:, 0] + B[:, 0])[:, None]
    np.testing.assert_allclose(Sum().predict(columns, verbose=0), want, rtol=1e-6)
    np.testing.assert_allclose(Sum().predict(pandas.DataFrame(columns), verbose=0), want, rtol=1e-6)


def test_tensors_that_numpy_can_read():
    class Foreign:
        def __init__(self, array):
            self.array = array

        def __array__(self, dtype=None, copy=None):
            return self.array

    model = two()
    want = model.predict([A, B], verbose=0)
    np.testing.assert_array_equal(model.predict([Foreign(A), Foreign(B)], verbose=0), want)
    batches = [[[Foreign(A[i : i + 7]), Foreign(B[i : i + 7])], Foreign(Y[i : i + 7])] for i in range(0, 70, 7)]
    one, other = two(), two()
    one.fit(batches.__iter__(), verbose=0)
    other.fit([A, B], Y, batch_size=7, shuffle=False, verbose=0)
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_list_of_numbers_is_one_array_and_a_list_of_arrays_is_a_structure():
    model = models.Sequential([layers.Input((4,)), layers.Dense(1)])
    want = model.predict(A, verbose=0)
    for x in (A.tolist(), [A], {"input": A}, [A.tolist()][0]):
        np.testing.assert_array_equal(model.predict(x, verbose=0), want)
    with pytest.raises(ValueError, match=r"x must be one array, for the model's one input; got a list of 70 arrays"):
        model.predict(list(A))


def test_more_inputs_than_fit_on_the_stack():
    class Sum(models.Model):
        def call(self, x):
            return sum(x[1:], x[0])

    xs = [RNG.random((40, 3)).astype(np.float32) for _ in range(20)]
    model = Sum()
    want = sum(xs[1:], xs[0])
    for _ in range(4):
        np.testing.assert_array_equal(model.predict(xs, batch_size=8, verbose=0), want)
        np.testing.assert_array_equal(model(xs).numpy(), want)


def test_errors_name_the_array():
    model = two()
    with pytest.raises(ValueError, match=r"x\[0\] and x\[1\] and y must be of the same length; got 70 in x\[0\]"):
        model.fit([A, B[:60]], Y)
    with pytest.raises(TypeError, match=r"x\['a'\] must be an array-like; got a iterator"):
        model.fit({"a": iter(A), "b": B}, Y)
    with pytest.raises(ValueError, match="batch 1 of x: it must be of the structure of the first batch"):
        model.fit(iter([([A, B], Y), ((A, B), Y)]), verbose=0)


# ---- tree


def test_tree():
    structure = {"b": [1, None], "a": (2, {"c": 3})}
    assert tree.flatten(structure) == [2, 3, 1, None]
    assert list(tree.map_structure(lambda leaf: leaf, structure)) == ["b", "a"], "keys stay as they stand"
    assert tree.pack_sequence_as(structure, [5, 6, 7, 8]) == {"b": [7, 8], "a": (5, {"c": 6})}
    assert tree.flatten_with_path(structure)[1] == (("a", 1, "c"), 3)
    assert tree.lists_to_tuples(structure) == {"b": (1, None), "a": (2, {"c": 3})}
    for other in ({"b": [1], "a": (2, {"c": 3})}, {"b": (1, 1), "a": (2, {"c": 3})}, {"b": [1, 1], "a": (2, {"d": 3})}):
        with pytest.raises(ValueError, match="must be the same"):
            tree.assert_same_structure(structure, other)
        with pytest.raises(ValueError, match="must be the same"):
            tree.map_structure(lambda a, b: a, structure, other)
    with pytest.raises(ValueError, match="of 4 leaves, as the structure has; got 1"):
        tree.pack_sequence_as(structure, [1])
    assert tree.map_structure(str, structure, none_is_leaf=False) == {"b": ["1", None], "a": ("2", {"c": "3"})}
    assert tree.map_structure_up_to({"b": 0, "a": (0, 0)}, str, structure) == {"b": "[1, None]", "a": ("2", "{'c': 3}")}
    with pytest.raises(ValueError, match="the same down to the shallow one"):
        tree.map_structure_up_to({"b": 0}, str, structure)
    swap = {1: 5, 2: tree.MAP_TO_NONE}
    assert tree.traverse(lambda part: swap.get(part) if isinstance(part, int) else None, structure) == {
        "b": [5, None], "a": (None, {"c": 3}),
    }  # fmt: skip
    assert tree.traverse(lambda part: 0 if isinstance(part, dict) and "c" in part else None, structure)["a"] == (2, 0)
    tree.assert_same_paths({"a": [1, 2]}, {"a": (3, 4)})
    with pytest.raises(ValueError, match="the paths must be the same"):
        tree.assert_same_paths([1], [1, 2])


# ---- losses and metrics of several outputs


class Outputs(models.Model):
    """Two outputs, in the structure that `form` says."""

    def __init__(self, form):
        super().__init__()
        self.form = form
        self.a = layers.Dense(2)
        self.b = layers.Dense(3, activation="softmax")

    def call(self, x):
        a, b = self.a(x), self.b(x)
        return {"list": [a, b], "tuple": (a, b), "dict": {"z": a, "c": b}, "nested": {"p": [a, b], "q": a}}[self.form]


LABELS = RNG.integers(0, 3, 70)
W = RNG.random(70).astype(np.float32)
FIT = {
    "list": ([Y, LABELS], {"loss": ["mse", "sparse_categorical_crossentropy"], "metrics": [["mae"], ["accuracy"]]}),
    "tuple": ((Y, LABELS), {"loss": ("mse", "sparse_categorical_crossentropy"), "weighted_metrics": [None, "acc"]}),
    "dict": (
        {"c": LABELS, "z": Y},
        {
            "loss": {"z": "mse", "c": "crossentropy"},
            "metrics": {"c": ["accuracy", "accuracy"], "z": "mae"},
            "loss_weights": {"c": 0.5, "z": 2.0},
        },
    ),
    "nested": (
        {"p": [Y, LABELS], "q": Y},
        {
            "loss": {"p": ["mse", "sparse_categorical_crossentropy"], "q": "mae"},
            "metrics": {"p": [["mae"], "acc"], "q": []},
        },
    ),
}


def outputs(form, eager=False, **kwargs):
    utils.set_random_seed(3)
    model = Outputs(form)
    model.compile("adam", run_eagerly=eager, **{**FIT[form][1], **kwargs})
    return model


@pytest.mark.parametrize("form", FIT)
@pytest.mark.parametrize("weights", ["none", "one", "each"])
def test_replay_matches_eager_for_several_outputs(form, weights, programs):
    y = FIT[form][0]
    w = {"none": None, "one": W, "each": tree.map_structure(lambda _: W, y)}[weights]

    def run(eager):
        model = outputs(form, eager)
        part = tree.map_structure(lambda a: None if a is None else a[:16], (A, y, w))
        return (
            model.fit(A, y, sample_weight=w, batch_size=16, epochs=3, validation_split=0.2, verbose=0).history,
            [(model.train_on_batch(*part), model.test_on_batch(*part)) for _ in range(5)],
            model.evaluate(A, y, sample_weight=w, batch_size=16, verbose=0, return_dict=True),
            [v.tobytes() for v in model.get_weights()],
        )

    want = run(eager=True)
    assert not programs
    assert run(eager=False) == want
    assert len(programs) >= 4


def test_losses_are_added_with_their_weights_and_reported_without():
    model = outputs("dict")
    got = model.evaluate(A, FIT["dict"][0], batch_size=16, verbose=0, return_dict=True)
    p = model.predict(A, verbose=0)
    mse, ce = ((p["z"] - Y) ** 2).mean(), -np.log(p["c"][range(70), LABELS]).mean()
    np.testing.assert_allclose([got["z_loss"], got["c_loss"], got["loss"]], [mse, ce, 2 * mse + ce / 2], rtol=1e-5)
    assert list(got) == ["c_accuracy", "c_accuracy_1", "c_loss", "loss", "z_loss", "z_mae"]
    np.testing.assert_allclose(got["c_accuracy"], (p["c"].argmax(1) == LABELS).mean(), rtol=1e-6)
    np.testing.assert_allclose(got["z_mae"], np.abs(p["z"] - Y).mean(), rtol=1e-5)
    assert model.metrics_names == ["loss", "compile_metrics", "z_loss", "c_loss"]
    values = model.evaluate(A, FIT["dict"][0], batch_size=16, verbose=0)
    assert values == [got[n] for n in ("loss", "z_loss", "c_loss", "c_accuracy", "c_accuracy_1", "z_mae")]


def test_an_output_without_a_loss_needs_no_target():
    model = outputs("list", loss=["mse", None], metrics=None)
    alone = model.evaluate(A, [Y], verbose=0)
    np.testing.assert_allclose(alone, ((model.predict(A, verbose=0)[0] - Y) ** 2).mean(), rtol=1e-5)
    assert model.evaluate(A, [Y, None], verbose=0) == model.evaluate(A, [Y, LABELS], verbose=0) == alone
    with pytest.warns(UserWarning, match="no gradients for"):
        assert set(model.fit(A, [Y], verbose=0).history) == {"loss"}


def test_one_loss_for_all_outputs():
    class Same(models.Model):
        def call(self, x):
            return [x, 2.0 * x]

    model = Same()
    model.compile(loss="mse", loss_weights=0.5)
    got = model.evaluate(A, [A, A], verbose=0, return_dict=True)
    np.testing.assert_allclose(got["loss"], 0.5 * (A**2).mean(), rtol=1e-5)


def test_loss_and_metrics_of_earlier_compilations_stay():
    model = outputs("list")
    names = set(model.fit(A, FIT["list"][0], verbose=0).history)
    model.compile("sgd")
    assert set(model.fit(A, FIT["list"][0], verbose=0).history) == names


def test_compile_config_makes_an_equal_model():
    model = outputs("dict")
    model.evaluate(A, FIT["dict"][0], verbose=0)
    twin = Outputs("dict")
    twin(A)
    twin.set_weights(model.get_weights())
    assert twin.get_compile_config() == {}
    twin.compile_from_config(model.get_compile_config())
    y = FIT["dict"][0]
    assert twin.evaluate(A, y, verbose=0) == model.evaluate(A, y, verbose=0)
    assert type(twin.optimizer) is type(model.optimizer) and twin.optimizer.built


WRONG = {
    "too many losses": ({"loss": ["mse", "mse", "mse"]}, "loss must be one loss for each output"),
    "weights": ({"loss_weights": [1.0]}, "loss_weights must be one number for each of the 2 losses"),
    "metrics": ({"metrics": ["mae"]}, "metrics must be a list with one entry for each of the 2 outputs"),
    "names": ({"loss": {"a": "mse"}}, "loss must be one loss for each output"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_losses_and_metrics(name):
    arguments, text = WRONG[name]
    model = outputs("list", **{"metrics": None, **arguments})
    with pytest.raises(ValueError, match=text):
        model.fit(A, FIT["list"][0], verbose=0)
    assert model.optimizer.iterations == 0


def test_targets_that_do_not_fit():
    model = outputs("list", metrics=None)
    with pytest.raises(ValueError, match="y must be one array for each of the 2 outputs; got 3 arrays"):
        model.fit(A, [Y, LABELS, Y], verbose=0)
    with pytest.raises(ValueError, match="sample_weight must be one array for each of the 2 outputs; got 3 arrays"):
        model.fit(A, [Y, LABELS], sample_weight=[W, W, W], verbose=0)
    with pytest.raises(ValueError, match="class_weight must be None for a model of several outputs"):
        model.fit(A, [Y, LABELS], class_weight={0: 1.0}, verbose=0)


# ---- functional models


def graph(outputs="list"):
    utils.set_random_seed(4)
    a, b = layers.Input((4,), name="a"), layers.Input((3,), name="b", dtype="int32")
    h = layers.Dense(5, activation="relu")(a) + layers.Dense(5)(ops.cast(b, "float32"))
    real, label = layers.Dense(2, name="real")(h), layers.Dense(3, activation="softmax", name="label")(h)
    return models.Model([a, b], {"list": [real, label], "dict": {"real": real, "label": label}}[outputs])


NAMED = {"label": "sparse_categorical_crossentropy", "real": "mse"}


@pytest.mark.parametrize("outputs", ["list", "dict"])
def test_functional_models_take_inputs_and_targets_by_place_or_name(outputs, programs):
    histories = []
    for x in ([A, B], (A, B), {"b": B, "a": A}, {"b": B, "unused": A, "a": A}):
        for y in ([Y, LABELS], {"label": LABELS, "real": Y}) if outputs == "list" else ({"real": Y, "label": LABELS},):
            for eager in (False, True):
                model = graph(outputs)
                model.compile("adam", NAMED, metrics={"label": ["accuracy"]}, run_eagerly=eager)
                histories.append(model.fit(x, y, epochs=3, validation_split=0.2, verbose=0).history)
    assert all(history == histories[0] for history in histories) and programs
    assert {"loss", "real_loss", "label_loss", "label_accuracy"} <= set(histories[0])


def test_a_wrong_label_of_any_output_is_found_before_the_first_step():
    model = graph()
    model.compile("sgd", ["mse", "sparse_categorical_crossentropy"])
    wrong = LABELS.copy()
    wrong[60] = 3
    with pytest.raises(ValueError, match=r"y\[1\] must be class numbers in 0 ... 2, .* got 3. First at position 60"):
        model.fit([A, B], [Y, wrong], batch_size=16, verbose=0)
    assert not model.optimizer.built
    model.fit([A, B], [Y, LABELS], verbose=0)


def test_an_input_by_name_stands_beside_others():
    a = layers.Input((4,), name="a")
    model = models.Model(a, layers.Dense(2)(a))
    np.testing.assert_array_equal(model.predict({"a": A, "b": B}, verbose=0), model.predict(A, verbose=0))
