"""Rates: a smaller learning rate for a run that diverged, tried before it is suggested."""

from __future__ import annotations

import time
from collections.abc import Mapping
from math import isfinite

from minigraph.arrays import Array
from minigraph.errors import TrainingDiverged
from minigraph.recipe.optimizers import Optimizer
from minigraph.training.trainer import Trainer

SECONDS = 2.0
"""The longest that is spent on trying rates."""
SMALLEST = 12
"""The last rate tried is the run's divided by ten so many times."""
FEWEST, USUAL, MOST = 20, 100, 1000
"""A rate is tried for twice the steps that the run took to diverge, or so many as are usual, or at most. Where the time
runs out before, it counts after twice those steps, and after the fewest."""


def with_a_rate(diverged: TrainingDiverged, trainer: Trainer, start: Mapping[str, Array]) -> TrainingDiverged:
    """The same error, which says a smaller learning rate too if one was found that holds; the weights stay.

    Args:
        start: the snapshot of the trainer that the run began with.
    """
    first, optimizer = int(start["step"]), trainer.settings.optimizer
    if not isinstance(optimizer, Optimizer) or not isfinite(diverged.history.loss[first]):
        return diverged
    twice = min(2 * (diverged.step - first + 1), MOST)
    fewest, steps = (min(max(twice, least), trainer.length - first) for least in (FEWEST, USUAL))
    kept, end = trainer.weights(), time.perf_counter() + SECONDS
    try:
        for power in range(1, SMALLEST + 1):
            rate = float(f"{optimizer.learning_rate / 10**power:.6g}")  # as it is told
            slower = optimizer.model_copy(update={"learning_rate": rate})
            settings = trainer.settings.model_copy(update={"optimizer": slower})
            trial = Trainer(trainer.model, trainer.samples, None, settings)
            trial.restore(start)
            _run(trial, first + steps, end)
            taken = trial.step - first
            if taken >= fewest and _falls(trial, first):
                text = f"{diverged}; try learning rate {rate:.6g}, with which the loss fell in {taken} steps from step "
                return TrainingDiverged(f"{text}{first}", diverged.step, diverged.history)
    finally:
        trainer.put(kept)
    return diverged


def _run(trial: Trainer, until: int, end: float) -> None:
    """Take steps while there is time; a trainer that diverges goes back to where it was sound, and stops there."""
    ahead = 1
    while trial.step < until and time.perf_counter() < end:
        try:
            trial.take_steps(min(trial.step + ahead, until))
        except TrainingDiverged:
            trial.stop()
            return
        ahead *= 2


def _falls(trial: Trainer, first: int) -> bool:
    """Whether a trial did not diverge, its losses' second half is below the first, and it has gradients left."""
    losses = trial.losses[first:]
    if trial.settings.loss.sums:
        losses = losses / trial.batches.sizes(first, trial.step)
    half = len(losses) // 2
    return trial.stopped is None and bool(losses[half:].mean() < losses[:half].mean()) and trial.has_gradient
