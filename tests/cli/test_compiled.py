"""What is said of compiling: what the extra ``compiled`` would bring, that it compiles, and what it changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigraph as mg
from minigraph.convolution import choice, lists
from minigraph.steps import compiling
from tests.cli.helpers import CommandLine

HINT = "the convolution of large would be compiled with the extra `compiled`: pip install 'minigraph[compiled]'\n"
COMPILING = f"{compiling.TEXT}\n"


@pytest.fixture
def definition(tmp_path: Path) -> str:
    """A convolution that is worth compiling and one that is not."""
    file = tmp_path / "layers.toml"
    file.write_text(f"""
schema_version = 1
name = "layers"
outputs = ["small"]
inputs.image.shape = [128, 128]

[nodes.large]
op = "Conv"
inputs = ["image"]
kernel_size = 3

[nodes.small]
op = "Conv"
inputs = ["large"]
kernel_size = 1
stride = 5

[data]
source = "teacher"
inputs.image = {{ distribution = "normal" }}
teacher."large.kernel" = {np.eye(3).tolist()}
teacher."small.kernel" = 2.0

[train]
optimizer = {{ name = "sgd", learning_rate = 1e-6 }}
steps = 3
""")
    return str(file)


@pytest.fixture
def without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINIGRAPH_COMPILED", raising=False)
    monkeypatch.setattr(choice, "has_numba", lambda: False)


@pytest.mark.usefixtures("without_numba")
def test_train_and_check_say_what_the_extra_would_bring(definition: str, command: CommandLine) -> None:
    answer = command("train", definition, "--no-plots")
    assert HINT in answer.out
    assert "steps/s, 1 convolution could be compiled)\n" in answer.out
    assert HINT in command("check", definition, "--plan").out


@pytest.mark.usefixtures("without_numba")
def test_what_forbids_compiling_is_named_instead(
    definition: str, command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINIGRAPH_COMPILED", "0")
    said = "the convolution of large is not compiled: MINIGRAPH_COMPILED=0 forbids it\n"
    assert said in command("train", definition, "--no-plots").out
    assert said in command("check", definition, "--plan").out


@pytest.mark.usefixtures("without_numba")
@pytest.mark.parametrize(
    "words",
    [("train", "two_conv", "--steps", "3"), ("train", "FILE", "--quiet"), ("train", "FILE", "--json"),
     ("train", "FILE", "--engine", "naive", "--steps", "1"), ("check", "two_conv", "--plan"),
     ("check", "FILE", "--plan", "--json")],
    ids=" ".join,
)  # fmt: skip
def test_nothing_is_said_of_small_work_in_the_textbook_s_loops_or_to_programs(
    words: tuple[str, ...], definition: str, command: CommandLine
) -> None:
    plots = ["--no-plots"] if words[0] == "train" else []
    answer = command(*(definition if word == "FILE" else word for word in words), *plots)
    assert answer.status == 0, answer.err
    assert "compiled" not in answer.out + answer.err


def test_where_numba_is_nothing_is_missed(definition: str, command: CommandLine) -> None:
    assert "compiled" not in command("train", definition, "--no-plots").out
    assert json.loads(command("check", definition, "--plan", "--json").out)["plan"]["missed"] == []


# -- compiling -----------------------------------------------------------------------------------------


@pytest.fixture
def slow_to_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets each compiled call take what the first one of a machine does."""
    now, multiply = 0.0, lists._alone

    def call(*arguments: Any) -> None:
        nonlocal now
        compiling._watch.note(1)
        now += 1.5
        compiling._watch.note(-1)
        multiply(*arguments)

    monkeypatch.setattr(compiling, "_watch", compiling.Watch(lambda: now))
    monkeypatch.setattr(lists, "_alone", call)


@pytest.mark.usefixtures("slow_to_compile")
@pytest.mark.parametrize("name", ["train", "gradcheck", "predict", "check", "recover"])
def test_every_command_says_once_on_stderr_that_it_compiles(name: str, definition: str, command: CommandLine) -> None:
    mg.load(definition).save("weights.npz")
    np.save("image.npy", np.zeros((128, 128)))
    words = {
        "train": ["--no-plots"],
        "gradcheck": ["--entries", "1"],
        "predict": ["--weights", "weights.npz", "--input", "image.npy", "-o", "answer.npy"],
        "check": ["--identify"],
        "recover": ["--restarts", "1", "--solver", "lbfgs", "--no-plots"],
    }
    answer = command(name, definition, *words[name])
    assert answer.err == COMPILING
    assert compiling.TEXT not in answer.out


@pytest.mark.usefixtures("slow_to_compile")
def test_programs_are_told_of_compiling_beside_their_json_and_quiet_ones_nothing(
    definition: str, command: CommandLine
) -> None:
    assert command("train", definition, "--no-plots", "--quiet").err == ""
    compiling._watch = compiling.Watch(compiling._watch._clock)
    answer = command("train", definition, "--no-plots", "--json")
    assert json.loads(answer.out)["steps"] == 3
    assert answer.err.count(compiling.TEXT) == 1


@pytest.mark.usefixtures("slow_to_compile")
def test_in_python_compiling_is_logged_and_not_printed(
    definition: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "minigraph"):
        mg.load(definition).forward(np.zeros((128, 128)))
    assert caplog.messages == [compiling.TEXT]
    assert capsys.readouterr() == ("", "")


# -- resuming -------------------------------------------------------------------------------------------


def test_resuming_with_other_algorithms_says_so(
    definition: str, command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("train", definition, "--no-plots")
    monkeypatch.setattr(choice, "has_numba", lambda: False)
    again = ["train", definition, "--no-plots", "--resume", "runs/layers/001", "--steps"]
    answer = command(*again, "4")
    assert answer.status == 0
    assert answer.err == (
        "warning: runs/layers/001/checkpoint.npz: other algorithms are chosen for convolutions than before (large: "
        "gemm, before lists; 'lists' needs the extra `compiled`): the run may end in other bits than an unbroken one\n"
    )
    assert command(*again, "5").err == ""
    assert "(large, small: naive, before gemm)" in command(*again, "6", "--engine", "naive").err
