"""``sweep``: train a definition with every combination of some values, from several seeds each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from minigraph.cli.bar import live_bar
from minigraph.cli.options import (
    DataOption,
    EngineOption,
    JsonOption,
    ModelArgument,
    QuietOption,
    SchedulerOption,
    WorkersOption,
    load_definition,
    require_train,
)
from minigraph.cli.output import INTERRUPTED_STATUS, Output, complain
from minigraph.cli.words import parse_axes, parse_seeds
from minigraph.wording import figures

MOST_LINES = 100
"""So many runs have a line each."""

if TYPE_CHECKING:
    from minigraph.definition import Definition, Override
    from minigraph.runs.sweep_results import Run, Setting


def sweep(
    model: ModelArgument,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=V1,V2",
            help="Values to train with, e.g. train.optimizer.learning_rate=1e-5,1e-4; every combination of several.",
        ),
    ] = None,
    seeds: Annotated[str, typer.Option(metavar="SEEDS", help="A range, such as 0..19, or numbers: 3,5,8.")] = "0..9",
    engine: EngineOption = "fast",
    data: DataOption = None,
    workers: WorkersOption = None,
    scheduler: SchedulerOption = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The results' folder; a new runs/NAME/sweeps/NNN if left out.")
    ] = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train MODEL with every combination of values and seeds, and compare where they end."""
    from minigraph.convolution import find_engine
    from minigraph.executors.outcomes import BY_HAND
    from minigraph.runs import folder as runs
    from minigraph.runs.sweep import combinations
    from minigraph.runs.sweep import sweep as train_all

    def load(chosen: Sequence[Override]) -> Definition:
        definition = load_definition(model, chosen, data)
        require_train(definition)
        return definition

    output = Output(as_json, quiet)
    find_engine(engine)
    numbers = parse_seeds(seeds)
    settings = combinations(load, parse_axes(assignments or []), numbers)
    name = settings[0].definition.graph.name
    folder = runs.new_folder(f"{name}/sweeps", out)
    count = len(settings) * len(numbers)
    output.say(f"{name}: settings {len(settings)}, seeds {len(numbers)}, runs {count}, {engine} engine")
    try:
        with _reporting(output, settings, count) as report:
            result = train_all(settings, numbers, engine=engine, workers=workers, scheduler=scheduler, on_run=report)
    except BaseException:
        folder.rmdir()  # it is still empty
        raise
    result.write(folder)
    output.say(str(result))
    if len({repr(setting.definition.train and setting.definition.train.loss) for setting in settings}) > 1:
        output.say("the settings have losses of different kinds: their ranks compare what cannot be compared")
    output.say(f"results in {folder}: {', '.join(sorted(file.name for file in folder.iterdir()))}")
    output.result({**result.plain(), "out": str(folder)})
    if result.ended == BY_HAND:
        raise typer.Exit(INTERRUPTED_STATUS)
    if result.ended:
        complain(f"error: {result.ended}; {len(result.runs)} of {count} runs are in {folder}")
        raise typer.Exit(1)


@contextmanager
def _reporting(output: Output, settings: list[Setting], count: int) -> Iterator[Callable[[Run], None]]:
    """A function to be told each run, which has a line, above a live bar on a terminal; of more than a hundred every
    tenth part of them and those that diverged have one."""
    ended = 0

    def run_line(one: Run) -> str:
        found = one.summary
        where = f"{settings[one.setting].label}, seed {found.seed}"
        if found.diverged_at is not None:
            return f"{where}: diverged at step {found.diverged_at}"
        best = f", best validation loss {figures(one.judged)} at epoch {found.best.epoch}" if found.best else ""
        return f"{where}: loss {figures(found.loss_final)}{best}"

    def is_told(one: Run) -> bool:
        turn = ended * 10 // count > (ended - 1) * 10 // count
        return count <= MOST_LINES or turn or one.summary.diverged_at is not None

    if output.quiet:
        yield lambda one: None
    elif not output.stream.isatty():

        def line(one: Run) -> None:
            nonlocal ended
            ended += 1
            if is_told(one):
                output.say(f"{ended}/{count}  {run_line(one)}")

        yield line
    else:
        with live_bar(output, "run", count) as update:

            def report(one: Run) -> None:
                nonlocal ended
                ended += 1
                update(ended, run_line(one), [run_line(one)] if is_told(one) else [])

            yield report
