"""What the pooling ops share: where their windows stand. This file has no op of its own."""

from __future__ import annotations

from math import prod
from typing import ClassVar

from minigraph.arrays import Shape
from minigraph.convolution import Geometry, resolve_padding
from minigraph.declared.fields import Padding, Pair, pair
from minigraph.errors import ShapeError
from minigraph.ops import spellings
from minigraph.ops.base import Op, attribute, require_map


class Pooling(Op):
    """Windows over a map (C, H, W), each channel on its own."""

    family: ClassVar[str] = "pooling"

    kernel_size: Pair = attribute(
        ..., "the window's size, an integer or [vertical, horizontal]", foreign=spellings.KERNEL_SIZE
    )
    stride: Pair | None = attribute(
        None, "rows and columns from one window to the next; the window's size if left out", foreign=spellings.STRIDE
    )
    padding: Padding = attribute(
        0,
        "around the map: an integer, [vertical, horizontal], [top, left, bottom, right], 'valid' or 'same'",
        foreign=spellings.PADDING,
    )

    @property
    def kernel(self) -> tuple[int, int]:
        """The window's (height, width)."""
        return pair(self.kernel_size)

    def geometry(self, size: tuple[int, int]) -> Geometry:
        """Where the windows stand on a map of (height, width)."""
        stride = pair(self.kernel_size if self.stride is None else self.stride)
        return Geometry(stride, resolve_padding(self.padding, size, self.kernel, stride))

    def output_shape(self, *inputs: Shape) -> Shape:
        channels, *size = require_map(inputs[0], type(self).__name__)
        geometry = self.geometry((size[0], size[1]))
        for side, padded in zip(("top", "left", "bottom", "right"), geometry.padding, strict=True):
            reach = self.kernel[0 if side in ("top", "bottom") else 1]
            if padded >= reach:
                raise ShapeError(
                    f"padding {padded} at the {side} makes windows of nothing but padding; expected less than the "
                    f"kernel's {reach}",
                    attribute="padding",
                )
        return (channels, *geometry.output_size((size[0], size[1]), self.kernel))

    def unread(self, *inputs: Shape) -> tuple[int, int]:
        _, height, width = inputs[0]
        return self.geometry((height, width)).unread((height, width), self.kernel)

    def taps(self, *inputs: Shape) -> int:
        """How many entries all windows read together, for one sample."""
        return prod(self.output_shape(*inputs)) * prod(self.kernel)
