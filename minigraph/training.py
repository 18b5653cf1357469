"""Training: forward, loss, backward, update, again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigraph.errors import DefinitionError, ShapeError, TrainingDiverged, describe
from minigraph.losses import LOSSES, Loss
from minigraph.model import Arrays, Model, by_name, canonical
from minigraph.optimizers import Optimizer
from minigraph.plan import Plan

Array = NDArray[Any]


@dataclass(frozen=True)
class History:
    """What a training run saw.

    Attributes:
        loss: (steps,), the loss before each update, in float64.
        seconds: wall time of the loop.
    """

    loss: Array
    seconds: float


def train(
    model: Model,
    x: Arrays,
    target: Arrays,
    *,
    loss: str | Loss = "sse",
    optimizer: Optimizer,
    steps: int,
    on_step: Callable[[int, float], None] | None = None,
) -> History:
    """Fit the model's trainable parameters so that its answer to ``x`` comes near ``target``.

    Every step is one forward, one backward and one update of all parameters at once, over all samples.
    The losses of several outputs are added.

    Args:
        model: its parameters are changed in place.
        x: as for :meth:`Model.forward`.
        target: shaped like the answer: an array, or a dict of arrays for several outputs.
        loss: a loss's name, such as "sse", or a Loss.
        optimizer: such as ``mg.SGD(learning_rate=3e-5)``.
        steps: how many updates, at least 1.
        on_step: called with (step from 0, loss before its update).

    Raises:
        ShapeError: x or target do not fit the graph. DataError: an array is missing or not of real numbers.
        DefinitionError: no such loss, or steps is not a positive integer.
        TrainingDiverged: a loss was not finite; its step and the losses are on the error, and the parameters
            are those after the last update.
    """
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 1:
        raise DefinitionError(f"steps: found {steps}; expected an integer of at least 1")
    if not isinstance(optimizer, Optimizer):
        raise DefinitionError(f"optimizer: found {describe(optimizer)}; expected one such as mg.SGD(learning_rate=0.1)")
    criterion = LOSSES.find(loss)() if isinstance(loss, str) else loss
    inputs = _samples(model, x, list(model.graph.inputs), "input")
    targets = _samples(model, target, model.graph.outputs, "target")
    _require_one_batch({**inputs, **{f"target of {name}": array for name, array in targets.items()}})
    parameters = model.parameters
    gradient = np.zeros_like(parameters.trainable)
    plan = Plan(model, inputs, parameters.views_of(gradient))
    watched = [(plan.values[name], targets[name], plan.output_errors[name]) for name in targets]
    losses = np.empty(steps)
    started = time.perf_counter()
    try:
        with plan.held(), np.errstate(over="ignore", invalid="ignore"):
            for step in range(steps):
                plan.forward()
                total = sum(criterion.evaluate(answer, wanted, error) for answer, wanted, error in watched)
                losses[step] = total
                if on_step is not None:
                    on_step(step, total)
                if not isfinite(total):
                    raise diverged(step, History(losses[: step + 1], time.perf_counter() - started))
                plan.backward()
                optimizer.update(parameters.trainable, gradient)
                model.advance(plan.values)
    finally:
        parameters.version += 1  # the model's own last forward is out of date
    return History(losses, time.perf_counter() - started)


def diverged(step: int, history: History) -> TrainingDiverged:
    """The error for a loss that is not finite at ``step``."""
    losses = history.loss
    before = f"it was {losses[step - 1]:.6g} one step before" if step else "it is so from the start"
    return TrainingDiverged(
        f"training diverged: the loss at step {step} is {losses[step]} "
        f"({before}, {losses[0]:.6g} at step 0); "
        "expected a finite loss: try a smaller learning rate or another seed",
        step,
        history,
    )


def _samples(model: Model, given: Arrays, names: list[str], kind: str) -> dict[str, Array]:
    shapes = model.graph.shapes
    arrays = by_name(given, names, kind)
    return {name: canonical(arrays[name], shapes[name], name, model.dtype)[0] for name in names}


def _require_one_batch(arrays: dict[str, Array]) -> None:
    counts = {name: len(array) for name, array in arrays.items()}
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise ShapeError(f"inputs and targets need the same number of samples; found {found}")
