"""The verdict where there is no teacher: it is about the fit."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log10, prod, sqrt

import numpy as np

from minigraph.arrays import Array
from minigraph.recovery.identifiability import RANK, ROWS, rank
from minigraph.recovery.larger import ring_slopes
from minigraph.recovery.search import Search, Start
from minigraph.recovery.significance import (
    NOISE,
    ROUNDED,
    Effect,
    Rest,
    chance_of_fit,
    chance_of_prediction,
    chance_of_ratio,
    neighbours,
    rounding,
)
from minigraph.recovery.verdict import EXACT, FITTED, LOCAL, MISFIT, UNCONVERGED, UNDETERMINED, Verdict
from minigraph.solvers import sum_of_squares

DOUBT = 1e-3
"""A cascade is refuted where noise would make it so much worse than its composite with a smaller probability."""
OVERFIT = 2.0
"""A held-out part may be worse than one expects of the fitted one by this factor."""
NOTHING = 0.95
"""A fit that leaves this part of the held-out targets' standard deviation has explained nothing."""
SHARE = 0.15
"""Further taps, or a curve, that explain this share of the residual are missing in the graph."""
CORRELATED = 0.3
"""Neighbouring residuals that correlate so much are no noise."""
SURPLUS = 2
"""An exact fit needs so many equations more than numbers that were fitted: any target is met by as many."""
POSITIONS = 20_000
"""So many positions are looked at for what further taps explain."""
FEW = 50
"""With fewer equations than so many for each number, fitting alone makes neighbouring residuals correlate visibly."""
NONE = Effect(0.0, 1.0)


@dataclass(frozen=True)
class Fit:
    """What is known of a fit without a teacher; errors are root mean squares of the residual.

    Attributes:
        residual: that of the final parameters on all targets; snr: the targets' power beside it, in dB.
        noise: the probability that targets of pure noise are fitted, or foretold, so well.
        expected, held_out: before the final fit to all targets, what the fitted part lets one expect on the part that
            was held out, and what it is there; None where the data are too few to hold a part out.
        spread: the targets' standard deviation.
        neighbours: the largest correlation of the residual with itself one place further; further: the share of it
            that a ring of further taps explains; curve: the share that the squared answers explain. 0 for noise, and
            each with the probability that noise makes so much of it (1 where too few data are left to tell).
        free: the Jacobian's rank, how many numbers were fitted; equations: how many targets there are.
        exact: whether the residual is nothing beside the targets; rounded: whether it is what rounding them made.
        composite: what the composite of a cascade leaves, by plain least squares; composite_condition: of its
            linear system; chance: the probability that noise makes the kernels so much worse than the composite.
    """

    residual: float
    snr: float
    noise: float
    expected: float | None
    held_out: float | None
    spread: float
    neighbours: float
    neighbours_chance: float
    further: float
    further_chance: float
    curve: float
    curve_chance: float
    free: int
    equations: int
    exact: bool
    rounded: bool
    composite: float | None = None
    composite_condition: float | None = None
    chance: float | None = None


@dataclass(frozen=True)
class Leftover:
    """What a residual has in it that the graph does not: ``further`` taps and a ``curve``.

    Attributes:
        basis: (n, f), of the columns that were fitted, where all positions were looked at; else None.
    """

    further: Effect = NONE
    curve: Effect = NONE
    basis: Array | None = None

    @property
    def matters(self) -> bool:
        """Whether there is so much of one that the graph is refuted."""
        return self.further.matters(SHARE) or self.curve.matters(SHARE)


def leftover_of_composite(search: Search) -> Leftover:
    """What the best composite leaves: no kernels of the cascade can explain it either.

    Of a residual that is nothing, or what rounding the targets made, nothing is asked.
    """
    assert search.composite is not None, "asked of linear cascades only"
    assert search.baseline is not None, "it has been fitted"
    target, left = search.task.targets[search.graph.outputs[0]], sqrt(search.baseline.loss / search.all.target.size)
    if left <= max(EXACT * target.std(), ROUNDED * rounding(target)):
        return Leftover()
    values = target.transpose(0, 2, 3, 1).reshape(-1, target.shape[1])
    count = len(values)
    positions = np.arange(count)
    if count > POSITIONS:
        positions = np.unique(np.linspace(0, count - 1, POSITIONS).astype(int))
    columns, ring = search.composite.columns(search.task.inputs, target, positions)
    rest, values = Rest(columns), values[positions]
    answers = values - rest.of(values)
    curves = [rest.share(values[:, [o]], answers[:, [o]] ** 2) for o in range(values.shape[1])]
    worst = min(curves, key=lambda curve: curve.chance)
    curve = Effect(worst.size, min(worst.chance * len(curves), 1.0))
    few = len(positions) == count and count < FEW * columns.shape[1]
    return Leftover(rest.share(values, ring), curve, rest.basis if few else None)


