"""The tests behind the verdict of a fit, against scipy.stats and against noise itself."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

from minigraph.recovery.significance import Rest, chance_of_fit, chance_of_prediction, neighbours, rounding
from tests.helpers import Array

GENERATOR = np.random.default_rng


def test_noise_leaves_a_part_of_the_beta_distribution() -> None:
    assert chance_of_fit(0.3, 1.0, 10, 60) == pytest.approx(stats.beta.cdf(0.3, 25, 5))
    assert chance_of_fit(0.0, 1.0, 10, 10) == 1.0
    assert chance_of_fit(1.5, 1.0, 10, 60) == 1.0


def test_a_prediction_has_the_chance_of_its_correlation() -> None:
    a, b = GENERATOR(0).normal(size=(2, 30))
    expected = stats.pearsonr(a + b, b, alternative="greater").pvalue
    assert chance_of_prediction(a + b, b) == pytest.approx(expected)
    assert chance_of_prediction(-a - b, b) == pytest.approx(1 - expected)
    assert chance_of_prediction(np.zeros(30), b) == 1.0
    assert chance_of_prediction(a[:2], b[:2]) == 1.0


def draws(seed: int) -> tuple[Array, Array, Array]:
    """Columns that are fitted, further ones, and noise."""
    generator = GENERATOR(seed)
    return generator.normal(size=(80, 6)), generator.normal(size=(80, 5)), generator.normal(size=(80, 1))


def test_further_columns_explain_noise_as_often_as_their_chance_says() -> None:
    chances = [Rest(columns).share(noise, further).chance for columns, further, noise in map(draws, range(400))]
    assert stats.kstest(chances, "uniform").pvalue > 0.01


def test_further_columns_explain_the_share_that_is_theirs() -> None:
    columns, further, noise = draws(1)
    rest = Rest(np.hstack([columns, columns[:, :1]]))  # a column twice is one direction
    assert rest.basis.shape == (80, 6)
    effect = rest.share(3 * further[:, :1] + noise + columns[:, :1], further)
    assert effect.matters(0.8)
    assert effect.size == pytest.approx(0.9, abs=0.06)
    assert not rest.share(noise, further).matters(0.1)
    assert rest.share(noise, columns).chance == 1.0  # nothing new
    assert (
        rest.share(noise[:, [0] * 2], GENERATOR(2).normal(size=(80, 90))).chance == 1.0
    )  # no number is left to tell by


def test_neighbours_of_noise_do_not_correlate_and_those_of_a_recursive_filter_do() -> None:
    noise = GENERATOR(0).normal(size=(2, 1, 30, 30))
    assert not neighbours(noise).matters(0.05)
    smooth = lfilter([1], [1, -0.5], noise)
    assert neighbours(smooth).size == pytest.approx(0.5, abs=0.05)
    assert neighbours(smooth).matters(0.3)
    assert neighbours(np.swapaxes(smooth, 2, 3)).matters(0.3)
    assert neighbours(np.zeros((1, 1, 1, 1))).chance == 1.0


def test_what_fitting_does_to_neighbours_is_taken_off() -> None:
    """Twelve waves fitted to each of two channels take the slow part out of the noise."""
    places = np.arange(36)[:, None]
    rest = Rest(np.cos(np.pi * (places + 0.5) * np.arange(12) / 36))
    found: list[float] = []
    for seed in range(200):
        noise = GENERATOR(seed).normal(size=(36, 2))
        left = rest.of(noise).T.reshape(1, 2, 1, 36)
        found.append(neighbours(left, rest.basis).size)
        if seed == 0:
            assert neighbours(left).size < -0.3
    assert np.mean(found) == pytest.approx(0.0, abs=0.03)


def test_steps_of_rounding_are_seen_in_the_targets() -> None:
    values = GENERATOR(0).uniform(size=1000)
    assert rounding(np.round(values * 255) / 255) == pytest.approx(1 / 255 / np.sqrt(12))
    assert rounding(values) == 0.0
    assert rounding(np.ones(5)) == 0.0
