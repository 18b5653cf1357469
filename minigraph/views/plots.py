"""Pictures: the graph, the loss, the kernels beside their teacher's, and an answer beside its target.

Each function writes one file, ``.png``, ``.svg`` or ``.pdf`` by its name's end, whole or not at all, and the same
bytes for the same input. Figures are made directly, without pyplot and its global state; a user's matplotlibrc
changes nothing. Lengths are typographic points, with y downwards in what is drawn freely on a sheet.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, isfinite, log10, prod
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.image import AxesImage
from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon, Rectangle
from matplotlib.path import Path as Curve
from matplotlib.patheffects import withStroke
from matplotlib.textpath import text_to_path
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from minigraph.errors import DataError
from minigraph.files import whole
from minigraph.graph import Graph, Node
from minigraph.ops.base import spell_shape
from minigraph.views.layout import Edge, Layout, Pair, layout
from minigraph.views.summary import spell_op

Array = NDArray[Any]

INK, SOFT, FAINT, PAPER = "#1f2933", "#5b6770", "#aab2b9", "#ffffff"
SLATE, BLUE, RED = "#3d4f5f", "#3b6ea5", "#b5403a"
DIVERGING, SEQUENTIAL, NO_NUMBER = "RdBu_r", "viridis", "#c9c9c9"
# After Paul Tol's bright and vibrant schemes, which colour-blind readers can tell apart.
HUES = ("#4477aa", "#ee7733", "#228833", "#aa3377", "#0e9aa7", "#b8a11f", "#cc3344", "#7766bb")
FAMILIES = {
    "Conv": 0,
    "ConvTranspose": 4,
    **dict.fromkeys(("ReLU", "LeakyReLU", "Sigmoid", "Tanh", "Softmax"), 1),
    **dict.fromkeys(("Add", "Multiply"), 2),
    "Concat": 3,
    **dict.fromkeys(("MaxPool", "AvgPool", "GlobalAvgPool"), 6),
    **dict.fromkeys(("Flatten", "Dense"), 5),
    "BatchNorm": 7,
}
FONT = "DejaVu Sans"  # matplotlib brings it along, so that pictures look the same everywhere
STYLE: dict[Any, Any] = {
    "font.family": FONT,
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": SOFT,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e8ebee",
    "grid.linewidth": 0.8,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "figure.facecolor": PAPER,
    "svg.hashsalt": "minigraph",
}
KINDS = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
MARGIN = 26.0
PIXELS = 40e6  # a png's most pixels; a larger picture gets a lower resolution
PAIRS = 8  # the most (out, in) pairs of one kernel that are drawn


# -- the graph -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Line:
    """One line of text: its size in points, weight and colour."""

    text: str
    size: float
    weight: str = "normal"
    colour: str = INK


@dataclass(frozen=True)
class _Box:
    """What stands in a box; ``foot`` is the text of an output's strip at the lower edge, ``arrows`` enter it."""

    lines: list[_Line]
    hue: str
    needed: bool
    is_input: bool = False
    foot: str = ""
    arrows: int = 0

    LEADING = 1.42
    FOOT = 17.0

    @property
    def size(self) -> Pair:
        """(width, height) in points."""
        wide = max(_width(line.text, line.size, line.weight) for line in self.lines)
        wide = max(wide, _width(self.foot, 7.5, "bold"))
        high = sum(line.size * self.LEADING for line in self.lines) + 13
        return max(wide + (34 if self.is_input else 26), 92.0, 20 + 9.0 * self.arrows), high + (
            self.FOOT if self.foot else 0.0
        )


def plot_graph(graph: Graph, path: str | Path) -> None:
    """Draw a graph from its inputs at the top to its outputs at the bottom.

    A box has the node's name, its op with the attributes that differ from their defaults, and how many parameters
    it learns; its colour is the op's family. Beside a line stands the shape that it carries, (C, H, W) or (F,). What
    no output needs is grey and dashed.

    Raises:
        DefinitionError: the graph is not sound.
        DataError: the name ends in none of .png, .svg and .pdf, or the file cannot be written.
    """
    _kind(path)
    boxes = _boxes(graph)
    plan = layout(graph, {name: box.size for name, box in boxes.items()})
    width = max(plan.width, 430.0) + 2 * MARGIN
    count = sum(prod(parameter.shape) for parameter in graph.parameters.values())
    head = [_Line(part, 15, "bold") for part in _wrapped(graph.name, 15, "bold", width - 2 * MARGIN)]
    about = _wrapped(graph.description, 9.5, "normal", width - 2 * MARGIN)
    head += [_Line(part, 9.5, colour=SOFT) for part in about]
    facts = f"{_count(len(graph.nodes), 'node')}, {_count(count, 'parameter')}, {graph.dtype}"
    head.append(_Line(facts, 8.5, colour=SOFT))
    top = MARGIN + sum(line.size * 1.5 for line in head) + 16
    with _picture(path, width, top + plan.height + MARGIN) as figure:
        sheet = _sheet(figure)
        _stack(sheet, head, width / 2, MARGIN - 4, 1.5)
        plan = _moved(plan, (width - plan.width) / 2, top)
        live = [edge for edge in plan.edges if boxes[edge.target].needed]
        for edge in [edge for edge in plan.edges if not boxes[edge.target].needed] + live:
            _draw_edge(sheet, edge, boxes[edge.target].needed)
        for name, box in boxes.items():
            _draw_box(sheet, box, plan.positions[name], plan.sizes[name])
        shapes = {name: spell_shape(shape) for name, shape in graph.shapes.items()}
        for name, (x, y) in _shape_places(plan, shapes, width).items():
            halo = withStroke(linewidth=2.5, foreground=PAPER)
            colour = SOFT if boxes[name].needed else FAINT
            _write(sheet, _Line(shapes[name], 8, colour=colour), x, y, path_effects=[halo], zorder=4)


