"""Tanh: the hyperbolic tangent."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from minigraph.arrays import Array
from minigraph.explaining import Step as ExplainedStep
from minigraph.explaining import applied, sloped
from minigraph.ops.base import Commutes, Context, Elementwise, Errors, register_op


@register_op
class Tanh(Elementwise):
    """tanh(x), elementwise."""

    commutes: ClassVar[Commutes | None] = "odd"
    family: ClassVar[str] = "activation"
    in_place: ClassVar[bool] = True

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        answer: Array = np.tanh(inputs[0])
        return answer

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        return Errors((error * (1 - output * output),))

    def explain_forward(self, inputs: tuple[Array, ...], output: Array, context: Context) -> list[ExplainedStep]:
        text = "Every number is pressed between -1 and 1; 0 stays 0, and small numbers stay almost as they are."
        return [applied("Press into -1 to 1", text, "tanh(x)", inputs[0], output, "tanh({})".format)]

    def explain_backward(
        self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context
    ) -> list[ExplainedStep]:
        text = "The curve is steepest, 1, at 0, and almost flat near -1 and 1: there little error passes."
        slope, source = 1 - output * output, ("answer", output)
        return sloped(text, "1 - answer^2", slope, error, source, "1 - {}^2".format)
