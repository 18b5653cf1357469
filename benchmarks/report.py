"""The report of a run: a Markdown table and a JSON, with the conditions under which it was made."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.harness import THREADS, Goal, Line, Row
from minigraph import __version__

LIBRARIES = ("numpy", "scipy", "numba", "torch", "jax")
QUIET = 0.05
"""The share of the processors' time that others may use without a warning."""

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


def row_of(facts: Mapping[str, Any]) -> Row:
    """A row from its plain values."""
    lines = [Line(line["case"], line["turns"], line["remarks"]) for line in facts["lines"]]
    goals = [Goal(*(goal[name] for name in ("what", "measured", "sense", "bound"))) for goal in facts["goals"]]
    return Row(facts["title"], facts["unit"], lines, goals, facts["notes"])


def conditions(command: str, threads: int = THREADS) -> dict[str, Any]:
    """When, on what and with which versions a run is made."""
    installed = {name: version(name) for name in LIBRARIES}
    return {
        "command": command,
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "processor": processor(),
        "threads": threads,
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
