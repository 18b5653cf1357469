"""A vectorised convolution: every window becomes a column of a matrix, and one product does the rest.

Chellapilla, Puri, Simard: *High performance convolutional neural networks for document processing*
(2006), "unrolled convolution", today im2col and GEMM.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided

from minigraph.convolution.base import Array
from minigraph.convolution.geometry import Geometry, Pair, Sides


class Fast:
    """One matrix product for each group of channels, over patches copied from the padded map."""

    name = "fast"

    def forward(self, x: Array, kernel: Array, geometry: Geometry) -> Array:
        out_channels, _, *kernel_size = kernel.shape
        patches, (rows, columns) = _patches(x, (kernel_size[0], kernel_size[1]), geometry)
        taps = kernel.reshape(geometry.groups, out_channels // geometry.groups, -1)
        # (G, O/G, C/G*kh*kw) @ (N, G, C/G*kh*kw, P*Q) -> (N, G, O/G, P*Q)
        answer: Array = np.matmul(taps, patches)
        return answer.reshape(len(x), out_channels, rows, columns)

    def input_error(self, error: Array, kernel: Array, geometry: Geometry, size: Pair) -> Array:
        batch, out_channels, rows, columns = error.shape
        groups, (_, in_group, kernel_height, kernel_width) = geometry.groups, kernel.shape
        taps = kernel.reshape(groups, out_channels // groups, -1)
        # (G, C/G*kh*kw, O/G) @ (N, G, O/G, P*Q) -> (N, G, C/G*kh*kw, P*Q)
        patches = np.matmul(taps.transpose(0, 2, 1), error.reshape(batch, groups, out_channels // groups, -1))
        patches = patches.reshape(batch, groups * in_group, kernel_height, kernel_width, rows, columns)
        padded_error = np.zeros((batch, groups * in_group, *geometry.padded(size)), error.dtype)
        (down, across), (step_down, step_across) = geometry.stride, geometry.dilation
        for i in range(kernel_height):
            for j in range(kernel_width):
                top, left = i * step_down, j * step_across
                # Windows overlap: each tap adds its error to the rows and columns it once read.
                padded_error[
                    :,
                    :,
                    top : top + (rows - 1) * down + 1 : down,
                    left : left + (columns - 1) * across + 1 : across,
                ] += patches[:, :, i, j]
        top, left = geometry.padding[:2]
        return padded_error[:, :, top : top + size[0], left : left + size[1]]

    def kernel_gradient(self, error: Array, x: Array, geometry: Geometry, kernel_size: Pair) -> Array:
        batch, out_channels = error.shape[:2]
        groups = geometry.groups
        patches, _ = _patches(x, kernel_size, geometry)
        # (N, G, O/G, P*Q) @ (N, G, P*Q, C/G*kh*kw) -> (N, G, O/G, C/G*kh*kw), summed over the batch
        products = np.matmul(error.reshape(batch, groups, out_channels // groups, -1), patches.transpose(0, 1, 3, 2))
        gradient: Array = products.sum(axis=0)
        return gradient.reshape(out_channels, x.shape[1] // groups, *kernel_size)


def _patches(x: Array, kernel_size: Pair, geometry: Geometry) -> tuple[Array, Pair]:
    """Every window of the padded map as a column: (N, G, C/G*kh*kw, P*Q), and (P, Q)."""
    batch, channels, height, width = x.shape
    rows, columns = geometry.output_size((height, width), kernel_size)
    padded = _pad(x, geometry.padding)
    along_n, along_c, down, across = padded.strides
    windows = as_strided(
        padded,
        (batch, channels, *kernel_size, rows, columns),
        (
            along_n,
            along_c,
            down * geometry.dilation[0],
            across * geometry.dilation[1],
            down * geometry.stride[0],
            across * geometry.stride[1],
        ),
        writeable=False,
    )
    # (N, C, kh, kw, P, Q) -> (N, G, C/G*kh*kw, P*Q)
    return windows.reshape(batch, geometry.groups, -1, rows * columns), (rows, columns)


def _pad(x: Array, sides: Sides) -> Array:
    if not any(sides):
        return x
    top, left, bottom, right = sides
    return np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
