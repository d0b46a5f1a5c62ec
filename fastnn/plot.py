"""plot_model: a model's layers as boxes, what flows between them as arrows. SVG, drawn here without another program.

The layout is Sugiyama's (Sugiyama, Tagawa, Toda 1981): layers in rows by their depth; arrows that pass rows get places
in them; the order within a row reduces crossings (barycentres, a few sweeps); then places move towards their
neighbours as far as the order allows (the least squares of that are found by pooling adjacent violators).
"""

from __future__ import annotations

import html
import os
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from fastnn import errors, tree

SWEEPS = 8
GAP, ROW_GAP, MARGIN = 24.0, 36.0, 12.0  # between boxes, between rows, around everything
LINE, FONT, CHARACTER = 22.0, 12.0, 7.2  # height of a line of text, its size, the width of most of its characters
DIRECTIONS = ("TB", "BT", "LR", "RL")


class Drawing:
    """A drawing: notebooks show it, ``str`` gives the SVG text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text

    def _repr_svg_(self) -> str:
        return self.text


class Show(NamedTuple):
    """What is written into the boxes."""

    shapes: bool
    dtype: bool
    names: bool
    activations: bool
    trainable: bool
    nested: bool
    direction: str


class Box:
    """A rectangle with a title, lines of text, and perhaps a drawing of what is within."""

    def __init__(self, title: str, lines: Sequence[str], inner: Picture | None = None) -> None:
        self.title = title
        self.lines = list(lines)
        self.inner = inner
        texts = [title, *lines]
        self.width = max(len(text) for text in texts) * CHARACTER + 2 * MARGIN
        self.height = LINE * len(texts)
        if inner is not None:
            self.width = max(self.width, inner.width + 2 * MARGIN)
            self.height += inner.height + 2 * MARGIN
        self.x = self.y = 0.0  # of the centre


class Picture(NamedTuple):
    """Boxes and arrows that were laid out, from (0, 0) on."""

    boxes: list[Box]
    arrows: list[list[tuple[float, float]]]  # the points that each passes
    width: float
    height: float


def plot_model(
    model: Any,
    to_file: str | os.PathLike[str] | None = "model.svg",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Drawing:
    """Draw a model.

    Parameters
    ----------
    model : Model
        Built.
    to_file : str or path-like, optional
        Ends in ``.svg``, else that ending is put in place of its own, with a warning; None writes no file.
    show_shapes, show_dtype, show_layer_names : bool
        Write the output's shape, its dtype, the layer's name into the boxes.
    rankdir : str
        Where arrows go: ``"TB"`` down, ``"BT"`` up, ``"LR"`` right, ``"RL"`` left.
    expand_nested : bool
        Draw what is in models within the model.
    dpi : int
        Accepted for Keras: SVG has no pixels.
    show_layer_activations, show_trainable : bool
        Write the activation's name, and whether the layer is trained.
    splines : str
        Accepted for Keras.

    Returns
    -------
    Drawing
        Notebooks show it.

    Raises
    ------
    ValueError
        If the model is not built.

    Examples
    --------
    >>> import fastnn as keras
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.ReLU()])
    >>> str(keras.utils.plot_model(model, to_file=None))[:4]
    '<svg'
    """
    for unknown in kwargs:
        known = ("show_shapes", "show_dtype", "show_layer_names", "rankdir", "expand_nested", "show_layer_activations")
        raise errors.unknown_argument("plot_model", unknown, known)
    if rankdir not in DIRECTIONS:
        raise errors.unknown_name("plot_model", "rankdir", rankdir, DIRECTIONS)
    if to_file is not None and not str(os.fspath(to_file)).endswith(".svg"):
        name = str(os.fspath(to_file))
        to_file = os.path.splitext(name)[0] + ".svg"
        warnings.warn(f"plot_model: drawings are SVG; {to_file} is written instead of {name}.", stacklevel=2)
    if not model.built:
        fix = "Call it on data, or build it: model.build(input_shape)."
        raise errors.value_error("plot_model", "the model", "built", errors.Shown("one without weights"), fix)
    show = Show(
        show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable, expand_nested, rankdir
    )
    drawing = Drawing(_svg(_picture(model, show)))
    if to_file is not None:
        with open(to_file, "w", encoding="utf-8") as file:
            file.write(drawing.text)
    return drawing


# ---- what is drawn ------------------------------------------------------------------------------------------------


def _picture(model: Any, show: Show) -> Picture:
    """A model's layers and ops, laid out; one box for a model that is not made of layers that are known."""
    parts, edges = _parts(model)
    boxes = [_box(part, show) for part in parts]
    return _lay_out(boxes, edges, show.direction)


