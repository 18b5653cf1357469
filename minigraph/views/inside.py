"""A training step taken apart, as text: for the terminal with colours by sign, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console, Group
from rich.padding import Padding
from rich.text import Text

from minigraph.arrays import Array, spell_shape
from minigraph.explaining import Index, Step, number, sum_of
from minigraph.inside import Explanation, NodeExplanation
from minigraph.views.summary import spell_op

ROWS = 12
"""The most rows of a matrix that are shown."""
POSITIVE, NEGATIVE, ZERO, SOFT = "dark_orange3", "dodger_blue2", "dim", "dim"
MARKDOWN_WIDTH = 100


@dataclass(frozen=True)
class Choice:
    """What is shown of the arrays.

    Attributes:
        nodes: which; all when empty. sample, channel: of maps; the last one where there are fewer.
        cell: row and column of a number that is followed through the steps, if any.
    """

    nodes: Sequence[str] = ()
    sample: int = 0
    channel: int = 0
    cell: tuple[int, int] | None = None

    def place(self, array: Array) -> Index:
        """The leading indices of the matrix, or row of numbers, that is shown of an array."""
        kept = min(array.ndim, 2) if array.ndim in (3, 4) else max(array.ndim - 1, 0)
        chosen = (self.sample, self.channel) if array.ndim == 4 else (self.sample,)
        return tuple(min(at, size - 1) for at, size in zip(chosen[:kept], array.shape, strict=False))

    def index(self, array: Array) -> Index | None:
        """Where the followed number stands in an array; None where it has no such place."""
        if self.cell is None or array.ndim != 4:
            return None
        row, column = self.cell
        return (*self.place(array), row, column) if row < array.shape[2] and column < array.shape[3] else None


@dataclass(frozen=True)
class Shown:
    """An array with its name, and the name of one shown before that has the same numbers, if there is one."""

    name: str
    array: Array
    same: str = ""

    @property
    def in_full(self) -> bool:
        """Whether its numbers are shown."""
        return self.array.ndim > 0 and not self.same


def printed(inside: Explanation, choice: Choice) -> Group:
    """For a rich console, at any width."""
    parts: list[Text | Padding | _Matrix] = [
        Text(f"{inside.graph.name}: one training step, loss {inside.loss:.6g}", style="bold")
    ]
    for name in choice.nodes or list(inside):
        node = inside[name]
        parts += [Text(""), Text(_headline(inside, node), style="bold")]
        if not node.forward:
            for shown in _of_input(node):
                parts += [Padding(part, (0, 0, 0, 2), expand=False) for part in _printed(shown, choice)]
        for title, steps in (("forward", node.forward), ("backward", node.backward)):
            if steps:
                parts += [Text(""), Text(f"  {title}", style="bold")]
            for place, (step, arrays) in enumerate(with_new_arrays(steps), start=1):
                parts.append(Text(f"  {place} {step.title}", style="bold"))
                told: list[Text | _Matrix] = [Text(step.text), Text(step.formula, style=SOFT)]
                told += [part for shown in arrays for part in _printed(shown, choice)]
                told += [Text(line) for line in _followed(step, choice)]
                parts += [Padding(part, (0, 0, 0, 4), expand=False) for part in told]
    return Group(*parts)


def markdown(inside: Explanation, choice: Choice) -> str:
    """As Markdown, each matrix in a block of its own."""
    lines = [f"# {inside.graph.name}: one training step", "", f"Loss {inside.loss:.6g}."]
    for name in choice.nodes or list(inside):
        node = inside[name]
        lines += ["", f"## {_headline(inside, node)}"]
        if not node.forward:
            lines += [line for shown in _of_input(node) for line in _block(shown, choice)]
        for title, steps in (("Forward", node.forward), ("Backward", node.backward)):
            if steps:
                lines += ["", f"### {title}"]
            for place, (step, arrays) in enumerate(with_new_arrays(steps), start=1):
                lines += ["", f"{place}. **{step.title}.** {step.text}", "", f"   `{step.formula}`"]
                lines += [line for shown in arrays for line in _block(shown, choice)]
                lines += [part for line in _followed(step, choice) for part in ("", f"   {line}")]
    return "\n".join(lines) + "\n"


def plain(inside: Explanation, nodes: Sequence[str] = ()) -> dict[str, Any]:
    """The facts for JSON: every step with its arrays as nested lists; of all nodes where none are named."""
    return {
        "name": inside.graph.name,
        "loss": inside.loss,
        "loss_steps": [_plain_step(step) for step in inside.loss_steps],
        "nodes": {
            name: {
                "op": inside[name].op,
                "forward": [_plain_step(step) for step in inside[name].forward],
                "backward": [_plain_step(step) for step in inside[name].backward],
            }
            for name in inside.graph.order
            if not nodes or name in nodes
        },
    }


def _plain_step(step: Step) -> dict[str, Any]:
    facts = {key: getattr(step, key) for key in ("name", "title", "text", "formula", "result")}
    return {**facts, "arrays": {name: array.tolist() for name, array in step.arrays.items()}}


def _of_input(node: NodeExplanation) -> list[Shown]:
    """What an input of the graph has."""
    return [Shown("value", node.value), Shown("error", node.error)]


def _headline(inside: Explanation, node: NodeExplanation) -> str:
    if node.op == "Input":
        return f"{node.name}  Input {spell_shape(node.value.shape[1:])}"
    declared = inside.graph.nodes[node.name]
    return f"{node.name}  {spell_op(declared)}, reads {', '.join(declared.inputs)}"


def with_new_arrays(steps: Sequence[Step]) -> Iterator[tuple[Step, list[Shown]]]:
    """Each step with those of its arrays that no step before it showed."""
    seen: dict[str, Array] = {}
    for step in steps:
        shown = []
        for name, array in step.arrays.items():
            if name not in seen:
                same = next((key for key, other in seen.items() if np.array_equal(array, other, equal_nan=True)), "")
                shown.append(Shown(name, array, same))
                seen[name] = array
        yield step, shown


def _followed(step: Step, choice: Choice) -> list[str]:
    """How the followed number of the step's result came about."""
    index = choice.index(step.made)
    if index is None:
        return []
    cell = step.rule(index)
    lines = [f"{step.result}{list(index)}: {cell.formula}"]
    if cell.direct:
        direct = sum_of(f"{number(a)} * {number(b)}" for a, b in cell.direct)
        lines.append(f"without the zeros: {direct} = {cell.value + 0.0:.6g}")
    return lines


