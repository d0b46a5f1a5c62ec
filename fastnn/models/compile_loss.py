"""What `compile` makes of the user's losses: one, or a structure of them, for the outputs of a model."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from fastnn import errors, losses, metrics, ops, registry, tree
from fastnn.autograd import Tensor, no_grad

_CROSSENTROPY = ("crossentropy", "ce")


def kind_of(y_true: Any, y_pred: Any) -> str:
    """Keras's rule: one output is binary; fewer axes, or one label per row, are class numbers; else one-hot."""
    if y_pred.shape[-1] == 1:
        return "binary"
    if y_true.ndim < y_pred.ndim or y_true.shape[-1] == 1:
        return "sparse"
    return "categorical"


def name_of(thing: Any) -> str:
    """The name of a loss or metric that the user gave as an object or a function."""
    name = getattr(thing, "name", None)
    if isinstance(name, str):
        return name
    return registry.snake_case(re.sub(r"\W+", "", getattr(thing, "__name__", type(thing).__name__)))


def get_loss(identifier: Any) -> Any:
    """A loss object; None for no loss, and the text itself where the data decides ("crossentropy")."""
    if identifier is None or (isinstance(identifier, str) and identifier.lower() in _CROSSENTROPY):
        return identifier
    loss = losses.get(identifier)
    if isinstance(loss, type):
        loss = loss()
    if not isinstance(loss, losses.Loss):
        name = identifier if isinstance(identifier, str) else name_of(loss)
        loss = losses.LossFunctionWrapper(loss, name=name)
    return loss


def is_sparse(loss: Any) -> bool:
    """Whether a loss takes class numbers."""
    function = getattr(loss, "fn", None)
    return isinstance(loss, losses.SparseCategoricalCrossentropy) or function is losses.sparse_categorical_crossentropy


class OutputLoss(NamedTuple):
    """The loss of one output: its place among the outputs, how much it counts, and its name in the logs."""

    output: int
    loss: Any
    weight: float | None
    name: str


