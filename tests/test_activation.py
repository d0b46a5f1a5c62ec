"""Activation ops: values and gradients against NumPy, derivatives at kinks, extremes."""

from __future__ import annotations

import re

import numpy as np
import pytest

import fastnn
from fastnn import ops
from tests import reference
from tests.helpers import check_op, random_array

NAMES = sorted(reference.ACTIVATIONS)


def off_the_kinks(shape, seed=0):
    """Values from -8 to 8, at least 0.01 away from every multiple of 0.25."""
    x = np.random.default_rng([seed, *shape]).uniform(-8, 8, shape)
    near = np.round(4 * x) / 4
    return np.where(np.abs(x - near) < 0.01, near + 0.01, x)


@pytest.mark.parametrize("name", NAMES)
def test_matches_reference(name):
    for shape in [(0,), (1,), (16,), (17,), (3, 35), ()]:
        check_op(getattr(ops, name), reference.ACTIVATIONS[name], off_the_kinks(shape), step=1e-4)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("elu", {"alpha": 0.3}), ("celu", {"alpha": 1.7}), ("gelu", {"approximate": False}),
        ("hard_shrink", {"threshold": 1.25}), ("soft_shrink", {"threshold": 1.25}), ("squareplus", {"b": 0.5}),
        ("bounded_relu", {"negative_slope": 0.5}), ("bounded_relu", {"max_value": 1.5, "threshold": 0.25}),
        ("bounded_relu", {"max_value": 1.5, "threshold": -1.25}), ("bounded_relu", {"threshold": -1.25}),
        ("bounded_relu", {"negative_slope": 0.5, "max_value": 1.5, "threshold": 1.0}),
    ],
)
def test_takes_arguments(name, arguments):
    check_op(getattr(ops, name), reference.ACTIVATIONS[name], off_the_kinks((71,)), **arguments)


def test_threshold_matches_reference():
    def threshold(x, threshold, default_value):
        return np.where(x > threshold, x, default_value)

    check_op(ops.threshold, threshold, off_the_kinks((3, 17)), threshold=-0.5, default_value=7.0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_out(name, dtype):
    """No overflow where the result is finite; NaN in, NaN out."""
    x = np.array([-1e15, -1000.0, -100.0, -30.0, 30.0, 100.0, 1000.0, 1e15], dtype)
    tensor = fastnn.Tensor(x, requires_grad=True)
    y = getattr(ops, name)(tensor)
    with np.errstate(over="ignore"):
        want = reference.ACTIVATIONS[name](x.astype(np.float64))
    np.testing.assert_allclose(y.numpy(), want, rtol=1e-5, atol=1e-5)
    y.backward(np.ones_like(x))
    slopes = tensor.grad.numpy()
    assert np.isfinite(slopes).all()
    assert np.isnan(getattr(ops, name)(np.array([np.nan], dtype)).numpy()).all()


@pytest.mark.parametrize(
    ("name", "kinks"),
    [  # point: derivative, as TensorFlow has it
        ("relu6", {0: 0, 6: 0}), ("elu", {0: 1}), ("selu", {0: 1.0507009873554805}), ("celu", {0: 1}),
        ("hard_sigmoid", {-3: 0, 3: 0}), ("hard_silu", {-3: 0, 3: 1}), ("hard_tanh", {-1: 1, 1: 1}),
        ("hard_shrink", {-0.5: 0, 0.5: 0}), ("soft_shrink", {-0.5: 0, 0.5: 0}), ("sparse_plus", {-1: 0, 1: 1}),
        ("sparse_sigmoid", {-1: 0, 1: 0}), ("softsign", {0: 1}),
    ],
)
def test_derivatives_at_kinks(name, kinks):
    x = fastnn.Tensor(np.array([*kinks], np.float64), requires_grad=True)
    getattr(ops, name)(x).backward(np.ones(len(kinks)))
    np.testing.assert_allclose(x.grad.numpy(), [*kinks.values()], rtol=1e-15)


def test_bounded_relu_at_its_kinks():
    x = fastnn.Tensor(np.array([0.5, 2.0]), requires_grad=True)
    ops.bounded_relu(x, negative_slope=0.1, max_value=2.0, threshold=0.5).backward(np.ones(2))
    assert x.grad.tolist() == [0, 1]


# ---- along an axis


@pytest.mark.parametrize(("shape", "axis"), [((2,), -1), ((3, 34), 1), ((4, 5), 0), ((2, 6, 3), 1), ((0, 4), -1)])
def test_glu_matches_reference(shape, axis):
    check_op(ops.glu, reference.glu, shape, axis=axis)


def test_glu_halves_an_even_axis():
    with pytest.raises(ValueError, match=re.escape("ops.glu: x's size along axis -1 must be even; got 3.")):
        ops.glu([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("shape", "axis"), [((1,), -1), ((3, 17), -1), ((40, 3), 0), ((2, 33, 2), 1), ((5, 100), -1), ((0, 4), -1)]
)
def test_sparsemax_matches_reference(shape, axis):
    check_op(ops.sparsemax, reference.sparsemax, shape, axis=axis, reduction=16, step=1e-6)


def test_sparsemax_of_ties_and_extremes():
    assert ops.sparsemax([7.0, 7.0, 7.0, 7.0]).tolist() == [0.25, 0.25, 0.25, 0.25]
    assert ops.sparsemax([1e6, 1e6 - 10, -np.inf]).tolist() == [1, 0, 0]
    assert ops.sparsemax([[-np.inf, -np.inf]]).tolist() == [[0.5, 0.5]]
    x = np.random.default_rng(0).standard_normal((50, 1000)).astype(np.float32) * 0.01
    np.testing.assert_allclose(ops.sparsemax(x).numpy().sum(-1), 1, rtol=1e-5)


# ---- with a weight


@pytest.mark.parametrize(
    ("shape", "slope"), [((3, 5), (5,)), ((2, 3, 35), (3, 35)), ((4, 2, 17), (17,)), ((0, 3), (3,))]
)
def test_prelu_matches_reference(shape, slope):
    check_op(ops.prelu, reference.prelu, shape, random_array(slope, 1), reduction=100)


def test_prelu_has_no_derivative_at_zero():
    x, slope = (fastnn.Tensor(np.array([value]), requires_grad=True) for value in (0.0, 0.5))
    ops.prelu(x, slope).backward(np.ones(1))
    assert x.grad.item() == slope.grad.item() == 0
