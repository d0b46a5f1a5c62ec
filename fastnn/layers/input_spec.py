"""InputSpec: what a layer accepts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnn import errors


class InputSpec:
    """What a layer accepts: rank, least rank, and sizes of single axes.

    Parameters
    ----------
    dtype : str, optional
        Kept for Keras's signature; layers convert to their own dtype.
    shape : tuple, optional
        The whole expected shape; None where any size will do.
    ndim, max_ndim, min_ndim : int, optional
        The rank, or its bounds, batch axis included.
    axes : dict, optional
        Expected size by axis, ``{-1: 784}``.
    allow_last_axis_squeeze : bool
        Whether a last axis of size 1 may be missing, or be there beyond those of ``shape``.
    name : str, optional
        The key of the input, where a layer takes a dict.
    optional : bool
        Whether None may stand for the input.

    Examples
    --------
    >>> from fastnn.layers import InputSpec
    >>> InputSpec(min_ndim=2, axes={-1: 784})
    InputSpec(min_ndim=2, axes={-1: 784})
    """

    def __init__(
        self,
        dtype: str | None = None,
        shape: Sequence[int | None] | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = dtype
        self.shape = None if shape is None else tuple(shape)
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = dict(axes or {})
        if self.shape is not None:
            self.axes |= {i: n for i, n in enumerate(self.shape) if n is not None}
        self.allow_last_axis_squeeze = bool(allow_last_axis_squeeze)
        self.optional = bool(optional)
        self.name = name

    def fitted(self, shape: Sequence[int | None]) -> Sequence[int | None]:
        """The shape with a last axis of size 1 added or dropped, where that is allowed and makes it fit."""
        if self.allow_last_axis_squeeze and self.shape is not None:
            if len(shape) == len(self.shape) + 1 and shape[-1] == 1:
                return shape[:-1]
            if len(shape) == len(self.shape) - 1 and self.shape[-1] == 1:
                return (*shape, 1)
        return shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        names = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> InputSpec:
        """An InputSpec from what `get_config` returned."""
        return cls(**config)

    def __repr__(self) -> str:
        given = ((k, v) for k, v in vars(self).items() if v is not None and v != {} and v is not False)
        return f"InputSpec({', '.join(f'{k}={v}' for k, v in given)})"


def shape_error(who: str, rule: str, shape: Sequence[int | None], got: object, fix: str) -> ValueError:
    return errors.value_error(who, "x", rule, errors.Shown(f"{got} (shape {tuple(shape)})"), fix)
