"""A curve in one line: its heights, its width, and numbers that are not finite."""

import numpy as np

from minigraph.views.sparkline import sparkline


def test_heights_are_logarithmic_only_where_all_are_above_zero() -> None:
    assert sparkline([1, 10, 100, 1000]) == "▁▃▆█"
    assert sparkline([0, 1, 10, 7]) == "▁▂█▆"
    assert sparkline([-1, 0, 1]) == "▁▅█"


def test_many_values_share_bars_and_few_have_their_own() -> None:
    assert sparkline(np.linspace(-1, 1, 1000), width=8) == "▁▂▃▄▅▆▇█"
    assert len(sparkline(np.arange(1, 6), width=8)) == 5


def test_nothing_and_what_is_level_and_what_is_not_finite() -> None:
    assert sparkline([]) == sparkline([np.nan]) == ""
    assert sparkline([3, 3, 3]) == "▁▁▁"
    assert sparkline([1, np.inf, 100]) == "▁█"
