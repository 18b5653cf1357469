"""What no output needs is left alone by training: no gradient, no decay, no part in the gradient's length."""

import json
from pathlib import Path

import numpy as np
import pytest

import minigraph as mg
from minigraph.declared.base import Declared
from tests.helpers import assert_close, assert_exact

FIGURES = json.loads(Path(__file__).parents[1].joinpath("figures", "dead_parameters.json").read_text())


def with_dead_node(kernel: float) -> mg.Model:
    graph = mg.Graph("dead_beside_live")
    x = graph.input("x", (2, 2))
    graph.add("dead", mg.Conv(kernel_size=1), x)
    graph.output(graph.add("live", mg.Conv(kernel_size=1), x))
    model = mg.Model(graph, seed=0)
    model.parameters["live.kernel"] = FIGURES["start"][0]
    model.parameters["live.bias"] = FIGURES["start"][1]
    model.parameters["dead.kernel"] = kernel
    return model


@pytest.mark.parametrize("name", FIGURES["runs"])
def test_a_dead_parameter_moves_no_live_one_and_stays(name: str) -> None:
    optimizers: dict[str, Declared] = {
        "sgd": mg.SGD(learning_rate=0.01, momentum=0.9, weight_decay=0.1),
        "adam": mg.Adam(learning_rate=0.001, weight_decay=0.1),
        "adamw": mg.AdamW(learning_rate=0.001, weight_decay=0.1),
        "rmsprop": mg.RMSprop(learning_rate=0.001, weight_decay=0.1),
    }
    model = with_dead_node(1000.0)
    x, target = np.array(FIGURES["x"]), np.array(FIGURES["target"])
    mg.train(model, x, target, loss="mse", optimizer=optimizers[name], steps=200, clip_norm=1.0)  # type: ignore[arg-type]
    learned = [model.parameters["live.kernel"].item(), model.parameters["live.bias"].item()]
    assert_close(learned, FIGURES["runs"][name], 1e-10)
    assert_exact(model.parameters["dead.kernel"], [[[[1000.0]]]])


def test_a_parameter_that_a_dead_node_owns_and_a_live_one_shares_is_learned() -> None:
    graph = mg.Graph("shared")
    x = graph.input("x", (2, 2))
    graph.add("owner", mg.Conv(kernel_size=1), x)
    graph.output(graph.add("user", mg.Conv(kernel_size=1), x, share="owner"))
    model = mg.Model(graph, seed=0)
    before = model.parameters.flat.copy()
    mg.train(model, np.ones((2, 2)), np.zeros((2, 2)), optimizer=mg.SGD(learning_rate=0.01), steps=1)
    assert np.all(model.parameters.flat != before)


def test_a_batch_norm_that_no_output_needs_keeps_its_state() -> None:
    graph = mg.Graph("dead_norm")
    x = graph.input("x", (2, 2))
    graph.add("norm", mg.BatchNorm(), x)
    graph.output(graph.add("conv", mg.Conv(kernel_size=1), x))
    model = mg.Model(graph, seed=0)
    mg.train(model, np.ones((3, 1, 2, 2)), np.zeros((3, 1, 2, 2)), optimizer=mg.SGD(learning_rate=0.01), steps=3)
    assert_exact(model.state["norm.mean"], [0.0])
