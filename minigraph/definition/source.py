"""The text behind a definition: where its keys and values stand, and how a problem is shown in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from minigraph.errors import Problem
from minigraph.wording import KeyPath, printable

if TYPE_CHECKING:
    from minigraph.definition.positions import Positions, Span

WIDEST = 160
"""So many characters of a line are shown, around the place in question."""


@dataclass
class Source:
    """A definition's text.

    Attributes:
        label: the file as the user named it.
        text: its contents without a byte order mark.
        is_json: whether it is JSON; else it is TOML.
        overrides: paths whose values came from the command line, and the option that gave them.
    """

    label: str
    text: str
    is_json: bool
    overrides: dict[KeyPath, str] = field(default_factory=dict)

    @cached_property
    def positions(self) -> Positions:
        """Where everything stands; found when the first problem is shown."""
        from minigraph.definition.positions import json_positions, toml_positions

        return json_positions(self.text) if self.is_json else toml_positions(self.text)

    @cached_property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    def span_of(self, problem: Problem) -> Span:
        """The key or value at fault, or the nearest table around it that stands in the text."""
        path, keys, values = problem.path, self.positions.keys, self.positions.values
        if problem.on == "key" and path in keys:
            return keys[path]
        while path not in values:
            path = path[:-1]
        return values[path]

    def position_of(self, problem: Problem) -> tuple[int, int]:
        """(line, column) of a problem, for sorting; what the command line gave comes last."""
        if self._option(problem.path):
            return len(self.lines) + 1, 0
        span = self.span_of(problem)
        return span.line, span.column

    def render(self, problem: Problem) -> str:
        """A problem in the text: ``FILE:LINE:COLUMN: path: message``, then the line with a caret."""
        option = self._option(problem.path)
        return f"{option}: {problem}" if option else self.render_at(self.span_of(problem), str(problem))

    def render_at(self, span: Span, message: str) -> str:
        """``FILE:LINE:COLUMN: message`` and the line with a caret under ``span``."""
        line = self.lines[span.line - 1].rstrip("\r") if span.line <= len(self.lines) else ""
        number = str(span.line)
        first = span.column - 1
        length = max(1, min(span.length, len(line) - first))
        if len(line) > WIDEST:
            start = max(0, min(span.column - WIDEST // 2, len(line) - WIDEST))
            line, first = line[start : start + WIDEST], first - start
            length = max(1, min(length, WIDEST - first))
        before, meant, after = (
            printable(part, keep="\t") for part in (line[:first], line[first : first + length], line[first + length :])
        )
        # Tabs stay tabs below the line, so that the caret stands right whatever a tab's width is.
        indent = "".join("\t" if letter == "\t" else " " for letter in before)
        return (
            f"{printable(self.label)}:{span.line}:{span.column}: {message}\n"
            f"  {number} | {before}{meant}{after}\n"
            f"  {' ' * len(number)} | {indent}{'^' * max(1, len(meant))}"
        )

    def _option(self, path: KeyPath) -> str | None:
        """The option that gave what stands at ``path``, or that made a table around it which the text has not."""
        for override, option in self.overrides.items():
            for length in range(len(override), 0, -1):
                made = length == len(override) or override[:length] not in self.positions.values
                if made and path[:length] == override[:length]:
                    return option
        return None
