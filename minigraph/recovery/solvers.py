"""Solvers of equations in the sense of least squares, each from one start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

import numpy as np

from minigraph.arrays import Array
from minigraph.recovery.composite import Composite, CompositeFit
from minigraph.recovery.equations import Equations

EVALUATIONS = 300
"""So often a solver may evaluate the equations from one start."""
DAMPING, LEAST = 0.1, 1e-14
"""The first damping and the least, where the columns of a Jacobian have length 1."""
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
    """Gauss-Newton steps, damped where they would lead uphill: (JᵀJ + m D) step = -Jᵀr.

    D has the largest squared norms of J's columns so far (Moré 1978). The damping m follows how well a step's gain was
    foretold (Nielsen, Damping Parameter in Marquardt's Method, 1999), and never is 0: scales that no data determine
    leave J without full rank. (SciPy's "lm" answers that with steps that change from call to call.)
    ``measure`` makes the loss that is recorded out of a residual.
    """
    p = start.copy()
    residual = equations.residual(p)
    loss, losses = sum_of_squares(residual), [measure(residual)]
    scale, damping, growth = np.zeros_like(p), DAMPING, 2.0
    with np.errstate(over="ignore", invalid="ignore"):
        while isfinite(loss):
            jacobian = equations.jacobian(p)
            normal, gradient = jacobian.T @ jacobian, jacobian.T @ residual
            scale = np.maximum(scale, normal.diagonal())
            scale[scale == 0] = 1.0
            while True:
                step = np.linalg.solve(normal + np.diag(damping * scale), -gradient)
                foretold = float(step @ (damping * scale * step - gradient))
                values = equations.residual(p + step)
                reached = sum_of_squares(values)
                losses.append(measure(values))
                gain = (loss - reached) / foretold if foretold > 0 and isfinite(reached) else 0.0
                small = foretold <= precision * loss and abs(loss - reached) <= precision * loss
                still = float(step @ (scale * step)) <= precision**2 * float(p @ (scale * p))
                if gain > 0:
                    p, residual, loss = p + step, values, reached
                if small or still or loss == 0 or len(losses) >= evaluations:
                    return Solution(p, np.array(losses), equations)
                if gain > 0:
                    damping, growth = max(damping * max(1 / 3, 1 - (2 * gain - 1) ** 3), LEAST), 2.0
                    break
                damping, growth = damping * growth, growth * 2
    return Solution(p, np.array(losses), equations)


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
