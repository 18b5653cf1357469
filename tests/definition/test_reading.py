"""How definitions are read: what is told of a text that is wrong, and the command line's values over it."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigraph as mg
from minigraph.cli.words import parse_assignment
from minigraph.definition import Definition
from minigraph.definition.bundled import bundled
from minigraph.errors import DefinitionError
from tests.helpers import NEEDS_FIFOS, TWO_CONV, raises

SOUND = """\
schema_version = 1
name = "small"
outputs = ["conv2"]

[inputs.image]
shape = [9, 8]

[nodes.conv1]
op = "Conv"
inputs = ["image"]
kernel_size = 3

[nodes.conv2]
op = "Conv"
inputs = ["conv1"]
kernel_size = [2, 3]
stride = 2
init.bias = 0.0

[data]
source = "teacher"
inputs.image = { distribution = "normal", mean = 1.0 }
teacher."conv1.kernel" = 1.0
teacher."conv2.kernel" = 0.5

[train]
loss = "sse"
optimizer = { name = "sgd", learning_rate = 3e-5 }
steps = 20
"""


def told(folder: Path, text: str, file: str = "faulty.toml") -> list[str]:
    """What loading a text says, without the file's name: one block a mistake."""
    path = folder / file
    path.write_bytes(text.encode())
    with pytest.raises(DefinitionError) as caught:
        Definition.load(path)
    blocks = caught.value.blocks()
    assert str(caught.value) == "\n".join(blocks)
    assert all(block.startswith(f"{path}:") for block in blocks)
    return [block.removeprefix(f"{path}:") for block in blocks]


def test_the_sound_text_is_sound(tmp_path: Path) -> None:
    (tmp_path / "sound.toml").write_text(SOUND)
    definition = Definition.load(tmp_path / "sound.toml")
    assert definition.graph.shapes == {"image": (1, 9, 8), "conv1": (1, 7, 6), "conv2": (1, 3, 2)}
    assert definition.train is not None
    assert definition.train.steps == 20


def test_a_missing_attribute_is_told_at_the_node(tmp_path: Path) -> None:
    (block,) = told(tmp_path, SOUND.replace("kernel_size = [2, 3]\n", ""))
    assert block == (
        "13:8: nodes.conv2.kernel_size: missing key 'kernel_size': the kernel's size, an integer or [vertical, "
        "horizontal]\n"
        "  13 | [nodes.conv2]\n"
        "     |        ^^^^^"
    )


def test_a_block_shows_the_line_and_a_caret_under_all_of_what_is_wrong(tmp_path: Path) -> None:
    (block,) = told(tmp_path, SOUND.replace("stride = 2", "\tstrde = 2 # steps"))
    assert block.splitlines()[1:] == ["  17 | \tstrde = 2 # steps", "     | \t^^^^^"]
    (block,) = told(tmp_path, SOUND.replace("stride = 2", "stride = [1,\n   2, 3]"))
    assert block.splitlines()[1:] == ["  17 | stride = [1,", "     |          ^^^"]


def test_a_line_is_shown_printable_and_the_caret_stays_under_what_is_wrong(tmp_path: Path) -> None:
    text = SOUND.replace("stride = 2", "\t'\u202ea\u2066' = 'b\u202e' # \u202e")
    assert text != SOUND
    (block,) = told(tmp_path, text)
    first, line, caret = block.splitlines()
    assert 'nodes.conv2."\\u202ea\\u2066"' in first
    assert line == "  17 | \t'\\u202ea\\u2066' = 'b\\u202e' # \\u202e"
    assert caret == "     | \t" + "^" * len("'\\u202ea\\u2066'")
    (block,) = told(tmp_path, SOUND.replace("stride = 2", "# \u202e\nx = '\u202e' \x07"))
    first, line, caret = block.splitlines()
    assert "more in the line after a value" in first
    assert line == "  18 | x = '\\u202e' \\x07"
    assert caret == "     | " + " " * len("x = '\\u202e' ") + "^" * len("\\x07")


