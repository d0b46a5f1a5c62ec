"""Normalization: values and gradients of the ops, statistics of shifted data, moving averages, the layers' errors."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn
from fastnn import Tensor, Variable, layers, ops
from fastnn.ops.normalization import CHUNK, PLAIN, Fusion, by_batch, by_groups, by_moments
from tests import reference
from tests.helpers import assert_close, assert_same_bits, check_op, leaf, random_array

# One vector has 16 float32 or 8 float64 lanes; blocks of two, kernels of 1, 2 and 4; rows in chunks of CHUNK.
COLUMN_SHAPES = [
    (2, 1), (2, 3), (5, 16), (7, 17), (6, 32), (3, 33), (9, 64), (3, 50), (CHUNK - 1, 8), (CHUNK, 3), (CHUNK + 1, 16),
    (2 * CHUNK + 5, 4), (3, 2, 5, 6),
]  # fmt: skip
ROW_SHAPES = [(1, 1), (3, 2), (4, 15), (2, 16), (3, 33), (2, 1025), (CHUNK + 3, 4), (2, 3, 7)]
ACTIVATIONS = {None: lambda y: y, "relu": ops.relu, "leaky_relu": lambda y: ops.leaky_relu(y, 0.3)}


def statistics(channels, dtype="float32"):
    return Variable(np.zeros(channels), dtype=dtype), Variable(np.ones(channels), dtype=dtype)


def tensors(*values):
    return (value if value is None or isinstance(value, Tensor) else Tensor.wrap(value) for value in values)


def batch(x, gamma=None, beta=None, epsilon=1e-3, fusion=PLAIN):
    """`by_batch` with moving averages of its own."""
    x, gamma, beta = tensors(x, gamma, beta)
    return by_batch(x, gamma, beta, statistics(x.shape[-1], x.dtype.name), 0.9, epsilon, fusion)


def groups_of(x, gamma=None, beta=None, groups=1, epsilon=1e-3):
    x, gamma, beta = tensors(x, gamma, beta)
    return by_groups(x, groups, gamma, beta, epsilon)


# ---- columns --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", COLUMN_SHAPES)
def test_batch_statistics_match_reference(shape):
    def expected(x, gamma, beta, epsilon=1e-3):
        return reference.by_statistics(x, tuple(range(x.ndim - 1)), gamma, beta, epsilon)

    rows = int(np.prod(shape[:-1]))
    check_op(batch, expected, shape, shape[-1:], shape[-1:], reduction=rows, epsilon=0.1)


@pytest.mark.parametrize("rows", [2, 300])
def test_batch_statistics_without_weights(rows):
    check_op(batch, lambda x: reference.by_statistics(x, 0), (rows, 5), reduction=rows)


@pytest.mark.parametrize(("shape", "groups"), [
    ((2, 3, 4), 1), ((3, 4, 4), 4), ((2, 2, 3, 6), 3), ((2, 5, 40), 2), ((1, CHUNK + 2, 34), 2), ((4, 6), 2),
])  # fmt: skip
def test_group_statistics_match_reference(shape, groups):
    def expected(x, gamma, beta, groups):
        return reference.group_normalization(x, groups, gamma, beta)

    reduction = int(np.prod(shape[:-1])) * shape[-1] // groups
    check_op(groups_of, expected, shape, shape[-1:], shape[-1:], reduction=reduction, groups=groups)


@pytest.mark.parametrize("shape", [(1, 1), (4, 17), (3, 64), (CHUNK + 1, 2, 16)])
def test_batch_normalization_matches_reference(shape):
    channels, variance = shape[-1], np.abs(random_array(shape[-1:], seed=7)) + 0.5

    def op(x, mean, variance, offset, scale):
        return ops.batch_normalization(x, mean, variance, -1, offset, scale, epsilon=0.01)

    def expected(x, mean, variance, offset, scale):
        return reference.by_moments(x, mean, variance, scale, offset, 0.01)

    check_op(op, expected, shape, (channels,), variance, (channels,), (channels,), reduction=int(np.prod(shape[:-1])))


def test_batch_normalization_along_another_axis():
    mean, variance = random_array((3,)), np.abs(random_array((3,), seed=1))
    tall = [value[:, None, None] for value in (mean, variance)]
    check_op(
        lambda x: ops.batch_normalization(x, mean.astype(x.dtype), variance.astype(x.dtype), 1),
        lambda x: reference.by_moments(x, *tall), (2, 3, 4, 5),
    )  # fmt: skip


@pytest.mark.parametrize("offset", [0, 1e3, -3e4])
def test_statistics_of_shifted_data(offset):
    """Two passes over a chunk: an offset costs the rounding of a mean as large, where one pass loses all digits."""
    x = (np.random.default_rng(0).standard_normal((3000, 20)) + offset).astype(np.float32)
    moving = statistics(20)
    by_batch(Tensor(x), None, None, moving, 0.0, 0.0)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(moving[0].numpy(), exact.mean(0), rtol=2e-7, atol=2e-7)
    np.testing.assert_allclose(moving[1].numpy(), exact.var(0), rtol=1e-6 + 1e-8 * abs(offset))


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
@pytest.mark.parametrize("branches", [False, True])
@pytest.mark.parametrize("channels", [16, 19])
@pytest.mark.parametrize("given", [False, True])
def test_joined_activation_has_the_bits_of_its_own_op(activation, branches, channels, given):
    rows = CHUNK + 7

    def gradients(joined):
        x, gamma, beta, other = (
            leaf(random_array(shape, seed=i).astype(np.float32))
            for i, shape in enumerate(((rows, channels), (channels,), (channels,), (rows, channels)))
        )
        residual = other if branches else None
        fusion = Fusion(activation, 0.3, residual) if joined else PLAIN
        if given:
            middle, spread = (Tensor(np.linspace(0.1, 1.0, channels, dtype=np.float32)) for _ in range(2))
            y = by_moments(x, middle, spread, gamma, beta, 1e-3, fusion)
        else:
            y = batch(x, gamma, beta, fusion=fusion)
        if not joined:
            y = ACTIVATIONS[activation](ops.add(y, residual) if branches else y)
        y.backward(random_array((rows, channels), seed=9).astype(np.float32))
        return [y, x.grad, gamma.grad, beta.grad, *([other.grad] if branches else [])]

    for got, want in zip(gradients(True), gradients(False), strict=True):
        assert_same_bits(got.numpy(), want.numpy(), "joined")


def test_residual_without_activation_passes_its_gradient_on():
    x, other = leaf(random_array((5, 3))), leaf(random_array((5, 3), seed=1))
    dy = random_array((5, 3), seed=2)
    batch(x, fusion=Fusion(None, residual=other)).backward(dy)
    np.testing.assert_array_equal(other.grad.numpy(), dy)


# ---- rows -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ROW_SHAPES)
def test_layer_normalization_matches_reference(shape):
    def expected(x, gamma, beta, epsilon):
        return reference.by_statistics(x, -1, gamma, beta, epsilon)

    weight = shape[-1:]
    check_op(ops.layer_normalization, expected, shape, weight, weight, epsilon=0.1, reduction=max(shape[-1], shape[0]))


@pytest.mark.parametrize("axis", [0, (0, 2), (1, 2), [-1, 0, 1]])
def test_layer_normalization_over_any_axes(axis):
    axes = tuple(sorted(a % 3 for a in np.atleast_1d(axis)))
    sizes = tuple((3, 4, 5)[a] for a in axes)

    def expected(x, gamma, beta, axis, epsilon):
        tall = tuple(n if i in axes else 1 for i, n in enumerate(x.shape))
        return reference.by_statistics(x, axes, gamma.reshape(tall), beta.reshape(tall), epsilon)

    check_op(ops.layer_normalization, expected, (3, 4, 5), sizes, sizes, axis=axis, epsilon=1e-3, reduction=60)


@pytest.mark.parametrize("shape", [(2, 3), (3, 33), (2, 1030)])
def test_rms_normalization_matches_reference(shape):
    def expected(x, scale, epsilon):
        return reference.by_statistics(x, -1, scale, None, epsilon, centered=False)

    check_op(ops.rms_normalization, expected, shape, shape[-1:], epsilon=1e-3, reduction=shape[-1])


def test_rms_normalization_along_the_first_axis_broadcasts_its_scale():
    def expected(x, scale, axis, epsilon):
        return reference.by_statistics(x, 0, scale, None, epsilon, centered=False)

    check_op(ops.rms_normalization, expected, (4, 3), (3,), axis=0, epsilon=1e-3, reduction=4)


def test_layer_normalization_with_rms_scaling_divides_by_the_deviation():
    x = random_array((3, 4))
    with pytest.warns(UserWarning, match="rms_scaling"):
        y = ops.layer_normalization(x, np.full(4, 2.0), rms_scaling=True, epsilon=0.0)
    assert_close(y, 2 * x / x.std(-1, keepdims=True), np.float64, 4)


@pytest.mark.parametrize(("axis", "order"), [(-1, 2), (None, 2), ((0, 1), 2), (0, 1), (1, 3)])
def test_normalize_matches_reference(axis, order):
    check_op(ops.normalize, reference.normalize, (3, 4), axis=axis, order=order, reduction=12)


def test_normalize_leaves_zeros():
    assert ops.normalize([[0.0, 0.0]]).tolist() == [[0.0, 0.0]]


def test_moments():
    x = random_array((3, 4, 5))
    mean, variance = ops.moments(x, axes=[0, 2], keepdims=True)
    assert_close(mean, x.mean((0, 2), keepdims=True), np.float64, 15)
    assert_close(variance, x.var((0, 2), keepdims=True), np.float64, 15)


# ---- layers ---------------------------------------------------------------------------------------------------------


def test_moving_averages_follow_the_batches_and_stand_still_when_frozen():
    layer = layers.BatchNormalization(momentum=0.75)
    x = random_array((40, 3)).astype(np.float32)
    layer(x, training=True)
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.25 * x.mean(0), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance.numpy(), 0.75 + 0.25 * x.var(0), rtol=1e-5)
    before = layer.get_weights()
    quiet = layer(x)
    layer.trainable = False
    assert_same_bits(layer(x, training=True).numpy(), quiet.numpy(), "frozen")
    for got, want in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(got, want)


def test_masked_positions_do_not_count():
    layer = layers.BatchNormalization(momentum=0.0)
    x = random_array((4, 5, 3)).astype(np.float32)
    mask = np.arange(5) < np.array([[5], [2], [0], [3]])
    y = layer(x, training=True, mask=mask)
    np.testing.assert_allclose(layer.moving_mean.numpy(), x[mask].mean(0), rtol=1e-5)
    np.testing.assert_allclose(y.numpy()[mask].std(0), 1, atol=2e-3)
    with pytest.raises(ValueError, match="mask must be of rank 2"):
        layer(x, training=True, mask=mask[..., None])


def test_frozen_layer_in_a_recorded_training():
    """What `fit` replays sees trainable change to and fro."""
    model = fastnn.Sequential([fastnn.Input((3,)), layers.BatchNormalization(momentum=0.5), layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = random_array((32, 3)), np.zeros((32, 1))
    moving = []
    for trainable in (True, False, True):
        model.layers[0].trainable = trainable
        model.fit(x, y, batch_size=4, epochs=2, verbose=0)
        moving.append(model.layers[0].moving_mean.numpy())
    np.testing.assert_array_equal(moving[0], moving[1])
    assert np.abs(moving[2] - moving[1]).max() > 1e-3


@pytest.mark.parametrize(("kind", "axis"), [
    ("array", -1), ("list", -1), ("pairs", (1, 2)), ("sequence", None), ("tensor", -1),
])  # fmt: skip
def test_adapt_reads_arrays_and_batches(kind, axis):
    x = (5 + 3 * random_array((40, 3, 2))).astype(np.float32)
    batches = [x[:17], x[17:20], x[20:]]

    class Batches(fastnn.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, i):
            return batches[i], None

    data = {
        "array": x, "list": batches, "pairs": ((batch, 0) for batch in batches), "sequence": Batches(),
        "tensor": Tensor(x),
    }  # fmt: skip
    layer = layers.Normalization(axis=axis)
    layer.adapt(data[kind])
    others = {-1: (0, 1), (1, 2): (0,), None: (0, 1, 2)}[axis]
    np.testing.assert_allclose(np.squeeze(layer.mean), np.squeeze(x.mean(others)), rtol=1e-6)
    np.testing.assert_allclose(np.squeeze(layer.variance), np.squeeze(x.var(others)), rtol=1e-5)
    y = layer(x)
    np.testing.assert_allclose(y.numpy().std(others), 1, rtol=1e-5)
    back = layers.Normalization(axis=axis, invert=True)
    back.adapt(x)
    np.testing.assert_allclose(back(y).numpy(), x, rtol=1e-4)


def test_adapt_counts_pieces_of_a_large_array(monkeypatch):
    monkeypatch.setattr("fastnn.layers.standardization.PIECE", 10)
    x = random_array((23, 3))
    layer = layers.Normalization(dtype="float64")
    layer.adapt(x)
    np.testing.assert_allclose(layer.adapt_variance.numpy(), x.var(0), rtol=1e-12)


@pytest.mark.parametrize(("make", "error", "text"), [
    (lambda: layers.BatchNormalization(renorm=True), ValueError, "renorm must be False"),
    (lambda: layers.BatchNormalization(axis=(1, 2)), TypeError, "axis must be one integer"),
    (lambda: layers.BatchNormalization(axis=3)(np.ones((2, 3))), ValueError, "axis must be one of the 2 axes"),
    (lambda: layers.GroupNormalization(0), ValueError, "groups must be a positive int"),
    (lambda: layers.GroupNormalization(4)(np.ones((2, 6))), ValueError, "groups must be a divisor of the number"),
    (lambda: layers.LayerNormalization(axis="last"), TypeError, "axis must be one integer"),
    (lambda: layers.LayerNormalization(rms=True), TypeError, "rms"),
    (lambda: layers.Normalization(mean=1.0), ValueError, "both given, or neither"),
    (lambda: layers.Normalization(mean=[1.0], variance=2.0), ValueError, "variance must be of mean's shape"),
    (lambda: layers.Normalization(None, [1.0], [2.0]), ValueError, "mean must be of at most 0 axes"),
    (lambda: layers.Normalization().adapt([]), ValueError, "data must be one batch or more"),
    (lambda: layers.Normalization().adapt([1, 2]), TypeError, "batches that are arrays"),
    (lambda: layers.Normalization().adapt([np.ones((2, 3)), np.ones((2, 4))]), ValueError, "data must be of shape"),
    (lambda: layers.Normalization(mean=0.0, variance=1.0).adapt(np.ones((2, 3))), ValueError, "adapt must be called"),
    (lambda: ops.batch_normalization(np.ones((2, 3)), [1.0], [1.0], 1), ValueError, "mean must be of shape"),
    (lambda: ops.layer_normalization(np.ones((2, 3)), np.ones(2)), ValueError, "gamma must be of shape"),
    (lambda: ops.layer_normalization(np.ones((2, 3)), centre=1), TypeError, "centre"),
    (lambda: ops.normalize(np.ones((2, 3)), order=0), ValueError, "order must be an int of at least 1"),
    (lambda: ops.normalize(np.ones((2, 3)), (0, 1), order=1), ValueError, "one axis for an order"),
])  # fmt: skip
def test_errors(make, error, text):
    with pytest.raises(error, match=text):
        make()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_gradient_of_normalized_zeros_is_finite(dtype):
    x = Tensor(np.array([[0, 0], [3, 4]], dtype), requires_grad=True)
    (ops.normalize(x) * np.array([1, 2], dtype)).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [[1e7, 2e7], [-0.064, 0.048]], rtol=1e-5)
