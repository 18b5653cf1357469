"""The JSON Schema of definitions, made from the classes that read them: editors complete and check by it.

It is draft-07, the newest that Taplo and Even Better TOML know.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from minigraph.declared.base import Declared
from minigraph.declared.registry import Registry
from minigraph.definition.sections import (
    HELD_OUT,
    SCHEMA_VERSION,
    ArrayFile,
    DataSection,
    DefinitionSections,
    HeldOut,
    InputSection,
    NodeSection,
    Split,
)
from minigraph.graph.graph import DTYPES
from minigraph.graph.initialization import Normal, Scheme, Uniform
from minigraph.graph.names import NAME
from minigraph.ops import OPS
from minigraph.recipe.losses import LOSSES
from minigraph.recipe.metrics import METRICS
from minigraph.recipe.schedules import SCHEDULES
from minigraph.recipe.settings import TrainSection, optimizers

Schema = dict[str, Any]


def json_schema() -> Schema:
    """The schema as plain tables, for ``json.dumps``."""
    named = {"propertyNames": {"pattern": f"^{NAME.pattern}$"}, "type": "object"}
    nodes = [_node(name, op) for name, op in OPS.items()]
    properties: dict[str, Schema] = {
        "schema_version": {"const": SCHEMA_VERSION},
        "name": {"type": "string", "pattern": f"^{NAME.pattern}$"},
        "dtype": {"enum": list(DTYPES)},
        "inputs": {**named, "minProperties": 1, "additionalProperties": _ref("input")},
        "nodes": {**named, "minProperties": 1, "additionalProperties": {"oneOf": nodes}},
        "outputs": {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True},
        "data": _ref("data"),
        "train": _ref("train"),
    }
    number = {"type": "number"}
    numbers: Schema = {"type": "array", "minItems": 1}
    files = {"type": "object", "additionalProperties": {"anyOf": [_object(ArrayFile), numbers]}}
    root = _object(DefinitionSections, properties)
    root["properties"]["$schema"] = {"type": "string"}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "minigraph definition",
        **root,
        "definitions": {
            "input": _object(
                InputSection,
                {"shape": {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 2, "maxItems": 3}},
            ),
            "initializer": {"anyOf": [number, numbers, _object(Normal), _object(Uniform), _object(Scheme)]},
            "array": {"anyOf": [_object(ArrayFile), numbers, _object(Normal), _object(Uniform)]},
            "data": _object(
                DataSection,
                {
                    "inputs": {"type": "object", "additionalProperties": _ref("array")},
                    "outputs": files,
                    "split": _object(Split),
                    **{key: _object(HeldOut, {"inputs": files, "outputs": files}) for key in HELD_OUT},
                    "teacher": {"type": "object", "additionalProperties": _ref("initializer")},
                },
            ),
            "train": _object(
                TrainSection,
                {
                    "loss": {"oneOf": [{"enum": list(LOSSES)}, *_members(LOSSES, "name")]},
                    "loss_weights": {"type": "object", "additionalProperties": {"type": "number", "minimum": 0}},
                    "optimizer": {"oneOf": _members(optimizers(), "name")},
                    "schedule": {"oneOf": [{"enum": list(SCHEDULES)}, *_members(SCHEDULES, "name")]},
                    "metrics": {"type": "array", "items": {"enum": list(METRICS)}},
                },
            ),
        },
    }


def _node(name: str, op: type[Declared]) -> Schema:
    common = _object(
        NodeSection,
        {
            "op": {"const": name},
            "init": {"type": "object", "additionalProperties": _ref("initializer")},
        },
    )
    own = _object(op)
    return {
        **own,
        "properties": {**common["properties"], **own["properties"]},
        "required": [*common["required"], *own.get("required", [])],
    }


def _members(registry: Registry[Any], key: str) -> list[Schema]:
    members = []
    for name, member in registry.items():
        table = _object(member)
        table["properties"] = {key: {"const": name}, **table["properties"]}
        table["required"] = [key, *table.get("required", [])]
        members.append(table)
    return members


def _object(declared: type[Declared], given: dict[str, Schema] | None = None) -> Schema:
    """A declared class as an object; ``given`` has the schemas of fields that have validators of their own."""
    properties = {}
    for name, field in declared.model_fields.items():
        schema = (given or {}).get(name) or _field(field)
        description = {"description": field.description} if field.description else {}
        value = list(field.default) if isinstance(field.default, tuple) else field.default
        default = {} if field.is_required() or field.default_factory or value is None else {"default": value}
        # Draft-07 ignores what stands beside a $ref, so that a description there needs a layer of its own.
        properties[name] = {**description, **default, **({"allOf": [schema]} if "$ref" in schema else schema)}
    keys = {name: field for name, field in declared.model_fields.items() if field.is_required()}
    if "distribution" in properties:
        keys["distribution"] = declared.model_fields["distribution"]
    summary = declared.summary.split("\n")[0]
    return {
        "type": "object",
        "description": summary,
        "properties": properties,
        **({"required": list(keys)} if keys else {}),
        "additionalProperties": False,
    }


def _field(field: FieldInfo) -> Schema:
    annotation: Any = field.annotation
    if field.metadata:
        annotation = Annotated[annotation, *field.metadata]
    schema = TypeAdapter(annotation).json_schema()
    return {key: value for key, value in schema.items() if key != "title"}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}
