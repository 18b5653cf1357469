"""Patches: what the windows of a map see, as columns of matrices, tile by tile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from minigraph.arrays import Array
from minigraph.convolution.geometry import Geometry, Pair
from minigraph.convolution.layer import Planned
from minigraph.steps.steps import Step, copying, into_lanes, setter, shared
from minigraph.steps.threads import LANES, Lane

TILE_BYTES = 1 << 21
"""How large a tile's patches may get, so that they stay near a core."""
KEPT_BYTES = 1 << 24
"""Up to so many bytes the patches of an input that does not change are kept."""
COLUMNS = (512, 8192)
"""The fewest and the most columns that a matrix aims at."""
SMALL_PRODUCT = 1_000_000
"""OpenBLAS multiplies matrices of fewer multiply-adds than this without packing them first."""


@dataclass(frozen=True)
class Tile:
    """A part of the answer (P, Q): some rows, or a part of them, as ``blocks`` matrices of as many rows each."""

    rows: slice
    columns: slice
    blocks: int

    def of(self, array: Array, groups: int) -> Array:
        """The tile's part of an answer (rows, P, Q, N) as (blocks, G, rows / G, columns), a view."""
        part = array[:, self.rows, self.columns]
        split = part.reshape(groups, len(array) // groups, self.blocks, -1)
        assert np.may_share_memory(split, array), "whole rows, or a part of a single one, lie together"
        return split.transpose(2, 0, 1, 3)


def tiled(output: Pair, batch: int, depth: int, products: int, itemsize: int, lanes: int) -> list[Tile]:
    """The answer (P, Q) cut into tiles whose patches, ``depth`` numbers for each window, are near TILE_BYTES.

    There are about ``lanes`` tiles or more where there are so many rows. ``products`` are the multiply-adds of one
    window.
    """
    height, width = output
    columns = max(COLUMNS[0], min(COLUMNS[1], SMALL_PRODUCT // products))
    rows = max(1, min(-(-height // lanes), columns // (width * batch)))
    each = rows * width * batch * depth * itemsize
    parts = min(width, -(-each // (4 * TILE_BYTES))) if rows == 1 else 1
    ends = [width * part // parts for part in range(parts + 1)]
    whole = height // rows
    blocks = 1 if parts > 1 else max(1, min(whole // lanes, TILE_BYTES // each))
    starts = [*range(0, whole, blocks)]
    pieces = [(start * rows, min(start + blocks, whole) * rows, min(blocks, whole - start)) for start in starts]
    if whole * rows < height:
        pieces.append((whole * rows, height, 1))
    return [
        Tile(slice(top, bottom), slice(left, right), count)
        for top, bottom, count in pieces
        for left, right in pairwise(ends)
    ]


class Patches:
    """The windows of a map as matrices (blocks, G, K, columns), made tile by tile when they are used.

    Args:
        owner: the planned convolution that accounts for the memory.
        x: the map (C, H, W, N); kernel: (kh, kw); geometry: where the windows stand; output: how many, (P, Q).
        rows: of the matrices that they are multiplied with, over all groups.
        fixed: whether ``x`` never changes, from now on.
        ones: whether each matrix gets a last row of ones.
    """

    def __init__(
        self,
        owner: Planned,
        x: Array,
        kernel: Pair,
        geometry: Geometry,
        output: Pair,
        rows: int,
        fixed: bool = False,
        ones: bool = False,
    ) -> None:
        channels, height, width, batch = x.shape
        self._groups, self._ones, self._large = geometry.groups, ones, owner.layer.large
        self._fill: list[Step] = []
        self._dtype = x.dtype
        if any(geometry.padding):
            top, left = geometry.padding[:2]
            padded = owner.own((channels, *geometry.padded((height, width)), batch), zeros=True)
            self._fill = copying(padded[:, top : top + height, left : left + width], x)
            x = padded
        self.depth = channels // geometry.groups * prod(kernel)
        # Windows of a single entry are the map itself.
        self._direct = kernel == (1, 1) and geometry.stride == (1, 1) and not ones
        products = self.depth * rows // geometry.groups
        lanes = LANES if self._large else 1
        tiles = tiled(output, batch, self.depth * geometry.groups, products, x.itemsize, lanes)
        self._tiles = tiles
        self._views = [_windows(x, kernel, geometry, tile) for tile in tiles]
        total = self.depth * geometry.groups * prod(output) * batch * x.itemsize
        self._kept: list[Array] | None = None
        self._workspace = owner.buffers.workspace
        if not self._direct and (len(tiles) == 1 or (fixed and total <= KEPT_BYTES)):
            self._kept = [owner.own(self._shape(view)) for view in self._views]
            if ones:
                for buffer in self._kept:
                    buffer[:, :, -1] = 1
        if fixed:
            for step in self._fill:
                step()
            self._fill = []
            for buffer, view in zip(self._kept or [], self._views, strict=False):
                self._inner(buffer, view)[...] = view
        self._filled = fixed and self._kept is not None

    def multiply(self, matrix: Array, answer: Array) -> list[Step]:
        """The steps that fill ``answer`` (rows, P, Q, N) with ``matrix`` (G, rows / G, K) times the patches."""
        if len(self._tiles) == 1 and matrix.shape[0] == 1 and self._kept is not None and self._tiles[0].blocks == 1:
            (buffer,), (view,) = self._kept, self._views
            copied = [] if self._filled else [setter(self._inner(buffer, view), view)]
            target = answer.reshape(len(answer), -1)
            # np.dot would first look for arrays of other libraries, which takes a fifth of a small product's time.
            return [*self._fill, *copied, partial(matrix[0].dot, buffer[0, 0], target)]
        targets = [tile.of(answer, self._groups) for tile in self._tiles]

        def lane(index: int) -> Lane:
            patches, target = self._maker(index), targets[index]

            def multiply(worker: int) -> None:
                np.matmul(matrix, patches(worker)[0], out=target)

            return multiply

        return [*self._fill, *shared([[lane(index) for index in part] for part in self._lanes()])]

    def correlate(self, error: Array, gradient: Array) -> list[Step]:
        """The steps that fill ``gradient`` (G, rows / G, K) with ``error`` (rows, P, Q, N) times the patches,
        transposed; they run after those of :meth:`multiply`."""
        if len(self._tiles) == 1 and gradient.shape[0] == 1 and self._kept is not None and self._tiles[0].blocks == 1:
            flat = error.reshape(len(error), -1)
            if gradient.flags.c_contiguous:
                return [partial(flat.dot, self._kept[0][0, 0].T, gradient[0])]
        errors = [tile.of(error, self._groups) for tile in self._tiles]
        # BLAS packs the first matrix less often: the larger one is put there.
        turned = gradient.shape[2] > gradient.shape[1]
        shape = gradient.swapaxes(1, 2).shape if turned else gradient.shape
        totals = np.empty((len(self._lanes()), *shape), self._dtype)

        def lane(index: int, total: Array, first: bool) -> Lane:
            blocks = self._tiles[index].blocks
            patches, rows = self._maker(index, (blocks, *shape), again=True), errors[index].swapaxes(2, 3)

            def correlate(worker: int) -> None:
                held, products = patches(worker)
                if turned:
                    # (b, G, K, columns) @ (b, G, columns, rows / G)
                    np.matmul(held, rows, out=products)
                else:
                    np.matmul(rows.swapaxes(2, 3), held.swapaxes(2, 3), out=products)
                np.add.reduce(products, axis=0, out=total if first else products[0])
                if not first:
                    np.add(total, products[0], total)

            return correlate

        lanes = [
            [lane(index, total, index == part.start) for index in part]
            for part, total in zip(self._lanes(), totals, strict=True)
        ]
        total_gradient = np.empty(shape, self._dtype) if len(totals) > 1 else totals[0]
        summed: list[Step] = [partial(np.add.reduce, totals, 0, None, total_gradient)] if len(totals) > 1 else []
        return [*shared(lanes), *summed, setter(gradient, total_gradient.swapaxes(1, 2) if turned else total_gradient)]

    def _lanes(self) -> list[range]:
        return into_lanes(len(self._tiles), self._large)

    def _shape(self, view: Array) -> tuple[int, ...]:
        """(blocks, G, K, columns) of a tile's patches, with the row of ones."""
        return len(view), self._groups, self.depth + self._ones, prod(view.shape[5:])

    def _inner(self, buffer: Array, view: Array) -> Array:
        """The part of a buffer that a tile's windows are copied to, in their shape."""
        return buffer[:, :, : self.depth].reshape(view.shape)

    def _maker(
        self, index: int, beside: tuple[int, ...] = (), again: bool = False
    ) -> Callable[[int], tuple[Array, Array]]:
        """What gives a worker the matrix of a tile, and an array of the shape ``beside`` that holds nothing yet.

        ``again`` says that the map is as it was when the tiles were last made.
        """
        view = self._views[index]
        if self._direct:
            matrix, scratch = view.reshape(self._shape(view)), self._workspace.reserve(beside, dtype=self._dtype)
            assert np.may_share_memory(matrix, view), "the windows of a tile lie together"
            return lambda worker: (matrix, scratch.arrays(worker)[0])
        own = self._kept[index] if self._kept is not None else None
        scratch = self._workspace.reserve(() if own is not None else self._shape(view), beside, dtype=self._dtype)
        current = own is not None and (again or self._filled)

        def make(worker: int) -> tuple[Array, Array]:
            lent, product = scratch.arrays(worker)
            buffer = lent if own is None else own
            if not current:
                self._inner(buffer, view)[...] = view
                if self._ones:
                    buffer[:, :, -1] = 1
            return buffer, product

        return make


def _windows(x: Array, kernel: Pair, geometry: Geometry, tile: Tile) -> Array:
    """A view (blocks, G, C/G, kh, kw, r, q, N) of a padded map (C, H, W, N): what each tap of each window reads."""
    (down, across), (tap_down, tap_across) = geometry.stride, geometry.dilation
    along_c, along_h, along_w, along_n = x.strides
    in_group, rows = len(x) // geometry.groups, (tile.rows.stop - tile.rows.start) // tile.blocks
    return as_strided(
        x[:, tile.rows.start * down :, tile.columns.start * across :],
        (tile.blocks, geometry.groups, in_group, *kernel, rows, tile.columns.stop - tile.columns.start, x.shape[3]),
        (
            along_h * down * rows,
            along_c * in_group,
            along_c,
            along_h * tap_down,
            along_w * tap_across,
            along_h * down,
            along_w * across,
            along_n,
        ),
        writeable=False,
    )
