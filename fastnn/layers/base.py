"""Layer: a function with weights.

A layer is ``build(input_shape)``, which makes its weights with `Layer.add_weight`, and ``call(x)``, which is written
with ops. `Layer.__call__` builds on the first call, checks the input against `Layer.input_spec`, converts arrays to
Tensors of the layer's dtype and passes ``training`` on to the layers below.

Every constructor argument is stored under its own name, so that one `get_config` serves all layers.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import threading
import weakref
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np

from fastnn import config, errors, locks, ops, registry, regularizers, tree
from fastnn._core import dry_run, enter_step, in_dry_run, leave_step
from fastnn.autograd import Tensor, Variable, as_tensor
from fastnn.dtype_policies import DTypePolicy
from fastnn.layers.configuration import Configured, argument_names, is_ours, simple_arguments, takes_any
from fastnn.layers.configuration import plain as plain
from fastnn.layers.input_spec import InputSpec as InputSpec
from fastnn.layers.input_spec import shape_error
from fastnn.layers.masks import PassesMasks, masks_of
from fastnn.layers.weights import find, scope
from fastnn.numeric import as_numeric as as_numeric
from fastnn.symbolic import InGraphs, Node, any_symbolic, infer
from fastnn.symbolic import KerasTensor as KerasTensor
from fastnn.symbolic import Shape as Shape
from fastnn.symbolic import standardize_shape as standardize_shape


class _CallState(threading.local):
    """What a layer inherits from the layers that called it."""

    training: bool | None = None
    depth: int = 0
    step: int = 0  # the number of the last outermost call: an `add_loss` belongs to the step in which it happened
    outermost: int = 0  # the id of what was called there


_steps = itertools.count(1)  # of all threads


_state = _CallState()


class in_training:
    """Within this context layers are called as in training, or not; None leaves it as it is."""

    def __init__(self, training: bool | None) -> None:
        self.training = training

    def __enter__(self) -> None:
        self.before = _state.training
        if self.training is not None:
            _state.training = self.training

    def __exit__(self, *exc: object) -> None:
        _state.training = self.before


def _count_build(build: Callable[..., None]) -> Callable[..., None]:
    """Wrap a class's ``build``: the layer knows afterwards that it is built, and for what shape."""

    @functools.wraps(build)
    def wrapper(self: Layer, *args: Any, **kwargs: Any) -> None:
        before = self.built
        if not before:
            self._unbuilt_spec = self.input_spec
        outer = scope.path
        try:
            self._enter_scope()
            build(self, *args, **kwargs)
        except BaseException:
            if not before:
                self._undo_build()
            raise
        finally:
            scope.path = outer
        self._note_build(args[0] if args else next(iter(kwargs.values()), None))

    return wrapper


