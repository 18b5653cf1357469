"""Winograd's minimal filtering F(2, 3) along the rows: four products for two neighbouring answers, not six.

Winograd: *Arithmetic complexity of computations* (1980); Lavin and Gray: *Fast algorithms for convolutional neural
networks* (2016). With g the three taps of a kernel's row and d four neighbouring entries of a map's row, two answers
are A' [(G g) * (B' d)], summed over channels and rows between the brackets and A'. There, for each of the four
entries, the sum is a matrix product, whose second factor, the transformed rows under a window, is a view. The gradient
of the taps is the transposed map: G' [(A e) * (B' d)]. All factors are 1 and 1/2: whole numbers stay exact.
"""

from __future__ import annotations

from functools import partial
from math import prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from minigraph.arrays import Array
from minigraph.convolution.gemm import PRODUCTS_PER_COPY, efficiency
from minigraph.convolution.geometry import Sides
from minigraph.convolution.layer import Buffers, Layer, Planned
from minigraph.steps.steps import Step, copying, into_lanes, setter, shared
from minigraph.steps.threads import Lane

KERNEL_TRANSFORM = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
"""G"""
TILE_BYTES = 1 << 21
"""How large the transformed rows and the products of a tile may get."""
COPIES, COPIES_IN, COPIES_OUT = 120, 36, 30
"""What the transforms of the three passes take for each place, each entry of the map there, and each of the answer."""
SMALL_PRODUCT = 1_000_000
"""OpenBLAS multiplies matrices of fewer multiply-adds than this without packing them first."""
SHORT_ROW = 64
"""A product over rows of so many pairs reaches half its speed."""


