"""Loss objects and functions: Keras's formulas, reductions, weights, alignment, names, configurations, errors."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn
from fastnn import layers, losses, models, ops, optimizers
from tests.helpers import assert_same_bits, check_differences, check_op, random_array

pytestmark = pytest.mark.skipif(
    not all(hasattr(ops, name) for name in ("transpose", "cast", "square")), reason="needs movement, elementwise"
)

PRED = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.3, 0.4, 0.3], [0.2, 0.5, 0.3]], np.float32)
LABEL = np.array([0, 2, 1, 0])
ONE_HOT = np.eye(3, dtype=np.float32)[LABEL]
PER_SAMPLE = -np.log(PRED[np.arange(4), LABEL].astype(np.float64))
WEIGHT = np.array([1.0, 0.0, 2.0, 0.5])


def value(loss, *args, **kwargs):
    return loss(*args, **kwargs).numpy()


# ---- formulas -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("loss", "y_true", "want"), [
    (losses.SparseCategoricalCrossentropy(), LABEL, PER_SAMPLE.mean()),
    (losses.SparseCategoricalCrossentropy(), LABEL[:, None], PER_SAMPLE.mean()),
    (losses.SparseCategoricalCrossentropy(), LABEL.astype(np.float32), PER_SAMPLE.mean()),
    (losses.CategoricalCrossentropy(), ONE_HOT, PER_SAMPLE.mean()),
    (losses.CategoricalCrossentropy(), ONE_HOT.astype(bool), PER_SAMPLE.mean()),
    (losses.BinaryCrossentropy(), ONE_HOT, -np.log(np.where(ONE_HOT, PRED, 1 - PRED)).mean()),
    (losses.MeanSquaredError(), ONE_HOT, ((PRED - ONE_HOT) ** 2).mean()),
    (losses.MeanAbsoluteError(), ONE_HOT, np.abs(PRED - ONE_HOT).mean()),
])
def test_loss_of_probabilities(loss, y_true, want):
    got = value(loss, y_true, PRED)
    assert got.dtype == np.float32
    assert got.shape == ()
    np.testing.assert_allclose(got, want, rtol=1e-6)


@pytest.mark.parametrize(("loss", "y_true"), [
    (losses.SparseCategoricalCrossentropy(from_logits=True), LABEL),
    (losses.CategoricalCrossentropy(from_logits=True), ONE_HOT),
])
def test_loss_of_logits(loss, y_true):
    np.testing.assert_allclose(value(loss, y_true, np.log(PRED) + 7), PER_SAMPLE.mean(), rtol=1e-5)


def test_binary_crossentropy_of_logits():
    logits = np.array([[3.0], [-2.0], [0.0]], np.float32)
    got = value(losses.BinaryCrossentropy(from_logits=True), [1, 0, 1], logits)
    np.testing.assert_allclose(got, np.mean([np.log1p(np.exp(-3)), np.log1p(np.exp(-2)), np.log(2)]), rtol=1e-6)


def test_label_smoothing():
    smooth = ONE_HOT * 0.9 + 0.1 / 3
    got = value(losses.CategoricalCrossentropy(label_smoothing=0.1), ONE_HOT, PRED)
    np.testing.assert_allclose(got, -(smooth * np.log(PRED)).sum(1).mean(), rtol=1e-6)
    smooth = ONE_HOT * 0.8 + 0.1
    want = -(smooth * np.log(PRED) + (1 - smooth) * np.log(1 - PRED)).mean()
    np.testing.assert_allclose(value(losses.BinaryCrossentropy(label_smoothing=0.2), ONE_HOT, PRED), want, rtol=1e-6)


def test_losses_have_gradients():
    for function in (losses.mean_squared_error, losses.mean_absolute_error):
        power = 2 if function is losses.mean_squared_error else 1
        check_op(
            lambda t, p, f=function: losses.LossFunctionWrapper(f, dtype=p.dtype)(t, p),
            lambda t, p, power=power: np.asarray((np.abs(t - p) ** power).mean()),
            (4, 3), (4, 3), reduction=12, step=1e-6,
        )


def test_float64_loss_computes_in_float64():
    got = value(losses.SparseCategoricalCrossentropy(dtype="float64"), LABEL, PRED.astype(np.float64))
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, -np.log(PRED.astype(np.float64)[np.arange(4), LABEL]).mean(), rtol=1e-6)


# ---- reductions, weights, masks -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("reduction", "plain", "weighted"), [
    ("sum_over_batch_size", PER_SAMPLE.mean(), (PER_SAMPLE * WEIGHT).mean()),
    ("mean", PER_SAMPLE.mean(), (PER_SAMPLE * WEIGHT).mean()),
    ("mean_with_sample_weight", PER_SAMPLE.mean(), (PER_SAMPLE * WEIGHT).sum() / WEIGHT.sum()),
    ("sum", PER_SAMPLE.sum(), (PER_SAMPLE * WEIGHT).sum()),
    ("none", PER_SAMPLE, PER_SAMPLE * WEIGHT),
    (None, PER_SAMPLE, PER_SAMPLE * WEIGHT),
])
def test_reduction(reduction, plain, weighted):
    loss = losses.SparseCategoricalCrossentropy(reduction=reduction)
    np.testing.assert_allclose(value(loss, LABEL, PRED), plain, rtol=1e-6)
    np.testing.assert_allclose(value(loss, LABEL, PRED, WEIGHT), weighted, rtol=1e-6)


def test_mean_with_weights_of_zero_is_zero():
    loss = losses.MeanSquaredError(reduction="mean_with_sample_weight")
    assert value(loss, [[1.0]], [[2.0]], sample_weight=[0.0]) == 0


@pytest.mark.parametrize("weight", [WEIGHT, WEIGHT[:, None], list(WEIGHT), 0.5])
def test_weights_of_either_shape(weight):
    want = (PER_SAMPLE * np.reshape(weight, -1)).mean()
    np.testing.assert_allclose(value(losses.SparseCategoricalCrossentropy(), LABEL, PRED, weight), want, rtol=1e-6)


def test_weights_per_element():
    y, p, w = np.zeros((2, 3, 4)), random_array((2, 3, 4)), np.arange(6.0).reshape(2, 3)
    want = ((p**2).mean(-1) * w).mean()
    np.testing.assert_allclose(value(losses.MeanSquaredError(), y, p, w), want, rtol=1e-5)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "none"])
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_ignore_class(reduction, weight):
    label = np.array([0, -1, 1, -1])
    keep = label >= 0
    per_sample = PER_SAMPLE * keep * (1 if weight is None else weight)
    total = per_sample.sum()
    want = {"sum_over_batch_size": total / keep.sum(), "sum": total, "none": per_sample}[reduction]
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1, reduction=reduction)
    np.testing.assert_allclose(value(loss, label, PRED, weight), want, rtol=1e-6)


def test_everything_ignored_is_zero():
    assert value(losses.SparseCategoricalCrossentropy(ignore_class=1), np.ones(4, int), PRED) == 0


def test_rejects_reduction():
    text = r"MeanSquaredError 'mean_squared_error': reduction must be one of .*; got 'avg'"
    with pytest.raises(ValueError, match=text):
        losses.MeanSquaredError(reduction="avg")


# ---- alignment ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [
    losses.MeanSquaredError(), losses.MeanAbsoluteError(), losses.BinaryCrossentropy(),
    losses.BinaryCrossentropy(from_logits=True),
])
def test_vector_and_column_align(loss):
    y, p = np.array([0.0, 1.0, 1.0, 0.0], np.float32), np.array([0.1, 0.8, 0.6, 0.3], np.float32)
    want = value(loss, y[:, None], p[:, None])
    for a, b in ((y, p[:, None]), (y[:, None], p)):
        assert_same_bits(value(loss, a, b), want, "aligned")
    assert losses.mean_squared_error(y, p[:, None]).shape == (4,)


def test_trailing_axis_of_images_aligns():
    y, p = random_array((2, 5, 5)), random_array((2, 5, 5, 1), seed=1)
    np.testing.assert_allclose(value(losses.MeanSquaredError(), y, p), ((y - p[..., 0]) ** 2).mean(), rtol=1e-6)


def test_never_n_by_n():
    text = r"mean_squared_error: y_true must be of the predictions' shape \(3, 3\); got shape \(3,\)"
    with pytest.raises(ValueError, match=text):
        losses.mean_squared_error(np.zeros(3), np.zeros((3, 3)))


def test_mean_squared_error_broadcasts_equal_ranks():
    got = losses.mean_squared_error([[1.0], [2.0]], np.zeros((2, 3))).numpy()
    np.testing.assert_array_equal(got, [1, 4])


# ---- the logits behind a softmax or sigmoid -----------------------------------------------------------------------


@pytest.mark.parametrize(("loss", "y_true", "activation"), [
    (losses.SparseCategoricalCrossentropy(), [2], "softmax"),
    (losses.CategoricalCrossentropy(), [[0, 0, 1]], "softmax"),
    (losses.BinaryCrossentropy(), [[0, 0, 1]], "sigmoid"),
])
def test_activation_and_its_crossentropy_are_fused(loss, y_true, activation):
    x = fastnn.Tensor([[200.0, 0.0, -200.0]], requires_grad=True)
    got = loss(y_true, getattr(ops, activation)(x))
    assert got.item() > 100  # clipped probabilities would give at most 16.1
    got.backward()
    assert x.grad.numpy()[0, 2] < -0.3


# ---- errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [
    losses.SparseCategoricalCrossentropy(), losses.CategoricalCrossentropy(), losses.MeanSquaredError(),
])
def test_string_labels(loss):
    with pytest.raises(TypeError, match=r"y_true must be .*; got dtype <U3. .*np\.unique\(y, return_inverse=True\)"):
        loss(["cat", "dog"], PRED[:2])


def test_label_out_of_range():
    with pytest.raises(ValueError, match=r"labels from 0 to 2 \(the output has 3 classes\); got 3 at position 1"):
        losses.SparseCategoricalCrossentropy()([0, 3, 1, 0], PRED)


def test_one_class_warns():
    with pytest.warns(SyntaxWarning, match="y_pred has one class"):
        losses.categorical_crossentropy([[1.0]], [[0.5]])


def test_call_must_be_defined():
    with pytest.raises(NotImplementedError, match="a loss must define call"):
        losses.Loss()([1.0], [1.0])


# ---- names and configurations -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "want"), [
    ("mse", losses.mean_squared_error), ("MSE", losses.mean_squared_error),
    ("mean_squared_error", losses.mean_squared_error),
    ("mae", losses.mean_absolute_error), ("MAE", losses.mean_absolute_error), ("bce", losses.binary_crossentropy),
    ("BCE", losses.binary_crossentropy), ("binary_crossentropy", losses.binary_crossentropy),
    ("categorical_crossentropy", losses.categorical_crossentropy),
    ("sparse_categorical_crossentropy", losses.sparse_categorical_crossentropy),
])
def test_get_function(name, want):
    assert losses.get(name) is want


@pytest.mark.parametrize("name", [
    "MeanSquaredError", "MeanAbsoluteError", "BinaryCrossentropy", "CategoricalCrossentropy",
    "SparseCategoricalCrossentropy",
])
def test_get_class(name):
    loss = losses.get(name)
    assert type(loss) is getattr(losses, name)
    assert losses.get(loss) is loss
    assert losses.get(type(loss)).name == loss.name
    again = losses.deserialize(losses.serialize(loss))
    assert again.get_config() == loss.get_config()


def test_get_unknown_name():
    with pytest.raises(ValueError, match="Did you mean 'mean_squared_error'"):
        losses.get("mean_square_error")
    assert losses.get(None) is None


def test_config_keeps_arguments():
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=3, reduction="sum", name="mine")
    again = losses.deserialize(losses.serialize(loss))
    assert (again.from_logits, again.ignore_class, again.reduction, again.name) == (True, 3, "sum", "mine")
    wrapped = losses.LossFunctionWrapper(losses.binary_crossentropy, name="w", from_logits=True)
    again = losses.LossFunctionWrapper.from_config(wrapped.get_config())
    assert again.fn is losses.binary_crossentropy
    assert again.get_config() == wrapped.get_config()


def test_automatic_names_count_up():
    class MyLoss(losses.Loss):
        def call(self, y_true, y_pred):
            return ops.mean(ops.square(y_true - y_pred), axis=-1)

    fastnn.registry.reset_names()
    assert [MyLoss().name, MyLoss().name] == ["my_loss", "my_loss_1"]
    np.testing.assert_allclose(value(MyLoss(), [[1, 2]], [[3.0, 4.0]]), 4)


# ---- the whole list -----------------------------------------------------------------------------------------------

WIDE = np.random.default_rng(1).random((4, 3)) * 0.8 + 0.1
UNIT = WIDE / np.linalg.norm(WIDE, axis=1, keepdims=True)
COMPOSED = {  # name -> targets, predictions, arguments; those of one kernel are in tests/test_softmax.py
    "cosine_similarity": (WIDE[::-1], WIDE, {"axis": 0}),
    "categorical_hinge": (ONE_HOT, WIDE, {}),
    "binary_focal_crossentropy": (ONE_HOT, WIDE, {"apply_class_balancing": True, "gamma": 1.5}),
    "categorical_focal_crossentropy": (ONE_HOT, WIDE, {"label_smoothing": 0.1}),
    "categorical_generalized_cross_entropy": (LABEL, WIDE, {"q": 0.7}),
    "dice": (WIDE[::-1], WIDE, {"axis": 1}),
    "tversky": (WIDE[::-1], WIDE, {"alpha": 0.3, "beta": 0.7}),
    "circle": (np.array([0, 1, 0, 1]), UNIT, {"gamma": 4}),
}


@pytest.mark.parametrize("name", COMPOSED)
def test_gradient_matches_finite_difference(name):
    y_true, y_pred, arguments = COMPOSED[name]
    check_differences(lambda p: getattr(losses, name)(y_true, p, **arguments), [y_pred], {}, 1e-5)


def test_gradient_of_a_zero_vector_is_finite():
    x = fastnn.Tensor([[0.0, 0.0]], requires_grad=True)
    losses.CosineSimilarity()([[1.0, 0.0]], x).backward()
    assert np.isfinite(x.grad.numpy()).all()


@pytest.mark.parametrize("loss", [losses.hinge, losses.squared_hinge, losses.perceptron])
def test_labels_of_a_batch_are_signed_together(loss):
    pred = np.array([[0.3], [-0.4], [2.0]])
    signed = loss([[-1.0], [1.0], [-1.0]], pred).numpy()
    np.testing.assert_array_equal(loss([[0], [1], [0]], pred).numpy(), signed)
    assert loss([[0.0], [1.0], [-1.0]], pred).numpy()[0] == loss([[0.0], [-1.0]], pred[:2]).numpy()[0]


def test_perceptron_learns_by_rosenblatts_rule():
    """One sample at a time, learning rate 1: w += y x where the sign is wrong, and it ends where all are right."""
    x = np.array([[1.0, 2.0], [2.0, 1.0], [-1.0, -1.5], [-2.0, -1.0], [0.5, -2.0]], np.float32)
    y = np.array([1, 1, 0, 0, 0])
    model = models.Sequential([layers.Input((2,)), layers.Dense(1, kernel_initializer="zeros")])
    model.compile(optimizers.SGD(1.0), losses.Perceptron())
    signs = 2 * y - 1
    w, b = np.zeros(2), 0.0
    for _ in range(5):
        for xi, yi in zip(x, signs, strict=True):
            if yi * (xi @ w + b) <= 0:
                w, b = w + yi * xi, b + yi
    for _ in range(5):
        for i in range(5):
            model.train_on_batch(x[i : i + 1], signs[i : i + 1].astype(np.float32))
    np.testing.assert_allclose(model.get_weights()[0][:, 0], w, rtol=1e-6)
    np.testing.assert_allclose(model.get_weights()[1], b)
    assert ((x @ w + b > 0) == y).all()


def test_circle_without_pairs_is_zero():
    x = fastnn.Tensor(UNIT.astype(np.float32), requires_grad=True)
    loss = losses.Circle()([0, 1, 2, 3], x)
    assert loss.item() == 0
    loss.backward()
    np.testing.assert_array_equal(x.grad.numpy(), 0)


def test_means_of_circle_are_over_positive_losses():
    label = np.array([0, 0, 1, 2])
    values = losses.Circle(gamma=2, reduction=None)(label, UNIT).numpy()
    got = losses.Circle(gamma=2)(label, UNIT).item()
    np.testing.assert_allclose(got, losses.circle(label, UNIT, gamma=2).numpy().sum() / (values > 0).sum(), rtol=1e-5)