def _parts(model: Any) -> tuple[list[Any], list[tuple[int, int]]]:
    """Layers and ops in order, and which of them takes what which one gives."""
    graph = getattr(model, "_graph", None)
    if graph is None:
        layers = getattr(model, "_layers", None) or []
        chain = list(layers) if type(model).__name__ == "Sequential" else [model]
        return chain, [(i, i + 1) for i in range(len(chain) - 1)]
    parts = list(graph.operations)
    number = {id(part): i for i, part in enumerate(parts)}
    edges = {
        (number[id(parent.operation)], number[id(node.operation)])
        for node in graph.nodes
        for parent in node.parent_nodes
        if id(parent.operation) in number
    }
    return parts, sorted(edges)


def _box(part: Any, show: Show) -> Box:
    kind = type(part).__name__
    lines = []
    activation = getattr(part, "activation", None)
    if show.activations and activation is not None:
        lines.append(f"Activation: {getattr(activation, '__name__', type(activation).__name__)}")
    if show.shapes:
        lines.append(f"Output shape: {_output_shape(part)}")
    if show.dtype:
        lines.append(f"Output dtype: {_output_dtype(part)}")
    if show.trainable and hasattr(part, "trainable") and getattr(part, "weights", None):
        lines.append("Trainable" if part.trainable else "Not trainable")
    inner = None
    if show.nested and hasattr(part, "layers") and part.layers:
        inner = _picture(part, show)
    return Box(f"{part.name} ({kind})" if show.names else kind, lines, inner)


def _output_shape(part: Any) -> str:
    try:
        output = part.output
    except AttributeError:
        shape = getattr(part, "_build_shape", None)
        try:
            return str(tuple(part.compute_output_shape(shape))) if shape is not None else "?"
        except (NotImplementedError, TypeError, ValueError):
            return "?"
    return ", ".join(str(x.shape) for x in tree.flatten(output))


def _output_dtype(part: Any) -> str:
    """Of what it gave; an op has no dtype of its own, and that of a layer need not be its output's."""
    try:
        return ", ".join(dict.fromkeys(x.dtype for x in tree.flatten(part.output)))
    except AttributeError:
        return str(getattr(part, "dtype", "?"))


# ---- layout -------------------------------------------------------------------------------------------------------


class Grid(NamedTuple):
    """Boxes, and the places where long arrows pass, in rows."""

    widths: list[float]  # across a row; of a passing arrow 0
    rows: list[list[int]]  # in the order from left to right
    below: list[tuple[int, int]]  # neighbours in rows that follow each other
    paths: list[tuple[tuple[int, int], list[int]]]  # each arrow, and the places that it passes


