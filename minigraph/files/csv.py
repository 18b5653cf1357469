"""Numbers in csv files, line by line; no error shows what stands in a cell."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from minigraph.arrays import Array
from minigraph.files.opening import OpenFile, opened
from minigraph.files.text import MARK, require_size
from minigraph.wording import spell_bytes

LONGEST_CSV = 2**30
"""Bytes that a csv has at most: numbers as text take several times the room and the time that those of an npy do."""
LONGEST_ROW = 2**24
"""Bytes."""


def read_csv(path: str | Path) -> Array:
    """The numbers of a csv (rows, columns): commas between them, a row a line.

    Blank lines, lines that begin with ``#`` and a first row of names (no cell is a number) are passed over. A file
    without rows of numbers gives an array without numbers (0,).

    Raises:
        DataError: there is no such regular file, it is too large, no UTF-8, a cell is no number, or rows differ in
            length; the text has row (the line in the file) and column, and nothing of the cell.
    """
    numbers, columns, first, named = array("d"), 0, 0, 0
    with opened(path) as source:
        require_size(source, LONGEST_CSV)
        for row, line in _rows(source):
            cells = line.split(",")
            if not first and not named and _is_header(cells):
                named = row
                continue
            if not first:
                columns, first = len(cells), row
            if len(cells) != columns:
                kind = _kind_of_row(line)
                if kind:
                    raise source.fault(f"row {row}: found {kind}; expected numbers with commas between them")
                raise source.fault(f"row {row} has {len(cells)} numbers; expected {columns} as in row {first}")
            try:
                numbers.extend(map(float, cells))
            except ValueError:
                column = next(place for place, cell in enumerate(cells, start=1) if not is_number(cell))
                kind = _kind_of_row(line) or _kind(cells[column - 1])
                fault = f"row {row}, column {column}: found {kind}"
                raise source.fault(f"{fault}; expected numbers with commas between them") from None
        if named and not numbers:
            raise source.fault(f"row {named}, column 1: found a text; expected numbers with commas between them")
    flat = np.frombuffer(numbers, np.float64) if numbers else np.empty(0)
    return flat.reshape(-1, columns) if columns else flat


def _rows(source: OpenFile) -> Iterator[tuple[int, str]]:
    """(number from 1, text) of every line that is not blank, up to the size that the file had when it was opened."""
    row, left = 0, source.size
    while left > 0 and (raw := source.file.readline(min(left, LONGEST_ROW + 1))):
        if len(raw) > LONGEST_ROW:
            raise source.fault(f"row {row + 1} has over {spell_bytes(LONGEST_ROW)}; expected shorter rows")
        is_start = left == source.size
        left -= len(raw)
        try:
            lines = (raw.removeprefix(MARK) if is_start else raw).decode().splitlines()
        except UnicodeDecodeError:
            fault = f"found bytes that are not UTF-8 in row {row + 1}; expected UTF-8 text"
            raise source.fault(f"cannot be read as csv: {fault}") from None
        for line in lines:
            row += 1
            if line.strip() and not line.lstrip().startswith("#"):
                yield row, line


def _is_header(cells: list[str]) -> bool:
    """Whether a first row has names alone: it is more than one text, and none of them is nearly a number."""
    return all(_kind(cell) == "a text" for cell in cells) and not _kind_of_row(",".join(cells))


def _kind_of_row(line: str) -> str:
    """What a row is that has semicolons between numbers with decimal commas; empty for others."""
    pieces = [piece.strip() for piece in line.split(";")]
    decimal = [piece.replace(",", ".", 1) for piece in pieces]
    if len(pieces) > 1 and "," in line and all(map(is_number, decimal)):
        return "numbers with decimal commas and semicolons between them"
    return ""


def is_number(cell: str) -> bool:
    """Whether Python reads a cell as a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _kind(cell: str) -> str:
    """What a cell is that is no number, in words that show nothing of it."""
    cell = cell.strip()
    if not cell:
        return "an empty cell"
    for separator, word in ((";", "semicolons"), (None, "spaces"), ("|", "bars")):
        pieces = [piece for piece in cell.split(separator) if piece]
        if len(pieces) > 1 and all(map(is_number, pieces)):
            return f"numbers with {word} between them"
    if is_number(cell.strip("\"' ")):
        return "a number in quotes"
    return "a text"
