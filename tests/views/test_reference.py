"""The op reference: current, and complete for every op and attribute."""

import pytest

from minigraph.errors import DefinitionError
from minigraph.ops import OPS
from minigraph.views.reference import markdown_reference, op_reference
from tests.helpers import ROOT


def test_the_committed_reference_is_current() -> None:
    committed = (ROOT / "docs" / "ops.md").read_text(encoding="utf-8")
    assert committed == markdown_reference(), "run: python cli.py ops -o docs/ops.md"


@pytest.mark.parametrize("name", list(OPS))
def test_every_op_says_what_it_computes_and_every_attribute_what_it_is(name: str) -> None:
    op = OPS.find(name)
    assert op.__doc__ is not None
    assert op.__doc__ != op.__mro__[1].__doc__
    assert op.__doc__.split("\n")[0].strip()
    assert all(field.description for field in op.model_fields.values())
    section = op_reference([name])
    assert section.startswith(f"## {name}\n\n{op.summary}\n\nReads ")
    for key, field in op.model_fields.items():
        assert f"| {key} | " in section
        assert f" | {field.description} |" in section


def test_a_section_has_inputs_defaults_and_descriptions() -> None:
    assert op_reference(["LeakyReLU", "Add"]) == (
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
        op_reference(["Cnov"])