class Winograd(Planned):
    """Kernels of three columns at stride 1, over enough channels that the fewer products pay for the transforms."""

    name = "winograd"

    def __init__(self, layer: Layer, buffers: Buffers) -> None:
        super().__init__(layer, buffers)
        self._rows = Rows(self, buffers.x, layer.geometry.padding, layer.kernel_size[0], buffers.fixed)

    @staticmethod
    def cost(layer: Layer) -> float | None:
        geometry = layer.geometry
        if layer.kernel_size[1] != 3 or geometry.stride != (1, 1) or geometry.dilation != (1, 1) or geometry.groups > 1:
            return None
        if max(geometry.padding[0::2]) >= layer.kernel_size[0] or max(geometry.padding[1::2]) > 2:
            return None  # the error's own padding would be negative
        moved = layer.positions * (COPIES + COPIES_IN * layer.channels + COPIES_OUT * layer.out_channels)
        rate = PRODUCTS_PER_COPY * efficiency((layer.channels + layer.out_channels) / 2)
        pairs = layer.batch * -(-layer.output[1] // 2)
        return moved + 3 * layer.multiply_adds * 2 / 3 / (rate * pairs / (pairs + SHORT_ROW))

    def forward(self) -> list[Step]:
        # (O, C, kh, 3) -> (kh, C)
        taps = self.buffers.kernel.transpose(0, 2, 1, 3)
        matrix, transform = self._kernel(taps)
        return [*transform, *self._rows.multiply(matrix, self.buffers.answer, self.buffers.bias)]

    def parameter_gradients(self, error: Array, kernel: Array | None, bias: Array | None) -> list[Step]:
        steps = [] if kernel is None else self._rows.correlate(error, kernel)
        return steps if bias is None else [*steps, partial(np.add.reduce, error, (1, 2, 3), None, bias)]

    def input_error(self, error: Array, filled: Array) -> list[Step]:
        top, left, bottom, right = self.layer.geometry.padding
        height = self.layer.kernel_size[0]
        around = height - 1 - top, 2 - left, height - 1 - bottom, 2 - right
        # Rotated by 180 degrees, (C, kh, O, 3)
        matrix, transform = self._kernel(self.buffers.kernel[:, :, ::-1, ::-1].transpose(1, 2, 0, 3))
        return [*transform, *Rows(self, error, around, height, False).multiply(matrix, filled, None)]

    def _kernel(self, taps: Array) -> tuple[Array, list[Step]]:
        """G g for kernels (O, kh, C, 3): an array (4, O, kh * C), and the steps that fill it."""
        matrix, copy = self.own((4, taps[..., 0].size)), self.own((*taps.shape[:3], 3))
        product = partial(KERNEL_TRANSFORM.astype(taps.dtype).dot, copy.reshape(-1, 3).T, matrix)
        return matrix.reshape(4, len(taps), -1), [setter(copy, taps), product]


class Rows:
    """The rows of a padded map (C, H, W, N) in overlapping fours, at every second column, transformed tile by tile.

    The map is kept with its even and its odd columns apart, so that neighbouring fours lie side by side in memory.
    A tile is some rows of the answer.
    """

    def __init__(self, owner: Planned, x: Array, padding: Sides, kernel_height: int, fixed: bool) -> None:
        channels, height, width, batch = x.shape
        top, left, bottom, right = padding
        self._owner, self._channels, self._batch, self._reach = owner, channels, batch, kernel_height
        self._height, self._pairs = height + top + bottom - kernel_height + 1, -(-(width + left + right - 2) // 2)
        # (2, C, rows, pairs + 1, N)
        self._split = owner.own((2, channels, height + top + bottom, self._pairs + 1, batch), zeros=True)
        self._fill: list[Step] = []
        for parity in (0, 1):
            first = (parity - left) % 2
            columns, begin = x[:, :, first::2], (left + first) // 2
            self._fill += copying(self._split[parity, :, top : top + height, begin : begin + columns.shape[2]], columns)
        if fixed:
            for step in self._fill:
                step()
            self._fill = []

    def _tiles(self, rows: int, summed: bool = False) -> list[slice]:
        """Tiles for products with ``rows`` rows; ``summed`` says that a product sums over the columns of its tile."""
        columns = self._pairs * self._batch
        along = max(1, min(self._height, TILE_BYTES // (4 * (self._channels + rows) * columns * self._split.itemsize)))
        if summed:
            along = min(along, SMALL_PRODUCT // (self._channels * rows * columns)) or along
        return [slice(top, min(top + along, self._height)) for top in range(0, self._height, along)]

    def _lanes(self, tiles: list[slice]) -> list[range]:
        return into_lanes(len(tiles), self._owner.layer.large)

    def _transform(self, tile: slice, filled: Array) -> None:
        """B' d for the rows that the windows of a tile read: fills (4, C, rows, pairs, N)."""
        both = self._split[:, :, tile.start : tile.stop + self._reach - 1]
        second, third = both[1, :, :, :-1], both[0, :, :, 1:]
        np.subtract(both[:, :, :, :-1], both[:, :, :, 1:], filled[0::3])
        np.add(second, third, filled[1])
        np.subtract(third, second, filled[2])

    def multiply(self, kernel: Array, answer: Array, bias: Array | None) -> list[Step]:
        """The steps that fill ``answer`` (O, P, Q, N) from a transformed kernel (4, O, kh * C)."""
        rows, columns, depth = kernel.shape[1], self._pairs * self._batch, self._reach * self._channels
        column = None if bias is None else bias.reshape(-1, 1)

        def lane(tile: slice) -> Lane:
            height = tile.stop - tile.start
            shapes = (height + self._reach - 1, self._channels, columns), (height, rows, columns)
            scratch = self._owner.buffers.workspace.reserve(*((4, *shape) for shape in shapes), dtype=answer.dtype)
            # (O, r, Q, N) -> (r, O, Q, N)
            part = answer[:, tile].swapaxes(0, 1)
            even, odd = part[:, :, 0::2], part[:, :, 1::2]

            def multiply(worker: int) -> None:
                transformed, product = scratch.arrays(worker)
                # (4, rows, C, ...) seen as the transform's (4, C, rows, ...)
                by_channel = transformed.reshape(4, *shapes[0][:2], self._pairs, self._batch).swapaxes(1, 2)
                self._transform(tile, by_channel)
                along, down = transformed.strides[:2]
                under = as_strided(
                    transformed,
                    (4, height, depth, columns),
                    (along, down, columns * product.itemsize, product.itemsize),
                )
                # (4, 1, O, kh*C) @ (4, r, kh*C, pairs*N) -> (4, r, O, pairs*N)
                np.matmul(kernel[:, None], under, out=product)
                # A' m
                first, second, third, fourth = product
                if column is not None:
                    second += column  # it reaches both answers, with the factor 1
                first += second
                second -= third
                shape = (height, rows, self._pairs, self._batch)
                np.add(first.reshape(shape), third.reshape(shape), even)
                count = odd.shape[2]
                np.subtract(second.reshape(shape)[:, :, :count], fourth.reshape(shape)[:, :, :count], odd)

            return multiply

        tiles = self._tiles(rows)
        return [*self._fill, *shared([[lane(tiles[index]) for index in part] for part in self._lanes(tiles)])]

    def correlate(self, error: Array, gradient: Array) -> list[Step]:
        """The steps that fill ``gradient`` (O, C, kh, 3) from ``error`` (O, P, Q, N), after multiply's."""
        rows, tiles = len(error), self._tiles(len(error), summed=True)
        odd_pairs = error.shape[2] // 2
        totals = np.empty((len(self._lanes(tiles)), 4, self._reach, self._channels, rows), error.dtype)

        def lane(tile: slice, total: Array, first: bool) -> Lane:
            height = tile.stop - tile.start
            read = (4, self._channels, height + self._reach - 1, self._pairs, self._batch)
            errors = (4, rows, height, self._pairs, self._batch)
            scratch = self._owner.buffers.workspace.reserve(read, errors, total.shape, dtype=error.dtype)
            even, odd = error[:, tile, 0::2], error[:, tile, 1::2]
            columns = height * self._pairs * self._batch

            def correlate(worker: int) -> None:
                transformed, spread, product = scratch.arrays(worker)
                self._transform(tile, transformed)
                # A e, whose last row is -e: that sign is put back at the end.
                spread[0] = even
                spread[3, :, :, :odd_pairs] = odd
                spread[3, :, :, odd_pairs:] = 0
                np.add(spread[0], spread[3], spread[1])
                np.subtract(spread[0], spread[3], spread[2])
                along, down, across = transformed.strides[:3]
                under = as_strided(
                    transformed,
                    (4, self._reach, self._channels, columns),
                    (along, across, down, transformed.itemsize),
                )
                # (4, kh, C, r*pairs*N) @ (4, 1, r*pairs*N, O) -> (4, kh, C, O)
                np.matmul(under, spread.reshape(4, 1, rows, columns).swapaxes(2, 3), out=total if first else product)
                if not first:
                    np.add(total, product, total)

            return correlate

        lanes = [
            [lane(tiles[index], total, index == part.start) for index in part]
            for part, total in zip(self._lanes(tiles), totals, strict=True)
        ]
        summed, products = np.empty(totals.shape[1:], error.dtype), np.empty((3, prod(totals.shape[2:])), error.dtype)
        back = (KERNEL_TRANSFORM * [[1], [1], [1], [-1]]).T.astype(error.dtype)
        # (3, kh, C, O) -> (O, C, kh, 3)
        turned = products.reshape(3, *totals.shape[2:]).transpose(3, 2, 1, 0)
        return [
            *shared(lanes),
            partial(np.add.reduce, totals, 0, None, summed),
            partial(back.dot, summed.reshape(4, -1), products),
            setter(gradient, turned),
        ]
