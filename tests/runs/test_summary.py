"""The summary of a run: figures of all samples, of the weights that they are said to be of, however the run ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigraph as mg
from minigraph.data.samples import Samples, fit_samples
from minigraph.recipe.losses import LOSSES
from minigraph.recipe.settings import TrainSection
from minigraph.runs.summary import RunSummary, summarize
from minigraph.training import Trainer, new_trainer, read_checkpoint, run_training
from tests.training.test_batches import network, samples

PARTS: dict[str, tuple[int, int]] = {"": (11, 0), "validation_": (9, 2), "test_": (7, 3)}
"""How many samples each part has, and their seed."""


def part(prefix: str) -> Samples:
    return fit_samples(network().graph, LOSSES.find("cross_entropy")(), *samples(*PARTS[prefix]))


def trainer(validated: bool = True, **given: Any) -> Trainer:
    default = {"loss": "cross_entropy", "optimizer": mg.Adam(learning_rate=0.02), "batch_size": 4, "seed": 3}
    settings = TrainSection(**{**default, "metrics": ["accuracy"], **given})
    return new_trainer(network(), part(""), part("validation_") if validated else None, settings)


def figures(model: mg.Model, parts: tuple[str, ...] = tuple(PARTS)) -> dict[str, float]:
    """Loss and accuracy by hand, in one forward of all samples."""
    found = {}
    for prefix in parts:
        x, y = samples(*PARTS[prefix])
        answer = model.forward(x)
        shifted = answer - answer.max(axis=1, keepdims=True)
        logarithms = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        found[f"{prefix}loss"] = float(-logarithms[np.arange(len(y)), y].mean())
        found[f"{prefix}accuracy"] = float((answer.argmax(axis=1) == y).mean())
    return found


def finished(run: Trainer, **given: Any) -> RunSummary:
    diverged = None
    run.begin()
    try:
        run_training(run, **given)
    except mg.TrainingDiverged as error:
        diverged = error
    return summarize(run, part("test_"), "fast", Path("run"), diverged)


def test_all_figures_are_those_of_all_samples_and_of_the_last_weights() -> None:
    run, first = trainer(epochs=3), figures(network())
    found = finished(run)
    assert found.loss_first == pytest.approx(first["loss"], rel=1e-12)
    assert found.metrics == pytest.approx(figures(run.model), rel=1e-12)
    assert found.loss_final == found.metrics["loss"]
    assert (found.steps, found.stopped, found.diverged_at, found.out) == (9, "epochs", None, "run")


def test_the_best_weights_are_judged_on_all_parts_and_the_last_ones_stay(tmp_path: Path) -> None:
    run = trainer(epochs=40, optimizer=mg.Adam(learning_rate=0.1))
    found = finished(run, checkpoint=tmp_path / "checkpoint.npz")
    assert found.best is not None and found.best.step < found.steps
    assert found.best.step == 3 * found.best.epoch
    assert figures(run.model) == pytest.approx(found.metrics, rel=1e-12)
    best = network()
    best.load_weights(tmp_path / "best.npz")
    assert found.best.metrics == pytest.approx(figures(best), rel=1e-12)
    least = min(row["validation_loss"] for row in run.evaluations)
    assert found.best.metrics["validation_loss"] == least < found.metrics["validation_loss"]


def test_without_validation_there_is_no_best() -> None:
    run = trainer(validated=False, steps=5)
    found = finished(run)
    assert (found.best, found.stopped) == (None, "steps")
    assert found.metrics == pytest.approx(figures(run.model, ("", "test_")), rel=1e-12)


@pytest.mark.parametrize(
    ("given", "stopped"),
    [
        ({"steps": 4}, "steps"),
        ({"epochs": 2}, "epochs"),
        ({"epochs": 500, "patience": 2, "optimizer": mg.SGD(learning_rate=0.5)}, "patience"),
        ({"steps": 500, "loss": "cross_entropy", "optimizer": mg.SGD(learning_rate=1e9)}, "diverged"),
    ],
)
def test_what_ended_a_run_is_told_in_one_word(given: dict[str, Any], stopped: str) -> None:
    run = trainer(**given)
    found = finished(run)
    assert found.stopped == stopped
    assert found.metrics == pytest.approx(figures(run.model), rel=1e-12)
    assert (found.diverged_at is not None) == (stopped == "diverged")
    assert stopped == "diverged" or run.history.stopped == stopped


def test_a_run_broken_off_and_gone_on_with_has_the_summary_of_an_unbroken_one(tmp_path: Path) -> None:
    whole = finished(trainer(epochs=8)).plain()
    broken, file = trainer(epochs=8), tmp_path / "checkpoint.npz"
    found = finished(broken, checkpoint=file, watch=lambda one: one.step >= 7)
    assert found.stopped == "interrupted" and found.steps < 24
    assert found.metrics == pytest.approx(figures(broken.model), rel=1e-12)
    again = trainer(epochs=8)
    again.model.parameters.flat[...] = 0  # what counts is in the checkpoint
    read_checkpoint(file, again)
    found = finished(again, checkpoint=file)
    assert found.plain() | {"seconds": 0} == whole | {"seconds": 0}


def test_a_figure_that_is_not_finite_is_null() -> None:
    graph = mg.Graph("large")
    graph.output(graph.add("y", mg.Conv(kernel_size=1), graph.input("x", (1, 1)), init={"kernel": 1e200}))
    settings = TrainSection(loss="sse", optimizer=mg.SGD(learning_rate=0.1), steps=2)
    held = fit_samples(graph, settings.loss, np.ones((2, 1, 1)), np.ones((2, 1, 1)))
    found = finished_alone(new_trainer(mg.Model(graph), held, None, settings)).plain()
    assert json.loads(json.dumps(found, allow_nan=False))["loss_first"] is None
    assert (found["steps"], found["stopped"], found["diverged_at"]) == (0, "diverged", 0)


def finished_alone(run: Trainer) -> RunSummary:
    run.begin()
    with pytest.raises(mg.TrainingDiverged) as caught:
        run_training(run)
    return summarize(run, None, "fast", None, caught.value)
