"""Flatten, Reshape, Permute and RepeatVector: the same numbers in another shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fastnn import errors, ops
from fastnn.autograd import Tensor
from fastnn.layers.base import InputSpec, Layer, Shape, standardize_shape
from fastnn.layers.edge import channels_last_order, check_positive_int, standardize_data_format


class Flatten(Layer):
    """One axis of features per sample; the batch axis stays.

    Parameters
    ----------
    data_format : str, optional
        ``"channels_first"`` moves the channels to the end before flattening, so that the weights of the next layer
        do not depend on the format. Default `fastnn.config.image_data_format`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import Flatten
    >>> Flatten()(np.ones((2, 3, 4))).shape
    (2, 12)
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(self._who, data_format)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: Tensor) -> Tensor:
        if self.data_format == "channels_first" and inputs.ndim > 2:
            inputs = ops.transpose(inputs, channels_last_order(inputs.ndim))
        return ops.reshape(inputs, (inputs.shape[0], math.prod(inputs.shape[1:])))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        batch, *rest = standardize_shape(self._who, input_shape)
        return (batch, None if None in rest else math.prod(n for n in rest if n is not None))


class Reshape(Layer):
    """Another shape for each sample.

    Parameters
    ----------
    target_shape : tuple of int
        Without the batch axis; one size may be -1 and follows from the others.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import Reshape
    >>> Reshape((8, 8, 1))(np.ones((2, 64))).shape
    (2, 8, 8, 1)
    """

    def __init__(self, target_shape: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(target_shape, int):
            target_shape = (target_shape,)
        self.target_shape = tuple(int(n) for n in target_shape)
        if sum(n == -1 for n in self.target_shape) > 1 or any(n < -1 for n in self.target_shape):
            raise errors.value_error(self._who, "target_shape", "sizes of which at most one is -1", target_shape)
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        return ops.reshape(inputs, (inputs.shape[0], *self._resolve(inputs.shape)[1:]))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return self._resolve(standardize_shape(self._who, input_shape))

    def _resolve(self, shape: Shape) -> Shape:
        if None in shape[1:]:
            return (shape[0], *(None if n == -1 else n for n in self.target_shape))
        size = math.prod(n for n in shape[1:] if n is not None)
        known = math.prod(n for n in self.target_shape if n != -1)
        if known != size if -1 not in self.target_shape else known == 0 or size % known:
            raise errors.value_error(
                self._who, "target_shape", f"a shape of {size} elements", self.target_shape, f"x has shape {shape}."
            )
        return (shape[0], *(size // known if n == -1 else n for n in self.target_shape))


class Permute(Layer):
    """The axes of each sample in another order.

    Parameters
    ----------
    dims : tuple of int
        The input's axis for each axis of the output, counted from 1: the batch axis stays.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import Permute
    >>> Permute((2, 1))(np.ones((2, 3, 4))).shape
    (2, 4, 3)
    """

    def __init__(self, dims: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise errors.value_error(self._who, "dims", "the numbers from 1 on, each once", dims)
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Tensor) -> Tensor:
        return ops.transpose(inputs, (0, *self.dims))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = standardize_shape(self._who, input_shape)
        self._check_shape(shape)
        return (shape[0], *(shape[axis] for axis in self.dims))


class RepeatVector(Layer):
    """Each sample n times, along a new axis.

    Parameters
    ----------
    n : int

    Shapes
    ------
    (batch, features) -> (batch, n, features)

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import RepeatVector
    >>> RepeatVector(2)(np.array([[1.0, 2.0]])).numpy()
    array([[[1., 2.],
            [1., 2.]]], dtype=float32)
    """

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n = check_positive_int(self._who, "n", n)
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Tensor) -> Tensor:
        batch, features = inputs.shape
        return ops.broadcast_to(ops.reshape(inputs, (batch, 1, features)), (batch, self.n, features))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = standardize_shape(self._who, input_shape)
        self._check_shape(shape)
        return (shape[0], self.n, shape[1])
