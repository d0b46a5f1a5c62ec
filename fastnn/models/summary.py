"""`Model.summary`: Keras's table of layers, output shapes and parameter counts."""

from __future__ import annotations

import functools
import html
import math
import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from fastnn import errors, tree

if TYPE_CHECKING:
    from fastnn.models.graph import Graph
    from fastnn.models.model import Model


class _Content(NamedTuple):
    """What a summary says, in whatever form."""

    header: list[str]
    align: list[str]
    rows: list[list[str]]
    connected: bool  # whether it says where inputs come from
    totals: list[tuple[str, str]]


def _content(
    model: Model, expand_nested: bool, show_trainable: bool, layer_range: Sequence[str] | None
) -> _Content:
    header, align = ["Layer (type)", "Output Shape", "Param #"], ["left", "left", "right"]
    graph = None if _is_a_stack(model) else model._graph  # type: ignore[attr-defined]  # which is a Functional
    if graph is not None:
        header.append("Connected to")
        align.append("left")
    if show_trainable:
        header.append("Trainable")
        align.append("center")
    rows = [
        row
        for layer in _chosen(getattr(model, "operations", model.layers), layer_range)
        for row in _rows(layer, 0, graph, expand_nested, show_trainable)
    ]
    trainable, frozen = model.trainable_weights, model.non_trainable_weights
    slots = _optimizer_variables(model)
    totals = [
        ("Total params", _amount([*trainable, *frozen, *(slots or [])])),
        ("Trainable params", _amount(trainable)),
        ("Non-trainable params", _amount(frozen)),
    ]
    if slots is not None:
        totals.append(("Optimizer params", _amount(slots)))
    return _Content(header, align, rows, graph is not None, totals)


