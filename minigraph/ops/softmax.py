"""Softmax: channels as shares of one."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from minigraph.arrays import Array, Shape
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
