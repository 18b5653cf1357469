"""AvgPool: the mean under each window."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from minigraph.arrays import Array, Shape
from minigraph.convolution.windows import gather, pad_with, windows
from minigraph.ops.base import Context, Errors, attribute, register_op
from minigraph.ops.pooling import Pooling


@register_op
class AvgPool(Pooling):
    """(C, H, W) to (C, P, Q), with P = floor((H + padding - kernel) / stride) + 1.

    The divisor counts the entries of the map under the window; with ``count_include_pad``, its padding too.
    Source: ONNX AveragePool, operator set 22.
    """

    reads_output: ClassVar[bool] = False

    count_include_pad: bool = attribute(False, "whether padding counts in the divisor")

    def multiply_adds(self, *inputs: Shape) -> int:
        return self.taps(*inputs)

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        (x,) = inputs
        answer: Array = self._windows(x).sum(axis=(2, 3)) / self._counts(x)
        return answer

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        (x,) = inputs
        geometry = self.geometry(x.shape[2:])
        share = error / self._counts(x)
        held = np.broadcast_to(share[:, :, None, None], (*x.shape[:2], *self.kernel, *error.shape[2:]))
        return Errors((gather(held, geometry, x.shape[2:]),))

    def _windows(self, x: Array) -> Array:
        geometry = self.geometry(x.shape[2:])
        output = geometry.output_size(x.shape[2:], self.kernel)
        return windows(pad_with(x, geometry), self.kernel, geometry, output)

    def _counts(self, x: Array) -> Array:
        """How many entries each window's sum is divided by: (P, Q), or one number for all."""
        if self.count_include_pad:
            return np.array(self.kernel[0] * self.kernel[1], x.dtype)
        ones = np.ones((1, 1, *x.shape[2:]), x.dtype)
        counts: Array = self._windows(ones).sum(axis=(2, 3))[0, 0]
        return counts
