"""LeakyReLU: ReLU with a small slope below zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from minigraph.arrays import Array
from minigraph.declared.fields import Number
from minigraph.explaining import Step as ExplainedStep
from minigraph.explaining import applied, sloped
from minigraph.ops.base import Commutes, Context, Elementwise, Errors, PlanBackward, Slot, attribute, register_op
from minigraph.steps.steps import Step, applying, empty_batch_last


@register_op
class LeakyReLU(Elementwise):
    """x where x > 0, else slope * x, elementwise. Its derivative at 0 is the slope, as in PyTorch."""

    commutes: ClassVar[Commutes | None] = "homogeneous"
    family: ClassVar[str] = "activation"
    reads_output: ClassVar[bool] = False

    slope: Number = attribute(0.01, "the factor of negative inputs", foreign=("negative_slope", "alpha"))

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        (x,) = inputs
        return np.where(x > 0, x, x * self.slope)

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        return Errors((np.where(inputs[0] > 0, error, error * self.slope),))

    def explain_forward(self, inputs: tuple[Array, ...], output: Array, context: Context) -> list[ExplainedStep]:
        text = f"Numbers above 0 pass, all others are made smaller, times {self.slope:g}."
        rule = f"x where x > 0, else {self.slope:g} * x"
        return [applied("Make what is below 0 small", text, rule, inputs[0], output, self._filled)]

    def explain_backward(
        self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context
    ) -> list[ExplainedStep]:
        (x,) = inputs
        text = f"Where x is above 0 the answer follows it one to one; elsewhere {self.slope:g} times as far."
        slope = np.where(x > 0, 1, self.slope).astype(x.dtype)
        rule = f"1 where x > 0, else {self.slope:g}"
        return sloped(text, rule, slope, error, ("x", x), "slope at {}".format)

    def _filled(self, x: str) -> str:
        return f"{self.slope:g} * {x}" if x.startswith("(") or x == "0" else x

    def plan(self, slot: Slot) -> tuple[list[Step], PlanBackward]:
        (x,), output = slot.inputs, slot.output
        positive, other = (empty_batch_last(x.shape, bool) for _ in range(2))
        factor = empty_batch_last(x.shape, x.dtype)  # 1 or the slope
        forward = applying(np.greater, positive, x, 0)
        forward += applying(np.logical_not, other, positive)
        forward += applying(np.multiply, factor, other, self.slope)
        forward += applying(np.add, factor, factor, positive)
        forward += applying(np.multiply, output, x, factor)

        def backward(error: Array, inputs: tuple[Array | None, ...], gradients: Mapping[str, Array]) -> list[Step]:
            return [] if inputs[0] is None else applying(np.multiply, inputs[0], error, factor)

        return forward, backward
