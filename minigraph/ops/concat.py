"""Concat: maps side by side along an axis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from minigraph.arrays import Array, Shape, spell_shape
from minigraph.errors import ShapeError
from minigraph.ops.axis import Axis, require_axis
from minigraph.ops.base import Context, Errors, Op, PlanBackward, Slot, attribute, register_op
from minigraph.steps.steps import Step, batch_last, copying


@register_op
class Concat(Op):
    """(C1, H, W), (C2, H, W), ... to (C1 + C2 + ..., H, W), or likewise along the rows or the columns; vectors (F1,),
    (F2,), ... to (F1 + F2 + ...,)."""

    family: ClassVar[str] = "concatenation"
    foreign_names: ClassVar[tuple[str, ...]] = ("Cat",)
    reads_output: ClassVar[bool] = False

    min_inputs: ClassVar[int] = 2
    max_inputs: ClassVar[int | None] = None

    axis: Axis = attribute(
        1, "what the inputs are lined up along: 1 channels, or a vector's entries; 2 rows, 3 columns"
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        if len({len(shape) for shape in inputs}) == 1:
            require_axis(self.axis, inputs[0], "Concat")
        place = self.axis - 1
        if len({(len(shape), shape[:place], shape[place + 1 :]) for shape in inputs}) > 1:
            same = ("height and width", "number of channels and width", "number of channels and height")[place]
            along = f" along axis {self.axis}" if place else ""
            raise ShapeError(
                f"Concat needs inputs of one {same}{along}; found {', '.join(map(spell_shape, inputs))}",
                attribute="inputs",
            )
        return (*inputs[0][:place], sum(shape[place] for shape in inputs), *inputs[0][place + 1 :])

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        return np.concatenate(inputs, axis=self.axis)

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        ends = np.cumsum([x.shape[self.axis] for x in inputs])[:-1]
        return Errors(tuple(part.copy() for part in np.split(error, ends, axis=self.axis)))

    def plan(self, slot: Slot) -> tuple[list[Step], PlanBackward]:
        ends = np.cumsum([x.shape[self.axis] for x in slot.inputs])[:-1]

        def parts(whole: Array) -> list[Array]:
            return [batch_last(part) for part in np.split(whole, ends, axis=self.axis)]

        def backward(error: Array, inputs: tuple[Array | None, ...], gradients: Mapping[str, Array]) -> list[Step]:
            pairs = zip(inputs, parts(error), strict=True)
            return [step for x, part in pairs if x is not None for step in copying(batch_last(x), part)]

        pairs = zip(parts(slot.output), slot.inputs, strict=True)
        return [step for part, x in pairs for step in copying(part, batch_last(x))], backward
