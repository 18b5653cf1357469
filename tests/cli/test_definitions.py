"""``new``, ``export``, ``ops``, ``schema``, and what ``check`` tells of graphs that fail or are hardly meant."""

from __future__ import annotations

import json
from pathlib import Path

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
