"""The JSON Schema: current, valid draft-07, passed by what is sound and failed by planted structural faults."""

import copy
import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

import minigraph as mg
from minigraph.definition import Definition
from minigraph.definition.bundled import bundled
from minigraph.definition.schema import json_schema
from minigraph.ops import OPS
from minigraph.recipe.losses import LOSSES
from minigraph.recipe.metrics import METRICS
from minigraph.recipe.schedules import SCHEDULES
from minigraph.recipe.settings import optimizers
from tests.definition.test_reading import SOUND
from tests.definition.test_writing import graphs
from tests.helpers import ROOT

SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)
STARTER = ROOT / "minigraph" / "definition" / "starter.toml"
FILES = [*bundled().values(), *sorted((ROOT / "models").glob("*.json")), STARTER]


def read(file: Path) -> Any:
    text = file.read_text(encoding="utf-8")
    return json.loads(text) if file.suffix == ".json" else tomllib.loads(text)


def test_the_schema_beside_the_models_is_current() -> None:
    committed = (ROOT / "models" / "minigraph.schema.json").read_text(encoding="utf-8")
    assert committed == json.dumps(SCHEMA, indent=2) + "\n", "run: python cli.py schema -o models/minigraph.schema.json"


def test_the_schema_is_draft_07() -> None:
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_the_schema_has_no_word_that_draft_07_does_not_know() -> None:
    known = {*jsonschema.Draft7Validator.META_SCHEMA["properties"]}

    def check(schema: Any) -> None:
        if isinstance(schema, dict):
            assert set(schema) <= known, set(schema) - known
            for key in ("properties", "definitions"):
                for inner in schema.get(key, {}).values():
                    check(inner)
            for key in ("items", "additionalProperties", "propertyNames"):
                check(schema.get(key))
            for key in ("anyOf", "oneOf", "allOf"):
                for inner in schema.get(key, []):
                    check(inner)

    check(SCHEMA)


@pytest.mark.parametrize("file", [file for file in FILES if "schema" not in file.name], ids=lambda file: file.name)
def test_every_definition_that_comes_with_minigraph_passes(file: Path) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(read(file))] == []


def test_every_op_optimizer_and_loss_is_in_it() -> None:
    nodes = SCHEMA["properties"]["nodes"]["additionalProperties"]["oneOf"]
    assert [node["properties"]["op"]["const"] for node in nodes] == list(OPS)
    for node, (_, op) in zip(nodes, OPS.items(), strict=True):
        own = set(node["properties"]) - {"op", "inputs", "trainable", "share", "init"}
        assert own == set(op.model_fields)
        assert all(node["properties"][key]["description"] for key in node["properties"])
    train = SCHEMA["definitions"]["train"]["properties"]
    assert [member["properties"]["name"]["const"] for member in train["optimizer"]["oneOf"]] == list(optimizers())
    for key, registry in (("loss", LOSSES), ("schedule", SCHEDULES)):
        bare, *tables = train[key]["oneOf"]
        assert bare["enum"] == [table["properties"]["name"]["const"] for table in tables] == list(registry)
    assert train["metrics"]["items"]["enum"] == list(METRICS)


