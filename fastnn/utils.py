"""Helpers under the names of `keras.utils`."""

from __future__ import annotations

import random as python_random
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import config, errors, random, registry
from fastnn.config import disable_interactive_logging as disable_interactive_logging
from fastnn.config import enable_interactive_logging as enable_interactive_logging
from fastnn.config import is_interactive_logging_enabled as is_interactive_logging_enabled
from fastnn.plot import plot_model as plot_model
from fastnn.preprocessing.sequence import pad_sequences as pad_sequences
from fastnn.registry import CustomObjectScope as CustomObjectScope
from fastnn.registry import custom_object_scope as custom_object_scope
from fastnn.registry import deserialize_keras_object as deserialize_keras_object
from fastnn.registry import get_custom_objects as get_custom_objects
from fastnn.registry import get_registered_name as get_registered_name
from fastnn.registry import get_registered_object as get_registered_object
from fastnn.registry import register_keras_serializable as register_keras_serializable
from fastnn.registry import serialize_keras_object as serialize_keras_object
from fastnn.symbolic import is_keras_tensor as is_keras_tensor


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


def normalize(x: Any, axis: int = -1, order: int = 2) -> Any:
    """x divided by its norms along an axis; what is all 0 stays so.

    Parameters
    ----------
    x : array_like
    axis : int
    order : int
        Of the norm: 2 is Euclid's.

    Examples
    --------
    >>> from fastnn.utils import normalize
    >>> normalize([[3.0, 4.0], [0.0, 0.0]])
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    array = np.asarray(x)
    norm = np.linalg.norm(array, order, axis, keepdims=True)
    return array / np.where(norm == 0, 1, norm)


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """x, y and sample weights, None where there are none, from what `train_step` and its like are given.

    Parameters
    ----------
    data : x, or a tuple or list (x,), (x, y) or (x, y, sample_weight)

    Examples
    --------
    >>> from fastnn.utils import unpack_x_y_sample_weight
    >>> unpack_x_y_sample_weight(("images", "labels"))
    ('images', 'labels', None)
    """
    if not isinstance(data, (tuple, list)):
        return data, None, None
    if not 1 <= len(data) <= 3:
        got = errors.Shown(f"a {type(data).__name__} of {len(data)}")
        raise errors.value_error("unpack_x_y_sample_weight", "data", "x, (x,), (x, y) or (x, y, sample_weight)", got)
    x, y, weight = (*data, None, None)[:3]
    return x, y, weight


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """The tuple that `unpack_x_y_sample_weight` takes apart; x alone where it is all there is, and no list or tuple.

    Examples
    --------
    >>> from fastnn.utils import pack_x_y_sample_weight
    >>> pack_x_y_sample_weight("images", "labels")
    ('images', 'labels')
    """
    if y is None:
        return (x,) if isinstance(x, (tuple, list)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


class PyDataset:
    """Batches computed in Python: subclass it with ``__len__``, the number of batches, and ``__getitem__``.

    ``dataset[i]`` is batch i as ``(x, y)`` or ``(x, y, sample_weight)``. `fit` takes the batches in a new order in
    every epoch (``shuffle=False``: in theirs), and prepares some ahead while the model trains.

    Parameters
    ----------
    workers : int
        Threads or processes that call ``__getitem__`` at the same time; 0: it is called in the thread that trains.
    use_multiprocessing : bool
        Use processes, each with a copy of the dataset: for work in Python itself, which threads cannot share.
    max_queue_size : int
        Batches that the workers may be ahead.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.utils import PyDataset
    >>> class Squares(PyDataset):
    ...     def __len__(self):
    ...         return 10
    ...     def __getitem__(self, index):
    ...         x = np.arange(32 * index, 32 * index + 32.0)[:, None]
    ...         return x, x**2
    >>> Squares(workers=2).num_batches
    10
    """

    # Class attributes, so that a subclass need not call __init__.
    workers: int = 1
    use_multiprocessing: bool = False
    max_queue_size: int = 10

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    def __getitem__(self, index: int) -> Any:
        """Batch number ``index``."""
        raise NotImplementedError(f"{type(self).__name__}: __getitem__(self, index) must return a batch. Write it.")

    @property
    def num_batches(self) -> int | None:
        """The number of batches; None for a dataset without end."""
        length = getattr(type(self), "__len__", None)
        if length is None:
            raise NotImplementedError(
                f"{type(self).__name__}: __len__(self) must return the number of batches. "
                "Write it, or a property num_batches that is None for a dataset without end."
            )
        return int(length(self))

    def on_epoch_begin(self) -> None:
        """Called before every epoch."""

    def on_epoch_end(self) -> None:
        """Called after every epoch."""


Sequence = PyDataset  # its name in earlier versions of Keras


def standardize_dtype(dtype: Any) -> str:
    """The name of a dtype: "float32" for ``np.float32``, None (`fastnn.config.floatx`), ``float``, ...

    Examples
    --------
    >>> import numpy as np, fastnn
    >>> fastnn.utils.standardize_dtype(np.dtype("<i8")), fastnn.utils.standardize_dtype(None)
    ('int64', 'float32')
    """
    if dtype is None or dtype is float:
        return config.floatx()
    if dtype is int:
        return "int32"
    try:
        return str(np.dtype(getattr(dtype, "name", dtype)).name)
    except TypeError:
        raise errors.value_error("standardize_dtype", "dtype", "a dtype's name", dtype) from None


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
