import numpy as np
import pytest

import minigraph as mg
from minigraph.recovery.alignment import align, links, parameter_errors
from tests.helpers import assert_close
from tests.recovery.cases import cascade, teacher


def dense_head() -> mg.Graph:
    graph = mg.Graph("dense_head")
    value = graph.input("image", shape=(6, 6))
    value = graph.add("conv", mg.Conv(kernel_size=3, out_channels=3), value)
    value = graph.add("relu", mg.ReLU(), value)
    value = graph.add("flat", mg.Flatten(), value)
    value = graph.add("hidden", mg.Dense(out_features=4), value)
    value = graph.add("tanh", mg.Tanh(), value)
    graph.output(graph.add("score", mg.Dense(out_features=2), value))
    return graph


GRAPHS = {
    "linear": cascade(),
    "linear, two hidden channels": cascade(hidden=2),
    "relu": cascade(hidden=3, between=mg.ReLU()),
    "tanh": cascade(hidden=2, between=mg.Tanh()),
    "sigmoid": cascade(hidden=2, between=mg.Sigmoid()),
    "dense": dense_head(),
    "padded": cascade(padding=1),
}
FREEDOM = {
    "linear": [("linear", True)],
    "linear, two hidden channels": [("linear", True)],
    "relu": [("homogeneous", False)],
    "tanh": [("odd", False)],
    "sigmoid": [("order", False)],
    "dense": [("homogeneous", False), ("odd", False)],
    "padded": [("linear", False)],
}


@pytest.mark.parametrize("name", GRAPHS)
def test_links_tell_what_may_be_done_to_the_channels_between_two_nodes(name: str) -> None:
    assert [(link.freedom, link.biases) for link in links(GRAPHS[name])] == FREEDOM[name]


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_alignment_undoes_every_symmetry_and_changes_no_answer(name: str, seed: int) -> None:
    graph = GRAPHS[name]
    true = teacher(graph, seed)
    generator = np.random.default_rng(seed)
    disguised = {key: array.copy() for key, array in true.parameters.items()}
    for link in links(graph):
        matrix = np.roll(np.eye(link.channels), 1, axis=0)
        if link.freedom in ("linear", "odd"):
            matrix = matrix * generator.choice([-1.0, 1.0], link.channels)
        if link.freedom in ("linear", "homogeneous"):
            matrix = matrix * np.exp(generator.normal(size=link.channels))
        if link.freedom == "linear":
            matrix = matrix + 0.3 * generator.normal(size=matrix.shape)
        disguised = link.turned(disguised, matrix, np.linalg.inv(matrix))
        if link.biases:
            disguised = link.shifted(disguised, generator.normal(size=link.channels))
    assert max(parameter_errors(disguised, dict(true.parameters)).values()) > 1e-3
    x = generator.normal(size=(2, *graph.inputs["image"]))
    wanted = true.forward(x)
    other = mg.Model(graph, 0)
    for key, array in disguised.items():
        other.parameters[key] = array
    assert_close(other.forward(x), wanted, 1e-11)
    aligned = align(links(graph), disguised, dict(true.parameters))
    assert max(parameter_errors(aligned, dict(true.parameters)).values()) < 1e-11


def test_the_scale_of_a_single_node_is_no_symmetry() -> None:
    graph = mg.Graph("single")
    graph.output(graph.add("conv", mg.Conv(kernel_size=3), graph.input("image", shape=(5, 5))))
    true = teacher(graph)
    halved = {name: array / 2 for name, array in true.parameters.items()}
    aligned = align(links(graph), halved, dict(true.parameters))
    assert parameter_errors(aligned, dict(true.parameters), "kernel") == {"conv": pytest.approx(0.5)}


def test_a_negative_scale_is_no_symmetry_of_relu() -> None:
    graph = GRAPHS["relu"]
    true = teacher(graph)
    (link,) = links(graph)
    turned = link.turned(dict(true.parameters), -np.eye(3), -np.eye(3))
    aligned = align([link], turned, dict(true.parameters))
    assert max(parameter_errors(aligned, dict(true.parameters)).values()) > 0.5


def test_read_shared_and_frozen_nodes_have_no_links() -> None:
    def built(**second: object) -> mg.Graph:
        graph = mg.Graph("kept")
        image = graph.input("image", shape=(9, 9))
        graph.add("a", mg.Conv(kernel_size=3), image)
        graph.output(graph.add("b", mg.Conv(kernel_size=3), "a", **second))  # type: ignore[arg-type]
        return graph

    assert len(links(built())) == 1
    assert links(built(trainable=False)) == []
    assert links(built(share="a")) == []
    read = built()
    read.output("a")
    assert links(read) == []


def test_errors_are_relative_to_the_largest_of_the_teacher() -> None:
    learned = {"a.kernel": np.array([1.0, 4.0]), "a.bias": np.array([0.5]), "b.bias": np.array([0.25])}
    true = {"a.kernel": np.array([1.0, 5.0]), "a.bias": np.array([0.0]), "b.bias": np.array([0.0])}
    assert parameter_errors(learned, true) == {"a": 0.2, "b": 0.25}
    assert parameter_errors(learned, true, "kernel") == {"a": 0.2}
