"""Sections of a reference, as Markdown and as plain text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

NARROWEST = 24
"""So many letters wide the last column is at least, however narrow the terminal."""


@dataclass(frozen=True)
class Section:
    """A heading, a text, a table and sections below it.

    Attributes:
        text: paragraphs; what is indented is an example, and what is in `backticks` code.
        columns, rows: the table's; no columns, no table.
    """

    title: str
    text: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    below: tuple[Section, ...] = ()

    def markdown(self, level: int = 2) -> str:
        """The section as Markdown, with a heading of this level."""
        blocks = [f"{'#' * level} {self.title}", self.text]
        if self.columns:
            cells = [self.columns, ("---",) * len(self.columns), *self.rows]
            lines = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in cells]
            lines[1] = lines[1].replace(" ", "")
            blocks.append("\n".join(f"|{line}|" if line.startswith("---") else f"| {line} |" for line in lines))
        blocks += [section.markdown(level + 1) for section in self.below]
        return "\n\n".join(block for block in blocks if block)

    def plain(self, width: int) -> str:
        """The section as text of at most so many letters a line, as far as single words allow it."""
        blocks = [f"{self.title}\n{'─' * len(self.title)}"]
        for block in self.text.split("\n\n"):
            blocks.append(block if block.startswith(" ") else _wrapped(block, width))
        names = max((len(row[0]) for row in self.rows), default=0) + 3
        blocks.append("\n".join(self._row(row, names, width) for row in self.rows))
        blocks += [section.plain(width) for section in self.below]
        return "\n\n".join(block for block in blocks if block)

    def _row(self, row: tuple[str, ...], names: int, width: int) -> str:
        """What the row is about, its last cell, and below that the cells between."""
        name, *between, last = row
        told = [
            f"default {cell}" if column == "default" and cell != "required" else cell
            for column, cell in zip(self.columns[1:], between, strict=False)
            if cell not in ("", "left out")
        ]
        lines = [last, f"({'; '.join(told)})"] if told else [last]
        text = "\n".join(_wrapped(line, max(width - names, NARROWEST)) for line in lines)
        return name + textwrap.indent(text, " " * names)[len(name) :]


def page(title: str, text: str, sections: Iterable[Section]) -> str:
    """A Markdown page."""
    return "\n\n".join([f"# {title}", text, *(section.markdown() for section in sections)]) + "\n"


def _wrapped(text: str, width: int) -> str:
    words = text.replace("`", "").split()
    return textwrap.fill(" ".join(words), width, break_long_words=False, break_on_hyphens=False)
