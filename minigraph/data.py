"""Data: the arrays that a definition's ``[data]`` section means, and arrays in files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigraph.definition import ArrayFile, DataSection, Definition
from minigraph.errors import (
    DataError,
    KeyPath,
    MinigraphError,
    Problem,
    ShapeError,
    did_you_mean,
    one_of,
)
from minigraph.files import read_npy, read_npz
from minigraph.graph import Graph
from minigraph.model import Model, canonical, default_initializer
from minigraph.ops.base import Parameter, Shape, spell_shape

Array = NDArray[Any]

FILE_KINDS = (".npy", ".npz", ".csv", ".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Data:
    """What a graph is trained on.

    Attributes:
        inputs: an array for each input; targets: one for each output.
        teacher: the parameters that made the targets, in full shape; None where there is no teacher.
    """

    inputs: dict[str, Array]
    targets: dict[str, Array]
    teacher: dict[str, Array] | None = None


def load_data(definition: Definition, dtype: str, seed: int) -> Data:
    """The arrays of a definition's ``[data]``.

    Args:
        dtype: in which a teacher's graph computes.
        seed: seeds what is drawn, in a stream of its own beside the parameters'.

    Raises:
        DefinitionError: there is no such section, or a file of it is missing, unreadable or of the wrong shape.
    """
    data = definition.data
    if data is None:
        raise definition.error([Problem(("data",), "the definition has no [data]; expected one, or --data FILE")])
    generator = np.random.default_rng(np.random.SeedSequence(seed).spawn(1)[0])
    graph = definition.graph
    outputs = graph.outputs if data.source == "file" else []
    problems: list[Problem] = []
    if data.file is not None:
        held = _all_in_one(definition, data.file, problems)
        inputs, targets = ({name: held[name] for name in names if name in held} for names in (graph.inputs, outputs))
    else:
        inputs = _one_by_one(definition, data, "inputs", list(graph.inputs), generator, problems)
        targets = _one_by_one(definition, data, "outputs", outputs, generator, problems)
    if not problems:
        problems = _count_problems(graph, data, {**inputs, **targets})
    if problems:
        raise definition.error(problems)
    return Data(inputs, targets) if data.source == "file" else _taught(graph, data, inputs, dtype, generator)


def _count_problems(graph: Graph, data: DataSection, arrays: dict[str, Array]) -> list[Problem]:
    """What is wrong with the numbers of samples, which have to be one."""
    counts = {name: len(canonical(array, graph.shapes[name], name, "float64")[0]) for name, array in arrays.items()}
    if len(set(counts.values())) <= 1:
        return []
    found = ", ".join(f"'{name}' has {count}" for name, count in counts.items())
    path: KeyPath = ("data", "file") if data.file else ("data", "inputs")
    return [Problem(path, f"found different numbers of samples: {found}; expected one number for all")]


def _taught(
    graph: Graph, data: DataSection, inputs: dict[str, Array], dtype: str, generator: np.random.Generator
) -> Data:
    """The graph's own answers with the teacher's parameters."""
    model = Model(graph, seed=0, dtype=dtype)
    for name, parameter in graph.parameters.items():
        initial = data.teacher.get(name) or default_initializer(parameter)
        model.parameters[name] = initial.draw(parameter, generator)
    answer = model.forward(inputs)
    targets = answer if len(graph.outputs) > 1 else {graph.outputs[0]: answer}
    return Data(inputs, targets, {name: model.parameters[name].copy() for name in model.parameters})


def _all_in_one(definition: Definition, file: str, problems: list[Problem]) -> dict[str, Array]:
    """The arrays of one npz, which has to have all inputs and outputs and nothing else; faults join ``problems``."""
    path, place, graph = definition.folder / file, ("data", "file"), definition.graph
    known = [*graph.inputs, *graph.outputs]
    expected = ", ".join(known)
    try:
        if path.suffix.lower() != ".npz":
            raise DataError(f"{path}: found a name that ends in '{path.suffix}'; expected .npz")
        held = read_npz(path)
    except DataError as error:
        problems.append(Problem(place, str(error)))
        return {}
    for name in [name for name in held if name not in known]:
        text = f"{path}: unknown array '{name}'; expected {expected}{did_you_mean(name, known)}"
        problems.append(Problem(place, text))
    for name in [name for name in known if name not in held]:
        problems.append(Problem(place, f"{path}: array '{name}' is missing; expected {expected}"))
    arrays = {}
    for name in [name for name in known if name in held]:
        try:
            arrays[name] = _checked(held[name], path, graph.shapes[name], name)
        except MinigraphError as error:
            problems.append(Problem(place, str(error)))
    return arrays


def _one_by_one(
    definition: Definition,
    data: DataSection,
    key: str,
    names: list[str],
    generator: np.random.Generator,
    problems: list[Problem],
) -> dict[str, Array]:
    """The arrays ``names`` of ``data.inputs`` or ``data.outputs``, drawn or each from its file."""
    arrays: dict[str, Array] = {}
    for name in names:
        shape, item = definition.graph.shapes[name], getattr(data, key)[name]
        if isinstance(item, ArrayFile):
            try:
                arrays[name] = read_array(definition.folder / item.file, shape, name, item.key)
            except MinigraphError as error:
                problems.append(Problem(("data", key, name, "file"), str(error)))
        else:
            samples = () if data.samples == 1 else (data.samples,)
            arrays[name] = item.draw(Parameter((*samples, *shape), 0.0), generator)
    return arrays


def read_array(path: Path, shape: Shape, name: str, key: str | None = None) -> Array:
    """The array for the input or output ``name`` from a file.

    Args:
        path: npy, npz, csv (one map, a row a line), png or jpg (0 to 1, grey for one channel, RGB for three).
        shape: (C, H, W), or (F,), that it should have; it may have samples in front.
        key: the array's name in an npz; ``name`` when left out, or the only array there is.

    Raises:
        DataError: the file is missing, unreadable, of another kind, or has entries that are not finite.
        ShapeError: the array has another shape.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    kind = path.suffix.lower()
    if kind not in FILE_KINDS:
        raise DataError(f"{path}: found a name that ends in '{path.suffix}'; expected {one_of(FILE_KINDS)}")
    return _checked(_READERS[kind](path, shape, key or name, key is None), path, shape, name)


