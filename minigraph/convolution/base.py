"""The one interface of all convolution engines.

An engine answers the three questions that training asks of a convolution. Maps are (N, C, H, W),
kernels (out_channels, in_channels / groups, kernel_height, kernel_width), in the kernel's dtype.
"""

from __future__ import annotations

from typing import Protocol

from minigraph.arrays import Array
from minigraph.convolution.geometry import Geometry, Pair


class Convolution(Protocol):
    """Cross-correlation, zero padded, as in ONNX Conv and PyTorch conv2d, and its two gradients."""

    name: str

    def forward(self, x: Array, kernel: Array, geometry: Geometry) -> Array:
        """The answer (N, O, P, Q) to the map ``x`` (N, C, H, W)."""

    def input_error(self, error: Array, kernel: Array, geometry: Geometry, size: Pair) -> Array:
        """dLoss/dx (N, C, H, W) from ``error`` = dLoss/danswer (N, O, P, Q); ``size`` is (H, W)."""

    def kernel_gradient(self, error: Array, x: Array, geometry: Geometry, kernel_size: Pair) -> Array:
        """dLoss/dkernel (O, C / groups, kh, kw) from ``error`` (N, O, P, Q) and the map ``x``."""
