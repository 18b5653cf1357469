"""Multiply: the elementwise product."""

from __future__ import annotations

from typing import ClassVar

from minigraph.arrays import Array, Shape
from minigraph.ops.base import Context, Errors, Op, register_op, require_one_shape


@register_op
class Multiply(Op):
    """x1 * x2 * ..., elementwise; all inputs have one shape."""

    family: ClassVar[str] = "arithmetic"
    foreign_names: ClassVar[tuple[str, ...]] = ("Mul", "Prod")
    reads_output: ClassVar[bool] = False

    min_inputs: ClassVar[int] = 2
    max_inputs: ClassVar[int | None] = None

    def output_shape(self, *inputs: Shape) -> Shape:
        return require_one_shape(inputs, "Multiply")

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        product = inputs[0] * inputs[1]
        for x in inputs[2:]:
            product *= x
        return product

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        # The products of the factors before and after each one: no division, so that zeros are no trouble.
        before, after = [error], [inputs[-1]]
        for x in inputs[:-1]:
            before.append(before[-1] * x)
        for x in reversed(inputs[1:-1]):
            after.append(after[-1] * x)
        others = [*reversed(after), None]
        return Errors(tuple(own if rest is None else own * rest for own, rest in zip(before, others, strict=True)))
