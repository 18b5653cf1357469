"""What every declared thing shares: strict fields that can be written in a file or passed in code.

Ops, optimizers, initialisers and the sections of a definition are :class:`Declared` classes: their
fields are their attributes, each with its bounds and one line of documentation. Validation is
pydantic's, strict (``true``, ``"2"`` and ``2.0`` are not 2) and without unknown keys; what it finds is told as
:class:`~minigraph.errors.Problem` items, the same for a file and for a call.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from minigraph.declared.keys import unknown_key
from minigraph.declared.kind import FOREIGN, Kind, own_names
from minigraph.errors import DefinitionError, MinigraphError, Problem
from minigraph.wording import describe, did_you_mean, one_of, shorten


class Declared(BaseModel, metaclass=Kind):
    """Base of all declared things: frozen, strict, no unknown keys, no NaN.

    Raises:
        DefinitionError: on construction, with every problem of the given values.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        defer_build=True,
        arbitrary_types_allowed=True,
        ser_json_inf_nan="constants",
    )
    common_keys: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Keys that the surrounding table also has, each with what other frameworks call it."""
    hints: ClassVar[Mapping[str, str]] = {}
    """What is told of keys that other frameworks have and that are not needed here, and, in a call, of common keys."""

    if not TYPE_CHECKING:  # a checker knows the arguments by the fields

        def __init__(self, *given: Any, **values: Any) -> None:
            if given:
                raise DefinitionError([_by_keyword(type(self), given)])
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise DefinitionError(_problems(type(self), error)) from None

    def __dir__(self) -> list[str]:
        return own_names(super().__dir__())

    @classmethod
    def known_keys(cls) -> list[str]:
        """The keys that a table of it may have."""
        return [*cls.common_keys, *cls.model_fields]

    @classmethod
    def foreign_keys(cls) -> dict[str, str]:
        """Other frameworks' spellings of keys, each with ours; a field that is redeclared keeps those of its base."""
        spellings = {key: list(words) for key, words in cls.common_keys.items()}
        for kind in cls.__mro__:
            for key, field in kind.model_fields.items() if issubclass(kind, Declared) else ():
                extra: Any = field.json_schema_extra
                spellings.setdefault(key, []).extend(extra.get(FOREIGN, ()) if isinstance(extra, dict) else ())
        # Of two keys with one foreign spelling the first one is meant.
        return {word: key for key, words in reversed(spellings.items()) for word in words}

    def written(self) -> dict[str, Any]:
        """The attributes that differ from their defaults, as they stand in a definition."""
        return self.model_dump(exclude_defaults=True)


def _by_keyword(declared: type[Declared], given: tuple[Any, ...]) -> Problem:
    """What to write instead of values without their names."""
    named = zip(declared.model_fields, given, strict=False)
    written = ", ".join(f"{name}={shorten(repr(value))}" for name, value in named)
    kind = declared.__name__
    return Problem((), f"{kind}: found {describe(given[0])} without its name; expected {kind}({written})")


def _problems(declared: type[Declared], error: ValidationError) -> list[Problem]:
    return [problem for details in error.errors(include_url=False) for problem in _translate(declared, details)]


def _translate(declared: type[Declared], details: ErrorDetails) -> list[Problem]:
    """One pydantic error in our words: what was found, what was expected, what is near."""
    kind, path, value = details["type"], details["loc"], details["input"]
    context = details.get("ctx", {})
    inner = context.get("error")
    if isinstance(inner, DefinitionError):
        return [problem.below(*path) for problem in inner.problems]
    if isinstance(inner, MinigraphError):
        return [Problem(path, str(inner))]
    if kind == "extra_forbidden" and path[-1] in declared.common_keys:
        # In a file the table around it has taken these keys: it is a call.
        hint = declared.hints.get(str(path[-1]), f"the class itself says its {path[-1]}")
        return [Problem(path, f"found '{path[-1]}', which is no attribute of {declared.__name__}; {hint}", on="key")]
    if kind == "extra_forbidden":
        return [unknown_key(path, declared.known_keys(), declared.foreign_keys(), declared.hints)]
    if kind == "missing":
        described = declared.model_fields[str(path[0])].description
        return [Problem(path, f"missing key '{path[-1]}'" + (f": {described}" if described else ""), on="key")]
    near = ""
    if kind == "literal_error":
        choices = _literals(declared, path)
        expected = one_of(choices)
        near = did_you_mean(value, choices) if isinstance(value, str) else ""
    else:
        field = declared.model_fields.get(str(path[0])) if len(path) == 1 else None
        expected = str(context["expected"]) if kind == "expected" else _expectation(kind, value, field)
    return [Problem(path, f"found {describe(value)}; expected {expected}{near}")]


def _literals(declared: type[Declared], path: tuple[int | str, ...]) -> list[str]:
    annotation = declared.model_fields[str(path[0])].annotation
    return [str(choice) for choice in _literal_choices(annotation)]


def _literal_choices(annotation: Any) -> list[Any]:
    arguments = getattr(annotation, "__args__", ())
    if getattr(annotation, "__origin__", None) is Literal:
        return list(arguments)
    return [choice for argument in arguments for choice in _literal_choices(argument)]


_TYPES = {
    "string_type": "a string",
    "string_too_short": "a string that is not empty",
    "bool_type": "true or false",
    "list_type": "an array",
    "tuple_type": "an array",
    "dict_type": "a table",
    "model_type": "a table",
}
_NUMBERS = {"int_type", "float_type", "finite_number", "greater_than", "greater_than_equal", "less_than"} | {
    "less_than_equal",
    "int_parsing_size",
}
_BOUNDS = {"gt": "above", "ge": "of at least", "lt": "below", "le": "of at most"}


def _expectation(kind: str, found: object, field: FieldInfo | None) -> str:
    if kind in _NUMBERS and field is not None:
        annotation, metadata = _without_none(field)
        bounds = [
            f"{text} {getattr(bound, key):g}"
            for key, text in _BOUNDS.items()
            for bound in metadata
            if hasattr(bound, key)
        ]
        noun = "an integer" if annotation is int else "a finite number" if _endless(found) else "a number"
        return " ".join([noun, " and ".join(bounds)]).strip()
    if kind == "list_type" and isinstance(found, str):
        return f'an array, such as ["{shorten(found)}"]'
    return _TYPES.get(kind, f"something else ({kind.replace('_', ' ')})")


def _without_none(field: FieldInfo) -> tuple[Any, list[Any]]:
    """A field's type and metadata; of ``Annotated[int, ...] | None`` those of the number."""
    for choice in getattr(field.annotation, "__args__", ()):
        if hasattr(choice, "__metadata__"):
            return choice.__origin__, _flat([*field.metadata, *choice.__metadata__])
    return field.annotation, field.metadata


def _flat(metadata: list[Any]) -> list[Any]:
    """Metadata with that of the fields among them in their place."""
    return [inner for item in metadata for inner in (item.metadata if isinstance(item, FieldInfo) else [item])]


def _endless(value: object) -> bool:
    return isinstance(value, float) and not isfinite(value)


def expected(text: str) -> PydanticCustomError:
    """The error a field's own validator raises: the reader is told ``found ...; expected {text}``."""
    return PydanticCustomError("expected", "expected {expected}", {"expected": text})
