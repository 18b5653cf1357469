"""Which numbers meet: the pairs of factors whose products add up to one number of a convolution.

The engines compute whole arrays; this follows a single number of the answer, of the input's error or of the kernel's
gradient back to what it was made of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from minigraph.arrays import Shape
from minigraph.convolution.geometry import Geometry, Pair

Index = tuple[int, ...]


@dataclass(frozen=True)
class Connections:
    """The pairs of a convolution of maps (N, C, H, W).

    Attributes:
        geometry: where the windows stand. kernel: (out_channels, C / groups, kh, kw). size: (H, W), without padding.
    """

    geometry: Geometry
    kernel: Shape
    size: Pair

    @property
    def answer_size(self) -> Pair:
        """(P, Q), the size of the answer."""
        return self.geometry.output_size(self.size, (self.kernel[2], self.kernel[3]))

    def of_answer(self, index: Index) -> Iterator[tuple[Index, Index]]:
        """Of answer[n, o, p, q]: places in the padded map and in the kernel, in the kernel's order."""
        n, o, p, q = index
        for own, i, j in np.ndindex(self.kernel[1:]):
            yield (n, self._channel(o, own), *self._read((p, q), (i, j))), (o, own, i, j)

    def of_input_error(self, index: Index) -> Iterator[tuple[Index, Index]]:
        """Of input_error[n, c, y, x]: places in the padded, zero-inserted error and in the rotated kernel."""
        n, c, y, x = index
        top, left = self.geometry.padding[:2]
        for o in self._readers(c):
            for i, j in np.ndindex(self.geometry.span((self.kernel[2], self.kernel[3]))):
                yield (n, o, y + top + i, x + left + j), (o, c % self.kernel[1], i, j)

    def reaching(self, index: Index) -> Iterator[tuple[Index, Index]]:
        """Of input_error[n, c, y, x] again, without the zeros: places in the error and in the kernel."""
        n, c, y, x = index
        (down, across), (below, beside) = self.geometry.stride, self.geometry.dilation
        top, left = self.geometry.padding[:2]
        rows, columns = self.answer_size
        for o in self._readers(c):
            for i, j in np.ndindex(self.kernel[2:]):
                p, between_rows = divmod(y + top - i * below, down)
                q, between_columns = divmod(x + left - j * beside, across)
                if not between_rows and not between_columns and 0 <= p < rows and 0 <= q < columns:
                    yield (n, o, p, q), (o, c % self.kernel[1], i, j)

    def of_kernel_gradient(self, index: Index, batch: int) -> Iterator[tuple[Index, Index]]:
        """Of kernel_gradient[o, c, i, j]: places in the padded map and in the error, over all samples and windows."""
        o, own, i, j = index
        for n, p, q in np.ndindex(batch, *self.answer_size):
            yield (n, self._channel(o, own), *self._read((p, q), (i, j))), (n, o, p, q)

    def _channel(self, o: int, own: int) -> int:
        """The input channel that the kernel of output ``o`` reads as its own."""
        return o // (self.kernel[0] // self.geometry.groups) * self.kernel[1] + own

    def _readers(self, c: int) -> range:
        """The outputs that read an input channel: those of its group."""
        size = self.kernel[0] // self.geometry.groups
        first = c // self.kernel[1] * size
        return range(first, first + size)

    def _read(self, window: Pair, tap: Pair) -> Pair:
        """Row and column of the padded map that a tap of a window reads."""
        (down, across), (below, beside) = self.geometry.stride, self.geometry.dilation
        return window[0] * down + tap[0] * below, window[1] * across + tap[1] * beside
