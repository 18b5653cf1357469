"""The picture of several runs' losses."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from minigraph.arrays import Array
from minigraph.errors import DataError
from minigraph.views.plots.loss import log_ticks, smoothed, thinned
from minigraph.views.plots.sheet import (
    BLUE,
    OCHRE,
    RED,
    SOFT,
    Line,
    axes_at,
    blank_sheet,
    foot_of_head,
    kind_of,
    picture,
    printable,
    write_head,
)
from minigraph.wording import figures

HUES = (BLUE, RED, "#4f8a4c", "#8a5a9e", OCHRE, "#3d8f94", "#7a5c48", SOFT)
WIDE, HIGH, LEADING = 430.0, 250.0, 13.0


def plot_comparison(
    losses: Mapping[str, ArrayLike], path: str | Path, title: str = "Loss", finals: Mapping[str, float] | None = None
) -> None:
    """Draw the losses of several runs on one logarithmic axis against the step.

    Args:
        losses: (steps,) by the run's name, the loss before each update. A noisy one is drawn faint, with its running
            mean on it. What is not finite or not above zero is left out.
        finals: the figure beside each run's name; where its line ends when left out.

    Raises:
        DataError: there is no run, or a run has no loss above zero; or the file cannot be written or named so.
    """
    kind_of(path)
    curves: dict[str, tuple[Array, Array]] = {}
    for name, values in losses.items():
        array = np.asarray(values, np.float64)
        steps = np.flatnonzero(np.isfinite(array) & (array > 0))
        if not steps.size:
            raise DataError(f"'{name}': found no loss above zero; expected at least one")
        curves[name] = steps, np.log10(array[steps])
    if not curves:
        raise DataError("found no runs; expected at least one")
    low = min(float(heights.min()) for _, heights in curves.values())
    high = max(float(heights.max()) for _, heights in curves.values())
    drawn = {name: smoothed(heights, high - low) for name, (_, heights) in curves.items()}
    room = max(0.05 * (high - low), 0.02)
    low, high = low - room, high + room
    ends = {name: 10.0 ** float(line[-1]) for name, line in drawn.items()} if finals is None else finals
    labels = [
        Line(f"{printable(name)}  {figures(ends[name], 4)}", 8.5, "bold", hue(i)) for i, name in enumerate(curves)
    ]
    head = [Line(printable(title), 13, "bold")]
    top = foot_of_head(head) + 18
    tall = max(HIGH, LEADING * len(labels))
    width = 74 + WIDE + 16 + max(label.width for label in labels) + 22
    with picture(path, width, top + tall + 50) as figure:
        write_head(blank_sheet(figure), head)
        axes = axes_at(figure, 74, top, WIDE, tall)
        axes.set_xlabel("step")
        axes.set_ylabel("loss (logarithmic)")
        longest = max(float(steps[-1]) for steps, _ in curves.values()) or 1.0
        axes.set_xlim(-0.012 * longest, 1.012 * longest)
        axes.locator_params(axis="x", integer=True)
        axes.set_ylim(low, high)
        ticks = log_ticks(low, high)
        axes.set_yticks(list(ticks), list(ticks.values()))
        for number, (name, (steps, heights)) in enumerate(curves.items()):
            line = drawn[name]
            if line is not heights:
                indices = thinned(heights)
                axes.plot(steps[indices], heights[indices], color=hue(number), lw=0.7, alpha=0.25)
            indices = thinned(line)
            axes.plot(steps[indices], line[indices], color=hue(number), lw=1.6)
            axes.plot(steps[-1], line[-1], "o", color=hue(number), ms=5, clip_on=False, zorder=4)
        last = [float(line[-1]) for line in drawn.values()]
        places = _apart([(high - end) / (high - low) * tall for end in last], LEADING, tall)
        for label, end, place, (steps, _) in zip(labels, last, places, curves.values(), strict=True):
            axes.annotate(
                label.text,
                (steps[-1], end),
                (WIDE + 16, tall - place),
                textcoords="axes points",
                va="center",
                fontsize=label.size,
                weight=label.weight,
                color=label.colour,
                parse_math=False,
                annotation_clip=False,
                arrowprops={
                    "arrowstyle": "-",
                    "color": label.colour,
                    "lw": 0.7,
                    "alpha": 0.6,
                    "shrinkA": 2,
                    "shrinkB": 4,
                    "relpos": (0, 0.5),
                },
            )


def hue(number: int) -> str:
    """The colour of a run by its place."""
    return HUES[number % len(HUES)]


def _apart(places: list[float], least: float, end: float) -> list[float]:
    """Places moved so that neighbours are ``least`` apart, none beyond ``end`` where there is room for all."""
    order = sorted(range(len(places)), key=places.__getitem__)
    moved = list(places)
    for before, after in pairwise(order):
        moved[after] = max(moved[after], moved[before] + least)
    limit = end
    for index in reversed(order):
        moved[index] = min(moved[index], limit)
        limit = moved[index] - least
    return moved
