"""LBFGS: quasi-Newton steps, which need gradients alone."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from minigraph.arrays import Array
from minigraph.solvers.base import EVALUATIONS, SOLVERS, Solution, Solver, System


@SOLVERS.register("lbfgs")
class LBFGS(Solver):
    """Quasi-Newton steps from the gradients of the last few points, with a line search. Liu and Nocedal 1989."""

    priority: ClassVar[int] = -1

    def unsuited(self, system: System) -> str:
        return ""

    def suited(self, system: System) -> str:
        return ""

    def solve(self, system: System, start: Array, evaluations: int | None = None) -> Solution:
        from scipy.optimize import minimize

        most, losses = evaluations or 10 * EVALUATIONS, list[float]()

        def loss_and_gradient(p: Array) -> tuple[float, Array]:
            loss, gradient = system.equations.loss_and_gradient(p)
            losses.append(loss)
            return loss, gradient

        options = {"maxiter": most, "maxfun": most, "maxcor": 20, "ftol": 0.0, "gtol": 0.0}
        with np.errstate(over="ignore", invalid="ignore"):
            minimum = minimize(loss_and_gradient, start, jac=True, method="L-BFGS-B", options=options)  # type: ignore[call-overload]  # not in the stubs
        return Solution(minimum.x, np.array(losses), system.equations)
