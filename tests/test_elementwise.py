"""Elementwise ops: values and gradients against NumPy, broadcasting, number types, kinks, the same bits everywhere."""

from __future__ import annotations

import re

import numpy as np
import pytest

import fastnn
from fastnn import _core, ops
from fastnn.ops import broadcast, dtypes, maths
from tests import reference
from tests.helpers import FMA_ISAS, THREADS, assert_same_bits, check_op, random_array, real_threads

SIZES = [0, 1, 7, 8, 15, 16, 17, 31, 64, 65]
KINKED = {"sign", "step", "floor", "ceil", "round", "trunc"}  # gradient 0 everywhere
SHAPES = [  # of two operands
    ((), ()), ((1,), ()), ((0,), (1,)), ((0, 3), (3,)), ((17,), (17,)), ((5,), (1,)), ((3, 4), (4,)), ((3, 1), (1, 4)),
    ((4, 0, 5), (5,)), ((33, 7), (33, 1)), ((7, 33), (33,)), ((2, 3, 4), (3, 1)), ((2, 3, 4, 5), (2, 1, 1, 5)),
    ((2, 1, 3, 1, 2), (4, 1, 2, 2)), ((2, 3, 2, 3, 2), (3, 1, 3, 1)), ((100, 3), (3,)), ((3, 300), (300,)),
]


def between(shape, low, high, seed=0):
    """Random values in an interval, at least 1/16 of it away from 0 and every integer."""
    x = np.random.default_rng([seed, *shape]).uniform(low, high, shape)
    gap = 0.06
    return np.where(np.abs(x - np.round(x)) < gap, np.round(x) + np.copysign(gap, x - np.round(x)), x)


# ---- values and gradients


@pytest.mark.parametrize("name", sorted(reference.ELEMENTWISE))
def test_unary_matches_reference(name):
    function, interval = reference.ELEMENTWISE[name]
    for size in (0, 1, 16, 17):
        check_op(getattr(ops, name), function, between((size,), *interval), step=1e-4)
    check_op(getattr(ops, name), function, between((3, 5), *interval), step=1e-4)
    check_op(getattr(ops, name), function, between((), *interval), step=1e-4)


@pytest.mark.parametrize("name", sorted(reference.BINARY))
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_binary_matches_reference(name, shapes):
    a, b = (between(shape, 0.5, 4, seed) for seed, shape in enumerate(shapes))
    check_op(getattr(ops, name), reference.BINARY[name], a, b + 0.013, reduction=100)  # no ties


SEVERAL = [((), (3,)), ((17,), (17,)), ((3, 1), (1, 20))]


@pytest.mark.parametrize("shapes", SEVERAL, ids=str)
def test_remainders_match_reference(shapes):
    a, b = (np.sign(between(s, -1, 1, 5)) * between(s, 0.5, 4, i) for i, s in enumerate(shapes))
    check_op(ops.mod, np.mod, a, b, reduction=100, step=1e-6)
    check_op(ops.fmod, np.fmod, a, b, reduction=100, step=1e-6)
    check_op(ops.floor_divide, np.floor_divide, a, b, step=1e-6)


@pytest.mark.parametrize("shapes", SEVERAL, ids=str)
@pytest.mark.parametrize("name", ["logaddexp2", "fmax", "fmin"])
def test_combinations_match_reference(name, shapes):
    a, b = (between(shape, 0.5, 4, seed) for seed, shape in enumerate(shapes))
    check_op(getattr(ops, name), getattr(np, name), a, b, reduction=100)


