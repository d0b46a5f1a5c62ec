"""Images: moved, turned and scaled by projective maps; resized. Images are (n, h, w, c), or one of them (h, w, c)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnn import config, errors
from fastnn._core import empty, launch
from fastnn.autograd import Array, Tensor, TensorLike, as_float, as_tensor, dense, grad_buffer, record
from fastnn.ops.arithmetic import add, divide_no_nan, maximum, minimum, multiply, subtract
from fastnn.ops.dtypes import to_dtype
from fastnn.ops.gather import getitem
from fastnn.ops.logic import equal, less, where
from fastnn.ops.maths import absolute, clip
from fastnn.ops.movement import broadcast_to, concatenate, pad, reshape, transpose
from fastnn.ops.resample import METHODS, resized

__all__ = [
    "affine_transform", "crop_images", "extract_patches", "hsv_to_rgb", "pad_images", "resize", "rgb_to_grayscale",
    "rgb_to_hsv",
]  # fmt: skip

INTERPOLATIONS = ("nearest", "bilinear")
LAYOUTS = ("channels_last", "channels_first")
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
    x, first, single = _batch(who, as_float(images), data_format)
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
    x, first, single = _batch(who, as_float(images), data_format)
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


# ---- parts of images ----------------------------------------------------------------------------------------------


def pad_images(
    images: TensorLike,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Images with zeros around them.

    Parameters
    ----------
    images : array_like
        (n, h, w, c) or (h, w, c).
    top_padding, bottom_padding, target_height : int
        Rows above, rows below, rows of the result: two of the three, which give the third.
    left_padding, right_padding, target_width : int
        Columns in the same way.
    data_format : str, optional
        ``"channels_last"`` or ``"channels_first"``; default `fastnn.config.image_data_format`.

    Examples
    --------
    >>> from fastnn import ops
    >>> image = [[[1.0], [2.0]]]
    >>> ops.image.pad_images(image, 1, 0, target_height=2, target_width=3).numpy()[:, :, 0]
    array([[0., 0., 0.],
           [1., 2., 0.]], dtype=float32)
    """
    who = "ops.image.pad_images"
    x = _images(who, images)
    rows, columns = _places(who, x, data_format)
    top, bottom, _ = _extents(who, "padding", "height", x.shape[rows], top_padding, bottom_padding, target_height)
    left, right, _ = _extents(who, "padding", "width", x.shape[columns], left_padding, right_padding, target_width)
    widths = [(0, 0)] * x.ndim
    widths[rows], widths[columns] = (top, bottom), (left, right)
    return pad(x, widths)


