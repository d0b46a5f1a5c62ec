"""Divergences and cross-entropies over everything seen."""

from __future__ import annotations

from typing import Any

from fastnn.losses.probabilistic import (
    binary_crossentropy,
    categorical_crossentropy,
    kl_divergence,
    poisson,
    sparse_categorical_crossentropy,
)
from fastnn.metrics.reduction import BuiltinMetric


class BinaryCrossentropy(BuiltinMetric):
    """The mean binary cross-entropy.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional
    from_logits, label_smoothing
        As for `fastnn.losses.binary_crossentropy`.

    Examples
    --------
    >>> from fastnn import metrics
    >>> round(metrics.BinaryCrossentropy()([[0], [1]], [[0.5], [0.5]]).item(), 4)
    0.6931
    """

    _direction = "down"

    def __init__(
        self, name: str | None = "binary_crossentropy", dtype: Any = None, from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(
            binary_crossentropy, name=name, dtype=dtype, from_logits=from_logits, label_smoothing=label_smoothing
        )


class CategoricalCrossentropy(BuiltinMetric):
    """The mean cross-entropy of one-hot targets.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional
    from_logits, label_smoothing, axis
        As for `fastnn.losses.categorical_crossentropy`.

    Examples
    --------
    >>> from fastnn import metrics
    >>> round(metrics.CategoricalCrossentropy()([[0, 1]], [[0.5, 0.5]]).item(), 4)
    0.6931
    """

    _direction = "down"

    def __init__(
        self, name: str | None = "categorical_crossentropy", dtype: Any = None, from_logits: bool = False,
        label_smoothing: float = 0, axis: int = -1,
    ) -> None:
        super().__init__(
            categorical_crossentropy, name=name, dtype=dtype, from_logits=from_logits, label_smoothing=label_smoothing,
            axis=axis,
        )


class SparseCategoricalCrossentropy(BuiltinMetric):
    """The mean cross-entropy of integer labels.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional
    from_logits, ignore_class, axis
        As for `fastnn.losses.sparse_categorical_crossentropy`. As in Keras, ignored samples are left out of a mean
        with weights; in one without weights they count as 0.

    Examples
    --------
    >>> from fastnn import metrics
    >>> round(metrics.SparseCategoricalCrossentropy()([1], [[0.5, 0.5]]).item(), 4)
    0.6931
    """

    _direction = "down"

    def __init__(
        self, name: str | None = "sparse_categorical_crossentropy", dtype: Any = None, from_logits: bool = False,
        ignore_class: int | None = None, axis: int = -1,
    ) -> None:
        super().__init__(
            sparse_categorical_crossentropy, name=name, dtype=dtype, from_logits=from_logits, ignore_class=ignore_class,
            axis=axis,
        )


class KLDivergence(BuiltinMetric):
    """The mean divergence of predicted distributions from the targets' (Kullback and Leibler).

    Parameters
    ----------
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> round(metrics.KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]]).item(), 4)
    0.1438
    """

    _direction = "down"

    def __init__(self, name: str | None = "kl_divergence", dtype: Any = None) -> None:
        super().__init__(kl_divergence, name=name, dtype=dtype)


class Poisson(BuiltinMetric):
    """The mean Poisson loss of predicted means of counts.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> round(metrics.Poisson()([[0, 2]], [[0.5, 1]]).item(), 4)
    0.75
    """

    _direction = "down"

    def __init__(self, name: str | None = "poisson", dtype: Any = None) -> None:
        super().__init__(poisson, name=name, dtype=dtype)
