"""The way of a trainer to its end: in stretches between which a run is judged, kept, shown and can be stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from minigraph.data.samples import Samples
from minigraph.errors import DefinitionError, Problem, TrainingDiverged
from minigraph.files.writing import write_npz
from minigraph.graph.checking import shape_doubts
from minigraph.graph.graph import Graph
from minigraph.model.model import Model
from minigraph.recipe.settings import TrainSection, loss_doubts
from minigraph.solvers import Solver
from minigraph.training.checkpoint import write_checkpoint
from minigraph.training.rates import with_a_rate
from minigraph.training.trainer import OnStep, Trainer

PACE = 0.1
"""Seconds between two moments at which a run is shown and can be stopped."""
REST = 10.0
"""Seconds between two checkpoints, where no number of steps is set; the first ones follow each other sooner."""


def doubts(graph: Graph, settings: TrainSection) -> list[Problem]:
    """What is hardly meant about training a graph so: channels last, and a loss that does not go with what answers."""
    return [*shape_doubts(graph.inputs), *loss_doubts(graph.answering(), settings.loss)]


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
        DefinitionError: nothing can be trained, or a BatchNorm sees a single value a channel in every batch.
        DataError: the loss cannot take what the model answers.
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
    trainer: Trainer,
    checkpoint: Path | None = None,
    watch: Callable[[Trainer], object] | None = None,
    advise: bool = False,
) -> None:
    """Take a trainer to its end.

    Args:
        checkpoint: where the run is kept now and then, and at its end, however it ends.
        watch: called about ten times a second; the run is stopped when it answers true.
        advise: when the run diverges, look for a learning rate that holds, and say it.

    Raises:
        TrainingDiverged: the checkpoint is then from before the loss began to rise.
    """
    start = trainer.snapshot() if advise else None
    every, ahead, best = trainer.settings.checkpoint_every, 1, trainer.best
    if checkpoint is not None:
        write_checkpoint(checkpoint, trainer)
    written, rest = time.perf_counter(), 1.0
    while not trainer.done:
        before, seconds, due = trainer.step, trainer.seconds, trainer.next_evaluation()
        until = min(before + ahead, due, trainer.length)
        try:
            trainer.take_steps(until if every is None else min(until, (before // every + 1) * every))
        except TrainingDiverged as error:
            if checkpoint is not None and trainer.step < error.step:
                write_checkpoint(checkpoint, trainer)
            if start is None:
                raise
            raise with_a_rate(error, trainer, start) from None
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
        old = time.perf_counter() - written > rest if every is None else trainer.step % every == 0
        if old or trainer.done:
            write_checkpoint(checkpoint, trainer)
            written, rest = time.perf_counter(), min(2 * rest, REST)
