"""Images changed at random while training: each gets its own draw, from a generator whose state is in memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fastnn import errors, ops, random
from fastnn.autograd import Tensor
from fastnn.layers.base import Shape
from fastnn.layers.edge import check_positive_int
from fastnn.layers.resizing import ImageLayer
from fastnn.ops import image

Factor = float | Sequence[float]


class _Augmentation(ImageLayer):
    """The base: `_change` makes other images of a batch (n, h, w, c); outside of training nothing happens."""

    def __init__(self, seed: int | None, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self.seed = seed
        self.generator = random.SeedGenerator(seed)

    def call(self, data: Tensor, training: bool = True) -> Tensor:
        return self._as_given(self._change(self._as_batch(data)), data.ndim) if training else data

    def _change(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def _draw(self, x: Tensor, bounds: tuple[float, float], rank: int = 1) -> Tensor:
        """A number for each image, of shape (n, 1, ...)."""
        return random.uniform((x.shape[0],) + (1,) * (rank - 1), *bounds, dtype=x.dtype, seed=self.generator)

    def _bounds(self, argument: str, factor: Factor, least: float = -1, above: bool = False) -> tuple[float, float]:
        """Lower and upper bound, up to 1, from a pair, or from a number f: -f (but not below the least) and f."""
        pair = tuple(factor) if isinstance(factor, (tuple, list)) else (factor, factor)
        fits = len(pair) == 2 and all(isinstance(n, (int, float)) and not isinstance(n, bool) for n in pair)
        if not fits or any(not least <= n <= 1 or (above and n == least) for n in pair):
            rule = "a number or two, " + ("above -1, at most 1" if above else f"from {least:g} to 1")
            raise errors.value_error(self._who, argument, rule, factor)
        if isinstance(factor, (tuple, list)):
            return min(pair), max(pair)
        size = abs(pair[0])
        return max(-size, least), size


class _Mapped(_Augmentation):
    """The base of what moves, turns or scales."""

    def __init__(
        self, fill_mode: str, interpolation: str, seed: int | None, fill_value: float, data_format: str | None,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(seed, data_format, **kwargs)
        image.number_of(self._who, "fill_mode", fill_mode, image.FILL_MODES)
        image.number_of(self._who, "interpolation", interpolation, image.INTERPOLATIONS)
        self.fill_mode = fill_mode
        self.interpolation = interpolation
        self.fill_value = fill_value

    def _map(self, x: Tensor, *rows: Any) -> Tensor:
        """The images by a map of six numbers, each one for all images or a tensor (n,)."""
        n = x.shape[0]
        columns = [each if isinstance(each, Tensor) else ops.full((n,), each, dtype=x.dtype) for each in (*rows, 0, 0)]
        return image.transformed(
            x, ops.stack(columns, axis=1), x.shape[1:3], image.INTERPOLATIONS.index(self.interpolation),
            image.FILL_MODES.index(self.fill_mode), self.fill_value,
        )  # fmt: skip


class RandomFlip(_Augmentation):
    """Mirror half of the images while training.

    Parameters
    ----------
    mode : str
        ``"horizontal"`` (left and right), ``"vertical"`` or ``"horizontal_and_vertical"``: both at once.
    seed : int, optional
    data_format : str, optional
        ``"channels_last"`` or ``"channels_first"``; default `fastnn.config.image_data_format`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import RandomFlip
    >>> RandomFlip("horizontal")(np.ones((2, 4, 4, 3))).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self, mode: str = "horizontal_and_vertical", seed: int | None = None, data_format: str | None = None,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(seed, data_format, **kwargs)
        image.number_of(self._who, "mode", mode, ("horizontal", "vertical", "horizontal_and_vertical"))
        self.mode = mode

    def _change(self, x: Tensor) -> Tensor:
        axes = {"horizontal": (2,), "vertical": (1,)}.get(self.mode, (1, 2))
        flipped = ops.less_equal(self._draw(x, (0.0, 1.0), 4), 0.5)
        return ops.where(flipped, ops.flip(x, axes), x)


