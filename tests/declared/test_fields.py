"""Declared fields: what each takes, in what form it is kept, and what is told of anything else."""

from typing import Any

import numpy as np
import pytest
from pydantic import Field

from minigraph.declared.base import Declared
from minigraph.declared.fields import (
    Count,
    IntegerPair,
    IntegerPairFromZero,
    Number,
    Padding,
    Positive,
    pair,
    plain_number,
)
from minigraph.errors import DefinitionError
from tests.helpers import raises


class Everything(Declared):
    """One field of each kind."""

    count: Count = 1
    number: Number = 0.0
    bounded: Number = Field(0.5, ge=0, lt=1)
    positive: Positive = 1.0
    size: IntegerPair = 1
    added: IntegerPairFromZero = 0
    padding: Padding = 0
    maybe: Count | None = None


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"count": np.int64(3)}, {"count": 3}),
        ({"count": 1_000_000_000}, {"count": 1_000_000_000}),
        ({"number": 2}, {"number": 2.0}),
        ({"number": np.float32(0.5)}, {"number": 0.5}),
        ({"maybe": 4}, {"maybe": 4}),
        ({"maybe": None}, {}),
        ({"size": 3}, {"size": 3}),
        ({"size": [3, 3]}, {"size": 3}),
        ({"size": [np.int32(2), 3]}, {"size": (2, 3)}),
        ({"added": (0, 0)}, {}),
        ({"added": [0, 2]}, {"added": (0, 2)}),
        ({"padding": [1, 1]}, {"padding": 1}),
        ({"padding": [1, 2]}, {"padding": (1, 2)}),
        ({"padding": [1, 2, 1, 2]}, {"padding": (1, 2)}),
        ({"padding": [3, 3, 3, 3]}, {"padding": 3}),
        ({"padding": [1, 2, 3, 4]}, {"padding": (1, 2, 3, 4)}),
        ({"padding": "same"}, {"padding": "same"}),
    ],
)
def test_a_value_is_kept_in_its_shortest_form(given: dict[str, Any], kept: dict[str, Any]) -> None:
    assert Everything(**given).written() == kept
    assert Everything(**kept) == Everything(**given)


PAIR = "an integer of at least {}, or two of them: [vertical, horizontal]"
PADDING = "an integer of at least 0, [vertical, horizontal], [top, left, bottom, right], 'valid' or 'same'"


@pytest.mark.parametrize(
    ("field", "value", "found", "expected"),
    [
        ("count", 0, "0 (an integer)", "an integer of at least 1"),
        ("count", 2.0, "2.0 (a number)", "an integer of at least 1"),
        ("count", True, "true (a boolean)", "an integer of at least 1"),
        ("count", 1_000_000_001, "1000000001 (an integer)", "an integer of at most 1,000,000,000"),
        ("count", "3", "'3' (a string)", "an integer of at least 1"),
        ("maybe", 0, "0 (an integer)", "an integer of at least 1"),
        ("number", float("nan"), "nan (a number)", "a finite number"),
        ("number", "1", "'1' (a string)", "a number"),
        ("bounded", 1, "1 (an integer)", "a number of at least 0 and below 1"),
        ("positive", 0, "0 (an integer)", "a number above 0"),
        ("positive", float("inf"), "inf (a number)", "a finite number above 0"),
        ("size", 0, "0 (an integer)", PAIR.format(1)),
        ("size", [1, 2, 3], "[1, 2, 3] (an array)", PAIR.format(1)),
        ("size", [1, True], "[1, true] (an array)", PAIR.format(1)),
        ("size", [2, 10**10], "[2, 10000000000] (an array)", "integers of at most 1,000,000,000"),
        ("added", -1, "-1 (an integer)", PAIR.format(0)),
        ("padding", [1, 2, 3], "[1, 2, 3] (an array)", PADDING),
        ("padding", "full", "'full' (a string)", PADDING),
        ("padding", [], "[] (an array)", PADDING),
    ],
)
def test_another_value_is_told_with_what_was_expected(field: str, value: Any, found: str, expected: str) -> None:
    with raises(DefinitionError, f"{field}: found {found}; expected {expected}"):
        Everything(**{field: value})


def test_every_wrong_value_is_told_at_once() -> None:
    with pytest.raises(DefinitionError) as caught:
        Everything(count=0, size=0, positive=-1, other=1)
    assert [problem.path for problem in caught.value.problems] == [("count",), ("positive",), ("size",), ("other",)]


def test_a_pair_in_full_is_vertical_and_horizontal() -> None:
    assert (pair(3), pair((2, 5))) == ((3, 3), (2, 5))


def test_numpys_numbers_become_pythons() -> None:
    found = [plain_number(value) for value in (np.int8(3), np.float32(0.5), 2, "3", np.bool_(True))]
    assert found == [3, 0.5, 2, "3", True]
    assert [type(value) for value in found] == [int, float, int, str, np.bool_]
