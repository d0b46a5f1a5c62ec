"""Layers that prepare data."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import ops
from fastnn.autograd import Tensor
from fastnn.layers.base import Layer, Shape, as_numeric, standardize_shape


class Rescaling(Layer):
    """``x * scale + offset``, for instance pixels 0..255 to 0..1.

    Parameters
    ----------
    scale : float or array_like
        An array broadcasts against the input's last axes.
    offset : float or array_like

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import Rescaling
    >>> Rescaling(1 / 255)(np.array([[0, 255]], dtype="uint8")).numpy()
    array([[0., 1.]], dtype=float32)
    """

    _float_input = True
    supports_masking = True

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = _number_or_list(self._who, "scale", scale)
        self.offset = _number_or_list(self._who, "offset", offset)
        self._operands: dict[str, tuple[Any, Tensor]] = {}

    def call(self, inputs: Tensor) -> Tensor:
        scale, offset = self._operand("scale"), self._operand("offset")
        y = ops.multiply(inputs, scale)
        if isinstance(offset, float) and offset == 0:
            return y
        return ops.add(y, offset)

    def _operand(self, which: str) -> float | Tensor:
        """Scale or offset; an array is kept, as a recorded step reads it where it is."""
        value = getattr(self, which)
        if isinstance(value, float):
            return value
        kept = self._operands.get(which)
        if kept is None or kept[0] is not value:
            kept = self._operands[which] = value, Tensor(np.asarray(value, dtype=self.dtype))
        return kept[1]

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = standardize_shape(self._who, input_shape)
        full = [1 if n is None else n for n in shape]
        return (*shape[:1], *np.broadcast_shapes(tuple(full), np.shape(self.scale), np.shape(self.offset))[1:])


def _number_or_list(who: str, argument: str, value: Any) -> Any:
    array = as_numeric(who, argument, value)
    return float(array) if array.ndim == 0 else array.tolist()
