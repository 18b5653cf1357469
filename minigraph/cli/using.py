"""``predict``, ``export``, ``new`` and the references ``models``, ``ops`` and ``schema``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from minigraph.cli.options import EngineOption, ModelArgument, SetOption, ThreadsOption, load_definition
from minigraph.cli.output import Output
from minigraph.cli.words import parse_assignments


def predict(
    model: ModelArgument,
    weights: Annotated[Path, typer.Option(metavar="NPZ", help="The weights, such as a run's weights.npz.")],
    given: Annotated[
        list[str],
        typer.Option(
            "--input",
            metavar="[NAME=]FILE",
            help="npy, npz, csv, png, jpg or a folder of them; with NAME= for one of several inputs; "
            "given again, more samples.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The answer: npy, npz by output, or png (numbered for many samples)."
        ),
    ],
    engine: EngineOption = "fast",
    threads: ThreadsOption = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Samples at a time; as fit into little memory when left out.")
    ] = None,
    assignments: SetOption = None,
) -> None:
    """Answer any number of samples with MODEL and given weights."""
    from minigraph.data.predictions import read_inputs, require_writable, write_answers
    from minigraph.model.model import Model
    from minigraph.model.predict import predict as answer_to

    graph = load_definition(model, parse_assignments(assignments)).graph
    require_writable(out, graph)
    network = Model(graph, 0, engine)
    arrays = read_inputs(graph, given)
    network.load_weights(weights)
    answer = answer_to(network, arrays, batch_size)
    answers = answer if isinstance(answer, dict) else {graph.outputs[0]: answer}
    files = write_answers(out, answers)
    answers_text = ", ".join(f"{name} {'x'.join(map(str, array.shape))}" for name, array in answers.items())
    Output().say(f"{answers_text} in {files[0]}" + (f" to {files[-1].name}" if len(files) > 1 else ""))


def models() -> None:
    """List the bundled definitions."""
    from minigraph.definition.bundled import bundled
    from minigraph.graph.graph import Graph
    from minigraph.wording import table

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
