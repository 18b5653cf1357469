"""``sweep`` on the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from minigraph.definition.bundled import bundled
from minigraph.runs import sweep as module
from tests.cli.helpers import CommandLine

RATES = ("--set", "train.optimizer.learning_rate=1e-5,1")


def test_a_sweep_leaves_a_table_a_picture_and_its_facts(command: CommandLine) -> None:
    answer = command("sweep", "two_conv", *RATES, "--set", "train.steps=9", "--seeds", "0..2")
    assert answer.status == 0, answer.err
    folder = Path("runs/two_conv/sweeps/001")
    assert sorted(file.name for file in folder.iterdir()) == ["sweep.csv", "sweep.json", "sweep.png"]
    assert "two_conv: settings 2, seeds 3, runs 6, fast engine" in answer.out
    lines = answer.out.splitlines()
    assert [line.split()[0] for line in lines[1:7]] == [f"{number}/6" for number in range(1, 7)]
    assert "6/6  learning_rate 1, steps 9, seed 2: diverged at step" in answer.out
    assert "3: seeds 0, 1, 2" in answer.out
    rows = list(csv.DictReader((folder / "sweep.csv").read_text().splitlines()))
    assert [(row["train.optimizer.learning_rate"], row["seed"]) for row in rows] == [
        (rate, seed) for rate in ("1e-5", "1") for seed in "012"
    ]
    assert [row["diverged_at"] != "" for row in rows] == [False] * 3 + [True] * 3


def test_ranks_of_different_losses_are_told_to_be_none(command: CommandLine) -> None:
    words = ["two_conv", "--set", "train.steps=2", "--seeds", "0", "--set"]
    assert "losses of different kinds" in command("sweep", *words, "train.loss=sse,mse").out
    assert "losses of different kinds" not in command("sweep", *words, "train.log_every=1,2").out


def test_json_is_the_only_thing_on_stdout(command: CommandLine) -> None:
    answer = command("sweep", "two_conv", *RATES, "--set", "train.steps=5", "--seeds", "3", "--out", "out", "--json")
    result = json.loads(answer.out)
    assert result == {**json.loads(Path("out/sweep.json").read_text()), "out": "out"}
    assert [setting["values"]["train.optimizer.learning_rate"] for setting in result["settings"]] == [1e-5, 1]
    assert (result["seeds"], result["ended"]) == ([3], "")
    assert "median final loss" in answer.err


def test_without_values_the_definition_is_trained_as_it_is(command: CommandLine) -> None:
    answer = command("sweep", "two_conv", "--set", "train.steps=5", "--seeds", "1,2", "--quiet", "--out", "out")
    assert (answer.status, answer.out, answer.err) == (0, "", "")
    train = command("train", "two_conv", "--steps", "5", "--seed", "2", "--no-plots", "--json")
    last = list(csv.DictReader(Path("out/sweep.csv").read_text().splitlines()))[-1]
    assert float(last["loss_final"]) == json.loads(train.out)["loss_final"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seeds", "9..1"], "error: --seeds 9..1: found a range from 9 down to 1; expected the lower end first"),
        (["--set", "train.steps=5,0"], "error: --set train.steps=0: train.steps: found 0 (an integer); expected an"),
        (["--set", "train.stesp=5,6"], "error: --set train.stesp=6: train.stesp: unknown key 'stesp'"),
        (["--engine", "fats"], "error: engine: found 'fats'; expected one of fast, naive; did you mean 'fast'?"),
        (["--workers", "0"], "error: workers: found 0 (an integer); expected an integer of at least 1"),
        (["--scheduler", "nowhere"], "error: scheduler nowhere: cannot be reached: missing port number in address"),
        (["--scheduler", "tcp://h:1", "--workers", "2"], "error: workers: found 2 beside scheduler tcp://h:1, which"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_left(
    words: list[str], message: str, command: CommandLine, tmp_path: Path
) -> None:
    answer = command("sweep", "two_conv", "--out", "out", *words)
    assert answer.status == 2
    assert message in answer.err
    assert list(tmp_path.iterdir()) == []


def test_a_definition_that_says_nothing_of_training_is_refused(command: CommandLine) -> None:
    text = bundled()["two_conv"].read_text(encoding="utf-8")
    Path("plain.toml").write_text(text[: text.index("[data]")])
    answer = command("sweep", "plain.toml")
    assert answer.status == 2
    assert "train: the definition has no [train]; expected one with optimizer and steps" in answer.err


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (module.ExecutorError("workers were lost"), 1, "error: workers were lost; 1 of 2 runs are in out\n"),
    ],
    ids=["interrupt", "lost workers"],
)
def test_an_early_end_keeps_what_was_found(
    error: BaseException, status: int, message: str, command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(function: Any, tasks: list[Any], on_result: Any, **_: Any) -> None:
        on_result(0, function(tasks[0]))
        raise error

    monkeypatch.setattr(module, "run_tasks", run)
    answer = command("sweep", "two_conv", "--set", "train.steps=5", "--seeds", "0,1", "--out", "out")
    assert (answer.status, answer.err) == (status, message)
    assert len(list(csv.DictReader(Path("out/sweep.csv").read_text().splitlines()))) == 1
    assert json.loads(Path("out/sweep.json").read_text())["ended"] in ("interrupted", "workers were lost")
