"""Losses: how far predictions are from the targets. Keras's classes, functions, names and formulas.

A loss object reduces the per-sample values of `call` to one number; a function returns them as they are. Targets and
predictions of shapes (n,) and (n, 1) are aligned before anything is computed, so they never broadcast to (n, n).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import config, errors, ops
from fastnn._core import Tracked
from fastnn.autograd import Tensor, TensorLike, as_float, as_tensor
from fastnn.ops import loss as loss_ops
from fastnn.registry import Registry, auto_name
from fastnn.registry import deserialize as _deserialize_any
from fastnn.registry import serialize as _serialize_any

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)
LossFunction = Callable[..., Tensor]


class Loss(Tracked):
    """Base class of losses: subclass it and write ``call(y_true, y_pred)``, which returns one value per sample.

    Parameters
    ----------
    name : str, optional
    reduction : str or None
        "sum_over_batch_size" and "mean": the sum of the (weighted) values divided by their number;
        "mean_with_sample_weight": divided by the sum of the weights; "sum"; None and "none": no reduction.
    dtype : str, optional
        What targets and predictions are converted to; `fastnn.config.floatx` by default.

    Examples
    --------
    >>> from fastnn import losses, ops
    >>> class CubicError(losses.Loss):
    ...     def call(self, y_true, y_pred):
    ...         return ops.mean(ops.abs(y_true - y_pred) ** 3, axis=-1)
    >>> CubicError()([[1.0], [2.0]], [[3.0], [2.0]]).item()
    4.0
    """

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None
    ) -> None:
        self.name = name or auto_name(type(self).__name__)
        if reduction not in REDUCTIONS:
            known = ", ".join(map(repr, REDUCTIONS))
            raise errors.value_error(f"{type(self).__name__} '{self.name}'", "reduction", f"one of {known}", reduction)
        self.reduction = reduction
        self._dtype = np.dtype(dtype or config.floatx()).name

    @property
    def dtype(self) -> str:
        """The type that targets and predictions are converted to."""
        return self._dtype

    def __call__(self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None) -> Tensor:
        """The reduced loss.

        Parameters
        ----------
        y_true, y_pred : array_like
            Targets and predictions.
        sample_weight : array_like, optional
            One weight per sample, or per value of `call`.
        """
        dtype = np.dtype(self.dtype)
        y_pred = loss_ops.as_dtype(y_pred, dtype)
        values = as_tensor(self.call(self._targets(y_true, dtype), y_pred))
        mask = self._mask(y_true, values)
        return reduce_weighted_values(values, sample_weight, mask, self.reduction, dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One value per sample; to be written by subclasses."""
        raise NotImplementedError(f"{type(self).__name__}: a loss must define call(y_true, y_pred).")

    def _targets(self, y_true: TensorLike, dtype: np.dtype[Any]) -> Tensor:
        """y_true as a tensor of the loss's dtype."""
        return loss_ops.as_dtype(numbers(self.name, y_true), dtype)

    def _mask(self, y_true: TensorLike, values: Tensor) -> Tensor | None:
        """1 where a value counts and 0 where it does not; None if all do."""
        return None

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal loss."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        """The loss that `get_config` described."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


