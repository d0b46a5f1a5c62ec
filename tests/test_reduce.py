"""Reductions: values, gradients, ties, NaN, any axes and strides, the same bits everywhere."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn
from fastnn import _core, ops
from fastnn.ops.axes import COLUMN_CHUNK, MAX, ROW_CHUNK, SUM, passes, reduce_array, sum_to_shape
from tests import reference
from tests.helpers import FMA_ISAS, THREADS, assert_close, assert_same_bits, check_op, random_array, strided

pytestmark = pytest.mark.skipif(
    not all(hasattr(ops, name) for name in ("transpose", "cast", "square")), reason="needs movement, elementwise"
)

SHAPES_AXES = [
    ((5,), None), ((1,), 0), ((17,), 0), ((2, 3), None), ((4, 7), 0), ((4, 7), 1), ((16, 32), 0), ((33, 17), 0),
    ((33, 17), -1), ((2, 3, 4), 1), ((2, 3, 4), (0, 2)), ((3, 1, 5), 1), ((2, 3, 31), (0, 1)), ((2, 3, 4, 5), (1, 2)),
    ((2, 3, 4, 5), (0, 2)), ((2, 2, 2, 65), (0, 1, 2)), ((3, 2, 3), ()), ((), None),
]


@pytest.mark.parametrize(("shape", "axis"), SHAPES_AXES)
@pytest.mark.parametrize("name", ["sum", "mean"])
def test_sum_mean_matches_reference(name, shape, axis):
    check_op(getattr(ops, name), getattr(reference, name), shape, axis=axis, reduction=200)


@pytest.mark.parametrize(("shape", "axis"), [
    ((2, ROW_CHUNK + 1), 1), ((2 * COLUMN_CHUNK + 1, 3), 0), ((3 * ROW_CHUNK,), 0),
])
@pytest.mark.parametrize("name", ["sum", "mean"])
def test_sum_of_several_chunks(name, shape, axis):
    check_op(getattr(ops, name), getattr(reference, name), shape, axis=axis, reduction=ROW_CHUNK, step=1e-2)


@pytest.mark.parametrize(("shape", "axis"), [((0,), 0), ((0, 3), 0), ((3, 0), 0), ((2, 0, 3), (0, 1))])
def test_sum_of_nothing_is_zero(shape, axis):
    np.testing.assert_array_equal(ops.sum(np.ones(shape, np.float32), axis=axis).numpy(), np.ones(shape).sum(axis))


def test_mean_of_nothing_is_nan():
    assert np.isnan(ops.mean(np.ones((0, 2), np.float32), axis=0).numpy()).all()


def test_keepdims_keeps_axes():
    x = random_array((2, 3, 4))
    for name in ("sum", "mean", "max", "min", "prod"):
        got = getattr(ops, name)(x, axis=(1, 2), keepdims=True)
        assert got.shape == (2, 1, 1)
        assert_close(got.numpy(), getattr(np, name)(x, axis=(1, 2), keepdims=True), np.float64, 12)


@pytest.mark.parametrize(("shape", "axis"), [
    ((5,), None), ((4, 7), 0), ((4, 7), 1), ((33, 17), 0), ((2, 3, 4, 5), (1, 2)), ((3, 65), -1), ((2, 1), 1),
])
@pytest.mark.parametrize("name", ["max", "min"])
def test_extreme_matches_reference(name, shape, axis):
    check_op(getattr(ops, name), getattr(reference, name), shape, axis=axis, step=1e-6 if len(shape) > 1 else 1e-4)


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("axis", [0, 1, None])
def test_extreme_ties_share_the_gradient(name, axis):
    x = fastnn.Tensor(np.array([[1.0, 2, 2], [2, 1, 1], [2, 2, 1]]), requires_grad=True)
    y = getattr(ops, name)(x, axis=axis, keepdims=True)
    y.backward(np.full(y.shape, 6.0))
    equal = x.numpy() == y.numpy()
    np.testing.assert_allclose(x.grad.numpy(), np.where(equal, 6.0 / equal.sum(axis, keepdims=True), 0))


@pytest.mark.parametrize("shape", [(40,), (40, 3), (3, 40)])
@pytest.mark.parametrize("name", ["max", "min", "sum", "mean", "prod"])
def test_nan_propagates(name, shape):
    for place in (0, 5, 39, -1):
        x = np.ones(shape, np.float32)
        x.reshape(-1)[place] = np.nan
        for axis in range(len(shape)):
            np.testing.assert_array_equal(
                getattr(ops, name)(x, axis=axis).numpy(), getattr(np, name)(x, axis=axis).astype(np.float32)
            )


@pytest.mark.parametrize(("shape", "axis"), [((4,), 0), ((3, 5), 1), ((3, 5), 0), ((2, 3, 2), (1, 2)), ((20, 17), 0)])
def test_prod_matches_reference(shape, axis):
    check_op(ops.prod, reference.prod, shape, axis=axis, reduction=20)


def test_prod_gradient_is_exact_at_zeros():
    x = fastnn.Tensor([[2.0, 0.0, 3.0], [0.0, 5.0, 0.0]], requires_grad=True)
    ops.prod(x, axis=1).backward([1.0, 1.0])
    np.testing.assert_array_equal(x.grad.numpy(), [[0, 6, 0], [0, 0, 0]])


@pytest.mark.parametrize(("shape", "axis"), [
    ((1,), 0), ((5,), None), ((16,), 0), ((17,), 0), ((4, 10), 1), ((10, 4), 0), ((3, 100, 17), 1), ((2, 3, 4), None),
])
@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_arg_matches_reference(name, shape, axis):
    check_op(getattr(ops, name), getattr(reference, name), shape, axis=axis, gradient=False)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("row", [
    [1, 3, 3, 1], [0, 0, 0, 0], [1, np.nan, 5, np.nan], [-np.inf] * 4, [np.nan] * 4, [np.inf, 1, np.inf, -np.inf],
])
def test_arg_takes_the_first_of_ties_and_the_first_nan(name, row):
    x = np.array(row, np.float32)
    for data, axis in ((x, 0), (np.stack([x] * 3, axis=1), 0), (np.tile(x, (2, 1)), 1)):
        want = getattr(np, name)(data, axis=axis)
        np.testing.assert_array_equal(getattr(ops, name)(data, axis=axis).numpy(), want)


def test_arg_dtype_and_keepdims():
    y = ops.argmax(np.ones((2, 3), np.float32), axis=1, keepdims=True)
    assert y.dtype == np.int32
    assert y.shape == (2, 1)


def test_arg_counts_exactly_beyond_float32_integers():
    x = np.zeros((1 << 20) * 17 + 5, np.float32)
    x[-2] = 1
    pair = np.stack([x, x[::-1]], axis=1)
    np.testing.assert_array_equal(ops.argmax(pair, axis=0).numpy(), [x.size - 2, 1])


@pytest.mark.parametrize("name", ["any", "all"])
@pytest.mark.parametrize("axis", [None, 0, 1, 2, (0, 2), ()])
def test_any_all_match_reference(name, axis):
    x = np.random.default_rng(3).random((4, 3, 5)) < (0.1 if name == "any" else 0.9)
    check_op(getattr(ops, name), getattr(np, name), x, axis=axis, gradient=False)


@pytest.mark.parametrize(("shape", "target"), [
    ((4, 3), (3,)), ((4, 3), (4, 1)), ((4, 3), (1, 1)), ((4, 3), ()), ((2, 3, 4), (3, 1)), ((4, 3), (4, 3)),
    ((2, 1, 3), (1, 3)),
])
def test_sum_to_shape_reverses_broadcasting(shape, target):
    x = random_array(shape)
    axes = tuple(a for a in range(len(shape)) if a < len(shape) - len(target) or target[a - len(shape)] != shape[a])
    got = sum_to_shape(x, target)
    assert got.shape == target
    np.testing.assert_allclose(got, x.sum(axes).reshape(target))


def test_reduction_reads_strided_rows_without_copying():
    x = np.arange(4 * 6 * 8, dtype=np.float32).reshape(4, 6, 8)
    with _core.trace() as launches:
        got = reduce_array(x[::2, 1::2, :5], MAX, (1,))
    assert [name for name, _, _ in launches] == ["reduce_fwd"]
    np.testing.assert_array_equal(got, x[::2, 1::2, :5].max(1))


@pytest.mark.parametrize("shape", [(7, ROW_CHUNK * 2 + 5), (COLUMN_CHUNK * 3 + 7, 37), (3, 700, 5)])
def test_sum_same_bits_for_threads_isas_and_strides(shape):
    x = random_array(shape).astype(np.float32)
    for axis in range(len(shape)):
        want = reduce_array(x, SUM, (axis,))
        for n in THREADS:
            with _core.simulate_threads(n):
                assert_same_bits(reduce_array(x, SUM, (axis,)), want, f"{n} threads")
        for isa in FMA_ISAS:
            with _core.use_isa(isa):
                assert_same_bits(reduce_array(x, SUM, (axis,)), want, isa)
        assert_same_bits(reduce_array(strided(x), SUM, (axis,)), want, "strided")


def test_a_row_sums_alike_in_any_batch():
    x = random_array((9, 333)).astype(np.float32)
    want = ops.sum(x, axis=1).numpy()
    for rows in (1, 2, 5):
        assert_same_bits(ops.sum(x[:rows], axis=1).numpy(), want[:rows], "rows")


@pytest.mark.parametrize("rows", [5, 6, 7, 8])
def test_a_column_sums_alike_among_any_others(rows):
    x = random_array((rows, 70)).astype(np.float32)
    want = ops.sum(x, axis=0).numpy()
    for cols in (2, 15, 16, 17, 31, 32, 33):
        assert_same_bits(ops.sum(x[:, :cols], axis=0).numpy(), want[:cols], f"{cols} columns")


def test_float32_sum_of_a_million_is_accurate():
    x = np.random.default_rng(0).random(1_000_003).astype(np.float32)
    exact = x.astype(np.float64).sum()
    assert abs(ops.sum(x).item() - exact) / exact < 1e-6


@pytest.mark.parametrize(("shape", "axes", "want"), [
    ((1, 1), (0,), ()), ((4, 1, 3), (1,), ()), ((6,), (0,), ((1, 6, 1),)),
    ((2, 3, 4, 5), (0, 1, 3), ((24, 5, 1), (1, 6, 4))),
])
def test_passes(shape, axes, want):
    assert passes(shape, axes) == want


def test_integers_add_up_to_integers():
    assert ops.sum(np.array([True, True, False])).dtype == np.int32
    assert ops.sum(np.array([200, 200], np.uint8)).item() == 400
    big = ops.sum(np.array([2**40, 1], np.int64))
    assert (big.dtype, big.item()) == (np.int64, 2**40 + 1)
    assert ops.max(np.array([3, 9, 2], np.int64)).dtype == np.int64
    assert ops.mean(np.array([1, 2], np.int64)).item() == 1.5


@pytest.mark.parametrize("name", ["var", "std"])
@pytest.mark.parametrize("axis", [None, 0, (0, 2)])
def test_var_std_match_reference(name, axis):
    check_op(getattr(ops, name), getattr(np, name), (3, 4, 5), axis=axis, reduction=60)


def test_reduction_over_scattered_axes_has_gradients():
    check_op(ops.max, reference.max, (3, 4, 5), axis=(0, 2), step=1e-6)
    check_op(ops.prod, reference.prod, (2, 3, 4), axis=(0, 2), reduction=8)


def test_extreme_of_nothing_is_an_error():
    text = r"ops\.max: x must be non-empty along the reduced axes; got an array of shape \(0, 2\)"
    with pytest.raises(ValueError, match=text):
        ops.max(np.ones((0, 2)), axis=0)
    assert ops.max(np.ones((0, 2)), axis=0, initial=-1.0).numpy().tolist() == [-1, -1]


@pytest.mark.parametrize(("axis", "error", "text"), [
    (2, ValueError, "sum: axis must be at least -2 and below 2 for 2 axes; got 2."),
    ((0, 0), ValueError, r"sum: axis must be free of repetitions; got \(0, 0\)."),
    (0.5, TypeError, "sum: axis must be an integer, several of them, or None; got 0.5."),
])
def test_rejects_axis(axis, error, text):
    with pytest.raises(error, match=text):
        ops.sum(np.ones((2, 2)), axis=axis)
