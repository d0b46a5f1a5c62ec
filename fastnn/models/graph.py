"""What lies between the inputs and the outputs of a graph: in Keras's order, and as a plan that runs it.

The order of operations decides the order of a model's layers and weights, and what its summary prints; it is Keras's:
by depth, which is the longest way to an output, and among equals as they are first met on the way back from the
outputs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from fastnn import fusion, tree
from fastnn.layers.core import InputLayer
from fastnn.symbolic import KerasTensor, Node


class Graph(NamedTuple):
    """The nodes and operations between inputs and outputs."""

    inputs: list[KerasTensor]
    outputs: list[KerasTensor]
    nodes_by_depth: dict[int, list[Node]]  # deepest first
    operations: list[Any]

    @property
    def nodes(self) -> Iterator[Node]:
        """All nodes, each after those that it depends on."""
        for nodes in self.nodes_by_depth.values():
            yield from nodes


def trace(who: str, inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor]) -> Graph:
    """Find the graph between KerasTensors.

    Raises
    ------
    ValueError
        Where an output needs an input that is not listed, or two operations have the same name.
    """
    nodes, met = _walk_back(inputs, outputs)
    depths: dict[Node, int] = {}
    operation_depths: dict[Any, int] = {}
    for node in reversed(nodes):
        depth = max(depths.setdefault(node, 0), operation_depths.get(node.operation, 0))
        depths[node] = operation_depths[node.operation] = depth
        for parent in node.parent_nodes:
            if parent in met.nodes:
                depths[parent] = max(depth + 1, depths.get(parent, 0))
    for x in inputs:  # those that no output needs
        operation, unused = x._keras_history.operation, x._node
        if unused is not None and unused.is_input and operation not in operation_depths:
            operation_depths[operation] = depths[unused] = 0
            met.operations[operation] = -1
    nodes_by_depth: dict[int, list[Node]] = defaultdict(list)
    for node, depth in depths.items():
        nodes_by_depth[depth].append(node)
    operations = sorted(operation_depths, key=lambda each: (-operation_depths[each], met.operations[each]))
    graph = Graph(
        list(inputs), list(outputs), {depth: nodes_by_depth[depth] for depth in sorted(nodes_by_depth, reverse=True)},
        operations,
    )  # fmt: skip
    _check(who, graph)
    return graph


class _Met(NamedTuple):
    """What was met on the way back from the outputs."""

    nodes: set[Node]
    operations: dict[Any, int]  # each with its number, in the order of their first meeting


def _walk_back(inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor]) -> tuple[list[Node], _Met]:
    """The nodes from the outputs back to the inputs, each after those that it depends on."""
    given = {id(x) for x in inputs}
    finished: list[Node] = []
    met = _Met(set(), {})

    def enter(x: KerasTensor) -> Node | None:
        node = x._node
        if node is None or node in met.nodes or (id(x) in given and not node.is_input):
            return None
        met.nodes.add(node)
        met.operations.setdefault(node.operation, len(met.operations))
        return node

    for output in outputs:
        start = enter(output)
        stack = [] if start is None else [(start, iter(start.input_tensors))]
        while stack:
            node, remaining = stack[-1]
            for x in remaining:
                parent = enter(x)
                if parent is not None:
                    stack.append((parent, iter(parent.input_tensors)))
                    break
            else:
                finished.append(node)
                stack.pop()
    return finished, met


def _check(who: str, graph: Graph) -> None:
    """Every KerasTensor must come from the inputs, and every operation must have a name of its own."""
    known = {id(x) for x in graph.inputs}
    for node in graph.nodes:
        for x in node.input_tensors:
            if id(x) not in known:
                raise ValueError(
                    f"{who}: the graph is disconnected: {x}, which {node.operation.name!r} needs, does not come from "
                    f"the inputs {[each.name for each in graph.inputs]}. List its Input among them."
                )
        if not node.is_input or any(id(x) in known for x in node.output_tensors):
            known |= {id(x) for x in node.output_tensors}
    for x in graph.outputs:
        if id(x) not in known:
            raise ValueError(
                f"{who}: the output {x} is not connected to the inputs {[each.name for each in graph.inputs]}. "
                "Make it from them by layers and ops."
            )
    names = [operation.name for operation in graph.operations]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"{who}: the names of its layers must be different; got {name!r} {names.count(name)} times. "
                "Give one of them another name=."
            )


def with_new_inputs(inputs: Any, outputs: Any) -> tuple[Any, Any]:
    """Inputs and outputs of the same computation, with an `Input` in place of every KerasTensor that is not one.

    The layers are shared; their calls are noted once more.
    """
    flat = tree.flatten(inputs)
    places: dict[int, KerasTensor] = {}
    for x in flat:
        node = x._node
        if node is not None and node.is_input:
            places[id(x)] = x
        else:
            layer = InputLayer(batch_shape=x.shape, dtype=x.dtype, name=f"{x.name}CLONE")
            places[id(x)] = layer.output

    def swap(x: Any) -> Any:
        if not isinstance(x, KerasTensor):
            return x
        if id(x) not in places:
            places[id(x)] = KerasTensor(x.shape, dtype=x.dtype, name=f"{x.name}_clone")
        return places[id(x)]

    for node in _walk_back(flat, tree.flatten(outputs))[0]:
        if not node.is_input:
            args, kwargs = tree.map_structure(swap, node.args), tree.map_structure(swap, node.kwargs)
            Node(node.operation, args, kwargs, [swap(x) for x in node.output_tensors])
    return tree.map_structure(swap, inputs), tree.map_structure(swap, outputs)


# ---- running ------------------------------------------------------------------------------------------------------


class _Step(NamedTuple):
    """A node, or a chain of layers of which each takes nothing but the result of the one before."""

    chain: tuple[Any, ...]
    node: Node  # the first
    results: tuple[int, ...]  # ids of the KerasTensors that it gives
    done: tuple[int, ...]  # ids of those that nobody needs afterwards
    sum: _Sum | None = None  # what follows a chain of one or two layers


class _Sum(NamedTuple):
    """Something is added to a chain's result, and layers follow."""

    node: Node  # the addition
    other: int  # id of the KerasTensor that is added
    after: tuple[Any, ...]


