"""Layers that act only while training: dropout and noise; and the penalty of activities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fastnn import errors, ops, random, regularizers
from fastnn.autograd import Tensor
from fastnn.layers.base import InputSpec, Layer, Shape, standardize_shape
from fastnn.layers.edge import standardize_data_format


class _Random(Layer):
    """The base of what draws numbers while training; the generator's state is in memory, so steps replay."""

    _float_input = True
    supports_masking = True

    def __init__(self, argument: str, value: Any, seed: int | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(value, (str, bool)) or value is None or not 0 <= value <= 1:
            raise errors.value_error(self._who, argument, "a number from 0 to 1", value)
        setattr(self, argument, float(value))
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed)
        self.built = True

    def _check_below_1(self, rate: float) -> None:
        """For noise that grows without bound towards 1."""
        if rate == 1:
            raise errors.value_error(self._who, "rate", "below 1 in training", rate)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return standardize_shape(self._who, input_shape)


class _Masked(_Random):
    """The base of what drops elements, or with a ``noise_shape`` whole slices."""

    rate: float

    def __init__(self, rate: float, noise_shape: Any, seed: int | None, **kwargs: Any) -> None:
        super().__init__("rate", rate, seed, **kwargs)
        if isinstance(noise_shape, str) or not (noise_shape is None or hasattr(noise_shape, "__iter__")):
            raise errors.type_error(self._who, "noise_shape", "a tuple of sizes, or None", noise_shape)
        self.noise_shape = None if noise_shape is None else standardize_shape(self._who, tuple(noise_shape))
        if self.noise_shape is not None and 0 in self.noise_shape:
            raise errors.value_error(self._who, "noise_shape", "a tuple of positive sizes and None", noise_shape)

    def _mask_shape(self, shape: tuple[int, ...]) -> tuple[int, ...] | None:
        """The mask's shape for this shape of the inputs; None: the same."""
        if self.noise_shape is None:
            return None
        fits = len(self.noise_shape) == len(shape) and all(
            m in (None, 1, n) for m, n in zip(self.noise_shape, shape, strict=True)
        )
        if not fits:
            raise errors.value_error(
                self._who, "noise_shape", f"a shape that broadcasts to x's {shape}", self.noise_shape
            )
        return tuple(n if m is None else m for m, n in zip(self.noise_shape, shape, strict=True))

    def _prepare(self, x: Any) -> None:
        super()._prepare(x)
        if isinstance(x, Tensor):
            self._mask_shape(x.shape)


