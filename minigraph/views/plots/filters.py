"""The picture of a layer's kernels: what each of its channels looks for."""

from __future__ import annotations

from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from minigraph.arrays import spell_shape
from minigraph.errors import DataError
from minigraph.views.plots.kernels import Spelling, draw_map, draw_scale
from minigraph.views.plots.sheet import (
    MARGIN,
    SOFT,
    Line,
    blank_sheet,
    foot_of_head,
    kind_of,
    largest,
    picture,
    printable,
    write,
    write_head,
)

MOST, NUMBERED = 64, 4  # kernels that are drawn; so many at most with their numbers
GAP, LABEL = 14.0, 16.0


def plot_filters(kernel: ArrayLike, path: str | Path, title: str, before: ArrayLike | None = None) -> None:
    """Draw the kernels of one convolution as maps on one colour scale.

    Args:
        kernel: (out, in/groups, kh, kw); of more than 64 pairs of channels the first are drawn.
        before: the same before training, drawn above them.

    Raises:
        DataError: kernel has another rank; or the file cannot be written or named so.
    """
    kind_of(path)
    kernels = np.asarray(kernel, np.float64)
    if kernels.ndim != 4 or not kernels.size:
        raise DataError(f"kernel: found shape {spell_shape(kernels.shape) or '()'}; expected (out, in, kh, kw)")
    blocks = {"": kernels}
    if before is not None:
        blocks = {"before training": np.asarray(before, np.float64), "after training": kernels}
    for array in blocks.values():
        if array.shape != kernels.shape:
            raise DataError(f"before: found shape {spell_shape(array.shape)}; expected {spell_shape(kernels.shape)}")
    out, into, high, wide = kernels.shape
    pairs = list(np.ndindex(out, into))[:MOST]
    numbered = len(pairs) <= NUMBERED and max(high, wide) <= 7
    cell = 34.0 if numbered else min(max(64.0 / max(high, wide), 1.0), 26.0)
    columns = min(into, 16) if into > 1 else min(out, 8)  # of several input channels, a row for each kernel
    rows = ceil(len(pairs) / columns)
    step, drop = max(wide * cell, 34.0) + GAP, high * cell + GAP + LABEL
    head = [Line(printable(title), 13, "bold")]
    caption = f"{out} kernel{'s' * (out != 1)} of {spell_shape((into, high, wide))}"
    head.append(Line(caption + (f", the first {MOST} maps" if out * into > MOST else ""), 9.5, colour=SOFT))
    top = foot_of_head(head) + 22
    block = columns * step - GAP
    width = max(block + 2 * MARGIN + 56, max(line.width for line in head) + 2 * MARGIN)
    left = (width - block - 44) / 2
    over = 22.0 if before is not None else 0.0  # the room for what a block is
    with picture(path, width, top + len(blocks) * (rows * drop + over) - GAP + MARGIN) as figure:
        sheet = blank_sheet(figure)
        write_head(sheet, head)
        limit = largest(*blocks.values())
        spelling = Spelling.of(*blocks.values()) if numbered else None
        for label, maps in blocks.items():
            write(sheet, Line(label, 9.5, "bold", SOFT), left, top + 4)
            top += over
            for number, (first, second) in enumerate(pairs):
                row, column = divmod(number, columns)
                x, y = left + column * step + (step - GAP) / 2, top + row * drop
                name = f"{first}" if into == 1 else f"[{first}, {second}]"
                write(sheet, Line(name, 7.5, colour=SOFT), x, y + 5, ha="center")
                draw_map(sheet, maps[first, second], x, y + LABEL + high * cell / 2, cell, limit, spelling)
            top += rows * drop
        middle = top - rows * drop + LABEL + high * cell / 2
        draw_scale(sheet, left + block + 18, middle, max(high * cell, 44.0), limit)
