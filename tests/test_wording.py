"""Wording: what a terminal would obey or hide is shown as its escape, and numbers are spelled for people."""

import pickle

import pytest

from minigraph.errors import DataError, DefinitionError, Problem, ShapeError
from minigraph.wording import (
    counted,
    describe,
    did_you_mean,
    enumerated,
    noun,
    one_of,
    printable,
    shorten,
    spell_bytes,
    spell_path,
)
from tests.helpers import ROOT

OBEYED = {
    "\x1b": "\\x1b",
    "\x07": "\\x07",
    "\x08": "\\x08",
    "\r": "\\r",
    "\n": "\\n",
    "\t": "\\t",
    "\0": "\\x00",
    "\x7f": "\\x7f",
    "\x9b": "\\x9b",
    "\xad": "\\xad",
    "\u061c": "\\u061c",
    "\u200b": "\\u200b",
    "\u200f": "\\u200f",
    "\u2028": "\\u2028",
    "\u202a": "\\u202a",
    "\u202e": "\\u202e",
    "\u2066": "\\u2066",
    "\u2069": "\\u2069",
    "\ufeff": "\\ufeff",
    "\ud800": "\\ud800",
    "\U000e0041": "\\U000e0041",
}


@pytest.mark.parametrize("letter", OBEYED)
def test_what_a_terminal_obeys_or_hides_is_shown_as_its_escape(letter: str) -> None:
    told = f"a{OBEYED[letter]}b"
    raw = f"a{letter}b"
    assert printable(raw) == told
    assert printable(told) == told
    assert printable(raw, keep=letter) == raw
    assert spell_path((raw, 0)) == f'"{told}"[0]'
    assert told in did_you_mean("ab", [raw]) or not did_you_mean("ab", [raw])
    assert one_of([raw]) == told
    assert one_of([raw, "c"]) == f"one of {told}, c"
    assert enumerated([raw] * 21) == ", ".join([told] * 20) + " and 1 more"
    assert describe({raw: 1}) == f"a table with {told}"
    if not letter.isspace():  # a space of any kind is one here
        assert describe(raw) == f"'{told}' (a string)"
        assert describe([raw]) == f"[{told}] (an array)"
        assert shorten(raw) == told


@pytest.mark.parametrize(
    "text", ["", "plain", "ä 漢字 עברית ñ", "a\xa0b\u3000c\u202fd", "→▏█ 😀", "back\\slash 'quoted'"]
)
def test_letters_of_all_languages_and_spaces_of_all_widths_stay(text: str) -> None:
    assert printable(text) == text


def test_errors_are_printable_wherever_their_text_comes_from() -> None:
    for kind in (DataError, ShapeError, DefinitionError):
        error = kind("first \x1b[2J\u202e\n\tsecond\r")
        told = "first \\x1b[2J\\u202e\n\tsecond\\r"
        assert str(error) == told
        assert error.blocks() == [told]
        assert str(pickle.loads(pickle.dumps(error))) == told


def test_a_problem_with_a_path_is_one_line() -> None:
    error = DefinitionError([Problem(("a\nb",), "found\n'\x1b'")])
    assert str(error) == "\"a\\nb\": found\\n'\\x1b'"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (9_999, "9,999 B"),
        (10_240, "10.0 KiB"),
        (3 << 20, "3.0 MiB"),
        (5 << 30, "5.0 GiB"),
        (2 << 40, "2.0 TiB"),
    ],
)
def test_bytes_are_spelled_for_people(count: int, text: str) -> None:
    assert spell_bytes(count) == text


def test_one_of_a_thing_is_told_without_an_s() -> None:
    assert [counted(number, "step") for number in (0, 1, 2000)] == ["0 steps", "1 step", "2,000 steps"]
    assert [counted(number, "class", "classes") for number in (1, 2)] == ["1 class", "2 classes"]
    assert [noun(number, "seed") for number in (1, 2)] == ["seed", "seeds"]


def test_nothing_else_counts_in_its_own_way() -> None:
    sources = {path.relative_to(ROOT): path.read_text(encoding="utf-8") for path in (ROOT / "minigraph").rglob("*.py")}
    counting = [str(path) for path, text in sources.items() if "'s' * (" in text or '"s" * (' in text]
    assert counting == []
