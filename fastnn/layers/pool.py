"""Pooling layers: the greatest or the mean value of windows."""

from __future__ import annotations

from typing import Any

from fastnn import ops
from fastnn.autograd import Tensor
from fastnn.layers.base import Shape
from fastnn.layers.spatial import Spatial, numbers, standardize_padding, windows


class BasePooling(Spatial):
    """What all pooling over windows shares."""

    _float_input = True

    def __init__(
        self,
        pool_size: int | tuple[int, ...],
        strides: int | tuple[int, ...] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format, name=name, **kwargs)
        self.pool_size = numbers(self._who, "pool_size", pool_size, self.rank)
        self.strides = self.pool_size if strides is None else numbers(self._who, "strides", strides, self.rank)
        self.padding = standardize_padding(self._who, padding)
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        y = self._pool(self._channels_last(inputs), self.pool_size, self.strides, self.padding, "channels_last")
        return self._as_given(y)

    def _pool(self, *args: Any) -> Tensor:
        raise NotImplementedError

    def _check_shape(self, shape: Shape) -> None:
        super()._check_shape(shape)
        if self.padding == "valid":
            self._check_windows(shape, "pooling window", self.pool_size, (1,) * self.rank)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        batch, sizes, channels = self._split_shape(input_shape)
        axes = zip(sizes, self.pool_size, self.strides, strict=True)
        return self._join_shape(batch, [windows(n, k, s, self.padding) for n, k, s in axes], channels)


class MaxPooling1D(BasePooling):
    """The greatest value of each window along a line; padding never wins.

    Parameters
    ----------
    pool_size : int
    strides : int, optional
        Default: ``pool_size``.
    padding : str
        ``"valid"`` (windows that do not fit are dropped) or ``"same"``.
    data_format : str, optional
    name : str, optional

    Shapes
    ------
    x (n, length, c) -> y (n, outputs, c)

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import MaxPooling1D
    >>> MaxPooling1D()(np.ones((1, 25, 8))).shape
    (1, 12, 8)
    """

    rank = 1

    def __init__(
        self,
        pool_size: int | tuple[int, ...] = 2,
        strides: int | tuple[int, ...] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)

    def _pool(self, *args: Any) -> Tensor:
        return ops.max_pool(*args)


class MaxPooling2D(BasePooling):
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

    def __init__(
        self,
        pool_size: int | tuple[int, ...] = (2, 2),
        strides: int | tuple[int, ...] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)

    def _pool(self, *args: Any) -> Tensor:
        return ops.max_pool(*args)


class AveragePooling1D(BasePooling):
    """The mean of each window along a line; padding does not count.

    Parameters
    ----------
    pool_size, strides, padding, data_format, name
        As for `MaxPooling1D`; ``pool_size`` has no default.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import AveragePooling1D
    >>> AveragePooling1D(2)([[[1.0], [3.0], [5.0]]]).tolist()
    [[[2.0]]]
    """

    rank = 1

    def _pool(self, *args: Any) -> Tensor:
        return ops.average_pool(*args)


class AveragePooling2D(BasePooling):
    """The mean of each window; padding does not count.

    Parameters
    ----------
    pool_size, strides, padding, data_format, name
        As for `MaxPooling2D`; ``pool_size`` has no default.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import AveragePooling2D
    >>> AveragePooling2D(2)(np.ones((1, 4, 4, 3))).shape
    (1, 2, 2, 3)
    """

    def _pool(self, *args: Any) -> Tensor:
        return ops.average_pool(*args)


MaxPool1D = MaxPooling1D
MaxPool2D = MaxPooling2D
AvgPool1D = AveragePooling1D
AvgPool2D = AveragePooling2D
