"""Softmax: channels as shares of one."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from minigraph.arrays import Array
from minigraph.ops.base import Context, Elementwise, Errors, register_op


@register_op
class Softmax(Elementwise):
    """exp(x[c]) / sum over channels k of exp(x[k]), at every position, with no overflow at any x."""

    family: ClassVar[str] = "activation"

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        (x,) = inputs
        powers = np.exp(x - x.max(axis=1, keepdims=True))
        shares: Array = powers / powers.sum(axis=1, keepdims=True)
        return shares

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        mean = (error * output).sum(axis=1, keepdims=True)
        return Errors((output * (error - mean),))
