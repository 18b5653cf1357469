"""What Python prints of a result is what the command line says of it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import minigraph as mg
from minigraph.cli import main
from minigraph.data.loading import Data, load_data


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command prints, without its times."""
    with pytest.raises(SystemExit):
        main(list(arguments))
    return without_times(capsys.readouterr().out)


def without_times(text: str) -> str:
    return re.sub(r"[\d.]+ s\b", "... s", text)


def bundled_problem() -> tuple[mg.Definition, Data]:
    definition = mg.Definition.load("two_conv")
    assert definition.train is not None
    return definition, load_data(definition, "float64", definition.train.seed)


def test_a_gradient_check(capsys: pytest.CaptureFixture[str]) -> None:
    definition, data = bundled_problem()
    checked = mg.gradcheck(mg.Model(definition.graph, seed=15), data.inputs, seed=15)
    assert str(checked) in said(capsys, "gradcheck", "two_conv")
    assert str(checked).startswith("gradient of    entries   max error   at ")
    assert "\nok: the largest relative error is" in str(checked)


def test_a_recovery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    definition, data = bundled_problem()
    found = mg.recover(definition.graph, data.inputs, data.targets, teacher=data.teacher, seed=15)
    assert without_times(str(found)) in said(capsys, "recover", "two_conv", "--no-plots")
    assert str(found).startswith("solver: composite: ")


def test_a_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    definition, data = bundled_problem()
    assert definition.train is not None
    model, train = mg.Model(definition.graph, seed=15), definition.train
    history = mg.train(model, data.inputs, data.targets, loss=train.loss, optimizer=train.optimizer, steps=20)
    printed = said(capsys, "train", "two_conv", "--steps", "20", "--no-plots")
    assert f"done: {without_times(str(history))} (" in printed
    assert str(history).startswith("loss 78526.2 -> ")


def test_a_training_with_evaluations_that_ended_early() -> None:
    model = mg.load("two_conv", seed=0)
    x, target = np.ones((20, 20)), np.zeros((8, 8))
    given = {"optimizer": mg.SGD(learning_rate=1e-300), "validation": (x, target), "patience": 2, "steps": 50}
    history = mg.train(model, x, target, metrics=["mae"], **given)  # type: ignore[arg-type]  # of different kinds
    course, judged = str(history).splitlines()
    assert course.endswith("; ended early: patience")
    assert re.fullmatch(r"loss [\d.e+-]+  validation_loss [\d.e+-]+  validation_mae [\d.e+-]+", judged)
