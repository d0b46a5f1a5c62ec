"""Cross-entropies with their gradients, losses of pairs of rows, and the penalty of regularizers.

A loss whose output comes straight from `ops.softmax` or `ops.sigmoid` is computed from the logits that such a result
remembers (`Tensor._logits`, a pair of the op's name and its input): that is exact where probabilities have rounded to
0 or 1, and the gradient goes to the logits directly. It takes the matching pair only, softmax with the categorical
and sigmoid with the binary cross-entropy; anything else is taken as the probabilities it is.
"""

from __future__ import annotations

import math
import warnings

import numpy as np

import fastnn.ops as ops  # for casts and transposes, looked up when used
from fastnn import config, errors
from fastnn._core import empty, guard, launch
from fastnn.autograd import Array, Tensor, TensorLike, as_float, as_tensor, dense, grad_buffer, record
from fastnn.ops.axes import ROW_CHUNK, SUM, normalize_axes, reduce_array
from fastnn.ops.reduce import axes_last

INT64 = np.dtype(np.int64)
PAIR_LOSSES = {  # name -> field op of the kernels pair_loss_*
    name: i for i, name in enumerate((
        "squared", "absolute", "percentage", "logarithmic", "huber", "log_cosh", "hinge", "squared_hinge", "perceptron",
        "poisson", "divergence",
    ))
}