class CompileLoss:
    """The losses of a model's outputs, and their weighted sum.

    Parameters
    ----------
    who : str
    loss : loss, or a list, tuple or dict of losses
        One for all outputs, or one for each in the structure of the outputs; None for an output without a loss.
    loss_weights : float, list or dict, optional
    output_names : list of str, optional
        Of a functional model.
    """

    def __init__(self, who: str, loss: Any, loss_weights: Any = None, output_names: list[str] | None = None) -> None:
        if loss_weights is not None and (
            isinstance(loss_weights, bool) or not isinstance(loss_weights, (int, float, list, tuple, dict))
        ):
            raise errors.type_error(who, "loss_weights", "a number, or a list or dict of numbers", loss_weights)
        for weight in tree.flatten(loss_weights):
            if weight is not None and (isinstance(weight, bool) or not isinstance(weight, (int, float))):
                raise errors.type_error(who, "loss_weights", "a number, or a list or dict of numbers", loss_weights)
        self._who = who
        self.given = loss
        self.weights = loss_weights
        self.loss = tree.map_structure(get_loss, loss)
        self._names = output_names
        self.losses: list[OutputLoss] = []
        self.metrics: list[Any] = []
        self.takes_labels = any(map(is_sparse, tree.flatten(self.loss)))  # or it may turn out so
        self.built = False

    def sparse(self, count: int) -> list[bool | None]:
        """Whether each of so many targets is class numbers; None where that is not known."""
        flat = [loss for loss in tree.flatten(self.loss) if loss is not None]
        if not tree.is_nested(self.loss):
            flat *= count
        elif len(flat) > 1 and not isinstance(self.loss, (list, tuple)):
            flat = []  # the order of the targets is known only with the outputs
        found = [None if isinstance(loss, str) else is_sparse(loss) for loss in flat]
        return found if len(found) == count else [None] * count

    def flat(self) -> list[Any]:
        """The losses in their order: of their outputs where that is known, else as the user gave them."""
        return [each.loss for each in sorted(self.losses)] if self.built else tree.flatten(self.loss)

    def parts(self) -> list[Any]:
        """The objects that steps depend on."""
        return [[each.loss for each in self.losses] if self.built else self.loss, self.metrics]

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor | None:
        """The weighted sum of the losses; None if no output has one."""
        outputs = tree.flatten(y_pred)
        if not self.built:
            self._build(y_pred)
        targets = self._like(y_true, y_pred, "y")
        weights = self._like(sample_weight, y_pred, "sample_weight") if tree.is_nested(sample_weight) else None
        total: Tensor | None = None
        for i, (output, loss, weight, name) in enumerate(self.losses):
            target, predicted = targets[output], outputs[output]
            if target is None:
                raise errors.type_error(self._who, f"y for the output {name!r}", "given for its loss", None)
            if isinstance(loss, str):
                loss = _crossentropy(target, predicted)
                self.takes_labels |= is_sparse(loss)
                self.losses[i] = OutputLoss(output, loss, weight, name)
            value = loss(target, predicted, sample_weight=sample_weight if weights is None else weights[output])
            if self.metrics:  # the losses by themselves, without their weights
                with no_grad():
                    self.metrics[i].update_state(value.detach(), sample_weight=len(predicted))
            if weight is not None:
                value = ops.multiply(value, weight)
            total = value if total is None else ops.add(total, value)
        return total

    def check(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Compute the losses as a call does, and decide or count nothing by it."""
        trial = copy.copy(self)
        trial.losses, trial.metrics = list(self.losses), []
        trial(y_true, y_pred, sample_weight)

    # ---- which loss belongs to which output

    def _build(self, y_pred: Any) -> None:
        places = [path for path, _ in tree.flatten_with_path(y_pred)]
        names = self._names if self._names is not None and len(self._names) == len(places) else [None] * len(places)
        loss, weights = self.loss, self.weights
        if self._names and isinstance(loss, dict) and not isinstance(y_pred, dict):
            if set(loss) != set(self._names):
                raise errors.value_error(
                    self._who, "loss", f"a dict with the names of the outputs, {', '.join(self._names)}", list(loss)
                )
            loss = [loss[name] for name in self._names]
            if isinstance(weights, dict):
                weights = [weights.get(name) for name in self._names]
        weights = self._weights_like(loss, weights)
        if not tree.is_nested(loss):
            found = [(path, loss, weights) for path in places]
        elif isinstance(loss, (list, tuple)) and not any(map(tree.is_nested, loss)) and len(loss) == len(places):
            found = list(zip(places, loss, weights, strict=True))
        else:
            found = self._along(loss, weights, ())
        for path, each, weight in found:
            if path not in places:
                raise errors.value_error(
                    self._who, "loss", "one loss for each output of the model, in their structure",
                    errors.Shown(f"a loss at {_shown(path)}, with outputs at {', '.join(map(_shown, places))}"),
                )  # fmt: skip
            if each is not None:
                output = places.index(path)
                self.losses.append(OutputLoss(output, each, weight, _name(path, names[output], each)))
        if len(self.losses) > 1:
            self.metrics = [metrics.Mean(name=f"{each.name}_loss") for each in self.losses]
        self.built = True

    def _weights_like(self, loss: Any, weights: Any) -> Any:
        """The weights in the structure of the losses."""
        if weights is None:
            return tree.map_structure(lambda _: None, loss)
        flat = tree.flatten(weights)
        if not tree.is_nested(weights) and not tree.is_nested(loss):
            return float(weights)
        count = len(tree.flatten(loss))
        if len(flat) != count:
            raise errors.value_error(self._who, "loss_weights", f"one number for each of the {count} losses", weights)
        return tree.pack_sequence_as(loss, [None if weight is None else float(weight) for weight in flat])

    def _along(self, loss: Any, weights: Any, path: tuple[Any, ...]) -> list[Any]:
        """(path, loss, weight) of all losses in a structure, in the order in which the user wrote them."""
        if isinstance(loss, dict):
            return [each for key in loss for each in self._along(loss[key], weights[key], (*path, key))]
        if isinstance(loss, (list, tuple)):
            pairs = enumerate(zip(loss, weights, strict=True))
            return [each for i, (part, weight) in pairs for each in self._along(part, weight, (*path, i))]
        return [] if loss is None else [(path, loss, weights)]

    def _like(self, given: Any, y_pred: Any, argument: str) -> list[Any]:
        """Targets or weights in the order of the outputs; None where there is none."""
        count = len(tree.flatten(y_pred))
        if isinstance(given, dict) and isinstance(y_pred, (list, tuple)) and set(given) == set(self._names or ()):
            given = [given[name] for name in self._names or ()]
        flat = tree.flatten(given)
        if len(flat) == count:
            return flat
        if len(flat) == len(self.losses):  # only outputs with a loss have a target
            found: list[Any] = [None] * count
            for output, target in zip(sorted(each.output for each in self.losses), flat, strict=True):
                found[output] = target
            return found
        rule = f"one array for each of the {count} outputs"
        raise errors.value_error(self._who, argument, rule, errors.Shown(f"{len(flat)} arrays"))


def _crossentropy(y_true: Any, y_pred: Any) -> Any:
    """The cross-entropy that fits the shapes, as Keras chooses it."""
    function = {
        "binary": losses.binary_crossentropy,
        "sparse": losses.sparse_categorical_crossentropy,
        "categorical": losses.categorical_crossentropy,
    }[kind_of(y_true, y_pred)]
    return losses.LossFunctionWrapper(function, name=function.__name__)


def _name(path: Sequence[Any], output_name: str | None, loss: Any) -> str:
    """A loss is called by the keys that lead to its output; a position gives way to the output's name, or its own."""
    own = output_name or (loss if isinstance(loss, str) else loss.name)
    if not path:
        return str(own)
    return "/".join(map(str, (*path[:-1], own) if isinstance(path[-1], int) else path))


def _shown(path: Sequence[Any]) -> str:
    return "".join(f"[{key!r}]" for key in path) or "the top"
