"""``train``: fit a definition's parameters and leave the results in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from minigraph.cli.options import (
    DataOption,
    EngineOption,
    JsonOption,
    ModelArgument,
    PlotsOption,
    QuietOption,
    SetOption,
    ThreadsOption,
    load_definition,
    require_train,
)
from minigraph.cli.output import Output
from minigraph.cli.words import parse_assignments

if TYPE_CHECKING:
    from minigraph.arrays import Array
    from minigraph.model.model import Model


def train(
    model: ModelArgument,
    steps: Annotated[int | None, typer.Option(help="How many updates.")] = None,
    epochs: Annotated[int | None, typer.Option(help="How many times every sample is seen.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Samples in a step; all when left out.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The optimizer's rate.")] = None,
    optimizer: Annotated[str | None, typer.Option(metavar="NAME", help="The optimizer's name.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seeds the parameters, drawn data, splits and shuffling.")] = None,
    engine: EngineOption = "fast",
    data: DataOption = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The results' folder; a new runs/NAME/NNN if left out.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Go on with the run in this folder from its checkpoint.")
    ] = None,
    detect_anomaly: Annotated[
        bool, typer.Option("--detect-anomaly", help="Stop at the first node that is not finite. Slow.")
    ] = False,
    assignments: SetOption = None,
    threads: ThreadsOption = None,
    plots: PlotsOption = True,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train MODEL as its file says, and write the weights, losses and pictures to a folder."""
    from minigraph.cli.progress import showing
    from minigraph.data.loading import load_data
    from minigraph.errors import TrainingDiverged
    from minigraph.model.model import Model
    from minigraph.runs import folder as runs
    from minigraph.training import Trainer, new_trainer, read_checkpoint, run_training
    from minigraph.training.interruption import Interruption
    from minigraph.training.trainer import spell_figures

    if out is not None and resume is not None:
        raise typer.BadParameter("found --out and --resume; expected one of them")
    output = Output(as_json, quiet)
    definition = load_definition(
        model,
        parse_assignments(assignments),
        data,
        steps=steps,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        optimizer=optimizer,
        seed=seed,
    )
    require_train(definition)
    settings = definition.train
    assert settings is not None, "require_train has seen to it"
    network = Model(definition.graph, settings.seed, engine)
    samples = load_data(definition, network.dtype, settings.seed)
    trainer = new_trainer(network, samples.samples, samples.validation, settings, detect_anomaly)
    with runs.run_folder(definition.graph.name, out, resume) as folder:
        checkpoint = folder / runs.CHECKPOINT
        if checkpoint.exists():
            read_checkpoint(checkpoint, trainer)
        first = trainer.step
        definition.save(folder / runs.DEFINITION)
        output.say(
            f"{definition.graph.name}: {len(definition.graph.order)} nodes, {network.parameters.flat.size} parameters, "
            f"{engine} engine, {network.dtype}, seed {settings.seed}{f', from step {first} on' if first else ''}"
        )
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
                run_training(trainer, checkpoint, watch)
            except TrainingDiverged as error:
                diverged = error
                history.end_with(error.history.loss)
        summary = runs.summarize(trainer, samples, engine, folder, diverged)
        runs.write_results(folder, network, summary)
        if plots and trainer.stopped != "interrupted" and diverged is None:
            from minigraph.runs.pictures import write_pictures

            write_pictures(folder, definition, network, trainer.losses, samples)
        again = f"minigraph train {model} --resume {folder}"
        if diverged is not None:
            advice = f"; to go on from step {trainer.step}: {again} --learning-rate ..." if checkpoint.exists() else ""
            output.say(f"the losses so far are in {folder}{advice}")
        elif trainer.stopped == "interrupted":
            output.say(f"stopped after {trainer.step} of {trainer.length} steps; to go on: {again}")
        else:
            pace = (trainer.step - first) / max(summary.seconds, 1e-9)
            output.say(f"done: {trainer.history.course} ({pace:,.0f} steps/s)")
            if samples.teacher is not None:
                output.say(f"largest difference from the teacher: {_differences(network, samples.teacher)}")
            if summary.metrics:
                output.say(spell_figures(summary.metrics))
            files = sorted(file.name for file in folder.iterdir() if not file.name.startswith("."))
            output.say(f"results in {folder}: {', '.join(files)}")
    output.result(summary.plain())
    if diverged is not None:
        raise diverged
    if trainer.stopped == "interrupted":
        raise typer.Exit(128 + interruption.received)


def _differences(network: Model, teacher: dict[str, Array]) -> str:
    import numpy as np

    return ", ".join(
        f"{name} {np.abs(network.parameters[name] - wanted).max():.3g}" for name, wanted in teacher.items()
    )
