"""``new``, ``export``, ``ops``, ``schema``, and what ``check`` tells of graphs that fail or are hardly meant."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import minigraph as mg
from minigraph.definition import Definition
from minigraph.definition.bundled import bundled
from minigraph.definition.schema import json_schema
from minigraph.ops import OPS
from minigraph.views.reference import markdown_reference, op_reference
from tests.cli.helpers import CommandLine

# new


def test_a_new_definition_trains_at_once(command: CommandLine) -> None:
    answer = command("new", "mine")
    assert (answer.status, answer.err) == (0, "")
    assert answer.out == "mine.toml is yours to change; train it with: minigraph train mine.toml\n"
    assert command("check", "mine.toml").status == 0
    assert mg.Graph.load("mine.toml").name == "mine"
    trained = command("train", "mine.toml", "--no-plots", "--json", "--out", "run")
    assert trained.status == 0, trained.err
    result = json.loads(trained.out)
    assert result["name"] == "mine"
    assert result["loss_final"] < result["loss_first"] / 2


def test_new_refuses_a_file_that_exists(command: CommandLine) -> None:
    Path("mine.toml").write_text("kept")
    answer = command("new", "mine")
    assert answer.status == 2
    assert answer.err == ("error: mine.toml: found a file of this name; expected a new one: nothing is overwritten\n")
    assert Path("mine.toml").read_text() == "kept"


@pytest.mark.parametrize("name", ["2mine", "a/b", "../mine", "a b", "mine.toml", "", "a" * 65])
def test_new_refuses_a_malformed_name(name: str, command: CommandLine, tmp_path: Path) -> None:
    answer = command("new", name)
    assert answer.status == 2
    assert "expected a name of 1 to 64 letters, digits and underscores that does not begin with a digit" in answer.err
    assert list(tmp_path.iterdir()) == []


# export


@pytest.mark.parametrize("name", bundled())
def test_export_goes_to_json_and_back_to_toml(name: str, command: CommandLine) -> None:
    assert command("export", name, "-o", "there.json").status == 0
    assert command("export", "there.json", "-o", "back.toml").status == 0
    assert command("export", "back.toml", "-o", "there2.json").status == 0
    assert Path("there.json").read_bytes() == Path("there2.json").read_bytes()
    first, again = Definition.load(name), Definition.load("back.toml")
    assert (again.graph, again.train) == (first.graph, first.train)
    assert json.loads(Path("there.json").read_text())["name"] == name
    assert command("check", "there.json", "back.toml").status == 0


def test_export_refuses_another_ending(command: CommandLine, tmp_path: Path) -> None:
    answer = command("export", "two_conv", "-o", "two_conv.yaml")
    assert answer.status == 2
    assert "two_conv.yaml: found a name that ends in '.yaml'; expected .toml or .json" in answer.err
    assert list(tmp_path.iterdir()) == []


# ops and schema


def test_ops_tells_all_or_the_named_ones(command: CommandLine) -> None:
    assert command("ops").out == op_reference() + "\n"
    assert [line[3:] for line in command("ops").out.splitlines() if line.startswith("## ")] == list(OPS)
    assert command("ops", "Conv", "ReLU").out == op_reference(["Conv", "ReLU"]) + "\n"
    answer = command("ops", "Cnov")
    assert answer.status == 2
    assert answer.err.startswith("error: unknown op 'Cnov'; expected one of Add, ")
    assert answer.err.endswith("; did you mean 'Conv'?\n")


def test_ops_and_schema_are_written_to_files(command: CommandLine) -> None:
    assert command("ops", "-o", "ops.md").status == 0
    assert Path("ops.md").read_text() == markdown_reference()
    assert command("schema", "-o", "schema.json").status == 0
    assert json.loads(Path("schema.json").read_text()) == json_schema()


def test_schema_prints_the_schema(command: CommandLine) -> None:
    assert json.loads(command("schema").out) == json_schema()


# check

MIDDLE = """\
schema_version = 1
name = "middle"
outputs = ["last"]

