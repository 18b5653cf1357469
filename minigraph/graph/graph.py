"""Graph: named nodes, joined by name; networkx gives the order, the cycles and the layers.

A graph can be built in code or read from a definition; both give the same object. Building checks what
can be known at once (names, attributes, shapes); :meth:`Graph.resolve` finds everything else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from minigraph.arrays import Shape
from minigraph.declared.fields import plain_number
from minigraph.errors import DefinitionError, Problem
from minigraph.graph import checking
from minigraph.graph.checking import Resolved, infer, init_problems, share_problems
from minigraph.graph.initialization import Initializer, InitLike, initializer
from minigraph.graph.names import full_names, name_problems, unknown_name
from minigraph.graph.node import Node
from minigraph.ops import Flatten
from minigraph.ops.base import Op, Parameter
from minigraph.wording import describe, one_of

if TYPE_CHECKING:
    import networkx as nx

DTYPES = ("float64", "float32")


class Graph:
    """A directed acyclic graph of ops between named inputs and outputs.

    Args:
        name: the graph's name.
        description: one line about it.
        dtype: "float64" or "float32", in which models of it compute.

    Raises:
        DefinitionError: the name or dtype cannot be used.

    >>> import minigraph as mg
    >>> graph = mg.Graph("edges")
    >>> image = graph.input("image", shape=(20, 20))
    >>> conv = graph.add("conv", mg.Conv(kernel_size=3), image)
    >>> graph.output(conv)
    >>> graph.order, graph.shapes["conv"]
    (['conv'], (1, 18, 18))
    """

    def __init__(self, name: str, *, description: str = "", dtype: str = "float64") -> None:
        problems = name_problems(("name",), name)
        if dtype not in DTYPES:
            problems.append(Problem(("dtype",), f"found {describe(dtype)}; expected {one_of(DTYPES)}"))
        if not isinstance(description, str) or any("\ud800" <= letter <= "\udfff" for letter in description):
            problems.append(
                Problem(("description",), f"found {describe(description)}; expected text without lone surrogates")
            )
        if problems:
            raise DefinitionError(problems)
        self.name = name
        self.description = description
        self.dtype = dtype
        self._inputs: dict[str, Shape] = {}
        self._nodes: dict[str, Node] = {}
        self._outputs: list[str] = []
        self._shapes: dict[str, Shape] = {}
        self._resolved: Resolved | None = None

    # -- building ----------------------------------------------------------------------------------

    def input(self, name: str, shape: Sequence[int]) -> str:
        """Declare an input map, (H, W) or (C, H, W) without the batch, and return its name.

        Raises:
            DefinitionError: the name is taken or malformed, or the shape is not two or three positive integers.
        """
        path = ("inputs", name)
        problems = self._name_problems(path, name)
        full = _full_shape(shape)
        if full is None:
            problems.append(
                Problem(
                    (*path, "shape"),
                    f"found {describe(shape)}; expected [H, W] or [C, H, W], each at least 1",
                )
            )
        if problems or full is None:
            raise DefinitionError(problems)
        self._inputs[name] = self._shapes[name] = full
        self._resolved = None
        return name

    def add(
        self,
        name: str,
        op: Op,
        *inputs: str,
        share: str | None = None,
        trainable: bool = True,
        init: Mapping[str, InitLike] | None = None,
    ) -> str:
        """Add a node and return its name.

        A node may read a node that is added later; it is then checked when the graph is used.

        Args:
            name: a new name.
            op: what the node computes, such as ``mg.Conv(kernel_size=3)``.
            inputs: the names that it reads, in the op's order.
            share: a node of the same op whose parameters this one uses.
            trainable: False keeps the node's parameters as they are in training.
            init: initialisers by parameter name: numbers, arrays or tables as in a definition.

        Raises:
            DefinitionError: a name, a count of inputs or an initialiser is wrong.
            ShapeError: the op cannot take inputs of these shapes.
        """
        path = ("nodes", name)
        problems = self._name_problems(path, name)
        if not isinstance(op, Op):
            problems.append(Problem((*path, "op"), f"found {describe(op)}; expected an op such as mg.ReLU()"))
        problems += [
            Problem((*path, "inputs", index), f"found {describe(source)}; expected the name of an input or node")
            for index, source in enumerate(inputs)
            if not isinstance(source, str)
        ]
        if not isinstance(trainable, bool):
            problems.append(Problem((*path, "trainable"), f"found {describe(trainable)}; expected true or false"))
        if share is not None and not isinstance(share, str):
            problems.append(Problem((*path, "share"), f"found {describe(share)}; expected the name of a node"))
        initials: dict[str, Initializer] = {}
        for parameter, value in (init or {}).items():
            try:
                initials[parameter] = initializer(value)
            except DefinitionError as error:
                problems += [problem.below(*path, "init", parameter) for problem in error.problems]
        if problems:
            raise DefinitionError(problems)
        node = Node(op, inputs, trainable, share, initials)
        if all(source in self._shapes for source in inputs):
            shape, own = infer(name, node, self._shapes, self._inputs)
            problems = init_problems(name, node, own)
            if problems:
                raise DefinitionError(problems)
            if share in self._nodes and share in self._shapes:
                target = self._nodes[share]
                theirs = target.op.parameters(*(self._shapes[source] for source in target.inputs))
                problems = share_problems(name, node, self._nodes, {name: own, share: theirs})
                if problems:
                    raise DefinitionError(problems)
            self._shapes[name] = shape
        self._nodes[name] = node
        self._resolved = None
        return name

    def declare(self, name: str, node: Node) -> None:
        """Record a node as it is; all but its name is checked when the graph is used.

        Raises:
            DefinitionError: the name is taken or malformed.
        """
        problems = self._name_problems(("nodes", name), name)
        if problems:
            raise DefinitionError(problems)
        self._nodes[name] = node
        self._resolved = None

    def output(self, *names: str) -> None:
        """Declare nodes as outputs, in this order, after those declared before.

        Raises:
            DefinitionError: there is no such node, or it is an output already.
        """
        problems = []
        for index, name in enumerate(names, start=len(self._outputs)):
            path = ("outputs", index)
            if name in self._inputs:
                known = f"; expected {one_of(self._nodes, name)}" if self._nodes else ""
                problems.append(Problem(path, f"'{name}' is an input, only a node can be an output{known}"))
            elif name not in self._nodes:
                problems.append(Problem(path, unknown_name(name, self._nodes, "node")))
            elif name in self._outputs or name in names[: index - len(self._outputs)]:
                problems.append(Problem(path, f"'{name}' is an output already; expected each output once"))
        if problems:
            raise DefinitionError(problems)
        self._outputs += names
        self._resolved = None

    # -- reading -----------------------------------------------------------------------------------

    @property
    def inputs(self) -> dict[str, Shape]:
        """The inputs' shapes (C, H, W) by name."""
        return dict(self._inputs)

    @property
    def nodes(self) -> dict[str, Node]:
        """The nodes by name, as they were declared."""
        return dict(self._nodes)

    @property
    def outputs(self) -> list[str]:
        """The names of the outputs."""
        return list(self._outputs)

    @property
    def order(self) -> list[str]:
        """The nodes in topological order. Raises DefinitionError unless the graph is sound."""
        return list(self._sound().order)

    @property
    def shapes(self) -> dict[str, Shape]:
        """(C, H, W), or (F,), of every input and node. Raises DefinitionError unless the graph is sound."""
        return dict(self._sound().shapes)

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Every parameter by its full name ("conv1.kernel"), in topological order.

        Raises DefinitionError unless the graph is sound.
        """
        return full_names(self._sound().parameters)

    @property
    def states(self) -> dict[str, Parameter]:
        """What nodes keep between training steps without learning it ("norm.mean"), in topological order.

        Raises DefinitionError unless the graph is sound.
        """
        return full_names(self._sound().states)

    @property
    def layers(self) -> list[list[str]]:
        """Inputs and nodes by generation: each stands one layer after the last of those that it reads.

        Raises DefinitionError unless the graph is sound.
        """
        import networkx as nx

        self._sound()
        return [list(layer) for layer in nx.topological_generations(self.to_networkx())]

    def owner(self, name: str) -> str:
        """The node whose parameters node ``name`` uses: itself, or the end of its chain of ``share``."""
        node = self._nodes[name]
        while node.share is not None:
            name = node.share
            node = self._nodes[name]
        return name

    def needed(self) -> set[str]:
        """The inputs and nodes that some output depends on. Raises DefinitionError unless sound."""
        wanted, needed = list(self._outputs), set(self._outputs)
        self._sound()
        while wanted:
            node = self._nodes.get(wanted.pop())
            fresh = [source for source in (node.inputs if node else ()) if source not in needed]
            needed.update(fresh)
            wanted += fresh
        return needed

    def to_networkx(self) -> nx.DiGraph[str]:
        """The graph as a networkx DiGraph: an edge from each name to the nodes that read it.

        Nodes carry ``op`` ("Input" for inputs), ``inputs`` and, where it is known, ``shape``. An edge that
        stands for several readings of one name by one node, as in Add(x, x), is there once: ``inputs`` has all.
        """
        import networkx as nx

        digraph: nx.DiGraph[str] = nx.DiGraph(name=self.name)
        for name in self._inputs:
            digraph.add_node(name, op="Input", inputs=())
        for name, node in self._nodes.items():
            digraph.add_node(name, op=type(node.op).__name__, inputs=node.inputs)
        for name, node in self._nodes.items():
            digraph.add_edges_from((source, name) for source in node.inputs if source in digraph)
        for name, shape in self._shapes.items():
            digraph.nodes[name]["shape"] = shape
        return digraph

    def __eq__(self, other: object) -> bool:
        """Same name, description, dtype, inputs, nodes and outputs, whatever the order of declaration."""
        if not isinstance(other, Graph):
            return NotImplemented
        return (
            (self.name, self.description, self.dtype) == (other.name, other.description, other.dtype)
            and self._inputs == other._inputs
            and self._nodes == other._nodes
            and self._outputs == other._outputs
        )

    __hash__ = None  # type: ignore[assignment]  # graphs are built step by step, so they cannot be keys

    def __repr__(self) -> str:
        return f"<Graph {self.name}: {len(self._inputs)} inputs, {len(self._nodes)} nodes, outputs {self._outputs}>"

    def save(self, path: str | Path) -> None:
        """Write the graph as a definition, TOML or JSON by the name's end.

        Raises:
            DefinitionError: the name ends in neither .toml nor .json, or the graph is not sound.
        """
        from minigraph.definition import Definition

        self._sound()
        Definition(self).save(path)

    @classmethod
    def load(cls, path: str | Path) -> Graph:
        """The graph of a definition file, or of a bundled definition by its bare name.

        Raises:
            DefinitionError: the file is missing or wrong; the text has every mistake with its place.
        """
        from minigraph.definition import Definition

        return Definition.load(path).graph

    # -- checking ----------------------------------------------------------------------------------

    def resolve(self, known: Sequence[Problem] = ()) -> Resolved:
        """Order, shapes and parameters, as far as the graph is sound, and everything that is wrong.

        ``known`` is what is wrong already with the definition that the graph was read from: what only follows from it
        is no further problem. The outcome is kept until the graph is changed.
        """
        if known or self._resolved is None:
            resolved = checking.resolve(self._inputs, self._nodes, self._outputs, self.to_networkx(), known)
            self._resolved, self._shapes = resolved, resolved.shapes
        return self._resolved

    def warnings(self) -> list[Problem]:
        """What is sound and yet hardly meant.

        That is what no output needs, rows that a stride leaves unread, and inputs that look like pictures with their
        channels last.

        Raises DefinitionError unless the graph is sound.
        """
        return checking.warnings(self._inputs, self._nodes, self.shapes, self.needed())

    def answering(self) -> dict[str, tuple[Op, Shape]]:
        """By output, the op whose answer it is, Flatten aside, and the output's shape.

        Raises DefinitionError unless the graph is sound.
        """
        shapes, found = self.shapes, {}
        for name in self._outputs:
            node = self._nodes[name]
            while isinstance(node.op, Flatten) and node.inputs[0] in self._nodes:
                node = self._nodes[node.inputs[0]]
            found[name] = node.op, shapes[name]
        return found

    def _sound(self) -> Resolved:
        resolved = self.resolve()
        if resolved.problems:
            raise DefinitionError(resolved.problems)
        return resolved

    # -- names -------------------------------------------------------------------------------------

    def _name_problems(self, path: tuple[str, str], name: str) -> list[Problem]:
        if isinstance(name, str) and (name in self._inputs or name in self._nodes):
            kind = "an input" if name in self._inputs else "a node"
            return [Problem(path, f"'{name}' is already {kind}; expected a new name", on="key")]
        return name_problems(path, name)


def _full_shape(shape: object) -> Shape | None:
    """(C, H, W) for [H, W] or [C, H, W] of positive integers, else None."""
    if not isinstance(shape, Sequence) or isinstance(shape, str) or len(shape) not in (2, 3):
        return None
    sizes = [plain_number(size) for size in shape]
    if any(isinstance(size, bool) or not isinstance(size, int) or size < 1 for size in sizes):
        return None
    return (1,) * (3 - len(sizes)) + tuple(size for size in sizes if isinstance(size, int))
