"""Threads: the same work on 1, 2, 4, ... of them, and on more than there are processors, beside PyTorch on as many."""

from __future__ import annotations

import os

import torch

import minigraph as mg
from benchmarks.harness import Goal, Line, Row, in_turns, timed
from benchmarks.jobs import compared, minigraph_job, torch_job
from benchmarks.layers import LAYERS, torch_passes
from benchmarks.users_path import mean, planned_passes

TOO_MANY = 16
"""Threads, on a machine of fewer processors."""


def counts() -> list[int]:
    """1, 2, 4, ... up to the processors of this process."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return [count for count in (1, 2, 4, 8, 16, 32, 64) if count <= processors]


def _layers(count: int) -> dict[str, Line]:
    found = {}
    for layer in LAYERS:
        sides = {"minigraph": planned_passes(layer), "PyTorch eager": torch_passes(layer)}
        mg.set_threads(count)
        torch.set_num_threads(count)
        figures = in_turns({name: timed(run, shortest=0.05) for name, run in sides.items()}, turns=5)
        found[str(layer)] = Line(f"{layer}, {count} threads", figures)
    return found


def threads() -> Row:
    """Row 11."""
    found = {count: _layers(count) for count in counts()}
    lines, goals = [line for lines in found.values() for line in lines.values()], []
    bounds = {1: 0.6, 2: 0.6, 8: 0.7, 16: 0.85}
    for count, measured in found.items():
        ratios = [1 / line.ratio("PyTorch eager") for line in measured.values()]
        what = f"times PyTorch eager's time on {count} threads, geometric mean of the layers (worst {max(ratios):.2f})"
        goals.append(Goal(what, mean(ratios), "at most", bounds.get(count, 0.7)))
    if 2 in found:
        gains = [found[1][case].median("minigraph") / found[2][case].median("minigraph") for case in found[1]]
        what = "times faster on 2 threads than on 1, geometric mean of the layers"
        goals.append(Goal(what, mean(gains), "at least", 1.6))
    for name in ("digits", "denoise"):
        tried = [*found, *([TOO_MANY] if max(found) < TOO_MANY else [])]
        times = {}
        for count in tried:
            sides = {"minigraph": minigraph_job(name, True, count), "PyTorch": torch_job(name, count)}
            line = compared(name, sides, turns=1)[0]
            times[count] = line.median("minigraph")
            lines.append(Line(f"{line.case}, {count} threads", line.figures))
        slowest = max(tried, key=lambda count: times[count])
        goals.append(Goal(f"of its time on 1 thread, {name} on {slowest}", times[slowest] / times[1], "at most", 1.05))
    notes = [
        f"As many threads for both sides; {TOO_MANY} are more than there are processors where there are fewer. "
        "The layers are a planned step, the jobs the loop of `train`, once each.",
    ]
    return Row("11. Threads: layers and whole jobs on 1, 2, 4, ... of them, float32", "s", lines, goals, notes)
