"""Graph: named nodes, joined by name; networkx gives the order, the cycles and the layers.

A graph can be built in code or read from a definition; both give the same object. Building checks what
can be known at once (names, attributes, shapes); :meth:`Graph.check` finds everything else.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from minigraph.arrays import Shape, spell_shape
from minigraph.declared.base import plain_number
from minigraph.errors import DefinitionError, Problem, ShapeError
from minigraph.graph.initialization import Explicit, Initializer, InitLike, fit, initializer
from minigraph.ops.base import Op, Parameter
from minigraph.wording import KeyPath, describe, did_you_mean, one_of

if TYPE_CHECKING:
    import networkx as nx

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
DTYPES = ("float64", "float32")
MOST_NUMBERS = 10**12
"""An array of so many numbers is in no machine's memory: a shape that asks for it is a mistake."""


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


@dataclass(frozen=True)
class Resolved:
    """What follows from a graph's nodes, as far as it could be found.

    Attributes:
        order: the nodes, each after the nodes it reads; of several possible ones, as they were declared.
        shapes: (C, H, W) or (F,) of every input and of every node whose inputs are sound.
        parameters: the parameters of every such node that has its own, by name; states: its state likewise.
        problems: every mistake; empty for a sound graph.
    """

    order: list[str]
    shapes: dict[str, Shape]
    parameters: dict[str, dict[str, Parameter]]
    states: dict[str, dict[str, Parameter]]
    problems: list[Problem]


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
            shape, own = self._infer(name, node, self._shapes)
            problems = self._init_problems(name, node, own)
            if problems:
                raise DefinitionError(problems)
            if share in self._nodes and share in self._shapes:
                target = self._nodes[share]
                theirs = target.op.parameters(*(self._shapes[source] for source in target.inputs))
                problems = self._share_problems(name, node, {name: own, share: theirs})
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
                problems.append(Problem(path, self._unknown(name, self._nodes, "node")))
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
        wanted, found = list(self._outputs), set(self._outputs)
        self._sound()
        while wanted:
            node = self._nodes.get(wanted.pop())
            fresh = [source for source in (node.inputs if node else ()) if source not in found]
            found.update(fresh)
            wanted += fresh
        return found

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
            self._resolved = self._resolve(known)
        return self._resolved

    def warnings(self) -> list[Problem]:
        """What is sound and yet hardly meant: what no output needs, and rows that a stride leaves unread.

        Raises DefinitionError unless the graph is sound.
        """
        needed, shapes = self.needed(), self.shapes
        found = [
            Problem(("inputs", name), f"no output depends on input '{name}'", on="key")
            for name in self._inputs
            if name not in needed
        ]
        for name, node in self._nodes.items():
            if name not in needed:
                found.append(Problem(("nodes", name), f"no output depends on node '{name}'", on="key"))
            rows, columns = node.op.unread(*(shapes[source] for source in node.inputs))
            if rows or columns:
                sizes = spell_shape(shapes[node.inputs[0]][1:])
                counts = [f"{n} {line}{'s' * (n > 1)}" for n, line in ((rows, "row"), (columns, "column")) if n]
                text = f"node '{name}' leaves the last {' and '.join(counts)} of its padded input unread"
                place = ("nodes", name, "stride")
                found.append(Problem(place, f"{text} (input {sizes}); they get zero error"))
        return found

    def _sound(self) -> Resolved:
        resolved = self.resolve()
        if resolved.problems:
            raise DefinitionError(resolved.problems)
        return resolved

    def _resolve(self, known: Sequence[Problem]) -> Resolved:
        problems = list(known)
        # A section that is no table, or is missing, is told as that, not again for each name that it should have.
        lost = {str(problem.path[0]) for problem in known if len(problem.path) == 1}
        if not self._inputs and not any(problem.path[0] == "inputs" for problem in known if problem.path):
            problems.append(Problem(("inputs",), "the graph has no input; expected at least one", on="key"))
        if not self._outputs and not any(problem.path[0] == "outputs" for problem in known if problem.path):
            problems.append(Problem(("outputs",), "the graph has no output; expected at least one node", on="key"))
        problems += self._name_faults(known, lost)
        order, cycles = self._sort()
        problems += cycles
        unsure = {
            problem.path[1]
            for problem in known
            if problem.path[:1] == ("nodes",)
            and problem.path[1:]
            and problem.path[2:3] not in (("init",), ("share",), ("trainable",))
        }
        shapes = dict(self._inputs)
        parameters: dict[str, dict[str, Parameter]] = {}
        for name in order:
            node = self._nodes[name]
            try:
                if name not in unsure and all(source in shapes for source in node.inputs):
                    shapes[name], parameters[name] = self._infer(name, node, shapes)
                    problems += self._init_problems(name, node, parameters[name])
                else:
                    self._require_count(name, node)
                    if name not in unsure:
                        problems += self._init_problems(name, node, dict.fromkeys(parameter_names(node.op)))
            except DefinitionError as error:
                problems += error.problems
            except ShapeError as error:
                path = ("nodes", name, error.attribute) if error.attribute else ("nodes", name)
                problems.append(Problem(path, str(error)))
        for name, node in self._nodes.items():
            if node.share is not None:
                problems += self._share_problems(name, node, parameters)
        owners = [name for name, found in parameters.items() if found and self._nodes[name].share is None]
        states = {
            name: state
            for name in owners
            if (state := self._nodes[name].op.state(*(shapes[source] for source in self._nodes[name].inputs)))
        }
        self._shapes = shapes
        return Resolved([] if cycles else order, shapes, {name: parameters[name] for name in owners}, states, problems)

    def _name_faults(self, known: Sequence[Problem], lost: set[str]) -> list[Problem]:
        """The names that nodes read or share and that are nowhere; those in ``known`` are meant to be somewhere."""
        told = [(problem.path[0], str(problem.path[1])) for problem in known if len(problem.path) > 1]
        nodes = dict.fromkeys([*self._nodes, *(name for kind, name in told if kind == "nodes")])
        names = dict.fromkeys([*self._inputs, *(name for kind, name in told if kind == "inputs"), *nodes])
        texts: dict[str, str] = {}
        problems = []
        for name, node in self._nodes.items():
            for index, source in enumerate(node.inputs):
                if source not in names and not lost & {"inputs", "nodes"}:
                    if source not in texts:
                        texts[source] = self._unknown(source, names, "input or node")
                    problems.append(Problem(("nodes", name, "inputs", index), texts[source]))
            if node.share in self._inputs:
                text = f"'{node.share}' is an input; expected a node that has parameters"
                problems.append(Problem(("nodes", name, "share"), text))
            elif node.share is not None and node.share not in nodes and "nodes" not in lost:
                problems.append(Problem(("nodes", name, "share"), self._unknown(node.share, nodes, "node")))
        return problems

    def _sort(self) -> tuple[list[str], list[Problem]]:
        """The nodes in topological order, those of cycles anywhere, and the cycles."""
        import networkx as nx

        digraph = self.to_networkx()
        position = {name: index for index, name in enumerate(digraph)}
        try:
            order = list(nx.lexicographical_topological_sort(digraph, key=position.__getitem__))
        except nx.NetworkXUnfeasible:
            knots = [
                digraph.subgraph(sorted(part, key=position.__getitem__))
                for part in nx.strongly_connected_components(digraph)
                if len(part) > 1 or _is_loop(digraph, part)
            ]
            cycles = [self._cycle_problem(knot) for knot in knots]
            digraph.remove_edges_from([edge for knot in knots for edge in knot.edges])
            order = list(nx.lexicographical_topological_sort(digraph, key=position.__getitem__))
        else:
            cycles = []
        return [name for name in order if name in self._nodes], cycles

    def _cycle_problem(self, knot: nx.DiGraph[str]) -> Problem:
        """A cycle among nodes that all reach each other, told from the node that was declared first."""
        import networkx as nx

        position = {name: index for index, name in enumerate(self._nodes)}
        cycle = [edge[0] for edge in nx.find_cycle(knot)]
        first = min(range(len(cycle)), key=lambda index: position[cycle[index]])
        cycle = cycle[first:] + cycle[:first]
        around = " -> ".join([*cycle, cycle[0]])
        # The caret belongs under the input that closes the circle.
        path = ("nodes", cycle[0], "inputs", self._nodes[cycle[0]].inputs.index(cycle[-1]))
        return Problem(path, f"the nodes form a cycle: {around}; expected a graph without cycles")

    def _infer(self, name: str, node: Node, shapes: Mapping[str, Shape]) -> tuple[Shape, dict[str, Parameter]]:
        """A node's shape and its op's parameters, from the shapes of what it reads.

        Raises:
            DefinitionError: a wrong count of inputs.
            ShapeError: the op cannot take these shapes.
        """
        self._require_count(name, node)
        op = node.op
        given = [shapes[source] for source in node.inputs]
        try:
            shape, parameters = op.output_shape(*given), op.parameters(*given)
            for large in (*given, shape, *(parameter.shape for parameter in parameters.values())):
                if prod(large) > MOST_NUMBERS:
                    raise ShapeError(
                        f"{spell_shape(large)} has more numbers than the {MOST_NUMBERS:,} that are possible"
                    )
            return shape, parameters
        except ShapeError as error:
            read = ", ".join(f"'{source}' {spell_shape(shapes[source])}" for source in node.inputs)
            raise ShapeError(f"node '{name}' ({type(op).__name__}) reads {read}: {error}", error.attribute) from None

    def _require_count(self, name: str, node: Node) -> None:
        """Raise DefinitionError unless the node reads as many inputs as its op takes."""
        found, least, most = len(node.inputs), node.op.min_inputs, node.op.max_inputs
        if found < least or (most is not None and found > most):
            wanted = f"{least}" if most == least else f"{least} or more" if most is None else f"{least} to {most}"
            text = f"found {found} input{'s' * (found != 1)}; expected {wanted} for {type(node.op).__name__}"
            raise DefinitionError([Problem(("nodes", name, "inputs"), text)])

    def _init_problems(self, name: str, node: Node, parameters: Mapping[str, Parameter | None]) -> list[Problem]:
        """What is wrong with a node's initialisers for the parameters of its op."""
        problems = []
        for key, initial in node.init.items():
            place = ("nodes", name, "init", key)
            if key not in parameters:
                problems.append(unknown_parameter(place, key, list(parameters), type(node.op).__name__))
            elif node.share is not None:
                problems.append(
                    Problem(
                        place,
                        f"'{name}' uses the parameters of '{node.share}'; expected init there",
                        on="key",
                    )
                )
            elif isinstance(initial, Explicit) and (parameter := parameters[key]) is not None:
                problems += explicit_problems(place, initial, parameter)
        return problems

    def _share_problems(self, name: str, node: Node, parameters: Mapping[str, dict[str, Parameter]]) -> list[Problem]:
        """What keeps ``node`` from using the parameters of the node that its ``share`` names."""
        path = ("nodes", name, "share")
        visited, target = [name], node.share
        while target is not None:
            if target in visited:
                return [Problem(path, f"'share' goes in a circle: {' -> '.join([*visited, target])}")]
            visited.append(target)
            target = self._nodes[target].share if target in self._nodes else None
        owner = visited[-1]
        if not node.trainable:
            return [
                Problem(
                    ("nodes", name, "trainable"),
                    f"'{name}' uses the parameters of '{owner}'; expected trainable there",
                    on="key",
                )
            ]
        if name not in parameters or owner not in parameters:
            return []
        mine = {key: parameter.shape for key, parameter in parameters[name].items()}
        theirs = {key: parameter.shape for key, parameter in parameters[owner].items()}
        if type(node.op) is not type(self._nodes[owner].op) or mine != theirs or not mine:
            return [
                Problem(
                    path,
                    f"'{name}' ({type(node.op).__name__}: {_spell_parameters(mine)}) cannot use the parameters of "
                    f"'{owner}' ({type(self._nodes[owner].op).__name__}: {_spell_parameters(theirs)}); "
                    "expected the same op and the same parameter shapes",
                )
            ]
        return []

    # -- names -------------------------------------------------------------------------------------

    def _name_problems(self, path: tuple[str, str], name: str) -> list[Problem]:
        if isinstance(name, str) and (name in self._inputs or name in self._nodes):
            kind = "an input" if name in self._inputs else "a node"
            return [Problem(path, f"'{name}' is already {kind}; expected a new name", on="key")]
        return name_problems(path, name)

    def _unknown(self, name: object, known: Collection[str], kind: str) -> str:
        near = did_you_mean(name, known) if isinstance(name, str) else ""
        return f"unknown {kind} '{name}'; expected {one_of(known, name) if known else 'none'}{near}"


