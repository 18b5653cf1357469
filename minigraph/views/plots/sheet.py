"""What the pictures share: their style and file, places on a figure, lines of text, and colours of numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import text_to_path

from minigraph.arrays import Array
from minigraph.errors import DataError
from minigraph.files.writing import whole

INK, SOFT, FAINT, PAPER = "#1f2933", "#5b6770", "#aab2b9", "#ffffff"
BLUE, RED, OCHRE = "#3b6ea5", "#b5403a", "#c08a2d"
DIVERGING, NO_NUMBER = "RdBu_r", "#c9c9c9"
DASHED = (0, (4, 2.5))
FONT = "DejaVu Sans"  # matplotlib brings it along, so that pictures look the same everywhere
STYLE: dict[Any, Any] = {
    "font.family": FONT,
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e8ebee",
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "figure.facecolor": PAPER,
    "svg.hashsalt": "minigraph",
}
KINDS = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
MARGIN = 26.0
HEAD_LEADING = 1.5
PIXELS = 40e6  # a png's most pixels; a larger picture gets a lower resolution


def kind_of(path: str | Path) -> str:
    """The suffix of a picture's name in small letters.

    Raises:
        DataError: it is none of .png, .svg and .pdf.
    """
    kind = Path(path).suffix.lower()
    if kind not in KINDS:
        raise DataError(f"{path}: found a name that ends in '{Path(path).suffix}'; expected .png, .svg or .pdf")
    return kind


@contextmanager
def picture(path: str | Path, width: float, height: float) -> Iterator[Figure]:
    """An empty figure of (width, height) points in the common style, written to ``path`` when the block ends."""
    kind = kind_of(path)
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        figure = Figure(figsize=(width / 72, height / 72))
        yield figure
        dots = min(150.0, 72 * (PIXELS / (width * height)) ** 0.5, 72 * 60000 / max(width, height))
        with whole(path) as temporary:
            figure.savefig(temporary, format=kind[1:], dpi=dots, metadata=KINDS[kind])


# Places


def blank_sheet(figure: Figure) -> Axes:
    """Axes over the whole figure in points, y downwards, with nothing on them."""
    sheet = figure.add_axes((0, 0, 1, 1))
    wide, high = figure.get_size_inches() * 72
    sheet.set_autoscale_on(False)
    sheet.set_xlim(0, wide)
    sheet.set_ylim(high, 0)
    sheet.set_axis_off()
    return sheet


def axes_at(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes at a place in points, counted from the figure's top left corner."""
    wide, high = figure.get_size_inches() * 72
    return figure.add_axes((left / wide, 1 - (top + height) / high, width / wide, height / high))


# Text


@dataclass(frozen=True)
class Line:
    """One line of text: its size in points, weight and colour."""

    text: str
    size: float
    weight: str = "normal"
    colour: str = INK

    @property
    def width(self) -> float:
        """In points."""
        font = FontProperties(family=FONT, size=self.size, weight=self.weight)
        measures = text_to_path.get_text_width_height_descent(self.text, font, ismath=False)
        return float(measures[0]) if self.text else 0.0


def write(sheet: Axes, line: Line, x: float, y: float, **options: Any) -> None:
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


def stack(sheet: Axes, lines: Sequence[Line], x: float, top: float, leading: float) -> None:
    """Lines below each other, centred on ``x``."""
    for line in lines:
        write(sheet, line, x, top + line.size * leading / 2, ha="center")
        top += line.size * leading


def write_head(sheet: Axes, lines: Sequence[Line]) -> None:
    """The lines of a title, centred at the top of a sheet."""
    stack(sheet, lines, sheet.get_xlim()[1] / 2, MARGIN - 4, HEAD_LEADING)


def foot_of_head(lines: Sequence[Line]) -> float:
    """Where the lines of a title end, counted from the top."""
    return MARGIN - 4 + sum(line.size * HEAD_LEADING for line in lines)


def printable(text: str) -> str:
    """``text`` in one line, with a white square for every character that the font lacks."""
    font = get_font(findfont(FontProperties(family=FONT)))
    text = re.sub(r"[ \t\r\n\f\v]+", " ", text).strip(" ")
    return "".join(c if font.get_char_index(ord(c)) else "\u25a1" for c in text)


def wrapped(whole_line: Line, width: float) -> list[Line]:
    """A line in lines of at most ``width`` points, broken at spaces, and within a word only where it must be."""

    def fits(text: str) -> bool:
        return len(text) <= 1 or replace(whole_line, text=text).width <= width

    parts: list[str] = []
    part = ""
    for word in printable(whole_line.text).split(" ") if whole_line.text.strip() else ():
        if part and not fits(f"{part} {word}"):
            parts.append(part)
            part = ""
        part = f"{part} {word}" if part else word
        while not fits(part):
            end = next(end for end in range(len(part) - 1, 0, -1) if fits(part[:end]))
            parts.append(part[:end])
            part = part[end:]
    return [replace(whole_line, text=text) for text in (*parts, part) if text]


# Numbers as colours


def colours(name: str) -> Colormap:
    """A colour map with grey for what is no number."""
    return colormaps[name].with_extremes(bad=NO_NUMBER)


def largest(*arrays: Array) -> float:
    """The largest finite magnitude; 1 where all are 0."""
    finite = np.concatenate([array[np.isfinite(array)].ravel() for array in arrays])
    return float(np.abs(finite).max(initial=0.0)) or 1.0
