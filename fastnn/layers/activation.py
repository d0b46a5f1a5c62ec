"""ReLU, LeakyReLU and Softmax as layers with parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnn import activations, errors, ops
from fastnn.autograd import Tensor
from fastnn.layers.base import Layer, Shape, standardize_shape


class _Elementwise(Layer):
    """A layer whose output has its input's shape."""

    _float_input = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.built = True

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return standardize_shape(self._who, input_shape)

    def _number(self, argument: str, value: Any, least: float | None = None) -> float:
        if value is None or isinstance(value, (str, bool)) or not float(value) == float(value):
            raise errors.value_error(self._who, argument, "a number", value)
        if least is not None and value < least:
            raise errors.value_error(self._who, argument, f"at least {least:g}", value)
        return float(value)


class ReLU(_Elementwise):
    """Rectifier: ``max(x, 0)``, with Keras's bound, slope and threshold.

    ``y = max_value`` where x >= max_value; ``x`` where x > threshold; else ``negative_slope * (x - threshold)``.

    Parameters
    ----------
    max_value : float, optional
        The largest output, at least 0; no bound where None.
    negative_slope : float
        At least 0.
    threshold : float
        At least 0.

    Examples
    --------
    >>> from fastnn.layers import ReLU
    >>> ReLU(max_value=1.0)([-2.0, 0.5, 3.0]).numpy()
    array([0. , 0.5, 1. ], dtype=float32)
    """

    def __init__(
        self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.max_value = None if max_value is None else self._number("max_value", max_value, 0)
        self.negative_slope = self._number("negative_slope", negative_slope, 0)
        self.threshold = self._number("threshold", threshold, 0)

    def call(self, x: Tensor) -> Tensor:
        if self.max_value is None and self.negative_slope == 0 and self.threshold == 0:
            return ops.relu(x)
        return activations.relu(
            x, negative_slope=self.negative_slope, max_value=self.max_value, threshold=self.threshold
        )


class LeakyReLU(_Elementwise):
    """``x`` where x > 0, else ``negative_slope * x``.

    Parameters
    ----------
    negative_slope : float
        Default 0.3 (the function `fastnn.activations.leaky_relu` has 0.2).

    Examples
    --------
    >>> from fastnn.layers import LeakyReLU
    >>> LeakyReLU(0.5)([-2.0, 4.0]).numpy()
    array([-1.,  4.], dtype=float32)
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.negative_slope = self._number("negative_slope", negative_slope, 0)

    def call(self, x: Tensor) -> Tensor:
        return ops.leaky_relu(x, negative_slope=self.negative_slope)


class Softmax(_Elementwise):
    """Probabilities from logits: ``exp(x) / sum(exp(x))`` along an axis, computed without overflow.

    Parameters
    ----------
    axis : int or tuple of int
        Default the last.

    Examples
    --------
    >>> from fastnn.layers import Softmax
    >>> Softmax()([[0.0, 0.0]]).numpy()
    array([[0.5, 0.5]], dtype=float32)
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis if isinstance(axis, int) else tuple(axis)

    def call(self, x: Tensor) -> Tensor:
        if isinstance(self.axis, tuple) and len(self.axis) == 1:
            return ops.softmax(x, axis=self.axis[0])
        return ops.softmax(x, axis=self.axis)
