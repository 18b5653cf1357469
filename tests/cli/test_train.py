"""``train`` on the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import minigraph as mg
from minigraph.definition.bundled import bundled
from tests.cli.helpers import CommandLine

REPOSITORY = Path(__file__).parents[2]
DEFINITIONS = [*bundled().values(), bundled()["two_conv"].with_suffix(".json")]
# Those of real data in the small; what they reach in full is in test_bundled.py and benchmarks/accuracy.py.
SMALL = {
    "denoise": (["--steps", "30"], 0.5),
    "digits": (["--epochs", "2"], 0.3),
    "digits_conv": (["--epochs", "2"], 0.3),
    "photo_filter": (["--steps", "1000"], 0.05),
}


def test_the_main_job_leaves_all_its_files_and_a_loss_below_ten(command: CommandLine, tmp_path: Path) -> None:
    answer = command("train", str(REPOSITORY / "models" / "two_conv.toml"))
    assert answer.status == 0, answer.err
    folder = tmp_path / "runs" / "two_conv" / "001"
    assert sorted(file.name for file in folder.iterdir()) == [
        "checkpoint.npz",
        "definition.toml",
        "graph.png",
        "history.csv",
        "kernels.png",
        "loss.png",
        "reconstruction.png",
        "summary.json",
        "weights.npz",
    ]
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["loss_final"] < 10
    assert "step 1999  loss" in answer.out
    assert "results in runs/two_conv/001" in answer.out
    with np.load(folder / "weights.npz", allow_pickle=False) as weights:
        assert sorted(weights.files) == ["conv1.bias", "conv1.kernel", "conv2.bias", "conv2.kernel"]
    rows = list(csv.DictReader((folder / "history.csv").read_text().splitlines()))
    assert [rows[0]["step"], rows[-1]["step"]] == ["0", "1999"]
    assert float(rows[0]["loss"]) == summary["loss_first"]
    assert f"done: loss {summary['loss_first']:.6g} -> {summary['loss_final']:.6g} in 2000 steps" in answer.out


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda path: path.name)
def test_every_bundled_definition_trains(definition: Path, command: CommandLine) -> None:
    words, share = SMALL.get(definition.stem, ([], 0.05))
    answer = command("train", str(definition), "--no-plots", "--json", *words)
    assert answer.status == 0, answer.err
    result = json.loads(answer.out)
    assert result["loss_final"] < share * result["loss_first"]


def test_json_is_the_only_thing_on_stdout_and_people_read_stderr(command: CommandLine) -> None:
    answer = command("train", "two_conv", "--steps", "3", "--no-plots", "--json")
    result = json.loads(answer.out)
    assert result.keys() >= {"name", "engine", "seed", "steps", "loss_first", "loss_final", "seconds", "out"}
    assert (result["name"], result["engine"], result["seed"], result["steps"]) == ("two_conv", "fast", 15, 3)
    assert "step" in answer.err


def test_quiet_prints_nothing(command: CommandLine) -> None:
    answer = command("train", "two_conv", "--steps", "3", "--no-plots", "--quiet")
    assert (answer.status, answer.out, answer.err) == (0, "", "")


def test_the_same_seed_gives_the_same_bits_and_another_one_others(command: CommandLine) -> None:
    for out, seed in (("a", "4"), ("b", "4"), ("c", "5")):
        command("train", "two_conv", "--steps", "20", "--no-plots", "--seed", seed, "--out", out)
    first, second, other = (Path(out, "weights.npz").read_bytes() for out in "abc")
    assert first == second != other


def test_the_definition_in_the_run_folder_trains_to_the_same_bits(command: CommandLine) -> None:
    command("train", "two_conv", "--steps", "20", "--no-plots", "--out", "first", "--set", "train.log_every=7")
    answer = command("train", "first/definition.toml", "--no-plots", "--out", "again")
    assert answer.status == 0, answer.err
    assert Path("first/weights.npz").read_bytes() == Path("again/weights.npz").read_bytes()


def test_the_engines_give_the_same_losses(command: CommandLine) -> None:
    for engine in ("fast", "naive"):
        command("train", "two_conv", "--steps", "60", "--no-plots", "--engine", engine, "--out", engine)
    fast, naive = (np.loadtxt(f"{engine}/history.csv", delimiter=",", skiprows=1)[:, 1] for engine in ("fast", "naive"))
    assert np.abs(fast / naive - 1).max() < 1e-12


def test_options_and_set_go_over_the_file(command: CommandLine) -> None:
    answer = command(
        "train", "two_conv", "--no-plots", "--json", "--set", "train.steps=5", "--learning-rate", "1e-6", "--seed", "3"
    )
    result = json.loads(answer.out)
    assert (result["steps"], result["seed"]) == (5, 3)
    definition = mg.Definition.load(Path(result["out"], "definition.toml"))
    assert definition.train is not None
    assert definition.train.optimizer == mg.SGD(learning_rate=1e-6)


def test_data_of_the_users_own_replace_the_definitions(command: CommandLine) -> None:
    x = np.random.default_rng(0).normal(size=(3, 1, 20, 20))
    model = mg.load("two_conv", seed=1)
    np.savez("pairs.npz", image=x, conv2=model.forward(x))
    answer = command("train", "two_conv", "--data", "pairs.npz", "--steps", "5", "--no-plots", "--seed", "1", "--json")
    assert json.loads(answer.out)["loss_first"] == 0


def test_data_of_the_users_own_replace_the_arrays_and_nothing_else(command: CommandLine) -> None:
    x = np.random.default_rng(0).normal(size=(50, 1, 8, 8))
    np.savez("own.npz", image=x, logits=np.arange(50) % 10)
    words = ["--set", "data.split.validation=0.2", "--set", "train.patience=1", "--epochs", "9", "--no-plots"]
    answer = command("train", "digits", "--data", "own.npz", *words, "--json")
    result = json.loads(answer.out)
    assert result["metrics"].keys() >= {"validation_loss", "test_loss"}
    assert result["stopped"] == "patience"
    definition = mg.Definition.load(Path(result["out"], "definition.toml"))
    assert definition.data is not None
    assert definition.data.split is not None
    assert (definition.data.split.validation, definition.data.split.test) == (0.2, 0.2)


def test_a_runs_definition_works_where_it_lies(
    command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("project", "large/disk"):
        Path(folder).mkdir(parents=True)
    Path("project/runs").symlink_to(tmp_path / "large" / "disk")
    np.savez("project/pairs.npz", image=np.ones((20, 20)), conv2=np.ones((8, 8)))
    monkeypatch.chdir("project")
    answer = command("train", "two_conv", "--data", "pairs.npz", "--steps", "3", "--no-plots", "--out", "first")
    Path("near.toml").write_text(
        Path("first/definition.toml").read_text().replace(str(tmp_path / "project" / "pairs.npz"), "pairs.npz")
    )
    answer = command("train", "near.toml", "--no-plots", "--out", "runs/second")
    assert answer.status == 0, answer.err
    monkeypatch.chdir("runs/second")
    answer = command("train", "definition.toml", "--no-plots", "--out", "third")
    assert answer.status == 0, answer.err
    assert Path("third/weights.npz").read_bytes() == Path("weights.npz").read_bytes()


def test_divergence_names_the_step_keeps_the_losses_and_leaves_with_1(command: CommandLine) -> None:
    answer = command("train", "two_conv", "--learning-rate", "1", "--json")
    assert answer.status == 1
    assert "error: training diverged: the loss at step 1 is " in answer.err
    result = json.loads(answer.out)
    assert (result["diverged_at"], result["stopped"]) == (1, "diverged")
    # weights.npz has the weights from before the loss began to rise: here the first ones.
    assert (result["steps"], result["loss_final"]) == (0, result["loss_first"])
    assert Path(result["out"], "history.csv").read_text().count("\n") == 3


def test_each_run_gets_the_next_number_and_a_full_folder_is_refused(command: CommandLine) -> None:
    for _ in range(2):
        command("train", "two_conv", "--steps", "2", "--no-plots")
    assert sorted(run.name for run in Path("runs/two_conv").iterdir()) == ["001", "002"]
    before = Path("runs/two_conv/001/weights.npz").read_bytes()
    answer = command("train", "two_conv", "--steps", "3", "--out", "runs/two_conv/001")
    assert answer.status == 2
    assert answer.err == (
        "error: runs/two_conv/001: found a folder with files; expected a new or empty folder: nothing is overwritten\n"
    )
    assert Path("runs/two_conv/001/weights.npz").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--steps", "0"], "error: --steps 0: train.steps: found 0 (an integer); expected an integer of at least 1"),
        (["--steps", "x"], "error: --steps x: found 'x'; expected an integer"),
        (["--optimizer", "sdg"], "did you mean 'sgd'?"),
        (["--engine", "fats"], "error: engine: found 'fats'; expected one of fast, naive; did you mean 'fast'?"),
        (["--set", "train.stesp=3"], "error: --set train.stesp=3: train.stesp: unknown key 'stesp'"),
        (["--set", "train.loss=bce"], "error: bce: found an answer of -"),
        (["--epochs", "0"], "error: --epochs 0: train.epochs: found 0 (an integer); expected an integer of at least 1"),
        (["--batch-size", "0"], "error: --batch-size 0: train.batch_size: found 0 (an integer); expected an integer"),
        (["--set", "steps"], "error: --set steps: found no assignment; expected KEY=VALUE"),
        (["--set", "name.x=1"], "error: --set name.x=1: 'name' is 'two_conv' (a string); expected a table"),
        (["--learning-rate", "nan"], "found nan (a number); expected a finite number"),
        (["--data", "gone.npz"], "gone.npz: no such file"),
        (["--stesp", "3"], "error: No such option: --stesp"),
    ],
)
def test_a_wrong_option_is_told_and_nothing_is_written(
    words: list[str], message: str, command: CommandLine, tmp_path: Path
) -> None:
    answer = command("train", "two_conv", *words)
    assert answer.status == 2
    assert answer.err.startswith("error: ")
    assert message in answer.err
    assert list(tmp_path.iterdir()) == []


BROKEN = {
    "unknown key": (
        ("kernel_size = 3", "kernel_size = 3\nstrde = 2"),
        "error: bad.toml:14:1: nodes.conv1.strde: unknown key 'strde'",
    ),
    "unknown op": (
        ('op = "Conv"\ninputs = ["image"]', 'op = "Conf"\ninputs = ["image"]'),
        "error: bad.toml:11:6: nodes.conv1.op: unknown op 'Conf'",
    ),
    "cycle": (('inputs = ["image"]', 'inputs = ["conv2"]'), "the nodes form a cycle: conv1 -> conv2 -> conv1"),
    "dangling input": (
        ('inputs = ["conv1"]', 'inputs = ["conv7"]'),
        "error: bad.toml:19:11: nodes.conv2.inputs[0]: unknown input or node 'conv7'",
    ),
    "large kernel": (("kernel_size = 4", "kernel_size = 19"), "error: bad.toml:20:15: nodes.conv2.kernel_size: node"),
    "missing file": (
        ('"data/published_map.npy"', '"gone.npy"'),
        "error: bad.toml:28:25: data.inputs.image.file: gone.npy: no such file",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_wrong_definition_is_told_with_its_place_and_nothing_is_written(
    fault: str, command: CommandLine, tmp_path: Path
) -> None:
    (old, new), message = BROKEN[fault]
    text = bundled()["two_conv"].read_text()
    assert old in text
    Path("bad.toml").write_text(text.replace(old, new))
    answer = command("train", "bad.toml")
    assert answer.status == 2
    assert message in answer.err
    assert "^" in answer.err
    assert [file.name for file in tmp_path.iterdir()] == ["bad.toml"]


def test_a_target_of_the_wrong_shape_is_told_with_both_shapes(command: CommandLine, tmp_path: Path) -> None:
    np.savez("pairs.npz", image=np.zeros((20, 20)), conv2=np.zeros((9, 8)))
    answer = command("train", "two_conv", "--data", "pairs.npz")
    assert answer.status == 2
    assert "'conv2': found shape 9x8; expected 8x8 or 1x8x8 or Nx1x8x8 or Nx8x8" in answer.err
    assert [file.name for file in tmp_path.iterdir()] == ["pairs.npz"]


def test_debug_shows_the_traceback_of_an_error(command: CommandLine) -> None:
    from minigraph.cli import main

    with pytest.raises(mg.DefinitionError):
        main(["train", "nowhere", "--debug"])


NORM = """schema_version = 1
name = "dense"
outputs = ["y"]
inputs.x.shape = [2, 2]
nodes.flat = { op = "Flatten", inputs = ["x"] }
nodes.hidden = { op = "Dense", inputs = ["flat"], out_features = 3 }
nodes.norm = { op = "BatchNorm", inputs = ["hidden"] }
nodes.y = { op = "Dense", inputs = ["norm"], out_features = 1 }

[data]
source = "file"
file = "pairs.npz"

[train]
loss = "mse"
optimizer = { name = "sgd", learning_rate = 0.01 }
epochs = 2
batch_size = 4
"""


def test_a_batch_norm_of_one_value_a_channel_is_refused_and_a_lone_last_sample_is_told(
    command: CommandLine, tmp_path: Path
) -> None:
    generator = np.random.default_rng(1)
    np.savez("pairs.npz", x=generator.normal(size=(9, 1, 2, 2)), y=generator.normal(size=(9, 1)))
    Path("dense.toml").write_text(NORM)
    answer = command("train", "dense.toml", "--batch-size", "1")
    assert (answer.status, sorted(file.name for file in tmp_path.iterdir())) == (2, ["dense.toml", "pairs.npz"])
    assert answer.err.startswith(
        "error: dense.toml:7:14: nodes.norm: found one value a channel: shape 3 in batches of 1 "
    )
    answer = command("train", "dense.toml", "--no-plots")
    assert "the last of 9 samples would be a batch of its own in each epoch: it is joined to" in answer.out
