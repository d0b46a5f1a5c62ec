"""Images: moved, turned and scaled by projective maps; resized. Images are (n, h, w, c), or one of them (h, w, c)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnn import config, errors
from fastnn._core import empty, launch
from fastnn.autograd import Array, Tensor, TensorLike, as_float, dense, grad_buffer, record
from fastnn.ops.dtypes import to_dtype
from fastnn.ops.gather import getitem
from fastnn.ops.movement import broadcast_to, pad, reshape, transpose
from fastnn.ops.resample import METHODS, resized

INTERPOLATIONS = ("nearest", "bilinear")
FILL_MODES = ("constant", "nearest", "reflect", "wrap")


def affine_transform(
    images: TensorLike,
    transform: TensorLike,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Tensor:
    """Images whose pixels are read where a map takes their places.

    A map is eight numbers: (x, y) of the output is read at ((m0 x + m1 y + m2) / k, (m3 x + m4 y + m5) / k) with
    k = m6 x + m7 y + 1.

    Parameters
    ----------
    images : array_like
        (n, h, w, c) or (h, w, c).
    transform : array_like
        (n, 8), or (8,) for all images; no gradient goes into it.
    interpolation : str
        ``"nearest"`` or ``"bilinear"``.
    fill_mode : str
        What is outside: ``"constant"`` (`fill_value`), ``"nearest"`` (aaaa|abcd|dddd), ``"reflect"``
        (dcba|abcd|dcba) or ``"wrap"`` (abcd|abcd|abcd).
    fill_value : float
    data_format : str, optional
        ``"channels_last"`` or ``"channels_first"``; default `fastnn.config.image_data_format`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> image = np.arange(4.0).reshape(1, 4, 1)
    >>> ops.image.affine_transform(image, [1, 0, 1, 0, 1, 0, 0, 0]).numpy().ravel()  # one to the left
    array([1., 2., 3., 0.])
    """
    who = "ops.image.affine_transform"
    kind = number_of(who, "interpolation", interpolation, INTERPOLATIONS)
    fill = number_of(who, "fill_mode", fill_mode, FILL_MODES)
    x, first, single = _batch(who, images, data_format)
    maps = to_dtype(as_float(transform), x.dtype)
    if maps.shape not in ((8,), (x.shape[0], 8)):
        got = errors.Shown(f"shape {maps.shape}")
        raise errors.value_error(who, "transform", f"of shape (8,) or ({x.shape[0]}, 8)", got)
    y = transformed(x, broadcast_to(maps, (x.shape[0], 8)), x.shape[1:3], kind, fill, fill_value)
    return _as_given(y, first, single)


def transformed(
    x: Tensor, maps: Tensor, size: Sequence[int], interpolation: int = 0, fill: int = 0, fill_value: float = 0.0
) -> Tensor:
    """(n, h, w, c) read by maps (n, 8) into images of a size; interpolation and fill by their numbers."""
    n, h, w, c = x.shape
    height, width = size
    sizes = {"n": n, "h": h, "w": w, "c": c, "oh": height, "ow": width, "interpolation": interpolation, "fill": fill}
    y = empty((n, height, width, c), x.dtype)
    matrix = dense(maps)
    launch("image_transform_fwd", x.dtype, x=dense(x), matrix=matrix, y=y, value=float(fill_value), **sizes)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x)
        launch("image_transform_bwd", x.dtype, dy=dy, matrix=matrix, dx=dx, **sizes)
        return (dx,)

    return record("affine_transform", y, (x,), gradient)


def resize(
    images: TensorLike,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Tensor:
    """Images of another size.

    Parameters
    ----------
    images : array_like
        (n, h, w, c) or (h, w, c).
    size : tuple of two
        Height and width of the result.
    interpolation : str
        ``"nearest"``, ``"bilinear"``, ``"bicubic"``, ``"lanczos3"`` or ``"lanczos5"``, between the pixels' centres.
    antialias : bool
        Where an axis becomes shorter, average over what a pixel covers; not for nearest.
    crop_to_aspect_ratio : bool
        First cut out the largest part in the middle that has the ratio of the result.
    pad_to_aspect_ratio : bool
        First pad to that ratio, with `fill_value`.
    fill_mode : "constant"
    fill_value : float
    data_format : str, optional

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.image.resize(np.ones((1, 4, 6, 3)), (8, 8)).shape
    (1, 8, 8, 3)
    """
    who = "ops.image.resize"
    number_of(who, "interpolation", interpolation, ("nearest", *METHODS))
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise errors.value_error(who, "crop_to_aspect_ratio and pad_to_aspect_ratio", "given one at a time", True)
    number_of(who, "fill_mode", fill_mode, ("constant",))
    target = tuple(size)
    if len(target) != 2 or any(isinstance(n, bool) or not hasattr(n, "__index__") or n < 1 for n in target):
        raise errors.value_error(who, "size", "two positive ints", size)
    x, first, single = _batch(who, images, data_format)
    if crop_to_aspect_ratio:
        x = crop_to_ratio(x, target)
    elif pad_to_aspect_ratio:
        x = _pad_to_ratio(x, target, fill_value)
    for axis in (2, 1):  # columns while there are fewer rows
        x = resized(x, axis, int(target[axis - 1]), interpolation, antialias)
    return _as_given(x, first, single)


def crop_to_ratio(x: Tensor, target: Sequence[int]) -> Tensor:
    """The largest part in the middle of (n, h, w, c) that has the ratio of the target."""
    height, width = x.shape[1:3]
    rows = max(min(height, int(width * target[0] / target[1])), 1)
    columns = max(min(width, int(height * target[1] / target[0])), 1)
    top, left = (height - rows) // 2, (width - columns) // 2
    return getitem(x, (slice(None), slice(top, top + rows), slice(left, left + columns)))


def _pad_to_ratio(x: Tensor, target: Sequence[int], value: float) -> Tensor:
    height, width = x.shape[1:3]
    top = (max(height, int(width * target[0] / target[1])) - height) // 2
    left = (max(width, int(height * target[1] / target[0])) - width) // 2
    return pad(x, ((0, 0), (top, top), (left, left), (0, 0)), constant_values=value) if top or left else x


# ---- arguments ----------------------------------------------------------------------------------------------------


def number_of(who: str, argument: str, name: Any, known: Sequence[str]) -> int:
    if name not in known:
        raise errors.unknown_name(who, argument, name, known)
    return known.index(name)


def _batch(who: str, images: TensorLike, data_format: str | None) -> tuple[Tensor, bool, bool]:
    """Images as (n, h, w, c), whether they had channels first, and whether it was one image."""
    x = as_float(images)
    if x.ndim not in (3, 4):
        rule = "images (n, h, w, c), or one of them"
        raise errors.value_error(who, "images", rule, errors.Shown(f"shape {x.shape}"))
    layout = data_format or config.image_data_format()
    if layout not in ("channels_last", "channels_first"):
        raise errors.unknown_name(who, "data_format", data_format, ("channels_last", "channels_first"))
    single, first = x.ndim == 3, layout == "channels_first"
    if single:
        x = reshape(x, (1, *x.shape))
    return (transpose(x, (0, 2, 3, 1)) if first else x), first, single


def _as_given(y: Tensor, first: bool, single: bool) -> Tensor:
    if first:
        y = transpose(y, (0, 3, 1, 2))
    return reshape(y, y.shape[1:]) if single else y
