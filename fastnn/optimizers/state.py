"""The state of an optimizer: its variables, the slots that belong to them, and what is saved and copied of it.

Slots lie in flat buffers, one for each dtype (`fastnn.optimizers.segments`); seen from outside, each variable's part of
them is a variable of its own.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import config, errors, initializers, registry
from fastnn._core import Tracked
from fastnn.autograd import FLOAT32, FLOAT64, TensorLike, Variable, to_array
from fastnn.optimizers.segments import Segments

AVERAGE, GATHERED = "average", "gradient_accumulator"  # slots that the options need


class State(Tracked):
    """The base of `Optimizer` that keeps its variables."""

    use_ema: bool
    gradient_accumulation_steps: int | None
    global_clipnorm: float | None
    _learning_rate: Any

    def __init__(self, name: str) -> None:
        self.name = name
        self.built = False
        self._segments: list[Segments] = []
        self._places: dict[int, tuple[Segments, int]] = {}  # id of a variable -> where it is
        self._trainable_variables: list[Variable] = []
        self._slot_variables: list[Variable] = []
        self._own_variables: list[Variable] = []  # made by add_variable
        self._excluded: list[Variable] = []
        self._excluded_names: re.Pattern[str] | None = None
        self._iterations = Variable(np.array(0, np.int64), trainable=False, name="iteration")
        self._iterations.path = f"{self.name}/iteration"

    def _slots(self) -> list[tuple[str, ...]]:
        """Names of the slots, in the order of kernels.def, grouped as Keras lists them: a group's slots alternate."""
        return []

    @property
    def _slot_names(self) -> list[str]:
        """The slots that there are; none before the build."""
        return self._segments[0].names if self._segments else []

    def _initial(self, slot: str) -> float:
        """What a slot is filled with."""
        return 0.0

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the flat buffers for these variables, once; later calls do nothing.

        Raises
        ------
        TypeError
            For anything but float32 or float64 variables.
        """
        if self.built:
            return
        who = type(self).__name__
        chosen = list(variables)
        for variable in chosen:
            if not isinstance(variable, Variable) or variable.dtype not in (FLOAT32, FLOAT64):
                raise errors.type_error(who, "variables", "float32 or float64 variables", variable)
        if len({id(variable) for variable in chosen}) < len(chosen):
            raise errors.value_error(who, "variables", "all different", [variable.path for variable in chosen])
        if self.global_clipnorm is not None and len({variable.dtype for variable in chosen}) > 1:
            raise errors.value_error(who, "global_clipnorm", "None for variables of two dtypes", self.global_clipnorm)
        own = self._slots()
        options = [(AVERAGE,)] * bool(self.use_ema) + [(GATHERED,)] * bool(self.gradient_accumulation_steps)
        names = [name for group in (*own, *options) for name in group]
        for dtype in (FLOAT32, FLOAT64):
            members = [v for v in chosen if v.dtype == dtype]
            if not members:
                continue
            segments = Segments(members, [self._decays(v) for v in members], names)
            self._segments.append(segments)
            for i, variable in enumerate(members):
                self._places[id(variable)] = segments, i
                variable._grad_target = segments.grad_views[i]
                for name in names:
                    segments.view(segments.slot(name), i)[...] = self._initial(name)
        for group in (*options, *own):
            self._slot_variables += [self._slot(v, name) for v in chosen for name in group]
        self._trainable_variables = chosen
        self.built = True

    def _include(self, variables: Iterable[Variable]) -> None:
        """Build for these variables too: what a model trains may grow. The slots of the others keep their values."""
        new = [variable for variable in variables if id(variable) not in self._places]
        if not self.built or not new:
            self.build(variables)
            return
        kept = {key: variable.numpy() for key, variable in self._by_key().items()}
        self._forget()
        self.build([*self._trainable_variables, *new])
        for key, variable in self._by_key().items():
            if key in kept:
                variable.assign(kept[key])

    def _forget(self) -> None:
        """Be as before the build, but for the list of variables."""
        self._segments, self._places, self._slot_variables, self._own_variables = [], {}, [], []
        self.built = False

    def _by_key(self) -> dict[tuple[str, int], Variable]:
        """The slots and other variables by their path and how many of that path stand before them."""
        seen: dict[str, int] = {}
        found = {}
        for variable in (*self._slot_variables, *self._own_variables):
            seen[variable.path] = seen.get(variable.path, -1) + 1
            found[variable.path, seen[variable.path]] = variable
        return found

    def _slot(self, variable: Variable, name: str) -> Variable:
        """A variable's slot as a variable of its own, over the flat buffer's memory."""
        segments, i = self._places[id(variable)]
        view = segments.view(segments.slot(name), i)
        slot = Variable(view, trainable=False, name=f"{variable.path.replace('/', '_')}_{name}")
        slot.data = view
        slot.path = f"{self.name}/{slot.name}"
        return slot

    @property
    def variables(self) -> list[Variable]:
        """The optimizer's state: steps, learning rate (if it is a number), slots, in Keras's order."""
        rate = [self._learning_rate] if isinstance(self._learning_rate, Variable) else []
        return [self._iterations, *rate, *self._slot_variables, *self._own_variables]

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any = "zeros",
        dtype: npt.DTypeLike | None = None,
        aggregation: str = "none",
        layout: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Make a variable of the optimizer's own."""
        if aggregation != "none" or layout is not None:
            got = (aggregation, layout)
            raise errors.value_error(type(self).__name__, "aggregation and layout", "at their defaults", got)
        name = name or registry.auto_name("variable")
        filling, dtype = initializers.get(initializer), dtype or config.floatx()
        variable = Variable(filling, shape=tuple(shape), dtype=dtype, trainable=False, name=name)
        variable.path = f"{self.name}/{name}"
        self._own_variables.append(variable)
        return variable

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """Make a variable of the optimizer's own with the shape and dtype of another."""
        name = f"{reference_variable.path.replace('/', '_')}_{name or 'var'}"
        return self.add_variable(reference_variable.shape, initializer, reference_variable.dtype, name=name)

    def add_optimizer_variables(
        self, trainable_variables: Iterable[Variable], name: str | Sequence[str], initializer: Any = "zeros"
    ) -> Any:
        """`add_variable_from_reference` for each variable and name: a list, or a tuple of one list per name."""
        names = [name] if isinstance(name, str) else list(name)
        fillings = list(initializer) if isinstance(initializer, (list, tuple)) else [initializer] * len(names)
        lists: tuple[list[Variable], ...] = tuple([] for _ in names)
        for variable in trainable_variables:
            for made, each, filling in zip(lists, names, fillings, strict=True):
                made.append(self.add_variable_from_reference(variable, each, filling))
        return lists[0] if isinstance(name, str) else lists

    def _get_variable_index(self, variable: Variable) -> int:
        """The place of a variable in the list that the optimizer was built with."""
        return next(i for i, each in enumerate(self._trainable_variables) if each is variable)

    def set_weights(self, weights: Sequence[TensorLike]) -> None:
        """Put values back that were read from `variables`."""
        if not self.built:
            raise errors.order_error(
                f"{type(self).__name__}.set_weights", "the optimizer has no slots yet",
                "Call optimizer.build(model.trainable_variables) first.",
            )
        if len(weights) != len(self.variables):
            raise errors.value_error(
                f"{type(self).__name__}.set_weights", "weights", f"a list of {len(self.variables)} arrays",
                errors.Shown(f"{len(weights)} arrays"),
            )
        self._assign_all("set_weights", weights)

    def _assign_all(self, method: str, values: Iterable[Any]) -> None:
        """Write values into `variables`; their shapes must fit, else nothing is changed."""
        who = f"{type(self).__name__}.{method}"
        arrays = [to_array(value, who) for value in values]
        for variable, array in zip(self.variables, arrays, strict=True):
            if array.shape != variable.shape:
                raise errors.value_error(who, f"the value of {variable.path}", f"of shape {variable.shape}", array)
        for variable, array in zip(self.variables, arrays, strict=True):
            variable.assign(array)

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Write the state into a mapping."""
        for i, variable in enumerate(self.variables):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Read the state from a mapping that `save_own_variables` filled; another optimizer's is passed over."""
        if len(store) != len(self.variables):
            warnings.warn(
                f"{type(self).__name__}: nothing was loaded, because {len(store)} arrays were saved, and the optimizer "
                f"has {len(self.variables)} variables{'' if self.built else ' before it is built'}.",
                stacklevel=2,
            )
            return
        self._assign_all("load_own_variables", [store[str(i)] for i in range(len(store))])

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Let weight decay pass over some variables; to be called before `build`.

        Parameters
        ----------
        var_list : list of Variable, optional
        var_names : list of str, optional
            A variable is passed over if any of them, a regular expression, is found in its name: ``["bias"]``.
        """
        if self.built:
            raise errors.order_error(
                f"{type(self).__name__}.exclude_from_weight_decay", "the optimizer is built already",
                "Call it before the first fit.",
            )
        self._excluded = list(var_list or ())
        patterns = list(var_names or ())
        self._excluded_names = re.compile("|".join(patterns)) if patterns else None

    def _decays(self, variable: Variable) -> bool:
        named = self._excluded_names is not None and self._excluded_names.search(variable.name) is not None
        return not named and not any(variable is other for other in self._excluded)

    # ---- copies

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles: addresses and identities stay behind, the variables' values go along."""
        state = dict(vars(self))
        for name in ("_segments", "_places", "_slot_variables", "_own_variables"):
            del state[name]
        state["_values"] = [variable.numpy() for variable in (*self._slot_variables, *self._own_variables)]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        values, built, variables = state.pop("_values"), state["built"], state["_trainable_variables"]
        vars(self).update(state, _trainable_variables=[])
        self._forget()
        if built:
            self.build(variables)
        for variable, value in zip((*self._slot_variables, *self._own_variables), values, strict=True):
            variable.assign(value)
