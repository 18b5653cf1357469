"""Wording: how names, paths, lists and found values are spelled in every message."""

from __future__ import annotations

import difflib
import heapq
import re
import unicodedata
from collections.abc import Iterable, Sequence

KeyPath = tuple[str | int, ...]


def printable(text: str, keep: str = "") -> str:
    """``text`` with every character that a terminal obeys or hides as its escape: ``\\x1b``, ``\\u202e``, ``\\n``.

    Those are control and format characters (of direction too), line separators, halves of characters, and what Unicode
    has not assigned. ``keep`` has those that stay all the same. What is printable already is answered as it is.
    """
    if text.isprintable():
        return text
    return "".join(
        letter
        if letter.isprintable() or letter in keep or unicodedata.category(letter) == "Zs"  # spaces of other widths
        else letter.encode("unicode_escape").decode()
        for letter in text
    )


def spell_path(path: KeyPath) -> str:
    """``("data", "teacher", "conv1.kernel", 0)`` as a person writes it: ``data.teacher."conv1.kernel"[0]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            part = printable(str(part))
            text += ("." if text else "") + (part if re.fullmatch(r"[\w-]+", part) else f'"{part}"')
    return text


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """``"; did you mean 'stride'?"`` when one of ``choices`` is near ``word``, else the empty text."""
    near = nearest(word, choices)
    return f"; did you mean '{printable(near)}'?" if near else ""


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The one of ``choices`` that is near ``word``, whatever its capitals, if there is one."""
    lowered = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return lowered[near[0]] if near else None


LONGEST_LIST = 20
"""So many names are told at most."""


def one_of(choices: Iterable[str], word: object = None) -> str:
    """``"one of a, b, c"``, or ``"a"`` when there is one choice, for the 'expected' part of a message.

    Of very many choices it tells those that are nearest to ``word``, in their own order, and how many more there are.
    """
    choices = list(choices)
    return printable(choices[0]) if len(choices) == 1 else "one of " + enumerated(choices, word)


def enumerated(choices: Iterable[str], word: object = None) -> str:
    """``"a, b, c"``; of very many choices those that are nearest to ``word``, and how many more there are."""
    choices = list(choices)
    more = len(choices) - LONGEST_LIST
    if more <= 0:
        return ", ".join(map(printable, choices))
    shown = set(range(LONGEST_LIST))
    if isinstance(word, str):
        matcher = difflib.SequenceMatcher(b=word.lower(), autojunk=False)

        def closeness(index: int) -> float:
            matcher.set_seq1(choices[index].lower())
            return matcher.ratio()

        shown = set(heapq.nlargest(LONGEST_LIST, range(len(choices)), key=closeness))
    texts = (printable(choice) for index, choice in enumerate(choices) if index in shown)
    return f"{', '.join(texts)} and {more} more"


def describe(value: object) -> str:
    """A found value as a reader of TOML or JSON knows it: ``'two' (a string)``, ``true (a boolean)``."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"{str(value).lower()} (a boolean)"
    if isinstance(value, int):
        return f"{value} (an integer)" if abs(value) < 10**20 else "a huge integer"
    if isinstance(value, float):
        return f"{value!r} (a number)"
    if isinstance(value, str):
        return f"'{shorten(value)}' (a string)"
    if isinstance(value, list | tuple):
        return f"{shorten(_spell_array(value), 62)} (an array)"
    if isinstance(value, dict):
        return f"a table with {', '.join(printable(str(key)) for key in value)}" if value else "an empty table"
    return f"{shorten(str(value))} ({type(value).__name__})"


def _spell_array(items: list[object] | tuple[object, ...]) -> str:
    spelled = [
        str(item).lower()
        if isinstance(item, bool)
        else _spell_array(item)
        if isinstance(item, list | tuple)
        else str(item)
        for item in items
    ]
    return f"[{', '.join(spelled)}]"


def shorten(text: str, limit: int = 60) -> str:
    """``text`` in one line of at most ``limit`` printable characters."""
    text = printable(" ".join(text.split()))
    return text if len(text) <= limit else text[: limit - 3] + "..."


def figures(value: float, count: int = 6) -> str:
    """A number with so many significant figures, zeros at the end too, so that neighbours show what differs.

    Below a million no figure before the point is left out.

    >>> figures(78526.219445), figures(78526.219445, 4), figures(0.5), figures(5.9e-07, 4)
    ('78526.2', '78526', '0.500000', '5.900e-07')
    """
    count = max(count, len(f"{abs(value):.0f}") if abs(value) < 1e6 else 0)
    return f"{value:#.{count}g}".removesuffix(".") if value else "0"


def counted(number: int, what: str) -> str:
    """``1 step``, ``2000 steps``."""
    return f"{number} {what}{'s' * (number != 1)}"


def spell_bytes(count: int) -> str:
    """``3,200 B``, ``12.5 KiB``, ``3.0 MiB`` and so on."""
    if count < 10_000:
        return f"{count:,} B"
    amount = float(count)
    for unit in ("KiB", "MiB", "GiB"):
        amount /= 1024
        if amount < 1000:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1024:.1f} TiB"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> str:
    """Rows as an aligned text table; the columns named in ``right`` are set flush right.

    It is as wide as its contents: one that is cut to a terminal's width hides what it is printed for.
    """
    # Not rich's table: it takes 0.4 ms a row, which for a graph of 10,000 nodes is four seconds.
    widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
    lines = ["─" * (sum(widths) + 3 * (len(widths) - 1))]
    for cells in (columns, *rows):
        aligned = zip(columns, cells, widths, strict=True)
        line = "   ".join(cell.rjust(width) if name in right else cell.ljust(width) for name, cell, width in aligned)
        lines.append(line.rstrip())
    lines[0], lines[1] = lines[1], lines[0]
    return "\n".join(lines)
