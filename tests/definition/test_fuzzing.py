"""Bundled definitions, changed at random in structure and in text, load or are told: nothing but DefinitionError."""

import copy
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from minigraph.definition import Definition
from minigraph.definition.bundled import bundled
from minigraph.errors import DefinitionError
from minigraph.ops import OPS
from minigraph.views.summary import summary

TEXTS = [file.read_text(encoding="utf-8") for file in bundled().values()]
TABLES = [tomllib.loads(text) for text in TEXTS]
KEYS = sorted(
    {"op", "inputs", "outputs", "nodes", "share", "init", "trainable", "data", "train", "teacher", "file", "kernel"}
    | {"distribution", "scheme", "mean", "shape", "name", "conv1", "conv2", "image", "conv1.kernel", "", "a b", "é"}
    | {key for _, op in OPS.items() for key in op.model_fields}
)
scalars = st.one_of(
    st.sampled_from([0, 1, 2, -1, 3, 2.0, 0.5, True, False, 2**63, 10**30, float("nan"), float("inf"), -0.0, 1e308]),
    st.sampled_from([*OPS, "image", "conv1", "conv2", "sum", "teacher", "same", "valid", "normal", "sgd", "sse", ""]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=6,
)


def containers(value: Any) -> list[Any]:
    """All tables and arrays in a value, itself first."""
    found, here = [], [value]
    while here:
        item = here.pop()
        if isinstance(item, dict | list):
            found.append(item)
            here += item.values() if isinstance(item, dict) else item
    return found


@st.composite
def changed_tables(draw: st.DrawFn) -> dict[str, Any]:
    """A bundled definition's tables with some values and keys replaced, deleted, inserted, renamed or copied."""
    tables: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(TABLES)))
    for _ in range(draw(st.integers(1, 4))):
        places = containers(tables)
        place = draw(st.sampled_from(places))
        change = draw(st.sampled_from(["replace", "replace", "delete", "insert", "rename", "copy"]))
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        value = copy.deepcopy(draw(st.sampled_from(places))) if change == "copy" else draw(values)
        if change == "insert" or not keys:
            if isinstance(place, dict):
                place[draw(st.sampled_from(KEYS))] = value
            else:
                place.insert(draw(st.integers(0, len(place))), value)
            continue
        key = draw(st.sampled_from(keys))
        if change in ("replace", "copy"):
            place[key] = value
        elif change == "rename" and isinstance(place, dict):
            place[draw(st.sampled_from(KEYS))] = place.pop(key)
        else:
            del place[key]
    return tables


@st.composite
def changed_texts(draw: st.DrawFn) -> str:
    """A bundled definition's text with some pieces cut out, put in or moved."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        stop = min(len(text), start + draw(st.sampled_from([0, 0, 1, 2, 10, 80])))
        other = draw(st.integers(0, len(text)))
        piece = draw(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
            | st.sampled_from(
                ['"', "'", '"""', "[", "]", "[[", "{", "}", "=", ".", ",", "#", "\n", "\r\n", "\\", "nan"]
            )
            | st.just(text[other : other + draw(st.integers(0, 40))])
        )
        text = text[:start] + piece + text[stop:]
    return draw(st.sampled_from(["", "\ufeff"])) + text


def loads_or_is_told(text: str, file: Path) -> None:
    """Nothing but DefinitionError is raised, with a place for each mistake; what can be seen of it can be shown."""
    file.write_bytes(text.encode())
    told = None
    try:
        graph = Definition.load(file).graph
        assert graph.warnings() is not None
    except DefinitionError as error:
        told = error
    if told is not None:
        assert told.blocks()
        assert all(block.startswith(f"{file}:") and len(block.splitlines()) >= 3 for block in told.blocks())
        if told.graph is None:
            return
        graph = told.graph
    assert not graph.nodes or str(summary(graph))


@settings(max_examples=250)
@given(tables=changed_tables())
def test_changed_tables_load_or_are_told(tables: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp()
    loads_or_is_told(json.dumps(tables), folder / "changed.json")
    loads_or_is_told(tomli_w.dumps(tables), folder / "changed.toml")


@settings(max_examples=250)
@given(text=changed_texts())
def test_changed_texts_load_or_are_told(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    loads_or_is_told(text, tmp_path_factory.getbasetemp() / "changed.toml")
