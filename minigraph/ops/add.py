"""Add: the elementwise sum."""

from __future__ import annotations

from typing import ClassVar

from minigraph.arrays import Array, Shape
from minigraph.ops.base import Context, Errors, Op, register_op, require_one_shape


@register_op
class Add(Op):
    """x1 + x2 + ..., elementwise; all inputs have one shape."""

    family: ClassVar[str] = "arithmetic"
    foreign_names: ClassVar[tuple[str, ...]] = ("Sum",)
    reads_output: ClassVar[bool] = False

    min_inputs: ClassVar[int] = 2
    max_inputs: ClassVar[int | None] = None

    def output_shape(self, *inputs: Shape) -> Shape:
        return require_one_shape(inputs, "Add")

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        total = inputs[0] + inputs[1]
        for x in inputs[2:]:
            total += x
        return total

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        return Errors((error,) * len(inputs))