def test_of_a_long_line_what_is_around_the_fault_is_shown_printable(tmp_path: Path) -> None:
    text = SOUND.replace("stride = 2", "strde = 2 # " + "\u202e" * 300)
    (block,) = told(tmp_path, text)
    _, line, caret = block.splitlines()
    assert line == "  17 | strde = 2 # " + "\\u202e" * 148
    assert caret == "     | ^^^^^"


def test_all_faults_are_told_in_the_order_of_the_text(tmp_path: Path) -> None:
    text = SOUND
    for piece, fault in [
        ("steps = 20", "steps = 0"),
        ('["conv2"]', '["conv9"]'),
        ("stride = 2", "strde = 2"),
        ("kernel_size = 3", 'kernel_size = "3"'),
        ("mean = 1.0", "mean = true"),
    ]:
        text = text.replace(piece, fault, 1)
    paths = [block.split(": ")[1] for block in told(tmp_path, text)]
    assert paths == [
        "outputs[0]",
        "nodes.conv1.kernel_size",
        "nodes.conv2.strde",
        "data.inputs.image.mean",
        "train.steps",
    ]


def test_what_follows_from_a_fault_is_not_told_as_another(tmp_path: Path) -> None:
    assert len(told(tmp_path, SOUND.replace("shape = [9, 8]", "shape = [9]"))) == 1
    assert len(told(tmp_path, SOUND.replace("kernel_size = 3", "kernel_size = 0"))) == 1


@pytest.mark.parametrize("start", ["\ufeff", ""])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_byte_order_marks_and_line_ends_do_not_move_the_place(tmp_path: Path, start: str, end: str) -> None:
    text = start + SOUND.replace("stride = 2", "strde = 2").replace("\n", end)
    (block,) = told(tmp_path, text)
    assert block.startswith("17:1: nodes.conv2.strde: ")
    assert block.splitlines()[1:] == ["  17 | strde = 2", "     | ^^^^^"]


# JSON


def test_a_key_that_json_gives_twice_is_told(tmp_path: Path) -> None:
    text = '{\n"schema_version": 1,\n"name": "a",\n"name": "b"\n}'
    (block,) = told(tmp_path, text, "faulty.json")
    assert "name: key 'name' is given twice, first in line 3; expected it once" in block


def test_a_key_that_json_gives_twice_is_told_at_its_second_place(tmp_path: Path) -> None:
    text = '{\n"schema_version": 1,\n"name": "a",\n"name": "b"\n}'
    (block,) = told(tmp_path, text, "faulty.json")
    assert block.startswith("4:1: name: key 'name' is given twice, first in line 3")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "1:1: the text is not JSON: found [] (an array); expected an object"),
        (
            "",
            "1:1: the text is not JSON: no value; expected a number, true, false, null, a string in double quotes, "
            "[an array] or {an object}",
        ),
        ("[" * 100_000, "1:1: the text is not JSON: nested too deeply"),
        ('{"a": ' + "1" * 5000 + "}", "1:7: the text is not JSON: a number with too many digits"),
    ],
)
def test_json_that_is_no_definition_at_all_is_told(tmp_path: Path, text: str, message: str) -> None:
    (block,) = told(tmp_path, text, "faulty.json")
    assert block.startswith(message)


# Files


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    with raises(DefinitionError, f"{path}: no such file; expected a .toml or .json definition"):
        Definition.load(path)
    path.mkdir()
    with raises(
        DefinitionError,
        f"{path}: found a folder without definition.toml; expected a run's, or a definition file",
    ):
        Definition.load(path)
    (tmp_path / "c.toml").touch()
    os.truncate(tmp_path / "c.toml", 10**9)  # of which a file system stores nothing
    with raises(DefinitionError, f"{tmp_path / 'c.toml'}: found 953.7 MiB; expected at most 16.0 MiB"):
        Definition.load(tmp_path / "c.toml")
    with raises(
        DefinitionError, f"{tmp_path}/d\\x00.toml: found a character 0 in the name; expected the name of a file"
    ):
        Definition.load(tmp_path / "d\0.toml")
    (tmp_path / "a.txt").write_text(SOUND)
    with raises(DefinitionError, f"{tmp_path / 'a.txt'}: found a name that ends in '.txt'; expected .toml or .json"):
        Definition.load(tmp_path / "a.txt")


