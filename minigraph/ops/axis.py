"""The ``axis`` that some ops work along. This file has no op of its own."""

from __future__ import annotations

from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

from minigraph.arrays import Shape, spell_shape
from minigraph.declared.base import expected
from minigraph.declared.fields import plain_number
from minigraph.errors import ShapeError


def _one_to_three(value: object) -> int:
    integer = plain_number(value)
    if isinstance(integer, bool) or not isinstance(integer, int) or integer not in (1, 2, 3):
        raise expected("1 (channels), 2 (rows) or 3 (columns)")
    return integer


Axis = Annotated[int, PlainValidator(_one_to_three), WithJsonSchema({"enum": [1, 2, 3]})]
"""An axis of (N, C, H, W), or of (N, F), but not the batch."""


def require_axis(axis: int, shape: Shape, op: str) -> None:
    """Nothing, if an input of ``shape`` has this axis.

    Raises:
        ShapeError: it is a vector (F,), which has axis 1 alone.
    """
    if axis > len(shape):
        raise ShapeError(
            f"{op} along axis {axis} needs a map (C, H, W); found a vector of {spell_shape(shape)}; expected axis 1",
            attribute="axis",
        )
