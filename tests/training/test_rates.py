"""The learning rate that a diverged run suggests: tried from the same start, or not suggested; the weights stay."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigraph as mg
from minigraph.training import rates
from tests.helpers import Array
from tests.training.test_batches import network, samples
from tests.training.test_training import one_weight

SUGGESTED = re.compile(r"; try learning rate (\S+), with which the loss fell in (\d+) steps from step (\d+)$")


def diverged(model: mg.Model, *data: Any, **given: Any) -> mg.TrainingDiverged:
    with pytest.raises(mg.TrainingDiverged) as caught:
        mg.train(model, *data, **given)
    return caught.value


def suggested(error: mg.TrainingDiverged) -> tuple[float, int, int] | None:
    found = SUGGESTED.search(str(error))
    return None if found is None else (float(found[1]), int(found[2]), int(found[3]))


def line(scale: float) -> tuple[Array, Array]:
    return np.array([[1.0, 3]]) * scale, np.array([[2.0, 5]]) * scale


@pytest.mark.parametrize("scale", [1.0, 30.0, 3000.0])
def test_the_suggested_rate_lets_the_loss_fall_where_ten_times_as_much_does_not(scale: float) -> None:
    # sse of y = kx + b: the largest curvature is near 20 scale^2, so that rates from 0.1 / scale^2 on diverge.
    error = diverged(one_weight(), *line(scale), optimizer=mg.SGD(learning_rate=1.0), steps=500)
    found = suggested(error)
    assert found is not None and found[1:] == (100, 0)
    rate, steps, _ = found
    history = mg.train(one_weight(), *line(scale), optimizer=mg.SGD(learning_rate=rate), steps=steps)
    assert history.loss[-1] < history.loss[0]
    diverged(one_weight(), *line(scale), optimizer=mg.SGD(learning_rate=10 * rate), steps=2000)


def test_trying_leaves_weights_and_checkpoint_from_before_the_rise(tmp_path: Path) -> None:
    model, path = one_weight(), tmp_path / "run.npz"
    sgd = mg.SGD(learning_rate=1.0, momentum=0.9)
    error = diverged(model, *line(1.0), optimizer=sgd, steps=500, checkpoint=path)
    assert suggested(error) is not None
    assert model.parameters["y.kernel"].item() == 2.0
    with np.load(path) as kept:
        assert (int(kept["step"]), kept["parameters/y.kernel"].item()) == (0, 2.0)
    going_on = mg.SGD(learning_rate=0.001, momentum=0.9)
    history = mg.train(model, *line(1.0), optimizer=going_on, steps=500, checkpoint=path, resume=True)
    assert history.loss[-1] < history.loss[0] == error.history.loss[0]


def test_a_run_that_is_gone_on_with_tries_from_where_it_went_on(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    mg.train(one_weight(), *line(1.0), optimizer=mg.SGD(learning_rate=1e-3), steps=50, checkpoint=path)
    fast = mg.SGD(learning_rate=1.0)
    error = diverged(one_weight(), *line(1.0), optimizer=fast, steps=500, checkpoint=path, resume=True)
    assert suggested(error) == (0.01, 100, 50)


def test_batches_and_running_statistics_are_as_they_were() -> None:
    model, (x, y) = network(), samples()
    before = {name: array.copy() for name, array in {**model.parameters, **model.state}.items()}
    sgd = mg.SGD(learning_rate=1e9)
    error = diverged(model, x, np.eye(3)[y], loss="mse", optimizer=sgd, steps=60, batch_size=4)
    assert suggested(error) is not None
    for name, array in {**model.parameters, **model.state}.items():
        assert np.array_equal(array, before[name])


@pytest.mark.parametrize("x", [1e200, 1e9], ids=["the first loss is infinite", "no rate tried is small enough"])
def test_nothing_is_suggested_that_did_not_hold(x: float) -> None:
    error = diverged(one_weight(), *line(x), optimizer=mg.SGD(learning_rate=1.0), steps=50)
    assert "try" not in str(error)


def test_nothing_is_suggested_where_the_time_runs_out_before_enough_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "SECONDS", 0.0)
    assert suggested(diverged(one_weight(), *line(1.0), optimizer=mg.SGD(learning_rate=1.0), steps=500)) is None


def test_a_rate_that_ends_in_a_dead_network_is_not_suggested() -> None:
    graph = mg.Graph("dead")
    graph.add("conv", mg.Conv(kernel_size=1, bias=False), graph.input("x", shape=(1, 1)), init={"kernel": 0.5})
    graph.output(graph.add("relu", mg.ReLU(), "conv"))
    # kernel 0.5, target 1: at a rate of 100 the kernel is 100.5, then -19,799.5, so that the loss falls to 1 and stays.
    # At 10 it is likewise; at 1 it goes to and fro between 0.5 and 1.5.
    error = diverged(mg.Model(graph), [[1.0]], [[1.0]], optimizer=mg.SGD(learning_rate=1e4), steps=200)
    assert suggested(error) == (0.1, 100, 0)
