"""ReLU: the positive part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from minigraph.arrays import Array
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

    def plan(self, slot: Slot) -> tuple[list[Step], PlanBackward]:
        (x,), output = slot.inputs, slot.output
        positive = empty_batch_last(x.shape, bool)

        def backward(error: Array, inputs: tuple[Array | None, ...], gradients: Mapping[str, Array]) -> list[Step]:
            if inputs[0] is None:
                return []
            return [*applying(np.greater, positive, output, 0), *applying(np.multiply, inputs[0], error, positive)]

        return applying(np.maximum, output, x, 0), backward
