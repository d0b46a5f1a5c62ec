"""Elements by their places: take, indexing, rows of a batch, one-hot."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

import fastnn.ops as ops  # for reshape and slices, looked up when used: movement builds on this module
from fastnn import config, errors
from fastnn._core import empty, guard, launch, values_are_read
from fastnn._core import zeros as zeros_array
from fastnn.autograd import Array, Tensor, TensorLike, as_tensor, dense, grad_buffer, record
from fastnn.ops.dtypes import FLOAT64, INT64, cast
from fastnn.ops.strided import (
    EXTENTS,
    FLOAT32,
    KINDS,
    MOST_AXES,
    X_STRIDES,
    _packed,
    axis_of,
    contiguous_copy,
    gatherable,
    lowest,
)


def as_int64(who: str, argument: str, x: TensorLike) -> Array:
    """Integers of any type as a C-contiguous int64 array."""
    array = as_tensor(x).data
    if array.dtype.kind not in "iu":
        if array.size or array.dtype.kind == "b":
            raise errors.type_error(who, argument, "integers", array)
        return zeros_array(array.shape, INT64)
    if array.dtype == INT64:
        return array if array.flags.c_contiguous else contiguous_copy(array)
    return gather_rows(array[np.newaxis], None, 0, 1, INT64).reshape(array.shape)


def take(x: TensorLike, indices: TensorLike, axis: int | None = None) -> Tensor:
    """The elements at these indices along an axis; an index may repeat, a negative one counts from the end.

    The gradient is summed over repeated indices, in their order.

    Parameters
    ----------
    x : tensor
    indices : integer array of any shape
        Its shape takes the place of the axis.
    axis : int, optional
        None: x is flattened first.

    Raises
    ------
    IndexError
        For an index outside the axis.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.take([[1, 2, 3], [4, 5, 6]], [2, 0], axis=1).tolist()
    [[3, 1], [6, 4]]
    """
    x, axis = axis_or_flat("take", x, axis)
    index = as_int64("take", "indices", indices)
    before, extent, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    y = empty((*before, *index.shape, *after), x.dtype)
    sizes = {"outer": math.prod(before), "extent": extent, "inner": math.prod(after), "m": index.size}
    status = zeros_array((1,), INT64)
    launch("take", FLOAT32, x=dense(x), index=index, y=y, status=status, itemsize=x.dtype.itemsize, **sizes)
    guard_indices("take", index, extent, status)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x)
        launch("take_bwd", x.dtype, dy=dy, index=index, dx=dx, **sizes)
        return (dx,)

    return record("take", y, (x,), gradient)


def axis_or_flat(who: str, x: TensorLike, axis: int | None) -> tuple[Tensor, int]:
    """x flattened if axis is None, and the axis counted from the front."""
    x = as_tensor(x)
    if axis is None:
        x, axis = ops.ravel(x), 0
    return x, axis_of(who, axis, x.ndim)


def guard_indices(who: str, index: Array, extent: int, status: Array) -> None:
    """End the step with an IndexError if the kernel found an index out of range."""

    def wrong_index(position: int) -> Exception:
        got = errors.Shown(f"{int(index.reshape(-1)[position])} at position {position}")
        return IndexError(errors.sentence(who, "indices", f"at least {-extent} and below {extent}", got))

    guard(status, wrong_index)


def getitem(x: TensorLike, index: Any) -> Tensor:
    """``x[index]`` as in NumPy: ints, slices, None, Ellipsis, arrays of integers, or one of booleans.

    Integers in tensors are not read: a step that indexes with them can be replayed.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.getitem([[1, 2, 3], [4, 5, 6]], (slice(None), -1)).tolist()
    [3, 6]
    >>> x = ops.convert_to_tensor([5.0, -1.0, 7.0])
    >>> x[np.array([True, False, True])].tolist()
    [5.0, 7.0]
    """
    x = as_tensor(x)
    items = [as_index(item) for item in (index if isinstance(index, tuple) else (index,))]
    used = sum(axes_used(item) for item in items)
    if used > x.ndim:
        raise IndexError(f"Tensor: too many indices for shape {x.shape}: {used}.")
    if Ellipsis not in [item for item in items if not isinstance(item, np.ndarray)]:
        items.append(Ellipsis)
    place = next(i for i, item in enumerate(items) if item is Ellipsis)
    full = items[:place] + [slice(None)] * (x.ndim - used) + items[place + 1 :]
    arrays = [i for i, item in enumerate(full) if isinstance(item, np.ndarray)]
    if any(item is Ellipsis for item in full) or (len(arrays) > 1 and any(full[i].dtype.kind == "b" for i in arrays)):
        raise IndexError("Tensor: an index may hold one Ellipsis, and one array of booleans or several of integers.")
    if not arrays:
        return ops.movement.slices("getitem", x, tuple(full))
    return getitem_array(x, full, arrays[0]) if len(arrays) == 1 else getitem_arrays(x, full, arrays)


def as_index(item: Any) -> Any:
    """One part of an index, arrays and tensors as ndarrays."""
    if item is None or item is Ellipsis or isinstance(item, slice):
        return item
    if isinstance(item, (int, np.integer)) and not isinstance(item, bool):
        return int(item)
    array = item.data if isinstance(item, Tensor) else np.asarray(item)
    if array.ndim == 0 and array.dtype.kind in "iu":
        return array if isinstance(item, Tensor) else int(array)
    if array.dtype.kind not in "biu" and array.size or array.ndim == 0:
        raise IndexError(
            f"Tensor: an index must be an int, slice, None, Ellipsis, or an array of ints or bools; got {item!r}."
        )
    return array if array.size else array.astype(bool if array.dtype.kind == "b" else INT64)


def axes_used(item: Any) -> int:
    """How many axes of x one part of an index stands for."""
    if item is None or item is Ellipsis:
        return 0
    return item.ndim if isinstance(item, np.ndarray) and item.dtype.kind == "b" else 1


def getitem_array(x: Tensor, full: list[Any], at: int) -> Tensor:
    """An index with one array: the basic parts first, then `take` along the array's axis."""
    array = full[at]
    mask = array if array.dtype.kind == "b" else None
    basic = full[:at] + [slice(None)] * axes_used(array) + full[at + 1 :]
    axis = sum(not isinstance(item, int) for item in full[:at])  # of the array, once ints are gone
    if any(not (isinstance(item, slice) and item == slice(None)) for item in basic):
        x = ops.movement.slices("getitem", x, tuple(basic))
    if mask is not None:
        covered = x.shape[axis : axis + mask.ndim]
        if covered != mask.shape:
            raise IndexError(f"Tensor: the mask's shape {mask.shape} does not match the axes {covered} of the tensor.")
        x = ops.reshape(x, (*x.shape[:axis], mask.size, *x.shape[axis + mask.ndim :]))
        values_are_read("a boolean index: the result's shape depends on its values")
        array = np.flatnonzero(mask)
    y = take(x, array, axis=axis)
    # NumPy: where ints are separated from the array by a slice, None or Ellipsis, the array's axes come first.
    advanced = [i for i, item in enumerate(full) if isinstance(item, (int, np.ndarray))]
    if axis and advanced[-1] - advanced[0] != len(advanced) - 1:
        y = ops.moveaxis(y, tuple(range(axis, axis + array.ndim)), tuple(range(array.ndim)))
    return y


