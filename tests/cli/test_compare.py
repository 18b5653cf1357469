"""``compare`` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.helpers import CommandLine


@pytest.fixture
def runs(command: CommandLine) -> list[str]:
    for name, rate in (("slow", "1e-5"), ("fast", "3e-5")):
        words = ["--learning-rate", rate, "--steps", "20", "--no-plots", "--quiet", "--out", name]
        command("train", "two_conv", *words)
    return ["slow", "fast"]


def test_runs_are_compared_in_a_table_and_a_picture(runs: list[str], command: CommandLine) -> None:
    answer = command("compare", *runs, "-o", "compare.png")
    assert answer.status == 0, answer.err
    head, _, slow, fast, drawn = answer.out.splitlines()
    assert " ".join(head.split()) == (
        "run optimizer seed steps loss first final best validation loss at step metric test seconds end"
    )
    assert slow.split()[:6] == ["slow", "sgd", "1e-05", "15", "20", "78526.2"]
    assert fast.split()[:6] == ["fast", "sgd", "3e-05", "15", "20", "78526.2"]
    assert drawn == "drawn in compare.png"
    assert Path("compare.png").read_bytes().startswith(b"\x89PNG")


def test_json_has_a_table_for_each_run(runs: list[str], command: CommandLine) -> None:
    found = json.loads(command("compare", *runs, *runs, "--json").out)["runs"]
    assert [(run["run"], run["learning_rate"], run["steps"], run["end"]) for run in found] == [
        ("slow", 1e-5, 20, "done"),
        ("fast", 3e-5, 20, "done"),
    ]
    assert found[0]["loss_first"] == found[1]["loss_first"] > found[1]["loss_final"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gone"], "error: gone: no such folder; expected a run's folder\n"),
        (["slow", "-o", "compare.bmp"], "error: compare.bmp: found a name that ends in '.bmp'; expected .png, .svg"),
        ([], "error: Missing argument 'RUN...'"),
    ],
)
def test_what_cannot_be_compared_is_told(
    words: list[str], message: str, runs: list[str], command: CommandLine, tmp_path: Path
) -> None:
    answer = command("compare", *words)
    assert answer.status == 2
    assert answer.err.startswith(message)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fast", "slow"]
