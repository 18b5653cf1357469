"""Predictions: their inputs from files, and their answers into files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from minigraph.arrays import Array, Shape, arranged, spell_shape
from minigraph.data.loading import FILE_KINDS, read_array
from minigraph.errors import DataError
from minigraph.files.opening import files_in, kind_at
from minigraph.files.writing import whole, write_npz
from minigraph.graph.graph import Graph
from minigraph.wording import did_you_mean, one_of

OUTPUT_KINDS = (".npy", ".npz", ".png")


def read_inputs(graph: Graph, given: Sequence[str]) -> dict[str, Array]:
    """The arrays of ``[NAME=]FILE`` for each of a graph's inputs.

    Several files of one name, or a folder of files in the order of their names, are so many samples.

    Raises:
        DataError: a name is unknown or missing, or a file cannot be read. ShapeError: an array does not fit.
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
    return {name: _stacked(paths, shapes[name], name) for name, paths in files.items()}


def _files(path: Path) -> list[Path]:
    if kind_at(path) != "a folder":
        return [path]
    files = files_in(path, FILE_KINDS)
    if not files:
        raise DataError(f"{path}: found a folder without a file that ends in {one_of(FILE_KINDS)}")
    return files


def _stacked(files: list[Path], shape: Shape, name: str) -> Array:
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


def write_answers(out: Path, answers: Mapping[str, Array]) -> list[Path]:
    """Write answers by output name to an npz, or the only one to an npy or as a png; whole or not at all.

    A png holds 0 to 1 in 8 bits, and what lies beyond as 0 or 1. Several samples become ``NAME-0.png``, ``NAME-1.png``
    and so on.

    Returns:
        the files.

    Raises:
        DataError: a file cannot be written, or an image has entries that are not finite.
    """
    if out.suffix == ".npz":
        write_npz(out, answers)
        return [out]
    (answer,) = answers.values()
    if out.suffix == ".npy":
        with whole(out) as temporary, temporary.open("wb") as written:
            np.save(written, answer, allow_pickle=False)
        return [out]
    if not np.isfinite(answer).all():
        raise DataError(f"{out}: the answer has entries that are not finite; expected finite numbers for a png")
    if answer.ndim < 4:
        _write_png(out, answer)
        return [out]
    digits = len(str(len(answer) - 1))
    numbered = [out.with_name(f"{out.stem}-{number:0{digits}d}.png") for number in range(len(answer))]
    files = [out] if len(answer) == 1 else numbered
    for file, sample in zip(files, answer, strict=True):
        _write_png(file, sample)
    return files


def _write_png(path: Path, image: Array) -> None:
    """Write (H, W), (1, H, W) or (3, H, W) from 0 to 1."""
    from PIL import Image

    pixels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    if pixels.ndim == 3:
        pixels = pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
    with whole(path) as temporary:
        Image.fromarray(pixels).save(temporary, format="png")
