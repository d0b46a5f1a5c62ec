"""What the layer families share at their edge: checked arguments, weights, fused activations, data formats."""

from __future__ import annotations

from typing import Any

from fastnn import activations, config, errors
from fastnn.autograd import Variable

# Activations that the matrix product and the convolution apply while they store their results.
FUSED: dict[Any, str] = {activations.linear: "linear", activations.relu: "relu", activations.leaky_relu: "leaky_relu"}


def check_positive_int(who: str, argument: str, value: Any) -> int:
    """A positive whole number, or the error that names the argument."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise errors.type_error(who, argument, "a positive int", value)
    if value.__index__() < 1:
        raise errors.value_error(who, argument, "a positive int", value)
    return int(value)


def add_weight(layer: Any, kind: str, shape: tuple[int, ...], name: str | None = None) -> Variable:
    """A weight as the layer's ``<kind>_initializer``, ``_regularizer`` and ``_constraint`` want it."""
    weight: Variable = layer.add_weight(
        shape=shape,
        initializer=getattr(layer, f"{kind}_initializer"),
        regularizer=getattr(layer, f"{kind}_regularizer"),
        constraint=getattr(layer, f"{kind}_constraint"),
        name=name or kind,
    )
    return weight


def add_kernel_and_bias(layer: Any, shape: tuple[int, ...]) -> tuple[Variable, Variable | None]:
    """The weights that Dense and the convolutions have."""
    return add_weight(layer, "kernel", shape), add_weight(layer, "bias", shape[-1:]) if layer.use_bias else None


def standardize_data_format(who: str, data_format: Any) -> str:
    if data_format is None:
        return config.image_data_format()
    name = data_format.lower() if isinstance(data_format, str) else data_format
    if name not in ("channels_last", "channels_first"):
        raise errors.value_error(who, "data_format", "'channels_last' or 'channels_first'", data_format)
    return str(name)


def channels_last_order(rank: int) -> tuple[int, ...]:
    return (0, *range(2, rank), 1)
