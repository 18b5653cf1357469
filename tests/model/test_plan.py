"""The plan that training runs on computes what the model's own passes compute, and shares memory only where it may."""

import numpy as np
import pytest

import minigraph as mg
from minigraph.model.plan import Plan
from minigraph.steps import steps
from tests.helpers import assert_close, assert_exact


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


@pytest.mark.parametrize("batch", [1, 3, 20])
@pytest.mark.parametrize("large", [False, True])
def test_a_plan_computes_what_the_models_own_passes_compute(
    batch: int, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        for name in ("FEW_NUMBERS", "FEW_PRODUCTS"):
            monkeypatch.setattr(steps, name, -1)
    model = mg.Model(rich_graph(), seed=0)
    generator = np.random.default_rng(1)
    inputs = {name: generator.normal(size=(batch, 2, 9, 8)) for name in "xz"}
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
    for name in model.graph.outputs:
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


def chain() -> mg.Graph:
    """Three convolutions with activations, whose values may lie over each other, and an Add that reads two of them."""
    graph = mg.Graph("chain")
    last = graph.input("x", (2, 8, 7))
    for index, op in enumerate((mg.ReLU(), mg.Sigmoid(), mg.ReLU())):
        conv = graph.add(f"conv{index}", mg.Conv(kernel_size=3, out_channels=2, padding="same"), last)
        last = graph.add(f"act{index}", op, conv)
    graph.output(graph.add("sum", mg.Add(), last, "act1"))
    return graph


def test_an_op_in_place_takes_no_memory_of_its_own_and_errors_take_each_others() -> None:
    model = mg.Model(chain(), seed=0)
    gradient = np.zeros_like(model.parameters.trainable)
    plan = Plan(model, {"x": np.ones((4, 2, 8, 7))}, model.parameters.views_of(gradient))
    for index in range(3):
        assert np.shares_memory(plan.values[f"conv{index}"], plan.values[f"act{index}"])
    assert not np.shares_memory(plan.values["act1"], plan.values["act2"])


def test_an_op_whose_input_others_read_leaves_it_as_it_is() -> None:
    graph = mg.Graph("read_twice")
    conv = graph.add("conv", mg.Conv(kernel_size=1), graph.input("x", (3, 3)))
    relu = graph.add("relu", mg.ReLU(), conv)
    graph.output(graph.add("sum", mg.Add(), relu, conv))
    model = mg.Model(graph, seed=1)
    x = np.random.default_rng(0).normal(size=(2, 1, 3, 3))
    plan = Plan(model, {"x": x}, {})
    plan.forward()
    assert not np.shares_memory(plan.values["conv"], plan.values["relu"])
    assert_close(plan.values["sum"], model.forward(x))


@pytest.mark.parametrize("count", [1, 20])
def test_maps_go_from_one_order_of_memory_to_the_other_and_back(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "BLOCK", 7)
    x = np.random.default_rng(0).normal(size=(count, 3, 4, 5))
    for few in (1 << 18, -1):
        monkeypatch.setattr(steps, "FEW_NUMBERS", few)
        held, back = np.full((3, 4, 5, count), np.nan), np.full(x.shape, np.nan)
        for step in [*steps.to_batch_last(held, x), *steps.from_batch_last(back, held)]:
            step()
        assert_exact(held, np.moveaxis(x, 0, -1))
        assert_exact(back, x)
