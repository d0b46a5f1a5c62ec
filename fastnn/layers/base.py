"""Layer: a function with weights.

A layer is ``build(input_shape)``, which makes its weights with `Layer.add_weight`, and ``call(x)``, which is written
with ops. `Layer.__call__` builds on the first call, checks the input against `Layer.input_spec`, converts arrays to
Tensors of the layer's dtype and passes ``training`` on to the layers below.

Every constructor argument is stored under its own name, so that one `get_config` serves all layers.
"""

from __future__ import annotations

import functools
import inspect
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from fastnn import config, constraints, errors, initializers, ops, registry, regularizers
from fastnn._core import Tracked, enter_step, leave_step
from fastnn.autograd import Tensor, Variable, as_tensor

Shape = tuple[int | None, ...]


class _CallState(threading.local):
    """What a layer inherits from the layers that called it."""

    training: bool | None = None
    depth: int = 0
    step: int = 0  # counts outermost calls: an `add_loss` belongs to the step in which it happened


_state = _CallState()


class InputSpec:
    """What a layer accepts: rank, least rank, and sizes of single axes.

    Parameters
    ----------
    dtype : str, optional
        Kept for Keras's signature; layers convert to their own dtype.
    shape : tuple, optional
        The whole expected shape; None where any size will do.
    ndim, max_ndim, min_ndim : int, optional
        The rank, or its bounds, batch axis included.
    axes : dict, optional
        Expected size by axis, ``{-1: 784}``.

    Examples
    --------
    >>> from fastnn.layers import InputSpec
    >>> InputSpec(min_ndim=2, axes={-1: 784})
    InputSpec(min_ndim=2, axes={-1: 784})
    """

    def __init__(
        self,
        dtype: str | None = None,
        shape: Sequence[int | None] | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int] | None = None,
    ) -> None:
        self.dtype = dtype
        self.shape = None if shape is None else tuple(shape)
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = dict(axes or {})
        if self.shape is not None:
            self.axes |= {i: n for i, n in enumerate(self.shape) if n is not None}

    def __repr__(self) -> str:
        given = ((k, v) for k, v in vars(self).items() if v is not None and v != {})
        return f"InputSpec({', '.join(f'{k}={v}' for k, v in given)})"


def shape_error(who: str, rule: str, shape: Sequence[int | None], got: object, fix: str) -> ValueError:
    return errors.value_error(who, "x", rule, errors.Shown(f"{got} (shape {tuple(shape)})"), fix)


_NO_SPEC = InputSpec()


def standardize_shape(who: str, shape: object) -> Shape:
    """A shape as a tuple of ints and None; anything else is an error naming ``who``."""
    if isinstance(shape, list):
        shape = tuple(shape)
    if not isinstance(shape, tuple):
        raise errors.type_error(who, "shape", "a tuple of sizes", shape, "For one axis write (784,).")
    for size in shape:
        if size is not None and (isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 0):
            raise errors.value_error(who, "shape", "a tuple of non-negative ints and None", shape)
    return tuple(None if size is None else int(size) for size in shape)


def _count_build(build: Callable[..., None]) -> Callable[..., None]:
    """Wrap a class's ``build``: the layer knows afterwards that it is built, and for what shape."""

    @functools.wraps(build)
    def wrapper(self: Layer, *args: Any, **kwargs: Any) -> None:
        before = self.built
        try:
            build(self, *args, **kwargs)
        except BaseException:
            if not before:
                self._undo_build()
            raise
        shape = args[0] if args else next(iter(kwargs.values()), None)
        if isinstance(shape, (tuple, list)) and all(n is None or isinstance(n, int) for n in shape):
            self._build_shape = (None, *shape[1:])
        self.built = True

    return wrapper


