"""Transposed convolution layers, also called deconvolution: they enlarge what a convolution with strides reduces."""

from __future__ import annotations

from typing import Any

from fastnn import activations, constraints, errors, initializers, regularizers
from fastnn.autograd import Tensor
from fastnn.layers import edge
from fastnn.layers.base import Shape
from fastnn.layers.spatial import Spatial, check_strides_and_dilation, numbers, standardize_padding
from fastnn.ops.conv_transpose import checked_transpose, transposed_extent
from fastnn.ops.fused import Fusion


class BaseConvTranspose(Spatial):
    """What transposed convolutions over one and two axes share."""

    _float_input = True

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, ...],
        strides: int | tuple[int, ...] = (1, 1),
        padding: str = "valid",
        output_padding: int | tuple[int, ...] | None = None,
        data_format: str | None = None,
        dilation_rate: int | tuple[int, ...] = (1, 1),
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
        self.padding = standardize_padding(who, padding)
        self.output_padding: tuple[int, ...] | None = None
        if output_padding is not None:
            self.output_padding = numbers(who, "output_padding", output_padding, self.rank, least=0)
            if any(more >= stride for more, stride in zip(self.output_padding, self.strides, strict=True)):
                rule = f"less than strides={self.strides}"
                raise errors.value_error(who, "output_padding", rule, self.output_padding)
        self.dilation_rate = numbers(who, "dilation_rate", dilation_rate, self.rank)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        check_strides_and_dilation(who, self.strides, self.dilation_rate)

    def build(self, input_shape: Shape) -> None:
        channels = self._known_channels(input_shape)
        self.kernel = edge.add_weight(self, "kernel", (*self.kernel_size, self.filters, channels))
        self.bias = edge.add_weight(self, "bias", (self.filters,)) if self.use_bias else None

    def call(self, inputs: Tensor) -> Tensor:
        fused = edge.FUSED.get(self.activation)
        y = self._as_given(self.fused(self._channels_last(inputs), Fusion(fused)))
        return y if fused else self.activation(y)

    def fused(self, x: Tensor, fusion: Fusion) -> Tensor:
        """The transposed convolution along channels that come last, and what is joined to it."""
        return checked_transpose(
            f"conv{self.rank}d_transpose", self.rank + 2, x, self.kernel, self.bias, self.strides, self.padding,
            self.output_padding, self.dilation_rate, fusion,
        )  # fmt: skip

    def compute_output_shape(self, input_shape: Any) -> Shape:
        batch, sizes, _ = self._split_shape(input_shape)
        more = self.output_padding or (None,) * self.rank
        axes = zip(sizes, self.kernel_size, self.strides, more, self.dilation_rate, strict=True)
        outputs = [None if n is None else transposed_extent(n, k, s, self.padding, m, d)[0] for n, k, s, m, d in axes]
        return self._join_shape(batch, outputs, self.filters)


class Conv1DTranspose(BaseConvTranspose):
    """Transposed 1-D convolution.

    Parameters
    ----------
    filters : int
        Number of output channels.
    kernel_size : int or tuple of one
    strides : int or tuple of one
    padding, output_padding, data_format, dilation_rate, ..., **kwargs
        As for `Conv2DTranspose`.

    Shapes
    ------
    x (n, length, c) -> y (n, outputs, filters); kernel (k, filters, c), bias (filters,)

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import Conv1DTranspose
    >>> Conv1DTranspose(8, 3, strides=2, padding="same")(np.ones((1, 50, 16))).shape
    (1, 100, 8)
    """

    rank = 1

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, ...],
        strides: int | tuple[int, ...] = 1,
        padding: str = "valid",
        output_padding: int | tuple[int, ...] | None = None,
        data_format: str | None = None,
        dilation_rate: int | tuple[int, ...] = 1,
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
            filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate, activation, use_bias,
            kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint, **kwargs,
        )  # fmt: skip


class Conv2DTranspose(BaseConvTranspose):
    """Transposed 2-D convolution: each input pixel adds its kernel to the outputs around ``strides`` times its place.

    Parameters
    ----------
    filters : int
        Number of output channels.
    kernel_size : int or tuple of two
    strides : int or tuple of two
    padding : str
        ``"same"`` (size * stride outputs) or ``"valid"`` (all that an input reaches, and at least the former).
    output_padding : int or tuple of two, optional
        Less than the strides: "valid" adds so many rows at the bottom and right; "same" makes (size - 1) * stride +
        reach % 2 + output_padding outputs, where reach is the kernel's extent with dilation. (For an even reach and 0,
        which Keras on TensorFlow refuses, this is what Keras does on JAX.)
    data_format : str, optional
        ``"channels_last"`` or ``"channels_first"``; default `fastnn.config.image_data_format`.
    dilation_rate : int or tuple of two
        Distance between the kernel's taps; not together with strides.
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
    x (n, h, w, c) -> y (n, oh, ow, filters); kernel (kh, kw, filters, c), bias (filters,)

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import Conv2DTranspose
    >>> Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu")(np.ones((1, 16, 16, 32))).shape
    (1, 32, 32, 8)
    """


Convolution1DTranspose = Conv1DTranspose
Convolution2DTranspose = Conv2DTranspose
