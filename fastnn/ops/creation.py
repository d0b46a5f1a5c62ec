"""New tensors, and tensors to and from arrays."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import numpy.typing as npt

import fastnn.ops as ops  # for arithmetic and selection, looked up when used
from fastnn import config, errors
from fastnn._core import empty as empty_array
from fastnn._core import launch
from fastnn.autograd import Array, Tensor, TensorLike, as_tensor
from fastnn.ops.dtypes import FLOAT64, INT64, WEAK, cast, float_pair
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
    return Tensor.wrap(fill_array(empty_array(extents, np.dtype(dtype or config.floatx())), fill_value))


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
        y = empty_array((n,), wanted)
        launch("arange", wanted, y=y, n=n, start=start, step=step)
        return Tensor.wrap(y)
    if not whole:
        return cast(arange(start, stop, step, FLOAT64), wanted)
    y = empty_array((n,), INT64)
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


def array(x: TensorLike, dtype: npt.DTypeLike | None = None) -> Tensor:
    """The same as `convert_to_tensor`.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.array([1, 2]).tolist()
    [1, 2]
    """
    return convert_to_tensor(x, dtype)


def is_tensor(x: Any) -> bool:
    """Whether it is a tensor of this library.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.is_tensor(ops.ones(2)), ops.is_tensor([1.0])
    (True, False)
    """
    return isinstance(x, Tensor)


def dtype(x: TensorLike) -> str:
    """The name of the number type.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.dtype(ops.ones(2))
    'float32'
    """
    return str(as_tensor(x).dtype)


def saturate_cast(x: TensorLike, dtype: npt.DTypeLike) -> Tensor:
    """`cast` in which what is out of range becomes the nearest number that the type has.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.saturate_cast([-5, 300], "uint8").tolist()
    [0, 255]
    """
    x, target = as_tensor(x), np.dtype(dtype)
    if target.kind not in "iu" or x.dtype.kind not in "iu":
        return cast(x, target)  # floats saturate by themselves
    low, high = (np.iinfo(t) for t in (x.dtype, target))
    if low.min < high.min:
        x = ops.maximum(x, int(high.min))
    return cast(ops.minimum(x, int(high.max)) if low.max > high.max else x, target)


def empty(shape: int | Shape, dtype: npt.DTypeLike | None = None) -> Tensor:
    """A tensor whose values do not matter: zeros, so that nothing depends on chance.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.empty(2).shape
    (2,)
    """
    return full(shape, 0, dtype)


def empty_like(x: TensorLike, dtype: npt.DTypeLike | None = None) -> Tensor:
    """`empty` of x's shape, and dtype if none is given."""
    return full_like(x, 0, dtype)


def identity(n: int, dtype: npt.DTypeLike | None = None) -> Tensor:
    """The n by n identity matrix.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.identity(2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return eye(n, dtype=dtype)


def tri(N: int, M: int | None = None, k: int = 0, dtype: npt.DTypeLike | None = None) -> Tensor:
    """Ones on and below the k-th diagonal of an N by M matrix, zeros above.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.tri(2, 3).tolist()
    [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]]
    """
    return ops.tril(ones((N, N if M is None else M), dtype), k)


# ---- rows of numbers ----------------------------------------------------------------------------------------------


def linspace(
    start: TensorLike,
    stop: TensorLike,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: npt.DTypeLike | None = None,
    axis: int = 0,
) -> Any:
    """Numbers at equal distances from start to stop, along a new axis.

    Parameters
    ----------
    start, stop : tensor
        Broadcast.
    num : int
    endpoint : bool
        Whether stop is the last one, or would be the next.
    retstep : bool
        Whether to return (numbers, distance).
    dtype : str, optional
        A float type by default.
    axis : int
        Of the result, where the numbers go.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.linspace(0.0, 1.0, 5).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    if num < 0:
        raise errors.value_error("ops.linspace", "num", "at least 0", num)
    if type(start) in WEAK and type(stop) in WEAK:
        low, high = (Tensor(np.asarray(a, np.float64)) for a in (start, stop))
    else:
        low, high = float_pair(start, stop)
    kinds = [t.dtype for t in (as_tensor(start), as_tensor(stop)) if t.dtype.kind == "f"]
    wanted = np.dtype(dtype or (np.result_type(*kinds) if kinds else config.floatx()))
    parts = num - 1 if endpoint else num
    step = ops.divide(ops.subtract(high, low), max(parts, 1)) if parts else ops.multiply(ops.add(low, high), np.nan)
    index = ops.reshape(arange(num, dtype=low.dtype), (num, *(1,) * step.ndim))
    y = ops.add(ops.multiply(index, step if parts else ops.zeros_like(step)), low)
    if endpoint and num > 1:
        y = ops.where(ops.equal(index, num - 1), high, y)
    y = ops.moveaxis(cast(y if wanted.kind == "f" else ops.floor(y), wanted), 0, axis)
    return (y, cast(step, wanted)) if retstep else y


