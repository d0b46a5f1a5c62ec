"""New tensors, and tensors to and from arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import config, errors
from fastnn._core import empty, launch
from fastnn.autograd import Array, Tensor, TensorLike, as_tensor
from fastnn.ops.dtypes import FLOAT64, INT64, cast
from fastnn.ops.gather import one_hot
from fastnn.ops.strided import FLOAT32, Shape, fill_array, shape_of


def full(shape: int | Shape, fill_value: float, dtype: npt.DTypeLike | None = None) -> Tensor:
    """A tensor with one value everywhere; `fastnn.config.floatx` where no dtype is given.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.full((2,), 7).tolist()
    [7.0, 7.0]
    """
    extents = shape_of("full", "shape", shape)
    return Tensor.wrap(fill_array(empty(extents, np.dtype(dtype or config.floatx())), fill_value))


def zeros(shape: int | Shape, dtype: npt.DTypeLike | None = None) -> Tensor:
    """A tensor of zeros.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.zeros((2,)).tolist()
    [0.0, 0.0]
    """
    return full(shape, 0, dtype)


def ones(shape: int | Shape, dtype: npt.DTypeLike | None = None) -> Tensor:
    """A tensor of ones.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.ones(2, dtype="int32").tolist()
    [1, 1]
    """
    return full(shape, 1, dtype)


def full_like(x: TensorLike, fill_value: float, dtype: npt.DTypeLike | None = None) -> Tensor:
    """A tensor of x's shape, and dtype if none is given, with one value everywhere."""
    x = as_tensor(x)
    return full(x.shape, fill_value, dtype or x.dtype)


def zeros_like(x: TensorLike, dtype: npt.DTypeLike | None = None) -> Tensor:
    """Zeros of x's shape, and dtype if none is given."""
    return full_like(x, 0, dtype)


def ones_like(x: TensorLike, dtype: npt.DTypeLike | None = None) -> Tensor:
    """Ones of x's shape, and dtype if none is given."""
    return full_like(x, 1, dtype)


def arange(
    start: float, stop: float | None = None, step: float | None = None, dtype: npt.DTypeLike | None = None
) -> Tensor:
    """Numbers from start (0 if only one is given) up to, not including, stop.

    Without a dtype: int32 for integers, else `fastnn.config.floatx`, as in Keras.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.arange(2, 8, 3).tolist()
    [2, 5]
    """
    if stop is None:
        start, stop = 0, start
    step = 1 if step is None else step
    if step == 0:
        raise errors.value_error("arange", "step", "a number other than 0", step)
    whole = all(isinstance(number, (int, np.integer)) for number in (start, stop, step))
    wanted = np.dtype(dtype or ("int32" if whole else config.floatx()))
    n = max(0, -int((start - stop) // step))
    if wanted in (FLOAT32, FLOAT64):
        y = empty((n,), wanted)
        launch("arange", wanted, y=y, n=n, start=start, step=step)
        return Tensor.wrap(y)
    if not whole:
        return cast(arange(start, stop, step, FLOAT64), wanted)
    y = empty((n,), INT64)
    launch("arange_i64", FLOAT32, y=y, n=n, start=start, step=step)
    return Tensor.wrap(y) if wanted == INT64 else cast(Tensor.wrap(y), wanted)


def eye(N: int, M: int | None = None, k: int = 0, dtype: npt.DTypeLike | None = None) -> Tensor:
    """Ones on the k-th diagonal of an N by M matrix, zeros elsewhere.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.eye(2, 3, k=1).tolist()
    [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    return one_hot(arange(k, k + N, dtype="int64"), N if M is None else M, dtype=dtype)


def convert_to_tensor(
    x: TensorLike, dtype: npt.DTypeLike | None = None, sparse: Any = None, ragged: Any = None
) -> Tensor:
    """A tensor of the value, converted to dtype if one is given; a tensor of that dtype is returned as it is.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.convert_to_tensor([1, 2], dtype="float32").tolist()
    [1.0, 2.0]
    """
    if sparse or ragged:
        raise errors.value_error(
            "convert_to_tensor", "sparse and ragged", "None or False", errors.Shown(f"{sparse!r} and {ragged!r}"),
            "fastnn has dense tensors only.",
        )
    tensor = x if isinstance(x, Tensor) else Tensor(x)
    return tensor if dtype is None or tensor.dtype == np.dtype(dtype) else cast(tensor, dtype)


def convert_to_numpy(x: TensorLike) -> Array:
    """The values as a NumPy array of their own.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.convert_to_numpy(ops.ones(2))
    array([1., 1.], dtype=float32)
    """
    return as_tensor(x).numpy()


def stop_gradient(variable: TensorLike) -> Tensor:
    """The same values, through which no gradient flows.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.Tensor([1.0], requires_grad=True)
    >>> fastnn.ops.stop_gradient(x).requires_grad
    False
    """
    return as_tensor(variable).detach()


def shape(x: TensorLike) -> tuple[int, ...]:
    """The shape as a tuple of ints.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.shape([[1, 2, 3]])
    (1, 3)
    """
    return as_tensor(x).shape
