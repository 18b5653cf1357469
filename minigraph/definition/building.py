"""From tables to a graph and its sections, with everything that is wrong told at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, ClassVar

from minigraph.arrays import Array, Shape
from minigraph.declared.keys import unknown_key
from minigraph.definition.data_rules import data_problems, unquoted_problems
from minigraph.definition.sections import DataSection, DefinitionSections, NodeSection, version_problems
from minigraph.definition.source import Source
from minigraph.errors import DefinitionError, Problem
from minigraph.graph.checking import parameter_names
from minigraph.graph.graph import Graph
from minigraph.graph.names import unknown_parameter
from minigraph.graph.node import Node
from minigraph.ops import OPS
from minigraph.ops.base import Context, Errors, Op
from minigraph.recipe.settings import TrainSection, train_problems
from minigraph.wording import KeyPath, describe, nearest

Parts = tuple[Graph, DataSection | None, TrainSection | None]


def build(tables: dict[str, Any], source: Source) -> Parts:
    """The graph and the sections that tables mean.

    Raises:
        DefinitionError: with every problem that was found, in the order of the text.
    """
    problems = unquoted_problems(tables.get("data"))
    sections: DefinitionSections | None = None
    try:
        sections = DefinitionSections(**tables)
    except DefinitionError as error:
        problems += error.problems
    problems += version_problems(tables.get("schema_version"))
    graph, faults = _build_graph(tables)
    problems = list(graph.resolve(problems + faults).problems)
    data = sections.data if sections is not None else _data(tables)
    if data is not None:
        problems += data_problems(graph, data, problems)
    if sections is not None and sections.train is not None:
        problems += [problem.below("train") for problem in train_problems(graph.outputs, sections.train)]
    if problems:
        raise DefinitionError(_one_for_each_mistake(problems), source, graph)
    assert sections is not None, "sections are built when nothing is wrong"
    return graph, sections.data, sections.train


def _data(tables: Mapping[str, Any]) -> DataSection | None:
    """``[data]`` of a definition that is wrong, unless it is wrong itself: then its own problems are told already."""
    try:
        return DataSection(**tables["data"]) if isinstance(tables.get("data"), dict) else None
    except DefinitionError:
        return None


def _build_graph(tables: Mapping[str, Any]) -> tuple[Graph, list[Problem]]:
    """The graph as far as it can be built, and what is wrong with its inputs, its nodes' tables and its outputs."""
    problems: list[Problem] = []
    malformed: set[str] = set()
    name, dtype, description = (tables.get(key) for key in ("name", "dtype", "description"))
    try:
        graph = Graph(
            name if isinstance(name, str) else "unnamed", dtype="float32" if dtype == "float32" else "float64"
        )
    except DefinitionError as error:
        problems += error.problems
        graph = Graph("unnamed")
    graph.description = description if isinstance(description, str) else ""
    for name, table in _tables(tables, "inputs"):
        try:
            graph.input(name, table.get("shape") if isinstance(table, dict) else None)  # type: ignore[arg-type]  # judged there
        except DefinitionError as error:
            # A table that is none is told as that already.
            problems += [problem for problem in error.problems if isinstance(table, dict) or len(problem.path) == 2]
    for name, table in _tables(tables, "nodes"):
        node, faults = _node(table)
        problems += [problem.below("nodes", name) for problem in faults]
        try:
            graph.declare(name, node)
        except DefinitionError as error:
            problems += error.problems
            malformed.add(name)
    outputs = tables.get("outputs")
    for index, output in enumerate(outputs if isinstance(outputs, list) else []):
        if isinstance(output, str) and output not in malformed:
            try:
                graph.output(output)
            except DefinitionError as error:
                problems += [Problem(("outputs", index), problem.message) for problem in error.problems]
    return graph, problems


def _tables(tables: Mapping[str, Any], key: str) -> list[tuple[str, Any]]:
    section = tables.get(key)
    return list(section.items()) if isinstance(section, dict) else []


class Unknown(Op):
    """Stands for the op of a node whose own cannot be made, so that the rest of the node is checked."""

    min_inputs: ClassVar[int] = 0
    max_inputs: ClassVar[int | None] = None

    def output_shape(self, *inputs: Shape) -> Shape:
        raise NotImplementedError

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        raise NotImplementedError

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        raise NotImplementedError


