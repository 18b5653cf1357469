"""Sigmoid: the logistic function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from minigraph.arrays import Array
from minigraph.explaining import Step as ExplainedStep
from minigraph.explaining import applied, sloped
from minigraph.ops.base import Commutes, Context, Elementwise, Errors, PlanBackward, Slot, register_op
from minigraph.steps.steps import Step, applying, empty_batch_last


@register_op
class Sigmoid(Elementwise):
    """1 / (1 + exp(-x)), elementwise, with no overflow at any x.

    The loss ``bce_logits`` computes it itself, exactly at any x: train on what a Sigmoid reads, and put it behind for
    predictions. After a Sigmoid the loss is ``bce``, whose gradient ends where the Sigmoid is rounded to 1.
    """

    commutes: ClassVar[Commutes | None] = "order"
    family: ClassVar[str] = "activation"
    in_place: ClassVar[bool] = True

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        (x,) = inputs
        # exp(-|x|) is at most 1: both branches are the same function, each where it cannot overflow.
        decayed: Array = np.exp(-np.abs(x))
        answer: Array = np.where(x >= 0, 1, decayed) / (1 + decayed)
        return answer

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        return Errors((error * (output * (1 - output)),))

    def explain_forward(self, inputs: tuple[Array, ...], output: Array, context: Context) -> list[ExplainedStep]:
        text = "Every number is pressed between 0 and 1: large ones near 1, very negative ones near 0, 0 to one half."
        rule = "1 / (1 + exp(-x))"
        return [applied("Press into 0 to 1", text, rule, inputs[0], output, "1 / (1 + exp(-{}))".format)]

    def explain_backward(
        self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context
    ) -> list[ExplainedStep]:
        text = (
            "The curve is steepest, 1/4, at an answer of one half, and almost flat near 0 and 1: there little "
            "error passes."
        )
        slope, source = output * (1 - output), ("answer", output)
        return sloped(text, "answer * (1 - answer)", slope, error, source, "{0} * (1 - {0})".format)

    def plan(self, slot: Slot) -> tuple[list[Step], PlanBackward]:
        (x,), output = slot.inputs, slot.output
        scratch, positive = empty_batch_last(x.shape, x.dtype), empty_batch_last(x.shape, bool)
        forward = applying(np.greater_equal, positive, x, 0)
        forward += applying(np.copysign, scratch, x, -1)
        forward += applying(np.exp, scratch, scratch)
        forward += applying(np.maximum, output, scratch, positive)  # 1 where x >= 0, for exp(-|x|) is at most 1
        forward += applying(np.add, scratch, scratch, 1)
        forward += applying(np.divide, output, output, scratch)

        def backward(error: Array, inputs: tuple[Array | None, ...], gradients: Mapping[str, Array]) -> list[Step]:
            if inputs[0] is None:
                return []
            steps = applying(np.subtract, scratch, 1, output)
            steps += applying(np.multiply, scratch, scratch, output)
            return [*steps, *applying(np.multiply, inputs[0], error, scratch)]

        return forward, backward