[inputs.image]
shape = [9, 8]

[nodes.conv1]
op = "Conv"
inputs = ["image"]
kernel_size = 3

[nodes.conv2]
op = "Conv"
inputs = ["conv1"]
kernel_size = 8

[nodes.last]
op = "ReLU"
inputs = ["conv2"]
"""


def rows(out: str) -> list[str]:
    """The table's rows with one space for each gap."""
    return [" ".join(line.split()) for line in out.splitlines()[3:]]


def test_check_prints_a_failing_graph_up_to_the_node_with_its_row_marked(command: CommandLine) -> None:
    Path("middle.toml").write_text(MIDDLE)
    answer = command("check", "middle.toml")
    assert answer.status == 2
    assert rows(answer.out)[:4] == [
        "image Input 1x9x8 576 B",
        "conv1 Conv 3x3 image 1x7x6 10 378 416 B",
        "conv2 <- here Conv 8x8 conv1 ? 0 0 0 B",
        "last ReLU conv2 ? 0 0 0 B",
    ]
    assert answer.out.endswith("1 error\n\n")
    assert answer.err == (
        "error: middle.toml:16:15: nodes.conv2.kernel_size: node 'conv2' (Conv) reads 'conv1' 1x7x6: kernel 8x8 does "
        "not fit into its input 7x6: output height = floor((7 + padding 0 + 0 - kernel span 8) / stride 1) + 1 = 0; "
        "expected a kernel span of at most 7, or more padding\n"
        "  16 | kernel_size = 8\n"
        "     |               ^\n"
    )


@pytest.mark.parametrize(
    ("piece", "fault", "row"),
    [
        ("kernel_size = 8", 'kernel_size = "8"', "conv2 <- here Conv conv1 ? 0 0 0 B"),
        ("kernel_size = 8", "kernel_size = 2\nstrde = 2", "conv2 <- here Conv 2x2 conv1 ? 0 0 0 B"),
        ("kernel_size = 8", "kernel_size = 2\ninit.bais = 0", "conv2 <- here Conv 2x2 conv1 1x6x5 5 120 280 B"),
        ('"Conv"\ninputs = ["conv1"]', '"Cnov"\ninputs = ["conv1"]', "conv2 <- here Unknown conv1 ? 0 0 0 B"),
        ('["conv1"]\nkernel_size = 8', '["cnov1"]\nkernel_size = 2', "conv2 <- here Conv 2x2 cnov1 ? 0 0 0 B"),
        ('["conv1"]\nkernel_size = 8', '["last"]\nkernel_size = 2', "conv2 <- here Conv 2x2 last ? 0 0 0 B"),
    ],
)
def test_a_node_that_cannot_be_read_has_a_marked_row_too(
    piece: str, fault: str, row: str, command: CommandLine
) -> None:
    assert piece in MIDDLE
    Path("middle.toml").write_text(MIDDLE.replace(piece, fault))
    answer = command("check", "middle.toml")
    assert answer.status == 2
    assert row in rows(answer.out)
    assert [line for line in answer.out.splitlines() if "<- here" in line][1:] == []
    assert "conv1 Conv 3x3 image 1x7x6 10 378 416 B" in rows(answer.out)


def test_check_gives_a_failing_graph_as_json(command: CommandLine) -> None:
    Path("middle.toml").write_text(MIDDLE)
    answer = command("check", "middle.toml", "--json")
    result = json.loads(answer.out)
    assert (answer.status, result["ok"], result["nodes"], result["parameters"]) == (2, False, 3, 10)
    assert result["shapes"] == {"image": [1, 9, 8], "conv1": [1, 7, 6]}
    assert [row["shape"] for row in result["rows"]] == [[1, 7, 6], None, None]
    assert len(result["errors"]) == 1


