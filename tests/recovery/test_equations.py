import numpy as np
import pytest

import minigraph as mg
from minigraph.recovery import equations as module
from minigraph.recovery.composite import Composite
from minigraph.recovery.equations import GraphEquations
from tests.helpers import assert_close, raises
from tests.recovery.cases import cascade, equations, random_map


def everything() -> mg.Graph:
    """Fan-out, groups, shared and frozen parameters, and ops whose parameters are not convolutions'."""
    graph = mg.Graph("everything")
    image = graph.input("image", shape=(2, 7, 8))
    wide = graph.add("wide", mg.Conv(kernel_size=[2, 3], out_channels=4, groups=2, padding="same"), image)
    act = graph.add("act", mg.Tanh(), wide)
    again = graph.add("again", mg.Conv(kernel_size=1, out_channels=4), act)
    graph.add("twice", mg.Conv(kernel_size=1, out_channels=4), again, share="again")
    graph.add("fixed", mg.Conv(kernel_size=3, out_channels=2, stride=2), "twice", trainable=False)
    up = graph.add("up", mg.ConvTranspose(kernel_size=2, out_channels=2, bias=False), "fixed")
    graph.add("both", mg.Add(), "fixed", "fixed")
    graph.add("flat", mg.Flatten(), up)
    graph.output("both", graph.add("score", mg.Dense(out_features=3), "flat"))
    return graph


def test_the_jacobian_is_the_slope_of_every_answer_along_every_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 2000)  # so that rows come in several chunks
    graph = everything()
    model = mg.Model(graph, seed=3)
    x = np.random.default_rng(0).normal(size=(3, 2, 7, 8))
    target = {name: np.random.default_rng(1).normal(size=(3, *graph.shapes[name])) for name in graph.outputs}
    system = equations(model, {"image": x}, target)
    p = model.parameters.trainable.copy()
    assert not any(name.startswith("fixed") for name in model.parameters.views_of(model.parameters.trainable))
    slopes = [(system.residual(p + h) - system.residual(p - h)) / 2e-6 for h in 1e-6 * np.eye(p.size)]
    assert_close(system.jacobian(p), np.array(slopes).T, 1e-8)
    loss, gradient = system.loss_and_gradient(p)
    residual = system.residual(p)
    assert loss == pytest.approx(residual @ residual, rel=1e-14)
    assert_close(gradient, 2 * residual @ system.jacobian(p))


def test_only_the_kept_equations_count() -> None:
    graph = cascade()
    model = mg.Model(graph, seed=1)
    inputs, targets = {"image": random_map()[None, None]}, {"conv2": np.ones((1, 1, 8, 8))}
    kept = np.array([3, 4, 60])
    every, some = GraphEquations(model, inputs, targets), GraphEquations(model, inputs, targets, kept)
    p = model.parameters.trainable.copy()
    assert_close(some.residual(p), every.residual(p)[kept])
    assert_close(some.jacobian(p), every.jacobian(p)[kept])
    assert_close(some.loss_and_gradient(p)[1], 2 * some.residual(p) @ some.jacobian(p))


def test_batch_norm_is_refused() -> None:
    graph = mg.Graph("normed")
    graph.output(graph.add("norm", mg.BatchNorm(), graph.input("image", shape=(4, 4))))
    with raises(
        mg.DefinitionError,
        "nodes.norm: found BatchNorm, whose answers depend on what it has seen in training; expected a graph without "
        "it: recovery needs answers that depend on the parameters alone",
    ):
        mg.recover(graph, np.ones((4, 4)), np.ones((4, 4)))


@pytest.mark.parametrize("hidden", [1, 2])
def test_a_cascade_of_two_is_bilinear(hidden: int) -> None:
    graph = cascade(hidden=hidden, out_channels=2)
    model = mg.Model(graph, seed=2)
    x, target = random_map()[None, None], np.random.default_rng(0).normal(size=(1, 2, 8, 8))
    composite = Composite(model)
    fit = composite.fit({"image": x}, target)
    quick = composite.equations(fit)
    assert type(quick).__name__ == "BilinearEquations"
    composite.__dict__["_bilinear"] = None
    slow = composite.equations(fit)
    assert type(slow).__name__ == "MixedEquations"
    p = np.random.default_rng(4).normal(size=model.parameters.trainable.size)
    assert_close(quick.residual(p), slow.residual(p))
    assert_close(quick.jacobian(p), slow.jacobian(p))