def test_sinc_matches_reference():
    check_op(ops.sinc, np.sinc, between((3, 5), -3, 3))
    assert ops.sinc([0.0, float("nan")]).tolist()[0] == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_edges_of_two_floats(dtype):
    inf, nan, top, tiny = np.inf, np.nan, np.finfo(dtype).max, np.finfo(dtype).smallest_subnormal
    values = np.array([0.0, -0.0, 1, -1, 2.5, inf, -inf, nan, top, -tiny], dtype)
    a, b = (x.ravel() for x in np.meshgrid(values, values))
    with np.errstate(all="ignore"):
        for name in ("mod", "fmod", "arctan2", "hypot", "logaddexp", "heaviside", "nextafter", "fmax", "fmin"):
            want = getattr(np, name)(a, b)
            got = getattr(ops, name)(a, b).numpy()
            np.testing.assert_allclose(got, want, rtol=4 * np.finfo(dtype).eps, err_msg=name)
            sure = np.isfinite(want) & (want == 0)
            if name in ("arctan2", "fmod"):
                np.testing.assert_array_equal(np.signbit(got[sure]), np.signbit(want[sure]), err_msg=name)
        np.testing.assert_array_equal(ops.nextafter(a, b).numpy(), np.nextafter(a, b))
        np.testing.assert_array_equal(ops.isclose(a, b, equal_nan=True).numpy(), np.isclose(a, b, equal_nan=True))
        np.testing.assert_array_equal(ops.isclose(a, b).numpy(), np.isclose(a, b))
        np.testing.assert_array_equal(ops.signbit(a).numpy(), np.signbit(a))
        np.testing.assert_array_equal(ops.nan_to_num(a).numpy(), np.nan_to_num(a))
        np.testing.assert_array_equal(ops.nan_to_num(a, 1, 2, 3).numpy(), np.nan_to_num(a, True, 1, 2, 3))
    np.testing.assert_array_equal(ops.divide_no_nan([1.0, 4.0], [0.0, 2.0]).numpy(), [0, 2])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64", "uint64"])
def test_integer_division_and_bits_are_numpys(dtype):
    info = np.iinfo(dtype)
    values = np.array([0, 1, 2, 3, 7, 100, info.max, info.min, info.min + 1, info.max - 1], dtype)
    a, b = (x.ravel() for x in np.meshgrid(values, values))
    with np.errstate(all="ignore"):
        for name in ("floor_divide", "mod", "fmod", "bitwise_and", "bitwise_or", "bitwise_xor", "gcd", "lcm"):
            want = getattr(np, name)(a, b)
            kept = slice(None) if name != "lcm" else (a < 12) & (b < 12) & (a >= 0) & (b >= 0)  # wraps beyond
            assert_same_bits(getattr(ops, name)(a, b).numpy()[kept], want[kept], name)
        counts = np.array([0, 1, 5, info.bits - 1], dtype)
        for name in ("left_shift", "right_shift"):
            want = getattr(np, name)(values[:, None], counts)
            assert_same_bits(getattr(ops, name)(values[:, None], counts).numpy(), want, name)
    assert_same_bits(ops.bitwise_not(values).numpy(), np.invert(values), "bitwise_not")


def test_bits_of_booleans_are_booleans():
    a, b = np.array([True, True, False]), np.array([True, False, False])
    for name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
        assert_same_bits(getattr(ops, name)(a, b).numpy(), getattr(np, name)(a, b), name)
    assert_same_bits(ops.bitwise_not(a).numpy(), ~a, "bitwise_not")
    with pytest.raises(TypeError, match=r"ops\.bitwise_and: both arguments must be integers; got dtype float32\."):
        ops.bitwise_and([1.0], [1])


