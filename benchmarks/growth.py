"""How the cost grows: with the size of the map, with the number of nodes, and of reading with both."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

import minigraph as mg
from benchmarks.harness import Goal, Line, Row, in_turns, timed
from benchmarks.report import quantity

SIDES = (20, 40, 80, 160, 320, 640)
NODES = (4, 8, 16, 32, 64, 128, 256)
STEPS = 100
READ, PLANNED = (1_000, 10_000), (100, 1_000)


def two_conv(side: int) -> mg.Graph:
    """The main job's graph on a map of ``side`` x ``side``."""
    graph = mg.Graph("two_conv")
    image = graph.input("image", (side, side))
    conv1 = graph.add("conv1", mg.Conv(kernel_size=3), image)
    graph.output(graph.add("conv2", mg.Conv(kernel_size=4, stride=2), conv1))
    return graph


def convolutions(nodes: int) -> mg.Graph:
    """``nodes`` equal convolutions of a map of 16x16, one after the other."""
    graph = mg.Graph("convolutions")
    last = graph.input("image", (16, 16))
    for index in range(nodes):
        last = graph.add(f"conv{index}", mg.Conv(kernel_size=3, padding="same"), last, init={"kernel": 1 / 9})
    graph.output(last)
    return graph


def training(graph: mg.Graph, steps: int) -> Callable[[], object]:
    """``steps`` steps at each call, too short ones to change what they cost."""
    model = mg.Model(graph, seed=0)
    x = np.random.default_rng(0).normal(size=next(iter(graph.inputs.values())))
    target = np.zeros_like(model.forward(x))
    optimizer = mg.SGD(learning_rate=1e-15)
    return lambda: mg.train(model, x, target, loss="sse", optimizer=optimizer, steps=steps)


def chain(nodes: int) -> mg.Graph:
    """``nodes`` ReLUs, one after the other."""
    graph = mg.Graph("chain")
    last = graph.input("image", (8, 8))
    for index in range(nodes):
        last = graph.add(f"node{index}", mg.ReLU(), last)
    graph.output(last)
    return graph


def fan(nodes: int) -> mg.Graph:
    """``nodes`` - 1 ReLUs side by side, and one Add of them all."""
    graph = mg.Graph("fan")
    image = graph.input("image", (8, 8))
    graph.output(graph.add("sum", mg.Add(), *(graph.add(f"node{i}", mg.ReLU(), image) for i in range(nodes - 1))))
    return graph


def line_through(work: Mapping[int, int], seconds: Mapping[int, float]) -> tuple[float, float, dict[int, float]]:
    """The fixed cost and the cost per piece of work that fit best, and how far each time is off, all relative."""
    times = np.array(list(seconds.values()))
    pieces = np.array([work[size] for size in seconds], float)
    # (fixed + each * pieces) / times is to be 1 everywhere.
    (fixed, each), *_ = np.linalg.lstsq(np.stack([1 / times, pieces / times], axis=1), np.ones(len(times)))
    off = times / (fixed + each * pieces) - 1
    return fixed, each, dict(zip(seconds, off.tolist(), strict=True))


def grown(
    case: str, piece: str, graphs: Mapping[int, mg.Graph], work: Mapping[int, int]
) -> tuple[list[Line], float, str]:
    """Lines of a training step at each size, the largest deviation from a straight line, and the line in words."""
    runs = {str(size): timed(training(graph, STEPS), per=STEPS, shortest=0.03) for size, graph in graphs.items()}
    figures = {int(size): turns for size, turns in in_turns(runs, turns=9).items()}
    fixed, each, off = line_through(work, {size: float(np.median(turns)) for size, turns in figures.items()})
    lines = [
        Line(
            case.format(size),
            {"minigraph": turns},
            {"work": f"{work[size]:,} {piece}s", "off the straight line": f"{off[size]:+.0%}"},
        )
        for size, turns in figures.items()
    ]
    said = f"{case.format('n')}: {quantity(fixed, 's')} + {quantity(each, 's')} a {piece} fits best."
    return lines, max(map(abs, off.values())), said


def tenfold(what: str, runs: Mapping[int, Callable[[], object]]) -> tuple[list[Line], Goal]:
    """Lines of a smaller and a ten times larger run, and the goal that the latter takes ten times as long."""
    figures = in_turns({str(nodes): timed(run, shortest=0.1) for nodes, run in runs.items()}, turns=5)
    lines = [
        Line(what, {"minigraph": turns}, {"work": f"{nodes:,} nodes"})
        for nodes, turns in zip(runs, figures.values(), strict=True)
    ]
    small, large = runs
    each = lines[1].median("minigraph") / lines[0].median("minigraph") * small / large
    return lines, Goal(f"times as long for each of {large:,} nodes as of {small:,}: {what}", each, "at most", 1.2)


def reading(build: Callable[[int], mg.Graph]) -> tuple[list[Line], Goal]:
    """The growth of loading, sorting and shape-checking a definition."""
    with tempfile.TemporaryDirectory() as folder:
        runs = {}
        for nodes in READ:
            path = Path(folder, f"{nodes}.toml")
            build(nodes).save(path)
            runs[nodes] = partial(read, path)
        return tenfold(f"load, sort and shape-check a {build.__name__}", runs)


def read(path: Path) -> object:
    """Load, sort and shape-check a definition."""
    return mg.Graph.load(path).shapes


def planning() -> tuple[list[Line], Goal]:
    """The growth of making a model and the plan of its training."""
    graphs = {nodes: convolutions(nodes) for nodes in PLANNED}
    for graph in graphs.values():
        graph.order  # noqa: B018  # sorted beforehand
    return tenfold("make a model and train one step", {nodes: partial(once, graph) for nodes, graph in graphs.items()})


def once(graph: mg.Graph) -> object:
    """Make a model and train it for one step."""
    return training(graph, 1)()


def growth() -> Row:
    """Row 7."""
    maps = {side: two_conv(side) for side in SIDES}
    work = {side: mg.summary(graph).multiply_adds for side, graph in maps.items()}
    map_lines, map_off, map_said = grown("two_conv step, map side {}", "multiply-add", maps, work)
    graphs = {nodes: convolutions(nodes) for nodes in NODES}
    node_lines, node_off, node_said = grown(
        "step of a chain of {} 3x3 convolutions", "node", graphs, {n: n for n in NODES}
    )
    lines = [*map_lines, *node_lines]
    goals = [
        Goal("largest relative distance from a straight line in the multiply-adds", map_off, "at most", 0.2),
        Goal("largest relative distance from a straight line in the nodes", node_off, "at most", 0.2),
    ]
    for more, goal in (planning(), reading(chain), reading(fan)):
        lines += more
        goals.append(goal)
    notes = [
        "A straight line is a fixed cost and a cost for each piece of work, fitted to relative errors.",
        "Multiply-adds are those of one forward.",
        f"A step is a {STEPS}th of a call of mg.train, which plans first.",
        map_said,
        node_said,
    ]
    return Row("7. Growth of the cost", "s", lines, goals, notes)
