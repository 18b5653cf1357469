"""Threads: the same work on 1, 2, 4, ... of them, and on more than there are processors, beside PyTorch on as many."""

from __future__ import annotations

import os
from collections.abc import Callable
from statistics import geometric_mean

import torch

import minigraph as mg
from benchmarks.harness import Goal, Line, Row, in_turns, timed
from benchmarks.jobs import compared, minigraph_job, torch_job
from benchmarks.layers import LAYERS, torch_passes
from benchmarks.programs import cnn_minigraph, cnn_torch
from benchmarks.users_path import planned_passes

TOO_MANY = 16
"""Threads, on a machine of fewer processors."""
BOUNDS = {1: 0.6, 2: 0.6, 8: 0.7, 16: 0.85}
"""Of PyTorch's time for the layers, by threads; else 0.7."""
STEPS = 200
SIDES = ("minigraph", "PyTorch eager")


def counts() -> list[int]:
    """1, 2, 4, ... up to the processors of this process."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return [count for count in (1, 2, 4, 8, 16, 32, 64) if count <= processors]


def _works(count: int, beside: bool) -> dict[str, Line]:
    """The lines of all work on so many threads, by what it is; ``beside``: with PyTorch's on as many."""
    found, words = {}, f"{count} thread{'s' * (count > 1)}"
    passes: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        str(layer): (planned_passes(layer), torch_passes(layer)) for layer in LAYERS
    }
    passes["small CNN"] = cnn_minigraph.training(STEPS), cnn_torch.training(STEPS)
    mg.set_threads(count)
    torch.set_num_threads(count)
    for case, runs in passes.items():
        sides = dict(zip(SIDES if beside else SIDES[:1], runs, strict=False))
        figures = in_turns({name: timed(run, shortest=0.05) for name, run in sides.items()}, turns=5)
        found[case] = Line(f"{case}, {words}", figures)
    for name in ("digits", "denoise"):
        jobs = {"minigraph": minigraph_job(name, True, count)}
        loop, _ = compared(name, {**jobs, "PyTorch": torch_job(name, count)} if beside else jobs)
        found[name] = Line(f"{loop.case}, {words}", loop.figures)
    return found


def threads() -> Row:
    """Row 11."""
    fit = counts()
    found = {count: _works(count, beside=True) for count in fit}
    if max(fit) < TOO_MANY:
        found[TOO_MANY] = _works(TOO_MANY, beside=False)
    cases, goals = [str(layer) for layer in LAYERS], []

    def times(case: str, count: int, of: int) -> float:
        """How long a case takes on so many threads, as a share of what it takes on others."""
        return found[count][case].median("minigraph") / found[of][case].median("minigraph")

    for count in fit:
        ratios = [1 / found[count][case].ratio("PyTorch eager") for case in cases]
        what = f"times PyTorch eager's time on as many threads, {count}: geometric mean of the layers"
        goals.append(
            Goal(f"{what} (worst {max(ratios):.2f})", geometric_mean(ratios), "at most", BOUNDS.get(count, 0.7))
        )
    if 2 in fit:
        gains = [times(case, 1, of=2) for case in cases]
        goals += [
            Goal(
                "times faster on 2 threads than on 1, geometric mean of the layers",
                geometric_mean(gains),
                "at least",
                1.6,
            ),
            Goal("times faster on 2 threads than on 1, the worst layer", min(gains), "at least", 1),
        ]
    for case in ("digits", "denoise", "small CNN"):
        slowest = max(found, key=lambda count: times(case, count, of=1))
        what = f"of its time on 1 thread, {case} on its slowest number, {slowest}"
        goals.append(Goal(what, times(case, slowest, of=1), "at most", 1.05))
    if max(fit) < TOO_MANY:
        for what, some in {"geometric mean of the layers": cases, "digits": ["digits"], "denoise": ["denoise"]}.items():
            beyond = geometric_mean([times(case, TOO_MANY, of=max(fit)) for case in some])
            goals.append(Goal(f"of the time on {max(fit)} threads, {what} on {TOO_MANY}", beyond, "at most", 1.2))
    notes = [
        f"As many threads for both sides; {TOO_MANY} are too many on purpose where there are fewer processors, and "
        "without PyTorch, whose threads then wait for each other for minutes. The layers are a planned step, the jobs "
        "the loop of `train`.",
    ]
    lines = [line for works in found.values() for line in works.values()]
    return Row("11. Threads: layers and whole jobs on 1, 2, 4, ... of them, float32", "s", lines, goals, notes)
