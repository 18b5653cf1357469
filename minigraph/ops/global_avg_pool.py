"""GlobalAvgPool: the mean of each channel."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import prod
from typing import ClassVar

import numpy as np

from minigraph.arrays import Array, Shape
from minigraph.explaining import Step as ExplainedStep
from minigraph.explaining import divided, formula, number, sum_over
from minigraph.ops.base import Commutes, Context, Errors, Op, PlanBackward, Slot, register_op, require_map
from minigraph.steps.steps import Step, applying, empty_batch_last, setter


@register_op
class GlobalAvgPool(Op):
    """(C, H, W) to (C, 1, 1): each channel's mean. Source: ONNX GlobalAveragePool, operator set 22."""

    commutes: ClassVar[Commutes | None] = "linear"
    family: ClassVar[str] = "pooling"
    reads_output: ClassVar[bool] = False

    def output_shape(self, *inputs: Shape) -> Shape:
        channels, _, _ = require_map(inputs[0], "GlobalAvgPool")
        return channels, 1, 1

    def multiply_adds(self, *inputs: Shape) -> int:
        return prod(inputs[0])

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        answer: Array = inputs[0].mean(axis=(2, 3), keepdims=True)
        return answer

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        (x,) = inputs
        return Errors((np.broadcast_to(error / (x.shape[2] * x.shape[3]), x.shape).copy(),))

    def explain_forward(self, inputs: tuple[Array, ...], output: Array, context: Context) -> list[ExplainedStep]:
        (x,) = inputs
        count = x.shape[2] * x.shape[3]
        mean = sum_over(output[:, :, 0, 0], x, (2, 3))
        return [
            ExplainedStep(
                "answer",
                "Average each channel",
                f"The {count} numbers of a channel are added up and divided by {count}.",
                f"answer[n, c, 0, 0] = sum over i, j of x[n, c, i, j] / {count}",
                "answer",
                {"x": x, "answer": output},
                lambda index: divided(mean(index[:2]), count),
            )
        ]

    def explain_backward(
        self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context
    ) -> list[ExplainedStep]:
        (x,) = inputs
        count = x.shape[2] * x.shape[3]
        input_error = np.broadcast_to(error / count, x.shape).copy()
        return [
            ExplainedStep(
                "input_error",
                "Share the error out",
                f"Each number of a channel made 1/{count} of its mean, and gets that share of the error.",
                f"input_error[n, c, i, j] = error[n, c, 0, 0] / {count}",
                "input_error",
                {"error": error, "input_error": input_error},
                formula(lambda at: f"{number(error[at[0], at[1], 0, 0])} / {count}", input_error),
            )
        ]

    def plan(self, slot: Slot) -> tuple[list[Step], PlanBackward]:
        (x,), output = slot.inputs, slot.output
        count, share = x.shape[2] * x.shape[3], empty_batch_last(output.shape, output.dtype)

        def backward(error: Array, inputs: tuple[Array | None, ...], gradients: Mapping[str, Array]) -> list[Step]:
            if inputs[0] is None:
                return []
            return [*applying(np.divide, share, error, count), setter(inputs[0], share)]

        total = partial(np.add.reduce, x, axis=(2, 3), keepdims=True, out=output)
        return [total, *applying(np.divide, output, output, count)], backward