class Layer(Tracked):
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

    _bookkeeping: ClassVar[frozenset[str]] = frozenset({"_called_in_step", "_losses_of_step", "_call_losses"})
    _compared: ClassVar[frozenset[str]] = frozenset({"_trainable"})
    _call_takes_training: ClassVar[bool] = False
    _float_input: ClassVar[bool] = False  # integers are converted to the layer's dtype too

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
        self.input_spec: InputSpec | None = None
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self._np_dtype = _float_dtype(self._who, dtype)
        self._trainable = bool(trainable)
        self._trainable_weights: list[Variable] = []
        self._non_trainable_weights: list[Variable] = []
        self._call_losses: list[Tensor] = []
        self._called_in_step = self._losses_of_step = -1
        self._build_shape: Shape | None = None
        self._input_shape_arg: Shape | None = None
        if "input_dim" in kwargs and kwargs["input_dim"] is not None:
            self._input_shape_arg = (int(kwargs.pop("input_dim")),)
        elif kwargs.get("input_shape") is not None:
            self._input_shape_arg = standardize_shape(self._who, kwargs["input_shape"])
        kwargs.pop("input_dim", None)
        kwargs.pop("input_shape", None)
        for unknown in kwargs:
            raise errors.unknown_argument(cls, unknown, _argument_names(type(self)))

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__:
            cls.build = _count_build(cls.__dict__["build"])  # type: ignore[method-assign]
        if "call" in cls.__dict__:
            parameters = inspect.signature(cls.__dict__["call"]).parameters
            cls._call_takes_training = "training" in parameters

    # ---- what a subclass writes -----------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Make the weights; called once, with the shape of the first input (batch axis included)."""
        self._build_shape = tuple(input_shape) if isinstance(input_shape, (tuple, list)) else None
        self.built = True

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; write it with `fastnn.ops`."""
        raise NotImplementedError(f"{self._who}: the class must define call(self, x).")

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the output for a shape of the input; None where a size is not known."""
        shape = standardize_shape(self._who, input_shape)
        if None in shape[1:]:
            raise NotImplementedError(f"{self._who}: the class must define compute_output_shape for {shape}.")
        from fastnn.autograd import no_grad

        with no_grad():
            x = ops.zeros((1, *(n or 0 for n in shape[1:])), dtype=self.dtype)
            y = self(x)
        return (shape[0], *y.shape[1:])

    # ---- calling ---------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        state = _state
        outer = state.training
        if training is None:
            training = outer
        if args:
            x = self._convert(args[0])
            args = (x, *args[1:]) if len(args) > 1 else (x,)
        elif kwargs:
            first = next(iter(kwargs))
            x = kwargs[first] = self._convert(kwargs[first])
        else:
            raise TypeError(f"{self._who}: an input is needed; got none. Call it as layer(x).")
        self._prepare(x)
        if state.depth == 0:
            state.step += 1
        if training is not None and self._call_takes_training:
            kwargs["training"] = training
        state.depth += 1
        state.training = training
        enter_step()
        try:
            self._called_in_step = state.step
            y = self.call(*args, **kwargs)
            if self.activity_regularizer is not None:
                for output in y if isinstance(y, (list, tuple)) else (y,):
                    penalty = self.activity_regularizer(output)
                    self.add_loss(ops.multiply(penalty, 1 / max(output.shape[0], 1)) if output.ndim else penalty)
        finally:
            leave_step()
            state.depth -= 1
            state.training = outer
        return y

    def _convert(self, x: Any) -> Any:
        """Arrays become Tensors of the layer's dtype; lists, tuples and dicts of arrays are converted within."""
        if type(x) is Tensor and x.dtype is self._np_dtype:
            return x
        if isinstance(x, dict):
            return {key: self._convert(value) for key, value in x.items()}
        if isinstance(x, (list, tuple)) and any(hasattr(value, "__array__") for value in x):
            return type(x)(self._convert(value) for value in x)
        if isinstance(x, KerasTensor):
            raise errors.type_error(
                self._who,
                "x",
                "an array or a Tensor",
                x,
                "Layers are not yet called on Input(); list them in Sequential([...]).",
            )
        tensor = x if isinstance(x, Tensor) else as_tensor(as_numeric(self._who, "x", x))
        kind = tensor.dtype.kind
        if tensor.dtype != self._np_dtype and ((kind == "f" and self.autocast) or (kind != "f" and self._float_input)):
            tensor = ops.cast(tensor, self.dtype)
        return tensor

    def _prepare(self, x: Any) -> None:
        """Check the input's shape, and build before the first call."""
        if isinstance(x, Tensor):
            if self.input_spec is not None:
                self._check_shape(x.shape)
            if not self.built:
                self.build(x.shape)
                if self.input_spec is not None:
                    self._check_shape(x.shape)
        elif not self.built:
            self.build(_shapes(x))

    def _check_shape(self, shape: Shape) -> None:
        spec = self.input_spec or _NO_SPEC
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
        if self._losses_of_step != _state.step:
            self._call_losses = []
            self._losses_of_step = _state.step
        self._call_losses.extend(as_tensor(part) for part in (loss if isinstance(loss, (list, tuple)) else (loss,)))

    # ---- weights ---------------------------------------------------------------------------------------------

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
            ``initializer(shape, dtype)``; default Glorot's uniform distribution.
        dtype : str, optional
            Default: the layer's.
        trainable : bool
            Whether the optimizer changes it.
        regularizer : str or callable, optional
            Its value on the weight is added to the loss.
        constraint : str, Constraint or callable, optional
            ``constraint(weight)``, assigned to the weight after each optimizer step.
        name : str, optional

        Returns
        -------
        Variable
        """
        if not autocast or aggregation != "none" or overwrite_with_gradient:
            raise errors.value_error(
                self._who,
                "autocast, aggregation and overwrite_with_gradient of add_weight",
                "at their defaults",
                (autocast, aggregation, overwrite_with_gradient),
            )
        if isinstance(shape, (int, np.integer)):
            shape = (int(shape),)
        size = standardize_shape(self._who, tuple(shape or ()))
        known = tuple(n for n in size if n is not None)
        if len(known) < len(size):
            raise errors.value_error(self._who, "shape", "known for a weight", size, "Give the input's full shape.")
        dtype = np.dtype(dtype or self._np_dtype)
        initializer = initializers.get(initializer or "glorot_uniform")
        weight = Variable(
            initializer(known, dtype=dtype.name),
            shape=known,
            dtype=dtype,
            trainable=trainable,
            name=name or "variable",
        )
        weight.path = f"{self.name}/{weight.name}"
        weight.regularizer = regularizers.get(regularizer)
        weight.constraint = constraints.get(constraint)
        (self._trainable_weights if trainable else self._non_trainable_weights).append(weight)
        if trainable and not self._trainable:
            weight.trainable = False
        return weight

    def _layers_below(self) -> Iterator[Layer]:
        """The layers held by this layer's attributes, also in lists, tuples and dicts."""
        for value in vars(self).values():
            yield from _find(value, Layer)

    def _flatten(self) -> list[Layer]:
        """This layer and all layers below it, each once, in order."""
        found = {id(self): self}
        for below in self._layers_below():
            if id(below) not in found:
                found |= {id(layer): layer for layer in below._flatten()}
        return list(found.values())

    def _collect(self) -> list[Variable]:
        found: dict[int, Variable] = {}
        for layer in self._flatten():
            own = [*layer._trainable_weights, *layer._non_trainable_weights]
            own += [v for value in vars(layer).values() for v in _find(value, Variable)]
            found |= {id(v): v for v in own if id(v) not in found}
        return list(found.values())

    @property
    def weights(self) -> list[Variable]:
        """All weights, this layer's first, then those of the layers below."""
        return self._collect()

    @property
    def variables(self) -> list[Variable]:
        """The same as `weights`."""
        return self._collect()

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
        """The same as `non_trainable_weights`."""
        return self.non_trainable_weights

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

    @property
    def losses(self) -> list[Tensor]:
        """The penalties of the weights' regularizers, and what `add_loss` added in the last call."""
        return self._penalties(self._flatten(), self.trainable_weights)

    def _penalties(self, layers: Iterable[Layer], weights: Iterable[Variable]) -> list[Tensor]:
        step = self._called_in_step
        found: list[Tensor] = []
        for layer in layers:
            if layer._call_losses and layer._losses_of_step == step:
                found += layer._call_losses
        return found + [weight.regularizer(weight) for weight in weights if weight.regularizer is not None]

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
        self._build_shape = None
        self.built = False

    # ---- names, dtypes, configuration ------------------------------------------------------------------------

    @property
    def _who(self) -> str:
        return f"{type(self).__name__} {self.name!r}"

    @property
    def dtype(self) -> str:
        """The layer's floating-point type, ``"float32"`` or ``"float64"``."""
        return "float32" if self._np_dtype.itemsize == 4 else "float64"  # .name takes a microsecond

    compute_dtype = variable_dtype = dtype

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as plain values: ``type(layer).from_config(config)`` makes an equal layer."""
        result: dict[str, Any] = {"name": self.name, "trainable": self.trainable, "dtype": self.dtype}
        for argument in _own_arguments(type(self)):
            if argument in result:
                continue
            if not hasattr(self, argument):
                raise NotImplementedError(
                    f"{self._who}: get_config must be defined, because the argument {argument!r} is not stored "
                    f"as self.{argument}."
                )
            result[argument] = plain(getattr(self, argument))
        if self.activity_regularizer is not None:
            result["activity_regularizer"] = plain(self.activity_regularizer)
        return result

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Layer:
        """Make a layer from what `get_config` returned."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


