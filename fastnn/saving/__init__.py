"""Models in files. Loading never unpickles, imports or executes anything that a file names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from fastnn import errors
from fastnn.registry import CustomObjectScope as CustomObjectScope
from fastnn.registry import custom_object_scope as custom_object_scope
from fastnn.registry import deserialize_keras_object as deserialize_keras_object
from fastnn.registry import get_custom_objects as get_custom_objects
from fastnn.registry import get_registered_name as get_registered_name
from fastnn.registry import get_registered_object as get_registered_object
from fastnn.registry import register_keras_serializable as register_keras_serializable
from fastnn.registry import serialize_keras_object as serialize_keras_object
from fastnn.saving.atomic import check_target
from fastnn.saving.hdf5 import load_weights as load_weights
from fastnn.saving.hdf5 import save_weights as save_weights
from fastnn.saving.npz import load_npz as load_npz
from fastnn.saving.npz import save_npz as save_npz

if TYPE_CHECKING:
    from fastnn.models.model import Model


def save_model(
    model: Model, filepath: str | os.PathLike[str], overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
) -> None:
    """Save a whole model: layers, weights, how it was compiled and the optimizer's state.

    Parameters
    ----------
    model : Model
    filepath : str or path-like
        Ends in ``.keras``: Keras 3's format, which needs h5py. Or in ``.npz``: layers and weights alone, NumPy alone.
        The file is written completely or not at all.
    overwrite : bool
        Replace a file that exists; False is an error then.
    zipped : bool, optional
        Only True and None exist here.

    Examples
    --------
    >>> import os, tempfile, fastnn as keras
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     keras.saving.save_model(model, os.path.join(folder, "model.npz"))
    ...     again = keras.saving.load_model(os.path.join(folder, "model.npz"))
    >>> again.count_params()
    8
    """
    for unknown in kwargs:
        raise errors.unknown_argument("save_model", unknown, ("overwrite", "zipped"))
    if zipped is False:
        raise errors.value_error("save_model", "zipped", "True or None", zipped)
    if str(os.fspath(filepath)).endswith(".npz"):
        check_target("save_model", filepath, ".npz", overwrite)
        save_npz(model, filepath)  # type: ignore[arg-type]  # it says which models it takes
        return
    from fastnn.saving import keras_file

    keras_file.save(model, filepath, overwrite)


def load_model(
    filepath: str | os.PathLike[str], custom_objects: Any = None, compile: bool = True, safe_mode: bool = True
) -> Model:
    """Make the model that `save_model`, or Keras 3, saved.

    Parameters
    ----------
    filepath : str or path-like
        Ends in ``.keras`` or ``.npz``.
    custom_objects : dict, optional
        Classes and functions of your own by name.
    compile : bool
        Compile it as it was when it was saved.
    safe_mode : bool
        Accepted for Keras. There is no other mode: a function that is stored as code is never executed.

    Raises
    ------
    ValueError
        If the file is damaged or none of ours or Keras's.
    """
    if str(os.fspath(filepath)).endswith(".npz"):
        return load_npz(filepath)  # type: ignore[no-any-return]  # of the kind that the file names
    from fastnn.saving import keras_file

    if not str(os.fspath(filepath)).endswith(keras_file.SUFFIX):
        raise errors.value_error("load_model", "filepath", "a name that ends in .keras or .npz", os.fspath(filepath))
    return keras_file.load(filepath, custom_objects, compile)


if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
