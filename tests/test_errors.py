"""Bad input: one line that says what was wrong, before anything changes, and the model works on."""

# ruff: noqa: E501 (the wanted texts stay on one line)

import numpy as np
import pytest

import fastnn as keras
from fastnn import errors, layers, losses, models, optimizers

X = np.random.default_rng(0).random((12, 8, 8, 1), "float32")
Y = np.arange(12) % 3


def cnn():
    model = models.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(2, 3, activation="relu", name="conv"),
            layers.Flatten(),
            layers.Dense(3, name="out"),
        ],
        name="net",
    )
    model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    model.fit(X, Y, verbose=0)
    return model


WRONG_DATA = {
    "rank": (
        {"x": np.ones((4, 3))},
        ValueError,
        r"Sequential 'net': x must be of shape \(None, 8, 8, 1\); got shape \(4, 3\)\.",
    ),
    "no batch axis": (
        {"x": np.ones((8, 8))},
        ValueError,
        r"x must be of shape \(None, 8, 8, 1\); got shape \(8, 8\)\.",
    ),
    "channels": (
        {"x": np.ones((4, 8, 8, 3))},
        ValueError,
        r"Conv2D 'conv': the last axis of x must be 1, as built; got 3 \(shape \(.*, 8, 8, 3\)\)\.",
    ),
    "size": (
        {"x": np.ones((4, 9, 9, 1))},
        ValueError,
        r"Dense 'out': the last axis of x must be 72, as built; got 98",
    ),
    "too small": (
        {"x": np.ones((4, 2, 2, 1))},
        ValueError,
        r"Conv2D 'conv': the image must be at least as large as the kernel \(3, 3\)",
    ),
    "empty": ({"x": X[:0]}, ValueError, r"x must be data of at least one sample; got 0 samples\."),
    "texts": ({"x": [["a"] * 3] * 4}, ValueError, r"x must be numbers; got texts such as 'a'\. Replace texts by numbers first, for instance with pandas\.get_dummies\(x\)\."),
    "ragged": (
        {"x": [[1, 2], [3]]},
        ValueError,
        r"x must be a rectangular array of numbers; got a list that NumPy cannot make into one\. Give every row the same length\.",
    ),
    "complex": (
        {"x": np.ones((4, 8, 8), complex)},
        TypeError,
        r"x must be an array of real numbers; got an array of shape \(4, 8, 8\), dtype complex128\.",
    ),
    "objects": (
        {"x": np.array([object(), object()])},
        ValueError,
        r"x must be a rectangular array of numbers",
    ),
    "scalar": ({"x": 3}, ValueError, r"x must be an array with one entry per sample; got 3\."),
    "nothing": ({"x": None}, TypeError, r"x must be an array-like; got None\."),
    "batch_size 0": (
        {"x": X, "batch_size": 0},
        ValueError,
        r"batch_size must be a positive int; got 0\. The default is 32\.",
    ),
    "batch_size half": (
        {"x": X, "batch_size": 2.5},
        TypeError,
        r"batch_size must be a positive int; got 2\.5\.",
    ),
}

WRONG_TARGETS = {
    "mismatched lengths": (
        {"y": Y[:5]},
        ValueError,
        r"x and y must be of the same length; got 12 in x, 5 in y\.",
    ),
    "no targets": ({"y": None}, TypeError, r"y must be given for the loss; got None\."),
    "label too large": (
        {"y": Y + 1},
        ValueError,
        r"y must be class numbers in 0 \.\.\. 2, for the 3 outputs of the last layer; got 3\. First at position 2\.",
    ),
    "label negative": (
        {"y": Y - 1},
        ValueError,
        r"y must be class numbers in 0 \.\.\. 2.*; got -1\. First at position 0\.",
    ),
    "label fraction": ({"y": Y + 0.5}, ValueError, r"whole|integer"),
    "text labels": (
        {"y": np.array(list("abc") * 4)},
        ValueError,
        r"y must be numbers; got texts such as 'a'\. Make class numbers of texts: classes, y = np\.unique\(y, return_inverse=True\)\.",
    ),
    "text labels in a list": ({"y": list("abc") * 4}, ValueError, r"np\.unique\(y, return_inverse=True\)"),
    "object labels": (
        {"y": np.array(list("abc") * 4, object)},
        ValueError,
        r"np\.unique\(y, return_inverse=True\)",
    ),
    "one-hot for sparse": ({"y": np.eye(3)[Y]}, ValueError, r"shape"),
    "weights of another length": (
        {"y": Y, "sample_weight": np.ones(3)},
        ValueError,
        r"x and y and sample_weight must be of the same length; got 12 in x, 12 in y, 3 in sample_weight",
    ),
}

