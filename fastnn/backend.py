"""What scripts take from `keras.backend`; it all lives in `fastnn.config` and `fastnn.utils`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import errors, registry
from fastnn.config import backend as backend
from fastnn.config import epsilon as epsilon
from fastnn.config import floatx as floatx
from fastnn.config import image_data_format as image_data_format
from fastnn.config import set_epsilon as set_epsilon
from fastnn.config import set_floatx as set_floatx
from fastnn.config import set_image_data_format as set_image_data_format
from fastnn.symbolic import is_keras_tensor as is_keras_tensor
from fastnn.utils import clear_session as clear_session
from fastnn.utils import standardize_dtype as standardize_dtype


def is_float_dtype(dtype: Any) -> bool:
    """Whether a dtype is a floating-point one.

    Examples
    --------
    >>> from fastnn import backend
    >>> backend.is_float_dtype("float32"), backend.is_float_dtype("int32")
    (True, False)
    """
    return np.dtype(standardize_dtype(dtype)).kind == "f"


def is_int_dtype(dtype: Any) -> bool:
    """Whether a dtype is one of whole numbers, signed or not."""
    return np.dtype(standardize_dtype(dtype)).kind in "iu"


def get_uid(prefix: str = "") -> int:
    """The next number of a series of its own for each prefix, from 1.

    Examples
    --------
    >>> from fastnn import backend
    >>> backend.get_uid("a series"), backend.get_uid("a series")
    (1, 2)
    """
    return registry.next_number(prefix) + 1


if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
