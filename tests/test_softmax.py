"""Softmax, log-softmax, log-sum-exp and the cross-entropies: values, gradients, huge and infinite logits, labels."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn
from fastnn import _core, ops
from fastnn.ops import loss as loss_ops
from tests import reference
from tests.helpers import FMA_ISAS, THREADS, assert_close, assert_same_bits, check_op, random_array

pytestmark = pytest.mark.skipif(
    not all(hasattr(ops, name) for name in ("transpose", "cast", "square")), reason="needs movement, elementwise"
)

INF = np.inf
# 16 float32 or 8 float64 lanes; 512 and 256 elements per partial sum.
SHAPES = [
    (1, 1), (3, 1), (0, 4), (2, 7), (5, 8), (4, 9), (3, 10), (2, 15), (2, 16), (3, 17), (2, 33), (1, 257), (2, 1025),
]
DTYPES = [np.float32, np.float64]


def distribution(shape, seed=5):
    t = np.random.default_rng(seed).random(shape) + 0.01
    return t / t.sum(-1, keepdims=True)


def labels(shape, seed=6):
    return np.random.default_rng(seed).integers(0, shape[-1], shape[:-1])


# ---- softmax, log-softmax, log-sum-exp ----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_matches_reference(name, shape):
    check_op(getattr(ops, name), getattr(reference, name), shape, reduction=shape[-1])


@pytest.mark.parametrize(("shape", "axis"), [
    ((4, 5), 0), ((2, 3, 4), 1), ((2, 3, 4), (0, 2)), ((3, 4), None), ((6,), 0),
])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_over_any_axis(name, shape, axis):
    check_op(getattr(ops, name), getattr(reference, name), shape, axis=axis, reduction=24)


@pytest.mark.parametrize("shape", SHAPES)
def test_logsumexp_matches_reference(shape):
    check_op(ops.logsumexp, reference.logsumexp, shape, axis=-1, reduction=shape[-1])


@pytest.mark.parametrize(("shape", "axis"), [((4, 5), 0), ((2, 3, 4), (0, 2)), ((3, 4), None), ((6,), 0)])
def test_logsumexp_over_any_axis(shape, axis):
    check_op(ops.logsumexp, reference.logsumexp, shape, axis=axis, reduction=24)


def test_logsumexp_keepdims():
    assert ops.logsumexp(np.zeros((2, 3, 4)), axis=(0, 2), keepdims=True).shape == (1, 3, 1)


HARD_ROWS = [
    ([1e30, -1e30, 0.0], [1, 0, 0], 1e30),
    ([1e30, 1e30, -1e30], [0.5, 0.5, 0], 1e30),
    ([-1e30, -1e30, -1e30], [1 / 3, 1 / 3, 1 / 3], -1e30),
    ([-INF, 0.0, 0.0], [0, 0.5, 0.5], np.log(2)),
    ([-INF, -INF, -INF], [1 / 3, 1 / 3, 1 / 3], -INF),
    ([INF, 0.0, INF], [0.5, 0, 0.5], INF),
    ([INF, -INF, 5.0], [1, 0, 0], INF),
    ([1000.0, 1000.0, -1000.0], [0.5, 0.5, 0], 1000 + np.log(2)),
    ([0.0, np.nan, 1.0], [np.nan] * 3, np.nan),
    ([np.nan, -INF, INF], [np.nan] * 3, np.nan),
]


@pytest.mark.parametrize(("row", "p", "lse"), HARD_ROWS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", [3, 17, 600])
def test_huge_and_infinite_logits(row, p, lse, dtype, width):
    x = np.full(width, -INF, dtype)
    x[-3:] = row
    want = np.zeros(width)
    want[-3:] = p
    if width > 3 and (np.isnan(p).any() or np.isneginf(row).all()):
        want[:] = np.nan if np.isnan(p).any() else 1 / width
    np.testing.assert_allclose(ops.softmax(x).numpy(), want, rtol=1e-6)
    np.testing.assert_allclose(ops.logsumexp(x).numpy(), lse, rtol=1e-6)
    with np.errstate(divide="ignore"):
        log_p = ops.log_softmax(x).numpy()
        assert ((log_p < -700) == (want == 0)).all()
        np.testing.assert_allclose(log_p[want > 0], np.log(want[want > 0]), rtol=1e-6)


@pytest.mark.parametrize(("row", "p"), [(row, p) for row, p, _ in HARD_ROWS if not np.isnan(p).any()])
@pytest.mark.parametrize("dtype", DTYPES)
def test_gradients_at_huge_and_infinite_logits_are_finite(row, p, dtype):
    def gradient(function):
        x = fastnn.Tensor(np.array([row], dtype), requires_grad=True)
        function(x).backward([1.0])
        return x.grad.numpy()[0]

    chosen = int(np.argmax(p))
    onehot = np.eye(3)[chosen]
    np.testing.assert_allclose(gradient(lambda x: ops.logsumexp(x, axis=-1)), p, rtol=1e-6)
    for loss in (
        lambda x: ops.sparse_categorical_crossentropy([chosen], x, from_logits=True),
        lambda x: ops.categorical_crossentropy([onehot], x, from_logits=True),
    ):
        np.testing.assert_allclose(gradient(loss), np.array(p) - onehot, rtol=1e-6)


@pytest.mark.parametrize("cols", [1, 100_000])
def test_one_and_a_hundred_thousand_classes(cols):
    x = random_array((3, cols)).astype(np.float32)
    y = labels(x.shape)
    exact = x.astype(np.float64)
    assert_close(ops.softmax(x).numpy(), reference.softmax(exact), np.float32, cols)
    assert abs(ops.softmax(x).numpy().astype(np.float64).sum(1) - 1).max() < 2e-6
    want = reference.logsumexp(exact, -1) - exact[np.arange(3), y]
    for got in (
        ops.sparse_categorical_crossentropy(y, x, from_logits=True),
        ops.categorical_crossentropy(one_hot(y, cols), x, from_logits=True),
    ):
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-6, atol=1e-7)


def one_hot(y, cols):
    t = np.zeros((len(y), cols), np.float32)
    t[np.arange(len(y)), y] = 1
    return t


# ---- cross-entropies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("from_logits", [True, False])
def test_sparse_crossentropy_matches_reference(shape, from_logits):
    y = labels(shape)
    x = random_array(shape) if from_logits else distribution(shape)
    check_op(
        lambda x, **k: ops.sparse_categorical_crossentropy(y, x, **k),
        lambda x, **k: reference.sparse_categorical_crossentropy(y, x, **k),
        x, from_logits=from_logits, reduction=shape[-1], step=1e-4 if from_logits else 1e-6,
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("from_logits", [True, False])
def test_categorical_crossentropy_matches_reference(shape, from_logits):
    """Gradients for output and target; targets need not add up to 1."""
    x = random_array(shape) if from_logits else 3 * distribution(shape)
    if shape[-1] == 1 and not from_logits:
        pytest.skip("one class: clipped, so differences see a kink")
    check_op(
        ops.categorical_crossentropy, reference.categorical_crossentropy, 1.5 * distribution(shape, 8), x,
        from_logits=from_logits, reduction=shape[-1], step=1e-4 if from_logits else 1e-6,
    )


@pytest.mark.parametrize("shape", [(1,), (5, 1), (7,), (8,), (2, 8), (16,), (17,), (33,), (0,), (3, 5)])
@pytest.mark.parametrize("from_logits", [True, False])
def test_binary_crossentropy_matches_reference(shape, from_logits):
    t = np.random.default_rng(1).random(shape)
    x = random_array(shape) if from_logits else 0.1 + 0.8 * np.random.default_rng(2).random(shape)
    check_op(ops.binary_crossentropy, reference.binary_crossentropy, t, x, from_logits=from_logits, reduction=4)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_crossentropy_over_any_axis(axis):
    x = random_array((3, 4, 5))
    t = distribution((3, 4, 5))
    y = np.random.default_rng(4).integers(0, x.shape[axis], [n for a, n in enumerate(x.shape) if a != axis])
    moved = np.moveaxis(x, axis, -1)
    got = ops.categorical_crossentropy(t, x, from_logits=True, axis=axis).numpy()
    want = reference.categorical_crossentropy(np.moveaxis(t, axis, -1), moved, from_logits=True)
    assert_close(got, want, np.float64, 5)
    for label in (y, np.expand_dims(y, axis)):
        got = ops.sparse_categorical_crossentropy(label, x, from_logits=True, axis=axis).numpy()
        assert_close(got, reference.sparse_categorical_crossentropy(y, moved, from_logits=True), np.float64, 5)


@pytest.mark.parametrize("dtype", DTYPES)
def test_binary_crossentropy_at_huge_and_infinite_logits(dtype):
    x = np.array([1e30, 1e30, -1e30, -1e30, INF, INF, -INF, -INF, np.nan, 0], dtype)
    t = np.array([1, 0, 1, 0, 1, 0, 1, 0, 1, 0], dtype)
    tensor = fastnn.Tensor(x, requires_grad=True)
    loss = ops.binary_crossentropy(t, tensor, from_logits=True)
    np.testing.assert_allclose(loss.numpy(), [0, 1e30, 1e30, 0, 0, INF, INF, 0, np.nan, np.log(2)], rtol=1e-6)
    loss.backward(np.ones_like(x))
    np.testing.assert_allclose(tensor.grad.numpy(), [0, 1, -1, 0, 0, 1, -1, 0, np.nan, 0.5])


def test_a_zero_target_hides_an_infinite_logit():
    """0 * inf counts as 0: a class masked by -inf costs nothing if the target does not want it."""
    got = ops.categorical_crossentropy([[0.0, 0.5, 0.5]], [[-INF, 0.0, 0.0]], from_logits=True)
    assert got.item() == np.log(np.float32(2))
    assert ops.sparse_categorical_crossentropy([0], [[-INF, 0.0]], from_logits=True).item() == INF


@pytest.mark.parametrize("dtype", DTYPES)
def test_probabilities_are_clipped_by_keras_rules(dtype):
    """The gradient is 0 where the probability was clipped."""
    p = fastnn.Tensor(np.array([[0.0, 1.0], [1.0, 0.0], [0.25, 0.75]], dtype), requires_grad=True)
    loss = ops.sparse_categorical_crossentropy([1, 1, 0], p)
    c = np.clip(p.numpy(), dtype(1e-7), dtype(1 - 1e-7))
    np.testing.assert_allclose(loss.numpy(), np.log(c.sum(1)) - np.log(c[[0, 1, 2], [1, 1, 0]]), rtol=1e-5)
    loss.backward([1.0, 1.0, 1.0])
    np.testing.assert_allclose(p.grad.numpy(), [[0, 0], [0, 0], [-3, 1]], rtol=1e-5)
    q = fastnn.Tensor(np.array([0.0, 1.0, 0.25], dtype), requires_grad=True)
    loss = ops.binary_crossentropy([1.0, 1.0, 1.0], q)
    np.testing.assert_allclose(loss.numpy(), -np.log(np.clip(q.numpy(), 1e-7, dtype(1 - 1e-7))), rtol=1e-5, atol=1e-12)
    loss.backward([1.0, 1.0, 1.0])
    np.testing.assert_allclose(q.grad.numpy(), [0, 0, -4], rtol=1e-5)
    r = fastnn.Tensor(np.array([[0.0, 2.0], [1.0, 3.0]], dtype), requires_grad=True)
    loss = ops.categorical_crossentropy([[1.0, 0.0], [1.0, 0.0]], r)
    np.testing.assert_allclose(loss.numpy(), [-np.log(1e-7), np.log(4)], rtol=1e-5)
    loss.backward([1.0, 1.0])
    np.testing.assert_allclose(r.grad.numpy(), [[0, 0], [-0.75, 0.25]], rtol=1e-5)


def test_epsilon_is_the_configured_one():
    before = fastnn.config.epsilon()
    fastnn.config.set_epsilon(0.25)
    try:
        assert ops.binary_crossentropy([1.0], [0.0]).item() == pytest.approx(np.log(4))
    finally:
        fastnn.config.set_epsilon(before)


# ---- labels -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize(("wrong", "position"), [([0, 3, 1], 1), ([-1, 0, 5], 0), ([2, 1, 2**40], 2)])
@pytest.mark.parametrize("threads", [1, 3])
def test_label_out_of_range_is_an_error_with_its_position(wrong, position, from_logits, threads):
    text = (
        rf"sparse_categorical_crossentropy: y_true must be labels from 0 to 2 \(the output has 3 classes\); "
        rf"got {wrong[position]} at position {position}. Number the classes from 0, or give the last layer more units."
    )
    with _core.simulate_threads(threads), pytest.raises(ValueError, match=text):
        ops.sparse_categorical_crossentropy(wrong, np.full((3, 3), 0.3), from_logits=from_logits)


def test_string_labels_are_an_error_with_a_suggestion():
    with pytest.raises(TypeError, match=r"np\.unique\(y, return_inverse=True\)"):
        ops.sparse_categorical_crossentropy(["cat", "dog"], np.zeros((2, 2)), from_logits=True)


def test_float_labels_and_a_last_axis_of_one_are_fine():
    x = random_array((4, 3))
    y = np.array([0, 2, 1, 2])
    want = ops.sparse_categorical_crossentropy(y, x, from_logits=True).numpy()
    for given in (y.astype(np.float32), y.astype(np.uint8), y[:, None], y.astype(np.float64)[:, None], list(y)):
        assert_same_bits(ops.sparse_categorical_crossentropy(given, x, from_logits=True).numpy(), want, "labels")


@pytest.mark.parametrize("from_logits", [True, False])
def test_ignored_labels_give_nothing(from_logits):
    x = fastnn.Tensor(distribution((4, 3)), requires_grad=True)
    loss = loss_ops.sparse_crossentropy("loss", [0, -1, 2, -1], x, from_logits, -1, ignore=-1)
    want = ops.sparse_categorical_crossentropy([0, 0, 2, 0], x.numpy(), from_logits).numpy()
    np.testing.assert_array_equal(loss.numpy(), want * [1, 0, 1, 0])
    loss.backward(np.ones(4))
    assert (x.grad.numpy()[[1, 3]] == 0).all()
    assert (x.grad.numpy()[[0, 2]] != 0).all()


def test_label_shapes_are_checked():
    with pytest.raises(ValueError, match=r"labels of shape \(4,\) for an output of shape \(4, 3\); got shape \(5,\)"):
        ops.sparse_categorical_crossentropy(np.zeros(5), np.zeros((4, 3)))
    with pytest.raises(ValueError, match="For one-hot targets use the categorical cross-entropy"):
        ops.sparse_categorical_crossentropy(np.zeros((4, 3)), np.zeros((4, 3)))
    text = r"target must be of the output's shape \(4, 3\); got shape \(4,\). Give integer"
    with pytest.raises(ValueError, match=text):
        ops.categorical_crossentropy(np.zeros(4), np.zeros((4, 3)))
    with pytest.raises(ValueError, match=r"target must be of the output's shape \(4, 1\); got shape \(4,\)"):
        ops.binary_crossentropy(np.zeros(4), np.zeros((4, 1)))


# ---- the logits behind a softmax or sigmoid -----------------------------------------------------------------------


def test_loss_of_a_softmax_is_computed_from_its_logits():
    x = fastnn.Tensor([[200.0, 0.0, -200.0]], requires_grad=True)
    for call in (
        lambda p: ops.sparse_categorical_crossentropy([2], p),
        lambda p: ops.categorical_crossentropy([[0.0, 0.0, 1.0]], p),
    ):
        x.zero_grad()
        loss = call(ops.softmax(x))
        assert loss.item() == 400.0  # from the probabilities it would be -log(1e-7) = 16.1
        loss.backward([1.0])
        np.testing.assert_array_equal(x.grad.numpy(), [[1, 0, -1]])


def test_loss_of_a_softmax_over_another_axis_takes_the_probabilities():
    p = ops.softmax(random_array((3, 4)), axis=0)
    got = ops.categorical_crossentropy(distribution((3, 4)), p).numpy()
    assert_close(got, reference.categorical_crossentropy(distribution((3, 4)), p.numpy()), np.float64, 4)


def test_a_softmax_and_a_binary_crossentropy_do_not_match():
    p = ops.softmax(random_array((3, 4)))
    got = ops.binary_crossentropy(distribution((3, 4)), p).numpy()
    assert_close(got, reference.binary_crossentropy(distribution((3, 4)), p.numpy()), np.float64, 4)


def test_from_logits_after_a_softmax_warns_and_uses_its_logits():
    x = random_array((3, 4))
    with pytest.warns(UserWarning, match="the output comes from a softmax and is not logits"):
        got = ops.sparse_categorical_crossentropy([0, 1, 2], ops.softmax(x), from_logits=True)
    assert_same_bits(
        got.numpy(), ops.sparse_categorical_crossentropy([0, 1, 2], x, from_logits=True).numpy(), "from the logits"
    )


# ---- losses of pairs, and penalty ---------------------------------------------------------------------------------

PAIRS = {  # kind -> parameter, what is done to two arrays of normal numbers to keep them away from corners
    "squared": (0.0, lambda a, b: (a, b)),
    "absolute": (0.0, lambda a, b: (a, b)),
    "percentage": (0.1, lambda a, b: (np.where(np.abs(a) < 0.2, a / 4, a), b)),
    "logarithmic": (0.1, lambda a, b: (np.where(np.abs(a) < 0.2, 0.3, a), np.where(np.abs(b) < 0.2, -0.3, b))),
    "huber": (0.7, lambda a, b: (a, b)),
    "log_cosh": (0.0, lambda a, b: (a, 2 * b)),
    "hinge": (0.0, lambda a, b: (a, b)),
    "squared_hinge": (0.0, lambda a, b: (a, b)),
    "perceptron": (0.0, lambda a, b: (a, b)),
    "poisson": (0.1, lambda a, b: (a, np.abs(b))),
    "divergence": (0.1, lambda a, b: (np.where(np.abs(a) < 0.2, 0.05, a), np.where(np.abs(b) < 0.2, 0.3, b))),
}


def pair(kind, shape):
    a, b = random_array(shape, seed=1), random_array(shape, seed=2)
    return PAIRS[kind][1](a, b)


@pytest.mark.parametrize("kind", PAIRS)
def test_pair_loss_matches_reference(kind):
    for shape in [(1,), (5,), (17, 1), (3, 7), (2, 3, 33), (0, 3)]:
        a, b = pair(kind, shape)
        check_op(
            lambda a, b: loss_ops.pair_loss(kind, a, b, PAIRS[kind][0]),
            lambda a, b: reference.pair_loss(kind, a, b, PAIRS[kind][0]), a, b, reduction=max(10, shape[-1]), step=1e-6,
        )


def test_pair_loss_of_long_rows():
    a, b = pair("squared", (2, 1500))
    check_op(
        lambda a, b: loss_ops.pair_loss("squared", a, b), lambda a, b: reference.pair_loss("squared", a, b), a, b,
        reduction=1500,
    )


@pytest.mark.parametrize("kind", PAIRS)
def test_pair_loss_keeps_nan(kind):
    assert np.isnan(loss_ops.pair_loss(kind, [[0.5, 0.5]], [[0.5, np.nan]], PAIRS[kind][0]).item())


@pytest.mark.parametrize(("kind", "a", "b", "want"), [
    ("absolute", 1.0, 1.0, 0.0), ("perceptron", 1.0, 0.0, -1.0), ("perceptron", 1.0, 1.0, 0.0),
    ("hinge", 1.0, 1.0, -1.0), ("divergence", 0.5, 0.0, 0.0), ("logarithmic", 1.0, -1.0, 0.0),
])
def test_gradient_at_corners(kind, a, b, want):
    output = fastnn.Tensor([[b]], requires_grad=True)
    loss_ops.pair_loss(kind, [[a]], output, 1e-7).backward([1.0])
    assert output.grad.item() == want


@pytest.mark.parametrize("shape", [(), (1,), (7,), (16,), (33,), (5, 9), (4096,), (4097,), (0,)])
def test_penalty_matches_reference(shape):
    check_op(ops.l1_l2_penalty, reference.l1_l2_penalty, shape, l1=0.3, l2=0.7, reduction=5000)


# ---- bits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cols", [10, 1000, 5000])
def test_a_row_has_the_same_bits_in_any_batch_and_with_any_threads(cols):
    x = random_array((9, cols)).astype(np.float32)
    y = labels(x.shape)
    p, loss = ops.softmax(x).numpy(), ops.sparse_categorical_crossentropy(y, x, from_logits=True).numpy()
    for rows in (1, 2, 5):
        assert_same_bits(ops.softmax(x[:rows]).numpy(), p[:rows], "softmax")
        got = ops.sparse_categorical_crossentropy(y[:rows], x[:rows], from_logits=True).numpy()
        assert_same_bits(got, loss[:rows], "loss")
    for n in THREADS:
        with _core.simulate_threads(n):
            assert_same_bits(ops.softmax(x).numpy(), p, f"{n} threads")
    for isa in FMA_ISAS:
        with _core.use_isa(isa):
            assert_same_bits(ops.softmax(x).numpy(), p, isa)


def test_one_hot_and_integer_labels_give_the_same_bits():
    x = random_array((9, 10)).astype(np.float32)
    y = labels(x.shape)
    assert_same_bits(
        ops.categorical_crossentropy(one_hot(y, 10), x, from_logits=True).numpy(),
        ops.sparse_categorical_crossentropy(y, x, from_logits=True).numpy(), "one-hot",
    )


def test_a_replayed_step_stops_at_a_wrong_label_and_goes_on_after_it():
    x, y = random_array((4, 3)).astype(np.float32), np.array([0, 1, 2, 0])
    after = _core.zeros(1, np.float32)
    program = _core.Program()
    with program.record():
        ops.sparse_categorical_crossentropy(y, x, from_logits=True)
        _core.launch("accumulate", np.float32, x=np.ones(1, np.float32), y=after, n=1)
    y[2] = 3
    with pytest.raises(ValueError, match=r"labels from 0 to 2 \(the output has 3 classes\); got 3 at position 2"):
        program.replay()
    assert after[0] == 1
    y[2] = 1
    program.replay()
    assert after[0] == 2
