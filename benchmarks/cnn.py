"""A small CNN as for digits: 200 training steps over batches of 64."""

from __future__ import annotations

from benchmarks.harness import Goal, Line, Row, agree, in_turns, timed
from benchmarks.programs import cnn_jax, cnn_minigraph, cnn_torch

STEPS = 200


def cnn() -> Row:
    """Row 5."""
    programs = {"minigraph": cnn_minigraph, "PyTorch eager": cnn_torch, "JAX jit": cnn_jax}
    runs = {name: program.training(STEPS) for name, program in programs.items()}
    agree({name: run() for name, run in runs.items()}, 1e-3)
    line = Line(f"{STEPS} steps", in_turns({name: timed(run) for name, run in runs.items()}, turns=9))
    goals = [Goal("times faster than PyTorch eager", line.ratio("PyTorch eager"), "at least", 2)]
    notes = [
        "1x16x16; conv 3x3 to 8, ReLU, max pool 2; conv 3x3 to 16, ReLU, max pool 2; dense to 10; mean squared error "
        "to one-hot targets, SGD. Eight batches take turns, so nothing can be kept from step to step. From the same "
        "first numbers, all sides saw the same losses. minigraph's side does not use mg.train, which draws its "
        "own order of samples: it runs the same plan, loss and optimizer. JAX's compilation is not in its time.",
    ]
    return Row("5. Small CNN: training, float32, batch 64", "s", [line], goals, notes)
