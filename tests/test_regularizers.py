"""Regularizers: values and gradients against NumPy, names, configurations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from fastnn import Tensor, regularizers
from tests.helpers import check_op


@pytest.mark.parametrize(
    ("regularizer", "l1", "l2"),
    [
        (regularizers.L1(0.3), 0.3, 0.0),
        (regularizers.L2(0.2), 0.0, 0.2),
        (regularizers.L1L2(0.3, 0.2), 0.3, 0.2),
    ],
)
@pytest.mark.parametrize("shape", [(1,), (3, 5), (17, 31), (0, 4)])
def test_matches_reference(regularizer: regularizers.Regularizer, l1: float, l2: float, shape: tuple[int, ...]) -> None:
    def reference(x: np.ndarray) -> np.ndarray:
        return np.asarray(l1 * np.abs(x).sum() + l2 * (x * x).sum())

    check_op(regularizer, reference, shape, reduction=1000)


@pytest.mark.parametrize(
    ("identifier", "config"),
    [
        ("l1", {"l1": 0.01}), ("L1", {"l1": 0.01}), ("l2", {"l2": 0.01}), ("L2", {"l2": 0.01}),
        ("l1_l2", {"l1": 0.0, "l2": 0.0}), ("L1L2", {"l1": 0.0, "l2": 0.0}), ("l1l2", {"l1": 0.0, "l2": 0.0}),
        (regularizers.l1(0.5), {"l1": 0.5}), (regularizers.l1_l2(0.1, 0.2), {"l1": 0.1, "l2": 0.2}),
        ("orthogonal_regularizer", {"factor": 0.01, "mode": "rows"}),
        ({"class_name": "L2", "config": {"l2": 0.5}}, {"l2": 0.5}), (regularizers.L1, {"l1": 0.01}),
    ],
)
def test_names_and_configs(identifier: object, config: dict[str, float]) -> None:
    regularizer = regularizers.get(identifier)
    assert regularizer.get_config() == config
    again = regularizers.deserialize(regularizers.serialize(regularizer))
    assert type(again) is type(regularizer) and again.get_config() == config


@pytest.mark.parametrize("mode", ["rows", "columns"])
@pytest.mark.parametrize("shape", [(2, 3), (5, 17), (3, 2)])
def test_orthogonal_regularizer_matches_reference(mode: str, shape: tuple[int, int]) -> None:
    def reference(x: np.ndarray) -> np.ndarray:
        rows = x if mode == "rows" else x.T
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        cosines = np.abs(rows @ rows.T)[np.triu_indices(len(rows), 1)]
        return np.asarray(0.3 * cosines.mean())

    check_op(regularizers.OrthogonalRegularizer(0.3, mode), reference, shape, reduction=1000)


def test_orthogonal_regularizer_takes_matrices_only() -> None:
    with pytest.raises(ValueError, match=r"OrthogonalRegularizer: x must be a matrix; got shape \(3,\)"):
        regularizers.OrthogonalRegularizer()(np.ones(3))
    with pytest.raises(ValueError, match="mode must be 'rows' or 'columns'; got 'cols'"):
        regularizers.OrthogonalRegularizer(mode="cols")


def test_functions_and_none_pass_through() -> None:
    def penalty(x: Tensor) -> Tensor:
        return x

    assert regularizers.get(penalty) is penalty
    assert regularizers.get(None) is None


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: regularizers.get("l3"), ValueError, r"must be a known name; got 'l3'\. Did you mean 'l[12]'\?"),
        (lambda: regularizers.get(0.1), TypeError, r"must be a name, a configuration or a regularizer; got 0\.1\."),
        (lambda: regularizers.L1(float("nan")), ValueError, r"L1: l1 must be a finite number of at least 0; got nan\."),
        (lambda: regularizers.L2(-1.0), ValueError, r"L2: l2 must be a finite number of at least 0; got -1\.0\."),
        (lambda: regularizers.L1L2(l2="x"), TypeError, r"L1L2: l2 must be a number; got 'x'\."),
    ],
)
def test_rejects_bad_arguments(make: Callable[[], object], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()
