"""Convolution as a product of spectra: its cost does not grow with the kernel, which pays for large ones.

The convolution theorem on the padded map, where nothing that is read has wrapped around. The spectra of the map and of
the error serve two passes each.

Rounding spreads: each value of a spectrum's map is off by some parts in 10^16 (float64) or 10^7 (float32) of the map's
largest, however far away that is, and one infinity makes all of it NaN. So each map is looked at first. Where it
is brighter than RANGE times what some window of the kernel's size holds, or not finite, the pass runs directly, on
another algorithm; where a window holds nothing but zeros the answer is exactly 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from math import log2, prod, sqrt
from typing import Any

import numpy as np

from minigraph.arrays import Array
from minigraph.convolution.gemm import Gemm
from minigraph.convolution.layer import Buffers, Layer, Planned
from minigraph.steps.steps import Step, copying
from minigraph.steps.threads import thread_count

COPIES_PER_TRANSFORM = 2.4
"""A transform of n numbers takes about as long as copying 2.4 n log2(n) of them."""
COPIES_PER_PRODUCT = 4
FIXED_COST = 500_000
"""What the calls themselves cost, in numbers copied."""
RANGE = 1000
"""The largest value of a map over the largest in a window: up to here spectra keep an answer within 1e-12 (float64) or
1e-5 (float32) of what its own window holds."""


class Fourier(Planned):
    """Convolutions of stride 1 without gaps, through scipy's real fast Fourier transforms.

    Maps (C, H, W, N) have spectra (C, U, V, N), kernels (O, C / groups, kh, kw) spectra (O, C / groups, U, V).

    Args:
        direct: the algorithm of passes over maps whose range is too wide.
    """

    name = "fft"

    def __init__(self, layer: Layer, buffers: Buffers, direct: type[Planned] = Gemm) -> None:
        from scipy import fft  # where it is needed only: it takes longer to import than a small training

        super().__init__(layer, buffers)
        self._kind = direct
        self._fft: Any = fft
        geometry = layer.geometry
        self._padded = geometry.padded(layer.size)
        self._size = [fft.next_fast_len(length, real=True) for length in self._padded]
        self._map, self._fill = buffers.x, list[Step]()
        if any(geometry.padding):
            top, left = geometry.padding[:2]
            self._map = self.own((layer.channels, *self._padded, layer.batch), zeros=True)
            self._fill = copying(self._map[:, top : top + layer.size[0], left : left + layer.size[1]], buffers.x)
        self._x = self._error = np.empty(0)
        self._given: Array | None = None
        self._forward_directly = self._later(lambda direct: direct.forward())
        if buffers.fixed:
            self._look_at_x()

    @staticmethod
    def cost(layer: Layer) -> float | None:
        if layer.geometry.stride != (1, 1) or layer.geometry.dilation != (1, 1):
            return None
        numbers = prod(layer.geometry.padded(layer.size))
        kernels = layer.out_channels * layer.channels // layer.geometry.groups
        transforms = 2 * layer.batch * (layer.channels + layer.out_channels) + 2 * kernels
        products = 3 * layer.batch * kernels * numbers / 2
        return FIXED_COST + transforms * numbers * log2(numbers) * COPIES_PER_TRANSFORM + products * COPIES_PER_PRODUCT

    def forward(self) -> list[Step]:
        answer, bias, groups = self.buffers.answer, self.buffers.bias, self.layer.geometry.groups
        (rows, columns), (top, left, _, _) = self.layer.output, self.layer.geometry.padding

        def step() -> None:
            if not self.buffers.fixed:
                self._look_at_x()
            if self._reach.wide:
                self._forward_directly()
                answer[...] = self._direct.buffers.answer
                return
            # (G, 1, C/G, U, V, N) * (G, O/G, C/G, U, V, 1), summed over C/G
            x = self._x.reshape(groups, 1, -1, *self._x.shape[1:])
            maps = self._back((x * self._kernel_spectrum().conj()).sum(axis=2))
            answer[...] = maps[:, :rows, :columns]
            self._reach.clear(answer, (-top, -left))
            if bias is not None:
                np.add(answer, bias.reshape(-1, 1, 1, 1), answer)

        return [step]

    def parameter_gradients(self, error: Array, kernel: Array | None, bias: Array | None) -> list[Step]:
        steps: list[Step] = []
        groups, (height, width) = self.layer.geometry.groups, self.layer.kernel_size
        directly = self._later(lambda direct: direct.parameter_gradients(error, kernel, None))

        def step() -> None:
            assert kernel is not None, "there is no such step otherwise"
            infinite = not np.isfinite(self._error[:, 0, 0]).all()  # the sums of the errors
            if infinite and not self._reach.wide:
                self._forward_directly()  # the gradient follows it
            if infinite or self._reach.wide:
                directly()
                return
            # (G, 1, C/G, U, V, N) * (G, O/G, 1, U, V, N), summed over N
            x = self._x.reshape(groups, 1, -1, *self._x.shape[1:])
            spectrum = self._error.conj().reshape(groups, -1, 1, *self._x.shape[1:])
            maps = self._fft.irfft2((x * spectrum).sum(axis=-1), self._size, workers=thread_count())
            kernel[...] = maps[..., :height, :width].reshape(kernel.shape)

        if kernel is not None:
            steps += [*self._transform_error(error), step]
        if bias is not None:
            steps.append(partial(np.add.reduce, error, (1, 2, 3), None, bias))
        return steps

    def input_error(self, error: Array, filled: Array) -> list[Step]:
        top, left = self.layer.geometry.padding[:2]
        (height, width), groups, (kh, kw) = self.layer.size, self.layer.geometry.groups, self.layer.kernel_size
        directly = self._later(lambda direct: direct.input_error(error, filled))

        def step() -> None:
            reach = Reach.of(error, self.layer)
            if reach.wide:
                directly()
                return
            # (G, O/G, 1, U, V, N) * (G, O/G, C/G, U, V, 1), summed over O/G
            spectrum = self._error.reshape(groups, -1, 1, *self._error.shape[1:])
            maps = self._back((spectrum * self._kernel_spectrum()).sum(axis=1))
            filled[...] = maps[:, top : top + height, left : left + width]
            reach.clear(filled, (top - kh + 1, left - kw + 1))

        return [*self._transform_error(error), step]

    @cached_property
    def _direct(self) -> Planned:
        """The convolution on another algorithm, with an answer of its own: in a plan others may lie over ours."""
        answer = np.empty_like(self.buffers.answer)
        direct = self._kind(self.layer, replace(self.buffers, answer=answer))
        self.bytes += direct.bytes + answer.nbytes
        return direct

    def _later(self, make: Callable[[Planned], list[Step]]) -> Step:
        """A step that runs steps of the other algorithm, which are planned when it is first run."""
        steps: list[Step] = []

        def run() -> None:
            if not steps:
                before = self._direct.bytes
                steps.extend(make(self._direct))
                self.bytes += self._direct.bytes - before
            for step in steps:
                step()

        return run

    def _look_at_x(self) -> None:
        self._reach = Reach.of(self.buffers.x, self.layer)
        if self._reach.wide:
            return
        for fill in self._fill:
            fill()
        self._x = self._transform(self._map)

    def _transform_error(self, error: Array) -> list[Step]:
        """The step that makes the error's spectrum, which both gradients need; none where it is made already."""
        if self._given is error:
            return []
        self._given = error

        def step() -> None:
            self._error = self._transform(error)

        return [step]

    def _kernel_spectrum(self) -> Array:
        """(G, O/G, C/G, U, V, 1)"""
        spectrum: Array = self._fft.rfft2(self.buffers.kernel, self._size, workers=thread_count())
        return spectrum.reshape(self.layer.geometry.groups, -1, *spectrum.shape[1:], 1)

    def _transform(self, x: Array) -> Array:
        spectrum: Array = self._fft.rfft2(x, self._size, axes=(1, 2), workers=thread_count())
        return spectrum

    def _back(self, spectrum: Array) -> Array:
        """(G, C/G, U, V, N) to (C, rows, columns, N)."""
        flat = spectrum.reshape(-1, *spectrum.shape[2:])
        maps: Array = self._fft.irfft2(flat, self._size, axes=(1, 2), workers=thread_count())
        return maps


