"""What all optimizers share: options, hyperparameters, the step. Their variables are in `fastnn.optimizers.state`.

An optimizer owns flat buffers for the gradients and slots (momentum and the like) of all its variables; a table leads
from them to the variables, and one launch updates everything (csrc/optim.c). Backward passes write gradients straight
into the flat buffer. Learning rate, step count and hyperparameters are read from memory at every step, and whether a
step updates or only gathers gradients follows from the step count, so a recorded step goes on by itself.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from fastnn import config, errors, ops, registry
from fastnn._core import empty, launch
from fastnn.autograd import FLOAT64, Array, Tensor, TensorLike, Variable, as_tensor, dense, no_grad, to_array
from fastnn.ops import dtypes, strided
from fastnn.optimizers.hyper import LearningRate, number
from fastnn.optimizers.schedules.base import BuiltInSchedule, LearningRateSchedule
from fastnn.optimizers.segments import Segments
from fastnn.optimizers.state import AVERAGE, GATHERED, State

INT64 = np.dtype(np.int64)


class Optimizer(State):
    """The base of optimizers.

    To write one of your own, make its variables in ``build(self, variables)`` with `add_variable_from_reference`, and
    say in ``update_step(self, gradient, variable, learning_rate)``, with `fastnn.ops` and `assign`, how a variable
    changes. Weight decay, clipping, averages and gathered gradients follow by themselves.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
        A schedule is called with the number of steps so far, a callable without arguments; what they compute with ops
        is part of the step.
    weight_decay : float, optional
        Before each step, weights lose the share ``weight_decay * learning_rate`` (Loshchilov, Hutter 2019).
    clipnorm : float, optional
        Each variable's gradient is scaled down to this norm where it is longer.
    clipvalue : float, optional
        Gradient elements are cut to [-clipvalue, clipvalue].
    global_clipnorm : float, optional
        All gradients together are scaled down to this norm. At most one of the three may be given.
    use_ema : bool
        Keep a moving average of each variable, ``average = ema_momentum * average + (1 - ema_momentum) * variable``;
        `fit` writes the averages into the variables when it ends.
    ema_momentum : float
        From 0 to 1.
    ema_overwrite_frequency : int, optional
        Write the averages into the variables every so many updates, too.
    loss_scale_factor : float, optional
        `fit` multiplies the loss by it, and gradients are divided by it again.
    gradient_accumulation_steps : int, optional
        At least 2: variables change in every so-manieth step only, by the mean of the gradients since the last time.
    name : str, optional

    Examples
    --------
    >>> from fastnn import Variable, optimizers
    >>> class SignDescent(optimizers.Optimizer):
    ...     def update_step(self, gradient, variable, learning_rate):
    ...         self.assign_sub(variable, learning_rate * ops.sign(gradient))
    >>> w = Variable([1.0, 2.0])
    >>> SignDescent(0.5).apply([[3.0, -4.0]], [w])
    >>> w.numpy()
    array([0.5, 2.5], dtype=float32)
    """

    _bookkeeping: ClassVar[frozenset[str]] = frozenset({"_weight_decay"})  # its value is in memory, too
    kernel: ClassVar[str] = ""  # of the step; none: the step is written with ops
    hyper_count: ClassVar[int] = 1
    needs_closure: ClassVar[bool] = False  # a step evaluates the loss several times (models/search.py)

    def __init__(
        self,
        learning_rate: Any,
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
        if kwargs.pop("decay", None) is not None:
            warnings.warn(f"{who}: decay is ignored, as in Keras 3; use a schedule.", stacklevel=3)
        if kwargs:
            hint = "Write learning_rate=." if "lr" in kwargs else ""
            raise errors.type_error(who, "its arguments", "those in its documentation", sorted(kwargs), hint)
        clips = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        given = {argument: value for argument, value in clips.items() if value is not None}
        if len(given) > 1:
            raise errors.value_error(who, "clipnorm, clipvalue and global_clipnorm", "given one at a time", given)
        for argument, value in given.items():
            if not number(who, argument, value) > 0:
                raise errors.value_error(who, argument, "above 0", value, "Leave it out to clip nothing.")
        if loss_scale_factor is not None and not number(who, "loss_scale_factor", loss_scale_factor) > 0:
            raise errors.value_error(who, "loss_scale_factor", "above 0", loss_scale_factor)
        _check_count(who, "gradient_accumulation_steps", gradient_accumulation_steps, 2)
        if use_ema:
            number(who, "ema_momentum", ema_momentum, most=1.0)
            _check_count(who, "ema_overwrite_frequency", ema_overwrite_frequency, 1)
        super().__init__(name or registry.auto_name(who))
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self._hyper: Array = np.zeros(self.hyper_count, np.float64)
        self._fixed_rate: Array = np.zeros((), np.float64)  # what a callable gave that is no Tensor
        self._learning_rate = self._as_rate(learning_rate)
        self.weight_decay = weight_decay

    # ---- hyperparameters

    def _as_rate(self, value: Any) -> Any:
        if isinstance(value, LearningRateSchedule) or (callable(value) and not isinstance(value, Tensor)):
            return value
        if isinstance(value, dict):
            raise errors.type_error(
                type(self).__name__, "learning_rate", "a number, a schedule or a callable", value,
                "Write optimizers.schedules.deserialize(...).",
            )
        variable = LearningRate(value, type(self).__name__)
        variable.path = f"{self.name}/learning_rate"
        return variable

    @property
    def learning_rate(self) -> Any:
        """The learning rate: a variable, or what the schedule or callable gives now.

        Assigning a number changes the variable in place. A schedule or a callable may be assigned, too, but a schedule
        is not replaced by a number (TypeError).
        """
        rate = self._learning_rate
        if isinstance(rate, Variable):
            return rate
        return ops.cast(Tensor.wrap(self._current_rate()), config.floatx())

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        rate = self._learning_rate
        if isinstance(value, LearningRateSchedule) or (callable(value) and not isinstance(value, Tensor)):
            self._learning_rate = value
        elif isinstance(rate, Variable):
            rate.assign(value)
        else:
            raise errors.type_error(
                type(self).__name__, "learning_rate", "a schedule or a callable, as it was made with one", value,
                "Make the optimizer with a number to set it later.",
            )

    def _current_rate(self) -> Array:
        """The learning rate of the next step, in memory, by launches."""
        rate = self._learning_rate
        if isinstance(rate, Variable):
            return rate.data
        if isinstance(rate, BuiltInSchedule):
            return rate._rates(self._iterations)
        with no_grad():
            value = rate(self._iterations) if isinstance(rate, LearningRateSchedule) else rate()
            if isinstance(value, Tensor):
                return dtypes.cast_array(dense(value.reshape(())), FLOAT64)
        self._fixed_rate[...] = number(type(self).__name__, "learning_rate", value)
        return self._fixed_rate

    @property
    def weight_decay(self) -> float | None:
        """The decay factor, or None."""
        return self._weight_decay

    @weight_decay.setter
    def weight_decay(self, value: float | None) -> None:
        if value is not None:
            value = number(type(self).__name__, "weight_decay", value)
        self._hyper[0] = value or 0.0
        self._weight_decay = value

    @property
    def _every(self) -> int:
        """In how many steps one updates."""
        return self.gradient_accumulation_steps or 1

    @property
    def iterations(self) -> Tensor:
        """Updates so far: steps, or with `gradient_accumulation_steps` that part of them."""
        if not self.gradient_accumulation_steps:
            return self._iterations
        updates = empty((), INT64)
        launch("count_updates", FLOAT64, step=self._iterations.data, every=self._every, updates=updates)
        return Tensor.wrap(updates)

    def _check_hyper(self, name: str, value: Any) -> None:
        """Refuse a new value of a hyperparameter that the built optimizer has no slots for."""

    def _options(self) -> dict[str, Any]:
        """The kernel's fields that only this kind of optimizer has."""
        return {}

    # ---- steps

    def scale_loss(self, loss: Tensor) -> Tensor:
        """The loss as its gradients are to be computed: times `loss_scale_factor`."""
        return loss if self.loss_scale_factor is None else ops.multiply(loss, float(self.loss_scale_factor))

    def apply_gradients(self, grads_and_vars: Iterable[tuple[TensorLike | None, Variable]]) -> Variable:
        """Take a step, from pairs of a gradient and its variable; returns the count of steps."""
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
        with no_grad():
            self._step(found)
            self._constrain(grads, trainable_variables)
        launch("counter_add", FLOAT64, counter=self._iterations.data, amount=1)

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
            values = to_array(gradient, who)
            if values.shape != variable.shape:
                raise errors.value_error(who, f"the gradient of {variable.path}", f"of shape {variable.shape}", values)
            _put(values, segments.grad_views[i])
            found.setdefault(id(segments), set()).add(i)
        if not found:
            raise errors.value_error(
                who, "grads", "gradients for at least one variable", errors.Shown("None for every variable"),
                "Did the loss use the variables, and was backward() called?",
            )
        if missing:
            warnings.warn(f"{who}: no gradients for {', '.join(missing)}; they stay as they are.", stacklevel=3)
        return found

    def _step(self, found: dict[int, set[int]]) -> None:
        """Everything that happens to variables whose gradients are in the flat buffers."""
        rate = self._current_rate()
        counts: dict[str, Any] = {"step": self._iterations.data, "every": self._every}
        self._begin_step()
        for segments in self._segments:
            present = found.get(id(segments))
            if present:
                table = segments.table(segments.others(present))
                self._prepare_gradients(segments, table, counts)
                if type(self).update_step is Optimizer.update_step:
                    self._launch_step(segments, {**table, **counts, "rate": rate})
                else:
                    self._run_update_steps(segments, sorted(present), {**table, **counts, "rate": rate})
                for variable in segments.variables:
                    variable.version += 1
        if self.use_ema:
            for segments in self._segments:
                launch(
                    "average_step", segments.dtype, **segments.table(()), **counts, params=segments.params, rate=rate,
                    slots=segments.slot(AVERAGE), hyper=self._hyper, momentum=float(self.ema_momentum),
                    overwrite_every=self.ema_overwrite_frequency or 0,
                )

    def _begin_step(self) -> None:
        """What an update changes once, not per variable."""

    def _prepare_gradients(self, segments: Segments, table: dict[str, Any], counts: dict[str, Any]) -> None:
        """Undo the loss's scale, gather the gradients of several steps, and clip."""
        dtype, gathers = segments.dtype, int(bool(self.gradient_accumulation_steps))
        if gathers or self.loss_scale_factor is not None:
            sums = segments.slot(GATHERED) if gathers else segments.grads
            scale = float(self.loss_scale_factor or 1.0)
            launch("gather_grads", dtype, **table, **counts, sums=sums, gathers=gathers, scale=scale)
        if self.clipvalue is not None:
            launch("clip_value", dtype, grads=segments.grads, total=segments.total, limit=float(self.clipvalue))
        limit = self.clipnorm if self.clipnorm is not None else self.global_clipnorm
        if limit is not None:
            across = int(self.global_clipnorm is not None)
            launch("clip_square_sums", dtype, sums=segments.square_sums, **table)
            launch("clip_norm", dtype, sums=segments.square_sums, across=across, limit=float(limit), **table)

    def _launch_step(self, segments: Segments, table: dict[str, Any]) -> None:
        """The kernel's step over a table."""
        if not self.kernel:
            raise NotImplementedError(
                f"{type(self).__name__}: an optimizer needs an update_step(self, gradient, variable, learning_rate)."
            )
        launch(
            self.kernel, segments.dtype, params=segments.params, slots=segments.slots, hyper=self._hyper,
            **self._options(), **table,
        )

    def _run_update_steps(self, segments: Segments, present: list[int], table: dict[str, Any]) -> None:
        """The step of a class that has its own `update_step`; undone again where gradients are only gathered."""
        counts = {"step": table["step"], "every": table["every"]}
        live = []
        if self.gradient_accumulation_steps:
            state = [v.data for v in (*segments.variables, *self._own_variables)] + [segments.slots]
            live = [(array, strided.contiguous_copy(array)) for array in state if array.size]
        self._decay_alone(segments, table)
        rate = Tensor.wrap(table["rate"])
        for i in present:
            variable = segments.variables[i]
            self.update_step(Tensor.wrap(segments.grad_views[i]), variable, ops.cast(rate, variable.dtype))
        for array, kept in live:
            n = array.nbytes
            launch("keep_unless_due", segments.dtype, kept=kept, live=array, n=n, **counts)

    def _decay_alone(self, segments: Segments, table: dict[str, Any]) -> None:
        """Weight decay, for steps that are written with ops."""
        launch("decay_step", segments.dtype, params=segments.params, slots=segments.slots, hyper=self._hyper, **table)

    def update_step(self, gradient: TensorLike, variable: Variable, learning_rate: TensorLike) -> None:
        """Change one variable along its gradient; a class of your own says here how, with ops and `assign`."""
        segments, i = self._places[id(variable)]
        _put(to_array(gradient, type(self).__name__), segments.grad_views[i])
        table = segments.table(segments.others({i}))
        table["flags"] = segments.without_decay(table["flags"])
        rate = dtypes.cast_array(dense(as_tensor(learning_rate)), FLOAT64)
        self._launch_step(segments, {**table, "step": self._iterations.data, "every": self._every, "rate": rate})

    def assign(self, variable: Variable, value: TensorLike) -> None:
        """Write into a variable, of the model or the optimizer, in `update_step`."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: TensorLike) -> None:
        """Add to a variable in `update_step`."""
        variable.assign(ops.add(variable, value))

    def assign_sub(self, variable: Variable, value: TensorLike) -> None:
        """Subtract from a variable in `update_step`."""
        variable.assign(ops.subtract(variable, value))

    def _constrain(self, grads: Sequence[TensorLike | None], variables: Sequence[Variable]) -> None:
        """Impose the constraints of the variables that were changed."""
        for gradient, variable in zip(grads, variables, strict=True):
            if gradient is not None and variable.constraint is not None:
                variable.assign(variable.constraint(variable))

    # ---- averages

    @property
    def _model_variables_moving_average(self) -> list[Variable]:
        """The moving averages, one per variable, in the order of these."""
        return self._slot_variables[: len(self._trainable_variables)] if self.use_ema else []

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Write the moving averages into these variables, if there are averages; `fit` does so when it ends."""
        if not self.use_ema or not self._iterations.data.any():
            return
        averages = dict(zip(map(id, self._trainable_variables), self._model_variables_moving_average, strict=True))
        for variable in var_list:
            if id(variable) not in averages:
                raise errors.value_error(
                    f"{type(self).__name__}.finalize_variable_values", "var_list",
                    "variables the optimizer was built with", errors.Shown(variable.path),
                )
            variable.assign(averages[id(variable)])

    # ---- configuration

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments: ``type(optimizer).from_config(config)`` makes an equal, new optimizer."""
        rate = self._learning_rate
        return {
            "name": self.name,
            "learning_rate": float(rate) if isinstance(rate, Variable) else registry.serialize(rate),
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue,
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": self.loss_scale_factor,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: registry.CustomObjects | None = None
    ) -> Optimizer:
        """Make an optimizer from what `get_config` returned."""
        rate = config.get("learning_rate")
        if isinstance(rate, dict):
            config = {**config, "learning_rate": registry.deserialize(rate, custom_objects)}
        return cls(**config)

    def __repr__(self) -> str:
        rate = self._learning_rate
        shown = f"{float(rate):g}" if isinstance(rate, Variable) else getattr(rate, "name", type(rate).__name__)
        return f"<{type(self).__name__} name={self.name}, learning_rate={shown}>"


def _put(values: Array, place: Array) -> None:
    """Write a gradient into the flat buffer, where it is not there already."""
    if values is not place and place.size:
        strided.move("copy_into", dtypes.cast(as_tensor(values), place.dtype).data, place)


def _check_count(who: str, argument: str, value: Any, least: int) -> None:
    if value and (isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least):
        raise errors.value_error(who, argument, f"an int of at least {least}, or None", value)


_registry = registry.Registry(
    "optimizers", "optimizer", accepts=lambda thing: isinstance(thing, Optimizer), ignore_case=True
)
