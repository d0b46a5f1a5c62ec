"""Functions of NumPy arrays as ops: what has to look at values, and yet is replayed with the steps around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastnn import errors
from fastnn._core import call_python, empty
from fastnn.autograd import Array, Tensor, as_tensor, record
from fastnn.ops.dtypes import NUMBERS
from fastnn.ops.strided import contiguous_copy

Form = tuple[tuple[int, ...], np.dtype[Any]]


def py_function(
    func: Callable[..., Any], inp: Any, Tout: Any, shape: Any = None, gradient: Callable[..., Any] | None = None
) -> Any:
    """What a function of NumPy arrays makes of tensors, called at every step, also of recorded ones.

    In a recorded step it is one entry: what comes before it is replayed in C, then Python calls the function, then the
    replay goes on. So code that looks at values needs no ``run_eagerly=True``.

    Parameters
    ----------
    func : callable
        ``func(*arrays)`` gets copies of the values and returns an array, or a list of as many as ``Tout`` has entries.
        What it changes elsewhere is its own affair; an error in it ends the step and comes to the user as it is.
    inp : tensor, or list of tensors
        A list or tuple in which there is a tensor or an array is a list of inputs; any other is one input.
    Tout : dtype, or list of dtypes
        Of the results, which are converted to them.
    shape : tuple, or list of tuples, optional
        Of the results; None as the first size stands for that of the first input. Default: the first input's.
    gradient : callable, optional
        ``gradient(dy, *arrays)`` returns the gradient of each input, for a single result. Without it, none flows.

    Returns
    -------
    Tensor, or list of Tensor

    Raises
    ------
    ValueError
        For dtypes that tensors do not have; for results of another number or shape.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.py_function(np.sort, [[3.0, 1.0, 2.0]], "float32").tolist()
    [[1.0, 2.0, 3.0]]
    """
    who = "ops.py_function"
    inputs = tuple([as_tensor(x) for x in (inp if _holds_tensors(inp) else [inp])])
    if not all(x.dtype in NUMBERS for x in inputs):
        raise errors.value_error(who, "inp", "numbers", inp)
    several = isinstance(Tout, (list, tuple))
    dtypes = [_dtype(each) for each in (Tout if several else [Tout])]
    if shape is None and not inputs:
        raise errors.value_error(who, "shape", "given where there are no inputs", None)
    shapes = [inputs[0].shape] * len(dtypes) if shape is None else shape if several else [shape]
    if len(shapes) != len(dtypes):
        raise errors.value_error(who, "shape", f"a list of {len(dtypes)} shapes, one for each dtype", shape)
    if several and gradient is not None:
        raise errors.value_error(who, "gradient", "None for several results", gradient, "Give one function for each.")
    forms = [(_filled(each, inputs), dtype) for each, dtype in zip(shapes, dtypes, strict=True)]
    results = _computed("func", func, [x.data for x in inputs], forms)
    if several:
        return [Tensor.wrap(y) for y in results]
    if gradient is None:
        return Tensor.wrap(results[0])
    chosen = gradient

    def backward(dy: Array) -> tuple[Array | None, ...]:
        given = [dy, *[x.data for x in inputs]]
        return tuple(_computed("gradient", chosen, given, [(x.shape, x.dtype) for x in inputs]))

    return record("py_function", results[0], inputs, backward)


def _holds_tensors(inp: Any) -> bool:
    return isinstance(inp, (list, tuple)) and (not inp or any(isinstance(x, (Tensor, np.ndarray)) for x in inp))


def _dtype(given: Any) -> np.dtype[Any]:
    try:
        dtype: np.dtype[Any] = np.dtype(object if given is None else given)
    except TypeError:
        dtype = np.dtype(object)
    if dtype not in NUMBERS:
        raise errors.value_error("ops.py_function", "Tout", f"one of {', '.join(map(str, NUMBERS))}", given)
    return dtype


def _filled(shape: Any, inputs: Sequence[Tensor]) -> tuple[int, ...]:
    """The shape with the first input's first size for a None in front."""
    sizes = tuple(shape) if isinstance(shape, (list, tuple)) else (-1,)
    if sizes and sizes[0] is None and inputs and inputs[0].ndim:
        sizes = (inputs[0].shape[0], *sizes[1:])
    if not all(isinstance(size, (int, np.integer)) and size >= 0 for size in sizes):
        raise errors.value_error(
            "ops.py_function", "shape", "a tuple of sizes, of which the first may be None if there are inputs", shape
        )
    return sizes


def _computed(name: str, func: Callable[..., Any], given: Sequence[Array], forms: Sequence[Form]) -> list[Array]:
    """The results of ``func(*given)``, in arrays that stay where they are."""
    inputs = tuple([contiguous_copy(x) for x in given])
    outputs = tuple([empty(shape, dtype) for shape, dtype in forms])

    def call() -> None:
        found = func(*[x.copy() for x in inputs])
        parts = found if isinstance(found, (list, tuple)) else [found]
        if len(parts) != len(outputs):
            rule = f"{len(outputs)} arrays" if len(outputs) > 1 else "one array"
            raise errors.value_error("ops.py_function", f"what {name} returns", rule, errors.Shown(f"{len(parts)}"))
        for y, part in zip(outputs, parts, strict=True):
            array = np.asarray(part)
            if array.shape != y.shape:
                got = errors.Shown(f"shape {array.shape}")
                raise errors.value_error("ops.py_function", f"what {name} returns", f"of shape {y.shape}", got)
            y[...] = array

    call_python(func, call, inputs, outputs)
    return list(outputs)