def crop_images(
    images: TensorLike,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Images without their borders.

    Parameters
    ----------
    images : array_like
        (n, h, w, c) or (h, w, c).
    top_cropping, bottom_cropping, target_height : int
        Rows that go above, rows that go below, rows that stay: two of the three, which give the third.
    left_cropping, right_cropping, target_width : int
        Columns in the same way.
    data_format : str, optional
        ``"channels_last"`` or ``"channels_first"``; default `fastnn.config.image_data_format`.

    Examples
    --------
    >>> from fastnn import ops
    >>> image = [[[1.0], [2.0], [3.0]]]
    >>> ops.image.crop_images(image, 0, 1, target_height=1, target_width=2).numpy().ravel()
    array([2., 3.], dtype=float32)
    """
    who = "ops.image.crop_images"
    x = _images(who, images)
    rows, columns = _places(who, x, data_format)
    top, _, height = _extents(who, "cropping", "height", x.shape[rows], top_cropping, bottom_cropping, target_height)
    left, _, width = _extents(who, "cropping", "width", x.shape[columns], left_cropping, right_cropping, target_width)
    cut = [slice(None)] * x.ndim
    cut[rows], cut[columns] = slice(top, top + height), slice(left, left + width)
    return getitem(x, tuple(cut))


def extract_patches(
    images: TensorLike,
    size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    dilation_rate: int = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """The windows of images, each as one long pixel.

    Parameters
    ----------
    images : array_like
        (n, h, w, c) or (h, w, c).
    size : int or tuple of two
        Of a window.
    strides : int or tuple of two, optional
        From window to window; default `size`.
    dilation_rate : int
        Between a window's pixels.
    padding : str
        ``"valid"`` or ``"same"``, with zeros.
    data_format : str, optional
        ``"channels_last"`` or ``"channels_first"``; default `fastnn.config.image_data_format`.

    Returns
    -------
    Tensor
        (n, oh, ow, kh * kw * c): row after row, each pixel with its channels.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.image.extract_patches(np.ones((2, 4, 6, 3), np.float32), 2).shape
    (2, 2, 3, 12)
    """
    who = "ops.image.extract_patches"
    x, first, single = _batch(who, images, data_format)
    number_of(who, "padding", padding, ("valid", "same"))
    window = _two(who, "size", size)
    steps = _two(who, "strides", size if strides is None else strides)
    reach = [(k - 1) * dilation_rate + 1 for k in window]
    if padding == "same":
        spare = [max((-(-n // s) - 1) * s + r - n, 0) for n, s, r in zip(x.shape[1:3], steps, reach, strict=True)]
        x = pad(x, ((0, 0), *((n // 2, n - n // 2) for n in spare), (0, 0)))
    last = [(n - r) // s * s + 1 for n, s, r in zip(x.shape[1:3], steps, reach, strict=True)]
    if min(last) < 1:
        raise errors.value_error(who, "size", f"at most that of the images, {x.shape[1:3]}", size)
    rows, columns = (
        [slice(i * dilation_rate, i * dilation_rate + n, s) for i in range(k)]
        for k, n, s in zip(window, last, steps, strict=True)
    )
    return _as_given(concatenate([getitem(x, (slice(None), i, j)) for i in rows for j in columns], -1), first, single)


def _two(who: str, argument: str, value: int | Sequence[int]) -> tuple[int, int]:
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2 or any(n < 1 for n in pair):
        raise errors.value_error(who, argument, "a positive int or two", value)
    return pair[0], pair[1]


def _places(who: str, x: Tensor, data_format: str | None) -> tuple[int, int]:
    """The axes of rows and columns."""
    first = _channels_first(who, data_format)
    return (x.ndim - 2, x.ndim - 1) if first else (x.ndim - 3, x.ndim - 2)


def _channel_axis(who: str, x: Tensor, data_format: str | None) -> int:
    return x.ndim - 3 if _channels_first(who, data_format) else x.ndim - 1


def _extents(
    who: str, what: str, size: str, n: int, before: int | None, after: int | None, target: int | None
) -> tuple[int, int, int]:
    """What a padding or cropping takes before and after, and the size that it makes of n; one of the three is None."""
    sides = ("top", "bottom") if size == "height" else ("left", "right")
    names = (f"{sides[0]}_{what}", f"{sides[1]}_{what}", f"target_{size}")
    given = [before, after, target]
    if given.count(None) != 1:
        raise errors.value_error(who, ", ".join(names), "two numbers and None", tuple(given))
    sign = 1 if what == "padding" else -1
    if target is None:
        target = n + sign * ((before or 0) + (after or 0))
    elif before is None:
        before = sign * (target - n) - (after or 0)
    else:
        after = sign * (target - n) - before
    found = int(before or 0), int(after or 0), int(target)
    for name, value in zip(names, found, strict=True):
        if value < 0:
            raise errors.value_error(who, name, "at least 0", value)
    return found


# ---- colours ------------------------------------------------------------------------------------------------------


def rgb_to_grayscale(images: TensorLike, data_format: str | None = None) -> Tensor:
    """One channel of brightness, 0.2989 red + 0.587 green + 0.114 blue, of images with three; one stays one.

    Parameters
    ----------
    images : array_like
        (n, h, w, 3) or (h, w, 3).
    data_format : str, optional
        ``"channels_last"`` or ``"channels_first"``; default `fastnn.config.image_data_format`.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.image.rgb_to_grayscale([[[1.0, 0.0, 0.0]]]).numpy().ravel()
    array([0.2989], dtype=float32)
    """
    who = "ops.image.rgb_to_grayscale"
    x = _images(who, images)
    axis = _channel_axis(who, x, data_format)
    if x.shape[axis] == 1:
        return x
    red, green, blue = _channels(who, as_float(x), axis)
    return to_dtype(add(add(multiply(red, 0.2989), multiply(green, 0.5870)), multiply(blue, 0.1140)), x.dtype)


def rgb_to_hsv(images: TensorLike, data_format: str | None = None) -> Tensor:
    """Hue, saturation and value of red, green and blue, all from 0 to 1.

    Parameters
    ----------
    images : array_like
        (n, h, w, 3) or (h, w, 3), of floats.
    data_format : str, optional
        ``"channels_last"`` or ``"channels_first"``; default `fastnn.config.image_data_format`.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.image.rgb_to_hsv([[[0.0, 0.5, 0.0]]]).numpy().ravel().round(4)
    array([0.3333, 1.    , 0.5   ], dtype=float32)
    """
    who = "ops.image.rgb_to_hsv"
    x, axis = _colours(who, images, data_format)
    red, green, blue = _channels(who, x, axis)
    value = maximum(maximum(red, green), blue)
    spread = subtract(value, minimum(minimum(red, green), blue))
    sixth = divide_no_nan(1 / 6, spread)
    hue = where(
        equal(red, value),
        multiply(sixth, subtract(green, blue)),
        where(
            equal(green, value),
            add(multiply(sixth, subtract(blue, red)), 2 / 6),
            add(multiply(sixth, subtract(red, green)), 4 / 6),
        ),
    )
    hue = add(hue, to_dtype(less(hue, 0.0), x.dtype))
    return concatenate([hue, divide_no_nan(spread, value), value], axis)


def hsv_to_rgb(images: TensorLike, data_format: str | None = None) -> Tensor:
    """Red, green and blue of hue, saturation and value, all from 0 to 1.

    Parameters
    ----------
    images : array_like
        (n, h, w, 3) or (h, w, 3), of floats.
    data_format : str, optional
        ``"channels_last"`` or ``"channels_first"``; default `fastnn.config.image_data_format`.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.image.hsv_to_rgb([[[0.5, 1.0, 0.5]]]).numpy().ravel()
    array([0. , 0.5, 0.5], dtype=float32)
    """
    who = "ops.image.hsv_to_rgb"
    x, axis = _colours(who, images, data_format)
    hue, saturation, value = _channels(who, x, axis)
    turn = multiply(hue, 6.0)
    red, green, blue = (
        clip(add(multiply(absolute(subtract(turn, place)), sign), offset), 0.0, 1.0)
        for place, sign, offset in ((3.0, 1.0, -1.0), (2.0, -1.0, 2.0), (4.0, -1.0, 2.0))
    )
    white = subtract(1.0, saturation)
    parts = [multiply(add(white, multiply(saturation, part)), value) for part in (red, green, blue)]
    return concatenate(parts, axis)


def _colours(who: str, images: TensorLike, data_format: str | None) -> tuple[Tensor, int]:
    """Images of floats, and the axis of their channels."""
    x = _images(who, images)
    if x.dtype.kind != "f":
        raise errors.type_error(who, "images", "of floats", errors.Shown(x.dtype.name))
    return x, _channel_axis(who, x, data_format)


def _channels(who: str, x: Tensor, axis: int) -> list[Tensor]:
    """Three images of one channel."""
    if x.shape[axis] != 3:
        raise errors.value_error(who, "images", "of three channels", errors.Shown(f"shape {x.shape}"))
    return [getitem(x, (*[slice(None)] * axis, slice(i, i + 1))) for i in range(3)]


# ---- shared -------------------------------------------------------------------------------------------------------


def number_of(who: str, argument: str, name: Any, known: Sequence[str]) -> int:
    if name not in known:
        raise errors.unknown_name(who, argument, name, known)
    return known.index(name)


def _images(who: str, images: TensorLike) -> Tensor:
    """One image, or several."""
    x = as_tensor(images)
    if x.ndim not in (3, 4):
        rule = "images (n, h, w, c), or one of them"
        raise errors.value_error(who, "images", rule, errors.Shown(f"shape {x.shape}"))
    return x


def _channels_first(who: str, data_format: str | None) -> bool:
    return number_of(who, "data_format", data_format or config.image_data_format(), LAYOUTS) == 1


def _batch(who: str, images: TensorLike, data_format: str | None) -> tuple[Tensor, bool, bool]:
    """Images as (n, h, w, c), whether they had channels first, and whether it was one image."""
    x, first = _images(who, images), _channels_first(who, data_format)
    single = x.ndim == 3
    if single:
        x = reshape(x, (1, *x.shape))
    return (transpose(x, (0, 2, 3, 1)) if first else x), first, single


def _as_given(y: Tensor, first: bool, single: bool) -> Tensor:
    if first:
        y = transpose(y, (0, 3, 1, 2))
    return reshape(y, y.shape[1:]) if single else y
