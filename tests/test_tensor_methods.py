"""Operators, methods and indices of tensors are NumPy's."""

from __future__ import annotations

import operator

import numpy as np
import pytest

import fastnn
from fastnn import ops
from tests.helpers import check_op, random_array

A, B = np.array([[7, -3, 2], [5, 0, 9]], np.int32), np.array([2, 3, 4], np.int32)


@pytest.mark.parametrize(
    "name", "add sub mul truediv floordiv mod pow and_ or_ xor lshift rshift lt le gt ge eq ne".split()
)
def test_operators_are_numpys(name):
    function = getattr(operator, name)
    for a, b in ((A, B), (A, 3), (2, B)):
        ours = [fastnn.Tensor(x) if isinstance(x, np.ndarray) else x for x in (a, b)]
        np.testing.assert_allclose(function(*ours).numpy(), function(a, b), rtol=1e-6)
        if isinstance(b, np.ndarray) and isinstance(a, np.ndarray):
            np.testing.assert_allclose(function(a, ours[1]).numpy(), function(a, b), rtol=1e-6)


def test_other_operators():
    x = fastnn.Tensor(A)
    assert (~x).tolist() == (~A).tolist() and (~fastnn.Tensor([True])).tolist() == [False]
    quotient, rest = divmod(x, 4)
    assert quotient.tolist() == (A // 4).tolist() and rest.tolist() == (A % 4).tolist()
    assert round(fastnn.Tensor([1.26]), 1).tolist() == pytest.approx([1.3])
    y = x
    y += 1
    assert y.tolist() == (A + 1).tolist() and x.tolist() == A.tolist()
    assert (A.T @ fastnn.Tensor(A)).tolist() == (A.T @ A).tolist()


@pytest.mark.parametrize(
    ("name", "args"),
    [("sum", (0,)), ("prod", (1,)), ("mean", ()), ("max", (0,)), ("min", ()), ("var", (1,)), ("std", ()),
     ("argmax", (1,)), ("argmin", ()), ("cumsum", (1,)), ("cumprod", (0,)), ("clip", (-0.5, 0.5)), ("round", (1,)),
     ("take", ([1, 0], 1)),
     ("repeat", (2, 0)), ("swapaxes", (0, 1)), ("ravel", ()), ("flatten", ()), ("transpose", ()), ("transpose", (1, 0)),
     ("transpose", ((1, 0),)), ("reshape", (6,)), ("reshape", (3, 2)), ("squeeze", ()), ("copy", ()), ("argsort", (1,)),
     ("dot", (np.ones(3),))],
)  # fmt: skip
def test_methods_are_numpys(name, args):
    x = random_array((2, 3))
    np.testing.assert_allclose(getattr(fastnn.Tensor(x), name)(*args).numpy(), getattr(x, name)(*args), rtol=1e-12)
    assert fastnn.Tensor([True, False]).any().item() and not fastnn.Tensor([True, False]).all().item()


K, J = np.array([[0, 1], [-1, 2]]), np.array([3, 0])


@pytest.mark.parametrize(
    "index",
    [(K, J), (K, slice(1, 3), J), (slice(None), K, J), (0, K, J), (K, 1, J), (slice(None), K, slice(None), J),
     (..., K, J), (K, None, J), (K, 0, slice(None), J)],
)  # fmt: skip
def test_several_index_arrays_are_numpys(index):
    x = random_array((3, 4, 5, 4))
    check_op(lambda t: t[index] if isinstance(t, fastnn.Tensor) else ops.getitem(t, index), lambda a: a[index], x,
             reduction=8)


def test_tensors_as_indices():
    x = random_array((4, 5))
    i, j = fastnn.Tensor(np.array(2)), fastnn.Tensor(np.array(-1))
    assert ops.array(x)[i].tolist() == x[2].tolist() and ops.array(x)[i, j].item() == x[2, -1]
    assert ops.array(x)[:, i].tolist() == x[:, 2].tolist()
    with pytest.raises(IndexError):
        ops.array(x)[fastnn.Tensor(np.array(4))]
    with pytest.raises(IndexError):
        ops.array(x)[i, fastnn.Tensor(np.array([5]))]
