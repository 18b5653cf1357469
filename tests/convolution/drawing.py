"""Random convolutions, and what they answer by the definition, written out: no code of the package's engines."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from minigraph.convolution import Geometry
from tests.helpers import Array


@dataclass(frozen=True)
class Drawn:
    """A random convolution: its numbers, and a seed for its arrays."""

    batch: int
    channels: int
    size: tuple[int, int]
    out_channels: int
    kernel_size: tuple[int, int]
    geometry: Geometry
    seed: int

    def reads(self, axis: int) -> list[list[int]]:
        """For each window along an axis, the places in the map that its taps fall on, before the padding's."""
        before, after = self.geometry.padding[axis], self.geometry.padding[axis + 2]
        step, taps = self.geometry.dilation[axis], self.kernel_size[axis]
        last = self.size[axis] + after - (taps - 1) * step
        starts = range(-before, last, self.geometry.stride[axis])
        return [[start + tap * step for tap in range(taps)] for start in starts]

    def arrays(self, integers: bool) -> tuple[Array, Array, Array]:
        """A map, a kernel and an error."""
        generator = np.random.default_rng(self.seed)
        shapes = [
            (self.batch, self.channels, *self.size),
            (self.out_channels, self.channels // self.geometry.groups, *self.kernel_size),
            (self.batch, self.out_channels, len(self.reads(0)), len(self.reads(1))),
        ]
        if integers:
            x, kernel, error = (generator.integers(1, 9, shape).astype(float) for shape in shapes)
        else:
            x, kernel, error = (generator.normal(size=shape) for shape in shapes)
        return x, kernel, error

    def answer(self, x: Array, kernel: Array) -> Array:
        """y[n,o,p,q] = sum over c, i, j of kernel[o,c,i,j] x[n, group's c, row(p,i), column(q,j)]."""
        rows, columns, groups = self.reads(0), self.reads(1), self.geometry.groups
        answer = np.zeros((self.batch, self.out_channels, len(rows), len(columns)))
        for o in range(self.out_channels):
            first = o // (self.out_channels // groups) * (self.channels // groups)
            for c in range(self.channels // groups):
                for p, q in np.ndindex(len(rows), len(columns)):
                    for i, j in np.ndindex(self.kernel_size):
                        row, column = rows[p][i], columns[q][j]
                        if 0 <= row < self.size[0] and 0 <= column < self.size[1]:
                            answer[:, o, p, q] += kernel[o, c, i, j] * x[:, first + c, row, column]
        return answer


@st.composite
def convolutions(draw: st.DrawFn, plain: bool = False) -> Drawn:
    """Any convolution; a ``plain`` one has stride, dilation and groups 1, and three columns of taps."""
    kernel_size, stride, dilation, groups = (draw(st.integers(1, 4)), 3), (1, 1), (1, 1), 1
    padding = tuple(draw(st.integers(0, most)) for most in (kernel_size[0] - 1, 2) * 2)
    if not plain:
        pairs = [st.integers(1, 4), st.integers(1, 4), st.integers(1, 3)]
        kernel_size, stride, dilation = ((draw(axis), draw(axis)) for axis in pairs)
        padding = tuple(draw(st.integers(0, 3)) for _ in range(4))
        groups = draw(st.integers(1, 3))
    spans = [(k - 1) * d + 1 for k, d in zip(kernel_size, dilation, strict=True)]
    least = [max(1, spans[axis] - padding[axis] - padding[axis + 2]) for axis in (0, 1)]
    size = (least[0] + draw(st.integers(0, 5)), least[1] + draw(st.integers(0, 5)))
    return Drawn(
        draw(st.integers(1, 3)),
        groups * draw(st.integers(1, 2)),
        size,
        groups * draw(st.integers(1, 2)),
        kernel_size,
        Geometry(stride, (padding[0], padding[1], padding[2], padding[3]), dilation, groups),
        draw(st.integers(0, 1000)),
    )
