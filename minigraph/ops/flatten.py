"""Flatten: a map as a vector."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import ClassVar

import numpy as np

from minigraph.arrays import Array, Shape
from minigraph.explaining import Step as ExplainedStep
from minigraph.explaining import formula
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

    def explain_forward(self, inputs: tuple[Array, ...], output: Array, context: Context) -> list[ExplainedStep]:
        (x,) = inputs
        return [
            ExplainedStep(
                "answer",
                "Read the map as one row",
                "The numbers stay as they are and are read channel after channel, row after row.",
                "answer[n, (c * H + i) * W + j] = x[n, c, i, j]",
                "answer",
                {"x": x, "answer": output},
                formula(lambda at: f"x{list(self._place(at, x.shape))}", output),
            )
        ]

    def explain_backward(
        self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context
    ) -> list[ExplainedStep]:
        (x,) = inputs
        input_error = error.reshape(x.shape).copy()
        return [
            ExplainedStep(
                "input_error",
                "Put the errors back in place",
                "Each error goes back to where its number was read.",
                "input_error[n, c, i, j] = error[n, (c * H + i) * W + j]",
                "input_error",
                {"error": error, "input_error": input_error},
                formula(lambda at: f"error[{at[0]}, {np.ravel_multi_index(at[1:], x.shape[1:])}]", input_error),
            )
        ]

    @staticmethod
    def _place(index: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
        """Where in the input (N, ...) a number of the vector stands."""
        return (index[0], *map(int, np.unravel_index(index[1], shape[1:])))

    def plan(self, slot: Slot) -> tuple[list[Step], PlanBackward]:
        x, answer = batch_last(slot.inputs[0]), batch_last(slot.output)

        def backward(error: Array, inputs: tuple[Array | None, ...], gradients: Mapping[str, Array]) -> list[Step]:
            return [] if inputs[0] is None else copying(batch_last(inputs[0]), batch_last(error).reshape(x.shape))

        return copying(answer.reshape(x.shape), x), backward
