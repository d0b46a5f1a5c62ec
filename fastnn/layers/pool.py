"""Pooling layers: the greatest or the mean value of windows, or of whole images."""

from __future__ import annotations

from typing import Any

from fastnn import errors, ops
from fastnn.autograd import Tensor
from fastnn.layers import edge
from fastnn.layers.base import InputSpec, Layer, Shape, standardize_shape


class _Images(Layer):
    """What all pooling layers share: four axes in, no weights."""

    _float_input = True

    def __init__(self, data_format: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = edge.standardize_data_format(self._who, data_format)
        self.input_spec = InputSpec(ndim=4)
        self.built = True

    def _axes_text(self) -> str:
        return edge.axes_text(self.data_format)

    def _rank_fix(self, rank: int) -> str:
        return edge.rank_fix(rank)


class _Pooling2D(_Images):
    def __init__(
        self,
        pool_size: int | tuple[int, int] = (2, 2),
        strides: int | tuple[int, int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format, name=name, **kwargs)
        self.pool_size = edge.pair(self._who, "pool_size", pool_size)
        self.strides = self.pool_size if strides is None else edge.pair(self._who, "strides", strides)
        self.padding = edge.standardize_padding(self._who, padding)

    def _check_shape(self, shape: Shape) -> None:
        super()._check_shape(shape)
        size, _ = edge.spatial(shape, self.data_format)
        if self.padding == "valid" and edge.too_small(size, self.pool_size):
            raise errors.value_error(
                self._who,
                "the image",
                f"at least as large as the pooling window {self.pool_size}",
                errors.Shown(f"shape {tuple(shape)}"),
                "Use padding='same', a smaller window or larger images.",
            )

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = standardize_shape(self._who, input_shape)
        self._check_shape(shape)
        size, channels = edge.spatial(shape, self.data_format)
        sizes = zip(size, self.pool_size, self.strides, strict=True)
        height, width = (edge.windows(n, k, s, self.padding) for n, k, s in sizes)
        return edge.image_shape(shape[0], (height, width), channels, self.data_format)


class MaxPooling2D(_Pooling2D):
    """The greatest value of each window; padding never wins.

    Parameters
    ----------
    pool_size : int or tuple of two
    strides : int or tuple of two, optional
        Default: ``pool_size``, so that windows do not overlap.
    padding : str
        ``"valid"`` (windows that do not fit are dropped) or ``"same"``.
    data_format : str, optional
    name : str, optional

    Shapes
    ------
    x (n, h, w, c) -> y (n, oh, ow, c)

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import MaxPooling2D
    >>> MaxPooling2D(3)(np.ones((1, 25, 25, 32))).shape
    (1, 8, 8, 32)
    """

    def call(self, x: Tensor) -> Tensor:
        x = edge.to_channels_last(x, self.data_format)
        y = ops.max_pool(x, self.pool_size, self.strides, self.padding, "channels_last")
        return edge.from_channels_last(y, self.data_format)


class AveragePooling2D(_Pooling2D):
    """The mean of each window; padding does not count.

    Parameters
    ----------
    pool_size : int or tuple of two
    strides : int or tuple of two, optional
        Default: ``pool_size``.
    padding : str
        ``"valid"`` or ``"same"``.
    data_format : str, optional
    name : str, optional

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import AveragePooling2D
    >>> AveragePooling2D(2)(np.ones((1, 4, 4, 3))).shape
    (1, 2, 2, 3)
    """

    def __init__(
        self,
        pool_size: int | tuple[int, int],
        strides: int | tuple[int, int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)

    def call(self, x: Tensor) -> Tensor:
        x = edge.to_channels_last(x, self.data_format)
        y = ops.average_pool(x, self.pool_size, self.strides, self.padding, "channels_last")
        return edge.from_channels_last(y, self.data_format)


class _GlobalPooling2D(_Images):
    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self.keepdims = bool(keepdims)
        self._axes = (2, 3) if self.data_format == "channels_first" else (1, 2)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = standardize_shape(self._who, input_shape)
        self._check_shape(shape)
        _, channels = edge.spatial(shape, self.data_format)
        if self.keepdims:
            return edge.image_shape(shape[0], (1, 1), channels, self.data_format)
        return (shape[0], channels)


class GlobalAveragePooling2D(_GlobalPooling2D):
    """The mean of each channel over the whole image.

    Parameters
    ----------
    data_format : str, optional
    keepdims : bool
        Keep the two axes, with size 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import GlobalAveragePooling2D
    >>> GlobalAveragePooling2D()(np.ones((1, 4, 4, 3))).shape
    (1, 3)
    """

    def call(self, x: Tensor) -> Tensor:
        return ops.mean(x, axis=self._axes, keepdims=self.keepdims)


class GlobalMaxPooling2D(_GlobalPooling2D):
    """The greatest value of each channel over the whole image.

    Parameters
    ----------
    data_format : str, optional
    keepdims : bool
        Keep the two axes, with size 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import GlobalMaxPooling2D
    >>> GlobalMaxPooling2D(keepdims=True)(np.ones((1, 4, 4, 3))).shape
    (1, 1, 1, 3)
    """

    def call(self, x: Tensor) -> Tensor:
        return ops.max(x, axis=self._axes, keepdims=self.keepdims)


MaxPool2D = MaxPooling2D
AvgPool2D = AveragePooling2D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalMaxPool2D = GlobalMaxPooling2D
