"""Comparison: what a run's folder says, finished or not, and what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigraph as mg
from minigraph.definition import Definition
from minigraph.runs.comparison import read_run

HISTORY = "step,loss,validation_loss,validation_accuracy\n0,8.0,,\n1,4.0,3.0,0.5\n2,2.0,,\n3,1.5,3.5,0.75\n"


def write_run(folder: Path, history: str, summary: dict[str, Any] | None) -> Path:
    folder.mkdir(parents=True)
    Definition.load("two_conv").save(folder / "definition.toml")
    (folder / "history.csv").write_text(history)
    if summary is not None:
        (folder / "summary.json").write_text(json.dumps(summary))
    return folder


BEST = {"step": 2, "epoch": 1, "metrics": {"loss": 3.5, "accuracy": 0.6, "validation_loss": 3.0}}
BEST["metrics"] |= {"validation_accuracy": 0.5, "test_loss": 3.2, "test_accuracy": 0.55}


def test_a_run_is_told_by_the_step_that_its_best_weights_are_of(tmp_path: Path) -> None:
    last = {"loss": 1.0, "accuracy": 0.9, "validation_accuracy": 0.75, "test_accuracy": 0.7}
    summary = {"seconds": 1.5, "loss_first": 8.5, "loss_final": 1.25, "metrics": last, "best": BEST}
    run, losses = read_run(write_run(tmp_path / "run", HISTORY, summary))
    assert losses.tolist() == [8.0, 4.0, 2.0, 1.5]
    assert (run.name, run.optimizer, run.learning_rate, run.seed) == ("two_conv", "sgd", 3e-5, 15)
    assert (run.steps, run.loss_first, run.loss_final, run.seconds) == (4, 8.5, 1.25, 1.5)
    assert (run.validation_loss, run.best_step) == (3.0, 2)
    assert (run.metric, run.best, run.test, run.end) == ("validation_accuracy", 0.5, 0.55, "done")


def test_a_run_that_goes_on_is_told_by_its_best_step_so_far(tmp_path: Path) -> None:
    run, _ = read_run(write_run(tmp_path / "run", HISTORY, None))
    assert (run.validation_loss, run.best_step) == (3.0, 2)
    assert (run.metric, run.best, run.test, run.end) == ("validation_accuracy", 0.5, None, "unfinished")


def test_a_run_without_validation_is_told_by_its_last_weights(tmp_path: Path) -> None:
    summary = {"metrics": {"loss": 1.0, "accuracy": 0.9, "test_loss": 1.1, "test_accuracy": 0.7}, "best": None}
    history = "step,loss,accuracy\n0,8.0,0.95\n1,4.0,0.9\n"
    run, _ = read_run(write_run(tmp_path / "run", history, summary))
    assert (run.validation_loss, run.best_step) == (None, None)
    assert (run.metric, run.best, run.test) == ("accuracy", 0.9, 0.7)
    run, _ = read_run(write_run(tmp_path / "going on", history, None))
    assert (run.metric, run.best, run.test) == ("accuracy", 0.9, None)


@pytest.mark.parametrize(
    ("summary", "end"),
    [
        (None, "unfinished"),
        ({"stopped": "steps"}, "done"),
        ({"stopped": "epochs"}, "done"),
        ({"stopped": "patience"}, "patience"),
        ({"stopped": "interrupted"}, "interrupted"),
        ({"stopped": "diverged", "diverged_at": 3}, "diverged"),
    ],
)
def test_how_a_run_ended_is_told(summary: dict[str, Any] | None, end: str, tmp_path: Path) -> None:
    assert read_run(write_run(tmp_path / "run", HISTORY, summary))[0].end == end


def test_a_run_without_a_step_yet_has_no_losses(tmp_path: Path) -> None:
    run, losses = read_run(write_run(tmp_path / "run", "step,loss\n", None))
    assert (run.steps, losses.size, run.best) == (0, 0, None)
    assert run.plain()["loss_first"] is None


FAULTS = {
    "columns": ("a,b\n", "found other columns; expected step, loss and metrics"),
    "empty": ("", "found no columns; expected step, loss and metrics"),
    "short": ("step,loss\n0,1.0\n1\n", "row 2: found another step, or no number; expected step 1 with a number"),
    "long": ("step,loss\n0,1.0,2.0\n", "row 1: found another step, or no number; expected step 0 with a number"),
    "gap": ("step,loss\n0,1.0\n2,1.0\n", "row 2: found another step, or no number; expected step 1 with a number"),
    "text": ("step,loss\n0,low\n", "row 1: found another step, or no number; expected step 0 with a number"),
    "huge": ("step,loss\n0," + "1" * 200_000 + "\n", "line 2: cannot be read as csv"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_history_is_told_with_its_row(fault: str, tmp_path: Path) -> None:
    text, message = FAULTS[fault]
    with pytest.raises(mg.DataError) as caught:
        read_run(write_run(tmp_path / "run", text, None))
    assert str(caught.value).startswith(f"{tmp_path / 'run'}/history.csv: {message}")


def test_what_is_no_run_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    damaged = write_run(tmp_path / "damaged", HISTORY, None)
    (damaged / "summary.json").write_text("{")
    odd = write_run(tmp_path / "odd", HISTORY, None)
    (odd / "summary.json").write_text('{"best": {"metrics": 3}}')
    for name, message in {
        "gone": "no such folder; expected a run's folder",
        "file": "found a file; expected a run's folder",
        "empty": "found no definition.toml; expected a run's folder",
        "damaged": "/summary.json: cannot be read as json: ",
        "odd": "/summary.json: found no table of facts; expected a run's summary",
    }.items():
        with pytest.raises(mg.DataError) as caught:
            read_run(tmp_path / name)
        separator = "" if message.startswith("/") else ": "
        assert str(caught.value).startswith(f"{tmp_path / name}{separator}{message}")


def test_the_losses_are_those_that_training_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from minigraph.cli import main

    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["train", "two_conv", "--steps", "7", "--no-plots", "--quiet", "--out", "run"])
    run, losses = read_run(Path("run"))
    assert run.end == "done"
    assert losses[-1] > run.loss_final == json.loads(Path("run/summary.json").read_text())["loss_final"]
    assert np.isfinite(losses).all() and len(losses) == 7
