"""The plan that training runs on computes what the model's own passes compute, in every way it may choose."""

import numpy as np
import pytest

import minigraph as mg
from minigraph.convolution import planned
from minigraph.convolution.geometry import Geometry
from minigraph.convolution.planned import PlannedConvolution
from minigraph.ops import OPS
from minigraph.ops.base import Slot
from minigraph.plan import Plan
from tests.helpers import Array, Case, assert_close, assert_exact, context, figure_cases

WAYS = {
    "small buffers": {"BUFFER_BYTES": 1},
    "large buffers": {"BUFFER_BYTES": 1 << 30},
    "convolved": {"FEW_PRODUCTS": 1 << 60},
    "scattered": {"FEW_PRODUCTS": -1},
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in WAYS[request.param].items():
        monkeypatch.setattr(planned, name, value)
    return str(request.param)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in figure_cases("conv")])
@pytest.mark.parametrize("fixed", [False, True])
def test_a_planned_convolution_answers_what_pytorch_answers(way: str, fixed: bool, case: Case) -> None:
    op = OPS.find("Conv")(**case.about["attributes"])
    (x,) = case.numbered("input")
    output = np.full_like(case.arrays["output"], np.nan)
    forward, backward = op.plan(Slot((x,), (fixed,), output, context(case.under("parameter"), "fast")))
    gradients = {name: np.full_like(array, np.nan) for name, array in case.under("parameter").items()}
    error = np.full_like(x, np.nan)
    steps = [*forward, *backward(case.arrays["error"], (error,), gradients)]
    for _ in range(3):
        for step in steps:
            step()
    assert_close(output, case.arrays["output"])
    assert_close(error, case.arrays["input_error0"])
    for name, wanted in case.under("gradient").items():
        assert_close(gradients[name], wanted)


@pytest.mark.parametrize("name", ["_convolved", "_scattered"])
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in figure_cases("conv")])
def test_both_ways_to_the_input_error_are_pytorchs(name: str, case: Case) -> None:
    op = OPS.find("Conv")(**case.about["attributes"])
    (x,), kernel = case.numbered("input"), case.arrays["parameter/kernel"]
    geometry: Geometry = op.geometry(x.shape[2:])  # type: ignore[attr-defined]  # Conv has it
    convolution = PlannedConvolution(x, kernel, np.empty_like(case.arrays["output"]), geometry, False)
    filled: Array = np.full_like(x, np.nan)
    getattr(convolution, name)(case.arrays["error"], filled)()
    assert_close(filled, case.arrays["input_error0"])


def test_an_input_that_changes_is_read_anew_and_a_fixed_one_is_not() -> None:
    x, kernel = np.ones((1, 1, 4, 5)), np.ones((1, 1, 2, 2))
    for fixed, wanted in ((False, 8.0), (True, 4.0)):
        answer, given = np.empty((1, 1, 3, 4)), x.copy()
        convolution = PlannedConvolution(given, kernel, answer, Geometry(), fixed)
        convolution.forward()
        given *= 2
        convolution.forward()
        assert_exact(answer, np.full((1, 1, 3, 4), wanted))


def rich_graph() -> mg.Graph:
    """Fan-out, sharing, a frozen node, two inputs, a dead branch, an output that is read on, most ops."""
    graph = mg.Graph("rich")
    x, z = graph.input("x", (2, 9, 8)), graph.input("z", (2, 9, 8))
    first = graph.add("first", mg.Conv(kernel_size=3, out_channels=2, padding="same"), x)
    again = graph.add("again", mg.Conv(kernel_size=3, out_channels=2, padding="same"), z, share="first")
    normal = graph.add("normal", mg.BatchNorm(), first)
    both = graph.add("both", mg.Add(), normal, again, normal)
    frozen = graph.add("frozen", mg.Conv(kernel_size=2, stride=2, out_channels=3), both, trainable=False)
    pooled = graph.add("pooled", mg.MaxPool(kernel_size=2, stride=1), frozen)
    up = graph.add("up", mg.ConvTranspose(kernel_size=3, stride=2, out_channels=2), pooled)
    joined = graph.add("joined", mg.Concat(), up, graph.add("gate", mg.Sigmoid(), up))
    graph.add("dead", mg.Conv(kernel_size=1), joined)
    flat = graph.add("flat", mg.Flatten(), graph.add("mean", mg.AvgPool(kernel_size=3), joined))
    graph.output(graph.add("dense", mg.Dense(out_features=3), flat), both)
    return graph


def test_a_plan_computes_what_the_models_own_passes_compute(way: str) -> None:
    model = mg.Model(rich_graph(), seed=0)
    generator = np.random.default_rng(1)
    inputs = {name: generator.normal(size=(3, 2, 9, 8)) for name in "xz"}
    arrays = dict(inputs)
    model.run(arrays, training=True)
    errors = {name: generator.normal(size=arrays[name].shape) for name in model.graph.outputs}
    upstream = {name: error.copy() for name, error in errors.items()}
    wanted = model.push(arrays, errors, training=True)
    gradient = np.zeros_like(model.parameters.trainable)
    views = model.parameters.views_of(gradient)
    plan = Plan(model, inputs, views)
    for _ in range(2):
        plan.forward()
        for name, error in upstream.items():
            plan.output_errors[name][...] = error
        plan.backward()
    for name in model.graph.order:
        assert_close(plan.values[name], arrays[name])
    assert "frozen.kernel" not in views
    for name, view in views.items():
        assert_close(view, wanted.get(name, np.zeros_like(view)))
    assert not views["dead.kernel"].any()


def test_a_step_follows_parameters_that_change() -> None:
    model = mg.load("two_conv", seed=0)
    x = np.random.default_rng(0).normal(size=(1, 1, 20, 20))
    plan = Plan(model, {"image": x}, {})
    plan.forward()
    model.parameters["conv2.bias"] = 5.0
    plan.forward()
    assert_close(plan.values["conv2"], model.forward(x))


def test_inputs_that_are_not_fixed_may_change_between_steps() -> None:
    model = mg.load("two_conv", seed=0)
    held, other = np.random.default_rng(0).normal(size=(2, 1, 1, 20, 20))
    plan = Plan(model, {"image": held}, {}, fixed=False)
    plan.forward()
    held[...] = other
    plan.forward()
    assert_close(plan.values["conv2"], model.forward(other))
