"""The picture of a reconstruction: a target, the answer and their difference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from minigraph.arrays import Array, spell_shape
from minigraph.errors import DataError
from minigraph.views.layout import Point
from minigraph.views.plots.kernels import Spelling, readable
from minigraph.views.plots.sheet import (
    BLUE,
    DIVERGING,
    FAINT,
    MARGIN,
    RED,
    SOFT,
    Line,
    axes_at,
    blank_sheet,
    colours,
    foot_of_head,
    kind_of,
    largest,
    picture,
    printable,
    write_head,
)

SEQUENTIAL = "viridis"
NUMBERED, CELL = 10, 30.0  # the longest side of a map whose numbers are drawn, and the width of a cell that has one


def plot_reconstruction(target: ArrayLike, answer: ArrayLike, path: str | Path, name: str) -> None:
    """Draw a target, the answer and the difference of both, as maps or, for a vector, as bars.

    Maps of at most 10 x 10 show their numbers.

    Args:
        target, answer: (H, W), (C, H, W), (N, C, H, W), or (F,); of several samples or channels the first is drawn.
            The errors in the title are over all of them: max |answer - target|, and the root of the sum of
            squared differences relative to the target's.
        name: the output's name.

    Raises:
        DataError: the shapes differ, or are none of these; or the file cannot be written or named so.
    """
    kind_of(path)
    wanted, answer_map = np.asarray(target, np.float64), np.asarray(answer, np.float64)
    if wanted.shape != answer_map.shape or not 1 <= wanted.ndim <= 4 or not wanted.size:
        raise DataError(
            f"'{name}': found a target of shape {spell_shape(wanted.shape) or '()'} and an answer of "
            f"{spell_shape(answer_map.shape) or '()'}; expected one shape: (H, W), (C, H, W), (N, C, H, W) or (F,)"
        )
    lines = [Line(printable(name), 13, "bold"), Line(_error_text(wanted, answer_map), 9.5, colour=SOFT)]
    counts = zip(wanted.shape[-3::-1], ("channels", "samples"), strict=False)
    firsts = [f"first of {count} {kind}" for count, kind in counts if count > 1]
    if firsts:
        lines.append(Line(f"drawn: {', '.join(firsts)}", 9, colour=SOFT))
    while wanted.ndim > 2:
        wanted, answer_map = wanted[0], answer_map[0]
    with np.errstate(invalid="ignore", over="ignore"):
        panels = {"target": wanted, "answer": answer_map, "answer - target": answer_map - wanted}
    both = np.concatenate([wanted.ravel(), answer_map.ravel()])
    both = both[np.isfinite(both)]
    low, high = (float(both.min()), float(both.max())) if both.size else (0.0, 1.0)
    if high <= low:
        low, high = low - max(abs(low), 1.0) * 0.5, high + max(abs(high), 1.0) * 0.5
    limit = largest(panels["answer - target"])
    numbered = wanted.ndim == 2 and max(wanted.shape) <= NUMBERED
    ratio = wanted.shape[0] / wanted.shape[-1] if wanted.ndim == 2 else 0.8
    wide, tall = (190.0, min(max(190.0 * ratio, 24.0), 520.0)) if ratio < 3 else (max(520.0 / ratio, 24.0), 520.0)
    if numbered:  # each cell has room for its number
        larger = max(1.0, CELL * wanted.shape[1] / wide)
        wide, tall = wide * larger, max(tall * larger, 18.0 * wanted.shape[0])
    gap = 86.0
    column = max(wide, 150.0)
    width = 2 * MARGIN + 14 + 3 * column + 2 * gap + 56
    top = foot_of_head(lines) + 34
    with picture(path, width, top + tall + 22 + MARGIN) as figure:
        write_head(blank_sheet(figure), lines)
        for number, (label, values) in enumerate(panels.items()):
            left = MARGIN + 14 + number * (column + gap) + (column - wide) / 2
            axes = axes_at(figure, left, top, wide, tall)
            last = number == 2
            spelling = Spelling.of(values) if last else Spelling.of(wanted, answer_map)
            unit = f", times {spelling.unit}" if numbered and spelling.unit else ""
            axes.set_title(f"{label}{unit}", fontsize=10, color=SOFT, pad=7)
            ends = (-limit, limit) if last else (low, high)
            if wanted.ndim == 1:
                _bars(axes, values, ends, RED if last else BLUE)
                continue
            cmap = colours(DIVERGING if last else SEQUENTIAL)
            axes.grid(False)
            axes.spines[:].set_visible(True)
            shown = np.ma.masked_invalid(values)
            image = axes.imshow(shown, cmap=cmap, vmin=ends[0], vmax=ends[1], aspect="auto", interpolation="nearest")
            axes.tick_params(labelsize=7.5, length=2.5)
            axes.locator_params(integer=True, nbins=5)
            for row, place in np.ndindex(values.shape) if numbered else ():
                value = float(values[row, place])
                axes.text(
                    place, row, spelling(value), ha="center", va="center", fontsize=7.5, color=readable(image, value)
                )
            bar = figure.colorbar(image, format="%.3g", cax=axes_at(figure, left + wide + 8, top, 8, tall))
            bar.ax.grid(False)
            bar.outline.set_edgecolor(FAINT)
            bar.ax.tick_params(labelsize=7.5, length=2.5)


def _error_text(target: Array, answer: Array) -> str:
    with np.errstate(all="ignore"):
        difference = answer - target
        size = np.linalg.norm(target)
        ratio = f"{np.linalg.norm(difference) / size:.3g}" if size else "undefined (the target is 0)"
        return f"max |difference| {np.abs(difference).max():.3g}, relative error {ratio}"


def _bars(axes: Axes, values: Array, ends: Point, colour: str) -> None:
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
