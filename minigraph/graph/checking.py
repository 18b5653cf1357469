"""What follows from a graph's nodes, order, shapes and parameters, and every mistake that is found on the way.

:func:`resolve` looks at a whole graph; :func:`infer` and the functions that return problems look at one node, and
serve a graph that is built node by node too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from minigraph.arrays import Shape, spell_shape
from minigraph.errors import DefinitionError, Problem, ShapeError
from minigraph.graph.initialization import Explicit, fit
from minigraph.graph.names import unknown_name, unknown_parameter
from minigraph.graph.node import Node
from minigraph.ops.base import Op, Parameter
from minigraph.ops.checking import calling, check_declared, check_shape
from minigraph.wording import KeyPath

if TYPE_CHECKING:
    import networkx as nx

MOST_NUMBERS = 10**12
"""An array of so many numbers is in no machine's memory: a shape that asks for it is a mistake."""
PICTURE = 8
"""From so many rows and columns on a shape that ends in 1 or 3 is taken for a picture with its channels last."""


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


def resolve(
    inputs: Mapping[str, Shape],
    nodes: Mapping[str, Node],
    outputs: Collection[str],
    digraph: nx.DiGraph[str],
    known: Sequence[Problem] = (),
) -> Resolved:
    """Order, shapes and parameters, as far as a graph is sound, and everything that is wrong with it.

    Args:
        digraph: an edge from each input and node to the nodes that read it, its names in the order of declaration.
        known: what is wrong already with the definition that the graph was read from.
    """
    problems = list(known)
    # A section that is no table, or is missing, is told as that, not again for each name that it should have.
    lost = {str(problem.path[0]) for problem in known if len(problem.path) == 1}
    if not inputs and not any(problem.path[0] == "inputs" for problem in known if problem.path):
        problems.append(Problem(("inputs",), "the graph has no input; expected at least one", on="key"))
    if not outputs and not any(problem.path[0] == "outputs" for problem in known if problem.path):
        problems.append(Problem(("outputs",), "the graph has no output; expected at least one node", on="key"))
    problems += _name_faults(inputs, nodes, known, lost)
    order, cycles = _sort(nodes, digraph)
    problems += cycles
    unsure = {
        problem.path[1]
        for problem in known
        if problem.path[:1] == ("nodes",)
        and problem.path[1:]
        and problem.path[2:3] not in (("init",), ("share",), ("trainable",))
    }
    shapes = dict(inputs)
    parameters: dict[str, dict[str, Parameter]] = {}
    for name in order:
        node = nodes[name]
        try:
            if name not in unsure and all(source in shapes for source in node.inputs):
                shapes[name], parameters[name] = infer(name, node, shapes, inputs)
                problems += init_problems(name, node, parameters[name])
            else:
                _require_count(name, node)
                if name not in unsure:
                    problems += init_problems(name, node, dict.fromkeys(parameter_names(node.op)))
        except DefinitionError as error:
            problems += error.problems
        except ShapeError as error:
            path = ("nodes", name, error.attribute) if error.attribute else ("nodes", name)
            problems.append(Problem(path, str(error)))
    for name, node in nodes.items():
        if node.share is not None:
            problems += share_problems(name, node, nodes, parameters)
    owners = [name for name, declared in parameters.items() if declared and nodes[name].share is None]
    states = {
        name: state
        for name in owners
        if (state := nodes[name].op.state(*(shapes[source] for source in nodes[name].inputs)))
    }
    return Resolved([] if cycles else order, shapes, {name: parameters[name] for name in owners}, states, problems)


