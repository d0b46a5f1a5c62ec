"""Masks: where they begin, which layers pass them on, who uses them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import fastnn
from fastnn import layers, losses, metrics, ops
from tests.helpers import random_array

X = np.array([[1, 2, 0], [3, 0, 0]], np.int32)


def mask(x):
    return None if x._keras_mask is None else x._keras_mask.numpy().tolist()


def masked(values, which):
    tensor = fastnn.Tensor(np.asarray(values, np.float32))
    tensor._keras_mask = fastnn.Tensor(np.asarray(which, bool))
    return tensor


def test_embedding_masks_zeros():
    layer = layers.Embedding(4, 2, mask_zero=True)
    y = layer(X)
    assert y._keras_mask.dtype == np.bool_ and mask(y) == (X != 0).tolist()
    assert layer.compute_mask(X).numpy().tolist() == (X != 0).tolist()
    plain = layers.Embedding(4, 2)
    assert mask(plain(X)) is None and not plain.supports_masking


def test_masking_layer():
    x = np.array([[[1.0, 5.0], [5.0, 5.0], [2.0, 2.0]]])
    y = layers.Masking(5.0)(x)
    assert mask(y) == [[True, False, True]]
    assert y.numpy().tolist() == [[[1, 5], [0, 0], [2, 2]]]


PASS_ON = [
    layers.Dense(3), layers.Activation("tanh"), layers.ReLU(), layers.LeakyReLU(), layers.PReLU(), layers.ELU(),
    layers.Identity(), layers.Dropout(0.5), layers.SpatialDropout1D(0.5), layers.GaussianNoise(0.5),
    layers.ActivityRegularization(0.1), layers.Rescaling(2.0), layers.LayerNormalization(), layers.BatchNormalization(),
]  # fmt: skip


@pytest.mark.parametrize("layer", PASS_ON, ids=lambda layer: type(layer).__name__)
def test_layers_that_pass_masks_on(layer):
    for training in (False, True):
        y = layer(masked(random_array((2, 3, 4)), X != 0), training=training)
        assert mask(y) == (X != 0).tolist()


def test_layers_that_do_not_say_so():
    x = masked(random_array((2, 3, 4)), X != 0)
    with pytest.warns(UserWarning, match="Flatten 'f': the input has a mask, which this layer does not pass on"):
        assert mask(layers.Flatten(name="f")(x)) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layers.Flatten()(fastnn.Tensor(x.numpy()))  # without a mask there is nothing to say


def test_global_average_pooling_counts_what_is_not_masked():
    values = random_array((2, 3, 4)).astype(np.float32)
    want = np.stack([values[0, :2].mean(0), values[1, 0]])
    y = layers.GlobalAveragePooling1D()(masked(values, X != 0))
    np.testing.assert_allclose(y.numpy(), want, rtol=1e-6)
    assert mask(y) is None
    first = layers.GlobalAveragePooling1D(data_format="channels_first", keepdims=True)
    y = first(values.transpose(0, 2, 1), mask=fastnn.Tensor(X != 0))
    np.testing.assert_allclose(y.numpy(), want[..., None], rtol=1e-6)


def test_own_layers_are_given_the_mask():
    class Count(layers.Layer):
        def call(self, x, mask=None):
            return ops.sum(ops.cast(mask, "float32"), axis=1)

        def compute_mask(self, inputs, previous_mask):
            return None

    assert Count()(masked(random_array((2, 3, 4)), X != 0)).tolist() == [2, 1]

    class Halve(layers.Layer):
        def call(self, x):
            return x[:, ::2]

        def compute_mask(self, inputs, previous_mask):
            return None if previous_mask is None else previous_mask[:, ::2]

    assert mask(Halve()(masked(random_array((2, 3, 4)), X != 0))) == [[True, False], [True, False]]
    assert mask(Halve()(random_array((2, 3, 4)))) is None


def test_lambda_takes_and_gives_masks():
    layer = layers.Lambda(lambda x, mask: ops.where(ops.expand_dims(mask, -1), x, 7.0), mask=lambda x, mask: mask)
    y = layer(masked(np.ones((2, 3, 1)), X != 0))
    assert mask(y) == (X != 0).tolist() and y.numpy()[1, 1, 0] == 7


A = masked([[[0, 0], [1, 2], [0, 0], [3, 4]]], [[0, 1, 0, 1]])
B = masked([[[0, 0], [0, 0], [1, 2], [3, 4]]], [[0, 0, 1, 1]])
C = fastnn.Tensor(B.numpy())  # without a mask


@pytest.mark.parametrize(
    ("name", "both", "one"),
    [
        ("Add", [[0, 0], [1, 2], [1, 2], [6, 8]], [[0, 0], [1, 2], [1, 2], [6, 8]]),
        ("Subtract", [[0, 0], [1, 2], [-1, -2], [0, 0]], [[0, 0], [1, 2], [-1, -2], [0, 0]]),
        ("Average", [[0, 0], [0.5, 1], [0.5, 1], [3, 4]], [[0, 0], [0.5, 1], [0.5, 1], [3, 4]]),
        ("Multiply", [[0, 0], [1, 2], [1, 2], [9, 16]], [[0, 0], [0, 0], [1, 2], [9, 16]]),
        ("Maximum", [[0, 0], [1, 2], [1, 2], [3, 4]], [[0, 0], [1, 2], [1, 2], [3, 4]]),
        ("Minimum", [[0, 0], [1, 2], [1, 2], [3, 4]], [[0, 0], [0, 0], [1, 2], [3, 4]]),
    ],
)
def test_merging(name, both, one):
    layer = getattr(layers, name)()
    y = layer([A, B])
    assert y.numpy()[0].tolist() == both and mask(y) == [[False, True, True, True]]
    y = layer([A, C])
    assert y.numpy()[0].tolist() == one and mask(y) is None


def test_concatenate():
    assert mask(layers.Concatenate(axis=1)([A, C])) == [[False, True, False, True, True, True, True, True]]
    assert mask(layers.Concatenate(axis=2)([A, B])) == [[False, True, True, True]]
    assert mask(layers.Dot(2)([A, B])) is None
    with pytest.raises(ValueError, match="Add 'm': mask must be a list of 2 masks; got"):
        layers.Add(name="m").compute_mask([A, B], [None])


def test_losses_and_metrics_leave_out_what_is_masked():
    y_true, y_pred = np.zeros((1, 3, 1)), masked([[[1.0], [2.0], [9.0]]], [[1, 1, 0]])
    assert losses.MeanSquaredError()(y_true, y_pred).item() == 2.5
    assert losses.MeanSquaredError(reduction="sum")(y_true, y_pred).item() == 5
    weights = np.array([[1.0, 0.0, 1.0]])
    assert losses.MeanSquaredError()(y_true, y_pred, weights).item() == 0.5
    assert metrics.MeanSquaredError()(y_true, y_pred).item() == pytest.approx(2.5)


def test_metrics_of_a_training_leave_out_what_is_masked():
    model = fastnn.Sequential([layers.Masking(9.0), layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mse"])
    x = np.array([[[1.0], [2.0], [9.0]]])
    logs = model.test_on_batch(x, np.zeros((1, 3, 1)), return_dict=True)
    assert logs == pytest.approx({"loss": 2.5, "mae": 1.5, "mse": 2.5})


def network(functional):
    x = fastnn.Input((3,), dtype="int32")
    steps = [layers.Embedding(4, 5, mask_zero=True), layers.Dense(6), layers.ReLU(), layers.GlobalAveragePooling1D()]
    if not functional:
        return fastnn.Sequential([x, *steps, layers.Dense(1)])
    y = x
    for layer in steps:
        y = layer(y)
    return fastnn.Model(x, layers.Dense(1)(y))


@pytest.mark.parametrize("functional", [False, True])
def test_training_with_masks_replays(functional, programs):
    def train(eager):
        fastnn.utils.set_random_seed(1)
        model = network(functional)
        model.compile("sgd", "mse", run_eagerly=eager)
        x = np.random.default_rng(0).integers(0, 4, (16, 3)).astype(np.int32)
        x[:, 0] = 1
        model.fit(x, np.ones((16, 1)), batch_size=4, epochs=3, verbose=0)
        moved = x.copy()
        return model, x, moved, [w.tobytes() for w in model.get_weights()]

    model, x, moved, weights = train(False)
    assert len(programs) == 1
    assert weights == train(True)[-1]
    np.testing.assert_array_equal(model.predict(x, verbose=0), model(x).numpy())
    # Where 0 stands does not matter, as no layer looks at masked steps.
    moved[:, 1:] = moved[:, :0:-1]
    np.testing.assert_allclose(model.predict(moved, verbose=0), model.predict(x, verbose=0), rtol=1e-5)


def test_fused_layers_pass_masks_on():
    model = fastnn.Sequential([layers.Masking(), layers.Dense(3), layers.ReLU()])
    x = np.array([[[1.0], [0.0]]], np.float32)
    for _ in range(3):  # recorded calls would lose it
        assert mask(model(x)) == [[True, False]]
