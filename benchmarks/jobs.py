"""Whole jobs: bundled definitions trained as a user does, beside the same jobs in PyTorch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from benchmarks.harness import PAUSE, ROOT, THREADS, Goal, Line, Row

WORTH = {"digits": ("test_accuracy", 0.97), "denoise": ("test_psnr", 28.5), "photo_filter": ("kernel_error", 1e-3)}
"""What each job's end is judged by, and how good both sides have to be."""
TURNS = 3
Job = Callable[[], tuple[float, float, float]]
"""A whole process: its seconds, those of its training loop with the evaluations, and what its end is worth."""


def _timed(words: list[str], **environment: str) -> tuple[float, str]:
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *words],
        check=True,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    return time.perf_counter() - started, done.stdout


def minigraph_job(name: str, compiled: bool, threads: int) -> Job:
    """``train NAME``, without pictures."""

    def run() -> tuple[float, float, float]:
        with tempfile.TemporaryDirectory() as folder:
            words = ["cli.py", "train", name, "--no-plots", "--quiet", "--json", "--out", f"{folder}/run"]
            turned = {"MINIGRAPH_COMPILED": str(int(compiled)), "MINIGRAPH_NUM_THREADS": str(threads)}
            seconds, text = _timed(words, **turned)
            facts = json.loads(text)
            worth = facts["metrics"].get(WORTH[name][0])
            if worth is None:
                worth = _kernel_error(f"{folder}/run/weights.npz")
        return seconds, facts["seconds"], worth

    return run


def _kernel_error(weights: str) -> float:
    import numpy as np

    kernel = np.load(ROOT / "models" / "data" / "photo_filter.npz")["kernel"]
    return float(np.abs(np.load(weights)["filter.kernel"][0, 0] - kernel).max() / np.abs(kernel).max())


def torch_job(name: str, threads: int) -> Job:
    """The same job in PyTorch."""

    def run() -> tuple[float, float, float]:
        seconds, text = _timed(["-m", "benchmarks.programs.jobs_torch", name, str(threads)])
        loop, worth = map(float, text.split())
        return seconds, loop, worth

    return run


def compared(name: str, sides: dict[str, Job], turns: int = TURNS) -> tuple[Line, Line]:
    """A job's loop and its whole process, in turns; PyTorch's sides become the better one."""
    loops: dict[str, list[float]] = {side: [] for side in sides}
    wholes: dict[str, list[float]] = {side: [] for side in sides}
    key, least = WORTH[name]
    for _ in range(turns):
        for side, job in sides.items():
            time.sleep(PAUSE)
            whole, loop, worth = job()
            good = worth <= least if key == "kernel_error" else worth >= least
            assert good, f"{side}: {name} ends at a {key} of {worth:.4g}; expected one as good as {least}"
            loops[side].append(loop)
            wholes[side].append(whole)
    peers = [side for side in sides if side.startswith("PyTorch")]
    for figures in (loops, wholes) if peers else ():
        best = min(peers, key=lambda side: sorted(figures[side])[turns // 2])
        figures["PyTorch eager"] = figures[best]
        for side in peers:
            del figures[side]
    return Line(f"train {name}: the loop", loops), Line(f"train {name}: the process", wholes)


def jobs() -> Row:
    """Row 10."""
    lines, goals = [], []
    for name in WORTH:
        sides = {
            "minigraph": minigraph_job(name, True, THREADS),
            "minigraph, NumPy alone": minigraph_job(name, False, THREADS),
            **{f"PyTorch, {count}": torch_job(name, count) for count in (1, THREADS)},
        }
        for line, what in zip(compared(name, sides), ("loop", "process"), strict=True):
            lines.append(line)
            bound = 1.5 if name != "photo_filter" else 1.0
            goals.append(
                Goal(f"times faster than PyTorch eager, {name}, {what}", line.ratio("PyTorch eager"), "at least", bound)
            )
    notes = [
        "`python cli.py train NAME --no-plots` beside the same job as PyTorch's users write it "
        "(benchmarks/programs/jobs_torch.py): the same data, batches, epochs, optimizer, schedule and evaluations "
        "after each epoch; PyTorch on one thread or two, whichever is faster. Both ends were checked to be good.",
    ]
    return Row("10. Whole jobs: train digits, denoise and photo_filter, float32", "s", lines, goals, notes)
