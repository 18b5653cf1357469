"""ReLU: the positive part."""

from __future__ import annotations

import numpy as np

from minigraph.ops.base import Array, Context, Elementwise, Errors, register_op


@register_op
class ReLU(Elementwise):
    """max(x, 0), elementwise. Its derivative at 0 is 0."""

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        return np.maximum(inputs[0], 0)

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        return Errors((error * (inputs[0] > 0),))
