"""The verdict where there is no teacher: it is about the fit."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log10, prod, sqrt

import numpy as np

from minigraph.arrays import Array
from minigraph.recovery.identifiability import RANK, rank
from minigraph.recovery.search import Search, Start
from minigraph.recovery.verdict import EXACT, FITTED, LOCAL, MISFIT, UNCONVERGED, Verdict
from minigraph.solvers import sum_of_squares

DOUBT = 1e-3
"""A cascade is refuted where noise would make it so much worse than its composite with a smaller probability."""
OVERFIT = 2.0
"""A held-out part may be worse than one expects of the fitted one by this factor."""
NOTHING = 0.95
"""A fit that leaves this part of the held-out targets' standard deviation has explained nothing."""


@dataclass(frozen=True)
class Fit:
    """What is known of a fit without a teacher; errors are root mean squares of the residual.

    Attributes:
        residual: that of the final parameters on all targets; snr: the targets' power beside it, in dB.
        expected, held_out: before the final fit to all targets, what the fitted part lets one expect on the part that
            was held out, and what it is there.
        spread: the targets' standard deviation.
        neighbours: the correlation of the residual with itself one place further; 0 for noise.
        free: the Jacobian's rank, how many numbers were fitted.
        exact: whether the residual is nothing beside the targets.
        composite: what a linear cascade's composite leaves, by plain least squares; composite_condition: of its
            linear system; chance: the probability that noise makes the kernels so much worse than the composite.
    """

    residual: float
    snr: float
    expected: float
    held_out: float
    spread: float
    neighbours: float
    free: int
    exact: bool
    composite: float | None = None
    composite_condition: float | None = None
    chance: float | None = None


def measure_fit(partial: Search, final: Search, before: Array, after: Array) -> Fit:
    """The numbers of a fit.

    Args:
        partial: the search that fitted a part, and ``before`` (P,) what it found; final: that on all targets, likewise.
    """
    target, residual = final.all.target, final.all.residual(after)
    count, loss = target.size, sum_of_squares(residual)
    power = float(np.mean((target - target.mean()) ** 2))
    errors, kept = partial.all.residual(before), partial.fitted.kept
    held_out = np.setdiff1d(np.arange(count), kept)
    free, leverage = len(before), len(before) * held_out.size / len(kept)
    if partial.solver.name != "lbfgs":  # which is for systems whose Jacobian is too large
        inside, outside = (partial.equations(rows).jacobian(before) for rows in (kept, held_out))
        free, leverage = rank(inside), float(np.sum((outside @ np.linalg.pinv(inside, rcond=RANK)) ** 2))
    # What noise does to a prediction with fitted numbers: its own variance, and that of the numbers by their leverage.
    variance = sum_of_squares(errors[kept]) / max(len(kept) - free, 1)
    expected = sqrt(variance * (1 + leverage / max(held_out.size, 1)))
    composite = chance = condition = None
    if final.baseline is not None:
        linear = final.baseline.rank * len(final.baseline.constant)
        composite, condition = sqrt(final.baseline.loss / count), final.baseline.condition
        chance = _chance(loss, final.baseline.loss, free, linear, count)
    return Fit(
        sqrt(loss / count),
        10 * log10(power * count / loss) if loss and power else inf,
        expected,
        sqrt(np.mean(errors[held_out] ** 2)) if held_out.size else expected,
        sqrt(power),
        _neighbours(final, residual),
        free,
        sqrt(loss) <= EXACT * final.size,
        composite,
        condition,
        chance,
    )


def plausible(search: Search, best: Start) -> bool:
    """Whether noise may be all that makes a start's end worse than the free composite; True where there is none."""
    if search.baseline is None or best.verdict.name == FITTED:
        return True
    free = rank(search.equations(search.fitted.kept).jacobian(best.parameters))
    linear = search.baseline.rank * len(search.baseline.constant)
    return _chance(best.loss, search.baseline.loss, free, linear, len(search.fitted.kept)) >= DOUBT


def _neighbours(search: Search, residual: Array) -> float:
    """The mean product of neighbouring residuals along the last axis, relative to their mean square."""
    products, squares, start = 0.0, sum_of_squares(residual) / residual.size, 0
    pairs = 0
    for shape in search.all.shapes.values():
        values = residual[start : start + prod(shape)].reshape(shape)
        start += prod(shape)
        along = values[..., 1:] * values[..., :-1]
        products, pairs = products + float(along.sum()), pairs + along.size
    return products / pairs / squares if pairs and squares else 0.0


def _chance(loss: float, least: float, free: int, linear: int, count: int) -> float:
    """The F test of a model with ``free`` numbers inside one with ``linear``, over ``count`` targets."""
    from scipy.special import fdtrc

    if linear <= free or count <= linear or least <= 0:
        return 1.0
    ratio = (loss - least) / (linear - free) / (least / (count - linear))
    return float(fdtrc(linear - free, count - linear, max(ratio, 0.0)))


def judge_fit(fit: Fit, best: Verdict, successes: int, starts: int) -> Verdict:
    """The verdict about a fit.

    Args:
        best: the best start's own verdict; successes: how many starts ended at its loss.
    """
    text = f"the residual is {fit.residual:.3g} ({fit.snr:.3g} dB below the targets)"
    text += f", {fit.held_out:.3g} on held-out targets"
    text += "" if fit.composite is None else f", {fit.composite:.3g} with a free composite"
    ending = f"; {successes} of {starts} starts end there"
    if fit.exact:
        return Verdict(FITTED, text + ending)
    text += f"; neighbouring residuals correlate by {fit.neighbours:.2g}{ending}"
    if best.name == UNCONVERGED:
        return Verdict(UNCONVERGED, f"{text}; {best.why}")
    if fit.chance is not None and fit.chance < DOUBT:
        name = MISFIT if successes > 1 else LOCAL
        return Verdict(name, f"{text}: noise explains the difference with a probability of {fit.chance:.1g} only")
    if fit.held_out > NOTHING * fit.spread:
        return Verdict(MISFIT, f"{text}: it explains nothing of the held-out targets")
    if fit.held_out > OVERFIT * fit.expected:
        return Verdict(MISFIT, f"{text}: {fit.free} free numbers are too many for these data")
    if fit.chance is None and successes < 2:
        return Verdict(LOCAL, f"{text}: another start may find better")
    return Verdict(FITTED, text)
