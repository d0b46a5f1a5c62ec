"""Every name of `keras.ops` is called with the same arguments in both, or has a reason to be left out.

Values to 2e-6 and gradients to 1e-5 of the largest; dtypes equal. Where Keras's backends differ, fastnn follows Keras
on TensorFlow: DIFFERENT says how.
"""

from __future__ import annotations

import inspect
import os
from operator import attrgetter
from typing import Any

import keras
import numpy as np
import pytest

import fastnn
from fastnn import Tensor, ops, tree
from tests.ops_cases import CASES, Case
from tests.parity.left_out_ops import LEFT_OUT

ON_JAX = os.environ["KERAS_BACKEND"] == "jax"
NAMES = [name for name in dir(keras.ops) if not name.startswith("_") and not inspect.ismodule(getattr(keras.ops, name))]
OURS = {"getitem"}  # names that Keras does not have

# Called in tests of their own, with layers or by several users of theirs.
ELSEWHERE = {
    "conv", "conv_transpose", "depthwise_conv", "separable_conv", "average_pool", "max_pool", "adaptive_average_pool",
    "adaptive_max_pool", "batch_normalization", "layer_normalization", "rms_normalization", "moments",
    "custom_gradient", "vectorize",
}  # fmt: skip

# Not compared: the name, and how it differs.
DIFFERENT = {
    "argpartition": "any order of the parts is right; here all is sorted",
    "sparsemax": "Keras adds up running sums, so its rows are no probabilities; here they add up to 1",
}
ON_JAX_ONLY = {"depth_to_space", "space_to_depth"}  # channels_first: JAX has channels before blocks


def test_every_name_is_called_or_explained():
    called = {case.name for case in CASES} - OURS
    missing = set(NAMES) - called - ELSEWHERE - set(LEFT_OUT)
    assert not missing
    assert not set(LEFT_OUT) & called
    for name in set(NAMES) - set(LEFT_OUT) - ELSEWHERE:
        theirs, ours = (inspect.signature(getattr(space, name)) for space in (keras.ops, ops))
        assert [(p.name, p.default, p.kind) for p in theirs.parameters.values()] == [
            (p.name, p.default, p.kind) for p in ours.parameters.values()
        ], name


def flat(value: Any) -> list[np.ndarray]:
    if value is None or isinstance(value, str):
        return []
    return [np.asarray(x) for x in tree.flatten(value)]


def close(got: np.ndarray, want: np.ndarray, relative: float, what: str) -> None:
    assert got.shape == want.shape, what
    finite = np.isfinite(want) if want.dtype.kind == "f" else np.ones(want.shape, bool)
    scale = max(1.0, float(np.abs(want[finite].astype(np.float64)).max(initial=0)))
    np.testing.assert_allclose(got, want, rtol=relative, atol=relative * scale, err_msg=what)


def identified(cases: list[Case]) -> list[Any]:
    return [pytest.param(case, id=f"{case.name}-{i}") for i, case in enumerate(cases)]




def comparable(case: Case) -> bool:
    """Whether Keras's backend of today does it, and as TensorFlow does."""
    words = {x for x in case.args if isinstance(x, str)}
    if ON_JAX:
        return not (case.name in ON_JAX_ONLY and "channels_first" in words)
    return case.name != "searchsorted" and not words & {"edge", "wrap"}  # refused by TensorFlow


COMPARED = [c for c in CASES if c.name not in OURS and c.name not in DIFFERENT and comparable(c)]


@pytest.mark.parametrize("case", identified(COMPARED))
def test_values_and_dtypes(case):
    theirs = attrgetter(case.name)(keras.ops)(*case.args, **case.kwargs)
    ours = attrgetter(case.name)(ops)(*case.args, **case.kwargs)
    if isinstance(theirs, (str, bool)):
        assert ours == theirs
    want, got = flat(theirs), flat(ours)
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        close(a, b, 2e-6, case.name)
    for a, b in zip(tree.flatten(ours), tree.flatten(theirs), strict=True):
        if isinstance(a, Tensor) and hasattr(b, "dtype"):
            assert str(a.dtype) == keras.backend.standardize_dtype(b.dtype)


@pytest.mark.skipif(not ON_JAX, reason="gradients are jax.grad's")
@pytest.mark.parametrize("case", identified([case for case in COMPARED if not case.plain]))
def test_gradients(case):
    import jax
    import jax.numpy as jnp

    places = [i for i, x in enumerate(case.args) if isinstance(x, np.ndarray) and x.dtype == np.float32]
    rng = np.random.default_rng(0)
    first = attrgetter(case.name)(ops)(*case.args, **case.kwargs)
    weights = [rng.standard_normal(np.shape(y)).astype(np.float32) for y in flat(first)]

    def total(space: Any, leaves: list[Any]) -> Any:
        args = list(case.args)
        for place, leaf in zip(places, leaves, strict=True):
            args[place] = leaf
        parts = tree.flatten(attrgetter(case.name)(space)(*args, **case.kwargs))
        chosen = [space.sum(y * w) for y, w in zip(parts, weights, strict=True) if "float" in str(y.dtype)]
        return sum(chosen[1:], chosen[0])

    try:
        want = jax.grad(lambda leaves: total(keras.ops, leaves))([jnp.asarray(case.args[i]) for i in places])
    except NotImplementedError:
        pytest.skip("JAX has no gradient of it")
    leaves = [fastnn.Tensor(case.args[i], requires_grad=True) for i in places]
    total(ops, leaves).backward()
    for leaf, theirs in zip(leaves, want, strict=True):
        ours = np.zeros(leaf.shape, np.float32) if leaf.grad is None else leaf.grad.numpy()
        close(ours, np.asarray(theirs), 1e-5, case.name)