def logspace(
    start: TensorLike,
    stop: TensorLike,
    num: int = 50,
    endpoint: bool = True,
    base: float = 10,
    dtype: npt.DTypeLike | None = None,
    axis: int = 0,
) -> Tensor:
    """base to the powers of `linspace`.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.logspace(0.0, 2.0, 3).tolist()
    [1.0, 10.0, 100.0]
    """
    exponents = linspace(start, stop, num, endpoint, axis=axis)
    y = ops.power(float(base), exponents)
    return y if dtype is None else cast(y, dtype)


def geomspace(
    start: TensorLike,
    stop: TensorLike,
    num: int = 50,
    endpoint: bool = True,
    dtype: npt.DTypeLike | None = None,
    axis: int = 0,
) -> Tensor:
    """Numbers of equal ratios from start to stop, both of one sign, along a new axis.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.geomspace(1.0, 100.0, 3).numpy().round(3)
    array([  1.,  10., 100.], dtype=float32)
    """
    low, high = float_pair(start, stop)
    low, high = (cast(t, FLOAT32) if not isinstance(given, (Tensor, np.ndarray)) else t
                 for t, given in ((low, start), (high, stop)))  # fmt: skip
    exponents = linspace(ops.log(ops.absolute(low)), ops.log(ops.absolute(high)), num, endpoint, axis=axis)
    y = ops.multiply(ops.exp(exponents), ops.sign(low))
    return y if dtype is None else cast(y, dtype)


# ---- windows: NumPy's, as they depend on nothing but a length -----------------------------------------------------


def _window(make: Any, x: Any, *arguments: float) -> Tensor:
    n = int(convert_to_numpy(x)) if isinstance(x, Tensor) else operator.index(x)
    return Tensor(make(n, *arguments).astype(config.floatx()))


def bartlett(x: Any) -> Tensor:
    """The triangular window of a length.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.bartlett(5).tolist()
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    return _window(np.bartlett, x)


def blackman(x: Any) -> Tensor:
    """Blackman's window of a length: 0.42 - 0.5 cos(2 pi i / (n - 1)) + 0.08 cos(4 pi i / (n - 1))."""
    return _window(np.blackman, x)


def hamming(x: Any) -> Tensor:
    """Hamming's window of a length: 0.54 - 0.46 cos(2 pi i / (n - 1))."""
    return _window(np.hamming, x)


def hanning(x: Any) -> Tensor:
    """Hann's window of a length: 0.5 - 0.5 cos(2 pi i / (n - 1))."""
    return _window(np.hanning, x)


def kaiser(x: Any, beta: float) -> Tensor:
    """Kaiser's window of a length, the ratio of modified Bessel functions I0(beta sqrt(1 - t^2)) / I0(beta)."""
    return _window(np.kaiser, x, float(beta))
