"""Schedules by hand; their paths of 200 steps are held against PyTorch's in test_optimizers.py."""

from typing import Any

import numpy as np
import pytest

from minigraph.errors import DefinitionError
from minigraph.recipe.schedules import SCHEDULES, Constant, Cosine, Plateau, StepDecay
from tests.helpers import raises


def test_a_warm_up_rises_to_the_rate_and_hands_over() -> None:
    schedule = StepDecay(step_size=2, gamma=0.5, warmup=4, warmup_start=0.2)
    factors = [schedule.scale(time, 10, {}) for time in range(9)]
    np.testing.assert_allclose(factors, [0.2, 0.4, 0.6, 0.8, 1, 1, 0.5, 0.5, 0.25], rtol=1e-15)


def test_a_constant_rate_is_the_optimizers_own() -> None:
    assert [Constant().scale(time, 10, {}) for time in (0, 3.5, 9)] == [1.0, 1.0, 1.0]


def test_steps_fall_by_gamma_each() -> None:
    factors = [StepDecay(step_size=3, gamma=0.5).scale(time, 9, {}) for time in (0, 2.9, 3, 5, 6)]
    assert factors == [1, 1, 0.5, 0.5, 0.25]


def test_a_cosine_goes_down_to_its_minimum_and_stays_there() -> None:
    factors = [Cosine(minimum=0.2).scale(time, 6, {}) for time in (0, 2, 3, 4, 6, 7)]
    # 0.2 + 0.8 * (1 + cos(pi * time / 6)) / 2, whose cosine is 1, 1/2, 0, -1/2 and -1.
    np.testing.assert_allclose(factors, [1, 0.8, 0.6, 0.4, 0.2, 0.2], rtol=1e-15)


def test_a_plateau_waits_for_its_patience_and_for_a_fall_that_counts() -> None:
    plateau, memory = Plateau(factor=0.5, patience=1, threshold=0.1), dict[str, Any]()
    factors = []
    # 10 is the first; 9.5 falls by less than a tenth, and so does 9.2: one too many. 8.9 is better, 8.9 twice more not.
    for loss in (10.0, 9.5, 9.2, 8.9, 8.9, 8.9):
        plateau.watch(loss, memory)
        factors.append(plateau.scale(0, 1, memory))
    assert factors == [1, 1, 0.5, 0.5, 0.5, 0.25]
    assert memory == {"best": 8.9, "waited": 0, "scale": 0.25}


def test_a_run_as_short_as_its_warm_up_ends_in_it() -> None:
    assert [Cosine(warmup=2, warmup_start=0.5).scale(time, 2, {}) for time in (0, 1, 2)] == [0.5, 0.75, 1.0]


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_only_a_schedule_that_watches_keeps_anything(name: str) -> None:
    schedule = SCHEDULES.find(name)(**({"step_size": 2} if name == "step" else {}))
    memory: dict[str, Any] = {}
    schedule.watch(1.0, memory)
    assert bool(memory) == schedule.watches == (name == "plateau")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: StepDecay(), "step_size: missing key 'step_size': how many steps, or epochs, a rate holds"),
        (lambda: Cosine(minimum=2), "minimum: found 2 (an integer); expected a number of at least 0 and of at most 1"),
        (lambda: Plateau(factor=1.0), "factor: found 1.0 (a number); expected a number above 0 and below 1"),
        (lambda: Cosine(warmup=-1), "warmup: found -1 (an integer); expected an integer of at least 0"),
    ],
)
def test_a_wrong_setting_is_told(make: Any, message: str) -> None:
    with raises(DefinitionError, message):
        make()