def _boxes(graph: Graph) -> dict[str, _Box]:
    nodes, shapes, needed = graph.nodes, graph.shapes, graph.needed()
    counts: dict[str, int] = {}
    for full_name, parameter in graph.parameters.items():
        owner = full_name.split(".")[0]
        counts[owner] = counts.get(owner, 0) + prod(parameter.shape)
    read = {source for node in nodes.values() for source in node.inputs}
    boxes = {}
    for name in graph.inputs:
        lines = [_Line(name, 10, "bold", PAPER), _Line("input", 8, colour="#d5dde4")]
        if name not in read:
            lines.append(_Line(spell_shape(shapes[name]), 8, colour="#d5dde4"))
        boxes[name] = _Box(lines, SLATE, name in needed, is_input=True)
    for name in graph.order:
        node = nodes[name]
        lines = [_Line(name, 10, "bold")]
        words = spell_op(Node(node.op, node.inputs)).split(", ")
        spelled = ", ".join(word.replace(" ", "\u00a0") for word in words)  # broken between attributes only
        lines += [_Line(part, 8.5) for part in _wrapped(spelled, 8.5, "normal", 190.0)]
        notes = [_count(counts[name], "parameter")] if name in counts else []
        notes += [f"shares {node.share}"] if node.share else []
        notes += ["frozen"] if notes and not node.trainable else []
        notes += ["no output needs it"] if name not in needed else []
        notes += [spell_shape(shapes[name])] if name not in read and name not in graph.outputs else []
        lines += [_Line(part, 7.5, colour=SOFT) for part in _wrapped(", ".join(notes), 7.5, "normal", 190.0)]
        foot = f"output  {spell_shape(shapes[name])}" if name in graph.outputs else ""
        hue, arrows = op_colour(type(node.op).__name__), len(node.inputs)
        boxes[name] = _Box(lines, hue, name in needed, foot=foot, arrows=arrows)
    return boxes


def op_colour(op: str) -> str:
    """The colour of an op by its name, "#rrggbb"; the same in every picture and every process.

    >>> op_colour("Conv"), op_colour("MyOwn") == op_colour("MyOwn")
    ('#4477aa', True)
    """
    return HUES[FAMILIES[op] if op in FAMILIES else zlib.crc32(op.encode()) % len(HUES)]


def _moved(plan: Layout, right: float, down: float) -> Layout:
    return Layout(
        {name: (x + right, y + down) for name, (x, y) in plan.positions.items()},
        plan.sizes,
        [
            Edge(edge.source, edge.target, edge.index, [(x + right, y + down) for x, y in edge.points])
            for edge in plan.edges
        ],
        plan.width,
        plan.height,
    )


def _draw_box(sheet: Axes, box: _Box, centre: Pair, size: Pair) -> None:
    (x, y), (wide, high) = centre, size
    left, top = x - wide / 2, y - high / 2
    hue = box.hue if box.needed else FAINT
    style = f"round,pad=0,rounding_size={high / 2 if box.is_input else 6}"
    outline = FancyBboxPatch((left, top), wide, high, style, fc="none", ec=hue, lw=1.3, zorder=3)
    fill = FancyBboxPatch((left, top), wide, high, style, lw=0, zorder=2)
    fill.set_facecolor(hue if box.is_input and box.needed else _tint(hue, 0.16))
    outline.set_linestyle("-" if box.needed else (0, (4, 2.5)))
    sheet.add_patch(fill)
    if box.foot:
        strip = Rectangle((left, top + high - box.FOOT), wide, box.FOOT, fc=SLATE, lw=0, zorder=2.5)
        sheet.add_patch(strip)
        strip.set_clip_path(fill)
        _write(sheet, _Line(box.foot, 7.5, "bold", PAPER), x, top + high - box.FOOT / 2, ha="center")
    sheet.add_patch(outline)
    lines = box.lines
    if not box.needed:
        lines = [_Line(line.text, line.size, line.weight, SOFT) for line in lines]
    _stack(sheet, lines, x, top + 6.5, box.LEADING)


