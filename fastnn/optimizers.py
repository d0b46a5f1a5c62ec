"""Optimizers under Keras's names, with Keras 3's arguments, defaults and formulas.

An optimizer owns flat buffers for the gradients and slots (momentum and the like) of all its variables; a table leads
from them to the variables, and one launch updates everything (csrc/optim.c). Backward passes write gradients straight
into the flat buffer. Learning rate, step count and hyperparameters are read from memory at every step.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastnn import errors, registry
from fastnn._core import Tracked, launch
from fastnn.autograd import (
    FLOAT32,
    FLOAT64,
    Array,
    Tensor,
    TensorLike,
    Variable,
    as_tensor,
    no_grad,
    to_array,
)
from fastnn.ops import dtypes, strided

DECAYS, SKIPPED = 1, 2  # flags of a segment
ALIGNMENT = 16  # elements: segments start on cache lines
CLIP_PIECE = 4096


def aligned_zeros(n: int, dtype: np.dtype[Any]) -> Array:
    """Zeros from the start of a cache line; not from a launch, which a recorded step would repeat."""
    line = 64 // dtype.itemsize
    spacious = np.zeros(n + line, dtype)
    start = -(spacious.ctypes.data // dtype.itemsize) % line
    return spacious[start : start + n]


class Segments:
    """Variables of one dtype, side by side in flat buffers.

    Parameters
    ----------
    variables : list of Variable
    decays : list of bool
        Which of them weight decay applies to.
    slot_count : int
        Flat buffers beside the gradients'.
    """

    def __init__(self, variables: list[Variable], decays: list[bool], slot_count: int) -> None:
        self.variables = variables
        self.dtype = variables[0].dtype
        self.length = np.array([v.size for v in variables], np.int64)
        padded = -(-self.length // ALIGNMENT) * ALIGNMENT
        self.begin = np.cumsum(padded) - padded
        self.total = int(padded.sum())
        self.params = np.array([v.data.ctypes.data for v in variables], np.uint64)
        self.grads = aligned_zeros(self.total, self.dtype)
        self.slots = aligned_zeros(slot_count * self.total, self.dtype).reshape(slot_count, self.total)
        self.square_sums = aligned_zeros(self.total // CLIP_PIECE + len(variables), FLOAT64)
        self.grad_views = [self.view(self.grads, i) for i in range(len(variables))]
        self._decay_flags = np.array([DECAYS * decay for decay in decays], np.int64)
        self._flags: dict[tuple[int, ...], Array] = {}

    def view(self, flat: Array, i: int) -> Array:
        """Variable i's part of a flat buffer, in its shape."""
        start = int(self.begin[i])
        return flat[start : start + int(self.length[i])].reshape(self.variables[i].shape)

    def flags(self, skipped: tuple[int, ...]) -> Array:
        """The flags of a step without gradients for the variables `skipped`; never changed once made."""
        if skipped not in self._flags:
            flags = self._decay_flags.copy()
            flags[list(skipped)] |= SKIPPED
            self._flags[skipped] = flags
        return self._flags[skipped]

    def table(self, skipped: tuple[int, ...]) -> dict[str, Any]:
        """The kernel fields that say where everything is."""
        return {
            "begin": self.begin, "length": self.length, "flags": self.flags(skipped), "rows": len(self.variables),
            "total": self.total, "grads": self.grads,
        }


class Hyper:
    """A hyperparameter: an attribute that lives in the float64 array the kernels read.

    Parameters
    ----------
    index : int
        Its place in the array (kernels.def).
    most, below : float
        Bounds: at most the one, less than the other; the least value is 0.
    """

    def __init__(self, index: int, most: float = math.inf, below: float = math.inf) -> None:
        self.index = index
        self.most = most
        self.below = below

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, optimizer: Optimizer, owner: type) -> float:
        return float(optimizer._hyper[self.index])

    def __set__(self, optimizer: Optimizer, value: Any) -> None:
        optimizer._check_hyper(self.name, value)
        optimizer._hyper[self.index] = _number(type(optimizer).__name__, self.name, value, self.most, self.below)


