"""Fusion: neighbouring layers that one op computes.

* convolution [+ batch normalization] [+ addition of another tensor] [+ activation], dense + activation: as the product
  is stored; the normalization where its statistics are given and its weights are not trained
* convolution [+ that normalization] [+ activation] + max-pooling, which never stores the convolution's result
* batch normalization [+ addition of another tensor] [+ activation]: the gradient passes all at once, too

where the activation is linear, relu or leaky_relu, in the first layer, in a layer of its own or an op of a graph. (A
softmax or sigmoid and its cross-entropy are joined by the loss.) The op's value has the bits that the layers would give
one by one.

What lies between two fused layers does not exist. So only layers are fused whose `call` is the one written for their
class, that want nothing of their output (an activity regularizer), and whose result nobody but the next layer reads:
whoever walks a graph passes chains of which that is true.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from fastnn import activations, ops
from fastnn.autograd import Tensor
from fastnn.layers.activation import LeakyReLU, ReLU
from fastnn.layers.base import Layer, _state
from fastnn.layers.conv import Conv1D, Conv2D
from fastnn.layers.conv_transpose import Conv1DTranspose, Conv2DTranspose
from fastnn.layers.core import Activation, Dense
from fastnn.layers.depthwise import DepthwiseConv1D, DepthwiseConv2D
from fastnn.layers.edge import FUSED
from fastnn.layers.merge import Add
from fastnn.layers.normalization import BatchNormalization
from fastnn.layers.pool import MaxPooling1D, MaxPooling2D
from fastnn.layers.separable import SeparableConv1D, SeparableConv2D
from fastnn.ops.conv_pool import MOST_POSITIONS
from fastnn.ops.fused import Affine, Fusion
from fastnn.symbolic import Operation

SLOPE = 0.2  # of activations.leaky_relu
POOLS = {Conv1D: MaxPooling1D, Conv2D: MaxPooling2D}
CONVOLUTIONS = {
    *POOLS, Conv1DTranspose, Conv2DTranspose, DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D
}  # fmt: skip
HEADS = {*CONVOLUTIONS, BatchNormalization, Dense}
_LAYERS: tuple[Any, ...] = (*HEADS, *POOLS.values(), Activation, Add, LeakyReLU, ReLU)
_CALLS = {cls: cls.call for cls in _LAYERS}


class Fused(NamedTuple):
    """Layers that are computed together, and how."""

    layers: tuple[Any, ...]
    activation: str
    slope: float
    norm: BatchNormalization | None = None  # behind a convolution
    pool: Any = None

    def __call__(self, x: Any, residual: Any = None) -> Any:
        """The last layer's output; residual: what is added before the activation.

        Each layer checks its own input, so that errors name the right one.
        """
        head: Any = self.layers[0]
        x = head._convert(x)
        head._prepare(x)
        shape, before = x.shape, head
        for layer in self.layers[1:]:
            if isinstance(layer, Layer):  # an op keeps the shape
                shape = before.compute_output_shape(shape)
                layer._check_shape(shape)
                before = layer
        if type(head) is Dense:
            return ops.linear(x, head.kernel, head.bias, self.activation, self.slope)
        norm = Affine() if self.norm is None else self.norm.affine()
        fusion = Fusion(self.activation, self.slope, residual, norm)
        if type(head) is BatchNormalization:
            return head.fused(x, bool(_state.training), fusion)
        return head.fused(x, fusion, *([(self.pool.pool_size, self.pool.strides)] if self.pool else []))


def call_chain(layers: Sequence[Any], x: Any) -> Any:
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


def match(layers: Sequence[Any], at: int = 0) -> Fused | None:
    """The pattern that begins at a place in a chain, with as many layers as possible; None for a layer by itself."""
    head: Any = layers[at]
    if type(head) not in HEADS or not _plain(head, head):
        return None
    activation = "linear" if type(head) is BatchNormalization else FUSED.get(head.activation)
    if activation is None or (activation == "linear" and type(head) is BatchNormalization and not _by_last_axis(head)):
        return None
    slope, end, norm = SLOPE, at + 1, None
    if activation == "linear" and end < len(layers) and _normalizes(layers[end], head):
        norm, end = layers[end], end + 1
    if activation == "linear" and end < len(layers) and _plain(layers[end], head):
        own = _activation(layers[end])
        if own is not None:
            (activation, slope), end = own, end + 1
    pool = None
    if end < len(layers) and _pools(head, layers[end]):
        pool, end = layers[end], end + 1
    return Fused((*layers[at:end],), activation, slope, norm, pool) if end > at + 1 else None


def follows(operation: Any) -> bool:
    """Whether an operation of a graph may be part of a chain: a layer, or an op that layers before it may apply."""
    return isinstance(operation, Layer) or _activation(operation) is not None


def adds(operation: Any) -> bool:
    """Whether an operation of a graph is an addition."""
    return type(operation) is Add or getattr(operation, "op", None) == "add"


def takes_sums(layers: Sequence[Any]) -> int:
    """How many of the last layers of a chain may be computed with what is added to their result: at most 2."""
    if not layers or type(layers[-1]) not in HEADS - {Dense}:
        return 0
    return 2 if type(layers[-1]) is BatchNormalization and len(layers) > 1 and type(layers[-2]) in CONVOLUTIONS else 1


def match_sum(chain: Sequence[Any], addition: Any, after: Sequence[Any], x: Any, residual: Any) -> Fused | None:
    """The pattern of a whole chain, an addition to its result, and the first of the layers that follow if it fits."""
    head, shape = chain[0], x.shape
    for layer in chain:
        layer._check_shape(shape)
        shape = layer.compute_output_shape(shape)
    if not _plain(head, head) or (type(addition) is Add and not _plain(addition, head)):
        return None
    if type(head) is BatchNormalization:
        if not _by_last_axis(head):
            return None
    elif FUSED.get(head.activation) != "linear" or (len(chain) > 1 and not _normalizes(chain[1], head)):
        return None
    if not (isinstance(residual, Tensor) and residual.shape == shape and residual.dtype == head._np_dtype):
        return None
    if any(getattr(value, "_keras_mask", None) is not None for value in (x, residual)):
        return None
    activation, slope = "linear", SLOPE
    own = _activation(after[0]) if after and _plain(after[0], head) else None
    if own is not None:
        (activation, slope), chain = own, (*chain, after[0])
    norm = chain[1] if len(chain) > 1 and type(chain[1]) is BatchNormalization else None
    return Fused((*chain,), activation, slope, norm)


def _plain(layer: Any, head: Layer) -> bool:
    """Whether a layer computes what its class says, in the first layer's dtype and order of axes, and no more."""
    cls = type(layer)
    return isinstance(layer, Operation) or (
        cls in _CALLS
        and cls.call is _CALLS[cls]
        and "call" not in vars(layer)
        and layer.activity_regularizer is None
        and layer._np_dtype == head._np_dtype
        and getattr(layer, "data_format", "channels_last") == "channels_last"
    )


