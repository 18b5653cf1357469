from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigraph as mg
from minigraph.data.loading import load_data
from minigraph.recovery import Start
from minigraph.recovery.equations import Equations
from minigraph.recovery.recover import certain
from minigraph.recovery.verdict import VERDICTS, Verdict, minimum
from tests.helpers import Array, raises
from tests.recovery.cases import BINOMIAL, SOBEL, cascade, random_map, teacher


def recovery(graph: mg.Graph, model: mg.Model, x: Array | None = None, **options: Any) -> mg.Recovery:
    x = random_map() if x is None else x
    return mg.recover(graph, x, model.forward(x), teacher=model.parameters, **options)


def assert_judged_right(found: mg.Recovery, model: mg.Model) -> None:
    """Called recovered only if the kernels of a cascade of single channels are the teacher's times one number."""
    if found.verdict.name == "recovered":
        for name in ("conv1.kernel", "conv2.kernel"):
            ours, theirs = found.parameters[name].ravel(), model.parameters[name].ravel()
            cosine = abs(ours @ theirs) / np.linalg.norm(ours) / np.linalg.norm(theirs)
            assert cosine == pytest.approx(1.0, abs=1e-10)


def test_the_bundled_problem_is_recovered() -> None:
    definition = mg.Definition.load("two_conv")
    data = load_data(definition, "float64", 0)
    found = mg.recover(definition.graph, data.inputs, data.targets, teacher=data.teacher)
    assert found.recovered
    assert found.verdict.name == "recovered"
    assert set(found.kernel_error) == {"conv1", "conv2"}
    assert max(found.kernel_error.values()) < 1e-12
    assert found.loss < 1e-20
    assert found.solver.name == "composite"
    assert found.successes == 1
    assert json.loads(json.dumps(found.plain()))["verdict"] == "recovered"


@pytest.mark.parametrize("solver", ["lm", "lbfgs"])
def test_each_solver_recovers_the_bundled_problem(solver: str) -> None:
    definition = mg.Definition.load("two_conv")
    data = load_data(definition, "float64", 0)
    found = mg.recover(definition.graph, data.inputs, data.targets, teacher=data.teacher, solver=solver)
    assert found.verdict.name == "recovered"
    assert max(found.kernel_error.values()) < 1e-9
    assert (found.solver.name, found.solver.why) == (solver, "as asked")


def test_random_maps_and_seeds_are_recovered_and_none_wrongly() -> None:
    verdicts: Counter[str] = Counter()
    for seed in range(20):
        graph = cascade()
        model = teacher(graph, seed)
        found = recovery(graph, model, random_map(seed=seed), seed=seed)
        verdicts[found.verdict.name] += 1
        assert_judged_right(found, model)
    assert verdicts == {"recovered": 20}


def test_a_positive_teacher_is_recovered() -> None:
    graph = cascade()
    generator = np.random.default_rng(2)
    model = teacher(graph, 2, conv1=generator.uniform(size=(3, 3)), conv2=generator.uniform(size=(4, 4)))
    found = recovery(graph, model)
    assert found.verdict.name == "recovered"
    assert_judged_right(found, model)


def test_another_exact_factorisation_is_called_equivalent() -> None:
    """Sobel's (1, 0, -1) is (1 - z)(1 + z): its 1 - z can change places with a 1 + z of the blur."""
    graph = cascade()
    model = teacher(graph, conv1=SOBEL, conv2=BINOMIAL)
    found = recovery(graph, model, restarts=8)
    assert found.verdict.name == "equivalent"
    assert not found.recovered
    assert found.kernel_error["conv1"] > 0.5
    assert found.loss < 1e-12
    assert {start.verdict.name for start in found.starts} <= {"equivalent", "not converged"}
    assert "the same answers to any data with other kernels" in found.verdict.why


