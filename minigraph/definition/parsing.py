"""From a file to tables: its text, TOML or JSON, with every fault of the text told at its place."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from pathlib import Path
from typing import Any

from minigraph.definition.source import Source
from minigraph.errors import DataError, DefinitionError, Problem
from minigraph.files.text import read_text
from minigraph.wording import KeyPath, describe, spell_path


def read_source(path: Path, label: str) -> Source:
    """The text of a definition file.

    Raises:
        DefinitionError: it is missing, unreadable, no UTF-8, or its name ends in neither .toml nor .json.
    """
    if path.suffix not in (".toml", ".json"):
        raise DefinitionError(f"{label}: found a name that ends in '{path.suffix}'; expected .toml or .json")
    try:
        return Source(label, read_text(path, label), path.suffix == ".json")
    except DataError as error:
        raise DefinitionError(str(error)) from None


def parse(source: Source) -> dict[str, Any]:
    """The tables of a text.

    Raises:
        DefinitionError: it is not TOML, or not JSON, or has a JSON key twice.
    """
    try:
        tables = json.loads(source.text) if source.is_json else tomllib.loads(source.text.replace("\r\n", "\n"))
    except json.JSONDecodeError as error:
        raise _syntax_error(source, *_json_fault(error)) from None
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(source, *_toml_fault(source, str(error))) from None
    except RecursionError:
        raise _syntax_error(source, "nested too deeply", 1, 1) from None
    except ValueError:
        digits = re.search(r"[0-9_]{4000,}", source.text)
        place = _place(source.text, digits.start() if digits else 0)
        raise _syntax_error(source, "a number with too many digits", *place) from None
    if not isinstance(tables, dict):
        raise _syntax_error(source, f"found {describe(tables)}; expected an object", 1, 1)
    if source.is_json:
        # What an editor is told in JSON, as TOML is in a comment, is nothing to the graph.
        tables.pop("$schema", None)
        _refuse_surrogates(source, tables)
    if source.is_json and source.positions.duplicates:
        # The caret belongs under the second mention; what stands below the first one is what is indexed.
        source.positions.keys.update({path: second for path, _, second in source.positions.duplicates})
        raise DefinitionError(
            [
                Problem(
                    path,
                    f"key '{path[-1]}' is given twice, first in line {first.line}; expected it once",
                    on="key",
                )
                for path, first, _ in source.positions.duplicates
            ],
            source,
        )
    return tables


def _refuse_surrogates(source: Source, tables: object) -> None:
    """Raise DefinitionError for an escape such as ``\\ud800`` alone, which is half a character."""
    try:
        json.dumps(tables, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        escape = f"\\u{ord(error.object[error.start]):04x}"
        place = _place(source.text, source.text.lower().find(escape))
        raise _syntax_error(source, f"{escape} is half a character; expected both halves", *place) from None


def _syntax_error(source: Source, fault: str, line: int, column: int) -> DefinitionError:
    from minigraph.definition.positions import Span

    kind = "JSON" if source.is_json else "TOML"
    return DefinitionError(source.render_at(Span(line, column, 1), f"the text is not {kind}: {fault}"))


def _json_fault(error: json.JSONDecodeError) -> tuple[str, int, int]:
    """json's message in words that say what to do, and its place."""
    fault = error.msg.removesuffix(" starting at").removesuffix(" at")
    before, here = error.doc[: error.pos].rstrip()[-1:], error.doc[error.pos : error.pos + 1]
    if "trailing comma" in fault or (here in ("}", "]") and before == ","):
        place = _place(error.doc, error.doc.rindex(",", 0, error.pos + 1))
        return "a comma behind the last entry; expected none there", *place
    return _JSON_FAULTS.get(fault, fault), error.lineno, error.colno


_BACKSLASH = "a backslash that stands for no letter; expected \\\\"
_JSON_FAULTS = {
    "Invalid \\escape": f"{_BACKSLASH}, or / in a path",
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


def _toml_fault(source: Source, message: str) -> tuple[str, int, int]:
    """tomllib's message in words that say what to do, and its place."""
    place = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    if not place:
        fault = message.removesuffix(" (at end of document)")
        return _TOML_FAULTS.get(fault, f"{fault} at the end"), *_place(source.text, len(source.text))
    fault, line, column = message[: place.start()], int(place[1]), int(place[2])
    text = source.lines[line - 1]
    if fault == "Cannot overwrite a value":
        # It was seen behind the value; the key is at fault, where it stands in the same line.
        key = re.match(r"""[ \t]*(?=[\w"'.-][^=]*=)""", text)
        return "a key that has a value already; expected each key once", line, key.end() + 1 if key else column
    table = re.fullmatch(r"Cannot (?:declare|mutate immutable namespace) (\(.*?\))(?: twice)?", fault)
    if table:
        header = spell_path(ast.literal_eval(table[1]))
        closed = f"'{header}' is written in braces already; expected all its keys in there"
        twice = f"[{header}] is given twice; expected each table once"
        return twice if fault.endswith("twice") else closed, line, len(text) - len(text.lstrip()) + 1
    duplicate = re.fullmatch(r"Duplicate inline table key ('.*')", fault)
    if duplicate:
        return f"the key {duplicate[1]} is given twice in one table; expected it once", line, column
    return _TOML_FAULTS.get(fault, fault), line, column


_TOML_FAULTS = {
    "Invalid value": "no value; expected a number, true, false, a string in quotes, [an array] or { a = table }",
    "Illegal character '\\n'": "a string without its closing quote in this line",
    "Unescaped '\\' in a string": f"{_BACKSLASH}, or single quotes",
    "Invalid hex value": "\\u or \\U without the digits of a letter behind it; expected \\\\ for a backslash, or "
    "single quotes",
    "Expected newline or end of document after a statement": "more in the line after a value; expected a line for "
    "each key, and text in quotes",
    "Unclosed array": "an array that is not closed; expected a comma or ]",
}
"""tomllib's messages, as they are told."""


def _place(text: str, offset: int) -> tuple[int, int]:
    """(line, column) of an offset in a text."""
    before = text[:offset]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def override(tables: dict[str, Any], source: Source, path: KeyPath, value: Any, option: str) -> None:
    """Put ``value`` at ``path`` into parsed tables, as the command line's ``option`` asks; None takes the key away."""
    table: Any = tables
    for index, key in enumerate(path):
        if not isinstance(table, dict):
            around = ".".join(map(str, path[:index]))
            raise DefinitionError(f"{option}: '{around}' is {describe(table)}; expected a table")
        if index < len(path) - 1:
            table = table.setdefault(str(key), {})
        elif value is None:
            table.pop(str(key), None)
        else:
            table[str(key)] = value
    source.overrides[path] = option
