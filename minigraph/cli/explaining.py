"""``explain``: one training step of a definition or a run, taken apart with its actual numbers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from minigraph.cli.options import (
    DataOption,
    JsonOption,
    ModelOrRunArgument,
    SetOption,
    load_definition,
    require_train,
)
from minigraph.cli.output import Output
from minigraph.cli.words import parse_assignments


def explain(
    model: ModelOrRunArgument,
    node: Annotated[str | None, typer.Option(metavar="NAME", help="Which node or input; all when left out.")] = None,
    weights: Annotated[
        Path | None, typer.Option(metavar="NPZ", help="The weights; a run's best ones, else those the seed draws.")
    ] = None,
    data: DataOption = None,
    sample: Annotated[int, typer.Option(min=0, help="Which sample of the batch is shown.")] = 0,
    channel: Annotated[int, typer.Option(min=0, help="Which channel of a map is shown.")] = 0,
    cell: Annotated[
        str | None, typer.Option(metavar="ROW,COLUMN", help="A number of the maps that is followed through the steps.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it as md, or draw it as png, svg, pdf.")
    ] = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the first training step of MODEL apart: every node's forward, backward and update, with the numbers."""
    from minigraph.data.loading import load_data
    from minigraph.definition.bundled import run_at
    from minigraph.errors import DataError, DefinitionError
    from minigraph.files.writing import write_text
    from minigraph.inside import explain_training
    from minigraph.model.model import Model
    from minigraph.model.weights import weights_in
    from minigraph.runs.folder import CHECKPOINT
    from minigraph.views.inside import Choice, markdown, plain, printed
    from minigraph.wording import did_you_mean, one_of

    followed = None if cell is None else _cell(cell)
    if out is not None and out.suffix.lower() not in (".md", ".png", ".svg", ".pdf"):
        raise DataError(f"{out}: found a name that ends in '{out.suffix}'; expected .md, .png, .svg or .pdf")
    definition = load_definition(model, parse_assignments(assignments), data)
    require_train(definition)
    assert definition.train is not None, "require_train has seen to it"
    graph = definition.graph
    names = [*graph.inputs, *graph.order]
    if node is not None and node not in names:
        raise DefinitionError(f"--node {node}: no such node; expected {one_of(names)}{did_you_mean(node, names)}")
    run = run_at(model)
    network: Model = Model(graph, definition.train.seed)
    samples = load_data(definition, network.dtype, definition.train.seed)
    checkpoint = run / CHECKPOINT if run is not None and (run / CHECKPOINT).exists() else None
    chosen = weights if weights is not None else weights_in(run) if run is not None else None
    inside = explain_training(network, samples, definition.train, checkpoint, chosen)
    choice = Choice([] if node is None else [node], sample, channel, followed)
    output = Output(as_json)
    if chosen is not None:
        output.say(f"weights: {chosen}")
    if out is not None:
        if out.suffix.lower() == ".md":
            write_text(out, markdown(inside, choice))
        else:
            from minigraph.views.plots.inside import plot_inside

            plot_inside(inside, choice, out)
        output.say(f"written to {out}")
    elif not as_json:
        from rich.console import Console

        Console(highlight=False).print(printed(inside, choice))
    output.result(plain(inside, choice.nodes))


def _cell(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"\s*(\d{1,6})\s*,\s*(\d{1,6})\s*", text)
    if not found:
        raise typer.BadParameter(f"--cell: found {text!r}; expected ROW,COLUMN, such as 3,4")
    return int(found[1]), int(found[2])