def test_a_relu_between_is_recovered_by_levenberg_and_marquardt() -> None:
    graph = cascade(between=mg.ReLU())
    model = teacher(graph, 1)
    x = np.stack([random_map(seed=seed) for seed in range(2)])[:, None]
    found = recovery(graph, model, x)
    assert found.solver.name == "lm"
    assert found.solver.why == "no linear cascade ('between' is ReLU), and a Jacobian of 128 x 27 is small"
    assert found.verdict.name == "recovered"
    assert max(found.kernel_error.values()) < 1e-9


def test_channels_that_come_in_another_order_are_the_teachers() -> None:
    graph = cascade(hidden=2, between=mg.ReLU())
    model = teacher(graph, 5)
    x = np.random.default_rng(0).normal(size=(3, 1, 20, 20))
    found = recovery(graph, model, x, restarts=20)
    assert found.verdict.name == "recovered"
    assert max(found.kernel_error.values()) < 1e-9


def test_two_hidden_channels_without_anything_between_are_not_determined() -> None:
    """53 numbers make 37: whatever the kernels, their composite is the teacher's."""
    graph = cascade(hidden=2)
    found = recovery(graph, teacher(graph, 1), restarts=6)
    assert found.verdict.name == "equivalent"
    assert found.loss < 1e-18


def test_data_that_do_not_determine_the_kernels_are_told() -> None:
    graph = cascade(size=12)
    found = recovery(graph, teacher(graph, 1), random_map(12), restarts=6)
    assert (found.verdict.name, len(found.starts)) == ("undetermined", 1)
    assert found.verdict.why == (
        "the data tell 16 of the 25 combinations of parameters that the answers depend on: 9 directions of "
        "conv1.kernel, conv1.bias, conv2.kernel, conv2.bias are open; 1 more sample as varied as noise would close them"
    )


def test_a_teacher_that_the_graph_cannot_be_ends_in_a_minimum() -> None:
    graph = cascade()
    model = teacher(graph, 0)
    x = random_map()
    target = model.forward(x) + np.random.default_rng(0).normal(size=(8, 8))
    found = mg.recover(graph, x, target, teacher=model.parameters, restarts=6)
    assert found.verdict.name == "local minimum"
    assert found.successes == 0
    assert "no curvature is negative" in found.verdict.why


# Starts


def test_start_i_is_the_same_whatever_runs_beside_it() -> None:
    graph = cascade()
    model = teacher(graph, 4)
    short, long = (recovery(graph, model, restarts=count, every=True, seed=7) for count in (2, 4))
    assert len(long.starts) == 4
    for one, other in zip(short.starts, long.starts, strict=False):
        np.testing.assert_array_equal(one.parameters, other.parameters)
        np.testing.assert_array_equal(one.losses, other.losses)
    other = recovery(graph, model, restarts=2, every=True, seed=8)
    assert not np.array_equal(other.starts[0].losses[:1], short.starts[0].losses[:1])


@pytest.mark.parametrize("where", [{"workers": 2}, {"scheduler": "local", "workers": 2}], ids=["processes", "dask"])
def test_processes_and_a_cluster_end_in_the_same_bits(where: dict[str, Any]) -> None:
    graph = cascade()
    model = teacher(graph, 4)
    here, there = (
        recovery(graph, model, restarts=4, every=True),
        recovery(graph, model, restarts=4, every=True, **where),
    )
    assert [start.index for start in there.starts] == [0, 1, 2, 3]
    for one, other in zip(here.starts, there.starts, strict=True):
        np.testing.assert_array_equal(one.parameters, other.parameters)
        np.testing.assert_array_equal(one.losses, other.losses)
        assert one.verdict == other.verdict
    assert there.plain() | {"seconds": 0} == here.plain() | {"seconds": 0}


def test_the_search_stops_when_its_verdict_is_certain() -> None:
    graph = cascade()
    seen: list[int] = []
    found = recovery(graph, teacher(graph, 4), on_start=lambda start: seen.append(start.index))
    assert [start.verdict.name == "recovered" for start in found.starts] == [False] * (len(seen) - 1) + [True]
    assert seen == [start.index for start in found.starts]


def start(loss: float, verdict: str) -> Start:
    return Start(0, np.zeros(1), np.array([loss]), loss, Verdict(verdict, ""), {})


