"""What the README shows is run here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import minigraph as mg
from minigraph.arrays import Array
from minigraph.cli import main
from minigraph.data.loading import load_data
from minigraph.definition.bundled import bundled
from minigraph.ops import OPS
from minigraph.recovery.alignment import align, links, parameter_errors
from minigraph.views.rails import rails

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_two_commands_are_the_readmes_first_blocks() -> None:
    assert blocks("sh")[:2] == [
        "pip install -e . && python cli.py train models/two_conv.toml\n",
        'pip install -e ".[test]" && python -m pytest\n',
    ]


def test_the_python_examples_run(capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, object] = {}
    try:
        for block in blocks("python"):
            exec(compile(block, "README.md", "exec"), namespace)
        assert mg.Graph.load is not None
        assert "Scale" in list(OPS)
    finally:
        OPS._members.pop("Scale", None)
    assert "27 parameters" in capsys.readouterr().out


def test_the_kernels_come_as_near_to_the_teachers_as_the_introduction_says() -> None:
    definition = mg.Definition.load("two_conv")
    assert definition.train is not None
    data = load_data(definition, "float64", definition.train.seed)
    assert data.teacher is not None
    model = mg.Model(definition.graph, definition.train.seed)
    train = partial(mg.train, model, data.inputs, data.targets, optimizer=definition.train.optimizer)

    def largest_error(learned: Mapping[str, Array]) -> float:
        return max(parameter_errors(learned, data.teacher or {}, "kernel").values())

    train(steps=2000)
    (target,) = data.targets.values()
    answer = np.asarray(model.forward(data.inputs))
    assert np.abs(answer.squeeze() - target.squeeze()).max() < 0.01 * np.abs(target).max()
    assert 0.2 < largest_error(model.parameters) < 0.3
    chain = links(model.graph)
    assert largest_error(align(chain, dict(model.parameters), data.teacher)) < 0.1
    train(steps=8000)
    assert largest_error(align(chain, dict(model.parameters), data.teacher)) < 1e-4


def test_the_declared_example_is_a_sound_graph(tmp_path: Path) -> None:
    file = tmp_path / "example.toml"
    file.write_text(blocks("toml")[0])
    assert mg.Graph.load(file).shapes["conv2"] == (1, 8, 8)


def test_the_settings_of_real_training_fit_the_digits(tmp_path: Path) -> None:
    graph, _, _ = bundled()["digits"].read_text().partition("[data]")
    file = tmp_path / "digits.toml"
    file.write_text(graph + blocks("toml")[1])
    definition = mg.Definition.load(file)
    assert definition.train is not None
    assert (definition.train.epochs, definition.train.batch_size, definition.train.metrics) == (20, 64, ("accuracy",))


def test_the_error_shown_is_the_error_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = bundled()["two_conv"].read_text()
    Path("bad.toml").write_text(text.replace("kernel_size = 3\n", "kernel_size = 3\nstrde = 2\n"))
    with pytest.raises(mg.DefinitionError) as caught:
        mg.Graph.load("bad.toml")
    assert f"error: {caught.value}\n" == blocks("text")[0]


def test_recover_says_what_is_shown_up_to_the_last_digits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        main(["recover", "two_conv", "--no-plots"])
    assert left.value.code == 0
    printed = re.sub(r"[\d.]+e-\d+", "...", capsys.readouterr().out)
    shown = next(block for block in blocks("text") if "after alignment" in block)
    assert re.sub(r"[\d.]+e-\d+", "...", shown) in printed


def test_the_graph_shown_is_the_graph_drawn() -> None:
    assert rails(mg.Graph.load("residual")) + "\n" in blocks("text")
