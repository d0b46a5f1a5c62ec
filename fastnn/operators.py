"""The operators and methods that tensors share with NumPy's arrays: each is the op of the same meaning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

import fastnn  # ops are built on tensors, so they are looked up when used

if TYPE_CHECKING:
    from fastnn.autograd import Tensor, TensorLike


class Arithmetic:
    """Arithmetic, order and indexing, with NumPy's broadcasting: what symbolic tensors have, too."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]: ...
        def __len__(self) -> int: ...

    def __add__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.add(self, other)

    def __radd__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.add(other, self)

    def __sub__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.subtract(self, other)

    def __rsub__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.subtract(other, self)

    def __mul__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.multiply(self, other)

    def __rmul__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.multiply(other, self)

    def __truediv__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.divide(self, other)

    def __rtruediv__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.divide(other, self)

    def __pow__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.power(self, other)

    def __rpow__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.power(other, self)

    def __matmul__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.matmul(self, other)

    def __rmatmul__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.matmul(other, self)

    def __floordiv__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.floor_divide(self, other)

    def __rfloordiv__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.floor_divide(other, self)

    def __mod__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.mod(self, other)

    def __rmod__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.mod(other, self)

    def __lshift__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.left_shift(self, other)

    def __rlshift__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.left_shift(other, self)

    def __rshift__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.right_shift(self, other)

    def __rrshift__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.right_shift(other, self)

    def __divmod__(self, other: TensorLike) -> tuple[Tensor, Tensor]:
        return fastnn.ops.floor_divide(self, other), fastnn.ops.mod(self, other)

    def __round__(self, ndigits: int | None = None) -> Tensor:
        return fastnn.ops.round(self, ndigits or 0)

    def __neg__(self) -> Tensor:
        return fastnn.ops.negative(self)

    def __abs__(self) -> Tensor:
        return fastnn.ops.absolute(self)

    def __pos__(self) -> Tensor:
        return self  # type: ignore[return-value]  # a Tensor

    def __lt__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.less(self, other)

    def __le__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.less_equal(self, other)

    def __gt__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.greater(self, other)

    def __ge__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.greater_equal(self, other)

    def __ne__(self, other: TensorLike) -> Tensor:  # type: ignore[override]  # elementwise, as in NumPy
        return fastnn.ops.not_equal(self, other)

    def __getitem__(self, index: Any) -> Tensor:
        return fastnn.ops.getitem(self, index)


class Operators(Arithmetic):
    """Everything else that arrays have: bits, equality, reductions and rearrangement."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __and__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.bitwise_and(self, other)

    def __rand__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.bitwise_and(other, self)

    def __or__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.bitwise_or(self, other)

    def __ror__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.bitwise_or(other, self)

    def __xor__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.bitwise_xor(self, other)

    def __rxor__(self, other: TensorLike) -> Tensor:
        return fastnn.ops.bitwise_xor(other, self)

    def __invert__(self) -> Tensor:
        return fastnn.ops.bitwise_not(self)

    def __eq__(self, other: TensorLike) -> Tensor:  # type: ignore[override]  # elementwise, as in NumPy
        return fastnn.ops.equal(self, other)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def sum(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
        return fastnn.ops.sum(self, axis=axis, keepdims=keepdims)

    def mean(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
        return fastnn.ops.mean(self, axis=axis, keepdims=keepdims)

    def max(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
        return fastnn.ops.max(self, axis=axis, keepdims=keepdims)

    def min(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
        return fastnn.ops.min(self, axis=axis, keepdims=keepdims)

    def prod(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
        return fastnn.ops.prod(self, axis=axis, keepdims=keepdims)

    def var(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
        return fastnn.ops.var(self, axis=axis, keepdims=keepdims)

    def std(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
        return fastnn.ops.std(self, axis=axis, keepdims=keepdims)

    def any(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
        return fastnn.ops.any(self, axis=axis, keepdims=keepdims)

    def all(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
        return fastnn.ops.all(self, axis=axis, keepdims=keepdims)

    def argmax(self, axis: int | None = None, keepdims: bool = False) -> Tensor:
        return fastnn.ops.argmax(self, axis=axis, keepdims=keepdims)

    def argmin(self, axis: int | None = None, keepdims: bool = False) -> Tensor:
        return fastnn.ops.argmin(self, axis=axis, keepdims=keepdims)

    def cumsum(self, axis: int | None = None) -> Tensor:
        return fastnn.ops.cumsum(self, axis=axis)

    def cumprod(self, axis: int | None = None) -> Tensor:
        return fastnn.ops.cumprod(self, axis=axis)

    def argsort(self, axis: int | None = -1) -> Tensor:
        return fastnn.ops.argsort(self, axis=axis)

    def clip(self, min: TensorLike, max: TensorLike) -> Tensor:
        return fastnn.ops.clip(self, min, max)

    def round(self, decimals: int = 0) -> Tensor:
        return fastnn.ops.round(self, decimals)

    def dot(self, other: TensorLike) -> Tensor:
        return fastnn.ops.dot(self, other)

    def take(self, indices: TensorLike, axis: int | None = None) -> Tensor:
        return fastnn.ops.take(self, indices, axis=axis)

    def repeat(self, repeats: TensorLike, axis: int | None = None) -> Tensor:
        return fastnn.ops.repeat(self, repeats, axis=axis)

    def squeeze(self, axis: int | Sequence[int] | None = None) -> Tensor:
        return fastnn.ops.squeeze(self, axis=axis)

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        return fastnn.ops.swapaxes(self, axis1, axis2)

    def ravel(self) -> Tensor:
        return fastnn.ops.ravel(self)

    def flatten(self) -> Tensor:
        return fastnn.ops.ravel(self)

    def copy(self) -> Tensor:
        return fastnn.ops.copy(self)

    def transpose(self, *axes: int | Sequence[int]) -> Tensor:
        return fastnn.ops.transpose(self, (axes[0] if len(axes) == 1 else axes) if axes else None)  # type: ignore[arg-type]  # one sequence, or ints

    def reshape(self, *shape: int | Sequence[int]) -> Tensor:
        return fastnn.ops.reshape(self, shape[0] if len(shape) == 1 else shape)

    @property
    def T(self) -> Tensor:
        """The tensor with its axes in reverse order."""
        return fastnn.ops.transpose(self)

    def astype(self, dtype: npt.DTypeLike) -> Tensor:
        return fastnn.ops.cast(self, dtype)
