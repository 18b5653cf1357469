"""The way of a trainer to its end: in stretches between which a run is judged, kept, shown and can be stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from minigraph.data.samples import Samples
from minigraph.errors import DefinitionError, TrainingDiverged
from minigraph.files.writing import write_npz
from minigraph.model.model import Model
from minigraph.recipe.settings import TrainSection
from minigraph.solvers import Solver
from minigraph.training.checkpoint import write_checkpoint
from minigraph.training.trainer import OnStep, Trainer

PACE = 0.1
"""Seconds between two moments at which a run is shown and can be stopped."""
REST = 10.0
"""Seconds between two checkpoints, where no number of steps is set."""


def new_trainer(
    model: Model,
    samples: Samples,
    validation: Samples | None,
    settings: TrainSection,
    detect_anomaly: bool = False,
    on_step: OnStep | None = None,
) -> Trainer:
    """The trainer of a run; see :class:`Trainer`.

    Raises:
        DefinitionError: nothing can be trained. DataError: the loss cannot take what the model answers.
    """
    if not model.parameters.trainable.size:
        reason = (
            "no node has parameters" if not len(model.parameters) else "all parameters are frozen or serve no output"
        )
        raise DefinitionError(f"nothing to train: {reason}; expected a trainable node that some output depends on")
    if isinstance(settings.optimizer, Solver):
        from minigraph.training.solving import SolverTrainer

        return SolverTrainer(model, samples, validation, settings, detect_anomaly, on_step)
    return Trainer(model, samples, validation, settings, detect_anomaly, on_step)


def run_training(
    trainer: Trainer, checkpoint: Path | None = None, watch: Callable[[Trainer], object] | None = None
) -> None:
    """Take a trainer to its end.

    Args:
        checkpoint: where the run is kept at its beginning, now and then, and at its end, however it ends.
        watch: called about ten times a second; the run is stopped when it answers true.

    Raises:
        TrainingDiverged: the checkpoint is then from before the loss began to rise.
    """
    every, ahead, best = trainer.settings.checkpoint_every, 1, trainer.best
    if checkpoint is not None:
        write_checkpoint(checkpoint, trainer)  # one that cannot be written is told before the first step
    written = time.perf_counter()
    while not trainer.done:
        before, seconds, due = trainer.step, trainer.seconds, trainer.next_evaluation()
        until = min(before + ahead, due, trainer.length)
        try:
            trainer.take_steps(until if every is None else min(until, (before // every + 1) * every))
        except TrainingDiverged as error:
            if checkpoint is not None and trainer.step < error.step:
                write_checkpoint(checkpoint, trainer)
            raise
        if trainer.step == due:
            trainer.evaluate()
        taken = max(trainer.seconds - seconds, 1e-6)
        ahead = max(1, min(2 * ahead, int((trainer.step - before) * PACE / taken)))
        wish = watch is not None and watch(trainer)
        if wish and not trainer.done:
            trainer.stop()
        if checkpoint is None:
            continue
        if trainer.best is not best:
            best = trainer.best
            write_npz(checkpoint.with_name("best.npz"), best)
        old = time.perf_counter() - written > REST if every is None else trainer.step % every == 0
        if old or trainer.done:
            write_checkpoint(checkpoint, trainer)
            written = time.perf_counter()
