"""Optimizers, schedules and clipping against PyTorch's paths of 200 steps, and the settings that are refused."""

import json
from typing import Any

import numpy as np
import pytest

import minigraph as mg
from minigraph.errors import DefinitionError
from minigraph.recipe.optimizers import OPTIMIZERS
from minigraph.recipe.schedules import SCHEDULES, Cosine, Plateau, Schedule, StepDecay
from minigraph.training.trainer import clip
from tests.helpers import FIGURES, Array, Case, assert_close, assert_exact, figure_cases, raises

OURS = {"lr": "learning_rate", "eps": "epsilon"}
CLASSES = {"SGD": mg.SGD, "Adam": mg.Adam, "AdamW": mg.AdamW, "RMSprop": mg.RMSprop}


@pytest.fixture(scope="module")
def problem() -> dict[str, Array]:
    """The function that PyTorch walked down; see make_optimizers.py."""
    with np.load(FIGURES / "optimizers.npz", allow_pickle=False) as archive:
        return {name: archive[name] for name in ("A", "b", "quartic", "offset", "start", "steps")}


def schedule_of(about: dict[str, Any]) -> Schedule | None:
    """Our schedule for a case's torch.optim.lr_scheduler, whose ``eta_min`` is a rate and not a factor of one."""
    options, rate = about["schedule_options"], about["options"]["lr"]
    match about["schedule"]:
        case None:
            return None
        case "StepLR":
            return StepDecay(**options)
        case "CosineAnnealingLR":
            return Cosine(minimum=options["eta_min"] / rate)
        case "WarmupCosine":
            return Cosine(
                minimum=options["eta_min"] / rate, warmup=options["warmup"], warmup_start=options["start_factor"]
            )
    return Plateau(**options)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in figure_cases("optimizers")])
def test_every_path_is_pytorchs(case: Case, problem: dict[str, Array]) -> None:
    options = {OURS.get(key, key): value for key, value in case.about["options"].items()}
    optimizer, schedule = CLASSES[case.about["optimizer"]](**options), schedule_of(case.about)
    x, memory, steps = problem["start"].copy(), {}, len(case.arrays["rate"])
    state = optimizer.state(x)
    path, rates = [x.copy()], []
    for step in range(steps):
        gradient = problem["A"] @ x - problem["b"] + problem["quartic"] * x**3
        loss = x @ problem["A"] @ x / 2 - problem["b"] @ x + problem["quartic"] * (x**4).sum() / 4 + problem["offset"]
        if case.about["clip_norm"] is not None:
            clip(gradient, case.about["clip_norm"])
        rates.append(optimizer.learning_rate * (schedule.scale(step, steps, memory) if schedule else 1.0))
        optimizer.update(x, gradient, state, rates[-1])
        path.append(x.copy())
        if schedule is not None:
            schedule.watch(float(loss), memory)
    np.testing.assert_allclose(rates, case.arrays["rate"], rtol=1e-12)
    assert_close(np.array(path)[problem["steps"]], case.arrays["path"], 1e-10)


"""The optimizers that take one step at a time."""


def test_every_optimizer_and_schedule_has_figures() -> None:
    cases = figure_cases("optimizers")
    assert {CLASSES[case.about["optimizer"]] for case in cases} == {OPTIMIZERS.find(name) for name in OPTIMIZERS}
    followed = {type(schedule_of(case.about)) for case in cases} - {type(None)}
    assert followed == {member for name, member in SCHEDULES.items() if name != "constant"}


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_every_optimizer_goes_on_from_its_stored_state_to_the_same_bits(name: str) -> None:
    optimizer = OPTIMIZERS.find(name)(learning_rate=0.01, **({"momentum": 0.9} if name == "sgd" else {}))
    gradients = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)

    def walk(x: Array, state: dict[str, Array], gradients: Array) -> None:
        for gradient in gradients.copy():
            optimizer.update(x, gradient, state, optimizer.learning_rate)

    whole = np.ones(5, np.float32)
    walk(whole, optimizer.state(whole), gradients)
    broken = np.ones(5, np.float32)
    state = optimizer.state(broken)
    walk(broken, state, gradients[:3])
    again = {key: np.array(array) for key, array in state.items()}
    walk(broken, again, gradients[3:])
    assert broken.dtype == np.float32
    assert_exact(broken, whole)


def test_a_gradient_is_shortened_only_if_it_is_longer() -> None:
    gradient = np.array([3.0, 4.0])
    clip(gradient, 10.0)
    assert_exact(gradient, [3.0, 4.0])
    clip(gradient, 1.0)
    assert_close(gradient, [0.6, 0.8], 1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: mg.SGD(learning_rate=0.1, nesterov=True),
            "nesterov: found true (a boolean); expected a momentum above 0 beside it",
        ),
        (
            lambda: mg.SGD(learning_rate=0.1, momentum=1),
            "momentum: found 1 (an integer); expected a number of at least 0 and below 1",
        ),
        (
            lambda: mg.Adam(betas=(0.9, 1.0)),
            "betas: found [0.9, 1.0] (an array); expected two numbers of at least 0 and below 1, such as [0.9, 0.999]",
        ),
        (
            lambda: mg.Adam(eps=1e-8),
            "unknown key 'eps'; expected one of name, learning_rate, weight_decay, betas, epsilon; "
            "here it is called 'epsilon'",
        ),
        (
            lambda: mg.AdamW(weight_decay=-1),
            "weight_decay: found -1 (an integer); expected a number of at least 0",
        ),
    ],
)
def test_a_wrong_setting_is_told(make: Any, message: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        make()
    assert str(caught.value).endswith(message)


def test_the_figures_name_the_version_that_made_them() -> None:
    with np.load(FIGURES / "optimizers.npz", allow_pickle=False) as archive:
        assert json.loads(str(archive["cases"]))["torch"] >= "2"


def test_a_starting_rate_may_be_left_out_where_the_field_agrees_on_one() -> None:
    assert (mg.Adam().learning_rate, mg.AdamW().learning_rate, mg.RMSprop().learning_rate) == (0.001, 0.001, 0.01)
    with raises(
        DefinitionError, "learning_rate: missing key 'learning_rate': the step's length for a gradient of length 1"
    ):
        mg.SGD()
