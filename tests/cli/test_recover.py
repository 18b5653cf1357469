"""``recover`` and ``check --identify`` as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.signal import correlate2d

import minigraph as mg
from minigraph.data.loading import load_data
from tests.cli.helpers import CommandLine

FILES = {"definition.toml", "weights.npz", "recovery.json"}


def test_the_bundled_problem_is_recovered_and_its_results_are_written(command: CommandLine) -> None:
    answer = command("recover", "two_conv", "--json")
    assert answer.status == 0
    said = json.loads(answer.out)
    assert said["recovered"] is True
    assert said["verdict"] == "recovered"
    assert said.keys() >= {"recovered", "verdict", "loss", "kernel_error", "starts", "successes", "seconds"}
    assert max(said["kernel_error"].values()) < 1e-9
    assert (said["successes"], said["out"]) == (1, str(Path("runs/two_conv/001")))
    folder = Path(said["out"])
    assert {file.name for file in folder.iterdir()} == FILES | {"starts.png", "ends.png", "kernels.png"}
    written = json.loads((folder / "recovery.json").read_text())
    assert written["attempts"][-1]["verdict"] == "recovered"
    assert len(written["attempts"]) == said["starts"]
    assert "solver: composite: a linear cascade: least squares finds its composite" in answer.err
    assert "kernel error after alignment: conv1 " in answer.err


def test_the_written_weights_answer_like_the_teacher(command: CommandLine) -> None:
    assert command("recover", "two_conv", "--out", "found", "--no-plots", "--quiet").out == ""
    assert {file.name for file in Path("found").iterdir()} == FILES
    definition = mg.Definition.load("found/definition.toml")
    data = load_data(definition, "float64", 0)
    model = mg.Model(definition.graph)
    model.load_weights("found/weights.npz")
    np.testing.assert_allclose(model.forward(data.inputs), data.targets["conv2"], atol=1e-11)
    np.testing.assert_allclose(model.parameters["conv1.kernel"][0, 0], [[0, 0, 1], [0, 2, 0], [1, 0, 1]], atol=1e-12)


def test_the_same_seed_gives_the_same_files(command: CommandLine) -> None:
    for out in ("first", "second"):
        command("recover", "two_conv_random", "--seed", "5", "--out", out)
    for name in ("weights.npz", "starts.png", "ends.png", "kernels.png"):
        assert Path("first", name).read_bytes() == Path("second", name).read_bytes()


def test_analyse_says_what_the_data_can_tell_and_writes_nothing(command: CommandLine) -> None:
    answer = command("recover", "two_conv", "--analyse")
    assert answer.status == 0
    assert answer.out.startswith("two_conv: 64 equations, 27 unknowns\nJacobian rank 25 25 25 at random points, 25 at")
    assert list(Path().iterdir()) == []
    assert json.loads(command("recover", "two_conv", "--analyse", "--json").out)["composite_rank"] == 37


def test_check_identify_tells_the_same(command: CommandLine) -> None:
    answer = command("check", "two_conv", "--identify", "--json")
    assert answer.status == 0
    assert json.loads(answer.out)["identifiability"]["rank_of_graph"] == 25
    assert "free whatever the data: scale between conv1 and conv2" in answer.err
    assert "identifiability" not in json.loads(command("check", "two_conv", "--json").out)


@pytest.fixture
def pictures(command: CommandLine) -> CommandLine:
    """before.png, and after.npy and after.png as a 3x3 and a 4x4 kernel make of it."""
    grey = np.random.default_rng(0).integers(0, 256, (60, 70)).astype(np.uint8)
    Image.fromarray(grey).save("before.png")
    first, second = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]]) / 8, np.full((4, 4), 1 / 16)
    second[0, 0] = 0.2
    answer = correlate2d(correlate2d(grey / 255, first, "valid"), second, "valid")[::2, ::2]
    np.save("after.npy", answer)
    Image.fromarray((255 * answer / answer.max()).round().astype(np.uint8)).save("after.png")
    return command


@pytest.mark.parametrize(("after", "decibels"), [("after.npy", 200), ("after.png", 30)])
def test_a_cascade_is_fitted_to_two_pictures_of_any_size(pictures: CommandLine, after: str, decibels: float) -> None:
    answer = pictures("recover", "two_conv", "--before", "before.png", "--after", after, "--json")
    assert answer.status == 0
    said = json.loads(answer.out)
    assert said["verdict"] == "fitted"
    assert said["kernel_error"] == {}
    assert said["fit"]["snr"] > decibels
    assert said["fit"]["composite"] == pytest.approx(said["fit"]["residual"], rel=0.05, abs=1e-12)
    assert "beside it plain least squares for a free composite: " in answer.err
    assert {file.name for file in Path(said["out"]).iterdir()} == FILES | {
        "starts.png",
        "ends.png",
        "reconstruction.png",
    }
    learned = np.load(Path(said["out"], "weights.npz"))["conv1.kernel"][0, 0]
    wanted = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]]) / 8
    np.testing.assert_allclose(learned / learned[1, 1], wanted / wanted[1, 1], atol=0.02)


def test_what_is_not_found_leaves_with_1(pictures: CommandLine) -> None:
    np.save("noise.npy", np.random.default_rng(0).normal(size=(28, 33)))
    answer = pictures("recover", "two_conv", "--before", "before.png", "--after", "noise.npy", "--json", "--no-plots")
    said = json.loads(answer.out)
    assert (said["recovered"], said["verdict"], answer.status) == (False, "misfit", 1)
    assert Path(said["out"], "recovery.json").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--before", "before.png"],
            "--before FILE --after FILE: expected both of them, and no --data beside them",
        ),
        (["--before", "nowhere.png", "--after", "after.png"], "nowhere.png: no such file"),
        (
            ["--before", "before.txt", "--after", "after.png"],
            "before.txt: found a name that ends in '.txt'; expected one of .npy, .csv, .png, .jpg, .jpeg",
        ),
        (["--before", "row.npy", "--after", "after.png"], "row.npy: found shape 5; expected a map: (H, W) at the end"),
        (["--solver", "newton"], "solver: found 'newton' (a string); expected one of auto, composite, lm, lbfgs"),
        (["--restarts", "0"], "restarts: found 0 (an integer); expected an integer of at least 1"),
    ],
)
def test_a_mistake_is_one_error_and_nothing_is_left(pictures: CommandLine, words: list[str], message: str) -> None:
    Path("before.txt").write_text("")
    np.save("row.npy", np.ones(5))
    answer = pictures("recover", "two_conv", *words)
    assert (answer.status, answer.out) == (2, "")
    assert answer.err == f"error: {message}\n"
    assert not list(Path().glob("runs/two_conv/*"))


def test_two_pictures_need_one_input_and_one_output(pictures: CommandLine) -> None:
    answer = pictures("recover", "residual", "--before", "before.png", "--after", "after.png")
    assert answer.status == 2
    assert answer.err == (
        "error: --before before.png: found a graph of 1 input and 2 outputs; expected one of each, or --data FILE\n"
    )


def test_a_picture_of_the_wrong_size_is_told_with_both_sizes(pictures: CommandLine) -> None:
    answer = pictures("recover", "two_conv", "--before", "before.png", "--after", "before.png")
    assert answer.status == 2
    assert "'conv2': found shape 60x70; expected 28x33" in answer.err
