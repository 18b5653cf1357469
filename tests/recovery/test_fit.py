"""Verdicts without a teacher: what noise, wrong graphs and too few data are called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, median_filter
from scipy.signal import correlate2d, lfilter

import minigraph as mg
from minigraph.data.loading import load_data
from minigraph.recovery.larger import ring_slopes
from tests.helpers import Array, assert_close, raises
from tests.recovery.cases import cascade, equations, random_map, teacher


def single(size: int, kernel_size: int, **attributes: Any) -> mg.Graph:
    graph = mg.Graph("single")
    image = graph.input("image", shape=(size, size))
    graph.output(graph.add("conv", mg.Conv(kernel_size=kernel_size, **attributes), image))
    return graph


def noise(size: int, seed: int = 0) -> Array:
    return np.random.default_rng([seed, 5]).normal(size=(size, size))


# What the data leave open


def test_fewer_equations_than_numbers_are_undetermined_however_well_they_are_met() -> None:
    found = mg.recover(single(8, 5), noise(8), noise(4))
    assert (found.verdict.name, found.recovered, found.loss < 1e-20) == ("undetermined", False, True)
    assert found.verdict.why.endswith(
        "the data tell 16 of the 26 combinations of parameters that the answers depend on: 10 directions of "
        "conv.kernel, conv.bias are open; 1 more sample as varied as noise would close them"
    )
    assert found.starts[0].verdict.name == "undetermined"


def test_as_many_equations_as_numbers_are_met_by_any_target() -> None:
    found = mg.recover(single(7, 2, bias=False, stride=3), noise(7), noise(2))
    assert found.fit is not None
    assert (found.fit.equations, found.fit.free, found.fit.exact) == (4, 4, True)
    assert found.verdict.name == "undetermined"
    assert "4 equations for 4 numbers: any target is met" in found.verdict.why


@pytest.mark.parametrize("taught", [False, True])
def test_a_constant_image_is_undetermined(taught: bool) -> None:
    graph = cascade()
    model = teacher(graph, 1)
    x = np.ones((20, 20))
    found = mg.recover(graph, x, model.forward(x), teacher=model.parameters if taught else None)
    assert (found.verdict.name, len(found.starts)) == ("undetermined", 1)
    assert "the data tell 1 of the 25 combinations" in found.verdict.why


def test_as_many_more_samples_as_are_told_close_what_is_open() -> None:
    graph = single(6, 3, stride=3)  # four answers a sample
    x = np.random.default_rng(0).normal(size=(3, 1, 6, 6))
    model = teacher(graph, 1)
    one = mg.recover(graph, x[:1], model.forward(x[:1]), teacher=model.parameters)
    assert "6 directions of conv.kernel, conv.bias are open; 2 more samples as varied as noise" in one.verdict.why
    assert mg.recover(graph, x, model.forward(x), teacher=model.parameters).verdict.name == "recovered"


def test_two_exact_ends_that_answer_other_data_differently_are_undetermined() -> None:
    """Near |x|, which ReLU(x) and ReLU(-x) make, a linear part can stand in either of two pairs."""
    graph = cascade(size=8, hidden=4, between=mg.ReLU(), kernel_size=2, stride=1)
    edge = np.array([[1.0, 2, 1], [0, 0, 0], [-1, -2, -1]])
    model = teacher(graph, 1, conv1=np.stack([edge, -edge, edge.T, -edge.T])[:, None], conv2=np.full((1, 4, 2, 2), 0.1))
    model.parameters["conv1.bias"] = 0.0
    x = np.random.default_rng(0).normal(size=(8, 1, 8, 8))
    found = mg.recover(graph, x, model.forward(x), teacher=model.parameters, restarts=12)
    assert found.verdict.name == "undetermined"
    assert found.starts[-1].verdict.name == "undetermined"  # and it stopped there


# Better than no filter


@pytest.mark.parametrize("seed", range(8))
def test_noise_is_never_fitted(seed: int) -> None:
    size = [8, 12, 16, 18, 20, 24, 28, 32][seed]
    for graph in (single(size, 5), single(size, 3, stride=2), cascade(size)):
        rows = graph.shapes[graph.outputs[0]][1]
        found = mg.recover(graph, noise(size, seed), noise(rows, seed + 100), seed=seed)
        assert found.verdict.name in ("misfit", "undetermined")


def test_noise_behind_relu_is_not_fitted() -> None:
    found = mg.recover(cascade(14, between=mg.ReLU()), noise(14), noise(5, 3), restarts=4)
    assert not found.recovered


def test_held_out_figures_are_of_targets_that_no_start_saw() -> None:
    assert mg.recover(single(9, 5), noise(9), noise(5)).fit.held_out is None  # type: ignore[union-attr]
    found = mg.recover(single(32, 5), noise(32), noise(28, 1))
    assert found.fit is not None
    assert found.fit.held_out is not None
    assert found.fit.held_out > found.fit.residual


# What is left over


def filtered(size: int = 40, kernel: int = 5, seed: int = 0) -> tuple[Array, Array]:
    x = noise(size, seed)
    return x, correlate2d(x, np.random.default_rng(seed).normal(size=(kernel, kernel)), mode="valid")


@pytest.mark.parametrize("decibels", [10, 30, 200])
def test_a_right_filter_is_fitted_down_to_its_noise(decibels: int) -> None:
    x, clean = filtered()
    found = mg.recover(single(40, 5), x, clean + clean.std() * 10 ** (-decibels / 20) * noise(36, 9))
    assert found.verdict.name == "fitted"
    assert found.verdict.why.endswith("the kernels of 3 of 3 starts agree")
    assert "free composite" not in found.verdict.why  # it is the kernel


def test_a_kernel_that_is_a_tap_too_small_is_a_misfit() -> None:
    x, clean = filtered(kernel=4)
    found = mg.recover(single(40, 3), x, np.pad(clean, ((0, 1), (0, 1)))[:38, :38])
    assert found.verdict.name == "misfit"
    assert "a ring of further taps explains" in found.verdict.why


def test_a_recursive_filter_behind_is_a_misfit() -> None:
    x, clean = filtered()
    assert mg.recover(single(40, 5), x, lfilter([1], [1, -0.5], clean)).verdict.name == "misfit"


def test_a_curve_behind_is_a_misfit() -> None:
    x, clean = filtered()
    found = mg.recover(single(40, 5), x, np.exp(clean / clean.std()))
    assert (found.verdict.name, "a curve of the answers explains" in found.verdict.why) == ("misfit", True)


def test_a_median_is_a_misfit_and_rounding_is_not() -> None:
    x = gaussian_filter(noise(64), 1.5)
    x = (x - x.min()) / (x.max() - x.min())
    blurred = correlate2d(x, np.full((3, 3), 1 / 9), mode="valid")
    found = mg.recover(single(64, 3), x, np.round(blurred * 255) / 255)
    assert found.verdict.name == "fitted"
    assert found.verdict.why.endswith(", as rounding of the targets makes it")
    graph = single(64, 5)
    assert mg.recover(graph, noise(64), median_filter(noise(64), 5)[2:-2, 2:-2]).verdict.name == "misfit"


def test_a_ring_of_zeros_changes_no_answer_and_has_slopes() -> None:
    graph = cascade(size=12, hidden=2, between=mg.ReLU(), dilation=2, kernel_size=2)
    model = teacher(graph, 3)
    x = {"image": random_map(12)[None, None]}
    target = {"conv2": np.zeros((1, *graph.shapes["conv2"]))}
    p = model.parameters.trainable.copy()
    own = equations(model, {"image": random_map(12)}, {"conv2": target["conv2"][0]})
    columns, ring = ring_slopes(model, x, target, own.kept, p)
    assert_close(columns, own.jacobian(p), 1e-12)
    assert ring.shape[1] == 2 * (25 - 9) + 2 * (16 - 4)
    assert np.abs(ring).max() > 0


def test_relu_between_has_its_rest_looked_at() -> None:
    graph = cascade(16, between=mg.ReLU(), kernel_size=2, stride=1)
    model = teacher(graph, 1)
    x = np.random.default_rng(0).normal(size=(1, 1, 16, 16))
    clean = model.forward(x)
    fine = mg.recover(graph, x, clean + 0.03 * clean.std() * noise(13), restarts=16)
    assert fine.verdict.name == "fitted"
    assert fine.fit is not None
    assert fine.fit.further_chance < 1
    behind = mg.recover(graph, x, lfilter([1], [1, -0.6], clean), restarts=16)
    assert not behind.recovered


# Agreement


def test_starts_agree_when_their_kernels_do() -> None:
    """Two kernels of one size commute: two factorisations, the same answers to any data."""
    graph = cascade(32, kernel_size=3, stride=1)
    x = random_map(32)
    found = mg.recover(graph, x, teacher(graph, 2).forward(x), restarts=24, every=True)
    assert found.verdict.name == "fitted"
    exact = sum(start.loss < 1e-15 for start in found.starts)
    assert 0 < found.successes < exact
    assert (
        f"the kernels of {found.successes} of 24 starts agree, other kernels of {exact - found.successes} answer any"
        in (found.verdict.why)
    )


def test_the_bundled_nonlinear_problem_is_recovered_and_keeps_its_memory() -> None:
    import resource

    definition = mg.Definition.load("conv_relu_sigmoid")
    data = load_data(definition, "float64", 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    found = mg.recover(definition.graph, data.inputs, data.targets, teacher=data.teacher, seed=1)
    pages = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    assert (found.verdict.name, found.seconds < 20) == ("recovered", True)
    assert pages < 1000 * sum(len(start.losses) for start in found.starts)  # 4 MB an evaluation; it was 20


def test_class_numbers_are_told_what_recover_is_for() -> None:
    graph = mg.Graph("scores")
    flat = graph.add("flat", mg.Flatten(), graph.input("x", shape=(2, 2)))
    graph.output(graph.add("scores", mg.Dense(out_features=3), flat))
    text = (
        "'scores': found class numbers (4); expected the answers themselves: recover finds the numbers behind maps or "
        "vectors that a graph can make, up to noise; a classifier is for train"
    )
    with raises(mg.DataError, text):
        mg.recover(graph, np.ones((4, 1, 2, 2)), np.array([0, 1, 2, 0]))
