"""Runs that are interrupted, killed, gone on with, and judged; and what is shown while they go on."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigraph as mg
from minigraph.definition.bundled import bundled
from minigraph.runs.locking import locked
from tests.cli.helpers import CommandLine
from tests.helpers import ROOT

# Going on


def signalled(monkeypatch: pytest.MonkeyPatch, number: int, at: int) -> None:
    """Let this process be sent a signal in the midst of an update, as if by its user."""
    update, count = mg.SGD.update, 0

    def updating(self: mg.SGD, *words: Any) -> None:
        nonlocal count
        count += 1
        if count == at:
            os.kill(os.getpid(), number)
        update(self, *words)

    monkeypatch.setattr(mg.SGD, "update", updating)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_is_kept_and_goes_on_to_the_same_bits(
    number: int, status: int, command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("train", "two_conv", "--steps", "300", "--no-plots", "--out", "whole")
    with monkeypatch.context() as patched:
        signalled(patched, number, at=30)
        answer = command("train", "two_conv", "--steps", "300", "--no-plots", "--out", "run", "--json")
    assert answer.status == status
    stopped = json.loads(answer.out)
    assert stopped["stopped"] == "interrupted"
    assert 30 <= stopped["steps"] < 300
    told = f"stopped after {stopped['steps']} of 300 steps; to go on: minigraph train --resume run"
    assert told in answer.err
    answer = command("train", "--resume", "run")
    assert answer.status == 0
    assert f"from step {stopped['steps']} on" in answer.out
    for file in ("weights.npz", "history.csv", "definition.toml"):
        assert Path("run", file).read_bytes() == Path("whole", file).read_bytes()
    summary, whole = (json.loads(Path(folder, "summary.json").read_text()) for folder in ("run", "whole"))
    assert summary | {"seconds": 0, "out": ""} == whole | {"seconds": 0, "out": ""}
    assert summary["stopped"] == "steps"


def test_a_second_interrupt_does_not_wait(command: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def update(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr(mg.SGD, "update", update)
        answer = command("train", "two_conv", "--out", "run")
    assert (answer.status, answer.err) == (130, "interrupted\n")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert command("train", "two_conv", "--no-plots", "--resume", "run").status == 0


def test_a_run_may_be_made_longer_by_an_option(command: CommandLine) -> None:
    command("train", "two_conv", "--steps", "90", "--no-plots", "--out", "whole")
    command("train", "two_conv", "--steps", "40", "--no-plots", "--out", "run")
    for _ in range(2):  # the second time nothing is left to do
        answer = command("train", "two_conv", "--steps", "90", "--no-plots", "--resume", "run", "--json")
        result = json.loads(answer.out)
        assert (answer.status, result["steps"]) == (0, 90)
        assert Path("run/weights.npz").read_bytes() == Path("whole/weights.npz").read_bytes()
        assert Path("run/history.csv").read_bytes() == Path("whole/history.csv").read_bytes()


def test_an_edited_graph_is_refused_with_what_differs(command: CommandLine) -> None:
    command("train", "two_conv", "--steps", "10", "--no-plots", "--out", "run")
    before = {file.name: file.read_bytes() for file in Path("run").iterdir()}
    text = bundled()["two_conv"].read_text().replace('inputs.image = { file = "data/published_map.npy" }', "")
    text = text.replace("[data]", '[data]\ninputs.image = { distribution = "normal" }')
    Path("edited.toml").write_text(text.replace("stride = 2", "stride = 3"))
    answer = command("train", "edited.toml", "--no-plots", "--resume", "run")
    assert (answer.status, answer.err) == (
        2,
        "error: run/checkpoint.npz: this checkpoint is of another run: nodes.conv2.stride: found 3, the checkpoint "
        "has 2\n",
    )
    assert {file.name: file.read_bytes() for file in Path("run").iterdir()} == before


def test_a_diverged_run_goes_on_with_another_rate(command: CommandLine) -> None:
    answer = command("train", "two_conv", "--learning-rate", "2e-4", "--no-plots", "--out", "run")
    assert answer.status == 1
    assert "to go on from step 0: minigraph train --resume run --learning-rate ..." in answer.out
    assert "; try learning rate 2e-05, with which the loss fell in 100 steps from step 0\n" in answer.err
    answer = command("train", "--learning-rate", "2e-5", "--resume", "run", "--json")
    assert json.loads(answer.out)["loss_final"] < 100


def test_a_run_goes_on_with_the_settings_that_it_was_started_with(command: CommandLine) -> None:
    words = ["--learning-rate", "1e-5", "--engine", "naive", "--set", "train.log_every=30", "--no-plots"]
    command("train", "two_conv", *words, "--steps", "40", "--out", "whole")
    command("train", "two_conv", *words, "--steps", "20", "--out", "run")
    for model in ([], ["two_conv"]):
        answer = command("train", *model, "--resume", "run", "--steps", "40", "--json")
        assert json.loads(answer.out)["engine"] == "naive"
        for file in ("weights.npz", "history.csv", "definition.toml"):
            assert Path("run", file).read_bytes() == Path("whole", file).read_bytes()
    assert not Path("run/loss.png").exists()
    assert command("train", "--resume", "run", "--plots", "--engine", "fast").status == 0
    assert Path("run/loss.png").exists()


def test_a_key_that_has_changed_in_the_file_counts_and_is_told(sides: Path, command: CommandLine) -> None:
    words = ["--no-plots", "--learning-rate", "0.02", "--set", "train.clip_norm=1.0"]
    command("train", "sides.toml", *words, "--epochs", "2", "--out", "run")
    text = sides.read_text()
    sides.write_text(text.replace("epochs = 12", "epochs = 3").replace("[train]", "[train]\npatience = 2"))
    answer = command("train", "sides.toml", "--resume", "run")
    assert answer.status == 0, answer.err
    assert answer.out.splitlines()[:2] == [
        "sides.toml: train.epochs has changed since the start from 12 to 3, which counts",
        "sides.toml: train.patience has changed since the start from none to 2, which counts",
    ]
    settings = mg.Definition.load("run/definition.toml").train
    assert settings is not None
    assert settings.optimizer == mg.Adam(learning_rate=0.02)
    assert (settings.epochs, settings.patience, settings.clip_norm) == (3, 2, 1.0)
    sides.write_text(text.replace("learning_rate = 0.01", "learning_rate = 0.005"))
    answer = command("train", "sides.toml", "--resume", "run", "--epochs", "4")
    assert "train.epochs has changed since the start from 3 to 12, --epochs 4 counts" in answer.out
    assert "train.optimizer.learning_rate has changed since the start from 0.01 to 0.005, which counts" in answer.out
    settings = mg.Definition.load("run/definition.toml").train
    assert settings is not None
    assert settings.optimizer == mg.Adam(learning_rate=0.005)
    assert (settings.epochs, settings.patience, settings.clip_norm) == (4, None, 1.0)


def test_other_arrays_in_the_file_take_the_place_of_those_that_an_option_gave(
    sides: Path, command: CommandLine
) -> None:
    np.savez("other.npz", **dict(np.load("sides.npz")))
    command("train", "sides.toml", "--no-plots", "--epochs", "1", "--data", "other.npz", "--out", "run")
    answer = command("train", "sides.toml", "--epochs", "2", "--resume", "run")
    assert answer.status == 0, answer.err
    assert "other.npz" in Path("run/definition.toml").read_text()
    np.savez("third.npz", **dict(np.load("sides.npz")))
    sides.write_text(sides.read_text().replace('"sides.npz"', '"third.npz"'))
    answer = command("train", "sides.toml", "--epochs", "3", "--resume", "run")
    assert 'data.file has changed since the start from "sides.npz" to "third.npz", which counts' in answer.out
    assert 'file = "../third.npz"' in Path("run/definition.toml").read_text()


def test_where_nothing_is_left_to_do_it_says_why(sides: Path, command: CommandLine) -> None:
    command("train", "sides.toml", "--no-plots", "--epochs", "1", "--out", "run")
    answer = command("train", "--resume", "run")
    assert "nothing is left to do: 9 steps are done; for more: --steps N, --epochs N" in answer.out
    words = ["--set", "train.patience=1", "--learning-rate", "1.0", "--epochs", "50"]
    command("train", "sides.toml", "--no-plots", *words, "--out", "early")
    steps = json.loads(Path("early/summary.json").read_text())["steps"]
    answer = command("train", "--resume", "early")
    assert f"nothing is left to do: it ended early, after {steps} steps: 1 evaluation in a row brought" in answer.out
    assert "no better validation loss; to go on: --set train.patience=N" in answer.out
    answer = command("train", "--resume", "early", "--set", "train.patience=9", "--json")
    assert json.loads(answer.out)["steps"] > steps


def test_a_run_that_was_killed_at_its_beginning_says_that_it_begins_anew(command: CommandLine) -> None:
    class Killed(BaseException):
        pass

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(mg.SGD, "update", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            command("train", "two_conv", "--steps", "7", "--no-plots", "--out", "run")
    answer = command("train", "--resume", "run")
    assert "from step 0 on: its checkpoint is of the beginning" in answer.out
    assert json.loads(Path("run/summary.json").read_text())["steps"] == 7


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--resume", "nowhere"], "error: nowhere: no such folder; expected a run's\n"),
        (
            ["--resume", "other"],
            "error: other: found neither checkpoint.npz nor definition.toml; expected a run's folder\n",
        ),
        (
            ["--resume", "other", "--out", "new"],
            "error: found --out and --resume; expected one of them\n",
        ),
        ([], "error: found neither MODEL nor --resume; expected one of them\n"),
    ],
)
def test_what_cannot_be_gone_on_with_is_told(words: list[str], message: str, command: CommandLine) -> None:
    Path("other").mkdir()
    Path("other/letter.txt").touch()
    answer = command("train", *words)
    assert (answer.status, answer.err) == (2, message)
    assert [file.name for file in Path("other").iterdir()] == ["letter.txt"]


def test_a_folder_in_use_is_refused_with_the_process(command: CommandLine) -> None:
    Path("run").mkdir()
    with locked(Path("run")):
        for option in ("--out", "--resume"):
            answer = command("train", "two_conv", option, "run")
            assert answer.status == 2
            assert answer.err.startswith(f"error: run: in use by process {os.getpid()} since ")


WORDS = ["two_conv", "--steps", "4000", "--no-plots", "--quiet", "--set", "train.checkpoint_every=700"]


def test_a_run_that_is_killed_leaves_whole_files_and_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    def start(*words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, str(ROOT / "cli.py"), "train", *WORDS, *words], cwd=tmp_path)

    assert start("--out", "whole").wait() == 0
    for number, rows in enumerate((0, 1, 600, 1500, 2500, 3900)):
        folder = tmp_path / str(number)
        process, history = start("--out", folder.name), folder / "history.csv"
        while process.poll() is None and (not history.exists() or history.read_bytes().count(b"\n") <= rows):
            time.sleep(0.001)
        process.kill()
        process.wait()
        for file in folder.glob("*.npz"):
            with np.load(file, allow_pickle=False) as archive:
                assert all(archive[name].dtype.kind in "biufU" for name in archive.files)
        assert history.read_text().endswith("\n")
        assert start("--resume", folder.name).wait() == 0
        for name in ("weights.npz", "history.csv", "definition.toml"):
            assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
        assert not [file.name for file in folder.iterdir() if file.name.startswith(".")]


# Many samples

CLASSIFIER = """\
schema_version = 1
name = "sides"
outputs = ["score"]
[inputs.image]
shape = [4, 6]
[nodes.conv]
op = "Conv"
inputs = ["image"]
kernel_size = 3
out_channels = 3
[nodes.flat]
op = "Flatten"
inputs = ["conv"]
[nodes.score]
op = "Dense"
inputs = ["flat"]
out_features = 2
[data]
source = "file"
file = "sides.npz"
split = { validation = 0.1, test = 0.2 }
[train]
loss = "cross_entropy"
optimizer = { name = "adam", learning_rate = 0.01 }
schedule = { name = "cosine", warmup = 1 }
epochs = 12
batch_size = 16
metrics = ["accuracy"]
"""


@pytest.fixture
def sides(tmp_path: Path) -> Path:
    """A definition that learns on which side an image is brighter."""
    image = np.random.default_rng(0).normal(size=(200, 1, 4, 6))
    left = image[..., :3].sum(axis=(1, 2, 3)) > image[..., 3:].sum(axis=(1, 2, 3))
    np.savez(tmp_path / "sides.npz", image=image, score=left.astype(np.int64))
    (tmp_path / "sides.toml").write_text(CLASSIFIER)
    return tmp_path / "sides.toml"


def test_a_classifier_is_trained_validated_and_tested(sides: Path, command: CommandLine) -> None:
    answer = command("train", "sides.toml", "--no-plots", "--out", "run", "--json")
    assert answer.status == 0, answer.err
    result = json.loads(answer.out)
    assert result["steps"] == 12 * 9
    assert result["metrics"].keys() == {
        "loss", "accuracy", "validation_loss", "validation_accuracy", "test_loss", "test_accuracy",
    }  # fmt: skip
    assert result["metrics"]["test_accuracy"] >= 34 / 40
    rows = list(csv.DictReader(Path("run/history.csv").read_text().splitlines()))
    assert [int(row["step"]) for row in rows if row["validation_accuracy"]] == [9 * epoch - 1 for epoch in range(1, 13)]
    assert float(rows[-1]["validation_loss"]) == result["metrics"]["validation_loss"]
    assert "epoch  1  loss " in answer.err
    assert "epoch 12  loss " in answer.err
    best = mg.load("sides.toml")
    best.load_weights("run/best.npz")
    assert result["best"]["step"] == 9 * result["best"]["epoch"]
    assert result["best"]["metrics"].keys() == result["metrics"].keys()


def test_a_run_that_ends_early_says_why_and_judges_the_last_and_the_best_weights(
    sides: Path, command: CommandLine
) -> None:
    words = ["--set", "train.patience=2", "--learning-rate", "1.0", "--epochs", "50"]
    answer = command("train", "sides.toml", *words, "--out", "run", "--no-plots")
    summary = json.loads(Path("run/summary.json").read_text())
    assert (summary["stopped"], summary["best"]["epoch"]) == ("patience", summary["steps"] // 9 - 2)
    lines = answer.out.splitlines()
    assert "ended early: 2 evaluations in a row brought no better validation loss" in lines
    table = [line.split() for line in lines]
    place = next(place for place, words in enumerate(table) if words[:1] == ["weights"])
    head, _, last, best = table[place : place + 4]
    for words, name, found in ((last, "weights.npz", summary), (best, "best.npz", summary["best"])):
        told = dict(zip(head, words, strict=True))
        assert told["weights"] == name
        assert float(told["test_accuracy"]) == pytest.approx(found["metrics"]["test_accuracy"], rel=1e-5)
        assert float(told["validation_loss"]) == pytest.approx(found["metrics"]["validation_loss"], rel=1e-5)


def test_options_for_length_and_batches_go_over_the_file(sides: Path, command: CommandLine) -> None:
    for number, (words, steps) in enumerate(
        [(["--epochs", "2"], 18), (["--steps", "7"], 7), (["--epochs", "2", "--batch-size", "70"], 4)]
    ):
        answer = command("train", "sides.toml", "--no-plots", "--json", "--out", str(number), *words)
        assert json.loads(answer.out)["steps"] == steps
        again = command("train", f"{number}/definition.toml", "--no-plots", "--json")
        assert json.loads(again.out)["steps"] == steps
    answer = command("train", "sides.toml", "--steps", "7", "--epochs", "2")
    assert answer.status == 2
    assert "train.epochs: found 'epochs' beside 'steps'; expected one or the other" in answer.err


def test_an_anomaly_is_looked_for_when_asked(sides: Path, command: CommandLine) -> None:
    first, second = (
        command("train", "sides.toml", "--epochs", "1", "--no-plots", "--out", out, *words)
        for out, words in (("a", []), ("b", ["--detect-anomaly"]))
    )
    assert (first.status, second.status) == (0, 0)
    assert Path("a/weights.npz").read_bytes() == Path("b/weights.npz").read_bytes()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_loss_curve_rate_and_validation(
    sides: Path, command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("TERM", "xterm")
    answer = command("train", "sides.toml", "--no-plots", "--out", "run")
    assert answer.status == 0, answer.err
    shown = screen.getvalue()
    assert re.search(
        r"108/108 .*loss [\d.e-]+ [▁▂▃▄▅▆▇█]{24}  validation loss .*  rate [\d.e-]+  [\d,]+ steps/s", shown
    )
    assert "epoch  3  loss " in shown