def test_check_warns_of_what_is_hardly_meant_with_its_place(command: CommandLine) -> None:
    Path("odd.toml").write_text(
        'schema_version = 1\nname = "odd"\noutputs = ["conv"]\n\n'
        "[inputs.image]\nshape = [9, 8]\n\n[inputs.spare]\nshape = [3, 3]\n\n"
        '[nodes.conv]\nop = "Conv"\ninputs = ["image"]\nkernel_size = 2\nstride = [3, 4]\n\n'
        '[nodes.dead]\nop = "MaxPool"\ninputs = ["image"]\nkernel_size = 4\n'
    )
    answer = command("check", "odd.toml")
    assert answer.status == 0
    assert answer.out.endswith("ok\n\n")
    assert answer.err == (
        "warning: odd.toml:8:9: inputs.spare: no output depends on input 'spare'\n"
        "  8 | [inputs.spare]\n"
        "    |         ^^^^^\n"
        "warning: odd.toml:15:10: nodes.conv.stride: node 'conv' leaves the last 1 row and 2 columns of its padded "
        "input unread (input 9x8); they get zero error\n"
        "  15 | stride = [3, 4]\n"
        "     |          ^^^^^^\n"
        "warning: odd.toml:17:8: nodes.dead: no output depends on node 'dead'\n"
        "  17 | [nodes.dead]\n"
        "     |        ^^^^\n"
        "warning: odd.toml:17:8: nodes.dead.stride: node 'dead' leaves the last 1 row of its padded input unread "
        "(input 9x8); they get zero error\n"
        "  17 | [nodes.dead]\n"
        "     |        ^^^^\n"
    )
    result = json.loads(command("check", "odd.toml", "--json").out)
    assert result["ok"]
    assert [warning.split(": ")[1] for warning in result["warnings"]] == [
        "inputs.spare",
        "nodes.conv.stride",
        "nodes.dead",
        "nodes.dead.stride",
    ]


def test_a_sound_definition_has_no_warnings(command: CommandLine) -> None:
    answer = command("check", *bundled())
    assert (answer.status, answer.err) == (0, "")


def test_check_tells_how_a_step_is_planned(command: CommandLine) -> None:
    answer = command("check", "conv_relu_sigmoid", "--plan", "--batch", "3")
    assert answer.status == 0
    assert "a training step of 3 samples" in answer.out
    result = json.loads(command("check", "two_conv", "--plan", "--json").out)
    assert [(row["node"], row["algorithm"]) for row in result["plan"]["rows"]] == [("conv1", "gemm"), ("conv2", "gemm")]


# Doubts that a training shares

ODD_TRAINING = """
schema_version = 1
name = "odd"
outputs = ["p"]
inputs.image.shape = [12, 12, 1]
nodes.conv = { op = "Conv", inputs = ["image"], kernel_size = 1 }
nodes.flat = { op = "Flatten", inputs = ["conv"] }
nodes.scores = { op = "Dense", inputs = ["flat"], out_features = 3 }
nodes.p = { op = "Softmax", inputs = ["scores"] }

[data]
source = "file"
file = "data.npz"

[train]
loss = "cross_entropy"
optimizer = { name = "sgd", learning_rate = 0.1 }
steps = 1
"""
SOFTMAX = (
    "train.loss: output 'p': 'cross_entropy' takes logits, and finds a Softmax, whose answers lie between 0 and 1: "
    "with 3 classes it cannot fall below 0.5514; expected no Softmax"
)
CHANNELS = (
    "inputs.image.shape: input 'image' has 12 channels of 12x1; is [1, 12, 12] meant? Channels come first: [C, H, W]"
)


@pytest.fixture
def odd_training(command: CommandLine) -> str:
    """A file beside the command's data."""
    Path("odd.toml").write_text(ODD_TRAINING)
    np.savez("data.npz", image=np.ones((4, 12, 12, 1)), p=np.arange(4) % 3)
    return "odd.toml"


