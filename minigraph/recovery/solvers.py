"""Solvers of equations in the sense of least squares, each from one start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

import numpy as np

from minigraph.model import Array
from minigraph.recovery.composite import Composite, CompositeFit
from minigraph.recovery.equations import Equations

EVALUATIONS = 300
"""So often a solver may evaluate the equations from one start."""
FIRST = 100.0
"""How long the first step may be, relative to the start."""
RANK = 1e-14
"""A singular value below this part of the largest counts as 0."""
PRECISION, ROUGHLY = 1e-15, 1e-8
"""Solvers stop where neither the loss nor the parameters change by more than this, relatively."""
EXACT = 1e-7
"""A residual below this part of the target counts as none."""


@dataclass(frozen=True)
class Solution:
    """Where a solver ended.

    Attributes:
        parameters: (P,).
        losses: (evaluations,), the loss at each point that was tried, in order.
        equations: those that it solved last.
    """

    parameters: Array
    losses: Array
    equations: Equations


def sum_of_squares(residual: Array) -> float:
    """The loss of a residual."""
    return float(residual @ residual)


def levenberg_marquardt(
    equations: Equations,
    start: Array,
    measure: Callable[[Array], float] = sum_of_squares,
    precision: float = PRECISION,
) -> Solution:
    """Gauss-Newton steps of limited length, where the limit follows how well the last step was foretold.

    Moré, The Levenberg-Marquardt algorithm: implementation and theory (1978), as in MINPACK's lmder, but each Jacobian
    is taken apart by its singular values: the scales that no data determine leave it without full rank, and these
    give the shortest step there. (SciPy's own "lm" answers them with steps that change from call to call.)
    ``measure`` makes the loss that is recorded out of a residual.
    """
    p = start.copy()
    residual = equations.residual(p)
    loss, losses = sum_of_squares(residual), [measure(residual)]
    scale, limit = np.zeros_like(p), 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        while isfinite(loss):
            jacobian = equations.jacobian(p)
            scale = np.maximum(scale, np.linalg.norm(jacobian, axis=0))
            scale[scale == 0] = 1.0
            left, singular, right = np.linalg.svd(jacobian / scale, full_matrices=False)
            limit = limit or FIRST * float(np.linalg.norm(scale * p)) or FIRST
            while True:
                turned, damping = _limited(singular, residual @ left, limit)
                length = float(np.linalg.norm(turned))
                trial = p - (turned @ right) / scale
                foretold = sum_of_squares(singular * turned) + 2 * damping * length**2
                if len(losses) == 1:
                    limit = min(limit, length)
                values = equations.residual(trial)
                reached = sum_of_squares(values) if np.isfinite(values).all() else np.inf
                losses.append(measure(values))
                gain = (loss - reached) / foretold if foretold > 0 else 0.0
                small = foretold <= precision * loss and abs(loss - reached) <= precision * loss
                if gain <= 0.25:
                    limit = _shorter(loss, reached, foretold - damping * length**2) * min(limit, 10 * length)
                elif damping == 0 or gain >= 0.75:
                    limit = 2 * length
                taken = gain > 1e-4
                if taken:
                    p, residual, loss = trial, values, reached
                still = limit <= precision * float(np.linalg.norm(scale * p))
                if small or still or loss == 0 or len(losses) >= EVALUATIONS:
                    return Solution(p, np.array(losses), equations)
                if taken:
                    break
    return Solution(p, np.array(losses), equations)


def _limited(singular: Array, residual: Array, limit: float) -> tuple[Array, float]:
    """The step q(m) = s r / (s^2 + m) in singular directions, and its damping m: 0, or what makes |q| ``limit``."""
    known = singular > RANK * singular[0]
    step = np.divide(residual, singular, out=np.zeros_like(singular), where=known)
    if float(np.linalg.norm(step)) <= 1.1 * limit:
        return step, 0.0
    low, high = 0.0, float(np.linalg.norm(singular * residual)) / limit
    damping = 1e-3 * high
    for _ in range(10):  # Newton's method for 1/|q| (Hebden 1973), kept within bounds; a tenth off is good enough
        spread = singular**2 + damping
        step = singular * residual / spread
        length = float(np.linalg.norm(step))
        if abs(length - limit) <= 0.1 * limit:
            break
        low, high = (damping, high) if length > limit else (low, damping)
        damping += (length / limit) * (length - limit) * length / float(step**2 @ (1 / spread))
        if not low < damping < high:
            damping = max(1e-3 * high, (low * high) ** 0.5)
    return step, damping


def _shorter(loss: float, reached: float, slope: float) -> float:
    """By what to shorten the limit after a poor step: to where a parabola through what is known is lowest."""
    if reached >= 100 * loss:
        return 0.1
    rise = (reached - loss) / slope
    return 0.5 if rise <= 0 else max(0.5 / (1 + 0.5 * rise), 0.1)


def lbfgs(equations: Equations, start: Array) -> Solution:
    """Quasi-Newton steps from gradients alone (Liu and Nocedal 1989); for systems whose Jacobian is too large."""
    from scipy.optimize import minimize

    losses: list[float] = []

    def loss_and_gradient(p: Array) -> tuple[float, Array]:
        loss, gradient = equations.loss_and_gradient(p)
        losses.append(loss)
        return loss, gradient

    options = {"maxiter": 10 * EVALUATIONS, "maxfun": 10 * EVALUATIONS, "maxcor": 20, "ftol": 0.0, "gtol": 0.0}
    with np.errstate(over="ignore", invalid="ignore"):
        found = minimize(loss_and_gradient, start, jac=True, method="L-BFGS-B", options=options)  # type: ignore[call-overload]  # not in the stubs
    return Solution(found.x, np.array(losses), equations)


def composite_first(composite: Composite, fit: CompositeFit, p: Array) -> Solution:
    """Factorise the fitted composite, every entry counted alike; then fit the kernels to the data's own equations.

    The first has fewer spurious minima, the second is the least-squares problem itself. A composite that the data do
    not determine is not factorised; one that is exact has nothing to gain from the second where the first failed.
    """
    losses: list[Array] = []
    p = composite.scaled(p, fit)  # far from the right size a step's damping can stall
    if fit.rank == fit.unknowns:
        factorisation = composite.factorisation(fit)
        found = levenberg_marquardt(
            factorisation,
            p,
            lambda residual: sum_of_squares((fit.triangle @ residual.reshape(fit.unknowns, -1)).ravel()) + fit.loss,
            ROUGHLY,
        )
        p, losses = found.parameters, [found.losses]
        size = sum_of_squares(fit.right.ravel())
        if fit.loss <= EXACT**2 * size and found.losses[-1] > 1e-3 * size:
            return Solution(p, found.losses, factorisation)
    data = composite.equations(fit)
    found = levenberg_marquardt(data, p, lambda residual: sum_of_squares(residual) + fit.outside)
    return Solution(found.parameters, np.concatenate([*losses, found.losses]), data)
