"""What the layer families share at their edge: checked arguments, fused activations, data formats of images."""

from __future__ import annotations

from typing import Any

from fastnn import activations, config, errors, ops
from fastnn.autograd import Tensor, Variable

# Activations that the matrix product and the convolution apply while they store their results.
FUSED: dict[Any, str] = {activations.linear: "linear", activations.relu: "relu", activations.leaky_relu: "leaky_relu"}


def check_positive_int(who: str, argument: str, value: Any) -> int:
    """A positive whole number, or the error that names the argument."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise errors.type_error(who, argument, "a positive int", value)
    if value.__index__() < 1:
        raise errors.value_error(who, argument, "a positive int", value)
    return int(value)


def add_kernel_and_bias(layer: Any, shape: tuple[int, ...]) -> tuple[Variable, Variable | None]:
    """The weights that Dense and the convolutions have, from the layer's ``kernel_...`` and ``bias_...`` attributes."""
    kernel = layer.add_weight(
        shape=shape,
        initializer=layer.kernel_initializer,
        regularizer=layer.kernel_regularizer,
        constraint=layer.kernel_constraint,
        name="kernel",
    )
    if not layer.use_bias:
        return kernel, None
    bias = layer.add_weight(
        shape=shape[-1:],
        initializer=layer.bias_initializer,
        regularizer=layer.bias_regularizer,
        constraint=layer.bias_constraint,
        name="bias",
    )
    return kernel, bias


def pair(who: str, argument: str, value: Any) -> tuple[int, int]:
    """A positive int, or two, as (rows, columns)."""
    both = (value, value) if hasattr(value, "__index__") and not isinstance(value, bool) else value
    if not isinstance(both, (tuple, list)) or len(both) != 2 or not all(hasattr(n, "__index__") for n in both):
        raise errors.value_error(who, argument, "a positive int or two of them", value)
    if any(n < 1 for n in both):
        raise errors.value_error(who, argument, "a positive int or two of them", value)
    return int(both[0]), int(both[1])


def standardize_padding(who: str, padding: Any) -> str:
    name = padding.lower() if isinstance(padding, str) else padding
    if name not in ("valid", "same"):
        raise errors.value_error(who, "padding", "'valid' or 'same'", padding)
    return str(name)


def standardize_data_format(who: str, data_format: Any) -> str:
    if data_format is None:
        return config.image_data_format()
    name = data_format.lower() if isinstance(data_format, str) else data_format
    if name not in ("channels_last", "channels_first"):
        raise errors.value_error(who, "data_format", "'channels_last' or 'channels_first'", data_format)
    return str(name)


def channels_last_order(rank: int) -> tuple[int, ...]:
    return (0, *range(2, rank), 1)


def to_channels_last(x: Tensor, data_format: str) -> Tensor:
    """Inside, images are (n, h, w, c); ``channels_first`` is transposed on the way in."""
    return ops.transpose(x, (0, 2, 3, 1)) if data_format == "channels_first" else x


def from_channels_last(y: Tensor, data_format: str) -> Tensor:
    return ops.transpose(y, (0, 3, 1, 2)) if data_format == "channels_first" else y


def spatial(shape: tuple[int | None, ...], data_format: str) -> tuple[tuple[int | None, int | None], int | None]:
    """((height, width), channels) of a shape of four axes."""
    if data_format == "channels_first":
        return (shape[2], shape[3]), shape[1]
    return (shape[1], shape[2]), shape[3]


def image_shape(
    batch: int | None, size: tuple[int | None, int | None], channels: int | None, data_format: str
) -> tuple[int | None, ...]:
    return (batch, channels, *size) if data_format == "channels_first" else (batch, *size, channels)


def windows(size: int | None, window: int, stride: int, padding: str, dilation: int = 1) -> int | None:
    """How many windows fit: ceil(size / stride) for same, floor((size - reach) / stride) + 1 for valid."""
    if size is None:
        return None
    if padding == "same":
        return -(-size // stride)
    reach = (window - 1) * dilation + 1
    return (size - reach) // stride + 1


def too_small(
    size: tuple[int | None, int | None], window: tuple[int, int], dilation: tuple[int, int] = (1, 1)
) -> bool:
    """Whether an image is smaller than a window."""
    (height, width), (rows, columns), (down, right) = size, window, dilation
    return (height is not None and height < (rows - 1) * down + 1) or (
        width is not None and width < (columns - 1) * right + 1
    )


def axes_text(data_format: str) -> str:
    order = "batch, channels, height, width" if data_format == "channels_first" else "batch, height, width, channels"
    return f" ({order})"


def rank_fix(rank: int) -> str:
    if rank == 3:
        return "Images of one channel need a channel axis, x[..., None]; a single image needs a batch axis, x[None]."
    return "Reshape the input to images."
