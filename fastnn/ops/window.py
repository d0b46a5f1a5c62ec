"""Sliding windows over the two spatial axes: arguments, padding and output sizes, for convolution and pooling.

An output position ``o`` along an axis of size ``i`` looks at the input positions ``o*stride - before + t*dilation``
for the window's taps ``t`` in ``range(k)``; positions outside the input are padding.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from fastnn import config, errors

Pair: TypeAlias = tuple[int, int]
Padding: TypeAlias = str | Sequence[Any]


class Window(NamedTuple):
    """The geometry of one window operation: everything a kernel wants to know besides the channels."""

    kernel: Pair
    strides: Pair
    dilation: Pair
    before: Pair  # padding above and to the left
    after: Pair  # padding below and to the right
    output: Pair


def pair(who: str, argument: str, value: Any, least: int = 1) -> Pair:
    """An int, or a sequence of one or two ints, as a pair (y, x).

    Examples
    --------
    >>> pair("MaxPooling2D", "pool_size", 2)
    (2, 2)
    """
    try:
        numbers = [operator.index(value)] * 2 if not isinstance(value, Sequence) else [operator.index(v) for v in value]
    except TypeError:
        numbers = []
    if len(numbers) == 1:
        numbers *= 2
    if len(numbers) != 2 or min(numbers) < least:
        raise errors.value_error(who, argument, f"an integer of at least {least}, or a tuple of two", value)
    return numbers[0], numbers[1]


def same_padding(size: int, kernel: int, stride: int = 1, dilation: int = 1) -> Pair:
    """Keras's padding (before, after) along one axis for ``padding="same"``: ceil(size / stride) outputs.

    Examples
    --------
    >>> same_padding(28, 4)
    (1, 2)
    """
    total = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def output_size(size: int, kernel: int, stride: int = 1, dilation: int = 1, padding: int = 0) -> int:
    """The positions of a window along an axis of ``size`` plus ``padding``; not positive where it does not fit.

    Examples
    --------
    >>> output_size(28, 4)
    25
    """
    return (size + padding - (kernel - 1) * dilation - 1) // stride + 1


def explicit_padding(who: str, padding: Any) -> tuple[Pair, Pair]:
    """``p``, ``(py, px)`` or ``((top, bottom), (left, right))`` as the latter."""
    try:
        rows, columns = (padding, padding) if not isinstance(padding, Sequence) else padding
        axes = [[operator.index(axis)] * 2 if not isinstance(axis, Sequence) else [operator.index(v) for v in axis]
                for axis in (rows, columns)]
        (top, bottom), (left, right) = axes
    except (TypeError, ValueError):
        top = bottom = left = right = -1
    if min(top, bottom, left, right) < 0:
        raise errors.value_error(
            who, "padding", "'valid', 'same' or ((top, bottom), (left, right)) with no negative number", padding
        )
    return (top, bottom), (left, right)


def window(
    who: str,
    size: Pair,
    kernel: Pair,
    strides: Any = 1,
    padding: Padding = "valid",
    dilation: Any = 1,
) -> Window:
    """Work out padding and output sizes.

    Parameters
    ----------
    who : str
        Named in errors.
    size : (int, int)
        Height and width of the input.
    kernel : (int, int)
        Taps of the window.
    strides, dilation : int or (int, int)
    padding : "valid", "same" (any case) or ((top, bottom), (left, right))

    Raises
    ------
    ValueError
        For arguments of the wrong kind, or a window that does not fit into the padded input.

    Examples
    --------
    >>> window("conv2d", (28, 28), (3, 3), strides=2, padding="same").output
    (14, 14)
    """
    strides = pair(who, "strides", strides)
    dilation = pair(who, "dilation", dilation)
    pads: tuple[Pair, Pair]
    if isinstance(padding, str):
        if padding.lower() == "same":
            pads = (same_padding(size[0], kernel[0], strides[0], dilation[0]),
                    same_padding(size[1], kernel[1], strides[1], dilation[1]))
        elif padding.lower() == "valid":
            pads = (0, 0), (0, 0)
        else:
            raise errors.unknown_name(who, "padding", padding, ("valid", "same"))
    else:
        pads = explicit_padding(who, padding)
    output = []
    for axis, name in enumerate(("height", "width")):
        positions = output_size(size[axis], kernel[axis], strides[axis], dilation[axis], sum(pads[axis]))
        if positions < 1 and size[axis] > 0:
            raise errors.value_error(
                who, f"the input's {name}", f"at least the window's {(kernel[axis] - 1) * dilation[axis] + 1}",
                errors.Shown(f"{size[axis]} with padding {pads[axis]}"), "Use padding='same', or a smaller window.",
            )
        output.append(max(positions, 0))
    # A stride beyond the padded input leads nowhere from its one position, but kernels walk through a stride's places.
    rows, columns = (min(strides[axis], max(size[axis] + sum(pads[axis]), 1)) for axis in (0, 1))
    return Window(
        kernel, (rows, columns), dilation, (pads[0][0], pads[1][0]), (pads[0][1], pads[1][1]), (output[0], output[1])
    )


def along_line(who: str, argument: str, value: Any) -> Any:
    """A size, stride or dilation along the one axis of a line: the number itself."""
    if isinstance(value, (tuple, list)):
        if len(value) != 1:
            raise errors.value_error(who, argument, "an integer or a tuple of one for inputs of rank 3", value)
        return value[0]
    return value


def window_of(
    who: str, shape: Sequence[int], taps: Sequence[int], strides: Any, padding: Padding, dilation: Any = 1
) -> Window:
    """`window` over an image (n, h, w, c), or over a line (n, length, c), which is an image of height 1.

    Lines also have ``padding="causal"`` (no output sees what comes after it) and ``(before, after)``.

    Examples
    --------
    >>> window_of("conv1d", (1, 10, 3), (3,), 2, "causal").before
    (0, 2)
    """
    if len(shape) == 4:
        return window(who, (shape[1], shape[2]), (taps[0], taps[1]), strides, padding, dilation)
    strides, dilation = along_line(who, "strides", strides), along_line(who, "dilation", dilation)
    if isinstance(padding, str) and padding.lower() == "causal":
        padding = ((taps[0] - 1) * pair(who, "dilation", dilation)[1], 0)
    if not isinstance(padding, str):
        padding = ((0, 0), padding)
    return window(who, (1, shape[1]), (1, taps[0]), (1, strides), padding, (1, dilation))


def outputs_of(spot: Window, ndim: int) -> tuple[int, ...]:
    """The spatial extents of the result for inputs of so many axes."""
    return spot.output if ndim == 4 else spot.output[1:]


def channels_first(who: str, data_format: str | None) -> bool:
    """Whether channels come before the map; None stands for `fastnn.config.image_data_format`."""
    data_format = data_format or config.image_data_format()
    if data_format not in ("channels_last", "channels_first"):
        raise errors.unknown_name(who, "data_format", data_format, ("channels_last", "channels_first"))
    return data_format == "channels_first"
