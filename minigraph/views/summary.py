"""summary: the table of a graph, a row for each node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from math import prod

from minigraph.graph import Graph, Node
from minigraph.ops.base import Shape, spell_shape


@dataclass(frozen=True)
class SummaryRow:
    """One node: its op with attributes, what it reads, its shape, how many parameters it owns."""

    name: str
    op: str
    inputs: tuple[str, ...]
    shape: Shape
    parameters: int


@dataclass(frozen=True)
class Summary:
    """A graph's table; its text is the table."""

    title: str
    inputs: dict[str, Shape]
    rows: list[SummaryRow]

    @property
    def parameters(self) -> int:
        """How many numbers the graph learns or holds fixed."""
        return sum(row.parameters for row in self.rows)

    def __str__(self) -> str:
        cells = [(name, "Input", "", spell_shape(shape), "") for name, shape in self.inputs.items()]
        cells += [
            (row.name, row.op, ", ".join(row.inputs), spell_shape(row.shape), f"{row.parameters:,}")
            for row in self.rows
        ]
        columns = ("node", "op", "reads", "shape", "parameters")
        nodes = f"{len(self.rows)} node{'s' * (len(self.rows) != 1)}"
        drawn = table(columns, cells, right=("shape", "parameters"))
        return f"{self.title}\n{drawn}\n{nodes}, {self.parameters:,} parameters"

    __repr__ = __str__


def summary(graph: Graph) -> Summary:
    """The table of a graph: nodes in topological order with op, inputs, shape and parameters.

    Raises:
        DefinitionError: the graph is not sound.

    >>> import minigraph as mg
    >>> graph = mg.Graph.load("two_conv")
    >>> [(row.name, row.shape, row.parameters) for row in mg.summary(graph).rows]
    [('conv1', (1, 18, 18), 10), ('conv2', (1, 8, 8), 17)]
    """
    nodes, shapes = graph.nodes, graph.shapes
    counts: dict[str, int] = {}
    for full_name, parameter in graph.parameters.items():
        owner = full_name.split(".")[0]
        counts[owner] = counts.get(owner, 0) + prod(parameter.shape)
    rows = [
        SummaryRow(name, spell_op(nodes[name]), nodes[name].inputs, shapes[name], counts.get(name, 0))
        for name in graph.order
    ]
    title = graph.name + (f": {graph.description}" if graph.description else "")
    return Summary(title, graph.inputs, rows)


def spell_op(node: Node) -> str:
    """An op with the attributes that differ from their defaults: ``Conv 4x4, stride 2``."""
    words: list[str] = []
    for key, value in node.op.written().items():
        if key == "kernel_size":
            height, width = (value, value) if isinstance(value, int) else value
            words.insert(0, f"{height}x{width}")
        else:
            words.append(f"{key} {_spell(value)}")
    if node.share is not None:
        words.append(f"shares {node.share}")
    if not node.trainable:
        words.append("frozen")
    return f"{type(node.op).__name__} {', '.join(words)}".strip()


def _spell(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(str, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> str:
    """Rows as an aligned text table; the columns named in ``right`` are set flush right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        drawn.add_column(column, justify="right" if column in right else "left", no_wrap=True)
    for row in rows:
        drawn.add_row(*map(Text, row))
    # As wide as its contents: a table that is cut to a terminal's width hides what it is printed for.
    console = Console(file=StringIO(), width=10_000, color_system=None, force_terminal=False)
    with console.capture() as captured:
        console.print(drawn)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())
