"""Tensors and reverse-mode differentiation.

Every op that takes part calls `record`, which notes on its output a `Node`: the input tensors and the function that
turns the output's gradient into theirs. `Tensor.backward` walks the nodes from the loss back to the leaves, each once
and after all its users, and sums the gradients of branches that meet.

Nothing here computes: sums of gradients and copies are kernel launches like everything else.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

import fastnn  # for operators and copies: ops are built on this module, so they are looked up when used
from fastnn import config, errors
from fastnn._core import empty, in_step, launch, structure_changed, values_are_read, without_history
from fastnn._core import is_grad_enabled as is_grad_enabled
from fastnn.operators import Operators

Array: TypeAlias = npt.NDArray[Any]
TensorLike: TypeAlias = "Tensor | npt.ArrayLike"
Gradient: TypeAlias = "Callable[[Array], tuple[Array | None, ...]]"

FLOAT32 = np.dtype(np.float32)
FLOAT64 = np.dtype(np.float64)


class Node:
    """One recorded operation: how the gradient of its output becomes the gradients of its inputs."""

    __slots__ = ("gradient", "inputs", "op")

    def __init__(self, op: str, inputs: tuple[Tensor, ...], gradient: Gradient | None) -> None:
        self.op = op
        self.inputs = inputs
        self.gradient = gradient  # None once backward has used and freed it


class Tensor(Operators):
    """An array and, if gradients are wanted, the operation that made it.

    Parameters
    ----------
    data : array_like
        Copied. Lists of Python floats become `fastnn.config.floatx`; arrays keep their dtype.
    requires_grad : bool
        Whether `backward` computes this tensor's gradient; only for float32 and float64.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad.numpy()
    array([2., 4., 6.], dtype=float32)
    """

    __slots__ = (
        "__weakref__", "_grad_target", "_grad_written", "_keras_mask", "_logits", "_node", "data", "grad",
        "requires_grad",
    )  # fmt: skip
    __array_priority__ = 100  # numpy_array * tensor is a Tensor

    data: Array
    grad: Tensor | None
    requires_grad: bool
    _node: Node | None
    _grad_target: Array | None  # where an optimizer wants this leaf's gradient, see grad_buffer
    _grad_written: bool
    _keras_mask: Tensor | None  # which of its steps count, see fastnn.layers.masks
    _logits: tuple[str, Tensor] | None  # ("softmax" or "sigmoid", its input), from which losses are computed

    def __init__(self, data: TensorLike, requires_grad: bool = False) -> None:
        source = to_array(data, "Tensor")
        if in_step():  # a recorded step does not write the values again, so they must not be in its own memory
            copy = source.copy()
        else:
            copy = empty(source.shape, source.dtype)
            copy[...] = source
        self._adopt(copy, requires_grad)

    def _adopt(self, array: Array, requires_grad: bool = False, node: Node | None = None) -> None:
        if requires_grad and array.dtype not in (FLOAT32, FLOAT64):
            raise errors.type_error(
                "Tensor", "dtype", "float32 or float64 where requires_grad is True", errors.Shown(str(array.dtype)),
                "Convert the data to float first.",
            )
        self.data = array
        self.grad = None
        self.requires_grad = requires_grad
        self._node = node
        self._grad_target = None
        self._grad_written = False
        self._logits = self._keras_mask = None

    @classmethod
    def wrap(cls, array: Array) -> Tensor:
        """A tensor over an existing array, which is shared, not copied."""
        tensor = Tensor.__new__(Tensor)
        tensor._adopt(array)
        return tensor

    # ---- what it is

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.data.dtype

    @property
    def ndim(self) -> int:
        return self.data.ndim

    @property
    def size(self) -> int:
        return self.data.size

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made this tensor; gradients end in leaves."""
        return self._node is None

    def __len__(self) -> int:
        if not self.data.ndim:
            raise TypeError("len() of a Tensor without axes")
        return int(self.data.shape[0])

    def __repr__(self) -> str:
        values = np.array2string(self._read("Tensor.__repr__"), separator=", ", prefix="Tensor(")
        made_by = f", op={self._node.op!r}" if self._node else (", requires_grad=True" if self.requires_grad else "")
        return f"Tensor({values}, shape={self.shape}, dtype={self.dtype}{made_by})"

    # ---- values

    def numpy(self) -> Array:
        """The values as a new NumPy array; changing it does not change the tensor."""
        return np.array(self._read("Tensor.numpy()"))

    def _read(self, what: str) -> Array:
        """The data, for Python to look at; a step in which that happens cannot be replayed."""
        values_are_read(what)
        return self.data

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise ValueError("Tensor: np.asarray(tensor, copy=False) is not possible; values are always copied out.")
        return np.array(self._read("Tensor.__array__"), dtype=dtype)

    def item(self) -> Any:
        """The only element, as a Python number."""
        values_are_read("Tensor.item()")
        return self.data.item()

    def tolist(self) -> Any:
        return self._read("Tensor.tolist()").tolist()

    def __float__(self) -> float:
        return float(self._read("Tensor.__float__").item())

    def __int__(self) -> int:
        return int(self._read("Tensor.__int__").item())

    def __bool__(self) -> bool:
        return bool(self._read("Tensor.__bool__"))

    def __index__(self) -> int:
        return self._read("Tensor.__index__").__index__()

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if self.size == 1 and spec else repr(self)

    def detach(self) -> Tensor:
        """The same values without the history; memory is shared."""
        tensor = Tensor.wrap(self.data)
        tensor._keras_mask = self._keras_mask
        return tensor

    # ---- gradients

    def backward(self, gradient: TensorLike | None = None) -> None:
        """Compute the gradients of all leaves that this tensor depends on.

        Adds d(self)/d(leaf) to the ``grad`` of every leaf with ``requires_grad`` and frees the graph.

        Parameters
        ----------
        gradient : array_like, optional
            The gradient of some scalar with respect to this tensor, of its shape. May be left out for one element,
            where it is 1.

        Raises
        ------
        RuntimeError
            If the tensor has no history with gradients, or `backward` has already freed it.
        ValueError
            If the gradient's shape differs.
        """
        _propagate(self, _seed(self, gradient), {})

    def zero_grad(self) -> None:
        """Forget the gradient."""
        self.grad = None
        self._grad_written = False


