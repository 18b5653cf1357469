"""Every window of a map as a view, and the way back: adding what windows hold to the map they were read from."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided

from minigraph.arrays import Array
from minigraph.convolution.geometry import Geometry, Pair


def pad_with(x: Array, geometry: Geometry, value: float = 0.0) -> Array:
    """(N, C, H, W) with the geometry's padding of ``value`` around it; ``x`` itself when there is none."""
    if not any(geometry.padding):
        return x
    top, left, bottom, right = geometry.padding
    return np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=value)


def windows(padded: Array, kernel: Pair, geometry: Geometry, output: Pair) -> Array:
    """A read-only view (N, C, kh, kw, P, Q) of a padded map (N, C, H, W).

    Entry [..., i, j, p, q] is what tap (i, j) of the window at (p, q) reads.
    """
    along_n, along_c, down, across = padded.strides
    (step_down, step_across), (tap_down, tap_across) = geometry.stride, geometry.dilation
    return as_strided(
        padded,
        (*padded.shape[:2], *kernel, *output),
        (along_n, along_c, down * tap_down, across * tap_across, down * step_down, across * step_across),
        writeable=False,
    )


def gather(held: Array, geometry: Geometry, size: Pair) -> Array:
    """The adjoint of padding and :func:`windows`: (N, C, kh, kw, P, Q) added up in a map (N, C, H, W) of ``size``.

    Windows overlap, so that an entry of the map gets the sum over all taps that read it; padding gets lost.
    """
    batch, channels, kernel_height, kernel_width, rows, columns = held.shape
    padded = np.zeros((batch, channels, *geometry.padded(size)), held.dtype)
    (down, across), (tap_down, tap_across) = geometry.stride, geometry.dilation
    for i in range(kernel_height):
        for j in range(kernel_width):
            top, left = i * tap_down, j * tap_across
            below, beside = top + (rows - 1) * down + 1, left + (columns - 1) * across + 1
            padded[:, :, top:below:down, left:beside:across] += held[:, :, i, j]
    top, left = geometry.padding[:2]
    return padded[:, :, top : top + size[0], left : left + size[1]]
