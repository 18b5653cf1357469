"""Diagnosis: when a loss is not sound, and which node's value or error was the first that is not finite."""

from __future__ import annotations

from math import inf, isfinite
from typing import TYPE_CHECKING

import numpy as np

from minigraph.arrays import Array
from minigraph.model.model import Model
from minigraph.model.plan import copy_in

if TYPE_CHECKING:
    from minigraph.training.batches import Batch

REASON = 1e6
"""A loss is beyond reason when it is so many times the first one, and the one that answers of nothing but 0 have."""


def beyond_reason(first: float, batch: Batch) -> float:
    """The least loss that is beyond reason, in a run whose first loss was ``first``."""
    return REASON * max(first, batch.loss_of_nothing()) or inf


def first_not_finite(model: Model, batch: Batch) -> str | None:
    """The first value in the order of forward, else the first error in the order of backward, that is not finite."""
    with model.whole_pass(batch.plan.batch, training=True) as plan:
        plan.fill({name: batch.plan.values[name] for name in model.graph.inputs})
        plan.forward()
        for name, value in plan.values.items():
            if not np.isfinite(value).all():
                return f"the value of '{name}' was the first that is not finite"
        batch.forward()
        batch.loss()
        for name, error in plan.prepare_errors().items():
            copy_in(error, batch.mirror.errors[name])
        plan.backward()
        for name in reversed(plan.values):
            if name in plan.errors and not np.isfinite(plan.errors[name]).all():
                return f"the error of '{name}' was the first that is not finite"
        for name, gradient in plan.gradients.items():
            if not np.isfinite(gradient).all():
                return f"the gradient of '{name}' was the first that is not finite"
    return None


def divergence_text(loss: float, losses: Array, found: str | None, limit: float) -> str:
    """What is said of the loss of the last step of ``losses``, which was not sound."""
    step = len(losses) - 1
    before = f"it was {losses[step - 1]:.6g} one step before, {losses[0]:.6g} at step 0" if step else "the first one"
    wanted = f"a loss below {limit:.6g}" if isfinite(loss) and not loss < limit else "finite numbers"
    return (
        f"training diverged: the loss at step {step} is {loss:.6g} ({before}); "
        f"{found or 'the values and errors of all nodes are finite'}; expected {wanted}"
    )
