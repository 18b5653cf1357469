"""What Python prints of an answer is what the command line says of it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import minigraph as mg
from minigraph.cli import main
from minigraph.data.loading import Data, load_data
from minigraph.recipe.settings import TrainSection


@pytest.fixture
def train() -> TrainSection:
    settings = mg.Definition.load("two_conv").train
    assert settings is not None
    return settings


@pytest.fixture
def data(train: TrainSection) -> Data:
    return load_data(mg.Definition.load("two_conv"), "float64", train.seed)


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as left:
        main(list(words))
    assert left.value.code == 0
    return timeless(capsys.readouterr().out)


def timeless(text: str) -> str:
    return re.sub(r"\d+\.\d\d s\b", "... s", text)


def test_a_gradient_check(train: TrainSection, data: Data, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = mg.gradcheck(mg.load("two_conv", train.seed), data.inputs, seed=train.seed)
    assert said(capsys, "gradcheck", "two_conv") == f"{outcome}\n" == f"{outcome!r}\n"
    assert str(outcome).endswith("within 1e-06")


def test_a_recovery(
    train: TrainSection,
    data: Data,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    graph = mg.Graph.load("two_conv")
    found = mg.recover(graph, data.inputs, data.targets, teacher=data.teacher, seed=train.seed)
    assert timeless(str(found)) in said(capsys, "recover", "two_conv", "--no-plots")
    assert str(found).splitlines()[1].startswith("recovered: ")


def test_a_history(train: TrainSection, data: Data) -> None:
    model = mg.load("two_conv", train.seed)
    history = mg.train(model, data.inputs, data.targets, optimizer=train.optimizer, steps=20)
    first, last = f"{history.loss[0]:.6g}", f"{history.loss[-1]:.6g}"
    assert timeless(str(history)) == f"20 steps, ... s, loss {first} before the first update, {last} before the last"


def test_a_history_tells_the_last_and_the_best_evaluation_and_an_early_end(train: TrainSection, data: Data) -> None:
    model, samples = mg.load("two_conv", train.seed), (data.inputs, data.targets)
    still = mg.SGD(learning_rate=1e-300)
    history = mg.train(model, *samples, optimizer=still, epochs=9, validation=samples, metrics=["mae"], patience=2)
    distance = np.abs(model.forward(data.inputs) - data.targets["conv2"])
    loss = f"{(distance**2).sum():.6g}"
    figures = f"loss {loss}  validation_loss {loss}  validation_mae {distance.mean():.6g}"
    assert timeless(str(history)).splitlines() == [
        f"3 steps, ... s, loss {loss} before the first update, {loss} before the last",
        figures,
        f"best after 1 step: {figures}",
        "ended early: patience",
    ]
