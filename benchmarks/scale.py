"""Does reading and checking a definition stay linear in its nodes? 1,000 nodes against 10,000.

python -m benchmarks.scale
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import minigraph as mg

SIZES = (1_000, 10_000)


def chain(nodes: int) -> mg.Graph:
    """``nodes`` ReLUs, one after the other."""
    graph = mg.Graph("chain")
    last = graph.input("image", (8, 8))
    for index in range(nodes):
        last = graph.add(f"node{index}", mg.ReLU(), last)
    graph.output(last)
    return graph


def diamond(nodes: int) -> mg.Graph:
    """``nodes`` - 1 ReLUs side by side, and one Add of them all."""
    graph = mg.Graph("diamond")
    image = graph.input("image", (8, 8))
    graph.output(graph.add("sum", mg.Add(), *(graph.add(f"node{i}", mg.ReLU(), image) for i in range(nodes - 1))))
    return graph


def measure(path: Path) -> dict[str, float]:
    """Seconds to load, sort and shape-check a definition, to print its table, and to run it."""
    seconds: dict[str, float] = {}

    def timed(step: str, run: Callable[[], object]) -> None:
        started = time.perf_counter()
        run()
        seconds[step] = time.perf_counter() - started

    timed("load, sort, shapes", lambda: mg.Graph.load(path).shapes)
    graph = mg.Graph.load(path)
    timed("table", lambda: str(mg.summary(graph)))
    timed("model and forward", lambda: mg.Model(graph).forward([[1.0] * 8] * 8))
    return seconds


def main() -> None:
    """Print seconds at both sizes and their ratio; 10 is linear."""
    mg.Graph.load("two_conv").order  # noqa: B018  # the imports of the first use are not what is measured
    print(f"{'graph':8} {'step':20} {SIZES[0]:>8,} {SIZES[1]:>8,} {'ratio':>6}")
    with tempfile.TemporaryDirectory() as folder:
        for build in (chain, diamond):
            figures = []
            for size in SIZES:
                path = Path(folder, f"{size}.toml")
                build(size).save(path)
                runs = [measure(path) for _ in range(3)]
                figures.append({step: min(run[step] for run in runs) for step in runs[0]})
            for step, small in figures[0].items():
                large = figures[1][step]
                print(f"{build.__name__:8} {step:20} {small:8.3f} {large:8.3f} {large / small:6.1f}")


if __name__ == "__main__":
    main()
