"""Products, diagonals, triangles and norms of matrices, made of matrix products, gathers and reductions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import fastnn.ops as ops  # for arithmetic, reductions and movement, looked up when used
from fastnn import errors
from fastnn.autograd import Tensor, TensorLike, as_float, as_tensor
from fastnn.ops.axes import dtype_of_sum
from fastnn.ops.dtypes import BOOL, INT32, float_pair, pair
from fastnn.ops.linalg import matmul
from fastnn.ops.strided import axes_of, axis_of, table

# ---- products -----------------------------------------------------------------------------------------------------


def tensordot(x1: TensorLike, x2: TensorLike, axes: Any = 2) -> Tensor:
    """Sum of products over axes of both tensors; the result has the other axes of x1, then those of x2.

    Parameters
    ----------
    x1, x2 : tensor
    axes : int or (axes of x1, axes of x2)
        An int n: the last n axes of x1 with the first n of x2.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.tensordot([[1.0, 2.0]], [[3.0], [4.0]], axes=1).tolist()
    [[11.0]]
    """
    a, b = pair(x1, x2)
    if isinstance(axes, (int, np.integer)):
        if not 0 <= axes <= min(a.ndim, b.ndim):
            raise errors.value_error("ops.tensordot", "axes", f"from 0 to {min(a.ndim, b.ndim)}", axes)
        first, second = tuple(range(a.ndim - int(axes), a.ndim)), tuple(range(int(axes)))
    else:
        first, second = (
            axes_of("ops.tensordot", part, x.ndim)
            for part, x in zip(axes, (a, b), strict=True)
        )
    sizes = [a.shape[i] for i in first]
    if sizes != [b.shape[i] for i in second]:
        raise errors.value_error(
            "ops.tensordot", "axes", f"axes of equal extents of x1 {a.shape} and x2 {b.shape}", axes
        )
    rows = [i for i in range(a.ndim) if i not in first]
    columns = [i for i in range(b.ndim) if i not in second]
    shape = (*(a.shape[i] for i in rows), *(b.shape[i] for i in columns))
    summed = math.prod(sizes)
    left = ops.reshape(ops.transpose(a, (*rows, *first)), (math.prod(a.shape[i] for i in rows), summed))
    right = ops.reshape(ops.transpose(b, (*second, *columns)), (summed, math.prod(b.shape[i] for i in columns)))
    return ops.reshape(matmul(left, right), shape)


def inner(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Sum of products over the last axes of both; the product where either is a scalar.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.inner([1.0, 2.0], [3.0, 4.0]).item()
    11.0
    """
    a, b = pair(x1, x2)
    return tensordot(a, b, (-1, -1)) if a.ndim and b.ndim else ops.multiply(a, b)


