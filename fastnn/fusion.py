"""Fusion: neighbouring layers that one op computes.

* convolution [+ activation] + max-pooling: `ops.conv2d_max_pool`, which never stores the convolution's result
* convolution + activation, dense + activation: the activation is applied as the product is stored
* batch normalization [+ addition of another tensor] [+ activation]: the gradient passes all at once, too

where the activation is linear, relu or leaky_relu, in the first layer or in a layer of its own. (A softmax or sigmoid
and its cross-entropy are joined by the loss.) The op's value has the bits that the layers would give one by one.

What lies between two fused layers does not exist. So only layers are fused whose `call` is the one written for their
class, that want nothing of their output (an activity regularizer), and whose result nobody but the next layer reads:
whoever walks a graph passes chains of which that is true.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from fastnn import activations, ops
from fastnn.autograd import Tensor
from fastnn.layers.activation import LeakyReLU, ReLU
from fastnn.layers.base import Layer, _state
from fastnn.layers.conv import Conv2D
from fastnn.layers.core import Activation, Dense
from fastnn.layers.edge import FUSED
from fastnn.layers.merge import Add
from fastnn.layers.normalization import BatchNormalization
from fastnn.layers.pool import MaxPooling2D
from fastnn.ops.conv_pool import MOST_POSITIONS
from fastnn.ops.normalization import Fusion

SLOPE = 0.2  # of activations.leaky_relu
_CALLS = {cls: cls.call for cls in (Activation, Add, BatchNormalization, Conv2D, Dense, LeakyReLU, MaxPooling2D, ReLU)}


class Fused(NamedTuple):
    """Layers that are computed together, and how."""

    layers: tuple[Layer, ...]
    activation: str
    slope: float
    pool: MaxPooling2D | None

    def __call__(self, x: Any, residual: Any = None) -> Any:
        """The last layer's output; residual: what is added behind a normalization.

        Each layer checks its own input, so that errors name the right one.
        """
        head: Any = self.layers[0]
        x = head._convert(x)
        head._prepare(x)
        shape = x.shape
        for before, layer in zip(self.layers, self.layers[1:], strict=False):
            shape = before.compute_output_shape(shape)
            layer._check_shape(shape)
        if type(head) is BatchNormalization:
            return head.fused(x, bool(_state.training), Fusion(self.activation, self.slope, residual))
        if type(head) is Dense:
            return ops.linear(x, head.kernel, head.bias, self.activation, self.slope)
        arguments = (
            x, head.kernel, head.bias, head.strides, head.padding, head.dilation_rate, head.groups, self.activation,
            self.slope,
        )  # fmt: skip
        if self.pool is None:
            return ops.conv2d(*arguments)
        return ops.conv2d_max_pool(*arguments, self.pool.pool_size, self.pool.strides)


def call_chain(layers: Sequence[Layer], x: Any) -> Any:
    """x through layers that follow each other, by fused ops where patterns fit.

    The patterns are matched anew in each call, so no change of a layer is missed; a recorded step keeps them. Values
    with a mask go through one layer after the other, which pass it on.
    """
    at = 0
    while at < len(layers):
        fused = match(layers, at) if getattr(x, "_keras_mask", None) is None else None
        if fused is None:
            x = layers[at](x)
            at += 1
        else:
            x = fused(x)
            at += len(fused.layers)
    return x


def match(layers: Sequence[Layer], at: int = 0) -> Fused | None:
    """The pattern that begins at a place in a chain, with as many layers as possible; None for a layer by itself."""
    head: Any = layers[at]
    if type(head) not in (BatchNormalization, Conv2D, Dense) or not _plain(head, head):
        return None
    activation = "linear" if type(head) is BatchNormalization else FUSED.get(head.activation)
    if activation is None or (activation == "linear" and type(head) is BatchNormalization and not _by_last_axis(head)):
        return None
    slope, end = SLOPE, at + 1
    if activation == "linear" and end < len(layers) and _plain(layers[end], head):
        own = _activation(layers[end])
        if own is not None:
            (activation, slope), end = own, end + 1
    pool = layers[end] if end < len(layers) and type(head) is Conv2D else None
    if pool is not None and _pools(head, pool):
        return Fused((*layers[at : end + 1],), activation, slope, pool)  # type: ignore[arg-type]  # a pool, by _pools
    return Fused((*layers[at:end],), activation, slope, None) if end > at + 1 else None


def adds(operation: Any) -> bool:
    """Whether an operation of a graph is an addition."""
    return type(operation) is Add or getattr(operation, "op", None) == "add"


def takes_sums(layer: Any) -> bool:
    """Whether what is added to the layer's result may be computed with it."""
    return type(layer) is BatchNormalization


def match_sum(layer: Any, addition: Any, after: Sequence[Layer], x: Any, residual: Any) -> Fused | None:
    """The pattern of a layer, an addition to its result, and the first of the layers that follow if it fits."""
    if not (_plain(layer, layer) and _by_last_axis(layer) and (type(addition) is not Add or _plain(addition, layer))):
        return None
    if not (isinstance(residual, Tensor) and residual.shape == x.shape and residual.dtype == layer._np_dtype):
        return None
    if any(getattr(value, "_keras_mask", None) is not None for value in (x, residual)):
        return None
    own = _activation(after[0]) if after and _plain(after[0], layer) else None
    return Fused((layer,), "linear", SLOPE, None) if own is None else Fused((layer, after[0]), *own, None)


def _plain(layer: Any, head: Layer) -> bool:
    """Whether a layer computes what its class says, in the first layer's dtype and order of axes, and no more."""
    cls = type(layer)
    return (
        cls in _CALLS
        and cls.call is _CALLS[cls]
        and "call" not in vars(layer)
        and layer.activity_regularizer is None
        and layer._np_dtype == head._np_dtype
        and getattr(layer, "data_format", "channels_last") == "channels_last"
    )


def _by_last_axis(norm: BatchNormalization) -> bool:
    return norm.axis == -1 or (norm.input_spec is not None and norm.axis + 1 == norm.input_spec.ndim)


def _pools(conv: Conv2D, pool: Any) -> bool:
    return (
        type(pool) is MaxPooling2D
        and _plain(pool, conv)
        and pool.padding == "valid"
        and conv.groups == 1
        and pool.pool_size[0] * pool.pool_size[1] <= MOST_POSITIONS
    )


def _activation(layer: Any) -> tuple[str, float] | None:
    """(name, slope) of a layer that is a fusable activation."""
    if type(layer) is Activation and layer.activation is not activations.linear:
        name = FUSED.get(layer.activation)
        return None if name is None else (name, SLOPE)
    if type(layer) is LeakyReLU and layer.negative_slope:  # times 0 would be -0 by itself
        return "leaky_relu", layer.negative_slope
    if type(layer) is ReLU and layer.max_value is None and not layer.threshold:
        return ("leaky_relu", layer.negative_slope) if layer.negative_slope else ("relu", SLOPE)
    return None
