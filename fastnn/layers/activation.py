"""Activation functions as layers with parameters: ReLU, LeakyReLU, PReLU, ELU, Softmax."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from fastnn import activations, constraints, errors, initializers, ops, regularizers
from fastnn.autograd import Tensor, as_tensor
from fastnn.layers.base import InputSpec, Layer, Shape, standardize_shape
from fastnn.layers.edge import add_weight


class _Elementwise(Layer):
    """A layer whose output has its input's shape."""

    _float_input = True
    supports_masking = True

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

    ``max_value`` where x >= max_value; ``x`` where x > threshold; else ``negative_slope * (x - threshold)``.

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

    def call(self, inputs: Tensor) -> Tensor:
        return activations.relu(
            inputs, negative_slope=self.negative_slope, max_value=self.max_value, threshold=self.threshold
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
        if "alpha" in kwargs:
            negative_slope = kwargs.pop("alpha")
            warnings.warn("LeakyReLU: write negative_slope for alpha, its name in Keras 2.", stacklevel=2)
        super().__init__(**kwargs)
        self.negative_slope = self._number("negative_slope", negative_slope, 0)

    def call(self, inputs: Tensor) -> Tensor:
        return ops.leaky_relu(inputs, negative_slope=self.negative_slope)


class PReLU(Layer):
    """``x`` where x > 0, else ``alpha * x``, with an alpha that is learned: one per place of a sample, or fewer.

    Parameters
    ----------
    alpha_initializer : str or callable
    alpha_regularizer, alpha_constraint : str or callable, optional
    shared_axes : int or list of int, optional
        Axes along which one alpha serves all places; (1, 2) gives images one per channel.

    Shapes
    ------
    (n, ...) -> the same; alpha has the sample's shape, with 1 along the shared axes

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import PReLU
    >>> PReLU("ones", shared_axes=1)(np.array([[-1.0, 2.0]])).numpy()
    array([[-1.,  2.]], dtype=float32)
    """

    _float_input = True
    supports_masking = True

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: int | Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        given = [shared_axes] if isinstance(shared_axes, int) else shared_axes
        self.shared_axes = None if given is None else list(given)

    def build(self, input_shape: tuple[int, ...]) -> None:
        rank, shared = len(input_shape), self.shared_axes or []
        if any(not 1 <= axis < rank for axis in shared):
            raise errors.value_error(self._who, "shared_axes", f"axes from 1 to {rank - 1}", self.shared_axes)
        shape = tuple(1 if axis in shared else size for axis, size in enumerate(input_shape))
        self.alpha = add_weight(self, "alpha", shape[1:])
        sizes = {axis: size for axis, size in enumerate(input_shape) if axis and axis not in shared}
        self.input_spec = InputSpec(ndim=rank, axes=sizes)

    def call(self, inputs: Tensor) -> Tensor:
        last = next((axis for axis, size in enumerate(self.alpha.shape) if size != 1), self.alpha.ndim)
        slope: Tensor = ops.reshape(self.alpha, self.alpha.shape[last:])
        if slope.shape != inputs.shape[1 + last :]:  # shared behind places of their own
            slope = ops.broadcast_to(self.alpha, inputs.shape[1:])
        return ops.prelu(inputs, slope)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return standardize_shape(self._who, input_shape)


class ELU(_Elementwise):
    """``x`` where x > 0, else ``alpha * (exp(x) - 1)``.

    Parameters
    ----------
    alpha : float

    Examples
    --------
    >>> from fastnn.layers import ELU
    >>> ELU()([-1.0, 4.0]).numpy().round(4)
    array([-0.6321,  4.    ], dtype=float32)
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = self._number("alpha", alpha)

    def call(self, inputs: Tensor) -> Tensor:
        return ops.elu(inputs, alpha=self.alpha)


class Softmax(_Elementwise):
    """Probabilities from logits: ``exp(x) / sum(exp(x))`` along an axis, computed without overflow.

    Called with a ``mask`` that broadcasts to the input, elements where it is False (or at most 0.5) do not count and
    come out as 0.

    Parameters
    ----------
    axis : int or tuple of int
        Default the last.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import Softmax
    >>> Softmax()([[0.0, 0.0]]).numpy()
    array([[0.5, 0.5]], dtype=float32)
    >>> Softmax()([[0.0, 9.0]], mask=np.array([[True, False]])).numpy()
    array([[1., 0.]], dtype=float32)
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis if isinstance(axis, int) else tuple(axis)

    def call(self, inputs: Tensor, mask: Any = None) -> Tensor:
        axis = self.axis[0] if isinstance(self.axis, tuple) and len(self.axis) == 1 else self.axis
        if mask is None:
            return ops.softmax(inputs, axis=axis)
        mask = as_tensor(mask)
        sizes = zip(mask.shape[::-1], inputs.shape[::-1], strict=False)
        if mask.ndim > inputs.ndim or any(m not in (1, n) for m, n in sizes):
            raise errors.value_error(self._who, "mask", f"of a shape that broadcasts to {inputs.shape}", mask.data)
        if mask.dtype.kind != "b":
            mask = ops.greater(mask, 0.5)
        return ops.where(mask, ops.softmax(ops.where(mask, inputs, -1e9), axis=axis), 0.0)
