"""Metrics by hand."""

import numpy as np
import pytest

from minigraph.recipe.metrics import METRICS
from tests.helpers import assert_close, assert_exact


def test_metrics_by_hand() -> None:
    answer = np.array([[0.1, 0.7, 0.2], [0.6, 0.3, 0.1]])
    target = np.array([[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    accuracy, mae, psnr = (METRICS.find(name)() for name in ("accuracy", "mae", "psnr"))
    assert_exact(accuracy.of_samples(answer, np.array([1, 1])), [1, 0])
    assert_exact(accuracy.of_samples(answer, target), [1, 0])
    assert_exact(accuracy.of_samples(np.array([[0.4], [0.6]]), np.array([[0.0], [0.0]])), [1, 0])
    assert_close(mae.of_samples(answer, target), [0.6 / 3, 1.4 / 3])
    assert_close(mae.of_samples(answer, np.array([1, 1])), [0.6 / 3, 1.4 / 3])
    maps = np.zeros((2, 1, 2, 2))
    assert_close(psnr.of_samples(maps + 0.1, maps), [20.0, 20.0])
    assert psnr.of_samples(maps, maps)[0] == np.inf


def test_the_accuracy_of_maps_is_the_share_of_their_positions() -> None:
    answer = np.zeros((2, 3, 2, 2))
    answer[0, 1], answer[1, 2] = 1.0, 1.0  # class 1 everywhere, and class 2
    classes = np.array([[[1, 1], [1, 0]], [[2, 0], [0, 0]]])
    assert_exact(METRICS.find("accuracy")().of_samples(answer, classes), [0.75, 0.25])


def test_a_metric_of_a_sample_does_not_hang_on_the_others() -> None:
    generator = np.random.default_rng(0)
    answer, target = generator.uniform(size=(2, 5, 3, 2, 4))
    for _, metric in METRICS.items():
        whole = metric().of_samples(answer, target)
        assert whole.shape == (5,)
        assert_exact(np.concatenate([metric().of_samples(answer[[i]], target[[i]]) for i in range(5)]), whole)


@pytest.mark.parametrize("name", list(METRICS))
def test_whether_a_metric_rises_is_what_better_answers_do(name: str) -> None:
    target = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    good, bad = (METRICS.find(name)().of_samples(answer, target).mean() for answer in (target * 0.9, 1 - target))
    assert (good > bad) == METRICS.find(name).rises
