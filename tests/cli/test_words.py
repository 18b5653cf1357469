"""The words of the command line: assignments, values with commas, ranges of seeds, and what is told of wrong ones."""

from typing import Any

import pytest

from minigraph.cli.words import parse_assignment, parse_axes, parse_seeds, parse_values
from minigraph.errors import DefinitionError
from tests.helpers import raises


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("train.steps=5", ("train", "steps"), 5),
        ("train.steps = 5", ("train", "steps"), 5),
        ("nodes.conv1.padding=same", ("nodes", "conv1", "padding"), "same"),
        ('nodes.conv1.padding="same"', ("nodes", "conv1", "padding"), "same"),
        ("nodes.conv1.stride=[1, 2]", ("nodes", "conv1", "stride"), [1, 2]),
        ('data.teacher."conv1.kernel"=0.5', ("data", "teacher", "conv1.kernel"), 0.5),
        ("description=a = b", ("description",), "a = b"),
        ("description=", ("description",), ""),
        ('train.optimizer={ name = "sgd" }', ("train", "optimizer"), {"name": "sgd"}),
    ],
)
def test_an_assignment_is_a_dotted_key_and_a_value(text: str, path: tuple[str, ...], value: Any) -> None:
    assert parse_assignment(text) == (f"--set {text}", path, value)


@pytest.mark.parametrize("text", ["", "train.steps", "=5", "train..steps=5", "a b=5", "a\nb=5"])
def test_what_is_no_assignment_is_told(text: str) -> None:
    with pytest.raises(DefinitionError, match=r"found no assignment; expected KEY=VALUE, such as train\.steps=500"):
        parse_assignment(text)


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("0..3", [0, 1, 2, 3]), ("7", [7]), ("3,5,8", [3, 5, 8]), ("0..1, 10..11", [0, 1, 10, 11]), ("4..4", [4])],
)
def test_a_range_of_seeds_has_both_its_ends(text: str, seeds: list[int]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("5..2", "found a range from 5 down to 2; expected the lower end first"),
        ("0...3", "found '0...3'; expected numbers or ranges with commas, such as 0..19 or 3,5,8"),
        ("-1", "found '-1'; expected numbers or ranges with commas, such as 0..19 or 3,5,8"),
        ("1,", "found ''; expected numbers or ranges with commas, such as 0..19 or 3,5,8"),
        ("1,0..3", "found 1 twice; expected each seed once"),
        ("0..99999999", "found 100000000 seeds; expected at most 100000"),
    ],
)
def test_wrong_seeds_are_told(text: str, message: str) -> None:
    with raises(DefinitionError, f"--seeds {text}: {message}"):
        parse_seeds(text)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a=1e-5,1e-4", ["1e-5", "1e-4"]),
        ("a=[1,2],3", ["[1,2]", "3"]),
        ("a=sgd, adam", ["sgd", "adam"]),
        ("a={ x = 1, y = 1 },{ x = 1, y = 2 }", ["{ x = 1, y = 1 }", "{ x = 1, y = 2 }"]),
        ('a="x,y"', ['"x,y"']),
        ("a=[1,2", ["[1,2"]),
    ],
)
def test_commas_within_brackets_and_quotes_belong_to_a_value(text: str, values: list[str]) -> None:
    assert parse_values(text) == ("a", values)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["train.steps"], "found no assignment; expected KEY=VALUE,VALUE such as train.steps=500,1000"),
        (["train.steps=1,,2"], "found an empty value; expected one before, between and after commas"),
        (["train.steps=1,2,1"], "found 1 twice; expected each value once"),
        (["train.seed=1,2"], "found seeds; expected them in --seeds"),
        (["train.steps=1", "train.steps=2"], "found the key a second time; expected all its values in one --set"),
    ],
)
def test_a_wrong_axis_is_told(given: list[str], message: str) -> None:
    with raises(DefinitionError, f"--set {given[-1]}: {message}"):
        parse_axes(given)


def test_an_axis_has_its_values_as_they_were_written_and_as_they_are_meant() -> None:
    rate, padding = parse_axes(["train.optimizer.learning_rate = 1e-5, 0.1", "nodes.a.padding=same,[1, 2]"])
    path = ("train", "optimizer", "learning_rate")
    assert (rate.name, list(rate.values)) == ("train.optimizer.learning_rate", ["1e-5", "0.1"])
    assert [override[1:] for override in rate.values.values()] == [(path, 1e-5), (path, 0.1)]
    assert dict(padding.values) == {
        "same": ("--set nodes.a.padding=same", ("nodes", "a", "padding"), "same"),
        "[1, 2]": ("--set nodes.a.padding=[1, 2]", ("nodes", "a", "padding"), [1, 2]),
    }
