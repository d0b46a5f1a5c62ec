"""Convolution layers."""

from __future__ import annotations

from typing import Any

from fastnn import activations, constraints, errors, initializers, regularizers
from fastnn.autograd import Tensor
from fastnn.layers import edge
from fastnn.layers.base import Shape
from fastnn.layers.spatial import Spatial, check_strides_and_dilation, numbers, standardize_padding, windows
from fastnn.ops.conv import checked_conv
from fastnn.ops.conv_pool import checked_conv_max_pool
from fastnn.ops.fused import Fusion


class BaseConv(Spatial):
    """What convolutions over one and two axes share."""

    _float_input = True

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, ...],
        strides: int | tuple[int, ...] = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | tuple[int, ...] = (1, 1),
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
        super().__init__(data_format, activity_regularizer=activity_regularizer, **kwargs)
        who = self._who
        self.filters = edge.check_positive_int(who, "filters", filters)
        self.kernel_size = numbers(who, "kernel_size", kernel_size, self.rank)
        self.strides = numbers(who, "strides", strides, self.rank)
        self.padding = standardize_padding(who, padding, causal=self.rank == 1)
        self.dilation_rate = numbers(who, "dilation_rate", dilation_rate, self.rank)
        self.groups = edge.check_positive_int(who, "groups", groups)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        if self.filters % self.groups:
            raise errors.value_error(who, "filters", f"a multiple of groups={self.groups}", self.filters)
        check_strides_and_dilation(who, self.strides, self.dilation_rate)

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)
        channels = self._known_channels(input_shape)
        if channels % self.groups:
            rule = f"a multiple of groups={self.groups}"
            raise errors.value_error(self._who, "the number of channels of x", rule, channels)
        self.kernel, self.bias = edge.add_kernel_and_bias(
            self, (*self.kernel_size, channels // self.groups, self.filters)
        )

    def call(self, inputs: Tensor) -> Tensor:
        fused = edge.FUSED.get(self.activation)
        y = self._as_given(self.fused(self._channels_last(inputs), Fusion(fused)))
        return y if fused else self.activation(y)

    def fused(self, x: Tensor, fusion: Fusion, pool: tuple[Any, Any] | None = None) -> Tensor:
        """The convolution along channels that come last, what is joined to it, and a max-pooling (size, strides)."""
        arguments = (
            self.rank + 2, x, self.kernel, self.bias, self.strides, self.padding, self.dilation_rate, self.groups,
            fusion,
        )  # fmt: skip
        return checked_conv(*arguments) if pool is None else checked_conv_max_pool(*arguments, *pool)

    def _check_shape(self, shape: Shape) -> None:
        super()._check_shape(shape)
        if self.padding == "valid":
            self._check_windows(shape, "kernel", self.kernel_size, self.dilation_rate)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        batch, sizes, _ = self._split_shape(input_shape)
        axes = zip(sizes, self.kernel_size, self.strides, self.dilation_rate, strict=True)
        return self._join_shape(batch, [windows(n, k, s, self.padding, d) for n, k, s, d in axes], self.filters)


class Conv1D(BaseConv):
    """1-D convolution (cross-correlation): ``activation(x * kernel + bias)``.

    y[n,j,o] = activation(bias[o] + sum_{s,c} x[n, j*stride + s*dilation - before, c] * kernel[s,c,o])

    Parameters
    ----------
    filters : int
        Number of output channels.
    kernel_size : int or tuple of one
    strides : int or tuple of one
    padding : str
        ``"valid"`` (none), ``"same"`` (ceil(length / stride) outputs; an odd zero goes to the end) or ``"causal"`` (as
        many outputs, but all zeros go before the line: no output sees what comes after it).
    data_format : str, optional
        ``"channels_last"`` or ``"channels_first"``; default `fastnn.config.image_data_format`.
    dilation_rate : int or tuple of one
        Distance between the kernel's taps; not together with strides.
    groups, activation, use_bias, kernel_initializer, ..., **kwargs
        As for `Conv2D`.

    Shapes
    ------
    x (n, length, c) -> y (n, outputs, filters); kernel (k, c // groups, filters), bias (filters,)

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import Conv1D
    >>> Conv1D(8, 5, padding="causal", activation="relu")(np.ones((1, 100, 2))).shape
    (1, 100, 8)
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
        super().__init__(
            filters, kernel_size, strides, padding, data_format, dilation_rate, groups, activation, use_bias,
            kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint, **kwargs,
        )  # fmt: skip


class Conv2D(BaseConv):
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
        Distance between the kernel's taps; not together with strides.
    groups : int
        Channels and filters are split into this many groups that do not see each other.
    activation : str or callable, optional
        Default: none (linear).
    use_bias : bool
    kernel_initializer, bias_initializer : str or callable
    kernel_regularizer, bias_regularizer, activity_regularizer : str or callable, optional
    kernel_constraint, bias_constraint : str, Constraint or callable, optional
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


Convolution1D = Conv1D
Convolution2D = Conv2D
