"""A convolution whose shapes are known beforehand: every buffer is allocated and every view made once.

Forward copies patches and takes a matrix product. Backward has the textbook's form as such products: the zero-inserted,
padded error is a map whose patches, times the rotated kernel, are the error of the input. Where the patches of all
samples together would leave the cache, the samples go through one buffer in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod

import numpy as np

from minigraph.convolution.base import Array
from minigraph.convolution.geometry import Geometry, Pair
from minigraph.convolution.naive import full_padding
from minigraph.convolution.windows import windows

Step = Callable[[], object]

BUFFER_BYTES = 1 << 21
"""How large a buffer of patches may get, so that it stays in a core's cache."""

FEW_PRODUCTS = 1 << 20
"""Below so many products a call costs more than its work: the way with fewer calls is the faster one."""


class PlannedConvolution:
    """Conv's three computations on arrays that stay where they are, to be run again and again.

    Args:
        x: the input (N, C, H, W).
        kernel: (O, C / groups, kh, kw).
        answer: (N, O, P, Q), to be filled by :meth:`forward`.
        geometry: where the windows stand.
        fixed: whether ``x`` never changes, so that its patches can be kept.
    """

    def __init__(self, x: Array, kernel: Array, answer: Array, geometry: Geometry, fixed: bool) -> None:
        self._kernel, self._geometry, self._x, self._output = kernel, geometry, x, answer.shape[2:]
        # (O, C/G, kh, kw) -> (G, O/G, C/G*kh*kw)
        self._taps = kernel.reshape(geometry.groups, len(kernel) // geometry.groups, -1)
        self._answer = self._grouped(answer)
        self._patches = Patches(x, kernel.shape[2:], geometry, answer.shape[2:], fixed)

    def forward(self) -> None:
        """Fill the answer, without a bias."""
        for samples, patches in self._patches.chunks():
            # (G, O/G, K) @ (n, G, K, P*Q) -> (n, G, O/G, P*Q)
            np.matmul(self._taps, patches, out=self._answer[samples])

    def kernel_gradient(self, error: Array, gradient: Array) -> Step:
        """A step that fills ``gradient``, shaped like the kernel, from ``error``, shaped like the answer."""
        errors = self._grouped(error)
        # (O, C/G, kh, kw) -> (G, O/G, K)
        filled = gradient.reshape(self._taps.shape)
        products = filled[None] if len(error) == 1 else np.empty((len(error), *filled.shape), gradient.dtype)

        def step() -> None:
            for samples, patches in self._patches.chunks(again=True):
                # (n, G, O/G, P*Q) @ (n, G, P*Q, K) -> (n, G, O/G, K)
                np.matmul(errors[samples], patches.transpose(0, 1, 3, 2), out=products[samples])
            if len(error) > 1:
                np.add.reduce(products, axis=0, out=filled)

        return step

    def input_error(self, error: Array, filled: Array) -> Step:
        """A step that fills ``filled``, shaped like the input, from ``error``, shaped like the answer."""
        taps = prod(self._kernel.shape) // (self._kernel.shape[1] * self._geometry.groups)
        many = prod(filled.shape) * taps > FEW_PRODUCTS
        # What each way moves per tap: one copies a patch of the errors, the other writes a product and adds it.
        copied, added = error.shape[1] * prod(filled.shape[2:]), 2 * filled.shape[1] * prod(self._output)
        return self._scattered(error, filled) if many and added < copied else self._convolved(error, filled)

    def _convolved(self, error: Array, filled: Array) -> Step:
        """The textbook's way: the zero-inserted, padded error, convolved with the rotated kernel."""
        geometry, groups = self._geometry, self._geometry.groups
        out_channels, in_group, *kernel_size = self._kernel.shape
        (down, across), (rows, columns) = geometry.stride, self._output
        above, left, below, right = full_padding(geometry, filled.shape[2:], (kernel_size[0], kernel_size[1]))
        end, edge = above + (rows - 1) * down + 1, left + (columns - 1) * across + 1
        # The zeros are written once; each run only puts the errors in their places between them.
        spread = np.zeros((len(error), out_channels, end + below, edge + right), error.dtype)
        places = spread[:, :, above:end:down, left:edge:across]
        # Windows whose error lies in the padding are of no use: the map begins at the first one that is.
        top, first = geometry.padding[:2]
        dilated = Geometry(dilation=geometry.dilation, groups=groups)
        patches = Patches(spread[:, :, top:, first:], (kernel_size[0], kernel_size[1]), dilated, filled.shape[2:])
        # (G, O/G, C/G, kh, kw), rotated by 180 degrees -> (G, C/G, O/G, kh, kw)
        split = self._kernel.reshape(groups, out_channels // groups, in_group, *kernel_size)
        rotated = split[..., ::-1, ::-1].transpose(0, 2, 1, 3, 4)
        copied = np.empty(rotated.shape, error.dtype)
        taps, target = copied.reshape(groups, in_group, -1), self._grouped(filled)

        def step() -> None:
            places[...] = error
            copied[...] = rotated
            for samples, held in patches.chunks():
                # (G, C/G, K) @ (n, G, K, H*W) -> (n, G, C/G, H*W)
                np.matmul(taps, held, out=target[samples])

        return step

    def _scattered(self, error: Array, filled: Array) -> Step:
        """Each tap adds its error to the rows and columns that it once read: no products with inserted zeros."""
        geometry, batch = self._geometry, len(error)
        kernel_height, kernel_width = self._kernel.shape[2:]
        (down, across), (tap_down, tap_across), (rows, columns) = geometry.stride, geometry.dilation, self._output
        padded = np.empty((batch, filled.shape[1], *geometry.padded(filled.shape[2:])), error.dtype)
        top, left = geometry.padding[:2]
        inner = padded[:, :, top : top + filled.shape[2], left : left + filled.shape[3]]
        errors, taps = self._grouped(error), self._taps.transpose(0, 2, 1)
        held = np.empty((1, geometry.groups, taps.shape[1], rows * columns), error.dtype)
        by_tap = held.reshape(filled.shape[1], kernel_height, kernel_width, rows, columns)

        def step() -> None:
            padded.fill(0)
            for n in range(batch):
                # (G, K, O/G) @ (1, G, O/G, P*Q) -> (1, G, K, P*Q)
                np.matmul(taps, errors[n : n + 1], out=held)
                for i in range(kernel_height):
                    for j in range(kernel_width):
                        y, x = i * tap_down, j * tap_across
                        reached = padded[
                            n, :, y : y + (rows - 1) * down + 1 : down, x : x + (columns - 1) * across + 1 : across
                        ]
                        reached += by_tap[:, i, j]
            filled[...] = inner

        return step

    def _grouped(self, array: Array) -> Array:
        """(N, C, H, W) -> (N, G, C/G, H*W), a view."""
        batch, channels, height, width = array.shape
        return array.reshape(batch, self._geometry.groups, channels // self._geometry.groups, height * width)


class Patches:
    """The windows of a map as columns of matrices, copied into a buffer that is used again and again.

    Args:
        x: the map (N, C, H, W), a view of an array that stays.
        kernel: (kh, kw); geometry: where the windows stand; output: how many, (P, Q).
        fixed: whether ``x`` never changes.
    """

    def __init__(self, x: Array, kernel: Pair, geometry: Geometry, output: Pair, fixed: bool = False) -> None:
        batch, channels, height, width = x.shape
        self._fixed, self._filled = fixed, False
        self._inner: Array | None = None
        self._x, padded = x, x
        if any(geometry.padding):
            padded = np.zeros((batch, channels, *geometry.padded((height, width))), x.dtype)
            top, left = geometry.padding[:2]
            self._inner = padded[:, :, top : top + height, left : left + width]
        sample = channels * prod(kernel) * prod(output)
        chunk = max(1, min(batch, BUFFER_BYTES // (sample * x.dtype.itemsize)))
        buffer = np.empty((chunk, channels, *kernel, *output), x.dtype)
        views = windows(padded, kernel, geometry, output)
        starts = range(0, batch, chunk)
        # (n, C, kh, kw, P, Q) and the same numbers as (n, G, C/G*kh*kw, P*Q)
        self._chunks = [
            (
                slice(start, min(start + chunk, batch)),
                views[start : start + chunk],
                buffer[: min(chunk, batch - start)],
                buffer[: min(chunk, batch - start)].reshape(
                    min(chunk, batch - start), geometry.groups, -1, prod(output)
                ),
            )
            for start in starts
        ]

    def chunks(self, again: bool = False) -> Iterator[tuple[slice, Array]]:
        """The samples of each chunk and their patches (n, G, C/G*kh*kw, P*Q), which the next chunk overwrites.

        ``again`` says that the map is as it was at the last call, so that the only chunk need not be copied again.
        """
        kept = self._filled and len(self._chunks) == 1 and (again or self._fixed)
        if self._inner is not None and not again and not (self._filled and self._fixed):
            self._inner[...] = self._x
        self._filled = True
        for samples, view, buffer, patches in self._chunks:
            if not kept:
                buffer[...] = view
            yield samples, patches
