"""``train``: fit a definition's parameters and leave the results in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from minigraph.cli.options import (
    DataOption,
    EngineOption,
    JsonOption,
    ModelArgument,
    SetOption,
    load_definition,
    require_train,
)
from minigraph.cli.output import Output

if TYPE_CHECKING:
    from minigraph.data import Data
    from minigraph.model import Model

Report = Callable[[int, float], None]


def train(
    model: ModelArgument,
    steps: Annotated[int | None, typer.Option(help="How many updates.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The optimizer's rate.")] = None,
    optimizer: Annotated[str | None, typer.Option(metavar="NAME", help="The optimizer's name.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seeds the parameters and drawn data.")] = None,
    engine: EngineOption = "fast",
    data: DataOption = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The results' folder; a new runs/NAME/NNN if left out.")
    ] = None,
    assignments: SetOption = None,
    plots: Annotated[bool, typer.Option("--plots/--no-plots", help="Draw the pictures.")] = True,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Train MODEL as its file says, and write the weights, losses and pictures to a folder."""
    from minigraph import runs
    from minigraph.data import load_data
    from minigraph.errors import TrainingDiverged
    from minigraph.model import Model
    from minigraph.training import train as fit

    output = Output(as_json, quiet)
    definition = load_definition(
        model, assignments, data, steps=steps, learning_rate=learning_rate, optimizer=optimizer, seed=seed
    )
    require_train(definition)
    settings = definition.train
    assert settings is not None, "require_train has seen to it"
    network = Model(definition.graph, settings.seed, engine)
    samples = load_data(definition, network.dtype, settings.seed)
    folder = runs.new_folder(definition.graph.name, out)
    output.say(
        f"{definition.graph.name}: {len(definition.graph.order)} nodes, {network.parameters.flat.size} parameters, "
        f"{engine} engine, {network.dtype}, seed {settings.seed}"
    )
    diverged = None
    with _reporting(output, settings.steps, settings.log_every) as report:
        try:
            history = fit(
                network,
                samples.inputs,
                samples.targets,
                loss=settings.loss,
                optimizer=settings.optimizer,
                steps=settings.steps,
                on_step=report,
            )
        except KeyboardInterrupt:
            folder.rmdir()  # it is still empty
            raise
        except TrainingDiverged as error:
            diverged = error
            history = error.history
    summary = runs.RunSummary(
        definition.graph.name,
        engine,
        settings.seed,
        settings.steps,
        float(history.loss[0]),
        float(history.loss[-1]),
        round(history.seconds, 6),
        str(folder),
        diverged.step if diverged else None,
    )
    runs.write_run(folder, definition, network, history.loss, summary)
    if plots and diverged is None:
        runs.write_plots(folder, definition, network, history.loss, samples)
    if diverged is not None:
        output.say(f"the losses so far are in {folder}")
        output.result(summary.plain())
        raise diverged
    rate = settings.steps / history.seconds if history.seconds else float("inf")
    output.say(
        f"done: loss {summary.loss_first:.6g} -> {summary.loss_final:.6g} in {settings.steps} steps, "
        f"{history.seconds:.2f} s ({rate:,.0f} steps/s)"
    )
    output.say(_compared(network, samples))
    output.say(f"results in {folder}: {', '.join(sorted(file.name for file in folder.iterdir()))}")
    output.result(summary.plain())


def _compared(network: Model, samples: Data) -> str:
    """How far the learned parameters are from the teacher's, if there is one."""
    if samples.teacher is None:
        return ""
    import numpy as np

    differences = [
        f"{name} {np.abs(network.parameters[name] - wanted).max():.3g}" for name, wanted in samples.teacher.items()
    ]
    return f"largest difference from the teacher: {', '.join(differences)}"


@contextmanager
def _reporting(output: Output, steps: int, log_every: int) -> Iterator[Report]:
    """A function to be told each step: it prints the loss now and then, below a live bar on a terminal."""
    digits = len(str(steps - 1))

    def line(step: int, loss: float) -> str:
        return f"step {step:{digits}d}  loss {loss:.6f}"

    def due(step: int) -> bool:
        return (step + 1) % log_every == 0 or step == 0

    if output.quiet:
        yield lambda step, loss: None
        return
    if not output.stream.isatty():
        yield lambda step, loss: output.say(line(step, loss)) if due(step) else None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(file=output.stream, highlight=False)
    columns = (
        TextColumn("step {task.completed}/{task.total}"),
        BarColumn(),
        TextColumn("loss {task.fields[loss]:.6g}  {task.fields[rate]:,.0f} steps/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("train", total=steps, loss=float("nan"), rate=0.0)
        started = progress.get_time()
        shown = 0.0

        def report(step: int, loss: float) -> None:
            nonlocal shown
            if due(step):
                progress.console.print(line(step, loss))
            now = progress.get_time()
            if now - shown > 0.1:
                shown = now
                rate = (step + 1) / max(now - started, 1e-9)
                progress.update(bar, completed=step + 1, loss=loss, rate=rate)

        yield report