def _lay_out(boxes: list[Box], edges: Sequence[tuple[int, int]], direction: str) -> Picture:
    across = direction in ("LR", "RL")  # rows are columns then
    lengths = [box.width if across else box.height for box in boxes]
    grid = _grid([box.height if across else box.width for box in boxes], _ranks(len(boxes), edges), edges)
    _order(grid)
    place = _places(grid)
    tallest = [max((lengths[i] for i in row if i < len(boxes)), default=0.0) for row in grid.rows]
    depth, at = [], 0.0
    for length in tallest:
        depth.append(at + length / 2)
        at += length + ROW_GAP
    total = max(at - ROW_GAP, 0.0)
    least = min((place[i] - grid.widths[i] / 2 for row in grid.rows for i in row), default=0.0)
    most = max((place[i] + grid.widths[i] / 2 for row in grid.rows for i in row), default=0.0)
    row_of = {i: number for number, row in enumerate(grid.rows) for i in row}

    def point(i: int, offset: float = 0.0) -> tuple[float, float]:
        side, along = place[i] - least, depth[row_of[i]] + offset
        if direction in ("BT", "RL"):
            along = total - along
        return (along, side) if across else (side, along)

    for i, box in enumerate(boxes):
        box.x, box.y = point(i)
    arrows = []
    for (a, b), passed in grid.paths:
        if row_of[a] < row_of[b]:
            ends = point(a, lengths[a] / 2), point(b, -lengths[b] / 2)
            reach = [tallest[row_of[i]] / 2 + ROW_GAP / 3 for i in passed]  # so that it passes beside its neighbours
            between = [point(i, far) for i, near in zip(passed, reach, strict=True) for far in (-near, near)]
            arrows.append([ends[0], *between, ends[1]])
        else:  # a layer that is called again further up: around the right side
            side = grid.widths[a] / 2 + GAP / 2
            back = [point(a, lengths[a] / 2), point(a), point(b, -lengths[b] / 2)]
            shift = (0.0, side) if across else (side, 0.0)
            arrows.append([back[0], (back[1][0] + shift[0], back[1][1] + shift[1]), back[2]])
    size = (total, most - least) if across else (most - least, total)
    return Picture(boxes, arrows, *size)


