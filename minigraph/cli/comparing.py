"""``compare``: several runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from minigraph.cli.options import JsonOption
from minigraph.cli.output import Output
from minigraph.wording import figures


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="The folders of runs, finished or not.")],
    out: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Draw the losses: png, svg or pdf.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare runs: a table, and with -o one plot of their losses."""
    from minigraph.runs.comparison import read_run
    from minigraph.views.summary import table

    read = [read_run(folder) for folder in dict.fromkeys(runs)]
    output = Output(as_json)
    rows = [
        (
            run.run,
            f"{run.optimizer} {run.learning_rate:g}" if run.learning_rate is not None else run.optimizer,
            str(run.seed),
            f"{run.steps:,}",
            figures(run.loss_first),
            figures(run.loss_final),
            _figure(run.validation_loss),
            "" if run.best_step is None else f"{run.best_step:,}",
            "" if run.metric is None else f"{run.metric} {_figure(run.best)}",
            _figure(run.test),
            "" if run.seconds is None else f"{run.seconds:.2f}",
            run.end,
        )
        for run, _ in read
    ]
    columns = ["run", "optimizer", "seed", "steps", "loss first", "final", "best validation loss", "at step"]
    columns += ["metric", "test", "seconds", "end"]
    output.say(table(columns, rows, right=columns[2:8] + columns[9:11]))
    if any(run.best_step is not None for run, _ in read):
        output.say("metric and test: of the weights with the best validation loss (best.npz), where there are any")
    if out is not None:
        from minigraph.views.plots import plot_comparison

        title = f"Losses of {len(read)} runs" if len(read) > 1 else "Loss"
        finals = {run.run: run.loss_final for run, _ in read}
        plot_comparison({run.run: losses for run, losses in read}, out, title, finals)
        output.say(f"drawn in {out}")
    output.result({"runs": [run.plain() for run, _ in read]})


def _figure(value: float | None) -> str:
    return "" if value is None else figures(value)
