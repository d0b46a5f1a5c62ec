"""What `Model` knows about files; `fastnn.saving` does it, and is imported when it is used."""

from __future__ import annotations

import os
from typing import Any

from fastnn import errors


class Files:
    """Saving and loading, as methods of a model."""

    @property
    def _who(self) -> str:
        raise NotImplementedError

    def save(
        self, filepath: str | os.PathLike[str], overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
    ) -> None:
        """Save the whole model, see `fastnn.saving.save_model`.

        Parameters
        ----------
        filepath : str or path-like
            Ends in ``.keras``, or in ``.npz`` (layers and weights alone).
        overwrite : bool
            Replace a file that exists; False is an error then.
        zipped : bool, optional
            Only True and None exist here.
        """
        from fastnn import saving

        saving.save_model(self, filepath, overwrite, zipped, **kwargs)  # type: ignore[arg-type]  # a Model

    def save_weights(
        self, filepath: str | os.PathLike[str], overwrite: bool = True, max_shard_size: None = None
    ) -> None:
        """Save the weights and the optimizer's state, see `fastnn.saving.save_weights`.

        Parameters
        ----------
        filepath : str or path-like
            Ends in ``.weights.h5``.
        overwrite : bool
            Replace a file that exists; False is an error then.
        max_shard_size
            Keras's; left out here, only None is accepted.
        """
        from fastnn import saving

        saving.save_weights(self, filepath, overwrite, max_shard_size)  # type: ignore[arg-type]  # a Model

    def load_weights(self, filepath: str | os.PathLike[str], skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Read the weights and the optimizer's state, see `fastnn.saving.load_weights`.

        Parameters
        ----------
        filepath : str or path-like
            Ends in ``.weights.h5``; written by `save_weights` or by Keras.
        skip_mismatch : bool
            Leave variables as they are, with a warning, where the file has none or one of another shape.
        """
        from fastnn import saving

        for unknown in kwargs:
            raise errors.unknown_argument(f"{self._who}.load_weights", unknown, ("skip_mismatch",))
        saving.load_weights(self, filepath, skip_mismatch)  # type: ignore[arg-type]  # a Model