def _number(
    who: str, argument: str, value: Any, most: float = math.inf, below: float = math.inf
) -> float:
    """A number from 0 up to the bounds, or the error."""
    if isinstance(value, (str, bool)) or not isinstance(value, (int, float, np.number, np.ndarray, Tensor)):
        raise errors.type_error(who, argument, "a number", value)
    number = float(value)
    if not (0 <= number <= most and number < below):
        rule = "a finite number of at least 0"
        if most < math.inf:
            rule = f"a number from 0 to {most:g}"
        elif below < math.inf:
            rule = f"at least 0 and below {below:g}"
        raise errors.value_error(who, argument, rule, number)
    return number


class LearningRate(Variable):
    """The learning rate of an optimizer: a float64 variable that checks what it is assigned."""

    __slots__ = ("_optimizer_name",)

    def __init__(self, value: Any, optimizer_name: str) -> None:
        self._optimizer_name = optimizer_name
        super().__init__(self._checked(value), trainable=False, name="learning_rate", dtype="float64")

    def _checked(self, value: Any) -> Array:
        if isinstance(value, dict) or (callable(value) and not isinstance(value, Tensor)):
            raise errors.type_error(
                self._optimizer_name, "learning_rate", "a number (schedules do not exist yet)", value,
                "Assign optimizer.learning_rate between epochs, in a callback.",
            )
        return np.array(_number(self._optimizer_name, "learning_rate", value), np.float64)

    def assign(self, value: Any) -> LearningRate:
        """Use another learning rate from the next step on."""
        super().assign(self._checked(value))
        return self


