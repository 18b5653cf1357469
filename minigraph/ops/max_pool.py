"""MaxPool: the largest value under each window."""

from __future__ import annotations

import numpy as np

from minigraph.convolution.windows import gather, pad_with, windows
from minigraph.ops.base import Array, Context, Errors, register_op
from minigraph.ops.pooling import Pooling


@register_op
class MaxPool(Pooling):
    """(C, H, W) to (C, P, Q), with P = floor((H + padding - kernel) / stride) + 1; padding never wins.

    Where several entries of a window are the largest, the first one in rows from left to right, top to bottom, gets
    the whole error, as in PyTorch. Source: ONNX MaxPool, operator set 22.
    """

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        answer: Array = self._windows(inputs[0]).max(axis=(2, 3))
        return answer

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        (x,) = inputs
        view = self._windows(x)
        batch, channels, height, width, rows, columns = view.shape
        # (N, C, kh, kw, P, Q) -> (N, C, kh*kw, P, Q): which tap of each window is its first largest
        winner = view.reshape(batch, channels, height * width, rows, columns).argmax(axis=2)
        held = np.zeros((batch, channels, height * width, rows, columns), error.dtype)
        np.put_along_axis(held, winner[:, :, None], error[:, :, None], axis=2)
        return Errors((gather(held.reshape(view.shape), self.geometry(x.shape[2:]), x.shape[2:]),))

    def _windows(self, x: Array) -> Array:
        geometry = self.geometry(x.shape[2:])
        kernel = self.kernel
        return windows(pad_with(x, geometry, -np.inf), kernel, geometry, geometry.output_size(x.shape[2:], kernel))
