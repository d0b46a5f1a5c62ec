"""Up-sampling of lines and images."""

from __future__ import annotations

from typing import Any

from fastnn import errors
from fastnn.autograd import Tensor
from fastnn.layers.base import Shape
from fastnn.layers.edge import check_positive_int
from fastnn.layers.spatial import Spatial, numbers
from fastnn.ops.resample import METHODS, repeated, resized


class UpSampling1D(Spatial):
    """Every position of a line ``size`` times; lines are (n, length, c).

    Parameters
    ----------
    size : int

    Examples
    --------
    >>> from fastnn.layers import UpSampling1D
    >>> UpSampling1D(2)([[[1.0], [2.0]]]).numpy()[0, :, 0]
    array([1., 1., 2., 2.], dtype=float32)
    """

    rank = 1
    _float_input = True

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__("channels_last", **kwargs)
        self.size = check_positive_int(self._who, "size", size)
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        return repeated(inputs, 1, self.size)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        batch, (length,), channels = self._split_shape(input_shape)
        return batch, None if length is None else length * self.size, channels


class UpSampling2D(Spatial):
    """Images with ``size`` times as many rows and columns.

    Parameters
    ----------
    size : int or tuple of two
    data_format : str, optional
        ``"channels_last"`` or ``"channels_first"``; default `fastnn.config.image_data_format`.
    interpolation : str
        ``"nearest"`` (every pixel is repeated), ``"bilinear"``, ``"bicubic"`` (Keys, a = -0.5), ``"lanczos3"`` or
        ``"lanczos5"``, between the pixels' centres; what an output would read beyond the border does not count. (For
        bicubic and factors that are no powers of two Keras on TensorFlow rounds positions to 1/1024, others do not.)

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import UpSampling2D
    >>> UpSampling2D()(np.ones((1, 4, 4, 3))).shape
    (1, 8, 8, 3)
    """

    _float_input = True

    def __init__(
        self, size: int | tuple[int, int] = (2, 2), data_format: str | None = None, interpolation: str = "nearest",
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(data_format, **kwargs)
        self.size = numbers(self._who, "size", size, 2)
        name = interpolation.lower() if isinstance(interpolation, str) else interpolation
        if name not in ("nearest", *METHODS):
            raise errors.unknown_name(self._who, "interpolation", interpolation, ("nearest", *METHODS))
        self.interpolation = str(name)
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        x = self._channels_last(inputs)
        for axis in (2, 1):  # columns while there are fewer rows
            factor = self.size[axis - 1]
            if self.interpolation == "nearest":
                x = repeated(x, axis, factor)
            else:
                x = resized(x, axis, x.shape[axis] * factor, self.interpolation)
        return self._as_given(x)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        batch, sizes, channels = self._split_shape(input_shape)
        grown = [None if n is None else n * factor for n, factor in zip(sizes, self.size, strict=True)]
        return self._join_shape(batch, grown, channels)