def test_selections():
    x = np.arange(6)
    assert ops.select([x < 2, x < 4], [x, 10 * x], -1).tolist() == [0, 1, 20, 30, -1, -1]
    assert ops.isin(x, [1, 4]).tolist() == np.isin(x, [1, 4]).tolist()
    assert ops.isin(x, [1, 4], invert=True).tolist() == np.isin(x, [1, 4], invert=True).tolist()
    assert [place.tolist() for place in ops.where(x > 3)] == [[4, 5]]
    assert bool(ops.allclose([1.0], [1.0 + 1e-7])) and not bool(ops.allclose([1.0], [1.1]))
    with pytest.raises(ValueError, match="x1 and x2 must be given both or not at all"):
        ops.where(x > 3, x)


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_power_matches_reference(shapes):
    a, b = between(shapes[0], 0.5, 3), between(shapes[1], -3, 3, 1)
    check_op(ops.power, np.power, a, b, reduction=100)


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_where_matches_reference(shapes):
    a, b = (random_array(shape, seed) for seed, shape in enumerate(shapes))
    for condition in (a > 0, b > 0, np.True_):
        check_op(ops.where, np.where, np.asarray(condition), a, b, reduction=100)


@pytest.mark.parametrize("name", sorted(reference.COMPARE))
def test_comparison_matches_reference(name):
    values = [np.nan, -np.inf, -1.0, -0.0, 0.0, 1.0, np.inf]
    for dtype in (np.float32, np.float64):
        x = np.tile(np.array(values, dtype), 5)
        a, b = x[:, None], x[None, :]
        got = getattr(ops, name)(a, b).numpy()
        assert got.dtype == np.bool_
        np.testing.assert_array_equal(got, reference.COMPARE[name](a, b))
    for a, b in [((3, 5), (5,)), ((0, 2), (2,)), ((7, 1), (1, 40)), ((300,), ())]:
        x, y = (np.random.default_rng(i).integers(-2, 3, shape) for i, shape in enumerate((a, b)))
        np.testing.assert_array_equal(getattr(ops, name)(x, y).numpy(), reference.COMPARE[name](x, y))
        x, y = x.astype(np.float32), y.astype(np.float32)
        np.testing.assert_array_equal(getattr(ops, name)(x, y).numpy(), reference.COMPARE[name](x, y))


@pytest.mark.parametrize("shape", [(0,), (1,), (17,), (3, 5), ()], ids=str)
def test_clip_matches_reference(shape):
    check_op(ops.clip, lambda x, x_min, x_max: np.clip(x, x_min, x_max), between(shape, -2, 2), x_min=-0.5, x_max=1.5)


def test_clip_takes_arrays_and_integers():
    x, low, high = random_array((4, 5)), random_array((5,), 1) - 1, random_array((4, 1), 2) + 1
    np.testing.assert_array_equal(ops.clip(x, low, high).numpy(), np.minimum(np.maximum(x, low), high))
    np.testing.assert_array_equal(ops.clip(np.arange(6), 1, 4).numpy(), np.clip(np.arange(6), 1, 4))


def test_round_takes_decimals():
    np.testing.assert_allclose(ops.round(np.array([1.234, -5.678]), 2).numpy(), [1.23, -5.68], rtol=1e-15)


def test_leaky_relu_takes_a_slope():
    def leaky(x, negative_slope):
        return np.where(x > 0, x, negative_slope * x)

    check_op(ops.leaky_relu, leaky, (37,), negative_slope=0.3)


@pytest.mark.parametrize("isa", _core.isas())
def test_every_isa_matches_reference(isa):
    with _core.use_isa(isa):
        for name, (function, interval) in reference.ELEMENTWISE.items():
            for dtype in (np.float32, np.float64):
                x = between((257,), *interval).astype(dtype)
                got, want = getattr(ops, name)(x).numpy(), function(x.astype(np.float64))
                np.testing.assert_allclose(got, want, rtol=4 * np.finfo(dtype).eps, err_msg=name)


# ---- kinks and ties: the documented subgradients


def slope(op, *values):
    """The gradients of op at one point."""
    tensors = [fastnn.Tensor(np.float64(value), requires_grad=True) for value in values]
    op(*tensors).backward()
    return [t.grad.item() for t in tensors]