WRONG_FIT = {
    "validation_split 1": (
        {"validation_split": 1.0},
        ValueError,
        r"validation_split must be a share that leaves samples on both sides of 12; got 1\.0\.",
    ),
    "validation_split negative": (
        {"validation_split": -0.5},
        ValueError,
        r"validation_split must be a share from 0 to 1; got -0\.5\.",
    ),
    "validation_data": (
        {"validation_data": X},
        TypeError,
        r"validation_data: y must be given for the loss",
    ),
    "validation lengths": (
        {"validation_data": (X, Y[:3])},
        ValueError,
        r"validation_data: x and y must be of the same length; got 12 in x, 3 in y",
    ),
    "validation labels": (
        {"validation_data": (X, Y + 7)},
        ValueError,
        r"y must be class numbers in 0 \.\.\. 2",
    ),
    "epochs": ({"epochs": -1}, ValueError, r"epochs must be an int of at least 0; got -1\."),
    "epochs text": ({"epochs": "5"}, TypeError, r"epochs must be an int of at least 0; got '5'\."),
    "verbose": ({"verbose": "loud"}, ValueError, r"verbose must be 'auto', 0, 1 or 2; got 'loud'\."),
    "callbacks": (
        {"callbacks": [1]},
        TypeError,
        r"callbacks: every entry must be a fastnn\.callbacks\.Callback; got 1\.",
    ),
    "validation_freq": (
        {"validation_freq": 0},
        ValueError,
        r"validation_freq must be a positive int or a list of epochs; got 0\.",
    ),
    "class_weight": (
        {"class_weight": [1, 2]},
        TypeError,
        r"class_weight must be a dict from class to weight; got \[1, 2\]\.",
    ),
    "unknown argument": ({"batchsize": 3}, TypeError, r"batchsize"),
}


def check(model, call, error, text):
    """The call raises this one line, changes no weight and no optimizer state, and the model goes on."""
    weights = model.get_weights()
    steps = int(model.optimizer.iterations)
    with pytest.raises(error, match=text) as found:
        call()
    assert "\n" not in str(found.value)
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert int(model.optimizer.iterations) == steps
    history = model.fit(X, Y, verbose=0)
    assert np.isfinite(history.history["loss"][0])


@pytest.mark.parametrize("case", WRONG_DATA)
@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_wrong_data(method, case):
    arguments, error, text = WRONG_DATA[case]
    model = cnn()
    given = dict(arguments, verbose=0)
    if method != "predict":
        x = arguments["x"]
        given["y"] = Y[: len(x)] if hasattr(x, "__len__") else Y
    check(model, lambda: getattr(model, method)(**given), error, text)


@pytest.mark.parametrize("case", WRONG_TARGETS)
@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_wrong_targets(method, case):
    arguments, error, text = WRONG_TARGETS[case]
    model = cnn()
    quiet = {} if "batch" in method else {"verbose": 0}
    check(model, lambda: getattr(model, method)(X, **arguments, **quiet), error, text)


@pytest.mark.parametrize("case", WRONG_FIT)
def test_wrong_arguments_of_fit(case):
    arguments, error, text = WRONG_FIT[case]
    model = cnn()
    check(model, lambda: model.fit(X, Y, **{"verbose": 0, **arguments}), error, text)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"optimizer": "adamm"}, ValueError, "Did you mean 'adam'"),
        ({"optimizer": 3}, TypeError, "got 3"),
        ({"loss": "msee"}, ValueError, "Did you mean 'mse'"),
        (
            {"loss": "sparse_categorical_crosentropy"},
            ValueError,
            "Did you mean 'sparse_categorical_crossentropy'",
        ),
        ({"metrics": ["acuracy"]}, ValueError, "Did you mean '.*accuracy'"),
        (
            {"metrics": "accuracy"},
            TypeError,
            r"metrics must be a list; got 'accuracy'\. Write metrics=\['accuracy'\]",
        ),
        ({"metrics": [3]}, TypeError, "metrics must be a list of names, functions or Metric objects; got 3"),
        ({"loss": "mse", "loss_weights": "2"}, TypeError, "loss_weights must be a number, or a list or dict of numbers; got '2'"),
        ({"steps_per_execution": 0}, ValueError, "steps_per_execution must be a positive int; got 0"),
    ],
    ids=str,
)
def test_wrong_arguments_of_compile(arguments, error, text):
    model = cnn()
    before = model.optimizer, model.loss
    check(model, lambda: model.compile(**arguments), error, text)
    assert (model.optimizer, model.loss) == before


