"""The textbook convolution and its backward pass, literally: plain loops, one idea a function.

Forward slides the kernel over the padded map. Backward (Zhang, Lipton, Li, Smola: *Dive into Deep
Learning*; Dumoulin and Visin: *A guide to convolution arithmetic for deep learning*, 2016, relation 14)
turns both gradients into stride-1 convolutions of maps with zeros put in:

* the error of the input is the zero-inserted error, padded by the kernel's span - 1 (and by the rows
  that the stride left over), convolved with the kernel rotated by 180 degrees;
* the gradient of the kernel is the input convolved with the zero-inserted error.

This is the reference that the fast engine is read against, and what ``explain`` shows.
"""

from __future__ import annotations

import numpy as np

from minigraph.arrays import Array
from minigraph.convolution.geometry import Geometry, Pair, Sides


def insert_zeros(x: Array, gaps: Pair) -> Array:
    """(..., H, W) with ``gaps`` zeros put between neighbouring rows and columns.

    A stride s needs s - 1 of them: (..., (H-1)s + 1, (W-1)s + 1).
    """
    height, width = x.shape[-2:]
    down, across = gaps[0] + 1, gaps[1] + 1
    spread = np.zeros((*x.shape[:-2], (height - 1) * down + 1, (width - 1) * across + 1), x.dtype)
    for i in range(height):
        for j in range(width):
            spread[..., i * down, j * across] = x[..., i, j]
    return spread


def pad(x: Array, sides: Sides) -> Array:
    """(..., H, W) with zeros around it: (top, left, bottom, right)."""
    top, left, bottom, right = sides
    height, width = x.shape[-2:]
    padded = np.zeros((*x.shape[:-2], top + height + bottom, left + width + right), x.dtype)
    padded[..., top : top + height, left : left + width] = x
    return padded


def rotate_180(kernel: Array) -> Array:
    """(..., kh, kw) turned by half a turn: both axes reversed."""
    return kernel[..., ::-1, ::-1]


def convolve(x: Array, kernel: Array, stride: Pair = (1, 1)) -> Array:
    """One map (H, W) and one kernel (kh, kw): the sum of products under each window.

    Cross-correlation, as convolution layers compute it: the kernel is not rotated here.
    """
    kernel_height, kernel_width = kernel.shape
    rows = (x.shape[0] - kernel_height) // stride[0] + 1
    columns = (x.shape[1] - kernel_width) // stride[1] + 1
    answer = np.zeros((rows, columns), x.dtype)
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride[0], j * stride[1]
            window = x[top : top + kernel_height, left : left + kernel_width]
            answer[i, j] = (window * kernel).sum()
    return answer


class Naive:
    """The reference engine: general over stride, padding, dilation, groups, channels and batch."""

    name = "naive"

    def forward(self, x: Array, kernel: Array, geometry: Geometry) -> Array:
        padded = pad(x, geometry.padding)
        taps = insert_zeros(kernel, _gaps(geometry.dilation))
        answer = np.zeros((len(x), len(kernel), *geometry.output_size(x.shape[2:], kernel.shape[2:])), x.dtype)
        for n in range(len(x)):
            for o, c, own in _connections(kernel, geometry.groups):
                answer[n, o] += convolve(padded[n, c], taps[o, own], geometry.stride)
        return answer

    def input_error(self, error: Array, kernel: Array, geometry: Geometry, size: Pair) -> Array:
        taps = rotate_180(insert_zeros(kernel, _gaps(geometry.dilation)))
        spread = pad(insert_zeros(error, _gaps(geometry.stride)), full_padding(geometry, size, kernel.shape[2:]))
        channels = kernel.shape[1] * geometry.groups
        padded_error = np.zeros((len(error), channels, *geometry.padded(size)), error.dtype)
        for n in range(len(error)):
            for o, c, own in _connections(kernel, geometry.groups):
                padded_error[n, c] += convolve(spread[n, o], taps[o, own])
        top, left = geometry.padding[:2]
        return padded_error[:, :, top : top + size[0], left : left + size[1]]

    def kernel_gradient(self, error: Array, x: Array, geometry: Geometry, kernel_size: Pair) -> Array:
        padded = pad(x, geometry.padding)
        spread = insert_zeros(error, _gaps(geometry.stride))
        rows, columns = geometry.unread(x.shape[2:], kernel_size)
        read = padded[:, :, : padded.shape[2] - rows, : padded.shape[3] - columns]
        down, across = geometry.dilation
        gradient = np.zeros((error.shape[1], x.shape[1] // geometry.groups, *kernel_size), x.dtype)
        for n in range(len(x)):
            for o, c, own in _connections(gradient, geometry.groups):
                gradient[o, own] += convolve(read[n, c], spread[n, o])[::down, ::across]
        return gradient


def full_padding(geometry: Geometry, size: Pair, kernel_size: Pair) -> Sides:
    """The zeros around a zero-inserted error: span - 1 on every side, and the unread rows and columns."""
    down, across = (span - 1 for span in geometry.span(kernel_size))
    rows, columns = geometry.unread(size, kernel_size)
    return down, across, down + rows, across + columns


def _gaps(step: Pair) -> Pair:
    return step[0] - 1, step[1] - 1


def _connections(kernel: Array, groups: int) -> list[tuple[int, int, int]]:
    """(output channel, input channel, the input channel's index in the kernel) for each pair that is joined."""
    out_channels, in_group = kernel.shape[:2]
    out_group = out_channels // groups
    return [(o, o // out_group * in_group + own, own) for o in range(out_channels) for own in range(in_group)]
