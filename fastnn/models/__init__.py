"""Models, under the names of `keras.models`."""

from typing import TYPE_CHECKING, Any

from fastnn import errors
from fastnn.models.cloning import clone_model, model_from_json
from fastnn.models.functional import Functional
from fastnn.models.model import Model
from fastnn.models.sequential import Sequential

if TYPE_CHECKING:
    from fastnn.saving import load_model as load_model
    from fastnn.saving import save_model as save_model

__all__ = ["Functional", "Model", "Sequential", "clone_model", "model_from_json"]

_FILES = ("load_model", "save_model")  # of the module `saving`, which is imported when it is used


def _load(name: str) -> Any:
    if name in _FILES:
        from fastnn import saving

        return getattr(saving, name)
    return errors.suggesting(__name__)(name)


if not TYPE_CHECKING:
    __getattr__ = _load
