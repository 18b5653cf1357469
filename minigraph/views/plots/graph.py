"""The picture of a graph: a box for each input and node, and a line for each value that one reads of another."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from math import prod
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon, Rectangle
from matplotlib.path import Path as Curve
from matplotlib.patheffects import withStroke

from minigraph.arrays import Array, spell_shape
from minigraph.graph.graph import Graph
from minigraph.graph.node import Node
from minigraph.ops import Op
from minigraph.views.layout import Edge, Layout, Point, layout
from minigraph.views.plots.sheet import (
    DASHED,
    FAINT,
    MARGIN,
    PAPER,
    SOFT,
    Line,
    blank_sheet,
    foot_of_head,
    kind_of,
    picture,
    stack,
    wrapped,
    write,
    write_head,
)
from minigraph.views.summary import spell_op
from minigraph.wording import counted

SLATE, MIST = "#3d4f5f", "#d5dde4"
# After Paul Tol's bright and vibrant schemes, which colour-blind readers can tell apart.
FAMILY_HUES = {
    "convolution": "#4477aa",
    "activation": "#ee7733",
    "arithmetic": "#228833",
    "concatenation": "#aa3377",
    "transposed convolution": "#0e9aa7",
    "dense": "#b8a11f",
    "pooling": "#cc3344",
    "normalization": "#7766bb",
}
TEXT_WIDTH = 190.0  # the widest line of text in a node's box


@dataclass(frozen=True)
class _Box:
    """What stands in a box; ``foot`` is the text of an output's strip at the lower edge, ``arrows`` enter it."""

    lines: list[Line]
    hue: str
    needed: bool
    is_input: bool = False
    foot: Line | None = None
    arrows: int = 0

    LEADING = 1.42
    FOOT = 17.0

    @property
    def size(self) -> Point:
        """(width, height) in points."""
        wide = max(line.width for line in [*self.lines, *([self.foot] if self.foot else [])])
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
    kind_of(path)
    boxes = _boxes(graph)
    plan = layout(graph, {name: box.size for name, box in boxes.items()})
    width = max(plan.width, 430.0) + 2 * MARGIN
    count = sum(prod(parameter.shape) for parameter in graph.parameters.values())
    facts = f"{counted(len(graph.nodes), 'node')}, {counted(count, 'parameter')}, {graph.dtype}"
    head = [
        *wrapped(Line(graph.name, 15, "bold"), width - 2 * MARGIN),
        *wrapped(Line(graph.description, 9.5, colour=SOFT), width - 2 * MARGIN),
        Line(facts, 8.5, colour=SOFT),
    ]
    top = foot_of_head(head) + 20
    with picture(path, width, top + plan.height + MARGIN) as figure:
        sheet = blank_sheet(figure)
        write_head(sheet, head)
        plan = _moved(plan, (width - plan.width) / 2, top)
        for edge in sorted(plan.edges, key=lambda edge: boxes[edge.target].needed):  # what is needed on top
            _draw_edge(sheet, edge, boxes[edge.target].needed)
        for name, box in boxes.items():
            _draw_box(sheet, box, plan.positions[name], plan.sizes[name])
        shapes = {
            name: Line(spell_shape(shape), 8, colour=SOFT if boxes[name].needed else FAINT)
            for name, shape in graph.shapes.items()
        }
        halo = withStroke(linewidth=2.5, foreground=PAPER)
        for name, (x, y) in _shape_places(plan, shapes, width).items():
            write(sheet, shapes[name], x, y, path_effects=[halo], zorder=4)


