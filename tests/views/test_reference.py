"""The references: current, and complete for every op, attribute and key of a definition."""

import textwrap
from pathlib import Path

import pytest

import minigraph as mg
from minigraph.data.loading import load_data
from minigraph.definition.schema import json_schema
from minigraph.definition.sections import ArrayFile, DataSection, DefinitionSections, HeldOut, NodeSection, Split
from minigraph.errors import DefinitionError
from minigraph.ops import OPS
from minigraph.recipe.losses import LOSSES
from minigraph.recipe.metrics import METRICS
from minigraph.recipe.schedules import SCHEDULES
from minigraph.recipe.settings import TrainSection, optimizers
from minigraph.views.definition_reference import EXAMPLE, SECTIONS, definition_page, definition_sections, spell_type
from minigraph.views.reference import op_sections, ops_page
from minigraph.views.sections import Section
from tests.helpers import ROOT


def test_the_committed_reference_is_current() -> None:
    committed = (ROOT / "docs" / "ops.md").read_text(encoding="utf-8")
    assert committed == ops_page(), "run: python cli.py ops -o docs/ops.md"


@pytest.mark.parametrize("name", list(OPS))
def test_every_op_says_what_it_computes_and_every_attribute_what_it_is(name: str) -> None:
    op = OPS.find(name)
    assert op.__doc__ is not None
    assert op.__doc__ != op.__mro__[1].__doc__
    assert op.__doc__.split("\n")[0].strip()
    assert all(field.description for field in op.model_fields.values())
    (section,) = (section.markdown() for section in op_sections([name]))
    assert section.startswith(f"## {name}\n\n{op.summary}\n\nReads ")
    for key, field in op.model_fields.items():
        assert f"| {key} | " in section
        assert f" | {field.description} |" in section


def test_a_section_has_inputs_defaults_and_descriptions() -> None:
    assert "\n\n".join(section.markdown() for section in op_sections(["LeakyReLU", "Add"])) == (
        "## LeakyReLU\n"
        "\n"
        f"{OPS.find('LeakyReLU').summary}\n"
        "\n"
        "Reads 1 input.\n"
        "\n"
        "| attribute | default | what it is |\n"
        "|---|---|---|\n"
        f"| slope | 0.01 | {OPS.find('LeakyReLU').model_fields['slope'].description} |\n"
        "\n"
        "## Add\n"
        "\n"
        "x1 + x2 + ..., elementwise; axes of length 1 are repeated, as those of (C, 1, 1) beside (C, H, W).\n"
        "\n"
        "All inputs are maps, or all are vectors. Source: ONNX Add and Sum, operator sets 14 and 13.\n"
        "\n"
        "Reads 2 or more inputs."
    )


def test_an_unknown_op_is_told_with_the_nearest_one() -> None:
    with pytest.raises(DefinitionError, match=r"^unknown op 'Cnov'; expected one of Add, .*; did you mean 'Conv'\?$"):
        op_sections(["Cnov"])


def test_the_committed_reference_of_the_definition_file_is_current() -> None:
    committed = (ROOT / "docs" / "definition.md").read_text(encoding="utf-8")
    assert committed == definition_page(), "run: python cli.py reference -o docs/definition.md"


def test_every_key_of_a_definition_has_a_row_that_says_what_it_is() -> None:
    sections = dict(zip(SECTIONS, definition_sections(), strict=True))
    tables = [
        (sections["definition"], DefinitionSections),
        (sections["nodes"], NodeSection),
        (sections["data"], DataSection),
        *zip(sections["data"].below, (ArrayFile, Split, HeldOut), strict=True),
        (sections["train"], TrainSection),
    ]
    families = {"losses": LOSSES, "optimizers": optimizers(), "schedules": SCHEDULES}
    for name, registry in families.items():
        members = dict(registry.items())  # type: ignore[attr-defined]
        assert [section.title for section in sections[name].below] == list(members)
        tables += [(section, members[section.title]) for section in sections[name].below]
    for section, declared in tables:
        assert [row[0] for row in section.rows] == list(declared.model_fields)
        assert all(row[1] and row[3] for row in section.rows), section.title
    assert [row[0] for row in sections["metrics"].rows] == list(METRICS)


def test_a_row_has_type_bounds_and_default() -> None:
    (train,) = definition_sections("train")
    rows = {row[0]: row[1:3] for row in train.rows}
    assert rows["steps"] == ("integer, at least 1", "")
    assert rows["seed"] == ("integer, at least 0", "0")
    assert rows["optimizer"] == ("table", "required")
    assert rows["loss"][0].endswith('"cross_entropy", or table')
    assert rows["loss"][1] == '"sse"'
    (family,) = definition_sections("optimizer")
    rows = {row[0]: row[1:3] for row in family.below[0].rows}
    assert rows["learning_rate"] == ("number, above 0", "required")
    assert rows["momentum"] == ("number, at least 0 and below 1", "0.0")
    assert rows["nesterov"] == ("true or false", "false")


def test_no_type_of_a_definition_is_left_unspelled() -> None:
    for name, table in json_schema()["definitions"].items():
        for key, value in table.get("properties", {}).items():
            assert spell_type(value) != "None", (name, key)


@pytest.mark.parametrize(("name", "title"), [("optimizer", "Optimizers"), ("[data]", "[data]"), ("Losses", "Losses")])
def test_a_section_is_found_by_what_it_is_about(name: str, title: str) -> None:
    (section,) = definition_sections(name)
    assert section.title == title


def test_an_unknown_section_is_told_with_the_nearest_one() -> None:
    with pytest.raises(DefinitionError, match=r"^reference: unknown section 'trian'; expected one of .*'train'\?$"):
        definition_sections("trian")


def test_the_example_of_a_whole_definition_trains(tmp_path: Path) -> None:
    (tmp_path / "edges.toml").write_text(textwrap.dedent(EXAMPLE))
    definition = mg.Definition.load(tmp_path / "edges.toml")
    data = load_data(definition, "float64", 0)
    assert definition.train is not None
    model = mg.Model(definition.graph, seed=0)
    rates = {"optimizer": definition.train.optimizer, "steps": definition.train.steps}
    history = mg.train(model, data.inputs, data.targets, loss=definition.train.loss, **rates)
    assert history.loss[-1] < 1e-2 * history.loss[0]


def test_a_section_as_plain_text_is_as_wide_as_asked_for() -> None:
    rows = (("rate", "number, above 0", "0.1", "how far a parameter moves in a step"), ("steps", "integer", "", "many"))
    section = Section("sgd", "Goes down `slowly`.\nAnd on.\n\n    name = 1", ("key", "type", "default", "what"), rows)
    assert section.plain(34) == (
        "sgd\n"
        "───\n\n"
        "Goes down slowly. And on.\n\n"
        "    name = 1\n\n"
        "rate    how far a parameter moves\n"
        "        in a step\n"
        "        (number, above 0; default\n"
        "        0.1)\n"
        "steps   many\n"
        "        (integer)"
    )
