"""The harness: sides that run in turn, rows with the targets they have, and the two files that a run leaves.

It imports nothing that is measured, so that :func:`hold_threads` comes before all of that.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from minigraph import __version__

ROOT = Path(__file__).parents[1]
THREADS = 2
PAUSE = 0.05
QUIET = 0.05
LIBRARIES = ("numpy", "scipy", "torch", "jax")

Measure = Callable[[], float]
"""One turn of one side: it runs, and answers with seconds or bytes."""


def hold_threads() -> None:
    """Hold this process, and those that it starts, to THREADS processors and as many threads in every library."""
    if hasattr(os, "sched_setaffinity"):  # what JAX and BLAS count their threads by
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(THREADS)


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
    """The seconds of a run, divided by ``per``; it is repeated until ``shortest`` seconds are over."""

    def measure() -> float:
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


def agree(answers: Mapping[str, Sequence[Any]], tolerance: float) -> None:
    """Raise AssertionError unless all sides answer with the same arrays, within ``tolerance`` of the largest entry."""
    import numpy as np

    (first, expected), *others = answers.items()
    for name, found in others:
        for index, (one, other) in enumerate(zip(found, expected, strict=True)):
            one, other = np.asarray(one, float), np.asarray(other, float)
            off = np.abs(one - other).max() / np.abs(other).max()
            assert off <= tolerance, f"{name} is off {first} by {off:.2g} in array {index}; allowed {tolerance:g}"


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


# -- the table and the JSON ------------------------------------------------------------------------------

SCALES = {"s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns")), "B": ((1e6, "MB"), (1e3, "kB"), (1.0, "B"))}

HOW = (
    "Medians of turns in which all sides of a line ran one after the other (A B A B). In parentheses: the side's "
    "median over that of the first column, so above 1 the first column is the faster, or the smaller."
)


def quantity(figure: float, unit: str) -> str:
    """A figure with three digits in the unit that suits it.

    >>> quantity(0.000_025_12, "s"), quantity(2.5e8, "B"), quantity(1234.5, "s")
    ('25.1 us', '250 MB', '1234 s')
    """
    scale, name = next((one for one in SCALES[unit] if abs(figure) >= one[0]), SCALES[unit][-1])
    return f"{digits(figure / scale)} {name}"


def digits(number: float) -> str:
    """A number with at least three digits and without an exponent."""
    return f"{number:.0f}" if abs(number) >= 1000 else f"{number:#.3g}".rstrip(".")


def grid(head: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table's lines."""
    return ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *body)]


def goals_table(rows: Sequence[Row]) -> list[str]:
    """What every row should reach and did reach."""
    body = [
        [row.title, goal.what, f"{goal.sense} {goal.bound:g}", digits(goal.measured), "yes" if goal.reached else "no"]
        for row in rows
        for goal in row.goals
    ]
    return grid(["row", "what", "to reach", "measured", "reached"], body)


def row_text(row: Row) -> list[str]:
    """A row's heading, table, goals and notes."""
    sides = list(dict.fromkeys(side for line in row.lines for side in line.figures))
    remarks = list(dict.fromkeys(name for line in row.lines for name in line.remarks))
    body = []
    for line in row.lines:
        cells = [line.case]
        for side in sides:
            if side not in line.figures:
                cells.append("-")
                continue
            ratio = "" if side == next(iter(line.figures)) else f" ({digits(line.ratio(side))})"
            cells.append(quantity(line.median(side), row.unit) + ratio)
        body.append([*cells, *(line.remarks.get(name, "-") for name in remarks)])
    reached = [
        f"- {goal.what}: {digits(goal.measured)}; to reach: {goal.sense} {goal.bound:g}; "
        + ("reached" if goal.reached else "**not reached**")
        for goal in row.goals
    ]
    notes = [f"- {note}" for note in row.notes]
    return [f"## {row.title}", "", *grid(["", *sides, *remarks], body), "", *reached, *notes]


def markdown(rows: Sequence[Row], conditions: Mapping[str, Any]) -> str:
    """The whole report."""
    versions = ", ".join(f"{name} {version}" for name, version in conditions["versions"].items())
    head = [
        "# Benchmarks",
        "",
        f"`{conditions['command']}`, {conditions['date']}. {conditions['processor']}, {conditions['threads']} threads "
        f"for every side, {conditions['system']}. {versions}.",
        "",
        f"{others_text(conditions['others'])} {HOW}",
    ]
    sections = [row_text(row) for row in rows]
    return "\n".join([*head, "", *goals_table(rows), *(line for section in sections for line in ("", *section)), ""])


def plain(rows: Sequence[Row], conditions: Mapping[str, Any]) -> dict[str, Any]:
    """The same as plain values for JSON, with the figure of every turn."""
    return {
        **conditions,
        "rows": [
            {
                "title": row.title,
                "unit": row.unit,
                "lines": [
                    {
                        "case": line.case,
                        "median": {side: line.median(side) for side in line.figures},
                        "ratio_to_first": {side: line.ratio(side) for side in line.figures},
                        "turns": {side: list(figures) for side, figures in line.figures.items()},
                        "remarks": dict(line.remarks),
                    }
                    for line in row.lines
                ],
                "goals": [{**vars(goal), "reached": goal.reached} for goal in row.goals],
                "notes": list(row.notes),
            }
            for row in rows
        ],
    }


def conditions(command: str) -> dict[str, Any]:
    """When, on what and with which versions a run is made."""
    installed = {name: version(name) for name in LIBRARIES}
    return {
        "command": command,
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "processor": processor(),
        "threads": THREADS,
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {"minigraph": __version__, "python": platform.python_version(), **installed},
    }


def others_text(share: float | None) -> str:
    """What to say of the work that went on beside a run."""
    if share is None:
        return "Whether other processes ran beside is not known."
    warning = "; run again on a quiet machine" if share > QUIET else ""
    return f"Other processes used {share:.0%} of the processors' time{warning}."


def version(library: str) -> str:
    """An installed library's version."""
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "not installed"


def processor() -> str:
    """The processor's name, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def write(rows: Sequence[Row], conditions: Mapping[str, Any], folder: Path, stem: str = "latest") -> tuple[Path, Path]:
    """Write STEM.md and STEM.json into ``folder``, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    report, figures = folder / f"{stem}.md", folder / f"{stem}.json"
    report.write_text(markdown(rows, conditions), encoding="utf-8")
    figures.write_text(json.dumps(plain(rows, conditions), indent=1) + "\n", encoding="utf-8")
    return report, figures
