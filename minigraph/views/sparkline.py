"""A curve in one line of text."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: ArrayLike, width: int = 24) -> str:
    """Values from left to right as bars of eight heights, logarithmic where all are above 0.

    Args:
        values: (n,); of more than ``width`` each bar is the mean of its share. Those that are not finite are left out.

    >>> sparkline([1, 10, 100, 1000])
    '▁▃▆█'
    """
    heights = np.asarray(values, np.float64)
    heights = heights[np.isfinite(heights)]
    if not heights.size:
        return ""
    heights = np.array([part.mean() for part in np.array_split(heights, min(width, heights.size))])
    if (heights > 0).all():
        heights = np.log10(heights)
    low, high = heights.min(), heights.max()
    levels = (heights - low) / ((high - low) or 1.0) * (len(BARS) - 1)
    return "".join(BARS[round(level)] for level in levels.tolist())
