"""Significance: what noise alone would do, as probabilities, and how much of a rest something further explains.

All are tests of linear regression with normal errors. A probability says whether there is something, a share or a
correlation how much: a verdict asks for both, since of a million pixels the least flaw is significant.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt

import numpy as np

from minigraph.arrays import Array

NOISE = 1e-4
"""What noise does with a larger probability proves nothing."""
COLUMN = 1e-9
"""Singular values below this part of the largest count as 0."""
ROUNDED = 1.1
"""Rounding explains a residual that is at most so many times as large as rounding makes."""


@dataclass(frozen=True)
class Effect:
    """How much there is of something, and the probability that noise alone makes so much of it."""

    size: float
    chance: float

    def matters(self, least: float) -> bool:
        """Whether it is both significant and at least so large."""
        return self.chance < NOISE and abs(self.size) >= least


def chance_of_fit(left: float, total: float, numbers: int, count: int) -> float:
    """The probability that targets of pure noise leave no more than ``left`` of their ``total`` sum of squares.

    Of ``count`` normal numbers, ``numbers`` of whose directions are fitted, the part that is left has the distribution
    Beta((count - numbers) / 2, numbers / 2) (Seber and Lee, Linear Regression Analysis, 2003, theorem 2.8 and section
    4.3). A fit inside a linear one leaves at least as much, so that for it this is an upper bound, however many starts
    it was chosen from.
    """
    from scipy.special import betainc

    if count <= numbers or numbers < 1 or not total:
        return 1.0
    return float(betainc((count - numbers) / 2, numbers / 2, min(left / total, 1.0)))


def chance_of_prediction(predicted: Array, target: Array) -> float:
    """The probability that noise correlates so well with a prediction made without it (Student's t; Fisher 1915)."""
    from scipy.special import betainc

    count = target.size
    if count < 3:
        return 1.0
    a, b = predicted - predicted.mean(), target - target.mean()
    size = sqrt(float(a @ a) * float(b @ b))
    if not size:
        return 1.0
    correlation = min(float(a @ b) / size, 1.0)
    tail = float(betainc((count - 2) / 2, 0.5, 1 - correlation**2)) / 2
    return tail if correlation > 0 else 1 - tail


def chance_of_ratio(ratio: float, above: int, below: int) -> float:
    """The F test: the probability that one mean square of noise is so many times another one, of these freedoms."""
    from scipy.special import fdtrc

    return float(fdtrc(above, below, max(ratio, 0.0))) if above > 0 and below > 0 else 1.0


class Rest:
    """What is left of targets beyond the columns that were fitted.

    Args:
        columns: (n, f), what was fitted, or the slopes of what was.
    """

    def __init__(self, columns: Array) -> None:
        self.basis = _basis(columns)

    def of(self, values: Array) -> Array:
        """What of (n, k) the columns do not reach."""
        left: Array = values - self.basis @ (self.basis.T @ values)
        return left

    def share(self, target: Array, further: Array) -> Effect:
        """The part of what is left of ``target`` (n, k) that columns ``further`` (n, m) explain, beyond what as many
        columns of noise would (adjusted R²), and the F test of it: for slopes of more parameters Rao's score test.
        """
        left, new = self.of(target), self.of(further)
        lengths = np.linalg.norm(further, axis=0)
        new = new[:, np.linalg.norm(new, axis=0) > 1e-6 * lengths]
        basis = _basis(new)
        outputs, freedom = target.shape[1], (len(target) - self.basis.shape[1]) * target.shape[1]
        numbers = basis.shape[1] * outputs
        total = float((left**2).sum())
        explained = float(((basis.T @ left) ** 2).sum())
        if not numbers or freedom <= numbers or not total:
            return Effect(0.0, 1.0)
        rest = (total - explained) / (freedom - numbers)
        chance = chance_of_ratio(explained / numbers / rest if rest > 0 else inf, numbers, freedom - numbers)
        return Effect(1 - rest / (total / freedom), chance)


def _basis(columns: Array) -> Array:
    """An orthonormal basis (n, rank) of the space of columns (n, m)."""
    lengths = np.linalg.norm(columns, axis=0)
    left, singular, _ = np.linalg.svd(columns[:, lengths > 0] / lengths[lengths > 0], full_matrices=False)
    basis: Array = left[:, singular > COLUMN * singular.max(initial=0.0)]
    return basis


NEIGHBOURS = (("next", 0, 1), ("below", 1, 0), ("below and next", 1, 1), ("below and before", 1, -1))
"""Where a place's neighbours stand: rows down and columns on."""


def neighbours(residual: Array, basis: Array | None = None) -> Effect:
    """The largest correlation of a residual (N, C, H, W) with itself one place further, in four directions.

    Args:
        basis: (N*C*H*W, f), orthonormal columns of what was fitted, or (N*H*W, f) of what was for each channel:
            fitting alone makes neighbours correlate by -tr(HS) / (n - f), with S the mean of both shifts and
            H = basis basisᵀ (Durbin and Watson 1950; Cliff and Ord, Spatial Processes, 1981, section 8.3).
    """
    from scipy.special import erfc

    samples, channels, *size = residual.shape
    basis = np.zeros((residual.size, 0)) if basis is None else basis
    alike = residual.size // len(basis)
    columns = basis.T.reshape(-1, samples, channels // alike, *size)
    count, free = residual.size, alike * float((basis**2).sum())
    squares = float((residual**2).sum())
    found = Effect(0.0, 1.0)
    if not squares or count <= free:
        return found
    for _, down, on in NEIGHBOURS:
        products, pairs = _products(residual, down, on)
        if not pairs:
            continue
        expected = -alike * _products(columns, down, on)[0] / (count - free)
        correlation = (products / squares - expected) * count / pairs
        deviation = sqrt(pairs) / (count - free) * count / pairs
        chance = min(len(NEIGHBOURS) * float(erfc(abs(correlation) / deviation / sqrt(2))), 1.0)
        if chance < found.chance or (chance == found.chance and abs(correlation) > abs(found.size)):
            found = Effect(correlation, chance)
    return found


def _products(values: Array, down: int, on: int) -> tuple[float, int]:
    """The sum of products of neighbours in (..., H, W), and how many there are."""
    first = values[..., : values.shape[-2] - down, max(-on, 0) : values.shape[-1] - max(on, 0)]
    second = values[..., down:, max(on, 0) : values.shape[-1] - max(-on, 0)]
    return float((first * second).sum()), first.size


def rounding(target: Array) -> float:
    """The root mean square that rounding made, step / sqrt(12), if all targets stand on a grid of equal steps; else 0.

    Source: Widrow and Kollár, Quantization Noise, 2008, chapter 1.
    """
    values = np.unique(target)
    steps = np.diff(values)
    steps = steps[steps > 1e-9 * max(float(np.abs(values).max(initial=0.0)), np.finfo(float).tiny)]
    if len(steps) < 3:
        return 0.0
    places = (values - values[0]) / steps.min()
    on_grid = np.abs(places - np.round(places)).max() < 1e-3
    return float(steps.min()) / sqrt(12) if on_grid else 0.0
