"""Depthwise convolution layers: every channel by itself."""

from __future__ import annotations

from typing import Any

from fastnn import activations, constraints, initializers, regularizers
from fastnn.autograd import Tensor
from fastnn.layers import edge
from fastnn.layers.base import Shape
from fastnn.layers.spatial import Spatial, numbers, standardize_padding, windows
from fastnn.ops.depthwise import checked_depthwise
from fastnn.ops.fused import Fusion


class BaseDepthwiseConv(Spatial):
    """What depthwise convolutions over one and two axes share."""

    _float_input = True

    def __init__(
        self,
        kernel_size: int | tuple[int, ...],
        strides: int | tuple[int, ...] = (1, 1),
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: int | tuple[int, ...] = (1, 1),
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format, activity_regularizer=activity_regularizer, **kwargs)
        who = self._who
        self.kernel_size = numbers(who, "kernel_size", kernel_size, self.rank)
        self.strides = numbers(who, "strides", strides, self.rank)
        self.padding = standardize_padding(who, padding)
        self.depth_multiplier = edge.check_positive_int(who, "depth_multiplier", depth_multiplier)
        self.dilation_rate = numbers(who, "dilation_rate", dilation_rate, self.rank)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def build(self, input_shape: Shape) -> None:
        channels = self._known_channels(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = edge.add_weight(self, "depthwise", shape, name="kernel")
        self.bias = edge.add_weight(self, "bias", (channels * self.depth_multiplier,)) if self.use_bias else None

    def call(self, inputs: Tensor) -> Tensor:
        fused = edge.FUSED.get(self.activation)
        y = self._as_given(self.fused(self._channels_last(inputs), Fusion(fused)))
        return y if fused else self.activation(y)

    def fused(self, x: Tensor, fusion: Fusion) -> Tensor:
        """The convolution along channels that come last, and what is joined to it."""
        return checked_depthwise(
            f"depthwise_conv{self.rank}d", self.rank + 2, x, self.kernel, self.bias, self.strides, self.padding,
            self.dilation_rate, fusion,
        )  # fmt: skip

    def _check_shape(self, shape: Shape) -> None:
        super()._check_shape(shape)
        if self.padding == "valid":
            self._check_windows(shape, "kernel", self.kernel_size, self.dilation_rate)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        batch, sizes, channels = self._split_shape(input_shape)
        axes = zip(sizes, self.kernel_size, self.strides, self.dilation_rate, strict=True)
        outputs = [windows(n, k, s, self.padding, d) for n, k, s, d in axes]
        return self._join_shape(batch, outputs, None if channels is None else channels * self.depth_multiplier)


class DepthwiseConv1D(BaseDepthwiseConv):
    """Depthwise 1-D convolution: each channel with ``depth_multiplier`` kernels of its own.

    Parameters
    ----------
    kernel_size : int or tuple of one
    strides : int or tuple of one
    padding, depth_multiplier, data_format, dilation_rate, ..., **kwargs
        As for `DepthwiseConv2D`.

    Shapes
    ------
    x (n, length, c) -> y (n, outputs, c * depth_multiplier); kernel (k, c, depth_multiplier)

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import DepthwiseConv1D
    >>> DepthwiseConv1D(3, depth_multiplier=2)(np.ones((1, 50, 16))).shape
    (1, 48, 32)
    """

    rank = 1

    def __init__(
        self,
        kernel_size: int | tuple[int, ...],
        strides: int | tuple[int, ...] = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: int | tuple[int, ...] = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            kernel_size, strides, padding, depth_multiplier, data_format, dilation_rate, activation, use_bias,
            depthwise_initializer, bias_initializer, depthwise_regularizer, bias_regularizer, activity_regularizer,
            depthwise_constraint, bias_constraint, **kwargs,
        )  # fmt: skip


class DepthwiseConv2D(BaseDepthwiseConv):
    """Depthwise 2-D convolution: each channel with ``depth_multiplier`` kernels of its own.

    y[n,i,j,c*m + q] = activation(bias[c*m + q] + sum_{r,s} x[n, i*sh + r*dh - top, j*sw + s*dw - left, c] *
    kernel[r,s,c,q])

    Parameters
    ----------
    kernel_size : int or tuple of two
    strides : int or tuple of two
    padding : str
        ``"valid"`` or ``"same"``.
    depth_multiplier : int
        Outputs for each channel of the input; 1 is much the fastest.
    data_format : str, optional
        ``"channels_last"`` or ``"channels_first"``; default `fastnn.config.image_data_format`.
    dilation_rate : int or tuple of two
    activation : str or callable, optional
        Default: none (linear).
    use_bias : bool
    depthwise_initializer, bias_initializer : str or callable
    depthwise_regularizer, bias_regularizer, activity_regularizer : str or callable, optional
    depthwise_constraint, bias_constraint : str, Constraint or callable, optional
    **kwargs
        ``name``, ``dtype``, ``trainable``, ``input_shape``.

    Shapes
    ------
    x (n, h, w, c) -> y (n, oh, ow, c * depth_multiplier); kernel (kh, kw, c, depth_multiplier)

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import DepthwiseConv2D
    >>> DepthwiseConv2D(3, strides=2, padding="same")(np.ones((1, 32, 32, 64))).shape
    (1, 16, 16, 64)
    """
