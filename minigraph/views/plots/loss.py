"""The picture of a training's loss."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from math import ceil, floor, log10
from pathlib import Path

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from minigraph.arrays import Array, spell_shape
from minigraph.errors import DataError
from minigraph.views.plots.sheet import (
    BLUE,
    DASHED,
    OCHRE,
    RED,
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
from minigraph.wording import figures


def plot_loss(
    losses: ArrayLike,
    path: str | Path,
    title: str = "Loss",
    final: float | None = None,
    validation: Mapping[int, float] | None = None,
) -> None:
    """Draw the loss against the step, on a logarithmic axis unless a loss is negative or none is above zero.

    Args:
        losses: (steps,), the loss before each update. Zeros stand at the foot of the axis; the line ends at the
            first loss that is not finite, and a mark says so. A noisy line is drawn faint, with its running mean on it.
        final: the loss after the last update.
        validation: the loss of the validation samples by how many updates were done; the lowest is marked.

    Raises:
        DataError: there is no loss, or not one array of numbers; or the file cannot be written or named so.
    """
    kind_of(path)
    values = np.asarray(losses, np.float64)
    if values.ndim != 1 or not values.size:
        raise DataError(f"losses: found shape {spell_shape(values.shape) or '()'}; expected (steps,), at least one")
    bad = np.flatnonzero(~np.isfinite(values))
    shown = values[: bad[0]] if bad.size else values
    judged = {step: loss for step, loss in (validation or {}).items() if np.isfinite(loss)}
    last = [final] if final is not None and np.isfinite(final) and not bad.size else []
    everything = np.array([*shown, *last, *judged.values()])
    logarithmic = bool((everything > 0).any() and not (everything < 0).any())
    foot = None
    if logarithmic and (everything == 0).any():
        foot = float(np.log10(everything[everything > 0].min())) - 1.0

    def height(of: ArrayLike) -> Array:
        """The axis is linear in log10(loss) and labelled by hand: no value can upset it."""
        given = np.asarray(of, np.float64)
        if not logarithmic:
            return np.clip(given, -1e250, 1e250)
        return np.where(given > 0, np.log10(np.where(given > 0, given, 1.0)), foot or 0.0)

    ends = height(everything)
    low, high = (float(ends.min()), float(ends.max())) if len(ends) else (0.0, 1.0)
    room = max(0.07 * (high - low), 0.02 if logarithmic else 0.05 * max(abs(low), abs(high))) or 1.0
    low, high = low - room, high + room
    head = wrapped(Line(title, 13, "bold"), 500)
    top = foot_of_head(head) + 24
    with picture(path, 560, 340) as figure:
        write_head(blank_sheet(figure), head)
        axes = axes_at(figure, 74, top, 404, max(340 - top - 50, 60))
        axes.set_xlabel("step")
        axes.set_ylabel("loss (logarithmic)" if logarithmic else "loss")
        span = max(len(values) - 1.0 + len(last), 1.0)
        axes.set_xlim(-0.012 * span, span * 1.012)
        axes.locator_params(axis="x", integer=True)
        axes.set_ylim(low, high)
        if logarithmic:
            ticks = log_ticks(low, high, foot)
            axes.set_yticks(list(ticks), list(ticks.values()))
        heights = height(shown)
        line = smoothed(heights, high - low)
        if line is not heights:
            indices = thinned(heights)
            axes.plot(indices, heights[indices], color=BLUE, lw=0.7, alpha=0.25)
        indices = thinned(line)
        axes.plot(indices, line[indices], color=BLUE, lw=1.6, label="training, before each step")
        if judged:
            steps, best = np.array(list(judged)), min(judged, key=judged.__getitem__)
            validated = height(list(judged.values()))
            label = f"validation, lowest {figures(judged[best], 4)} after {best:,} steps"
            axes.plot(steps, validated, color=OCHRE, lw=1.6, marker="o" if len(steps) < 40 else "", ms=3, label=label)
            axes.plot(best, height(judged[best]), "o", mfc="none", mec=OCHRE, ms=10, mew=1.6, clip_on=False, zorder=5)
            axes.legend(loc="upper right", frameon=False, labelcolor=SOFT)
        if last and len(shown):
            axes.plot([len(shown) - 1, len(shown)], [line[-1], height(last)[0]], color=BLUE, lw=1.6)
        if last or len(shown):
            end = [*shown, *last][-1]
            axes.plot(len(shown) - 1 + len(last), height(end), "o", color=BLUE, ms=5.5, clip_on=False, zorder=4)
            axes.annotate(
                figures(end, 4),
                (1.0, float(height(end))),
                (9, 0),
                xycoords=axes.get_yaxis_transform(),
                textcoords="offset points",
                va="center",
                weight="bold",
                color=BLUE,
            )
        if bad.size:
            axes.axvline(float(bad[0]), color=RED, lw=1.2, ls=DASHED)
            axes.annotate(
                f"not finite from step {int(bad[0])}",
                (float(bad[0]), 1.0),
                (0, 4),
                xycoords=axes.get_xaxis_transform(),
                textcoords="offset points",
                ha="right" if bad[0] > span / 2 else "left",
                va="bottom",
                color=RED,
            )


def log_ticks(low: float, high: float, zero: float | None = None) -> dict[float, str]:
    """Heights (log10) and labels of at most eight ticks between ``low`` and ``high``; a zero stands at ``zero``."""
    decades = range(ceil(low), floor(high) + 1)
    step = max(1, ceil(len(decades) / 7))
    ticks = {float(decade): _power(decade) for decade in decades if decade % step == 0}
    if len(ticks) < 3:
        decade = floor(low)
        parts = [d + log10(m) for d in (decade, decade + 1, decade + 2) for m in (1, 2, 5)]
        parts = [part for part in parts if low <= part <= high]
        if len(parts) < 3:
            linear = MaxNLocator(5).tick_values(10 ** (low - decade), 10 ** (high - decade))
            parts = [decade + log10(m) for m in linear if m > 0 and low <= decade + log10(m) <= high]
        ticks = {part: _power(floor(part + 1e-9), 10 ** (part - floor(part + 1e-9))) for part in parts}
    if zero is not None:
        ticks = {zero: "0"} | {height: label for height, label in ticks.items() if height > zero + 0.5}
    return ticks


def _power(exponent: int, factor: float = 1.0) -> str:
    """``factor`` times ten to the ``exponent``, in few characters: 0.02, 300, 2e-7."""
    return f"{factor * 10.0**exponent:.6g}" if abs(exponent) <= 3 else f"{factor:.6g}e{exponent}"


def thinned(values: Array, bins: int = 2000) -> Array:
    """The indices of the lowest and highest of each bin: a long curve looks the same and its file stays small."""
    count = len(values)
    if count <= 4 * bins:
        return np.arange(count)
    edges = np.linspace(0, count, bins + 1).astype(int)
    indices = {0, count - 1}
    for start, end in pairwise(edges):
        indices |= {start + int(values[start:end].argmin()), start + int(values[start:end].argmax())}
    return np.array(sorted(indices))


def smoothed(heights: Array, span: float) -> Array:
    """The running mean over a fiftieth of all where heights are noisy beside ``span``; otherwise they themselves."""
    count = len(heights)
    window = max(count // 50, 1)
    sums = np.concatenate([[0.0], np.cumsum(heights)])
    ends = np.arange(1, count + 1)
    starts = np.maximum(ends - window, 0)
    means: Array = (sums[ends] - sums[starts]) / (ends - starts)
    return means if count and np.abs(heights - means).mean() > 0.01 * span else heights