def test_derivatives_at_kinks():
    assert slope(ops.relu, 0.0) == [0.0]
    assert slope(ops.relu, -0.0) == [0.0]
    assert slope(ops.absolute, 0.0) == [0.0]
    assert slope(ops.leaky_relu, 0.0) == [0.2]
    assert slope(lambda x: ops.clip(x, -1.0, 1.0), 1.0) == [1.0]
    assert slope(lambda x: ops.clip(x, -1.0, 1.0), -1.0) == [1.0]
    assert slope(lambda x: ops.clip(x, -1.0, 1.0), 1.5) == [0.0]


@pytest.mark.parametrize("op", [ops.maximum, ops.minimum])
def test_ties_give_the_gradient_to_the_first(op):
    assert slope(op, 2.0, 2.0) == [1.0, 0.0]
    assert slope(op, 0.0, -0.0) == [1.0, 0.0]
    assert sorted(slope(op, 1.0, 2.0)) == [0.0, 1.0]


def test_power_at_its_edges():
    assert slope(ops.power, 0.0, 2.0) == [0.0, 0.0]
    assert slope(ops.power, 0.0, 1.0) == [1.0, 0.0]
    assert slope(ops.power, 3.0, 0.0) == [0.0, pytest.approx(np.log(3), rel=1e-15)]
    assert slope(lambda x: ops.power(x, 0), 0.0) == [0.0]
    assert slope(lambda x: ops.power(x, 3), -2.0) == [12.0]


# ---- special values


SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 0.5, -0.5, 1e-30, -1e30, 1e30]


@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_special_values_as_in_numpy(isa, dtype):
    x = np.array(SPECIAL, dtype)
    names = ["negative", "absolute", "sign", "square", "sqrt", "reciprocal", "exp", "expm1", "log", "log1p", "tanh",
             "floor", "ceil", "round"]
    with _core.use_isa(isa), np.errstate(all="ignore"):
        for name in names:
            want = reference.ELEMENTWISE[name][0](x)
            np.testing.assert_allclose(getattr(ops, name)(x).numpy(), want, rtol=4 * np.finfo(dtype).eps, err_msg=name)
            np.testing.assert_array_equal(np.signbit(ops.tanh(x).numpy()[3:]), np.signbit(x[3:]))
        for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum", "power"):
            want = getattr(np, name)(x[:, None], x)
            got = getattr(ops, name)(x[:, None], x).numpy()
            np.testing.assert_allclose(got, want, rtol=2 * np.finfo(dtype).eps, err_msg=name)


def test_nan_is_never_hidden():
    for name in ("relu", "leaky_relu", "sign", "tanh", "sigmoid", "floor", "ceil", "round", "exp", "log"):
        assert np.isnan(getattr(ops, name)(np.full(19, np.nan)).numpy()).all(), name
    assert np.isnan(ops.clip(np.array([np.nan]), 0.0, 1.0).numpy()).all()
    np.testing.assert_array_equal(ops.step(np.array([np.nan])).numpy(), [0.0])


def test_tests_of_one_element():
    x = np.array([np.nan, np.inf, -np.inf, 0.0, 1e300, *np.arange(20.0)])
    for name in ("isfinite", "isnan", "isinf"):
        np.testing.assert_array_equal(getattr(ops, name)(x).numpy(), getattr(np, name)(x))
        np.testing.assert_array_equal(getattr(ops, name)(np.arange(3)).numpy(), getattr(np, name)(np.arange(3)))
    np.testing.assert_array_equal(ops.logical_not(x).numpy(), np.logical_not(x))


@pytest.mark.parametrize("isa", [isa for isa in _core.isas() if isa != "generic"])
def test_power_of_whole_numbers_is_exact(isa):
    with _core.use_isa(isa):
        for dtype, most in ((np.float32, 2**24), (np.float64, 2**53)):
            pairs = [(a, b) for a in range(-99, 1500) for b in range(9) if abs(a**b) <= most]
            a, b = np.array(pairs, dtype).T
            np.testing.assert_array_equal(ops.power(a, b).numpy(), [x**y for x, y in pairs])


