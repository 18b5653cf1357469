"""``predict``, ``export``, ``new`` and the references ``models``, ``ops`` and ``schema``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from minigraph.cli.options import (
    EngineOption,
    ModelArgument,
    ModelOrRunArgument,
    SetOption,
    ThreadsOption,
    load_definition,
)
from minigraph.cli.output import Output
from minigraph.cli.words import parse_assignments


def predict(
    model: ModelOrRunArgument,
    given: Annotated[
        list[str],
        typer.Option(
            "--input",
            metavar="[NAME=]FILE",
            help="npy, npz, csv, png, jpg or a folder of them; with NAME= for one of several inputs; "
            "given again, more samples.",
        ),
    ],
    weights: Annotated[
        Path | None,
        typer.Option(metavar="NPZ", help="The weights, such as a run's weights.npz; of a run's folder its best ones."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The answer: npy, npz by output, csv, or png (numbered for many samples); printed when left out.",
        ),
    ] = None,
    engine: EngineOption = "fast",
    threads: ThreadsOption = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Samples at a time; as fit into little memory when left out.")
    ] = None,
    assignments: SetOption = None,
) -> None:
    """Answer any number of samples with MODEL, a definition with its weights or a run's folder.

    A graph whose parameters do not depend on the size of its maps takes maps of any size.
    """
    from minigraph.arrays import spell_shape
    from minigraph.data.predictions import (
        graph_for,
        input_files,
        read_inputs,
        require_printable,
        require_writable,
        write_answers,
    )
    from minigraph.definition.bundled import run_at
    from minigraph.errors import DataError
    from minigraph.model.model import Model
    from minigraph.model.predict import predict as answer_to
    from minigraph.model.weights import weights_in
    from minigraph.views.answers import answers_text

    definition = load_definition(model, parse_assignments(assignments))
    declared, classes = definition.graph, definition.data.classes if definition.data else None
    run = run_at(model if weights is None else weights)
    if run is None and weights is None:
        raise DataError(f"{model}: found no --weights; expected them, or a run's folder as MODEL")
    files = input_files(declared, given)
    graph = graph_for(declared, files)
    if out is not None:
        require_writable(out, graph)
    arrays = read_inputs(graph, files)
    if out is None:
        require_printable(graph, arrays)
    network = Model(graph, 0, engine)
    chosen = weights_in(run) if run is not None else weights
    assert chosen is not None, "there are weights or a run"
    network.load_weights(chosen)
    answer = answer_to(network, arrays, batch_size)
    answers = answer if isinstance(answer, dict) else {graph.outputs[0]: answer}
    output = Output()
    if run is not None:
        output.say(f"weights: {chosen}")
    if out is None:
        output.say(answers_text(answers, graph.shapes, classes))
        return
    written = write_answers(out, answers, graph.shapes, classes)
    text = ", ".join(f"{name} {spell_shape(array.shape)}" for name, array in answers.items())
    output.say(f"{text} in {written[0]}" + (f" to {written[-1].name}" if len(written) > 1 else ""))


def models() -> None:
    """List the bundled definitions."""
    from minigraph.definition.bundled import bundled
    from minigraph.graph.graph import Graph
    from minigraph.views.summary import table

    rows = []
    for name, file in bundled().items():
        graph = Graph.load(file)
        rows.append((name, str(len(graph.order)), graph.description))
    Output().say(table(("name", "nodes", "what it is"), rows, right=("nodes",)))


def ops(
    names: Annotated[list[str] | None, typer.Argument(metavar="[OP]...", help="Which; all when left out.")] = None,
    out: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write all of them as Markdown.")
    ] = None,
) -> None:
    """Tell what each op computes, and its attributes."""
    from minigraph.files.writing import write_text
    from minigraph.views.reference import markdown_reference, op_reference

    if out is None:
        Output().say(op_reference(names))
    else:
        write_text(out, markdown_reference())


def schema(
    out: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it to a file.")] = None,
) -> None:
    """Print the JSON Schema of definitions, by which editors complete and check them."""
    import json

    from minigraph.definition.schema import json_schema
    from minigraph.files.writing import write_text

    text = json.dumps(json_schema(), indent=2)
    if out is None:
        print(text)
    else:
        write_text(out, text + "\n")


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The graph's name; the file is NAME.toml.")],
) -> None:
    """Write NAME.toml, a commented definition that trains at once."""
    from minigraph.definition.starter import write_starter

    file = write_starter(name, Path())
    Output().say(f"{file} is yours to change; train it with: minigraph train {file}")


def export(
    model: ModelArgument,
    out: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="A name that ends in .json or .toml.")],
) -> None:
    """Write MODEL in another format."""
    load_definition(model).save(out)
    Output().say(f"{model} is written to {out}")
