"""Files from strangers at the command line: told in one line, never obeyed by the terminal, shown or waited for."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import minigraph as mg
from minigraph.cli.output import complain
from tests.cli.helpers import CommandLine
from tests.files import archives
from tests.helpers import NEEDS_FIFOS

SECRET = "root:x:0:0:root:/root:/bin/bash\n"
DEFINITION = """\
schema_version = 1
name = "small"
description = "blue \\u001b[34m, \\u202e"
outputs = ["conv"]
[inputs.x]
shape = [2, 3]
[nodes.conv]
op = "Conv"
inputs = ["x"]
kernel_size = 1
[data]
source = "file"
"""
TRAIN = '[train]\nloss = "sse"\noptimizer = { name = "sgd", learning_rate = 0.1 }\nsteps = 1\n'


def printable(text: str) -> bool:
    return text.replace("\n", "").isprintable()


@pytest.fixture
def weights() -> str:
    graph = mg.Graph("small")
    graph.input("x", shape=(2, 3))
    graph.output(graph.add("conv", mg.Conv(kernel_size=1), "x"))
    mg.Model(graph, seed=0).save("w.npz")
    return "w.npz"


@NEEDS_FIFOS
@pytest.mark.parametrize("place", ["model", "weights", "input", "checkpoint"])
def test_a_fifo_is_told_everywhere(place: str, command: CommandLine, weights: str) -> None:
    os.mkfifo("fifo.npz")
    os.mkfifo("fifo.toml")
    os.mkdir("run")
    os.mkfifo("run/checkpoint.npz")
    Path("small.toml").write_text(DEFINITION + 'file = "all.npz"\n' + TRAIN)
    np.savez("all.npz", x=np.zeros((2, 3)), conv=np.zeros((2, 3)))
    words = {
        "model": ("check", "fifo.toml"),
        "weights": ("predict", "small.toml", "--weights", "fifo.npz", "--input", "all.npz", "-o", "y.npy"),
        "input": ("predict", "small.toml", "--weights", weights, "--input", "fifo.npz", "-o", "y.npy"),
        "checkpoint": ("train", "small.toml", "--resume", "run"),
    }
    answer = command(*words[place])
    assert answer.status == 2
    assert ": found a FIFO; expected a" in answer.err


@pytest.mark.parametrize("file", ["passwd.csv", "passwd.npy", "passwd.npz", "passwd.png", "passwd.jpg"])
def test_nothing_of_a_file_that_a_definition_leads_to_is_shown(file: str, command: CommandLine, weights: str) -> None:
    Path("passwd").write_text(SECRET)
    os.symlink("passwd", file)
    Path("small.toml").write_text(
        DEFINITION + f'inputs.x = {{ file = "{file}" }}\noutputs.conv = {{ file = "{file}" }}\n' + TRAIN
    )
    for words in (
        ("train", "small.toml"),
        ("predict", "small.toml", "--weights", weights, "--input", file, "-o", "y.npy"),
        ("recover", "small.toml", "--before", file, "--after", file),
    ):
        answer = command(*words)
        assert answer.status == 2
        assert file in answer.err
        assert not any(word in answer.err + answer.out for word in ("root", "bash", "x:0"))
    assert not Path("runs").exists()


def test_a_terminal_obeys_nothing_that_a_file_says(command: CommandLine, weights: str) -> None:
    name = "\x1b]0;title\x07\u202e\r"
    Path("x.npz").write_bytes(archives.archive(archives.stored(f"{name}.npy", archives.npy(np.zeros((2, 3))))))
    escaped = '"a\\u001b]0;title\\u0007\\u202e\\r\\n.npz"'
    for text, words, told in (
        (DEFINITION + 'file = "x.npz"\n' + TRAIN, ("train",), "unknown array '\\x1b]0;title\\x07\\u202e\\r'"),
        (DEFINITION + f"file = {escaped}\n" + TRAIN, ("train",), "found 'a\\x1b]0;title\\x07\\u202e"),
        (DEFINITION + f"{escaped} = 1\n" + TRAIN, ("train",), '"a\\x1b]0;title\\x07\\u202e\\r\\n.npz": unknown'),
        (DEFINITION.replace('"conv"', escaped, 1), ("check",), "unknown node 'a\\x1b]0;title\\x07\\u202e\\r\\n.npz'"),
        (DEFINITION + "# \u202e\n'\u202ea' = 1\n", ("check",), "'\\u202ea' = 1"),
        (DEFINITION + "\x07", ("check",), "\\x07"),
        (DEFINITION.replace("[data]\n", "").replace('source = "file"\n', ""), ("check",), "blue \\x1b[34m, \\u202e"),
    ):
        Path("small.toml").write_text(text)
        answer = command(*words, "small.toml")
        assert told in answer.err + answer.out
        assert printable(answer.err + answer.out), words
    answer = command("train", "two_conv", "\x1b[2J.toml")
    assert answer.status == 2
    assert "\\x1b[2J.toml" in answer.err
    assert printable(answer.err)
    answer = command("check", "\x1b[2J.toml")
    assert answer.err.startswith("error: \\x1b[2J.toml: no such file")


def test_whatever_goes_to_stderr_is_printable(capsys: pytest.CaptureFixture[str]) -> None:
    complain("error: \x1b[2J\u202e\n\tline")
    assert capsys.readouterr().err == "error: \\x1b[2J\\u202e\n\tline\n"


def test_a_bomb_is_refused_as_weights_and_as_data(command: CommandLine, weights: str) -> None:
    Path("small.toml").write_text(DEFINITION + 'file = "bomb.npz"\n' + TRAIN)
    Path("bomb.npz").write_bytes(archives.archive(archives.bomb("conv.kernel.npy", 1024)))
    np.save("x.npy", np.zeros((2, 3)))
    for words in (
        ("train", "small.toml"),
        ("predict", "small.toml", "--weights", "bomb.npz", "--input", "x.npy", "-o", "y.npy"),
    ):
        answer = command(*words)
        assert answer.status == 2
        assert "bomb.npz: found 1.0 GiB of arrays in 1.0 MiB; expected at most 100 times the size" in answer.err
