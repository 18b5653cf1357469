"""Comparison: what a run's folder says, finished or not, and what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigraph as mg
from minigraph.definition import Definition
from minigraph.runs.comparison import labels, read_run

HISTORY = "step,loss,validation_loss,validation_accuracy\n0,8.0,,\n1,4.0,3.0,0.5\n2,2.0,,\n3,1.5,3.5,0.75\n"


def write_run(folder: Path, history: str, summary: dict[str, Any] | None) -> Path:
    folder.mkdir(parents=True)
    Definition.load("two_conv").save(folder / "definition.toml")
    (folder / "history.csv").write_text(history)
    if summary is not None:
        (folder / "summary.json").write_text(json.dumps(summary))
    return folder


def test_a_run_is_told_with_its_best_validation_metric(tmp_path: Path) -> None:
    summary = {"seconds": 1.5, "metrics": {"validation_accuracy": 0.7, "test_accuracy": 0.6}}
    run, losses = read_run(write_run(tmp_path / "run", HISTORY, summary))
    assert losses.tolist() == [8.0, 4.0, 2.0, 1.5]
    assert (run.name, run.optimizer, run.learning_rate, run.seed) == ("two_conv", "sgd", 3e-5, 15)
    assert (run.steps, run.loss_first, run.loss_final, run.seconds) == (4, 8.0, 1.5, 1.5)
    assert (run.metric, run.best, run.test, run.end) == ("validation_accuracy", 0.75, 0.6, "done")


@pytest.mark.parametrize(
    ("column", "best"),
    [("accuracy", 0.9), ("psnr", 0.9), ("mae", 0.2), ("validation_loss", 0.2), ("score.psnr", 0.9), ("score.mae", 0.2)],
)
def test_the_best_is_the_highest_or_the_lowest_as_the_metric_has_it(column: str, best: float, tmp_path: Path) -> None:
    run, _ = read_run(write_run(tmp_path / "run", f"step,loss,{column}\n0,1.0,0.5\n1,1.0,0.2\n2,1.0,0.9\n", {}))
    assert (run.metric, run.best) == (column, best)


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
    (odd / "summary.json").write_text("[]")
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


def test_labels_tell_runs_apart_by_as_little_of_their_folders_as_is_needed(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / place, HISTORY, None) for place in ("a/digits/001", "a/digits/002", "b/two/001")]
    assert labels(read_run(folder)[0] for folder in folders) == ["digits/001  sgd", "digits/002  sgd", "two/001  sgd"]
    folders.append(write_run(tmp_path / "b/digits/001", HISTORY, None))
    assert labels(read_run(folder)[0] for folder in folders)[0] == "a/digits/001  sgd"


def test_the_losses_are_those_that_training_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from minigraph.cli import main

    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["train", "two_conv", "--steps", "7", "--no-plots", "--quiet", "--out", "run"])
    run, losses = read_run(Path("run"))
    assert run.end == "done"
    summary = json.loads(Path("run/summary.json").read_text())
    assert (run.loss_first, run.loss_final) == (summary["loss_first"], summary["loss_final"])
    assert (run.loss_first, losses[-1] > run.loss_final) == (losses[0], True)
    assert np.isfinite(losses).all() and len(losses) == 7
