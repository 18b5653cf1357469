"""Where a convolution's window stands: stride, padding, dilation and groups, and the sizes that follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from minigraph.errors import ShapeError

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]
Padding = int | Pair | Sides | Literal["valid", "same"]


@dataclass(frozen=True)
class Geometry:
    """The placement of a kernel on a map; every pair is (vertical, horizontal).

    Attributes:
        stride: rows and columns from one window to the next.
        padding: zeros added (top, left, bottom, right).
        dilation: distance between the kernel's neighbouring taps; 1 is a dense kernel.
        groups: the channels fall into this many groups, which do not see each other.
    """

    stride: Pair = (1, 1)
    padding: Sides = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    def padded(self, size: Pair) -> Pair:
        """The map's (height, width) with its padding."""
        top, left, bottom, right = self.padding
        return size[0] + top + bottom, size[1] + left + right

    def span(self, kernel: Pair) -> Pair:
        """Rows and columns that a kernel of (kh, kw) covers, its gaps included."""
        return (kernel[0] - 1) * self.dilation[0] + 1, (kernel[1] - 1) * self.dilation[1] + 1

    def output_size(self, size: Pair, kernel: Pair) -> Pair:
        """(height, width) of the answer: floor((size + padding - span) / stride) + 1 on each axis.

        Raises:
            ShapeError: the kernel does not fit into the padded map; the text has every number.
        """
        padded, span = self.padded(size), self.span(kernel)
        if span[0] > padded[0] or span[1] > padded[1]:
            axis = 0 if span[0] > padded[0] else 1
            before, after = self.padding[axis], self.padding[axis + 2]
            raise ShapeError(
                f"kernel {kernel[0]}x{kernel[1]} does not fit into its input {size[0]}x{size[1]}: output "
                f"{('height', 'width')[axis]} = floor(({size[axis]} + padding {before} + {after} - kernel span "
                f"{span[axis]}) / stride {self.stride[axis]}) + 1 = "
                f"{(padded[axis] - span[axis]) // self.stride[axis] + 1}; expected a kernel span of at most "
                f"{padded[axis]}, or more padding",
                attribute="kernel_size",
            )
        return (
            (padded[0] - span[0]) // self.stride[0] + 1,
            (padded[1] - span[1]) // self.stride[1] + 1,
        )

    def unread(self, size: Pair, kernel: Pair) -> Pair:
        """Rows at the bottom and columns at the right of the padded map that the floor leaves over."""
        padded, span, output = self.padded(size), self.span(kernel), self.output_size(size, kernel)
        return (
            padded[0] - span[0] - (output[0] - 1) * self.stride[0],
            padded[1] - span[1] - (output[1] - 1) * self.stride[1],
        )


def resolve_padding(padding: Padding, size: Pair, kernel: Pair, stride: Pair, dilation: Pair = (1, 1)) -> Sides:
    """The zeros (top, left, bottom, right) that a padding as it is written means on a map of (height, width).

    "same" is the padding for which output = ceil(size / stride); an odd zero goes to the bottom or right.
    Source: ONNX Conv, auto_pad = SAME_UPPER.
    """
    if padding == "same":
        spans = [(kernel[axis] - 1) * dilation[axis] + 1 for axis in (0, 1)]
        total = [
            max(0, (-(-size[axis] // stride[axis]) - 1) * stride[axis] + spans[axis] - size[axis]) for axis in (0, 1)
        ]
        return split_padding(total[0], total[1])
    if isinstance(padding, str):
        return 0, 0, 0, 0
    if isinstance(padding, int):
        return padding, padding, padding, padding
    return padding if len(padding) == 4 else (*padding, *padding)


def split_padding(vertical: int, horizontal: int) -> Sides:
    """Rows and columns of padding on both sides, an odd one at the bottom or right."""
    top, left = vertical // 2, horizontal // 2
    return top, left, vertical - top, horizontal - left