class Plan:
    """How a graph is computed: its nodes in order, neighbours that may be fused as chains.

    Parameters
    ----------
    graph : Graph
    """

    def __init__(self, graph: Graph) -> None:
        self.inputs = [id(x) for x in graph.inputs]
        self.outputs = [id(x) for x in graph.outputs]
        users: dict[int, list[Node]] = defaultdict(list)
        nodes = [node for node in graph.nodes if not node.is_input]
        for node in nodes:
            for x in node.input_tensors:
                users[id(x)].append(node)
        runs: list[list[Node]] = []
        placed: set[Node] = set()
        for node in nodes:
            if node in placed:
                continue
            run = [node]
            while (follower := self._only_user(run[-1], users)) is not None:
                run.append(follower)
            placed.update(run)
            runs.append(run)
        others = self._join_sums(runs, users)
        needed = [[*run[0].input_tensors, *(others[node] for node in run[1:3] if node in others)] for run in runs]
        last_use = {id(x): i for i, inputs in enumerate(needed) for x in inputs}
        done: dict[int, list[int]] = defaultdict(list)
        for key, i in last_use.items():
            if key not in self.outputs:
                done[i].append(key)
        self.steps = []
        for i, run in enumerate(runs):
            chain = tuple(each.operation for each in run) if len(run) > 1 or _takes_one(run[0]) else ()
            after = None
            for at in (1, 2):
                if len(run) > at and run[at] in others:
                    after = _Sum(run[at], id(others[run[at]]), chain[at + 1 :])
                    chain = chain[:at]
                    break
            results = tuple(id(x) for x in run[-1].output_tensors)
            self.steps.append(_Step(chain, run[0], results, tuple(done[i]), after))

    def _join_sums(self, runs: list[list[Node]], users: dict[int, list[Node]]) -> dict[Node, KerasTensor]:
        """Make one run of a layer or two, the addition of something to their result, and what follows: the additions,
        and what they add. Which layers and additions may be joined, fusion.py says."""
        others: dict[Node, KerasTensor] = {}
        first = {run[0]: run for run in runs}
        last = {run[-1]: run for run in runs}
        for node in list(first):
            found = self._summand(node, last, users)
            if found is None:
                continue
            before, others[node] = found
            run, earlier = first[node], last.pop(before)
            number = fusion.takes_sums([each.operation for each in earlier])
            taken = earlier[-number:]
            del earlier[-number:]
            if not earlier:
                runs.remove(earlier)
            else:
                last[earlier[-1]] = earlier
            following = users[id(node.output_tensors[0])]
            run[:0] = taken
            if len(following) == 1 and _takes_one(following[0]) and id(node.output_tensors[0]) not in self.outputs:
                later = first[following[0]]
                runs.remove(later)
                run.extend(later)
            last[run[-1]] = run
        return others

    def _summand(
        self, node: Node, last: dict[Node, list[Node]], users: dict[int, list[Node]]
    ) -> tuple[Node, KerasTensor] | None:
        """The layer that an addition may be joined to, and the other summand."""
        if len(node.input_tensors) != 2 or not fusion.adds(node.operation):
            return None
        for mine, other in (node.input_tensors, node.input_tensors[::-1]):
            before = mine._node
            if (
                before in last
                and mine is not other
                and fusion.takes_sums([before.operation])
                and _takes_one(before)
                and users[id(mine)] == [node]
                and id(mine) not in self.outputs
                and mine.shape == other.shape
            ):
                return before, other
        return None

    def _only_user(self, node: Node, users: dict[int, list[Node]]) -> Node | None:
        """The layer that is the only one to need a layer's result, which it takes as its only argument."""
        if not _takes_one(node) or id(node.output_tensors[0]) in self.outputs:
            return None
        following = users[id(node.output_tensors[0])]
        return following[0] if len(following) == 1 and _takes_one(following[0]) else None

    def run(self, inputs: Sequence[Any]) -> list[Any]:
        """The outputs for the inputs."""
        values = dict(zip(self.inputs, inputs, strict=True))
        for chain, node, results, done, after in self.steps:
            if after is not None:
                values[results[0]] = self._run_sum(chain, node, after, values)
            elif chain:
                values[results[0]] = fusion.call_chain(chain, values[id(node.input_tensors[0])])
            else:
                args, kwargs = node.fill_in(values)
                values |= zip(results, tree.flatten(node.operation(*args, **kwargs)), strict=True)
            for key in done:
                del values[key]
        return [values[key] for key in self.outputs]


    @staticmethod
    def _run_sum(chain: tuple[Any, ...], node: Node, after: _Sum, values: dict[int, Any]) -> Any:
        x, other = values[id(node.input_tensors[0])], values[after.other]
        while chain:
            fused = fusion.match_sum(chain, after.node.operation, after.after, x, other)
            if fused is not None:
                return fusion.call_chain(after.after[len(fused.layers) - len(chain) :], fused(x, other))
            x, chain = chain[0](x), chain[1:]
        [mine] = [y for y in after.node.input_tensors if id(y) != after.other]
        args, kwargs = after.node.fill_in(values | {id(mine): x})
        return fusion.call_chain(after.after, after.node.operation(*args, **kwargs))


