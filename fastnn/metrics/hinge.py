"""Margins over everything seen."""

from __future__ import annotations

from typing import Any

from fastnn.losses.hinge import categorical_hinge, hinge, squared_hinge
from fastnn.metrics.reduction import BuiltinMetric


class Hinge(BuiltinMetric):
    """How far margins are below 1, in the mean; labels are -1 and 1, or 0 and 1.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.Hinge()([[0, 1]], [[0.5, 0.5]]).item()
    1.0
    """

    _direction = "down"

    def __init__(self, name: str | None = "hinge", dtype: Any = None) -> None:
        super().__init__(hinge, name=name, dtype=dtype)


class SquaredHinge(BuiltinMetric):
    """The mean square of how far margins are below 1; labels are -1 and 1, or 0 and 1.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.SquaredHinge()([[0, 1]], [[0.5, 0.5]]).item()
    1.25
    """

    _direction = "down"

    def __init__(self, name: str | None = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(squared_hinge, name=name, dtype=dtype)


class CategoricalHinge(BuiltinMetric):
    """How far right classes are from leading the others by 1, in the mean.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.CategoricalHinge()([[0, 1, 0]], [[0.5, 0.75, 0.25]]).item()
    0.75
    """

    _direction = "down"

    def __init__(self, name: str | None = "categorical_hinge", dtype: Any = None) -> None:
        super().__init__(categorical_hinge, name=name, dtype=dtype)
