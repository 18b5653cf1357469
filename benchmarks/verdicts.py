"""How often is each verdict wrong where there is no teacher? Pairs of noise, of real filters, and of other ones.

    python -m benchmarks.verdicts [--count N]

Every pair has a seed of its own. Noise: targets that have nothing to do with the input; none may be called fitted.
Real: a random filter of the graph's own form made the targets, with at least ten times as many equations as unknowns;
each should be fitted. Other: what the graph cannot be made them (kernels that are a tap larger, a recursive filter or a
curve behind), with noise of at most 5 %; none should be fitted.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Annotated

import numpy as np
import typer
from scipy.ndimage import gaussian_filter
from scipy.signal import lfilter

import minigraph as mg

Array = np.ndarray
Pair = tuple[mg.Graph, Array, Array]
GOALS = {"noise": 0.001, "real": 0.01}
TIMES = 10
"""A real filter has so many times as many equations as unknowns."""


def graph_of(sizes: list[int], stride: int, side: int, channels: int = 1, between: mg.Op | None = None) -> mg.Graph:
    """One Conv, or two in a row, the last one with the stride."""
    graph = mg.Graph("pair")
    value = graph.input("image", shape=(side, side))
    for number, size in enumerate(sizes):
        last = number == len(sizes) - 1
        conv = mg.Conv(kernel_size=size, stride=stride if last else 1, out_channels=channels if last else 1)
        value = graph.add(f"conv{number + 1}", conv, value)
        if not last and between is not None:
            value = graph.add("between", between, value)
    graph.output(value)
    return graph


def form(generator: np.random.Generator) -> dict[str, object]:
    """The sizes, stride and channels of a random graph: one Conv, or a cascade; one in fifty with ReLU between."""
    two = generator.random() < 0.5
    sizes = [int(size) for size in generator.integers(2, 5 if two else 6, 2 if two else 1)]
    between = mg.ReLU() if two and generator.random() < 0.04 else None
    channels = 1 if two else int(generator.integers(1, 3))
    return {"sizes": sizes, "stride": int(generator.integers(1, 3)), "channels": channels, "between": between}


def image(generator: np.random.Generator, side: int) -> Array:
    """White noise, or smooth, around a random mean."""
    smooth = generator.choice([0.0, 0.5, 1.0])
    picture = gaussian_filter(generator.normal(size=(side, side)), smooth)
    return picture / picture.std() + generator.normal()


def spoiled(generator: np.random.Generator, clean: Array, least: float) -> Array:
    """With white noise from ``least`` dB below on, rounded to 8 bits, or exact."""
    how = generator.random()
    if how < 0.1:
        return clean
    if how < 0.25:
        low, high = clean.min(), clean.max()
        return np.round((clean - low) / (high - low) * 255) / 255
    decibels = generator.uniform(least, 50)
    return clean + clean.std() * 10 ** (-decibels / 20) * generator.normal(size=clean.shape)


def noise(generator: np.random.Generator) -> Pair:
    """Targets of noise: normal, uniform, of heavy tails, whole numbers, or smooth."""
    chosen = form(generator)
    # With ReLU between, a start costs a thousand times as much: those stay small.
    graph = graph_of(side=int(generator.integers(8, 17 if chosen["between"] else 33)), **chosen)  # type: ignore[arg-type]
    shape = graph.shapes[graph.outputs[0]]
    kinds: list[Callable[[], Array]] = [
        lambda: generator.normal(size=shape),
        lambda: generator.uniform(size=shape),
        lambda: generator.standard_t(3, size=shape),
        lambda: np.round(generator.normal(scale=20, size=shape)),
        lambda: gaussian_filter(generator.normal(size=shape), [0, *[generator.choice([0.4, 0.7, 1.5])] * 2]),
    ]
    target = kinds[generator.integers(len(kinds))]()
    return graph, image(generator, graph.inputs["image"][1]), target + generator.normal()


def made(generator: np.random.Generator, graph: mg.Graph, x: Array) -> Array:
    """What the graph answers with random kernels and biases."""
    model = mg.Model(graph, 0)
    for name, array in model.parameters.items():
        model.parameters[name] = generator.normal(size=array.shape)
    return np.asarray(model.forward(x))


def real_form(generator: np.random.Generator) -> mg.Graph:
    """A graph with an input of the size that brings enough equations, or up to half as large again."""
    chosen = form(generator)
    side = 8
    while True:
        graph = graph_of(side=side, **chosen)  # type: ignore[arg-type]
        entries = int(np.prod(graph.shapes[graph.outputs[0]]))
        if entries >= TIMES * sum(int(np.prod(parameter.shape)) for parameter in graph.parameters.values()):
            return graph_of(side=int(side * generator.uniform(1, 1.5)), **chosen)  # type: ignore[arg-type]
        side += 1


def real(generator: np.random.Generator) -> Pair:
    """Targets of a filter of the graph's own form, down to 10 dB; of one Conv in four the true kernel is smaller."""
    graph = real_form(generator)
    x = image(generator, graph.inputs["image"][1])
    clean = made(generator, graph, x)
    if len(graph.order) == 1 and generator.random() < 0.25:
        model = mg.Model(graph, 0)
        kernel = generator.normal(size=model.parameters["conv1.kernel"].shape)
        kernel[..., -1, :] = 0
        model.parameters["conv1.kernel"] = kernel
        clean = np.asarray(model.forward(x))
    return graph, x, spoiled(generator, clean, 10)


