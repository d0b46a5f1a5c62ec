"""Max- and average-pooling, over windows and over whole maps."""

import numpy as np
import pytest

from fastnn import Tensor, _core, ops
from tests import reference
from tests.helpers import assert_same_bits, check_op, leaf, real_threads


def spread(shape, seed=0):
    """Different values, so that no window has a tie and none changes its winner under small steps."""
    count = int(np.prod(shape))
    return (np.random.default_rng([seed, *shape]).permutation(count) - count / 2).reshape(shape) * 0.01


# Channels around the vector lengths 8 and 16 and their multiples; the few-channel path; windows cut at the border.
CASES = [
    ((2, 4, 6, 16), 2, None, "valid"),
    ((1, 5, 5, 17), 2, None, "valid"),
    ((2, 7, 9, 15), 3, None, "valid"),
    ((1, 8, 8, 33), (3, 3), 1, "same"),
    ((2, 9, 7, 8), 3, 2, "same"),
    ((1, 9, 11, 7), (2, 5), (3, 1), "same"),
    ((1, 6, 6, 4), 2, 3, "valid"),
    ((3, 7, 5, 3), 2, None, "same"),
    ((1, 13, 47, 3), 3, 2, "same"),
    ((2, 28, 28, 1), 2, None, "valid"),
    ((1, 5, 300, 1), 3, 1, "same"),
    ((1, 4, 600, 2), 2, 3, "valid"),
    ((1, 7, 7, 1), (7, 7), 1, "same"),
    ((1, 3, 3, 5), 3, 1, "valid"),
    ((1, 1, 1, 1), 1, 1, "valid"),
    ((1, 2, 3, 2), 5, 2, "same"),
    ((1, 20, 18, 2), (17, 16), 2, "valid"),  # 272 positions: winners of two bytes
    ((1, 17, 18, 19), (17, 16), 1, "valid"),
    ((0, 4, 4, 3), 2, None, "valid"),
    ((2, 4, 4, 0), 2, None, "valid"),
]


@pytest.mark.parametrize(("shape", "pool_size", "strides", "padding"), CASES)
def test_max_pool_matches_reference(shape, pool_size, strides, padding):
    check_op(
        ops.max_pool, reference.max_pool, spread(shape), step=1e-4, pool_size=pool_size, strides=strides,
        padding=padding,
    )  # fmt: skip


@pytest.mark.parametrize(("shape", "pool_size", "strides", "padding"), CASES)
def test_average_pool_matches_reference(shape, pool_size, strides, padding):
    check_op(
        ops.average_pool, reference.average_pool, shape, reduction=300, pool_size=pool_size, strides=strides,
        padding=padding,
    )  # fmt: skip


@pytest.mark.parametrize(("shape", "pool_size", "strides", "padding"), CASES)
@pytest.mark.parametrize("special", ["ties", "zeros", "nan", "infinities"])
def test_max_pool_gradient_goes_to_the_first_maximum(shape, pool_size, strides, padding, special):
    rng = np.random.default_rng(5)
    x = rng.integers(0, 3, shape).astype(np.float32)
    if special == "zeros":
        x = np.where(x == 1, np.float32(-0.0), np.float32(0.0))
    elif special == "nan":
        x[rng.random(shape) < 0.2] = np.nan
    elif special == "infinities":
        x = np.where(x == 1, np.float32(np.inf), np.float32(-np.inf))
    tensor = leaf(x)
    y = ops.max_pool(tensor, pool_size, strides, padding)
    np.testing.assert_array_equal(y.numpy(), reference.max_pool(x, pool_size, strides, padding))
    dy = rng.integers(1, 9, y.shape).astype(np.float32)
    y.backward(dy)
    want = reference.max_pool_gradient(x, dy, pool_size, strides, padding)
    np.testing.assert_array_equal(tensor.grad.numpy(), want)


@pytest.mark.parametrize("c", [1, 16, 17])
def test_max_pool_returns_the_first_of_equal_zeros(c):
    for first in (0.0, -0.0):
        x = np.full((1, 2, 2, c), -first, np.float32)
        x[0, 0, 0] = first
        want = np.full((1, 1, 1, c), first, np.float32)
        assert_same_bits(ops.max_pool(x, 2).numpy(), want, "max_pool")
        assert_same_bits(ops.global_max_pool(x, keepdims=True).numpy(), want, "global_max_pool")


@pytest.mark.parametrize("c", [1, 3, 16, 20])
def test_max_pool_values_do_not_depend_on_whether_a_gradient_is_wanted(c):
    x = spread((2, 9, 9, c)).astype(np.float32)
    assert_same_bits(ops.max_pool(leaf(x), 3, 2).numpy(), ops.max_pool(x, 3, 2).numpy(), "max_pool")


def test_max_pool_with_a_window_of_more_than_65535_positions():
    x = spread((1, 300, 301, 2)).astype(np.float32)
    tensor = leaf(x)
    y = ops.max_pool(tensor, (300, 300), 1)
    np.testing.assert_array_equal(y.numpy()[0, 0], [x[0, :, :300].max((0, 1)), x[0, :, 1:].max((0, 1))])
    y.backward(np.ones(y.shape, np.float32))
    assert tensor.grad.numpy().sum() == 4 and (x[tensor.grad.numpy() > 0] >= y.numpy().min()).all()


@pytest.mark.parametrize("op", [ops.max_pool, ops.average_pool])
def test_pool_over_padding_alone(op):
    """Explicit padding may be as wide as the window: such a window has no position."""
    tensor = leaf(np.ones((1, 2, 2, 3), np.float32))
    y = op(tensor, 2, 2, ((2, 0), (0, 0)))
    empty = -np.inf if op is ops.max_pool else 0
    np.testing.assert_array_equal(y.numpy()[0, :, 0, 0], [empty, 1])
    y.backward(np.ones(y.shape, np.float32))
    assert tensor.grad.numpy().sum() == 3


