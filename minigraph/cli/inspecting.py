"""``check``, ``show`` and ``gradcheck``: look at a definition without training it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minigraph.cli.options import (
    EngineOption,
    JsonOption,
    ModelArgument,
    ModelOrRunArgument,
    SetOption,
    ThreadsOption,
    load_definition,
    seed_of,
)
from minigraph.cli.output import Output, complain
from minigraph.cli.words import parse_assignments

if TYPE_CHECKING:
    from minigraph.definition import Definition
    from minigraph.errors import Problem
    from minigraph.graph.graph import Graph
    from minigraph.recovery import Identifiability

CHECKED_SAMPLES = 2
"""Of a definition's data, or drawn: as good for a gradient check as thousands."""
CHECKED_STATISTICS = 4
"""Where BatchNorm takes statistics over them: over two samples they leave hardly a gradient."""


def check(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="Definition files or bundled names.")],
    assignments: SetOption = None,
    identify: Annotated[
        bool, typer.Option("--identify", help="Also say what each MODEL's data can tell about its parameters.")
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Tell each convolution's algorithm, buffers and work.")] = False,
    batch: Annotated[int, typer.Option(min=1, help="Samples in the step that --plan tells of.")] = 1,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Validate each MODEL, sort it, infer its shapes and print its table; nothing is trained."""
    from minigraph.errors import DefinitionError
    from minigraph.views.summary import summary

    output = Output(as_json)
    results: dict[str, dict[str, Any]] = {}
    for model in models:
        errors: list[str] = []
        warnings: list[Problem] = []
        graph: Graph | None
        try:
            definition = load_definition(model, parse_assignments(assignments))
        except DefinitionError as error:
            graph, errors = error.graph, error.blocks()
        else:
            graph, warnings = definition.graph, definition.warnings()
        facts: dict[str, Any] = {
            "nodes": 0,
            "order": [],
            "shapes": {},
            "parameters": 0,
            "multiply_adds": 0,
            "memory": 0,
        }
        if graph is not None and graph.nodes:
            table, resolved = summary(graph), graph.resolve()
            output.say(str(table))
            facts = {
                "nodes": len(table.rows),
                "order": resolved.order,
                "shapes": {name: list(shape) for name, shape in resolved.shapes.items()},
                "parameters": table.parameters,
                "multiply_adds": table.multiply_adds,
                "memory": table.memory,
                "rows": [asdict(row) for row in table.rows],
            }
        if identify and not errors:
            known = identified(definition)
            output.say(f"\n{known}")
            facts["identifiability"] = known.plain()
        if plan and graph is not None and not errors:
            from minigraph.views.plan_table import missed_text, plan_table

            planned = plan_table(graph, batch)
            output.say(str(planned))
            if planned.missed and not as_json:
                output.say(missed_text(planned.missed))
            facts["plan"] = asdict(planned)
        texts = [definition.tell(warning) for warning in warnings]
        for block in texts:
            complain(f"warning: {block}")
        for block in errors:
            complain(f"error: {block}")
        output.say(f"{len(errors)} error{'s' * (len(errors) > 1)}\n" if errors else "ok\n")
        results[model] = {"ok": not errors, **facts, "warnings": texts, "errors": errors}
    ok = all(result["ok"] for result in results.values())
    output.result(results[models[0]] if len(models) == 1 else {"ok": ok, "models": results})
    if not ok:
        raise typer.Exit(2)


def identified(definition: Definition, seed: int | None = None) -> Identifiability:
    """What a definition's data can tell; the seed is that of its training when left out."""
    from minigraph.data.loading import load_data
    from minigraph.recovery import identify

    chosen = seed_of(definition, seed)
    data = load_data(definition, "float64", chosen)
    return identify(definition.graph, data.inputs, data.teacher, chosen)


def show(
    model: ModelArgument,
    assignments: SetOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Draw it as png, svg or pdf instead."),
    ] = None,
) -> None:
    """Show MODEL's graph in the terminal, or draw it to a file."""
    graph = load_definition(model, parse_assignments(assignments)).graph
    output = Output()
    if out is None:
        from minigraph.views.rails import rails

        output.say(rails(graph))
    else:
        from minigraph.views.plots import plot_graph

        plot_graph(graph, out)
        output.say(f"drawn in {out}")


def gradcheck(
    model: ModelOrRunArgument,
    seed: Annotated[int | None, typer.Option(help="Seeds the parameters and drawn data.")] = None,
    tolerance: Annotated[float, typer.Option(min=0.0, help="The largest relative error that passes.")] = 1e-6,
    entries: Annotated[
        int, typer.Option(min=1, help="At most so many entries of each array are compared, chosen at random.")
    ] = 2000,
    engine: EngineOption = "fast",
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare every gradient of MODEL with central differences, in float64; in training too, where that differs."""
    from minigraph.data.loading import load_data
    from minigraph.definition.bundled import run_at
    from minigraph.model.gradient_check import gradcheck as compare
    from minigraph.model.model import Model
    from minigraph.model.weights import weights_in
    from minigraph.randomness import stream

    definition = load_definition(model, parse_assignments(assignments))
    chosen = seed_of(definition, seed)
    count = CHECKED_STATISTICS if definition.graph.states else CHECKED_SAMPLES
    if definition.data is not None:
        inputs, _ = load_data(definition, "float64", chosen).samples.read(slice(0, count))
    else:
        generator = stream(chosen, "data")
        inputs = {name: generator.normal(size=(count, *shape)) for name, shape in definition.graph.inputs.items()}
    network = Model(definition.graph, chosen, engine, "float64")
    output = Output(as_json)
    run = run_at(model)
    if run is not None:
        network.load_weights(weights_in(run))
        output.say(f"weights: {weights_in(run)}")
    outcome = compare(network, inputs, tolerance=tolerance, seed=chosen, entries=entries)
    output.say(str(outcome))
    output.result({"ok": outcome.ok, "max_error": outcome.max_error, "rows": [asdict(row) for row in outcome.rows]})
    if not outcome.ok:
        raise typer.Exit(1)
