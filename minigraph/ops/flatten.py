"""Flatten: a map as a vector."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import ClassVar

from minigraph.arrays import Array, Shape
from minigraph.ops.base import Commutes, Context, Errors, Op, PlanBackward, Slot, register_op
from minigraph.steps.steps import Step, batch_last, copying


@register_op
class Flatten(Op):
    """(C, H, W) to (C*H*W,): channel after channel, row after row."""

    commutes: ClassVar[Commutes | None] = "linear"
    family: ClassVar[str] = "dense"
    reads_output: ClassVar[bool] = False

    def output_shape(self, *inputs: Shape) -> Shape:
        return (prod(inputs[0]),)

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        return inputs[0].reshape(len(inputs[0]), -1).copy()

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        return Errors((error.reshape(inputs[0].shape).copy(),))

    def plan(self, slot: Slot) -> tuple[list[Step], PlanBackward]:
        x, answer = batch_last(slot.inputs[0]), batch_last(slot.output)

        def backward(error: Array, inputs: tuple[Array | None, ...], gradients: Mapping[str, Array]) -> list[Step]:
            return [] if inputs[0] is None else copying(batch_last(inputs[0]), batch_last(error).reshape(x.shape))

        return copying(answer.reshape(x.shape), x), backward