def alike(one: Array, other: Array) -> float:
    return 0.0


def apart(one: Array, other: Array) -> float:
    return 0.5


def test_without_a_teacher_three_starts_have_to_agree() -> None:
    low, high, exact = start(2.0, "local minimum"), start(3.0, "local minimum"), start(1e-29, "fitted")
    assert not certain([low, high, low], False, alike)
    assert certain([low, high, low, low], False, alike)
    assert certain([exact, high, exact, exact], False, alike)
    assert not certain([start(2.0, "not converged")] * 4, False, alike)
    assert not certain([low] * 4, True, alike)


def test_the_loss_alone_is_no_agreement() -> None:
    low, exact = start(2.0, "local minimum"), start(1e-29, "fitted")
    assert not certain([low] * 4, False, apart)
    assert certain([exact, exact], False, apart)  # undetermined: both fit, and differ on other data


def test_constants_as_initial_values_do_not_make_all_starts_alike() -> None:
    graph = mg.Graph("constant")
    value = graph.add("conv1", mg.Conv(kernel_size=3), graph.input("image", shape=(20, 20)), init={"kernel": 1.0})
    graph.output(graph.add("conv2", mg.Conv(kernel_size=4, stride=2), value, init={"kernel": 1.0}))
    assert recovery(graph, teacher(graph, 4, conv1=SOBEL + 1.0)).verdict.name == "recovered"


def test_an_interrupted_search_ends_with_what_it_found() -> None:
    graph = cascade()

    def interrupt(start: Start) -> None:
        if start.index == 1:
            raise KeyboardInterrupt

    found = recovery(graph, teacher(graph, 4), every=True, on_start=interrupt)
    assert found.interrupted
    assert [start.index for start in found.starts] == [0, 1]


# Without a teacher


def noisy(graph: mg.Graph, snr: float, size: int = 48, seed: int = 0) -> tuple[Array, Array]:
    x, clean = random_map(size), teacher(graph, seed).forward(random_map(size))
    noise = np.random.default_rng(1).normal(size=clean.shape)
    return x, clean + noise * clean.std() * 10 ** (-snr / 20)


def test_a_noisy_pair_is_fitted_down_to_its_noise() -> None:
    graph = cascade(size=48)
    x, target = noisy(graph, 30)
    found = mg.recover(graph, x, target)
    assert (found.verdict.name, found.recovered) == ("fitted", True)
    fit = found.fit
    assert fit is not None
    assert fit.snr == pytest.approx(30, abs=1.5)
    assert fit.free == 25
    assert fit.held_out == pytest.approx(fit.expected, rel=0.2)
    assert fit.composite is not None
    assert fit.composite <= fit.residual <= 1.1 * fit.composite
    assert abs(fit.neighbours) < 0.15
    assert fit.noise < 1e-12
    assert found.successes == 3


def test_an_exact_pair_is_fitted_without_a_rest() -> None:
    graph = cascade(size=48)
    model = teacher(graph, 2)
    x = random_map(48)
    found = mg.recover(graph, x, model.forward(x))
    assert found.verdict.name == "fitted"
    assert found.fit is not None
    assert found.fit.exact
    assert found.loss < 1e-18


def test_what_no_two_kernels_make_is_a_misfit() -> None:
    """A composite of full rank, which is no product, made the target: least squares beside tells."""
    graph = cascade(size=48)
    wide = mg.Graph("wide")
    wide.output(wide.add("conv", mg.Conv(kernel_size=6, stride=2), wide.input("image", shape=(48, 48))))
    x = random_map(48)
    target = mg.Model(wide, 3).forward(x)
    found = mg.recover(graph, x, target + 1e-3 * np.random.default_rng(0).normal(size=target.shape))
    assert not found.recovered
    assert found.verdict.name in ("misfit", "local minimum")
    assert "noise explains the difference with a probability of" in found.verdict.why


