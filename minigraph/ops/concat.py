"""Concat: maps side by side along an axis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from minigraph.arrays import Array, Shape, spell_shape
from minigraph.errors import ShapeError
from minigraph.explaining import Index, Rule, by_place, formula
from minigraph.explaining import Step as ExplainedStep
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

    def explain_forward(self, inputs: tuple[Array, ...], output: Array, context: Context) -> list[ExplainedStep]:
        names = by_place("x", inputs)
        along = ("channels", "rows", "columns")[self.axis - 1]
        return [
            ExplainedStep(
                "answer",
                "Line the inputs up",
                f"The inputs stand one after another along the {along}; no number changes.",
                f"answer = {', '.join(names)}, one after another",
                "answer",
                {**names, "answer": output},
                formula(lambda at: "{}{}".format(*self._from(at, inputs)), output),
            )
        ]

    def explain_backward(
        self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context
    ) -> list[ExplainedStep]:
        made = by_place("input_error", self.backward(error, inputs, output, context).inputs)
        begins = [0, *np.cumsum([x.shape[self.axis] for x in inputs]).tolist()]

        def rule(array: Array, begin: int) -> Rule:
            def text(index: Index) -> str:
                place = [part + begin * (axis == self.axis) for axis, part in enumerate(index)]
                return f"error{place}"

            return formula(text, array)

        return [
            ExplainedStep(
                name,
                f"The error of input {place}",
                "Each input gets back the part of the error that lies where it stood.",
                f"{name} = its part of error",
                name,
                {"error": error, name: array},
                rule(array, begins[place]),
            )
            for place, (name, array) in enumerate(made.items())
        ]

    def _from(self, index: Index, inputs: tuple[Array, ...]) -> tuple[str, list[int]]:
        """The name of the input that a number of the answer was taken from, and where it stands there."""
        rest = list(index)
        for name, x in by_place("x", inputs).items():
            if rest[self.axis] < x.shape[self.axis]:
                return name, rest
            rest[self.axis] -= x.shape[self.axis]
        raise IndexError(index)

    def plan(self, slot: Slot) -> tuple[list[Step], PlanBackward]:
        ends = np.cumsum([x.shape[self.axis] for x in slot.inputs])[:-1]

        def parts(whole: Array) -> list[Array]:
            return [batch_last(part) for part in np.split(whole, ends, axis=self.axis)]

        def backward(error: Array, inputs: tuple[Array | None, ...], gradients: Mapping[str, Array]) -> list[Step]:
            pairs = zip(inputs, parts(error), strict=True)
            return [step for x, part in pairs if x is not None for step in copying(batch_last(x), part)]

        pairs = zip(parts(slot.output), slot.inputs, strict=True)
        return [step for part, x in pairs for step in copying(part, batch_last(x))], backward
