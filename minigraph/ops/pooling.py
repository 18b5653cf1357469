"""What the pooling ops share: where their windows stand. This file has no op of its own."""

from __future__ import annotations

from itertools import product
from math import gcd, prod
from typing import ClassVar

from minigraph.arrays import Array, Shape
from minigraph.convolution import Geometry, resolve_padding
from minigraph.convolution.windows import pad_with, windows
from minigraph.declared.fields import IntegerPair, Padding, pair
from minigraph.errors import ShapeError
from minigraph.ops import spellings
from minigraph.ops.base import Op, attribute, require_map, required
from minigraph.steps.steps import Step, batch_last, copying, empty_batch_last


class Pooling(Op):
    """Windows over a map (C, H, W), each channel on its own."""

    family: ClassVar[str] = "pooling"

    kernel_size: IntegerPair = required(
        "the window's size, an integer or [vertical, horizontal]", foreign=spellings.KERNEL_SIZE
    )
    stride: IntegerPair | None = attribute(
        None, "rows and columns from one window to the next; the window's size if left out", foreign=spellings.STRIDE
    )
    padding: Padding = attribute(
        0,
        "around the map: an integer, [vertical, horizontal], [top, left, bottom, right], 'valid' or 'same'",
        foreign=spellings.PADDING,
    )
    dilation: IntegerPair = attribute(1, "distance between neighbouring taps of the window")
    ceil_mode: bool = attribute(
        False, "whether sizes are rounded up: a last window may reach beyond the padded map, none begins in the padding"
    )

    @property
    def kernel(self) -> tuple[int, int]:
        """The window's (height, width)."""
        return pair(self.kernel_size)

    def declared_geometry(self, size: tuple[int, int]) -> Geometry:
        """Stride, dilation and padding as they are declared, on a map of (height, width)."""
        stride, dilation = pair(self.kernel_size if self.stride is None else self.stride), pair(self.dilation)
        return Geometry(stride, resolve_padding(self.padding, size, self.kernel, stride, dilation), dilation)

    def geometry(self, size: tuple[int, int]) -> Geometry:
        """Where the windows stand on a map of (height, width): what ``ceil_mode`` reads beyond the padded map counts
        as padding here."""
        geometry = self.declared_geometry(size)
        return geometry.completed(size, self.kernel) if self.ceil_mode else geometry

    def output_shape(self, *inputs: Shape) -> Shape:
        channels, height, width = require_map(inputs[0], type(self).__name__)
        self._require_entries((height, width))
        return (channels, *self.geometry((height, width)).output_size((height, width), self.kernel))

    def unread(self, *inputs: Shape) -> tuple[int, int]:
        _, height, width = inputs[0]
        return self.geometry((height, width)).unread((height, width), self.kernel)

    def taps(self, *inputs: Shape) -> int:
        """How many entries all windows read together, for one sample."""
        return prod(self.output_shape(*inputs)) * prod(self.kernel)

    def windows(self, x: Array, value: float) -> Array:
        """What each tap of each window reads, (N, C, kh, kw, P, Q), of a map with padding of ``value``."""
        geometry = self.geometry(x.shape[2:])
        return windows(
            pad_with(x, geometry, value), self.kernel, geometry, geometry.output_size(x.shape[2:], self.kernel)
        )

    def window(self, view: Array, index: tuple[int, ...]) -> Array:
        """What one window reads, (kh, kw), of the :meth:`windows` of a map."""
        n, c, p, q = index
        read: Array = view[n, c, :, :, p, q]
        return read

    def holding(self, index: tuple[int, ...], x: Array) -> dict[tuple[int, ...], tuple[int, int]]:
        """The windows that hold a number of the map ``x``, each with the tap that reads it."""
        n, c, i, j = index
        geometry = self.geometry((x.shape[2], x.shape[3]))
        (down, across), (below, beside) = geometry.stride, geometry.dilation
        rows, columns = geometry.output_size((x.shape[2], x.shape[3]), self.kernel)
        windows: dict[tuple[int, ...], tuple[int, int]] = {}
        for tap in product(range(self.kernel[0]), range(self.kernel[1])):
            p, between_rows = divmod(i + geometry.padding[0] - tap[0] * below, down)
            q, between_columns = divmod(j + geometry.padding[1] - tap[1] * beside, across)
            if not between_rows and not between_columns and 0 <= p < rows and 0 <= q < columns:
                windows[n, c, p, q] = tap
        return windows

    def _require_entries(self, size: tuple[int, int]) -> None:
        """Raise a ShapeError if a window reads nothing but padding."""
        geometry = self.declared_geometry(size)
        spans = geometry.span(self.kernel)
        for side, padded in zip(("top", "left", "bottom", "right"), geometry.padding, strict=True):
            span = spans[0 if side in ("top", "bottom") else 1]
            if padded >= span:
                raise ShapeError(
                    f"padding {padded} at the {side} makes windows of nothing but padding; expected less than the "
                    f"kernel's span, {span}",
                    attribute="padding",
                )
        # What begins in the map reads its first tap there. What begins in the padding before it reads the map where
        # the first tap past the padding does not step over the whole map; the steps repeat after a while.
        output = self.geometry(size).output_size(size, self.kernel)
        for axis, (stride, dilation) in enumerate(zip(geometry.stride, geometry.dilation, strict=True)):
            before = geometry.padding[axis]
            repeat = dilation // gcd(stride, dilation)
            starts = range(0, min(before, output[axis] * stride, repeat * stride), stride)
            if dilation > size[axis] and any((start - before) % dilation >= size[axis] for start in starts):
                raise ShapeError(
                    f"dilation {dilation} makes windows of nothing but padding, whose taps stand on both sides of the "
                    f"input's {size[axis]} {('rows', 'columns')[axis]}; expected at most {size[axis]}, or less padding",
                    attribute="dilation",
                )


def bordered(x: Array, geometry: Geometry, value: float) -> tuple[Array, list[Step]]:
    """A map with its padding of ``value`` around it, batch-last, and the steps that fill it; ``x`` itself if it has
    none."""
    if not any(geometry.padding):
        return x, []
    padded = empty_batch_last((*x.shape[:2], *geometry.padded(x.shape[2:])), x.dtype)
    padded[...] = value
    return padded, copying(batch_last(inner(padded, geometry, x.shape[2:])), batch_last(x))


def inner(padded: Array, geometry: Geometry, size: tuple[int, ...]) -> Array:
    """The map of (height, width) in a padded one."""
    top, left = geometry.padding[:2]
    return padded[:, :, top : top + size[0], left : left + size[1]]


def reached(padded: Array, tap: tuple[int, ...], geometry: Geometry, output: tuple[int, ...]) -> Array:
    """What a tap of every window reads: a view (N, C, P, Q)."""
    (down, across), top, left = geometry.stride, tap[0] * geometry.dilation[0], tap[1] * geometry.dilation[1]
    return padded[
        :, :, top : top + (output[0] - 1) * down + 1 : down, left : left + (output[1] - 1) * across + 1 : across
    ]
