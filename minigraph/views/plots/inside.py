"""The picture of a training step taken apart: for each node a row of maps for forward and one for backward."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from minigraph.arrays import Array, spell_shape
from minigraph.explaining import Step
from minigraph.inside import Explanation, NodeExplanation
from minigraph.views.inside import Choice, matrix, with_new_arrays
from minigraph.views.plots.kernels import Spelling, draw_map
from minigraph.views.plots.sheet import (
    MARGIN,
    SOFT,
    Line,
    blank_sheet,
    foot_of_head,
    kind_of,
    largest,
    picture,
    wrapped,
    write,
    write_head,
)

SIDE, GAP, LABEL = 132.0, 26.0, 52.0
"""The longest side of a map, what is between two, and what stands above each."""


def plot_inside(inside: Explanation, choice: Choice, path: str | Path) -> None:
    """Draw the arrays of the chosen nodes, each step's after one another, on zero-centred scales of their own.

    Args:
        choice: which nodes, and which sample and channel of each array.

    Raises:
        DataError: the file cannot be written or named so.
    """
    kind_of(path)
    rows = [row for name in choice.nodes or list(inside) for row in _rows(inside[name], choice)]
    head = [
        Line(f"{inside.graph.name}: one training step", 13, "bold"),
        Line(f"loss {inside.loss:.6g}; each map has its own scale, blue below 0, red above", 9.5, colour=SOFT),
    ]
    width = max(sum(_wide(array) + GAP for _, _, array in panels) for _, panels in rows) + 2 * MARGIN
    heights = [LABEL + max(_high(array) for _, _, array in panels) + 34 for _, panels in rows]
    top = foot_of_head(head) + 20
    with picture(path, max(width, 420.0), top + sum(heights) + MARGIN) as figure:
        sheet = blank_sheet(figure)
        write_head(sheet, head)
        for (title, panels), height in zip(rows, heights, strict=True):
            write(sheet, Line(title, 10.5, "bold"), MARGIN, top)
            left, middle = MARGIN, top + LABEL + (height - LABEL - 34) / 2
            for step, name, array in panels:
                wide = _wide(array)
                centre, limit = left + wide / 2, largest(array)
                for number, line in enumerate(wrapped(Line(step, 7.5, colour=SOFT), wide + GAP - 6)[:2]):
                    write(sheet, line, centre, top + 16 + 9 * number, ha="center")
                write(sheet, Line(name, 8.5, "bold"), centre, top + 38, ha="center")
                cell = _cell(array)
                spelling = Spelling.of(array)
                draw_map(sheet, array, centre, middle + 4, cell, limit, spelling)
                foot = middle + 4 + array.shape[0] * cell / 2 + (17 if spelling.unit else 9)
                write(
                    sheet,
                    Line(f"{spell_shape(array.shape)}, to {limit:.3g}", 7, colour=SOFT),
                    centre,
                    foot,
                    ha="center",
                )
                left += wide + GAP
            top += height


def _rows(node: NodeExplanation, choice: Choice) -> list[tuple[str, list[tuple[str, str, Array]]]]:
    """For each pass its title and, for each array, the step's title, the array's name and what is shown of it."""
    if not node.forward:
        arrays = {"value": node.value, "error": node.error}
        return [(f"{node.name}, input", [("", key, matrix(array, choice)) for key, array in arrays.items()])]
    return [
        (f"{node.name} ({node.op}), {title}", _panels(steps, choice))
        for title, steps in (("forward", node.forward), ("backward", node.backward))
    ]


def _panels(steps: Sequence[Step], choice: Choice) -> list[tuple[str, str, Array]]:
    return [
        (
            step.title if shown.name == step.result else "",
            shown.name,
            np.asarray(matrix(shown.array, choice), np.float64),
        )
        for step, arrays in with_new_arrays(steps)
        for shown in arrays
        if shown.in_full
    ]


def _cell(array: Array) -> float:
    return float(min(SIDE / max(array.shape), 26.0))


def _wide(array: Array) -> float:
    return float(max(array.shape[1] * _cell(array), 72.0))


def _high(array: Array) -> float:
    return float(array.shape[0] * _cell(array))