def leftover_of_graph(search: Search, p: Array) -> Leftover:
    """What a graph leaves at ``p``, an end: by the slopes of its answers for further taps, all zero there.

    Of a residual that is nothing, or what rounding the targets made, nothing is asked.
    """
    target, left = search.all.target, sqrt(np.mean(search.all.residual(p) ** 2))
    if left <= max(EXACT * target.std(), ROUNDED * rounding(target)):
        return Leftover()
    count = search.all.target.size
    rows = search.some(ROWS * p.size * 3).kept
    columns, ring = ring_slopes(search.model, search.task.inputs, search.task.targets, rows, p)
    rest, residual = Rest(columns), search.all.residual(p)[rows, None]
    answers = residual + search.all.target[rows, None]
    few = len(rows) == count and count < FEW * p.size
    return Leftover(rest.share(residual, ring), rest.share(residual, answers**2), rest.basis if few else None)


def nothing_there(search: Search) -> bool:
    """Whether noise lets the free composite fit as well, so that no kernels of the cascade can do better."""
    fit = search.baseline
    if fit is None or len(search.all.kept) < 2 * fit.unknowns * len(fit.constant):
        return False
    return _noise(search, fit.loss) > NOISE


def _noise(search: Search, loss: float) -> float:
    """The probability that noise leaves so little of targets without their means; 1 of no linear cascade."""
    if search.baseline is None:
        return 1.0
    target = search.task.targets[search.graph.outputs[0]]
    outputs = target.shape[1]
    total = float(((target - target.mean(axis=(0, 2, 3), keepdims=True)) ** 2).sum())
    return chance_of_fit(loss, total, (search.baseline.rank - 1) * outputs, target.size - outputs)


def measure_fit(partial: Search, final: Search, before: Array, after: Array, leftover: Leftover | None) -> Fit:
    """The numbers of a fit.

    Args:
        partial: the search that fitted a part, and ``before`` (P,) what it found; final: that on all targets, likewise.
        leftover: of the composite, where there is one.
    """
    target, residual = final.all.target, final.all.residual(after)
    count, loss = target.size, sum_of_squares(residual)
    power = float(np.mean((target - target.mean()) ** 2))
    errors, kept = partial.all.residual(before), partial.fitted.kept
    out = np.setdiff1d(np.arange(count), kept)
    small = partial.solver.name != "lbfgs"  # which is for systems whose Jacobian is too large
    free, noise = len(before), _noise(final, loss)
    expected = held_out = None
    if small:
        free = rank(final.equations(final.all.kept).jacobian(after))
    if out.size:
        leverage, numbers = len(before) * out.size / len(kept), len(before)
        if small:
            inside, outside = (partial.equations(rows).jacobian(before) for rows in (kept, out))
            numbers = rank(inside)
            leverage = float(np.sum((outside @ np.linalg.pinv(inside, rcond=RANK)) ** 2))
        # What noise does to a prediction with fitted numbers: its own variance, and that of the numbers by leverage.
        variance = sum_of_squares(errors[kept]) / max(len(kept) - numbers, 1)
        expected, held_out = sqrt(variance * (1 + leverage / out.size)), sqrt(np.mean(errors[out] ** 2))
        foretold = chance_of_prediction((errors + target)[out], target[out])
        noise = min(2 * min(noise, foretold), 1.0) if final.baseline is not None else foretold
    composite = chance = condition = None
    if final.composite is not None and final.baseline is not None and final.composite.nodes > 1:
        linear = final.baseline.rank * len(final.baseline.constant)
        composite, condition = sqrt(final.baseline.loss / count), final.baseline.condition
        chance = _chance(loss, final.baseline.loss, free, linear, count)
    exact = sqrt(loss) <= EXACT * sqrt(power * count)
    if leftover is None:
        leftover = leftover_of_graph(final, after) if small else Leftover()
    beside = _neighbours(final, residual, leftover.basis)
    return Fit(
        sqrt(loss / count),
        10 * log10(power * count / loss) if loss and power else inf,
        noise,
        expected,
        held_out,
        sqrt(power),
        beside.size,
        beside.chance,
        leftover.further.size,
        leftover.further.chance,
        leftover.curve.size,
        leftover.curve.chance,
        free,
        count,
        exact,
        sqrt(loss / count) <= ROUNDED * rounding(target),
        composite,
        condition,
        chance,
    )


