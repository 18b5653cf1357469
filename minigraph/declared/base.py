"""What every declared thing shares: strict fields that can be written in a file or passed in code.

Ops, optimizers, initialisers and the sections of a definition are :class:`Declared` classes: their
fields are their attributes, each with its bounds and one line of documentation. Validation is
pydantic's, strict (``true``, ``"2"`` and ``2.0`` are not 2) and without unknown keys; what it finds is told as
:class:`~minigraph.errors.Problem` items, the same for a file and for a call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import isfinite
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from minigraph.declared.registry import Registry
from minigraph.errors import DefinitionError, MinigraphError, Problem
from minigraph.wording import KeyPath, describe, did_you_mean, nearest, one_of, shorten


class Declared(BaseModel):
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
    common_keys: ClassVar[tuple[str, ...]] = ()
    """Keys that the surrounding table also has, to be listed when an unknown key is met."""

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise DefinitionError(_problems(type(self), error)) from None

    def written(self) -> dict[str, Any]:
        """The attributes that differ from their defaults, as they stand in a definition."""
        return self.model_dump(exclude_defaults=True)


def _problems(declared: type[Declared], error: ValidationError) -> list[Problem]:
    return [problem for details in error.errors(include_url=False) for problem in _translate(declared, details)]


def _translate(declared: type[Declared], details: ErrorDetails) -> list[Problem]:
    """One pydantic error in our words: what was found, what was expected, what is near."""
    kind, path, found = details["type"], details["loc"], details["input"]
    context = details.get("ctx", {})
    inner = context.get("error")
    if isinstance(inner, DefinitionError):
        return [problem.below(*path) for problem in inner.problems]
    if isinstance(inner, MinigraphError):
        return [Problem(path, str(inner))]
    if kind == "extra_forbidden":
        keys = [*declared.common_keys, *declared.model_fields]
        return [unknown_key(path, keys)]
    if kind == "missing":
        described = declared.model_fields[str(path[0])].description
        return [Problem(path, f"missing key '{path[-1]}'" + (f": {described}" if described else ""), on="key")]
    near = ""
    if kind == "literal_error":
        choices = _literals(declared, path)
        expected = one_of(choices)
        near = did_you_mean(found, choices) if isinstance(found, str) else ""
    else:
        field = declared.model_fields.get(str(path[0])) if len(path) == 1 else None
        expected = str(context["expected"]) if kind == "expected" else _expectation(kind, found, field)
    return [Problem(path, f"found {describe(found)}; expected {expected}{near}")]


_FOREIGN = {
    "kernel_size": ("kernel_shape", "kernel", "pool_size", "filter_size", "size"),
    "stride": ("strides", "step"),
    "padding": ("pads", "pad", "auto_pad", "padding_mode"),
    "dilation": ("dilations", "dilation_rate"),
    "groups": ("group", "num_groups"),
    "out_channels": ("filters", "num_filters", "num_output", "channels"),
    "bias": ("use_bias", "bias_term"),
    "out_features": ("units", "out_units", "num_output"),
    "slope": ("negative_slope", "alpha"),
    "epsilon": ("eps",),
    "learning_rate": ("lr",),
    "log_every": ("log_interval", "display"),
    "steps": ("iterations", "max_iter"),
    "op": ("type", "op_type", "class_name", "layer"),
    "inputs": ("input", "bottom"),
    "init": ("initializer", "kernel_initializer", "weight_filler"),
}
"""Our spelling of keys, and what PyTorch, Keras, Caffe and ONNX call the same."""
_INFERRED = ("in_channels", "in_features", "input_shape", "num_features", "num_channels")


def unknown_key(path: KeyPath, keys: Iterable[str]) -> Problem:
    """The problem of a key that is none of ``keys``, with what was probably meant."""
    word, keys = str(path[-1]), list(keys)
    foreign = next((ours for ours in keys if word in _FOREIGN.get(ours, ())), None)
    near = foreign or nearest(word, keys)
    if foreign:
        hint = f"; here it is called '{foreign}'"
    elif word in _INFERRED:
        hint, near = "; it follows from the inputs: leave it out", None
    elif word == "activation":
        hint, near = '; an activation is a node of its own, such as op = "ReLU"', None
    else:
        hint = f"; did you mean '{near}'?" if near else ""
    expected = f"expected {one_of(keys, word)}" if keys else "expected none"
    return Problem(path, f"unknown key '{word}'; {expected}{hint}", on="key", meant=near)


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


def plain_number(value: object) -> object:
    """NumPy scalars as the plain Python numbers they hold; anything else unchanged."""
    return value.item() if isinstance(value, np.integer | np.floating) else value


MOST = 1_000_000_000


def _not_too_many(value: int) -> int:
    if value > MOST:
        raise expected(f"an integer of at most {MOST:,}")
    return value


Count = Annotated[int, Field(ge=1), BeforeValidator(plain_number), AfterValidator(_not_too_many)]
"""An integer of at least 1, and small enough to count something by."""
Number = Annotated[float, BeforeValidator(plain_number)]
"""A finite number."""
Positive = Annotated[float, Field(gt=0), BeforeValidator(plain_number)]
"""A finite number above 0."""


def _integers(value: object, lengths: tuple[int, ...], least: int) -> tuple[int, ...] | None:
    """``value`` as a tuple of plain ints if it is one int or has one of ``lengths``, else None."""
    many = isinstance(value, list | tuple)
    items = [plain_number(item) for item in (value if isinstance(value, list | tuple) else [value])]
    if many and len(items) not in lengths:
        return None
    if any(isinstance(item, int) and item > MOST for item in items):
        raise expected(f"integers of at most {MOST:,}")
    integers = tuple(item for item in items if isinstance(item, int) and not isinstance(item, bool) and item >= least)
    return integers if len(integers) == len(items) else None


def _short_pair(value: object) -> int | tuple[int, int]:
    integers = _integers(value, (2,), 1)
    if integers is None:
        raise expected("an integer of at least 1, or two of them: [vertical, horizontal]")
    return integers[0] if len(set(integers)) == 1 else (integers[0], integers[1])


def _short_pair_from_zero(value: object) -> int | tuple[int, int]:
    integers = _integers(value, (2,), 0)
    if integers is None:
        raise expected("an integer of at least 0, or two of them: [vertical, horizontal]")
    return integers[0] if len(set(integers)) == 1 else (integers[0], integers[1])


def _short_padding(value: object) -> int | tuple[int, ...] | str:
    if value in ("valid", "same") and isinstance(value, str):
        return value
    integers = _integers(value, (2, 4), 0)
    if integers is None:
        raise expected(
            "an integer of at least 0, [vertical, horizontal], [top, left, bottom, right], 'valid' or 'same'"
        )
    if len(set(integers)) == 1:
        return integers[0]
    return integers[:2] if integers[:2] == integers[2:] else integers


def _integer_schema(least: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least}


def _array_schema(least: int, length: int) -> dict[str, Any]:
    return {"type": "array", "items": _integer_schema(least), "minItems": length, "maxItems": length}


def _field(validate: Callable[[object], Any], *choices: dict[str, Any]) -> tuple[Any, ...]:
    return PlainValidator(validate), WithJsonSchema({"anyOf": list(choices)})


Pair = Annotated[
    int | tuple[int, int],
    *_field(_short_pair, _integer_schema(1), _array_schema(1, 2)),
]
"""One integer of at least 1, or two: (vertical, horizontal). Kept in the shortest form."""
NonNegativePair = Annotated[
    int | tuple[int, int],
    *_field(_short_pair_from_zero, _integer_schema(0), _array_schema(0, 2)),
]
"""One integer of at least 0, or two: (vertical, horizontal). Kept in the shortest form."""
Padding = Annotated[
    int | tuple[int, int] | tuple[int, int, int, int] | Literal["valid", "same"],
    *_field(
        _short_padding,
        _integer_schema(0),
        _array_schema(0, 2),
        _array_schema(0, 4),
        {"enum": ["valid", "same"]},
    ),
]
"""An integer, (vertical, horizontal), (top, left, bottom, right), "valid" or "same". Kept short."""


def pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """A :data:`Pair` in full: (vertical, horizontal)."""
    return (value, value) if isinstance(value, int) else value
