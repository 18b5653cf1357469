"""The harness: sides that run in turn, and rows of what they took with the goals they have.

It imports nothing that is measured, so that :func:`hold_threads` comes before all of that.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

ROOT = Path(__file__).parents[1]
THREADS = 2
PAUSE = 0.05
COMPILE_SECONDS = 180
"""How long ``torch.compile`` may take before a row goes on without it."""
ALONE = "NumPy alone"
"""Said of a side without the extra ``compiled``."""

Measure = Callable[[], float]
"""One turn of one side: it runs, and answers with seconds or bytes."""


def hold_threads(count: int = THREADS) -> None:
    """Hold this process, and those that it starts, to so many processors and as many threads in every library."""
    if hasattr(os, "sched_setaffinity"):  # what JAX and BLAS count their threads by
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(count)


class Others:
    """How much of the held processors' time went to others than this process and its children, since it was made."""

    def __init__(self) -> None:
        self._begun = self._now()

    def share(self) -> float | None:
        """Between 0 and 1; None where the system does not tell."""
        elapsed, others = (now - then for now, then in zip(self._now(), self._begun, strict=True))
        return max(0.0, others / elapsed) if elapsed else None

    @staticmethod
    def _now() -> tuple[float, float]:
        """Seconds that the held processors have had, and those of them that neither we nor nobody used."""
        if not Path("/proc/stat").exists():
            return 0.0, 0.0
        held = {f"cpu{number}" for number in os.sched_getaffinity(0)}
        lines = (line.split() for line in Path("/proc/stat").read_text(encoding="ascii").splitlines())
        # user, nice, system, idle, waiting for a disk, interrupts (2), stolen by other machines
        ticks = [[int(cell) for cell in line[1:9]] for line in lines if line[0] in held]
        total = sum(map(sum, ticks)) / os.sysconf("SC_CLK_TCK")
        idle = sum(one[3] + one[4] for one in ticks) / os.sysconf("SC_CLK_TCK")
        return total, total - idle - sum(os.times()[:4])


# -- measuring ---------------------------------------------------------------------------------------


def timed(run: Callable[[], object], per: int = 1, shortest: float = 0.0) -> Measure:
    """The seconds of a run, divided by ``per``; it is repeated until ``shortest`` seconds are over.

    Where it is repeated, as many seconds go before that are not counted: after a pause it takes the system some
    hundredths of a second to spread threads over the processors, which a loop does not feel.
    """

    def measure() -> float:
        begun = time.perf_counter()
        while time.perf_counter() - begun < shortest:
            run()
        runs, started = 0, time.perf_counter()
        while True:
            run()
            runs += 1
            seconds = time.perf_counter() - started
            if seconds >= shortest:
                return seconds / (runs * per)

    return measure


def in_turns(sides: Mapping[str, Measure], turns: int) -> dict[str, list[float]]:
    """Each side's figures, A B A B; a turn before the first warms all up and is not counted.

    A pause before each lets threads of the last one, which wait for more work without sleeping, fall asleep.
    """
    figures: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(turns + 1):
        for name, measure in sides.items():
            time.sleep(PAUSE)
            figure = measure()
            if turn:
                figures[name].append(figure)
    return figures


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Raise TimeoutError in the block once it has taken so long."""

    def ring(*_: object) -> None:
        raise TimeoutError(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def agree(answers: Mapping[str, Iterable[Any]], tolerance: float) -> None:
    """Raise AssertionError unless all sides answer with the same arrays, within ``tolerance`` of the largest entry."""
    import numpy as np

    (first, expected), *others = answers.items()
    for name, found in others:
        for index, (one, other) in enumerate(zip(found, expected, strict=True)):
            one, other = np.asarray(one, float), np.asarray(other, float)
            off = np.abs(one - other).max() / np.abs(other).max()
            assert off <= tolerance, f"{name} is off {first} by {off:.2g} in array {index}; allowed {tolerance:g}"


@contextmanager
def numpy_alone() -> Iterator[None]:
    """Within it minigraph plans as without the extra ``compiled``."""
    from minigraph.convolution import choice
    from minigraph.steps import compiling, steps

    for module in (choice, steps):
        module.has_numba = lambda: False  # type: ignore[attr-defined]  # it is imported there by its name
    try:
        yield
    finally:
        for module in (choice, steps):
            module.has_numba = compiling.has_numba  # type: ignore[attr-defined]  # likewise


def python(*words: str) -> Callable[[], object]:
    """A whole Python process, from a cold start to its end; what it prints is thrown away."""
    return lambda: subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)


# -- what a row says -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One case of a row.

    Attributes:
        case: what is measured.
        figures: by side, one figure for each turn; every other side is compared with the first.
        remarks: further columns of the table.
    """

    case: str
    figures: Mapping[str, Sequence[float]]
    remarks: Mapping[str, str] = field(default_factory=dict)

    def median(self, side: str) -> float:
        """The median of a side's turns."""
        return statistics.median(self.figures[side])

    def ratio(self, side: str) -> float:
        """A side's median over that of the first side: how many times faster, or smaller, the first one is."""
        return self.median(side) / self.median(next(iter(self.figures)))


@dataclass(frozen=True)
class Goal:
    """What a row should reach, and what it did reach."""

    what: str
    measured: float
    sense: Literal["at least", "at most"]
    bound: float

    @property
    def reached(self) -> bool:
        """Whether the figure as measured, not as printed, keeps the bound."""
        return self.measured >= self.bound if self.sense == "at least" else self.measured <= self.bound


@dataclass(frozen=True)
class Row:
    """One benchmark: its cases, its goals, and what a reader has to know about how it was measured."""

    title: str
    unit: Literal["s", "B"]
    lines: Sequence[Line]
    goals: Sequence[Goal]
    notes: Sequence[str] = ()
