"""What `compile` makes of the user's loss and metrics: strings, functions and objects become objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnn import errors, losses, metrics
from fastnn.autograd import Tensor

_ACCURACY = ("accuracy", "acc")
_CROSSENTROPY = ("crossentropy", "ce")


def get_loss(who: str, identifier: Any) -> Any:
    """A loss object; None for no loss, and the text itself where the data decides ("crossentropy")."""
    if isinstance(identifier, (list, tuple)):
        if len(identifier) != 1:
            raise errors.value_error(who, "loss", "one loss for the model's one output", identifier)
        identifier = identifier[0]
    if identifier is None:
        return None
    if isinstance(identifier, str) and identifier.lower() in _CROSSENTROPY:
        return identifier
    loss = losses.get(identifier)
    if isinstance(loss, type):
        loss = loss()
    if not isinstance(loss, losses.Loss):
        name = identifier if isinstance(identifier, str) else _name_of(loss)
        loss = losses.LossFunctionWrapper(loss, name=name)
    return loss


def resolve_crossentropy(y_true: Any, y_pred: Tensor) -> Any:
    """The cross-entropy that fits the shapes, as Keras chooses it."""
    kind = _kind(y_true, y_pred)
    function = {
        "binary": losses.binary_crossentropy,
        "sparse": losses.sparse_categorical_crossentropy,
        "categorical": losses.categorical_crossentropy,
    }[kind]
    return losses.LossFunctionWrapper(function, name=function.__name__)


def is_sparse(loss: Any) -> bool:
    """Whether a loss takes class numbers."""
    function = getattr(loss, "fn", None)
    return isinstance(loss, losses.SparseCategoricalCrossentropy) or function is losses.sparse_categorical_crossentropy


class CompiledMetrics:
    """The metrics of a model: named as the user named them, updated together.

    Parameters
    ----------
    who : str
    plain, weighted : list
        Metrics that ignore sample weights, and that use them.
    """

    name = "compile_metrics"

    def __init__(self, who: str, plain: Any, weighted: Any) -> None:
        self._plain = [(m, self._check(m)) for m in _as_list(who, "metrics", plain)]
        self._weighted = [(m, self._check(m)) for m in _as_list(who, "weighted_metrics", weighted)]
        self.metrics: list[Any] = []
        self._names: list[str] = []
        self.built = not (self._plain or self._weighted)

    def _check(self, identifier: Any) -> Any:
        """Resolve what needs no data, so that a wrong name is found by `compile`."""
        if isinstance(identifier, str) and identifier.lower() in _ACCURACY:
            return None
        return metrics.get(identifier)

    def build(self, y_true: Tensor, y_pred: Tensor) -> None:
        """Decide which accuracy is meant, and the names under which results are reported."""
        plain = [_metric(given, found, y_true, y_pred) for given, found in self._plain]
        weighted = [_metric(given, found, y_true, y_pred) for given, found in self._weighted]
        self.metrics = plain + weighted
        counts: dict[str, int] = {}
        self._names = []
        for i, metric in enumerate(self.metrics):
            name = metric.name
            if i >= len(plain) and name in counts:
                name = f"weighted_{name}"
            seen = counts.get(name, 0)
            counts[name] = seen + 1
            self._names.append(f"{name}_{seen}" if seen else name)
        self._split = len(plain)
        self.built = True

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> None:
        if not self.built:
            self.build(y_true, y_pred)
        for i, metric in enumerate(self.metrics):
            if i < self._split or sample_weight is None:
                metric.update_state(y_true, y_pred)
            else:
                metric.update_state(y_true, y_pred, sample_weight=sample_weight)

    def reset_state(self) -> None:
        for metric in self.metrics:
            metric.reset_state()

    def result(self) -> dict[str, Any]:
        """The values by name."""
        return {name: metric.result() for name, metric in zip(self._names, self.metrics, strict=True)}

    @property
    def names(self) -> list[str]:
        return self._names


def _metric(identifier: Any, found: Any, y_true: Tensor, y_pred: Tensor) -> Any:
    if found is None:
        kinds = {
            "binary": metrics.BinaryAccuracy,
            "sparse": metrics.SparseCategoricalAccuracy,
            "categorical": metrics.CategoricalAccuracy,
        }
        return kinds[_kind(y_true, y_pred)](name=identifier)
    if isinstance(found, type):
        found = found()
    if not isinstance(found, metrics.Metric):
        found = metrics.MeanMetricWrapper(found, name=_name_of(found))
    if isinstance(identifier, str):
        found.name = identifier
    return found


def _kind(y_true: Tensor, y_pred: Tensor) -> str:
    """Keras's rule: one output is binary; fewer axes, or one label per row, are class numbers; else one-hot."""
    if y_pred.shape[-1] == 1:
        return "binary"
    if y_true.ndim < y_pred.ndim or y_true.shape[-1] == 1:
        return "sparse"
    return "categorical"


def _name_of(function: Any) -> str:
    return str(getattr(function, "name", None) or getattr(function, "__name__", type(function).__name__))


def _as_list(who: str, argument: str, given: Any) -> list[Any]:
    """The metrics of the model's one output, out of Keras's nesting."""
    if given is None:
        return []
    if not isinstance(given, (list, tuple)):
        raise errors.type_error(who, argument, "a list", given, f"Write {argument}=[{given!r}].")
    flat: Sequence[Any] = [m for entry in given for m in (entry if isinstance(entry, (list, tuple)) else (entry,))]
    for entry in flat:
        if not (isinstance(entry, (str, type, metrics.Metric)) or callable(entry)):
            raise errors.type_error(who, argument, "a list of names, functions or Metric objects", entry)
    return list(flat)
