"""From a text to a graph: parse, apply the command line's overrides, validate, and tell everything that is wrong."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from minigraph.arrays import Array, Shape
from minigraph.declared.base import unknown_key
from minigraph.definition.sections import (
    HELD_OUT,
    DataSection,
    DefinitionSections,
    HeldOut,
    read_node,
    unquoted_problems,
    version_problems,
)
from minigraph.definition.source import Source
from minigraph.errors import DataError, DefinitionError, Problem
from minigraph.files.text import read_text
from minigraph.graph.graph import Graph, Node, explicit_problems, full_names, parameter_names, unknown_parameter
from minigraph.graph.initialization import Explicit
from minigraph.ops import OPS
from minigraph.ops.base import Context, Errors, Op
from minigraph.recipe.settings import TrainSection, train_problems
from minigraph.wording import KeyPath, describe, enumerated, nearest, one_of, spell_path

Parts = tuple[Graph, DataSection | None, TrainSection | None]


def read_source(path: Path, label: str) -> Source:
    """The text of a definition file.

    Raises:
        DefinitionError: it is missing, unreadable, no UTF-8, or its name ends in neither .toml nor .json.
    """
    if path.suffix not in (".toml", ".json"):
        raise DefinitionError(f"{label}: found a name that ends in '{path.suffix}'; expected .toml or .json")
    try:
        return Source(label, read_text(path, label), path.suffix == ".json")
    except DataError as error:
        raise DefinitionError(str(error)) from None


def parse(source: Source) -> dict[str, Any]:
    """The tables of a text.

    Raises:
        DefinitionError: it is not TOML, or not JSON, or has a JSON key twice.
    """
    try:
        tables = json.loads(source.text) if source.is_json else tomllib.loads(source.text.replace("\r\n", "\n"))
    except json.JSONDecodeError as error:
        raise _syntax_error(
            source, error.msg.removesuffix(" starting at").removesuffix(" at"), error.lineno, error.colno
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(source, *_toml_fault(source, str(error))) from None
    except RecursionError:
        raise _syntax_error(source, "nested too deeply", 1, 1) from None
    except ValueError:
        digits = re.search(r"[0-9_]{4000,}", source.text)
        place = _place(source.text, digits.start() if digits else 0)
        raise _syntax_error(source, "a number with too many digits", *place) from None
    if not isinstance(tables, dict):
        raise _syntax_error(source, f"found {describe(tables)}; expected an object", 1, 1)
    if source.is_json:
        # What an editor is told in JSON, as TOML is in a comment, is nothing to the graph.
        tables.pop("$schema", None)
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
        place = _place(source.text, source.text.lower().find(escape))
        raise _syntax_error(source, f"{escape} is half a character; expected both halves", *place) from None


def _syntax_error(source: Source, fault: str, line: int, column: int) -> DefinitionError:
    from minigraph.definition.positions import Span

    kind = "JSON" if source.is_json else "TOML"
    return DefinitionError(source.render_at(Span(line, column, 1), f"the text is not {kind}: {fault}"))


def _toml_fault(source: Source, message: str) -> tuple[str, int, int]:
    """tomllib's message in words that say what to do, and its place."""
    place = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    if not place:
        fault = message.removesuffix(" (at end of document)")
        return _TOML_FAULTS.get(fault, f"{fault} at the end"), *_place(source.text, len(source.text))
    fault, line, column = message[: place.start()], int(place[1]), int(place[2])
    text = source.lines[line - 1]
    if fault == "Cannot overwrite a value":
        # It was seen behind the value; the key is at fault, where it stands in the same line.
        key = re.match(r"""[ \t]*(?=[\w"'.-][^=]*=)""", text)
        return "a key that has a value already; expected each key once", line, key.end() + 1 if key else column
    table = re.fullmatch(r"Cannot (?:declare|mutate immutable namespace) (\(.*?\))(?: twice)?", fault)
    if table:
        header = spell_path(ast.literal_eval(table[1]))
        closed = f"'{header}' is written in braces already; expected all its keys in there"
        twice = f"[{header}] is given twice; expected each table once"
        return twice if fault.endswith("twice") else closed, line, len(text) - len(text.lstrip()) + 1
    duplicate = re.fullmatch(r"Duplicate inline table key ('.*')", fault)
    if duplicate:
        return f"the key {duplicate[1]} is given twice in one table; expected it once", line, column
    return _TOML_FAULTS.get(fault, fault), line, column