def _draw_edge(sheet: Axes, edge: Edge, needed: bool) -> None:
    colour, (x, y) = (SLATE if needed else FAINT), edge.points[-1]
    ends = [*edge.points[:-1], (x, y - 5)]
    vertices, codes = [ends[0]], [Curve.MOVETO]
    for number, (start, end) in enumerate(pairwise(ends)):
        if number % 2 == 0 or start[0] == end[0]:
            vertices.append(end)
            codes.append(Curve.LINETO)
        else:
            middle = (start[1] + end[1]) / 2
            vertices += [(start[0], middle), (end[0], middle), end]
            codes += [Curve.CURVE4] * 3
    line = PathPatch(Curve(vertices, codes), fc="none", ec=colour, lw=1.2, capstyle="butt", zorder=1)
    line.set_linestyle("-" if needed else (0, (4, 2.5)))
    sheet.add_patch(line)
    sheet.add_patch(Polygon([(x, y), (x - 3.3, y - 7), (x + 3.3, y - 7)], fc=colour, lw=0, zorder=1.5))


def curve_points(edge: Edge, steps: int = 12) -> Array:
    """Points along an edge as it is drawn, (count, 2): x and y."""
    t = np.linspace(0.0, 1.0, steps)[:, None]
    ease = 3 * t**2 - 2 * t**3  # x of the Bezier curve whose inner points stand under its ends
    drop = 1.5 * t * (1 - t) + t**3  # y of the same curve
    pieces = []
    for number, (start, end) in enumerate(pairwise(edge.points)):
        (x0, y0), (x1, y1) = start, end
        across, down = (ease, drop) if number % 2 else (t, t)
        pieces.append(np.hstack([x0 + (x1 - x0) * across, y0 + (y1 - y0) * down]))
    return np.vstack(pieces)


def _shape_places(plan: Layout, shapes: Mapping[str, str], width: float) -> dict[str, Pair]:
    """Where the text of each name's shape stands, its left end and middle: by a line of it, where there is room."""
    lines = {id(edge): curve_points(edge) for edge in plan.edges}
    cloud = np.vstack([*lines.values(), np.zeros((1, 2))])
    cloud = cloud[np.argsort(cloud[:, 1], kind="stable")]
    centres = np.array(list(plan.positions.values()))
    halves = np.array([plan.sizes[name] for name in plan.positions]) / 2
    taken = np.zeros((0, 4))
    places: dict[str, Pair] = {}
    own: dict[str, list[Edge]] = {}
    for edge in plan.edges:
        own.setdefault(edge.source, []).append(edge)
    for name, edges in own.items():
        wide, high = _width(shapes[name], 8, "normal"), 9.0
        foot = edges[0].points[0][1]
        near = np.vstack([lines[id(edge)] for edge in edges])
        near = near[(near[:, 1] > foot + 6) & (near[:, 1] < edges[0].points[2][1] + 1)]
        stems = [(edge.points[0][0], foot + 10.0) for edge in edges]
        best = np.inf
        for x, y in [*stems, *near[np.argsort(near[:, 1], kind="stable")].tolist()]:
            for left in (x + 5, x - 5 - wide):
                box = np.array([left, y - high / 2, left + wide, y + high / 2])
                first, last = np.searchsorted(cloud[:, 1], [box[1] - 1, box[3] + 1])
                inside = cloud[first:last, 0]
                cost = np.count_nonzero((inside > box[0] - 2) & (inside < box[2] + 2)) + 0.01 * (y - foot)
                apart = np.abs(centres - [left + wide / 2, y]) - halves
                cost += 1000.0 * np.count_nonzero((apart < [wide / 2 + 1, high / 2 + 1]).all(axis=1))
                over = (taken[:, :2] < box[2:] + 2).all(axis=1) & (taken[:, 2:] > box[:2] - 2).all(axis=1)
                cost += 100.0 * np.count_nonzero(over) + 1000.0 * (left < 4 or left + wide > width - 4)
                if cost < best - 1e-9:
                    best, places[name] = cost, (left, y)
        left, y = places[name]
        taken = np.vstack([taken, [left, y - high / 2, left + wide, y + high / 2]])
    return places


# -- the loss --------------------------------------------------------------------------------------