class RandomTranslation(_Mapped):
    """Move images while training, by shares of their size.

    Parameters
    ----------
    height_factor, width_factor : float or tuple of two
        Bounds of the shares, from -1 to 1; positive moves down, and right. f stands for (-f, f).
    fill_mode : str
        What moves in: ``"reflect"``, ``"constant"`` (`fill_value`), ``"nearest"`` or ``"wrap"``.
    interpolation : str
        ``"bilinear"`` or ``"nearest"``.
    seed : int, optional
    fill_value : float
    data_format : str, optional
        ``"channels_last"`` or ``"channels_first"``; default `fastnn.config.image_data_format`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import RandomTranslation
    >>> RandomTranslation(0.1, 0.1)(np.ones((2, 4, 4, 3))).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self,
        height_factor: Factor,
        width_factor: Factor,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor = height_factor
        self.width_factor = width_factor
        self._height = self._bounds("height_factor", height_factor)
        self._width = self._bounds("width_factor", width_factor)

    def _change(self, x: Tensor) -> Tensor:
        down = ops.multiply(self._draw(x, self._height), -float(x.shape[1]))
        right = ops.multiply(self._draw(x, self._width), -float(x.shape[2]))
        return self._map(x, 1, 0, right, 0, 1, down)


class RandomRotation(_Mapped):
    """Turn images around their middle while training.

    Parameters
    ----------
    factor : float or tuple of two
        Bounds of the angle as shares of a full turn, from -1 to 1; positive turns counter-clockwise. f stands for
        (-f, f).
    fill_mode : str
        What turns in: ``"reflect"``, ``"constant"`` (`fill_value`), ``"nearest"`` or ``"wrap"``.
    interpolation : str
        ``"bilinear"`` or ``"nearest"``.
    seed : int, optional
    fill_value : float
    data_format : str, optional
        ``"channels_last"`` or ``"channels_first"``; default `fastnn.config.image_data_format`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import RandomRotation
    >>> RandomRotation(0.1)(np.ones((2, 4, 4, 3))).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self,
        factor: Factor,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.factor = self._bounds("factor", factor)

    def _change(self, x: Tensor) -> Tensor:
        low, high = self.factor
        angle = self._draw(x, (2 * math.pi * low, 2 * math.pi * high))
        cos, sin = ops.cos(angle), ops.sin(angle)
        middle_y, middle_x = (x.shape[1] - 1) / 2, (x.shape[2] - 1) / 2
        column = middle_x - (cos * middle_x - sin * middle_y)
        row = middle_y - (sin * middle_x + cos * middle_y)
        return self._map(x, cos, -sin, column, sin, cos, row)


class RandomZoom(_Mapped):
    """Zoom into or out of images while training, their middle fixed.

    Parameters
    ----------
    height_factor : float or tuple of two
        Bounds of the zoom, above -1 up to 1; positive zooms out, negative in. f stands for (-f, f).
    width_factor : float or tuple of two, optional
        Default: the height's zoom, so that the ratio stays.
    fill_mode : str
        What comes in: ``"reflect"``, ``"constant"`` (`fill_value`), ``"nearest"`` or ``"wrap"``.
    interpolation : str
        ``"bilinear"`` or ``"nearest"``.
    seed : int, optional
    fill_value : float
    data_format : str, optional
        ``"channels_last"`` or ``"channels_first"``; default `fastnn.config.image_data_format`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import RandomZoom
    >>> RandomZoom(0.2)(np.ones((2, 4, 4, 3))).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self,
        height_factor: Factor,
        width_factor: Factor | None = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor = height_factor
        self.width_factor = width_factor
        self._height = self._bounds("height_factor", height_factor, above=True)
        self._width = None if width_factor is None else self._bounds("width_factor", width_factor, above=True)

    def _change(self, x: Tensor) -> Tensor:
        height = self._draw(x, (1 + self._height[0], 1 + self._height[1]))
        width = height if self._width is None else self._draw(x, (1 + self._width[0], 1 + self._width[1]))
        column = (1 - width) * ((x.shape[2] - 1) / 2)
        row = (1 - height) * ((x.shape[1] - 1) / 2)
        return self._map(x, width, 0, column, 0, height, row)


class RandomContrast(_Augmentation):
    """Change the contrast of images while training: ``(x - mean) * factor + mean``, with the mean of each channel.

    Parameters
    ----------
    factor : float or tuple of two
        (a, b), from 0 to 1: the factor is drawn from 1 - a to 1 + b. f stands for (0, f), as in Keras.
    value_range : tuple of two
        What results are clipped to.
    seed : int, optional

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import RandomContrast
    >>> RandomContrast(0.2)(np.ones((2, 4, 4, 3))).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self, factor: Factor, value_range: Sequence[float] = (0, 255), seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed, **kwargs)
        self.factor = self._bounds("factor", factor, least=0)
        self.value_range = value_range

    def _change(self, x: Tensor) -> Tensor:
        factor = self._draw(x, (1 - self.factor[0], 1 + self.factor[1]), 4)
        mean = ops.mean(x, axis=(1, 2), keepdims=True)
        return ops.clip((x - mean) * factor + mean, self.value_range[0], self.value_range[1])


