"""Every case of tests/ops_cases.py: values against NumPy, gradients against differences, the same bits everywhere."""

from __future__ import annotations

import warnings
from operator import attrgetter
from typing import Any

import numpy as np
import pytest

from fastnn import Tensor, _core, ops, tree
from tests.helpers import check_op
from tests.ops_cases import CASES, Case


def identified(cases: list[Case]) -> list[Any]:
    return [pytest.param(case, id=f"{case.name}-{i}") for i, case in enumerate(cases)]


def reference(case: Case) -> Any:
    return getattr(np, case.name) if case.numpy == "same" else case.numpy


def flat(value: Any) -> list[np.ndarray]:
    return [leaf.numpy() if isinstance(leaf, Tensor) else np.asarray(leaf) for leaf in tree.flatten(value)]


def one(value: Any) -> Any:
    """Several results as one row: each part of it has a gradient of its own."""
    if not isinstance(value, (list, tuple)):
        return value
    floats = [x for x in value if not isinstance(x, Tensor) or x.dtype.kind == "f"]
    if isinstance(floats[0], Tensor):
        return ops.concatenate([ops.ravel(x) for x in floats])
    return np.concatenate([np.ravel(x) for x in floats])


@pytest.mark.parametrize("case", identified([c for c in CASES if not c.plain]))
def test_values_and_gradients(case):
    places = [i for i, x in enumerate(case.args) if isinstance(x, np.ndarray) and x.dtype == np.float32]

    def call(function):
        def called(*inputs, **kwargs):
            args = list(case.args)
            for place, x in zip(places, inputs, strict=True):
                args[place] = x
            return one(function(*args, **kwargs))

        return called

    op = call(attrgetter(case.name)(ops))
    want = reference(case)
    check_op(
        op, call(want) if want else lambda *x, **k: op(*x, **k).numpy(), *[case.args[i] for i in places],
        reduction=100, step=1e-5, **case.kwargs,
    )  # fmt: skip


READ_VALUES = {  # or call what the caller wrote
    "unique", "bincount", "histogram", "nonzero", "convert_to_numpy", "map", "scan", "fori_loop", "while_loop",
    "vectorized_map", "associative_scan", "cond", "switch",
}  # fmt: skip


@pytest.mark.parametrize("case", identified([c for c in CASES if c.name not in READ_VALUES]))
def test_a_step_can_be_replayed(case):
    """Recorded twice, the lists of launches agree, and nothing was read."""
    if case.name == "where" and len(case.args) == 1:
        return
    args = [Tensor(x) if isinstance(x, np.ndarray) and x.dtype == np.float32 else x for x in case.args]
    for x in args:
        if isinstance(x, Tensor) and not case.plain:
            x.requires_grad = True
    programs = [_core.Program(), _core.Program()]
    for program in programs:
        for x in args:
            if isinstance(x, Tensor):
                x.zero_grad()
        with program.record():
            y = attrgetter(case.name)(ops)(*args, **case.kwargs)
            leaves = [leaf for leaf in tree.flatten(y) if isinstance(leaf, Tensor) and leaf.requires_grad]
            if leaves:
                ops.sum(ops.concatenate([ops.ravel(leaf) for leaf in leaves])).backward()
        assert program.abandoned is None, program.abandoned
    assert programs[0].same_as(programs[1])


@pytest.mark.parametrize("case", identified([c for c in CASES if c.plain and c.numpy]))
def test_values_without_gradients(case):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of rows that are all NaN
        want = flat(reference(case)(*case.args, **case.kwargs))
    got = flat(attrgetter(case.name)(ops)(*case.args, **case.kwargs))
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)
        assert a.dtype.kind == b.dtype.kind or b.dtype == object