def plot_loss(losses: ArrayLike, path: str | Path, title: str = "Loss") -> None:
    """Draw the loss against the step, on a logarithmic axis unless a loss is negative or none is above zero.

    Args:
        losses: (steps,), the loss before each update. Zeros stand at the foot of the axis; the line ends at the
            first loss that is not finite, and a mark says so.

    Raises:
        DataError: there is no loss, or not one array of numbers; or the file cannot be written or named so.
    """
    _kind(path)
    values = np.asarray(losses, np.float64)
    if values.ndim != 1 or not values.size:
        raise DataError(f"losses: found shape {spell_shape(values.shape) or '()'}; expected (steps,), at least one")
    bad = np.flatnonzero(~np.isfinite(values))
    shown = values[: bad[0]] if bad.size else values
    steps = np.arange(len(shown))
    logarithmic = bool((shown > 0).any() and not (shown < 0).any())
    # The axis is linear in log10(loss) and labelled by hand: no value can upset it.
    heights, foot = np.clip(shown, -1e250, 1e250), None
    if logarithmic:
        heights = np.log10(np.where(shown > 0, shown, 1.0))
        if (shown == 0).any():
            foot = float(heights[shown > 0].min()) - 1.0
            heights[shown == 0] = foot
    low, high = (float(heights.min()), float(heights.max())) if len(heights) else (0.0, 1.0)
    room = max(0.07 * (high - low), 0.02 if logarithmic else 0.05 * max(abs(low), abs(high))) or 1.0
    low, high = low - room, high + room
    with _picture(path, 560, 340) as figure:
        head = _head(figure, [_Line(part, 13, "bold") for part in _wrapped(title, 13, "bold", 500)]) + 24
        axes = _axes(figure, 74, head, 404, max(340 - head - 50, 60))
        axes.set_xlabel("step")
        axes.set_ylabel("loss (logarithmic)" if logarithmic else "loss")
        span = max(len(values) - 1.0, 1.0)
        axes.set_xlim(-0.012 * span, span * 1.012)
        axes.locator_params(axis="x", integer=True)
        axes.set_ylim(low, high)
        if logarithmic:
            axes.set_yticks(*_log_ticks(low, high, foot))
        kept = _thinned(heights)
        axes.plot(steps[kept], heights[kept], color=BLUE, lw=1.6)
        if len(shown):
            axes.plot(steps[-1], heights[-1], "o", color=BLUE, ms=5.5, clip_on=False, zorder=4)
            axes.annotate(
                f"{shown[-1]:.4g}",
                (1.0, heights[-1]),
                (9, 0),
                xycoords=axes.get_yaxis_transform(),
                textcoords="offset points",
                va="center",
                weight="bold",
                color=BLUE,
            )
        if bad.size:
            axes.axvline(float(bad[0]), color=RED, lw=1.2, ls=(0, (4, 2.5)))
            axes.annotate(
                f"not finite from step {int(bad[0])}",
                (float(bad[0]), 1.0),
                (0, 4),
                xycoords=axes.get_xaxis_transform(),
                textcoords="offset points",
                ha="right" if bad[0] > span / 2 else "left",
                va="bottom",
                color=RED,
            )


def _log_ticks(low: float, high: float, zero: float | None) -> tuple[list[float], list[str]]:
    """Heights (log10) and labels of at most eight ticks between ``low`` and ``high``; a zero stands at ``zero``."""
    decades = range(ceil(low), floor(high) + 1)
    step = max(1, ceil(len(decades) / 7))
    heights = [float(decade) for decade in decades if decade % step == 0]
    labels = [_power(decade) for decade in decades if decade % step == 0]
    if len(heights) < 3:
        decade = floor(low)
        parts = [d + log10(m) for d in (decade, decade + 1, decade + 2) for m in (1, 2, 5)]
        parts = [part for part in parts if low <= part <= high]
        if len(parts) < 3:
            linear = MaxNLocator(5).tick_values(10 ** (low - decade), 10 ** (high - decade))
            parts = [decade + log10(m) for m in linear if m > 0 and low <= decade + log10(m) <= high]
        heights = parts
        labels = [_power(floor(part + 1e-9), 10 ** (part - floor(part + 1e-9))) for part in parts]
    if zero is not None:
        keep = [i for i, height in enumerate(heights) if height > zero + 0.5]
        heights, labels = [zero, *(heights[i] for i in keep)], ["0", *(labels[i] for i in keep)]
    return heights, labels


def _power(exponent: int, factor: float = 1.0) -> str:
    """``factor`` times ten to the ``exponent``, in few characters: 0.02, 300, 2e-7."""
    return f"{factor * 10.0**exponent:.6g}" if abs(exponent) <= 3 else f"{factor:.6g}e{exponent}"


