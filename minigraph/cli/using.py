"""``predict``, ``export``, ``new`` and the references ``models``, ``ops`` and ``schema``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from minigraph.cli.options import EngineOption, ModelArgument, load_definition
from minigraph.cli.output import Output


def predict(
    model: ModelArgument,
    weights: Annotated[Path, typer.Option(metavar="NPZ", help="The weights, such as a run's weights.npz.")],
    given: Annotated[
        list[str],
        typer.Option(
            "--input",
            metavar="[NAME=]FILE",
            help="npy, npz, csv, png or jpg; with NAME= for one of several inputs.",
        ),
    ],
    out: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The answer: npy, or npz by output.")],
    engine: EngineOption = "fast",
) -> None:
    """Answer an input with MODEL and given weights."""
    import numpy as np

    from minigraph.data import read_array
    from minigraph.errors import DataError, did_you_mean, one_of
    from minigraph.files import whole, write_npz
    from minigraph.model import Model

    definition = load_definition(model)
    shapes = definition.graph.inputs
    if out.suffix not in (".npy", ".npz"):
        raise DataError(f"{out}: found a name that ends in '{out.suffix}'; expected .npy or .npz")
    network = Model(definition.graph, 0, engine)
    if out.suffix == ".npy" and len(definition.graph.outputs) > 1:
        raise DataError(f"{out}: found one array for {len(definition.graph.outputs)} outputs; expected .npz")
    files = {}
    for text in given:
        name, equals, file = text.partition("=")
        if not equals:
            name, file = next(iter(shapes)), text
        if name not in shapes:
            raise DataError(
                f"--input {text}: unknown input '{name}'; expected {one_of(shapes)}{did_you_mean(name, shapes)}"
            )
        files[name] = Path(file)
    missing = [name for name in shapes if name not in files]
    if missing:
        raise DataError(f"--input: '{missing[0]}' is missing; expected NAME=FILE for each of {', '.join(shapes)}")
    arrays = {name: read_array(file, shapes[name], name) for name, file in files.items()}
    network.load_weights(weights)
    answer = network.forward(arrays)
    answers = answer if isinstance(answer, dict) else {definition.graph.outputs[0]: answer}
    if out.suffix == ".npz":
        write_npz(out, answers)
    else:
        with whole(out) as temporary, temporary.open("wb") as written:
            np.save(written, answer, allow_pickle=False)
    told = ", ".join(f"{name} {'x'.join(map(str, array.shape))}" for name, array in answers.items())
    Output().say(f"{told} in {out}")


def models() -> None:
    """List the bundled definitions."""
    from minigraph.definition import bundled
    from minigraph.graph import Graph
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
    from minigraph.files import write_text
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
    from minigraph.files import write_text

    text = json.dumps(json_schema(), indent=2)
    if out is None:
        print(text)
    else:
        write_text(out, text + "\n")


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The graph's name; the file is NAME.toml.")],
) -> None:
    """Write NAME.toml, a commented definition that trains at once."""
    from minigraph.definition import write_starter

    file = write_starter(name, Path())
    Output().say(f"{file} is yours to change; train it with: minigraph train {file}")


def export(
    model: ModelArgument,
    out: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="A name that ends in .json or .toml.")],
) -> None:
    """Write MODEL in another format."""
    load_definition(model).save(out)
    Output().say(f"{model} is written to {out}")
