"""Tanh: the hyperbolic tangent."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from minigraph.arrays import Array
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
