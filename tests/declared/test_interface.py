"""What Python shows of a declared class: signature, help and completion have its fields, and nothing of pydantic."""

from __future__ import annotations

import inspect
import pydoc

import pytest

import minigraph as mg
from minigraph.declared.base import Declared
from minigraph.errors import DefinitionError
from minigraph.graph.initialization import Explicit, Normal, Scheme, Uniform
from tests.helpers import raises
from tests.test_types import FAMILIES

KINDS = [kind for family in FAMILIES for _, kind in family.items()] + [Normal, Uniform, Scheme, Explicit]


class Own(mg.Op):
    """An op of a user's own."""

    factor: float = mg.attribute(1.0, "multiplies the input")
    shift: int = mg.attribute(..., "is added to it")


def test_a_signature_has_types_and_defaults() -> None:
    size = "int | tuple[int, int] | list[int]"
    sgd = "(*, learning_rate: float, momentum: float = 0.0, nesterov: bool = False, weight_decay: float = 0.0)"
    assert str(inspect.signature(mg.SGD)) == sgd
    mg.SGD(learning_rate=1.0)
    assert str(inspect.signature(mg.SGD)) == sgd, "pydantic's own has taken its place when it was made"
    assert str(inspect.signature(mg.Conv)).startswith(
        f"(*, kernel_size: {size}, out_channels: int = 1, stride: {size} = 1,"
    )
    assert str(inspect.signature(mg.Add)) == "()"
    assert str(inspect.signature(Own)) == "(*, factor: float = 1.0, shift: int)"


@pytest.mark.parametrize("kind", [*KINDS, Own])
def test_help_has_a_line_for_each_field_and_nothing_of_pydantics(kind: type[Declared]) -> None:
    parameters = inspect.signature(kind).parameters
    assert list(parameters) == list(kind.model_fields)
    text = pydoc.render_doc(kind, renderer=pydoc.plaintext).replace("pydantic.main.BaseModel", "")
    for name, field in kind.model_fields.items():
        assert f"{name}: {field.description}\n" in text
        assert parameters[name].default == (inspect.Parameter.empty if field.is_required() else field.default)
    for word in ("pydantic", "model_", "**values", "__init__", "FieldInfo", "validate("):
        assert word not in text


def test_completion_offers_what_is_ours() -> None:
    conv = mg.Conv(kernel_size=3)
    assert {"kernel_size", "stride", "output_shape", "forward", "multiply_adds"} <= set(dir(conv))
    for names in (dir(conv), dir(mg.Conv), dir(mg.SGD)):
        assert not {"copy", "dict", "json", "model_dump", "model_fields", "schema", "_abc_impl"} & set(names)


def test_a_class_keeps_its_own_words_apart() -> None:
    assert Own.about == "An op of a user's own."
    assert Own.__doc__ == (
        "An op of a user's own.\n\nArgs:\n    factor: multiplies the input\n    shift: is added to it"
    )
    assert mg.Add.__doc__ is not None
    assert "Args:" not in mg.Add.__doc__


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mg.Conv(3), "Conv: found 3 (an integer) without a name; expected Conv(kernel_size=3)"),
        (
            lambda: mg.Conv([3, 1], 8, stride=2),
            "Conv: found [3, 1] (an array) without a name; expected Conv(kernel_size=[3, 1], out_channels=8)",
        ),
        (lambda: mg.SGD(1e-3), "SGD: found 0.001 (a number) without a name; expected SGD(learning_rate=0.001)"),
        (lambda: mg.Add("a", "b"), "Add: found 'a' (a string) without a name; expected Add()"),
        (
            lambda: mg.LeakyReLU(0.1, 0.2),
            "LeakyReLU: found 0.1 (a number) without a name; expected at most 1 value, each with its name",
        ),
    ],
)
def test_values_without_names_are_told_with_their_names(call: object, message: str) -> None:
    with raises(DefinitionError, message):
        call()  # type: ignore[operator]


NODE = "it belongs to the node: graph.add(name, op, *inputs"
CLASS = "the class itself says which one it is: leave it out"


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("trainable", f"{NODE}, trainable=...)"),
        ("share", f"{NODE}, share=...)"),
        ("init", f"{NODE}, init=...)"),
        ("inputs", f"{NODE})"),
        ("op", CLASS),
    ],
)
def test_what_belongs_to_the_node_is_said_to_belong_there(key: str, hint: str) -> None:
    assert set(mg.Op.code_hints) == set(mg.Op.common_keys)
    with raises(DefinitionError, f"{key}: unknown key '{key}'; expected slope; {hint}"):
        mg.LeakyReLU(**{key: 1.0})


@pytest.mark.parametrize("kind", [kind for family in FAMILIES[1:] for _, kind in family.items()])
def test_the_name_in_a_table_is_none_of_the_class(kind: type[Declared]) -> None:
    with pytest.raises(DefinitionError, match=rf"(?m)^name: unknown key 'name'; expected .*; {CLASS}"):
        kind(name="x")


def test_every_public_name_has_its_line_in_the_packages_help() -> None:
    lines = [line.split() for line in (mg.__doc__ or "").splitlines() if line.startswith("    ")]
    assert {line[0] for line in lines if len(line) > 1} >= set(mg.__all__) - {"__version__"}
