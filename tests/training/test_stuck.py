"""What is said of a run that came to nothing, in real small cases, and of a sound one: nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.optimize

import minigraph as mg
from minigraph.data.samples import fit_samples
from minigraph.graph.node import Node
from minigraph.recipe.losses import LOSSES
from minigraph.recipe.settings import TrainSection
from minigraph.runs.summary import summarize
from minigraph.training import Trainer, new_trainer, run_training
from minigraph.training.stuck import loss_of_the_best_constant, told_of
from minigraph.wording import figures
from tests.helpers import Array

N = 40
NORMAL = {"distribution": "normal"}
BEST = "the loss is no better than {}, that of the best constant answer (the same for all samples)"


def network(op: mg.Op, bias: bool = False, kernel: Any = NORMAL, dtype: str = "float64") -> mg.Model:
    """conv, ``op`` as "act", flat, y."""
    graph = mg.Graph("small", dtype=dtype)
    init = {"kernel": kernel}
    graph.add("conv", mg.Conv(kernel_size=2, out_channels=2), graph.input("x", shape=(3, 3)), init=init)
    graph.add("act", op, "conv")
    graph.add("flat", mg.Flatten(), "act")
    graph.output(graph.add("y", mg.Dense(out_features=1, bias=bias), "flat"))
    return mg.Model(graph, seed=0)


def images() -> tuple[Array, Array]:
    """Positive pictures, and targets that follow from them."""
    x = np.abs(np.random.default_rng(0).normal(size=(N, 1, 3, 3)))
    return x, 30 * x.sum(axis=(1, 2, 3))[:, None]


def begun(model: mg.Model, x: Array, y: Array, **given: Any) -> Trainer:
    settings = TrainSection(**{"loss": "mse", "optimizer": mg.SGD(learning_rate=1e-4), "steps": 200, **given})
    trainer = new_trainer(model, fit_samples(model.graph, settings.loss, x, y), None, settings)
    trainer.begin()
    return trainer


def told(model: mg.Model, x: Array, y: Array, **given: Any) -> list[str]:
    trainer = begun(model, x, y, **given)
    run_training(trainer)
    before = {name: array.copy() for name, array in {**model.parameters, **model.state}.items()}
    sentences = told_of(trainer, summarize(trainer, None, "fast", None).loss_final)
    for name, array in {**model.parameters, **model.state}.items():
        assert np.array_equal(array, before[name])
    return sentences


# What is said


@pytest.mark.parametrize("batch_size", [None, 7])
def test_a_network_that_the_first_step_kills_is_told_with_its_relu(batch_size: int | None) -> None:
    model, (x, y) = network(mg.ReLU()), images()
    sentences = told(model, x, y, optimizer=mg.SGD(learning_rate=1.0), batch_size=batch_size)
    largest = float(np.max([model.forward(x) is not None and model.values["conv"].max()]))
    assert largest < 0
    loss = float((y**2).mean())
    since = "" if batch_size else f" (the loss has been {figures(loss)} since step 1)"
    assert sentences == [
        f"the network is dead: all gradients are exactly 0 on all 40 training samples{since}",
        f"ReLU 'act' is dead: none of its inputs is positive, the largest is {largest:.6g}",
        BEST.format(figures(y.var())),
    ]


def test_a_network_that_was_dead_from_the_start_ends_where_it_began() -> None:
    sentences = told(network(mg.ReLU(), kernel=-1.0), *images())
    assert sentences[0].startswith("the network is dead: all gradients are exactly 0 on all 40 training samples (the ")
    loss = float((images()[1] ** 2).mean())
    assert f"the loss ended where it began: {figures(loss)} before the first update, {figures(loss)} now" in sentences


def test_a_bias_behind_a_dead_relu_learns_the_best_constant_answer_and_no_more() -> None:
    x, y = images()
    model = network(mg.ReLU(), bias=True, kernel=-1.0)
    sentences = told(model, x, y, optimizer=mg.SGD(learning_rate=0.1))
    assert model.parameters["y.bias"] == pytest.approx(y.mean())
    model.forward(x)
    largest = model.values["conv"].max()
    assert sentences == [
        BEST.format(figures(y.var())),
        f"ReLU 'act' is dead: none of its inputs is positive, the largest is {largest:.6g}",
    ]


def test_a_saturated_sigmoid_is_named_with_the_range_of_its_inputs() -> None:
    graph = mg.Graph("bce", dtype="float32")
    conv = graph.add("conv", mg.Conv(kernel_size=1), graph.input("x", shape=(1, 1)), init={"kernel": 1.0})
    graph.output(graph.add("sigmoid", mg.Sigmoid(), conv))
    x, target = np.linspace(30, 60, 4).reshape(4, 1, 1), np.array([0.0, 1, 0, 1]).reshape(4, 1, 1)
    # In float32 the sigmoid of 30 is 1, and its slope 0, whatever the target.
    sentences = told(mg.Model(graph), x, target, loss="bce", optimizer=mg.SGD(learning_rate=0.1))
    assert sentences[0].startswith("the network is dead: all gradients are exactly 0 on all 4 training samples")
    assert sentences[1] == "Sigmoid 'sigmoid' is saturated: it hands no error on, its inputs lie between 30 and 60"


def test_kernels_that_begin_at_0_are_named() -> None:
    graph = mg.Graph("zeros")
    x = graph.input("x", shape=(3, 3))
    for name, source in (("a", x), ("b", "a")):
        graph.add(name, mg.Conv(kernel_size=2, bias=False), source, init={"kernel": 0.0})
    graph.output("b")
    target = images()[1].reshape(N, 1, 1)
    sentences = told(mg.Model(graph), images()[0], target, optimizer=mg.SGD(learning_rate=0.1))
    assert sentences[0].startswith("the network is dead: ")
    assert sentences[1] == "Conv 'b' hands no error on: its kernel is 0 everywhere"


def test_a_rate_that_moves_nothing_is_told() -> None:
    x, y = images()
    loss = float((network(mg.Tanh(), bias=True).forward(x) - y).__pow__(2).mean())
    sentences = told(network(mg.Tanh(), bias=True), x, y, optimizer=mg.SGD(learning_rate=1e-300))
    assert (
        sentences[0] == f"the loss ended where it began: {figures(loss)} before the first update, {figures(loss)} now"
    )


def test_a_classifier_of_labels_without_a_pattern_is_no_better_than_their_shares() -> None:
    graph = mg.Graph("labels")
    graph.add("flat", mg.Flatten(), graph.input("x", shape=(2, 2)))
    graph.output(graph.add("y", mg.Dense(out_features=3), "flat"))
    y = np.repeat([0, 1, 2], [10, 20, 30])
    sgd = mg.SGD(learning_rate=1.0)
    sentences = told(mg.Model(graph), np.ones((60, 1, 2, 2)), y, loss="cross_entropy", optimizer=sgd, steps=500)
    shares = np.array([1, 2, 3]) / 6
    assert sentences == [BEST.format(figures(-(shares * np.log(shares)).sum()))]


# What is not said


@pytest.mark.parametrize("op", [mg.ReLU(), mg.Tanh(), mg.LeakyReLU()], ids=lambda op: type(op).__name__)
@pytest.mark.parametrize("given", [{}, {"batch_size": 7}, {"steps": 5}, {"steps": 1}], ids=str)
@pytest.mark.parametrize("rate", [1e-4, 1e-3])
def test_a_sound_run_is_told_nothing(op: mg.Op, given: dict[str, Any], rate: float) -> None:
    x, y = images()
    sgd = mg.SGD(learning_rate=rate, momentum=0.5)
    assert told(network(op, bias=True), x, y / 10, optimizer=sgd, **given) == []


def test_a_run_that_swings_towards_its_minimum_is_told_nothing_wherever_it_is_cut_short() -> None:
    x, y = images()
    for steps in range(1, 80):
        sgd = mg.SGD(learning_rate=2e-4, momentum=0.98)
        assert told(network(mg.LeakyReLU(), bias=True), x, y, optimizer=sgd, steps=steps) == []


def one(kernel: float, **node: Any) -> mg.Graph:
    graph = mg.Graph("one")
    graph.add("y", mg.Conv(kernel_size=1, bias=False), graph.input("x", shape=(1, 2)), init={"kernel": kernel}, **node)
    return graph


def test_an_exact_minimum_with_a_loss_left_is_not_dead() -> None:
    graph = one(3.0)
    graph.output("y")
    # y = 2x would leave differences 1 and -1, whose errors cancel: the gradient is exactly 0.
    x, target = np.array([[[[1.0, 1]]], [[[2.0, 2]]]]), np.array([[[[1.0, 3]]], [[[4.0, 4]]]])
    model = mg.Model(graph)
    model.parameters["y.kernel"] = 2.0
    trainer = begun(model, x, target)
    run_training(trainer)
    assert not trainer.has_gradient
    assert told_of(trainer, 0.5) == ["the loss ended where it began: 0.500000 before the first update, 0.500000 now"]


def test_a_dead_branch_beside_a_sound_one_is_not_told() -> None:
    graph = one(1.0)
    graph.add("off", mg.Conv(kernel_size=1, bias=False), "x", init={"kernel": -1.0})
    graph.add("relu", mg.ReLU(), "off")
    graph.declare("sum", Node(mg.Add(), ("y", "relu")))
    graph.output("sum")
    x = np.abs(np.random.default_rng(0).normal(size=(5, 1, 1, 2)))
    assert told(mg.Model(graph), x, 3 * x, optimizer=mg.SGD(learning_rate=0.01)) == []


@pytest.mark.parametrize("kernel", [2.0, 2.0 + 1e-12])
def test_a_run_that_begins_at_its_goal_is_told_nothing(kernel: float) -> None:
    graph = one(kernel)
    graph.output("y")
    x = np.random.default_rng(0).normal(size=(5, 1, 1, 2))
    assert told(mg.Model(graph), x, 2 * x, optimizer=mg.SGD(learning_rate=1e-300)) == []


def test_targets_that_are_all_the_same_have_no_constant_answer_to_beat() -> None:
    x = images()[0]
    assert loss_of_the_best_constant(begun(network(mg.ReLU()), x, np.full((N, 1), 7.0))) is None
    assert loss_of_the_best_constant(begun(network(mg.ReLU()), x[:1], np.array([[7.0]]))) is None


# mg.train


def test_mg_train_warns_of_a_dead_network_alone() -> None:
    x, y = images()
    model = network(mg.ReLU())
    with pytest.warns(
        UserWarning, match=r"^the network is dead: all gradients are exactly 0; ReLU 'act' is dead: none"
    ):
        mg.train(model, x, y, loss="mse", optimizer=mg.SGD(learning_rate=1.0), steps=20)
    mg.train(network(mg.ReLU(), bias=True), x, y, loss="mse", optimizer=mg.SGD(learning_rate=1e-300), steps=20)


# The best constant answer


@pytest.mark.parametrize("name", list(LOSSES))
@pytest.mark.parametrize("shape", [(3,), (3, 4, 5)], ids=str)
@pytest.mark.parametrize("classes", [False, True])
def test_the_best_constant_answer_is_scipys(name: str, shape: tuple[int, ...], classes: bool) -> None:
    loss, generator = LOSSES.find(name)(), np.random.default_rng(0)
    if classes and not loss.takes_classes:
        return
    target: Array = generator.random((7, *shape)) ** 2
    if classes:
        target = generator.integers(0, 3, (7, *shape[1:]))
    elif loss.takes_classes:
        target /= target.sum(axis=1, keepdims=True)
    best = loss.best_constant(target, 3)
    if best is None:
        pytest.skip(f"{name} tells no best constant answer")

    def value(constant: Array) -> float:
        answer = np.broadcast_to(constant.reshape(-1, *[1] * (len(shape) - 1)), (7, *shape)).copy()
        return loss.evaluate(answer, target, np.empty_like(answer))

    bounds = [(1e-9, 1 - 1e-9)] * 3 if name == "bce" else [(-9.0, 9.0)] * 3
    found = scipy.optimize.minimize(
        value,
        np.full(3, 0.5),
        method="Nelder-Mead",
        bounds=bounds,
        options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000},
    )
    assert value(best) <= found.fun + 1e-9
    assert value(best) == pytest.approx(found.fun, rel=1e-5)


# The command


def test_the_command_says_it_beside_the_same_loss(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from minigraph.cli import main

    x, y = images()
    np.savez(tmp_path / "data.npz", x=x, y=y)
    settings = TrainSection(loss="mse", optimizer=mg.SGD(learning_rate=1.0), steps=50)
    text = mg.Definition(network(mg.ReLU()).graph, None, settings)
    text.save(tmp_path / "dead.toml")
    words = ["train", str(tmp_path / "dead.toml"), "--data", str(tmp_path / "data.npz"), "--no-plots"]
    with pytest.raises(SystemExit) as left:
        main([*words, "--out", str(tmp_path / "run")])
    said = capsys.readouterr()
    lines = said.out.splitlines()
    loss = float((y**2).mean())
    assert left.value.code in (0, None)
    assert any(line.startswith("done: loss ") and f"-> {figures(loss)} in 50 steps" in line for line in lines)
    since = f"(the loss has been {figures(loss)} since step 1)"
    assert (
        f"warning: the network is dead: all gradients are exactly 0 on all 40 training samples {since}"
        in said.err.splitlines()
    )