def plausible(search: Search, best: Start) -> bool:
    """Whether noise may be all that makes a start's end worse than the free composite; True where there is none."""
    if search.baseline is None or best.verdict.name in (FITTED, UNDETERMINED):
        return True
    free = rank(search.equations(search.fitted.kept).jacobian(best.parameters))
    linear = search.baseline.rank * len(search.baseline.constant)
    return _chance(best.loss, search.baseline.loss, free, linear, len(search.fitted.kept)) >= DOUBT


def _neighbours(search: Search, residual: Array, basis: Array | None) -> Effect:
    """The most significant of the outputs' maps."""
    found, start = NONE, 0
    for shape in search.all.shapes.values():
        rows = slice(start, start + prod(shape))
        start += prod(shape)
        if len(shape) == 4:
            # A composite's basis is of each channel alike; a graph's has a row for every equation.
            own = basis if basis is None or len(basis) < len(residual) else basis[rows]
            effect = neighbours(residual[rows].reshape(shape), own)
            found = min(found, effect, key=lambda one: (one.chance, -abs(one.size)))
    return found


def _chance(loss: float, least: float, free: int, linear: int, count: int) -> float:
    """The F test of a model with ``free`` numbers inside one with ``linear``, over ``count`` targets."""
    if linear <= free or count <= linear or least <= 0:
        return 1.0
    return chance_of_ratio((loss - least) / (linear - free) / (least / (count - linear)), linear - free, count - linear)


def judge_fit(fit: Fit, best: Verdict, endings: str, successes: int, unknowns: int, settled: bool) -> Verdict:
    """The verdict about a fit to data that leave nothing open.

    Args:
        best: the best start's own verdict; endings: where the starts ended, in words; successes: how many agree.
        unknowns: trainable parameters; settled: whether no start could have fitted well.
    """
    text = f"the residual is {fit.residual:.3g} ({fit.snr:.3g} dB below the targets)"
    text += "" if fit.held_out is None else f", {fit.held_out:.3g} on held-out targets"
    text += "" if fit.composite is None else f", {fit.composite:.3g} with a free composite"
    ending = f"; {endings}"
    if fit.exact and fit.equations < fit.free + SURPLUS:
        few = f"{fit.equations} equations for {fit.free} numbers: any target is met"
        return Verdict(UNDETERMINED, f"{text}{ending}; {few}, more data would say whether the graph fits")
    if fit.exact:
        return Verdict(FITTED, f"{text}{ending}")
    if fit.neighbours or fit.neighbours_chance < 1:
        text += f"; neighbouring residuals correlate by {fit.neighbours:.2g}"
    text += ending
    if best.name == UNCONVERGED and not settled:
        return Verdict(UNCONVERGED, f"{text}; {best.why}")
    if fit.noise > NOISE:
        text += f": noise is fitted as well with a probability of up to {fit.noise:.2g}"
        if fit.equations < 2 * unknowns:
            few = f"{fit.equations} equations for {unknowns} unknowns are too few to tell"
            return Verdict(UNDETERMINED, f"{text}; {few}")
        return Verdict(MISFIT, text)
    if fit.held_out is not None and fit.held_out > NOTHING * fit.spread:
        return Verdict(MISFIT, f"{text}: it explains nothing of the held-out targets")
    missing = _missing(fit)
    if settled and missing:  # in what the best composite leaves, whatever the starts found
        return Verdict(MISFIT, f"{text}: {missing}")
    if fit.chance is not None and fit.chance < DOUBT:
        name = MISFIT if successes > 1 else LOCAL
        return Verdict(name, f"{text}: noise explains the difference with a probability of {fit.chance:.1g} only")
    if fit.held_out is not None and fit.expected is not None and fit.held_out > OVERFIT * fit.expected:
        return Verdict(MISFIT, f"{text}: {fit.free} free numbers are too many for these data")
    if fit.chance is None and successes < 2:
        return Verdict(LOCAL, f"{text}: another start may find better")
    if missing:
        return Verdict(MISFIT, f"{text}: {missing}")
    if not fit.rounded and Effect(fit.neighbours, fit.neighbours_chance).matters(CORRELATED):
        return Verdict(MISFIT, f"{text}: the residual is no noise")
    return Verdict(FITTED, f"{text}{', as rounding of the targets makes it' * fit.rounded}")


def _missing(fit: Fit) -> str:
    """What further taps or a curve explain of the residual, if that is more than noise leaves."""
    for share, chance, what in (
        (fit.further, fit.further_chance, "a ring of further taps"),
        (fit.curve, fit.curve_chance, "a curve of the answers"),
    ):
        if Effect(share, chance).matters(SHARE):
            return f"{what} explains {share:.0%} of the residual"
    return ""
