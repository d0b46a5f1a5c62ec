"""Global settings, under the names of `keras.config`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnn import errors
from fastnn._core import structure_changed

_floatx = "float32"
_epsilon = 1e-7
_image_data_format = "channels_last"
_interactive_logging = True


def floatx() -> str:
    """The float type that layers compute in and that integers become: "float32" unless `set_floatx` changed it.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.config.floatx()
    'float32'
    """
    return _floatx


def set_floatx(value: str) -> None:
    """Compute in another float type: "float32" or "float64".

    Raises
    ------
    ValueError
        For any other name: kernels exist for these two.
    """
    global _floatx
    if value not in ("float32", "float64"):
        raise errors.value_error("set_floatx", "value", "'float32' or 'float64'", value)
    _floatx = value
    structure_changed()


def epsilon() -> float:
    """The fuzz that keeps logarithms and divisions away from zero: 1e-7 unless `set_epsilon` changed it."""
    return _epsilon


def set_epsilon(value: float) -> None:
    """Set the fuzz of `epsilon`; a float above 0."""
    global _epsilon
    if not np.isfinite(value) or value <= 0:
        raise errors.value_error("set_epsilon", "value", "a finite number above 0", value)
    _epsilon = float(value)
    structure_changed()


def image_data_format() -> str:
    """Where images have their channels: "channels_last" unless `set_image_data_format` changed it."""
    return _image_data_format


def set_image_data_format(data_format: str) -> None:
    """Set what layers of images take where they are not told: "channels_last" or "channels_first".

    Raises
    ------
    ValueError
        For anything else.
    """
    global _image_data_format
    if data_format not in ("channels_last", "channels_first"):
        raise errors.value_error(
            "set_image_data_format", "data_format", "'channels_last' or 'channels_first'", data_format
        )
    _image_data_format = data_format
    structure_changed()


def backend() -> str:
    """What computes: "fastnn"."""
    return "fastnn"


def is_interactive_logging_enabled() -> bool:
    """Whether ``verbose="auto"`` shows progress in terminals and notebooks: True unless disabled."""
    return _interactive_logging


def enable_interactive_logging() -> None:
    """Let ``verbose="auto"`` show progress in terminals and notebooks."""
    global _interactive_logging
    _interactive_logging = True


def disable_interactive_logging() -> None:
    """Let ``verbose="auto"`` show nothing."""
    global _interactive_logging
    _interactive_logging = False


if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
