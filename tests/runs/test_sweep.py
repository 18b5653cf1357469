"""Sweeps: which runs there are, what they come to, and what is told of a wrong combination."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigraph as mg
from minigraph.cli.words import parse_axes
from minigraph.data.loading import load_data
from minigraph.definition import Override
from minigraph.runs import sweep as module
from minigraph.runs.summary import Best, RunSummary
from minigraph.runs.sweep import combinations, sweep
from minigraph.runs.sweep_results import Row, Run, Setting, Sweep, short_names
from minigraph.views.plots.sweep import plot_sweep
from tests.helpers import raises

RATE = "train.optimizer.learning_rate"


def load(overrides: Sequence[Override]) -> mg.Definition:
    return mg.Definition.load("two_conv", [("--steps 20", ("train", "steps"), 20), *overrides])


def plain(one: Run) -> tuple[int, RunSummary]:
    """A run without its seconds."""
    return one.setting, replace(one.summary, seconds=0.0)


def test_every_wrong_combination_is_told_once_and_before_anything_runs() -> None:
    with pytest.raises(mg.DefinitionError) as caught:
        combinations(
            load, parse_axes([f"{RATE}=-1,1e-5,fast", "nodes.conv1.stride=1,0", "nodes.conv2.kernel_size=4,30"]), [0]
        )
    told = [block.partition(": ")[0] for block in caught.value.blocks()]
    assert sorted(set(told)) == [
        "--set nodes.conv1.stride=0",
        "--set nodes.conv2.kernel_size=30",
        f"--set {RATE}=-1",
        f"--set {RATE}=fast",
    ]
    assert len(caught.value.blocks()) == len(set(caught.value.blocks()))


def test_a_combination_whose_data_do_not_fit_is_told() -> None:
    with pytest.raises(mg.DefinitionError, match=r"published_map\.npy: .* found shape 20x20; expected 30x30"):
        combinations(load, parse_axes(["inputs.image.shape=[20,20],[30,30]"]), [0])


def test_too_many_runs_are_refused() -> None:
    with raises(mg.DefinitionError, "found 120000 runs; expected at most 100000: fewer values or seeds"):
        combinations(load, parse_axes(["train.steps=1,2", "train.log_every=1,2,3"]), range(20_000))


def test_keys_are_shortened_where_no_two_become_one() -> None:
    assert short_names(["train.steps", "nodes.a.stride", "nodes.b.stride"]) == [
        "steps",
        "nodes.a.stride",
        "nodes.b.stride",
    ]


@pytest.fixture(scope="module")
def settings() -> list[Setting]:
    return combinations(load, parse_axes([f"{RATE}=1e-5,1", "train.loss=sse,mse"]), [3, 4])


@pytest.fixture(scope="module")
def swept(settings: list[Setting]) -> Sweep:
    return sweep(settings, [3, 4])


def test_every_combination_is_trained_from_every_seed_as_train_does(settings: list[Setting], swept: Sweep) -> None:
    assert [setting.label for setting in settings] == [
        "learning_rate 1e-5, loss sse",
        "learning_rate 1e-5, loss mse",
        "learning_rate 1, loss sse",
        "learning_rate 1, loss mse",
    ]
    assert [(one.setting, one.summary.seed) for one in swept.runs] == [
        (place, seed) for place in range(4) for seed in (3, 4)
    ]
    model = mg.load("two_conv", seed=4)
    data = load_data(mg.Definition.load("two_conv"), "float64", 4)
    history = mg.train(model, data.inputs, data.targets, loss="mse", optimizer=mg.SGD(learning_rate=1e-5), steps=20)
    found = swept.runs[3].summary
    final = float(np.mean((model.forward(data.inputs) - data.targets["conv2"]) ** 2))
    assert (found.loss_first, found.loss_final) == pytest.approx((history.loss[0], final), rel=1e-12)
    assert swept.runs[4].summary.diverged_at is not None


def test_solvers_and_optimizers_can_be_compared() -> None:
    settings = combinations(load, parse_axes(['train.optimizer={name="lm"},{name="adam",learning_rate=0.1}']), [1])
    solver, adam = (run.summary for run in sweep(settings, [1]).runs)
    assert solver.loss_final < adam.loss_final < adam.loss_first == solver.loss_first


def test_a_sweep_ends_in_the_same_bits_in_two_processes(settings: list[Setting], swept: Sweep) -> None:
    told: list[Run] = []
    spread = sweep(settings, [3, 4], workers=2, on_run=told.append)
    assert list(map(plain, spread.runs)) == list(map(plain, swept.runs))
    assert sorted(map(plain, told), key=str) == sorted(map(plain, swept.runs), key=str)


def made_up(*losses: tuple[float, ...], validated: bool = False) -> Sweep:
    """A setting for each group of losses, at which its runs ended; infinity stands for divergence."""
    definition, runs = mg.Definition.load("two_conv"), []
    settings = [Setting({"a.b": str(place)}, {"a.b": place}, definition) for place in range(len(losses))]
    for place, ends in enumerate(losses):
        for seed, loss in enumerate(ends):
            diverged = None if np.isfinite(loss) else 4
            # What is best by validation is worst by its final loss, so that a rank by the wrong one shows.
            best = Best(3, 1, {"validation_loss": loss, "test_accuracy": loss / 10}) if validated else None
            final = -loss if validated else loss
            stopped: Any = "diverged" if diverged else "steps"
            summary = RunSummary(
                "two_conv", "fast", seed, 5, 9.0, final, 0.1, None, stopped, {"loss": final}, best, diverged
            )
            runs.append(Run(place, summary))
    return Sweep("made_up", "fast", settings, list(range(max(map(len, losses)))), runs)


@pytest.mark.parametrize(
    ("losses", "row"),
    [
        ((3.0, 1.0, 8.0), (3, [], 3.0, 1.0, 8.0)),
        ((3.0, np.inf, 8.0), (3, [1], 8.0, 3.0, 8.0)),
        ((np.inf, np.inf, 8.0), (3, [0, 1], np.inf, 8.0, 8.0)),
        ((np.inf,), (1, [0], np.inf, np.nan, np.nan)),
    ],
    ids=str,
)
def test_a_diverged_run_counts_as_infinite_in_the_median_only(losses: tuple[float, ...], row: tuple[Any, ...]) -> None:
    (found,) = made_up(losses).rows
    np.testing.assert_equal((found.runs, found.diverged, found.median, found.lowest, found.highest), row)
    assert isinstance(found, Row)
    assert (found.label, found.rank) == ("b 0", 1)


def test_settings_are_ranked_by_the_validation_loss_of_their_best_weights_where_there_is_one() -> None:
    losses = ((5.0, 7.0, 6.0), (1.0, np.inf, 2.0), (np.inf, np.inf, 0.5), (4.0, 2.0, 1.0))
    for validated in (False, True):
        found = made_up(*losses, validated=validated)
        assert [row.rank for row in found.rows] == [3, 1, 4, 1]
        assert found.criterion == ("best validation loss" if validated else "final loss")
        assert [setting["rank"] for setting in found.plain()["settings"]] == [3, 1, 4, 1]
    assert [row.metrics for row in found.rows] == [
        {"test_accuracy": pytest.approx(value)} for value in (0.6, 0.15, 0.05, 0.2)
    ]
    head, _, *rows = str(found).splitlines()
    assert " ".join(head.split()) == (
        "rank b runs diverged median best validation loss lowest highest median test_accuracy"
    )
    assert [row.split()[:2] for row in rows] == [["1", "1"], ["1", "3"], ["3", "0"], ["4", "2"]]


def test_the_table_and_the_files_say_the_same_and_name_the_seeds_that_diverged(tmp_path: Path) -> None:
    made = made_up((3.0, np.inf))
    made.write(tmp_path)
    assert str(made).splitlines()[-1].split() == ["1", "0", "2", "1:", "seed", "1", "-", "3.00000", "3.00000"]
    assert (tmp_path / "sweep.csv").read_text() == (
        "a.b,seed,steps,loss_first,loss_final,seconds,diverged_at,stopped,metrics.loss,best.step,best.epoch\n"
        "0,0,5,9.0,3.0,0.1,,steps,3.0,,\n0,1,5,9.0,inf,0.1,4,diverged,inf,,\n"
    )
    (facts,) = made.plain()["settings"]
    assert facts["values"] == {"a.b": 0}
    assert (facts["runs"], facts["diverged"], facts["diverged_seeds"], facts["rank"]) == (2, 1, [1], 1)
    assert (facts["loss_median"], facts["loss_min"], facts["loss_max"]) == (None, 3.0, 3.0)
    assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")


def test_every_run_has_its_best_step_and_metrics_in_the_csv(tmp_path: Path) -> None:
    made_up((3.0, 2.0), validated=True).write(tmp_path)
    with (tmp_path / "sweep.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["seed"], row["best.step"], row["best.epoch"]) for row in rows] == [("0", "3", "1"), ("1", "3", "1")]
    assert [(row["loss_final"], row["best.metrics.validation_loss"]) for row in rows] == [
        ("-3.0", "3.0"),
        ("-2.0", "2.0"),
    ]


@pytest.mark.parametrize("losses", [[0.0, 3.0, 1e-9], [-1.0, 2.0], [0.0], [np.inf], [], [1e300, 5.0], [7.0]], ids=str)
def test_final_losses_of_any_kind_can_be_drawn(losses: list[float], tmp_path: Path) -> None:
    plot_sweep({"a": dict(enumerate(losses)), "b " * 60: {7: 2.0}}, tmp_path / "sweep.svg", "any")
    assert [file.name for file in tmp_path.iterdir()] == ["sweep.svg"]


def test_a_picture_of_no_settings_is_refused(tmp_path: Path) -> None:
    with raises(mg.DataError, "found no settings; expected at least one"):
        plot_sweep({}, tmp_path / "sweep.png", "none")


def interrupted(function: Any, tasks: list[Any], on_result: Any, **_: Any) -> None:
    """What run does when Ctrl-C comes after two tasks."""
    for index in (0, 1):
        on_result(index, function(tasks[index]))
    raise KeyboardInterrupt


def lost(function: Any, tasks: list[Any], on_result: Any, **_: Any) -> None:
    on_result(2, function(tasks[2]))
    raise mg.ExecutorError("scheduler x: it was lost")


@pytest.mark.parametrize(
    ("end", "ended", "runs"),
    [(interrupted, "interrupted", [(0, 3), (0, 4)]), (lost, "scheduler x: it was lost", [(1, 3)])],
)
def test_a_sweep_that_ends_early_has_what_was_found(
    end: Any, ended: str, runs: list[tuple[int, int]], settings: list[Setting], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "run_tasks", end)
    found = sweep(settings, [3, 4])
    assert (found.ended, [(one.setting, one.summary.seed) for one in found.runs]) == (ended, runs)
    assert found.rows[-1].runs == 0


def test_a_sweep_without_any_run_raises(settings: list[Setting]) -> None:
    with pytest.raises(mg.ExecutorError, match="cannot be reached"):
        sweep(settings, [3], scheduler="nowhere")
