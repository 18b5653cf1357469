"""Graphs and teachers that the tests of recovery share."""

from __future__ import annotations

from typing import Any

import numpy as np

import minigraph as mg
from minigraph.arrays import canonical
from minigraph.recovery.equations import GraphEquations
from tests.helpers import Array

KERNELS = {
    "conv1.kernel": [[0, 0, 1], [0, 2, 0], [1, 0, 1]],
    "conv2.kernel": [[1, 0, 0, 1], [1, 0, 0, 1], [0, -1, -1, 0], [0, 1, 1, 0]],
}
SOBEL = np.outer([1, 2, 1], [1, 0, -1])
BINOMIAL = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


def cascade(size: int = 20, hidden: int = 1, between: Any = None, **second: Any) -> mg.Graph:
    """image -> conv1 3x3 -> (between) -> conv2 4x4, stride 2."""
    graph = mg.Graph("cascade")
    value = graph.input("image", shape=(size, size))
    value = graph.add("conv1", mg.Conv(kernel_size=3, out_channels=hidden), value)
    if between is not None:
        value = graph.add("between", between, value)
    graph.output(graph.add("conv2", mg.Conv(**{"kernel_size": 4, "stride": 2, **second}), value))
    return graph


def teacher(graph: mg.Graph, seed: int = 0, **kernels: Any) -> mg.Model:
    """A model of the graph with random biases too, and the given kernels by node."""
    model = mg.Model(graph, seed)
    for name in model.parameters:
        if name.endswith(".bias"):
            model.parameters[name] = np.random.default_rng(seed).normal(size=model.parameters[name].shape)
    for node, kernel in kernels.items():
        model.parameters[f"{node}.kernel"] = kernel
    return model


def random_map(size: int = 20, seed: int = 0) -> Array:
    return np.random.default_rng([seed, 9]).normal(1.0, 1.0, (size, size))


def equations(model: mg.Model, x: dict[str, Array], target: dict[str, Array]) -> GraphEquations:
    shapes = model.graph.shapes
    full = {name: canonical(array, shapes[name], name, "float64") for name, array in {**x, **target}.items()}
    return GraphEquations(model, {name: full[name] for name in x}, {name: full[name] for name in target})
