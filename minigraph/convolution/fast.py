"""A vectorised convolution: every window becomes a column of a matrix, and one product does the rest.

Chellapilla, Puri, Simard: *High performance convolutional neural networks for document processing*
(2006), "unrolled convolution", today im2col and GEMM.
"""

from __future__ import annotations

import numpy as np

from minigraph.convolution.base import Array
from minigraph.convolution.geometry import Geometry, Pair
from minigraph.convolution.windows import gather, pad_with, windows


class Fast:
    """One matrix product for each group of channels, over patches copied from the padded map."""

    name = "fast"

    def forward(self, x: Array, kernel: Array, geometry: Geometry) -> Array:
        out_channels = len(kernel)
        patches, output = _patches(x, kernel.shape[2:], geometry)
        taps = kernel.reshape(geometry.groups, out_channels // geometry.groups, -1)
        # (G, O/G, C/G*kh*kw) @ (N, G, C/G*kh*kw, P*Q) -> (N, G, O/G, P*Q)
        answer: Array = np.matmul(taps, patches)
        return answer.reshape(len(x), out_channels, *output)

    def input_error(self, error: Array, kernel: Array, geometry: Geometry, size: Pair) -> Array:
        batch, out_channels, rows, columns = error.shape
        groups, (kernel_height, kernel_width) = geometry.groups, kernel.shape[2:]
        taps = kernel.reshape(groups, out_channels // groups, -1)
        # (G, C/G*kh*kw, O/G) @ (N, G, O/G, P*Q) -> (N, G, C/G*kh*kw, P*Q)
        held = np.matmul(taps.transpose(0, 2, 1), error.reshape(batch, groups, out_channels // groups, -1))
        return gather(held.reshape(batch, -1, kernel_height, kernel_width, rows, columns), geometry, size)

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
    output = geometry.output_size(x.shape[2:], kernel_size)
    view = windows(pad_with(x, geometry), kernel_size, geometry, output)
    # (N, C, kh, kw, P, Q) -> (N, G, C/G*kh*kw, P*Q)
    return view.reshape(len(x), geometry.groups, -1, output[0] * output[1]), output