def _is_loop(digraph: nx.DiGraph[str], part: set[str]) -> bool:
    return any(digraph.has_edge(name, name) for name in part)


def name_problems(path: KeyPath, name: object) -> list[Problem]:
    """What is wrong with a name; nothing, when it is letters, digits and underscores as it should be."""
    if isinstance(name, str) and NAME.fullmatch(name):
        return []
    return [
        Problem(
            path,
            f"found {describe(name)}; expected a name of 1 to 64 letters, digits and underscores that does not "
            "begin with a digit",
            on="key" if len(path) > 1 else "value",
        )
    ]


def parameter_names(op: Op) -> list[str]:
    """The names of an op's parameters: they do not hang on the shapes of its inputs, as the parameters' shapes do."""
    return list(op.parameters(*[(1, 1, 1)] * max(1, op.min_inputs)))


def unknown_parameter(path: KeyPath, name: str, known: Collection[str], op: str) -> Problem:
    """The problem of an initialiser for a parameter that the op has not."""
    has = f"expected {one_of(known)}" if known else f"{op} has none"
    return Problem(path, f"unknown parameter '{name}'; {has}{did_you_mean(name, known)}", on="key")


def explicit_problems(path: KeyPath, initial: Explicit, parameter: Parameter) -> list[Problem]:
    """What keeps given values from filling a parameter."""
    values = np.asarray(initial.values)
    if values.ndim:
        try:
            fit(values, parameter.shape)
        except ShapeError as error:
            return [Problem(path, str(error))]
    return []


def _full_shape(shape: object) -> Shape | None:
    """(C, H, W) for [H, W] or [C, H, W] of positive integers, else None."""
    if not isinstance(shape, Sequence) or isinstance(shape, str) or len(shape) not in (2, 3):
        return None
    sizes = [plain_number(size) for size in shape]
    if any(isinstance(size, bool) or not isinstance(size, int) or size < 1 for size in sizes):
        return None
    return (1,) * (3 - len(sizes)) + tuple(size for size in sizes if isinstance(size, int))


def _spell_parameters(shapes: Mapping[str, Shape]) -> str:
    return ", ".join(f"{name} {spell_shape(shape)}" for name, shape in shapes.items()) or "no parameters"


def full_names(by_node: Mapping[str, dict[str, Parameter]]) -> dict[str, Parameter]:
    """What nodes have by name, by full names such as ``conv1.kernel``."""
    return {f"{node}.{name}": item for node, items in by_node.items() for name, item in items.items()}
