"""The reference of the definition file, from its JSON Schema, which is made from the classes that read definitions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from minigraph.declared.registry import Registry
from minigraph.definition.schema import Schema, json_schema
from minigraph.definition.sections import NodeSection
from minigraph.errors import DefinitionError
from minigraph.graph.initialization import Normal, Scheme, Uniform
from minigraph.recipe.losses import LOSSES
from minigraph.recipe.metrics import METRICS
from minigraph.recipe.schedules import SCHEDULES
from minigraph.recipe.settings import optimizers
from minigraph.views.sections import Section, page
from minigraph.wording import did_you_mean, one_of

SECTIONS = {
    "definition": "definition",
    "inputs": "input",
    "nodes": "node",
    "init": "init",
    "data": "data",
    "train": "train",
    "losses": "loss",
    "optimizers": "optimizer",
    "schedules": "schedule",
    "metrics": "metric",
}
"""The sections of the reference, each with what one of its things is called, by which it is found too."""

EXAMPLE = """\
    schema_version = 1
    name = "edges"
    outputs = ["answer"]

    [inputs.image]
    shape = [3, 4]

    [nodes.answer]
    op = "Conv"
    inputs = ["image"]
    kernel_size = 2

    [data]
    source = "file"
    inputs.image = [[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]]
    outputs.answer = [[0, 1, 0], [0, 1, 0]]

    [train]
    loss = "mse"
    optimizer = { name = "sgd", learning_rate = 0.1 }
    steps = 200"""


def definition_sections(name: str | None = None) -> list[Section]:
    """The sections of the reference of the definition file, with a row for each key.

    Args:
        name: one of :data:`SECTIONS`, or what one of its things is called; all when left out.

    Raises:
        DefinitionError: there is no such section.
    """
    sections = dict(zip(SECTIONS, _sections(), strict=True))
    if name is None:
        return list(sections.values())
    wanted = name.strip("[]").lower()
    found = next((section for section, one in SECTIONS.items() if wanted in (section, one)), None)
    if found is None:
        near = did_you_mean(wanted, SECTIONS)
        raise DefinitionError(f"reference: unknown section '{name}'; expected {one_of(SECTIONS)}{near}")
    return [sections[found]]


def definition_page() -> str:
    """The reference of the definition file as a Markdown page."""
    return page(
        "The definition file",
        "Made by `python cli.py reference -o docs/definition.md` from the classes that read definitions. "
        "[ops.md](ops.md) has the\nops and their attributes; `python cli.py new NAME` writes a commented file to begin "
        "with.",
        definition_sections(),
    )


def _sections() -> list[Section]:
    schema = json_schema()
    parts = schema["definitions"]
    data, train = parts["data"]["properties"], parts["train"]["properties"]
    file, _, normal, uniform = parts["array"]["anyOf"]
    node = schema["properties"]["nodes"]["additionalProperties"]["oneOf"][0]["properties"]
    common = {key: node[key] for key in NodeSection.model_fields}
    common["op"] = {"type": "string", "description": node["op"]["description"]}
    return [
        _section("The file", f"TOML or JSON, the same in both. The smallest whole example:\n\n{EXAMPLE}", schema),
        _section("[inputs.NAME]", "A map that the graph is given, without its samples.", parts["input"]),
        _section(
            "[nodes.NAME]",
            "Nodes may stand in any order. Beside these keys each has the attributes of its op.",
            {"properties": common, "required": ["op", "inputs"]},
        ),
        Section(
            "init",
            "How a node's parameters begin, each by its own name: a number, an array, or one of these tables. He when "
            "left out (scheme he_normal), of biases 0.\n\n"
            "    init.kernel = [[0, 1], [1, 0]]\n"
            '    init.kernel = { distribution = "normal", mean = 0.0, std = 0.1 }\n'
            "    init.bias = 0.0",
            below=tuple(
                _section(title, kind.summary, table)
                for title, kind, table in (
                    ("normal", Normal, normal),
                    ("uniform", Uniform, uniform),
                    ("schemes", Scheme, parts["initializer"]["anyOf"][-1]),
                )
            ),
        ),
        _section(
            "[data]",
            "What the graph is trained on. Either a teacher answers: the targets are what this same graph answers with "
            "the teacher's parameters. Or inputs and targets are given, each as a file, as an array, or as one of "
            "the arrays of an npz. Paths are relative to the definition.\n\n"
            '    source = "file"\n'
            "    inputs.image = [[1, 0], [0, 2]]\n"
            '    outputs.answer = { file = "answers.npy" }',
            parts["data"],
            below=(
                _section(
                    "a file of one array",
                    "Pictures (png, jpg) count as 0 to 1; numbers of npy, npz and csv are taken as they are. A csv has "
                    "one map, a row a line; or, of vectors and class numbers, one sample a row; or, with `columns`, "
                    "one sample a row of maps too. A first row of names, and what stands behind a #, are passed "
                    "over.\n\n"
                    '    inputs.image = { file = "train.csv", columns = "1:" }\n'
                    '    outputs.label = { file = "train.csv", columns = "0" }',
                    file,
                ),
                _section(
                    "split",
                    "Shares of the samples that are not trained on, drawn by the seed.\n\n"
                    "    split = { validation = 0.1, test = 0.2 }",
                    data["split"],
                ),
                _section(
                    "validation, test",
                    "Or, in place of a share, samples of their own: an npz with an array for each input and output, by "
                    "the name that it has in the graph, or by the `key` that [data] reads it by; or a file or an "
                    "array for each.\n\n"
                    '    validation = { file = "validation.npz" }',
                    data["validation"],
                ),
            ),
        ),
        _section("[train]", "How the graph is trained.", parts["train"]),
        _family("Losses", '    loss = "mse"\n    loss = { name = "huber", delta = 0.5 }', LOSSES, train["loss"]),
        _family(
            "Optimizers",
            '    optimizer = { name = "sgd", learning_rate = 3e-5 }',
            optimizers(),
            train["optimizer"],
        ),
        _family(
            "Schedules",
            '    schedule = "cosine"\n    schedule = { name = "cosine", warmup = 1 }',
            SCHEDULES,
            train["schedule"],
        ),
        Section(
            "Metrics",
            '    metrics = ["accuracy", "mae"]',
            ("name", "what it is"),
            tuple((name, " ".join((metric.__doc__ or "").split())) for name, metric in METRICS.items()),
        ),
    ]


def _family(title: str, example: str, registry: Registry[Any], choices: Schema) -> Section:
    """A section for each member of a family, below one that shows how a member is named."""
    tables = {table["properties"]["name"]["const"]: table for table in choices["oneOf"] if "properties" in table}
    below = tuple(_section(name, member.summary, tables[name], left_out=("name",)) for name, member in registry.items())
    return Section(title, example, below=below)


def _section(
    title: str, text: str, table: Schema, below: tuple[Section, ...] = (), left_out: tuple[str, ...] = ("$schema",)
) -> Section:
    """A section with a row for each key of a table."""
    rows = tuple(
        (key, spell_type(value), _spell_default(key, value, table), value.get("description", ""))
        for key, value in table["properties"].items()
        if key not in left_out
    )
    columns = ("key", "type", "default", "what it is") if rows else ()
    return Section(title, text.replace("``", "`"), columns, rows, below)


def _spell_default(key: str, value: Schema, table: Schema) -> str:
    if key in table.get("required", ()):
        return "required"
    return _spell(value["default"]) if value.get("default") not in (None, "", []) else ""


_BOUNDS = {"exclusiveMinimum": "above", "minimum": "at least", "exclusiveMaximum": "below", "maximum": "at most"}


def spell_type(schema: Mapping[str, Any]) -> str:
    """What a JSON Schema allows, in words: ``integer, at least 1``.

    >>> spell_type({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "null"}]})
    'number, above 0'
    >>> spell_type({"enum": ["teacher", "file"]})
    '"teacher" or "file"'
    >>> spell_type({"type": "array", "items": {"type": "string"}})
    'array of strings'
    """
    for key in ("anyOf", "oneOf"):
        if key in schema:
            choices = [spell_type(choice) for choice in schema[key] if choice.get("type") != "null"]
            return (", or " if choices[0].startswith("one of") else " or ").join(dict.fromkeys(choices))
    if "const" in schema:
        return _spell(schema["const"])
    if "enum" in schema:
        values = [_spell(value) for value in schema["enum"]]
        return " or ".join(values) if len(values) < 3 else f"one of {', '.join(values)}"
    kind = schema.get("type", "object")
    if kind == "array":
        return _spell_array(schema)
    words = {"object": "table", "boolean": "true or false"}
    bounds = [f"{word} {schema[bound]:g}" for bound, word in _BOUNDS.items() if bound in schema]
    return ", ".join([words.get(kind, kind), *([" and ".join(bounds)] if bounds else [])])


def _spell_array(schema: Mapping[str, Any]) -> str:
    items = schema.get("items", {"type": "number"})
    least, most = schema.get("minItems"), schema.get("maxItems")
    count = "" if most is None else f"{least} " if least == most else f"{least} or {most} "
    item = spell_type(items[0] if isinstance(items, list) else items)
    if "enum" in items:
        return f"array, each {item}"
    kind, _, bounds = item.partition(",")
    return f"array of {count}{kind}s{f', each{bounds}' if bounds else ''}"


def _spell(value: Any) -> str:
    """A value as it stands in TOML."""
    return json.dumps(value)
