"""KerasTensor, and the graph that grows when layers and ops are called on it.

A `KerasTensor` has a shape and a dtype, no values. A call on KerasTensors anywhere among the arguments becomes a
`Node`: what was called, with which arguments, and the KerasTensors that came out. Each of those knows its node, so the
way back to the inputs can be walked (`fastnn.models.graph`). A layer's node belongs to the layer; each call of an op
makes an `Operation` of its own.

The shapes come from the layer's ``compute_output_shape``; of ops, and of layers that do not define it, from a dry run
on arrays without values (`fastnn._core.dry_run`). Where a size is not known, two runs with different sizes tell which
sizes of the result depend on it.
"""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, NamedTuple, TypeGuard

import numpy as np

import fastnn  # for operators: ops are built on this module, so they are looked up when used
from fastnn import config, errors, registry, tree
from fastnn._core import dry_run, empty
from fastnn.autograd import Tensor, no_grad
from fastnn.operators import Arithmetic

Shape = tuple[int | None, ...]

# Pairs of sizes that stand for an unknown one; later pairs are for windows that do not fit into earlier ones.
STAND_INS = ((8, 12), (48, 72), (240, 336))


class History(NamedTuple):
    """Where a KerasTensor comes from: which of the results of which call of what."""

    operation: Any
    node_index: int
    tensor_index: int


