"""The pictures of a recovery's starts: how their losses fell, and where they ended."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from minigraph.arrays import Array
from minigraph.errors import DataError
from minigraph.recovery.verdict import (
    EQUIVALENT,
    FITTED,
    LOCAL,
    MISFIT,
    RECOVERED,
    UNCONVERGED,
    UNDETERMINED,
    VERDICTS,
)
from minigraph.views.plots.loss import log_ticks
from minigraph.views.plots.sheet import (
    INK,
    PAPER,
    SOFT,
    Line,
    axes_at,
    blank_sheet,
    foot_of_head,
    kind_of,
    picture,
    wrapped,
    write_head,
)

VERDICT_COLOURS = {
    RECOVERED: "#228833",
    FITTED: "#228833",
    EQUIVALENT: "#4477aa",
    UNDETERMINED: "#aa3377",
    LOCAL: "#ee7733",
    MISFIT: "#cc3344",
    UNCONVERGED: "#8a949c",
}
WIDTH, HEIGHT = 560.0, 380.0
SAME = 1e-6
"""Ends whose distance is a smaller part of their length are drawn at one place."""
FLOOR = 1e-30
"""Losses below this stand at it: they are no more than rounding."""


def plot_starts(curves: Sequence[ArrayLike], verdicts: Sequence[str], path: str | Path, title: str) -> None:
    """Draw the lowest loss so far of each start against its evaluations, in the colour of its verdict.

    Args:
        curves: for each start (evaluations,), the loss at each point that was tried.
        verdicts: for each start one of :data:`minigraph.recovery.VERDICTS`.

    Raises:
        DataError: there is no start; or the file cannot be written or named so.
    """
    kind_of(path)
    _require(curves)
    with picture(path, WIDTH, HEIGHT) as figure:
        axes = _axes(figure, title, "each line is a start; the lowest loss so far")
        heights = [np.log10(np.clip(np.fmin.accumulate(np.asarray(curve, float)), FLOOR, 1e300)) for curve in curves]
        for index in _drawn_last_is_best(verdicts):
            colour = VERDICT_COLOURS[verdicts[index]]
            line = heights[index]
            axes.plot(np.arange(1, len(line) + 1), line, color=colour, lw=1.3, alpha=0.75)
            axes.plot(len(line), line[-1], "o", color=colour, ms=4, mec=PAPER, mew=0.6, zorder=4)
        low, high = (min(map(np.nanmin, heights)), max(map(np.nanmax, heights)))
        room = max(0.05 * (high - low), 0.1)
        axes.set_ylim(low - room, high + room)
        ticks = log_ticks(low - room, high + room, None)
        axes.set_yticks(list(ticks), list(ticks.values()))
        axes.set_xlim(0, 1.02 * max(map(len, heights)))
        axes.set_xlabel("evaluations")
        axes.set_ylabel("loss (logarithmic)")
        _legend(axes, verdicts)


def plot_ends(
    ends: Sequence[ArrayLike], verdicts: Sequence[str], path: str | Path, title: str, teacher: ArrayLike | None = None
) -> None:
    """Draw where starts end, projected from all parameters to the two directions in which the ends differ most.

    Args:
        ends: for each start (P,), aligned, so that what differs by a symmetry only stands at one place.
        verdicts: as for :func:`plot_starts`.
        teacher: (P,), marked by a cross.

    Raises:
        DataError: there is no start; or the file cannot be written or named so.
    """
    kind_of(path)
    _require(ends)
    points = np.array([np.asarray(end, float) for end in ends])
    # An end that ran away would squeeze all others into one spot: it is drawn at the rim, in its direction.
    points = np.where(np.isfinite(points), points, 0.0)
    lengths = np.linalg.norm(points, axis=1)
    reach = 3 * float(np.median(lengths)) or 1.0
    points *= (reach / np.maximum(lengths, reach))[:, None]
    centre = points.mean(axis=0) if teacher is None else np.asarray(teacher, float)
    _, singular, across = np.linalg.svd(points - centre, full_matrices=False)
    plane = np.vstack([across, np.zeros((2, points.shape[1]))])[:2]
    shares = np.append(singular, [0.0, 0.0])[:2] ** 2 / max(float((singular**2).sum()), np.finfo(float).tiny)
    flat: Array = (points - centre) @ plane.T
    spread = max(float(np.abs(flat).max()), SAME * reach)
    together = len(flat) > 1 and spread == SAME * reach
    with picture(path, WIDTH, HEIGHT) as figure:
        beyond = int((lengths > reach).sum())
        note = "each dot is a start's end, after alignment, shifted by a random bit, since many end at one place"
        note += f"; {beyond} further out" if beyond else ""
        note += "; but for rounding all end at one place" if together else ""
        axes = _axes(figure, title, note)
        shift = np.random.default_rng(0).normal(scale=0.006 * spread, size=flat.shape)  # many end at one place
        for index in _drawn_last_is_best(verdicts):
            x, y = flat[index] + shift[index]
            axes.plot(x, y, "o", color=VERDICT_COLOURS[verdicts[index]], ms=6.5, alpha=0.75, mec=PAPER, mew=0.6)
        if teacher is not None:
            axes.plot(0, 0, "+", color=INK, ms=16, mew=1.4, zorder=5)
            axes.annotate("teacher", (0, 0), (9, 9), textcoords="offset points", color=INK, zorder=5)
        axes.margins(0.12)
        if together:
            axes.set(xlim=(-spread, spread), ylim=(-spread, spread))
        for axis in (axes.xaxis, axes.yaxis):  # their own formatter would write a common factor where the legend stands
            axis.set_major_formatter(lambda value, _: f"{value:.3g}")
        axes.set_xlabel(f"first direction ({shares[0]:.0%} of the spread)")
        axes.set_ylabel(f"second direction ({shares[1]:.0%})")
        _legend(axes, verdicts)


def _require(starts: Sequence[ArrayLike]) -> None:
    if not starts:
        raise DataError("starts: found none; expected at least one")


def _axes(figure: Figure, title: str, note: str) -> Axes:
    head = [*wrapped(Line(title, 13, "bold"), WIDTH - 60), *wrapped(Line(note, 9.5, colour=SOFT), WIDTH - 60)]
    write_head(blank_sheet(figure), head)
    top = foot_of_head(head) + 44
    return axes_at(figure, 74, top, WIDTH - 74 - 34, HEIGHT - top - 50)


def _legend(axes: Axes, verdicts: Sequence[str]) -> None:
    """What the colours mean and how often, in a line above the axes."""
    for verdict in VERDICTS:
        if verdict in verdicts:
            label = f"{verdict} ({list(verdicts).count(verdict)})"
            axes.plot([], [], "o", color=VERDICT_COLOURS[verdict], ms=6, label=label)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=4, frameon=False, borderaxespad=0.2, handletextpad=0.1)


def _drawn_last_is_best(verdicts: Sequence[str]) -> list[int]:
    return sorted(range(len(verdicts)), key=lambda index: -VERDICTS.index(verdicts[index]))