def _by_last_axis(norm: BatchNormalization) -> bool:
    return norm.axis == -1 or (norm.input_spec is not None and norm.axis + 1 == norm.input_spec.ndim)


def _normalizes(norm: Any, conv: Any) -> bool:
    """Whether a layer is a fixed map of each channel of a convolution's result."""
    return (
        type(norm) is BatchNormalization
        and type(conv) in CONVOLUTIONS
        and _plain(norm, conv)
        and norm.is_affine(bool(_state.training))
        and _by_last_axis(norm)
    )


def _pools(conv: Any, pool: Any) -> bool:
    return (
        type(pool) is POOLS.get(type(conv))
        and _plain(pool, conv)
        and pool.padding == "valid"
        and conv.groups == 1
        and math.prod(pool.pool_size) <= MOST_POSITIONS
    )


def _activation(layer: Any) -> tuple[str, float] | None:
    """(name, slope) of a layer or an op that is a fusable activation."""
    if isinstance(layer, Operation):
        slope = layer.settings.get("negative_slope", SLOPE)
        return (layer.op, slope) if layer.op == "relu" or (layer.op == "leaky_relu" and slope > 0) else None
    if type(layer) is Activation and layer.activation is not activations.linear:
        name = FUSED.get(layer.activation)
        return None if name is None else (name, SLOPE)
    if type(layer) is LeakyReLU and layer.negative_slope:  # times 0 would be -0 by itself
        return "leaky_relu", layer.negative_slope
    if type(layer) is ReLU and layer.max_value is None and not layer.threshold:
        return ("leaky_relu", layer.negative_slope) if layer.negative_slope else ("relu", SLOPE)
    return None
