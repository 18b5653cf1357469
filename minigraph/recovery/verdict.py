"""Verdicts: what was found, with the numbers that it rests on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minigraph.arrays import Array
from minigraph.solvers import Equations

RECOVERED, EQUIVALENT, LOCAL, UNCONVERGED = "recovered", "equivalent", "local minimum", "not converged"
FITTED, MISFIT, UNDETERMINED = "fitted", "misfit", "undetermined"
VERDICTS = (RECOVERED, FITTED, EQUIVALENT, UNDETERMINED, LOCAL, MISFIT, UNCONVERGED)
"""From the best to the worst; "fitted" and "misfit" are of a search without a teacher."""

EXACT = 1e-7
"""A residual below this part of the target counts as none."""
SAME = 1e-6
"""Parameters that differ by less, relatively, are the teacher's."""
NEAR = 0.1
"""An exact fit that comes nearer to the teacher than this is on its way to it: another solution is further off."""
PROMISE = 1e-6
"""A gradient counts as zero where the best step promises less than this part of the loss."""
SEVERAL = "several solutions fit, and more samples would tell which one is true"
UNKNOWNS = 1000
"""Of more unknowns the curvature is not examined."""


@dataclass(frozen=True)
class Verdict:
    """A verdict's name, and why."""

    name: str
    why: str


def minimum(equations: Equations, p: Array, outside: float = 0.0) -> Verdict:
    """Whether ``p``, which does not solve the equations, is a local minimum of the loss.

    Args:
        outside: a part of the loss that the equations do not have, since no ``p`` changes it.

    The Hessian is the central difference of gradients. With its eigenvalues l and the gradient's parts g along them,
    the best step promises the sum of g²/2l; the point is a minimum if that is next to nothing and no l is negative.
    """
    loss, gradient = equations.loss_and_gradient(p)
    loss += outside
    if p.size > UNKNOWNS:
        return Verdict(UNCONVERGED, f"the curvature of {p.size} unknowns is not examined")
    scale = np.maximum(np.abs(p), 1e-3 * np.abs(p).max(initial=1.0))
    steps = np.finfo(float).eps ** (1 / 3) * scale
    gradient = gradient * scale
    hessian = np.empty((p.size, p.size))
    for index, step in enumerate(steps):
        moved = np.zeros_like(p)
        moved[index] = step
        ahead, behind = (equations.loss_and_gradient(point)[1] for point in (p + moved, p - moved))
        hessian[index] = (ahead - behind) / (2 * step) * scale * scale[index]
    if not np.isfinite(hessian).all():
        return Verdict(UNCONVERGED, "the parameters have run out of bounds")
    curvature, axes = np.linalg.eigh((hessian + hessian.T) / 2)
    flat = 1e-6 * max(float(np.abs(curvature).max()), np.finfo(float).tiny)
    along = axes.T @ gradient
    promise = float((along[curvature > flat] ** 2 / (2 * curvature[curvature > flat])).sum())
    numbers = f"the best step promises {promise / loss:.1g} of the loss"
    if curvature[0] < -flat:
        return Verdict(UNCONVERGED, f"{numbers}; a curvature is negative: a saddle, or a kink such as that of ReLU")
    if promise > PROMISE * loss:
        return Verdict(UNCONVERGED, numbers)
    return Verdict(LOCAL, f"{numbers}; no curvature is negative")
