"""The rules of ``[data]`` that hang on the graph: which names it needs, and which ones it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from minigraph.arrays import Shape
from minigraph.definition.sections import HELD_OUT, DataSection, HeldOut
from minigraph.errors import Problem
from minigraph.graph.checking import explicit_problems
from minigraph.graph.graph import Graph
from minigraph.graph.initialization import Explicit
from minigraph.graph.names import called_here, full_names, meant_parameter
from minigraph.wording import counted, did_you_mean, enumerated, nearest, one_of


def unquoted_problems(data: object) -> list[Problem]:
    """The keys of ``[data]`` that are ``teacher.conv1.kernel`` where ``teacher."conv1.kernel"`` is meant."""
    teacher = data.get("teacher") if isinstance(data, dict) else None
    return [
        Problem(
            ("data", "teacher", name),
            f"found a table '{name}' with {', '.join(map(str, table))}; expected a parameter's full name as one key in "
            f'quotes: teacher."{name}.{next(iter(table))}"',
            on="key",
        )
        for name, table in (teacher.items() if isinstance(teacher, dict) else ())
        if isinstance(table, dict) and table and "." not in name and not table.keys() & {"distribution", "scheme"}
    ]


def data_problems(graph: Graph, data: DataSection, told: list[Problem]) -> list[Problem]:
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
            what = {"inputs": "a file, array or distribution", "outputs": "a file or array", "teacher": "a value"}[key]
            text = f"missing key '{key}'; expected {what} for each of {enumerated(names)}"
            problems += [Problem(("data", key), text, on="key")] if names else []
            continue
        problems += [
            Problem(("data", key, name), f"missing key '{name}'; expected one for each of {enumerated(names)}", "key")
            for name in names
            if name not in getattr(data, key)
        ]
    if data.classes is not None and not unsure and not skipped["outputs"]:
        problems += _class_problems(graph, data.classes, resolved.shapes)
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


def _class_problems(graph: Graph, classes: tuple[str, ...], shapes: Mapping[str, Shape]) -> list[Problem]:
    """What is wrong with the names of classes: they belong to a single output, with one for each of its numbers."""
    if len(graph.outputs) > 1:
        text = f"found names of classes and {len(graph.outputs)} outputs; expected one output"
        return [Problem(("data", "classes"), text, on="key")]
    output = graph.outputs[0]
    count = shapes[output][0]
    if len(classes) == count:
        return []
    return [
        Problem(
            ("data", "classes"),
            f"found {counted(len(classes), 'name')}; expected {count}, one for each channel of '{output}'",
        )
    ]


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
        files = getattr(section, key)
        if section.file and files:
            text = f"found '{key}' beside 'file'; expected one or the other"
            problems.append(Problem((key,), text, on="key"))
        for name in [name for name in files if name not in known]:
            unknown = _unknown_datum(graph, key, name, known)
            problems.append(replace(unknown, path=unknown.path[1:]))
        for name in [name for name in known if name not in files and not section.file]:
            text = f"missing key '{name}'; expected a file or array for each of {enumerated(known)}, or 'file'"
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
    near = (called_here(name, known) if key == "teacher" else None) or nearest(name, known)
    hint = meant_parameter(name, known) if key == "teacher" else did_you_mean(name, known)
    expected = one_of(known, name) if known else "none"
    return Problem(("data", key, name), f"unknown {kind} '{name}'; expected {expected}{hint}", on="key", meant=near)
