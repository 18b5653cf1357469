"""The picture of kernels: the teacher's, what was learned, and the difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from minigraph.arrays import Array, Shape, spell_shape
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
from minigraph.wording import figures

NUMBERED = 7  # the longest side of a map whose numbers are written into its cells
PAIRS = 8  # the most (out, in) pairs of one kernel that are drawn
COLUMN_GAP, ROW_GAP, ROW_HEIGHT = 22, 18, 44.0  # between the maps, between the rows, and a row's least height


def plot_kernels(
    learned: Mapping[str, ArrayLike],
    teacher: Mapping[str, ArrayLike],
    path: str | Path,
    title: str = "Kernels: teacher and learned",
    before: Mapping[str, ArrayLike] | None = None,
    notes: Sequence[str] = (),
) -> None:
    """Draw each convolution kernel of a teacher, as it was learned, and the difference, one row for a pair of channels.

    Args:
        learned: arrays by full name. Those that end in ".kernel" and are (out, in, kh, kw) are drawn, the first
            8 of their (out, in) pairs; the others are told in lines below.
        teacher: arrays of the same names and shapes.
        before: the same before training, for a column of its own.
        notes: further lines below.

    Raises:
        DataError: the names or shapes differ; or the file cannot be written or named so.
    """
    kind_of(path)
    after = "learned" if before is None else "after training"
    sets = {"teacher": teacher, **({} if before is None else {"before training": before}), after: learned}
    columns = {
        label: {name: np.asarray(array, np.float64) for name, array in given.items()} for label, given in sets.items()
    }
    theirs = columns["teacher"]
    for label, arrays in columns.items():
        for name in dict.fromkeys([*theirs, *arrays]):
            if name not in arrays or name not in theirs:
                found = label if name in arrays else "teacher"
                raise DataError(f"'{name}' is found in '{found}' only; expected it in {', '.join(columns)}")
            if arrays[name].shape != theirs[name].shape:
                raise DataError(
                    f"'{name}': found shape {spell_shape(arrays[name].shape) or '()'} beside the teacher's; "
                    f"expected {spell_shape(theirs[name].shape) or '()'}"
                )
    rows: list[_Row] = []
    lines: list[Line] = []
    for name, kernel in theirs.items():
        given = {label: arrays[name] for label, arrays in columns.items()}
        if name.endswith(".kernel") and kernel.ndim == 4:
            with np.errstate(invalid="ignore"):
                rows += _kernel_rows(name, given | {f"{after} - teacher": given[after] - kernel})
        else:
            lines.append(Line(_parameter_text(name, given), 8.5, colour=SOFT))
    labels = list(rows[0].maps) if rows else []
    label_wide = max([line.width for row in rows for line in (row.name, row.note)] + [60.0]) + 16
    panel = max([row.width for row in rows] + [100.0])
    width = MARGIN * 2 + label_wide + (len(columns) + 1) * (panel + COLUMN_GAP) - COLUMN_GAP + 68
    lines += [Line(note, 8.5, colour=SOFT) for note in notes]
    lines = [part for line in lines for part in wrapped(line, width - 2 * MARGIN)]
    top = MARGIN + 54
    foot = top + sum(max(row.height, ROW_HEIGHT) + ROW_GAP for row in rows)
    height = foot + len(lines) * 14 + (10 if lines else 0) + MARGIN - 10
    with picture(path, width, height) as figure:
        sheet = blank_sheet(figure)
        write(sheet, Line(title if rows else "No convolution kernels", 13, "bold"), width / 2, MARGIN + 4, ha="center")
        middles = [MARGIN + label_wide + panel / 2 + i * (panel + COLUMN_GAP) for i in range(len(labels))]
        for x, label in zip(middles, labels, strict=True):
            write(sheet, Line(label, 9.5, colour=SOFT), x, top - 14, ha="center")
        y = top
        for row in rows:
            high = max(row.height, ROW_HEIGHT)
            middle = y + high / 2
            write(sheet, row.name, MARGIN, middle - 6)
            write(sheet, row.note, MARGIN, middle + 8)
            *values, difference = row.maps.values()
            limit = largest(*row.maps.values())  # of the difference too, so that no colour is cut off
            for x, shown, spelling in zip(
                middles,
                row.maps.values(),
                [Spelling.of(*values)] * len(values) + [Spelling.of(difference)],
                strict=True,
            ):
                draw_map(sheet, shown, x, middle, row.cell, limit, spelling)
            draw_scale(sheet, middles[-1] + panel / 2 + 18, middle, high, limit)
            y += high + ROW_GAP
        for number, line in enumerate(lines):
            write(sheet, line, MARGIN, foot + 8 + 14 * number)


@dataclass(frozen=True)
class _Row:
    """One pair of channels of a kernel: (kh, kw) maps by column, and the side of a cell in points."""

    name: Line
    note: Line
    maps: dict[str, Array]

    @property
    def shape(self) -> Shape:
        return self.maps["teacher"].shape

    @property
    def cell(self) -> float:
        longest = max(self.shape)
        return 34.0 if longest <= NUMBERED else max(170.0 / longest, 1.0)

    @property
    def width(self) -> float:
        return self.shape[1] * self.cell

    @property
    def height(self) -> float:
        return self.shape[0] * self.cell


def _kernel_rows(name: str, kernels: Mapping[str, Array]) -> list[_Row]:
    shape = kernels["teacher"].shape
    pairs = list(np.ndindex(shape[:2]))
    size = spell_shape(shape[2:])
    rows = []
    for number, (first, second) in enumerate(pairs[:PAIRS]):
        note = size if len(pairs) == 1 else f"[{first}, {second}]  {size}"
        if number == PAIRS - 1 and len(pairs) > PAIRS:
            note += f", {len(pairs) - PAIRS} more not drawn"
        lines = Line(name, 9.5, "bold"), Line(note, 8, colour=SOFT)
        rows.append(_Row(*lines, {label: kernel[first, second] for label, kernel in kernels.items()}))
    return rows


def _parameter_text(name: str, given: Mapping[str, Array]) -> str:
    *_, learned = given.values()
    if learned.size <= 4:
        values = (f"{label} {', '.join(figures(number) for number in array.flat)}" for label, array in given.items())
        return f"{name}: {'; '.join(values)}"
    with np.errstate(invalid="ignore"):
        worst = float(np.abs(learned - given["teacher"]).max(initial=0.0))
    return f"{name} ({spell_shape(learned.shape)}): largest difference {worst:.3g}"


@dataclass(frozen=True)
class Spelling:
    """How the numbers of maps that stand beside each other are written: in so many decimal places of a power of ten."""

    exponent: int
    places: int

    @classmethod
    def of(cls, *maps: Array) -> Spelling:
        """Three figures for the largest number; of very small or large ones the power of ten stands once below."""
        size = floor(log10(largest(*maps)))
        exponent = 0 if -3 <= size <= 3 else size
        return cls(exponent, min(max(2 - size + exponent, 0), 5))

    def __call__(self, value: float) -> str:
        if not isfinite(value):
            return f"{value}"
        scaled = value / 10.0**self.exponent
        text = f"{scaled:.{self.places}f}"
        if float(text) == scaled and "." in text:  # zeros at the end say that it is not quite so
            text = text.rstrip("0").rstrip(".")
        return text.removeprefix("-") if float(text) == 0 else text

    @property
    def unit(self) -> str:
        """What the numbers are to be multiplied by, or nothing."""
        return f"1e{self.exponent}" if self.exponent else ""


def draw_map(
    sheet: Axes, values: Array, x: float, y: float, cell: float, limit: float, spelling: Spelling | None = None
) -> None:
    """A map of coloured cells around (x, y), with its numbers where a spelling is given and it is at most 7 x 7."""
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
    if max(values.shape) > NUMBERED or spelling is None:
        return
    for row, column in np.ndindex(values.shape):
        value = float(values[row, column])
        colour = readable(image, value)
        place = (left + (column + 0.5) * cell, top + (row + 0.5) * cell)
        write(sheet, Line(spelling(value), 7.5, colour=colour), *place, ha="center")
    if spelling.unit:
        write(sheet, Line(f"times {spelling.unit}", 7, colour=SOFT), x, top + high * cell + 7, ha="center")
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


def readable(image: AxesImage, value: float) -> str:
    """Ink or paper, whichever is easier to read on the colour of ``value``."""
    colour = to_rgb(NO_NUMBER) if not isfinite(value) else image.to_rgba(np.array([value]))[0, :3]
    red, green, blue = np.asarray(colour, np.float64) ** 2.2
    return INK if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.225 else PAPER
