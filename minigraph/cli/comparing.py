"""``compare``: several runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from minigraph.cli.options import JsonOption
from minigraph.cli.output import Output


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="The folders of runs, finished or not.")],
    out: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Draw the losses: png, svg or pdf.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare runs: a table, and with -o one plot of their losses."""
    from minigraph.runs.comparison import labels, read_run
    from minigraph.wording import table

    read = [read_run(folder) for folder in dict.fromkeys(runs)]
    output = Output(as_json)
    rows = [
        (
            run.run,
            f"{run.optimizer} {run.learning_rate:g}",
            str(run.seed),
            f"{run.steps:,}",
            f"{run.loss_first:.4g}",
            f"{run.loss_final:.4g}",
            "" if run.best is None else f"{run.metric} {run.best:.4g}",
            "" if run.test is None else f"{run.test:.4g}",
            "" if run.seconds is None else f"{run.seconds:.2f}",
            run.end,
        )
        for run, _ in read
    ]
    columns = ("run", "optimizer", "seed", "steps", "loss first", "final", "best", "test", "seconds", "end")
    output.say(table(columns, rows, right=columns[2:6] + columns[7:9]))
    if out is not None:
        from minigraph.views.plots import plot_comparison

        named = zip(labels(run for run, _ in read), (losses for _, losses in read), strict=True)
        plot_comparison(dict(named), out, f"Losses of {len(read)} runs" if len(read) > 1 else "Loss")
        output.say(f"drawn in {out}")
    output.result({"runs": [run.plain() for run, _ in read]})
