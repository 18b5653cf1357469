"""The picture of a sweep: where the runs of each setting end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from minigraph.arrays import Array
from minigraph.errors import DataError
from minigraph.views.plots.loss import log_ticks
from minigraph.views.plots.sheet import (
    BLUE,
    FAINT,
    INK,
    MARGIN,
    PAPER,
    RED,
    SOFT,
    Line,
    axes_at,
    blank_sheet,
    foot_of_head,
    kind_of,
    picture,
    printable,
    wrapped,
    write,
    write_head,
)
from minigraph.wording import figures

WIDE, ROW, LEADING = 400.0, 30.0, 12.0
MOST_SEEDS = 5  # of runs that diverged, by name
SPREAD = 0.3  # of a row's height, to both sides: dots of one setting stand apart by their order


def plot_sweep(
    losses: Mapping[str, Mapping[int, float]], path: str | Path, title: str, what: str = "final loss"
) -> None:
    """Draw a row for each setting: a dot for each run at its loss, a line at the median, and which seeds diverged.

    Args:
        losses: by the setting's label and the run's seed, infinite where a run diverged. The axis is logarithmic unless
            a loss is below 0; zeros stand at its foot.
        what: the losses that these are.

    Raises:
        DataError: there is no setting; or the file cannot be written or named so.
    """
    kind_of(path)
    if not losses:
        raise DataError("found no settings; expected at least one")
    rows = [np.array(list(values.values()), np.float64) for values in losses.values()]
    sound = np.concatenate([row[np.isfinite(row)] for row in rows])
    logarithmic = bool((sound > 0).any() and not (sound < 0).any())
    foot = float(np.log10(sound[sound > 0].min())) - 1.0 if logarithmic and (sound == 0).any() else None

    def places(values: Array) -> Array:
        shown: Array = np.clip(values, -1e250, 1e250)
        return np.where(shown > 0, np.log10(np.where(shown > 0, shown, 1.0)), foot or 0.0) if logarithmic else shown

    ends = places(sound) if sound.size else np.array([0.0, 1.0])
    low, high = float(ends.min()), float(ends.max())
    room = max(0.05 * (high - low), 0.02 if logarithmic else 0.05 * max(abs(low), abs(high))) or 1.0
    labels = [wrapped(Line(label, 9), 190) for label in losses]
    heights = [max(ROW, LEADING * len(lines) + 8) for lines in labels]
    left = MARGIN + max(line.width for lines in labels for line in lines) + 12
    head = [
        *wrapped(Line(printable(title), 13, "bold"), left + WIDE),
        Line("a dot for each run; the line is the median, where diverged runs count as infinite", 9, colour=SOFT),
    ]
    top, tall = foot_of_head(head) + 20, sum(heights)
    with picture(path, left + WIDE + (90 if sound.size == sum(map(len, rows)) else 250), top + tall + 50) as figure:
        sheet = blank_sheet(figure)
        write_head(sheet, head)
        axes = axes_at(figure, left, top, WIDE, tall)
        axes.set_xlim(low - room, high + room)
        axes.set_ylim(tall, 0)
        axes.set_yticks([])
        axes.set_xlabel(f"{what} (logarithmic)" if logarithmic else what)
        if logarithmic:
            ticks = log_ticks(low - room, high + room, foot)
            axes.set_xticks(list(ticks), list(ticks.values()))
        middle = 0.0
        for number, (row, seeds, lines, height) in enumerate(zip(rows, losses.values(), labels, heights, strict=True)):
            middle += height / 2
            if number:
                axes.axhline(middle - height / 2, color=FAINT, lw=0.5)
            for place, line in enumerate(lines):
                offset = (place - (len(lines) - 1) / 2) * LEADING
                write(sheet, line, left - 12, top + middle + offset, ha="right")
            finite = np.isfinite(row)
            shifts = np.linspace(-SPREAD, SPREAD, len(row))[finite] * height if len(row) > 1 else np.zeros(finite.sum())
            axes.plot(
                places(row[finite]),
                middle + shifts,
                "o",
                color=BLUE,
                ms=4.5,
                alpha=0.7,
                mec=PAPER,
                mew=0.5,
                clip_on=False,
            )
            median = float(np.median(row)) if row.size else float("nan")
            at = left + WIDE + 14
            if np.isfinite(median):
                (x,) = places(np.array([median]))
                axes.plot([x, x], [middle - 0.38 * height, middle + 0.38 * height], color=INK, lw=1.8)
                write(sheet, Line(figures(median, 4), 9, "bold", BLUE), at, top + middle)
                at += 50
            lost = [str(seed) for seed, sound in zip(seeds, finite, strict=True) if not sound]
            if lost:
                text = f"{len(lost)} of {len(row)} diverged: seed{'s' * (len(lost) > 1)} {', '.join(lost[:MOST_SEEDS])}"
                text += ", ..." if len(lost) > MOST_SEEDS else ""
                write(sheet, Line(text, 8, colour=RED), at, top + middle)
            middle += height / 2
