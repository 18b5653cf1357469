"""Predictions: their inputs from files, and their answers into files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path

import numpy as np

from minigraph.arrays import Array, Shape, arranged, spell_shape
from minigraph.data.loading import FILE_KINDS, read_array, resized
from minigraph.errors import DataError, ShapeError
from minigraph.files.opening import files_in, kind_at
from minigraph.files.writing import whole, write_npz, write_text
from minigraph.graph.graph import Graph
from minigraph.wording import did_you_mean, one_of

OUTPUT_KINDS = (".npy", ".npz", ".csv", ".png")
MOST_PRINTED = 1000  # numbers


def input_files(graph: Graph, given: Sequence[str]) -> dict[str, list[Path]]:
    """The files of ``[NAME=]FILE`` for each of a graph's inputs, a folder's in the order of their names.

    Raises:
        DataError: a name is unknown or missing, or a folder has no file that can be read.
    """
    shapes = graph.inputs
    files: dict[str, list[Path]] = {name: [] for name in shapes}
    for text in given:
        name, equals, file = text.partition("=")
        if not equals:
            name, file = next(iter(shapes)), text
        if name not in shapes:
            raise DataError(
                f"--input {text}: unknown input '{name}'; expected {one_of(shapes)}{did_you_mean(name, shapes)}"
            )
        files[name] += _files(Path(file))
    missing = [name for name, paths in files.items() if not paths]
    if missing:
        raise DataError(f"--input: '{missing[0]}' is missing; expected NAME=FILE for each of {', '.join(shapes)}")
    return files


def graph_for(graph: Graph, files: Mapping[str, Sequence[Path]]) -> Graph:
    """The graph for maps of the size that the first file of each input has, where its parameters allow that.

    Raises:
        DataError: a file is missing or unreadable. ShapeError: the graph takes maps of its declared size only.
    """
    shapes = {name: resized(shape, files[name][0]) for name, shape in graph.inputs.items()}
    if shapes == graph.inputs:
        return graph
    other = Graph(graph.name, dtype=graph.dtype)
    for name, shape in shapes.items():
        other.input(name, shape)
    for name, node in graph.nodes.items():
        other.declare(name, node)
    other.output(*graph.outputs)
    name, shape = next((name, shape) for name, shape in shapes.items() if shape != graph.inputs[name])
    found = f"{files[name][0]}: found maps of {spell_shape(shape[1:])}; expected {spell_shape(graph.inputs[name][1:])}"
    problems = other.resolve().problems
    if problems:
        raise ShapeError(f"{found}: {problems[0]}")
    sized = [name for name, parameter in other.parameters.items() if parameter.shape != graph.parameters[name].shape]
    if sized:
        raise ShapeError(f"{found}, which the shape of '{sized[0]}' follows from")
    return other


def read_inputs(graph: Graph, files: Mapping[str, Sequence[Path]]) -> dict[str, Array]:
    """The array of each of a graph's inputs; several files are so many samples.

    Raises:
        DataError: a file cannot be read. ShapeError: an array does not fit.
    """
    return {name: _stacked(files[name], shape, name) for name, shape in graph.inputs.items()}


def _files(path: Path) -> list[Path]:
    if kind_at(path) != "a folder":
        return [path]
    files = files_in(path, FILE_KINDS)
    if not files:
        raise DataError(f"{path}: found a folder without a file that ends in {one_of(FILE_KINDS)}")
    return files


def _stacked(files: Sequence[Path], shape: Shape, name: str) -> Array:
    arrays = [read_array(file, shape, name) for file in files]
    if len(arrays) == 1:
        return arrays[0]
    return np.concatenate([arranged(array, shape, name)[0] for array in arrays])


def require_writable(out: Path, graph: Graph) -> None:
    """Raise DataError unless a graph's answer can be written to a file of this name."""
    if out.suffix not in OUTPUT_KINDS:
        raise DataError(f"{out}: found a name that ends in '{out.suffix}'; expected {one_of(OUTPUT_KINDS)}")
    if out.suffix != ".npz" and len(graph.outputs) > 1:
        raise DataError(f"{out}: found one array for {len(graph.outputs)} outputs; expected .npz")
    shape = graph.shapes[graph.outputs[0]]
    if out.suffix == ".png" and (len(shape) != 3 or shape[0] not in (1, 3)):
        raise DataError(
            f"{out}: found an answer of {spell_shape(shape)}; expected one or three channels for a png: use .npy"
        )


def require_printable(graph: Graph, inputs: Mapping[str, Array]) -> None:
    """Raise DataError where a graph's answers to these inputs are more than one wants to read in a terminal."""
    name, array = next(iter(inputs.items()))
    numbers = array.size // prod(graph.inputs[name]) * sum(prod(graph.shapes[name]) for name in graph.outputs)
    if numbers > MOST_PRINTED:
        raise DataError(
            f"found an answer of {numbers:,} numbers; expected -o FILE for more than {MOST_PRINTED:,} "
            f"({', '.join(OUTPUT_KINDS)})"
        )


def write_answers(
    out: Path, answers: Mapping[str, Array], shapes: Mapping[str, Shape], classes: Sequence[str] | None = None
) -> list[Path]:
    """Write answers by output name to an npz, or the only one to an npy, as csv or as png; whole or not at all.

    A csv has one map, a row a line, or else a sample a line, channel by channel and row by row. A png holds 0 to 1 in 8
    bits, and what lies beyond as 0 or 1; several samples become ``NAME-0.png``, ``NAME-1.png`` and so on.

    Args:
        shapes: of one sample of each output. classes: the names of the only output's channels, a first row of a csv of
            vectors.

    Returns:
        the files.

    Raises:
        DataError: a file cannot be written, or an image has entries that are not finite.
    """
    if out.suffix == ".npz":
        write_npz(out, answers)
        return [out]
    ((name, answer),) = answers.items()
    if out.suffix == ".npy":
        with whole(out) as temporary, temporary.open("wb") as written:
            np.save(written, answer, allow_pickle=False)
        return [out]
    samples = answer.reshape(-1, *shapes[name])
    if out.suffix == ".csv":
        one_map = len(samples) == 1 and samples.ndim == 4 and samples.shape[1] == 1
        lines = samples[0, 0] if one_map else samples.reshape(len(samples), -1)
        rows = [",".join(map(repr, line)) for line in lines.tolist()]
        if classes is not None and len(shapes[name]) == 1:
            rows.insert(0, ",".join(f'"{text}"' for text in (text.replace('"', '""') for text in classes)))
        write_text(out, "".join(f"{row}\n" for row in rows))
        return [out]
    if not np.isfinite(answer).all():
        raise DataError(f"{out}: the answer has entries that are not finite; expected finite numbers for a png")
    digits = len(str(len(samples) - 1))
    numbered = [out.with_name(f"{out.stem}-{number:0{digits}d}.png") for number in range(len(samples))]
    files = [out] if len(samples) == 1 else numbered
    for file, sample in zip(files, samples, strict=True):
        _write_png(file, sample)
    return files


def _write_png(path: Path, image: Array) -> None:
    """Write (1, H, W) or (3, H, W) from 0 to 1."""
    from PIL import Image

    pixels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    with whole(path) as temporary:
        Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)).save(temporary, format="png")
