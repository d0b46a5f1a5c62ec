"""Models, under the names of `keras.models`."""

from typing import TYPE_CHECKING

from fastnn import errors
from fastnn.models.functional import Functional
from fastnn.models.model import Model
from fastnn.models.sequential import Sequential

__all__ = ["Functional", "Model", "Sequential"]

if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
