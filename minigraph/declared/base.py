"""What every declared thing shares: strict fields that can be written in a file or passed in code.

Ops, optimizers, initialisers and the sections of a definition are :class:`Declared` classes: their
fields are their attributes, each with its bounds and one line of documentation. Validation is
pydantic's, strict (``true``, ``"2"`` and ``2.0`` are not 2) and without unknown keys; what it finds is told as
:class:`~minigraph.errors.Problem` items, the same for a file and for a call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from inspect import Parameter, Signature, cleandoc
from math import isfinite
from types import SimpleNamespace
from typing import Any, ClassVar, Literal, cast, dataclass_transform, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic._internal._model_construction import ModelMetaclass
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from minigraph.declared.keys import unknown_key
from minigraph.errors import DefinitionError, MinigraphError, Problem
from minigraph.wording import describe, did_you_mean, one_of, shorten

FOREIGN = "foreign"
"""Under this key a field's ``json_schema_extra`` has what other frameworks call the field."""

NAMED: Mapping[str, str] = {"name": "the class itself says which one it is: leave it out"}
"""The ``code_hints`` of a family whose members a table names."""


def required(doc: str, *, foreign: tuple[str, ...] = (), **bounds: Any) -> Any:
    """A field without a default, as type checkers see it too.

    Args:
        doc: one line about it.
        foreign: what other frameworks call it; who writes that is told our name.
        bounds: of a number: ``gt``, ``ge``, ``lt``, ``le``.
    """
    return Field(description=doc, json_schema_extra={FOREIGN: list(foreign)}, **bounds)


_PYDANTICS = frozenset(dir(BaseModel))


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(Field, required))
class DeclaredType(ModelMetaclass):
    """What type checkers, ``help`` and completion are told of a declared class: its fields, and nothing of pydantic's.

    The decorator is for type checkers: fields are keywords of the constructor, those of :func:`required` and those of
    ``Field`` without ``default=`` have to be given.
    """

    @property
    def __signature__(self) -> Signature:
        fields: Mapping[str, FieldInfo] = cast("type[BaseModel]", self).model_fields
        types = get_type_hints(
            SimpleNamespace(__annotations__={name: item.annotation for name, item in fields.items()})
        )
        return Signature(
            [
                Parameter(
                    name,
                    Parameter.KEYWORD_ONLY,
                    default=Parameter.empty if item.is_required() else item.get_default(call_default_factory=True),
                    annotation=types[name],
                )
                for name, item in fields.items()
            ]
        )

    @__signature__.setter
    def __signature__(self, _: object) -> None:
        """pydantic's own, which is made at the first use and shows validators, is not kept."""

    def __dir__(self) -> list[str]:
        return _shown(super().__dir__())


def _shown(names: Iterable[str]) -> list[str]:
    """The names that are neither private nor pydantic's."""
    return [name for name in names if not name.startswith("_") and name not in _PYDANTICS]


class Declared(BaseModel, metaclass=DeclaredType):
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
    """What is told of keys that other frameworks have and that are not needed here."""
    code_hints: ClassVar[Mapping[str, str]] = {}
    """What is told of the ``common_keys`` in code, where no table surrounds the attributes."""
    about: ClassVar[str] = ""
    """The class's docstring as it stands in the code, without the list of the fields that is added to it."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        cls.about = cleandoc(cls.__doc__ or "")
        fields = [f"    {name}: {item.description}" for name, item in cls.model_fields.items() if item.description]
        if fields:
            cls.__doc__ = "\n".join([*([cls.about, ""] if cls.about else []), "Args:", *fields])

    def __init__(self, *unnamed: object, **values: Any) -> None:
        if unnamed:
            raise DefinitionError(_unnamed(type(self), unnamed))
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise DefinitionError(_problems(type(self), error)) from None

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

    def __dir__(self) -> list[str]:
        return _shown(super().__dir__())

    def written(self) -> dict[str, Any]:
        """The attributes that differ from their defaults, as they stand in a definition."""
        return self.model_dump(exclude_defaults=True)


def _unnamed(declared: type[Declared], values: tuple[object, ...]) -> str:
    """What is told of values without names: the call with the names of the fields, in their order."""
    name, fields = declared.__name__, list(declared.model_fields)
    found = f"{name}: found {describe(values[0])} without a name; expected"
    if fields and len(values) > len(fields):
        return f"{found} at most {len(fields)} value{'s' * (len(fields) > 1)}, each with its name"
    return f"{found} {name}({', '.join(f'{field}={value!r}' for field, value in zip(fields, values, strict=False))})"


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
    if kind == "extra_forbidden":
        if path[-1] in declared.code_hints:
            return [unknown_key(path, declared.model_fields, {}, declared.code_hints)]
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