class Variable(Tensor):
    """A tensor with a name and storage that never moves: the parameters of layers.

    Parameters
    ----------
    initializer : array_like or callable
        The initial values, or a function of ``(shape, dtype)`` that makes them.
    shape : tuple of int, optional
        Needed where the initializer is a function.
    dtype : str, optional
        `fastnn.config.floatx` where not given and the values are floats.
    trainable : bool
        Whether gradients are computed for it.
    name : str
    """

    __slots__ = ("_constraint", "_regularizer", "_trainable", "name", "path", "version")

    def __init__(
        self,
        initializer: TensorLike | Callable[..., TensorLike] | str,
        shape: Sequence[int] | None = None,
        dtype: npt.DTypeLike | None = None,
        trainable: bool = True,
        name: str = "variable",
    ) -> None:
        if isinstance(initializer, str):
            initializer = fastnn.initializers.get(initializer)
        if callable(initializer) and not isinstance(initializer, (Tensor, np.ndarray)):
            if shape is None:
                raise errors.value_error("Variable", "shape", "given where the initializer is a function", None)
            initializer = initializer(tuple(shape), dtype=np.dtype(dtype or config.floatx()).name)
        source = to_array(initializer, f"Variable '{name}'")
        if shape is not None and source.shape != tuple(shape):
            raise errors.value_error(f"Variable '{name}'", "the initial value", f"of shape {tuple(shape)}", source)
        storage = empty(source.shape, np.dtype(dtype) if dtype is not None else source.dtype)
        storage[...] = source
        differentiable = storage.dtype in (FLOAT32, FLOAT64)
        self._adopt(storage, trainable and differentiable)
        self.name = name
        self.path = name
        self._regularizer: Callable[[Tensor], Tensor] | None = None
        self._constraint: Callable[[Variable], TensorLike] | None = None
        self.version = 0  # of the values: packed copies carry the version they were packed from
        self._trainable = trainable

    @property
    def trainable(self) -> bool:
        """Whether gradients are computed for it."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        structure_changed()
        self._trainable = bool(value)
        self.requires_grad = self._trainable and self.dtype in (FLOAT32, FLOAT64)

    @property
    def regularizer(self) -> Callable[[Tensor], Tensor] | None:
        """A function whose value on the variable is added to the loss."""
        return self._regularizer

    @regularizer.setter
    def regularizer(self, value: Callable[[Tensor], Tensor] | None) -> None:
        structure_changed()
        self._regularizer = value

    @property
    def constraint(self) -> Callable[[Variable], TensorLike] | None:
        """A function whose value on the variable is assigned to it after each optimizer step."""
        return self._constraint

    @constraint.setter
    def constraint(self, value: Callable[[Variable], TensorLike] | None) -> None:
        structure_changed()
        self._constraint = value

    @property
    def value(self) -> Tensor:
        """The variable as a plain tensor (Keras's name), with its gradient; memory is shared."""
        tensor = self.detach()
        tensor.grad = self.grad
        return tensor

    def assign(self, value: TensorLike) -> Variable:
        """Write new values of the same shape in place."""
        source = to_array(value, f"Variable '{self.name}'")
        if source.shape != self.shape:
            raise errors.value_error(f"Variable '{self.name}'", "the value to assign", f"of shape {self.shape}", source)
        if self.size:
            fastnn.ops.strided.move("copy", converted(source, self.dtype), self.data)
        self.version += 1
        return self

    def assign_add(self, value: TensorLike) -> Variable:
        """Add to the values in place."""
        return self.assign(fastnn.ops.add(self.detach(), value))

    def assign_sub(self, value: TensorLike) -> Variable:
        """Subtract from the values in place."""
        return self.assign(fastnn.ops.subtract(self.detach(), value))

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}>"