def getitem_arrays(x: Tensor, full: list[Any], arrays: list[int]) -> Tensor:
    """An index with several arrays of integers, which broadcast: `take` along their axes joined to one."""
    basic = [slice(None) if i in arrays else item for i, item in enumerate(full)]
    kept = [i for i, item in enumerate(full) if not isinstance(item, int)]
    axes = [kept.index(i) for i in arrays]  # once ints are gone
    if any(not (isinstance(item, slice) and item == slice(None)) for item in basic):
        x = ops.movement.slices("getitem", x, tuple(basic))
    extents = [x.shape[axis] for axis in axes]
    places: Tensor | None = None
    for i, extent in zip(arrays, extents, strict=True):
        index = Tensor.wrap(as_int64("Tensor", "an index", full[i]))
        index = ops.where(ops.less(index, 0), ops.add(index, extent), index)
        known = ops.logical_and(ops.greater_equal(index, 0), ops.less(index, extent))
        index = ops.where(known, index, 2**40)  # far outside, whatever the others add
        places = index if places is None else ops.add(ops.multiply(places, extent), index)
    flat = ops.moveaxis(x, axes, list(range(len(axes))))
    rest = flat.shape[len(axes) :]
    y = take(ops.reshape(flat, (math.prod(extents), *rest)), as_tensor(places), axis=0)  # type: ignore[arg-type]  # there are several
    advanced = [i for i, item in enumerate(full) if isinstance(item, (int, np.ndarray))]
    ndim = y.ndim - len(rest)
    if advanced[-1] - advanced[0] == len(advanced) - 1:  # side by side: the result's axes stand where theirs stood
        y = ops.moveaxis(y, list(range(ndim)), list(range(axes[0], axes[0] + ndim)))
    return y


def nonzero(x: TensorLike) -> tuple[Tensor, ...]:
    """The places of the elements that are not 0: one int32 tensor per axis.

    Their number depends on the values, so a step with it runs through Python.

    Examples
    --------
    >>> from fastnn import ops
    >>> [place.tolist() for place in ops.nonzero([[1, 0], [2, 3]])]
    [[0, 1, 1], [0, 0, 1]]
    """
    array = as_tensor(x).data
    values_are_read("ops.nonzero: the result's shape depends on values")
    return tuple(Tensor.wrap(place.astype(np.int32)) for place in np.nonzero(np.atleast_1d(array)))


