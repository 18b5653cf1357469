"""LM: damped Gauss-Newton steps."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

import numpy as np

from minigraph.arrays import Array
from minigraph.solvers.base import EVALUATIONS, SOLVERS, Equations, Solution, Solver, System, sum_of_squares

DAMPING, LEAST = 0.1, 1e-14
"""The first damping and the least, where the columns of a Jacobian have length 1."""
PRECISION = 1e-15
"""It stops where neither the loss nor the parameters change by more than this, relatively."""


@SOLVERS.register("lm")
class LM(Solver):
    """Gauss-Newton steps, damped where they would lead uphill. Levenberg 1944, Marquardt 1963; MINPACK's lmder."""

    def unsuited(self, system: System) -> str:
        return f"a Jacobian of {system.rows:,} x {system.unknowns:,} is too large" if system.large else ""

    def suited(self, system: System) -> str:
        return f"a Jacobian of {system.rows:,} x {system.unknowns:,} is small"

    def solve(self, system: System, start: Array, evaluations: int | None = None) -> Solution:
        return levenberg_marquardt(system.equations, start, evaluations=evaluations or EVALUATIONS)


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
