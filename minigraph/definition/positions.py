"""Where each key and value of a TOML or JSON text is written, so that an error can name FILE:LINE:COLUMN.

`tomllib` and `json` say what a text means, not where it says so. The TOML parsers known to keep positions
bring a compiled grammar, and the ones in pure Python keep none, so this module reads the text a second time.

It runs only when there is an error to show, and only on a text that its parser has already accepted. So it
can be small: it never checks the grammar, it only finds where one token ends and the next begins. It passes
over the text once and keeps open brackets on a stack of its own, so no nesting is too deep for it.
"""

import json
import re
import tomllib
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from typing import ClassVar

__all__ = ["DEEPEST", "Path", "Positions", "Span", "json_positions", "toml_positions"]

Path = tuple[str | int, ...]

DEEPEST = 100
"""The longest path that is kept, for the paths of n nested brackets are n² long together. It leaves room for
an array of 64 dimensions, the most that NumPy has, under any sensible name."""


@dataclass(frozen=True, slots=True)
class Span:
    """A place in the text, counted in characters from line 1 and column 1; its length ends with the line."""

    line: int
    column: int
    length: int


@dataclass(frozen=True, slots=True)
class Positions:
    """The spans of all paths up to `DEEPEST` long. What is written in several places is found at the first.

    The root path is at line 1, column 1. An array item has no key. A table made by a header or a dotted key
    begins at the segment that made it. `duplicates` lists what JSON allows and TOML does not: a key given
    again in one object, with the spans of its first and its further mention.
    """

    keys: dict[Path, Span]
    values: dict[Path, Span]
    duplicates: list[tuple[Path, Span, Span]]


def toml_positions(text: str) -> Positions:
    """Index a text that `tomllib.loads` accepts; a byte order mark before it is allowed and not counted."""
    return _TomlScanner(text).scan()


def json_positions(text: str) -> Positions:
    """Index a text that `json.loads` accepts; a byte order mark before it is allowed and not counted."""
    return _JsonScanner(text).scan()


@dataclass(slots=True)
class _Container:
    """An array, object or inline table whose closing bracket is still to come."""

    path: Path
    start: int
    is_array: bool
    items: int = 0
    first_mentions: dict[str, Span] = field(default_factory=dict)


class _Scanner:
    """Moves `here` through the text once, from left to right, and notes what it passes."""

    BLANK: ClassVar[re.Pattern[str]]  # commas too: in a valid text they tell nothing that brackets do not
    SCALAR: ClassVar[re.Pattern[str]]

    def __init__(self, text: str) -> None:
        self.text = text
        self.here = 1 if text.startswith("\ufeff") else 0
        line_ends = [match.span() for match in re.finditer(r"\r?\n", text)]
        self.line_starts = [self.here, *(end for _, end in line_ends)]
        self.line_stops = [*(start for start, _ in line_ends), len(text)]
        self.open: list[_Container] = []
        root = Span(1, 1, 1)
        self.found = Positions(keys={(): root}, values={(): root}, duplicates=[])

    def read_key(self, table: Path) -> Path:
        """Read a key of `table` up to the value that follows it, and return the path of that value."""
        raise NotImplementedError

    def read_value(self, path: Path) -> None:
        """Read one value with everything nested in it."""
        self.begin_value(path)
        while self.open:
            container = self.open[-1]
            self.take(self.BLANK)
            if self.text.startswith(("]", "}"), self.here):
                self.end_container()
            elif container.is_array:
                self.begin_value(_below(container.path, container.items))
                container.items += 1
            else:
                self.begin_value(self.read_key(container.path))

    def begin_value(self, path: Path) -> None:
        """Read a scalar whole, or the opening bracket of a container."""
        if self.text.startswith(("[", "{"), self.here):
            self.open.append(_Container(path, self.here, is_array=self.text[self.here] == "["))
            self.here += 1
        else:
            self.note(self.found.values, path, self.span(*self.take(self.SCALAR).span()))

    def end_container(self) -> None:
        container = self.open.pop()
        self.here += 1
        self.note(self.found.values, container.path, self.span(container.start, self.here))

    def take(self, pattern: re.Pattern[str]) -> re.Match[str]:
        """Move past what the pattern matches here."""
        match = pattern.match(self.text, self.here)
        if match is None:
            raise ValueError(f"positions are only for a text its parser accepts, see offset {self.here}")
        self.here = match.end()
        return match

    def span(self, start: int, end: int) -> Span:
        line = bisect_right(self.line_starts, start)
        stop = min(end, self.line_stops[line - 1])
        return Span(line, start - self.line_starts[line - 1] + 1, stop - start)

    def note(self, spans: dict[Path, Span], path: Path, span: Span) -> None:
        if len(path) <= DEEPEST:
            spans.setdefault(path, span)


