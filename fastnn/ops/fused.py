"""What the kernels of matrix products, convolutions and normalizations do to a value before they store it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from fastnn import errors
from fastnn._core import empty, launch
from fastnn.autograd import Array, Tensor, dense

LINEAR, RELU, LEAKY_RELU = 0, 1, 2  # `act` of the kernel
ACTIVATIONS = {None: LINEAR, "linear": LINEAR, "relu": RELU, "leaky_relu": LEAKY_RELU}


class Affine(NamedTuple):
    """``(y - mean) * scale + beta`` for each channel, which no gradient is wanted of."""

    mean: Array | None = None
    scale: Array | None = None
    beta: Array | None = None


class Fusion(NamedTuple):
    """What is done to an op's value before it is stored: ``act(norm(y) + residual)``."""

    activation: str | None = None
    slope: float = 0.2  # of leaky_relu
    residual: Tensor | None = None
    norm: Affine = Affine()

    @property
    def act(self) -> int:
        return ACTIVATIONS[self.activation]

    @property
    def leak(self) -> float:
        return self.slope if self.activation == "leaky_relu" else 0.0

    def fields(self) -> dict[str, Any]:
        """What a convolution's kernel is told."""
        residual = None if self.residual is None else dense(self.residual)
        return {"act": self.act, "slope": self.leak, "residual": residual, **self.norm._asdict()}


PLAIN = Fusion()


def check_fusion(who: str, fusion: Fusion) -> None:
    if fusion.activation not in ACTIVATIONS:
        raise errors.unknown_name(who, "activation", fusion.activation, [name for name in ACTIVATIONS if name])
    if not fusion.slope >= 0:
        raise errors.value_error(who, "slope", "at least 0", fusion.slope)


def only_given(inputs: tuple[Tensor | None, ...], values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values of those inputs that are not None."""
    return tuple(value for x, value in zip(inputs, values, strict=True) if x is not None)


def behind_fusion(dy: Array, y: Array, fusion: Fusion, dbias: Array | None) -> tuple[Array, Array]:
    """The gradients of the residual and of the op's own result, and the bias's where it is wanted."""
    norm, channels = fusion.norm, y.shape[-1]
    if norm.scale is None:
        dz = behind_activation(dy, y, fusion.act, fusion.leak, dbias)
        return dz, dz
    dz, scaled = behind_activation(dy, y, fusion.act, fusion.leak, None), empty(y.shape, y.dtype)
    launch(
        "norm_bwd_apply", y.dtype, x=dz, dy=dz, mean=norm.mean, scale=norm.scale, beta=None, slope=None, shift=None,
        dx=scaled, outer=1, red=y.size // max(channels, 1), inner=channels, act=LINEAR, alpha=0.0,
    )
    return dz, behind_activation(scaled, y, LINEAR, 0.0, dbias)


def behind_activation(dy: Array, y: Array, act: int, slope: float, dbias: Array | None) -> Array:
    """The gradient behind act from the one of its result y, and the bias's where it is wanted."""
    dz = dy if act == LINEAR else empty(y.shape, y.dtype)
    if act != LINEAR or dbias is not None:
        at = (None, None) if act == LINEAR else (y, dz)
        rows, channels = math.prod(y.shape[:-1]), y.shape[-1]
        launch(
            "bias_act_bwd", y.dtype, dy=dy, y=at[0], dz=at[1], dbias=dbias, m=rows, n=channels, dy_rs=channels,
            slope=slope,
        )
    return dz
