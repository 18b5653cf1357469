"""Families of named classes: registering, finding, and tables that name a member."""

from typing import Any

import pytest

from minigraph.declared.base import Declared
from minigraph.declared.registry import Registry
from minigraph.declared.tables import from_table, to_table
from minigraph.errors import DefinitionError
from tests.helpers import raises


class Shape(Declared):
    """A family of two."""


SHAPES: Registry[Shape] = Registry("shape")


@SHAPES.register("circle")
class Circle(Shape):
    """A member with an attribute."""

    radius: float = 1.0


@SHAPES.register("point")
class Point(Shape):
    """A member without one."""


def test_a_decorated_class_stays_what_it_is_and_is_found_by_its_name() -> None:
    assert Circle(radius=2.0).radius == 2.0
    assert SHAPES.find("circle") is Circle
    assert dict(SHAPES.items()) == {"circle": Circle, "point": Point}
    assert list(SHAPES) == ["circle", "point"]


def test_a_name_belongs_to_one_class() -> None:
    with raises(DefinitionError, "the shape name 'point' is already taken by Point"):
        SHAPES.register("point")(Circle)
    assert SHAPES.register("point")(Point) is Point


@pytest.mark.parametrize(
    "member", [Circle(), Circle(radius=2.5), Point()], ids=["defaults", "an attribute", "no attribute"]
)
def test_a_member_comes_back_from_its_table(member: Shape) -> None:
    assert from_table(SHAPES, "name", to_table(SHAPES, "name", member)) == member


def test_a_table_leaves_defaults_out() -> None:
    assert to_table(SHAPES, "name", Circle()) == {"name": "circle"}
    assert to_table(SHAPES, "kind", Circle(radius=2.5)) == {"kind": "circle", "radius": 2.5}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"radius": 1.0}, "name: missing key 'name'; expected one of circle, point"),
        ({"name": "circel"}, "name: unknown shape 'circel'; expected one of circle, point; did you mean 'circle'?"),
        ({"name": 3}, "name: unknown shape '3'; expected one of circle, point"),
        ({"name": "circle", "radius": "x"}, "radius: found 'x' (a string); expected a number"),
        ({"name": "point", "radius": 1.0}, "radius: unknown key 'radius'; expected none"),
    ],
)
def test_a_wrong_table_is_told(table: dict[str, Any], message: str) -> None:
    with raises(DefinitionError, message):
        from_table(SHAPES, "name", table)
