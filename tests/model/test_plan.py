"""Plans compute what the pairs of the ops compute, and share memory only where they may."""

import numpy as np
import pytest

import minigraph as mg
from minigraph.convolution import layer
from minigraph.model import plan as plan_module
from minigraph.model.plan import Plan
from minigraph.steps import steps, threads
from tests.helpers import Array, assert_close, assert_exact


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


def by_hand(
    model: mg.Model, arrays: dict[str, Array], errors: dict[str, Array], training: bool
) -> tuple[dict[str, Array], dict[str, Array], dict[str, Array]]:
    """Values, errors and gradients by the pairs of the ops alone, node by node: what every plan has to equal."""
    graph, contexts = model.graph, model.contexts(training)
    values, errors, gradients = dict(arrays), dict(errors), dict[str, Array]()
    for name in graph.order:
        node = graph.nodes[name]
        values[name] = node.op.forward(tuple(values[source] for source in node.inputs), contexts[name])
    for name in reversed(graph.order):
        if name not in errors:
            continue
        node = graph.nodes[name]
        inputs = tuple(values[source] for source in node.inputs)
        found = node.op.backward(errors[name], inputs, values[name], contexts[name])
        for source, error in zip(node.inputs, found.inputs, strict=True):
            errors[source] = errors.get(source, 0) + error
        for key, gradient in found.parameters.items():
            full_name = f"{graph.owner(name)}.{key}"
            gradients[full_name] = gradients.get(full_name, 0) + gradient
    return values, errors, gradients


def two_inputs(batch: int) -> dict[str, Array]:
    generator = np.random.default_rng(1)
    return {name: generator.normal(size=(batch, 2, 9, 8)) for name in "xz"}


@pytest.mark.parametrize("kept", ["fixed", "filled", "whole"])
@pytest.mark.parametrize("batch", [1, 3, 20])
@pytest.mark.parametrize("large", [False, True])
def test_a_plan_computes_what_the_pairs_of_the_ops_compute(
    batch: int, large: bool, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        for module in (steps, layer, plan_module):
            monkeypatch.setattr(module, "FEW_PRODUCTS", -1)
        monkeypatch.setattr(steps, "FEW_NUMBERS", -1)
    model, inputs = mg.Model(rich_graph(), seed=0), two_inputs(batch)
    shapes = model.graph.shapes
    upstream = {name: np.random.default_rng(2).normal(size=(batch, *shapes[name])) for name in model.graph.outputs}
    values, errors, wanted = by_hand(model, inputs, upstream, training=True)
    gradient = np.zeros_like(model.parameters.trainable)
    views = model.parameters.views_of(gradient)
    plan = Plan(model, batch, views, fixed=inputs if kept == "fixed" else None, whole=kept == "whole")
    assert all(one.layer.large == large for found in plan.convolutions.values() for one in found)
    for _ in range(2):
        if kept != "fixed":
            plan.fill(inputs)
        plan.forward()
        for name, error in plan.prepare_errors().items():
            error[...] = upstream[name]
        plan.backward()
    for name in values if kept == "whole" else model.graph.outputs:
        assert_close(plan.values[name], values[name])
    if kept == "whole":
        assert plan.errors.keys() == errors.keys()
        for name, error in errors.items():
            assert_close(plan.errors[name], error)
    assert {"frozen.kernel", "dead.kernel"}.isdisjoint(views)
    for name, view in views.items():
        assert_close(view, wanted[name])


@pytest.mark.parametrize("batch", [1, 5])
def test_a_plan_for_inference_shares_memory_and_answers_the_same(batch: int) -> None:
    model, inputs = mg.Model(rich_graph(), seed=0), two_inputs(batch)
    plan = Plan(model, batch, training=False)
    values, _, _ = by_hand(model, inputs, {}, training=False)
    for _ in range(2):
        plan.fill(inputs)
        plan.forward()
        for name in model.graph.outputs:
            assert_close(plan.values[name], values[name])
    assert "dead" not in plan.values
    assert plan.bytes < Plan(model, batch, training=False, whole=True).bytes


def test_a_step_follows_parameters_that_change() -> None:
    model = mg.load("two_conv", seed=0)
    x = np.random.default_rng(0).normal(size=(1, 1, 20, 20))
    plan = Plan(model, 1, fixed={"image": x})
    plan.forward()
    model.parameters["conv2.bias"] = 5.0
    plan.forward()
    assert_close(plan.values["conv2"], by_hand(model, {"image": x}, {}, False)[0]["conv2"])


@pytest.mark.parametrize(
    "op", [mg.ReLU(), mg.LeakyReLU(), mg.Sigmoid(), mg.GlobalAvgPool()], ids=lambda op: type(op).__name__
)
def test_numbers_beside_arrays_are_made_into_arrays_before_the_first_pass(op: mg.Op) -> None:
    graph = mg.Graph("numbers")
    graph.output(graph.add("op", op, graph.input("x", (2, 4, 4))))
    plan = Plan(mg.Model(graph, seed=0), 3, whole=True)
    plan.prepare_backward()
    arguments = [step.args for step in [*plan._forward, *plan._backward] if isinstance(step.func, np.ufunc)]
    assert arguments
    assert all(isinstance(argument, np.ndarray) for given in arguments for argument in given)


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
    plan = Plan(model, 4, model.parameters.views_of(gradient))
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
    plan = Plan(model, 2, model.parameters.views_of(np.zeros_like(model.parameters.trainable)), fixed={"x": x})
    plan.forward()
    assert not np.shares_memory(plan.values["conv"], plan.values["relu"])
    assert_close(plan.values["sum"], by_hand(model, {"x": x}, {}, True)[0]["sum"])


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


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(16, 2, 65, 64), (33, 3, 41, 37), (1200, 120), (8, 3, 90, 90)])
def test_large_maps_are_turned_in_compiled_squares(
    shape: tuple[int, ...], dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "STRIPE", 48)
    for count in (1, 2):
        monkeypatch.setattr(threads, "_chosen", count)
        x = np.arange(np.prod(shape), dtype=dtype).reshape(shape)
        held, back = np.full((*shape[1:], shape[0]), np.nan, dtype), np.full(shape, np.nan, dtype)
        work = [*steps.to_batch_last(held, x), *steps.from_batch_last(back, held)]
        for step in work:
            step()
        assert_exact(held, np.moveaxis(x, 0, -1))
        assert_exact(back, x)
    assert len(work) == 2 or shape[0] == 8