def map_size(path: Path) -> tuple[int, int]:
    """(height, width) of the map in a file: npy, csv, png or jpg.

    Raises:
        DataError: the file is missing, unreadable or of another kind. ShapeError: it holds no map.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    kind = path.suffix.lower()
    if kind not in FILE_KINDS or kind == ".npz":
        raise DataError(f"{path}: found a name that ends in '{path.suffix}'; expected .npy, .csv, .png or .jpg")
    shape = _READERS[kind](path, (1, 1, 1), "the map", True).shape
    if len(shape) < 2:
        raise ShapeError(f"{path}: found shape {spell_shape(shape) or '()'}; expected a map: (H, W) at the end")
    return shape[-2], shape[-1]


def _checked(array: Array, path: Path, shape: Shape, name: str) -> Array:
    """``array`` if it is of real, finite numbers in a shape that fits ``shape``; see :func:`read_array`."""
    try:
        canonical(array, shape, name, "float64")
    except (ShapeError, DataError) as error:
        raise type(error)(f"{path}: {error}") from None
    if not np.isfinite(array).all():
        raise DataError(f"{path}: '{name}' has entries that are not finite; expected finite numbers")
    return array


def _read_npy(path: Path, shape: Shape, key: str, any_key: bool) -> Array:
    return read_npy(path)


def _read_npz(path: Path, shape: Shape, key: str, any_key: bool) -> Array:
    arrays = read_npz(path)
    if key not in arrays and any_key and len(arrays) == 1:
        return next(iter(arrays.values()))
    if key not in arrays:
        raise DataError(
            f"{path}: found the arrays {', '.join(arrays) or 'none'}; expected '{key}'{did_you_mean(key, arrays)}"
        )
    return arrays[key]


def _read_csv(path: Path, shape: Shape, key: str, any_key: bool) -> Array:
    try:
        rows = [line.split(",") for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as csv: {error}") from None
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise DataError(f"{path}: row {number} has {len(row)} numbers; expected {len(rows[0])} as in row 1")
    values: list[list[float]] = []
    for number, row in enumerate(rows, start=1):
        try:
            values.append([float(cell) for cell in row])
        except ValueError as error:
            raise DataError(f"{path}: row {number}: {error}; expected numbers with commas between them") from None
    return np.array(values)[0] if len(shape) == 1 and len(values) == 1 else np.array(values)


def _read_image(path: Path, shape: Shape, key: str, any_key: bool) -> Array:
    from PIL import Image, UnidentifiedImageError

    if len(shape) != 3 or shape[0] not in (1, 3):
        raise ShapeError(f"{path}: found an image; expected an array for '{key}' with one or three channels")
    try:
        with Image.open(path) as image:
            if image.mode.startswith("I"):  # 16 bits of grey, which Pillow would clip and not scale
                grey = np.asarray(image, np.float64) / 65535
                pixels = grey if shape[0] == 1 else np.repeat(grey[:, :, None], 3, axis=2)
            else:
                pixels = np.asarray(image.convert("L" if shape[0] == 1 else "RGB"), np.float64) / 255
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: cannot be read as an image: {error}") from None
    return pixels if shape[0] == 1 else pixels.transpose(2, 0, 1)


_READERS = {
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".csv": _read_csv,
    ".png": _read_image,
    ".jpg": _read_image,
    ".jpeg": _read_image,
}
