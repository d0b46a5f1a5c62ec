"""What the layers over lines (n, length, c) and images (n, h, w, c) share: checked arguments, shapes, order of axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnn import errors, ops
from fastnn.autograd import Tensor
from fastnn.layers.base import InputSpec, Layer, Shape, standardize_shape
from fastnn.layers.edge import channels_last_order, standardize_data_format

Sizes = tuple[int | None, ...]


class Spatial(Layer):
    """A layer over one or two spatial axes; inside, channels are last."""

    rank = 2

    def __init__(self, data_format: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(self._who, data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _first(self) -> bool:
        return self.data_format == "channels_first"

    def _channels_last(self, x: Tensor) -> Tensor:
        return ops.transpose(x, channels_last_order(x.ndim)) if self._first() else x

    def _as_given(self, y: Tensor) -> Tensor:
        """Channels where the layer's data format wants them."""
        return ops.transpose(y, (0, y.ndim - 1, *range(1, y.ndim - 1))) if self._first() else y

    def _split_shape(self, input_shape: Any) -> tuple[int | None, Sizes, int | None]:
        """(batch, spatial sizes, channels) of a shape that is checked."""
        shape = standardize_shape(self._who, input_shape)
        self._check_shape(shape)
        return (shape[0], shape[2:], shape[1]) if self._first() else (shape[0], shape[1:-1], shape[-1])

    def _join_shape(self, batch: int | None, sizes: Sequence[int | None], channels: int | None) -> Shape:
        return (batch, channels, *sizes) if self._first() else (batch, *sizes, channels)

    def _sizes(self, shape: Shape) -> Sizes:
        return shape[2:] if self._first() else shape[1:-1]

    def _known_channels(self, input_shape: Any) -> int:
        """The channels a layer is built for; from then on no other number is taken."""
        channels = self._split_shape(input_shape)[2]
        if not channels:
            rule = "known" if channels is None else "at least 1"
            raise errors.value_error(self._who, "the number of channels of x", rule, channels)
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={1 if self._first() else -1: channels})
        return channels

    def _check_windows(self, shape: Shape, noun: str, window: Sequence[int], dilation: Sequence[int]) -> None:
        """Raise where an input that gets no padding is smaller than a window."""
        reach = ((k - 1) * d + 1 for k, d in zip(window, dilation, strict=True))
        if any(n is not None and n < least for n, least in zip(self._sizes(shape), reach, strict=True)):
            spread = f" (dilation {tuple(dilation)})" if max(dilation) > 1 else ""
            raise errors.value_error(
                self._who,
                "the image" if self.rank == 2 else "the line",
                f"at least as large as the {noun} {tuple(window)}{spread}",
                errors.Shown(f"shape {tuple(shape)}"),
                f"Use padding='same', a smaller {noun} or larger inputs.",
            )

    def _axes_text(self) -> str:
        spatial = "height, width" if self.rank == 2 else "length"
        return f" (batch, channels, {spatial})" if self._first() else f" (batch, {spatial}, channels)"

    def _rank_fix(self, rank: int) -> str:
        what = "images" if self.rank == 2 else "lines"
        if rank == self.rank + 1:
            return (
                f"{what.capitalize()} of one channel need a channel axis, x[..., None]; "
                f"a single {what[:-1]} needs a batch axis, x[None]."
            )
        return f"Reshape the input to {what}."

    def _size_fix(self) -> str:
        return f"Give it {'images' if self.rank == 2 else 'lines'} with that many channels, or build the layer again."


def numbers(who: str, argument: str, value: Any, rank: int, least: int = 1) -> tuple[int, ...]:
    """An int, or one for each of ``rank`` axes, as a tuple."""
    one = hasattr(value, "__index__") and not isinstance(value, bool)
    given = (value,) * rank if one else value
    good = isinstance(given, (tuple, list)) and len(given) == rank and all(hasattr(n, "__index__") for n in given)
    if not good or any(n < least for n in given):
        kind = "a positive int" if least else "an int of at least 0"
        rule = f"{kind} or two of them" if rank == 2 else f"{kind} or a tuple of one"
        raise errors.value_error(who, argument, rule, value)
    return tuple(int(n) for n in given)


def standardize_padding(who: str, padding: Any, causal: bool = False) -> str:
    known = ("valid", "same", "causal") if causal else ("valid", "same")
    name = padding.lower() if isinstance(padding, str) else padding
    if name not in known:
        rule = "'valid', 'same' or 'causal'" if causal else "'valid' or 'same'"
        raise errors.value_error(who, "padding", rule, padding)
    return str(name)


def check_strides_and_dilation(who: str, strides: tuple[int, ...], dilation_rate: tuple[int, ...]) -> None:
    """Keras refuses convolutions that have both."""
    if max(strides) > 1 and max(dilation_rate) > 1:
        fix = "Leave one of them at 1; ops.conv takes both."
        raise errors.value_error(who, "dilation_rate", f"1 with strides={strides}", dilation_rate, fix)


def windows(size: int | None, window: int, stride: int, padding: str, dilation: int = 1) -> int | None:
    """How many windows fit: ceil(size / stride) with padding, else floor((size - reach) / stride) + 1."""
    if size is None:
        return None
    return -(-size // stride) if padding != "valid" else (size - (window - 1) * dilation - 1) // stride + 1
