"""The training step that a definition or a run comes to: its first batch, its optimizer and its weights."""

from __future__ import annotations

from pathlib import Path

from minigraph.data.loading import Data
from minigraph.errors import DefinitionError
from minigraph.inside.explanation import Explanation, explain
from minigraph.model.model import Model
from minigraph.model.plan import copy_out
from minigraph.recipe.optimizers import Optimizer
from minigraph.recipe.settings import TrainSection
from minigraph.training import new_trainer, read_checkpoint


def explain_training(
    model: Model,
    data: Data,
    settings: TrainSection,
    checkpoint: Path | None = None,
    weights: Path | None = None,
) -> Explanation:
    """A step on the batch that training takes first, with the optimizer's state and rate of a checkpoint.

    Args:
        model: its parameters become those of ``weights``, where they are given.
        checkpoint: of the run whose optimizer goes on; its first step when left out.

    Raises:
        DefinitionError: nothing can be trained, or the optimizer is a solver, which takes no single steps.
        CheckpointError: checkpoint or weights are of another graph.
    """
    if not isinstance(settings.optimizer, Optimizer):
        text = "found a solver, which takes no single steps; expected an optimizer such as 'sgd'"
        raise DefinitionError(f"train.optimizer: {text}")
    trainer = new_trainer(model, data.samples, data.validation, settings)
    batch = trainer.batches.at(0)
    inputs = {name: copy_out(batch.plan.values[name]) for name in model.graph.inputs}
    targets = {name: target.copy() for name, target in batch.targets.items()}
    state = None
    if checkpoint is not None:
        read_checkpoint(checkpoint, trainer)
        state = trainer.optimizer_state
    if weights is not None:
        model.load_weights(weights)
    return explain(
        model,
        inputs,
        targets,
        loss=settings.loss,
        optimizer=settings.optimizer.model_copy(update={"learning_rate": trainer.rate}),
        state=state,
        clip_norm=settings.clip_norm,
        loss_weights=settings.loss_weights,
    )