class Optimizer(Tracked):
    """The base of optimizers.

    Parameters
    ----------
    learning_rate : float
    weight_decay : float, optional
        Before each step, weights lose the share ``weight_decay * learning_rate`` (Loshchilov, Hutter 2019).
    clipnorm : float, optional
        Each variable's gradient is scaled down to this norm where it is longer.
    clipvalue : float, optional
        Gradient elements are cut to [-clipvalue, clipvalue].
    global_clipnorm : float, optional
        All gradients together are scaled down to this norm. At most one of the three may be given.
    use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps
        Keras's arguments that do not exist here yet: anything but their defaults is an error.
    name : str, optional
    """

    _bookkeeping: ClassVar[frozenset[str]] = frozenset({"_weight_decay"})  # its value is in memory, too
    kernel: ClassVar[str]
    hyper_count: ClassVar[int]

    def __init__(
        self,
        learning_rate: float,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        who = type(self).__name__
        if not hasattr(self, "kernel"):
            raise errors.type_error(
                who, "the class", "one of the optimizers with a kernel", type(self),
                f"Use or subclass {', '.join(c.__name__ for c in (SGD, RMSprop, Adam, AdamW))}.",
            )
        if kwargs:
            hint = "Write learning_rate=." if "lr" in kwargs else ""
            raise errors.type_error(who, "its arguments", "those in its documentation", sorted(kwargs), hint)
        missing = {
            "use_ema": (use_ema, False), "ema_momentum": (ema_momentum, 0.99),
            "ema_overwrite_frequency": (ema_overwrite_frequency, None),
            "loss_scale_factor": (loss_scale_factor, None),
            "gradient_accumulation_steps": (gradient_accumulation_steps, None),
        }
        for argument, (value, default) in missing.items():
            if value != default:
                raise errors.value_error(who, argument, f"{default} (it does not exist yet)", value)
        clips = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        given = {argument: value for argument, value in clips.items() if value is not None}
        if len(given) > 1:
            raise errors.value_error(who, "clipnorm, clipvalue and global_clipnorm", "given one at a time", given)
        for argument, value in given.items():
            if not _number(who, argument, value) > 0:
                raise errors.value_error(who, argument, "above 0", value, "Leave it out to clip nothing.")
        self.name = name or registry.auto_name(who)
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.built = False
        self._hyper: Array = np.zeros(self.hyper_count, np.float64)
        self._segments: list[Segments] = []
        self._places: dict[int, tuple[Segments, int]] = {}  # id of a variable -> where it is
        self._trainable_variables: list[Variable] = []
        self._slot_variables: list[Variable] = []
        self._excluded: list[Variable] = []
        self._excluded_names: re.Pattern[str] | None = None
        self._iterations = Variable(np.array(0, np.int64), trainable=False, name="iteration")
        self._learning_rate = LearningRate(learning_rate, who)
        self.weight_decay = weight_decay
        for variable in (self._iterations, self._learning_rate):
            variable.path = f"{self.name}/{variable.name}"

    # ---- hyperparameters

    @property
    def learning_rate(self) -> LearningRate:
        """The learning rate, a variable; assigning a number changes it in place."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._learning_rate.assign(value)

    @property
    def weight_decay(self) -> float | None:
        """The decay factor, or None."""
        return self._weight_decay

    @weight_decay.setter
    def weight_decay(self, value: float | None) -> None:
        if value is not None:
            value = _number(type(self).__name__, "weight_decay", value)
        self._hyper[0] = value or 0.0
        self._weight_decay = value

    @property
    def iterations(self) -> Variable:
        """Steps taken so far."""
        return self._iterations

    def _check_hyper(self, name: str, value: Any) -> None:
        """Refuse a new value of a hyperparameter that the built optimizer has no slots for."""

    def _slots(self) -> list[tuple[str, ...]]:
        """Names of the slots, in the order of kernels.def, grouped as Keras lists them: a group's slots alternate."""
        raise NotImplementedError

    def _options(self) -> dict[str, Any]:
        """The kernel's sizes that only this kind of optimizer has."""
        return {}

    # ---- variables

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
        groups = self._slots()
        names = [name for group in groups for name in group]
        for dtype in (FLOAT32, FLOAT64):
            members = [v for v in chosen if v.dtype == dtype]
            if not members:
                continue
            segments = Segments(members, [self._decays(v) for v in members], len(names))
            self._segments.append(segments)
            for i, variable in enumerate(members):
                self._places[id(variable)] = segments, i
                variable._grad_target = segments.grad_views[i]
        for group in groups:
            self._slot_variables += [self._slot(v, name, names.index(name)) for v in chosen for name in group]
        self._trainable_variables = chosen
        self.built = True

    def _include(self, variables: Iterable[Variable]) -> None:
        """Build for these variables too: what a model trains may grow. The slots of the others keep their values."""
        new = [variable for variable in variables if id(variable) not in self._places]
        if not self.built or not new:
            self.build(variables)
            return
        kept = dict(zip(self._slot_keys(), [slot.numpy() for slot in self._slot_variables], strict=False))
        self._segments, self._places, self._slot_variables, self.built = [], {}, [], False
        self.build([*self._trainable_variables, *new])
        for key, slot in zip(self._slot_keys(), self._slot_variables, strict=True):
            if key in kept:
                slot.assign(kept[key])

    def _slot_keys(self) -> list[tuple[int, str]]:
        """Whose slot each of the slot variables is, and its name."""
        return [(id(v), name) for group in self._slots() for v in self._trainable_variables for name in group]

    def _slot(self, variable: Variable, name: str, number: int) -> Variable:
        """A variable's slot as a variable of its own, over the flat buffer's memory."""
        segments, i = self._places[id(variable)]
        view = segments.view(segments.slots[number], i)
        slot = Variable(view, trainable=False, name=f"{variable.path.replace('/', '_')}_{name}")
        slot.data = view
        slot.path = f"{self.name}/{slot.name}"
        return slot

    @property
    def variables(self) -> list[Variable]:
        """The optimizer's state: steps, learning rate, slots (in Keras's order)."""
        return [self._iterations, self._learning_rate, *self._slot_variables]

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
        for variable, weight in zip(self.variables, weights, strict=True):
            variable.assign(weight)

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

    # ---- steps

    def apply_gradients(self, grads_and_vars: Iterable[tuple[TensorLike | None, Variable]]) -> Variable:
        """Take a step, from pairs of a gradient and its variable; returns `iterations`."""
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        return self._iterations

    def apply(
        self, grads: Sequence[TensorLike | None], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        """Take a step.

        Parameters
        ----------
        grads : list of array_like or None
            One gradient per variable; a variable without one is left alone, with a warning.
        trainable_variables : list of Variable, optional
            Builds the optimizer if it is not; default: the variables it was built with.

        Raises
        ------
        ValueError
            For variables it was not built with, wrong lengths or shapes, or no gradient at all.
        """
        who = type(self).__name__
        if trainable_variables is None:
            if not self.built:
                raise errors.order_error(
                    f"{who}.apply", "the optimizer does not know its variables yet",
                    "Call optimizer.build(variables), or pass them.",
                )
            trainable_variables = self._trainable_variables
        if len(grads) != len(trainable_variables):
            raise errors.value_error(
                f"{who}.apply", "grads", f"a list of {len(trainable_variables)} gradients, one per variable",
                errors.Shown(f"{len(grads)} gradients"),
            )
        if not grads:
            return
        self.build(trainable_variables)
        found = self._gather(grads, trainable_variables)
        for segments in self._segments:
            present = found.get(id(segments), set())
            if present:
                self._step(segments, tuple(i for i in range(len(segments.variables)) if i not in present))
        self._constrain(grads, trainable_variables)
        launch("counter_add", FLOAT64, counter=self._iterations.data, amount=1)

    def _constrain(self, grads: Sequence[TensorLike | None], variables: Sequence[Variable]) -> None:
        """Impose the constraints of the variables that were changed."""
        for gradient, variable in zip(grads, variables, strict=True):
            if gradient is not None and variable.constraint is not None:
                with no_grad():
                    variable.assign(variable.constraint(variable))

    def _gather(self, grads: Sequence[TensorLike | None], variables: Sequence[Variable]) -> dict[int, set[int]]:
        """Bring gradients into the flat buffers; for each one, the variables that have a gradient."""
        who = f"{type(self).__name__}.apply"
        found: dict[int, set[int]] = {}
        missing = []
        for gradient, variable in zip(grads, variables, strict=True):
            if id(variable) not in self._places:
                raise errors.value_error(
                    who, "trainable_variables", "those the optimizer was built with", errors.Shown(variable.path),
                    "Make a new optimizer for a new set of variables.",
                )
            if gradient is None:
                missing.append(variable.path)
                continue
            segments, i = self._places[id(variable)]
            view, values = segments.grad_views[i], to_array(gradient, who)
            if values.shape != view.shape:
                raise errors.value_error(who, f"the gradient of {variable.path}", f"of shape {view.shape}", values)
            if values is not view and view.size:
                strided.move("copy_into", dtypes.cast(as_tensor(values), view.dtype).data, view)
            found.setdefault(id(segments), set()).add(i)
        if not found:
            raise errors.value_error(
                who, "grads", "gradients for at least one variable", errors.Shown("None for every variable"),
                "Did the loss use the variables, and was backward() called?",
            )
        if missing:
            warnings.warn(f"{who}: no gradients for {', '.join(missing)}; they stay as they are.", stacklevel=3)
        return found

    def _step(self, segments: Segments, skipped: tuple[int, ...]) -> None:
        table = segments.table(skipped)
        dtype = segments.dtype
        if self.clipvalue is not None:
            launch("clip_value", dtype, grads=segments.grads, total=segments.total, limit=float(self.clipvalue))
        limit = self.clipnorm if self.clipnorm is not None else self.global_clipnorm
        if limit is not None:
            across = int(self.global_clipnorm is not None)
            launch("clip_square_sums", dtype, sums=segments.square_sums, **table)
            launch("clip_norm", dtype, sums=segments.square_sums, across=across, limit=float(limit), **table)
        launch(
            self.kernel, dtype, params=segments.params, slots=segments.slots, hyper=self._hyper,
            rates=self._learning_rate.data, nrates=1, step=self._iterations.data, **self._options(), **table,
        )
        for variable in segments.variables:
            variable.version += 1

    # ---- copies

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles: addresses and identities stay behind, the variables' values go along."""
        state = dict(vars(self))
        for name in ("_segments", "_places", "_slot_variables"):
            del state[name]
        state["_slot_values"] = [slot.numpy() for slot in self._slot_variables]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        values, built, variables = state.pop("_slot_values"), state["built"], state["_trainable_variables"]
        vars(self).update(state, built=False, _segments=[], _places={}, _slot_variables=[], _trainable_variables=[])
        if built:
            self.build(variables)
        for slot, value in zip(self._slot_variables, values, strict=True):
            slot.assign(value)

    # ---- configuration

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments: ``type(optimizer).from_config(config)`` makes an equal, new optimizer."""
        return {
            "name": self.name,
            "learning_rate": float(self._learning_rate),
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue,
            "use_ema": False,
            "ema_momentum": 0.99,
            "ema_overwrite_frequency": None,
            "loss_scale_factor": None,
            "gradient_accumulation_steps": None,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Optimizer:
        """Make an optimizer from what `get_config` returned."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, learning_rate={float(self._learning_rate):g}>"


_registry = registry.Registry(
    "optimizers", "optimizer", accepts=lambda thing: isinstance(thing, Optimizer), ignore_case=True
)


@_registry.add
class SGD(Optimizer):
    """Gradient descent, with momentum if wanted.

    ``m = momentum * m - learning_rate * g``; ``w += m``, with Nesterov ``w += momentum * m - learning_rate * g``;
    without momentum ``w -= learning_rate * g``.

    Parameters
    ----------
    learning_rate : float
    momentum : float
        From 0 to 1.
    nesterov : bool
    weight_decay, clipnorm, clipvalue, global_clipnorm, ... : see `Optimizer`

    Examples
    --------
    >>> from fastnn import Variable, optimizers
    >>> w = Variable([1.0, 2.0])
    >>> optimizers.SGD(learning_rate=0.5).apply([[1.0, -1.0]], [w])
    >>> w.numpy()
    array([0.5, 2.5], dtype=float32)
    """

    kernel = "sgd_step"
    hyper_count = 2
    momentum = Hyper(1, most=1.0)

    def __init__(
        self,
        learning_rate: float = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )
        self.momentum = momentum
        self.nesterov = bool(nesterov)

    def _check_hyper(self, name: str, value: Any) -> None:
        _refuse_late_momentum(self, name, value, bool(self._slot_variables))

    def _slots(self) -> list[tuple[str, ...]]:
        return [("momentum",)] if self.momentum else []

    def _options(self) -> dict[str, Any]:
        return {"slot_count": len(self._segments[0].slots), "nesterov": int(self.nesterov)}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}


def _refuse_late_momentum(optimizer: Optimizer, name: str, value: Any, has_slot: bool) -> None:
    if name == "momentum" and optimizer.built and not has_slot and value:
        raise errors.order_error(
            type(optimizer).__name__, "momentum cannot be turned on once the optimizer has been used",
            "Make a new optimizer.",
        )


@_registry.add
class RMSprop(Optimizer):
    """Steps divided by the root of a running mean of squared gradients (Hinton, lecture 6e, 2012).

    ``v = rho * v + (1 - rho) * g^2``; ``u = learning_rate * g / sqrt(v + epsilon)``, centered with ``v - mean(g)^2`` in
    place of v; ``w -= u``, with momentum ``m = momentum * m + u; w -= m``.

    Parameters
    ----------
    learning_rate : float
    rho : float
        From 0 to 1.
    momentum : float
        From 0 to 1.
    epsilon : float
        Inside the root.
    centered : bool
    weight_decay, clipnorm, clipvalue, global_clipnorm, ... : see `Optimizer`

    Examples
    --------
    >>> from fastnn import Variable, optimizers
    >>> w = Variable([10.0])
    >>> optimizers.RMSprop(learning_rate=0.1).apply([[10.0]], [w])
    >>> w.numpy().round(4)
    array([9.6838], dtype=float32)
    """

    kernel = "rmsprop_step"
    hyper_count = 4
    rho = Hyper(1, most=1.0)
    epsilon = Hyper(2)
    momentum = Hyper(3, most=1.0)

    def __init__(
        self,
        learning_rate: float = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self._centered = bool(centered)

    @property
    def centered(self) -> bool:
        """Whether the mean gradient's square is taken off the mean square."""
        return self._centered

    def _check_hyper(self, name: str, value: Any) -> None:
        has_slot = bool(self._segments) and len(self._segments[0].slots) == 2 + self._centered
        _refuse_late_momentum(self, name, value, has_slot)

    def _slots(self) -> list[tuple[str, ...]]:
        momentum = [("momentum",)] if self.momentum else []
        return [("velocity",), *momentum, *([("average_gradient",)] if self._centered else [])]

    def _options(self) -> dict[str, Any]:
        slots = len(self._segments[0].slots)
        return {"with_momentum": slots - 1 - self._centered, "centered": int(self._centered)}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(), "rho": self.rho, "momentum": self.momentum, "epsilon": self.epsilon,
            "centered": self.centered,
        }


@_registry.add
class Adam(Optimizer):
    """Steps along a running mean of gradients, divided by the root of one of their squares (Kingma, Ba 2015).

    ``m += (g - m) * (1 - beta_1)``; ``v += (g^2 - v) * (1 - beta_2)``; ``w -= m * alpha / (sqrt(v) + epsilon)`` with
    ``alpha = learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t)`` at step t. amsgrad uses the largest v so far
    (Reddi et al. 2018).

    Parameters
    ----------
    learning_rate : float
    beta_1, beta_2 : float
        From 0 up to, but not including, 1.
    epsilon : float
        Outside the root: the "epsilon hat" of the paper.
    amsgrad : bool
    weight_decay, clipnorm, clipvalue, global_clipnorm, ... : see `Optimizer`

    Examples
    --------
    >>> from fastnn import Variable, optimizers
    >>> w = Variable([1.0])
    >>> optimizers.Adam(learning_rate=0.1).apply([[3.0]], [w])
    >>> w.numpy().round(4)
    array([0.9], dtype=float32)
    """

    kernel = "adam_step"
    hyper_count = 4
    beta_1 = Hyper(1, below=1.0)
    beta_2 = Hyper(2, below=1.0)
    epsilon = Hyper(3)

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self._amsgrad = bool(amsgrad)

    @property
    def amsgrad(self) -> bool:
        """Whether the largest mean square so far is used."""
        return self._amsgrad

    def _slots(self) -> list[tuple[str, ...]]:
        return [("momentum", "velocity"), *([("velocity_hat",)] if self._amsgrad else [])]

    def _options(self) -> dict[str, Any]:
        return {"amsgrad": int(self._amsgrad)}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon,
            "amsgrad": self.amsgrad,
        }


@_registry.add
class AdamW(Adam):
    """`Adam` with weight decay apart from the gradient (Loshchilov, Hutter 2019).

    Before each step ``w -= w * weight_decay * learning_rate``, except for what `exclude_from_weight_decay` names.

    Parameters
    ----------
    learning_rate : float
    weight_decay : float
    beta_1, beta_2, epsilon, amsgrad : see `Adam`
    clipnorm, clipvalue, global_clipnorm, ... : see `Optimizer`

    Examples
    --------
    >>> from fastnn import Variable, optimizers
    >>> w = Variable([1.0])
    >>> optimizers.AdamW(learning_rate=0.1, weight_decay=0.5).apply([[0.0]], [w])
    >>> w.numpy()
    array([0.95], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if weight_decay is None:
            raise errors.type_error("AdamW", "weight_decay", "a number", None, "Use Adam to go without.")
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue, global_clipnorm,
            use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name,
            **kwargs,
        )


get = _registry.get
serialize = _registry.serialize
deserialize = _registry.deserialize

if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
