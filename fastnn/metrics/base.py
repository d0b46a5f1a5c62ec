"""What all metrics share: the base class, with its state."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from fastnn import config, errors, initializers, ops
from fastnn._core import Tracked, in_step
from fastnn.autograd import Tensor, TensorLike, Variable, no_grad
from fastnn.pending import later
from fastnn.registry import Registry, auto_name

registry = Registry("metrics", "metric")  # filled by the package


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

    made: ClassVar[int] = 0  # so many metrics and variables of theirs, ever: who knows some looks again after that

    _bookkeeping: ClassVar[frozenset[str]] = frozenset({"_found"})
    _found: tuple[Any, list[Variable]] = (None, [])  # all variables, and when that was known

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "result" in cls.__dict__:
            cls.result = later(cls.__dict__["result"])  # type: ignore[method-assign]  # a step reads no values

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        Metric.made += 1
        self.name = name or auto_name(type(self).__name__)
        self._np_dtype = np.dtype(dtype or config.floatx())
        self._dtype = self._np_dtype.name
        self._variables: list[Variable] = []

    @property
    def dtype(self) -> str:
        """The type of results."""
        return self._dtype

    @property
    def variables(self) -> list[Variable]:
        """The state, that of metrics kept as attributes included."""
        stamp = self.version, Metric.made
        if self._found[0] != stamp:
            self._found = stamp, self._find_variables()
        return list(self._found[1])

    def _find_variables(self) -> list[Variable]:
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
        self, shape: Sequence[int], initializer: Any, dtype: Any = None, aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """State of this shape; zeros if the initializer is None.

        Parameters
        ----------
        shape : tuple of int
        initializer : str, Initializer, callable or None
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
        Metric.made += 1
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
        written = in_step()  # which a recording must see
        for variable in self.variables:
            if written:
                variable.assign(np.zeros(variable.shape, variable.dtype))
            else:
                variable.data.fill(0)
                variable.version += 1

    def stateless_update_state(self, metric_variables: Sequence[TensorLike], *args: Any, **kwargs: Any) -> list[Tensor]:
        """What the state becomes if it is ``metric_variables`` and a batch is added; the metric's own stays.

        Parameters
        ----------
        metric_variables : list
            One value for each of `variables`.
        *args, **kwargs
            As for `update_state`.
        """
        with self._holding(metric_variables):
            self.update_state(*args, **kwargs)
            return [ops.copy(variable.value) for variable in self.variables]

    def stateless_result(self, metric_variables: Sequence[TensorLike]) -> Any:
        """The result if the state is ``metric_variables``."""
        with self._holding(metric_variables):
            return self.result()

    def stateless_reset_state(self) -> list[Tensor]:
        """The state of a metric that has seen no batch."""
        return [ops.zeros_like(variable.value) for variable in self.variables]

    @contextlib.contextmanager
    def _holding(self, values: Sequence[TensorLike]) -> Iterator[None]:
        """For a while, the state is this."""
        variables = self.variables
        if len(values) != len(variables):
            raise errors.value_error(
                type(self).__name__, "metric_variables", f"a list of {len(variables)} values, one for each variable",
                errors.Shown(f"{len(values)}"),
            )
        with no_grad():
            kept = [ops.copy(variable.value) for variable in variables]
            try:
                for variable, value in zip(variables, values, strict=True):
                    variable.assign(value)
                yield
            finally:
                for variable, value in zip(variables, kept, strict=True):
                    variable.assign(value)

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

    def _value(self, result: Any) -> Tensor:
        """A result as a tensor of the metric's dtype."""
        return Tensor.wrap(np.asarray(result, self._np_dtype))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"
