"""Solvers: equations solved in the sense of least squares, each by a class of its own, from one start.

A solver is one file: what it needs of a system, and how it gets from a start to a solution. It is chosen by name in
``[train]`` and in recovery.
"""

from __future__ import annotations

from minigraph.solvers.base import EVALUATIONS, SOLVERS, Equations, Solution, Solver, System, solvers, sum_of_squares
from minigraph.solvers.lbfgs import LBFGS
from minigraph.solvers.levenberg_marquardt import LM

__all__ = [
    "EVALUATIONS",
    "LBFGS",
    "LM",
    "SOLVERS",
    "Equations",
    "Solution",
    "Solver",
    "System",
    "solvers",
    "sum_of_squares",
]
