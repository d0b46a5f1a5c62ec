"""What `compile` makes of the user's metrics: names, functions and objects, for one output or several."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

from fastnn import errors, metrics, tree
from fastnn.autograd import Tensor
from fastnn.models.compile_loss import kind_of, name_of

_ACCURACY = ("accuracy", "acc")


class OutputMetrics(NamedTuple):
    """The metrics of one output, and its name in the logs."""

    metrics: list[Any]
    output_name: str | None


class CompileMetrics:
    """The metrics of a model, named as the user named them, updated together.

    Parameters
    ----------
    who : str
    plain, weighted : list, tuple or dict, optional
        Metrics that ignore sample weights, and that use them: a list for the one output; for several, one entry (a
        metric, a list of them, or None) per output, or a dict by the names of the outputs, or their structure.
    output_names : list of str, optional
        Of a functional model.
    """

    name = "compile_metrics"

    def __init__(self, who: str, plain: Any, weighted: Any, output_names: list[str] | None = None) -> None:
        self._who = who
        for argument, given in (("metrics", plain), ("weighted_metrics", weighted)):
            _check(who, argument, given)
        self._given = {"metrics": plain, "weighted_metrics": weighted}
        # Made here, so that a wrong name is found by `compile`; what depends on the data is made with it.
        self._found = {argument: tree.map_structure(_get, given) for argument, given in self._given.items()}
        self._output_names = output_names
        self._order: list[str] | None = None  # of the outputs, where they are a dict or have names
        self._plain: list[OutputMetrics | None] = []
        self._weighted: list[OutputMetrics | None] = []
        self._named: list[tuple[str, Any]] = []
        self._metrics: list[Any] = []
        self.built = False

    @property
    def metrics(self) -> list[Any]:
        """All metrics; none before the first data."""
        return list(self._metrics)

    @property
    def variables(self) -> list[Any]:
        """Their state."""
        return [variable for metric in self.metrics for variable in metric.variables]

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Decide which accuracy is meant, and which metrics belong to which output."""
        outputs = tree.flatten(y_pred)
        flat = tree.is_nested(y_pred) and len(y_pred) == len(outputs)
        names = self._output_names
        if flat and isinstance(y_pred, dict) and not (names and set(names) == set(y_pred)):
            names = list(y_pred) if isinstance(y_pred, OrderedDict) else sorted(y_pred)
        self._order = names if flat and len(outputs) > 1 else None
        targets = self._flat(y_true)
        self._plain = self._build_outputs("metrics", targets, y_pred, flat, names)
        self._weighted = self._build_outputs("weighted_metrics", targets, y_pred, flat, names)
        self._named = self._names()
        self._metrics = [metric for _, metric in self._named]
        self.built = True

    def _build_outputs(
        self, argument: str, targets: list[Any], y_pred: Any, flat: bool, names: list[str] | None
    ) -> list[OutputMetrics | None]:
        given, found = self._given[argument], self._found[argument]
        outputs = self._flat(y_pred)
        if not given:
            return [None] * len(outputs)
        if len(outputs) == 1:
            if None in tree.flatten(given):
                raise errors.value_error(self._who, argument, "metrics, for the model's one output", given)
            return [_metrics(tree.flatten(given), tree.flatten(found), targets[0], outputs[0], None)]
        entries: list[Any] | None = None
        if flat and isinstance(given, (list, tuple)) and len(given) == len(outputs):
            entries = list(zip(given, found, strict=True))
        elif flat and isinstance(given, dict) and set(given) <= set(names or ()):
            entries = [(given.get(name), found.get(name)) for name in names or ()]
        elif not flat:
            entries = _entries(given, found, y_pred)
        if entries is None or len(entries) != len(outputs):
            known = f", {', '.join(names)}" if names else ""
            rule = f"a list with one entry for each of the {len(outputs)} outputs{known}, or a dict by their names"
            raise errors.value_error(self._who, argument, rule, given)
        labels: list[Any] = [None] * len(outputs) if names is None or len(names) != len(outputs) else names
        parts = zip(entries, targets, outputs, labels, strict=False)
        return [
            _metrics(_as_list(given), _as_list(found), target, output, label)
            for (given, found), target, output, label in parts
        ]

    def _flat(self, y: Any) -> list[Any]:
        if isinstance(y, dict) and self._order is not None and set(self._order) <= set(y):
            return [y[name] for name in self._order]
        return tree.flatten(y)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        if not self.built:
            self.build(y_true, y_pred)
        targets, outputs = self._flat(y_true), self._flat(y_pred)
        for each, target, output in zip(self._plain, targets, outputs, strict=False):
            for metric in () if each is None else each.metrics:
                metric.update_state(target, output)
        weights = [None] if sample_weight is None else self._flat(sample_weight)
        if len(weights) < len(targets):
            weights = [weights[0]] * len(targets)
        for each, target, output, weight in zip(self._weighted, targets, outputs, weights, strict=False):
            for metric in () if each is None else each.metrics:
                if weight is None:
                    metric.update_state(target, output)
                else:
                    metric.update_state(target, output, sample_weight=weight)

    def reset_state(self) -> None:
        """Forget all batches."""
        for metric in self.metrics:
            metric.reset_state()

    def result(self) -> dict[str, Any]:
        """The values by name."""
        return {name: metric.result() for name, metric in self._named}

    def _names(self) -> list[tuple[str, Any]]:
        """All metrics with the names under which they are reported."""
        found: list[tuple[str, Any]] = []
        counts: dict[str, int] = {}
        for weighted, each in [*((False, each) for each in self._plain), *((True, each) for each in self._weighted)]:
            for metric in () if each is None else each.metrics:
                prefix = f"{each.output_name}_" if each is not None and each.output_name else ""
                name = f"{prefix}{metric.name}"
                if weighted and name in counts:
                    name = f"{prefix}weighted_{metric.name}"
                seen = counts.get(name, 0)
                counts[name] = seen + 1
                found.append((f"{name}_{seen}" if seen else name, metric))
        return found


