"""Losses beside Keras's: values, gradients, reductions, weights, names and configurations."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import fastnn

RNG = np.random.default_rng(0)
N, C = 6, 4
A, B = (RNG.standard_normal((N, C)).astype(np.float32) for _ in range(2))
COUNTS = RNG.integers(0, 4, (N, C)).astype(np.float32)
LABEL = RNG.integers(0, C, N)
ONE_HOT = np.eye(C, dtype=np.float32)[LABEL]
BITS = RNG.integers(0, 2, (N, C)).astype(np.float32)
SOFT, GUESS = (RNG.random((N, C)).astype(np.float32) * 0.9 + 0.05 for _ in range(2))
SHARES = GUESS / GUESS.sum(1, keepdims=True)
TARGET_SHARES = SOFT / SOFT.sum(1, keepdims=True)
IMAGE_BITS = RNG.integers(0, 2, (3, 5, 4, 1)).astype(np.float32)
IMAGE = RNG.random((3, 5, 4, 1)).astype(np.float32) * 0.9 + 0.05
UNIT = A / np.linalg.norm(A, axis=1, keepdims=True)
GROUPS = np.array([0, 1, 0, 2, 1, 0])
SQUARE = RNG.standard_normal((N, N)).astype(np.float32)  # Keras compares labels with an output's first axes
WEIGHT = RNG.random(N).astype(np.float32) + 0.1

CASES = [
    ("MeanSquaredError", A, B, {}),
    ("MeanSquaredError", A[:, 0], B[:, :1], {}),
    ("MeanAbsoluteError", A, B, {}),
    ("MeanAbsolutePercentageError", A, B, {}),
    ("MeanSquaredLogarithmicError", np.abs(A), np.abs(B), {}),
    ("MeanSquaredLogarithmicError", A, B, {}),
    ("CosineSimilarity", A, B, {}),
    ("CosineSimilarity", A, B, {"axis": 0}),
    ("Huber", A, B, {}),
    ("Huber", A, B, {"delta": 0.4}),
    ("LogCosh", A, B, {}),
    ("LogCosh", 9 * A, 9 * B, {}),
    ("Hinge", BITS, B, {}),
    ("Hinge", 2 * BITS - 1, B, {}),
    ("Hinge", A, B, {}),
    ("SquaredHinge", BITS, B, {}),
    ("SquaredHinge", 2 * BITS - 1, B, {}),
    ("CategoricalHinge", ONE_HOT, B, {}),
    ("KLDivergence", TARGET_SHARES, SHARES, {}),
    ("KLDivergence", ONE_HOT, SHARES, {}),
    ("Poisson", COUNTS, GUESS * 3, {}),
    ("BinaryCrossentropy", BITS, GUESS, {}),
    ("BinaryCrossentropy", SOFT, B, {"from_logits": True}),
    ("BinaryCrossentropy", BITS, GUESS, {"label_smoothing": 0.2, "axis": 0}),
    ("BinaryFocalCrossentropy", BITS, GUESS, {}),
    ("BinaryFocalCrossentropy", BITS, B, {"from_logits": True, "gamma": 1.5}),
    ("BinaryFocalCrossentropy", BITS, GUESS, {"apply_class_balancing": True, "alpha": 0.3, "label_smoothing": 0.1}),
    ("CategoricalCrossentropy", ONE_HOT, SHARES, {}),
    ("CategoricalCrossentropy", ONE_HOT, GUESS, {"label_smoothing": 0.1}),
    ("CategoricalCrossentropy", TARGET_SHARES, B, {"from_logits": True}),
    ("CategoricalCrossentropy", SOFT / SOFT.sum(0), B, {"from_logits": True, "axis": 0}),
    ("CategoricalFocalCrossentropy", ONE_HOT, SHARES, {}),
    ("CategoricalFocalCrossentropy", ONE_HOT, B, {"from_logits": True, "gamma": 1.0, "alpha": 0.4}),
    ("CategoricalFocalCrossentropy", ONE_HOT, GUESS, {"label_smoothing": 0.1, "axis": 0}),
    ("SparseCategoricalCrossentropy", LABEL, SHARES, {}),
    ("SparseCategoricalCrossentropy", LABEL[:, None], B, {"from_logits": True}),
    ("SparseCategoricalCrossentropy", LABEL, B, {"from_logits": True, "ignore_class": int(LABEL[0])}),
    *(  # Keras on TensorFlow has the last axis only
        [("SparseCategoricalCrossentropy", LABEL, SQUARE, {"from_logits": True, "axis": 0})]
        if keras.backend.backend() == "jax" else []
    ),
    ("CategoricalGeneralizedCrossEntropy", LABEL, SHARES, {}),
    ("CategoricalGeneralizedCrossEntropy", LABEL, SHARES, {"q": 0.9}),
    ("Dice", IMAGE_BITS, IMAGE, {}),
    ("Dice", IMAGE_BITS, IMAGE, {"axis": (1, 2, 3)}),
    ("Tversky", IMAGE_BITS, IMAGE, {"alpha": 0.3, "beta": 0.7}),
    ("Tversky", IMAGE_BITS, IMAGE, {"axis": (1, 2)}),
    ("Circle", GROUPS, UNIT, {}),
    ("Circle", GROUPS, UNIT, {"gamma": 3.0, "margin": 0.2, "remove_diagonal": False}),
]
REDUCTIONS = ["sum_over_batch_size", "sum", "mean_with_sample_weight", None]
CLASSES = sorted({name for name, *_ in CASES})


def name_of(case):
    return "-".join([case[0], *(f"{k}={v}" for k, v in case[3].items())])


def theirs_of(loss, y_true, y_pred, weight):
    """Value and gradient of (the sum of) one of Keras's losses."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        x = tf.Variable(y_pred)
        with tf.GradientTape() as tape:
            value = loss(y_true, x, sample_weight=weight)
            total = tf.reduce_sum(value)
        return value.numpy(), tape.gradient(total, x).numpy()
    import jax

    gradient = jax.grad(lambda x: loss(y_true, x, sample_weight=weight).sum())(y_pred)
    return np.asarray(loss(y_true, y_pred, sample_weight=weight)), np.asarray(gradient)