_TOML_FAULTS = {
    "Invalid value": "no value; expected a number, true, false, a string in quotes, [an array] or { a = table }",
    "Illegal character '\\n'": "a string without its closing quote in this line",
    "Unescaped '\\' in a string": "a backslash that stands for no letter; expected \\\\, or single quotes",
    "Expected newline or end of document after a statement": "more in the line after a value; expected a line for "
    "each key, and text in quotes",
    "Unclosed array": "an array that is not closed; expected a comma or ]",
}
"""tomllib's messages, as they are told."""


def _place(text: str, offset: int) -> tuple[int, int]:
    """(line, column) of an offset in a text."""
    before = text[:offset]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


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
        problems += _data_problems(graph, data, problems)
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
    common, attributes, problems = read_node(table)
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
        if isinstance(name, str):
            problems.append(_unknown_op(name))
        keys = dict.fromkeys((*Op.common_keys, *(key for _, member in OPS.items() for key in member.model_fields)))
        problems += [unknown_key((key,), keys) for key in attributes if key not in keys]
    return Node(op, tuple(common.inputs), common.trainable, common.share, common.init), problems


_FOREIGN_OPS = {
    "Linear": "Dense", "Gemm": "Dense", "MatMul": "Dense", "FullyConnected": "Dense", "InnerProduct": "Dense",
    "Mul": "Multiply", "Prod": "Multiply", "Sum": "Add", "Cat": "Concat", "Deconvolution": "ConvTranspose",
}  # fmt: skip
"""Ops of PyTorch, Keras, Caffe and ONNX whose names are not near our own."""


def _unknown_op(name: str) -> Problem:
    ours = _FOREIGN_OPS.get(name)
    try:
        OPS.find(name)
    except DefinitionError as error:
        (problem,) = error.problems
    hint = f"; here it is called '{ours}'" if ours else ""
    return Problem(("op",), problem.message + hint)


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