def _thinned(values: Array, bins: int = 2000) -> Array:
    """The indices of the lowest and highest of each bin: a long curve looks the same and its file stays small."""
    count = len(values)
    if count <= 4 * bins:
        return np.arange(count)
    edges = np.linspace(0, count, bins + 1).astype(int)
    kept = {0, count - 1}
    for start, end in pairwise(edges):
        kept |= {start + int(values[start:end].argmin()), start + int(values[start:end].argmax())}
    return np.array(sorted(kept))


# -- kernels ---------------------------------------------------------------------------------------


def plot_kernels(learned: Mapping[str, ArrayLike], teacher: Mapping[str, ArrayLike], path: str | Path) -> None:
    """Draw each convolution kernel of a teacher, as it was learned, and the difference, one row for a pair of channels.

    Args:
        learned: arrays by full name. Those that end in ".kernel" and are (out, in, kh, kw) are drawn, the first
            8 of their (out, in) pairs; the others are told in lines below.
        teacher: arrays of the same names and shapes.

    Raises:
        DataError: the names or shapes differ; or the file cannot be written or named so.
    """
    _kind(path)
    ours = {name: np.asarray(array, np.float64) for name, array in learned.items()}
    theirs = {name: np.asarray(array, np.float64) for name, array in teacher.items()}
    for name in dict.fromkeys([*theirs, *ours]):
        if name not in ours or name not in theirs:
            raise DataError(f"'{name}' is {'learned' if name in ours else 'the teacher'}'s only; expected it in both")
        if ours[name].shape != theirs[name].shape:
            raise DataError(
                f"'{name}': found shape {spell_shape(ours[name].shape) or '()'} beside the teacher's; "
                f"expected {spell_shape(theirs[name].shape) or '()'}"
            )
    rows = [
        row for name in theirs if _is_kernel(name, theirs[name]) for row in _kernel_rows(name, theirs[name], ours[name])
    ]
    notes = [_parameter_line(name, theirs[name], ours[name]) for name in theirs if not _is_kernel(name, theirs[name])]
    label_wide = (
        max([_width(row.name, 9.5, "bold") for row in rows] + [_width(row.note, 8, "normal") for row in rows] + [60.0])
        + 16
    )
    panel = max([row.size[0] for row in rows] + [100.0])
    width = MARGIN * 2 + label_wide + 3 * panel + 2 * 22 + 62
    texts = [part for note in notes for part in _wrapped(note, 8.5, "normal", width - 2 * MARGIN)]
    top = MARGIN + 54
    height = (
        top + sum(max(row.size[1], 44.0) + 18 for row in rows) + len(texts) * 14 + (10 if texts else 0) + MARGIN - 10
    )
    with _picture(path, width, height) as figure:
        sheet = _sheet(figure)
        title = "Kernels: teacher and learned" if rows else "No convolution kernels"
        _write(sheet, _Line(title, 13, "bold"), width / 2, MARGIN + 4, ha="center")
        columns = [MARGIN + label_wide + panel / 2 + i * (panel + 22) for i in range(3)]
        for column, text in zip(columns, ("teacher", "learned", "learned - teacher"), strict=True):
            if rows:
                _write(sheet, _Line(text, 9.5, colour=SOFT), column, top - 14, ha="center")
        y = top
        for row in rows:
            high = max(row.size[1], 44.0)
            middle = y + high / 2
            _write(sheet, _Line(row.name, 9.5, "bold"), MARGIN, middle - (6 if row.note else 0))
            _write(sheet, _Line(row.note, 8, colour=SOFT), MARGIN, middle + 8)
            limit = _limit(row.teacher, row.learned)
            for column, values in zip(columns[:2], (row.teacher, row.learned), strict=True):
                _cells(sheet, values, column, middle, row.cell, limit, _rounded)
            _cells(sheet, row.learned - row.teacher, columns[2], middle, row.cell, limit, _small)
            _scale(sheet, columns[2] + panel / 2 + 18, middle - row.size[1] / 2, row.size[1], limit)
            y += high + 18
        for number, text in enumerate(texts):
            _write(sheet, _Line(text, 8.5, colour=SOFT), MARGIN, y + 8 + 14 * number)


@dataclass(frozen=True)
class _Row:
    """One pair of channels of a kernel: (kh, kw) maps, and the side of a cell in points."""

    name: str
    note: str
    teacher: Array
    learned: Array

    @property
    def cell(self) -> float:
        longest = max(self.teacher.shape)
        return 34.0 if longest <= 7 else max(170.0 / longest, 1.0)

    @property
    def size(self) -> Pair:
        """(width, height) in points."""
        return self.teacher.shape[1] * self.cell, self.teacher.shape[0] * self.cell


def _is_kernel(name: str, array: Array) -> bool:
    return name.endswith(".kernel") and array.ndim == 4


