"""Conditions and loops: plain Python over ops. What they read of tensors runs through Python at every step.

Gradients flow through all of them: each turn of a loop is recorded as it is computed.
"""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import fastnn.ops as ops  # for slices and stacks, looked up when used
from fastnn import autograd, errors, tree
from fastnn.autograd import Tensor, as_tensor
from fastnn.ops.strided import axis_of


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """``true_fn()`` if the condition holds, else ``false_fn()``; only that one is called.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.cond(ops.sum([1.0]) > 0, lambda: "positive", lambda: "not")
    'positive'
    """
    return true_fn() if bool(pred) else false_fn()


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """``branches[index](*operands)``; an index outside is moved to the nearest one inside.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.switch(1, [lambda x: x, lambda x: -x], 2.0)
    -2.0
    """
    return branches[min(max(int(index), 0), len(branches) - 1)](*operands)


def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Any,
    maximum_iterations: int | None = None,
) -> Any:
    """Repeat ``loop_vars = body(*loop_vars)`` while ``cond(*loop_vars)``, at most so many times.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), (0, 1.0))
    (3, 8.0)
    """
    several = isinstance(loop_vars, (list, tuple))
    values = tuple(loop_vars) if several else (loop_vars,)
    turns = 0
    while (maximum_iterations is None or turns < maximum_iterations) and bool(cond(*values)):
        result = body(*values)
        values = tuple(result) if several else (result,)
        turns += 1
    return values if several else values[0]


def fori_loop(lower: Any, upper: Any, body_fun: Callable[[int, Any], Any], init_val: Any) -> Any:
    """Repeat ``value = body_fun(i, value)`` for i from lower to upper - 1.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.fori_loop(0, 4, lambda i, x: x + i, 0)
    6
    """
    value = init_val
    for i in range(int(lower), int(upper)):
        value = body_fun(i, value)
    return value


def _parts(structure: Any) -> list[Any]:
    """The structure of the i-th rows, for every i."""
    leaves = [as_tensor(leaf) for leaf in tree.flatten(structure)]
    if not leaves or any(not leaf.ndim or leaf.shape[0] != leaves[0].shape[0] for leaf in leaves):
        raise errors.value_error(
            "ops", "the tensors to go through", "of one extent along the first axis",
            errors.Shown(", ".join(str(leaf.shape) for leaf in leaves) or "none"),
        )
    rows = zip(*(ops.unstack(leaf) for leaf in leaves), strict=True)
    return [tree.pack_sequence_as(structure, list(row)) for row in rows]


def _stacked(results: list[Any], axis: int = 0) -> Any:
    return tree.map_structure(lambda *parts: ops.stack([as_tensor(part) for part in parts], axis=axis), *results)


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Any, Any]:
    """Carry a value along the first axis: ``carry, y = f(carry, x)`` for each row; the last carry and all y, stacked.

    Parameters
    ----------
    f : callable
    init : the first carry, a structure of tensors
    xs : structure of tensors of one first extent, or None
    length : int, optional
        How many turns; needed without xs.
    reverse : bool
        From the last row to the first; the y stand at their rows' places.
    unroll : int or bool
        Makes no difference.

    Examples
    --------
    >>> from fastnn import ops
    >>> last, sums = ops.scan(lambda total, x: (total + x, total + x), ops.zeros(()), ops.arange(4))
    >>> last.item(), sums.tolist()
    (6.0, [0.0, 1.0, 3.0, 6.0])
    """
    if not isinstance(unroll, bool) and (not isinstance(unroll, int) or unroll < 1):
        raise errors.value_error("ops.scan", "unroll", "a bool or an integer of at least 1", unroll)
    if xs is None and length is None:
        raise errors.value_error("ops.scan", "length", "given where xs is not", None)
    rows = [None] * int(length or 0) if xs is None else _parts(xs)
    if length is not None and int(length) != len(rows):
        raise errors.value_error("ops.scan", "length", f"the first extent of xs, {len(rows)}", length)
    carry, results = init, []
    for row in reversed(rows) if reverse else rows:
        carry, y = f(carry, row)
        results.append(y)
    if reverse:
        results.reverse()
    if not results or all(y is None for y in results):
        return carry, None
    return carry, _stacked(results)


