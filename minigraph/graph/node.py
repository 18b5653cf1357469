"""Node: one op of a graph, what it reads, and what holds for its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from minigraph.graph.initialization import Initializer
from minigraph.ops.base import Op


@dataclass(frozen=True)
class Node:
    """One node: its op, the names it reads, and what holds for its parameters.

    Attributes:
        trainable: whether training changes its parameters.
        share: the node whose parameters it uses instead of own ones.
        init: initialisers by parameter name; the op's own for those left out.
    """

    op: Op
    inputs: tuple[str, ...]
    trainable: bool = True
    share: str | None = None
    init: Mapping[str, Initializer] = field(default_factory=dict)
