"""``explain``: a step of a definition or a run, in the terminal, as JSON, as Markdown and as a picture."""

import json
from pathlib import Path

import numpy as np
import pytest

import minigraph as mg
from minigraph.data.loading import load_data
from tests.cli.conftest import CommandLine


def test_the_numbers_are_those_of_the_first_training_step(command: CommandLine) -> None:
    answer = json.loads(command("explain", "two_conv", "--json").out)
    definition = mg.Definition.load("two_conv")
    assert definition.train is not None
    data = load_data(definition, "float64", definition.train.seed)
    inside = mg.explain(
        mg.load("two_conv", definition.train.seed), data.inputs, data.targets, optimizer=definition.train.optimizer
    )
    assert answer["loss"] == inside.loss
    assert list(answer["nodes"]) == ["conv1", "conv2"]
    step = answer["nodes"]["conv2"]["backward"][-1]
    assert (step["name"], step["result"]) == ("update", "kernel_after")
    assert np.array_equal(step["arrays"]["kernel_after"], inside["conv2"].backward[-1].made)


def test_a_run_is_explained_with_its_weights_and_its_optimizer(command: CommandLine) -> None:
    command("train", "two_conv", "--optimizer", "adam", "--steps", "30", "--no-plots", "--out", "run")
    first = json.loads(command("explain", "run/definition.toml", "--json").out)
    answer = command("explain", "run", "--json")
    assert answer.err == "weights: run/weights.npz\n"
    after = json.loads(answer.out)
    assert after["loss"] < first["loss"]
    with np.load("run/weights.npz") as weights:
        step = after["nodes"]["conv1"]["backward"][-1]
        assert np.array_equal(step["arrays"]["kernel"], weights["conv1.kernel"])
    command("train", "--resume", "run", "--steps", "31", "--no-plots")
    with np.load("run/weights.npz") as weights:
        assert np.allclose(step["arrays"]["kernel_after"], weights["conv1.kernel"], rtol=1e-12, atol=0)


def test_one_node_and_one_cell_are_shown(command: CommandLine) -> None:
    shown = command("explain", "two_conv", "--node", "conv2", "--cell", "3,4").out
    assert "Insert zeros for the stride" in shown
    assert "without the zeros:" in shown
    assert "conv1  Conv" not in shown


@pytest.mark.parametrize("name", ["step.md", "step.png"])
def test_it_is_written_to_a_file(command: CommandLine, name: str) -> None:
    assert command("explain", "conv_relu_sigmoid", "-o", name).out == f"written to {name}\n"
    assert Path(name).stat().st_size > 1000


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--node", "cnv1"],
            "error: --node cnv1: no such node; expected one of image, conv1, conv2; did you mean 'conv1'?",
        ),
        (["--cell", "3"], "error: --cell: found '3'; expected ROW,COLUMN, such as 3,4"),
        (["-o", "a.html"], "error: a.html: found a name that ends in '.html'; expected .md, .png, .svg or .pdf"),
        (
            ["--set", 'train.optimizer={name = "lm"}'],
            "error: train.optimizer: found a solver, which takes no single steps",
        ),
    ],
)
def test_what_cannot_be_explained_is_told(command: CommandLine, words: list[str], message: str) -> None:
    answer = command("explain", "two_conv", *words)
    assert answer.status == 2
    assert answer.err.startswith(message)
