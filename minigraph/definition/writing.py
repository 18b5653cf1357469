"""From a graph to a text: tables as a person would write them, in TOML or JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from minigraph.declared.tables import to_table
from minigraph.definition.sections import HELD_OUT, SCHEMA_VERSION, ArrayFile, DataSection
from minigraph.graph.graph import Graph
from minigraph.graph.initialization import Initializer, to_plain
from minigraph.graph.node import Node
from minigraph.ops import OPS
from minigraph.recipe.losses import LOSSES
from minigraph.recipe.schedules import SCHEDULES
from minigraph.recipe.settings import TrainSection, optimizers


def to_tables(graph: Graph, data: DataSection | None, train: TrainSection | None) -> dict[str, Any]:
    """The plain tables of a definition, what has its default left out."""
    tables: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "name": graph.name}
    if graph.description:
        tables["description"] = graph.description
    if graph.dtype != "float64":
        tables["dtype"] = graph.dtype
    tables["outputs"] = graph.outputs
    tables["inputs"] = {
        name: {"shape": list(shape[1:] if shape[0] == 1 else shape)} for name, shape in graph.inputs.items()
    }
    tables["nodes"] = {name: _node_table(node) for name, node in graph.nodes.items()}
    if data is not None:
        tables["data"] = _data_table(data)
    if train is not None:
        tables["train"] = train_table(train)
    return tables


def train_table(train: TrainSection) -> dict[str, Any]:
    """``[train]`` as a plain table."""
    loss = to_table(LOSSES, "name", train.loss)
    table: dict[str, Any] = {"loss": loss["name"] if len(loss) == 1 else loss}
    if train.loss_weights:
        table["loss_weights"] = dict(train.loss_weights)
    table["optimizer"] = to_table(optimizers(), "name", train.optimizer)
    if train.schedule is not None:
        table["schedule"] = to_table(SCHEDULES, "name", train.schedule)
    rest = {"clip_norm", "steps", "epochs", "batch_size", "metrics", "evaluate_every", "patience", "checkpoint_every"}
    written = train.model_dump(include=rest, exclude_defaults=True)
    return {**table, **written, "seed": train.seed, "log_every": train.log_every}


def _node_table(node: Node) -> dict[str, Any]:
    written = to_table(OPS, "op", node.op)
    table = {"op": written.pop("op"), "inputs": list(node.inputs), **written}
    if not node.trainable:
        table["trainable"] = False
    if node.share is not None:
        table["share"] = node.share
    if node.init:
        table["init"] = {name: to_plain(initial) for name, initial in node.init.items()}
    return table


def _data_table(data: DataSection) -> dict[str, Any]:
    table: dict[str, Any] = {"source": data.source}
    if data.file is not None:
        table["file"] = data.file
    if data.samples != 1:
        table["samples"] = data.samples
    if data.classes is not None:
        table["classes"] = list(data.classes)
    if data.split is not None:
        table["split"] = data.split.written()
    for part in HELD_OUT:
        section = getattr(data, part)
        if section is not None:
            files = {key: getattr(section, key) for key in ("inputs", "outputs") if getattr(section, key)}
            tables = {key: {name: _source(item) for name, item in items.items()} for key, items in files.items()}
            table[part] = {"file": section.file} if section.file else tables
    for key in ("inputs", "outputs", "teacher"):
        entries: Mapping[str, ArrayFile | Initializer] = getattr(data, key)
        if entries:
            table[key] = {name: _source(item) for name, item in entries.items()}
    return table


def _source(item: ArrayFile | Initializer) -> Any:
    """What stands for an array of ``[data]`` in a definition."""
    return item.written() if isinstance(item, ArrayFile) else to_plain(item)


def to_json(tables: Mapping[str, Any]) -> str:
    """Tables as JSON, indented."""
    return json.dumps(tables, indent=2, ensure_ascii=False) + "\n"


def to_toml(tables: Mapping[str, Any]) -> str:
    """Tables as TOML: a header for each input, node and section, short lines, small tables inline."""
    lines = [f"{key} = {_value(value)}" for key, value in tables.items() if not isinstance(value, dict)]
    for section in ("inputs", "nodes"):
        for name, table in tables[section].items():
            lines += ["", f"[{section}.{_key(name)}]"]
            lines += _entries(table)
    for section in ("data", "train"):
        if section in tables:
            lines += ["", f"[{section}]"]
            lines += _entries(tables[section])
    return "\n".join(lines) + "\n"


_DOTTED = ("init", "inputs", "outputs", "teacher")
"""Tables that stand as dotted keys, one line for each entry."""


def _entries(table: Mapping[str, Any]) -> list[str]:
    lines = []
    for key, value in table.items():
        if isinstance(value, dict) and key in _DOTTED:
            lines += [f"{key}.{_key(name)} = {_value(item)}" for name, item in value.items()]
        else:
            lines.append(f"{key} = {_value(value)}")
    return lines


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)


def _text(text: str) -> str:
    # JSON's escapes are TOML's too; only DEL may stand bare in JSON and not in TOML.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items()) + " }"
    items = [_value(item) for item in value]
    line = "[" + ", ".join(items) + "]"
    if len(line) <= 100 or not isinstance(value[0], list | tuple):
        return line
    return "[\n" + "".join(f"    {item},\n" for item in items) + "]"
