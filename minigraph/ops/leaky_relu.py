"""LeakyReLU: ReLU with a small slope below zero."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from minigraph.arrays import Array
from minigraph.declared.fields import Number
from minigraph.ops.base import Context, Elementwise, Errors, attribute, register_op


@register_op
class LeakyReLU(Elementwise):
    """x where x > 0, else slope * x, elementwise. Its derivative at 0 is the slope, as in PyTorch."""

    family: ClassVar[str] = "activation"
    reads_output: ClassVar[bool] = False

    slope: Number = attribute(0.01, "the factor of negative inputs", foreign=("negative_slope", "alpha"))

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        (x,) = inputs
        return np.where(x > 0, x, x * self.slope)

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        return Errors((np.where(inputs[0] > 0, error, error * self.slope),))
