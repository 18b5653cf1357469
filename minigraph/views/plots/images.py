"""Pictures of samples: what a classifier took each image for, and images before, answered and wanted."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, isfinite
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from minigraph.arrays import Array, spell_shape
from minigraph.errors import DataError
from minigraph.recipe.metrics import METRICS
from minigraph.views.plots.sheet import (
    BLUE,
    FAINT,
    MARGIN,
    RED,
    SOFT,
    Line,
    blank_sheet,
    foot_of_head,
    kind_of,
    picture,
    printable,
    write,
    write_head,
)
from minigraph.wording import shorten

SHOWN = 32  # the most samples of a classifier
COLUMNS = 8
ROWS = 6  # the most samples of a comparison
TILE, GAP = 62.0, 14.0


def plot_predictions(
    images: ArrayLike,
    labels: ArrayLike,
    predicted: ArrayLike,
    confidence: ArrayLike,
    path: str | Path,
    title: str,
    classes: Sequence[str] | None = None,
) -> None:
    """Draw samples with the class that was predicted, the wrong ones first, then those that were least certain.

    Args:
        images: (N, C, H, W); three channels are drawn as colours from 0 to 1, of others the first on a grey scale.
        labels, predicted: (N,) of integers. confidence: (N,), the probability of the predicted class.
        classes: the names of the classes, in the order of their numbers; the numbers when left out.

    Raises:
        DataError: the shapes do not fit; or the file cannot be written or named so.
    """
    kind_of(path)
    pictures, truth, guesses = np.asarray(images, np.float64), np.asarray(labels), np.asarray(predicted)
    certain = np.asarray(confidence, np.float64)
    if pictures.ndim != 4 or not truth.shape == guesses.shape == certain.shape == pictures.shape[:1] or not truth.size:
        raise DataError(
            f"predictions: found images of shape {spell_shape(pictures.shape) or '()'} and {truth.size} labels, "
            f"{guesses.size} predictions, {certain.size} confidences; expected (N, C, H, W) and N of each"
        )
    wrong = truth != guesses

    def called(number: int) -> str:
        return str(number) if classes is None else printable(shorten(classes[number], 8))

    order = np.lexsort((np.where(wrong, -certain, certain), ~wrong))[:SHOWN]
    rows = ceil(len(order) / COLUMNS)
    high, wide = _tile(pictures.shape[2:])
    count = int(wrong.sum())
    caption = f"{count} of {len(truth)} wrong" + (", drawn first" if count else "")
    caption += "; then the least certain" if len(order) > count else f"; the {len(order)} most certain of them"
    head = [Line(printable(title), 13, "bold"), Line(caption, 9.5, colour=SOFT)]
    top, drop = foot_of_head(head) + 18, high + 38
    block = COLUMNS * (wide + GAP) - GAP
    with picture(path, max(block + 2 * MARGIN, 420.0), top + rows * drop + MARGIN - 14) as figure:
        sheet = blank_sheet(figure)
        write_head(sheet, head)
        left = (sheet.get_xlim()[1] - block) / 2
        low, peak = _range(pictures)
        for number, sample in enumerate(order):
            row, column = divmod(number, COLUMNS)
            x, y = left + column * (wide + GAP), top + row * drop
            colour = RED if wrong[sample] else FAINT
            _image(sheet, pictures[sample], x, y, wide, high, low, peak, colour, 1.6 if wrong[sample] else 0.8)
            guess, true = called(guesses[sample]), called(truth[sample])
            sure = _percent(certain[sample])
            if not wrong[sample]:
                label = Line(guess, 9, "bold", BLUE)
            elif classes is None:
                label = Line(f"{guess}, not {true}", 9, "bold", RED)
            else:  # names need the room of two lines
                label, sure = Line(guess, 9, "bold", RED), f"not {true}, {sure}"
            write(sheet, label, x + wide / 2, y + high + 9, ha="center")
            write(sheet, Line(sure, 7.5, colour=SOFT), x + wide / 2, y + high + 20, ha="center")


def plot_images(before: ArrayLike, answer: ArrayLike, target: ArrayLike, path: str | Path, title: str) -> None:
    """Draw samples of a model that answers images with images: a column for each, its input, answer and target below.

    Args:
        before, answer, target: (N, C, H, W) of one shape with one or three channels, from 0 to 1; the first 6 samples
            are drawn, what goes beyond 0 or 1 as 0 or 1. Below each stands its PSNR to the target for a peak of 1.

    Raises:
        DataError: the shapes differ or are no images; or the file cannot be written or named so.
    """
    kind_of(path)
    panels = {"input": np.asarray(before, np.float64), "answer": np.asarray(answer, np.float64)}
    panels["target"] = np.asarray(target, np.float64)
    shapes = [array.shape for array in panels.values()]
    if len(set(shapes)) != 1 or len(shapes[0]) != 4 or shapes[0][1] not in (1, 3) or not panels["input"].size:
        caption = ", ".join(f"{name} of {spell_shape(array.shape) or '()'}" for name, array in panels.items())
        raise DataError(f"images: found {caption}; expected one shape (N, 1, H, W) or (N, 3, H, W) for all")
    count = min(len(panels["input"]), ROWS)
    high, wide = _tile(shapes[0][2:], 108.0)
    metric = METRICS.find("psnr")()
    ratios = {name: metric.of_samples(panels[name], panels["target"]) for name in ("input", "answer")}
    caption = ", ".join(f"{name} {ratio.mean():.2f} dB" for name, ratio in ratios.items())
    head = [
        Line(printable(title), 13, "bold"),
        Line(f"mean PSNR of {shapes[0][0]} samples: {caption}", 9.5, colour=SOFT),
    ]
    side, top, drop = 54.0, foot_of_head(head) + 18, high + 26
    block = count * (wide + GAP) - GAP
    width = max(block + side + 2 * MARGIN, head[1].width + 2 * MARGIN)
    with picture(path, width, top + 3 * drop - 12 + MARGIN - 8) as figure:
        sheet = blank_sheet(figure)
        write_head(sheet, head)
        left = (width - block - side) / 2 + side
        for row, (name, arrays) in enumerate(panels.items()):
            y = top + row * drop
            write(sheet, Line(name, 9.5, "bold", SOFT), left - side, y + high / 2)
            for sample in range(count):
                x = left + sample * (wide + GAP)
                _image(sheet, arrays[sample], x, y, wide, high, 0.0, 1.0, FAINT, 0.8)
                if name in ratios:
                    ratio = Line(f"{ratios[name][sample]:.2f} dB", 8, colour=SOFT)
                    write(sheet, ratio, x + wide / 2, y + high + 10, ha="center")


def _tile(shape: Sequence[int], longest: float = TILE) -> tuple[float, float]:
    """(height, width) in points of an image of (H, W) whose longer side is ``longest``."""
    return max(longest * shape[0] / max(shape), 6.0), max(longest * shape[1] / max(shape), 6.0)


def _range(images: Array) -> tuple[float, float]:
    if images.shape[1] == 3:
        return 0.0, 1.0
    first = images[:, 0]
    finite = first[np.isfinite(first)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _image(
    sheet: Axes,
    image: Array,
    x: float,
    y: float,
    wide: float,
    high: float,
    low: float,
    peak: float,
    edge: str,
    line: float,
) -> None:
    shown = np.clip(image.transpose(1, 2, 0), 0, 1) if len(image) == 3 else np.ma.masked_invalid(image[0])
    sheet.imshow(
        shown,
        cmap="gray",
        vmin=low,
        vmax=peak,
        extent=(x, x + wide, y + high, y),
        interpolation="nearest",
        aspect="auto",
        zorder=2,
    )
    sheet.add_patch(Rectangle((x, y), wide, high, fc="none", ec=edge, lw=line, zorder=3))


def _percent(share: float) -> str:
    return f"{share:.1%}" if isfinite(share) else ""
