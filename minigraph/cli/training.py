"""``train``: fit a definition's parameters and leave the results in a folder."""

from __future__ import annotations

from contextlib import ExitStack
from copy import deepcopy
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minigraph.cli.options import (
    DataOption,
    JsonOption,
    QuietOption,
    SetOption,
    ThreadsOption,
    data_overrides,
    hold_threads,
    require_train,
    train_overrides,
)
from minigraph.cli.output import Output, complain
from minigraph.cli.words import parse_assignments
from minigraph.wording import counted, figures

if TYPE_CHECKING:
    from minigraph.arrays import Array
    from minigraph.model.model import Model
    from minigraph.runs.summary import RunSummary
    from minigraph.training import Trainer


def train(
    model: Annotated[
        str | None,
        typer.Argument(metavar="MODEL", help="A definition file, or a bundled name; not needed with --resume."),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="How many updates.")] = None,
    epochs: Annotated[int | None, typer.Option(help="How many times every sample is seen.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Samples in a step; all when left out.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The optimizer's rate.")] = None,
    optimizer: Annotated[str | None, typer.Option(metavar="NAME", help="The optimizer's name.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seeds the parameters, drawn data, splits and shuffling.")] = None,
    engine: Annotated[
        str | None, typer.Option(metavar="fast|naive", help="fast when left out, or naive: the textbook's loops.")
    ] = None,
    data: DataOption = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The results' folder; a new runs/NAME/NNN if left out.")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Go on with the run in this folder, with its settings; options count."),
    ] = None,
    detect_anomaly: Annotated[
        bool | None,
        typer.Option("--detect-anomaly/--no-detect-anomaly", help="Stop at the first node that is not finite. Slow."),
    ] = None,
    assignments: SetOption = None,
    threads: ThreadsOption = None,
    plots: Annotated[bool | None, typer.Option("--plots/--no-plots", help="Draw the pictures, or not.")] = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train MODEL as its file says, and write the weights, losses and pictures to a folder."""
    from minigraph.cli.progress import showing
    from minigraph.data.loading import load_data
    from minigraph.definition import Definition
    from minigraph.definition.bundled import DEFINITION, run_at
    from minigraph.errors import DefinitionError, TrainingDiverged
    from minigraph.model.model import Model
    from minigraph.model.weights import LAST
    from minigraph.runs import folder as runs
    from minigraph.runs.resuming import Start, sections
    from minigraph.runs.summary import summarize
    from minigraph.training import doubts, new_trainer, read_checkpoint, run_training
    from minigraph.training.interruption import Interruption
    from minigraph.views.plan_table import missed, missed_text

    if out is not None and resume is not None:
        raise typer.BadParameter("found --out and --resume; expected one of them")
    if model is None and resume is None:
        raise typer.BadParameter("found neither MODEL nor --resume; expected one of them")
    if model is not None and resume is None and run_at(model) is not None:
        raise DefinitionError(
            f"{model}: found a run's folder; expected a definition: minigraph train {model}/{DEFINITION}; to go on "
            f"with the run: minigraph train --resume {model}"
        )
    output = Output(as_json, quiet)
    given = [
        *parse_assignments(assignments),
        *data_overrides(data),
        *train_overrides(
            steps=steps,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            optimizer=optimizer,
            seed=seed,
        ),
    ]
    options: dict[str, Any] = {"engine": engine, "detect_anomaly": detect_anomaly, "plots": plots, "threads": threads}
    options = {name: value for name, value in options.items() if value is not None}
    with ExitStack() as stack:
        start = Start()
        if resume is not None:
            folder = stack.enter_context(runs.resumed_folder(resume))
            start = Start.read(folder)
            options = {**start.options, **options}
            if threads is None:
                hold_threads(options.get("threads"))
        if model is None:
            file = start.file
            definition = Definition.load(folder / DEFINITION, given)
            given = [*start.overrides, *given]
        else:
            file = sections(model)
            told, held = start.changed_to(file, given)
            for line in told:
                output.say(f"{model}: {line}")
            given = [*held, *given]
            definition = Definition.load(model, given)
        require_train(definition)
        settings = definition.train
        assert settings is not None, "require_train has seen to it"
        if not quiet:
            for doubt in doubts(definition.graph, settings):
                complain(f"warning: {definition.tell(doubt)}")
        network = Model(definition.graph, settings.seed, options.get("engine", "fast"))
        samples = load_data(definition, network.dtype, settings.seed)
        anomalies = options.get("detect_anomaly", False)
        try:
            trainer = new_trainer(network, samples.samples, samples.validation, settings, anomalies)
        except DefinitionError as error:
            raise definition.error(error.problems) from None
        if resume is None:
            folder = stack.enter_context(runs.run_folder(definition.graph.name, out))
        checkpoint = folder / runs.CHECKPOINT
        changed = read_checkpoint(checkpoint, trainer) if checkpoint.exists() else None
        if changed is not None:
            output.warn(changed)
        trainer.begin()
        trainer.notes = Start(file, given, options).plain()
        first = trainer.step
        definition.save(folder / DEFINITION)
        output.say(
            f"{definition.graph.name}: {counted(len(definition.graph.order), 'node')}, "
            f"{counted(network.parameters.flat.size, 'parameter')}, {network.engine} engine, {network.dtype}, "
            f"seed {settings.seed}"
        )
        if trainer.batches.note:
            output.say(trainer.batches.note)
        if resume is not None:
            output.say(_where(trainer))
        uncompiled = [] if as_json else missed(trainer.batches.plan)
        if uncompiled:
            output.say(missed_text(uncompiled))
        diverged = None
        with (
            runs.HistoryFile(folder / "history.csv", trainer) as history,
            showing(output, trainer) as show,
            Interruption() as interruption,
        ):

            def watch(_: Trainer) -> bool:
                history.grow(trainer)
                show(trainer)
                return bool(interruption.received)

            try:
                run_training(trainer, checkpoint, watch, advise=True)
            except TrainingDiverged as error:
                diverged = error
                history.end_with(error.history.loss)
        network.save(folder / LAST)
        summary = summarize(trainer, samples.test, network.engine, folder, diverged)
        runs.write_summary(folder, summary)
        if options.get("plots", True) and trainer.stopped != "interrupted" and diverged is None:
            from minigraph.runs.pictures import write_pictures

            shown = deepcopy(network)
            for name, array in trainer.best.items():
                (shown.state if name in shown.state else shown.parameters)[name] = array
            write_pictures(folder, definition, shown, trainer.history, samples, summary.loss_final)
        again = f"minigraph train --resume {quote(str(folder))}"
        if diverged is not None:
            advice = f"; to go on from step {trainer.step}: {again} --learning-rate ..." if checkpoint.exists() else ""
            output.say(f"the losses so far are in {folder}{advice}")
        elif trainer.stopped == "interrupted":
            output.say(f"stopped after {trainer.step} of {counted(trainer.length, 'step')}; to go on: {again}")
        else:
            taken = trainer.step - first
            pace = f"{taken / max(summary.seconds, 1e-9):,.0f} steps/s" if taken else ""
            if taken and uncompiled:
                pace += f", {counted(len(uncompiled), 'convolution')} could be compiled"
            if summary.stopped == "patience" and taken:
                output.say(f"ended early: {_waited(trainer)}")
            output.say(
                f"done: loss {figures(summary.loss_first)} -> {figures(summary.loss_final)} in "
                f"{counted(trainer.step, 'step')}, {summary.seconds:.2f} s{f' ({pace})' if pace else ''}"
            )
            if samples.teacher is not None:
                output.say(
                    "largest difference from the teacher, scale, sign and order as they stand: "
                    f"{_differences(network, samples.teacher)}"
                )
            if len(summary.metrics) > 1:
                output.say(_judged(summary, trainer.batches.per_epoch))
            files = sorted(file.name for file in folder.iterdir() if not file.name.startswith("."))
            output.say(f"results in {folder}: {', '.join(files)}")
    output.result(summary.plain())
    if diverged is not None:
        raise diverged
    if trainer.stopped == "interrupted":
        raise typer.Exit(128 + interruption.received)


def _where(trainer: Trainer) -> str:
    """Where a run is gone on with, or why there is nothing left to do."""
    if trainer.stopped == "patience":
        ended = f"nothing is left to do: it ended early, after {counted(trainer.step, 'step')}"
        return f"{ended}: {_waited(trainer)}; to go on: --set train.patience=N"
    if trainer.done:
        return f"nothing is left to do: {counted(trainer.step, 'step')} are done; for more: --steps N, --epochs N"
    return f"from step {trainer.step} on" if trainer.step else "from step 0 on: its checkpoint is of the beginning"


def _waited(trainer: Trainer) -> str:
    kind = "loss" if trainer.validation is None else "validation loss"
    return f"{counted(trainer.settings.patience or 0, 'evaluation')} in a row brought no better {kind}"


def _judged(summary: RunSummary, per_epoch: int) -> str:
    """The metrics of the last weights and, where there are any, of the best ones by validation."""
    from minigraph.model.weights import BEST, LAST
    from minigraph.views.summary import table

    best, steps = summary.best, summary.steps
    rows = [(LAST if best is None or best.step < steps else f"{LAST}, {BEST}", steps, summary.metrics)]
    if best is not None and best.step < steps:
        rows.append((BEST, best.step, best.metrics))
    columns = ("weights", "step", "epoch", *summary.metrics)
    cells = [
        (name, f"{step:,}", f"{-(-step // per_epoch):,}", *(figures(metrics[key]) for key in summary.metrics))
        for name, step, metrics in rows
    ]
    return table(columns, cells, right=columns[1:])


def _differences(network: Model, teacher: dict[str, Array]) -> str:
    import numpy as np

    return ", ".join(
        f"{name} {np.abs(network.parameters[name] - wanted).max():.3g}" for name, wanted in teacher.items()
    )