# ---- conversions --------------------------------------------------------------------------------------------------


def to_array(value: TensorLike, who: str) -> Array:
    """The numeric array behind a value, not copied where it already is one.

    Python floats become `floatx`, Python integers int32 where they fit; arrays keep their dtype; float16 and long
    doubles become `floatx`.
    """
    if isinstance(value, Tensor):
        return value.data
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise errors.type_error(
            who, "the data", "numbers that form a rectangular array", errors.Shown(f"dtype {array.dtype}"),
            "Convert it with np.asarray(data, dtype='float32').",
        )
    if array.dtype.kind == "f" and (array.dtype.itemsize not in (4, 8) or not hasattr(value, "__array__")):
        return array.astype(config.floatx())
    if array.dtype == np.int64 and not hasattr(value, "__array__") and array.size:
        low, high = int(array.min()), int(array.max())
        if -(2**31) <= low and high < 2**31:
            return array.astype(np.int32)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def as_tensor(value: TensorLike) -> Tensor:
    """The value itself if it is a Tensor, else a Tensor over its array (shared, not copied)."""
    return value if isinstance(value, Tensor) else Tensor.wrap(to_array(value, "Tensor"))


def as_float(value: TensorLike) -> Tensor:
    """`as_tensor`, with integers and booleans converted to `fastnn.config.floatx`."""
    tensor = as_tensor(value)
    if tensor.data.dtype.kind == "f":
        return tensor
    return Tensor.wrap(converted(tensor.data, np.dtype(config.floatx())))


def dense(tensor: Tensor) -> Array:
    """The tensor's data, C-contiguous; copied by a launch if it was not."""
    data = tensor.data
    return data if data.flags.c_contiguous else contiguous(data)


def contiguous(array: Array) -> Array:
    """A C-contiguous copy of any strided array."""
    return fastnn.ops.strided.contiguous_copy(array)


def converted(array: Array, dtype: np.dtype[Any]) -> Array:
    """The array in another dtype, by a launch; itself if it has it already."""
    return fastnn.ops.dtypes.cast_array(array, dtype)


def full_like(array: Array, value: float) -> Array:
    """An array of the same shape and dtype with one value everywhere."""
    return fastnn.ops.strided.fill_array(empty(array.shape, array.dtype), value)


def copy_to(target: Array, source: Array) -> None:
    """Write one C-contiguous array over another of the same shape and dtype."""
    fastnn.ops.strided.move("copy", source, target)


# ---- recording ----------------------------------------------------------------------------------------------------