def associative_scan(f: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """Running results of an associative function along an axis: y[0] = x[0], y[i] = f(y[i-1], x[i]).

    Parameters
    ----------
    f : callable
        Of two structures like ``elems`` without the axis.
    elems : structure of tensors
    reverse : bool
        From the last to the first.
    axis : int

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.associative_scan(lambda a, b: a + b, ops.arange(4)).tolist()
    [0, 1, 3, 6]
    """
    if not callable(f):
        raise errors.type_error("ops.associative_scan", "f", "callable", f)
    leaves = [as_tensor(leaf) for leaf in tree.flatten(elems)]
    place = axis_of("associative_scan", axis, leaves[0].ndim)
    rows = _parts(tree.map_structure(lambda x: ops.moveaxis(x, place, 0), elems))
    if reverse:
        rows.reverse()
    # A tensor of one element along the axis goes into f, as the function may count its axes.
    results = [tree.map_structure(lambda x: ops.expand_dims(x, place), row) for row in rows[:1]]
    for row in rows[1:]:
        results.append(f(results[-1], tree.map_structure(lambda x: ops.expand_dims(x, place), row)))
    if reverse:
        results.reverse()
    return tree.map_structure(lambda *parts: ops.concatenate(parts, axis=place), *results)


def map(f: Callable[[Any], Any], xs: Any) -> Any:  # Keras's name
    """f of each row of a structure of tensors, the results stacked.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.map(lambda x: x * x, ops.arange(4)).tolist()
    [0, 1, 4, 9]
    """
    return _stacked([f(row) for row in _parts(xs)])


def vectorized_map(function: Callable[[Any], Any], elements: Any) -> Any:
    """The same as `map`.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.vectorized_map(lambda x: ops.sum(x), [[1.0, 2.0], [3.0, 4.0]]).tolist()
    [3.0, 7.0]
    """
    if isinstance(elements, list) and not any(isinstance(part, (Tensor, np.ndarray)) for part in elements):
        elements = as_tensor(elements)
    return map(function, elements)


def vectorize(
    pyfunc: Callable[..., Any], *, excluded: set[int | str] | None = None, signature: str | None = None
) -> Callable[..., Any]:
    """A function of tensors that calls ``pyfunc`` once for each combination of elements, with broadcasting.

    Parameters
    ----------
    pyfunc : callable
        Of scalars (tensors without axes), with a scalar result or a tuple of them.
    excluded : set, optional
        Positions and names of arguments that are passed as they are.
    signature : optional
        Must be None: only functions of scalars.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.vectorize(lambda a, b: a + 2 * b)([1, 2], 3).tolist()
    [7, 8]
    """
    if not callable(pyfunc):
        raise errors.type_error("ops.vectorize", "pyfunc", "callable", pyfunc)
    if signature is not None:
        raise errors.value_error("ops.vectorize", "signature", "None", signature, "Use vectorized_map for rows.")
    fixed = set(excluded or ())

    @functools.wraps(pyfunc)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        moving = [i for i in range(len(args)) if i not in fixed]
        names = [name for name in kwargs if name not in fixed]
        tensors = [as_tensor(args[i]) for i in moving] + [as_tensor(kwargs[name]) for name in names]
        shape = np.broadcast_shapes(*(x.shape for x in tensors))
        columns = [ops.unstack(ops.ravel(ops.broadcast_to(x, shape))) for x in tensors]
        results = []
        for row in zip(*columns, strict=True):
            given, named = list(args), dict(kwargs)
            for i, value in zip(moving, row, strict=False):
                given[i] = value
            named.update(builtins.zip(names, row[len(moving) :], strict=True))
            results.append(pyfunc(*given, **named))
        return tree.map_structure(lambda y: ops.reshape(y, shape), _stacked(results))

    return wrapper


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """The same as `fastnn.custom_gradient`: f returns the result and the function from its gradient to the inputs'.

    Examples
    --------
    >>> import fastnn
    >>> @fastnn.ops.custom_gradient
    ... def log1pexp(x):
    ...     e = fastnn.ops.exp(x)
    ...     def grad(*args, upstream=None):
    ...         if upstream is None:
    ...             (upstream,) = args
    ...         return upstream * (1 - 1 / (1 + e))
    ...     return fastnn.ops.log(1 + e), grad
    >>> x = fastnn.Tensor([100.0], requires_grad=True)
    >>> log1pexp(x).sum().backward()
    >>> x.grad.tolist()
    [1.0]
    """
    return autograd.custom_gradient(f)