class KerasTensor:
    """The place of an input, made by `fastnn.Input`: a shape and a dtype, no values."""

    def __init__(self, shape: Shape, dtype: str, name: str, layer: Layer) -> None:
        self.shape = shape
        self.dtype = dtype
        self.name = name
        self.layer = layer

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"


def as_numeric(who: str, argument: str, value: Any, native: bool = True) -> np.ndarray:
    """An array-like as an array of numbers, without a copy where NumPy needs none; else the error that says why not.

    ``native=False`` leaves a foreign byte order as it is.
    """
    if hasattr(value, "to_numpy"):  # pandas, polars
        value = value.to_numpy()
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        got = errors.Shown(f"a {type(value).__name__} that NumPy cannot make into one")
        fix = "Give every row the same length."
        raise errors.value_error(who, argument, "a rectangular array of numbers", got, fix) from None
    if array.dtype == object:
        _check_objects(who, argument, array)
        array = array.astype(np.float64)
    if array.dtype.kind in "US":
        raise _text_error(who, argument, array.flat[0] if array.size else "")
    if array.dtype.kind not in "fiub":
        fix = "Use its real and imaginary parts." if array.dtype.kind == "c" else "Convert it to numbers first."
        raise errors.type_error(who, argument, "an array of real numbers", array, fix)
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    if native and not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return array


