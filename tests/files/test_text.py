"""Texts and JSON from outside: at most so long, UTF-8, and told by place."""

import os
from pathlib import Path
from typing import Any

import pytest

from minigraph.errors import DataError
from minigraph.files.text import LONGEST_TEXT, read_json, read_text
from tests.helpers import raises


def test_a_text_comes_without_its_mark_and_with_its_line_ends(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf\xef\xbb\xbfa\r\nb\n")
    assert read_text(tmp_path / "a.txt") == "\ufeffa\r\nb\n"
    (tmp_path / "a.txt").write_bytes(b"")
    assert read_text(tmp_path / "a.txt") == ""


@pytest.mark.parametrize("start", [b"\xef\xbb\xbf", b""])
def test_bytes_that_are_no_utf8_are_told_with_their_place(start: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(start + "a\nbä".encode() + b"\xff")
    with raises(DataError, f"{path}:2:3: found bytes that are not UTF-8; expected UTF-8 text"):
        read_text(path)
    with raises(DataError, "mine:2:3: found bytes that are not UTF-8; expected UTF-8 text"):
        read_text(path, "mine")


def test_a_text_is_at_most_so_long(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"abc")
    assert read_text(path, longest=3) == "abc"
    with raises(DataError, f"{path}: found 3 B; expected at most 2 B"):
        read_text(path, longest=2)
    os.truncate(path, LONGEST_TEXT + 2**20)  # of which a file system stores nothing
    for read in (read_text, read_json):
        with raises(DataError, f"{path}: found 17.0 MiB; expected at most 16.0 MiB"):
            read(path)


@pytest.mark.parametrize(("text", "value"), [('{"a": [1, null]}', {"a": [1, None]}), ("\ufeff3", 3)])
def test_json_is_read(text: str, value: Any, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    assert read_json(tmp_path / "a.json") == value


NO_VALUE = "no value; expected a number, true, false, null, a string in double quotes, [an array] or {an object}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", f"line 1, column 1: {NO_VALUE}"),
        ('{"a":\n secret}', f"line 2, column 2: {NO_VALUE}"),
        ('{"a": "secret', "line 1, column 7: a string without its closing quote"),
        ('{"a": 1,\n}', "line 1, column 8: a comma behind the last entry; expected none there"),
        ('{\n"a": [1, ]}', "line 2, column 8: a comma behind the last entry; expected none there"),
        (
            '{"a": "C:\\Secret"}',
            "line 1, column 10: a backslash that stands for no letter; expected \\\\, or / in a path",
        ),
        ('{"a" 1}', "line 1, column 6: no colon behind the name of an entry; expected one"),
        ('{"a": 1} {}', "line 1, column 10: more behind the end; expected one object and nothing else"),
        ("[" * 100_000, "nested too deeply"),
        ("1" * 5000, "a number with too many digits"),
    ],
)
def test_what_is_no_json_is_told_by_place_and_not_shown(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with raises(DataError, f"{path}: cannot be read as json: {reason}"):
        read_json(path)
