"""``predict`` and ``models``: use what there is."""

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