class _JsonScanner(_Scanner):
    BLANK = re.compile(r"[ \t\r\n,]*")
    KEY = re.compile(r'"(?:[^"\\]|\\.)*"')
    AFTER_KEY = re.compile(r"[ \t\r\n]*:[ \t\r\n]*")
    SCALAR = re.compile(KEY.pattern + r"|[^\s,\]}]+")

    def scan(self) -> Positions:
        self.take(self.BLANK)
        self.read_value(())
        return self.found

    def read_key(self, table: Path) -> Path:
        key = self.take(self.KEY)
        self.take(self.AFTER_KEY)
        name, span = json.loads(key[0]), self.span(*key.span())
        path = _below(table, name)
        first = self.open[-1].first_mentions.setdefault(name, span)
        if first != span and len(path) <= DEEPEST:
            self.found.duplicates.append((path, first, span))
        self.note(self.found.keys, path, span)
        return path


class _TomlScanner(_Scanner):
    BLANK = re.compile(r"(?:[ \t\r\n,]+|#[^\n]*)*")
    HEADER = re.compile(r"(\[\[?)[ \t]*")
    KEY = re.compile(r""" "(?:[^"\\]|\\.)*" | '[^']*' | [A-Za-z0-9_-]+ """, re.VERBOSE)
    AFTER_KEY = re.compile(r"[ \t]*(\.|=|\]\]?)[ \t]*")
    SCALAR = re.compile(
        r'''
          """ (?:[^\\]|\\.)*? "{3,5}           # up to two quotes may stand before the closing three
        | \'\'\' .*? '{3,5}
        | "(?:[^"\\]|\\.)*"
        | '[^']*'
        | [^\s,\]}#]+ (?:[ ]\d[^\s,\]}#]+)?    # a space may part a date from its time
        ''',
        re.VERBOSE | re.DOTALL,
    )

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.table_counts: Counter[Path] = Counter()

    def scan(self) -> Positions:
        table: Path = ()
        self.take(self.BLANK)
        while self.here < len(self.text):
            if self.text.startswith("[", self.here):
                table = self.read_header()
            else:
                self.read_value(self.read_key(table))
            self.take(self.BLANK)
        return self.found

    def read_header(self) -> Path:
        """Read `[table]` or `[[table]]`, and return the path of the keys below it."""
        bracket = self.take(self.HEADER)[1]
        path, span = self.read_dotted_key(())
        self.note(self.found.values, path, span)
        if bracket == "[[":
            self.table_counts[path] += 1
            path = self.latest(path)
            self.note(self.found.values, path, span)
        return path

    def read_key(self, table: Path) -> Path:
        return self.read_dotted_key(table)[0]

    def read_dotted_key(self, path: Path) -> tuple[Path, Span]:
        """Read a key and its `=` or `]`; return the path it leads to and the span of its last segment."""
        while True:
            key = self.take(self.KEY)
            span = self.span(*key.span())
            path = _below(path, _toml_name(key[0]))
            self.note(self.found.keys, path, span)
            if self.take(self.AFTER_KEY)[1] != ".":
                return path, span
            self.note(self.found.values, path, span)
            path = self.latest(path)

    def latest(self, path: Path) -> Path:
        """The path a header means by `path`: in an array of tables, that of its latest table."""
        count = self.table_counts[path]
        return _below(path, count - 1) if count else path


def _below(path: Path, segment: str | int) -> Path:
    """The path one segment further; a path already too long to be kept stays as it is."""
    return (*path, segment) if len(path) <= DEEPEST else path


def _toml_name(written: str) -> str:
    """What a segment of a key means; tomllib undoes the quotes, so that the two agree on every escape."""
    if written[0] not in "\"'":
        return written
    return str(tomllib.loads(f"name = {written}")["name"])
