"""Layers that act only while training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnn import errors, ops, random
from fastnn.autograd import Tensor
from fastnn.layers.base import Layer, Shape, standardize_shape


class Dropout(Layer):
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

    _float_input = True

    def __init__(
        self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(rate, (str, bool)) or rate is None or not 0 <= rate <= 1:
            raise errors.value_error(self._who, "rate", "a number from 0 to 1", rate)
        self.rate = float(rate)
        self.seed = seed
        self.noise_shape = None if noise_shape is None else standardize_shape(self._who, tuple(noise_shape))
        self.seed_generator = random.SeedGenerator(seed)
        self.built = True

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        if not training or self.rate == 0:
            return x
        if self.noise_shape is None:
            return ops.dropout(x, self.rate, self.seed_generator)
        shape = tuple(n if m is None else m for m, n in zip(self.noise_shape, x.shape, strict=True))
        mask = ops.dropout(ops.ones(shape, dtype=self.dtype), self.rate, self.seed_generator)
        return ops.multiply(x, mask)

    def _prepare(self, x: Any) -> None:
        if self.noise_shape is not None and isinstance(x, Tensor):
            fits = len(self.noise_shape) == x.ndim and all(
                m in (None, 1, n) for m, n in zip(self.noise_shape, x.shape, strict=True)
            )
            if not fits:
                raise errors.value_error(
                    self._who, "noise_shape", f"a shape that broadcasts to x's {x.shape}", self.noise_shape
                )
        super()._prepare(x)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return standardize_shape(self._who, input_shape)
