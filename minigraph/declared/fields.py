"""Fields of declared classes: the types of number and size that many of them share, and their foreign spellings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema

from minigraph.declared.base import expected
from minigraph.declared.kind import also_called as also_called


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


IntegerPair = Annotated[
    int | Sequence[int],
    *_field(_short_pair, _integer_schema(1), _array_schema(1, 2)),
]
"""One integer of at least 1, or two: (vertical, horizontal). Kept in the shortest form."""
IntegerPairFromZero = Annotated[
    int | Sequence[int],
    *_field(_short_pair_from_zero, _integer_schema(0), _array_schema(0, 2)),
]
"""One integer of at least 0, or two: (vertical, horizontal). Kept in the shortest form."""
Padding = Annotated[
    int | Sequence[int] | Literal["valid", "same"],
    *_field(
        _short_padding,
        _integer_schema(0),
        _array_schema(0, 2),
        _array_schema(0, 4),
        {"enum": ["valid", "same"]},
    ),
]
"""An integer, (vertical, horizontal), (top, left, bottom, right), "valid" or "same". Kept short."""


def pair(value: int | Sequence[int]) -> tuple[int, int]:
    """An :data:`IntegerPair` in full: (vertical, horizontal)."""
    vertical, horizontal = (value, value) if isinstance(value, int) else value
    return vertical, horizontal
