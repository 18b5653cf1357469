"""Add: the elementwise sum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from minigraph.arrays import Array
from minigraph.explaining import Step as ExplainedStep
from minigraph.explaining import by_place, formula, number, sum_of
from minigraph.ops.base import Context, Errors, PlanBackward, Slot, register_op
from minigraph.ops.broadcasting import Broadcasting, summed_to, summing
from minigraph.steps.steps import Step, applying


@register_op
class Add(Broadcasting):
    """x1 + x2 + ..., elementwise; axes of length 1 are repeated, as those of (C, 1, 1) beside (C, H, W).

    All inputs are maps, or all are vectors. Source: ONNX Add and Sum, operator sets 14 and 13.
    """

    foreign_names: ClassVar[tuple[str, ...]] = ("Sum",)

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        total = inputs[0] + inputs[1]
        for x in inputs[2:]:
            total = total + x
        return total

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        # Each input gets an array of its own.
        return Errors(tuple(error.copy() if x.shape == error.shape else summed_to(error, x.shape) for x in inputs))

    def explain_forward(self, inputs: tuple[Array, ...], output: Array, context: Context) -> list[ExplainedStep]:
        shown = tuple(np.broadcast_to(x, output.shape) for x in inputs)
        names = by_place("x", inputs)
        return [
            ExplainedStep(
                "answer",
                "Add the inputs",
                "Numbers in the same place are added up." + self.told_repeats(inputs, output),
                f"answer = {' + '.join(names)}",
                "answer",
                {**names, "answer": output},
                formula(lambda at: sum_of(number(x[at]) for x in shown), output),
            )
        ]

    def explain_backward(
        self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context
    ) -> list[ExplainedStep]:
        return [
            ExplainedStep(
                name,
                f"The error of input {place}",
                "A sum follows each of its parts one to one: the error passes as it is" + self.told_sum(made, error),
                f"{name} = {self.summed_text(made, error)}",
                name,
                {"error": error, name: made},
                self.summed_rule(made, error),
            )
            for place, (name, made) in enumerate(
                by_place("input_error", self.backward(error, inputs, output, context).inputs).items()
            )
        ]

    def plan(self, slot: Slot) -> tuple[list[Step], PlanBackward]:
        first, second, *others = (np.broadcast_to(x, slot.output.shape) for x in slot.inputs)
        forward = applying(np.add, slot.output, first, second)
        for x in others:
            forward += applying(np.add, slot.output, slot.output, x)

        def backward(error: Array, inputs: tuple[Array | None, ...], gradients: Mapping[str, Array]) -> list[Step]:
            return [step for target in inputs if target is not None for step in summing(target, error)]

        return forward, backward
