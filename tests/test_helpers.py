"""The helpers are tests' foundation, so wrong ops must make them fail."""

import numpy as np
import pytest

from fastnn._core import empty
from fastnn.autograd import as_float, record
from tests.helpers import assert_close, assert_same_bits, check_op, strided


def double(x, factor=2.0, slope=2.0):
    """An op that doubles; its value and gradient can be made wrong."""
    x = as_float(x)
    y = empty(x.shape, x.dtype)
    y[...] = x.data * factor

    def gradient(dy):
        return (dy * np.asarray(slope, dy.dtype),)

    return record("double", y, (x,), gradient)


def test_check_op_accepts_a_right_op():
    check_op(double, lambda x: 2 * x, (3, 5))


def test_check_op_rejects_a_wrong_value():
    with pytest.raises(AssertionError, match="value in float32"):
        check_op(lambda x: double(x, factor=2.001), lambda x: 2 * x, (3, 5))


def test_check_op_rejects_a_wrong_gradient():
    with pytest.raises(AssertionError, match="differences"):
        check_op(lambda x: double(x, slope=2.00001), lambda x: 2 * x, (3, 5))


def test_check_op_rejects_bits_that_depend_on_strides():
    def layout_dependent(x):
        x = as_float(x)
        return double(x, factor=2.0 if x.data.flags.c_contiguous else 2.0000003)

    with pytest.raises(AssertionError, match="bits differ"):
        check_op(layout_dependent, lambda x: 2 * x, np.ones((3, 5)).T.astype(np.float64).copy())


def test_assert_close_sees_shape_nan_and_infinity():
    with pytest.raises(AssertionError):
        assert_close(np.ones(3), np.ones((3, 1)), np.float32)
    with pytest.raises(AssertionError):
        assert_close(np.array([np.nan]), np.array([1.0]), np.float32)
    with pytest.raises(AssertionError):
        assert_close(np.array([np.inf]), np.array([-np.inf]), np.float32)


def test_assert_same_bits_sees_the_sign_of_zero():
    with pytest.raises(AssertionError):
        assert_same_bits(np.array([0.0]), np.array([-0.0]), "zero")


def test_strided_keeps_values():
    x = np.arange(6.0).reshape(2, 3)
    y = strided(x)
    assert not y.flags.c_contiguous and (y == x).all()