def gather_rows(
    source: Array,
    index: Array | None,
    begin: int,
    count: int,
    dtype: npt.DTypeLike,
    position: Array | None = None,
    status: Array | None = None,
) -> Array:
    """Rows of a shuffled batch, read where they lie and converted on the way.

    Row r of the result is ``source[index[position + begin + r]]``; without an index ``source[position + begin + r]``.

    Parameters
    ----------
    source : ndarray
        bool, any integer, float16, float32 or float64; any strides, alignment and byte order (`gatherable` makes
        others so).
    index : ndarray of int64, optional
    begin, count : int
    dtype : numpy dtype
        float32, float64, or int64 for labels, where fractions, NaN and numbers too large are errors.
    position : ndarray of one int64, optional
        Read when the kernel runs, so a replay can move on.
    status : ndarray of one int64, optional
        Gets 1 + the first wrong row, for the caller to check; without it, a wrong row is a ValueError.

    Examples
    --------
    >>> import numpy as np
    >>> gather_rows(np.array([[1, 2], [3, 4], [5, 6]], np.uint8), np.array([2, 0]), 0, 2, np.float32)
    array([[5., 6.],
           [1., 2.]], dtype=float32)
    """
    dtype = np.dtype(dtype)
    source = gatherable(source)
    y = empty((count, *source.shape[1:]), dtype)
    shape = source.shape
    if source.ndim > MOST_AXES:  # gatherable made it contiguous
        source = source.reshape(shape[0], -1)
    kind = KINDS.get(source.dtype)
    if kind is None or not source.flags.aligned or any(stride % source.itemsize for stride in source.strides):
        kind, low, strides, start = _packed(source)
    else:
        low, strides, start = lowest(source)
    rest = MOST_AXES - source.ndim
    sizes = dict(zip(EXTENTS[1:], source.shape[1:] + (1,) * rest, strict=True))
    sizes.update(zip(X_STRIDES, strides + (0,) * rest, strict=True))
    kernel = "gather_rows_i64" if dtype == INT64 else "gather_rows"
    checked = zeros_array((1,), INT64) if status is None else status
    launch(
        kernel, FLOAT32 if dtype == INT64 else dtype, x=low, index=index, position=position, y=y, status=checked,
        kind=kind, x_start=start, index_count=0 if index is None else index.size, begin=begin,
        count=count, rows=shape[0], **sizes,
    )  # fmt: skip
    if status is None:
        rule = f"inside the data ({shape[0]} rows)" + (" and hold integers" if dtype == INT64 else "")
        guard(checked, lambda r: errors.value_error("gather_rows", "rows", rule, errors.Shown(f"another at row {r}")))
    return y


def one_hot(
    x: TensorLike, num_classes: int, axis: int = -1, dtype: npt.DTypeLike | None = None, sparse: bool = False
) -> Tensor:
    """1 at each integer's place along a new axis, 0 elsewhere; integers outside 0 .. num_classes - 1 give zeros.

    Parameters
    ----------
    x : integer tensor
    num_classes : int
    axis : int
        Of the result, where the classes go.
    dtype : str, optional
        `fastnn.config.floatx` where not given.
    sparse : bool
        Must be False: there are no sparse tensors here.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.one_hot([0, 2], 3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if sparse:
        raise errors.value_error("one_hot", "sparse", "False", sparse, "fastnn has dense tensors only.")
    index = as_int64("one_hot", "x", x)
    axis = axis_of("one_hot", axis, index.ndim + 1)
    wanted = np.dtype(dtype or config.floatx())
    computed = wanted if wanted in (FLOAT32, FLOAT64) else FLOAT32
    y = empty((*index.shape[:axis], num_classes, *index.shape[axis:]), computed)
    outer, inner = math.prod(index.shape[:axis]), math.prod(index.shape[axis:])
    launch("one_hot", computed, index=index, y=y, outer=outer, classes=num_classes, inner=inner)
    return Tensor.wrap(y) if wanted == computed else cast(Tensor.wrap(y), wanted)


def multi_hot(
    inputs: TensorLike,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: npt.DTypeLike | None = None,
    sparse: bool = False,
    **kwargs: Any,
) -> Tensor:
    """1 at the places of each row of integers, 0 elsewhere: the maximum of their `one_hot`.

    Parameters
    ----------
    inputs : integer tensor
        Its second axis (a row's only one) holds the classes of one sample and is gone from the result.
    num_classes : int
        Also as ``num_tokens``.
    axis : int
        Of the result, where the classes go.
    dtype : str, optional
        `fastnn.config.floatx` where not given.
    sparse : bool
        Must be False: there are no sparse tensors here.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.multi_hot([[0, 2], [1, 1]], 3).tolist()
    [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """
    if num_classes is None:
        num_classes = kwargs.pop("num_tokens", None)
    for name in kwargs:
        raise errors.unknown_argument("ops.multi_hot", name, ["inputs", "num_classes", "axis", "dtype", "sparse"])
    if num_classes is None:
        raise errors.value_error("ops.multi_hot", "num_classes", "given", None)
    x = as_tensor(inputs)
    hot = one_hot(x, num_classes, axis, dtype, sparse)
    return ops.max(hot, axis=1 if x.ndim > 1 else 0)
