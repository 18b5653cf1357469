"""The small CNN in minigraph: 200 steps over batches of 64, the loss of each kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import minigraph as mg
from benchmarks.programs.problems import CNN_RATE, digits
from minigraph.model.plan import Mirror, Plan
from minigraph.recipe.losses import LOSSES


def network() -> mg.Graph:
    """conv, ReLU, max pool, twice; then one dense layer."""
    graph = mg.Graph("digits", dtype="float32")
    last = graph.input("image", (1, 16, 16))
    for number, channels in ((1, 8), (2, 16)):
        convolution = mg.Conv(kernel_size=3, out_channels=channels, padding="same")
        last = graph.add(f"conv{number}", convolution, last)
        last = graph.add(f"relu{number}", mg.ReLU(), last)
        last = graph.add(f"pool{number}", mg.MaxPool(kernel_size=2), last)
    last = graph.add("flat", mg.Flatten(), last)
    graph.output(graph.add("score", mg.Dense(out_features=10), last))
    return graph


def training(steps: int) -> Callable[[], list[float]]:
    """``steps`` more steps at each call; it answers with their losses."""
    batches, first = digits()
    model = mg.Model(network())
    model.parameters.update(first)
    parameters = model.parameters.trainable
    gradient = np.zeros_like(parameters)
    plan = Plan(model, len(batches[0][0]), model.parameters.views_of(gradient))
    mirror = Mirror(plan)
    loss, optimizer = LOSSES.find("mse")(), mg.SGD(learning_rate=CNN_RATE)
    state = optimizer.state(parameters)

    def run() -> list[float]:
        losses = []
        with plan.blas_held():
            for step in range(steps):
                images, target = batches[step % len(batches)]
                plan.fill({"image": images})
                plan.forward()
                mirror.take()
                losses.append(loss.evaluate(mirror.outputs["score"], target, mirror.errors["score"]))
                mirror.give()
                plan.backward()
                optimizer.update(parameters, gradient, state, CNN_RATE)
        return losses

    return run


if __name__ == "__main__":
    print(training(200)()[-1])
