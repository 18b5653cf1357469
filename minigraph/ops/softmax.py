"""Softmax: channels as shares of one."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from minigraph.arrays import Array, Shape
from minigraph.explaining import Index, formula, number, products, sum_of
from minigraph.explaining import Step as ExplainedStep
from minigraph.ops.axis import Axis, require_axis
from minigraph.ops.base import Context, Elementwise, Errors, attribute, register_op


@register_op
class Softmax(Elementwise):
    """exp(x[c]) / sum over k of exp(x[k]), with c and k along ``axis``, with no overflow at any x.

    The loss ``cross_entropy`` computes it itself: train on what a Softmax reads, and put it behind for predictions.
    """

    axis: Axis = attribute(1, "what adds up to 1: 1 the channels, or a vector's entries; 2 the rows, 3 the columns")

    def output_shape(self, *inputs: Shape) -> Shape:
        require_axis(self.axis, inputs[0], "Softmax")
        return inputs[0]

    family: ClassVar[str] = "activation"

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        (x,) = inputs
        powers = np.exp(x - x.max(axis=self.axis, keepdims=True))
        shares: Array = powers / powers.sum(axis=self.axis, keepdims=True)
        return shares

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        mean = (error * output).sum(axis=self.axis, keepdims=True)
        return Errors((output * (error - mean),))

    def explain_forward(self, inputs: tuple[Array, ...], output: Array, context: Context) -> list[ExplainedStep]:
        (x,), axis = inputs, self.axis
        shifted = x - x.max(axis=axis, keepdims=True)
        powers = np.exp(shifted)
        sums = np.broadcast_to(powers.sum(axis=axis, keepdims=True), x.shape).copy()
        return [
            ExplainedStep(
                "exponentials",
                "Raise e to each number",
                "The largest number is taken off first, which changes no share and lets nothing overflow; then all are "
                "made positive by the exponential function.",
                "exponentials = exp(x - largest x)",
                "exponentials",
                {"x": x, "exponentials": powers},
                formula(lambda at: f"exp({number(shifted[at])})", powers),
            ),
            ExplainedStep(
                "sums",
                "Add them up",
                f"The exponentials that share one whole are added up: those along the {self._along}.",
                "sums = sum of exponentials",
                "sums",
                {"exponentials": powers, "sums": sums},
                formula(
                    lambda at: sum_of(number(value) for value in powers[(*at[:axis], slice(None), *at[axis + 1 :])]),
                    sums,
                ),
            ),
            ExplainedStep(
                "answer",
                "Each one's share",
                "Every exponential is divided by the sum: shares between 0 and 1 that add up to 1.",
                "answer = exponentials / sums",
                "answer",
                {"exponentials": powers, "sums": sums, "answer": output},
                formula(lambda at: f"{number(powers[at])} / {number(sums[at])}", output),
            ),
        ]

    def explain_backward(
        self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context
    ) -> list[ExplainedStep]:
        axis = self.axis
        mean = np.broadcast_to((error * output).sum(axis=axis, keepdims=True), error.shape).copy()
        input_error = output * (error - mean)

        def along(index: Index) -> list[tuple[Index, Index]]:
            places = [(*index[:axis], k, *index[axis + 1 :]) for k in range(error.shape[axis])]
            return list(zip(places, places, strict=True))

        return [
            ExplainedStep(
                "error_mean",
                "The mean error, weighted by the shares",
                "The shares add up to 1: one can only grow at the cost of the others. What all errors have in "
                "common has "
                "no effect, and is measured first.",
                f"error_mean = sum along the {self._along} of error * answer",
                "error_mean",
                {"error": error, "answer": output, "error_mean": mean},
                products(mean, (("error", error), ("answer", output)), along),
            ),
            ExplainedStep(
                "input_error",
                "What is left of each error, times the share",
                "Each number gets its own error less the common one, times its share.",
                "input_error = answer * (error - error_mean)",
                "input_error",
                {"answer": output, "error": error, "error_mean": mean, "input_error": input_error},
                formula(
                    lambda at: f"{number(output[at])} * ({number(error[at])} - {number(mean[at])})",
                    input_error,
                ),
            ),
        ]

    @property
    def _along(self) -> str:
        return ("channels", "rows", "columns")[self.axis - 1]