class KerasTensor(Arithmetic):
    """The place of a tensor in a graph: a shape and a dtype, no values.

    Layers, models and ops that are called on KerasTensors give KerasTensors; ``fastnn.Model(inputs, outputs)`` makes a
    model of what lies between them.

    Parameters
    ----------
    shape : tuple
        With the batch axis; None where a size is not known.
    dtype : str
    sparse, ragged : bool
        There are dense tensors only.
    record_history : bool
        Whether results of calls remember where they come from.
    name : str, optional

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.KerasTensor((None, 3), name="x")
    >>> (2 * x + 1)[:, :2].shape
    (None, 2)
    """

    __array_ufunc__ = None  # numpy_array * keras_tensor asks __rmul__
    __array_priority__ = 200

    def __init__(
        self,
        shape: Iterable[int | None],
        dtype: Any = "float32",
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        for unknown in kwargs:
            raise errors.unknown_argument("KerasTensor", unknown, ["shape", "dtype", "record_history", "name"])
        if sparse or ragged:
            raise errors.value_error("KerasTensor", "sparse and ragged", "False", (sparse, ragged))
        self._shape = standardize_shape("KerasTensor", shape)
        self._dtype = standardize_dtype("KerasTensor", dtype)
        self.record_history = record_history
        self._node: Node | None = None
        self._keras_history = History(None, 0, 0)
        self.name = name or registry.auto_name("KerasTensor")

    @property
    def shape(self) -> Shape:
        return self._shape

    @property
    def dtype(self) -> str:
        return self._dtype

    @property
    def ndim(self) -> int:
        return len(self._shape)

    @property
    def sparse(self) -> bool:
        return False

    @property
    def ragged(self) -> bool:
        return False

    ragged_rank = row_splits_dtype = None

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"

    def reshape(self, newshape: Any) -> Any:
        return fastnn.ops.reshape(self, newshape)

    def squeeze(self, axis: Any = None) -> Any:
        return fastnn.ops.squeeze(self, axis)

    # ---- what needs values

    def _no_values(self, what: str) -> str:
        return (
            f"{self!r} has a shape and a dtype, but no values, so {what}. "
            "Compute with fastnn.layers and fastnn.ops, or put the computation into the call of a Layer of your own."
        )

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise ValueError(self._no_values("it is no NumPy array"))

    def __int__(self) -> int:
        raise ValueError(self._no_values("it is no int"))

    def __float__(self) -> float:
        raise ValueError(self._no_values("it is no float"))

    def __bool__(self) -> bool:
        raise TypeError(self._no_values("it is neither true nor false"))

    def __iter__(self) -> Any:
        raise NotImplementedError(self._no_values("it cannot be iterated over"))

    def __len__(self) -> int:
        raise TypeError(self._no_values("it has no len()"))

    # ---- where Keras takes another op than NumPy

    def __truediv__(self, other: Any) -> Any:
        return fastnn.ops.true_divide(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return fastnn.ops.true_divide(other, self)

    def __invert__(self) -> Any:
        return fastnn.ops.logical_not(self)

    def __and__(self, other: Any) -> Any:
        return fastnn.ops.logical_and(self, other)

    def __rand__(self, other: Any) -> Any:
        return fastnn.ops.logical_and(other, self)

    def __or__(self, other: Any) -> Any:
        return fastnn.ops.logical_or(self, other)

    def __ror__(self, other: Any) -> Any:
        return fastnn.ops.logical_or(other, self)

    def __xor__(self, other: Any) -> Any:
        return fastnn.ops.logical_xor(self, other)

    def __rxor__(self, other: Any) -> Any:
        return fastnn.ops.logical_xor(other, self)

    # As in Keras, == asks whether it is the same place of the graph, so that KerasTensors can be keys.
    def __eq__(self, other: object) -> Any:
        return self is other

    __hash__ = object.__hash__


def is_keras_tensor(x: Any) -> TypeGuard[Any]:
    """Whether something is a `KerasTensor`."""
    return isinstance(x, KerasTensor)


def any_symbolic(value: Any) -> bool:
    """Whether there is a KerasTensor in a structure."""
    if isinstance(value, KerasTensor):
        return True
    if isinstance(value, dict):
        return any(map(any_symbolic, value.values()))
    return isinstance(value, (list, tuple)) and any(map(any_symbolic, value))


def standardize_shape(who: str, shape: Any) -> Shape:
    """A shape as a tuple of ints and None; anything else is an error naming ``who``."""
    if isinstance(shape, list):
        shape = tuple(shape)
    if not isinstance(shape, tuple):
        raise errors.type_error(who, "shape", "a tuple of sizes", shape, "For one axis write (784,).")
    for size in shape:
        if size is not None and (isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 0):
            raise errors.value_error(who, "shape", "a tuple of non-negative ints and None", shape)
    return tuple(None if size is None else int(size) for size in shape)


def standardize_dtype(who: str, dtype: Any) -> str:
    """The name of a dtype; None stands for `fastnn.config.floatx`."""
    if dtype is None:
        return config.floatx()
    try:
        result: np.dtype[Any] = np.dtype(getattr(dtype, "name", dtype))
    except TypeError:
        result = np.dtype(object)
    if result.kind not in "fiub" or result.itemsize > 8:
        raise errors.value_error(who, "dtype", "a dtype of real numbers, such as 'float32' or 'int32'", dtype)
    return result.name


# ---- nodes --------------------------------------------------------------------------------------------------------


class Node:
    """One call of a layer or an op in a graph.

    What a call gave refers to its node, and the node to what it took; so whoever holds a KerasTensor holds the way back
    from it. In the other direction there are weak references only: a model goes with its last reference.

    Parameters
    ----------
    operation : Layer or Operation
    args, kwargs : tuple, dict
        Of the call, with KerasTensors in them.
    outputs : structure of KerasTensor
    """

    def __init__(self, operation: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], outputs: Any) -> None:
        self.operation = operation
        self.args = tree.map_structure(_itself, args)
        self.kwargs = tree.map_structure(_itself, dict(kwargs))
        self.input_tensors = [x for x in tree.flatten((self.args, self.kwargs)) if isinstance(x, KerasTensor)]
        self.index = len(operation._calls)
        given = tree.flatten(outputs)
        for x in given:
            if not isinstance(x, KerasTensor):
                raise errors.type_error(operation.name, "every output", "a tensor", x)
        operation._calls.append(weakref.ref(self))
        for node in self.parent_nodes:
            node.operation._uses.append(weakref.ref(self))
        self._outputs = [(weakref.ref(x), x.shape, x.dtype, x.name) for x in given]
        if all(x.record_history for x in self.input_tensors):
            for i, x in enumerate(given):
                self._mark(x, i)

    def _mark(self, x: KerasTensor, i: int) -> KerasTensor:
        x._node = self
        x._keras_history = History(self.operation, self.index, i)
        return x

    @property
    def output_tensors(self) -> list[KerasTensor]:
        """What the call gave."""
        found = []
        for i, (reference, shape, dtype, name) in enumerate(self._outputs):
            x = reference()
            if x is None:  # nobody has held it
                x = self._mark(KerasTensor(shape, dtype=dtype, name=name), i)
                self._outputs[i] = (weakref.ref(x), shape, dtype, name)
            found.append(x)
        return found

    @property
    def is_input(self) -> bool:
        """Whether it is the call of an input layer, which takes nothing."""
        return not self.input_tensors

    @property
    def parent_nodes(self) -> list[Node]:
        """The nodes whose outputs this one takes."""
        return [x._node for x in self.input_tensors if x._node is not None]

    def fill_in(self, values: Mapping[int, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with values, found by the id of a KerasTensor, in place of KerasTensors."""

        def value_of(x: Any) -> Any:
            return values[id(x)] if isinstance(x, KerasTensor) else x

        return tree.map_structure(value_of, self.args), tree.map_structure(value_of, self.kwargs)

    def __repr__(self) -> str:
        return f"<Node operation={self.operation.name}>"


def _itself(x: Any) -> Any:
    return x


class InGraphs:
    """What layers and ops have in common: the nodes of their calls."""

    name: str
    _calls: list[weakref.ref[Node]]
    _uses: list[weakref.ref[Node]]

    @property
    def _inbound_nodes(self) -> list[Node]:
        """The calls on KerasTensors whose results are still held."""
        return [node for node in (reference() for reference in self._calls) if node is not None]

    @property
    def _outbound_nodes(self) -> list[Node]:
        """The calls that take what these calls gave."""
        return [node for node in (reference() for reference in self._uses) if node is not None]

    @property
    def input(self) -> Any:
        """The KerasTensor, or the list of them, of the first call on KerasTensors."""
        return _alone(self._first_call("input").input_tensors)

    @property
    def output(self) -> Any:
        """The KerasTensor, or the list of them, that the first call on KerasTensors gave."""
        return _alone(self._first_call("output").output_tensors)

    def _first_call(self, what: str) -> Node:
        nodes = self._inbound_nodes
        if not nodes:
            raise AttributeError(
                f"{type(self).__name__} {self.name!r}: there is no {what} before it was called on a KerasTensor. "
                "Call it on an Input, and keep what it gives, or make it part of a model."
            )
        return nodes[0]


def _alone(found: list[KerasTensor]) -> Any:
    return found[0] if len(found) == 1 else found


# ---- dry runs -----------------------------------------------------------------------------------------------------


def infer(who: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """What a function of tensors gives for KerasTensors: KerasTensors in the structure of its result.

    Numbers in the result, such as sizes, become None where they depend on sizes that are not known.
    """
    unknown = any(isinstance(x, KerasTensor) and None in x.shape for x in tree.flatten((args, dict(kwargs))))
    first: Exception | None = None
    for sizes in STAND_INS:
        try:
            runs = [_dry(function, args, kwargs, size) for size in (sizes if unknown else sizes[:1])]
            return tree.map_structure(_merged, *runs)
        except Exception as error:  # whatever a user's call may raise
            first = first or error
            if not unknown:
                break
    if first is None:
        return None
    raise type_of(first)(
        f"{who}: the shape of its output cannot be found. {first} "
        "Mend the computation, or define compute_output_shape(self, input_shape)."
    ) from first


def type_of(error: Exception) -> type[Exception]:
    """The nearest built-in type of an error that can be raised with one text."""
    return next(kind for kind in (NotImplementedError, ValueError, TypeError, RuntimeError, Exception)
                if isinstance(error, kind))  # fmt: skip


def _dry(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], size: int) -> Any:
    def stand_in(x: Any) -> Any:
        if not isinstance(x, KerasTensor):
            return x
        return Tensor.wrap(empty(tuple(size if n is None else n for n in x.shape), np.dtype(x.dtype)))

    with dry_run(), no_grad():
        return function(*tree.map_structure(stand_in, args), **tree.map_structure(stand_in, dict(kwargs)))


def _merged(*results: Any) -> Any:
    first = results[0]
    if isinstance(first, Tensor):
        sizes = zip(*(x.shape for x in results), strict=True)
        return KerasTensor(tuple(n[0] if len(set(n)) == 1 else None for n in sizes), dtype=first.dtype.name)
    return first if all(x == first for x in results) else None


# ---- ops ----------------------------------------------------------------------------------------------------------

# Parameters that Keras takes when an op is called; all others belong to the op itself, and to its configuration.
_OF_THE_CALL = frozenset(
    "x x1 x2 xs y a b array inputs target output key index indices values value condition start stop step fill_value "
    "constant_values kernel depthwise_kernel pointwise_kernel bias mean variance scale gamma beta targets predictions "
    "sorted_sequence weights start_indices updates query mask variable operands image1 image2 images transform".split()
)
_NEVER_OF_THE_CALL = {
    "batch_normalization": frozenset(("axis", "epsilon")),
    "squareplus": frozenset(("b",)),
    "image.resize": frozenset(("fill_value",)),
    "image.affine_transform": frozenset(("fill_value",)),
}
# Where the class that Keras has for a function is not called like it.
_CLASS_NAMES = {
    "abs": "Absolute",
    "getitem": "GetItem",
    "batch_normalization": "BatchNorm",
    "layer_normalization": "LayerNorm",
    "rms_normalization": "RMSNorm",
    "top_k": "TopK",
    "in_top_k": "InTopK",
    "psnr": "PSNR",
    "max": "Max",
    "image.rgb_to_grayscale": "RGBToGrayscale",
    "image.rgb_to_hsv": "RGBToHSV",
    "image.hsv_to_rgb": "HSVToRGB",
}
_OPS_OF_NN = frozenset(
    "Relu Relu6 Sigmoid SparseSigmoid Softplus Softsign SoftShrink SparsePlus Silu Squareplus LogSigmoid LeakyRelu "
    "HardSigmoid HardSilu Elu Selu Gelu Celu Glu TanhShrink HardTanh HardShrink Threshold Softmax LogSoftmax Sparsemax "
    "MaxPool AveragePool Conv DepthwiseConv SeparableConv ConvTranspose OneHot BinaryCrossentropy "
    "CategoricalCrossentropy SparseCategoricalCrossentropy MultiHot Moments BatchNorm Normalize PSNR RMSNorm "
    "LayerNorm".split()
)
_OPS_OF_CORE = frozenset("Cast ConvertToTensor StopGradient Scatter ScatterUpdate Slice SliceUpdate Unstack".split())
_OPS_OF_MATH = frozenset("SegmentSum SegmentMax TopK InTopK Logsumexp Rsqrt Erf Erfinv".split())


class Operation(InGraphs):
    """One call of an op in a graph: what a layer is to a layer's call.

    Parameters
    ----------
    name : str, optional
        Default: Keras's name of the op in snake case, numbered.
    **settings
        Arguments of the op other than its tensors, such as ``axis``.
    """

    function: ClassVar[Callable[..., Any]]
    op: ClassVar[str]
    trainable = False
    built = True

    def __init__(self, name: str | None = None, **settings: Any) -> None:
        self.name = name or registry.auto_name(type(self).__name__)
        self.settings = settings
        self._calls: list[weakref.ref[Node]] = []
        self._uses: list[weakref.ref[Node]] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        function = type(self).function
        if not any_symbolic((args, kwargs)):
            return function(*args, **kwargs, **self.settings)
        outputs = self.compute_output_spec(*args, **kwargs)
        if any(isinstance(x, KerasTensor) for x in tree.flatten(outputs)):
            Node(self, args, kwargs, outputs)
        return outputs

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """What a call on KerasTensors gives."""
        return infer(type(self).__name__, functools.partial(type(self).function, **self.settings), args, kwargs)

    def count_params(self) -> int:
        return 0

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies are in no graph; a model's copy makes its own."""
        return _make_operation, (type(self).op, self.name, self.settings)

    def get_config(self) -> dict[str, Any]:
        """Name and settings, as plain values but for functions, which files hold by name."""
        return {"name": self.name, **{key: _plain(value) for key, value in self.settings.items()}}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Operation:
        """An op from what `get_config` returned."""
        return cls(**{key: _read(value) for key, value in config.items()})

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
        return np.dtype(value).name
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(part) for part in value)
    return value


def _read(value: Any) -> Any:
    """A setting as the op takes it: a function that was written by its name."""
    is_function = isinstance(value, Mapping) and value.get("class_name") == "function"
    return registry.deserialize(value) if is_function else value


@functools.cache
def operation_class(name: str) -> type[Operation]:
    """The class, named as in Keras, of the calls of an op of `fastnn.ops`."""
    function = inspect.unwrap(_op(name))
    module, _, last = name.rpartition(".")
    class_name = _CLASS_NAMES.get(name) or "".join(part[:1].upper() + part[1:] for part in last.split("_"))
    home = "nn" if class_name in _OPS_OF_NN else "core" if class_name in _OPS_OF_CORE else "numpy"
    home = "math" if class_name in _OPS_OF_MATH else home
    members = {"function": staticmethod(function), "__module__": f"keras.src.ops.{module or home}", "op": name}
    return type(class_name, (Operation,), members)


def _make_operation(op: str, name: str, settings: dict[str, Any]) -> Operation:
    return operation_class(op)(name, **settings)


def find_operation_class(class_name: str) -> type[Operation] | None:
    """The class of an op by Keras's name, None if there is no such op."""
    names = {class_name: name for name, class_name in _CLASS_NAMES.items()}
    name = names.get(class_name) or registry.snake_case(class_name)
    if name in fastnn.ops.image.__all__:
        name = f"image.{name}"
    if not inspect.isfunction(_op(name, None)):
        return None
    found = operation_class(name)
    return found if found.__name__ == class_name else None


@functools.cache
def _signature(name: str) -> inspect.Signature:
    return inspect.signature(operation_class(name).function)


def call_op(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The call of an op on KerasTensors."""
    bound = _signature(name).bind(*args, **kwargs)
    bound.apply_defaults()
    settings: dict[str, Any] = {}
    call_args: list[Any] = []
    call_kwargs: dict[str, Any] = {}
    of_the_call = _OF_THE_CALL - _NEVER_OF_THE_CALL.get(name, frozenset())
    for argument, value in bound.arguments.items():
        kind = bound.signature.parameters[argument].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            call_args += value
        elif kind is inspect.Parameter.VAR_KEYWORD:
            settings |= value
        elif argument not in of_the_call and not any_symbolic(value):
            settings[argument] = value
        elif call_kwargs or settings:
            call_kwargs[argument] = value
        else:
            call_args.append(value)
    return operation_class(name)(**settings)(*call_args, **call_kwargs)


_MAYBE_SYMBOLIC = frozenset((KerasTensor, list, tuple, dict))


def symbolic_too(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The op, which on KerasTensors makes a node of a graph instead of computing."""

    @functools.wraps(function)
    def op(*args: Any, **kwargs: Any) -> Any:
        for value in args:
            if type(value) in _MAYBE_SYMBOLIC and any_symbolic(value):
                return call_op(name, args, kwargs)
        if kwargs:
            for value in kwargs.values():
                if type(value) in _MAYBE_SYMBOLIC and any_symbolic(value):
                    return call_op(name, args, kwargs)
        return function(*args, **kwargs)

    return op


def make_symbolic_too(namespace: dict[str, Any], names: Iterable[str], module: str = "") -> None:
    """Wrap public functions of `fastnn.ops`, or of a module of it ("image.")."""
    for name in names:
        if inspect.isfunction(namespace[name]) and not name.startswith("_"):
            namespace[name] = symbolic_too(module + name, namespace[name])


def _op(name: str, *default: Any) -> Any:
    """A function of `fastnn.ops` by its name, "relu" or "image.resize"."""
    module, _, last = name.rpartition(".")
    return getattr(getattr(fastnn.ops, module) if module else fastnn.ops, last, *default)