class Dropout(_Masked):
    """While training, zero a share of the inputs and scale the rest by ``1 / (1 - rate)``.

    Parameters
    ----------
    rate : float
        The share that is zeroed, 0 <= rate <= 1.
    noise_shape : tuple, optional
        Shape of the mask, broadcast to the input; None or a size of None takes the input's.
        ``(None, 1, 1, None)`` drops whole channels.
    seed : int, optional
        Repeats the same masks; default from `fastnn.utils.set_random_seed`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import Dropout
    >>> Dropout(0.5)(np.ones((1, 3))).numpy()
    array([[1., 1., 1.]], dtype=float32)
    """

    def __init__(
        self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(rate, noise_shape, seed, **kwargs)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or self.rate == 0:
            return inputs
        return random.dropout(inputs, self.rate, self._mask_shape(inputs.shape), self.seed_generator)


class _SpatialDropout(Dropout):
    """The base: whole feature maps are dropped."""

    def __init__(self, rate: float, seed: int | None, name: str | None, dtype: Any, data_format: str) -> None:
        super().__init__(rate, seed=seed, name=name, dtype=dtype)
        self.data_format = data_format

    def _mask_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        inner = (1,) * (len(shape) - 2)
        return (*shape[:2], *inner) if self.data_format == "channels_first" else (shape[0], *inner, shape[-1])

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["trainable"]  # which is no argument
        return config


class SpatialDropout1D(_SpatialDropout):
    """Dropout of whole channels of sequences: neighbouring steps are so alike that single ones would not be missed.

    Parameters
    ----------
    rate : float
        The share of channels that is zeroed, 0 <= rate <= 1.
    seed : int, optional
    name, dtype : str, optional

    Shapes
    ------
    (n, steps, channels) -> the same

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import SpatialDropout1D
    >>> y = SpatialDropout1D(0.5, seed=1)(np.ones((1, 4, 2)), training=True).numpy()
    >>> bool((y == y[:, :1]).all())
    True
    """

    def __init__(self, rate: float, seed: int | None = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(rate, seed, name, dtype, "channels_last")
        self.input_spec = InputSpec(ndim=3)


class SpatialDropout2D(_SpatialDropout):
    """Dropout of whole channels of images.

    Parameters
    ----------
    rate : float
        The share of channels that is zeroed, 0 <= rate <= 1.
    data_format : str, optional
        ``"channels_last"`` or ``"channels_first"``; default `fastnn.config.image_data_format`.
    seed : int, optional
    name, dtype : str, optional

    Shapes
    ------
    (n, height, width, channels) or (n, channels, height, width) -> the same

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import SpatialDropout2D
    >>> y = SpatialDropout2D(0.5, seed=1)(np.ones((1, 4, 4, 2)), training=True).numpy()
    >>> bool((y == y[:, :1, :1]).all())
    True
    """

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(rate, seed, name, dtype, standardize_data_format("SpatialDropout2D", data_format))
        self.input_spec = InputSpec(ndim=4)


class GaussianNoise(_Random):
    """While training, add normal noise.

    Parameters
    ----------
    stddev : float
        Its standard deviation, 0 <= stddev <= 1; the mean is 0.
    seed : int, optional

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import GaussianNoise
    >>> GaussianNoise(0.1)(np.ones((1, 3))).numpy()
    array([[1., 1., 1.]], dtype=float32)
    """

    stddev: float

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__("stddev", stddev, seed, **kwargs)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or self.stddev == 0:
            return inputs
        return ops.add(inputs, random.normal(inputs.shape, 0.0, self.stddev, inputs.dtype, self.seed_generator))


class GaussianDropout(_Random):
    """While training, multiply by normal numbers of mean 1 and standard deviation ``sqrt(rate / (1 - rate))``.

    Parameters
    ----------
    rate : float
        As of `Dropout`, whose mean and variance this has; below 1 in training.
    seed : int, optional

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import GaussianDropout
    >>> GaussianDropout(0.5)(np.ones((1, 3))).numpy()
    array([[1., 1., 1.]], dtype=float32)
    """

    rate: float

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__("rate", rate, seed, **kwargs)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or self.rate == 0:
            return inputs
        self._check_below_1(self.rate)
        stddev = math.sqrt(self.rate / (1 - self.rate))
        return ops.multiply(inputs, random.normal(inputs.shape, 1.0, stddev, inputs.dtype, self.seed_generator))


class AlphaDropout(_Masked):
    """Dropout that keeps mean 0 and variance 1, for layers with `selu`: dropped elements get selu's lower limit.

    ``a * x + b`` where kept, ``a * s + b`` where dropped, s = -1.7581, ``a = ((1 - rate) (1 + rate s^2))^-1/2``,
    ``b = -a s rate``.

    Parameters
    ----------
    rate : float
        The share that is dropped, 0 <= rate <= 1; below 1 in training.
    noise_shape : tuple, optional
        As of `Dropout`.
    seed : int, optional

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import AlphaDropout
    >>> AlphaDropout(0.5)(np.ones((1, 3))).numpy()
    array([[1., 1., 1.]], dtype=float32)
    """

    def __init__(
        self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(rate, noise_shape, seed, **kwargs)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or self.rate == 0:
            return inputs
        self._check_below_1(self.rate)
        limit = -1.7580993408473766  # of selu: - alpha * scale
        a = ((1 - self.rate) * (1 + self.rate * limit**2)) ** -0.5
        b = -a * limit * self.rate
        shape = self._mask_shape(inputs.shape) or inputs.shape
        drawn = random.uniform(shape, dtype=inputs.dtype, seed=self.seed_generator)
        kept = ops.greater_equal(drawn, self.rate)
        return ops.where(kept, ops.add(ops.multiply(inputs, a), b), a * limit + b)


class ActivityRegularization(Layer):
    """Add a penalty of its input to the loss: ``l1 * sum |x| + l2 * sum x^2``, divided by the batch size.

    Parameters
    ----------
    l1, l2 : float

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import ActivityRegularization
    >>> layer = ActivityRegularization(l2=0.5)
    >>> y = layer(np.ones((1, 4)))
    >>> layer.losses[0].item()
    2.0
    """

    _float_input = True
    supports_masking = True

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.l1 = l1
        self.l2 = l2
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return standardize_shape(self._who, input_shape)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["activity_regularizer"]
        return config