def test_power_float32_is_within_one_ulp():
    rng = np.random.default_rng(1)
    a, b = np.exp(rng.uniform(-20, 20, 100_000)).astype(np.float32), rng.uniform(-8, 8, 100_000).astype(np.float32)
    exact = np.power(a.astype(np.float64), b.astype(np.float64))
    fine = (exact > 1e-37) & (exact < 3e38)
    error = np.abs(ops.power(a, b).numpy() - exact)[fine] / np.spacing(exact[fine].astype(np.float32))
    assert error.max() < 0.501


# ---- number types


@pytest.mark.parametrize(("a", "b", "want"), [
    ("float32", "float32", "float32"), ("float32", "float64", "float64"), ("float32", "int64", "float32"),
    ("float64", "bool", "float64"), ("int32", "int64", "int64"), ("uint8", "int8", "int16"), ("bool", "int32", "int32"),
    ("uint64", "int64", "float32"), ("bool", "bool", "int32"), ("uint8", "uint8", "uint8"),
])
def test_types_of_arrays(a, b, want):
    x, y = np.ones(3, a), np.ones(3, b)
    assert ops.add(x, y).dtype == want
    assert ops.multiply(y, x).dtype == want
    assert ops.divide(x, y).dtype == (want if want.startswith("float") else "float32")


@pytest.mark.parametrize(("array", "scalar", "want"), [
    ("float32", 1, "float32"), ("float64", 1.5, "float64"), ("float32", 1e-3, "float32"), ("int32", 2, "int32"),
    ("int64", 0.5, "float32"), ("uint8", 7, "uint8"), ("bool", 3, "int32"), ("float32", True, "float32"),
    ("float32", np.float64(2), "float64"), ("float64", np.float32(2), "float64"),
])
def test_python_numbers_are_weak(array, scalar, want):
    x = np.ones(3, array)
    for y in (ops.add(x, scalar), ops.add(scalar, x), fastnn.Tensor(x) * scalar, scalar - fastnn.Tensor(x)):
        assert y.dtype == want


def test_floatx_decides_for_integers():
    fastnn.config.set_floatx("float64")
    try:
        assert ops.divide(np.arange(3), 2).dtype == np.float64
        assert ops.exp(np.arange(3)).dtype == np.float64
    finally:
        fastnn.config.set_floatx("float32")


def test_integers_wrap_around():
    x = np.array([250, 255], np.uint8)
    np.testing.assert_array_equal(ops.add(x, 10).numpy(), x + np.uint8(10))
    big = np.array([2**63 - 1, -(2**63)])
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(ops.multiply(big, 3).numpy(), big * 3)
    np.testing.assert_array_equal(ops.power(np.array([2, -3, 0]), 3).numpy(), [8, -27, 0])
    np.testing.assert_array_equal(ops.negative(np.array([1, -2], np.int8)).numpy(), [-1, 2])
    np.testing.assert_array_equal(ops.absolute(np.array([1, -2], np.int8)).numpy(), [1, 2])
    np.testing.assert_array_equal(ops.sign(np.array([5, 0, -2])).numpy(), [1, 0, -1])


def test_large_integers_are_compared_exactly():
    a, b = np.array([2**62, 2**53]), np.array([2**62 + 1, 2**53 + 1])
    assert not ops.equal(a, b).numpy().any()
    assert ops.less(a, b).numpy().all()
    tops = np.array([2**64 - 1, 2**63, 2**63 - 1, 5, 0], np.uint64)
    for name in ("maximum", "minimum", *reference.COMPARE):
        want = getattr(np, name)(tops[:, None], tops)
        np.testing.assert_array_equal(getattr(ops, name)(tops[:, None], tops).numpy(), want, err_msg=name)
    np.testing.assert_array_equal(ops.where([True], a[:1] + 1, b[:1]).numpy(), a[:1] + 1)


