"""MaxPool: the largest value under each window."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from minigraph.arrays import Array
from minigraph.convolution import Geometry
from minigraph.convolution.windows import gather, pad_with, windows
from minigraph.ops.base import Context, Errors, PlanBackward, Slot, register_op
from minigraph.ops.pooling import Pooling
from minigraph.steps.steps import Step, applying, batch_last, copying, empty_batch_last, setter


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

    def plan(self, slot: Slot) -> tuple[list[Step], PlanBackward]:
        (x,), output = slot.inputs, slot.output
        geometry, size = self.geometry(x.shape[2:]), output.shape[2:]
        padded, forward = _bordered(x, geometry, -np.inf)
        taps = [_reached(padded, tap, geometry, size) for tap in np.ndindex(*self.kernel)]
        forward += copying(batch_last(output), batch_last(taps[0]))
        for tap in taps[1:]:
            forward += applying(np.maximum, output, output, tap)
        winner, free = (empty_batch_last(output.shape, bool) for _ in range(2))

        def backward(error: Array, inputs: tuple[Array | None, ...], gradients: Mapping[str, Array]) -> list[Step]:
            if inputs[0] is None:
                return []
            target, _ = _bordered(inputs[0], geometry, 0)
            share = empty_batch_last(error.shape, error.dtype)
            steps: list[Step] = [setter(target, 0), setter(free, True)]
            for tap, index in zip(taps, np.ndindex(*self.kernel), strict=True):
                reached = _reached(target, index, geometry, size)
                steps += applying(np.equal, winner, tap, output)
                steps += applying(np.logical_and, winner, winner, free)
                steps += applying(np.logical_xor, free, free, winner)
                steps += applying(np.multiply, share, error, winner)
                steps += applying(np.add, reached, reached, share)
            if target is not inputs[0]:
                steps += copying(batch_last(inputs[0]), batch_last(_inner(target, geometry, x.shape[2:])))
            return steps

        return forward, backward


def _bordered(x: Array, geometry: Geometry, value: float) -> tuple[Array, list[Step]]:
    """A map with its padding of ``value`` around it, batch-last, and the steps that fill it; ``x`` itself if it has
    none."""
    if not any(geometry.padding):
        return x, []
    padded = empty_batch_last((*x.shape[:2], *geometry.padded(x.shape[2:])), x.dtype)
    padded[...] = value
    return padded, copying(batch_last(_inner(padded, geometry, x.shape[2:])), batch_last(x))


def _inner(padded: Array, geometry: Geometry, size: tuple[int, ...]) -> Array:
    top, left = geometry.padding[:2]
    return padded[:, :, top : top + size[0], left : left + size[1]]


def _reached(padded: Array, tap: tuple[int, ...], geometry: Geometry, output: tuple[int, ...]) -> Array:
    """What a tap of every window reads: a view (N, C, P, Q)."""
    (down, across), (i, j) = geometry.stride, tap
    return padded[:, :, i : i + (output[0] - 1) * down + 1 : down, j : j + (output[1] - 1) * across + 1 : across]
