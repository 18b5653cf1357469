"""The picture of a classifier's confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from minigraph.arrays import Array, spell_shape
from minigraph.errors import DataError
from minigraph.views.plots.kernels import readable
from minigraph.views.plots.sheet import (
    FAINT,
    INK,
    MARGIN,
    SOFT,
    Line,
    blank_sheet,
    colours,
    foot_of_head,
    kind_of,
    picture,
    printable,
    write,
    write_head,
)
from minigraph.wording import shorten

RIGHT, WRONG = "Blues", "Reds"
NUMBERED = 30  # the most classes whose counts are written into the cells


def confusion_matrix(labels: ArrayLike, predicted: ArrayLike, classes: int) -> Array:
    """How often each class was taken for each: row the true class, column the predicted one.

    Args:
        labels, predicted: (N,), each an integer from 0 to ``classes - 1``.

    Returns:
        (classes, classes) of counts.

    >>> confusion_matrix([0, 1, 1], [0, 1, 0], 2).tolist()
    [[1, 0], [1, 1]]
    """
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (np.asarray(labels), np.asarray(predicted)), 1)
    return counts


def plot_confusion(counts: ArrayLike, path: str | Path, title: str, classes: Sequence[str] | None = None) -> None:
    """Draw a confusion matrix with its counts: right answers in blue, mistakes in red.

    Args:
        counts: (classes, classes), see :func:`confusion_matrix`.
        classes: their names, in the order of their numbers; the numbers when left out.

    Raises:
        DataError: counts is no square matrix; or the file cannot be written or named so.
    """
    kind_of(path)
    matrix = np.asarray(counts, np.int64)
    if matrix.ndim != 2 or len(matrix) != matrix.shape[1] or not matrix.size:
        raise DataError(f"counts: found shape {spell_shape(matrix.shape) or '()'}; expected (classes, classes)")
    count, total, right = len(matrix), int(matrix.sum()), int(np.trace(matrix))
    caption = f"{right} of {total} right: {right / total:.2%}" if total else "no samples"
    head = [Line(printable(title), 13, "bold"), Line(f"{caption}, {total - right} wrong", 9.5, colour=SOFT)]
    cell = min(max(360.0 / count, 3.0), 40.0)
    side = count * cell
    names = [Line(printable(shorten(name, 14)), 9, colour=SOFT) for name in classes or map(str, range(count))]
    wide = max(name.width for name in names)
    upright = wide > cell - 4  # names that are longer than a column is wide are turned
    left, top = MARGIN + 36 + wide, foot_of_head(head) + 40 + (wide if upright else 6)
    recall_wide = 62.0
    width, height = max(left + side + recall_wide + MARGIN, 300.0), top + side + MARGIN
    with picture(path, width, height) as figure:
        sheet = blank_sheet(figure)
        write_head(sheet, head)
        # Two layers on one grid: a mistake of one sample would vanish beside the hundreds on the diagonal.
        diagonal = np.eye(count, dtype=bool)
        extent = (left, left + side, top + side, top)
        layers = {
            mask: sheet.imshow(
                np.ma.masked_array(matrix, hidden | (matrix == 0)),
                cmap=colours(mask).with_extremes(bad="none"),
                vmin=0,
                vmax=max(int(matrix[~hidden].max(initial=0)) * 1.25, 5.0),
                extent=extent,
                interpolation="nearest",
                aspect="auto",
                zorder=2,
            )
            for mask, hidden in ((RIGHT, ~diagonal), (WRONG, diagonal))
        }
        sheet.add_patch(Rectangle((left, top), side, side, fc="none", ec=FAINT, lw=0.8, zorder=3))
        write(
            sheet,
            Line("predicted", 9.5, colour=SOFT),
            left + side / 2,
            top - 26 - (wide if upright else 6),
            ha="center",
        )
        write(sheet, Line("true", 9.5, colour=SOFT), left - 22 - wide, top + side / 2, ha="center", rotation=90)
        if count > NUMBERED:
            return
        size = min(9.0, cell * 0.3)
        write(sheet, Line("recall", 8.5, colour=SOFT), left + side + 36, top - 13, ha="center")
        for row in range(count):
            middle = top + (row + 0.5) * cell
            write(sheet, names[row], left - 8, middle, ha="right")
            across = left + (row + 0.5) * cell
            if upright:
                write(sheet, names[row], across, top - 12, ha="center", rotation=90)
            else:
                write(sheet, names[row], across, top - 13, ha="center")
            seen = int(matrix[row].sum())
            recall = f"{matrix[row, row] / seen:.1%}" if seen else "-"
            write(
                sheet,
                Line(recall, 8.5, colour=INK if seen != matrix[row, row] else SOFT),
                left + side + 36,
                middle,
                ha="center",
            )
            if row:
                for line in (
                    ([left, left + side], [top + row * cell] * 2),
                    ([left + row * cell] * 2, [top, top + side]),
                ):
                    sheet.plot(*line, color="#e8ebee", lw=0.8, zorder=2.5)
            for column in np.flatnonzero(matrix[row]):
                image = layers[RIGHT if row == column else WRONG]
                colour = readable(image, float(matrix[row, column]))
                text = Line(str(matrix[row, column]), size, "bold" if row == column else "normal", colour)
                write(sheet, text, left + (column + 0.5) * cell, middle, ha="center")
