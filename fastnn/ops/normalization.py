"""Normalization: `batch_normalization`, `layer_normalization`, `rms_normalization`, `normalize`, `moments`.

By columns, x as (outer, red, channels) and statistics over red and groups of channels (`by_columns`): batch and group
normalization. By rows, x as (rows, cols) (`by_rows`): layer and RMS normalization. csrc/norm.c has the formulas.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import fastnn.ops as ops  # for products, sums and transposes, looked up when used
from fastnn import config, errors
from fastnn._core import empty, launch
from fastnn.autograd import Array, Tensor, TensorLike, Variable, as_float, dense, grad_buffer, record
from fastnn.ops.axes import SUM, Axis, normalize_axes, reduce_array
from fastnn.ops.dtypes import same_dtype
from fastnn.ops.fused import LINEAR, PLAIN, Affine, Fusion, only_given

CHUNK = 128  # rows whose sums are one part: with two vectors of channels they fit into L1, see csrc/norm.c


def batch_normalization(
    x: TensorLike,
    mean: TensorLike,
    variance: TensorLike,
    axis: int,
    offset: TensorLike | None = None,
    scale: TensorLike | None = None,
    epsilon: float = 1e-3,
) -> Tensor:
    """Normalize by a given mean and variance for each index of an axis.

    y = (x - mean) * scale / sqrt(variance + epsilon) + offset

    Parameters
    ----------
    x : array_like
    mean, variance : array_like, shape (x.shape[axis],)
    axis : int
    offset, scale : array_like, shape (x.shape[axis],), optional
        Default 0 and 1.
    epsilon : float

    Raises
    ------
    ValueError
        If a shape does not fit, or x has no such axis.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.batch_normalization([[1.0, 4.0]], [1.0, 2.0], [1.0, 4.0], axis=-1, epsilon=0.0).numpy()
    array([[0., 1.]], dtype=float32)
    """
    who = "batch_normalization"
    given = {"mean": mean, "variance": variance, "offset": offset, "scale": scale}
    tensor, *found = same_dtype(x, *(value for value in given.values() if value is not None))
    (axis,) = normalize_axes(who, _one_axis(who, axis), tensor.ndim)
    vectors = dict(zip((name for name, value in given.items() if value is not None), found, strict=True))
    for name, vector in vectors.items():
        check_vector(who, name, vector, tensor.shape[axis])

    def by_last(x: Tensor) -> Tensor:
        return by_moments(x, vectors["mean"], vectors["variance"], vectors.get("scale"), vectors.get("offset"), epsilon)

    return along(axis, by_last, tensor)


def layer_normalization(
    x: TensorLike,
    gamma: TensorLike | None = None,
    beta: TensorLike | None = None,
    axis: int | Sequence[int] = -1,
    epsilon: float | None = None,
    **kwargs: Any,
) -> Tensor:
    """Normalize by the mean and the variance over axes, for each index of the others.

    y = (x - mean) / sqrt(variance + epsilon) * gamma + beta

    Parameters
    ----------
    x : array_like
    gamma, beta : array_like, optional
        With the sizes of the normalized axes. Default 1 and 0.
    axis : int or sequence of int
    epsilon : float, optional
        Default `fastnn.config.epsilon`.
    **kwargs
        ``rms_scaling=True`` (deprecated, as in Keras): ``x / sqrt(variance + epsilon) * gamma``.

    Raises
    ------
    ValueError
        If gamma or beta do not fit.
    TypeError
        For another keyword.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.layer_normalization([[0.0, 2.0]], epsilon=0.0).numpy()
    array([[-1.,  1.]], dtype=float32)
    """
    who = "layer_normalization"
    scales = kwargs.pop("rms_scaling", False)
    if kwargs:
        raise errors.unknown_argument(who, next(iter(kwargs)), ["x", "gamma", "beta", "axis", "epsilon", "rms_scaling"])
    epsilon = config.epsilon() if epsilon is None else epsilon
    tensor, axes = _row_axes(who, x, axis)
    if scales:
        warnings.warn(
            "layer_normalization: rms_scaling=True divides by the standard deviation without subtracting the mean; "
            "use rms_normalization for the root mean square.",
            stacklevel=2,
        )
        variance = ops.add(ops.var(tensor, axes, keepdims=True), epsilon)
        y = ops.multiply(tensor, ops.rsqrt(variance))
        shape = tuple(n if i in axes else 1 for i, n in enumerate(tensor.shape))
        return y if gamma is None else ops.multiply(y, ops.reshape(same_dtype(gamma, y)[0], shape))
    return by_rows(who, tensor, axes, gamma, beta, epsilon, centered=True)


def rms_normalization(
    x: TensorLike, scale: TensorLike | None = None, axis: int | Sequence[int] = -1, epsilon: float | None = None
) -> Tensor:
    """Normalize by the root mean square over axes.

    y = x / sqrt(mean(x^2) + epsilon) * scale

    Parameters
    ----------
    x : array_like
    scale : array_like, optional
        Broadcast against x. Default 1.
    axis : int or sequence of int
    epsilon : float, optional
        Default `fastnn.config.epsilon`.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.rms_normalization([[1.0, -1.0]], 3.0, epsilon=0.0).numpy()
    array([[ 3., -3.]], dtype=float32)
    """
    who = "rms_normalization"
    epsilon = config.epsilon() if epsilon is None else epsilon
    tensor, axes = _row_axes(who, x, axis)
    last = tuple(range(tensor.ndim - len(axes), tensor.ndim))
    if scale is not None and axes == last:
        scale = same_dtype(scale, tensor)[0]
        if scale.shape == tensor.shape[last[0] :]:
            return by_rows(who, tensor, axes, scale, None, epsilon, centered=False)
    y = by_rows(who, tensor, axes, None, None, epsilon, centered=False)
    return y if scale is None else ops.multiply(y, scale)


def normalize(x: TensorLike, axis: Axis = -1, order: int = 2, epsilon: float | None = None) -> Tensor:
    """Divide by the norm over axes: ``x / max(norm(x), epsilon)``.

    Parameters
    ----------
    x : array_like
        A scalar counts as a vector of one.
    axis : int, sequence of int or None
        None: all axes. Only one axis where ``order`` is not 2.
    order : int
        The norm is ``sum(abs(x) ** order) ** (1 / order)``.
    epsilon : float, optional
        Default `fastnn.config.epsilon`.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.normalize([[3.0, 4.0]]).numpy()
    array([[0.6, 0.8]], dtype=float32)
    """
    if isinstance(order, bool) or not isinstance(order, int) or order < 1:
        raise errors.value_error("normalize", "order", "an int of at least 1", order)
    tensor = as_float(x)
    if not tensor.ndim:
        tensor = ops.reshape(tensor, (1,))
    epsilon = config.epsilon() if epsilon is None else epsilon
    axes = normalize_axes("normalize", axis, tensor.ndim)
    if order == 2:
        square = ops.sum(ops.square(tensor), axes, keepdims=True)
        least = max(epsilon**2, float(np.finfo(tensor.dtype).tiny))  # before the root, so that zeros have a gradient
        return ops.multiply(tensor, ops.rsqrt(ops.maximum(square, least)))
    if len(axes) != 1:
        raise errors.value_error("normalize", "axis", "one axis for an order other than 2", axis)
    sizes = ops.absolute(tensor)
    norm = ops.sum(sizes if order == 1 else ops.power(sizes, float(order)), axes, keepdims=True)
    if order != 1:
        norm = ops.power(norm, 1.0 / order)
    return ops.divide(tensor, ops.maximum(norm, epsilon))


def moments(
    x: TensorLike, axes: Axis, keepdims: bool = False, synchronized: bool = False
) -> tuple[Tensor, Tensor]:
    """Mean and variance over axes.

    Parameters
    ----------
    x : array_like
    axes : int, sequence of int or None
    keepdims : bool
        Leave the reduced axes in the results, with one element each.
    synchronized : bool
        Accepted: there is one device, whose statistics are all there are.

    Returns
    -------
    (mean, variance) : tuple of Tensor
        The variance is the mean squared distance from the mean.

    Examples
    --------
    >>> from fastnn import ops
    >>> [t.tolist() for t in ops.moments([[1.0, 3.0]], axes=[1])]
    [[2.0], [1.0]]
    """
    return ops.mean(x, axes, keepdims), ops.var(x, axes, keepdims)


# ---- by columns -----------------------------------------------------------------------------------------------------


def along(axis: int, normalized: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """A function over the last axis, over another one; axis >= 0."""
    if axis == x.ndim - 1:
        return normalized(x)
    return ops.moveaxis(normalized(ops.moveaxis(x, axis, -1)), -1, axis)


def by_batch(
    x: Tensor, gamma: Tensor | None, beta: Tensor | None, moving: tuple[Variable, Variable], momentum: float,
    epsilon: float, fusion: Fusion = PLAIN,
) -> Tensor:  # fmt: skip
    """x normalized over all axes but the last, by its own statistics, which are also mixed into the moving ones."""
    channels = x.shape[-1]
    sizes = {"outer": 1, "red": x.size // max(channels, 1), "inner": channels}
    y, mean, variance = by_columns("batch_normalization", x, gamma, beta, sizes, 1, epsilon, fusion)
    move_statistics(moving, mean, variance, momentum)
    return y


def move_statistics(moving: tuple[Variable, Variable], mean: Array, variance: Array, momentum: float) -> None:
    """moving = moving * momentum + statistics * (1 - momentum), in place."""
    at = {"moving_mean": moving[0].data, "moving_variance": moving[1].data}
    launch("norm_moving", mean.dtype, mean=mean, variance=variance, **at, n=mean.size, momentum=momentum)


def by_groups(x: Tensor, groups: int, gamma: Tensor | None, beta: Tensor | None, epsilon: float) -> Tensor:
    """x (n, ..., channels) normalized in each sample over all positions and the channels of each group."""
    n, channels = x.shape[0], x.shape[-1]
    sizes = {"outer": n, "red": math.prod(x.shape[1:-1]), "inner": channels}
    return by_columns("group_normalization", x, gamma, beta, sizes, channels // groups, epsilon, PLAIN)[0]


def by_columns(
    who: str, x: Tensor, gamma: Tensor | None, beta: Tensor | None, sizes: dict[str, int], group: int, epsilon: float,
    fusion: Fusion,
) -> tuple[Tensor, Array, Array]:  # fmt: skip
    """(y, mean, variance), the latter two for each sample and channel."""
    dtype, data, each = x.dtype, dense(x), (sizes["outer"], sizes["inner"])
    parts = parts_for(sizes, dtype)
    launch("norm_stats", dtype, x=data, parts=parts, chunk=CHUNK, **sizes)
    mean, variance, inv, scale = (empty(each, dtype) for _ in range(4))
    launch(
        "norm_finish", dtype, parts=parts, gamma=None if gamma is None else dense(gamma), mean=mean, variance=variance,
        inv=inv, scale=scale, chunk=CHUNK, group=group, epsilon=epsilon, **sizes,
    )
    offset = None if beta is None else dense(beta)
    y = apply(data, mean, scale, offset, fusion, sizes)
    inputs = (x, gamma, beta, fusion.residual)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx, dgamma, dbeta, dresidual = column_gradients(
            x, data, dy, y, mean, inv, scale, offset, fusion, sizes, group, (gamma, beta), own=True
        )
        return only_given(inputs, (dx, dgamma, dbeta, dresidual))

    return record(who, y, only_given(inputs, inputs), gradient), mean, variance


def by_moments(
    x: Tensor, mean: Tensor, variance: Tensor, gamma: Tensor | None, beta: Tensor | None, epsilon: float,
    fusion: Fusion = PLAIN,
) -> Tensor:  # fmt: skip
    """x normalized along its last axis by given statistics."""
    data, channels = dense(x), x.shape[-1]
    sizes = {"outer": 1, "red": x.size // max(channels, 1), "inner": channels}
    inv, scale = scale_for(variance, gamma, epsilon)
    middle, offset = dense(mean), None if beta is None else dense(beta)
    y = apply(data, middle, scale, offset, fusion, sizes)
    inputs = (x, mean, variance, gamma, beta, fusion.residual)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx, dgamma, dbeta, dresidual = column_gradients(
            x, data, dy, y, middle, inv, scale, offset, fusion, sizes, 1, (gamma, beta), own=False
        )
        dmean = dvariance = None
        if mean.requires_grad:
            dmean = dense(ops.negative(ops.multiply(scale[0], dbeta)))
        if variance.requires_grad:
            dvariance = dense(ops.multiply(ops.multiply(ops.multiply(inv[0], scale[0]), dgamma), -0.5))
        return only_given(inputs, (dx, dmean, dvariance, dgamma, dbeta, dresidual))

    return record("batch_normalization", y, only_given(inputs, inputs), gradient)


def scale_for(variance: Tensor, gamma: Tensor | None, epsilon: float) -> tuple[Array, Array]:
    """inv = 1 / sqrt(variance + epsilon) and inv * gamma, of shape (1, channels)."""
    inv, scale = (empty((1, variance.size), variance.dtype) for _ in range(2))
    launch(
        "norm_scale", variance.dtype, variance=dense(variance), gamma=None if gamma is None else dense(gamma), inv=inv,
        scale=scale, n=variance.size, epsilon=epsilon,
    )
    return inv, scale


def affine(mean: Tensor, variance: Tensor, gamma: Tensor | None, beta: Tensor | None, epsilon: float) -> Affine:
    """`by_moments` as what a convolution does to its own result; no gradient passes to what is given here."""
    return Affine(dense(mean), scale_for(variance, gamma, epsilon)[1], None if beta is None else dense(beta))


def parts_for(sizes: dict[str, int], dtype: Any) -> Array:
    return empty((sizes["outer"], -(-sizes["red"] // CHUNK), 2, sizes["inner"]), dtype)


def apply(x: Array, mean: Array, scale: Array, beta: Array | None, fusion: Fusion, sizes: dict[str, int]) -> Array:
    """act((x - mean) * scale + beta + residual)"""
    y = empty(x.shape, x.dtype)
    residual = None if fusion.residual is None else dense(fusion.residual)
    launch(
        "norm_apply", x.dtype, x=x, mean=mean, scale=scale, beta=beta, residual=residual, y=y, act=fusion.act,
        alpha=fusion.leak, **sizes,
    )
    return y


def column_gradients(
    x: Tensor, data: Array, dy: Array, y: Array, mean: Array, inv: Array, scale: Array, beta: Array | None,
    fusion: Fusion, sizes: dict[str, int], group: int, weights: tuple[Tensor | None, Tensor | None], own: bool,
) -> tuple[Array | None, Array, Array, Array | None]:  # fmt: skip
    """dx, dgamma, dbeta, dresidual; own: mean and variance are those of x."""
    dtype, residual = x.dtype, fusion.residual
    fields = {"act": fusion.act, "alpha": fusion.leak}
    branches = residual is not None and fusion.act != LINEAR
    dz = None if not branches else grad_buffer(residual) if residual.requires_grad else empty(y.shape, dtype)  # type: ignore[arg-type, union-attr]  # where it branches, there is a residual
    parts, each = parts_for(sizes, dtype), (sizes["outer"], sizes["inner"])
    launch(
        "norm_bwd_sums", dtype, x=data, dy=dy, y=y if branches else None, mean=mean, scale=scale, beta=beta, dz=dz,
        parts=parts, chunk=CHUNK, **fields, **sizes,
    )
    if sizes["outer"] == 1:
        dgamma, dbeta = (
            grad_buffer(w) if w is not None and w.requires_grad else empty(sizes["inner"], dtype) for w in weights
        )
    else:
        dgamma, dbeta = empty(each, dtype), empty(each, dtype)
    slope, shift = (empty(each, dtype), empty(each, dtype)) if own else (None, None)
    launch(
        "norm_bwd_finish", dtype, parts=parts, inv=inv, scale=scale, dgamma=dgamma, dbeta=dbeta, slope=slope,
        shift=shift, chunk=CHUNK, group=group, **sizes,
    )
    if sizes["outer"] != 1:
        dgamma, dbeta = (reduce_array(each_sample, SUM, (0,)) for each_sample in (dgamma, dbeta))
    dx = None
    if x.requires_grad:
        dx = grad_buffer(x)
        launch(
            "norm_bwd_apply", dtype, x=data, dy=dy if dz is None else dz, mean=mean, scale=scale, beta=beta,
            slope=slope, shift=shift, dx=dx, **(fields if dz is None else {"act": LINEAR, "alpha": 0.0}), **sizes,
        )
    return dx, dgamma, dbeta, dy if dz is None else dz


# ---- by rows --------------------------------------------------------------------------------------------------------


def by_rows(
    who: str, x: Tensor, axes: tuple[int, ...], gamma: TensorLike | None, beta: TensorLike | None, epsilon: float,
    centered: bool,
) -> Tensor:  # fmt: skip
    """x normalized over axes, which are in order."""
    given = {"gamma": gamma, "beta": beta}
    x, *found = same_dtype(x, *(value for value in given.values() if value is not None))
    cols = math.prod(x.shape[axis] for axis in axes)
    weights = dict(zip((name for name, value in given.items() if value is not None), found, strict=True))
    for name, weight in weights.items():
        if weight.size != cols:
            rule = f"of shape {tuple(x.shape[axis] for axis in axes)}, the sizes of the normalized axes"
            raise errors.value_error(who, name, rule, weight.data)
        weights[name] = weight if weight.ndim == 1 else ops.reshape(weight, (cols,))
    kept = tuple(axis for axis in range(x.ndim) if axis not in axes)
    order = kept + axes
    if order == tuple(range(x.ndim)):
        return _rows(who, x, cols, weights.get("gamma"), weights.get("beta"), epsilon, centered)
    y = _rows(who, ops.transpose(x, order), cols, weights.get("gamma"), weights.get("beta"), epsilon, centered)
    return ops.transpose(y, tuple(order.index(axis) for axis in range(x.ndim)))


def _rows(
    who: str, x: Tensor, cols: int, gamma: Tensor | None, beta: Tensor | None, epsilon: float, centered: bool
) -> Tensor:
    dtype, data = x.dtype, dense(x)
    sizes = {"rows": x.size // max(cols, 1), "cols": cols}
    y, mean, inv = empty(x.shape, dtype), empty(sizes["rows"], dtype), empty(sizes["rows"], dtype)
    factor, offset = (None if weight is None else dense(weight) for weight in (gamma, beta))
    launch(
        "row_norm_fwd", dtype, x=data, gamma=factor, beta=offset, y=y, mean=mean, inv=inv, centered=int(centered),
        epsilon=epsilon, **sizes,
    )

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = None
        if x.requires_grad:
            dx = grad_buffer(x)
            launch(
                "row_norm_bwd", dtype, x=data, dy=dy, mean=mean, inv=inv, gamma=factor, dx=dx, centered=int(centered),
                **sizes,
            )
        sums: Sequence[Array | None] = (None, None)
        if any(weight is not None and weight.requires_grad for weight in (gamma, beta)):
            parts = empty((-(-sizes["rows"] // CHUNK), 2, cols), dtype)
            launch("row_norm_bwd_params", dtype, x=data, dy=dy, mean=mean, inv=inv, parts=parts, chunk=CHUNK, **sizes)
            both = reduce_array(parts, SUM, (0,))
            sums = both[1], both[0]
        found = zip((x, gamma, beta), (dx, *sums), strict=True)
        return tuple(value for parent, value in found if parent is not None)

    return record(who, y, tuple(value for value in (x, gamma, beta) if value is not None), gradient)


# ---- arguments ------------------------------------------------------------------------------------------------------


def check_vector(who: str, name: str, vector: Tensor, size: int) -> None:
    if vector.shape != (size,):
        raise errors.value_error(who, name, f"of shape ({size},), x's size along the axis", vector.data)


def _one_axis(who: str, axis: Any) -> int:
    if isinstance(axis, bool) or not hasattr(axis, "__index__"):
        raise errors.type_error(who, "axis", "one integer", axis)
    return int(axis)


def _row_axes(who: str, x: TensorLike, axis: int | Sequence[int]) -> tuple[Tensor, tuple[int, ...]]:
    """x as a float tensor of at least one axis, and the axes in order."""
    tensor = as_float(x)
    if not tensor.ndim:
        tensor = ops.reshape(tensor, (1,))
    axes = normalize_axes(who, axis, tensor.ndim)
    if not axes:
        raise errors.value_error(who, "axis", "one axis or more", axis)
    return tensor, axes
