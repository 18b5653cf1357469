"""Named families of classes: ops, losses, optimizers. What is registered can be named in a definition."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar, cast

from minigraph.errors import DefinitionError, Problem
from minigraph.wording import did_you_mean, one_of

T = TypeVar("T")
Class = TypeVar("Class", bound=type)


OURS = __name__.partition(".")[0] + "."
"""How the names of our own modules begin."""


class Registry(Generic[T]):
    """The classes of one family by their name in a definition, in the order of registration."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._members: dict[str, type[T]] = {}

    def register(self, name: str) -> Callable[[Class], Class]:
        """Class decorator: make a class of the family known as ``name`` in definitions.

        Raises:
            DefinitionError: another class already has this name. One of a user's own may come again, as it does from
                a notebook's cell; it replaces the earlier one.
        """

        def known_as(member: Class) -> Class:
            known = self._members.get(name)
            if known is not None and known.__qualname__ != member.__qualname__:
                raise DefinitionError(f"the {self.kind} name '{name}' is already taken by {known.__qualname__}")
            if known is not None and known.__module__ != member.__module__ and known.__module__.startswith(OURS):
                raise DefinitionError(f"the {self.kind} name '{name}' is minigraph's own; expected another name")
            self._members[name] = cast("type[T]", member)
            return member

        return known_as

    def find(self, name: object) -> type[T]:
        """The class called ``name``.

        Raises:
            DefinitionError: no such class; the text lists all names and the nearest one.
        """
        if isinstance(name, str) and name in self._members:
            return self._members[name]
        near = did_you_mean(name, self._members) if isinstance(name, str) else ""
        raise DefinitionError([Problem((), f"unknown {self.kind} '{name}'; expected {one_of(self._members)}{near}")])

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def items(self) -> Iterator[tuple[str, type[T]]]:
        return iter(self._members.items())
