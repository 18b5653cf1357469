"""plan_table: how a training step of a graph is planned, a row for each node with a convolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from minigraph.convolution.choice import is_missed
from minigraph.convolution.fourier import RANGE, Fourier
from minigraph.graph.graph import Graph
from minigraph.model.model import Model
from minigraph.model.plan import Plan
from minigraph.steps.compiling import is_turned_off
from minigraph.steps.threads import thread_count
from minigraph.views.summary import table
from minigraph.wording import shorten, spell_bytes


@dataclass(frozen=True)
class PlanRow:
    """One convolution of a node.

    Attributes:
        algorithm: "gemm", "winograd", "fft" or "lists".
        bytes: of its own buffers, beside values, errors and parameters.
        multiply_adds: products summed in its forward of the whole batch by the definition of the convolution.
        shared: whether the threads share its passes.
    """

    node: str
    algorithm: str
    bytes: int
    multiply_adds: int
    shared: bool


@dataclass(frozen=True)
class PlanTable:
    """A graph's plan; its text is the table.

    Attributes:
        batch: samples in a step. workspace: bytes that the steps use in turn, for each thread.
        missed: the nodes whose convolutions the extra ``compiled`` would compile, and does not.
    """

    batch: int
    rows: list[PlanRow]
    workspace: int
    missed: list[str]

    def __str__(self) -> str:
        cells = [
            (row.node, row.algorithm, spell_bytes(row.bytes), f"{row.multiply_adds:,}", "yes" if row.shared else "no")
            for row in self.rows
        ]
        columns = ("node", "algorithm", "buffers", "multiply-adds", "shared")
        spectra = (
            f"\nfft: rounding there spreads over a map; one that is {RANGE:,} times brighter than some window of the "
            "kernel's size, or not finite, is summed directly"
        )
        return (
            f"a training step of {self.batch} sample{'s' * (self.batch > 1)}\n"
            f"{table(columns, cells, right=columns[2:4])}\n"
            f"and {spell_bytes(self.workspace)} of workspace for each of {thread_count()} threads"
            f"{spectra if any(row.algorithm == Fourier.name for row in self.rows) else ''}"
        )

    __repr__ = __str__


def plan_table(graph: Graph, batch: int = 1) -> PlanTable:
    """How a training step of ``batch`` samples is planned by the fast engine.

    >>> import minigraph as mg
    >>> [(row.node, row.algorithm) for row in plan_table(mg.Graph.load("two_conv")).rows]
    [('conv1', 'gemm'), ('conv2', 'gemm')]
    """
    model = Model(graph, seed=0)
    gradients = model.parameters.views_of(np.zeros_like(model.parameters.trainable))
    plan = Plan(model, batch, gradients)
    plan.prepare_backward()
    rows = [
        PlanRow(name, planned.name, planned.bytes, planned.layer.multiply_adds, planned.layer.large)
        for name, convolutions in plan.convolutions.items()
        for planned in convolutions
    ]
    return PlanTable(batch, rows, plan.workspace.bytes, missed(plan))


def missed(plan: Plan) -> list[str]:
    """The nodes with a convolution that the extra ``compiled`` would compile, and does not."""
    return [name for name, convolutions in plan.convolutions.items() if any(map(is_missed, convolutions))]


def missed_text(nodes: Sequence[str]) -> str:
    """What to say of nodes that are missed."""
    what = f"the convolution{'s' * (len(nodes) > 1)} of {shorten(', '.join(nodes))}"
    if is_turned_off():
        return f"{what} {'are' if len(nodes) > 1 else 'is'} not compiled: MINIGRAPH_COMPILED=0 forbids it"
    return f"{what} would be compiled with the extra `compiled`: pip install 'minigraph[compiled]'"