def other(generator: np.random.Generator) -> Pair:
    """Targets of a kernel that is a tap larger, or with a recursive filter or a curve behind the graph's own."""
    graph = real_form(generator)
    side = graph.inputs["image"][1]
    x = image(generator, side)
    how = generator.integers(3)
    if how == 0:
        sizes = [int(graph.parameters[f"{name}.kernel"].shape[2]) for name in graph.order if name.startswith("conv")]
        last = graph.nodes[graph.outputs[0]].op
        assert isinstance(last, mg.Conv), "every graph here ends in one"
        between = mg.ReLU() if "between" in graph.nodes else None
        sizes[-1] += 1
        larger = graph_of(sizes, int(last.stride), side + 1, last.out_channels, between)  # type: ignore[arg-type]
        padded = np.pad(x, ((0, 1), (0, 1)), mode="reflect")
        clean = made(generator, larger, padded)
        rows, columns = graph.shapes[graph.outputs[0]][1:]
        clean = clean[..., :rows, :columns]
    else:
        clean = made(generator, graph, x)
        clean = clean / clean.std()
        clean = lfilter([1], [1, -generator.uniform(0.4, 0.8)], clean) if how == 1 else np.exp(clean)
    return graph, x, spoiled(generator, clean, 26)


def main(count: Annotated[int, typer.Option(help="Pairs of each kind.")] = 1000) -> None:
    """Print the table of the documentation."""
    print("| pairs | fitted | misfit | undetermined | local minimum | not converged | wrong | at most | minutes |")
    print("|---|---|---|---|---|---|---|---|---|")
    for number, make in enumerate((noise, real, other)):
        verdicts: Counter[str] = Counter()
        began = time.perf_counter()
        for seed in range(count):
            graph, x, target = make(np.random.default_rng([number, seed]))
            found = mg.recover(graph, x, target, seed=seed, restarts=8 if "between" in graph.nodes else 64)
            verdicts[found.verdict.name] += 1
            if found.recovered == (make is not real):
                print(
                    f"  {make.__name__} {seed}: {found.verdict.name}: {found.verdict.why}", flush=True, file=sys.stderr
                )
        wrong = count - verdicts["fitted"] if make is real else verdicts["fitted"]
        names = ("fitted", "misfit", "undetermined", "local minimum", "not converged")
        cells = [make.__name__, *(f"{verdicts[name]}" for name in names), f"{wrong / count:.1%}"]
        goal = f"{GOALS[make.__name__]:.1%}" if make.__name__ in GOALS else ""
        print(f"| {' | '.join(cells)} | {goal} | {(time.perf_counter() - began) / 60:.1f} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
