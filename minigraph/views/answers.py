"""Answers as text: what a graph answered, with all its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from minigraph.arrays import Array, Shape, spell_shape


def answers_text(
    answers: Mapping[str, Array], shapes: Mapping[str, Shape], classes: Sequence[str] | None = None
) -> str:
    """Answers by output: vectors a sample a line, maps one below the other, in six figures.

    Args:
        shapes: of one sample of each output, (C, H, W) or (F,).
        classes: the names of the only output's channels: each sample then ends with that of its largest number.

    >>> print(answers_text({"y": np.array([[0.5, -2], [10, 1 / 3]])}, {"y": (2,)}))
    y: 2 samples of 2
           0.5        -2
            10  0.333333
    """
    lines: list[str] = []
    for name, answer in answers.items():
        shape, samples = shapes[name], answer.reshape(-1, *shapes[name])
        count = "" if len(samples) == 1 else f"{len(samples)} samples of "
        lines.append(f"{name}: {count}{spell_shape(shape)}")
        if len(shape) == 1:
            rows = _rows(samples)
            if classes is not None:
                rows = [f"{row}  {classes[best]}" for row, best in zip(rows, samples.argmax(axis=1), strict=True)]
            lines += rows
            continue
        for sample, channel in np.ndindex(samples.shape[:2]):
            places = [f"sample {sample}"] * (len(samples) > 1) + [f"channel {channel}"] * (shape[0] > 1)
            lines += [", ".join(places)] if places else []
            lines += _rows(samples[sample, channel])
    return "\n".join(lines)


def _rows(numbers: Array) -> list[str]:
    """The lines of (rows, columns), flush right."""
    cells = [[f"{number:.6g}" for number in row] for row in numbers.tolist()]
    width = max(len(cell) for row in cells for cell in row) + 2
    return ["".join(cell.rjust(width) for cell in row) for row in cells]