@pytest.mark.parametrize("op", [ops.max_pool, ops.average_pool])
def test_pool_of_a_line_and_channels_first(op):
    x = spread((2, 9, 5))
    line = op(leaf(x), 3, 2, "same")
    np.testing.assert_array_equal(line.numpy(), op(x[:, :, None], (3, 1), (2, 1), "same").numpy()[:, :, 0])
    first = leaf(np.ascontiguousarray(spread((2, 6, 7, 5)).transpose(0, 3, 1, 2)))
    last = leaf(np.ascontiguousarray(first.numpy().transpose(0, 2, 3, 1)))
    y, want = op(first, 2, data_format="channels_first"), op(last, 2)
    np.testing.assert_array_equal(y.numpy(), want.numpy().transpose(0, 3, 1, 2))
    dy = spread(want.shape, 3)
    y.backward(np.ascontiguousarray(dy.transpose(0, 3, 1, 2)))
    want.backward(dy)
    np.testing.assert_array_equal(first.grad.numpy(), last.grad.numpy().transpose(0, 3, 1, 2))


@pytest.mark.parametrize(
    "shape",
    [
        (2, 3, 5, 1), (2, 7, 7, 3), (3, 1, 1, 16), (1, 13, 11, 17), (2, 9, 33), (2, 3, 3, 83), (0, 2, 2, 3),
        (2, 2, 2, 0),
    ],
)  # fmt: skip
def test_global_pools_match_reference(shape):
    axes = tuple(range(1, len(shape) - 1))
    check_op(ops.global_max_pool, lambda x: x.max(axes), spread(shape))
    check_op(ops.global_average_pool, lambda x: x.mean(axes), shape, reduction=200)


def test_global_pools_keepdims_and_channels_first():
    x = spread((2, 3, 4, 5))
    for op, want in ((ops.global_max_pool, np.max), (ops.global_average_pool, np.mean)):
        np.testing.assert_allclose(op(x, keepdims=True).numpy(), want(x, (1, 2), keepdims=True))
        np.testing.assert_allclose(op(x, "channels_first").numpy(), want(x, (2, 3)))
        np.testing.assert_allclose(op(x, "channels_first", keepdims=True).numpy(), want(x, (2, 3), keepdims=True))


def test_global_max_pool_gradient_goes_to_the_first_maximum_or_nan():
    x = np.array([[1, 3, 3, 0], [np.nan, 2, np.nan, 9]], np.float32).T.reshape(1, 2, 2, 2)
    tensor = leaf(x)
    y = ops.global_max_pool(tensor)
    assert y.numpy()[0, 0] == 3 and np.isnan(y.numpy()[0, 1])
    y.backward(np.array([[5, 7]], np.float32))
    np.testing.assert_array_equal(tensor.grad.numpy().reshape(4, 2), [[0, 7], [5, 0], [0, 0], [0, 0]])


def test_global_average_pool_of_a_large_map_is_accurate():
    x = np.full((1, 1000, 1000, 1), 0.1, np.float32)
    assert abs(float(ops.global_average_pool(x).numpy()[0, 0]) / np.float32(0.1) - 1) < 1e-5


def test_pool_same_bits_with_real_threads():
    x = np.random.default_rng(0).standard_normal((8, 40, 40, 32)).astype(np.float32)
    results = []
    for n in (1, 2):
        with real_threads(n):
            tensor = leaf(x)
            y = ops.max_pool(tensor, 3, 2, "same")
            z = ops.average_pool(y, 3, 1, "same")
            z.backward(np.ones(z.shape, np.float32))
            results.append((z.numpy(), tensor.grad.numpy()))
    for one, two in zip(*results, strict=True):
        assert_same_bits(two, one, "2 threads")


def test_pool_of_integers_gives_floats():
    assert ops.max_pool(np.ones((1, 2, 2, 1), np.uint8), 2).dtype == np.float32


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((4, 4), 2), r"inputs must be of rank 4 \(n, h, w, c\) or 3 \(n, length, c\); got rank 2"),
        (((1, 4, 4, 1), 0), "pool_size must be an integer of at least 1"),
        (((1, 4, 4, 1), (2, 2, 2)), "pool_size must be an integer"),
        (((1, 4, 4, 1), 2, 0), "strides must be"),
        (((1, 4, 4, 1), 5), "the input's height must be at least the window's 5"),
        (((1, 4, 4, 1), 2, 2, "sam"), "Did you mean 'same'"),
        (((1, 4, 4, 1), 2, 2, "same", "channel_last"), "Did you mean 'channels_last'"),
        (((1, 4, 1), (2, 2)), "pool_size must be an integer or a tuple of one"),
    ],
)
@pytest.mark.parametrize("op", [ops.max_pool, ops.average_pool])
def test_pool_rejects_bad_arguments(op, arguments, message):
    with pytest.raises(ValueError, match=message):
        op(np.zeros(arguments[0], np.float32), *arguments[1:])


def test_global_pool_rejects_empty_maps():
    with pytest.raises(ValueError, match="each map must be of at least one position"):
        ops.global_max_pool(np.zeros((2, 0, 3, 1), np.float32))


def test_pool_keeps_no_winners_without_a_gradient():
    with _core.trace() as launches:
        ops.max_pool(Tensor(np.zeros((1, 4, 4, 1))), 2)
    assert [fields["winner"] for name, _, fields in launches if name == "max_pool_fwd"] == [None]
