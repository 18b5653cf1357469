"""Convolution as matrix products over patches: the windows of a tile of the map become the columns of a matrix.

Chellapilla, Puri, Simard: *High performance convolutional neural networks for document processing* (2006). A bias is
one more tap, whose patch is a row of ones. The error of the input is such a product as well, the textbook's without the
inserted zeros: of a stride s, the rows r, r + s, r + 2s, ... of the input meet every s-th tap of the kernel only, so
that each of these phases is a convolution of stride 1 with a smaller kernel (Shi et al.: *Is the deconvolution layer
the same as a convolutional layer?*, 2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import prod

import numpy as np
from numpy.lib.array_utils import byte_bounds
from numpy.lib.stride_tricks import as_strided

from minigraph.arrays import Array
from minigraph.convolution.geometry import Geometry
from minigraph.convolution.layer import Buffers, Layer, Planned
from minigraph.convolution.patches import Patches, tiled
from minigraph.steps.steps import Step, copying, into_lanes, setter, shared
from minigraph.steps.threads import LANES, Lane, Scratch

FEW_CALLS = 1 << 13
"""Below so many numbers one call that copies them in a bad order is faster than several in a good one."""
SHORT_RUN = 8
"""Where so few samples lie together, numbers are fetched one by one from their places faster than copied in runs."""
PRODUCTS_PER_COPY = 7
"""Multiply-adds of a large matrix product in the time of copying a number."""


def efficiency(rows: float) -> float:
    """How near to its best speed a matrix product with so many rows comes."""
    return rows / (rows + 8)


class Gemm(Planned):
    """Any convolution, as one matrix product for each tile and group."""

    name = "gemm"

    def __init__(self, layer: Layer, buffers: Buffers) -> None:
        super().__init__(layer, buffers)
        self._patches = Patches(
            self, buffers.x, layer.kernel_size, layer.geometry, layer.output, layer.out_channels, buffers.fixed,
            ones=buffers.bias is not None,
        )  # fmt: skip

    @staticmethod
    def cost(layer: Layer) -> float:
        copied = layer.taps * layer.positions * (2 * layer.channels + min(layer.out_channels, 3 * layer.channels))
        rows = layer.out_channels // layer.geometry.groups
        return copied + 3 * layer.multiply_adds / (PRODUCTS_PER_COPY * efficiency(rows))

    def forward(self) -> list[Step]:
        kernel, bias, groups = self.buffers.kernel, self.buffers.bias, self.layer.geometry.groups
        fill: list[Step] = []
        # (O, C/G, kh, kw) -> (G, O/G, K), with the bias as its last column
        matrix = _joined(kernel, bias)
        if matrix is None:
            matrix = kernel.reshape(groups, self.layer.out_channels // groups, -1)
            if bias is not None:
                taps = matrix
                matrix = self.own((*taps.shape[:2], taps.shape[2] + 1))
                fill = [setter(matrix[..., :-1], taps), setter(matrix[..., -1], bias.reshape(taps.shape[:2]))]
        return [*fill, *self._patches.multiply(matrix, self.buffers.answer)]

    def parameter_gradients(self, error: Array, kernel: Array | None, bias: Array | None) -> list[Step]:
        if kernel is None:
            return [] if bias is None else [partial(np.add.reduce, error, (1, 2, 3), None, bias)]
        groups, with_bias = self.layer.geometry.groups, self.buffers.bias is not None
        target = _joined(kernel, bias) if with_bias else None
        after: list[Step] = []
        if target is None:
            target = kernel.reshape(groups, len(kernel) // groups, -1)
            if with_bias:
                joined = self.own((*target.shape[:2], target.shape[2] + 1))
                after = [setter(target, joined[..., :-1])]
                if bias is not None:
                    after.append(setter(bias.reshape(target.shape[:2]), joined[..., -1]))
                target = joined
        return [*self._patches.correlate(error, target), *after]

    def input_error(self, error: Array, filled: Array) -> list[Step]:
        # One way copies patches of errors and multiplies at every place of the input; the other multiplies at every
        # place of the error, but writes its products, and reads them again to add them.
        layer = self.layer
        places = layer.batch * prod(layer.size)
        per_place = layer.multiply_adds / layer.positions / PRODUCTS_PER_COPY
        convolved = places * (layer.taps * layer.out_channels / prod(layer.geometry.stride) + per_place)
        scattered = layer.positions * (3 * layer.taps * layer.channels + per_place)
        return self.scattered(error, filled) if scattered < convolved else self.convolved(error, filled)

    def convolved(self, error: Array, filled: Array) -> list[Step]:
        """The textbook's way, phase by phase: patches of the errors, times the rotated kernel."""
        layer, kernel, groups = self.layer, self.buffers.kernel, self.layer.geometry.groups
        vertical, horizontal = (Phases.of(layer, axis) for axis in (0, 1))
        counts, taps = (vertical.count, horizontal.count), (vertical.taps, horizontal.taps)
        size = vertical.size, horizontal.size
        # The zeros are written once; each run only puts the errors in their places.
        spread = self.own((layer.out_channels, vertical.length, horizontal.length, layer.batch), zeros=True)
        put = copying(spread[:, vertical.goal, horizontal.goal], error[:, vertical.read, horizontal.read])
        # (O, C/G, kh, kw), filled up with zeros -> (G, O/G, C/G, ty, sy, tx, sx) -> (G, sy, sx, C/G, O/G, ty, tx)
        in_group, whole = kernel.shape[1], kernel
        fill: list[Step] = []
        if (taps[0] * counts[0], taps[1] * counts[1]) != layer.kernel_size:
            whole = self.own((*kernel.shape[:2], taps[0] * counts[0], taps[1] * counts[1]), zeros=True)
            fill.append(setter(whole[:, :, : layer.kernel_size[0], : layer.kernel_size[1]], kernel))
        split = whole.reshape(groups, -1, in_group, taps[0], counts[0], taps[1], counts[1])
        rotated = split[:, :, :, ::-1, :, ::-1].transpose(0, 4, 6, 2, 1, 3, 5)
        matrix = self.own(rotated.shape)
        fill.append(setter(matrix, rotated))
        products, take = filled, []
        if counts != (1, 1):
            products = self.own((groups, *counts, in_group, *size, layer.batch))
            take = _interleaved(products, filled, vertical, horizontal)
        dilated = Geometry(dilation=(vertical.dilation, horizontal.dilation), groups=groups)
        rows = prod(counts) * layer.channels
        patches = Patches(self, spread, taps, dilated, size, rows)
        product = matrix.reshape(groups, rows // groups, -1)
        return [*put, *fill, *patches.multiply(product, products.reshape(rows, *size, layer.batch)), *take]

    def scattered(self, error: Array, filled: Array) -> list[Step]:
        """Each tap adds its product to the rows and columns that it once read."""
        layer, geometry, workspace = self.layer, self.layer.geometry, self.buffers.workspace
        (down, across), (tap_down, tap_across) = geometry.stride, geometry.dilation
        top, left, groups = *geometry.padding[:2], geometry.groups
        span = geometry.span(layer.kernel_size)
        # (O, C/G, kh, kw) -> (G, C/G*kh*kw, O/G)
        matrix = self.buffers.kernel.reshape(groups, layer.out_channels // groups, -1).transpose(0, 2, 1)
        products = layer.multiply_adds // layer.positions // groups
        lanes_wanted = LANES if layer.large else 1
        tiles = tiled(layer.output, layer.batch, layer.taps * layer.channels, products, error.itemsize, lanes_wanted)
        lanes: list[list[Lane]] = []
        adds: list[Step] = []
        done = 0
        for part in into_lanes(len(tiles), layer.large):
            first, last = tiles[part.start].rows.start, tiles[part.stop - 1].rows.stop
            # The rows of the padded input that the lane's windows read.
            height, width = (last - first - 1) * down + span[0], geometry.padded(layer.size)[1]
            padded = self.own((layer.channels, height, width, layer.batch))
            lane: list[Lane] = [_clear(padded)]
            for tile in tiles[part.start : part.stop]:
                p, q = tile.rows, tile.columns
                shape = (layer.channels, *layer.kernel_size, p.stop - p.start, q.stop - q.start, layer.batch)
                places = []
                for i, j in np.ndindex(*layer.kernel_size):
                    y, x = (p.start - first) * down + i * tap_down, q.start * across + j * tap_across
                    rows, columns = (shape[3] - 1) * down + 1, (shape[4] - 1) * across + 1
                    places.append((i, j, padded[:, y : y + rows : down, x : x + columns : across]))
                lane.append(_scatter(matrix, error[:, p, q], workspace.reserve(shape, dtype=error.dtype), places))
            # Its rows of the input: those that an earlier lane has written too are added when all have ended.
            shift = first * down - top
            begin, end = max(0, shift), min(layer.size[0], shift + height)
            inner, fresh = padded[:, :, left : left + layer.size[1]], max(begin, done)
            if fresh < end:
                lane.append(_copy(filled[:, fresh:end], inner[:, fresh - shift : end - shift]))
            if begin < min(done, end):
                both = filled[:, begin : min(done, end)]
                adds.append(partial(np.add, both, inner[:, begin - shift : min(done, end) - shift], both))
            if begin > done:
                adds.append(setter(filled[:, done:begin], 0))  # no window reads them
            done = max(done, end)
            lanes.append(lane)
        if done < layer.size[0]:
            adds.append(setter(filled[:, done:], 0))
        return [*shared(lanes), *adds]


@dataclass(frozen=True)
class Phases:
    """How the error of the input falls into convolutions of stride 1 along one axis.

    Attributes:
        count: phases; the rows u of the padded input with u % count = r are those of phase r.
        taps, dilation: of a phase's kernel. size: rows of a phase.
        length: rows of the map that the errors are put into: those of ``read``, at the places of ``goal``.
        start: the first row of the input, counted in the rows of all phases together.
        end: rows of the input.
    """

    count: int
    taps: int
    dilation: int
    size: int
    length: int
    read: slice
    goal: slice
    start: int
    end: int

    @classmethod
    def of(cls, layer: Layer, axis: int) -> Phases:
        """The phases of a layer's input along an axis."""
        stride, dilation = layer.geometry.stride[axis], layer.geometry.dilation[axis]
        kernel, before, rows = layer.kernel_size[axis], layer.geometry.padding[axis], layer.size[axis]
        # Taps that are apart do not fall into phases: there the zeros are inserted after all.
        count, gap = (stride, 1) if dilation == 1 else (1, stride)
        taps = -(-kernel // count)
        reach = (taps - 1) * dilation
        first = before // count
        size = -(-(before + rows) // count) - first
        length, shift = size + reach, reach - first
        low = max(0, -(shift // gap))
        high = max(low, min(layer.output[axis], (length - 1 - shift) // gap + 1))
        goal = (
            slice(low * gap + shift, low * gap + shift + (high - low - 1) * gap + 1, gap) if high > low else slice(0, 0)
        )
        return cls(count, taps, dilation, size, length, slice(low, high), goal, before - first * count, rows)

    def places(self, phase: int) -> tuple[slice, slice]:
        """The rows of the input that are a phase's, and the rows of the phase that they are."""
        first = (phase - self.start) % self.count
        rows = slice(first, self.end, self.count)
        begin = (first + self.start) // self.count
        return rows, slice(begin, begin + len(range(self.end)[rows]))


def _interleaved(found: Array, filled: Array, vertical: Phases, horizontal: Phases) -> list[Step]:
    """The steps that put phases (G, sy, sx, C/G, A, B, N) to their rows and columns of (C, H, W, N)."""
    groups, down, across, channels, rows, columns, batch = found.shape
    if (rows * down, columns * across) == filled.shape[1:3] and filled.size < FEW_CALLS:
        if batch <= SHORT_RUN:
            places = np.arange(found.size).reshape(found.shape).transpose(0, 3, 4, 1, 5, 2, 6).reshape(filled.shape)
            return [partial(found.reshape(-1).take, places, None, filled, "clip")]
        apart = filled.reshape(groups, channels, rows, down, columns, across, batch)
        together = found.transpose(0, 3, 4, 1, 5, 2, 6)
        return copying(apart[0], together[0]) if groups == 1 else copying(apart, together)
    by_group = filled.reshape(groups, channels, *filled.shape[1:])
    steps: list[Step] = []
    for y, x in np.ndindex(down, across):
        (to_rows, from_rows), (to_columns, from_columns) = vertical.places(y), horizontal.places(x)
        goal, origin = by_group[:, :, to_rows, to_columns], found[:, y, x, :, from_rows, from_columns]
        steps += copying(goal[0], origin[0]) if groups == 1 else copying(goal, origin)
    return steps


def _joined(kernel: Array, bias: Array | None) -> Array | None:
    """(1, 1, K + 1): a single kernel and its bias where they follow each other in memory; None elsewhere."""
    if bias is None or len(kernel) > 1 or byte_bounds(kernel)[1] != byte_bounds(bias)[0]:
        return None
    return as_strided(kernel, (1, 1, kernel.size + 1), (0, 0, kernel.itemsize))


def _clear(array: Array) -> Lane:
    return lambda worker: array.fill(0)


def _copy(target: Array, source: Array) -> Lane:
    def lane(worker: int) -> None:
        target[...] = source

    return lane


def _scatter(matrix: Array, error: Array, scratch: Scratch, places: list[tuple[int, int, Array]]) -> Lane:
    """The products of a tile's errors with every tap, each added at its place."""
    errors = error.reshape(len(matrix), matrix.shape[2], -1)

    def lane(worker: int) -> None:
        (held,) = scratch.arrays(worker)
        # (G, C/G*kh*kw, O/G) @ (G, O/G, r*q*N)
        np.matmul(matrix, errors, out=held.reshape(len(matrix), matrix.shape[1], -1))
        for i, j, place in places:
            place += held[:, i, j]

    return lane