class no_grad(without_history):
    """Within this context (or decorated function) nothing is recorded.

    Examples
    --------
    >>> import fastnn
    >>> x = fastnn.Tensor([1.0], requires_grad=True)
    >>> with fastnn.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with no_grad():
                return function(*args, **kwargs)

        return wrapper


def record(op: str, y: Array, inputs: tuple[Tensor, ...], gradient: Gradient) -> Tensor:
    """The tensor over ``y``, with its history if any input wants a gradient.

    Parameters
    ----------
    op : str
        Name of the operation, for errors and `repr`.
    y : ndarray
        The result, newly made by the op.
    inputs : tuple of Tensor
    gradient : callable
        ``gradient(dy)`` gets dy C-contiguous, in the shape and dtype of y, and returns one array or None per input.
        It never changes dy, and it asks `grad_buffer` for the arrays that it fills.
    """
    tensor = Tensor.wrap(y)
    if is_grad_enabled() and any(x.requires_grad for x in inputs):
        tensor.requires_grad = True
        tensor._node = Node(op, inputs, gradient)
    return tensor


def custom_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function of tensors a gradient of its own.

    Parameters
    ----------
    function : callable
        ``function(*tensors)`` returns ``(output, gradient)``; ``gradient(upstream)`` gets and returns tensors: one
        gradient per input, or a single tensor for one input.

    Examples
    --------
    >>> import fastnn
    >>> @fastnn.custom_gradient
    ... def clipped_square(x):
    ...     def gradient(upstream):
    ...         return upstream * fastnn.ops.clip(2 * x, -1.0, 1.0)
    ...     return x * x, gradient
    >>> x = fastnn.Tensor([0.25, 5.0], requires_grad=True)
    >>> clipped_square(x).sum().backward()
    >>> x.grad.numpy()
    array([0.5, 1. ], dtype=float32)
    """

    @functools.wraps(function)
    def wrapper(*args: TensorLike, **kwargs: Any) -> Tensor:
        inputs = tuple(as_tensor(arg) for arg in args)
        with no_grad():
            output, user_gradient = function(*inputs, **kwargs)
        output = as_tensor(output)

        def gradient(dy: Array) -> tuple[Array | None, ...]:
            with no_grad():
                result = user_gradient(Tensor.wrap(dy))
            parts = result if isinstance(result, (tuple, list)) else (result,)
            if len(parts) != len(inputs):
                raise errors.value_error(
                    f"custom_gradient '{function.__name__}'", "gradient(upstream)",
                    f"a tuple of {len(inputs)} tensors, one per input", errors.Shown(f"{len(parts)}"),
                )
            return tuple(
                None if part is None else contiguous(converted(to_array(part, function.__name__), x.dtype))
                for part, x in zip(parts, inputs, strict=True)
            )

        return record(function.__name__, output.data, inputs, gradient)

    return wrapper


# ---- backward -----------------------------------------------------------------------------------------------------


def grad_buffer(tensor: Tensor) -> Array:
    """An array for a gradient of ``tensor``, to be filled by the caller.

    For a variable whose optimizer owns flat gradients, the variable's place in them if it is still unwritten in this
    backward pass; so most gradients are computed where they are used and never copied.
    """
    if tensor._grad_target is not None and not tensor._grad_written:
        tensor._grad_written = True
        return tensor._grad_target
    return empty(tensor.shape, tensor.dtype)


class _Backward(threading.local):
    """What this thread's backward pass is at."""

    sums: dict[int, Array] | None = None  # gradients so far, by the id of the tensor


_backward = _Backward()


def take_sum(tensor: Tensor) -> Array | None:
    """What other uses of ``tensor`` have added up to so far in this backward pass, or None.

    Whoever asks adds it to the gradient that it returns, at less cost than in a pass of its own.
    """
    sums = _backward.sums
    return None if sums is None or tensor._node is None else sums.pop(id(tensor), None)


def topological(root: Tensor) -> Iterator[Tensor]:
    """The tensors that gradients flow through, each before everything it was made from."""
    order: list[Tensor] = []
    seen: set[int] = set()
    stack: list[tuple[Tensor, bool]] = [(root, False)]
    while stack:
        tensor, expanded = stack.pop()
        if expanded:
            order.append(tensor)
            continue
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        stack.append((tensor, True))
        if tensor._node is not None:
            stack.extend((x, False) for x in tensor._node.inputs if x.requires_grad and id(x) not in seen)
    return reversed(order)


def _seed(root: Tensor, gradient: TensorLike | None) -> Array:
    """What backpropagation begins with: the gradient that the caller gave, else 1."""
    if not root.requires_grad:
        raise errors.order_error(
            "Tensor.backward", "this tensor does not depend on any tensor with requires_grad=True",
            "Create the inputs with requires_grad=True, outside no_grad(); call models with training=True.",
        )
    if gradient is None:
        if root.size != 1:
            raise errors.value_error(
                "Tensor.backward", "gradient", "given for a tensor of more than one element",
                errors.Shown(f"None for shape {root.shape}"), "Reduce to a scalar loss first, or pass gradient=.",
            )
        return full_like(root.data, 1.0)
    given = to_array(gradient, "Tensor.backward")
    if given.shape != root.shape:
        raise errors.value_error("Tensor.backward", "gradient", f"of shape {root.shape}", given)
    return contiguous(converted(given, root.dtype))


