"""Helpers under the names of `keras.utils`."""

from __future__ import annotations

import random as python_random
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import errors, random, registry


def set_random_seed(seed: int) -> None:
    """Make everything random repeatable: Python's and NumPy's generators, initial weights, shuffling and dropout.

    Parameters
    ----------
    seed : int
        0 <= seed < 2**32.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.utils.set_random_seed(0)
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise errors.type_error("set_random_seed", "seed", "an int", seed)
    if not 0 <= seed < 2**32:
        raise errors.value_error("set_random_seed", "seed", "in 0 ... 2**32 - 1", seed)
    python_random.seed(int(seed))
    np.random.seed(int(seed))  # noqa: NPY002 (the user's own calls of np.random are meant)
    random.set_global_seed(int(seed))


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """Class numbers as one-hot rows.

    Parameters
    ----------
    x : array_like of int
        Class numbers from 0; a last axis of size 1 is dropped.
    num_classes : int, optional
        Default: the largest class number + 1.

    Returns
    -------
    ndarray of float64, of shape x.shape + (num_classes,)

    Examples
    --------
    >>> from fastnn.utils import to_categorical
    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    labels = np.asarray(x.numpy() if hasattr(x, "numpy") else x)
    if labels.dtype.kind not in "iub" and not (labels.dtype.kind == "f" and np.array_equal(labels, np.floor(labels))):
        fix = "Make class numbers of texts: classes, y = np.unique(y, return_inverse=True)."
        raise errors.type_error("to_categorical", "x", "class numbers", labels, fix)
    labels = labels.astype(np.int64)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if num_classes is None:
        num_classes = int(labels.max()) + 1 if labels.size else 0
    if labels.size and (labels.min() < 0 or labels.max() >= num_classes):
        wrong = int(labels.max()) if labels.max() >= num_classes else int(labels.min())
        raise errors.value_error("to_categorical", "x", f"in 0 ... {num_classes - 1}", wrong, "Raise num_classes.")
    rows = np.zeros((labels.size, num_classes))
    rows[np.arange(labels.size), labels.ravel()] = 1
    return rows.reshape(*labels.shape, num_classes)


def clear_session(free_memory: bool = True) -> None:
    """Begin the automatic names of layers again: dense, dense_1, ...

    Parameters
    ----------
    free_memory : bool
        Also run the garbage collector.
    """
    registry.reset_names()
    if free_memory:
        import gc

        gc.collect()

if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
