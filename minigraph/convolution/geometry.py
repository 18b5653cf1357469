"""Where a convolution's window stands: stride, padding, dilation and groups, and the sizes that follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from minigraph.errors import ShapeError

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]
Padding = int | Sequence[int] | Literal["valid", "same"]


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
        rows, columns = ((padded[axis] - span[axis]) // self.stride[axis] + 1 for axis in (0, 1))
        if rows < 1 or columns < 1:
            axis = 0 if rows < 1 else 1
            raise self._no_window(size, kernel, axis, "floor", (rows, columns)[axis], padded[axis])
        return rows, columns

    def completed(self, size: Pair, kernel: Pair) -> Geometry:
        """The same with sizes that are rounded up: enough padding at the bottom and right for one more window where
        the floor leaves something over, but for none that would begin in the bottom or right padding.

        Raises:
            ShapeError: there is no window at all; the text has every number.

        Source: ONNX MaxPool, ceil_mode; PyTorch max_pool2d, ceil_mode.
        """
        padded, span, sides = self.padded(size), self.span(kernel), list(self.padding)
        for axis, stride in enumerate(self.stride):
            count = -((span[axis] - padded[axis]) // stride) + 1
            if count < 1:
                raise self._no_window(size, kernel, axis, "ceil", count, padded[axis] + stride - 1)
            last = min(count, -(-(self.padding[axis] + size[axis]) // stride)) - 1
            sides[axis + 2] += max(0, last * stride + span[axis] - padded[axis])
        return replace(self, padding=(sides[0], sides[1], sides[2], sides[3]))

    def _no_window(self, size: Pair, kernel: Pair, axis: int, rounding: str, count: int, most: int) -> ShapeError:
        return ShapeError(
            f"kernel {kernel[0]}x{kernel[1]} does not fit into its input {size[0]}x{size[1]}: output "
            f"{('height', 'width')[axis]} = {rounding}(({size[axis]} + padding {self.padding[axis]} + "
            f"{self.padding[axis + 2]} - kernel span {self.span(kernel)[axis]}) / stride {self.stride[axis]}) + 1 = "
            f"{count}; expected a kernel span of at most {most}, or more padding",
            attribute="kernel_size",
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
    sides = (padding,) * 4 if isinstance(padding, int) else padding
    top, left, bottom, right = sides if len(sides) == 4 else (*sides, *sides)
    return top, left, bottom, right


def split_padding(vertical: int, horizontal: int) -> Sides:
    """Rows and columns of padding on both sides, an odd one at the bottom or right."""
    top, left = vertical // 2, horizontal // 2
    return top, left, vertical - top, horizontal - left