@pytest.mark.parametrize("rate", [float("nan"), -1.0, float("inf"), "fast"])
def test_wrong_learning_rate(rate):
    with pytest.raises((ValueError, TypeError), match="SGD: learning_rate must be"):
        optimizers.SGD(rate)
    model = cnn()

    def assign():
        model.optimizer.learning_rate = rate

    check(model, assign, (ValueError, TypeError), "Adam: learning_rate must be")


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_uncompiled(method):
    model = models.Sequential([layers.Dense(2)], name="raw")
    text = rf"Sequential 'raw'\.{method}: the model is not compiled\. Call compile\(optimizer, loss\) first\."
    with pytest.raises(RuntimeError, match=text):
        getattr(model, method)(np.ones((2, 3)), np.ones(2))


def test_no_loss():
    model = models.Sequential([layers.Dense(2)], name="raw")
    model.compile("sgd")
    with pytest.raises(
        ValueError, match=r"Sequential 'raw': loss must be given to compile, or added by a layer; got None\."
    ):
        model.fit(np.ones((2, 3)), np.ones((2, 2)), verbose=0)


def test_no_layers_and_nothing_to_train():
    empty = models.Sequential(name="raw")
    empty.compile("sgd", "mse")
    with pytest.raises(
        RuntimeError, match=r"Sequential 'raw': there is no layer\. Add layers first: model\.add\(layer\)\."
    ):
        empty.fit(np.ones((2, 3)), np.ones(2), verbose=0)
    model = cnn()
    model.trainable = False
    with pytest.warns(UserWarning, match="the model has no trainable weights. Set layer.trainable = True"):
        model.fit(X, Y, verbose=0)
    model.trainable = True
    model.fit(X, Y, verbose=0)


def test_a_data_error_in_the_first_fit_leaves_a_buildable_model():
    model = models.Sequential([layers.Dense(3, name="out")], name="net")
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="same length"):
        model.fit(np.ones((4, 5)), np.zeros(3), verbose=0)
    assert not model.built
    model.fit(np.ones((4, 7)), np.zeros(4), verbose=0)


@pytest.mark.parametrize(
    ("module", "wrong", "right"),
    [
        ("layers", "Dens", "Dense"),
        ("layers", "MaxPooling2d", "MaxPooling2D"),
        ("models", "Sequentiel", "Sequential"),
        ("callbacks", "EarlyStoping", "EarlyStopping"),
        ("utils", "to_categorial", "to_categorical"),
        ("losses", "MeanSquareError", "MeanSquaredError"),
        ("optimizers", "Adamm", "Adam"),
        ("metrics", "BinaryAcuracy", "BinaryAccuracy"),
        ("activations", "rellu", "relu"),
        ("initializers", "HeNorml", "HeNormal"),
        ("regularizers", "l22", "l2"),
        ("ops", "matmull", "matmul"),
        ("random", "unifrm", "uniform"),
        ("config", "floatxx", "floatx"),
        ("datasets", "mnst", "mnist"),
    ],
)
def test_unknown_names_of_modules(module, wrong, right):
    with pytest.raises(
        AttributeError, match=rf"'fastnn.{module}' has no attribute '{wrong}'\. Did you mean '{right}'\?"
    ):
        getattr(getattr(keras, module), wrong)
    assert getattr(getattr(keras, module), right)


def test_unknown_names_of_the_package():
    with pytest.raises(
        AttributeError, match=r"module 'fastnn' has no attribute 'Sequentail'\. Did you mean 'Sequential'\?"
    ):
        _ = keras.Sequentail
    with pytest.raises(ImportError):
        from fastnn import nothing_of_that_name  # noqa: F401  # the import must fail


def test_pandas_errors():
    pandas = pytest.importorskip("pandas")
    model = models.Sequential([layers.Dense(1)])
    gaps = pandas.DataFrame({"a": pandas.array([1, None], "Int64"), "b": [1.0, 2.0]})
    with pytest.raises(ValueError, match=r"got <NA> in it\. Fill the gaps first: data\.fillna\(0\)\."):
        model.predict(gaps)
    with pytest.raises(ValueError, match="texts such as 'red'. Replace texts by numbers first"):
        model.predict(pandas.DataFrame({"a": [1, 2], "b": ["red", "blue"]}))
    with pytest.raises(TypeError, match="Convert it to numbers first"):
        model.predict(pandas.Series(pandas.date_range("2020", periods=2)))
    assert model.predict(pandas.DataFrame({"a": [1, 2], "b": [True, False], "c": [0.5, 1.5]})).shape == (2, 1)


def test_describe_keeps_errors_short():
    assert errors.describe(np.ones((3, 4), "float32")) == "an array of shape (3, 4), dtype float32"
    assert len(errors.describe("x" * 500)) == 80
