"""``check``, ``show``, ``gradcheck``, ``predict``, ``models`` and the door itself."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import minigraph as mg
from minigraph.arrays import Array
from minigraph.convolution.gemm import Gemm
from minigraph.definition.bundled import bundled
from minigraph.steps import threads
from minigraph.steps.steps import Step
from tests.cli.helpers import CommandLine

REPOSITORY = Path(__file__).parents[2]
SHAPES = {"image": [1, 20, 20], "conv1": [1, 18, 18], "conv2": [1, 8, 8]}


def test_check_prints_the_table_of_each_definition(command: CommandLine) -> None:
    answer = command("check", "two_conv", "residual")
    assert answer.status == 0
    assert "conv2   Conv 4x4, stride 2   conv1     1x8x8           17" in answer.out
    assert "5 nodes, 160 parameters" in answer.out


def test_check_gives_its_facts_as_json(command: CommandLine) -> None:
    result = json.loads(command("check", "two_conv", "--json").out)
    rows = result.pop("rows")
    assert result == {
        "ok": True,
        "nodes": 2,
        "order": ["conv1", "conv2"],
        "shapes": SHAPES,
        "parameters": 27,
        "multiply_adds": 18 * 18 * 9 + 8 * 8 * 16,
        "memory": 8 * (400 + 18 * 18 + 10 + 64 + 17),
        "warnings": [],
        "errors": [],
    }
    assert [row["op"] for row in rows] == ["Conv 3x3", "Conv 4x4, stride 2"]


def test_check_tells_all_errors_and_leaves_with_2(command: CommandLine) -> None:
    text = bundled()["two_conv"].read_text()
    Path("bad.toml").write_text(text.replace("stride", "strde").replace("log_every", "log_evry"))
    answer = command("check", "bad.toml", "--json")
    assert answer.status == 2
    result = json.loads(answer.out)
    assert result["ok"] is False
    assert [error.splitlines()[0].split(": ")[1] for error in result["errors"]] == [
        "nodes.conv2.strde",
        "train.log_evry",
    ]
    assert answer.err.count("error: bad.toml:") == 2


def test_show_draws_the_graph_in_the_terminal(command: CommandLine) -> None:
    assert command("show", "residual").out.splitlines() == [
        "○    image   Input                                         2x12x14",
        "├─╮",
        "│ ●  conv1   Conv 3x3, out_channels 4, padding same        4x12x14",
        "│ ●  relu    ReLU                                          4x12x14",
        "│ ●  conv2   Conv 3x3, out_channels 2, padding same        2x12x14",
        "├─╯",
        "●    sum     Add                                           2x12x14  -> output",
        "●    smooth  Conv 2x2, out_channels 2, stride 2, groups 2  2x6x7    -> output",
    ]


@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_show_draws_the_graph_to_a_file(suffix: str, magic: bytes, command: CommandLine) -> None:
    answer = command("show", "two_conv", "-o", f"graph.{suffix}")
    assert answer.status == 0, answer.err
    assert Path(f"graph.{suffix}").read_bytes().startswith(magic)


def test_show_refuses_another_kind_of_file(command: CommandLine, tmp_path: Path) -> None:
    answer = command("show", "two_conv", "-o", "graph.bmp")
    assert answer.status == 2
    assert "graph.bmp" in answer.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", bundled())
def test_gradcheck_holds_on_every_bundled_definition(name: str, command: CommandLine) -> None:
    answer = command("gradcheck", name, "--entries", "20", "--json")
    result = json.loads(answer.out)
    assert answer.status == 0
    assert result["ok"]
    assert result["max_error"] < 1e-6
    assert len(result["rows"]) >= 3


def test_gradcheck_tells_kinks_and_what_was_compared(command: CommandLine) -> None:
    answer = command("gradcheck", "digits", "--entries", "4")
    assert answer.status == 0
    (biases,) = (line.split() for line in answer.out.splitlines() if line.startswith("conv1.bias"))
    assert (biases[1:4], biases[-1]) == (["4", "of", "16"], "4")
    assert "compared 44 of 89,674 entries, " in answer.out
    assert " of them at a point nearby, for they lie at kinks\nok: the largest relative error is " in answer.out


def test_gradcheck_checks_training_where_batch_norm_makes_it_another_pass(
    command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = mg.Graph("normal")
    graph.output(graph.add("norm", mg.BatchNorm(), graph.input("x", shape=(2, 3, 3))))
    graph.save("normal.toml")
    whole = command("gradcheck", "normal.toml")
    assert whole.status == 0
    lines = [line.split()[:2] for line in whole.out.splitlines()[2:8]]
    assert lines == [[name, mode] for mode in ("inference", "training") for name in ("norm.scale", "norm.bias", "x")]
    right = mg.BatchNorm.backward

    def forgetful(self: mg.BatchNorm, error: Any, inputs: Any, output: Any, context: Any) -> Any:
        x = inputs[0]
        found = right(self, error, inputs, output, context)
        statistics = {"mean": x.mean(axis=(0, 2, 3)), "variance": x.var(axis=(0, 2, 3))}
        plain = replace(context, training=False, state=statistics if context.training else context.state)
        return mg.Errors(right(self, error, inputs, output, plain).inputs, found.parameters)

    monkeypatch.setattr(mg.BatchNorm, "backward", forgetful)
    failed = command("gradcheck", "normal.toml", "--json")
    assert failed.status == 1
    rows = json.loads(failed.out)["rows"]
    assert [(row["name"], row["mode"]) for row in rows if row["max_error"] > 1e-3] == [("x", "training")]


def test_gradcheck_says_what_could_not_be_compared(command: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = mg.Graph("rough")
    graph.output(graph.add("y", mg.Tanh(), graph.input("x", shape=(2, 3))))
    graph.save("rough.toml")
    monkeypatch.setattr(mg.Tanh, "forward", lambda self, inputs, context: inputs[0] * np.nan)
    monkeypatch.setattr(mg.Tanh, "plan", mg.Op.plan)
    answer = command("gradcheck", "rough.toml")
    assert answer.status == 1
    assert answer.out.endswith(
        "compared 0 of 12 entries\n"
        "not compared: x at [0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 2] and 9 more: no difference settles there\n"
        "FAILED: the largest relative error is 0.00e+00, within 1e-06; nothing was compared of x\n"
    )


def test_gradcheck_leaves_with_1_when_a_gradient_is_a_thousandth_off(
    command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = Gemm.parameter_gradients

    def wrong(self: Gemm, error: Array, kernel: Array, bias: Array) -> list[Step]:
        return [*right(self, error, kernel, bias), lambda: np.multiply(kernel, 1.001, kernel)]

    monkeypatch.setattr(Gemm, "parameter_gradients", wrong)
    answer = command("gradcheck", "two_conv")
    assert answer.status == 1
    assert "FAILED: the largest relative error is" in answer.out


def test_predict_answers_with_the_weights_of_a_run(command: CommandLine) -> None:
    command("train", "two_conv", "--steps", "5", "--no-plots", "--out", "run")
    x = np.random.default_rng(0).normal(size=(4, 1, 20, 20))
    np.save("x.npy", x)
    answer = command("predict", "two_conv", "--weights", "run/weights.npz", "--input", "x.npy", "-o", "y.npy")
    assert answer.status == 0, answer.err
    model = mg.load("two_conv")
    model.load_weights("run/weights.npz")
    assert np.array_equal(np.load("y.npy"), model.forward(x))


def test_predict_writes_several_outputs_to_an_npz(command: CommandLine) -> None:
    mg.load("residual", seed=0).save("w.npz")
    np.save("x.npy", np.ones((2, 12, 14)))
    refused = command("predict", "residual", "--weights", "w.npz", "--input", "x.npy", "-o", "y.npy")
    assert refused.status == 2
    assert "found one array for 2 outputs; expected .npz" in refused.err
    command("predict", "residual", "--weights", "w.npz", "--input", "image=x.npy", "-o", "y.npz")
    with np.load("y.npz") as answers:
        assert {name: answers[name].shape for name in answers.files} == {"sum": (2, 12, 14), "smooth": (2, 6, 7)}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--weights", "gone.npz", "--input", "x.npy", "-o", "y.npy"], "error: gone.npz: no such file"),
        (["--weights", "w.npz", "--input", "gone.npy", "-o", "y.npy"], "error: gone.npy: no such file"),
        (["--weights", "w.npz", "--input", "imag=x.npy", "-o", "y.npy"], "unknown input 'imag'; expected image; did"),
        (
            ["--weights", "w.npz", "--input", "x.npy", "-o", "y.npy", "--batch-size", "0"],
            "error: --batch-size 0: found '0'; expected a number of at least 1",
        ),
        (
            ["--weights", "w.npz", "--input", "x.npy", "-o", "y.txt"],
            "found a name that ends in '.txt'; expected one of .npy, .npz, .csv, .png",
        ),
    ],
)
def test_predict_refuses_what_does_not_fit(words: list[str], message: str, command: CommandLine) -> None:
    mg.load("two_conv", seed=0).save("w.npz")
    np.save("x.npy", np.ones((20, 20)))
    answer = command("predict", "two_conv", *words)
    assert answer.status == 2
    assert message in answer.err
    assert sorted(file.name for file in Path().iterdir()) == ["w.npz", "x.npy"]


def test_predict_prints_small_answers_and_writes_them_as_csv(command: CommandLine) -> None:
    model = mg.load("two_conv", seed=0)
    model.save("w.npz")
    np.save("x.npy", np.ones((20, 20)))
    words = ["predict", "two_conv", "--weights", "w.npz", "--input", "x.npy"]
    answer = command(*words)
    assert answer.status == 0, answer.err
    head, *rows = answer.out.splitlines()
    assert head == "conv2: 1x8x8"
    expected = model.forward(np.ones((20, 20)))
    assert np.array(rows and [row.split() for row in rows], float) == pytest.approx(expected, rel=1e-5)
    assert command(*words, "-o", "y.csv").out == "conv2 8x8 in y.csv\n"
    assert np.array_equal(np.loadtxt("y.csv", delimiter=","), expected)


def test_predict_names_the_classes(command: CommandLine) -> None:
    graph = mg.Graph("animals")
    graph.input("x", shape=(1, 2))
    graph.add("flat", mg.Flatten(), "x")
    graph.output(graph.add("score", mg.Dense(out_features=2), "flat", init={"kernel": [[1, 0], [0, 1]]}))
    graph.save("animals.toml")
    with Path("animals.toml").open("a") as file:
        file.write('[data]\nsource = "file"\nfile = "a.npz"\nclasses = ["cat", "dog"]\n')
    mg.load("animals.toml", seed=0).save("w.npz")
    Path("x.csv").write_text("3,1\n")
    words = ["predict", "animals.toml", "--weights", "w.npz", "--input", "x.csv", "--input", "x.csv"]
    assert command(*words).out.splitlines()[1:] == ["  3  1  cat", "  3  1  cat"]
    command(*words, "-o", "y.csv")
    assert Path("y.csv").read_text() == '"cat","dog"\n3.0,1.0\n3.0,1.0\n'


def test_an_answer_that_is_large_is_not_printed(command: CommandLine) -> None:
    mg.load("two_conv", seed=0).save("w.npz")
    np.save("x.npy", np.ones((16, 20, 20)))
    answer = command("predict", "two_conv", "--weights", "w.npz", "--input", "x.npy")
    assert (answer.status, answer.err) == (
        2,
        "error: found an answer of 1,024 numbers; expected -o FILE for more than 1,000 (.npy, .npz, .csv, .png)\n",
    )


def test_a_runs_folder_is_a_model_with_its_best_weights_else_the_last(command: CommandLine) -> None:
    command("train", "two_conv", "--steps", "5", "--no-plots", "--out", "run")
    np.save("x.npy", np.ones((20, 20)))
    for name in ("weights.npz", "best.npz"):
        if name == "best.npz":
            mg.load("two_conv", seed=3).save("run/best.npz")
        with np.load(f"run/{name}") as weights:
            assert np.array_equal(mg.load("run").parameters["conv1.kernel"], weights["conv1.kernel"])
        for words in (["run"], ["two_conv", "--weights", "run"]):
            answer = command("predict", *words, "--input", "x.npy", "-o", "y.npy")
            assert answer.out == f"weights: run/{name}\nconv2 8x8 in y.npy\n", answer.err
            assert np.array_equal(np.load("y.npy"), mg.load("run").forward(np.ones((20, 20))))
        assert f"weights: run/{name}" in command("gradcheck", "run").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["predict", "two_conv", "--input", "x.npy"], "two_conv: found no --weights; expected them, or a run's folder"),
        (
            ["predict", "run", "--input", "x.npy"],
            "run: found neither best.npz nor weights.npz; expected the weights of",
        ),
        (["predict", "empty", "--input", "x.npy"], "empty: found a folder without definition.toml; expected a run"),
        (["train", "run"], "run: found a run's folder; expected a definition: minigraph train run/definition.toml; to"),
    ],
)
def test_a_folder_that_is_no_model_is_told(words: list[str], message: str, command: CommandLine) -> None:
    Path("empty").mkdir()
    Path("run").mkdir()
    mg.Definition.load("two_conv").save("run/definition.toml")
    np.save("x.npy", np.ones((20, 20)))
    answer = command(*words)
    assert answer.status == 2
    assert f"error: {message}" in answer.err


def test_predict_reads_images_and_writes_images(command: CommandLine) -> None:
    mg.load("two_conv", seed=0).save("w.npz")
    for name in ("a.png", "b.png"):
        Image.fromarray(np.full((30, 40), 100, np.uint8)).save(name)
    for words in ([], ["--set", "inputs.image.shape=[30, 40]"]):
        files = ["--input", "a.png", "--input", "b.png", "-o", "y.png"]
        answer = command("predict", "two_conv", "--weights", "w.npz", *words, *files)
        assert (answer.status, answer.out) == (0, "conv2 2x1x13x18 in y-0.png to y-1.png\n"), answer.err
    with Image.open("y-1.png") as image:
        assert image.size == (18, 13)


def test_predict_writes_a_png_only_of_what_an_image_can_show(command: CommandLine) -> None:
    graph = mg.Graph("scores")
    image = graph.input("image", (20, 20))
    graph.output(graph.add("score", mg.Conv(kernel_size=3, out_channels=10), image))
    graph.save("scores.toml")
    mg.Model(graph, seed=0).save("w.npz")
    np.save("x.npy", np.ones((20, 20)))
    answer = command("predict", "scores.toml", "--weights", "w.npz", "--input", "x.npy", "-o", "y.png")
    assert answer.status == 2
    assert answer.err == (
        "error: y.png: found an answer of 10x18x18; expected one or three channels for a png: use .npy\n"
    )


def test_models_lists_the_bundled_definitions(command: CommandLine) -> None:
    answer = command("models")
    assert [line.split()[0] for line in answer.out.splitlines()[2:]] == list(bundled())


def test_unknown_commands_are_told_in_one_line(command: CommandLine) -> None:
    answer = command("trian")
    assert answer.status == 2
    assert answer.err.startswith("error: No such command 'trian'")


def test_help_needs_nothing_slow(tmp_path: Path) -> None:
    code = (
        "import sys; from minigraph.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "slow = {'numpy', 'networkx', 'matplotlib', 'scipy', 'pydantic'} & set(sys.modules)\n"
        "assert not slow, slow"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY, stdout=subprocess.DEVNULL)


def test_training_without_plots_does_not_import_matplotlib_or_scipy(tmp_path: Path) -> None:
    code = (
        "import sys; from minigraph.cli import main\n"
        "try: main(['train', 'two_conv', '--steps', '2', '--no-plots', '--quiet', "
        f"'--out', {str(tmp_path / 'run')!r}])\n"
        "except SystemExit: pass\n"
        "slow = {'matplotlib', 'scipy', 'PIL'} & set(sys.modules)\n"
        "assert not slow, slow"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY)


@pytest.mark.parametrize("door", [["cli.py"], ["-m", "minigraph"]])
def test_each_door_opens(door: list[str]) -> None:
    done = subprocess.run([sys.executable, *door, "--version"], check=True, cwd=REPOSITORY, capture_output=True)
    assert done.stdout.decode() == f"minigraph {mg.__version__}\n"


def test_threads_are_held_to_what_the_command_line_says(command: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_chosen", None)
    answer = command("check", "two_conv", "--plan", "--threads", "3")
    assert answer.status == 0
    assert "of workspace for each of 3 threads" in answer.out
    assert command("check", "two_conv", "--threads", "0").status == 2
