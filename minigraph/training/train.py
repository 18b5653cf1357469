"""train: the way in for those who have a model and arrays."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minigraph.arrays import ArraysLike
from minigraph.data.samples import fit_samples, require_finite
from minigraph.errors import CheckpointError, DefinitionError, MinigraphWarning
from minigraph.files.writing import require_writable
from minigraph.model.model import Model
from minigraph.recipe.losses import Loss
from minigraph.recipe.optimizers import Optimizer
from minigraph.recipe.schedules import Schedule
from minigraph.recipe.settings import TrainSection, train_problems
from minigraph.solvers import Solver
from minigraph.training.checkpoint import read_checkpoint
from minigraph.training.loop import doubts, new_trainer, run_training
from minigraph.training.trainer import History, OnStep
from minigraph.wording import describe


def train(
    model: Model[Any],
    x: ArraysLike,
    target: ArraysLike,
    *,
    loss: str | Loss = "sse",
    optimizer: Optimizer | Solver,
    steps: int | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    schedule: str | Schedule | None = None,
    clip_norm: float | None = None,
    loss_weights: dict[str, float] | None = None,
    validation: tuple[ArraysLike, ArraysLike] | None = None,
    metrics: Sequence[str] = (),
    evaluate_every: int | None = None,
    patience: int | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_every: int | None = None,
    resume: bool = False,
    detect_anomaly: bool = False,
    on_step: OnStep | None = None,
) -> History:
    """Fit the model's trainable parameters so that its answer to ``x`` comes near ``target``.

    Every step is one forward, one backward and one update of all parameters at once. The losses of several outputs
    are added. What is hardly meant, a Softmax before "cross_entropy" or an input with its channels last, is a warning.

    Args:
        model: its parameters are changed in place.
        x: as for :meth:`Model.forward`.
        target: shaped like the answer: an array, or a dict of arrays for several outputs. For "cross_entropy" it may be
            class numbers: (N,), or (N, H, W) for maps.
        loss: a loss's name, such as "sse", or a Loss.
        optimizer: such as ``mg.SGD(learning_rate=3e-5)``.
        steps: how many updates; or ``epochs``: how many times every sample is seen.
        batch_size: samples in a step, drawn anew for each epoch; all of them when left out. A last batch of one sample
            is joined to the one before, with a warning, where it would leave a BatchNorm one value a channel.
        seed: seeds the order of the samples.
        schedule: how the rate changes: a name, such as "cosine", or a Schedule.
        clip_norm: a gradient that is longer is shortened to this length.
        loss_weights: what an output's loss is multiplied by; 1 when left out.
        validation: (inputs, targets) that the model is judged by between the steps.
        metrics: what each evaluation tells beside the loss: "accuracy", "mae", "psnr".
        evaluate_every: steps between evaluations; an epoch when left out.
        patience: training stops when so many evaluations in a row bring no better loss.
        checkpoint: an npz in which the run is kept, so that it can be gone on with; the best weights by validation are
            kept beside it as best.npz.
        checkpoint_every: steps between two writings of it, beside that at the end; about ten seconds when left out.
        resume: go on from the checkpoint, if there is one, to the same bits as if the run had never ended. Where other
            algorithms are chosen for convolutions than before, as with the extra ``compiled`` or without it, the bits
            may differ: a :class:`MinigraphWarning` says so.
        detect_anomaly: stop at the first step with a node's value or error that is not finite. Slow.
        on_step: called with (step from 0, loss before its update).

    Raises:
        ShapeError: x or target do not fit the graph. DataError: an array is missing or not of real, finite numbers, or
            the checkpoint cannot be written.
        DefinitionError: a setting is wrong, or a BatchNorm sees a single value a channel in every batch.
        CheckpointError: the checkpoint is of another graph or run, or is there and not asked to be gone on with.
        TrainingDiverged: a loss was not finite, or beyond reason: a million times the first one and the one that
            answers of nothing but 0 have. Its step and the losses are on the error; the parameters are those from
            before the loss began to rise, up to a tenth of a second earlier. A smaller learning rate is suggested
            where one was found, in two seconds at most, that lets the loss fall from the same start.
    """
    if not isinstance(optimizer, Optimizer | Solver):
        raise DefinitionError(f"optimizer: found {describe(optimizer)}; expected one such as mg.SGD(learning_rate=0.1)")
    settings = TrainSection(
        loss=loss,
        optimizer=optimizer,
        steps=steps,
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
        schedule=schedule,
        clip_norm=clip_norm,
        loss_weights=loss_weights or {},
        metrics=metrics,
        evaluate_every=evaluate_every,
        patience=patience,
        checkpoint_every=checkpoint_every,
    )
    problems = train_problems(model.graph.outputs, settings)
    if problems:
        raise DefinitionError(problems)
    for doubt in doubts(model.graph, settings):
        warnings.warn(str(doubt), stacklevel=2)
    samples = fit_samples(model.graph, settings.loss, x, target)
    require_finite(samples, model.dtype)
    judged_by = None
    if validation is not None:
        judged_by = fit_samples(model.graph, settings.loss, *validation)
        require_finite(judged_by, model.dtype, "validation: ")
    trainer = new_trainer(model, samples, judged_by, settings, detect_anomaly, on_step)
    if trainer.batches.note:
        warnings.warn(trainer.batches.note, stacklevel=2)
    file = None if checkpoint is None else Path(checkpoint)
    if file is not None:
        require_writable(file)
    if file is not None and file.exists():
        if not resume:
            raise CheckpointError(f"{file}: found a checkpoint; expected resume=True to go on from it, or another name")
        told = read_checkpoint(file, trainer)
        if told is not None:
            warnings.warn(told, MinigraphWarning, stacklevel=2)
    run_training(trainer, file, advise=True)
    return trainer.history
