"""Texts and JSON from outside: at most so long, and UTF-8."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from minigraph.errors import DataError
from minigraph.files.opening import OpenFile, opened, spell_name
from minigraph.wording import spell_bytes

LONGEST_TEXT = 2**24
"""Bytes that a text has at most, where nothing else is said."""
MARK = b"\xef\xbb\xbf"
"""UTF-8's byte order mark."""


def read_text(path: str | Path, told: str | None = None, longest: int = LONGEST_TEXT) -> str:
    """A UTF-8 text without its byte order mark; line ends stay as they are.

    Args:
        told: the path as the user gave it, where that is another. longest: bytes that the file may have.

    Raises:
        DataError: there is no such regular file, it is longer, or no UTF-8; the text has the place.
    """
    with opened(path, told) as source:
        require_size(source, longest)
        raw = source.file.read(source.size).removeprefix(MARK)
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode()
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        place = f"{source.name}:{line}:{column}"
        raise DataError(f"{place}: found bytes that are not UTF-8; expected UTF-8 text") from None


def read_json(path: str | Path, longest: int = LONGEST_TEXT) -> Any:
    """What a JSON text means.

    Raises:
        DataError: as for :func:`read_text`, or it is not JSON; the text has the place, and nothing of the file.
    """
    text = read_text(path, longest=longest)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        fault, offset = json_fault(error)
        line, column = text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
        reason = f"line {line}, column {column}: {fault}"
    except RecursionError:
        reason = "nested too deeply"
    except ValueError:
        reason = "a number with too many digits"
    raise DataError(f"{spell_name(path)}: cannot be read as json: {reason}")


def json_fault(error: json.JSONDecodeError) -> tuple[str, int]:
    """What is wrong with a JSON text, in words that say what to do, and at which letter of it."""
    fault = error.msg.partition(": ")[0].removesuffix(" at").removesuffix(" starting")
    before, here = error.doc[: error.pos].rstrip()[-1:], error.doc[error.pos : error.pos + 1]
    if "trailing comma" in fault or (here in ("}", "]") and before == ","):
        return "a comma behind the last entry; expected none there", error.doc.rindex(",", 0, error.pos + 1)
    return _JSON_FAULTS.get(fault, fault), error.pos


BACKSLASH = "a backslash that stands for no letter; expected \\\\"
_JSON_FAULTS = {
    "Invalid \\escape": f"{BACKSLASH}, or / in a path",
    "Invalid \\uXXXX escape": "\\u without four digits of a letter behind it; expected \\\\ for a backslash, or "
    "/ in a path",
    "Invalid control character": "a line that ends, or a tab, within a string; expected its closing quote, or \\n "
    "or \\t",
    "Unterminated string": "a string without its closing quote",
    "Expecting value": "no value; expected a number, true, false, null, a string in double quotes, [an array] or "
    "{an object}",
    "Expecting property name enclosed in double quotes": "no name of an entry; expected one in double quotes",
    "Expecting ',' delimiter": "more behind a value; expected a comma, or the bracket that closes",
    "Expecting ':' delimiter": "no colon behind the name of an entry; expected one",
    "Extra data": "more behind the end; expected one object and nothing else",
}
"""json's messages, as they are told."""


def require_size(source: OpenFile, longest: int) -> None:
    """Raise DataError for a file of more than ``longest`` bytes."""
    if source.size > longest:
        raise source.fault(f"found {spell_bytes(source.size)}; expected at most {spell_bytes(longest)}")
