"""From a text to a graph: parse, apply the command line's overrides, validate, and tell everything that is wrong."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minigraph.declared import from_table
from minigraph.definition.sections import (
    DataSection,
    DefinitionSections,
    TrainSection,
    read_node,
    version_problems,
)
from minigraph.definition.source import Source
from minigraph.errors import DefinitionError, KeyPath, Problem, describe, did_you_mean, one_of
from minigraph.graph import Graph, Node, explicit_problems
from minigraph.initialization import Explicit
from minigraph.ops import OPS

Parts = tuple[Graph, DataSection | None, TrainSection | None]


def read_source(path: Path, label: str) -> Source:
    """The text of a definition file.

    Raises:
        DefinitionError: it is missing, unreadable, no UTF-8, or its name ends in neither .toml nor .json.
    """
    if path.suffix not in (".toml", ".json"):
        raise DefinitionError(f"{label}: found a name that ends in '{path.suffix}'; expected .toml or .json")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DefinitionError(f"{label}: cannot be read: {error.strerror}") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", "replace")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise DefinitionError(f"{label}:{line}:{column}: found bytes that are not UTF-8; expected UTF-8 text") from None
    return Source(label, text, path.suffix == ".json")


def parse(source: Source) -> dict[str, Any]:
    """The tables of a text.

    Raises:
        DefinitionError: it is not TOML, or not JSON, or has a JSON key twice.
    """
    try:
        tables = json.loads(source.text) if source.is_json else tomllib.loads(source.text.replace("\r\n", "\n"))
    except json.JSONDecodeError as error:
        raise _syntax_error(source, error.msg, error.lineno, error.colno) from None
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(source, *_toml_fault(source, str(error))) from None
    except (ValueError, RecursionError) as error:
        fault = "nested too deeply" if isinstance(error, RecursionError) else "a number with too many digits"
        raise _syntax_error(source, fault, 1, 1) from None
    if not isinstance(tables, dict):
        raise _syntax_error(source, f"found {describe(tables)}; expected an object", 1, 1)
    if source.is_json:
        _refuse_surrogates(source, tables)
    if source.is_json and source.positions.duplicates:
        # The caret belongs under the second mention; what stands below the first one is what is indexed.
        source.positions.keys.update({path: second for path, _, second in source.positions.duplicates})
        raise DefinitionError(
            [
                Problem(
                    path,
                    f"key '{path[-1]}' is given twice, first in line {first.line}; expected it once",
                    on="key",
                )
                for path, first, _ in source.positions.duplicates
            ],
            source,
        )
    return tables


def _refuse_surrogates(source: Source, tables: object) -> None:
    """Raise DefinitionError for an escape such as ``\\ud800`` alone, which is half a character."""
    try:
        json.dumps(tables, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        escape = f"\\u{ord(error.object[error.start]):04x}"
        before = source.text[: source.text.lower().find(escape)]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise _syntax_error(source, f"{escape} is half a character; expected both halves", line, column) from None


def _syntax_error(source: Source, fault: str, line: int, column: int) -> DefinitionError:
    from minigraph.definition.positions import Span

    kind = "JSON" if source.is_json else "TOML"
    return DefinitionError(source.render_at(Span(line, column, 1), f"the text is not {kind}: {fault}"))


def _toml_fault(source: Source, message: str) -> tuple[str, int, int]:
    place = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    if place:
        return message[: place.start()], int(place[1]), int(place[2])
    return (
        message.removesuffix(" (at end of document)") + " at the end",
        len(source.lines),
        len(source.lines[-1]) + 1,
    )


def override(tables: dict[str, Any], source: Source, path: KeyPath, value: Any, option: str) -> None:
    """Put ``value`` at ``path`` into parsed tables, as the command line's ``option`` asks."""
    table: Any = tables
    for index, key in enumerate(path):
        if not isinstance(table, dict):
            around = ".".join(map(str, path[:index]))
            raise DefinitionError(f"{option}: '{around}' is {describe(table)}; expected a table")
        if index == len(path) - 1:
            table[str(key)] = value
        else:
            table = table.setdefault(str(key), {})
    source.overrides[path] = option