def _kernel_rows(name: str, teacher: Array, learned: Array) -> list[_Row]:
    pairs = list(np.ndindex(teacher.shape[:2]))
    size = spell_shape(teacher.shape[2:])
    rows = []
    for number, (first, second) in enumerate(pairs[:PAIRS]):
        note = size if len(pairs) == 1 else f"[{first}, {second}]  {size}"
        if number == PAIRS - 1 and len(pairs) > PAIRS:
            note += f", {len(pairs) - PAIRS} more not drawn"
        rows.append(_Row(name, note, teacher[first, second], learned[first, second]))
    return rows


def _parameter_line(name: str, teacher: Array, learned: Array) -> str:
    if teacher.size == 1:
        return f"{name}: teacher {teacher.item():.6g}, learned {learned.item():.6g}"
    with np.errstate(invalid="ignore"):
        worst = float(np.abs(learned - teacher).max(initial=0.0))
    text = f"{name} ({spell_shape(teacher.shape)}): largest difference {worst:.3g}"
    if teacher.size <= 4:
        spelled = [", ".join(f"{value:.4g}" for value in array.flat) for array in (teacher, learned)]
        text += f" (teacher {spelled[0]}; learned {spelled[1]})"
    return text


def _cells(sheet: Axes, values: Array, x: float, y: float, cell: float, limit: float, spell: Any) -> None:
    """A map of coloured cells around (x, y), with their numbers where there are at most 7 x 7."""
    high, wide = values.shape
    left, top = x - wide * cell / 2, y - high * cell / 2
    image = sheet.imshow(
        np.ma.masked_invalid(values),
        cmap=_colours(DIVERGING),
        vmin=-limit,
        vmax=limit,
        extent=(left, left + wide * cell, top + high * cell, top),
        interpolation="nearest",
        aspect="auto",
        zorder=2,
    )
    frame = Rectangle((left, top), wide * cell, high * cell, fc="none", ec=FAINT, lw=0.8, zorder=3)
    sheet.add_patch(frame)
    if max(values.shape) > 7:
        return
    for row, column in np.ndindex(values.shape):
        value = float(values[row, column])
        colour = _readable(image, value)
        place = (left + (column + 0.5) * cell, top + (row + 0.5) * cell)
        _write(sheet, _Line(spell(value, limit), 7.5, colour=colour), *place, ha="center")
    for row in range(1, high):
        sheet.plot([left, left + wide * cell], [top + row * cell] * 2, color=PAPER, lw=0.8, zorder=2.5)
    for column in range(1, wide):
        sheet.plot([left + column * cell] * 2, [top, top + high * cell], color=PAPER, lw=0.8, zorder=2.5)


def _scale(sheet: Axes, left: float, top: float, high: float, limit: float) -> None:
    """The colour scale of a row of maps, from -limit to limit."""
    top, high = (top, high) if high >= 44 else (top + high / 2 - 22, 44.0)
    ramp = np.linspace(1, -1, 128)[:, None]
    extent = (left, left + 7, top + high, top)
    sheet.imshow(ramp, cmap=_colours(DIVERGING), vmin=-1, vmax=1, extent=extent, aspect="auto", zorder=2)
    sheet.add_patch(Rectangle((left, top), 7, high, fc="none", ec=FAINT, lw=0.8, zorder=3))
    for text, y in ((f"{limit:.3g}", top + 4), ("0", top + high / 2), (f"-{limit:.3g}", top + high - 4)):
        _write(sheet, _Line(text, 7.5, colour=SOFT), left + 11, y)


def _rounded(value: float, limit: float) -> str:
    """A value to about three figures of the largest one: 2, -0.25, 0.998."""
    if not isfinite(value):
        return str(value)
    if not 1e-3 <= limit < 1e4:
        return _small(value, limit)
    places = min(max(2 - floor(log10(limit)), 0), 5)
    text = f"{value:.{places}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def _small(value: float, limit: float) -> str:
    """A difference to two figures: 0.12, -3e-11."""
    if value == 0 or not isfinite(value):
        return "0" if value == 0 else str(value)
    if 0.01 <= abs(value) < 1000:
        return f"{value:.2g}" if abs(value) < 100 else f"{value:.0f}"
    figure, exponent = f"{value:.0e}".split("e")
    return f"{figure}e{int(exponent)}"


# -- an answer beside its target -------------------------------------------------------------------