def _check(who: str, argument: str, given: Any) -> None:
    if given is not None and not isinstance(given, (list, tuple, dict)):
        raise errors.type_error(who, argument, "a list", given, f"Write {argument}=[{given!r}].")
    for entry in tree.flatten(given):
        if entry is not None and not (isinstance(entry, (str, type, metrics.Metric)) or callable(entry)):
            raise errors.type_error(who, argument, "a list of names, functions or Metric objects", entry)


def _get(identifier: Any) -> Any:
    """A metric, or None where the data decides which."""
    if identifier is None or (isinstance(identifier, str) and identifier.lower() in _ACCURACY):
        return None
    return metrics.get(identifier)


def _metrics(
    given: list[Any], found: list[Any], y_true: Tensor, y_pred: Tensor, output_name: str | None
) -> OutputMetrics | None:
    if not given or given == [None]:
        return None
    pairs = zip(given, found, strict=True)
    return OutputMetrics([_metric(each, thing, y_true, y_pred) for each, thing in pairs], output_name)


def _metric(identifier: Any, found: Any, y_true: Tensor, y_pred: Tensor) -> Any:
    if found is None:
        kinds = {
            "binary": metrics.BinaryAccuracy,
            "sparse": metrics.SparseCategoricalAccuracy,
            "categorical": metrics.CategoricalAccuracy,
        }
        return kinds[kind_of(y_true, y_pred)](name=identifier)
    if isinstance(found, type):
        found = found()
    if not isinstance(found, metrics.Metric):
        found = metrics.MeanMetricWrapper(found, name=name_of(found))
    if isinstance(identifier, str):
        found.name = identifier
    return found


def _as_list(entry: Any) -> list[Any]:
    return list(entry) if isinstance(entry, (list, tuple)) else [entry]


def _entries(given: Any, found: Any, y_pred: Any) -> list[Any] | None:
    """(metrics, their objects) of each output, along the structure of the outputs; None if they do not fit."""
    if isinstance(y_pred, dict):
        if not isinstance(given, dict) or set(given) != set(y_pred):
            return None
        parts = [_entries(given[key], found[key], y_pred[key]) for key in sorted(y_pred)]
    elif isinstance(y_pred, (list, tuple)):
        if not isinstance(given, (list, tuple)) or len(given) != len(y_pred):
            return None
        parts = [_entries(*each) for each in zip(given, found, y_pred, strict=True)]
    else:
        return [(given, found)]
    return None if None in parts else [entry for part in parts for entry in part or ()]
