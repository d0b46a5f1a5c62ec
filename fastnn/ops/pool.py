"""Max- and average-pooling over windows and over whole maps.

The kernels work on (n, height, width, channels); a line (n, length, channels) is a map of height 1, and channels first
is transposed on the way in and out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import errors
from fastnn._core import empty, launch
from fastnn.autograd import Array, Tensor, TensorLike, as_float, dense, grad_buffer, record
from fastnn.ops.movement import expand_dims, transpose
from fastnn.ops.window import Window, along_line, channels_first, outputs_of, pair, window_of


def max_pool(
    inputs: TensorLike,
    pool_size: int | tuple[int, ...],
    strides: int | tuple[int, ...] | None = None,
    padding: Any = "valid",
    data_format: str | None = None,
) -> Tensor:
    """The largest value of each window.

    y[n,i,j,c] = max over r < kh, s < kw of x[n, i*sh + r - top, j*sw + s - left, c], padding left out. The gradient
    goes to the first largest value in row-major order. A NaN in the window makes the result NaN.

    Parameters
    ----------
    inputs : tensor (n, h, w, c) or (n, length, c)
    pool_size : int or tuple of int
    strides : int or tuple of int, optional
        `pool_size` where not given.
    padding : {"valid", "same"} or ((top, bottom), (left, right))
    data_format : {"channels_last", "channels_first"}, optional

    Returns
    -------
    Tensor
        valid: (h - kh) // sh + 1 windows along the height; same: ceil(h / sh).

    Examples
    --------
    >>> from fastnn import ops
    >>> x = ops.reshape(ops.arange(16.0), (1, 4, 4, 1))
    >>> ops.max_pool(x, 2).numpy()[0, :, :, 0]
    array([[ 5.,  7.],
           [13., 15.]], dtype=float32)
    """
    return pooled("max_pool", inputs, pool_size, strides, padding, data_format)


def average_pool(
    inputs: TensorLike,
    pool_size: int | tuple[int, ...],
    strides: int | tuple[int, ...] | None = None,
    padding: Any = "valid",
    data_format: str | None = None,
) -> Tensor:
    """The mean of each window; positions in the padding are not counted.

    Parameters
    ----------
    inputs, pool_size, strides, padding, data_format
        As for `max_pool`.

    Examples
    --------
    >>> from fastnn import ops
    >>> x = ops.reshape(ops.arange(9.0), (1, 3, 3, 1))
    >>> ops.average_pool(x, 2, padding="same").numpy()[0, :, :, 0]
    array([[2. , 3.5],
           [6.5, 8. ]], dtype=float32)
    """
    return pooled("average_pool", inputs, pool_size, strides, padding, data_format)


def global_max_pool(inputs: TensorLike, data_format: str | None = None, keepdims: bool = False) -> Tensor:
    """The largest value of each map: (n, h, w, c) or (n, length, c) to (n, c).

    The gradient goes to the first largest value; a NaN makes the result NaN.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.global_max_pool([[[1.0, 2.0], [3.0, 0.0]]]).tolist()
    [[3.0, 2.0]]
    """
    return pooled_globally("global_max_pool", inputs, data_format, keepdims)


def global_average_pool(inputs: TensorLike, data_format: str | None = None, keepdims: bool = False) -> Tensor:
    """The mean of each map: (n, h, w, c) or (n, length, c) to (n, c).

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.global_average_pool([[[1.0, 2.0], [3.0, 0.0]]]).tolist()
    [[2.0, 1.0]]
    """
    return pooled_globally("global_average_pool", inputs, data_format, keepdims)


# ---- arguments ----------------------------------------------------------------------------------------------------


def checked_rank(who: str, x: Tensor) -> None:
    if x.ndim not in (3, 4):
        raise errors.value_error(
            who, "inputs", "of rank 4 (n, h, w, c) or 3 (n, length, c)",
            errors.Shown(f"rank {x.ndim} (shape {x.shape})"), "Add the axis that is missing with expand_dims.",
        )


def pooled(who: str, inputs: TensorLike, pool_size: Any, strides: Any, padding: Any, data_format: str | None) -> Tensor:
    """Bring the arguments to NHWC and pairs, pool, and bring the result back."""
    x = as_float(inputs)
    checked_rank(who, x)
    first = channels_first(who, data_format)
    strides = pool_size if strides is None else strides
    if first:
        x = transpose(x, (0, *range(2, x.ndim), 1))
    kernel = pair(who, "pool_size", along_line(who, "pool_size", pool_size) if x.ndim == 3 else pool_size)
    spot = window_of(who, x.shape, kernel[: x.ndim - 2], strides, padding)
    y = max_pool_nhwc(x, spot) if who == "max_pool" else average_pool_nhwc(x, spot)
    return transpose(y, (0, y.ndim - 1, *range(1, y.ndim - 1))) if first else y


def sizes_of(x: Array, spot: Window) -> dict[str, int]:
    """The fields that the kernels over windows share."""
    height = x.shape[1] if x.ndim == 4 else 1
    n, *_, w, c = x.shape
    return {
        "n": n, "h": height, "w": w, "c": c, "oh": spot.output[0], "ow": spot.output[1], "kh": spot.kernel[0],
        "kw": spot.kernel[1], "sh": spot.strides[0], "sw": spot.strides[1], "pt": spot.before[0], "pl": spot.before[1],
    }  # fmt: skip


def code_dtype(positions: int) -> np.dtype[Any]:
    """How a winner among so many positions is stored; fnn_code_bytes in csrc/shapes.h."""
    return np.dtype(np.uint8 if positions <= 255 else np.uint16 if positions <= 65535 else np.uint32)


# ---- windows ------------------------------------------------------------------------------------------------------


def max_pool_nhwc(x: Tensor, spot: Window) -> Tensor:
    sizes = sizes_of(x.data, spot)
    shape = (sizes["n"], *outputs_of(spot, x.ndim), sizes["c"])
    y = empty(shape, x.dtype)
    winner = empty(shape, code_dtype(spot.kernel[0] * spot.kernel[1])) if x.requires_grad else None
    launch("max_pool_fwd", x.dtype, x=dense(x), y=y, winner=winner, **sizes)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x)
        launch("max_pool_bwd", x.dtype, dy=dy, winner=winner, dx=dx, **sizes)
        return (dx,)

    return record("max_pool", y, (x,), gradient)


def average_pool_nhwc(x: Tensor, spot: Window) -> Tensor:
    sizes = sizes_of(x.data, spot)
    y = empty((sizes["n"], *outputs_of(spot, x.ndim), sizes["c"]), x.dtype)
    launch("average_pool_fwd", x.dtype, x=dense(x), y=y, **sizes)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x)
        launch("average_pool_bwd", x.dtype, dy=dy, dx=dx, **sizes)
        return (dx,)

    return record("average_pool", y, (x,), gradient)


# ---- whole maps -----------------------------------------------------------------------------------------------------


def pooled_globally(who: str, inputs: TensorLike, data_format: str | None, keepdims: bool) -> Tensor:
    x = as_float(inputs)
    checked_rank(who, x)
    first = channels_first(who, data_format)
    if first:
        x = transpose(x, (0, *range(2, x.ndim), 1))
    if 0 in x.shape[1:-1]:
        raise errors.value_error(who, "each map", "of at least one position", errors.Shown(f"shape {x.shape}"))
    y = global_max(x) if who == "global_max_pool" else global_average(x)
    if not keepdims:
        return y
    ones = tuple(range(2, x.ndim)) if first else tuple(range(1, x.ndim - 1))
    return expand_dims(y, ones)


def map_sizes(x: Array) -> dict[str, int]:
    return {"n": x.shape[0], "p": int(np.prod(x.shape[1:-1], dtype=np.int64)), "c": x.shape[-1]}


def global_max(x: Tensor) -> Tensor:
    sizes = map_sizes(x.data)
    y = empty((sizes["n"], sizes["c"]), x.dtype)
    winner = empty(y.shape, np.int32) if x.requires_grad else None
    launch("global_max_pool_fwd", x.dtype, x=dense(x), y=y, winner=winner, **sizes)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x)
        launch("global_max_pool_bwd", x.dtype, dy=dy, winner=winner, dx=dx, **sizes)
        return (dx,)

    return record("global_max_pool", y, (x,), gradient)


def global_average(x: Tensor) -> Tensor:
    sizes = map_sizes(x.data)
    y = empty((sizes["n"], sizes["c"]), x.dtype)
    launch("global_average_pool_fwd", x.dtype, x=dense(x), y=y, **sizes)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x)
        launch("global_average_pool_bwd", x.dtype, dy=dy, dx=dx, **sizes)
        return (dx,)

    return record("global_average_pool", y, (x,), gradient)