@NEEDS_FIFOS
def test_a_fifo_is_no_definition(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.toml")
    with raises(DefinitionError, f"{tmp_path / 'a.toml'}: found a FIFO; expected a definition file"):
        Definition.load(tmp_path / "a.toml")


@pytest.mark.parametrize("start", [b"\xef\xbb\xbf", b""])
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_bytes_that_are_no_utf8_are_told_with_their_place(start: bytes, end: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(start + b"schema_version = 1" + end + 'name = "ä'.encode() + b"\xff")
    with raises(DefinitionError, f"{path}:2:10: found bytes that are not UTF-8; expected UTF-8 text"):
        Definition.load(path)
    path.write_bytes(start + b"ab\xff")
    with raises(DefinitionError, f"{path}:1:3: found bytes that are not UTF-8; expected UTF-8 text"):
        Definition.load(path)


def test_a_bundled_definition_is_found_by_its_bare_name() -> None:
    assert bundled()["two_conv"].samefile(TWO_CONV)
    assert Definition.load("two_conv").graph == Definition.load(TWO_CONV).graph


def test_an_unknown_bare_name_is_told_with_the_nearest_one() -> None:
    with pytest.raises(
        DefinitionError,
        match=r"^two_cnov: no such file; expected a \.toml or \.json definition, or one of the bundled .*two_conv.*; "
        r"did you mean 'two_conv'\?$",
    ):
        Definition.load("two_cnov")


@pytest.mark.parametrize("name", sorted(bundled()))
def test_every_bundled_definition_is_sound(name: str) -> None:
    definition = Definition.load(name)
    assert definition.graph.name == name
    assert definition.graph.description


def test_definitions_errors_are_value_errors_too(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such file"):
        Definition.load(tmp_path / "a.toml")


# What the command line puts over the text


def overridden(folder: Path, *assignments: str) -> Definition:
    (folder / "sound.toml").write_text(SOUND)
    return Definition.load(folder / "sound.toml", [parse_assignment(text) for text in assignments])


def test_overrides_stand_over_the_text(tmp_path: Path) -> None:
    definition = overridden(tmp_path, "train.steps=5", "nodes.conv2.stride=1", "dtype=float32", "train.seed=3")
    assert definition.train is not None
    assert (definition.train.steps, definition.train.seed) == (5, 3)
    assert definition.graph.shapes["conv2"] == (1, 6, 4)
    assert definition.graph.dtype == "float32"


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("train.steps=0", "train.steps: found 0 (an integer); expected an integer of at least 1"),
        ("train.stepps=5", "train.stepps: unknown key 'stepps'; expected one of loss, loss_weights, optimizer"),
        ("train.optimizer.learning_rate=-1", "train.optimizer.learning_rate: found -1 (an integer); expected a"),
    ],
)
def test_a_fault_of_an_override_is_told_with_the_option(tmp_path: Path, assignment: str, message: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        overridden(tmp_path, assignment)
    assert any(block.startswith(f"--set {assignment}: {message}") for block in caught.value.blocks())


def test_a_fault_of_a_table_that_an_override_made_is_told_with_the_option(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError) as caught:
        overridden(tmp_path, "nodes.conv3.stride=1")
    assert "nodes.conv3.op: missing key 'op'" in str(caught.value)
    assert all(block.startswith("--set nodes.conv3.stride=1: ") for block in caught.value.blocks())


def test_an_override_below_what_is_no_table_is_told(tmp_path: Path) -> None:
    with raises(DefinitionError, "--set train.steps.x=1: 'train.steps' is 20 (an integer); expected a table"):
        overridden(tmp_path, "train.steps.x=1")


def test_a_fault_of_the_text_keeps_its_place_beside_overrides(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(SOUND.replace("stride = 2", "strde = 2"))
    with pytest.raises(DefinitionError) as caught:
        Definition.load(tmp_path / "a.toml", [("--steps 0", ("train", "steps"), 0)])
    first, second = caught.value.blocks()
    assert first.startswith(f"{tmp_path / 'a.toml'}:17:1: nodes.conv2.strde: ")
    assert second == "--steps 0: train.steps: found 0 (an integer); expected an integer of at least 1"


# Damaged texts

BYTES = TWO_CONV.read_bytes()
LINES = TWO_CONV.read_text().splitlines()
PIECES = [
    *["0", "-1", "1.5", "nan", "inf", "1e400", "true", '""', '"image"', '"conv1"', "[]", "[[]]", "{}", "[1, 2, 3]"],
    *["9" * 30, "1979-05-27", "07:32:00", '{ distribution = "uniform", low = 2, high = 1 }', '{ file = "x" }'],
    *["[[1, 2], [3]]", '{ scheme = "he_normal" }', '["image", "image"]', '["conv2"]', '"\\u0000"', '"\\n"', "-0.0"],
]


def loads_or_tells(text: bytes, folder: Path) -> None:
    """Loading raises nothing but DefinitionError; what loads is saved and loaded again as it was."""
    path = folder / "damaged.toml"
    path.write_bytes(text)
    try:
        definition = Definition.load(path)
    except DefinitionError as error:
        told = str(error)
    else:
        told = ""
    if told:
        assert str(path) in told
        return
    definition.save(folder / "again.json")
    again = Definition.load(folder / "again.json")
    assert (again.graph, again.train) == (definition.graph, definition.train)


@settings(max_examples=300)
@given(data=st.data())
def test_a_text_with_damaged_bytes_loads_or_is_told(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    damaged = bytearray(BYTES)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        insertion = data.draw(
            st.binary(max_size=3) | st.sampled_from([b"]", b'"', b"=", b"[", b"#", b"\n", b".", b"9"])
        )
        damaged[place : place + data.draw(st.integers(0, 12))] = insertion
    loads_or_tells(bytes(damaged), tmp_path_factory.getbasetemp())


@settings(max_examples=500)
@given(data=st.data())
def test_a_text_with_other_values_and_lines_loads_or_is_told(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 4))):
        index = data.draw(st.integers(0, len(lines) - 1))
        change = data.draw(st.sampled_from(["value", "value", "value", "drop", "swap", "copy"]))
        if change == "value" and "=" in lines[index]:
            lines[index] = lines[index].split("=")[0] + "= " + data.draw(st.sampled_from(PIECES))
        elif change == "drop":
            lines[index] = ""
        elif change == "swap":
            other = data.draw(st.integers(0, len(lines) - 1))
            lines[index], lines[other] = lines[other], lines[index]
        else:
            lines.insert(data.draw(st.integers(0, len(lines))), lines[index])
    loads_or_tells("\n".join(lines).encode(), tmp_path_factory.getbasetemp())


def test_a_dozen_thousand_numbers_are_read_at_once(tmp_path: Path) -> None:
    kernel = np.random.default_rng(0).normal(size=(110, 110)).round(3).tolist()
    text = SOUND.replace("[9, 8]", "[120, 121]").replace(
        "kernel_size = 3", f"kernel_size = 110\ninit.kernel = {kernel}"
    )
    (tmp_path / "a.toml").write_text(text)
    assert mg.load(tmp_path / "a.toml").parameters["conv1.kernel"].tolist() == [[kernel]]