def _name_faults(
    inputs: Collection[str], nodes: Mapping[str, Node], known: Sequence[Problem], lost: set[str]
) -> list[Problem]:
    """The names that nodes read or share and that are nowhere; those in ``known`` are meant to be somewhere."""
    places = [(problem.path[0], str(problem.path[1])) for problem in known if len(problem.path) > 1]
    node_names = dict.fromkeys([*nodes, *(name for kind, name in places if kind == "nodes")])
    names = dict.fromkeys([*inputs, *(name for kind, name in places if kind == "inputs"), *node_names])
    texts: dict[str, str] = {}
    problems = []
    for name, node in nodes.items():
        for index, source in enumerate(node.inputs):
            if source not in names and not lost & {"inputs", "nodes"}:
                if source not in texts:
                    texts[source] = unknown_name(source, names, "input or node")
                problems.append(Problem(("nodes", name, "inputs", index), texts[source]))
        if node.share in inputs:
            text = f"'{node.share}' is an input; expected a node that has parameters"
            problems.append(Problem(("nodes", name, "share"), text))
        elif node.share is not None and node.share not in node_names and "nodes" not in lost:
            problems.append(Problem(("nodes", name, "share"), unknown_name(node.share, node_names, "node")))
    return problems


def _sort(nodes: Mapping[str, Node], digraph: nx.DiGraph[str]) -> tuple[list[str], list[Problem]]:
    """The nodes in topological order, those of cycles anywhere, and the cycles."""
    import networkx as nx

    position = {name: index for index, name in enumerate(digraph)}
    try:
        order = list(nx.lexicographical_topological_sort(digraph, key=position.__getitem__))
    except nx.NetworkXUnfeasible:
        knots = [
            digraph.subgraph(sorted(part, key=position.__getitem__))
            for part in nx.strongly_connected_components(digraph)
            if len(part) > 1 or _is_loop(digraph, part)
        ]
        cycles = [_cycle_problem(nodes, knot) for knot in knots]
        opened = digraph.copy()
        opened.remove_edges_from([edge for knot in knots for edge in knot.edges])
        order = list(nx.lexicographical_topological_sort(opened, key=position.__getitem__))
    else:
        cycles = []
    return [name for name in order if name in nodes], cycles


def _cycle_problem(nodes: Mapping[str, Node], knot: nx.DiGraph[str]) -> Problem:
    """A cycle among nodes that all reach each other, told from the node that was declared first."""
    import networkx as nx

    position = {name: index for index, name in enumerate(nodes)}
    cycle = [edge[0] for edge in nx.find_cycle(knot)]
    first = min(range(len(cycle)), key=lambda index: position[cycle[index]])
    cycle = cycle[first:] + cycle[:first]
    around = " -> ".join([*cycle, cycle[0]])
    # The caret belongs under the input that closes the circle.
    path = ("nodes", cycle[0], "inputs", nodes[cycle[0]].inputs.index(cycle[-1]))
    return Problem(path, f"the nodes form a cycle: {around}; expected a graph without cycles")


def infer(
    name: str, node: Node, shapes: Mapping[str, Shape], graph_inputs: Mapping[str, Shape]
) -> tuple[Shape, dict[str, Parameter]]:
    """A node's shape and its op's parameters, from the shapes of what it reads; an error asks after the graph's inputs.

    Raises:
        DefinitionError: a wrong count of inputs.
        ShapeError: the op cannot take these shapes.
        OpError: the op answers with what is no shape, or with no parameters.
    """
    _require_count(name, node)
    op = node.op
    inputs = [shapes[source] for source in node.inputs]
    kind = type(op).__name__
    try:
        with calling(f"{kind}.output_shape of node '{name}'"):
            shape = op.output_shape(*inputs)
        check_shape(shape, f"{kind}.output_shape of node '{name}'")
        with calling(f"{kind}.parameters of node '{name}'"):
            parameters = op.parameters(*inputs)
        check_declared(parameters, Parameter, f"{kind}.parameters of node '{name}'")
        for large in (*inputs, shape, *(parameter.shape for parameter in parameters.values())):
            if prod(large) > MOST_NUMBERS:
                raise ShapeError(f"{spell_shape(large)} has more numbers than the {MOST_NUMBERS:,} that are possible")
        return shape, parameters
    except ShapeError as error:
        read = ", ".join(f"'{source}' {spell_shape(shapes[source])}" for source in node.inputs)
        asked = "".join(f"; {problem.message}" for problem in shape_doubts(graph_inputs))
        raise ShapeError(f"node '{name}' ({kind}) reads {read}: {error}{asked}", error.attribute) from None