class RandomBrightness(_Augmentation):
    """Make images brighter or darker while training: a share of the range is added.

    Parameters
    ----------
    factor : float or tuple of two
        Bounds of the share, from -1 to 1. f stands for (-f, f).
    value_range : tuple of two
        The range, which results are clipped to.
    seed : int, optional

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import RandomBrightness
    >>> RandomBrightness(0.2)(np.ones((2, 4, 4, 3))).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self, factor: Factor, value_range: Sequence[float] = (0, 255), seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed, **kwargs)
        self.factor = self._bounds("factor", factor)
        if not isinstance(value_range, (tuple, list)) or len(value_range) != 2:
            raise errors.value_error(self._who, "value_range", "two numbers", value_range)
        self.value_range = sorted(value_range)

    def _change(self, x: Tensor) -> Tensor:
        low, high = self.value_range
        share = self._draw(x, self.factor, 4)
        return ops.clip(x + share * float(high - low), low, high)


class RandomCrop(_Augmentation):
    """A part of the images, at a place that is drawn for each batch; in inference the middle.

    Of images that are not larger than that, and in inference, the largest part of the ratio, resized.

    Parameters
    ----------
    height, width : int
    seed : int, optional
    data_format : str, optional
        ``"channels_last"`` or ``"channels_first"``; default `fastnn.config.image_data_format`.
    name : str, optional

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import RandomCrop
    >>> RandomCrop(2, 3)(np.ones((2, 4, 4, 3))).shape
    (2, 2, 3, 3)
    """

    def __init__(
        self, height: int, width: int, seed: int | None = None, data_format: str | None = None, name: str | None = None,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(seed, data_format, name=name, **kwargs)
        self.height = check_positive_int(self._who, "height", height)
        self.width = check_positive_int(self._who, "width", width)

    def call(self, data: Tensor, training: bool = True) -> Tensor:
        x = self._as_batch(data)
        rows, columns = x.shape[1:3]
        if not training or rows <= self.height or columns <= self.width:
            size = self.height, self.width
            y = image.resize(image.crop_to_ratio(x, size), size, data_format="channels_last")
        else:
            top, left = (
                ops.floor(random.uniform((1,), 0, free + 1, dtype=x.dtype, seed=self.generator))
                for free in (rows - self.height, columns - self.width)
            )
            one, none = ops.ones((1,), dtype=x.dtype), ops.zeros((1,), dtype=x.dtype)
            maps = ops.stack([one, none, left, none, one, top, none, none], axis=1)
            y = image.transformed(x, ops.broadcast_to(maps, (x.shape[0], 8)), (self.height, self.width))
        return self._as_given(y, data.ndim)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return self._resized_shape(input_shape, self.height, self.width)
