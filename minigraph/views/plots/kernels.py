"""The picture of kernels: the teacher's, what was learned, and the difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import floor, isfinite, log10
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from minigraph.arrays import Array, spell_shape
from minigraph.errors import DataError
from minigraph.views.plots.sheet import (
    DIVERGING,
    FAINT,
    INK,
    MARGIN,
    NO_NUMBER,
    PAPER,
    SOFT,
    Line,
    blank_sheet,
    colours,
    kind_of,
    largest,
    picture,
    wrapped,
    write,
)

PAIRS = 8  # the most (out, in) pairs of one kernel that are drawn
COLUMN_GAP, ROW_GAP, ROW_HEIGHT = 22, 18, 44.0  # between the maps, between the rows, and a row's least height


def plot_kernels(
    learned: Mapping[str, ArrayLike],
    teacher: Mapping[str, ArrayLike],
    path: str | Path,
    title: str = "Kernels: teacher and learned",
) -> None:
    """Draw each convolution kernel of a teacher, as it was learned, and the difference, one row for a pair of channels.

    Args:
        learned: arrays by full name. Those that end in ".kernel" and are (out, in, kh, kw) are drawn, the first
            8 of their (out, in) pairs; the others are told in lines below.
        teacher: arrays of the same names and shapes.

    Raises:
        DataError: the names or shapes differ; or the file cannot be written or named so.
    """
    kind_of(path)
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
    rows: list[_Row] = []
    notes: list[Line] = []
    for name, kernel in theirs.items():
        if name.endswith(".kernel") and kernel.ndim == 4:
            rows += _kernel_rows(name, kernel, ours[name])
        else:
            notes.append(Line(_parameter_text(name, kernel, ours[name]), 8.5, colour=SOFT))
    label_wide = max([line.width for row in rows for line in (row.name, row.note)] + [60.0]) + 16
    panel = max([row.width for row in rows] + [100.0])
    width = MARGIN * 2 + label_wide + 3 * panel + 2 * COLUMN_GAP + 62
    notes = [part for note in notes for part in wrapped(note, width - 2 * MARGIN)]
    top = MARGIN + 54
    foot = top + sum(max(row.height, ROW_HEIGHT) + ROW_GAP for row in rows)
    height = foot + len(notes) * 14 + (10 if notes else 0) + MARGIN - 10
    with picture(path, width, height) as figure:
        sheet = blank_sheet(figure)
        shown = title if rows else "No convolution kernels"
        write(sheet, Line(shown, 13, "bold"), width / 2, MARGIN + 4, ha="center")
        columns = [MARGIN + label_wide + panel / 2 + i * (panel + COLUMN_GAP) for i in range(3)]
        if rows:
            for column, text in zip(columns, ("teacher", "learned", "learned - teacher"), strict=True):
                write(sheet, Line(text, 9.5, colour=SOFT), column, top - 14, ha="center")
        y = top
        for row in rows:
            high = max(row.height, ROW_HEIGHT)
            middle = y + high / 2
            write(sheet, row.name, MARGIN, middle - 6)
            write(sheet, row.note, MARGIN, middle + 8)
            limit = largest(row.teacher, row.learned)
            for column, values in zip(columns[:2], (row.teacher, row.learned), strict=True):
                draw_map(sheet, values, column, middle, row.cell, limit, partial(rounded, limit=limit))
            draw_map(sheet, row.learned - row.teacher, columns[2], middle, row.cell, limit, _small)
            draw_scale(sheet, columns[2] + panel / 2 + 18, middle, high, limit)
            y += high + ROW_GAP
        for number, note in enumerate(notes):
            write(sheet, note, MARGIN, foot + 8 + 14 * number)


@dataclass(frozen=True)
class _Row:
    """One pair of channels of a kernel: (kh, kw) maps, and the side of a cell in points."""

    name: Line
    note: Line
    teacher: Array
    learned: Array

    @property
    def cell(self) -> float:
        longest = max(self.teacher.shape)
        return 34.0 if longest <= 7 else max(170.0 / longest, 1.0)

    @property
    def width(self) -> float:
        return float(self.teacher.shape[1] * self.cell)

    @property
    def height(self) -> float:
        return float(self.teacher.shape[0] * self.cell)


def _kernel_rows(name: str, teacher: Array, learned: Array) -> list[_Row]:
    pairs = list(np.ndindex(teacher.shape[:2]))
    size = spell_shape(teacher.shape[2:])
    rows = []
    for number, (first, second) in enumerate(pairs[:PAIRS]):
        note = size if len(pairs) == 1 else f"[{first}, {second}]  {size}"
        if number == PAIRS - 1 and len(pairs) > PAIRS:
            note += f", {len(pairs) - PAIRS} more not drawn"
        lines = Line(name, 9.5, "bold"), Line(note, 8, colour=SOFT)
        rows.append(_Row(*lines, teacher[first, second], learned[first, second]))
    return rows


def _parameter_text(name: str, teacher: Array, learned: Array) -> str:
    if teacher.size == 1:
        return f"{name}: teacher {teacher.item():.6g}, learned {learned.item():.6g}"
    with np.errstate(invalid="ignore"):
        worst = float(np.abs(learned - teacher).max(initial=0.0))
    text = f"{name} ({spell_shape(teacher.shape)}): largest difference {worst:.3g}"
    if teacher.size <= 4:
        spelled = [", ".join(f"{value:.4g}" for value in array.flat) for array in (teacher, learned)]
        text += f" (teacher {spelled[0]}; learned {spelled[1]})"
    return text


def draw_map(
    sheet: Axes,
    values: Array,
    x: float,
    y: float,
    cell: float,
    limit: float,
    spell: Callable[[float], str] | None = None,
) -> None:
    """A map of coloured cells around (x, y), with its numbers as ``spell`` has them where it is at most 7 x 7."""
    high, wide = values.shape
    left, top = x - wide * cell / 2, y - high * cell / 2
    image = sheet.imshow(
        np.ma.masked_invalid(values),
        cmap=colours(DIVERGING),
        vmin=-limit,
        vmax=limit,
        extent=(left, left + wide * cell, top + high * cell, top),
        interpolation="nearest",
        aspect="auto",
        zorder=2,
    )
    sheet.add_patch(Rectangle((left, top), wide * cell, high * cell, fc="none", ec=FAINT, lw=0.8, zorder=3))
    if max(values.shape) > 7 or spell is None:
        return
    for row, column in np.ndindex(values.shape):
        value = float(values[row, column])
        colour = readable(image, value)
        place = (left + (column + 0.5) * cell, top + (row + 0.5) * cell)
        write(sheet, Line(spell(value), 7.5, colour=colour), *place, ha="center")
    for row in range(1, high):
        sheet.plot([left, left + wide * cell], [top + row * cell] * 2, color=PAPER, lw=0.8, zorder=2.5)
    for column in range(1, wide):
        sheet.plot([left + column * cell] * 2, [top, top + high * cell], color=PAPER, lw=0.8, zorder=2.5)


def draw_scale(sheet: Axes, left: float, middle: float, high: float, limit: float) -> None:
    """The colour scale of a row of maps, from -limit to limit."""
    top = middle - high / 2
    ramp = np.linspace(1, -1, 128)[:, None]
    extent = (left, left + 7, top + high, top)
    sheet.imshow(ramp, cmap=colours(DIVERGING), vmin=-1, vmax=1, extent=extent, aspect="auto", zorder=2)
    sheet.add_patch(Rectangle((left, top), 7, high, fc="none", ec=FAINT, lw=0.8, zorder=3))
    for text, y in ((f"{limit:.3g}", top + 4), ("0", top + high / 2), (f"-{limit:.3g}", top + high - 4)):
        write(sheet, Line(text, 7.5, colour=SOFT), left + 11, y)


def rounded(value: float, limit: float) -> str:
    """A value to about three figures of the largest one: 2, -0.25, 0.998."""
    if not isfinite(value) or not 1e-3 <= limit < 1e4:
        return _small(value)
    places = min(max(2 - floor(log10(limit)), 0), 5)
    text = f"{value:.{places}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _small(value: float) -> str:
    """A difference to two figures: 0.12, -3e-11."""
    if value == 0:
        return "0"
    if not isfinite(value) or 0.01 <= abs(value) < 100:
        return f"{value:.2g}"
    if 100 <= abs(value) < 1000:
        return f"{value:.0f}"
    figure, exponent = f"{value:.0e}".split("e")
    return f"{figure}e{int(exponent)}"


def readable(image: AxesImage, value: float) -> str:
    """Ink or paper, whichever is easier to read on the colour of ``value``."""
    colour = to_rgb(NO_NUMBER) if not isfinite(value) else image.to_rgba(np.array([value]))[0, :3]
    red, green, blue = np.asarray(colour, np.float64) ** 2.2
    return INK if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.225 else PAPER
