"""Merging layers: values, gradients, shapes, errors."""

from __future__ import annotations

import functools
import re

import numpy as np
import pytest

import fastnn
from fastnn import layers
from tests.helpers import assert_close, check_differences, random_array

FOLDS = {
    "Add": functools.partial(functools.reduce, np.add),
    "Multiply": functools.partial(functools.reduce, np.multiply),
    "Average": lambda xs: functools.reduce(np.add, xs) / len(xs),
    "Maximum": functools.partial(functools.reduce, np.maximum),
    "Minimum": functools.partial(functools.reduce, np.minimum),
}


def check_merge(name, reference, shapes, reduction=4, **arguments):
    """Values, the promised shape, gradients, and the function of the same name."""
    inputs = [random_array(shape, seed) for seed, shape in enumerate(shapes)]
    want = reference(inputs)
    for dtype in ("float32", "float64"):
        layer = getattr(layers, name)(**arguments, dtype=dtype)
        y = layer([x.astype(dtype) for x in inputs])
        assert_close(y, want, dtype, reduction)
        assert layer.compute_output_shape([(None, *shape[1:]) for shape in shapes]) == (None, *want.shape[1:])
    check_differences(lambda *xs: layer(list(xs)), inputs, {}, 1e-4)
    function = getattr(layers, name.lower())
    np.testing.assert_array_equal(function(inputs, **arguments, dtype="float64").numpy(), y.numpy())


@pytest.mark.parametrize("name", FOLDS)
@pytest.mark.parametrize("shapes", [[(3, 5)], [(3, 5)] * 4, [(2, 3, 4), (2, 1, 4)], [(2, 3, 1), (2, 1, 5), (2, 3, 5)]])
def test_of_any_number(name, shapes):
    check_merge(name, FOLDS[name], shapes)


def test_missing_axes_follow_the_batch_axis():
    check_merge("Add", lambda xs: xs[0] + xs[1][:, None, :], [(2, 3, 4), (2, 4)])
    check_merge("Maximum", lambda xs: np.maximum(xs[0][:, None, None], xs[1]), [(2, 4), (2, 3, 2, 4)])


def test_subtract():
    check_merge("Subtract", lambda xs: xs[0] - xs[1], [(2, 3, 4), (2, 3, 1)])


@pytest.mark.parametrize(
    ("shapes", "axis"), [([(2, 3), (2, 4), (2, 1)], -1), ([(2, 3, 4), (2, 5, 4)], 1), ([(2, 3, 4)], 2)]
)
def test_concatenate(shapes, axis):
    check_merge("Concatenate", lambda xs: np.concatenate(xs, axis), shapes, axis=axis)


def test_concatenate_of_batches():
    y = layers.Concatenate(axis=0)([np.ones((2, 3)), np.zeros((1, 3))])
    assert y.shape == layers.Concatenate(axis=0).compute_output_shape([(2, 3), (1, 3)]) == (3, 3)


@pytest.mark.parametrize(
    ("shapes", "axes", "formula"),
    [
        ([(3, 4), (3, 4)], 1, "ni,ni->n"), ([(3, 4), (3, 4)], -1, "ni,ni->n"),
        ([(3, 4, 2), (3, 4, 5)], 1, "nia,nib->nab"),
        ([(3, 4, 2), (3, 2)], (2, 1), "nai,ni->na"), ([(3, 2), (3, 5, 2)], (1, -1), "ni,nbi->nb"),
        ([(2, 3, 4, 5), (2, 6, 4)], (2, 2), "naib,nci->nabc"), ([(1, 3, 2), (1, 1, 2, 3)], (-2, -1), "nia,nbci->nabc"),
    ],
)  # fmt: skip
def test_dot(shapes, axes, formula):
    def dot(xs):
        y = np.einsum(formula, *xs)
        return y[:, None] if y.ndim == 1 else y

    check_merge("Dot", dot, shapes, axes=axes)


def test_dot_of_normalized_vectors():
    def cosine(xs):
        a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in xs)
        return np.einsum("nia,nib->nab", a, b)

    check_merge("Dot", cosine, [(3, 4, 2), (3, 4, 5)], reduction=16, axes=1, normalize=True)
    zero = fastnn.Tensor(np.zeros((1, 2)), requires_grad=True)
    layers.Dot(1, normalize=True, dtype="float64")([zero, np.ones((1, 2))]).sum().backward()
    assert np.isfinite(zero.grad.numpy()).all()


def test_ties_give_the_gradient_to_the_first():
    for layer in (layers.Maximum(), layers.Minimum()):
        a, b = (fastnn.Tensor(np.ones((1, 1), np.float32), requires_grad=True) for _ in range(2))
        layer([a, b]).sum().backward()
        assert a.grad.item() == 1 and b.grad.item() == 0


@pytest.mark.parametrize(
    ("layer", "shapes", "text"),
    [
        ("Add", [(2, 3), (3, 3)], "Add 'm': inputs must be of one batch size; got (2, 3) and (3, 3)."),
        ("Add", [(2, 3), (2, 4)], "Add 'm': inputs must be of shapes that broadcast; got (2, 3) and (2, 4)."),
        ("Subtract", [(2, 3)], "Subtract 'm': inputs must be a list of exactly 2 tensors; got 1."),
        ("Concatenate", [(2, 3), (2, 3, 1)], "Concatenate 'm': inputs must be of one rank; got (2, 3) and (2, 3, 1)."),
        (
            "Concatenate", [(2, 3, 1), (2, 4, 1)],
            "Concatenate 'm': inputs must be of shapes that differ along axis -1 only; got (2, 3, 1) and (2, 4, 1).",
        ),
    ],
)  # fmt: skip
def test_errors_of_shapes(layer, shapes, text):
    made = getattr(layers, layer)(name="m")
    for call, given in ((made, [np.ones(shape) for shape in shapes]), (made.compute_output_shape, shapes)):
        with pytest.raises(ValueError, match=f"^{re.escape(text)}"):
            call(given)


def test_errors():
    with pytest.raises(ValueError, match=r"^Add 'm': inputs must be a list of tensors; got one of shape \(2, 3\)\."):
        layers.Add(name="m")(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"axes must be behind the batch axis of shape \(2, 3\); got 0"):
        layers.Dot(0)([np.ones((2, 3)), np.ones((2, 3))])
    with pytest.raises(ValueError, match=r"inputs must be of equal sizes along the axes 1; got \(2, 3\) and \(2, 4\)"):
        layers.Dot(1)([np.ones((2, 3)), np.ones((2, 4))])
    with pytest.raises(ValueError, match="axes must be an int or two of them; got"):
        layers.Dot((1, 2, 3))
    with pytest.raises(TypeError, match=r"axes must be an int or two of them; got 1\.5"):
        layers.Dot(1.5)