def _node(table: object) -> tuple[Node, list[Problem]]:
    """The node that a table describes, as far as it can be read, and what is wrong with the table."""
    common, attributes, problems = _read_node(table)
    op: Op = Unknown()
    name = table.get("op") if isinstance(table, dict) else None
    if isinstance(name, str) and name in set(OPS):
        member = OPS.find(name)
        try:
            op = member(**attributes)
        except DefinitionError as error:
            problems += error.problems
            op, parameters = _partial(member, attributes, {problem.path[0] for problem in error.problems})
            problems += [
                unknown_parameter(("init", key), key, parameters, name) for key in common.init if key not in parameters
            ]
    else:
        unknown = _unknown_op(name) if isinstance(name, str) else None
        problems += [unknown] if unknown else []
        if unknown is None or unknown.meant:  # an op that is none of ours, nor nearly one, may have any attribute
            problems += _unknown_attributes(attributes)
    return Node(op, tuple(common.inputs), common.trainable, common.share, common.init), problems


def _read_node(table: object) -> tuple[NodeSection, dict[str, Any], list[Problem]]:
    """A node's common part as far as it can be read, its op's attributes, and what is wrong with the common part."""
    if not isinstance(table, dict):
        text = f"found {describe(table)}; expected a table with 'op' and 'inputs'"
        return NodeSection(op="", inputs=[]), {}, [Problem((), text)]
    common = {key: value for key, value in table.items() if key in NodeSection.model_fields}
    attributes = {key: value for key, value in table.items() if key not in common}
    try:
        return NodeSection(**common), attributes, []
    except DefinitionError as error:
        problems = list(error.problems)
    # Names stay at their place in `inputs`, and what is no name stays unknown: a description never is a name.
    names = [name if isinstance(name, str) else describe(name) for name in _items(common.get("inputs"))]
    sound = {key: value for key, value in common.items() if all(problem.path[:1] != (key,) for problem in problems)}
    init = {
        key: value
        for key, value in _entries(common.get("init"))
        if all(problem.path[:2] != ("init", key) for problem in problems)
    }
    return NodeSection(**{"op": "", **sound, "inputs": names, "init": init}), attributes, problems


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _entries(value: object) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, dict) else []


def _unknown_attributes(attributes: Iterable[str]) -> list[Problem]:
    """The problems of a node's keys that no op has, where the node's own op is not known."""
    keys = dict.fromkeys(key for _, member in OPS.items() for key in member.known_keys())
    foreign: dict[str, str] = {}
    for _, member in OPS.items():
        foreign = {**member.foreign_keys(), **foreign}
    return [unknown_key((key,), keys, foreign, Op.hints) for key in attributes if key not in keys]


def _unknown_op(name: str) -> Problem:
    ours = next((known for known, member in OPS.items() if name in member.foreign_names), None)
    try:
        OPS.find(name)
    except DefinitionError as error:
        (problem,) = error.problems
    hint = f"; here it is called '{ours}'" if ours else ""
    return Problem(("op",), problem.message + hint, meant=ours or nearest(name, OPS))


def _partial(member: type[Op], attributes: Mapping[str, Any], faulty: Collection[object]) -> tuple[Op, list[str]]:
    """The op with its sound attributes only, fit to be shown, not to be run; and the names of its parameters."""
    sound = {key: value for key, value in attributes.items() if key not in faulty}
    # Any number will do where one is missing: no parameter's name hangs on it.
    stand_ins = {key: 1 for key, field in member.model_fields.items() if field.is_required()}
    try:
        whole = member(**{**stand_ins, **sound})
    except DefinitionError:
        return Unknown(), []
    return member.model_construct(**{key: getattr(whole, key) for key in sound}), parameter_names(whole)


def _one_for_each_mistake(problems: Iterable[Problem]) -> list[Problem]:
    """The first problem of each path, for what else is wrong there follows from it; and of a key that is misspelt
    only that, not that it is missing."""
    first: dict[KeyPath, Problem] = {}
    for problem in problems:
        first.setdefault(problem.path, problem)
    for problem in list(first.values()):
        missing = first.get((*problem.path[:-1], problem.meant)) if problem.meant else None
        if missing is not None and missing.message.startswith("missing key"):
            del first[missing.path]
    return list(first.values())
