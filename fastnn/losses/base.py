"""What all losses share: the base classes, aligned shapes, and the way from values to one number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fastnn import config, errors, ops
from fastnn._core import Tracked
from fastnn.autograd import Tensor, TensorLike, as_tensor
from fastnn.ops import loss as loss_ops
from fastnn.registry import Registry, auto_name
from fastnn.registry import deserialize as _deserialize_any
from fastnn.registry import serialize as _serialize_any

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)
LossFunction = Callable[..., Tensor]

registry = Registry("losses", "loss")  # filled by the package
takes_labels: set[LossFunction] = set()  # whose targets are class numbers
# Functions of which some values do not count: (y_true, values, arguments) -> 1 where a value counts, else 0.
masks: dict[LossFunction, Callable[[TensorLike, Tensor, dict[str, Any]], Tensor | None]] = {}


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
        given, y_pred = y_pred, loss_ops.as_dtype(y_pred, dtype)
        values = as_tensor(self.call(self._targets(y_true, dtype), y_pred))
        mask = both_masks(given, self._mask(y_true, values), dtype)
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
        if self.fn in takes_labels and target.dtype.kind != "f":
            return target
        return loss_ops.as_dtype(target, dtype)

    def _mask(self, y_true: TensorLike, values: Tensor) -> Tensor | None:
        return values_mask(self.fn, self._fn_kwargs, y_true, values)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "fn": _serialize_any(self.fn), **self._fn_kwargs}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        if "fn" in config and not callable(config["fn"]):
            fn = config["fn"]
            config = {**config, "fn": registry.get(fn) if isinstance(fn, str) else _deserialize_any(fn)}
        return cls(**config)


class BuiltinLoss(LossFunctionWrapper):
    """A loss of this package: its arguments are its attributes and its configuration, the function is not."""

    _unsaid: Mapping[str, Any] = {}  # arguments that a configuration of Keras's leaves out; here, if they are these

    def __init__(self, fn: LossFunction, **arguments: Any) -> None:
        super().__init__(fn, **arguments)
        for name, value in self._fn_kwargs.items():
            setattr(self, name, value)

    def get_config(self) -> dict[str, Any]:
        said = {k: v for k, v in self._fn_kwargs.items() if k not in self._unsaid or v != self._unsaid[k]}
        return {**Loss.get_config(self), **said}


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
        return ops.divide_no_nan(ops.sum(values), ops.sum(weight))
    return ops.mean(values)


def values_mask(fn: LossFunction, kwargs: dict[str, Any], y_true: TensorLike, values: Tensor) -> Tensor | None:
    """1 where a value of the function counts and 0 where it is ignored; None if all count."""
    return masks[fn](y_true, values, kwargs) if fn in masks else None


def both_masks(y_pred: Any, mask: Tensor | None, dtype: np.dtype[Any]) -> Tensor | None:
    """1 where the predictions' own mask and another let a value count; None if neither is there."""
    own = y_pred._keras_mask if isinstance(y_pred, Tensor) else None
    if own is None:
        return mask
    own = ops.cast(own, dtype)
    return own if mask is None else ops.multiply(own, mask)


def mask_weight(mask: Tensor, weight: Tensor | None, mean: bool) -> Tensor:
    """The weights of masked values: 0 where masked, and for a mean scaled up by what is missing."""
    if mean:
        mask = ops.multiply(mask, ops.divide_no_nan(float(mask.size), ops.sum(mask)))
    if weight is None:
        return mask
    mask, weight = align(mask, weight)
    return ops.multiply(weight, mask)
