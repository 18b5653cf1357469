"""Flatten: a map as a vector."""

from __future__ import annotations

from math import prod

from minigraph.ops.base import Array, Context, Errors, Op, Shape, register_op


@register_op
class Flatten(Op):
    """(C, H, W) to (C*H*W,): channel after channel, row after row."""

    def output_shape(self, *inputs: Shape) -> Shape:
        return (prod(inputs[0]),)

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        return inputs[0].reshape(len(inputs[0]), -1).copy()

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        return Errors((error.reshape(inputs[0].shape).copy(),))