def test_scalar_out_of_range_is_an_error():
    with pytest.raises(ValueError, match=re.escape("ops: a Python number must be within the range of uint8; got 300.")):
        ops.add(np.ones(2, np.uint8), 300)


def test_negative_zero_survives_as_a_scalar():
    ops.multiply([1.0], 0.0)
    assert np.signbit(ops.add(np.array([-0.0]), -0.0).numpy()).all()


# ---- casts


CAST_TYPES = [str(dtype) for dtype in dtypes.NUMBERS]


@pytest.mark.parametrize("source", CAST_TYPES)
@pytest.mark.parametrize("target", CAST_TYPES)
def test_cast_matches_numpy(source, target):
    info = np.iinfo if np.dtype(source).kind in "iu" else None
    if info:
        values = [0, 1, 2, info(source).min, info(source).max, info(source).max - 1, 100]
    else:
        values = [0.0, 1.0, 2.5, 100.0, 100.99, 0.25, -0.0]
        if np.dtype(target).kind not in "u":
            values += [-1.0, -2.5, -100.9]
    x = np.resize(np.array(values, source), 700)
    got = ops.cast(x, target).numpy()
    assert got.dtype == target
    np.testing.assert_array_equal(got, x.astype(target))


@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize("target", [t for t in CAST_TYPES if np.dtype(t).kind in "iu"])
def test_cast_out_of_range_saturates(isa, target):
    info = np.iinfo(target)
    with _core.use_isa(isa):
        for source in (np.float32, np.float64):
            x = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, -0.9, 3.99], source)
            want = np.array([0, info.max, info.min, info.max, info.min, 0, 3], target)
            np.testing.assert_array_equal(ops.cast(x, target).numpy(), want)


def test_cast_of_floats():
    x = np.array([1e300, -1e300, 1e-300, 0.1, np.nan])
    with np.errstate(over="ignore"):
        assert_same_bits(ops.cast(x[:-1], "float32").numpy(), x[:-1].astype(np.float32), "float32")
    np.testing.assert_array_equal(ops.cast(x, "bool").numpy(), [True] * 5)
    assert np.isnan(ops.cast(x, "float32").numpy()[4])


def test_cast_is_differentiable_between_floats():
    x = fastnn.Tensor(np.array([1.0, 2.0], np.float32), requires_grad=True)
    (ops.cast(x, "float64") * np.array([3.0, 4.0])).sum().backward()
    assert x.grad.dtype == np.float32
    np.testing.assert_array_equal(x.grad.numpy(), [3.0, 4.0])


@pytest.mark.parametrize("dtype", ["complex64", "str", "float16", "nonsense"])
def test_cast_rejects_other_types(dtype):
    with pytest.raises(TypeError, match=r"ops\.cast: dtype must be one of bool, uint8, .*float64; got"):
        ops.cast([1.0], dtype)


# ---- shapes and strides


def test_shapes_that_do_not_broadcast():
    message = "ops.add: the shapes must be equal, or 1, axis by axis from the last; got (2, 3) and (4,)."
    with pytest.raises(ValueError, match=re.escape(message)):
        ops.add(np.ones((2, 3)), np.ones(4))


@pytest.mark.parametrize("name", ["add", "multiply", "maximum", "power"])
def test_irregular_strides(name):
    x = np.abs(random_array((6, 7, 8, 9))) + 0.5
    views = [
        x[::2, ::3, ::4, ::2], x.transpose(3, 1, 0, 2), x[::-1, :, ::-2], x[:, 2:3],
        np.broadcast_to(x[0, 0], (6, 7, 8, 9)), np.broadcast_to(x[0, :, 0, :, None], (3, 7, 9, 4)).swapaxes(0, 3),
    ]
    for a in views:
        for b in (a, a[..., -1:], a[0], np.asfortranarray(a)):
            np.testing.assert_allclose(getattr(ops, name)(a, b).numpy(), getattr(np, name)(a, b), rtol=1e-15)


