"""Sigmoid: the logistic function."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from minigraph.arrays import Array
from minigraph.ops.base import Context, Elementwise, Errors, register_op


@register_op
class Sigmoid(Elementwise):
    """1 / (1 + exp(-x)), elementwise, with no overflow at any x."""

    family: ClassVar[str] = "activation"
    in_place: ClassVar[bool] = True

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        (x,) = inputs
        # exp(-|x|) is at most 1: both branches are the same function, each where it cannot overflow.
        decayed: Array = np.exp(-np.abs(x))
        answer: Array = np.where(x >= 0, 1, decayed) / (1 + decayed)
        return answer

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        return Errors((error * (output * (1 - output)),))
