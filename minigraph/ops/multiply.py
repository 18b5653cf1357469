"""Multiply: the elementwise product."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from minigraph.arrays import Array
from minigraph.explaining import Step as ExplainedStep
from minigraph.explaining import by_place, formula, number
from minigraph.ops.base import Context, Errors, PlanBackward, Slot, register_op
from minigraph.ops.broadcasting import Broadcasting, summed_to, summing
from minigraph.steps.steps import Step, applying, empty_batch_last


@register_op
class Multiply(Broadcasting):
    """x1 * x2 * ..., elementwise; axes of length 1 are repeated, as those of a gate (C, 1, 1) beside (C, H, W).

    All inputs are maps, or all are vectors. Source: ONNX Mul, operator set 14.
    """

    foreign_names: ClassVar[tuple[str, ...]] = ("Mul", "Prod")

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        product = inputs[0] * inputs[1]
        for x in inputs[2:]:
            product = product * x
        return product

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        # The products of the factors before and after each one: no division, so that zeros are no trouble.
        before, after = [error], [inputs[-1]]
        for x in inputs[:-1]:
            before.append(before[-1] * x)
        for x in reversed(inputs[1:-1]):
            after.append(after[-1] * x)
        others = [*reversed(after), None]
        own = [here if rest is None else here * rest for here, rest in zip(before, others, strict=True)]
        return Errors(tuple(summed_to(total, x.shape) for total, x in zip(own, inputs, strict=True)))

    def explain_forward(self, inputs: tuple[Array, ...], output: Array, context: Context) -> list[ExplainedStep]:
        shown = tuple(np.broadcast_to(x, output.shape) for x in inputs)
        names = by_place("x", inputs)
        return [
            ExplainedStep(
                "answer",
                "Multiply the inputs",
                "Numbers in the same place are multiplied." + self.told_repeats(inputs, output),
                f"answer = {' * '.join(names)}",
                "answer",
                {**names, "answer": output},
                formula(lambda at: " * ".join(number(x[at]) for x in shown), output),
            )
        ]

    def explain_backward(
        self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context
    ) -> list[ExplainedStep]:
        shown = tuple(np.broadcast_to(x, output.shape) for x in inputs)
        names, steps = list(by_place("x", inputs)), []
        made = by_place("input_error", self.backward(error, inputs, output, context).inputs)
        for place, (name, array) in enumerate(made.items()):
            others = [other for other in range(len(inputs)) if other != place]
            passed = error * np.prod([shown[other] for other in others], axis=0)
            text = "A change of one factor counts times the others: the error passes times them"
            product = " * ".join(["error", *(names[other] for other in others)])
            steps.append(
                ExplainedStep(
                    name,
                    f"The error of input {place}",
                    text + self.told_sum(array, error),
                    f"{name} = {self.summed_text(array, error, product)}",
                    name,
                    {"error": error, **{names[other]: inputs[other] for other in others}, name: array},
                    self.summed_rule(array, passed),
                )
            )
        return steps

    def plan(self, slot: Slot) -> tuple[list[Step], PlanBackward]:
        factors = [np.broadcast_to(x, slot.output.shape) for x in slot.inputs]
        forward = applying(np.multiply, slot.output, factors[0], factors[1])
        for x in factors[2:]:
            forward += applying(np.multiply, slot.output, slot.output, x)

        def backward(error: Array, inputs: tuple[Array | None, ...], gradients: Mapping[str, Array]) -> list[Step]:
            steps, scratch = list[Step](), empty_batch_last(error.shape, error.dtype)
            for index, target in enumerate(inputs):
                if target is None:
                    continue
                product = target if target.shape == error.shape else scratch
                others = [factor for place, factor in enumerate(factors) if place != index]
                steps += applying(np.multiply, product, error, others[0])
                for factor in others[1:]:
                    steps += applying(np.multiply, product, product, factor)
                if product is scratch:
                    steps += summing(target, scratch)
            return steps

        return forward, backward