def test_short_rows_of_repeated_values():
    """Axes that one operand repeats but the other keeps from becoming one."""
    for rows in (2, 3, 7):
        x, y = random_array((5, 2 * rows, 4))[:, ::2, :3], random_array((5, 1, 1), 1)
        np.testing.assert_array_equal(ops.add(x, y).numpy(), x + y)
        np.testing.assert_array_equal(ops.subtract(y, x).numpy(), y - x)


def test_rank_eight():
    a, b = random_array((2, 1, 2, 1, 2, 1, 2, 3)), random_array((1, 2, 1, 3, 1, 2, 1, 3), 1)
    np.testing.assert_array_equal(ops.multiply(a, b).numpy(), a * b)


def test_rows_of_every_length():
    for cols in range(1, 40):
        x, row = random_array((29, cols)).astype(np.float32), random_array((cols,), 1).astype(np.float32)
        np.testing.assert_array_equal(ops.add(x, row).numpy(), x + row)
        np.testing.assert_array_equal(ops.subtract(row, x).numpy(), row - x)
        column = row[0] + random_array((29, 1), 2).astype(np.float32)
        np.testing.assert_array_equal(ops.multiply(x, column).numpy(), x * column)


def test_writes_stay_inside_the_output():
    """The kernels fill exactly n elements: what lies behind them keeps its value."""
    for size in SIZES:
        for dtype in (np.float32, np.float64):
            x, room = np.ones(size, dtype), np.full(size + 32, 7, dtype)
            fields = {"n": size, "op": maths.NEGATIVE, "alpha": 0.0, "beta": 0.0}
            _core.launch("unary_fwd", x.dtype, x=x, y=room[:size], **fields)
            np.testing.assert_array_equal(room, [-1] * size + [7] * 32)
            broadcast.binary_array(broadcast.ADD, x, x, x.shape, room[:size])
            np.testing.assert_array_equal(room, [2] * size + [7] * 32)


# ---- the same bits


@pytest.mark.parametrize(
    "shapes", [((1000, 37), (37,)), ((70_000,), ()), ((3, 9000), (9000,)), ((500, 3), (500, 1))], ids=str
)
def test_same_bits_for_threads_and_isas(shapes):
    a, b = (np.abs(random_array(shape, seed)).astype(np.float32) for seed, shape in enumerate(shapes))

    def everything():
        names = ("add", "divide", "maximum", "power", "less", "where", "tanh", "exp", "log", "sigmoid", "expm1")
        return [
            getattr(ops, name)(*((a > 1, a, b) if name == "where" else (a, b) if name in names[:5] else (a,))).numpy()
            for name in names
        ]

    base = everything()
    contexts = [_core.simulate_threads(n) for n in THREADS] + [real_threads(2)]
    contexts += [_core.use_isa(isa) for isa in FMA_ISAS]
    for context in contexts:
        with context:
            for got, want in zip(everything(), base, strict=True):
                assert_same_bits(got, want, str(context))


# ---- operators


def test_operators_of_tensors():
    x, y = random_array((3, 4)), np.abs(random_array((4,), 1))
    t = fastnn.Tensor(x)
    for got, want in [
        (t + y, x + y), (y + t, y + x), (t - y, x - y), (y - t, y - x), (t * y, x * y), (2 * t, 2 * x),
        (t / y, x / y), (1 / t, 1 / x), (-t, -x), (abs(t), abs(x)), (abs(t) ** y, abs(x) ** y), (t**2, x**2),
        (2**t, 2**x), (t < y, x < y), (t <= y, x <= y), (t > y, x > y), (t >= y, x >= y), (t == x, x == x),
        (t != x, x != x), (t.astype("int32"), x.astype("int32")),
    ]:
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-15)


def test_gradients_of_shared_inputs():
    x = fastnn.Tensor(np.array([2.0, 3.0]), requires_grad=True)
    (x * x + x / x - x * 4).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [0.0, 2.0])