@settings(max_examples=60)
@given(graph=graphs())
def test_every_graph_that_is_saved_passes(graph: mg.Graph, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in ("graph.toml", "graph.json"):
        graph.save(tmp_path_factory.getbasetemp() / name)
        assert VALIDATOR.is_valid(read(tmp_path_factory.getbasetemp() / name))


# Planted faults: a path in the sound tables and what stands there instead; GONE takes it out.


@pytest.mark.parametrize(
    "image", [[[1, 0.5], [0, -2]], [[[1]]], {"file": "a.csv", "columns": "1:"}, {"file": "a.csv", "columns": -1}]
)
def test_arrays_columns_and_classes_pass_it(image: Any) -> None:
    tables: Any = tomllib.loads(SOUND)
    data = {"source": "file", "inputs": {"image": image}, "outputs": {"conv2": image}, "classes": ["cat", "dog"]}
    held_out = {"inputs": {"image": image}, "outputs": {"conv2": image}}
    assert VALIDATOR.is_valid({**tables, "data": {**data, "validation": held_out}})


GONE = object()
CONV2 = ("nodes", "conv2")
FAULTS: list[tuple[tuple[str | int, ...], Any]] = [
    (("schema_version",), 2),
    (("schema_version",), GONE),
    (("name",), "2small"),
    (("name",), 3),
    (("dtype",), "float16"),
    (("outputs",), []),
    (("outputs",), "conv2"),
    (("outputs",), ["conv2", "conv2"]),
    (("colour",), "blue"),
    (("inputs",), {}),
    (("inputs", "2d"), {"shape": [9, 8]}),
    (("inputs", "image", "shape"), [9]),
    (("inputs", "image", "shape"), [9, 0]),
    (("inputs", "image", "shape"), [9.5, 8]),
    (("inputs", "image", "size"), 3),
    (("nodes",), GONE),
    ((*CONV2, "op"), "Cnov"),
    ((*CONV2, "op"), GONE),
    ((*CONV2, "inputs"), "conv1"),
    ((*CONV2, "kernel_size"), GONE),
    ((*CONV2, "kernel_size"), [1, 2, 3]),
    ((*CONV2, "stride"), 0),
    ((*CONV2, "stride"), "2"),
    ((*CONV2, "stride"), True),
    ((*CONV2, "strde"), 2),
    ((*CONV2, "padding"), "sane"),
    ((*CONV2, "padding"), [1, 2, 3]),
    ((*CONV2, "out_channels"), 0),
    ((*CONV2, "groups"), -1),
    ((*CONV2, "bias"), 1),
    ((*CONV2, "slope"), 0.1),
    ((*CONV2, "trainable"), "no"),
    ((*CONV2, "init", "kernel"), {"distribution": "normal", "sdt": 1.0}),
    ((*CONV2, "init", "kernel"), {"scheme": "he"}),
    ((*CONV2, "init", "kernel"), "he_normal"),
    ((*CONV2, "init", "kernel"), {"distribution": "normal", "std": -1.0}),
    (("nodes", "norm"), {"op": "BatchNorm", "inputs": ["conv2"], "momentum": 2}),
    (("nodes", "shares"), {"op": "Softmax", "inputs": ["conv2"], "axis": 4}),
    (("nodes", "shares"), {"op": "Softmax", "inputs": ["conv2"], "axis": True}),
    (("nodes", "joined"), {"op": "Concat", "inputs": ["conv2", "conv2"], "axis": [1]}),
    (("nodes", "pool"), {"op": "MaxPool", "inputs": ["conv2"], "kernel_size": 1, "ceil_mode": 1}),
    (("nodes", "pool"), {"op": "AvgPool", "inputs": ["conv2"], "kernel_size": 1, "dilation": 0}),
    (("nodes", "dense"), {"op": "Dense", "inputs": ["conv2"], "out_features": 0}),
    (("data", "source"), "teached"),
    (("data", "samples"), 0),
    (("data", "inputs", "image"), {"mean": 1.0}),
    (("data", "inputs", "image"), {"file": ""}),
    (("data", "inputs", "image"), {"file": "a.csv", "columns": "first"}),
    (("data", "inputs", "image"), {"file": "a.csv", "columns": 1.5}),
    (("data", "inputs", "image"), []),
    (("data", "inputs", "image"), [[1, "2"]]),
    (("data", "inputs", "image"), [[1, True]]),
    (("data", "classes"), "cat"),
    (("data", "classes"), []),
    (("data", "classes"), ["cat", "cat"]),
    (("data", "classes"), [1]),
    (("data", "outputs"), {"conv2": "a.npy"}),
    (("data", "teacher"), {"conv1": {"kernel": 1.0}}),
    (("train", "loss"), "see"),
    (("train", "optimizer"), "sgd"),
    (("train", "optimizer", "name"), "sdg"),
    (("train", "optimizer", "learning_rate"), 0),
    (("train", "optimizer", "lr"), 0.1),
    (("train", "loss"), {"name": "huber", "dleta": 1}),
    (("train", "loss_weights"), {"conv2": -1}),
    (("train", "optimizer", "momentum"), 1),
    (("train", "optimizer", "nesterov"), 1),
    (("train", "schedule"), "cosin"),
    (("train", "schedule"), {"name": "step"}),
    (("train", "metrics"), ["acuracy"]),
    (("train", "metrics"), "accuracy"),
    (("train", "clip_norm"), 0),
    (("train", "batch_size"), 0),
    (("train", "patience"), 0),
    (("train", "steps"), 0),
    (("train", "steps"), 1.5),
    (("train", "seed"), -1),
    (("train", "log_every"), 0),
    (("train", "step"), 3),
]


@pytest.mark.parametrize(("path", "value"), FAULTS, ids=lambda item: str(item) if isinstance(item, tuple) else "")
def test_a_planted_fault_fails_it_and_is_refused(path: tuple[str | int, ...], value: Any, tmp_path: Path) -> None:
    tables: Any = tomllib.loads(SOUND)
    assert VALIDATOR.is_valid(tables)
    place = tables = copy.deepcopy(tables)
    for key in path[:-1]:
        place = place[key]
    if value is GONE:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    assert not VALIDATOR.is_valid(tables)
    (tmp_path / "faulty.json").write_text(json.dumps(tables))
    with pytest.raises(mg.DefinitionError):
        Definition.load(tmp_path / "faulty.json")