def _require_count(name: str, node: Node) -> None:
    """Raise DefinitionError unless the node reads as many inputs as its op takes."""
    found, least, most = len(node.inputs), node.op.min_inputs, node.op.max_inputs
    if found < least or (most is not None and found > most):
        wanted = f"{least}" if most == least else f"{least} or more" if most is None else f"{least} to {most}"
        text = f"found {found} input{'s' * (found != 1)}; expected {wanted} for {type(node.op).__name__}"
        raise DefinitionError([Problem(("nodes", name, "inputs"), text)])


def init_problems(name: str, node: Node, parameters: Mapping[str, Parameter | None]) -> list[Problem]:
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


def share_problems(
    name: str, node: Node, nodes: Mapping[str, Node], parameters: Mapping[str, dict[str, Parameter]]
) -> list[Problem]:
    """What keeps ``node`` from using the parameters of the node that its ``share`` names."""
    path = ("nodes", name, "share")
    visited, target = [name], node.share
    while target is not None:
        if target in visited:
            return [Problem(path, f"'share' goes in a circle: {' -> '.join([*visited, target])}")]
        visited.append(target)
        target = nodes[target].share if target in nodes else None
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
    if type(node.op) is not type(nodes[owner].op) or mine != theirs or not mine:
        return [
            Problem(
                path,
                f"'{name}' ({type(node.op).__name__}: {_spell_parameters(mine)}) cannot use the parameters of "
                f"'{owner}' ({type(nodes[owner].op).__name__}: {_spell_parameters(theirs)}); "
                "expected the same op and the same parameter shapes",
            )
        ]
    return []


def _is_loop(digraph: nx.DiGraph[str], part: set[str]) -> bool:
    return any(digraph.has_edge(name, name) for name in part)


def parameter_names(op: Op) -> list[str]:
    """The names of an op's parameters: they do not hang on the shapes of its inputs, as the parameters' shapes do."""
    return list(op.parameters(*[(1, 1, 1)] * max(1, op.min_inputs)))


def explicit_problems(path: KeyPath, initial: Explicit, parameter: Parameter) -> list[Problem]:
    """What keeps given values from filling a parameter."""
    values = np.asarray(initial.values)
    if values.ndim:
        try:
            fit(values, parameter.shape)
        except ShapeError as error:
            return [Problem(path, str(error))]
    return []


def _spell_parameters(shapes: Mapping[str, Shape]) -> str:
    return ", ".join(f"{name} {spell_shape(shape)}" for name, shape in shapes.items()) or "no parameters"


def shape_doubts(inputs: Mapping[str, Shape]) -> list[Problem]:
    """The inputs that look like pictures with their channels last."""
    return [
        Problem(
            ("inputs", name, "shape"),
            f"input '{name}' has {shape[0]} channels of {spell_shape(shape[1:])}; is [{shape[2]}, {shape[0]}, "
            f"{shape[1]}] meant? Channels come first: [C, H, W]",
        )
        for name, shape in inputs.items()
        if shape[2] in (1, 3) and min(shape[:2]) >= PICTURE
    ]


def warnings(
    inputs: Mapping[str, Shape], nodes: Mapping[str, Node], shapes: Mapping[str, Shape], needed: Collection[str]
) -> list[Problem]:
    """What in a sound graph is hardly meant: channels last, what no output needs, rows that a stride leaves unread."""
    problems = shape_doubts(inputs)
    problems += [
        Problem(("inputs", name), f"no output depends on input '{name}'", on="key")
        for name in inputs
        if name not in needed
    ]
    for name, node in nodes.items():
        if name not in needed:
            problems.append(Problem(("nodes", name), f"no output depends on node '{name}'", on="key"))
        rows, columns = node.op.unread(*(shapes[source] for source in node.inputs))
        if rows or columns:
            sizes = spell_shape(shapes[node.inputs[0]][1:])
            counts = [f"{n} {line}{'s' * (n > 1)}" for n, line in ((rows, "row"), (columns, "column")) if n]
            text = f"node '{name}' leaves the last {' and '.join(counts)} of its padded input unread"
            place = ("nodes", name, "stride")
            problems.append(Problem(place, f"{text} (input {sizes}); they get zero error"))
    return problems
