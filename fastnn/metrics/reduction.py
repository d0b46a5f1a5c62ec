"""Running sums and means, of values or of a function of targets and predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fastnn import errors, losses, ops
from fastnn._core import launch
from fastnn.autograd import FLOAT64, Tensor, TensorLike, Variable, dense, no_grad
from fastnn.losses.base import align, both_masks, mask_weight, values_mask
from fastnn.metrics.base import Metric
from fastnn.ops import loss as loss_ops
from fastnn.registry import deserialize as _deserialize_any
from fastnn.registry import serialize as _serialize_any

functions: dict[str, Callable[..., Tensor]] = {}  # by name, for configurations; filled by the package


def samplewise(
    values: TensorLike, sample_weight: TensorLike | None, reduce: Callable[..., Tensor], dtype: np.dtype[Any]
) -> tuple[Tensor, Tensor | None]:
    """One value and one weight per sample: what is left of the axes after the first is reduced.

    Values are not yet multiplied by the weights, except where weights have several axes.
    """
    values = loss_ops.as_dtype(values, dtype)
    if sample_weight is None:
        return (reduce(values, axis=tuple(range(1, values.ndim))) if values.ndim > 1 else values), None
    values, weight = align(values, loss_ops.as_dtype(sample_weight, dtype))
    if values.ndim > weight.ndim:
        values = reduce(values, axis=tuple(range(weight.ndim, values.ndim)))
    if weight.shape != values.shape:
        weight = ops.broadcast_to(weight, values.shape)
    return values, weight


def launch_sum(values: Tensor, weight: Tensor | None, total: Variable, count: Variable) -> None:
    """total += sum(values * weight) and count += sum(weight), in float64."""
    launch(
        "metric_mean", values.dtype, value=dense(values), weight=None if weight is None else dense(weight),
        total=total.data, count=count.data, n=values.size,
    )


class Sum(Metric):
    """The weighted sum of values.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> m = metrics.Sum()
    >>> m.update_state([1.0, 3.0], sample_weight=[1, 0.5])
    >>> m.result().item()
    2.5
    """

    def __init__(self, name: str | None = "sum", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", dtype=FLOAT64, name="total")
        self._unread = Variable(np.zeros((), FLOAT64), trainable=False)  # a count that nobody asks for

    def update_state(self, values: TensorLike, sample_weight: TensorLike | None = None) -> None:
        with no_grad():
            parts, weight = samplewise(values, sample_weight, ops.sum, np.dtype(self.dtype))
            launch_sum(parts, weight, self.total, self._unread)

    def result(self) -> Tensor:
        return Tensor(self.total.numpy().astype(self.dtype))


class Mean(Metric):
    """The weighted mean of values.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> m = metrics.Mean()
    >>> m.update_state([1.0, 3.0])
    >>> m.update_state([8.0])
    >>> m.result().item()
    4.0
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", dtype=FLOAT64, name="total")
        self.count = self.add_variable((), "zeros", dtype=FLOAT64, name="count")
        self._unread = Variable(np.zeros((), FLOAT64), trainable=False)

    def update_state(self, values: TensorLike, sample_weight: TensorLike | None = None) -> None:
        """Add values, of which the first axis is the samples; the mean over the others counts as one value each."""
        with no_grad():
            parts, weight = samplewise(values, sample_weight, ops.mean, np.dtype(self.dtype))
            if weight is not None and weight.ndim > 1:  # Keras's rule: values and weights are averaged apart
                axes = tuple(range(1, weight.ndim))
                parts, weight = ops.mean(ops.multiply(parts, weight), axis=axes), ops.mean(weight, axis=axes)
                launch_sum(parts, None, self.total, self._unread)
                launch_sum(weight, None, self.count, self._unread)
                return
            launch_sum(parts, weight, self.total, self.count)

    def result(self) -> Tensor:
        total, count = self.total.item(), self.count.item()
        return self._value(total / count if count else 0.0)


class MeanMetricWrapper(Mean):
    """The mean of a function ``fn(y_true, y_pred, **kwargs)``.

    Parameters
    ----------
    fn : callable
    name : str, optional
    dtype : str, optional
    **kwargs
        Passed to fn.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.MeanMetricWrapper(metrics.mean_squared_error)([[0.0], [0.0]], [[1.0], [3.0]]).item()
    5.0
    """

    def __init__(self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(name=name, dtype=dtype)
        self._fn = fn
        self._fn_kwargs = kwargs
        if self._direction is None and (
            getattr(fn, "__name__", "") in losses.registry.names or isinstance(fn, losses.Loss)
        ):
            self._direction = "down"

    def update_state(  # type: ignore[override]  # Keras's signature differs from Mean's too
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None
    ) -> None:
        with no_grad():
            values = self._fn(y_true, y_pred, **self._fn_kwargs)
            sample_weight = _masked(both_masks(y_pred, None, values.dtype), sample_weight)
            if sample_weight is not None:  # Keras's rule: without weights ignored values count as 0
                sample_weight = _masked(values_mask(self._fn, self._fn_kwargs, y_true, values), sample_weight)
            super().update_state(values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "fn": _serialize_any(self._fn), **self._fn_kwargs}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        if "fn" in config and not callable(config["fn"]):
            fn = config["fn"]
            config = {**config, "fn": _function(fn) if isinstance(fn, str) else _deserialize_any(fn)}
        return cls(**config)


class BuiltinMetric(MeanMetricWrapper):
    """A mean of this package: its arguments are its attributes and its configuration, the function is not."""

    _unsaid: Mapping[str, Any] = {}  # arguments that a configuration of Keras's leaves out; here, if they are these

    def __init__(self, fn: Callable[..., Any], **arguments: Any) -> None:
        super().__init__(fn, **arguments)
        for name, value in self._fn_kwargs.items():
            setattr(self, name, value)

    def get_config(self) -> dict[str, Any]:
        said = {k: v for k, v in self._fn_kwargs.items() if k not in self._unsaid or v != self._unsaid[k]}
        return {**Metric.get_config(self), **said}


def _masked(mask: Tensor | None, weight: TensorLike | None) -> TensorLike | None:
    """The weights, 0 where the mask is."""
    if mask is None:
        return weight
    return mask_weight(mask, None if weight is None else loss_ops.as_dtype(weight, mask.dtype), mean=False)


def _function(name: str) -> Callable[..., Tensor]:
    """The metric function of this name."""
    if name not in functions:
        raise errors.unknown_name("metrics.deserialize", "fn", name, functions)
    return functions[name]
