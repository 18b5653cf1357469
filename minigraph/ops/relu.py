"""ReLU: the positive part."""

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
class ReLU(Elementwise):
    """max(x, 0), elementwise. Its derivative at 0 is 0."""

    commutes: ClassVar[Commutes | None] = "homogeneous"
    family: ClassVar[str] = "activation"
    in_place: ClassVar[bool] = True

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        return np.maximum(inputs[0], 0)

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        return Errors((error * (inputs[0] > 0),))

    def explain_forward(self, inputs: tuple[Array, ...], output: Array, context: Context) -> list[ExplainedStep]:
        text = "Numbers above 0 pass, all others become 0."
        return [applied("Keep what is above 0", text, "max(x, 0)", inputs[0], output, "max({}, 0)".format)]

    def explain_backward(
        self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context
    ) -> list[ExplainedStep]:
        (x,) = inputs
        text = (
            "Where x is above 0 the answer follows it: slope 1. Elsewhere the answer stays 0 whatever x does: slope 0."
        )
        slope = (x > 0).astype(x.dtype)
        return sloped(text, "1 where x > 0, else 0", slope, error, ("x", x), "slope of max(x, 0) at {}".format)

    def plan(self, slot: Slot) -> tuple[list[Step], PlanBackward]:
        (x,), output = slot.inputs, slot.output
        positive = empty_batch_last(x.shape, bool)

        def backward(error: Array, inputs: tuple[Array | None, ...], gradients: Mapping[str, Array]) -> list[Step]:
            if inputs[0] is None:
                return []
            return [*applying(np.greater, positive, output, 0), *applying(np.multiply, inputs[0], error, positive)]

        return applying(np.maximum, output, x, 0), backward