def _check_objects(who: str, argument: str, array: np.ndarray) -> None:
    """An array of Python objects, such as a frame of mixed columns, must hold numbers throughout."""
    for item in array.flat:
        if isinstance(item, (str, bytes)):
            raise _text_error(who, argument, item)
        if not isinstance(item, (bool, int, float, np.number, np.bool_)):
            missing = item is None or type(item).__name__ in ("NAType", "NaTType")
            fix = "Fill the gaps first: data.fillna(0)." if missing else "Convert it to numbers first."
            got = errors.Shown(f"{item} in it" if missing else f"{errors.describe(item)} in it")
            raise errors.value_error(who, argument, "a rectangular array of numbers", got, fix)


def _text_error(who: str, argument: str, sample: object) -> ValueError:
    fix = "Make class numbers of texts: classes, y = np.unique(y, return_inverse=True)."
    if argument != "y":
        fix = "Replace texts by numbers first, for instance with pandas.get_dummies(x)."
    return errors.value_error(who, argument, "numbers", errors.Shown(f"texts such as {str(sample)!r}"), fix)


def plain(value: Any) -> Any:
    """A constructor argument as a configuration holds it: numbers, texts, lists; objects through the registry."""
    if isinstance(value, (np.integer, np.floating, np.bool_)):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (tuple, list)):
        return type(value)(plain(part) for part in value)
    if hasattr(value, "get_config") or callable(value):
        return registry.serialize(value)
    return value


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


def _find(value: Any, kind: type) -> Iterator[Any]:
    if isinstance(value, kind):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _find(part, kind)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _find(part, kind)


def _shapes(x: Any) -> Any:
    if isinstance(x, dict):
        return {key: _shapes(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return [_shapes(value) for value in x]
    return getattr(x, "shape", None)


def _own_arguments(cls: type) -> tuple[str, ...]:
    parameters = inspect.signature(cls.__init__).parameters  # type: ignore[misc]
    fixed = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return tuple(name for name, p in parameters.items() if name not in ("self", "autocast") and p.kind in fixed)


def _argument_names(cls: type) -> Iterable[str]:
    return {*_own_arguments(cls), "activity_regularizer", "trainable", "dtype", "autocast", "name", "input_shape"}
