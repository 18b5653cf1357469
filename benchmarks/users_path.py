"""The user's path: forward and backward of a Model, evaluations and predict, beside a planned step and PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from statistics import geometric_mean

import numpy as np
import torch

import minigraph as mg
from benchmarks.harness import ALONE, Goal, Line, Row, agree, in_turns, numpy_alone, timed
from benchmarks.layers import LAYERS, Layer, torch_passes
from minigraph.model.plan import Plan

Passes = Callable[[], tuple[object, ...]]


def network(layer: Layer) -> mg.Model:
    """A Model of a single Conv."""
    graph = mg.Graph("layer", dtype="float32")
    x = graph.input("x", (layer.C, layer.H, layer.W))
    op = mg.Conv(
        kernel_size=layer.kernel, out_channels=layer.out, stride=layer.stride, dilation=layer.dilation,
        groups=layer.groups, bias=False,
    )  # fmt: skip
    graph.output(graph.add("conv", op, x))
    model = mg.Model(graph, seed=0)
    model.parameters["conv.kernel"] = layer.draw()[1]
    return model


def users_passes(layer: Layer) -> Passes:
    """``forward`` and ``backward`` as a user calls them."""
    model, (x, _, error) = network(layer), layer.draw()

    def run() -> tuple[object, ...]:
        answer = model.forward(x, training=True)
        gradients = model.backward(error)
        return answer, gradients.parameters["conv.kernel"], gradients.inputs["x"]

    run()
    return run


def planned_passes(layer: Layer) -> Passes:
    """The same on a plan, as training runs it: nothing is copied in or out."""
    model, (x, _, error) = network(layer), layer.draw()
    gradients = model.parameters.views_of(np.zeros_like(model.parameters.flat))
    plan = Plan(model, layer.N, gradients, input_errors=True)
    plan.fill({"x": x})
    plan.prepare_errors()["conv"][...] = error
    plan.prepare_backward()

    def run() -> tuple[object, ...]:
        with plan.blas_held():
            plan.forward()
            plan.backward()
        return plan.values["conv"], gradients["conv.kernel"], plan.errors["x"]

    return run


def alone(passes: Callable[[Layer], Passes], layer: Layer) -> Passes:
    """The same planned and called as without the extra ``compiled``: copies are chosen only when they are made."""
    with numpy_alone():
        run = passes(layer)

    def run_alone() -> tuple[object, ...]:
        with numpy_alone():
            return run()

    return run_alone


def _line(layer: Layer) -> Line:
    sides = {"minigraph": users_passes(layer), "planned": planned_passes(layer), "PyTorch eager": torch_passes(layer)}
    sides |= {f"minigraph, {ALONE}": alone(users_passes, layer), f"planned, {ALONE}": alone(planned_passes, layer)}
    agree({name: run() for name, run in sides.items()}, 1e-4)
    line = Line(str(layer), in_turns({name: timed(run, shortest=0.1) for name, run in sides.items()}, turns=7))
    return replace(line, remarks={"of PyTorch eager's time": f"{1 / line.ratio('PyTorch eager'):.2f}"})


def _two_conv() -> Line:
    model, generator = mg.load("two_conv", seed=0), np.random.default_rng(0)
    x, error = generator.normal(size=(20, 20)), generator.normal(size=(8, 8))
    first, second = (torch.nn.Conv2d(1, 1, size, stride, dtype=torch.float64) for size, stride in ((3, 1), (4, 2)))
    peer = torch.nn.Sequential(first, second)
    with torch.no_grad():
        names = ("conv1.kernel", "conv1.bias", "conv2.kernel", "conv2.bias")
        for held, name in zip(peer.parameters(), names, strict=True):
            held.copy_(torch.tensor(model.parameters[name]))
    x_torch, error_torch = torch.tensor(x[None, None], requires_grad=True), torch.tensor(error[None, None])

    def ours() -> tuple[object, ...]:
        answer = model.forward(x, training=True)
        gradients = model.backward(error)
        return answer, gradients.parameters["conv1.kernel"], gradients.inputs["image"]

    def theirs() -> tuple[object, ...]:
        peer.zero_grad()
        x_torch.grad = None
        answer = peer(x_torch)
        answer.backward(error_torch)
        return answer.detach()[0, 0], first.weight.grad, x_torch.grad[0, 0]

    sides = {"minigraph": ours, "PyTorch eager": theirs}
    agree({name: run() for name, run in sides.items()}, 1e-9)
    return Line("two_conv, float64", in_turns({name: timed(run, shortest=0.1) for name, run in sides.items()}, turns=7))


def _answers() -> Line:
    """Answers of a network to many samples: predict, and the plan's forward that it runs on."""
    model, x = mg.load("digits", seed=0), np.random.default_rng(0).normal(size=(105, 1, 8, 8)).astype(np.float32)

    def planned() -> None:
        with model.inference(105) as plan, plan.blas_held():
            plan.forward()

    sides = {"predict": lambda: mg.predict(model, x), "planned forward": planned}
    figures = in_turns({name: timed(run, shortest=0.1) for name, run in sides.items()}, turns=7)
    return Line("predict of digits, 105 samples", figures)


def users_path() -> Row:
    """Row 9."""
    lines = [_line(layer) for layer in LAYERS]
    own = [line.median(f"minigraph, {ALONE}") / line.median(f"planned, {ALONE}") for line in lines]
    peers = {line.case: 1 / line.ratio("PyTorch eager") for line in lines}
    worst = max(peers, key=lambda case: peers[case])
    small, answers = _two_conv(), _answers()
    goals = [
        Goal(f"times the planned step, {ALONE}, geometric mean of the layers", geometric_mean(own), "at most", 1.3),
        Goal(
            "times PyTorch eager's time, geometric mean of the layers",
            geometric_mean([*peers.values()]),
            "at most",
            0.8,
        ),
        Goal(f"times PyTorch eager's time, the worst layer ({worst})", peers[worst], "at most", 1.15),
        Goal("microseconds for forward and backward of two_conv", 1e6 * small.median("minigraph"), "at most", 60),
        Goal("times faster than PyTorch eager, two_conv", small.ratio("PyTorch eager"), "at least", 1),
        Goal("times the planned forward, predict of digits", 1 / answers.ratio("planned forward"), "at most", 1.2),
    ]
    notes = [
        "`model.forward(x, training=True)` and `model.backward(error)`: arrays (N, C, H, W) in, new ones out, every "
        "value and every error kept. 'planned' runs the same passes on a plan and copies nothing in or out. "
        f"'{ALONE}' is without the extra `compiled`.",
    ]
    title = "9. The user's path: forward and backward of a Model, float32"
    return Row(title, "s", [*lines, small, answers], goals, notes)