def categorical_crossentropy(
    target: TensorLike, output: TensorLike, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """-sum(target * log(p)) along an axis, for target distributions (one-hot or not).

    From logits p is their softmax. From probabilities p is ``output / sum(output)`` clipped to
    [epsilon, 1 - epsilon] with `fastnn.config.epsilon`; clipped elements get no gradient.

    Parameters
    ----------
    target : array_like
        Of output's shape.
    output : array_like
    from_logits : bool
        Whether output is logits.
    axis : int
        Where the classes are.

    Returns
    -------
    Tensor
        One value per sample: output's shape without ``axis``.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.categorical_crossentropy([[0.0, 1.0]], [[4096.0, 0.0]], from_logits=True).item()
    4096.0
    """
    who = "categorical_crossentropy"
    output, from_logits = logits_of(who, "softmax", as_float(output), from_logits)
    target = as_dtype(target, output.dtype)
    same_shape(who, target, output)
    axes = class_axis(who, axis, output)
    target, output = axes_last(target, axes), axes_last(output, axes)
    return _dense_from_logits(target, output) if from_logits else _dense_from_probabilities(target, output)


def _dense_from_logits(target: Tensor, x: Tensor) -> Tensor:
    rows, cols = rows_and_cols(x)
    logits, goal = dense(x), dense(target)
    loss, top, total, weight = (empty(x.shape[:-1], x.dtype) for _ in range(4))
    launch(
        "dense_xent_fwd", x.dtype, x=logits, target=goal, loss=loss, top=top, total=total, weight=weight,
        rows=rows, cols=cols,
    )

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dtarget = grad_buffer(target) if target.requires_grad else None
        dx = grad_buffer(x) if x.requires_grad else None
        launch(
            "dense_xent_bwd", x.dtype, x=logits, target=goal, top=top, total=total, weight=weight, dy=dy, dx=dx,
            dtarget=dtarget, rows=rows, cols=cols,
        )
        return dtarget, dx

    return record("categorical_crossentropy", loss, (target, x), gradient)


def _dense_from_probabilities(target: Tensor, p: Tensor) -> Tensor:
    rows, cols = rows_and_cols(p)
    given, goal, epsilon = dense(p), dense(target), config.epsilon()
    loss, total = (empty(p.shape[:-1], p.dtype) for _ in range(2))
    launch(
        "dense_prob_xent_fwd", p.dtype, p=given, target=goal, loss=loss, total=total, rows=rows, cols=cols,
        epsilon=epsilon,
    )

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dtarget = grad_buffer(target) if target.requires_grad else None
        dp = grad_buffer(p) if p.requires_grad else None
        launch(
            "dense_prob_xent_bwd", p.dtype, p=given, target=goal, total=total, dy=dy, dp=dp, dtarget=dtarget,
            rows=rows, cols=cols, epsilon=epsilon,
        )
        return dtarget, dp

    return record("categorical_crossentropy", loss, (target, p), gradient)


def sparse_categorical_crossentropy(
    target: TensorLike, output: TensorLike, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """-log(p[label]) for integer labels.

    From logits p is their softmax. From probabilities it is, as in Keras on TensorFlow, c / sum(c) for c the output
    clipped to [epsilon, 1 - epsilon] with `fastnn.config.epsilon`; clipped elements get no gradient.

    Parameters
    ----------
    target : array_like
        Class numbers from 0, as integers or integer-valued floats: output's shape without ``axis``, or with one
        element there.
    output : array_like
    from_logits : bool
        Whether output is logits.
    axis : int
        Where the classes are.

    Returns
    -------
    Tensor
        One value per sample: output's shape without ``axis``.

    Raises
    ------
    ValueError
        For a label outside of the classes, with its position.
    TypeError
        For labels that are not numbers.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.sparse_categorical_crossentropy([1], [[4096.0, 0.0]], from_logits=True).item()
    4096.0
    """
    return sparse_crossentropy("sparse_categorical_crossentropy", target, output, from_logits, axis, None)


def sparse_crossentropy(
    who: str, target: TensorLike, output: TensorLike, from_logits: bool, axis: int, ignore: int | None
) -> Tensor:
    """`sparse_categorical_crossentropy` in which the label ``ignore`` gives 0 and no gradient."""
    output, from_logits = logits_of(who, "softmax", as_float(output), from_logits)
    axes = class_axis(who, axis, output)
    x = axes_last(output, axes)
    label = labels_of(who, target, output.shape, axes[0])
    rows, cols = rows_and_cols(x)
    data = dense(x)
    status = empty(1, INT64)
    loss, top, total = (empty(x.shape[:-1], x.dtype) for _ in range(3))
    common = {"rows": rows, "cols": cols, "has_ignore": int(ignore is not None), "ignore": float(ignore or 0)}
    if from_logits:
        launch(
            "sparse_xent_fwd", x.dtype, x=data, label=label, loss=loss, top=top, total=total, status=status, **common
        )
    else:
        common["epsilon"] = config.epsilon()
        launch("sparse_prob_xent_fwd", x.dtype, p=data, label=label, loss=loss, total=total, status=status, **common)
    guard(status, lambda position: label_error(who, label, position, cols))

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x)
        if from_logits:
            launch("sparse_xent_bwd", x.dtype, x=data, label=label, top=top, total=total, dy=dy, dx=dx, **common)
        else:
            launch("sparse_prob_xent_bwd", x.dtype, p=data, label=label, total=total, dy=dy, dp=dx, **common)
        return (dx,)

    return record("sparse_categorical_crossentropy", loss, (x,), gradient)


def binary_crossentropy(target: TensorLike, output: TensorLike, from_logits: bool = False) -> Tensor:
    """-(target * log(p) + (1 - target) * log(1 - p)), elementwise.

    From logits p is their sigmoid, and the loss is log(1 + exp(-|x|)) + |x| * (target if x <= 0 else 1 - target). From
    probabilities p is clipped to [epsilon, 1 - epsilon] with `fastnn.config.epsilon`; clipped elements get no gradient.

    Parameters
    ----------
    target : array_like
        0, 1 or in between, of output's shape.
    output : array_like
    from_logits : bool
        Whether output is logits.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.binary_crossentropy([0.0, 1.0], [-4096.0, -4096.0], from_logits=True).tolist()
    [0.0, 4096.0]
    """
    who = "binary_crossentropy"
    output, from_logits = logits_of(who, "sigmoid", as_float(output), from_logits)
    target = as_dtype(target, output.dtype)
    same_shape(who, target, output)
    given, goal, n = dense(output), dense(target), output.size
    loss = empty(output.shape, output.dtype)
    epsilon = config.epsilon()
    if from_logits:
        launch("sigmoid_xent_fwd", output.dtype, x=given, target=goal, loss=loss, n=n)
    else:
        launch("binary_prob_xent_fwd", output.dtype, p=given, target=goal, loss=loss, n=n, epsilon=epsilon)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dtarget = grad_buffer(target) if target.requires_grad else None
        dx = grad_buffer(output) if output.requires_grad else None
        if from_logits:
            launch("sigmoid_xent_bwd", output.dtype, x=given, target=goal, dy=dy, dx=dx, dtarget=dtarget, n=n)
        else:
            launch(
                "binary_prob_xent_bwd", output.dtype, p=given, target=goal, dy=dy, dp=dx, dtarget=dtarget, n=n,
                epsilon=epsilon,
            )
        return dtarget, dx

    return record(who, loss, (target, output), gradient)


def pair_loss(kind: str, target: TensorLike, output: TensorLike, parameter: float = 0.0) -> Tensor:
    """The mean over the last axis of a function f(a, b) of targets a and outputs b, two arrays of one shape.

    Parameters
    ----------
    kind : str
        With d = b - a and e the parameter:
        "squared" d**2, "absolute" abs(d), "percentage" 100 * abs(d) / max(abs(a), e),
        "logarithmic" (log(1 + max(b, e)) - log(1 + max(a, e)))**2,
        "huber" d**2 / 2 where abs(d) <= e, else e * abs(d) - e**2 / 2, "log_cosh" log(cosh(d)),
        "hinge" max(0, 1 - a * b), "squared_hinge" its square, "perceptron" max(0, -a * b),
        "poisson" b - a * log(b + e), and "divergence", a sum: A * log(A / B) for a and b clipped to [e, 1].
    target, output : array_like
    parameter : float

    Notes
    -----
    Where a maximum has a corner, its gradient is that of the side which moves, as in TensorFlow; the gradient of |0|
    is 0, and clipped elements get none.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.loss.pair_loss("squared", [[1.0, 2.0]], [[1.0, 4.0]]).tolist()
    [2.0]
    """
    b = as_float(output)
    a = as_dtype(target, b.dtype)
    same_shape(kind, a, b)
    common = dict(zip(("rows", "cols"), rows_and_cols(b), strict=True), op=PAIR_LOSSES[kind], parameter=parameter)
    first, second = dense(a), dense(b)
    y = empty(b.shape[:-1], b.dtype)
    launch("pair_loss_fwd", b.dtype, a=first, b=second, y=y, **common)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        da = grad_buffer(a) if a.requires_grad else None
        db = grad_buffer(b) if b.requires_grad else None
        launch("pair_loss_bwd", b.dtype, a=first, b=second, dy=dy, da=da, db=db, **common)
        return da, db

    return record(kind, y, (a, b), gradient)


def l1_l2_penalty(x: TensorLike, l1: float = 0.0, l2: float = 0.0) -> Tensor:
    """l1 * sum(|x|) + l2 * sum(x**2), a scalar; the gradient of |0| is 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.l1_l2_penalty([1.0, -2.0], l1=0.5, l2=0.25).item()
    2.75
    """
    x = as_float(x)
    data = dense(x)
    partial = empty(max(1, -(-x.size // ROW_CHUNK)), x.dtype)
    launch("penalty_fwd", x.dtype, x=data, y=partial, n=x.size, chunk=ROW_CHUNK, l1=l1, l2=l2)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x)
        launch("penalty_bwd", x.dtype, x=data, dy=dy, dx=dx, n=x.size, l1=l1, l2=l2)
        return (dx,)

    return record("l1_l2_penalty", reduce_array(partial, SUM, (0,)), (x,), gradient)


# ---- arguments ----------------------------------------------------------------------------------------------------


def logits_of(who: str, kind: str, output: Tensor, from_logits: bool) -> tuple[Tensor, bool]:
    """The logits behind a softmax or sigmoid, else the output itself; and whether these are logits."""
    remembered = output._logits
    if remembered is None or remembered[0] != kind:
        return output, from_logits
    if from_logits:
        warnings.warn(
            f"{who}: from_logits=True, but the output comes from a {kind} and is not logits; the loss is computed from "
            f"the logits before the {kind}. Leave out from_logits, or the {kind}.",
            stacklevel=4,
        )
    return remembered[1], True


def as_dtype(x: TensorLike, dtype: np.dtype[np.generic]) -> Tensor:
    """x as a tensor of this dtype."""
    tensor = as_tensor(x)
    return tensor if tensor.dtype == dtype else ops.cast(tensor, dtype)


def class_axis(who: str, axis: int, output: Tensor) -> tuple[int]:
    """The axis of the classes, counted from 0."""
    if not output.ndim:
        raise errors.value_error(who, "output", "at least one-dimensional", output.data)
    return (normalize_axes(who, axis, output.ndim)[0],)


def same_shape(who: str, target: Tensor, output: Tensor) -> None:
    if target.shape != output.shape:
        raise errors.value_error(
            who, "target", f"of the output's shape {output.shape}", errors.Shown(f"shape {target.shape}"),
            "Give integer labels to the sparse cross-entropy." if target.ndim + 1 == output.ndim else "",
        )


def labels_of(who: str, target: TensorLike, shape: tuple[int, ...], axis: int) -> Array:
    """Labels for an output of this shape, as contiguous int64."""
    if not isinstance(target, Tensor) and np.asarray(target).dtype.kind in "OSU":
        raise errors.type_error(
            who, "y_true", "integer labels", errors.Shown(f"dtype {np.asarray(target).dtype}"),
            "Number the classes: classes, y = np.unique(y, return_inverse=True).",
        )
    labels = as_tensor(target)
    wanted = shape[:axis] + shape[axis + 1 :]
    if labels.shape != wanted and labels.shape != shape[:axis] + (1,) + shape[axis + 1 :]:
        raise errors.value_error(
            who, "y_true", f"labels of shape {wanted} for an output of shape {shape}",
            errors.Shown(f"shape {labels.shape}"),
            "For one-hot targets use the categorical cross-entropy." if labels.shape == shape else "",
        )
    return dense(as_dtype(labels, INT64))


def label_error(who: str, label: Array, position: int, classes: int) -> ValueError:
    """The error for the label at this position."""
    return errors.value_error(
        who, "y_true", f"labels from 0 to {classes - 1} (the output has {classes} classes)",
        errors.Shown(f"{label.reshape(-1)[position]} at position {position}"),
        "Number the classes from 0, or give the last layer more units.",
    )


def rows_and_cols(x: Tensor) -> tuple[int, int]:
    """How the last axis divides a tensor."""
    if not x.ndim:
        return 1, 1
    return math.prod(x.shape[:-1]), x.shape[-1]
