"""rails: a graph drawn in plain text, a line for each node, a rail for each value that is still to be read.

o image   Input    1x9x9
|-.
| * conv  Conv 3x3, padding same   1x9x9
|-'
* sum     Add      1x9x9   -> output
"""

from __future__ import annotations

from minigraph.arrays import spell_shape
from minigraph.graph.graph import Graph
from minigraph.views.summary import spell_op, summary

# What a rail looks like by the sides (up, down, left, right) on which it goes on.
_JOINTS = {
    (True, True, False, False): "│",
    (True, True, False, True): "├",
    (True, True, True, False): "┤",
    (True, True, True, True): "┼",
    (True, False, False, True): "╰",
    (True, False, True, False): "╯",
    (True, False, True, True): "┴",
    (False, True, False, True): "╭",
    (False, True, True, False): "╮",
    (False, True, True, True): "┬",
    (False, False, True, True): "─",
    (True, False, False, False): "│",
    (False, True, False, False): "│",
}


ASCII = str.maketrans("│├┤┼╰╯┴╭╮┬─●○", "|||+'''...-*o")
"""What stands for lines and dots where a terminal has none, as above."""


def rails(graph: Graph, ascii_only: bool = False) -> str:
    """The graph as text, in topological order, with shapes and parameter counts.

    Args:
        ascii_only: draw it with letters of ASCII alone.

    Raises:
        DefinitionError: the graph is not sound.
    """
    facts = {row.name: row for row in summary(graph).rows}
    needed = graph.needed()
    readers = dict.fromkeys((*graph.inputs, *graph.order), 0)
    for row in facts.values():
        for source in set(row.inputs):
            readers[source] += 1
    drawn: list[tuple[str, tuple[str, ...]]] = []
    open_rails: list[str | None] = []
    for name in readers:
        sources = dict.fromkeys(facts[name].inputs) if name in facts else {}
        joined = sorted(open_rails.index(source) for source in sources)
        before = list(open_rails)
        for source in sources:
            readers[source] -= 1
            if not readers[source]:
                open_rails[open_rails.index(source)] = None
        column = next((index for index in joined if open_rails[index] is None), None)
        if column is None:
            column = next((index for index, rail in enumerate(open_rails) if rail is None), len(open_rails))
        open_rails[column:] = [name, *open_rails[column + 1 :]]
        if joined and joined != [column]:
            drawn.append((_joint_row(before, open_rails, joined, column), ()))
        drawn.append((_node_row(open_rails, column, "●" if name in facts else "○"), _labels(graph, name, needed)))
        if not readers[name]:
            open_rails[column] = None
        while open_rails and open_rails[-1] is None:
            open_rails.pop()
    width = max(len(prefix) for prefix, _ in drawn)
    columns = list(zip(*(labels for _, labels in drawn if labels), strict=True))
    widths = [max(map(len, column)) for column in columns]
    lines = []
    for prefix, labels in drawn:
        cells = [label.ljust(size) for label, size in zip(labels, widths, strict=bool(labels))]
        lines.append("  ".join([prefix.ljust(width), *cells]).rstrip())
    text = "\n".join(lines)
    return text.translate(ASCII) if ascii_only else text


def _joint_row(before: list[str | None], after: list[str | None], joined: list[int], column: int) -> str:
    """The row between two nodes in which the rails that a node reads come together in its column."""
    touched = {*joined, column}
    first, last = min(touched), max(touched)
    row = ""
    for index in range(max(len(before), len(after))):
        up = index < len(before) and before[index] is not None
        down = index < len(after) and after[index] is not None
        if index in touched:
            row += _JOINTS[up, down, index > first, index < last]
        elif up and down:
            row += "│"
        else:
            row += "─" if first < index < last else " "
        row += "─" if first <= index < last else " "
    return row.rstrip()


def _node_row(open_rails: list[str | None], column: int, mark: str) -> str:
    marks = [mark if index == column else " " if rail is None else "│" for index, rail in enumerate(open_rails)]
    return " ".join(marks)


def _labels(graph: Graph, name: str, needed: set[str]) -> tuple[str, ...]:
    node, shape = graph.nodes.get(name), spell_shape(graph.shapes[name])
    if node is None:
        return name, "Input", shape, "" if name in needed else "unused"
    notes = ["-> output"] if name in graph.outputs else []
    notes += ["unused"] if name not in needed else []
    return name, spell_op(node), shape, " ".join(notes)