def plot_reconstruction(target: ArrayLike, answer: ArrayLike, path: str | Path, name: str) -> None:
    """Draw a target, the answer and the difference of both, as maps or, for a vector, as bars.

    Args:
        target, answer: (H, W), (C, H, W), (N, C, H, W), or (F,); of several samples or channels the first is drawn.
            The errors in the title are over all of them: max |answer - target|, and the root of the sum of
            squared differences relative to the target's.
        name: the output's name.

    Raises:
        DataError: the shapes differ, or are none of these; or the file cannot be written or named so.
    """
    _kind(path)
    wanted, found = np.asarray(target, np.float64), np.asarray(answer, np.float64)
    if wanted.shape != found.shape or not 1 <= wanted.ndim <= 4 or not wanted.size:
        raise DataError(
            f"'{name}': found a target of shape {spell_shape(wanted.shape) or '()'} and an answer of "
            f"{spell_shape(found.shape) or '()'}; expected one shape: (H, W), (C, H, W), (N, C, H, W) or (F,)"
        )
    lines = [_Line(_printable(name), 13, "bold"), _Line(_error_text(wanted, found), 9.5, colour=SOFT)]
    counts = zip((*wanted.shape[-3::-1],), ("channels", "samples"), strict=False)
    firsts = [f"first of {count} {kind}" for count, kind in counts if count > 1]
    if firsts:
        lines.append(_Line(f"drawn: {', '.join(firsts)}", 9, colour=SOFT))
    while wanted.ndim > 2:
        wanted, found = wanted[0], found[0]
    with np.errstate(invalid="ignore", over="ignore"):
        panels = {"target": wanted, "answer": found, "answer - target": found - wanted}
    both = np.concatenate([wanted.ravel(), found.ravel()])
    both = both[np.isfinite(both)]
    low, high = (float(both.min()), float(both.max())) if both.size else (0.0, 1.0)
    if high <= low:
        low, high = low - max(abs(low), 1.0) * 0.5, high + max(abs(high), 1.0) * 0.5
    limit = _limit(panels["answer - target"])
    ratio = wanted.shape[0] / wanted.shape[-1] if wanted.ndim == 2 else 0.8
    wide, tall = (190.0, min(max(190.0 * ratio, 24.0), 520.0)) if ratio < 3 else (max(520.0 / ratio, 24.0), 520.0)
    gap = 86.0
    width = 2 * MARGIN + 14 + 3 * max(wide, 150.0) + 2 * gap + 56
    top = MARGIN + sum(line.size * 1.5 for line in lines) + 30
    with _picture(path, width, top + tall + 22 + MARGIN) as figure:
        _head(figure, lines)
        for number, (label, values) in enumerate(panels.items()):
            left = MARGIN + 14 + number * (max(wide, 150.0) + gap) + max(150.0 - wide, 0.0) / 2
            axes = _axes(figure, left, top, wide, tall)
            axes.set_title(label, fontsize=10, color=SOFT, pad=7)
            last = number == 2
            ends = (-limit, limit) if last else (low, high)
            if wanted.ndim == 1:
                _bars(axes, values, ends, RED if last else BLUE)
                continue
            cmap = _colours(DIVERGING if last else SEQUENTIAL)
            axes.grid(False)
            axes.spines[:].set_visible(True)
            shown = np.ma.masked_invalid(values)
            image = axes.imshow(shown, cmap=cmap, vmin=ends[0], vmax=ends[1], aspect="auto", interpolation="nearest")
            axes.tick_params(labelsize=7.5, length=2.5)
            axes.locator_params(integer=True, nbins=5)
            bar = figure.colorbar(image, format="%.3g", cax=_axes(figure, left + wide + 8, top, 8, tall))
            bar.ax.grid(False)
            bar.outline.set_edgecolor(FAINT)
            bar.ax.tick_params(labelsize=7.5, length=2.5)


def _error_text(target: Array, answer: Array) -> str:
    with np.errstate(all="ignore"):
        worst = float(np.abs(answer - target).max())
        size = float(np.linalg.norm(target))
        relative = float(np.linalg.norm(answer - target)) / size if size else float("nan")
    told = f"{relative:.3g}" if size else "undefined (the target is 0)"
    return f"max |difference| {worst:.3g}, relative error {told}"


def _bars(axes: Axes, values: Array, ends: Pair, colour: str) -> None:
    """A vector as bars, one for each feature."""
    room = 0.06 * (max(ends[1], 0.0) - min(ends[0], 0.0))
    axes.bar(np.arange(len(values)), np.where(np.isfinite(values), values, 0.0), width=0.8, color=colour)
    axes.set_ylim(min(ends[0], 0.0) - (room if ends[0] < 0 else 0.0), max(ends[1], 0.0) + room)
    axes.axhline(0.0, color=FAINT, lw=0.8)
    axes.set_xlabel("feature")
    axes.grid(False, axis="x")
    axes.tick_params(labelsize=7.5, length=2.5)
    axes.locator_params(axis="x", integer=True, nbins=6)
    axes.yaxis.set_major_formatter("{x:.3g}")


# -- what all pictures share -----------------------------------------------------------------------