class LossFunctionWrapper(Loss):
    """A loss made of a function ``fn(y_true, y_pred, **kwargs)`` that returns one value per sample.

    Parameters
    ----------
    fn : callable
    reduction, name, dtype
        As for `Loss`.
    **kwargs
        Passed to fn.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.LossFunctionWrapper(losses.mean_squared_error, reduction="sum")([[0.0], [0.0]], [[1.0], [3.0]]).item()
    10.0
    """

    def __init__(
        self, fn: LossFunction, reduction: str | None = "sum_over_batch_size", name: str | None = None,
        dtype: Any = None, **kwargs: Any,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn = fn
        self._fn_kwargs = kwargs

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        y_true, y_pred = align(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def _targets(self, y_true: TensorLike, dtype: np.dtype[Any]) -> Tensor:
        """Integer labels stay integers: as floats they would be exact only below 2**24."""
        target = numbers(self.name, y_true)
        if self.fn is sparse_categorical_crossentropy and target.dtype.kind != "f":
            return target
        return loss_ops.as_dtype(target, dtype)

    def _mask(self, y_true: TensorLike, values: Tensor) -> Tensor | None:
        return ignored_mask(self.fn, self._fn_kwargs, y_true, values)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "fn": _serialize_any(self.fn), **self._fn_kwargs}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        if "fn" in config and not callable(config["fn"]):
            fn = config["fn"]
            config = {**config, "fn": get(fn) if isinstance(fn, str) else _deserialize_any(fn)}
        return cls(**config)


# ---- from values to one number ------------------------------------------------------------------------------------


def numbers(who: str, y: TensorLike) -> Tensor:
    """y as a tensor; texts are an error that says how to turn them into labels."""
    if not isinstance(y, Tensor) and np.asarray(y).dtype.kind in "OSU":
        raise errors.type_error(
            who, "y_true", "numbers", errors.Shown(f"dtype {np.asarray(y).dtype}"),
            "Number the classes: classes, y = np.unique(y, return_inverse=True).",
        )
    return as_tensor(y)


def align(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Give both the same rank where they differ by a last axis of one element: (n,) and (n, 1) become (n, 1).

    Examples
    --------
    >>> a, b = align(as_tensor([1.0, 2.0]), as_tensor([[1.0], [2.0]]))
    >>> a.shape, b.shape
    ((2, 1), (2, 1))
    """
    if a.ndim == b.ndim + 1 and a.shape[-1] == 1:
        return (a, ops.reshape(b, (*b.shape, 1))) if b.ndim == 1 else (ops.reshape(a, a.shape[:-1]), b)
    if b.ndim == a.ndim + 1 and b.shape[-1] == 1:
        return (ops.reshape(a, (*a.shape, 1)), b) if a.ndim == 1 else (a, ops.reshape(b, b.shape[:-1]))
    return a, b


def reduce_weighted_values(
    values: Tensor, sample_weight: TensorLike | None, mask: Tensor | None, reduction: str | None, dtype: np.dtype[Any]
) -> Tensor:
    """The values times their weights, reduced; with a mask, a mean is over the values that count."""
    values = loss_ops.as_dtype(values, dtype)
    weight = None if sample_weight is None else loss_ops.as_dtype(sample_weight, dtype)
    if mask is not None:
        weight = mask_weight(mask, weight, mean=reduction in ("mean", "sum_over_batch_size"))
    if weight is not None:
        values, weight = align(values, weight)
        values = ops.multiply(values, weight)
    if reduction in (None, "none") or values.shape in ((), (0,)):
        return values
    if reduction == "sum":
        return ops.sum(values)
    if reduction == "mean_with_sample_weight" and weight is not None:
        return divide_no_nan(ops.sum(values), ops.sum(weight))
    return ops.mean(values)


def ignored_mask(fn: LossFunction, kwargs: dict[str, Any], y_true: TensorLike, values: Tensor) -> Tensor | None:
    """For a sparse cross-entropy with ignore_class, 1 where a value counts and 0 where it is ignored; else None."""
    ignored = kwargs.get("ignore_class")
    if fn is not sparse_categorical_crossentropy or ignored is None:
        return None
    return ops.reshape(ops.cast(ops.not_equal(as_tensor(y_true), ignored), values.dtype), values.shape)


def mask_weight(mask: Tensor, weight: Tensor | None, mean: bool) -> Tensor:
    """The weights of masked values: 0 where masked, and for a mean scaled up by what is missing."""
    if mean:
        mask = ops.multiply(mask, divide_no_nan(as_tensor(np.asarray(mask.size, mask.dtype)), ops.sum(mask)))
    if weight is None:
        return mask
    mask, weight = align(mask, weight)
    return ops.multiply(weight, mask)


def divide_no_nan(a: Tensor, b: Tensor) -> Tensor:
    """a / b, and 0 where b is 0."""
    none = ops.equal(b, 0)
    return ops.where(none, 0.0, ops.divide(a, ops.where(none, 1.0, b)))


# ---- functions: one value per sample ------------------------------------------------------------------------------


def _regression_pair(who: str, y_true: TensorLike, y_pred: TensorLike) -> tuple[Tensor, Tensor]:
    """Both aligned, of y_pred's dtype and one shape."""
    y_pred = as_float(y_pred)
    y_true, y_pred = align(loss_ops.as_dtype(numbers(who, y_true), y_pred.dtype), y_pred)
    if y_true.shape == y_pred.shape:
        return y_true, y_pred
    fits = y_true.ndim in (0, y_pred.ndim) or y_pred.ndim == 0
    try:
        shape = np.broadcast_shapes(y_true.shape, y_pred.shape)
    except ValueError:
        fits = False
    if not fits:
        raise errors.value_error(
            who, "y_true", f"of the predictions' shape {y_pred.shape}", errors.Shown(f"shape {y_true.shape}")
        )
    return ops.broadcast_to(y_true, shape), ops.broadcast_to(y_pred, shape)


def mean_squared_error(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """mean((y_true - y_pred)**2) over the last axis.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.mean_squared_error([[0.0, 1.0]], [[1.0, 3.0]]).tolist()
    [2.5]
    """
    return loss_ops.mean_squared_difference(*_regression_pair("mean_squared_error", y_true, y_pred))


def mean_absolute_error(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """mean(|y_true - y_pred|) over the last axis; the gradient of |0| is 0.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.mean_absolute_error([[0.0, 1.0]], [[1.0, 3.0]]).tolist()
    [1.5]
    """
    return loss_ops.mean_absolute_difference(*_regression_pair("mean_absolute_error", y_true, y_pred))


def binary_crossentropy(
    y_true: TensorLike, y_pred: TensorLike, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """The mean over ``axis`` of the binary cross-entropy, see `fastnn.ops.binary_crossentropy`.

    Parameters
    ----------
    y_true, y_pred : array_like
        Of one shape.
    from_logits : bool
        Whether y_pred is logits.
    label_smoothing : float
        s moves the targets towards 1/2: y * (1 - s) + s / 2.
    axis : int

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.binary_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).item(), 4)
    0.6931
    """
    y_pred = as_float(y_pred)
    y_true, y_pred = align(loss_ops.as_dtype(numbers("binary_crossentropy", y_true), y_pred.dtype), y_pred)
    if label_smoothing:
        y_true = ops.add(ops.multiply(y_true, 1.0 - label_smoothing), 0.5 * label_smoothing)
    return ops.mean(ops.binary_crossentropy(y_true, y_pred, from_logits=from_logits), axis=axis)


def categorical_crossentropy(
    y_true: TensorLike, y_pred: TensorLike, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """The cross-entropy between target distributions and predictions, see `fastnn.ops.categorical_crossentropy`.

    Parameters
    ----------
    y_true, y_pred : array_like
        Of one shape; y_true one-hot or any distribution.
    from_logits : bool
        Whether y_pred is logits.
    label_smoothing : float
        s moves the targets towards 1/classes: y * (1 - s) + s / classes.
    axis : int
        Where the classes are.

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).item(), 4)
    0.6931
    """
    if isinstance(axis, bool):
        raise errors.type_error("categorical_crossentropy", "axis", "an integer", axis)
    y_pred = as_float(y_pred)
    y_true = loss_ops.as_dtype(numbers("categorical_crossentropy", y_true), y_pred.dtype)
    if y_pred.ndim and y_pred.shape[-1] == 1:
        warnings.warn(
            f"categorical_crossentropy: y_pred has one class (shape {y_pred.shape}), so the loss cannot change; "
            "for two classes in one output use binary_crossentropy.",
            SyntaxWarning, stacklevel=2,
        )
    if label_smoothing:
        y_true = ops.add(ops.multiply(y_true, 1.0 - label_smoothing), label_smoothing / y_true.shape[-1])
    return ops.categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)


def sparse_categorical_crossentropy(
    y_true: TensorLike, y_pred: TensorLike, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Tensor:
    """The cross-entropy between integer labels and predictions, see `fastnn.ops.sparse_categorical_crossentropy`.

    Parameters
    ----------
    y_true : array_like
        Class numbers from 0, as integers or integer-valued floats, of shape (..., ) or (..., 1).
    y_pred : array_like
        Of shape (..., classes).
    from_logits : bool
        Whether y_pred is logits.
    ignore_class : int, optional
        A label whose samples give 0; `SparseCategoricalCrossentropy` also leaves them out of its mean.
    axis : int
        Where the classes are.

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.sparse_categorical_crossentropy([1], [[0.5, 0.5]]).item(), 4)
    0.6931
    """
    return loss_ops.sparse_crossentropy(
        "sparse_categorical_crossentropy", y_true, y_pred, from_logits, axis, ignore_class
    )


# ---- classes ------------------------------------------------------------------------------------------------------


class MeanSquaredError(LossFunctionWrapper):
    """The mean of squared differences.

    Parameters
    ----------
    reduction, name, dtype
        As for `Loss`.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.MeanSquaredError()([[0.0, 1.0]], [[1.0, 3.0]]).item()
    2.5
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "mean_squared_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_squared_error, name=name, reduction=reduction, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        return Loss.get_config(self)


class MeanAbsoluteError(LossFunctionWrapper):
    """The mean of absolute differences.

    Parameters
    ----------
    reduction, name, dtype
        As for `Loss`.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.MeanAbsoluteError()([[0.0, 1.0]], [[1.0, 3.0]]).item()
    1.5
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "mean_absolute_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_absolute_error, name=name, reduction=reduction, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        return Loss.get_config(self)


class BinaryCrossentropy(LossFunctionWrapper):
    """The cross-entropy of yes-or-no targets.

    Parameters
    ----------
    from_logits, label_smoothing, axis
        As for `binary_crossentropy`.
    reduction, name, dtype
        As for `Loss`.

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.BinaryCrossentropy(from_logits=True)([0.0, 1.0], [[0.0], [0.0]]).item(), 4)
    0.6931
    """

    def __init__(
        self, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
        reduction: str | None = "sum_over_batch_size", name: str | None = "binary_crossentropy", dtype: Any = None,
    ) -> None:
        super().__init__(
            binary_crossentropy, name=name, reduction=reduction, dtype=dtype, from_logits=from_logits,
            label_smoothing=label_smoothing, axis=axis,
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis

    def get_config(self) -> dict[str, Any]:
        return {
            **Loss.get_config(self), "from_logits": self.from_logits, "label_smoothing": self.label_smoothing,
            "axis": self.axis,
        }


class CategoricalCrossentropy(LossFunctionWrapper):
    """The cross-entropy of one-hot targets.

    Parameters
    ----------
    from_logits, label_smoothing, axis
        As for `categorical_crossentropy`.
    reduction, name, dtype
        As for `Loss`.

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.CategoricalCrossentropy()([[0, 1, 0]], [[0.05, 0.9, 0.05]]).item(), 4)
    0.1054
    """

    def __init__(
        self, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
        reduction: str | None = "sum_over_batch_size", name: str | None = "categorical_crossentropy", dtype: Any = None,
    ) -> None:
        super().__init__(
            categorical_crossentropy, name=name, reduction=reduction, dtype=dtype, from_logits=from_logits,
            label_smoothing=label_smoothing, axis=axis,
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis

    def get_config(self) -> dict[str, Any]:
        return {
            **Loss.get_config(self), "from_logits": self.from_logits, "label_smoothing": self.label_smoothing,
            "axis": self.axis,
        }


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """The cross-entropy of integer labels.

    Parameters
    ----------
    from_logits, ignore_class, axis
        As for `sparse_categorical_crossentropy`.
    reduction, name, dtype
        As for `Loss`.

    Examples
    --------
    >>> from fastnn import losses
    >>> round(losses.SparseCategoricalCrossentropy(from_logits=True)([0, 1], [[0.0, 0.0], [0.0, 0.0]]).item(), 4)
    0.6931
    """

    def __init__(
        self, from_logits: bool = False, ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size", axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy", dtype: Any = None,
    ) -> None:
        super().__init__(
            sparse_categorical_crossentropy, name=name, reduction=reduction, dtype=dtype, from_logits=from_logits,
            ignore_class=ignore_class, axis=axis,
        )
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis

    def get_config(self) -> dict[str, Any]:
        axis = {} if self.axis == -1 else {"axis": self.axis}  # Keras leaves it out
        return {
            **Loss.get_config(self), "from_logits": self.from_logits, "ignore_class": self.ignore_class, **axis
        }


# ---- names --------------------------------------------------------------------------------------------------------

mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
bce = BCE = binary_crossentropy

registry = Registry("losses", "loss")
for _cls in (
    MeanSquaredError, MeanAbsoluteError, BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy
):
    registry.add(_cls)
for _fn, _aliases in (  # after the classes: "binary_crossentropy" is the function, as in Keras
    (mean_squared_error, ("mse", "MSE")), (mean_absolute_error, ("mae", "MAE")), (binary_crossentropy, ("bce", "BCE")),
    (categorical_crossentropy, ()), (sparse_categorical_crossentropy, ()),
):
    registry.add(_fn, *_aliases)


def get(identifier: Any) -> Any:
    """The loss that a name, a configuration, a class or an object stands for.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.get("mse").__name__, type(losses.get("MeanSquaredError")).__name__
    ('mean_squared_error', 'MeanSquaredError')
    """
    return registry.get(identifier)


def serialize(loss: Any) -> Any:
    """The configuration of a loss, or the name of a loss function.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.serialize(losses.MeanSquaredError())["config"]
    {'name': 'mean_squared_error', 'reduction': 'sum_over_batch_size'}
    """
    return registry.serialize(loss)


def deserialize(name: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The loss that `serialize` described.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.deserialize(losses.serialize(losses.BinaryCrossentropy(from_logits=True))).from_logits
    True
    """
    return registry.deserialize(name, custom_objects)

if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