def _caption(shown: Shown, choice: Choice) -> str:
    name, array = shown.name, shown.array
    if array.ndim == 0:
        return f"{name} = {array:.6g}"
    if shown.same:
        return f"{name} = {shown.same}"
    at = "".join(f"[{place}]" for place in choice.place(array)) if array.ndim > 1 and array.size > 1 else ""
    return f"{name}{at} of {spell_shape(array.shape)}"


def matrix(array: Array, choice: Choice) -> Array:
    """The rows and columns that are shown of an array."""
    return np.atleast_2d(array[choice.place(array)])


def _printed(shown: Shown, choice: Choice) -> list[Text | _Matrix]:
    caption = Text(_caption(shown, choice), style="italic")
    return [caption, _Matrix(matrix(shown.array, choice))] if shown.in_full else [caption]


def _block(shown: Shown, choice: Choice) -> list[str]:
    lines = ["", f"   {_caption(shown, choice)}"]
    if shown.in_full:
        rows, note = laid_out(matrix(shown.array, choice), MARKDOWN_WIDTH)
        lines += ["", "   ```text", *("   " + "".join(text for text, _ in row).rstrip() for row in rows), "   ```"]
        lines += ["", f"   {note}"] if note else []
    return lines


@dataclass(frozen=True)
class _Matrix:
    """Numbers in rows and columns, as many as fit, coloured by their sign."""

    numbers: Array

    def __rich_console__(self, console: Console, options: object) -> Iterator[Text]:
        rows, note = laid_out(self.numbers, getattr(options, "max_width", 80))
        for row in rows:
            yield Text.assemble(*((text, _style(number)) for text, number in row), no_wrap=True)
        if note:
            yield Text(note, style=SOFT)


def _style(number: float) -> str:
    return ZERO if number == 0 else POSITIVE if number > 0 else NEGATIVE if number < 0 else "bold"


def laid_out(numbers: Array, width: int) -> tuple[list[list[tuple[str, float]]], str]:
    """Rows of texts of one width, each with its number, as many as fit in ``width`` characters; and what was left out.

    Zeros are dots, so that those that were put in are seen at a glance.
    """
    texts = [[spelled(number) for number in row] for row in numbers[:ROWS].tolist()]
    wide = max(len(text) for row in texts for text in row) + 1
    columns = max(1, min(numbers.shape[1], width // wide))
    rows = [
        [(text.rjust(wide), number) for text, number in zip(row[:columns], values[:columns], strict=True)]
        for row, values in zip(texts, numbers[:ROWS].tolist(), strict=True)
    ]
    if numbers.shape[0] <= ROWS and numbers.shape[1] <= columns:
        return rows, ""
    return rows, f"the first {len(rows)} of {numbers.shape[0]} rows and {columns} of {numbers.shape[1]} columns"


def spelled(number: float) -> str:
    """Four significant digits; zero as a dot."""
    return "." if number == 0 else f"{number:.4g}"
