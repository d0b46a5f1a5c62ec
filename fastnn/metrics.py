"""Metrics: running means over batches. Keras's classes, functions, names and formulas.

A metric's state is variables in memory that kernels add to, so `update_state` can be recorded and replayed; only
`result` reads it. Sums are kept in float64: the mean over an epoch does not drift with the number of batches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import config, errors, initializers, losses, ops
from fastnn._core import Tracked, empty, in_step, launch
from fastnn.autograd import FLOAT64, Tensor, TensorLike, Variable, as_float, dense, no_grad
from fastnn.losses import align, numbers
from fastnn.losses import (
    binary_crossentropy as binary_crossentropy,  # Keras has these functions in both modules
)
from fastnn.losses import categorical_crossentropy as categorical_crossentropy
from fastnn.losses import mean_absolute_error as mean_absolute_error
from fastnn.losses import mean_squared_error as mean_squared_error
from fastnn.losses import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from fastnn.ops import loss as loss_ops
from fastnn.registry import Registry, auto_name
from fastnn.registry import deserialize as _deserialize_any
from fastnn.registry import serialize as _serialize_any

EQUAL, ABOVE_THRESHOLD = range(2)  # field op of the kernel match_values


class Metric(Tracked):
    """Base class of metrics: subclass it and write ``update_state`` and ``result``.

    State is made by `add_variable` in the constructor; `update_state` adds to it with ops
    (``self.total.assign(self.total + ops.sum(values))``).

    Parameters
    ----------
    dtype : str, optional
        The type of results; `fastnn.config.floatx` by default.
    name : str, optional

    Examples
    --------
    >>> from fastnn import metrics, ops
    >>> class Largest(metrics.Metric):
    ...     def __init__(self, name="largest"):
    ...         super().__init__(name=name)
    ...         self.peak = self.add_variable((), "zeros", name="peak")
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.peak.assign(ops.maximum(self.peak, ops.max(y_pred)))
    ...     def result(self):
    ...         return self.peak.value
    >>> float(Largest()([0.0, 0.0], [1.0, 3.0]))
    3.0
    """

    _direction: str | None = None  # "up" if more is better, "down" if less; for callbacks with mode="auto"

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or auto_name(type(self).__name__)
        self._dtype = np.dtype(dtype or config.floatx()).name
        self._variables: list[Variable] = []

    @property
    def dtype(self) -> str:
        """The type of results."""
        return self._dtype

    @property
    def variables(self) -> list[Variable]:
        """The state, that of metrics kept as attributes included."""
        self._check_constructed()
        found = list(self._variables)
        for value in vars(self).values():
            if isinstance(value, Metric):
                found += value.variables
            elif isinstance(value, (list, tuple)) and value is not self._variables:
                for part in value:
                    if isinstance(part, Metric):
                        found += part.variables
        return found

    def add_variable(
        self, shape: Sequence[int] = (), initializer: Any = None, dtype: Any = None, aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """State of this shape, zeros unless an initializer is given.

        Parameters
        ----------
        shape : tuple of int
        initializer : str, Initializer or callable, optional
        dtype : str, optional
        aggregation : str
            Accepted for Keras; there is one replica.
        name : str, optional
        """
        self._check_constructed()
        variable = Variable(
            initializers.get(initializer or "zeros"), shape=tuple(shape), dtype=np.dtype(dtype or self.dtype),
            trainable=False, name=name or "variable",
        )
        self._variables.append(variable)
        return variable

    def add_weight(
        self, shape: Sequence[int] = (), initializer: Any = None, dtype: Any = None, name: str | None = None
    ) -> Variable:
        """`add_variable` under its older name."""
        return self.add_variable(shape=shape, initializer=initializer, dtype=dtype, name=name)

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Add a batch; to be written by subclasses."""
        raise NotImplementedError(f"{type(self).__name__}: a metric must define update_state(...).")

    def result(self) -> Any:
        """The value over all batches since the last reset; to be written by subclasses."""
        raise NotImplementedError(f"{type(self).__name__}: a metric must define result().")

    def reset_state(self) -> None:
        """Forget all batches."""
        for variable in self.variables:
            if in_step():
                variable.assign(np.zeros(variable.shape, variable.dtype))
            else:
                variable.data.fill(0)
                variable.version += 1

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """`update_state`, then `result`."""
        self._check_constructed()
        with no_grad():
            self.update_state(*args, **kwargs)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal metric."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        """The metric that `get_config` described."""
        return cls(**config)

    def _check_constructed(self) -> None:
        if "_variables" not in vars(self):
            raise errors.order_error(
                type(self).__name__, "its __init__ did not call super().__init__()", "Call it first."
            )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


# ---- running sums -------------------------------------------------------------------------------------------------


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
        return Tensor.wrap(np.asarray(total / count if count else 0.0, self.dtype))


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
        if getattr(fn, "__name__", "") in losses.registry.names or isinstance(fn, losses.Loss):
            self._direction = "down"

    def update_state(  # type: ignore[override]  # Keras's signature differs from Mean's too
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None
    ) -> None:
        with no_grad():
            values = self._fn(y_true, y_pred, **self._fn_kwargs)
            mask = losses.ignored_mask(self._fn, self._fn_kwargs, y_true, values)
            if mask is not None:
                weight = None if sample_weight is None else loss_ops.as_dtype(sample_weight, mask.dtype)
                sample_weight = losses.mask_weight(mask, weight, mean=False)
            super().update_state(values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "fn": _serialize_any(self._fn), **self._fn_kwargs}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        if "fn" in config and not callable(config["fn"]):
            fn = config["fn"]
            config = {**config, "fn": _function(fn) if isinstance(fn, str) else _deserialize_any(fn)}
        return cls(**config)


def _function(name: str) -> Callable[..., Tensor]:
    """The metric function of this name."""
    function = globals().get(name)
    if not callable(function) or isinstance(function, type):
        raise errors.unknown_name("metrics.deserialize", "fn", name, [n for n in globals() if n.islower()])
    return function  # type: ignore[no-any-return]


# ---- accuracies: 1 where the prediction is right, else 0 ----------------------------------------------------------


def _match(who: str, y_true: TensorLike, y_pred: TensorLike, op: int, threshold: float) -> Tensor:
    pred = as_float(y_pred)
    truth, pred = align(loss_ops.as_dtype(numbers(who, y_true), pred.dtype), pred)
    if truth.shape != pred.shape:
        raise errors.value_error(
            who, "y_true", f"of the predictions' shape {pred.shape}", errors.Shown(f"shape {truth.shape}")
        )
    y = empty(pred.shape, pred.dtype)
    launch(
        "match_values", pred.dtype, truth=dense(truth), pred=dense(pred), y=y, n=pred.size, op=op, threshold=threshold
    )
    return Tensor.wrap(y)


def accuracy(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """1 where y_true equals y_pred, else 0.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.accuracy([1, 2, 3], [1.0, 2.0, 4.0]).tolist()
    [1.0, 1.0, 0.0]
    """
    return _match("accuracy", y_true, y_pred, EQUAL, 0.0)


def binary_accuracy(y_true: TensorLike, y_pred: TensorLike, threshold: float = 0.5) -> Tensor:
    """1 where y_true is (y_pred > threshold), else 0; the threshold applies to outputs as they are, also to logits.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.binary_accuracy([[1], [1], [0]], [[0.9], [0.5], [0.1]]).tolist()
    [[1.0], [0.0], [1.0]]
    """
    return _match("binary_accuracy", y_true, y_pred, ABOVE_THRESHOLD, threshold)


def _match_classes(who: str, truth: Tensor | None, label: Any, pred: Tensor, shape: tuple[int, ...]) -> Tensor:
    if not pred.ndim or not pred.shape[-1]:
        raise errors.value_error(who, "y_pred", "an array whose last axis is the classes", pred.data)
    y = empty(shape, pred.dtype)
    launch(
        "match_classes", pred.dtype, label=label, truth=None if truth is None else dense(truth), pred=dense(pred), y=y,
        rows=math.prod(pred.shape[:-1]), cols=pred.shape[-1],
    )
    return Tensor.wrap(y)


def categorical_accuracy(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """1 where the largest elements of y_true and y_pred are at the same place, else 0; the first of equals counts.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.categorical_accuracy([[0, 1], [1, 0]], [[0.2, 0.8], [0.4, 0.6]]).tolist()
    [1.0, 0.0]
    """
    who = "categorical_accuracy"
    pred = as_float(y_pred)
    truth = loss_ops.as_dtype(numbers(who, y_true), pred.dtype)
    loss_ops.same_shape(who, truth, pred)
    return _match_classes(who, truth, None, pred, pred.shape[:-1])


def sparse_categorical_accuracy(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """1 where the largest element of y_pred is at the place the label says, else 0; the first of equals counts.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.sparse_categorical_accuracy([1, 1], [[0.2, 0.8], [0.6, 0.4]]).tolist()
    [1.0, 0.0]
    """
    who = "sparse_categorical_accuracy"
    pred = as_float(y_pred)
    label = loss_ops.labels_of(who, numbers(who, y_true), pred.shape, max(pred.ndim - 1, 0))
    return _match_classes(who, None, label, pred, pred.shape[:-1])


class Accuracy(MeanMetricWrapper):
    """The share of predictions equal to the targets.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.Accuracy()([1, 2, 3, 4], [0, 2, 3, 4]).item()
    0.75
    """

    def __init__(self, name: str | None = "accuracy", dtype: Any = None) -> None:
        super().__init__(accuracy, name=name, dtype=dtype)
        self._direction = "up"

    def get_config(self) -> dict[str, Any]:
        return Metric.get_config(self)


class BinaryAccuracy(MeanMetricWrapper):
    """The share of predictions on the right side of a threshold.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional
    threshold : float

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.BinaryAccuracy()([[1], [1], [0], [0]], [[0.98], [1], [0], [0.6]]).item()
    0.75
    """

    def __init__(self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5) -> None:
        super().__init__(binary_accuracy, name=name, dtype=dtype, threshold=threshold)
        self.threshold = threshold
        self._direction = "up"

    def get_config(self) -> dict[str, Any]:
        return {**Metric.get_config(self), "threshold": self.threshold}


class CategoricalAccuracy(MeanMetricWrapper):
    """The share of predictions whose largest element is that of the one-hot target.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.CategoricalAccuracy()([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]]).item()
    0.5
    """

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(categorical_accuracy, name=name, dtype=dtype)
        self._direction = "up"

    def get_config(self) -> dict[str, Any]:
        return Metric.get_config(self)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """The share of predictions whose largest element is at the label.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.SparseCategoricalAccuracy()([2, 1], [[0.1, 0.6, 0.3], [0.05, 0.95, 0]]).item()
    0.5
    """

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(sparse_categorical_accuracy, name=name, dtype=dtype)
        self._direction = "up"

    def get_config(self) -> dict[str, Any]:
        return Metric.get_config(self)


# ---- errors and cross-entropies -----------------------------------------------------------------------------------


class MeanSquaredError(MeanMetricWrapper):
    """The mean squared error.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.MeanSquaredError()([[0, 1], [0, 0]], [[1, 1], [0, 0]]).item()
    0.25
    """

    def __init__(self, name: str | None = "mean_squared_error", dtype: Any = None) -> None:
        super().__init__(mean_squared_error, name=name, dtype=dtype)
        self._direction = "down"

    def get_config(self) -> dict[str, Any]:
        return Metric.get_config(self)


class MeanAbsoluteError(MeanMetricWrapper):
    """The mean absolute error.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.MeanAbsoluteError()([[0, 1], [0, 0]], [[1, 1], [0, 0]]).item()
    0.25
    """

    def __init__(self, name: str | None = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(mean_absolute_error, name=name, dtype=dtype)
        self._direction = "down"

    def get_config(self) -> dict[str, Any]:
        return Metric.get_config(self)


class RootMeanSquaredError(Mean):
    """The root of the mean squared error over everything seen.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.RootMeanSquaredError()([[0, 1], [0, 0]], [[1, 1], [0, 0]]).item()
    0.5
    """

    _direction = "down"

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(  # type: ignore[override]
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None
    ) -> None:
        with no_grad():
            dtype = np.dtype(self.dtype)
            truth, pred = align(loss_ops.as_dtype(y_true, dtype), loss_ops.as_dtype(y_pred, dtype))
            super().update_state(ops.square(ops.subtract(pred, truth)), sample_weight)

    def result(self) -> Tensor:
        return Tensor(np.asarray(math.sqrt(super().result().item()), self.dtype))


class BinaryCrossentropy(MeanMetricWrapper):
    """The mean binary cross-entropy.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional
    from_logits, label_smoothing
        As for `fastnn.losses.binary_crossentropy`.

    Examples
    --------
    >>> from fastnn import metrics
    >>> round(metrics.BinaryCrossentropy()([[0], [1]], [[0.5], [0.5]]).item(), 4)
    0.6931
    """

    def __init__(
        self, name: str | None = "binary_crossentropy", dtype: Any = None, from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(
            binary_crossentropy, name=name, dtype=dtype, from_logits=from_logits, label_smoothing=label_smoothing
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self._direction = "down"

    def get_config(self) -> dict[str, Any]:
        return {
            **Metric.get_config(self), "from_logits": self.from_logits, "label_smoothing": self.label_smoothing
        }


class CategoricalCrossentropy(MeanMetricWrapper):
    """The mean cross-entropy of one-hot targets.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional
    from_logits, label_smoothing, axis
        As for `fastnn.losses.categorical_crossentropy`.

    Examples
    --------
    >>> from fastnn import metrics
    >>> round(metrics.CategoricalCrossentropy()([[0, 1]], [[0.5, 0.5]]).item(), 4)
    0.6931
    """

    def __init__(
        self, name: str | None = "categorical_crossentropy", dtype: Any = None, from_logits: bool = False,
        label_smoothing: float = 0, axis: int = -1,
    ) -> None:
        super().__init__(
            categorical_crossentropy, name=name, dtype=dtype, from_logits=from_logits, label_smoothing=label_smoothing,
            axis=axis,
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis
        self._direction = "down"

    def get_config(self) -> dict[str, Any]:
        return {
            **Metric.get_config(self), "from_logits": self.from_logits, "label_smoothing": self.label_smoothing,
            "axis": self.axis,
        }


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """The mean cross-entropy of integer labels.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional
    from_logits, ignore_class, axis
        As for `fastnn.losses.sparse_categorical_crossentropy`; ignored samples are left out of the mean.

    Examples
    --------
    >>> from fastnn import metrics
    >>> round(metrics.SparseCategoricalCrossentropy()([1], [[0.5, 0.5]]).item(), 4)
    0.6931
    """

    def __init__(
        self, name: str | None = "sparse_categorical_crossentropy", dtype: Any = None, from_logits: bool = False,
        ignore_class: int | None = None, axis: int = -1,
    ) -> None:
        super().__init__(
            sparse_categorical_crossentropy, name=name, dtype=dtype, from_logits=from_logits, ignore_class=ignore_class,
            axis=axis,
        )
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis
        self._direction = "down"

    def get_config(self) -> dict[str, Any]:
        return {
            **Metric.get_config(self), "from_logits": self.from_logits, "ignore_class": self.ignore_class,
            "axis": self.axis,
        }


# ---- names --------------------------------------------------------------------------------------------------------

mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error

registry = Registry("metrics", "metric")
for _cls, _aliases in (
    (Metric, ()), (Mean, ()), (Sum, ()), (MeanMetricWrapper, ()), (Accuracy, ()), (BinaryAccuracy, ()),
    (CategoricalAccuracy, ()), (SparseCategoricalAccuracy, ()), (MeanSquaredError, ("mse", "MSE")),
    (MeanAbsoluteError, ("mae", "MAE")), (RootMeanSquaredError, ()), (BinaryCrossentropy, ("bce", "BCE")),
    (CategoricalCrossentropy, ()), (SparseCategoricalCrossentropy, ()),
):
    registry.add(_cls, *_aliases)


def get(identifier: Any) -> Any:
    """The metric that a name, a configuration, a class or an object stands for.

    Which accuracy "accuracy" means depends on the data, so a model decides; here it is `Accuracy`.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.get("mse")
    <MeanSquaredError name=mean_squared_error>
    """
    return registry.get(identifier)


def serialize(metric: Any) -> Any:
    """The configuration of a metric.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.serialize(metrics.BinaryAccuracy())["config"]
    {'name': 'binary_accuracy', 'dtype': 'float32', 'threshold': 0.5}
    """
    return registry.serialize(metric)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The metric that `serialize` described.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.deserialize(metrics.serialize(metrics.BinaryAccuracy(threshold=0.25))).threshold
    0.25
    """
    return registry.deserialize(config, custom_objects)

if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
