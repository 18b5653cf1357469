"""What a solver is: a system of equations that it is given, what it needs of one, and the solution that it ends at."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from minigraph.arrays import Array
from minigraph.declared.base import Declared
from minigraph.declared.registry import Registry

EVALUATIONS = 300
"""So often a solver may evaluate the equations from one start."""
JACOBIAN = 2_000_000
"""A Jacobian is large where its rows have more entries, and push more errors, than this."""


class Equations(ABC):
    """R equations in P unknowns, to be solved in the sense of least squares."""

    @abstractmethod
    def residual(self, p: Array) -> Array:
        """What is left of each equation at ``p`` (P,): (R,)."""

    @abstractmethod
    def jacobian(self, p: Array) -> Array:
        """dresidual/dp: (R, P)."""

    def loss_and_gradient(self, p: Array) -> tuple[float, Array]:
        """The sum of squares of the residual, and its gradient (P,)."""
        residual = self.residual(p)
        return float(residual @ residual), 2 * residual @ self.jacobian(p)


@dataclass(frozen=True)
class System:
    """What a solver is given.

    Attributes:
        equations: to be solved.
        rows, unknowns: how many equations there are, and in how many unknowns.
        pushed: numbers of the largest error that is pushed back for a row of the Jacobian.
    """

    equations: Equations
    rows: int
    unknowns: int
    pushed: int

    @property
    def large(self) -> bool:
        """Whether its Jacobian is too large to be worked with."""
        return self.rows * (self.unknowns + self.pushed) > JACOBIAN


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


class Solver(Declared, ABC):
    """A way to solve equations: it sees all samples at once, and finds the length of its steps itself."""

    common_keys: ClassVar[Mapping[str, tuple[str, ...]]] = {"name": ()}
    trains: ClassVar[bool] = True
    """Whether it can solve the equations of any graph, so that ``[train]`` may name it."""
    priority: ClassVar[int] = 0
    """Where none is named, the first one that suits a system is chosen, in the order of falling priority."""

    def refused(self, system: System) -> str:
        """Why it cannot be used for a system, as "found ...; expected ..."; the empty text where it can."""
        return ""

    @abstractmethod
    def unsuited(self, system: System) -> str:
        """Why another solver would be chosen for a system; the empty text where this one is good for it."""

    @abstractmethod
    def suited(self, system: System) -> str:
        """What of a system speaks for this solver, if there is more to say than that no other one suits."""

    @abstractmethod
    def solve(self, system: System, start: Array, evaluations: int | None = None) -> Solution:
        """Where the solver gets from ``start`` (P,).

        Args:
            evaluations: the most; as many as the solver is worth when left out.
        """


SOLVERS: Registry[Solver] = Registry("solver")


def solvers() -> dict[str, type[Solver]]:
    """The solvers by name, in the order in which they are tried where none is named."""
    return dict(sorted(SOLVERS.items(), key=lambda item: -item[1].priority))


def sum_of_squares(residual: Array) -> float:
    """The loss of a residual."""
    return float(residual @ residual)