def outer(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The product of each element of x1 with each of x2, both flattened.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.outer([1, 2], [3, 4]).tolist()
    [[3, 4], [6, 8]]
    """
    a, b = pair(x1, x2)
    product = ops.multiply(ops.reshape(a, (-1, 1)), ops.reshape(b, (1, -1)))
    return ops.cast(product, BOOL) if a.dtype == BOOL else product


def vdot(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Sum of products of the elements of both, flattened.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.vdot([[1.0, 2.0]], [[3.0], [4.0]]).item()
    11.0
    """
    a, b = pair(x1, x2)
    return matmul(ops.ravel(a), ops.ravel(b))


def kron(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Kronecker product: x2 in the place of each element of x1, times that element.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.kron([[1, 2]], [[1], [3]]).tolist()
    [[1, 2], [3, 6]]
    """
    a, b = pair(x1, x2)
    n = max(a.ndim, b.ndim)
    first, second = ((1,) * (n - x.ndim) + x.shape for x in (a, b))
    left = ops.reshape(a, tuple(extent for m in first for extent in (m, 1)))
    right = ops.reshape(b, tuple(extent for m in second for extent in (1, m)))
    return ops.reshape(ops.multiply(left, right), tuple(m * k for m, k in zip(first, second, strict=True)))


def cross(
    x1: TensorLike, x2: TensorLike, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Tensor:
    """Vector product of vectors of 2 or 3 components along an axis; of two vectors of 2 components its third one.

    Parameters
    ----------
    x1, x2 : tensor
        The other axes broadcast.
    axisa, axisb, axisc : int
        The vectors' axes in x1, x2 and the result.
    axis : int, optional
        For all three.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.cross([1, 0, 0], [0, 1, 0]).tolist()
    [0, 0, 1]
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = pair(x1, x2)
    a, b = ops.moveaxis(a, axisa, 0), ops.moveaxis(b, axisb, 0)
    if a.shape[0] not in (2, 3) or b.shape[0] not in (2, 3):
        raise errors.value_error(
            "ops.cross", "the vectors", "of 2 or 3 components", errors.Shown(f"{a.shape[0]} and {b.shape[0]}")
        )
    u, v = [a[i] for i in range(a.shape[0])], [b[i] for i in range(b.shape[0])]

    def part(i: int, j: int) -> Tensor | None:
        terms = [ops.multiply(u[i], v[j])] if i < len(u) and j < len(v) else []
        back = [ops.multiply(u[j], v[i])] if j < len(u) and i < len(v) else []
        if terms and back:
            return ops.subtract(terms[0], back[0])
        return terms[0] if terms else ops.negative(back[0]) if back else None

    z = part(0, 1)
    if len(u) == len(v) == 2:
        return as_tensor(z)  # type: ignore[arg-type]  # never None: both have components 0 and 1
    parts = [part(1, 2), part(2, 0), z]
    return ops.moveaxis(ops.stack([p for p in parts if p is not None], axis=0), 0, axisc)


# ---- einsum -------------------------------------------------------------------------------------------------------


def einsum(subscripts: str, *operands: TensorLike, **kwargs: Any) -> Tensor:
    """Sums of products by Einstein's convention, from left to right.

    Parameters
    ----------
    subscripts : str
        One group of letters per operand, one letter per axis, ``...`` for any others; behind ``->`` the result's axes.
        Without it: the letters that occur once, in alphabetical order.
    *operands : tensor
    optimize : optional
        Makes no difference.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.einsum("ij,jk->ik", [[1.0, 2.0]], [[3.0], [4.0]]).tolist()
    [[11.0]]
    """
    for name in kwargs:
        if name != "optimize":
            raise errors.unknown_argument("ops.einsum", name, ["optimize"])
    tensors = [as_tensor(x) for x in operands]
    groups, result = _labels(subscripts, tensors)
    extents: dict[str, int] = {}
    for group, x in zip(groups, tensors, strict=True):
        for label, extent in zip(group, x.shape, strict=True):
            if extents.get(label, 1) not in (1, extent) and extent != 1:
                raise errors.value_error(
                    "ops.einsum", f"the axis {label!r}", f"of extent {extents[label]} in all operands", extent
                )
            extents[label] = max(extents.get(label, 1), extent) if extent else 0
    terms = [_diagonals(x, group) for x, group in zip(tensors, groups, strict=True)]
    x, group = terms[0]
    for place, (y, other) in enumerate(terms[1:], 1):
        later = {label for _, g in terms[place + 1 :] for label in g} | set(result)
        x, group = _contract(x, group, y, other, later)
    x, group = _summed(x, group, set(result))
    return ops.transpose(x, [group.index(label) for label in result]) if group != list(result) else x


def _labels(subscripts: str, tensors: list[Tensor]) -> tuple[list[list[str]], list[str]]:
    """The labels of each operand's axes and of the result's; those of ``...`` are digits, counted from the last."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    groups = left.split(",")
    if len(groups) != len(tensors):
        raise errors.value_error("ops.einsum", "subscripts", f"of {len(tensors)} operands", subscripts)
    expanded = []
    most = 0
    for group, x in zip(groups, tensors, strict=True):
        named = group.replace("...", "")
        rest = x.ndim - len(named)
        if rest < 0 or (rest and "..." not in group) or not all(c.isalpha() for c in named):
            raise errors.value_error("ops.einsum", "subscripts", f"letters for each axis of shape {x.shape}", group)
        most = max(most, rest)
        before, _, after = group.partition("...")
        expanded.append([*before, *_digits(rest), *after] if "..." in group else list(group))
    if arrow:
        before, dots, after = right.partition("...")
        result = [*before, *(_digits(most) if dots else []), *after]
    else:
        every = [label for group in expanded for label in group if label.isalpha()]
        result = _digits(most) + sorted(label for label in set(every) if every.count(label) == 1)
    known = {label for group in expanded for label in group}
    if len(set(result)) < len(result) or not set(result) <= known:
        raise errors.value_error("ops.einsum", "the result's subscripts", "letters of operands, each once", right)
    return expanded, result


def _digits(n: int) -> list[str]:
    return [f"{i}" for i in reversed(range(n))]


def _diagonals(x: Tensor, group: list[str]) -> tuple[Tensor, list[str]]:
    """Axes of one label become their diagonal."""
    for label in dict.fromkeys(group):
        while group.count(label) > 1:
            first = group.index(label)
            second = group.index(label, first + 1)
            x = diagonal(x, 0, first, second)
            group = [g for i, g in enumerate(group) if i not in (first, second)] + [label]
    return x, group


def _summed(x: Tensor, group: list[str], kept: set[str]) -> tuple[Tensor, list[str]]:
    gone = tuple(i for i, label in enumerate(group) if label not in kept)
    if not gone:
        return x, group
    dtype = x.dtype
    return ops.cast(ops.sum(x, axis=gone), dtype), [label for label in group if label in kept]


def _contract(x: Tensor, group: list[str], y: Tensor, other: list[str], later: set[str]) -> tuple[Tensor, list[str]]:
    """The product of two operands, summed over what nobody needs later: one stack of matrix products."""
    x, group = _summed(x, group, later | set(other))
    y, other = _summed(y, other, later | set(group))
    x, y = pair(x, y)
    both = [label for label in group if label in other]
    for label in both:  # an axis of one element repeats along the other's
        i, j = group.index(label), other.index(label)
        if x.shape[i] != y.shape[j]:
            x, y = _repeated(x, i, y.shape[j]), _repeated(y, j, x.shape[i])
    batch = [label for label in both if label in later]
    summed = [label for label in both if label not in later]
    rows, columns = [g for g in group if g not in both], [g for g in other if g not in both]
    a = ops.transpose(x, [group.index(label) for label in (*batch, *rows, *summed)])
    b = ops.transpose(y, [other.index(label) for label in (*batch, *summed, *columns)])
    nb, ns = len(batch), len(summed)
    lead, m, n = a.shape[:nb], a.shape[nb : a.ndim - ns], b.shape[nb + ns :]
    k = math.prod(b.shape[nb : nb + ns])
    if not summed:
        a = ops.reshape(a, (*lead, *m, *(1,) * len(n)))
        return ops.multiply(a, ops.reshape(b, (*lead, *(1,) * len(m), *n))), batch + rows + columns
    product = matmul(ops.reshape(a, (*lead, math.prod(m), k)), ops.reshape(b, (*lead, k, math.prod(n))))
    return ops.reshape(product, (*lead, *m, *n)), batch + rows + columns


def _repeated(x: Tensor, axis: int, extent: int) -> Tensor:
    if x.shape[axis] != 1:
        return x
    return ops.broadcast_to(x, (*x.shape[:axis], extent, *x.shape[axis + 1 :]))


# ---- diagonals and triangles --------------------------------------------------------------------------------------


def _diagonal_places(rows: int, columns: int, offset: int) -> np.ndarray[Any, Any]:
    first = max(0, -offset), max(0, offset)
    n = max(0, min(rows - first[0], columns - first[1]))
    return np.asarray((first[0] + np.arange(n)) * columns + first[1] + np.arange(n), np.int64)


def diagonal(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The elements with equal indices along two axes (the second one's larger by ``offset``), along a new last axis.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.diagonal([[1, 2], [3, 4]]).tolist()
    [1, 4]
    """
    x = as_tensor(x)
    if x.ndim < 2:
        raise errors.value_error("ops.diagonal", "x", "of at least two axes", x.data)
    first, second = axis_of("diagonal", axis1, x.ndim, "axis1"), axis_of("diagonal", axis2, x.ndim, "axis2")
    if first == second:
        raise errors.value_error("ops.diagonal", "axis2", "another axis than axis1", axis2)
    x = ops.moveaxis(x, (first, second), (-2, -1))
    places = table(_diagonal_places, x.shape[-2], x.shape[-1], int(offset))
    return ops.take(ops.reshape(x, (*x.shape[:-2], x.shape[-2] * x.shape[-1])), places, axis=-1)


def trace(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The sum of the `diagonal`.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.trace([[1.0, 2.0], [3.0, 4.0]]).item()
    5.0
    """
    x = as_tensor(x)
    return ops.cast(ops.sum(diagonal(x, offset, axis1, axis2), axis=-1), dtype_of_sum(x.dtype))


def diag(x: TensorLike, k: int = 0) -> Tensor:
    """The k-th diagonal of a matrix, or a matrix with a vector on its k-th diagonal and zeros elsewhere.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.diag([1, 2]).tolist()
    [[1, 0], [0, 2]]
    >>> ops.diag([[1, 2], [3, 4]], k=1).tolist()
    [2]
    """
    x = as_tensor(x)
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise errors.value_error("ops.diag", "x", "of one or two axes", x.data)
    n = x.shape[0] + abs(k)
    padded = ops.pad(x, (0, abs(k)))  # by rows where the diagonal is right of the middle, by columns where it is left
    line = ops.reshape(padded, (n, 1) if k >= 0 else (1, n))
    return ops.where(Tensor.wrap(table(_on_diagonal, n, int(k))), line, ops.zeros((), x.dtype))


def _on_diagonal(n: int, k: int) -> np.ndarray[Any, Any]:
    return np.eye(n, k=k, dtype=np.bool_)


def diagflat(x: TensorLike, k: int = 0) -> Tensor:
    """A matrix with the flattened elements on its k-th diagonal.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.diagflat([[1, 2]]).tolist()
    [[1, 0], [0, 2]]
    """
    return diag(ops.ravel(x), k)


def _triangle(n: int, m: int, k: int, upper: bool) -> np.ndarray[Any, Any]:
    lower = np.tri(n, m, k - upper, dtype=np.bool_)
    return ~lower if upper else lower


def _kept_triangle(who: str, x: TensorLike, k: int, upper: bool) -> Tensor:
    x = as_tensor(x)
    if x.ndim < 2:
        raise errors.value_error(f"ops.{who}", "x", "of at least two axes", x.data)
    kept = Tensor.wrap(table(_triangle, x.shape[-2], x.shape[-1], int(k), upper))
    return ops.where(kept, x, ops.zeros((), x.dtype))


def tril(x: TensorLike, k: int = 0) -> Tensor:
    """The elements on and below the k-th diagonal of each matrix, zeros above.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.tril([[1, 2], [3, 4]]).tolist()
    [[1, 0], [3, 4]]
    """
    return _kept_triangle("tril", x, k, False)


def triu(x: TensorLike, k: int = 0) -> Tensor:
    """The elements on and above the k-th diagonal of each matrix, zeros below.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.triu([[1, 2], [3, 4]]).tolist()
    [[1, 2], [0, 4]]
    """
    return _kept_triangle("triu", x, k, True)


def vander(x: TensorLike, N: int | None = None, increasing: bool = False) -> Tensor:
    """The powers N - 1, ..., 0 of each element along a new last axis; ``increasing``: 0, ..., N - 1.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.vander([2, 3]).tolist()
    [[2, 1], [3, 1]]
    """
    x = as_tensor(x)
    if x.ndim != 1:
        raise errors.value_error("ops.vander", "x", "of one axis", x.data)
    exponents = ops.arange(x.size if N is None else N, dtype="int32")
    y = ops.power(ops.expand_dims(x, -1), ops.cast(exponents, x.dtype if x.dtype.kind == "f" else INT32))
    return y if increasing else ops.flip(y, -1)


# ---- norms and distances ------------------------------------------------------------------------------------------


def norm(
    x: TensorLike, ord: Any = None, axis: int | Sequence[int] | None = None, keepdims: bool = False
) -> Tensor:
    """Norm of vectors or matrices.

    Vectors: ``ord`` None or 2 (sum of squares' root), 0 (how many are not 0), inf, -inf, or any p: (sum |x|^p)^(1/p).
    Matrices: None or "fro" (as a vector), 1, -1, inf, -inf (largest or least sum of a column or row).

    Parameters
    ----------
    x : tensor
    ord : see above
    axis : int, (int, int) or None
        The vectors' axis or the matrices' axes; None: x whole, or flattened where ``ord`` is None.
    keepdims : bool

    Raises
    ------
    ValueError
        For norms of matrices that need singular values ("nuc", 2, -2).

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.norm([3.0, 4.0]).item()
    5.0
    """
    x = as_float(x)
    if axis is None and ord is None:
        flat = ops.sqrt(ops.sum(ops.square(x)))
        return ops.reshape(flat, (1,) * x.ndim) if keepdims else flat
    axes = tuple(range(x.ndim)) if axis is None else axes_of("norm", axis, x.ndim)
    if len(axes) == 1:
        return _vector_norm(x, ord, axes[0], keepdims)
    if len(axes) != 2:
        raise errors.value_error("ops.norm", "axis", "one axis or two", axis)
    if ord in (None, "fro"):
        return ops.sqrt(ops.sum(ops.square(x), axis=axes, keepdims=keepdims))
    if ord not in (1, -1, math.inf, -math.inf) or isinstance(ord, str):
        raise errors.value_error(
            "ops.norm", "ord", "None, 'fro', 1, -1, inf or -inf for matrices", ord, "Singular values are not computed."
        )
    summed, least = (axes[0], axes[1]) if abs(ord) == 1 else (axes[1], axes[0])
    sums = ops.sum(ops.absolute(x), axis=summed, keepdims=True)
    y = (ops.max if ord > 0 else ops.min)(sums, axis=least, keepdims=True)
    return y if keepdims else ops.squeeze(y, axes)


def _vector_norm(x: Tensor, order: Any, axis: int, keepdims: bool) -> Tensor:
    if order is None or order == 2:
        return ops.sqrt(ops.sum(ops.square(x), axis=axis, keepdims=keepdims))
    if isinstance(order, str):
        raise errors.value_error("ops.norm", "ord", "a number or None for vectors", order)
    size = ops.absolute(x)
    if order in (math.inf, -math.inf):
        return (ops.max if order > 0 else ops.min)(size, axis=axis, keepdims=keepdims)
    if order == 0:
        return ops.sum(ops.cast(ops.not_equal(x, 0), x.dtype), axis=axis, keepdims=keepdims)
    if order == 1:
        return ops.sum(size, axis=axis, keepdims=keepdims)
    return ops.power(ops.sum(ops.power(size, float(order)), axis=axis, keepdims=keepdims), 1 / order)


def cdist(x: TensorLike, y: TensorLike) -> Tensor:
    """Euclidean distances between the rows of x (..., n, d) and those of y (..., m, d), of shape (..., n, m).

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.cdist([[0.0, 0.0]], [[3.0, 4.0], [0.0, 1.0]]).tolist()
    [[5.0, 1.0]]
    """
    a, b = float_pair(x, y)
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-1]:
        raise errors.value_error(
            "ops.cdist", "x and y", "of shapes (..., n, d) and (..., m, d)", errors.Shown(f"{a.shape} and {b.shape}")
        )
    return norm(ops.subtract(ops.expand_dims(a, -2), ops.expand_dims(b, -3)), axis=-1)


def psnr(x1: TensorLike, x2: TensorLike, max_val: float) -> Tensor:
    """Peak signal-to-noise ratio in decibels: 20 log10(max_val) - 10 log10(mean((x1 - x2)^2)).

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.psnr([1.0, 0.0], [0.0, 0.0], 10.0).numpy().round(3)
    np.float32(23.01)
    """
    a, b = float_pair(x1, x2)
    if a.shape != b.shape:
        raise errors.value_error("ops.psnr", "x2", f"of x1's shape {a.shape}", b.data)
    noise = ops.log10(ops.mean(ops.square(ops.subtract(a, b))))
    return ops.subtract(20 * math.log10(max_val), ops.multiply(noise, 10))


def correlate(x1: TensorLike, x2: TensorLike, mode: str = "valid") -> Tensor:
    """Cross-correlation of two rows: y[k] = sum_i x1[i + k] x2[i].

    Parameters
    ----------
    x1, x2 : tensor of one axis
    mode : {"valid", "same", "full"}
        Where both overlap wholly; as many places as the longer has; wherever they overlap.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.correlate([1.0, 2.0, 3.0], [0.0, 1.0]).tolist()
    [2.0, 3.0]
    """
    a, b = float_pair(x1, x2)
    if a.ndim != 1 or b.ndim != 1 or not a.size or not b.size:
        raise errors.value_error(
            "ops.correlate", "x1 and x2", "non-empty rows of one axis", errors.Shown(f"{a.shape} and {b.shape}")
        )
    if mode not in ("valid", "same", "full"):
        raise errors.unknown_name("ops.correlate", "mode", mode, ("valid", "same", "full"))
    n, m = a.size, b.size
    padded = ops.pad(a, (m - 1, m - 1))
    places = table(_windows, n + m - 1, m)
    full = matmul(ops.take(padded, places, axis=0), b)
    if mode == "full":
        return full
    count = max(n, m) if mode == "same" else max(n, m) - min(n, m) + 1
    first = (n + m - 1 - count) // 2 if mode == "same" else min(n, m) - 1
    return full[first : first + count]


def _windows(count: int, length: int) -> np.ndarray[Any, Any]:
    return np.asarray(np.arange(count)[:, np.newaxis] + np.arange(length), np.int64)


def corrcoef(x: TensorLike) -> Tensor:
    """Correlation coefficients of the rows of a matrix with each other.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.corrcoef([[1.0, 2.0, 4.0], [1.0, 2.0, 4.0]]).numpy().round(4)
    array([[1., 1.],
           [1., 1.]], dtype=float32)
    """
    x = as_float(x)
    if x.ndim > 2 or not x.ndim:
        raise errors.value_error("ops.corrcoef", "x", "of one or two axes", x.data)
    rows = ops.reshape(x, (1, -1)) if x.ndim == 1 else x
    rows = ops.subtract(rows, ops.mean(rows, axis=-1, keepdims=True))
    products = matmul(rows, ops.transpose(rows))
    scale = ops.sqrt(diagonal(products))
    y = ops.divide(ops.divide(products, ops.expand_dims(scale, 0)), ops.expand_dims(scale, 1))
    return ops.reshape(y, ()) if x.ndim == 1 else y