def summary_text(
    model: Model,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> str:
    """The whole summary, lines joined by newlines."""
    content = _content(model, expand_nested, show_trainable, layer_range)
    if content.connected:
        places, length = list(positions or (0.3, 0.56, 0.74, 1.0)), 108
    else:
        places, length = list(positions or (0.45, 0.80, 1.0)), 88
    if show_trainable:
        length += 12
        places = [place * 0.90 for place in places] + [1.0]
    if line_length is None:
        import shutil  # which brings four compression modules with it

        line_length = min(length, shutil.get_terminal_size().columns - 4)
    widths = _column_widths(places, line_length)
    lines = [f'Model: "{model.name}"', *_table(content.header, content.rows, widths, content.align)]
    return "\n".join([*lines, *(f" {label}: {amount}" for label, amount in content.totals)])


def summary_html(model: Model) -> str:
    """The summary, and a drawing to open, for notebooks."""
    content = _content(model, expand_nested=False, show_trainable=False, layer_range=None)

    def line(texts: Sequence[str], tag: str) -> str:
        sides = zip(texts, content.align, strict=True)
        cells = (f'<{tag} style="text-align:{side}">{html.escape(text)}</{tag}>' for text, side in sides)
        return f"<tr>{''.join(cells)}</tr>"

    head, body = line(content.header, "th"), "".join(line(row, "td") for row in content.rows)
    totals = "<br>".join(f"{label}: {amount}" for label, amount in content.totals)
    drawing = ""
    if model.built:
        from fastnn.plot import plot_model  # it is not needed but here

        drawing = f"<details><summary>Graph</summary>{plot_model(model, None, show_shapes=True)}</details>"
    title = f"{type(model).__name__} <b>{html.escape(model.name)}</b>"
    return f"<p>{title}</p><table><thead>{head}</thead><tbody>{body}</tbody></table><p>{totals}</p>{drawing}"


def print_summary(model: Model, print_fn: Callable[[str], Any] | None = None, **kwargs: Any) -> None:
    """Print the summary; a function of the user's gets it as one text, with the end of its last line."""
    (print_fn or functools.partial(print, end=""))(summary_text(model, **kwargs) + "\n")


def _optimizer_variables(model: Model) -> list[Any] | None:
    optimizer = model.optimizer if model.compiled else None
    return list(optimizer.variables) if optimizer is not None and optimizer.built else None


def _amount(variables: Iterable[Any]) -> str:
    unique = {id(v): v for v in variables}.values()
    count = sum(math.prod(v.shape) for v in unique)
    size: float = sum(math.prod(v.shape) * v.dtype.itemsize for v in unique)
    units = ["B", "KB", "MB", "GB", "TB", "PB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{count:,} ({size:.2f} {units[0]})"


def _is_a_stack(model: Model) -> bool:
    """Whether the layers follow each other, each taking what the one before gives."""
    graph = getattr(model, "_graph", None)
    if graph is None:
        return True
    nodes = list(graph.nodes)
    single = all(len(nodes) == 1 for nodes in graph.nodes_by_depth.values())
    return (
        single
        and all(len(node.input_tensors) <= 1 for node in nodes)
        and len({id(node.operation) for node in nodes}) == len(nodes)
    )


def _rows(layer: Any, level: int, graph: Graph | None, nested: bool, show_trainable: bool) -> list[list[str]]:
    params = f"{layer.count_params():,}" if layer.built else "0 (unbuilt)"
    prefix = "   " * level + "└ " if level else ""
    row = [f"{prefix}{layer.name} ({type(layer).__name__})", _output_shape(layer), params]
    if graph is not None:
        row.append(_connections(layer, graph))
    if show_trainable:
        row.append(("Y" if layer.trainable else "N") if getattr(layer, "weights", ()) else "-")
    rows = [row]
    if nested:
        for below in getattr(layer, "layers", ()):
            rows += _rows(below, level + 1, graph, nested, show_trainable)
    return rows


def _connections(layer: Any, graph: Graph) -> str:
    """Where the inputs of a layer's calls come from: layer, call and place among its results."""
    nodes = set(graph.nodes)
    sources = [x._keras_history for node in layer._inbound_nodes if node in nodes for x in node.input_tensors]
    return ", ".join(f"{each.operation.name}[{each.node_index}][{each.tensor_index}]" for each in sources) or "-"


def _output_shape(layer: Any) -> str:
    if layer._inbound_nodes:
        shapes = [x.shape for x in layer._inbound_nodes[-1].output_tensors]
        return _shape_text(shapes[0] if len(shapes) == 1 else shapes)
    if layer._build_shape is None:
        return "?"
    try:
        return _shape_text(layer.compute_output_shape(layer._build_shape))
    except NotImplementedError:
        return "?"


def _shape_text(shape: Any) -> str:
    return str(tree.map_shape_structure(lambda sizes: f"({', '.join(map(str, sizes))})", shape)).replace("'", "")


def _chosen(layers: Sequence[Any], layer_range: Sequence[str] | None) -> Sequence[Any]:
    """The layers from the first that matches one pattern to the last that matches the other."""
    if layer_range is None:
        return layers
    if len(layer_range) != 2 or not all(isinstance(name, str) for name in layer_range):
        raise errors.value_error("summary", "layer_range", "two layer names", layer_range)
    first = [i for i, layer in enumerate(layers) if re.match(layer_range[0], layer.name)]
    last = [i for i, layer in enumerate(layers) if re.match(layer_range[1], layer.name)]
    if not first or not last:
        missing = layer_range[0] if not first else layer_range[1]
        raise errors.unknown_name("summary", "layer_range", missing, [layer.name for layer in layers])
    begin, end = sorted((min(first), max(last)))
    return layers[begin : end + 1]


def _column_widths(places: Sequence[float], line_length: int) -> list[int]:
    """Widths of the cells with their two blanks; too wide a table shrinks by the same in every column, as in Keras."""
    widths, current = [], 0
    for place in places:
        width = int(place * line_length) - current
        if width < 4:
            raise errors.value_error("summary", "line_length", "wide enough for the columns", line_length)
        widths.append(width + 2)
        current += width
    excess = sum(widths) + len(widths) + 1 - line_length
    for i in range(len(widths)):
        if excess > 0:
            share = round(excess / (len(widths) - i))
            widths[i] -= share
            excess -= share
    return widths


def _table(
    header: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int], align: Sequence[str]
) -> list[str]:
    def rule(left: str, line: str, cross: str, right: str) -> str:
        return left + cross.join(line * width for width in widths) + right

    def cells(texts: Sequence[str], bar: str, low: bool = False) -> list[str]:
        folded = [_fold(text, width - 2) for text, width in zip(texts, widths, strict=True)]
        height = max(map(len, folded))
        if low:
            folded = [[""] * (height - len(column)) + column for column in folded]
        lines = []
        for i in range(height):
            parts = []
            for column, width, side in zip(folded, widths, align, strict=True):
                text = column[i] if i < len(column) else ""
                put = {"left": text.ljust, "right": text.rjust, "center": text.center}[side]
                parts.append(f" {put(width - 2)} ")
            lines.append(bar + bar.join(parts) + bar)
        return lines

    lines = [rule("┏", "━", "┳", "┓"), *cells(header, "┃", low=True), rule("┡", "━", "╇", "┩")]
    for i, row in enumerate(rows):
        if i:
            lines.append(rule("├", "─", "┼", "┤"))
        lines += cells(row, "│")
    lines.append(rule("└", "─", "┴", "┘"))
    return lines


def _fold(text: str, width: int) -> list[str]:
    """Broken between words; a word that is too long is cut."""
    if len(text) <= width:
        return [text]
    lines = textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False)
    return [line if len(line) <= width else line[: width - 1] + "…" for line in lines]
