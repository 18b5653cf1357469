"""The textbook's convolution told in steps: what Conv and ConvTranspose tell of their passes. No op stands here.

Forward: pad, correlate, add the bias. Backward: insert zeros for the stride, pad by the kernel's span - 1, rotate the
kernel by 180 degrees, convolve. ConvTranspose has them the other way round.
Source: Dumoulin and Visin, *A guide to convolution arithmetic for deep learning*, 2016, relation 14; Zhang, Lipton, Li,
Smola, *Dive into Deep Learning*.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from minigraph.arrays import Array
from minigraph.convolution import Convolution, Geometry
from minigraph.convolution.connections import Connections
from minigraph.convolution.naive import full_padding, insert_zeros, pad, rotate_180
from minigraph.explaining import Cell, Step, counted, formula, number, products, sum_over


@dataclass(frozen=True)
class Telling:
    """The steps of one convolution of a map of ``size`` with a kernel.

    Attributes:
        geometry: where the windows stand. kernel: (out_channels, C / groups, kh, kw). size: (H, W), without padding.
        engine: what computes the whole arrays.
        small: what the smaller map, one number for each window, is called: "error" in Conv's backward, "x" in
            ConvTranspose's forward.
        large: likewise the larger map, that windows read: "x" or "error".
    """

    geometry: Geometry
    kernel: Array
    size: tuple[int, int]
    engine: Convolution
    small: str
    large: str

    @property
    def connections(self) -> Connections:
        """Which numbers meet."""
        return Connections(self.geometry, self.kernel.shape, self.size)

    # -- from the larger map to the smaller ---------------------------------------------------------

    def pad(self, x: Array) -> Step:
        """Zeros around the larger map."""
        top, left, bottom, right = self.geometry.padding
        padded = pad(x, self.geometry.padding)
        if any(self.geometry.padding):
            sides = ", ".join(
                f"{count} {side}"
                for count, side in zip(
                    (top, left, bottom, right), ("above", "to the left", "below", "to the right"), strict=True
                )
                if count
            )
            text = f"Zeros are put around the map ({sides}), so that windows can reach over its edge."
        else:
            text = "There is no padding: the map stays as it is."

        def inside(index: tuple[int, ...]) -> str:
            n, c, y, across = index
            y, across = y - top, across - left
            within = 0 <= y < x.shape[2] and 0 <= across < x.shape[3]
            return f"{self.large}[{n}, {c}, {y}, {across}]" if within else "a zero of the padding"

        return Step(
            "pad",
            "Pad with zeros",
            text,
            f"padded[n, c, i{_plus(top)}, j{_plus(left)}] = {self.large}[n, c, i, j]",
            "padded",
            {self.large: x, "padded": padded},
            formula(inside, padded),
        )

    def correlate(self, padded: Array, made: str, answer: Array) -> Step:
        """The kernel slid over the padded map."""
        down, across = self.geometry.stride
        height, width = self.kernel.shape[2:]
        step = (
            "moves on by one"
            if (down, across) == (1, 1)
            else f"moves {counted(down, 'row')} or {counted(across, 'column')} on"
        )
        text = (
            f"The {height}x{width} kernel is laid on the map, the numbers that meet are multiplied, and the "
            "products are "
            f"added up: one number of the answer. Then the kernel {step}."
        )
        if self.geometry.dilation != (1, 1):
            below, beside = self.geometry.dilation
            text += f" Its taps stand {counted(below, 'row')} and {counted(beside, 'column')} apart."
        if self.geometry.groups > 1:
            text += f" The channels fall into {self.geometry.groups} groups that do not see each other."
        return Step(
            "correlate",
            "Slide the kernel, multiply and add",
            text,
            f"{made}[n, o, p, q] = sum over c, i, j of padded[n, c, {self._place()}] * kernel[o, c, i, j]",
            made,
            {"padded": padded, "kernel": self.kernel, made: answer},
            products(answer, (("padded", padded), ("kernel", self.kernel)), self.connections.of_answer),
        )

    # -- from the smaller map to the larger ---------------------------------------------------------

    def back(self, values: Array, made: str) -> list[Step]:
        """The four stages that give each number of the larger map what the windows that read it hold."""
        geometry, kernel, what = self.geometry, self.kernel, self.small
        down, across = geometry.stride
        noun = "errors" if what == "error" else "numbers"
        if (down, across) == (1, 1):
            zeros = f"The stride is 1: neighbouring {noun} belong to neighbouring windows, and no zeros are inserted."
        else:
            zeros = (
                f"Windows stand {counted(down, 'row')} and {counted(across, 'column')} apart: "
                f"{counted(down - 1, 'row')} and {counted(across - 1, 'column')} of zeros go between neighbouring "
                f"{noun}, so that each stands where its window began."
            )
        spread = insert_zeros(values, (down - 1, across - 1))
        sides = full_padding(geometry, self.size, (kernel.shape[2], kernel.shape[3]))
        spread_padded = pad(spread, sides)
        rotated = rotate_180(insert_zeros(kernel, (geometry.dilation[0] - 1, geometry.dilation[1] - 1))).copy()
        whole = self.engine.input_error(
            values, kernel, replace(geometry, padding=(0, 0, 0, 0)), geometry.padded(self.size)
        )
        top, left = geometry.padding[:2]
        part = whole[:, :, top : top + self.size[0], left : left + self.size[1]].copy()
        rows, columns = geometry.unread(self.size, (kernel.shape[2], kernel.shape[3]))
        return [
            Step(
                "insert_zeros",
                "Insert zeros for the stride",
                zeros,
                f"spread[n, o, {_times(down, 'p')}, {_times(across, 'q')}] = {what}[n, o, p, q]",
                "spread",
                {what: values, "spread": spread},
                formula(
                    lambda at: (
                        f"{what}[{at[0]}, {at[1]}, {at[2] // down}, {at[3] // across}]"
                        if at[2] % down == 0 and at[3] % across == 0
                        else "a zero of the stride"
                    ),
                    spread,
                ),
            ),
            Step(
                "pad",
                "Pad by the kernel's span - 1",
                (
                    f"Zeros go around it, {sides[0]} above and below, {sides[1]} on the left and right (the "
                    "kernel's span "
                    "less 1), so that every number of the map meets each window that it lies in."
                    + _unread(rows, columns)
                ),
                f"spread_padded[n, o, i{_plus(sides[0])}, j{_plus(sides[1])}] = spread[n, o, i, j]",
                "spread_padded",
                {"spread": spread, "spread_padded": spread_padded},
                formula(
                    lambda at: (
                        f"spread[{at[0]}, {at[1]}, {at[2] - sides[0]}, {at[3] - sides[1]}]"
                        if 0 <= at[2] - sides[0] < spread.shape[2] and 0 <= at[3] - sides[1] < spread.shape[3]
                        else "a zero of the padding"
                    ),
                    spread_padded,
                ),
            ),
            Step(
                "rotate",
                "Rotate the kernel by 180 degrees",
                "A number that lies at the end of a window met the kernel's last tap, and from there on the first "
                "taps of "
                "the windows after it: seen from the map, the taps come in the opposite order."
                + (" The dilation's gaps are zeros." if geometry.dilation != (1, 1) else ""),
                "rotated[o, c, i, j] = kernel[o, c, last row - i, last column - j]",
                "rotated",
                {"kernel": kernel, "rotated": rotated},
                formula(lambda at: self._turned(at, rotated.shape), rotated),
            ),
            Step(
                "convolve",
                "Convolve at stride 1",
                f"The rotated kernel slides over the padded {noun} one by one and adds up what each number of the "
                "map has to "
                "do with the windows it lies in."
                + (" What belongs to the padding is cut off." if any(geometry.padding) else ""),
                f"{made}[n, c, y, x] = sum over o, i, j of spread_padded[n, o, y{_plus(top)} + i, x{_plus(left)} + "
                "j] * "
                "rotated[o, c, i, j]",
                made,
                {"spread_padded": spread_padded, "rotated": rotated, f"padded_{made}": whole, made: part},
                products(
                    part,
                    (("spread_padded", spread_padded), ("rotated", rotated)),
                    self.connections.of_input_error,
                    direct=(values, kernel, self.connections.reaching),
                ),
            ),
        ]

    # -- parameters -----------------------------------------------------------------------------------

    def kernel_gradient(self, padded: Array, values: Array, gradient: Array) -> Step:
        """What each number of the kernel met."""
        what = self.small
        return Step(
            "kernel_gradient",
            "The kernel's gradient",
            "Each number of the kernel met one number of the map in every window. Its gradient is the sum of "
            "those, each "
            "times the other side's number, over all windows and samples.",
            f"kernel_gradient[o, c, i, j] = sum over n, p, q of padded[n, c, {self._place()}] * {what}[n, o, p, q]",
            "kernel_gradient",
            {"padded": padded, what: values, "kernel_gradient": gradient},
            products(
                gradient,
                (("padded", padded), (what, values)),
                lambda index: self.connections.of_kernel_gradient(index, len(values)),
            ),
        )

    def _place(self) -> str:
        """Where a tap (i, j) of the window (p, q) reads, as text."""
        (down, across), (below, beside) = self.geometry.stride, self.geometry.dilation
        return f"{_times(down, 'p')} + {_times(below, 'i')}, {_times(across, 'q')} + {_times(beside, 'j')}"

    def _turned(self, index: tuple[int, ...], shape: tuple[int, ...]) -> str:
        o, c, i, j = index
        i, j = shape[2] - 1 - i, shape[3] - 1 - j
        below, beside = self.geometry.dilation
        if i % below or j % beside:
            return "a zero of the dilation"
        return f"kernel[{o}, {c}, {i // below}, {j // beside}]"


def add_bias(before: Step, bias: Array | None, answer: Array) -> Step:
    """A channel's bias added to each of the numbers that the step before has made."""
    name, at = before.result, "[n, o, p, q]" if answer.ndim == 4 else "[n, o]"
    if bias is None:
        text, right = "There is no bias: the answer stays as it is.", f"{name}{at}"
    else:
        text, right = "Each channel's bias is added to all its numbers.", f"{name}{at} + bias[o]"

    def rule(index: tuple[int, ...]) -> Cell:
        cell = before.rule(index)
        if bias is None:
            return cell
        added, value = float(bias[index[1]]), float(answer[index])
        shown = cell.formula.rpartition(" = ")[0]
        return replace(cell, value=value, bias=added, formula=f"{shown} + {number(added)} = {value + 0.0:.6g}")

    return Step(
        "add_bias",
        "Add the bias",
        text,
        f"answer{at} = {right}",
        "answer",
        {name: before.made, **({} if bias is None else {"bias": bias}), "answer": answer},
        rule,
    )


def bias_gradient(error: Array, gradient: Array) -> Step:
    """The sum of a channel's errors."""
    axes = (0, 2, 3) if error.ndim == 4 else (0,)
    over = "n, p, q of error[n, o, p, q]" if error.ndim == 4 else "n of error[n, o]"
    return Step(
        "bias_gradient",
        "The bias's gradient",
        "A bias went into every number of its channel: its gradient is the sum of all that channel's errors.",
        f"bias_gradient[o] = sum over {over}",
        "bias_gradient",
        {"error": error, "bias_gradient": gradient},
        sum_over(gradient, error, axes),
    )


def _plus(count: int) -> str:
    return f" + {count}" if count else ""


def _times(factor: int, letter: str) -> str:
    return letter if factor == 1 else f"{factor}*{letter}"


def _unread(rows: int, columns: int) -> str:
    parts = [counted(count, noun) for count, noun in ((rows, "row"), (columns, "column")) if count]
    if not parts:
        return ""
    return f" {' and '.join(parts)} more at the bottom and right, which no window read, get zeros."
