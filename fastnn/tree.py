"""Structures: lists, tuples and dicts, one within the other, with anything else as leaves. Keras's `keras.tree`.

Leaves come in the order of lists and tuples; those of a dict by its sorted keys, of an `OrderedDict` as they stand.
None is a leaf.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from fastnn import errors

Path = tuple[Any, ...]


def is_nested(structure: Any) -> bool:
    """Whether it is a list, tuple or dict, and so no leaf.

    Examples
    --------
    >>> from fastnn import tree
    >>> tree.is_nested([1]), tree.is_nested(1)
    (True, False)
    """
    return isinstance(structure, (list, tuple, dict))


def _keys(structure: dict[Any, Any]) -> list[Any]:
    if isinstance(structure, OrderedDict):
        return list(structure)
    try:
        return sorted(structure)
    except TypeError:  # keys of several kinds
        return sorted(structure, key=lambda key: (type(key).__qualname__, str(key)))


def flatten(structure: Any) -> list[Any]:
    """All leaves, in their order.

    Examples
    --------
    >>> from fastnn import tree
    >>> tree.flatten({"b": 1, "a": [2, (3, None)]})
    [2, 3, None, 1]
    """
    if isinstance(structure, dict):
        return [leaf for key in _keys(structure) for leaf in flatten(structure[key])]
    if isinstance(structure, (list, tuple)):
        return [leaf for part in structure for leaf in flatten(part)]
    return [structure]


def flatten_with_path(structure: Any) -> list[tuple[Path, Any]]:
    """All leaves with the keys and positions that lead to them.

    Examples
    --------
    >>> from fastnn import tree
    >>> tree.flatten_with_path({"a": [5, 6]})
    [(('a', 0), 5), (('a', 1), 6)]
    """
    if isinstance(structure, dict):
        parts = [(key, structure[key]) for key in _keys(structure)]
    elif isinstance(structure, (list, tuple)):
        parts = list(enumerate(structure))
    else:
        return [((), structure)]
    return [((key, *path), leaf) for key, part in parts for path, leaf in flatten_with_path(part)]


def pack_sequence_as(structure: Any, flat_sequence: Sequence[Any]) -> Any:
    """The structure with these leaves.

    Raises
    ------
    ValueError
        For another number of leaves.

    Examples
    --------
    >>> from fastnn import tree
    >>> tree.pack_sequence_as({"b": 0, "a": (0,)}, [1, 2])
    {'b': 2, 'a': (1,)}
    """
    leaves = len(flatten(structure))
    if not isinstance(flat_sequence, (list, tuple)):
        raise errors.type_error("pack_sequence_as", "flat_sequence", "a list or tuple", flat_sequence)
    if len(flat_sequence) != leaves:
        raise errors.value_error(
            "pack_sequence_as", "flat_sequence", f"of {leaves} leaves, as the structure has", len(flat_sequence)
        )
    rest = iter(flat_sequence)
    return map_structure(lambda leaf: next(rest), structure)


class MAP_TO_NONE:
    """What a function given to `traverse` returns for None in the place of a leaf."""


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """The structure of what a function makes of each leaf, or of the leaves at the same place of several structures.

    Parameters
    ----------
    func : callable
    *structures
        All the same, but for their leaves.
    none_is_leaf : bool
        Whether the function is called for None; otherwise it stays None.

    Raises
    ------
    ValueError
        For structures that differ.

    Examples
    --------
    >>> from fastnn import tree
    >>> tree.map_structure(lambda a, b: a + b, {"x": [1, 2]}, {"x": [10, 20]})
    {'x': [11, 22]}
    """
    first = structures[0]
    for other in structures[1:]:
        if form(other, deep=False) != form(first, deep=False):
            raise errors.value_error("tree", "the structures", "the same", [form(first), form(other)])
    if not isinstance(first, (list, tuple, dict)):
        return func(*structures) if first is not None or none_is_leaf else None
    parts = zip(*[_parts(each) for each in structures], strict=True)
    return _like(first, [map_structure(func, *each, none_is_leaf=none_is_leaf) for each in parts])


def _parts(structure: Any) -> list[Any]:
    return [structure[key] for key in _keys(structure)] if isinstance(structure, dict) else list(structure)


def _like(structure: Any, parts: list[Any]) -> Any:
    """The list, tuple or dict with other parts."""
    if isinstance(structure, dict):
        made = dict(zip(_keys(structure), parts, strict=True))
        pairs = {key: made[key] for key in structure}
        return OrderedDict(pairs) if isinstance(structure, OrderedDict) else pairs
    return with_parts(structure, parts)


def with_parts(sequence: Any, parts: list[Any]) -> Any:
    """The list or tuple with other parts; a named tuple takes them one by one.

    Examples
    --------
    >>> from fastnn import tree
    >>> tree.with_parts((1, 2), [3])
    (3,)
    """
    return type(sequence)(*parts) if hasattr(sequence, "_fields") else type(sequence)(parts)


def map_structure_up_to(shallow_structure: Any, func: Callable[..., Any], *structures: Any) -> Any:
    """Like `map_structure`, where each leaf of the first structure stands for all there is below it in the others.

    Examples
    --------
    >>> from fastnn import tree
    >>> tree.map_structure_up_to([0, 0], len, [[1, 2, 3], (4, 5)])
    [3, 2]
    """
    if not is_nested(shallow_structure):
        return func(*structures)
    for other in structures:
        if form(other, deep=False) != form(shallow_structure, deep=False):
            found = [form(shallow_structure), form(other)]
            raise errors.value_error("map_structure_up_to", "the structures", "the same down to the shallow one", found)
    parts = zip(_parts(shallow_structure), *[_parts(each) for each in structures], strict=True)
    return _like(shallow_structure, [map_structure_up_to(part, func, *others) for part, *others in parts])


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """The structure with parts, inner ones or leaves, in the place of which a function gives something else.

    Parameters
    ----------
    func : callable
        Gives the replacement, `MAP_TO_NONE` for None, or None to leave a part as it is and go on below it.
    structure
    top_down : bool
        Whether a part is looked at before those inside it.

    Examples
    --------
    >>> from fastnn import tree
    >>> tree.traverse(lambda part: tuple(part) if isinstance(part, list) else None, {"a": [1, [2]]}, top_down=False)
    {'a': (1, (2,))}
    """
    def below(part: Any) -> Any:
        return _like(part, [traverse(func, each, top_down) for each in _parts(part)]) if is_nested(part) else part

    start = structure if top_down else below(structure)
    found = func(start)
    if found is None:
        return below(structure) if top_down else start
    return None if found is MAP_TO_NONE else found


def assert_same_paths(a: Any, b: Any) -> None:
    """Raise a ValueError unless the same keys and positions lead to the leaves, whether lists or tuples hold them.

    Examples
    --------
    >>> from fastnn import tree
    >>> tree.assert_same_paths([1, {"a": 2}], (3, {"a": 4}))
    """
    paths = [[path for path, _ in flatten_with_path(structure)] for structure in (a, b)]
    if sorted(map(str, paths[0])) != sorted(map(str, paths[1])):
        raise errors.value_error("assert_same_paths", "the paths", "the same", paths)


def assert_same_structure(a: Any, b: Any, check_types: Any = None) -> None:
    """Raise a ValueError unless both have the same lists, tuples and keys.

    ``check_types`` is accepted for Keras, which ignores it too.

    Examples
    --------
    >>> from fastnn import tree
    >>> tree.assert_same_structure([1, {"a": 2}], [3, {"a": 4}])
    """
    if form(a) != form(b):
        raise errors.value_error("assert_same_structure", "the structures", "the same", [form(a), form(b)])


def lists_to_tuples(structure: Any) -> Any:
    """The structure with tuples in the place of lists.

    Examples
    --------
    >>> from fastnn import tree
    >>> tree.lists_to_tuples([1, [2]])
    (1, (2,))
    """
    if isinstance(structure, dict):
        return {key: lists_to_tuples(value) for key, value in structure.items()}
    if isinstance(structure, list):
        return tuple(lists_to_tuples(part) for part in structure)
    if isinstance(structure, tuple):
        return with_parts(structure, [lists_to_tuples(part) for part in structure])
    return structure


def form(structure: Any, deep: bool = True) -> Any:
    """What is left of a structure without its leaves, to be compared or used as a key; without ``deep``, of its top."""
    if isinstance(structure, dict):
        keys = _keys(structure)
        return ("dict", *keys, *([form(structure[key]) for key in keys] if deep else ()))
    if isinstance(structure, (list, tuple)):
        return (type(structure).__name__, len(structure), *([form(part) for part in structure] if deep else ()))
    return None


def is_shape(structure: Any) -> bool:
    """Whether a list or tuple holds sizes, each an int or None, and so is a leaf among shapes."""
    return isinstance(structure, (list, tuple)) and all(
        part is None or (isinstance(part, int) and not isinstance(part, bool)) for part in structure
    )


def map_shape_structure(func: Callable[..., Any], structure: Any) -> Any:
    """`map_structure` of a structure of shapes, each a leaf, given as a tuple.

    Examples
    --------
    >>> from fastnn import tree
    >>> tree.map_shape_structure(len, [(None, 3), {"k": (2, 2, 2)}])
    [2, {'k': 3}]
    """
    if is_shape(structure):
        return func(tuple(structure))
    if isinstance(structure, dict):
        return {key: map_shape_structure(func, structure[key]) for key in _keys(structure)}
    if isinstance(structure, (list, tuple)):
        return with_parts(structure, [map_shape_structure(func, part) for part in structure])
    raise errors.type_error("map_shape_structure", "every leaf", "a shape", structure)


if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