def _propagate(root: Tensor, seed: Array, watched: dict[int, Array | None]) -> None:
    """Send ``seed`` from ``root`` to the leaves, add it to their ``grad``, and free the graph.

    ``watched`` gets the gradients of the tensors whose ids are in it and that were made by an op.
    """
    order = list(topological(root))
    for tensor in order:
        if tensor._node is not None and tensor._node.gradient is None:
            raise errors.order_error(
                "Tensor.backward",
                f"the graph behind op '{tensor._node.op}' was already freed by an earlier backward()",
                "Compute the loss again before calling backward() again.",
            )
        if tensor._node is None and tensor.grad is None:
            tensor._grad_written = False
    gradients: dict[int, Array] = {id(root): seed}
    outer, _backward.sums = _backward.sums, gradients
    try:
        _send(order, gradients, watched)
    finally:
        _backward.sums = outer


def _send(order: list[Tensor], gradients: dict[int, Array], watched: dict[int, Array | None]) -> None:
    """From each tensor to what it was made from; watched gets the gradients of its tensors."""
    summed: set[int] = set()  # whose entry in gradients is a sum that nobody else holds
    for tensor in order:
        gradient = gradients.pop(id(tensor), None)
        node = tensor._node
        if node is None:
            if gradient is not None:
                _add_to_leaf(tensor, gradient)
            continue
        if id(tensor) in watched:
            watched[id(tensor)] = gradient
        rule, node.gradient = node.gradient, None
        inputs, node.inputs = node.inputs, ()
        if gradient is None or rule is None:
            continue
        parts = rule(gradient)
        for x, part in zip(inputs, parts, strict=True):
            if part is None or not x.requires_grad:
                continue
            if part.shape != x.shape:
                raise RuntimeError(f"op '{node.op}': gradient of shape {part.shape} for an input of shape {x.shape}")
            before = gradients.get(id(x))
            if before is None:
                gradients[id(x)] = part
            elif id(x) in summed:
                launch("accumulate", x.dtype, x=part, y=before, n=x.size)
            else:  # the first part may be shared with another input of its op, so the sum gets an array of its own
                if before is x._grad_target:
                    launch("accumulate", x.dtype, x=part, y=before, n=x.size)
                else:
                    add = fastnn.ops.broadcast.ADD
                    gradients[id(x)] = fastnn.ops.broadcast.binary_array(add, before, part, x.shape)
                summed.add(id(x))


def gradients(target: Tensor, sources: Sequence[Tensor]) -> list[Tensor | None]:
    """The gradients of a scalar with respect to some tensors; None where it does not depend on one.

    Unlike `Tensor.backward` it leaves ``grad`` alone, and can be called again for what the target was made from.

    Parameters
    ----------
    target : Tensor
    sources : list of Tensor
        Variables, others with ``requires_grad``, or what ops made of them.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, gradients
    >>> x, y = Tensor([1.0, 2.0], requires_grad=True), Tensor([3.0], requires_grad=True)
    >>> [None if g is None else g.tolist() for g in gradients((x * x).sum(), [x, y])]
    [[2.0, 4.0], None]
    """
    order = list(topological(target))
    nodes = [(t._node, t._node.gradient, t._node.inputs) for t in order if t._node is not None]
    leaves = [t for t in (*order, *sources) if t._node is None]
    kept = [(leaf, leaf.grad, leaf._grad_target, leaf._grad_written) for leaf in leaves]
    watched: dict[int, Array | None] = {id(source): None for source in sources if source._node is not None}
    try:
        for leaf in leaves:
            leaf.zero_grad()
            leaf._grad_target = None
        _propagate(target, _seed(target, None), watched)
        found = [source.grad if source._node is None else watched[id(source)] for source in sources]
        return [as_tensor(each) if isinstance(each, np.ndarray) else each for each in found]
    finally:
        for node, rule, inputs in nodes:
            node.gradient, node.inputs = rule, inputs
        for leaf, grad, place, written in kept:
            leaf.grad, leaf._grad_target, leaf._grad_written = grad, place, written


def _add_to_leaf(leaf: Tensor, gradient: Array) -> None:
    """leaf.grad += gradient, in the optimizer's storage where there is one."""
    target = leaf._grad_target
    if leaf.grad is None:
        if target is not None and gradient is not target:
            copy_to(target, gradient)
            gradient = target
    elif target is not None:
        launch("accumulate", leaf.dtype, x=gradient, y=target, n=leaf.size)
        gradient = target
    else:  # into a new array: the old one may be shared with another leaf's gradient
        total = empty(leaf.shape, leaf.dtype)
        copy_to(total, leaf.grad.data)
        launch("accumulate", leaf.dtype, x=gradient, y=total, n=leaf.size)
        gradient = total
    leaf.grad = Tensor.wrap(gradient)
    leaf._grad_written = True