@dataclass(frozen=True)
class Reach:
    """What the windows of a kernel hold of a map.

    Attributes:
        largest: the largest absolute value of each window that lies in the map, over the channels of a group,
            (G, rows, columns, N).
        wide: whether the map is not finite, or its range is too wide for spectra.
    """

    largest: Array
    wide: bool

    @classmethod
    def of(cls, array: Array, layer: Layer) -> Reach:
        """That of a map or an error, batch-last, of a layer."""
        largest = np.abs(array).reshape(layer.geometry.groups, -1, *array.shape[1:]).max(axis=1)
        for axis, taps in enumerate(layer.kernel_size, start=1):
            largest = _sliding(largest, min(taps, largest.shape[axis]), axis)
        top = largest.max(axis=(1, 2), keepdims=True)
        # Products of spectra are larger than the answer: they must not overflow where that does not.
        sound = top < sqrt(np.finfo(array.dtype).max)
        return cls(largest, not sound.all() or bool(((largest > 0) & (largest < top / RANGE)).any()))

    def clear(self, target: Array, offset: tuple[int, int]) -> None:
        """Put zeros where a target (C, rows, columns, N) reads nothing else.

        Its place (i, j) reads the window that begins at (i, j) + offset, as far as that lies in the map.
        """
        dark = self.largest == 0
        if not dark.any():
            return
        places = [
            np.clip(np.arange(size) + shift, 0, dark.shape[axis] - 1)
            for axis, (size, shift) in enumerate(zip(target.shape[1:3], offset, strict=True), start=1)
        ]
        unread = dark[:, None, places[0]][:, :, :, places[1]]
        np.copyto(target.reshape(len(dark), -1, *target.shape[1:]), 0, where=unread)


def _sliding(array: Array, length: int, axis: int) -> Array:
    """The largest of each ``length`` neighbours along an axis."""
    covered, before = 1, (slice(None),) * axis
    while covered < length:
        shift = min(covered, length - covered)
        array = np.maximum(array[(*before, slice(-shift))], array[(*before, slice(shift, None))])
        covered += shift
    return array
