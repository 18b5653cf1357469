"""Tables that name a member of a family, such as ``{ name = "sgd", learning_rate = 0.1 }``."""

from __future__ import annotations

from typing import Any, TypeVar

from minigraph.declared.base import Declared, expected
from minigraph.declared.registry import Registry
from minigraph.errors import DefinitionError, Problem
from minigraph.wording import one_of

M = TypeVar("M", bound=Declared)


def from_table(registry: Registry[M], key: str, value: object) -> M:
    """The declared thing that a table such as ``{ name = "sgd", learning_rate = 0.1 }`` names.

    Args:
        registry: the family; ``key``: the table's key that names the member.

    Raises:
        DefinitionError: not a table, no such member, or wrong values for it.
    """
    if not isinstance(value, dict):
        raise expected(f"a table with the key '{key}' ({one_of(registry)})")
    if key not in value:
        raise DefinitionError([Problem((key,), f"missing key '{key}'; expected {one_of(registry)}", on="key")])
    try:
        member = registry.find(value[key])
    except DefinitionError as error:
        raise DefinitionError([problem.below(key) for problem in error.problems]) from None
    return member(**{name: item for name, item in value.items() if name != key})


def to_table(registry: Registry[M], key: str, member: M) -> dict[str, Any]:
    """The inverse of :func:`from_table`, without the attributes that have their defaults."""
    name = next(name for name, known in registry.items() if known is type(member))
    return {key: name, **member.written()}
