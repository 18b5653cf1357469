"""The solver of linear cascades: least squares finds the composite, which is then factorised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from minigraph.arrays import Array
from minigraph.recovery.composite import Composite, CompositeFit
from minigraph.recovery.verdict import EXACT
from minigraph.solvers import SOLVERS, Solution, Solver, System, sum_of_squares
from minigraph.solvers.levenberg_marquardt import levenberg_marquardt

ROUGHLY = 1e-8
"""The factorisation stops where neither its loss nor the parameters change by more than this, relatively."""


@dataclass(frozen=True)
class RecoverySystem(System):
    """The equations of a recovery.

    Attributes:
        composite, fit: of a linear cascade, else None; not_linear: why the graph is none.
    """

    composite: Composite | None
    fit: CompositeFit | None
    not_linear: str


@SOLVERS.register("composite")
class CompositeSolver(Solver):
    """Factorise the fitted composite, every entry counted alike; then fit the kernels to the data's own equations.

    The first has fewer spurious minima, the second is the least-squares problem itself. A composite that the data do
    not determine is not factorised; one that is exact has nothing to gain from the second where the first failed.
    """

    trains: ClassVar[bool] = False
    priority: ClassVar[int] = 1

    def refused(self, system: System) -> str:
        assert isinstance(system, RecoverySystem), "only a recovery has a composite"
        if not system.not_linear:
            return ""
        found = f"found a graph that is no linear cascade ({system.not_linear})"
        return f"{found}; expected Conv nodes in a row, unpadded after the first"

    def unsuited(self, system: System) -> str:
        assert isinstance(system, RecoverySystem), "only a recovery has a composite"
        return f"no linear cascade ({system.not_linear})" if system.not_linear else ""

    def suited(self, system: System) -> str:
        assert isinstance(system, RecoverySystem), "only a recovery has a composite"
        assert system.composite is not None, "the solver was chosen for a cascade"
        if system.composite.nodes == 1:
            return "a single convolution: least squares finds its kernel"
        return "a linear cascade: least squares finds its composite, which is then factorised"

    def solve(self, system: System, start: Array, evaluations: int | None = None) -> Solution:
        assert isinstance(system, RecoverySystem), "only a recovery has a composite"
        composite, fit = system.composite, system.fit
        assert composite is not None, "the solver was chosen for a cascade"
        assert fit is not None, "a composite has been fitted"
        losses: list[Array] = []
        p = composite.scaled(start, fit)  # far from the right size a step's damping can stall
        if fit.rank == fit.unknowns:
            factorisation = composite.factorisation(fit)
            solution = levenberg_marquardt(
                factorisation,
                p,
                lambda residual: sum_of_squares((fit.triangle @ residual.reshape(fit.unknowns, -1)).ravel()) + fit.loss,
                ROUGHLY,
            )
            p, losses = solution.parameters, [solution.losses]
            size = sum_of_squares(fit.right.ravel())
            if fit.loss <= EXACT**2 * size and solution.losses[-1] > 1e-3 * size:
                return Solution(p, solution.losses, factorisation)
        data = composite.equations(fit)
        solution = levenberg_marquardt(data, p, lambda residual: sum_of_squares(residual) + fit.outside)
        return Solution(solution.parameters, np.concatenate([*losses, solution.losses]), data)