def test_check_and_train_warn_of_a_softmax_before_cross_entropy_and_of_channels_last(
    odd_training: str, command: CommandLine
) -> None:
    checked = command("check", odd_training, "--json")
    assert [text.splitlines()[0] for text in json.loads(checked.out)["warnings"]] == [
        f"odd.toml:5:22: {CHANNELS}",
        f"odd.toml:16:8: {SOFTMAX}",
    ]
    for answer in (checked, command("train", odd_training, "--no-plots", "--out", "run")):
        assert answer.status == 0
        assert [line for line in answer.err.splitlines() if line.startswith("warning: ")] == [
            f"warning: odd.toml:5:22: {CHANNELS}",
            f"warning: odd.toml:16:8: {SOFTMAX}",
        ]
    assert command("train", odd_training, "--no-plots", "--quiet", "--out", "quiet").err == ""


def test_an_error_asks_whether_channels_stand_first(odd_training: str, command: CommandLine) -> None:
    larger = command("check", odd_training, "--set", "nodes.conv.kernel_size=3")
    assert larger.status == 2
    assert "or more padding; input 'image' has 12 channels of 12x1; is [1, 12, 12] meant?" in larger.err
    turned = command("train", odd_training, "--set", "inputs.image.shape=[1,12,12]", "--out", "run")
    assert turned.status == 2
    assert "'image': found shape 4x12x12x1; expected" in turned.err
    assert "; channels come first: np.moveaxis(array, -1, -3)\n" in turned.err
    np.savez("data.npz", image=np.ones((4, 12, 12)), p=np.arange(4) % 3)
    declared = command("train", odd_training, "--out", "run")
    assert "is the declared shape meant as [1, 12, 12]? Channels come first\n" in declared.err


def test_mg_train_and_a_graph_in_code_ask_the_same(odd_training: str) -> None:
    model = mg.load(odd_training, seed=0)
    with pytest.warns(UserWarning, match="image' has|output 'p'") as caught:
        mg.train(
            model,
            np.ones((2, 12, 12, 1)),
            np.array([0, 1]),
            loss="cross_entropy",
            optimizer=mg.SGD(learning_rate=0.1),
            steps=1,
        )
    assert [str(warning.message) for warning in caught] == [CHANNELS, SOFTMAX]
    assert {Path(warning.filename).name for warning in caught} == {Path(__file__).name}
    graph = mg.Graph("last")
    graph.input("image", shape=(28, 28, 1))
    with pytest.raises(mg.ShapeError, match=r"is \[1, 28, 28\] meant"):
        graph.add("conv", mg.Conv(kernel_size=3), "image")


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 8, 3), (3, 28, 28), (16, 1, 1), (28, 28, 28), (7, 7, 1), (28, 1)])
def test_other_shapes_are_not_asked_about(shape: tuple[int, ...]) -> None:
    graph = mg.Graph("first")
    graph.input("image", shape=shape)
    graph.output(graph.add("relu", mg.ReLU(), "image"))
    assert graph.warnings() == []


def test_check_recommends_bce_logits_where_bce_follows_a_sigmoid(odd_training: str, command: CommandLine) -> None:
    words = ["--set", "nodes.p.op=Sigmoid", "--set", "train.loss=bce", "--set", "inputs.image.shape=[12,12,12]"]
    answer = command("check", odd_training, *words)
    assert answer.status == 0
    assert "train.loss: output 'p': 'bce' has no gradient left where the Sigmoid is rounded to 1" in answer.err
    assert "'bce_logits' of what the Sigmoid reads is exact at any logit" in answer.err


def test_the_softmax_is_seen_through_a_flatten(command: CommandLine) -> None:
    graph = mg.Graph("flat")
    graph.input("x", shape=(3, 1, 1))
    graph.output(graph.add("y", mg.Flatten(), graph.add("p", mg.Softmax(), "x")), graph.add("z", mg.Flatten(), "x"))
    found = {name: (type(op).__name__, shape) for name, (op, shape) in graph.answering().items()}
    assert found == {"y": ("Softmax", (3,)), "z": ("Flatten", (3,))}
