"""The main job's training step, as each library does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import minigraph as mg
from benchmarks.harness import COMPILE_SECONDS, Goal, Line, Row, agree, at_most, in_turns, timed
from benchmarks.programs import two_conv_jax, two_conv_torch
from benchmarks.programs.problems import TWO_CONV_RATE, two_conv

STEPS = 500
TEXTBOOK_STEPS = 20


def training(steps: int, engine: str) -> Callable[[], np.ndarray]:
    """``steps`` more steps of the bundled definition at each call; it answers with their losses."""
    x, target, parameters = two_conv()
    model = mg.load("two_conv", engine=engine)
    model.parameters.update(parameters)
    optimizer = mg.SGD(learning_rate=TWO_CONV_RATE)
    return lambda: mg.train(model, x, target, loss="sse", optimizer=optimizer, steps=steps).loss


def on_one_thread(run: Callable[[], Any]) -> Callable[[], Any]:
    """A run of PyTorch's on one thread, for which maps as small as these may be too small to share."""

    def alone() -> Any:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return run()
        finally:
            torch.set_num_threads(threads)

    return alone


def step() -> Row:
    """Row 1."""
    runs: dict[str, Callable[[], Any]] = {
        "minigraph": training(STEPS, "fast"),
        "PyTorch eager": two_conv_torch.training(STEPS),
        "PyTorch eager, 1 thread": on_one_thread(two_conv_torch.training(STEPS)),
        "torch.compile": two_conv_torch.training(STEPS, compiled=True),
        "JAX jit": two_conv_jax.training(STEPS),
        "JAX lax.scan": two_conv_jax.scanned(STEPS),
        "textbook loops": training(TEXTBOOK_STEPS, "naive"),
    }
    notes = [
        f"A turn is {STEPS} steps ({TEXTBOOK_STEPS} of the textbook's loops, which are minigraph's naive engine). From "
        "the same first numbers, all sides saw the same losses.",
        "Every side keeps the loss of each step: JAX as arrays, awaited after the last step, the others as numbers.",
        "minigraph's time has its planning in it; that of JAX and torch.compile has no compilation.",
        "Two threads are allowed to every side but the one that says otherwise.",
    ]
    losses = {}
    for name in list(runs):
        try:
            with at_most(COMPILE_SECONDS):
                losses[name] = np.array(runs[name](), float)  # compiles, where there is something to compile
        except Exception as error:
            if name != "torch.compile":
                raise
            del runs[name]
            notes.append(f"torch.compile does not work here: {type(error).__name__}.")
    agree({name: [loss[:TEXTBOOK_STEPS]] for name, loss in losses.items()}, 1e-9)
    agree({name: loss for name, loss in losses.items() if len(loss) == STEPS}, 1e-9)
    per = {name: len(loss) for name, loss in losses.items()}
    line = Line("one step", in_turns({name: timed(run, per[name]) for name, run in runs.items()}, turns=15))
    eager = min(line.ratio("PyTorch eager"), line.ratio("PyTorch eager, 1 thread"))
    goals = [
        Goal("times faster than PyTorch eager, on two threads or one as is faster", eager, "at least", 12),
        Goal("times faster than JAX jit called per step", line.ratio("JAX jit"), "at least", 1),
        Goal("times the time of a whole-loop JAX lax.scan", 1 / line.ratio("JAX lax.scan"), "at most", 4),
    ]
    return Row("1. two_conv: a training step, float64, batch 1", "s", [line], goals, notes)