class Layer(InGraphs, Configured, PassesMasks):
    """The base of all layers, and of models.

    Subclass it, make weights in ``build(self, input_shape)`` with `add_weight`, and compute in ``call(self, x)`` with
    `fastnn.ops`; gradients follow by themselves.

    Parameters
    ----------
    activity_regularizer : str, Regularizer or callable, optional
        Its value on the layer's output, divided by the batch size, is added to the loss.
    trainable : bool
        Whether the weights receive gradients.
    dtype : str, optional
        ``"float32"`` or ``"float64"``; default `fastnn.config.floatx`.
    autocast : bool
        Whether floating-point inputs are converted to ``dtype``.
    name : str, optional
        Default: the class's name in snake case, numbered.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import layers, ops
    >>> class Scale(layers.Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")
    ...     def call(self, x):
    ...         return ops.multiply(x, self.factor)
    >>> Scale()(np.ones((2, 3))).shape
    (2, 3)
    """

    _bookkeeping: ClassVar[frozenset[str]] = frozenset({"_called_in_step", "_call_losses"})
    _compared: ClassVar[frozenset[str]] = frozenset({"_trainable"})
    _call_takes_training: ClassVar[bool] = False
    _call_takes_any: ClassVar[bool] = False
    _call_arguments: ClassVar[tuple[str, ...]] = ()
    _build_arguments: ClassVar[tuple[str, ...]] = ("input_shape",)
    _shape_arguments: ClassVar[tuple[str, ...]] = ("input_shape",)
    _float_input: ClassVar[bool] = False  # integers are converted to the layer's dtype too
    input_spec: Any = None  # an InputSpec, or a list of them for several inputs

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        self = super().__new__(cls)
        if not is_ours(cls):
            vars(self)["_arguments"] = simple_arguments(cls, args, kwargs)
        return self

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        cls = type(self).__name__
        if name is not None and (not isinstance(name, str) or "/" in name or not name):
            raise errors.value_error(cls, "name", "a non-empty string without '/'", name)
        self.name = name or registry.auto_name(cls)
        self.built = False
        self.autocast = bool(autocast)
        self.input_spec = self._unbuilt_spec = None
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self._np_dtype = _float_dtype(self._who, dtype)
        self._trainable = bool(trainable)
        self._trainable_weights: list[Variable] = []
        self._non_trainable_weights: list[Variable] = []
        self._call_losses: dict[int, tuple[int, list[Tensor]]] = {}  # of a thread: its last step with some, and they
        self._added_metrics: dict[str, Any] = {}
        self._called_in_step = -1
        self._calls: list[weakref.ref[Node]] = []
        self._uses: list[weakref.ref[Node]] = []
        self._build_shape = None
        self._input_shape_arg: Shape | None = None
        if "input_dim" in kwargs and kwargs["input_dim"] is not None:
            self._input_shape_arg = (int(kwargs.pop("input_dim")),)
        elif kwargs.get("input_shape") is not None:
            self._input_shape_arg = standardize_shape(self._who, kwargs["input_shape"])
        kwargs.pop("input_dim", None)
        kwargs.pop("input_shape", None)
        for unknown in kwargs:
            raise errors.unknown_argument(cls, unknown, argument_names(type(self)))

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__:
            cls._build_arguments = _parameters(cls.__dict__["build"])
            cls.build = _count_build(cls.__dict__["build"])  # type: ignore[method-assign]
        if "call" in cls.__dict__:
            cls._call_arguments = _parameters(cls.__dict__["call"])
            cls._call_takes_any = takes_any(cls.__dict__["call"])
            cls._call_takes_training = "training" in cls._call_arguments
            cls._call_takes_mask = "mask" in cls._call_arguments[1:]
        if "compute_output_shape" in cls.__dict__:
            cls._shape_arguments = _parameters(cls.__dict__["compute_output_shape"])

    # ---- what a subclass writes -----------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Make the weights; called once, with the shape of the first input (batch axis included).

        Where `call` takes several tensors, ``build`` may take the shape of each: ``query`` is for ``query_shape``.
        """
        self._note_build(input_shape)

    def _note_build(self, input_shape: Any) -> None:
        if tree.is_shape(input_shape):
            self._build_shape = (None, *input_shape[1:]) if len(input_shape) else ()
        self.built = True

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; write it with `fastnn.ops`."""
        raise NotImplementedError(f"{self._who}: the class must define call(self, x).")

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the output for a shape of the input; None where a size is not known."""
        inputs = tree.map_shape_structure(lambda shape: KerasTensor(shape, self.dtype), input_shape)
        return tree.map_structure(lambda x: x.shape, infer(self._who, self._compute, (inputs,), {}))

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """What a call on KerasTensors gives: KerasTensors of the output's shape and dtype."""
        if type(self).compute_output_shape is Layer.compute_output_shape:
            return infer(self._who, self._compute, args, kwargs)
        shapes = self._shapes_for(self._shape_arguments, args, kwargs)
        dtype = self._output_dtype(args, kwargs)
        return tree.map_shape_structure(
            lambda shape: KerasTensor(shape, dtype=dtype), self.compute_output_shape(**shapes)
        )

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """What a call on KerasTensors gives, without a note of it in the graph."""
        return self.compute_output_spec(*args, **kwargs)

    def _output_dtype(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """Floats come out in the layer's dtype; what becomes of whole numbers, a dry run tells."""
        tensors = [x for x in tree.flatten((args, kwargs)) if isinstance(x, KerasTensor)]
        if self._float_input or all(x.dtype.startswith("float") for x in tensors):
            return self.dtype
        try:
            found = tree.flatten(infer(self._who, self._compute, args, kwargs))[0]
        except Exception:  # as for windows that do not fit into the sizes that stand for unknown ones
            return self.dtype
        return str(getattr(found, "dtype", self.dtype))

    # ---- calling ---------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """The output for an input; for KerasTensors, KerasTensors."""
        if (len(args) != 1 or type(args[0]) is not Tensor or kwargs) and any_symbolic((args, kwargs)):
            return self._call_on_symbols(args, kwargs, training)
        return self._compute(*args, training=training, **kwargs)

    def _call_on_symbols(self, args: tuple[Any, ...], kwargs: dict[str, Any], training: bool | None) -> Any:
        """Build, find the shape of the output, and note the call in the graph."""
        if not self._call_takes_any:
            for name in kwargs:
                if name not in self._call_arguments:
                    raise errors.unknown_argument(f"{self._who}.call", name, self._call_arguments)
        if training is not None and self._call_takes_training:
            kwargs["training"] = training
        first = args[0] if args else next(iter(kwargs.values()))
        self._check_structure(first)
        outer = scope.path
        try:
            if not self.built:
                self._enter_scope()
                self._build_for(args, kwargs)
                self._check_structure(first)
            outputs = self.compute_output_spec(*args, **kwargs)
        finally:
            scope.path = outer
        Node(self, args, kwargs, outputs)
        return outputs

    def _check_structure(self, x: Any) -> None:
        if self.input_spec is not None:
            self._check_input(x)

    def _build_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Build for tensors or KerasTensors, unless another thread has done so meanwhile."""
        with locks.building, dry_run(False):
            if self.built:
                return
            if type(self).build is not Layer.build:
                self.build(**self._shapes_for(self._build_arguments, args, kwargs))
                return
            if type(self).compute_output_shape is not Layer.compute_output_shape and any_symbolic((args, kwargs)):
                if any(not layer.built for layer in self._layers_below()):
                    infer(self._who, self._compute, args, kwargs)  # which builds the layers below as they are reached
            self.build(_shapes(args[0] if args else next(iter(kwargs.values()))))

    def _shapes_for(self, names: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The shapes that a method with these arguments takes: of the first tensor, or of each by its name."""
        given = {**dict(zip(self._call_arguments, args, strict=False)), **kwargs}
        first = next(iter(given.values())) if given else args[0]
        if len(names) == 1:
            return {names[0]: _shapes(first)}
        shapes = {f"{name}_shape": _shapes(value) for name, value in given.items() if _has_shapes(value)}
        return {name: shapes[name] for name in names if name in shapes}

    def _compute(self, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """`call` on values: converts and checks the input, builds before the first call."""
        state = _state
        outer = state.training
        if training is None:
            training = outer
        if args:
            x = self._convert(args[0])
            args = (x, *[self._convert_further(value) for value in args[1:]]) if len(args) > 1 else (x,)
        elif kwargs:
            first = next(iter(kwargs))
            x = kwargs[first] = self._convert(kwargs[first])
        else:
            raise TypeError(f"{self._who}: an input is needed; got none. Call it as layer(x).")
        first_call = not self.built
        if first_call and len(self._build_arguments) > 1:
            self._build_for(args, kwargs)
        self._prepare(x)
        if state.depth == 0:
            state.step, state.outermost = next(_steps), id(self)
        if training is not None and self._call_takes_training:
            kwargs["training"] = training
        mask = kwargs.get("mask")
        if mask is None:
            mask = x._keras_mask if type(x) is Tensor else masks_of(x)
            if mask is not None and self._call_takes_mask and len(args) == 1:
                kwargs["mask"] = mask
        depth = state.depth
        outer_scope = scope.path if first_call else None
        try:
            enter_step()
            state.depth, state.training = depth + 1, training
            if first_call:
                self._enter_scope()
            self._called_in_step = state.step
            y = self.call(*args, **kwargs)
            if self.activity_regularizer is not None:
                for output in y if isinstance(y, (list, tuple)) else (y,):
                    penalty = self.activity_regularizer(output)
                    self.add_loss(ops.multiply(penalty, 1 / max(output.shape[0], 1)) if output.ndim else penalty)
            if mask is not None or (self._computes_mask and self.supports_masking):
                self._pass_mask(x, mask, y)
        finally:
            state.depth, state.training = depth, outer
            if outer_scope is not None:
                scope.path = outer_scope
            leave_step()
        return y

    def _convert_further(self, x: Any) -> Any:
        """Arrays that follow the first argument are converted too; anything else is an argument of its own kind."""
        return self._convert(x) if isinstance(x, (Tensor, np.ndarray, list, tuple, dict)) and _has_shapes(x) else x

    def _convert(self, x: Any) -> Any:
        """Arrays become Tensors of the layer's dtype; lists, tuples and dicts of arrays are converted within."""
        if type(x) is Tensor and x.dtype is self._np_dtype:
            return x
        if isinstance(x, dict):
            return {key: self._convert(value) for key, value in x.items()}
        if isinstance(x, (list, tuple)) and any(hasattr(leaf, "__array__") for leaf in tree.flatten(x)):
            return tree.with_parts(x, [self._convert(part) for part in x])
        tensor = x if isinstance(x, Tensor) else as_tensor(as_numeric(self._who, "x", x))
        kind = tensor.dtype.kind
        if tensor.dtype != self._np_dtype and ((kind == "f" and self.autocast) or (kind != "f" and self._float_input)):
            mask, tensor = tensor._keras_mask, ops.cast(tensor, self.dtype)
            tensor._keras_mask = mask
        return tensor

    def _prepare(self, x: Any) -> None:
        """Check the input's shape, and build before the first call."""
        if self.input_spec is not None:
            self._check_input(x)
        if not self.built:
            with locks.building, dry_run(False):
                if not self.built:
                    self.build(_shapes(x))
            if self.input_spec is not None:
                self._check_input(x)

    def _check_input(self, x: Any) -> None:
        """Compare the input with `input_spec`."""
        specs = self.input_spec
        if isinstance(specs, InputSpec):
            if isinstance(x, (Tensor, KerasTensor)):
                self._check_shape(x.shape)
            return
        by_name = isinstance(x, dict) and all(spec.name in x for spec in specs)
        parts = [x[spec.name] for spec in specs] if by_name else tree.flatten(x)
        if len(parts) != len(specs):
            got = errors.Shown(f"{len(parts)}")
            raise errors.value_error(self._who, "x", f"of {len(specs)} inputs, as input_spec says", got)
        for part, spec in zip(parts, specs, strict=True):
            if part is not None:
                self._check_against(spec, part.shape)
            elif not spec.optional:
                raise errors.value_error(self._who, f"the input {spec.name or ''}".rstrip(), "given", None)

    def _check_shape(self, shape: Shape) -> None:
        self._check_against(self.input_spec or InputSpec(), shape)

    def _check_against(self, spec: InputSpec, shape: Shape) -> None:
        shape = tuple(spec.fitted(shape))
        rank = len(shape)
        if spec.ndim is not None and rank != spec.ndim:
            rule = f"of rank {spec.ndim}{self._axes_text()}"
            raise shape_error(self._who, rule, shape, f"rank {rank}", self._rank_fix(rank))
        if spec.min_ndim is not None and rank < spec.min_ndim:
            rule = f"of rank {spec.min_ndim} or more{self._axes_text()}"
            raise shape_error(self._who, rule, shape, f"rank {rank}", self._rank_fix(rank))
        if spec.max_ndim is not None and rank > spec.max_ndim:
            raise shape_error(self._who, f"of rank {spec.max_ndim} or less", shape, f"rank {rank}", "")
        for axis, size in spec.axes.items():
            found = shape[axis] if -rank <= axis < rank else None
            if found is not None and found != size:
                where = "the last axis" if axis == -1 else f"axis {axis}"
                raise ValueError(
                    f"{self._who}: {where} of x must be {size}, as built; got {found} (shape {tuple(shape)}). "
                    f"{self._size_fix()}"
                )

    def _axes_text(self) -> str:
        return ""

    def _rank_fix(self, rank: int) -> str:
        return "A single sample needs a batch axis: x[None]."

    def _size_fix(self) -> str:
        return "Give it inputs of that size, or build the layer again."

    def add_loss(self, loss: Any) -> None:
        """Add a scalar Tensor to the loss of the step that is running (call it from `call`)."""
        if in_dry_run():
            return
        thread = threading.get_ident()
        step, losses = self._call_losses.get(thread, (-1, []))
        if step != _state.step:
            losses = []
        losses.extend(as_tensor(part) for part in (loss if isinstance(loss, (list, tuple)) else (loss,)))
        self._call_losses[thread] = _state.step, losses

    def _added_losses(self, layers: Iterable[Layer]) -> list[Tensor]:
        """What `add_loss` added to some layers in this one's last call by this thread."""
        step = _state.step if _state.outermost == id(self) else self._called_in_step
        thread = threading.get_ident()
        found = [layer._call_losses.get(thread, (-1, [])) for layer in layers if layer._call_losses]
        return [loss for made_in, losses in found if made_in == step for loss in losses]

    def _penalties(self, layers: Iterable[Layer], weights: Iterable[Variable]) -> list[Tensor]:
        added = self._added_losses(layers)
        return added + [weight.regularizer(weight) for weight in weights if weight.regularizer is not None]

    @property
    def losses(self) -> list[Tensor]:
        """The penalties of the weights' regularizers, and what `add_loss` added in the last call."""
        return self._penalties(self._flatten(), self.trainable_weights)

    def add_metric(self, value: Any, name: str | None = None) -> None:
        """Report the mean of a Tensor over the steps of an epoch, under this name (call it from `call`)."""
        from fastnn.metrics import Mean

        label = name or self.name
        if label not in self._added_metrics:
            self._added_metrics[label] = Mean(name=label)
        self._added_metrics[label].update_state(as_tensor(value).detach())

    @property
    def metrics(self) -> list[Any]:
        """The metrics that this layer and those below have as attributes; `fit` resets and reports them."""
        from fastnn.metrics import Metric

        found: dict[int, Any] = {}
        for layer in self._flatten():
            own = layer._bookkeeping | layer._compared  # a model's, from compile
            for attribute, value in vars(layer).copy().items():
                if attribute not in own:
                    found |= {id(metric): metric for metric in find(value, Metric)}
        return list(found.values())

    @property
    def metrics_variables(self) -> list[Variable]:
        """The sums behind `metrics`."""
        return [variable for metric in self.metrics for variable in metric.variables]

    # ---- names, dtypes ---------------------------------------------------------------------------------------

    @property
    def dtype(self) -> str:
        """The layer's floating-point type, ``"float32"`` or ``"float64"``."""
        return "float32" if self._np_dtype.itemsize == 4 else "float64"  # .name takes a microsecond

    compute_dtype = variable_dtype = dtype

    @property
    def dtype_policy(self) -> DTypePolicy:
        """The layer's type as Keras keeps it; it is chosen when the layer is made."""
        return DTypePolicy("float32" if self._np_dtype.itemsize == 4 else "float64")

    @property
    def input_dtype(self) -> str:
        """What the data is converted to."""
        return self.dtype

    def __getstate__(self) -> dict[str, Any]:
        """Copies and pickles of a layer are in no graph, and in no step; a model's make theirs anew."""
        return vars(self) | {"_calls": [], "_uses": [], "_call_losses": {}}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _float_dtype(who: str, dtype: Any) -> np.dtype[Any]:
    if dtype is None:
        dtype = config.floatx()
    if isinstance(dtype, dict):  # Keras's DTypePolicy in a configuration
        dtype = dtype.get("config", dtype).get("name")
    try:
        result: np.dtype[Any] = np.dtype(getattr(dtype, "name", dtype))
    except TypeError:
        result = np.dtype(object)
    if result not in (np.float32, np.float64):
        raise errors.value_error(who, "dtype", "'float32' or 'float64'", dtype)
    return result


def _shapes(x: Any) -> Any:
    """The shapes of a structure of tensors, in lists and dicts."""
    if isinstance(x, dict):
        return {key: _shapes(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return [_shapes(value) for value in x]
    return getattr(x, "shape", None)


def _has_shapes(x: Any) -> bool:
    return bool(tree.flatten(x)) and all(hasattr(value, "shape") for value in tree.flatten(x))


def _parameters(method: Callable[..., Any]) -> tuple[str, ...]:
    """The names of a method's parameters, without self."""
    parameters = list(inspect.signature(method).parameters.values())[1:]
    return tuple(p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD))
