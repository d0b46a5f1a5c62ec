"""Images of another size: resized, or cut out of the middle."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import errors, ops
from fastnn.autograd import Tensor
from fastnn.layers.base import InputSpec, Layer, Shape, standardize_shape
from fastnn.layers.edge import check_positive_int, standardize_data_format
from fastnn.ops import image
from fastnn.ops.resample import METHODS


class ImageLayer(Layer):
    """The base of layers that take images (n, h, w, c), or a single one (h, w, c)."""

    _float_input = True

    def __init__(self, data_format: str | None = None, bounding_box_format: None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        errors.check_left_out(self._who, bounding_box_format=bounding_box_format)
        self.data_format = standardize_data_format(self._who, data_format)
        self.input_spec = InputSpec(min_ndim=3, max_ndim=4)
        self.built = True

    def _as_batch(self, x: Tensor) -> Tensor:
        """(n, h, w, c)"""
        if x.ndim == 3:
            x = ops.expand_dims(x, 0)
        return ops.transpose(x, (0, 2, 3, 1)) if self.data_format == "channels_first" else x

    def _as_given(self, y: Tensor, ndim: int) -> Tensor:
        if self.data_format == "channels_first":
            y = ops.transpose(y, (0, 3, 1, 2))
        return ops.squeeze(y, 0) if ndim == 3 else y

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = standardize_shape(self._who, input_shape)
        self._check_shape(shape)
        return shape

    def _resized_shape(self, input_shape: Any, height: int, width: int) -> Shape:
        shape = list(ImageLayer.compute_output_shape(self, input_shape))
        at = -2 if self.data_format == "channels_first" else -3
        shape[at], shape[at + 1] = height, width
        return tuple(shape)

    def _axes_text(self) -> str:
        return " (batch, channels, height, width)" if self.data_format == "channels_first" else (
            " (batch, height, width, channels)"
        )


class Resizing(ImageLayer):
    """Images of a given size. Whole numbers stay whole numbers, rounded.

    Parameters
    ----------
    height, width : int
        Of the result.
    interpolation : str
        ``"nearest"``, ``"bilinear"``, ``"bicubic"``, ``"lanczos3"`` or ``"lanczos5"``.
    crop_to_aspect_ratio : bool
        First cut out the largest part in the middle that has the ratio of the result.
    pad_to_aspect_ratio : bool
        First pad to that ratio, with `fill_value`.
    fill_mode : "constant"
    fill_value : float
    antialias : bool
        Where an axis becomes shorter, average over what a pixel covers.
    data_format : str, optional
        ``"channels_last"`` or ``"channels_first"``; default `fastnn.config.image_data_format`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import Resizing
    >>> Resizing(8, 8)(np.ones((1, 4, 6, 3))).shape
    (1, 8, 8, 3)
    """

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format, **kwargs)
        self.height = check_positive_int(self._who, "height", height)
        self.width = check_positive_int(self._who, "width", width)
        image.number_of(self._who, "interpolation", interpolation, ("nearest", *METHODS))
        image.number_of(self._who, "fill_mode", fill_mode, ("constant",))
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            what = "crop_to_aspect_ratio and pad_to_aspect_ratio"
            raise errors.value_error(self._who, what, "given one at a time", True)
        self.interpolation = interpolation
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.fill_mode = fill_mode
        self.fill_value = fill_value
        self.antialias = bool(antialias)

    _float_input = False

    def call(self, data: Tensor) -> Tensor:
        resized = image.resize(
            data,
            (self.height, self.width),
            interpolation=self.interpolation,
            antialias=self.antialias,
            crop_to_aspect_ratio=self.crop_to_aspect_ratio,
            pad_to_aspect_ratio=self.pad_to_aspect_ratio,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )
        if data.dtype.kind == "f":
            return resized
        resized = ops.round(resized)
        if data.dtype.itemsize < 4:  # of larger ones, floats cannot hold the limits
            limits = np.iinfo(data.dtype)
            resized = ops.clip(resized, limits.min, limits.max)
        return ops.cast(resized, data.dtype.name)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return self._resized_shape(input_shape, self.height, self.width)


class CenterCrop(ImageLayer):
    """The middle of images; of images that are smaller, the largest part of that ratio, resized.

    Parameters
    ----------
    height, width : int
    data_format : str, optional
        ``"channels_last"`` or ``"channels_first"``; default `fastnn.config.image_data_format`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import CenterCrop
    >>> CenterCrop(2, 2)(np.arange(16.0).reshape(1, 4, 4, 1)).numpy().ravel()
    array([ 5.,  6.,  9., 10.], dtype=float32)
    """

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self.height = check_positive_int(self._who, "height", height)
        self.width = check_positive_int(self._who, "width", width)

    def call(self, data: Tensor) -> Tensor:
        return self._as_given(self._cut(self._as_batch(data)), data.ndim)

    def _cut(self, x: Tensor) -> Tensor:
        top, left = (x.shape[1] - self.height) // 2, (x.shape[2] - self.width) // 2
        if top >= 0 and left >= 0:
            return x[:, top : top + self.height, left : left + self.width]
        size = self.height, self.width
        return image.resize(image.crop_to_ratio(x, size), size, data_format="channels_last")

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return self._resized_shape(input_shape, self.height, self.width)
