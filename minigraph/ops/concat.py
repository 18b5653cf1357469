"""Concat: maps side by side along their channels."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from minigraph.arrays import Array, Shape, spell_shape
from minigraph.errors import ShapeError
from minigraph.ops.base import Context, Errors, Op, register_op


@register_op
class Concat(Op):
    """(C1, H, W), (C2, H, W), ... to (C1 + C2 + ..., H, W); vectors (F1,), (F2,), ... to (F1 + F2 + ...,)."""

    family: ClassVar[str] = "concatenation"
    foreign_names: ClassVar[tuple[str, ...]] = ("Cat",)
    reads_output: ClassVar[bool] = False

    min_inputs: ClassVar[int] = 2
    max_inputs: ClassVar[int | None] = None

    def output_shape(self, *inputs: Shape) -> Shape:
        if len({shape[1:] for shape in inputs}) > 1 or len({len(shape) for shape in inputs}) > 1:
            raise ShapeError(
                "Concat needs inputs of one height and width; found " + ", ".join(map(spell_shape, inputs)),
                attribute="inputs",
            )
        return (sum(shape[0] for shape in inputs), *inputs[0][1:])

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        return np.concatenate(inputs, axis=1)

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        ends = np.cumsum([x.shape[1] for x in inputs])[:-1]
        return Errors(tuple(np.split(error, ends, axis=1)))
