"""summary: the table of a graph, a row for each node."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from minigraph.arrays import Shape, spell_shape
from minigraph.graph.graph import Graph
from minigraph.graph.node import Node
from minigraph.wording import shorten, spell_bytes
from minigraph.wording import table as table


@dataclass(frozen=True)
class SummaryRow:
    """One input or node.

    Attributes:
        op: with its attributes; "Input" for inputs.
        inputs: what it reads.
        shape: of its value, without the batch; None where it could not be found.
        parameters: how many numbers it owns.
        multiply_adds: products summed in one forward of one sample.
        memory: bytes of its value for one sample and of its parameters.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    shape: Shape | None
    parameters: int
    multiply_adds: int
    memory: int


@dataclass(frozen=True)
class Summary:
    """A graph's table; its text is the table."""

    title: str
    inputs: list[SummaryRow]
    rows: list[SummaryRow]
    failing: tuple[str, ...] = ()
    """Nodes that something is wrong with; their rows are marked."""

    @property
    def parameters(self) -> int:
        """How many numbers the graph learns or holds fixed."""
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        """Products summed in one forward of one sample."""
        return sum(row.multiply_adds for row in self.rows)

    @property
    def memory(self) -> int:
        """Bytes of all values of one sample and of all parameters."""
        return sum(row.memory for row in (*self.inputs, *self.rows))

    def __str__(self) -> str:
        cells = [
            (
                f"{row.name} <- here" if row.name in self.failing else row.name,
                row.op,
                shorten(", ".join(row.inputs)),
                "?" if row.shape is None else spell_shape(row.shape),
                f"{row.parameters:,}" if row.inputs else "",
                f"{row.multiply_adds:,}" if row.inputs else "",
                spell_bytes(row.memory),
            )
            for row in (*self.inputs, *self.rows)
        ]
        columns = ("node", "op", "reads", "shape", "parameters", "multiply-adds", "memory")
        drawn = table(columns, cells, right=columns[3:])
        nodes = f"{len(self.rows)} node{'s' * (len(self.rows) != 1)}"
        return (
            f"{self.title}\n{drawn}\n{nodes}, {self.parameters:,} parameters, {self.multiply_adds:,} multiply-adds and "
            f"{spell_bytes(self.memory)} for a sample's forward"
        )

    __repr__ = __str__


def summary(graph: Graph) -> Summary:
    """The table of a graph: nodes in topological order with op, inputs, shape, parameters and costs.

    Of a graph that is not sound it is the part that could be found out, with the nodes at fault marked.

    >>> import minigraph as mg
    >>> graph = mg.Graph.load("two_conv")
    >>> [(row.name, row.shape, row.parameters, row.multiply_adds) for row in mg.summary(graph).rows]
    [('conv1', (1, 18, 18), 10, 2916), ('conv2', (1, 8, 8), 17, 1024)]
    """
    resolved, nodes, size = graph.resolve(), graph.nodes, np.dtype(graph.dtype).itemsize
    failing = {
        str(name) for problem in resolved.problems if problem.path[:1] == ("nodes",) for name in problem.path[1:2]
    }
    rows = []
    for name in resolved.order or nodes:
        node, shape = nodes[name], resolved.shapes.get(name)
        owned = sum(prod(parameter.shape) for parameter in resolved.parameters.get(name, {}).values())
        shapes = [resolved.shapes.get(source) for source in node.inputs]
        known = [source for source in shapes if source is not None]
        work = node.op.multiply_adds(*known) if shape is not None else 0
        memory = (owned + (prod(shape) if shape is not None else 0)) * size
        rows.append(SummaryRow(name, spell_op(node), node.inputs, shape, owned, work, memory))
    inputs = [SummaryRow(name, "Input", (), shape, 0, 0, prod(shape) * size) for name, shape in graph.inputs.items()]
    title = graph.name + (f": {graph.description}" if graph.description else "")
    return Summary(title, inputs, rows, tuple(name for name in nodes if name in failing))


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
