"""Separable convolution layers: depthwise, then a convolution of single positions."""

from __future__ import annotations

from typing import Any

from fastnn import activations, constraints, initializers, regularizers
from fastnn.autograd import Tensor
from fastnn.layers import edge
from fastnn.layers.base import Shape
from fastnn.layers.spatial import Spatial, numbers, standardize_padding, windows
from fastnn.ops.conv import checked_conv
from fastnn.ops.depthwise import checked_depthwise
from fastnn.ops.fused import PLAIN, Fusion


class BaseSeparableConv(Spatial):
    """What separable convolutions over one and two axes share."""

    _float_input = True

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, ...],
        strides: int | tuple[int, ...] = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | tuple[int, ...] = (1, 1),
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format, activity_regularizer=activity_regularizer, **kwargs)
        who = self._who
        self.filters = edge.check_positive_int(who, "filters", filters)
        self.kernel_size = numbers(who, "kernel_size", kernel_size, self.rank)
        self.strides = numbers(who, "strides", strides, self.rank)
        self.padding = standardize_padding(who, padding)
        self.dilation_rate = numbers(who, "dilation_rate", dilation_rate, self.rank)
        self.depth_multiplier = edge.check_positive_int(who, "depth_multiplier", depth_multiplier)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self.pointwise_constraint = constraints.get(pointwise_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def build(self, input_shape: Shape) -> None:
        channels = self._known_channels(input_shape)
        depthwise = (*self.kernel_size, channels, self.depth_multiplier)
        pointwise = (*(1,) * self.rank, channels * self.depth_multiplier, self.filters)
        self.depthwise_kernel = edge.add_weight(self, "depthwise", depthwise, name="depthwise_kernel")
        self.pointwise_kernel = edge.add_weight(self, "pointwise", pointwise, name="pointwise_kernel")
        self.bias = edge.add_weight(self, "bias", (self.filters,)) if self.use_bias else None

    def call(self, inputs: Tensor) -> Tensor:
        fused = edge.FUSED.get(self.activation)
        y = self._as_given(self.fused(self._channels_last(inputs), Fusion(fused)))
        return y if fused else self.activation(y)

    def fused(self, x: Tensor, fusion: Fusion) -> Tensor:
        """Both convolutions along channels that come last, and what is joined to the second."""
        y = checked_depthwise(
            f"depthwise_conv{self.rank}d", self.rank + 2, x, self.depthwise_kernel, None, self.strides, self.padding,
            self.dilation_rate, PLAIN,
        )  # fmt: skip
        return checked_conv(self.rank + 2, y, self.pointwise_kernel, self.bias, 1, "valid", 1, 1, fusion)

    def _check_shape(self, shape: Shape) -> None:
        super()._check_shape(shape)
        if self.padding == "valid":
            self._check_windows(shape, "kernel", self.kernel_size, self.dilation_rate)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        batch, sizes, _ = self._split_shape(input_shape)
        axes = zip(sizes, self.kernel_size, self.strides, self.dilation_rate, strict=True)
        return self._join_shape(batch, [windows(n, k, s, self.padding, d) for n, k, s, d in axes], self.filters)


class SeparableConv1D(BaseSeparableConv):
    """Separable 1-D convolution: `DepthwiseConv1D` without bias, then `Conv1D` of single positions.

    Parameters
    ----------
    filters : int
    kernel_size : int or tuple of one
    strides : int or tuple of one
    padding, data_format, dilation_rate, depth_multiplier, ..., **kwargs
        As for `SeparableConv2D`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import SeparableConv1D
    >>> SeparableConv1D(8, 3, padding="same")(np.ones((1, 50, 16))).shape
    (1, 50, 8)
    """

    rank = 1

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, ...],
        strides: int | tuple[int, ...] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | tuple[int, ...] = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            filters, kernel_size, strides, padding, data_format, dilation_rate, depth_multiplier, activation, use_bias,
            depthwise_initializer, pointwise_initializer, bias_initializer, depthwise_regularizer,
            pointwise_regularizer, bias_regularizer, activity_regularizer, depthwise_constraint, pointwise_constraint,
            bias_constraint, **kwargs,
        )  # fmt: skip


class SeparableConv2D(BaseSeparableConv):
    """Separable 2-D convolution: `DepthwiseConv2D` without bias, then `Conv2D` of single pixels.

    Parameters
    ----------
    filters : int
        Number of output channels.
    kernel_size : int or tuple of two
    strides : int or tuple of two
    padding : str
        ``"valid"`` or ``"same"``.
    data_format : str, optional
        ``"channels_last"`` or ``"channels_first"``; default `fastnn.config.image_data_format`.
    dilation_rate : int or tuple of two
    depth_multiplier : int
        Outputs of the depthwise part for each channel of the input.
    activation : str or callable, optional
        Default: none (linear).
    use_bias : bool
    depthwise_initializer, pointwise_initializer, bias_initializer : str or callable
    depthwise_regularizer, pointwise_regularizer, bias_regularizer, activity_regularizer : str or callable, optional
    depthwise_constraint, pointwise_constraint, bias_constraint : str, Constraint or callable, optional
    **kwargs
        ``name``, ``dtype``, ``trainable``, ``input_shape``.

    Shapes
    ------
    x (n, h, w, c) -> y (n, oh, ow, filters); depthwise kernel (kh, kw, c, depth_multiplier), pointwise kernel
    (1, 1, c * depth_multiplier, filters)

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import SeparableConv2D
    >>> SeparableConv2D(128, 3, strides=2, padding="same", activation="relu")(np.ones((1, 32, 32, 64))).shape
    (1, 16, 16, 128)
    """


SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D