def _data_problems(graph: Graph, data: DataSection, told: list[Problem]) -> list[Problem]:
    """What in ``[data]`` does not fit the graph, as far as that can be said beside what is ``told`` already."""
    resolved = graph.resolve()
    parameters = full_names(resolved.parameters)
    faulty: dict[object, list[str]] = {"inputs": [], "nodes": [], "outputs": []}
    for section, *rest in (problem.path for problem in told if problem.path):
        faulty.setdefault(section, []).extend(map(str, rest[:1]))
    lost = {problem.path[0] for problem in told if len(problem.path) == 1}
    if any(problem.path[0] == "inputs" and len(problem.path) == 2 for problem in told if problem.path):
        lost.add("inputs")  # an input without a sound name is meant by some name in [data]
    sharing = {problem.path[1] for problem in told if problem.path[:1] == ("nodes",) and problem.path[2:] == ("share",)}
    unsure = {name for name in graph.nodes if name not in resolved.shapes} | set(faulty["nodes"])
    inputs: list[str] = list(dict.fromkeys([*graph.inputs, *faulty["inputs"]]))
    known: dict[str, list[str]] = {"inputs": inputs, "outputs": graph.outputs, "teacher": list(parameters)}
    skipped = {
        "inputs": "inputs" in lost,
        "outputs": "outputs" in lost or bool(faulty["outputs"]),
        "teacher": "nodes" in lost,
    }
    problems = [
        _unknown_datum(graph, key, name, known[key])
        for key in known
        for name in getattr(data, key)
        if name not in known[key] and not skipped[key]
        # What a node that is not understood has, or what it was meant to be called, is not known.
        if key != "teacher" or not unsure or name.partition(".")[0] in resolved.shapes.keys() - sharing
    ]
    if data.source == "teacher":
        unwanted = [key for key in ("file", "outputs") if getattr(data, key)]
        learned = [name for name, parameter in parameters.items() if isinstance(parameter.default, str)]
        required: dict[str, list[str]] = {"inputs": [] if "inputs" in lost else inputs, "teacher": learned}
    else:
        unwanted = ["teacher"] if data.teacher else []
        unwanted += [key for key in ("inputs", "outputs") if data.file and getattr(data, key)]
        required = {} if data.file else {"inputs": inputs, "outputs": graph.outputs}
    beside = "file" if data.source == "file" and data.file else f'source = "{data.source}"'
    problems += [
        Problem(("data", key), f"found '{key}' beside {beside}; expected one or the other", on="key")
        for key in unwanted
    ]
    for key, names in required.items():
        if not getattr(data, key):
            what = {"inputs": "a file or distribution", "outputs": "a file", "teacher": "a value"}[key]
            text = f"missing key '{key}'; expected {what} for each of {enumerated(names)}"
            problems += [Problem(("data", key), text, on="key")] if names else []
            continue
        problems += [
            Problem(("data", key, name), f"missing key '{name}'; expected one for each of {enumerated(names)}", "key")
            for name in names
            if name not in getattr(data, key)
        ]
    for part in HELD_OUT:
        section = getattr(data, part)
        if section is not None:
            needed = {key: known[key] for key in ("inputs", "outputs") if not skipped[key]}
            faults = _held_out_problems(graph, data, section, part, needed)
            problems += [problem.below("data", part) for problem in faults]
    for name, initial in data.teacher.items():
        if name in parameters and isinstance(initial, Explicit):
            problems += explicit_problems(("data", "teacher", name), initial, parameters[name])
    return problems


def _held_out_problems(
    graph: Graph, data: DataSection, section: HeldOut, part: str, names: Mapping[str, list[str]]
) -> list[Problem]:
    """What is wrong with the files of validation or test samples; ``names`` has those that are known for each key."""
    if data.source == "teacher":
        return [Problem((), 'found files beside source = "teacher"; expected split, which has the teacher\'s answers')]
    if data.split is not None and getattr(data.split, part):
        return [Problem((), f"found '{part}' and a split with '{part}'; expected one or the other", on="key")]
    problems = []
    for key, known in names.items():
        given = getattr(section, key)
        if section.file and given:
            text = f"found '{key}' beside 'file'; expected one or the other"
            problems.append(Problem((key,), text, on="key"))
        for name in [name for name in given if name not in known]:
            unknown = _unknown_datum(graph, key, name, known)
            problems.append(replace(unknown, path=unknown.path[1:]))
        for name in [name for name in known if name not in given and not section.file]:
            text = f"missing key '{name}'; expected a file for each of {enumerated(known)}, or 'file'"
            problems.append(Problem((key, name), text, on="key"))
    return problems


def _unknown_datum(graph: Graph, key: str, name: str, known: list[str]) -> Problem:
    """The problem of a name in ``[data]`` that the graph has not."""
    node, _, parameter = name.partition(".")
    user = graph.nodes.get(node)
    if key == "teacher" and user is not None and user.share is not None:
        owner = graph.owner(node) if not graph.resolve().problems else user.share
        text = f"'{node}' uses the parameters of '{owner}'; expected '{owner}.{parameter}'"
        return Problem(("data", key, name), text, on="key")
    kind = {"inputs": "input", "outputs": "output", "teacher": "parameter"}[key]
    near = nearest(name, known)
    hint = f"; did you mean '{near}'?" if near else ""
    expected = one_of(known, name) if known else "none"
    return Problem(("data", key, name), f"unknown {kind} '{name}'; expected {expected}{hint}", on="key", meant=near)


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
