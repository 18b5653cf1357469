"""``recover``: find the kernels that made the data, from many starts, and say what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from minigraph.cli.bar import live_bar
from minigraph.cli.inspecting import identified
from minigraph.cli.options import (
    DataOption,
    JsonOption,
    ModelArgument,
    PlotsOption,
    QuietOption,
    SchedulerOption,
    SetOption,
    WorkersOption,
    load_definition,
    seed_of,
)
from minigraph.cli.output import INTERRUPTED_STATUS, Output, complain
from minigraph.cli.words import parse_assignments

if TYPE_CHECKING:
    from minigraph.recovery import Start


def recover(
    model: ModelArgument,
    restarts: Annotated[int, typer.Option(help="The most starts; it stops when the verdict is certain.")] = 64,
    solver: Annotated[str, typer.Option(metavar="auto|composite|lm|lbfgs", help="auto tells what it chose.")] = "auto",
    workers: WorkersOption = None,
    scheduler: SchedulerOption = None,
    seed: Annotated[int | None, typer.Option(help="Seeds the starts and drawn data.")] = None,
    data: DataOption = None,
    before: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Instead of MODEL's data: the input, of any size; png or npy.")
    ] = None,
    after: Annotated[Path | None, typer.Option(metavar="FILE", help="And what it should become.")] = None,
    analyse: Annotated[
        bool, typer.Option("--analyse", help="Only say what the data can tell; nothing is solved or written.")
    ] = False,
    every: Annotated[bool, typer.Option("--every", help="Run all starts, also when the verdict is certain.")] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The results' folder; a new runs/NAME/NNN if left out.")
    ] = None,
    assignments: SetOption = None,
    plots: PlotsOption = True,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Find the kernels that made MODEL's data: many starts, a second-order solver, a verdict."""
    from minigraph.data.loading import load_data
    from minigraph.errors import DataError
    from minigraph.recovery import recover as solve
    from minigraph.runs import folder as runs

    output = Output(as_json, quiet)
    pair = None
    if before is not None or after is not None:
        if before is None or after is None or data is not None:
            raise DataError("--before FILE --after FILE: expected both of them, and no --data beside them")
        pair = before, after
    definition = load_definition(model, parse_assignments(assignments), data, pair)
    chosen = seed_of(definition, seed)
    if analyse:
        facts = identified(definition, seed)
        output.say(f"{definition.graph.name}: {facts}")
        output.result(facts.plain())
        return
    samples = load_data(definition, "float64", chosen)
    folder = runs.new_folder(definition.graph.name, out)
    try:
        with _reporting(output, restarts) as report:
            recovery = solve(
                definition.graph,
                samples.inputs,
                samples.targets,
                teacher=samples.teacher,
                restarts=restarts,
                solver=solver,
                seed=chosen,
                workers=workers,
                scheduler=scheduler,
                every=every,
                on_start=report,
            )
    except BaseException:
        folder.rmdir()  # it is still empty
        raise
    runs.write_recovery(folder, definition, recovery, chosen)
    if plots:
        from minigraph.runs.pictures import write_recovery_pictures

        write_recovery_pictures(folder, definition, recovery, samples)
    output.say(str(recovery))
    output.say(f"results in {folder}: {', '.join(sorted(file.name for file in folder.iterdir()))}")
    output.result({**recovery.plain(), "name": definition.graph.name, "seed": chosen, "out": str(folder)})
    if recovery.ended:
        complain(f"ended early: {recovery.ended}")
    if recovery.interrupted:
        raise typer.Exit(INTERRUPTED_STATUS)
    if not recovery.recovered:
        raise typer.Exit(1)


@contextmanager
def _reporting(output: Output, restarts: int) -> Iterator[Callable[[Start], None]]:
    """A function to be told each start: it prints a line, below a live bar on a terminal."""

    def line(start: Start) -> str:
        return (
            f"start {start.index:{len(str(restarts - 1))}d}  {start.verdict.name:13}  loss {start.loss:<10.4g} "
            f"{len(start.losses)} evaluations"
        )

    if output.quiet or not output.stream.isatty():
        yield lambda start: output.say(line(start))
        return
    with live_bar(output, "start", restarts, beside="0 exact") as update:
        ended = successes = 0

        def report(start: Start) -> None:
            nonlocal ended, successes
            ended += 1
            successes += start.verdict.name in ("recovered", "fitted")
            update(ended, f"{successes} exact", [line(start)])

        yield report
