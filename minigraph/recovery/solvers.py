"""Solvers of equations in the sense of least squares, each from one start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minigraph.model import Array
from minigraph.recovery.composite import Composite, CompositeFit
from minigraph.recovery.equations import Equations

EVALUATIONS = 300
"""So often a solver may evaluate the equations from one start."""
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
    evaluations: int = EVALUATIONS,
) -> Solution:
    """Gauss-Newton steps, damped where they would lead uphill (Marquardt 1963; Moré 1978, MINPACK's lmder).

    ``measure`` makes the loss that is recorded out of a residual. Of fewer equations than unknowns SciPy's trust region
    ("trf") is used, since MINPACK takes none.
    """
    from scipy.optimize import least_squares

    losses: list[float] = []

    def residual(p: Array) -> Array:
        values = equations.residual(p)
        losses.append(measure(values))
        return values

    with np.errstate(over="ignore", invalid="ignore"):
        count = len(equations.residual(start))
        found = least_squares(
            residual,
            start,
            equations.jacobian,
            method="lm" if count >= len(start) else "trf",
            x_scale="jac",
            ftol=precision,
            xtol=precision,
            gtol=precision,
            max_nfev=evaluations,
        )
    return Solution(found.x, np.array(losses), equations)


def lbfgs(equations: Equations, start: Array, evaluations: int = 10 * EVALUATIONS) -> Solution:
    """Quasi-Newton steps from gradients alone (Liu and Nocedal 1989); for systems whose Jacobian is too large."""
    from scipy.optimize import minimize

    losses: list[float] = []

    def loss_and_gradient(p: Array) -> tuple[float, Array]:
        loss, gradient = equations.loss_and_gradient(p)
        losses.append(loss)
        return loss, gradient

    options = {"maxiter": evaluations, "maxfun": evaluations, "maxcor": 20, "ftol": 0.0, "gtol": 0.0}
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
