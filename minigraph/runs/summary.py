"""Summary: what is to be said of a training run that has ended, judged on all samples that there are."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minigraph.data.samples import Samples
from minigraph.errors import TrainingDiverged
from minigraph.files.plain import plain
from minigraph.training.evaluation import evaluate
from minigraph.training.trainer import Ending, Trainer


@dataclass(frozen=True)
class Best:
    """The weights with the lowest validation loss: ``best.npz``.

    Attributes:
        step: how many updates were done; epoch: the last one's, from 1.
        metrics: as those of :class:`RunSummary`, of these weights.
    """

    step: int
    epoch: int
    metrics: dict[str, float]


@dataclass(frozen=True)
class RunSummary:
    """What ``summary.json`` says.

    Attributes:
        steps: how many updates the weights have had.
        loss_first, loss_final: the losses of all training samples, as evaluations compute them, before the first update
            and with the last weights.
        seconds: wall time of the training loop, since it was last resumed.
        out: the run's folder; None where it has none.
        stopped: what ended it: "steps", "epochs", "patience", "interrupted" or "diverged".
        metrics: of the last weights: "loss" and each metric of the training samples, the same of the validation samples
            as "validation_loss" and so on, and of the test samples as "test_loss" and so on.
        best: the best weights by validation loss; None where there are no validation samples.
        diverged_at: the step whose loss was not finite or beyond reason, if there was one.
    """

    name: str
    engine: str
    seed: int
    steps: int
    loss_first: float
    loss_final: float
    seconds: float
    out: str | None
    stopped: Ending | None
    metrics: dict[str, float]
    best: Best | None
    diverged_at: int | None

    def plain(self) -> dict[str, Any]:
        """The facts for JSON: a number that is not finite is told as null."""
        facts: dict[str, Any] = plain(asdict(self))
        return facts


def summarize(
    trainer: Trainer, test: Samples | None, engine: str, out: Path | None, diverged: TrainingDiverged | None = None
) -> RunSummary:
    """Judge the last weights of a run that :meth:`Trainer.begin` began, and the best ones; the last ones stay.

    Args:
        test: samples that are judged beside those of the trainer; out: the run's folder.
        diverged: what ended the run, if it diverged.
    """
    history = trainer.history if diverged is None else diverged.history
    metrics, best = _judged(trainer, test), None
    if trainer.best:
        step, judged = int(trainer.best_row["step"]), metrics
        if step != trainer.step:
            last = trainer.weights()
            trainer.put(trainer.best)
            judged = _judged(trainer, test)
            trainer.put(last)
        best = Best(step, -(-step // trainer.batches.per_epoch), judged)
    return RunSummary(
        trainer.model.graph.name,
        engine,
        trainer.settings.seed,
        trainer.step,
        trainer.loss_first,
        metrics["loss"],
        round(trainer.seconds, 6),
        None if out is None else str(out),
        history.stopped,
        metrics,
        best,
        None if diverged is None else diverged.step,
    )


def _judged(trainer: Trainer, test: Samples | None) -> dict[str, float]:
    parts = {"": trainer.samples, "validation_": trainer.validation, "test_": test}
    with np.errstate(over="ignore", invalid="ignore"):
        return {
            f"{prefix}{key}": value
            for prefix, samples in parts.items()
            if samples is not None
            for key, value in evaluate(trainer.model, samples, trainer.settings).items()
        }