def build(tables: dict[str, Any], source: Source) -> Parts:
    """The graph and the sections that tables mean.

    Raises:
        DefinitionError: with every problem that was found, in the order of the text.
    """
    problems: list[Problem] = []
    sections: DefinitionSections | None = None
    try:
        sections = DefinitionSections(**tables)
    except DefinitionError as error:
        problems += error.problems
    else:
        problems += version_problems(sections.schema_version)
    graph, faults, broken = _build_graph(tables)
    problems += faults
    problems += graph.resolve(broken).problems
    if sections is not None and sections.data is not None and not problems:
        problems += _data_problems(graph, sections.data)
    if problems:
        raise DefinitionError(_one_for_each_place(problems), source, graph)
    assert sections is not None, "sections are built when nothing is wrong"
    return graph, sections.data, sections.train


def _build_graph(tables: Mapping[str, Any]) -> tuple[Graph, list[Problem], set[str]]:
    """The graph of the sound parts, what is wrong, and the names that stand in the text but are not sound."""
    problems: list[Problem] = []
    broken: set[str] = set()
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
            problems += error.problems
            broken.add(name)
    for name, table in _tables(tables, "nodes"):
        try:
            graph.declare(name, _node(table))
        except DefinitionError as error:
            # Problems of the node's name come with their whole path, those of its table with the path inside it.
            problems += [
                problem if problem.path[:1] == ("nodes",) else problem.below("nodes", name)
                for problem in error.problems
            ]
            broken.add(name)
    outputs = tables.get("outputs")
    for index, output in enumerate(outputs if isinstance(outputs, list) else []):
        if isinstance(output, str) and output not in broken:
            try:
                graph.output(output)
            except DefinitionError as error:
                problems += [Problem(("outputs", index), problem.message) for problem in error.problems]
    return graph, problems, broken


def _tables(tables: Mapping[str, Any], key: str) -> list[tuple[str, Any]]:
    section = tables.get(key)
    return list(section.items()) if isinstance(section, dict) else []


def _node(table: object) -> Node:
    """The node that a table describes.

    Raises:
        DefinitionError: with every problem of its common keys and of its op's attributes.
    """
    common, attributes, problems = read_node(table)
    op = None
    if isinstance(table, dict) and "op" in table:
        try:
            op = from_table(OPS, "op", {"op": table["op"], **attributes})
        except DefinitionError as error:
            problems += error.problems
    if problems or common is None or op is None:
        raise DefinitionError(problems)
    return Node(op, tuple(common.inputs), common.trainable, common.share, common.init)


def _data_problems(graph: Graph, data: DataSection) -> list[Problem]:
    """What in ``[data]`` does not fit the graph."""
    problems: list[Problem] = []
    parameters = graph.parameters
    for key, given, known, kind in (
        ("inputs", data.inputs, list(graph.inputs), "input"),
        ("outputs", data.outputs, graph.outputs, "output"),
        ("teacher", data.teacher, list(parameters), "parameter"),
    ):
        for name in given:
            if name not in known:
                near = did_you_mean(name, known)
                text = f"unknown {kind} '{name}'; expected {one_of(known)}{near}"
                problems.append(Problem(("data", key, name), text, on="key"))
    if data.source == "teacher":
        unwanted = [key for key in ("file", "outputs") if getattr(data, key)]
        required: dict[str, list[str]] = {
            "inputs": list(graph.inputs),
            "teacher": [name for name, parameter in parameters.items() if isinstance(parameter.default, str)],
        }
    else:
        unwanted = ["teacher"] if data.teacher else []
        unwanted += [key for key in ("inputs", "outputs") if data.file and getattr(data, key)]
        required = {} if data.file else {"inputs": list(graph.inputs), "outputs": graph.outputs}
    beside = "file" if data.source == "file" and data.file else f'source = "{data.source}"'
    problems += [
        Problem(("data", key), f"found '{key}' beside {beside}; expected one or the other", on="key")
        for key in unwanted
    ]
    for key, names in required.items():
        missing = [name for name in names if name not in getattr(data, key)]
        problems += [
            Problem(
                ("data", key, name),
                f"missing key '{name}'; expected one for each of {', '.join(names)}",
                on="key",
            )
            for name in missing
        ]
    for name, initial in data.teacher.items():
        if name in parameters and isinstance(initial, Explicit):
            problems += explicit_problems(("data", "teacher", name), initial, parameters[name])
    return problems


def _one_for_each_place(problems: list[Problem]) -> list[Problem]:
    """The first problem of each path: what else is wrong there follows from it."""
    first: dict[KeyPath, Problem] = {}
    for problem in problems:
        first.setdefault(problem.path, problem)
    return list(first.values())