def ours_of(loss, y_true, y_pred, weight):
    x = fastnn.Tensor(y_pred, requires_grad=True)
    value = loss(y_true, x, sample_weight=weight)
    value.backward(np.ones(value.shape))
    return value.numpy(), x.grad.numpy()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_value_and_gradient(case, weighted):
    name, y_true, y_pred, arguments = case
    theirs, ours = getattr(keras.losses, name), getattr(fastnn.losses, name)
    weight = WEIGHT[: y_pred.shape[-1] if arguments.get("axis") == 0 else len(y_pred)] if weighted else None
    if name in ("Dice", "Tversky") and weighted:
        weight = np.float32(0.3)
    for reduction in REDUCTIONS if weighted else (None,):
        want = theirs_of(theirs(reduction=reduction, **arguments), y_true, y_pred, weight)
        got = ours_of(ours(reduction=reduction, **arguments), y_true, y_pred, weight)
        assert got[0].shape == want[0].shape
        for mine, other in zip(got, want, strict=True):
            scale = max(1.0, np.abs(other).max())
            np.testing.assert_allclose(mine, other, rtol=1e-5, atol=2e-6 * scale)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_function(case):
    """A loss's function gives one value per sample, and its string finds it."""
    name, y_true, y_pred, arguments = case
    function = fastnn.registry.snake_case(name)
    if "q" not in arguments and function == "categorical_generalized_cross_entropy":
        arguments = {"q": 0.5}
    if y_true.ndim != y_pred.ndim and y_pred.shape[-1] == 1:
        return  # Keras's functions do not align shapes
    want = getattr(keras.losses, function)(keras.ops.array(y_true), keras.ops.array(y_pred), **arguments)
    got = getattr(fastnn.losses, function)(y_true, y_pred, **arguments)
    want = keras.ops.convert_to_numpy(want)
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-5, atol=2e-6 * max(1.0, np.abs(want).max()))


@pytest.mark.parametrize("name", CLASSES)
def test_names_and_configuration(name):
    theirs, ours = getattr(keras.losses, name)(), getattr(fastnn.losses, name)()
    assert ours.name == theirs.name
    assert ours.get_config() == theirs.get_config()
    assert type(fastnn.losses.deserialize(keras.losses.serialize(theirs))) is type(ours)
    if name != "CategoricalGeneralizedCrossEntropy":  # which Keras does not find by its name
        assert type(keras.losses.deserialize(fastnn.losses.serialize(ours))) is type(theirs)


@pytest.mark.parametrize("name", [n for n, loss in vars(keras.losses).items() if callable(loss) and n != "ctc"])
def test_strings(name):
    if name in ("get", "serialize", "deserialize", "Loss", "CTC"):
        return
    try:
        theirs = keras.losses.get(name)
    except ValueError:
        return
    ours = fastnn.losses.get(name)
    assert getattr(ours, "name", None) == getattr(theirs, "name", None)
    assert getattr(ours, "__name__", None) == getattr(theirs, "__name__", None)


@pytest.mark.parametrize("alias", "bce BCE kld KLD mae MAE mse MSE mape MAPE msle MSLE".split())
def test_aliases(alias):
    assert fastnn.losses.get(alias).__name__ == keras.losses.get(alias).__name__


def test_arguments_survive_a_configuration():
    for name, _, _, arguments in CASES:
        loss = getattr(fastnn.losses, name)(**arguments)
        again = fastnn.losses.deserialize(fastnn.losses.serialize(loss))
        assert again._fn_kwargs == loss._fn_kwargs


@pytest.mark.parametrize("name", ["MeanSquaredError", "Hinge", "SparseCategoricalCrossentropy"])
def test_dtype(name):
    loss = getattr(fastnn.losses, name)(dtype="float64")
    theirs = getattr(keras.losses, name)(dtype="float32")
    y_true = LABEL if name.startswith("Sparse") else BITS
    value = loss(y_true, SHARES)
    assert value.dtype == np.float64
    np.testing.assert_allclose(value.item(), float(theirs(y_true, SHARES)), rtol=1e-6)
