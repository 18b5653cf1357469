"""The options that several commands share, and how they become overrides of a definition."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minigraph.wording import KeyPath, counted

if TYPE_CHECKING:
    from minigraph.definition import Definition, Override
    from minigraph.graph.graph import Graph

ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="A definition file, or a bundled name.")]
ModelOrRunArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="A definition file, a bundled name, or a run's folder.")
]
EngineOption = Annotated[str, typer.Option(metavar="fast|naive", help="fast, or naive: the textbook's loops.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
DataOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="An npz with an array for each input and output.")
]
WorkersOption = Annotated[int | None, typer.Option(help="How many processes; this one when left out.")]
SchedulerOption = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="A Dask scheduler's, such as tcp://host:8786; local: a cluster here."),
]


def hold_threads(count: int | None) -> int | None:
    """Let everything from here on use so many threads; None leaves it as it is."""
    if count is not None:
        from minigraph.cli.output import complain
        from minigraph.steps.threads import processors, set_threads

        if count > processors():
            complain(
                f"warning: --threads {count}: found more than the {counted(processors(), 'processor')} that "
                "this process may use; threads that take turns on one are not faster"
            )
        set_threads(count)
    return count


ThreadsOption = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, callback=hold_threads, help="Threads; all that may be used when left out."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Put a value over the definition's, e.g. train.steps=500."),
]
PlotsOption = Annotated[bool, typer.Option("--plots/--no-plots", help="Draw the pictures.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]


def load_definition(
    model: str, given: Sequence[Override] = (), data: Path | None = None, pair: tuple[Path, Path] | None = None
) -> Definition:
    """The definition ``model`` with the command line's values over it.

    Args:
        given: what ``--set`` gives. data: a file with all arrays.
        pair: the files of an only input and an only output, of a size that need not be declared.

    Raises:
        DefinitionError: the file or a value is wrong.
    """
    from minigraph.definition import Definition

    overrides = [*given, *data_overrides(data)]
    if pair is not None:
        overrides += _pair(Definition.load(model, overrides).graph, *pair)
    return Definition.load(model, overrides)


def data_overrides(file: Path | None) -> list[Override]:
    """What ``--data FILE`` puts over a definition: other arrays; what else [data] says of the samples stays."""
    from minigraph.definition.sections import ARRAYS

    values = {} if file is None else {"source": "file", "file": str(file.absolute())} | dict.fromkeys(ARRAYS)
    return [(f"--data {file}", ("data", key), value) for key, value in values.items()]


def train_overrides(**values: Any) -> list[Override]:
    """What options such as ``--learning-rate`` put over a definition's [train]; None is none."""
    from minigraph.recipe.settings import LENGTHS
    from minigraph.solvers import SOLVERS

    overrides: list[Override] = []
    paths: dict[str, KeyPath] = {
        "learning_rate": ("train", "optimizer", "learning_rate"),
        "optimizer": ("train", "optimizer", "name"),
    }
    for name, value in values.items():
        if value is None:
            continue
        option, path = f"--{name.replace('_', '-')} {value}", paths.get(name, ("train", name))
        if name in LENGTHS:  # what the file says of the other one no longer holds
            others = [other for other in LENGTHS if values.get(other) is None]
            overrides += [(option, ("train", other), None) for other in others]
        if name == "optimizer" and value in SOLVERS:  # it has no learning rate to be kept
            path, value = path[:-1], {"name": value}
        overrides.append((option, path, value))
    return overrides


def _pair(graph: Graph, before: Path, after: Path) -> list[Override]:
    """The overrides that make two files the data of a graph of one input and one output."""
    from minigraph.data.loading import map_size
    from minigraph.errors import DefinitionError

    if len(graph.inputs) > 1 or len(graph.outputs) > 1:
        counts = f"{len(graph.inputs)} inputs and {len(graph.outputs)} outputs"
        raise DefinitionError(f"--before {before}: found a graph of {counts}; expected one of each, or --data FILE")
    ((source, shape),), (output,) = graph.inputs.items(), graph.outputs
    files = {"inputs": {source: {"file": str(before.absolute())}}, "outputs": {output: {"file": str(after.absolute())}}}
    return [
        (f"--before {before}", ("inputs", source, "shape"), [shape[0], *map_size(before)]),
        (f"--before {before} --after {after}", ("data",), {"source": "file", **files}),
    ]


def seed_of(definition: Definition, seed: int | None) -> int:
    """The seed of the command line, else that of the definition's training, else 0."""
    return seed if seed is not None else definition.train.seed if definition.train else 0


def require_train(definition: Definition) -> None:
    """Raise DefinitionError unless the definition says how it is trained."""
    from minigraph.errors import Problem

    if definition.train is None:
        text = "the definition has no [train]; expected one with optimizer and steps"
        raise definition.error([Problem(("train",), text, on="key")])