def _ranks(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The row of each box: below all that it takes something from. Parts come in an order in which most of them are
    before what takes from them; arrows against that order decide nothing.
    """
    ranks = [0] * count
    for b in range(count):
        ranks[b] = max((ranks[a] + 1 for a, end in edges if end == b and a < b), default=0)
    # What nothing decides from above (an input) stands right above what takes from it.
    for a in reversed(range(count)):
        if not any(end == a for _, end in edges):
            ranks[a] = max(min((ranks[b] - 1 for start, b in edges if start == a), default=0), 0)
    return ranks


def _grid(widths: list[float], ranks: list[int], edges: Sequence[tuple[int, int]]) -> Grid:
    rows: list[list[int]] = [[] for _ in range(max(ranks, default=-1) + 1)]
    for i, rank in enumerate(ranks):
        rows[rank].append(i)
    grid = Grid(list(widths), rows, [], [])
    for a, b in edges:
        passed, before = [], a
        for rank in range(ranks[a] + 1, ranks[b]):
            grid.widths.append(0.0)
            passed.append(len(grid.widths) - 1)
            rows[rank].append(passed[-1])
            grid.below.append((before, passed[-1]))
            before = passed[-1]
        if ranks[a] < ranks[b]:
            grid.below.append((before, b))
        grid.paths.append(((a, b), passed))
    return grid


def _neighbours(grid: Grid) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    up: dict[int, list[int]] = {i: [] for row in grid.rows for i in row}
    down: dict[int, list[int]] = {i: [] for row in grid.rows for i in row}
    for a, b in grid.below:
        down[a].append(b)
        up[b].append(a)
    return up, down


def _order(grid: Grid) -> None:
    """Sort each row by the mean place of its neighbours in the row before, downwards and upwards in turns."""
    up, down = _neighbours(grid)
    for sweep in range(SWEEPS):
        near, rows = (up, grid.rows) if sweep % 2 == 0 else (down, grid.rows[::-1])
        for fixed, row in zip(rows, rows[1:], strict=False):
            where = {i: place for place, i in enumerate(fixed)}
            key = {
                i: (sum(where[j] for j in near[i]) / len(near[i]) if near[i] else place)
                for place, i in enumerate(row)
            }
            row.sort(key=lambda i: key[i])


def _places(grid: Grid) -> dict[int, float]:
    """The centre of each box across its row."""
    up, down = _neighbours(grid)
    place: dict[int, float] = {}
    for row in grid.rows:
        at = 0.0
        for i in row:
            place[i] = at + grid.widths[i] / 2
            at += grid.widths[i] + GAP
    for sweep in range(2 * SWEEPS):
        for row in grid.rows if sweep % 2 == 0 else grid.rows[::-1]:
            wanted = []
            for i in row:
                near = (up[i] or down[i]) if sweep % 2 == 0 else (down[i] or up[i])
                wanted.append(sum(place[j] for j in near) / len(near) if near else place[i])
            place |= zip(row, _apart(wanted, [grid.widths[i] for i in row]), strict=True)
    return place


def _apart(wanted: Sequence[float], widths: Sequence[float]) -> list[float]:
    """Centres as near as possible to the wanted ones (least squares), in this order and without overlaps."""
    offsets, at = [], 0.0
    for i, width in enumerate(widths):
        if i:
            at += (widths[i - 1] + width) / 2 + GAP
        offsets.append(at)
    blocks: list[tuple[float, int]] = []  # mean of what is wanted less the offset, and how many share it
    for want, offset in zip(wanted, offsets, strict=True):
        mean, count = want - offset, 1
        while blocks and blocks[-1][0] > mean:
            other, number = blocks.pop()
            mean, count = (mean * count + other * number) / (count + number), count + number
        blocks.append((mean, count))
    means = [mean for mean, count in blocks for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


# ---- SVG ----------------------------------------------------------------------------------------------------------

# Of this drawing alone: in a notebook, a style counts for the whole page.
_STYLE = (
    ".fastnn text{font:12px Helvetica,Arial,sans-serif;fill:#222}.fastnn .title{fill:#fff;font-weight:bold}"
    ".fastnn .head{fill:#24476b}.fastnn .box{fill:#fff;stroke:#24476b}.fastnn .inner{fill:#f2f5f9}"
    ".fastnn path{fill:none;stroke:#555;stroke-width:1.2}"
)


def _svg(picture: Picture) -> str:
    width, height = picture.width + 2 * MARGIN, picture.height + 2 * MARGIN
    arrow = '<marker id="a" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="fastnn" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.1f} {height:.1f}">',
        f"<style>{_STYLE}</style>",
        f'<defs>{arrow}<path d="M0,0 L8,4 L0,8 z" style="fill:#555;stroke:none"/></marker></defs>',
        '<rect width="100%" height="100%" fill="#fff"/>',
        *_drawn(picture, MARGIN, MARGIN),
        "</svg>",
    ]
    return "\n".join(parts)


def _drawn(picture: Picture, left: float, top: float) -> Iterator[str]:
    for points in picture.arrows:
        yield f'<path d="{_curve([(x + left, y + top) for x, y in points])}" marker-end="url(#a)"/>'
    for box in picture.boxes:
        x, y = box.x - box.width / 2 + left, box.y - box.height / 2 + top
        corner = f'x="{x:.1f}" y="{y:.1f}" width="{box.width:.1f}"'
        kind = "box inner" if box.inner else "box"
        yield f'<rect class="{kind}" {corner} height="{box.height:.1f}"/>'
        yield f'<rect class="head" {corner} height="{LINE}"/>'
        middle = x + box.width / 2
        for i, text in enumerate([box.title, *box.lines]):
            title = ' class="title"' if not i else ""
            at = y + i * LINE + LINE / 2 + FONT / 3
            yield f'<text{title} x="{middle:.1f}" y="{at:.1f}" text-anchor="middle">{html.escape(text)}</text>'
        if box.inner is not None:
            inside = x + (box.width - box.inner.width) / 2
            yield from _drawn(box.inner, inside, y + LINE * (1 + len(box.lines)) + MARGIN)


def _curve(points: Sequence[tuple[float, float]]) -> str:
    """A smooth line through points: straight in the middle of two, bent at each (quadratic Bezier curves)."""
    (x, y), *rest = points
    path = f"M{x:.1f},{y:.1f}"
    for (px, py), (qx, qy) in zip(rest, rest[1:], strict=False):
        path += f" Q{px:.1f},{py:.1f} {(px + qx) / 2:.1f},{(py + qy) / 2:.1f}"
    return f"{path} L{rest[-1][0]:.1f},{rest[-1][1]:.1f}"
