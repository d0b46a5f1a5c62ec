"""Convolution layers."""

from __future__ import annotations

from typing import Any

from fastnn import activations, errors, initializers, ops, regularizers
from fastnn.autograd import Tensor
from fastnn.layers import edge
from fastnn.layers.base import InputSpec, Layer, Shape, standardize_shape


class Conv2D(Layer):
    """2-D convolution (cross-correlation): ``activation(x * kernel + bias)``.

    y[n,i,j,o] = activation(bias[o] + sum_{r,s,c} x[n, i*sh + r*dh - ph, j*sw + s*dw - pw, c] * kernel[r,s,c,o])

    Parameters
    ----------
    filters : int
        Number of output channels.
    kernel_size : int or tuple of two
        Height and width of the kernel.
    strides : int or tuple of two
    padding : str
        ``"valid"`` (none) or ``"same"`` (ceil(size / stride) outputs; an odd zero goes to the end).
    data_format : str, optional
        ``"channels_last"`` or ``"channels_first"``; default `fastnn.config.image_data_format`.
    dilation_rate : int or tuple of two
        Distance between the kernel's taps.
    groups : int
        Channels and filters are split into this many groups that do not see each other.
    activation : str or callable, optional
        Default: none (linear).
    use_bias : bool
    kernel_initializer, bias_initializer : str or callable
    kernel_regularizer, bias_regularizer, activity_regularizer : str or callable, optional
    kernel_constraint, bias_constraint : callable, optional
    **kwargs
        ``name``, ``dtype``, ``trainable``, ``input_shape``.

    Shapes
    ------
    x (n, h, w, c) -> y (n, oh, ow, filters); kernel (kh, kw, c // groups, filters), bias (filters,)

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import Conv2D
    >>> Conv2D(32, 4, activation="relu")(np.ones((1, 28, 28, 1))).shape
    (1, 25, 25, 32)
    """

    _float_input = True

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        strides: int | tuple[int, int] = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | tuple[int, int] = (1, 1),
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        who = self._who
        self.filters = edge.check_positive_int(who, "filters", filters)
        self.kernel_size = edge.pair(who, "kernel_size", kernel_size)
        self.strides = edge.pair(who, "strides", strides)
        self.padding = edge.standardize_padding(who, padding)
        self.data_format = edge.standardize_data_format(who, data_format)
        self.dilation_rate = edge.pair(who, "dilation_rate", dilation_rate)
        self.groups = edge.check_positive_int(who, "groups", groups)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = kernel_constraint
        self.bias_constraint = bias_constraint
        if self.filters % self.groups:
            raise errors.value_error(who, "filters", f"a multiple of groups={self.groups}", self.filters)
        self.input_spec = InputSpec(ndim=4)

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)
        channels = edge.spatial(input_shape, self.data_format)[1]
        if channels is None or channels % self.groups:
            rule = "known" if channels is None else f"a multiple of groups={self.groups}"
            raise errors.value_error(self._who, "the number of channels of x", rule, channels)
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.kernel, self.bias = edge.add_kernel_and_bias(self, shape)
        self.input_spec = InputSpec(ndim=4, axes={1 if self.data_format == "channels_first" else -1: channels})

    def call(self, x: Tensor) -> Tensor:
        fused = edge.FUSED.get(self.activation)
        y = ops.conv2d(
            edge.to_channels_last(x, self.data_format),
            self.kernel,
            self.bias,
            strides=self.strides,
            padding=self.padding,
            dilation=self.dilation_rate,
            groups=self.groups,
            activation=fused,
        )
        y = edge.from_channels_last(y, self.data_format)
        return y if fused else self.activation(y)

    def _check_shape(self, shape: Shape) -> None:
        super()._check_shape(shape)
        size, _ = edge.spatial(shape, self.data_format)
        if self.padding == "valid" and edge.too_small(size, self.kernel_size, self.dilation_rate):
            raise errors.value_error(
                self._who,
                "the image",
                f"at least as large as the kernel {self.kernel_size} (dilation {self.dilation_rate})",
                errors.Shown(f"shape {tuple(shape)}"),
                "Use padding='same', a smaller kernel or larger images.",
            )

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = standardize_shape(self._who, input_shape)
        self._check_shape(shape)
        size, _ = edge.spatial(shape, self.data_format)
        sizes = zip(size, self.kernel_size, self.strides, self.dilation_rate, strict=True)
        height, width = (edge.windows(n, k, s, self.padding, d) for n, k, s, d in sizes)
        return edge.image_shape(shape[0], (height, width), self.filters, self.data_format)

    def _axes_text(self) -> str:
        return edge.axes_text(self.data_format)

    def _rank_fix(self, rank: int) -> str:
        return edge.rank_fix(rank)

    def _size_fix(self) -> str:
        return "Give it images with that many channels, or build the layer again."


Convolution2D = Conv2D
