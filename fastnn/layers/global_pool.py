"""Global pooling layers: the greatest or the mean value of each channel over a whole line or image."""

from __future__ import annotations

from typing import Any

from fastnn import ops
from fastnn.autograd import Tensor
from fastnn.layers.base import Shape
from fastnn.layers.spatial import Spatial


class BaseGlobalPooling(Spatial):
    """What global pooling over one and two axes shares."""

    _float_input = True

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self.keepdims = bool(keepdims)
        self.built = True

    def _axes(self) -> tuple[int, ...]:
        first = 2 if self._first() else 1
        return tuple(range(first, first + self.rank))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        batch, _, channels = self._split_shape(input_shape)
        return self._join_shape(batch, (1,) * self.rank, channels) if self.keepdims else (batch, channels)


class _GlobalAverage(BaseGlobalPooling):
    def call(self, inputs: Tensor) -> Tensor:
        return ops.mean(inputs, axis=self._axes(), keepdims=self.keepdims)


class _GlobalMax(BaseGlobalPooling):
    def call(self, inputs: Tensor) -> Tensor:
        return ops.max(inputs, axis=self._axes(), keepdims=self.keepdims)


class GlobalAveragePooling1D(_GlobalAverage):
    """The mean of each channel over the whole line; with a ``mask`` (n, steps), over the steps that count.

    Parameters
    ----------
    data_format : str, optional
    keepdims : bool
        Keep the axis, with size 1.

    Examples
    --------
    >>> from fastnn.layers import GlobalAveragePooling1D
    >>> GlobalAveragePooling1D()([[[1.0, 2.0], [3.0, 0.0]]]).tolist()
    [[2.0, 1.0]]
    """

    rank = 1

    def call(self, inputs: Tensor, mask: Any = None) -> Tensor:
        if mask is None:
            return super().call(inputs)
        (axis,) = self._axes()
        counts = ops.expand_dims(ops.cast(mask, "bool"), 3 - axis)
        total = ops.sum(ops.where(counts, inputs, 0.0), axis=axis, keepdims=self.keepdims)
        return ops.divide(total, ops.sum(ops.cast(counts, inputs.dtype), axis=axis, keepdims=self.keepdims))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """None: there are no steps any more."""
        return None


class GlobalAveragePooling2D(_GlobalAverage):
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


class GlobalMaxPooling1D(_GlobalMax):
    """The greatest value of each channel over the whole line.

    Parameters
    ----------
    data_format : str, optional
    keepdims : bool
        Keep the axis, with size 1.

    Examples
    --------
    >>> from fastnn.layers import GlobalMaxPooling1D
    >>> GlobalMaxPooling1D()([[[1.0, 2.0], [3.0, 0.0]]]).tolist()
    [[3.0, 2.0]]
    """

    rank = 1


class GlobalMaxPooling2D(_GlobalMax):
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


GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