def test_noise_alone_is_a_misfit() -> None:
    graph = cascade(size=48)
    target = np.random.default_rng(0).normal(size=(22, 22))
    found = mg.recover(graph, random_map(48), target)
    assert found.verdict.name == "misfit"
    assert "noise is fitted as well with a probability of up to" in found.verdict.why
    assert len(found.starts) == 1


# Mistakes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"restarts": 0}, "restarts: found 0 (an integer); expected an integer of at least 1"),
        (
            {"solver": "lmm"},
            "solver: found 'lmm' (a string); expected one of auto, composite, lm, lbfgs; did you mean 'lm'?",
        ),
        (
            {"solver": "composite", "between": mg.ReLU()},
            "solver 'composite': found a graph that is no linear cascade ('between' is ReLU); expected Conv nodes in a "
            "row, unpadded after the first, or another solver: auto, lm, lbfgs",
        ),
        ({"workers": 0}, "workers: found 0 (an integer); expected an integer of at least 1"),
    ],
)
def test_a_wrong_option_is_told(options: dict[str, Any], message: str) -> None:
    graph = cascade(between=options.pop("between", None))
    with raises(mg.DefinitionError, message):
        mg.recover(graph, np.ones((20, 20)), np.ones((8, 8)), **options)


def test_a_graph_without_anything_to_train_is_told() -> None:
    graph = mg.Graph("fixed")
    graph.output(graph.add("conv", mg.Conv(kernel_size=3), graph.input("image", shape=(5, 5)), trainable=False))
    with raises(mg.DefinitionError, "the graph has nothing to train; expected a trainable parameter"):
        mg.recover(graph, np.ones((5, 5)), np.ones((3, 3)))


def test_unequal_numbers_of_samples_are_told() -> None:
    text = "inputs and targets need the same number of samples; found image has 2, target of conv2 has 1"
    with raises(mg.ShapeError, text):
        mg.recover(cascade(), np.ones((2, 1, 20, 20)), np.ones((8, 8)))


def test_a_teacher_of_another_graph_is_told() -> None:
    with pytest.raises(mg.DefinitionError, match=r"^unknown parameter 'conv3.kernel'"):
        mg.recover(
            cascade(), np.ones((20, 20)), np.ones((8, 8)), teacher={**teacher(cascade()).parameters, "conv3.kernel": 1}
        )
    with raises(mg.DataError, "teacher: 'conv2.bias' is missing; expected every parameter of the graph"):
        known = dict(teacher(cascade()).parameters)
        del known["conv2.bias"]
        mg.recover(cascade(), np.ones((20, 20)), np.ones((8, 8)), teacher=known)


# Minima


class Function(Equations):
    """A loss with a known gradient, as if it were a sum of squares."""

    def __init__(self, loss: Callable[[Array], float], gradient: Callable[[Array], Array]) -> None:
        self.loss, self.gradient = loss, gradient

    def residual(self, p: Array) -> Array:
        raise NotImplementedError

    def jacobian(self, p: Array) -> Array:
        raise NotImplementedError

    def loss_and_gradient(self, p: Array) -> tuple[float, Array]:
        return self.loss(p), self.gradient(p)


@pytest.mark.parametrize(
    ("curvature", "at", "verdict"),
    [
        ([2.0, 3.0], [0.0, 0.0], "local minimum"),
        ([2.0, 0.0], [0.0, 5.0], "local minimum"),
        ([2.0, -1.0], [0.0, 0.0], "not converged"),
        ([2.0, 3.0], [0.5, 0.0], "not converged"),
    ],
    ids=["bowl", "valley", "saddle", "slope"],
)
def test_a_minimum_has_no_gradient_and_no_negative_curvature(
    curvature: list[float], at: list[float], verdict: str
) -> None:
    diagonal = np.array(curvature)
    function = Function(lambda p: 1 + float(diagonal @ p**2), lambda p: 2 * diagonal * p)
    assert minimum(function, np.array(at)).name == verdict


def test_every_verdict_has_its_place() -> None:
    assert VERDICTS[0] == "recovered"
    assert len(set(VERDICTS)) == len(VERDICTS)
