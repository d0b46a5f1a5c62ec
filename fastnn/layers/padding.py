"""Padding with zeros, and cropping, of lines and images."""

from __future__ import annotations

from typing import Any

from fastnn import errors, ops
from fastnn.autograd import Tensor
from fastnn.layers.base import Shape
from fastnn.layers.spatial import Spatial, numbers

Pairs = tuple[tuple[int, int], ...]


class _Border(Spatial):
    """Positions before and after each axis, as ``self._pairs``, that are added or taken away."""

    _pairs: Pairs

    def _all_axes(self) -> Pairs:
        none = ((0, 0),)
        return (*none * 2, *self._pairs) if self._first() else (*none, *self._pairs, *none)

    def _grown(self, input_shape: Any, sign: int) -> Shape:
        batch, sizes, channels = self._split_shape(input_shape)
        both = zip(sizes, self._pairs, strict=True)
        return self._join_shape(batch, [None if n is None else n + sign * sum(pair) for n, pair in both], channels)


class _ZeroPadding(_Border):
    def call(self, inputs: Tensor) -> Tensor:
        return ops.pad(inputs, self._all_axes())

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return self._grown(input_shape, 1)


class _Cropping(_Border):
    def call(self, inputs: Tensor) -> Tensor:
        pairs = zip(self._all_axes(), inputs.shape, strict=True)
        return inputs[tuple(slice(before, size - after) for (before, after), size in pairs)]

    def _check_shape(self, shape: Shape) -> None:
        super()._check_shape(shape)
        if any(n is not None and sum(pair) >= n for n, pair in zip(self._sizes(shape), self._pairs, strict=True)):
            got = errors.Shown(f"{self._pairs if self.rank == 2 else self._pairs[0]} for shape {tuple(shape)}")
            raise errors.value_error(self._who, "cropping", "less than the input's size", got)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return self._grown(input_shape, -1)


class ZeroPadding1D(_ZeroPadding):
    """Zeros before and after each line.

    Parameters
    ----------
    padding : int or (before, after)
    data_format : str, optional

    Examples
    --------
    >>> from fastnn.layers import ZeroPadding1D
    >>> ZeroPadding1D((1, 2))([[[1.0], [2.0]]]).numpy()[0, :, 0]
    array([0., 1., 2., 0., 0.], dtype=float32)
    """

    rank = 1

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self.padding = before_after(self._who, "padding", padding)
        self._pairs = (self.padding,)
        self.built = True


class ZeroPadding2D(_ZeroPadding):
    """Zeros around each image.

    Parameters
    ----------
    padding : int, (rows, columns) or ((top, bottom), (left, right))
    data_format : str, optional

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import ZeroPadding2D
    >>> ZeroPadding2D(((1, 0), (2, 2)))(np.ones((1, 4, 4, 3))).shape
    (1, 5, 8, 3)
    """

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self.padding = self._pairs = rows_columns(self._who, "padding", padding)
        self.built = True


class Cropping1D(_Cropping):
    """Each line without its first and last positions; lines are (n, length, c).

    Parameters
    ----------
    cropping : int or (before, after)

    Raises
    ------
    ValueError
        Where nothing would be left.

    Examples
    --------
    >>> from fastnn.layers import Cropping1D
    >>> Cropping1D((1, 0))([[[1.0], [2.0]]]).numpy()[0, :, 0]
    array([2.], dtype=float32)
    """

    rank = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__("channels_last", **kwargs)
        self.cropping = before_after(self._who, "cropping", cropping)
        self._pairs = (self.cropping,)
        self.built = True


class Cropping2D(_Cropping):
    """Each image without its border.

    Parameters
    ----------
    cropping : int, (rows, columns) or ((top, bottom), (left, right))
    data_format : str, optional

    Raises
    ------
    ValueError
        Where nothing would be left.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import Cropping2D
    >>> Cropping2D(((1, 0), (2, 2)))(np.ones((1, 8, 8, 3))).shape
    (1, 7, 4, 3)
    """

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self.cropping = self._pairs = rows_columns(self._who, "cropping", cropping)
        self.built = True


def before_after(who: str, argument: str, value: Any) -> tuple[int, int]:
    before, after = numbers(who, argument, value, 2, least=0)
    return before, after


def rows_columns(who: str, argument: str, value: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    """n, (rows, columns) or ((top, bottom), (left, right)) as the last."""
    if not hasattr(value, "__index__") and not (isinstance(value, (tuple, list)) and len(value) == 2):
        raise errors.value_error(who, argument, "an int, two of them, or two pairs of them", value)
    rows, columns = (value, value) if hasattr(value, "__index__") else value
    return before_after(who, argument, rows), before_after(who, argument, columns)