def _boxes(graph: Graph) -> dict[str, _Box]:
    nodes, shapes, needed = graph.nodes, graph.shapes, graph.needed()
    counts: dict[str, int] = {}
    for full_name, parameter in graph.parameters.items():
        owner = full_name.split(".")[0]
        counts[owner] = counts.get(owner, 0) + prod(parameter.shape)
    read = {source for node in nodes.values() for source in node.inputs}
    boxes = {}
    for name in graph.inputs:
        lines = [Line(name, 10, "bold", PAPER), Line("input", 8, colour=MIST)]
        if name not in read:
            lines.append(Line(spell_shape(shapes[name]), 8, colour=MIST))
        boxes[name] = _Box(lines, SLATE, name in needed, is_input=True)
    for name in graph.order:
        node, is_output = nodes[name], name in graph.outputs
        words = spell_op(Node(node.op, node.inputs)).split(", ")
        spelled = ", ".join(word.replace(" ", "\u00a0") for word in words)  # broken between attributes only
        notes = [counted(counts[name], "parameter")] if name in counts else []
        notes += [f"shares {node.share}"] if node.share else []
        notes += ["frozen"] if notes and not node.trainable else []
        notes += ["no output needs it"] if name not in needed else []
        notes += [spell_shape(shapes[name])] if name not in read and not is_output else []
        lines = [
            Line(name, 10, "bold"),
            *wrapped(Line(spelled, 8.5), TEXT_WIDTH),
            *wrapped(Line(", ".join(notes), 7.5, colour=SOFT), TEXT_WIDTH),
        ]
        foot = Line(f"output  {spell_shape(shapes[name])}", 7.5, "bold", PAPER) if is_output else None
        hue = op_colour(type(node.op))
        boxes[name] = _Box(lines, hue, name in needed, foot=foot, arrows=len(node.inputs))
    return boxes


def op_colour(op: type[Op]) -> str:
    """The colour of an op's family, "#rrggbb"; the same in every picture and every process.

    A family that is not known here has one of the same colours, and so has an op that names none.

    >>> from minigraph.ops import Conv, Op
    >>> op_colour(Conv), op_colour(type("MyOwn", (Op,), {})) == op_colour(type("MyOwn", (Op,), {}))
    ('#4477aa', True)
    """
    family = op.family or op.__name__
    hues = list(FAMILY_HUES.values())
    return FAMILY_HUES.get(family) or hues[zlib.crc32(family.encode()) % len(hues)]


def _moved(plan: Layout, right: float, down: float) -> Layout:
    return replace(
        plan,
        positions={name: (x + right, y + down) for name, (x, y) in plan.positions.items()},
        edges=[replace(edge, points=[(x + right, y + down) for x, y in edge.points]) for edge in plan.edges],
    )


def _draw_box(sheet: Axes, box: _Box, centre: Point, size: Point) -> None:
    (x, y), (wide, high) = centre, size
    left, top = x - wide / 2, y - high / 2
    hue = box.hue if box.needed else FAINT
    style = f"round,pad=0,rounding_size={high / 2 if box.is_input else 6}"
    inside = hue if box.is_input and box.needed else _tint(hue, 0.16)
    fill = FancyBboxPatch((left, top), wide, high, style, fc=inside, lw=0, zorder=2)
    sheet.add_patch(fill)
    if box.foot:
        strip = Rectangle((left, top + high - box.FOOT), wide, box.FOOT, fc=SLATE, lw=0, zorder=2.5)
        sheet.add_patch(strip)
        strip.set_clip_path(fill)
        write(sheet, box.foot, x, top + high - box.FOOT / 2, ha="center")
    dashes = "-" if box.needed else DASHED
    sheet.add_patch(FancyBboxPatch((left, top), wide, high, style, fc="none", ec=hue, lw=1.3, ls=dashes, zorder=3))
    lines = box.lines if box.needed else [replace(line, colour=SOFT) for line in box.lines]
    stack(sheet, lines, x, top + 6.5, box.LEADING)


def _tint(colour: str, strength: float) -> tuple[float, ...]:
    return tuple(1 - strength * (1 - part) for part in to_rgb(colour))


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
    dashes = "-" if needed else DASHED
    sheet.add_patch(
        PathPatch(Curve(vertices, codes), fc="none", ec=colour, lw=1.2, ls=dashes, capstyle="butt", zorder=1)
    )
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


def _shape_places(plan: Layout, shapes: Mapping[str, Line], width: float) -> dict[str, Point]:
    """Where the text of each name's shape stands, its left end and middle: by a line of it, where there is room."""
    lines = {id(edge): curve_points(edge) for edge in plan.edges}
    cloud = np.vstack([*lines.values(), np.zeros((1, 2))])
    cloud = cloud[np.argsort(cloud[:, 1], kind="stable")]
    centres = np.array(list(plan.positions.values()))
    halves = np.array([plan.sizes[name] for name in plan.positions]) / 2
    taken = np.zeros((0, 4))
    places: dict[str, Point] = {}
    own: dict[str, list[Edge]] = {}
    for edge in plan.edges:
        own.setdefault(edge.source, []).append(edge)
    for name, edges in own.items():
        wide, high = shapes[name].width, 9.0
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
