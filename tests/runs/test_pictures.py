"""Which pictures a run gets, and what they are given to show."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax

import minigraph as mg
from minigraph.data.loading import load_data
from minigraph.definition import Definition
from minigraph.runs import pictures
from minigraph.training import History
from minigraph.views.plots import confusion_matrix

Calls = dict[str, tuple[Any, ...]]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """What would be drawn, by file name: the arguments without the path."""
    calls: Calls = {}

    def draw(*arguments: Any) -> None:
        (path,) = [argument for argument in arguments if isinstance(argument, Path)]
        calls[path.name] = tuple(argument for argument in arguments if argument is not path)

    names = ["loss", "graph", "kernels", "filters", "confusion", "predictions", "images", "reconstruction"]
    plots = SimpleNamespace(**{f"plot_{name}": draw for name in names}, confusion_matrix=confusion_matrix)
    monkeypatch.setattr(pictures, "plots", plots)
    return calls


def write(name: str, *overrides: tuple[tuple[str, ...], Any]) -> tuple[mg.Model, Any]:
    definition = Definition.load(name, [(".".join(path), path, value) for path, value in overrides])
    model = mg.Model(definition.graph, seed=0)
    data = load_data(definition, model.dtype, seed=0)
    pictures.write_pictures(Path("run"), definition, model, History(np.ones(3), 0.0), data)
    return model, data


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("two_conv", ["graph.png", "kernels.png", "loss.png", "reconstruction.png"]),
        ("residual", ["graph.png", "kernels.png", "loss.png", "reconstruction.png"]),
        ("digits", ["confusion.png", "graph.png", "kernels_conv1.png", "loss.png", "predictions.png"]),
        ("digits_conv", ["confusion.png", "graph.png", "kernels_conv1.png", "loss.png", "predictions.png"]),
        ("photo_filter", ["graph.png", "kernels_filter.png", "loss.png", "reconstruction.png"]),
        ("denoise", ["examples.png", "graph.png", "kernels_conv1.png", "loss.png"]),
    ],
)
def test_the_pictures_follow_from_what_the_graph_answers(name: str, files: list[str], drawn: Calls) -> None:
    write(name)
    assert sorted(drawn) == files


def test_a_classifier_of_logits_is_shown_on_the_test_samples_with_its_probabilities(drawn: Calls) -> None:
    model, data = write("digits")
    inputs, targets = data.test.read(slice(None))
    scores = model.forward(inputs["image"]).astype(np.float64)
    images, labels, predicted, confidence, title, classes = drawn["predictions.png"]
    assert np.array_equal(images, inputs["image"])
    assert np.array_equal(labels, targets["logits"])
    assert np.array_equal(predicted, scores.argmax(axis=1))
    assert confidence == pytest.approx(softmax(scores, axis=1).max(axis=1), rel=1e-5)
    assert (title, classes) == ("digits: 359 test samples", None)
    matrix, title, classes = drawn["confusion.png"]
    assert matrix.sum() == 359
    assert np.trace(matrix) == (scores.argmax(axis=1) == targets["logits"]).sum()


def test_a_classifier_of_one_hot_targets_is_shown_with_its_own_probabilities(drawn: Calls) -> None:
    model, data = write("digits_conv")
    inputs, targets = data.test.read(slice(None))
    scores = model.forward(inputs["image"]).reshape(359, 10)
    _, labels, predicted, confidence, *_ = drawn["predictions.png"]
    assert np.array_equal(labels, targets["score"].reshape(359, 10).argmax(axis=1))
    assert np.array_equal(predicted, scores.argmax(axis=1))
    assert confidence == pytest.approx(1 / (1 + np.exp(-scores.max(axis=1))), rel=1e-5)  # of bce_logits


def test_without_test_samples_those_of_validation_are_shown_and_without_these_all(drawn: Calls) -> None:
    write("digits", (("data", "split"), {"validation": 0.1}))
    assert drawn["confusion.png"][1] == "digits: 180 validation samples"
    write("digits", (("data", "split"), None))
    assert drawn["confusion.png"][1] == "digits: 1,797 training samples"


def test_a_graph_of_several_outputs_without_a_teacher_has_no_picture_of_answers(drawn: Calls, tmp_path: Path) -> None:
    x = np.ones((3, 2, 12, 14))
    np.savez(tmp_path / "pairs.npz", image=x, **mg.load("residual", seed=1).forward(x))
    write("residual", (("data",), {"source": "file", "file": str(tmp_path / "pairs.npz")}))
    assert sorted(drawn) == ["graph.png", "kernels_conv1.png", "loss.png"]


def test_an_op_says_which_of_its_parameters_is_worth_a_picture(drawn: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mg.Conv, "pictured", None)
    write("digits")
    assert "kernels_conv1.png" not in drawn
    monkeypatch.setattr(mg.Dense, "pictured", "bias")
    model, _ = write("digits")
    name = next(name for name in model.graph.order if isinstance(model.graph.nodes[name].op, mg.Dense))
    bias, title, _ = drawn[f"kernels_{name}.png"]
    assert np.array_equal(bias, model.parameters[f"{name}.bias"])
    assert title == f"digits: {name}.bias"


def test_kernels_are_shown_before_and_after_training_with_what_alignment_leaves(drawn: Calls) -> None:
    model, data = write("two_conv")
    learned, teacher, title, before, notes = drawn["kernels.png"]
    assert title == "Kernels: the teacher's, before and after training"
    assert np.array_equal(before["conv1.kernel"], mg.load("two_conv", seed=15).parameters["conv1.kernel"])
    assert np.array_equal(learned["conv1.kernel"], model.parameters["conv1.kernel"])
    assert teacher is data.teacher
    assert notes[0].startswith("drawn as they stand: scale, sign or order between kernels can differ")


def test_pictures_of_the_best_weights_say_so(drawn: Calls) -> None:
    definition = Definition.load("digits")
    model = mg.Model(definition.graph, seed=0)
    rows = [{"step": 45, "loss": 1.0, "validation_loss": 0.5}, {"step": 90, "loss": 0.5, "validation_loss": 0.7}]
    history = History(np.ones(90), 0.0, rows, rows[0])
    pictures.write_pictures(Path("run"), definition, model, history, load_data(definition, "float32", 0), 0.25)
    assert drawn["loss.png"][1:] == ("digits", 0.25, {45: 0.5, 90: 0.7})
    assert drawn["kernels_conv1.png"][1] == "digits: conv1.kernel, weights after 45 steps (best)"
    assert drawn["confusion.png"][1] == "digits: 359 test samples, weights after 45 steps (best)"
