"""What a model does with the data that it is called on: one array for each `Input`, of its dtype and rank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn import errors, ops, tree
from fastnn.autograd import Tensor, as_tensor
from fastnn.numeric import as_numeric
from fastnn.symbolic import KerasTensor, Shape


def arrange(who: str, given: Any, structure: Any, inputs: Sequence[KerasTensor]) -> list[Any]:
    """What is given for each input: in order, by name, or structured like the inputs."""
    if isinstance(given, dict) and not isinstance(structure, dict):
        names = [x.name for x in inputs]
        missing = [name for name in names if name not in given]
        if missing:
            raise errors.value_error(
                who, "x", f"a dict with the keys {names}", errors.Shown(f"the keys {sorted(given)}")
            )
        return [given[name] for name in names]
    if isinstance(given, dict) and isinstance(structure, dict) and given.keys() >= structure.keys():
        given = {key: given[key] for key in structure}
    if len(inputs) == 1 and not isinstance(given, dict):
        flat = tree.flatten(given)
        if len(flat) == 1:
            return flat
        if not any(hasattr(x, "shape") for x in flat):  # rows of numbers
            return [given]
    flat = tree.flatten(given) if tree.is_nested(given) else [given]
    if len(flat) != len(inputs) and tree.is_nested(given):
        flat = list(given.values()) if isinstance(given, dict) else list(given)
    if len(flat) != len(inputs) or (isinstance(structure, dict) and not isinstance(given, dict) and len(inputs) > 1
                                    and list(structure) != sorted(structure)):  # fmt: skip
        names_or_keys = sorted(structure) if isinstance(structure, dict) else [x.name for x in inputs]
        count = f"{len(flat)} of them" if tree.is_nested(given) else "one array"
        raise errors.value_error(who, "x", f"an array for each of the inputs {names_or_keys}", errors.Shown(count))
    return flat


def convert(who: str, x: Any, place: KerasTensor, several: bool = False) -> Any:
    """An array, a Tensor or a KerasTensor in the dtype and rank of an input; layers check the sizes."""
    if x is None:
        if not getattr(place._keras_history.operation, "optional", False):
            raise errors.value_error(who, f"the input {place.name!r}", "given", None)
        return None
    argument = f"the input {place.name!r}" if several else "x"
    if not isinstance(x, (KerasTensor, Tensor)):
        x = as_tensor(as_numeric(who, argument, x))
    if isinstance(x, Tensor) and x.dtype != np.dtype(place.dtype):
        x = ops.cast(x, place.dtype)
    shape = fitting_shape(who, argument, tuple(x.shape), place.shape)
    if len(shape) > x.ndim:
        return ops.expand_dims(x, -1)
    return x if len(shape) == x.ndim else ops.squeeze(x, -1)


def fitting_shape(who: str, argument: str, shape: Shape, expected: Shape) -> Shape:
    """The shape with a last axis of size 1 added or dropped where the input has one or none; else an error."""
    if len(shape) == len(expected):
        return shape
    fitting: Shape | None = None
    if len(shape) == len(expected) - 1 and expected[-1] == 1:
        fitting = (*shape, 1)
    elif len(shape) == len(expected) + 1 and shape[-1] == 1:
        fitting = shape[:-1]
    if fitting is None or any(
        None not in (n, m) and n != m for n, m in zip(expected[1:], fitting[1:], strict=True)
    ):
        single = tuple(expected[1:]) == tuple(shape)
        fix = "A single sample needs a batch axis: x[None]." if single else ""
        raise errors.value_error(who, argument, f"of shape {expected}", errors.Shown(f"shape {tuple(shape)}"), fix)
    return fitting
