"""Sorting, searching, running sums, segments, scatters: values and gradients against NumPy, edges, integers."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn
from fastnn import ops
from tests.helpers import assert_same_bits, check_op, random_array

INF, NAN = np.inf, np.nan


def distinct(shape, seed=0):
    """Different numbers in a random order, at least 0.1 apart."""
    size = int(np.prod(shape))
    return (np.random.default_rng(seed).permutation(size) * 0.1 - size / 20 + 0.03).reshape(shape)


def segments(x, ids, count, function, start):
    y = np.full((count, *x.shape[1:]), start, x.dtype)
    for row, k in zip(x, ids, strict=True):
        if 0 <= k < count:
            y[k] = function(y[k], row)
    return y


# ---- order


@pytest.mark.parametrize(("shape", "axis"), [((7,), -1), ((3, 40), 1), ((5, 4, 3), 0), ((3, 4), None), ((2, 0), 1)])
def test_sort_matches_numpy(shape, axis):
    x = distinct(shape)
    check_op(lambda t: ops.sort(t, axis), lambda a: np.sort(a, axis), x)
    assert_same_bits(ops.argsort(x, axis).numpy(), np.argsort(x, axis, stable=True).astype(np.int32), "argsort")
    assert_same_bits(ops.argpartition(x.reshape(-1), 0).numpy() if x.size else np.zeros(0, np.int32),
                     np.argsort(x.reshape(-1)).astype(np.int32), "argpartition")


def test_sort_is_stable_and_puts_nan_last():
    x = np.array([2, NAN, -0.0, INF, 0.0, -INF, 2, -NAN, 1], np.float32)
    assert ops.argsort(x).tolist() == [5, 2, 4, 8, 0, 6, 3, 1, 7]
    assert ops.top_k(x, 4)[1].tolist() == [1, 7, 3, 0]
    many = np.random.default_rng(1).integers(0, 5, (4, 100))
    for dtype in ("int8", "uint8", "int32", "int64", "uint64", "float32", "bool"):
        typed = many.astype(dtype)
        assert_same_bits(ops.argsort(typed).numpy(), np.argsort(typed, stable=True).astype(np.int32), dtype)
        assert_same_bits(ops.sort(typed).numpy(), np.sort(typed), dtype)
        descending = np.argsort(~typed if dtype == "bool" else -many, stable=True)
        assert ops.top_k(typed, 3)[1].tolist() == descending[:, :3].tolist()
    top = np.array([2**63, 1, 2**64 - 1], np.uint64)
    assert ops.argsort(top).tolist() == [1, 0, 2]


def test_top_k_matches_numpy():
    check_op(lambda t: ops.top_k(t, 3)[0], lambda a: -np.sort(-a)[..., :3], distinct((4, 9)))
    check_op(lambda t: ops.top_k(t, 1)[0], lambda a: -np.sort(-a)[..., :1], distinct((5,)))
    with pytest.raises(ValueError, match=r"ops\.top_k: k must be at most the last axis of x \(5,\); got 6"):
        ops.top_k(distinct((5,)), 6)


def test_in_top_k():
    scores = np.array([[0.1, 0.5, 0.5, 0.9], [0.4, 0.3, 0.2, 0.1], [NAN, 1, 2, 3], [1, 2, 3, 4]], np.float32)
    assert ops.in_top_k([1, 3, 0, 7], scores, 2).tolist() == [True, False, False, False]
    assert ops.in_top_k([2, 0, 3, 3], scores, 2).tolist() == [True, True, True, True]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_searches_match_numpy(dtype):
    row, x = np.array([1, 2, 2, 5, 9], dtype), np.array([[0, 1, 2], [3, 9, 12]], dtype)
    for side in ("left", "right"):
        got = ops.searchsorted(row, x, side)
        assert_same_bits(got.numpy(), np.searchsorted(row, x, side).astype(np.int32), side)
    assert_same_bits(ops.digitize(x, row).numpy(), np.digitize(x, row).astype(np.int32), "digitize")
    assert ops.searchsorted(np.zeros(0, np.float32), [1.0]).tolist() == [0]


def test_unique_matches_numpy():
    x = np.array([[3, 1, 3], [2, 1, 1], [3, 1, 3]])
    for axis in (None, 0, 1):
        want = np.unique(x, True, True, True, axis=axis)
        got = ops.unique(x, True, True, True, True, axis=axis)
        for a, b in zip(got, want, strict=True):
            np.testing.assert_array_equal(a.numpy().reshape(-1), b.reshape(-1))
    assert ops.unique([3, 1, 3], size=4, fill_value=7).tolist() == [1, 3, 7, 7]
    assert ops.unique([3, 1, 3], size=1).tolist() == [1]


# ---- quantiles


@pytest.mark.parametrize("method", ["linear", "lower", "higher", "midpoint", "nearest"])
def test_quantiles_match_numpy(method):
    x = distinct((3, 6, 4))
    for q, axis, keepdims in ((0.3, None, False), (0.0, 1, True), ([0.25, 1.0], (0, 2), False), ([0.5], -1, True)):
        check_op(
            lambda t, q=q, axis=axis, keepdims=keepdims: ops.quantile(t, q, axis, method, keepdims),
            lambda a, q=q, axis=axis, keepdims=keepdims: np.quantile(a, q, axis, method=method, keepdims=keepdims), x,
        )  # fmt: skip
    holes = x.copy()
    holes[0, ::2] = NAN
    holes[1, 0] = NAN
    for q in (0.4, [0.1, 0.9]):
        np.testing.assert_allclose(
            ops.nanquantile(holes, q, 1, method).numpy(), np.nanquantile(holes, q, 1, method=method), rtol=1e-12
        )
    assert np.isnan(ops.quantile(holes, 0.3, 1).numpy()).sum() == np.isnan(np.quantile(holes, 0.3, 1)).sum()


def test_medians_match_numpy():
    x = distinct((5, 4))
    check_op(ops.median, np.median, x)
    check_op(lambda t: ops.median(t, 0, True), lambda a: np.median(a, 0, keepdims=True), x)
    np.testing.assert_allclose(ops.percentile(x, [10, 50]).numpy(), np.percentile(x, [10, 50]))
    np.testing.assert_allclose(ops.nanmedian([5.0, NAN, 1.0, 2.0]).numpy(), 2)
    assert np.isnan(ops.nanmedian([NAN, NAN]).item())
    with pytest.raises(ValueError, match=r"ops\.quantile: q must be numbers in \[0, 1\]"):
        ops.quantile(x, 1.5)


# ---- running sums


@pytest.mark.parametrize(("shape", "axis"), [((7,), 0), ((3, 5), None), ((2, 9, 3), 1), ((4, 300), 0), ((0, 3), 1)])
def test_running_sums_and_products_match_numpy(shape, axis):
    n = 1 if not shape[0] else shape[axis or 0]
    check_op(lambda t: ops.cumsum(t, axis), lambda a: np.cumsum(a, axis), shape, reduction=n * 10)
    check_op(lambda t: ops.cumprod(t, axis), lambda a: np.cumprod(a, axis), shape, reduction=n * 100)


def test_cumprod_gradient_with_zeros():
    check_op(lambda t: ops.cumprod(t, 0), lambda a: np.cumprod(a, 0), np.array([2.0, 0.0, 3.0, 0.0, 5.0]))


def test_running_sums_of_integers_wrap_and_keep_their_type():
    for dtype in ("int8", "uint8", "int32", "int64"):
        x = np.arange(1, 13, dtype=dtype).reshape(3, 4)
        assert_same_bits(ops.cumsum(x, 1).numpy(), np.cumsum(x, 1, dtype=dtype), dtype)
        assert_same_bits(ops.cumprod(x).numpy(), np.cumprod(x, dtype=dtype), dtype)
    assert ops.cumsum([True, True]).dtype == "int32"
    assert ops.cumsum([1, 2], dtype="float32").dtype == "float32"


def test_differences_and_areas_match_numpy():
    check_op(ops.diff, np.diff, (5,))
    check_op(lambda t: ops.diff(t, 2, 0), lambda a: np.diff(a, 2, 0), (5, 3))
    assert ops.diff([True, False, False]).tolist() == [True, False]
    check_op(lambda t: ops.trapezoid(t, dx=0.5, axis=0), lambda a: np.trapezoid(a, dx=0.5, axis=0), (5, 3), reduction=5)
    places = np.array([0.0, 1, 3, 4, 8])
    check_op(lambda y, x: ops.trapezoid(y, x, axis=0), lambda y, x: np.trapezoid(y, x, axis=0), random_array((5, 3)),
             places[:, None] * np.ones(3), reduction=30)
    np.testing.assert_allclose(ops.trapezoid(np.ones((5, 3)), places, axis=0).numpy(), 8)


# ---- segments


IDS = np.array([2, 0, 2, 3, 0, 9, -1, 2])


@pytest.mark.parametrize("inner", [(), (3,), (2, 150)])
def test_segments_match_reference(inner):
    x = distinct((8, *inner), seed=3)
    for name, function, start in (("sum", np.add, 0), ("prod", np.multiply, 1)):
        op = getattr(ops, f"segment_{name}")
        check_op(lambda t, op=op: op(t, IDS, 4), lambda a, f=function, s=start: segments(a, IDS, 4, f, s), x,
                 reduction=900)
    for name, function in (("max", np.maximum), ("min", np.minimum)):
        op = getattr(ops, f"segment_{name}")
        ids = np.where(IDS == 3, 1, IDS)
        check_op(lambda t, op=op, ids=ids: op(t, ids, 3), lambda a, f=function, ids=ids: segments(
            a, ids, 3, f, -INF if f is np.maximum else INF), x)


def test_segments_of_integers_and_empty_ones():
    x = np.array([5, -3, 2, 7], np.int32)
    assert ops.segment_max(x, [0, 0, 2, 2]).tolist() == [5, np.iinfo(np.int32).min, 7]
    assert ops.segment_min(x, [0, 0, 2, 2]).tolist() == [-3, np.iinfo(np.int32).max, 2]
    assert ops.segment_sum(x, [0, 0, 2, 2]).tolist() == [2, 0, 9]
    assert ops.segment_prod(x, [0, 0, 2, 2]).tolist() == [-15, 1, 14]
    assert ops.segment_max(x.astype(np.float32), [0, 0, 2, 2]).numpy()[1] == np.finfo(np.float32).min
    assert ops.segment_sum(x, [0, 0, 2, 2]).dtype == "int32"
    with pytest.raises(ValueError, match=r"ops\.segment_sum: segment_ids must be of one axis"):
        ops.segment_sum(x, [0, 1])


def test_segment_products_with_zeros_and_shared_extremes():
    ids = [0, 0, 1, 1, 1, 2]
    x = np.array([0.0, 3, 0, 0, 2, 4])
    check_op(lambda t: ops.segment_prod(t, ids, 3), lambda a: segments(a, ids, 3, np.multiply, 1), x)
    t = fastnn.Tensor([1.0, 1.0, 0.0, 5.0], requires_grad=True)
    ops.segment_max(t, [0, 0, 0, 1], 2).sum().backward()
    assert t.grad.tolist() == [0.5, 0.5, 0, 1]


def test_counts_match_numpy():
    x = np.array([1, 3, 1, 0, 7])
    assert_same_bits(ops.bincount(x).numpy(), np.bincount(x).astype(np.int32), "bincount")
    assert ops.bincount(x, minlength=10).shape == (10,)
    np.testing.assert_allclose(ops.bincount(x, weights=x * 0.5).numpy(), np.bincount(x, weights=x * 0.5))
    assert ops.bincount([[1, 1, 0], [2, 2, 2]]).tolist() == [[1, 2, 0], [0, 0, 3]]
    values = distinct((50,))
    for arguments in ((10, None), (4, (-1.0, 1.0))):
        for got, want in zip(ops.histogram(values, *arguments), np.histogram(values, *arguments), strict=True):
            np.testing.assert_allclose(got.numpy(), want)


# ---- along an axis, by coordinates, blocks


def test_take_along_axis_matches_numpy():
    index = np.array([[0, 2, 2], [1, -1, 0]])
    for axis, shape in ((0, (4, 3)), (1, (2, 5)), (1, (1, 4))):
        check_op(
            lambda t, axis=axis: ops.take_along_axis(t, index, axis),
            lambda a, axis=axis: np.take_along_axis(a, index, axis), random_array(shape), reduction=4,
        )  # fmt: skip
    x = distinct((3, 4))
    check_op(lambda t: ops.take_along_axis(t, index.ravel()), lambda a: np.take_along_axis(a, index.ravel(), None), x)
    wide = np.random.default_rng(0).integers(-3, 3, (2, 5, 300))
    check_op(lambda t: ops.take_along_axis(t, wide, 1), lambda a: np.take_along_axis(a, wide, 1), (2, 3, 300),
             reduction=5)
    assert ops.take_along_axis(np.array([[True, False]]), [[1]], 1).tolist() == [[False]]
    with pytest.raises(IndexError, match=r"indices must be at least -4 and below 4; got 4 at position 1"):
        ops.take_along_axis(x, [[0, 4, 0, 0]], 1)


def test_scatter_matches_numpy():
    index = np.array([[[0, 1], [2, 3]], [[0, 1], [-1, 0]]])

    def reference(values):
        y = np.zeros((3, 4, 2))
        np.add.at(y, tuple(np.moveaxis(index, -1, 0)), values)
        return y

    check_op(lambda t: ops.scatter(index, t, (3, 4, 2)), reference, (2, 2, 2))
    assert ops.scatter([[0], [5]], [1, 2], (3,)).tolist() == [1, 0, 0]
    with pytest.raises(ValueError, match=r"ops\.scatter: values must be of shape \(2,\)"):
        ops.scatter([[0], [5]], [1, 2, 3], (3,))


@pytest.mark.parametrize("reduction", [None, "add", "max", "min", "mul"])
def test_scatter_update_matches_reference(reduction):
    index = np.array([[1], [0], [1], [7]])

    def reference(x, updates):
        y = x.copy()
        for (k,), row in zip(index[:3], updates[:3], strict=True):
            y[k] = {None: row, "add": y[k] + row, "max": np.maximum(y[k], row), "min": np.minimum(y[k], row),
                    "mul": y[k] * row}[reduction]
        return y

    x, updates = distinct((3, 4)), distinct((4, 4), seed=9) + 0.05
    check_op(lambda t, u: ops.scatter_update(t, index, u, reduction), reference, x, updates, reduction=4)
    assert ops.scatter_update([1, 2, 3], [[2]], [9], reduction).dtype == "int32"


@pytest.mark.parametrize("tensor", [False, True])
def test_blocks_match_numpy(tensor):
    def at(*starts):
        return fastnn.Tensor(np.array(starts)) if tensor else starts

    check_op(lambda t: ops.slice(t, at(1, 0), (2, 3)), lambda a: a[1:3, :3], (4, 5))
    if not tensor:
        check_op(lambda t: ops.slice(t, at(1, 2), (-1, 2)), lambda a: a[1:, 2:4], (4, 5))

    def reference(x, part):
        y = x.copy()
        y[1:3, 2:5] = part
        return y

    check_op(lambda t, u: ops.slice_update(t, at(1, 2), u), reference, (4, 5), (2, 3))
    assert ops.slice_update([1, 2, 3], at(0), np.zeros(0, np.int32)).tolist() == [1, 2, 3]
    if not tensor:
        with pytest.raises(ValueError, match="a block of x"):
            ops.slice(np.zeros((2, 2)), (1, 1), (2, 1))


def test_unravel_index_matches_numpy():
    x = np.array([[0, 5], [11, 7]])
    for got, want in zip(ops.unravel_index(x, (3, 4)), np.unravel_index(x, (3, 4)), strict=True):
        np.testing.assert_array_equal(got.numpy(), want)
