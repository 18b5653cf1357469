"""Convolution as a product of spectra: its cost does not grow with the kernel, which pays for large ones.

The convolution theorem on the padded map, where nothing that is read has wrapped around. The spectra of the map and of
the error serve two passes each.
"""

from __future__ import annotations

from functools import partial
from math import log2, prod
from typing import Any

import numpy as np

from minigraph.arrays import Array
from minigraph.convolution.layer import Buffers, Layer, Planned
from minigraph.steps.steps import Step, copying
from minigraph.steps.threads import thread_count

COPIES_PER_TRANSFORM = 2.4
"""A transform of n numbers takes about as long as copying 2.4 n log2(n) of them."""
COPIES_PER_PRODUCT = 4
FIXED_COST = 500_000
"""What the calls themselves cost, in numbers copied."""


class Fourier(Planned):
    """Convolutions of stride 1 without gaps, through scipy's real fast Fourier transforms.

    Maps (C, H, W, N) have spectra (C, U, V, N), kernels (O, C / groups, kh, kw) spectra (O, C / groups, U, V).
    """

    name = "fft"

    def __init__(self, layer: Layer, buffers: Buffers) -> None:
        from scipy import fft  # where it is needed only: it takes longer to import than a small training

        super().__init__(layer, buffers)
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
        if buffers.fixed:
            self._transform_x()

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
        rows, columns = self.layer.output

        def step() -> None:
            if not self.buffers.fixed:
                self._transform_x()
            # (G, 1, C/G, U, V, N) * (G, O/G, C/G, U, V, 1), summed over C/G
            x = self._x.reshape(groups, 1, -1, *self._x.shape[1:])
            maps = self._back((x * self._kernel_spectrum().conj()).sum(axis=2))
            answer[...] = maps[:, :rows, :columns]
            if bias is not None:
                np.add(answer, bias.reshape(-1, 1, 1, 1), answer)

        return [step]

    def parameter_gradients(self, error: Array, kernel: Array | None, bias: Array | None) -> list[Step]:
        steps: list[Step] = []
        groups, (height, width) = self.layer.geometry.groups, self.layer.kernel_size

        def step() -> None:
            assert kernel is not None, "there is no such step otherwise"
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
        (height, width), groups = self.layer.size, self.layer.geometry.groups

        def step() -> None:
            # (G, O/G, 1, U, V, N) * (G, O/G, C/G, U, V, 1), summed over O/G
            spectrum = self._error.reshape(groups, -1, 1, *self._error.shape[1:])
            maps = self._back((spectrum * self._kernel_spectrum()).sum(axis=1))
            filled[...] = maps[:, top : top + height, left : left + width]

        return [*self._transform_error(error), step]

    def _transform_x(self) -> None:
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
