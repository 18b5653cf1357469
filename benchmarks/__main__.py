"""``python -m benchmarks``: run all rows, or the named ones, and write the table and the figures."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import harness, report

ROWS = {
    "step": "two_conv",
    "process": "processes",
    "layers": "layers",
    "large": "layers",
    "cnn": "cnn",
    "memory": "processes",
    "growth": "growth",
    "startup": "processes",
    "users_path": "users_path",
    "jobs": "jobs",
    "threads": "thread_counts",
    "few_samples": "layers",
    "one_thread": "variants",
    "avx2": "variants",
}
"""Every row's name, which is that of a function without arguments, and the file that has it."""

RESULTS = Path(__file__).with_name("results")


def main(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="ROW...", help=f"Any of {', '.join(ROWS)}; all when left out.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Of every side, if a row does not differ.")] = harness.THREADS,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where latest.md and latest.json go; benchmarks/results when all rows run, else they are not written.",
        ),
    ] = None,
) -> None:
    """Run minigraph and its peers side by side, in turn and on as many threads each."""
    chosen = names or list(ROWS)
    for name in chosen:
        if name not in ROWS:
            raise typer.BadParameter(f"found '{name}'; expected any of {', '.join(ROWS)}")
    missing = [library for library in report.LIBRARIES if report.version(library) == "not installed"]
    if missing:
        raise typer.BadParameter(f'{", ".join(missing)}: not installed; pip install -e ".[bench]"')
    if chosen != ["threads"]:  # which is about all that there are
        harness.hold_threads(threads)
    conditions = report.conditions(" ".join(["python -m benchmarks", *(names or [])]), threads)
    rows, others = [], harness.Others()
    for name in chosen:
        print(f"{name} ...", file=sys.stderr, flush=True)
        row = getattr(import_module(f"benchmarks.{ROWS[name]}"), name)()
        rows.append(row)
        print("\n".join(report.row_text(row)), end="\n\n", flush=True)
    print("\n".join(report.goals_table(rows)))
    conditions["others"] = others.share()
    print(f"\n{report.others_text(conditions['others'])}")
    if out or not names:
        files = report.write(rows, conditions, out or RESULTS)
        print(f"written: {', '.join(map(str, files))}", file=sys.stderr)


if __name__ == "__main__":
    typer.run(main)
