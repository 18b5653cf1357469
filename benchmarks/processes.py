"""Whole processes from a cold start: their time, their peak memory, and what starting alone costs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from benchmarks.harness import ROOT, Goal, Line, Measure, Row, in_turns, python, timed

Programs = dict[str, Callable[[], list[str]]]
"""By side: what follows ``python`` in its next run."""

PROGRAMS = "benchmarks.programs"
HEAVY = ("numpy", "matplotlib", "scipy", "pydantic")

PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""A process's peak counts the memory of the one that starts it, so a small process stands between."""

IMPORTED = f"""
import runpy, sys
sys.argv = ["cli.py", "--help"]
try:
    runpy.run_path("cli.py", run_name="__main__")
except SystemExit:
    print(*[name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
"""


@contextmanager
def main_job() -> Iterator[Programs]:
    """The main job as each side does it: 2,000 steps of two_conv, every loss kept."""
    with tempfile.TemporaryDirectory() as folder:
        runs = count()
        train = ["cli.py", "train", "models/two_conv.toml", "--no-plots", "--out"]
        yield {
            "minigraph": lambda: [*train, str(Path(folder, str(next(runs))))],
            "PyTorch eager": lambda: ["-m", f"{PROGRAMS}.two_conv_torch"],
            "JAX jit": lambda: ["-m", f"{PROGRAMS}.two_conv_jax"],
        }


def small_cnn() -> Programs:
    """The small CNN as each side does it: 200 steps over batches of 64."""
    return {
        "minigraph": lambda: ["-m", f"{PROGRAMS}.cnn_minigraph"],
        "PyTorch eager": lambda: ["-m", f"{PROGRAMS}.cnn_torch"],
        "JAX jit": lambda: ["-m", f"{PROGRAMS}.cnn_jax"],
    }


def seconds(words: Callable[[], list[str]]) -> Measure:
    """How long a program's next run takes."""
    return timed(lambda: python(*words())())


def peak(words: Callable[[], list[str]]) -> Measure:
    """The bytes that a program's next run had in memory at most."""

    def measure() -> float:
        command = [sys.executable, "-c", PEAK, sys.executable, *words()]
        printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT).stdout
        return int(printed) * (1 if sys.platform == "darwin" else 1024)  # macOS counts bytes, others kilobytes

    return measure


def process() -> Row:
    """Row 2."""
    with main_job() as programs:
        figures = in_turns({side: seconds(words) for side, words in programs.items()}, turns=7)
    line = Line("main job, 2,000 steps", figures)
    goals = [
        Goal("times faster than PyTorch eager", line.ratio("PyTorch eager"), "at least", 4),
        Goal("times faster than JAX jit called per step", line.ratio("JAX jit"), "at least", 2),
    ]
    notes = [
        "minigraph's side is `python cli.py train models/two_conv.toml --no-plots`, which also checks the definition "
        "and writes weights, history and summary; the others import, train and print the last loss "
        "(`benchmarks/programs/`). Everything is in the time: imports, compilation, the end of the process.",
    ]
    return Row("2. two_conv: the whole process from a cold start", "s", [line], goals, notes)


def memory() -> Row:
    """Row 6."""
    with main_job() as programs:
        cases = {"two_conv, 2,000 steps": programs, "small CNN, 200 steps": small_cnn()}
        lines = [
            Line(case, in_turns({side: peak(words) for side, words in sides.items()}, turns=3))
            for case, sides in cases.items()
        ]
    goals = [
        Goal(f"of PyTorch eager's peak, {line.case}", 1 / line.ratio("PyTorch eager"), "at most", 0.5) for line in lines
    ]
    notes = ["The largest resident set of the whole process, as the system tells at its end (ru_maxrss)."]
    return Row("6. Peak memory of whole processes", "B", lines, goals, notes)


def startup() -> Row:
    """Row 8."""
    commands = {
        "cli.py --help": ("cli.py", "--help"),
        "import numpy": ("-c", "import numpy"),
        "import minigraph.Model": ("-c", "import minigraph; minigraph.Model"),
        "import torch": ("-c", "import torch"),
        "import jax": ("-c", "import jax"),
    }
    line = Line("process", in_turns({name: timed(python(*words)) for name, words in commands.items()}, turns=9))
    imported = subprocess.run([sys.executable, "-c", IMPORTED], check=True, capture_output=True, text=True, cwd=ROOT)
    found = imported.stderr.split()
    goals = [
        Goal("times the time of python -c 'import numpy', for --help", 1 / line.ratio("import numpy"), "at most", 3),
        Goal(f"of {', '.join(HEAVY)} imported by --help", len(found), "at most", 0),
    ]
    notes = [f"--help imports {', '.join(found)}." if found else f"--help imports none of {', '.join(HEAVY)}."]
    return Row("8. Starting: whole processes that only import, or show --help", "s", [line], goals, notes)
