"""Graphs as plain values, in the form in which Keras writes them, and back.

An operation is written with its calls ("inbound nodes"). In the arguments of a call, a KerasTensor is named by the
operation that gives it, by which of the operation's calls in this graph, and by its place among the results.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from fastnn import errors, registry, tree
from fastnn.autograd import Tensor
from fastnn.models.graph import Graph
from fastnn.symbolic import KerasTensor, Node, Operation


def graph_config(graph: Graph, inputs: Any, outputs: Any, is_graph: Callable[[Any], bool]) -> dict[str, Any]:
    """The operations with their calls, and which of their results are the inputs and outputs.

    Parameters
    ----------
    graph : Graph
    inputs, outputs : structure of KerasTensor
    is_graph : callable
        Whether an operation is itself a model of a graph: Keras counts the calls of these from 1.
    """
    calls: dict[str, list[Node]] = defaultdict(list)
    for node in sorted(graph.nodes, key=lambda node: node.index):
        calls[node.operation.name].append(node)

    def place(x: KerasTensor, first: int = 0) -> list[Any]:
        operation, _, i = x._keras_history
        return [operation.name, first + calls[operation.name].index(_node(x)), i]

    def end(x: KerasTensor) -> list[Any]:
        return place(x, int(is_graph(x._keras_history.operation)))

    def argument(x: Any) -> Any:
        return _leaf_config(x, place)

    layers = []
    for operation in graph.operations:
        entry = registry.serialize(operation)
        entry["name"] = operation.name
        entry["inbound_nodes"] = [
            {"args": _map(argument, node.args), "kwargs": _map(argument, node.kwargs)}
            for node in calls[operation.name]
            if not node.is_input
        ]
        layers.append(entry)
    return {
        "layers": layers,
        "input_layers": tree.map_structure(end, inputs),
        "output_layers": tree.map_structure(end, outputs),
    }


def _node(x: KerasTensor) -> Node:
    if x._node is None:
        raise errors.value_error("get_config", "every KerasTensor", "part of the graph", x)
    return x._node


def _map(function: Callable[[Any], Any], structure: Any) -> Any:
    """`tree.map_structure` for results that are structures themselves."""
    if isinstance(structure, dict):
        return {key: _map(function, value) for key, value in structure.items()}
    if isinstance(structure, (list, tuple)):
        parts = [_map(function, value) for value in structure]
        return parts if isinstance(structure, list) else tuple(parts)
    return function(structure)


def _leaf_config(x: Any, place: Callable[[KerasTensor], list[Any]]) -> Any:
    if isinstance(x, KerasTensor):
        config = {"shape": x.shape, "dtype": x.dtype, "keras_history": place(x)}
        return {"class_name": "__keras_tensor__", "config": config}
    if isinstance(x, slice):
        return {"class_name": "__slice__", "config": {"start": x.start, "stop": x.stop, "step": x.step}}
    if x is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(x, (Tensor, np.ndarray)):
        kind = "__tensor__" if isinstance(x, Tensor) else "__numpy__"
        array = x.numpy() if isinstance(x, Tensor) else x
        return {"class_name": kind, "config": {"value": array.tolist(), "dtype": array.dtype.name}}
    if isinstance(x, np.generic):
        return x.item()
    if isinstance(x, np.dtype) or (isinstance(x, type) and issubclass(x, np.generic)):
        return np.dtype(x).name
    return registry.serialize(x)


# ---- reading ------------------------------------------------------------------------------------------------------


class _NotYet(Exception):
    """A call that this one depends on was not made yet."""


def graph_from_config(
    who: str, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None, is_graph: Callable[[Any], bool]
) -> tuple[Any, Any]:
    """The inputs and outputs of a graph of new layers, made as a configuration says."""
    operations: dict[str, Any] = {}
    results: dict[str, list[list[KerasTensor]]] = {}  # of each operation, call by call
    waiting: dict[str, list[Any]] = {}
    for entry in config["layers"]:
        name = entry.get("name") or entry["config"]["name"]
        operations[name] = operation = registry.deserialize(entry, custom_objects)
        results[name] = [[operation.output]] if not entry["inbound_nodes"] else []
        waiting[name] = list(entry["inbound_nodes"])

    def tensor(name: str, call: int, i: int) -> KerasTensor:
        if name not in results:
            raise errors.unknown_name(who, "the operation", name, results)
        if call >= len(results[name]):
            raise _NotYet
        return results[name][call][i]

    def end(place: Sequence[Any]) -> KerasTensor:
        return tensor(place[0], place[1] - int(is_graph(operations[place[0]])), place[2])

    def argument(x: Any) -> Any:
        return _leaf_from_config(x, tensor, custom_objects)

    while any(waiting.values()):
        before = sum(map(len, waiting.values()))
        for name, calls in waiting.items():
            while calls:
                try:
                    args = _read(argument, calls[0]["args"])
                    kwargs = {key: _read(argument, value) for key, value in calls[0]["kwargs"].items()}
                except _NotYet:
                    break
                calls.pop(0)
                results[name].append(tree.flatten(_call(operations[name], args, kwargs)))
        if sum(map(len, waiting.values())) == before:
            stuck = [name for name, calls in waiting.items() if calls]
            raise errors.value_error(who, "config", "a graph without loops", errors.Shown(f"calls of {stuck} in one"))
    return _ends(end, config["input_layers"]), _ends(end, config["output_layers"])


def _call(operation: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """The call; what Keras notes of masks that are not there says nothing."""
    if isinstance(operation, Operation):
        if type(operation).op == "getitem" and isinstance(args[1], list):  # JSON has no tuples
            args = (args[0], tuple(args[1]))
    else:
        kwargs = {name: value for name, value in kwargs.items() if value is not None or name != "mask"}
    return operation(*args, **kwargs)


def _ends(end: Callable[[Sequence[Any]], KerasTensor], places: Any) -> Any:
    if isinstance(places, dict):
        return {key: _ends(end, value) for key, value in places.items()}
    if len(places) == 3 and isinstance(places[0], str):
        return end(places)
    parts = [_ends(end, value) for value in places]
    return tuple(parts) if isinstance(places, tuple) else parts


def _read(argument: Callable[[Any], Any], config: Any) -> Any:
    if isinstance(config, dict) and "class_name" not in config:
        return {key: _read(argument, value) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return type(config)(_read(argument, value) for value in config)
    return argument(config)


def _leaf_from_config(
    config: Any, tensor: Callable[..., KerasTensor], custom_objects: Mapping[str, Any] | None
) -> Any:
    if not isinstance(config, dict):
        return config
    kind = config["class_name"]
    inner: Any = config.get("config")
    if kind == "__keras_tensor__":
        return tensor(*inner["keras_history"])
    if kind == "__slice__":
        return slice(inner["start"], inner["stop"], inner["step"])
    if kind == "__ellipsis__":
        return Ellipsis
    if kind in ("__numpy__", "__tensor__"):
        array = np.array(inner["value"], dtype=inner["dtype"])
        return array if kind == "__numpy__" else Tensor(array)
    return registry.deserialize(config, custom_objects)
