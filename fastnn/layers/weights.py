"""What a layer knows about its weights, and about those of the layers below it."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import constraints, errors, initializers, regularizers
from fastnn._core import Tracked
from fastnn.autograd import Tensor, Variable
from fastnn.numeric import as_numeric
from fastnn.ops.random import SeedGenerator
from fastnn.symbolic import Shape, standardize_shape

if TYPE_CHECKING:
    from fastnn.layers.base import Layer


AGGREGATIONS = ("none", "mean", "sum", "only_first_replica")


class Scope(threading.local):
    """Where in the model the layer is that is being built, or called for the first time: "net/block"."""

    path: str = ""


scope = Scope()


class Weighted(Tracked):
    """Makes weights, collects them, reads and writes them."""

    name: str
    built: bool
    _np_dtype: np.dtype[Any]
    _trainable: bool
    _trainable_weights: list[Variable]
    _non_trainable_weights: list[Variable]
    _build_shape: Shape | None
    input_spec: Any
    _unbuilt_spec: Any
    _parent_path: str | None = None  # of the layer that first built or called this one; "" if none did

    @property
    def path(self) -> str:
        """The layer's name behind those of the layers that it was built in: the start of its weights' paths."""
        parent = scope.path if self._parent_path is None else self._parent_path
        return f"{parent}/{self.name}" if parent else self.name

    def _enter_scope(self) -> None:
        """What is built from now on is within this layer; who calls this sets `scope.path` back."""
        if self._parent_path is None:
            self._parent_path = scope.path
        scope.path = self.path

    @property
    def _who(self) -> str:
        return f"{type(self).__name__} {self.name!r}"

    def add_weight(
        self,
        shape: Sequence[int] | int | None = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Make a weight of this layer.

        Parameters
        ----------
        shape : tuple of int
            Default ``()``, a scalar.
        initializer : str or callable, optional
            ``initializer(shape, dtype)``; default Glorot's uniform distribution, zeros for whole numbers.
        dtype : str, optional
            Default: the layer's.
        trainable : bool
            Whether the optimizer changes it.
        autocast : bool
            There is no mixed precision, so that it changes nothing.
        regularizer : str or callable, optional
            Its value on the weight is added to the loss.
        constraint : str, Constraint or callable, optional
            ``constraint(weight)``, assigned to the weight after each optimizer step.
        aggregation : str
            "none", "mean", "sum" or "only_first_replica": there is one replica, so that it changes nothing.
        overwrite_with_gradient : bool
            False: the optimizer changes weights.
        name : str, optional

        Returns
        -------
        Variable
        """
        if aggregation not in AGGREGATIONS:
            raise errors.unknown_name(f"{self._who}.add_weight", "aggregation", aggregation, AGGREGATIONS)
        if overwrite_with_gradient:
            fix = "Assign to the weight in the call."
            raise errors.value_error(self._who, "overwrite_with_gradient of add_weight", "False", True, fix)
        if isinstance(shape, (int, np.integer)):
            shape = (int(shape),)
        size = standardize_shape(self._who, tuple(shape or ()))
        known = tuple(n for n in size if n is not None)
        if len(known) < len(size):
            raise errors.value_error(self._who, "shape", "known for a weight", size, "Give the input's full shape.")
        dtype = np.dtype(dtype or self._np_dtype)
        initializer = initializers.get(initializer or ("glorot_uniform" if dtype.kind == "f" else "zeros"))
        weight = Variable(
            initializer(known, dtype=dtype.name),
            shape=known,
            dtype=dtype,
            trainable=trainable,
            name=name or "variable",
        )
        weight.path = f"{self.path}/{weight.name}"
        weight.regularizer = regularizers.get(regularizer)
        weight.constraint = constraints.get(constraint)
        (self._trainable_weights if trainable else self._non_trainable_weights).append(weight)
        if trainable and not self._trainable:
            weight.trainable = False
        return weight

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> Variable:
        """`add_weight` under another name."""
        return self.add_weight(
            shape, initializer, dtype=dtype, trainable=trainable, autocast=autocast, regularizer=regularizer,
            constraint=constraint, name=name,
        )  # fmt: skip

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put copies of this layer's own weights, not of those below it, into a dict, by number."""
        for i, weight in enumerate([*self._trainable_weights, *self._non_trainable_weights]):
            store[str(i)] = weight.numpy()

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Write this layer's own weights from what `save_own_variables` made.

        Raises
        ------
        ValueError
            Where their number or a shape differs.
        """
        own = [*self._trainable_weights, *self._non_trainable_weights]
        if len(store) != len(own):
            got = errors.Shown(str(len(store)))
            raise errors.value_error(f"{self._who}.load_own_variables", "store", f"of {len(own)} arrays", got)
        for i, weight in enumerate(own):
            weight.assign(store[str(i)])

    def _layers_below(self) -> Iterator[Layer]:
        """The layers held by this layer's attributes, also in lists, tuples and dicts."""
        for value in vars(self).copy().values():  # another thread may set one
            yield from find(value, Weighted)

    def _flatten(self) -> list[Layer]:
        """This layer and all layers below it, each once, in order."""
        found: dict[int, Any] = {id(self): self}
        for below in self._layers_below():
            if id(below) not in found:
                found |= {id(layer): layer for layer in below._flatten()}
        return list(found.values())

    def _collect(self, seeds: bool = False) -> list[Variable]:
        found: dict[int, Variable] = {}
        for layer in self._flatten():
            own = [*layer._trainable_weights, *layer._non_trainable_weights]
            attributes = list(vars(layer).copy().values())
            own += [v for value in attributes for v in find(value, Variable)]
            if seeds:
                own += [each.state for value in attributes for each in find(value, SeedGenerator)]
            found |= {id(v): v for v in own if id(v) not in found}
        return list(found.values())

    @property
    def weights(self) -> list[Variable]:
        """All weights, this layer's first, then those of the layers below."""
        return self._collect()

    @property
    def variables(self) -> list[Variable]:
        """`weights`, and the states of generators of random numbers."""
        return self._collect(seeds=True)

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes."""
        return [v for v in self._collect() if v.trainable]

    @property
    def trainable_variables(self) -> list[Variable]:
        """The same as `trainable_weights`: Tensors with ``.grad`` and ``.assign``."""
        return self.trainable_weights

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training leaves alone."""
        return [v for v in self._collect() if not v.trainable]

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """`non_trainable_weights`, and the states of generators of random numbers."""
        return [v for v in self.variables if not v.trainable]

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights; setting it sets it for all layers below."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self._flatten():
            layer._trainable = bool(value)
            for weight in layer._trainable_weights:
                weight.trainable = bool(value)

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all weights, in the order of `weights`."""
        return [weight.numpy() for weight in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Write all weights; their number and shapes must fit, else nothing is changed."""
        own = self.weights
        if len(weights) != len(own):
            hint = "" if self.built else " The layer is not built yet: call it on data first."
            raise ValueError(
                f"{self._who}: weights must be a list of {len(own)} arrays; got {len(weights)}.{hint}"
            )
        arrays = []
        for weight, value in zip(own, weights, strict=True):
            array = as_numeric(self._who, "weights", value.numpy() if isinstance(value, Tensor) else value)
            if array.shape != weight.shape:
                got = errors.Shown(f"shape {array.shape}")
                raise errors.value_error(self._who, f"the weight {weight.name!r}", f"of shape {weight.shape}", got)
            arrays.append(array)
        for weight, array in zip(own, arrays, strict=True):
            weight.assign(array)

    def count_params(self) -> int:
        """The number of numbers in all weights."""
        if not self.built:
            raise ValueError(
                f"{self._who}: count_params needs a built layer; got one without weights. "
                "Call it on data, or build it: layer.build(input_shape)."
            )
        return sum(math.prod(weight.shape) for weight in self.weights)

    def _undo_build(self) -> None:
        """Clean up after a build that raised."""
        self._forget_weights()

    def _forget_weights(self) -> None:
        """Be as before the build."""
        own = {id(weight) for weight in (*self._trainable_weights, *self._non_trainable_weights)}
        for name, value in list(vars(self).items()):
            if id(value) in own:
                delattr(self, name)
        self._trainable_weights.clear()
        self._non_trainable_weights.clear()
        self.input_spec = self._unbuilt_spec
        self._build_shape = None
        self.built = False


def find(value: Any, kind: type) -> Iterator[Any]:
    """What is of a kind in a value, or in lists, tuples and dicts within it."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from find(part, kind)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from find(part, kind)
