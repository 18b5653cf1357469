"""Unknown keys: what other frameworks call ops and attributes is declared by each op, and told as our name."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import Field

import minigraph as mg
from minigraph.declared.base import Declared
from minigraph.declared.fields import also_called
from minigraph.definition.schema import json_schema
from minigraph.errors import DefinitionError
from minigraph.ops import OPS
from tests.helpers import Array, raises


class Blur(mg.Op):
    """The input times a factor, called Smooth elsewhere."""

    foreign_names: ClassVar[tuple[str, ...]] = ("Smooth",)
    hints: ClassVar[dict[str, str]] = {**mg.Op.hints, "border": "nothing is added around a map"}

    strength: float = mg.attribute(1.0, "the factor", foreign=("amount", "num_output"))

    def output_shape(self, *inputs: tuple[int, ...]) -> tuple[int, ...]:
        return inputs[0]

    def forward(self, inputs: tuple[Array, ...], context: mg.Context) -> Array:
        return inputs[0] * self.strength

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: mg.Context) -> mg.Errors:
        return mg.Errors((error * self.strength,))


@pytest.fixture
def blur() -> Iterator[type[Blur]]:
    """Blur as a registered op, for the length of a test."""
    yield mg.register_op(Blur)
    OPS._members.pop("Blur")


KEYS = "op, inputs, trainable, share, init, strength"


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("amount", "; here it is called 'strength'"),
        ("num_output", "; here it is called 'strength'"),
        ("strengh", "; did you mean 'strength'?"),
        ("border", "; nothing is added around a map"),
        ("in_channels", "; it follows from the inputs: leave it out"),
        ("bottom", "; here it is called 'inputs'"),
        ("xyz", ""),
    ],
)
def test_an_op_of_the_users_own_tells_its_foreign_spellings(key: str, hint: str) -> None:
    with raises(DefinitionError, f"{key}: unknown key '{key}'; expected one of {KEYS}{hint}"):
        Blur(**{key: 2.0})


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str, str], mg.Graph]:
    """A function that reads a definition of one node: of this op, with this attribute."""

    def graph(op: str, key: str) -> mg.Graph:
        file = tmp_path / "one_node.toml"
        file.write_text(
            'schema_version = 1\nname = "g"\noutputs = ["b"]\n[inputs.x]\nshape = [2, 2]\n'
            f'[nodes.b]\nop = "{op}"\ninputs = ["x"]\n{key} = 2.0\n'
        )
        return mg.Graph.load(file)

    return graph


@pytest.mark.usefixtures("blur")
def test_a_foreign_name_of_the_users_op_is_told_in_a_definition(read: Callable[[str, str], mg.Graph]) -> None:
    assert read("Blur", "strength").nodes["b"].op == Blur(strength=2.0)
    with pytest.raises(DefinitionError, match=r"unknown op 'Smooth'; expected one of .*; here it is called 'Blur'\n"):
        read("Smooth", "strength")
    with pytest.raises(DefinitionError, match=r"unknown key 'amount'; expected one of .*; here it is called 'strength"):
        read("Blur", "amount")
    with pytest.raises(DefinitionError, match=r"unknown key 'amount'; expected one of .*; here it is called 'strength"):
        read("Blurr", "amount")


@pytest.mark.usefixtures("blur")
def test_of_ops_with_one_foreign_spelling_the_first_registered_is_told_for_an_op_that_is_nearly_ours(
    read: Callable[[str, str], mg.Graph],
) -> None:
    with pytest.raises(DefinitionError, match=r"unknown key 'num_output'; .*; here it is called 'out_channels'"):
        read("Convv", "num_output")


def test_an_op_without_foreign_names_is_not_told_for_them() -> None:
    with pytest.raises(DefinitionError, match=r"unknown op 'Smooth'; expected one of [^;]*$"):
        OPS.find("Smooth")


@pytest.mark.parametrize("name", list(OPS))
def test_no_foreign_spelling_is_a_key_or_a_name_of_ours(name: str) -> None:
    op = OPS.find(name)
    assert not set(op.foreign_keys()) & set(op.known_keys())
    assert not set(op.foreign_names) & set(OPS)


def test_a_redeclared_field_keeps_the_spellings_of_its_base() -> None:
    class Base(Declared):
        rate: float = Field(json_schema_extra=also_called("lr"))

    class Derived(Base):
        rate: float = 0.5

    assert Derived.foreign_keys() == Base.foreign_keys() == {"lr": "rate"}
    assert "lr" in mg.Adam.foreign_keys()


@pytest.mark.usefixtures("blur")
def test_foreign_spellings_are_not_in_the_json_schema() -> None:
    def keys(schema: object) -> Iterator[str]:
        if isinstance(schema, dict):
            yield from schema
        for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
            yield from keys(inner)

    found = set(keys(json_schema()))
    assert "strength" in found
    assert not found & {"foreign", "amount", "strides", "lr"}


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("trainable", "expected in graph.add(..., trainable=...)"),
        ("share", "expected in graph.add(..., share=...)"),
        ("init", "expected in graph.add(..., init=...)"),
        ("inputs", "expected in graph.add(name, op, *inputs)"),
        ("op", "the class itself says its op"),
    ],
)
def test_what_belongs_to_graph_add_is_said_to_belong_there(key: str, hint: str) -> None:
    with raises(DefinitionError, f"{key}: found '{key}', which is no attribute of Blur; {hint}"):
        Blur(**{key: False})


def test_the_name_of_an_optimizer_is_its_class() -> None:
    with raises(DefinitionError, "name: found 'name', which is no attribute of SGD; the class itself says its name"):
        mg.SGD(name="adam", learning_rate=0.1)  # type: ignore[call-arg]


def test_a_value_without_its_name_is_told_what_to_write() -> None:
    conv: Any = mg.Conv
    with raises(DefinitionError, "Conv: found 3 (an integer) without its name; expected Conv(kernel_size=3)"):
        conv(3)
    with raises(DefinitionError, "Conv: found [3, 3] (an array) without its name; expected Conv(kernel_size=[3, 3])"):
        conv([3, 3], padding=1)
    with raises(DefinitionError, "ReLU: found true (a boolean) without its name; expected ReLU()"):
        mg.ReLU(True)  # type: ignore[call-arg, misc]