def _kind(path: str | Path) -> str:
    """The suffix of a picture's name in small letters.

    Raises:
        DataError: it is none of .png, .svg and .pdf.
    """
    kind = Path(path).suffix.lower()
    if kind not in KINDS:
        raise DataError(f"{path}: found a name that ends in '{Path(path).suffix}'; expected .png, .svg or .pdf")
    return kind


@contextmanager
def _picture(path: str | Path, width: float, height: float) -> Iterator[Figure]:
    """An empty figure of (width, height) points in the common style, written to ``path`` when the block ends."""
    kind = _kind(path)
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        figure = Figure(figsize=(width / 72, height / 72))
        yield figure
        dots = min(150.0, 72 * (PIXELS / (width * height)) ** 0.5, 72 * 60000 / max(width, height))
        with whole(path) as temporary:
            figure.savefig(temporary, format=kind[1:], dpi=dots, metadata=KINDS[kind])


def _sheet(figure: Figure) -> Axes:
    """Axes over the whole figure in points, y downwards, with nothing on them."""
    sheet = figure.add_axes((0, 0, 1, 1))
    wide, high = figure.get_size_inches() * 72
    sheet.set_autoscale_on(False)
    sheet.set_xlim(0, wide)
    sheet.set_ylim(high, 0)
    sheet.set_axis_off()
    return sheet


def _axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes at a place in points, counted from the figure's top left corner."""
    wide, high = figure.get_size_inches() * 72
    return figure.add_axes((left / wide, 1 - (top + height) / high, width / wide, height / high))


def _head(figure: Figure, lines: Sequence[_Line]) -> float:
    """Write the lines of a title, centred at the top; returns where they end."""
    sheet = _sheet(figure)
    return _stack(sheet, lines, sheet.get_xlim()[1] / 2, MARGIN - 4, 1.5)


def _stack(sheet: Axes, lines: Sequence[_Line], x: float, top: float, leading: float) -> float:
    for line in lines:
        _write(sheet, line, x, top + line.size * leading / 2, ha="center")
        top += line.size * leading
    return top


def _write(sheet: Axes, line: _Line, x: float, y: float, **options: Any) -> None:
    """A line of text with its left end (or with ``ha="center"`` its middle) at (x, y)."""
    # Centred on the height of its letters, so that neighbours share a baseline whatever they spell.
    options = {"zorder": 3.5, "ha": "left", **options}
    sheet.text(
        x,
        y + 0.36 * line.size,
        line.text,
        va="baseline",
        fontsize=line.size,
        weight=line.weight,
        color=line.colour,
        parse_math=False,
        **options,
    )


def _width(text: str, size: float, weight: str) -> float:
    """How wide a line of text is, in points."""
    font = FontProperties(family=FONT, size=size, weight=weight)
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]) if text else 0.0


def _printable(text: str) -> str:
    """``text`` in one line, with a white square for every character that the font lacks."""
    font = get_font(findfont(FontProperties(family=FONT)))
    return "".join(
        c if font.get_char_index(ord(c)) else "\u25a1" for c in re.sub(r"[ \t\r\n\f\v]+", " ", text).strip(" ")
    )


def _wrapped(text: str, size: float, weight: str, width: float) -> list[str]:
    """``text`` in lines of at most ``width`` points, broken at spaces, and within a word only where it must be."""
    lines: list[str] = []
    line = ""
    for word in _printable(text).split(" ") if text.strip() else ():
        if line and _width(f"{line} {word}", size, weight) > width:
            lines.append(line)
            line = ""
        line = f"{line} {word}" if line else word
        while len(line) > 1 and _width(line, size, weight) > width:
            end = len(line) - 1
            while end > 1 and _width(line[:end], size, weight) > width:
                end -= 1
            lines.append(line[:end])
            line = line[end:]
    return [*lines, line] if line else lines


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' if number != 1 else ''}"


def _tint(colour: str, strength: float) -> tuple[float, float, float]:
    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(colour))
    return red, green, blue


def _colours(name: str) -> Colormap:
    """A colour map with grey for what is no number."""
    return colormaps[name].with_extremes(bad=NO_NUMBER)


def _limit(*arrays: Array) -> float:
    """The largest finite magnitude; 1 where all are 0."""
    finite = np.concatenate([array[np.isfinite(array)].ravel() for array in arrays])
    return float(np.abs(finite).max(initial=0.0)) or 1.0


def _readable(image: AxesImage, value: float) -> str:
    """Ink or paper, whichever is easier to read on the colour of ``value``."""
    colour = to_rgb(NO_NUMBER) if not isfinite(value) else image.to_rgba(np.array([value]))[0, :3]
    red, green, blue = np.asarray(colour, np.float64) ** 2.2
    return INK if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.225 else PAPER