def _takes_one(node: Node) -> bool:
    """Whether it is the call of a layer (or such an op) on one tensor, that gives one tensor, and nothing else."""
    return (
        fusion.follows(node.operation)
        and len(node.args) == 1
        and not node.kwargs
        and isinstance(node.args[0], KerasTensor)
        and len(node.output_tensors) == 1
    )


def run_symbolically(
    graph: Graph, inputs: Sequence[KerasTensor], call: Callable[..., Any]
) -> list[Any]:
    """The KerasTensors that ``call(operation, *args, **kwargs)`` makes of others than the graph's own inputs."""
    values: dict[int, Any] = dict(zip(map(id, graph.inputs), inputs, strict=True))
    for node in graph.nodes:
        if node.is_input or all(id(x) in values for x in node.output_tensors):
            continue
        args, kwargs = node.fill_in(values)
        found = tree.flatten(call(node.operation, *args, **kwargs))
        values |= zip(map(id, node.output_tensors), found, strict=True)
    return [values[id(x)] for x in graph.outputs]


def is_input(x: KerasTensor) -> bool:
    """Whether a KerasTensor is an `Input`."""
    return x._node is not None and x._node.is_input



def is_input_layer(layer: Any) -> bool:
    return isinstance(layer, InputLayer)


# ---- copies -------------------------------------------------------------------------------------------------------


class _Place(NamedTuple):
    """Stands for a KerasTensor in a list of calls."""

    number: int


def listed(graph: Graph, inputs: Any, outputs: Any) -> tuple[Any, ...]:
    """A graph without references from node to node: its KerasTensors by number, and its calls in order."""
    tensors: dict[int, KerasTensor] = {}
    numbers: dict[int, int] = {}

    def number(x: Any) -> Any:
        if not isinstance(x, KerasTensor):
            return x
        numbers.setdefault(id(x), len(numbers))
        tensors[numbers[id(x)]] = x
        return _Place(numbers[id(x)])

    calls = []
    for node in graph.nodes:
        parts = (node.args, node.kwargs, node.output_tensors)
        calls.append((node.operation, *(tree.map_structure(number, part) for part in parts)))
    ends = tree.map_structure(number, inputs), tree.map_structure(number, outputs)
    places = [(tensors[i].shape, tensors[i].dtype, tensors[i].name) for i in range(len(tensors))]
    return places, calls, ends


def relisted(state: tuple[Any, ...]) -> tuple[Any, Any]:
    """Inputs and outputs of the graph that `listed` described, its calls noted anew."""
    places, calls, ends = state
    tensors = [KerasTensor(shape, dtype=dtype, name=name) for shape, dtype, name in places]

    def tensor(x: Any) -> Any:
        if isinstance(x, dict):
            return {key: tensor(value) for key, value in x.items()}
        if isinstance(x, _Place):
            return tensors[x.number]
        if isinstance(x, (list, tuple)):
            return tree.with_parts(x, [tensor(part) for part in x])
        return x

    for operation, args, kwargs, outputs in calls:
        if isinstance(operation, InputLayer):  # which brings its own
            tensors[outputs[0].number] = operation.output
            continue
        Node(operation, tensor(args), tensor(kwargs), tensor(outputs))
    return tensor(ends[0]), tensor(ends[1])
