"""Data: the arrays that a definition's ``[data]`` section means, and arrays in files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from minigraph.arrays import Array, Shape, arranged, spell_shape
from minigraph.data.samples import Samples, fit_samples, fit_target, is_finite, split_rows
from minigraph.definition import ArrayFile, DataSection, Definition, HeldOut
from minigraph.definition.sections import HELD_OUT, ArraySource
from minigraph.errors import DataError, MinigraphError, Problem, ShapeError
from minigraph.files.csv import read_csv
from minigraph.files.images import opened_picture
from minigraph.files.npy import npy_shape, read_npy
from minigraph.files.npz import opened_npz
from minigraph.files.opening import require_file
from minigraph.graph.graph import Graph
from minigraph.graph.initialization import Explicit
from minigraph.model.model import Model, default_initializer
from minigraph.ops.base import Parameter
from minigraph.randomness import stream
from minigraph.recipe.losses import Loss, SumSquaredError
from minigraph.wording import KeyPath, did_you_mean, enumerated


@dataclass(frozen=True)
class Data:
    """What a graph is trained on.

    Attributes:
        inputs: an array for each input; targets: one for each output: everything, in the form in which it was given.
        samples: those of them to train on; validation, test: those that are held out, if any are.
        teacher: the parameters that made the targets, in full shape; None where there is no teacher.
    """

    inputs: dict[str, Array]
    targets: dict[str, Array]
    samples: Samples
    validation: Samples | None = None
    test: Samples | None = None
    teacher: dict[str, Array] | None = None


def load_data(definition: Definition, dtype: str, seed: int) -> Data:
    """The arrays of a definition's ``[data]``.

    Args:
        dtype: in which a teacher's graph computes.
        seed: seeds what is drawn, and the split, in streams of their own beside the parameters'.

    Raises:
        DefinitionError: there is no such section, or a file of it is missing, unreadable or of the wrong shape.
    """
    data = definition.data
    if data is None:
        raise definition.error([Problem(("data",), "the definition has no [data]; expected one, or --data FILE")])
    loss = definition.train.loss if definition.train else SumSquaredError()
    reading = _Reading(definition, loss, stream(seed, "data"))
    inputs, targets = reading.arrays(data, ("data",))
    reading.tell()
    teacher = None
    if data.source == "teacher":
        targets, teacher = _taught(definition.graph, data, inputs, dtype, reading.generator)
    samples = reading.samples(inputs, targets, ("data",))
    held_out = {}
    for part in HELD_OUT:
        section = getattr(data, part)
        if section is not None:
            held_out[part] = reading.samples(*reading.arrays(section, ("data", part)), ("data", part))
    reading.tell()
    if data.split is not None:
        shares = {part: share for part, share in data.split.model_dump().items() if share}
        try:
            rows = split_rows(len(samples), shares, stream(seed, "split"))
        except DataError as error:
            raise definition.error([Problem(("data", "split"), str(error))]) from None
        parts = {part: replace(samples, rows=chosen) for part, chosen in rows.items()}
        samples = parts.pop("train")
        held_out |= parts
    return Data(inputs, targets, samples, **held_out, teacher=teacher)


class _Reading:
    """Reads the arrays of a definition and gathers what is wrong with them."""

    def __init__(self, definition: Definition, loss: Loss, generator: np.random.Generator) -> None:
        self.definition, self.graph, self.loss, self.generator = definition, definition.graph, loss, generator
        self.problems: list[Problem] = []

    def tell(self) -> None:
        """Raise DefinitionError if anything was wrong."""
        if self.problems:
            raise self.definition.error(self.problems)

    def samples(self, inputs: dict[str, Array], targets: dict[str, Array], path: KeyPath) -> Samples:
        """Inputs and targets as samples; only what is sound is read."""
        self.tell()
        try:
            return fit_samples(self.graph, self.loss, inputs, targets)
        except (ShapeError, DataError) as error:
            raise self.definition.error([Problem(path, str(error))]) from None

    def arrays(self, section: DataSection | HeldOut, path: KeyPath) -> tuple[dict[str, Array], dict[str, Array]]:
        """The inputs and targets that a section names, as far as they are sound."""
        taught = isinstance(section, DataSection) and section.source == "teacher"
        outputs = [] if taught else self.graph.outputs
        if section.file is not None:
            arrays = self._all_in_one(section.file, (*path, "file"))
            inputs, targets = (
                {name: arrays[name] for name in names if name in arrays} for names in (self.graph.inputs, outputs)
            )
            return inputs, targets
        repeats = section.samples if isinstance(section, DataSection) else 1
        return (
            self._one_by_one(section.inputs, list(self.graph.inputs), (*path, "inputs"), repeats),
            self._one_by_one(section.outputs, outputs, (*path, "outputs")),
        )

    def _all_in_one(self, file: str, place: KeyPath) -> dict[str, Array]:
        """The arrays of one npz, which has to have all inputs and outputs and nothing else."""
        path, known = self.definition.folder / file, [*self.graph.inputs, *self.graph.outputs]
        expected = ", ".join(known)
        try:
            require_file(path, (".npz",))
            with opened_npz(path) as npz:
                names = list(npz.headers)
                contents = {name: npz.read(name) for name in names if name in known}
        except DataError as error:
            self.problems.append(Problem(place, str(error)))
            return {}
        for name in [name for name in names if name not in known]:
            text = f"{path}: unknown array '{name}'; expected {expected}{did_you_mean(name, known)}"
            self.problems.append(Problem(place, text))
        for name in [name for name in known if name not in names]:
            self.problems.append(Problem(place, f"{path}: array '{name}' is missing; expected {expected}"))
        arrays = {}
        for name in [name for name in known if name in contents]:
            try:
                arrays[name] = _checked(contents[name], path, self.graph.shapes[name], name, self._loss_of(name))
            except MinigraphError as error:
                self.problems.append(Problem(place, str(error)))
        return arrays

    def _one_by_one(
        self, items: Mapping[str, ArraySource], names: list[str], path: KeyPath, repeats: int = 1
    ) -> dict[str, Array]:
        """The arrays of these names, each from its file, as it stands, or drawn ``repeats`` times."""
        arrays: dict[str, Array] = {}
        for name in names:
            shape, item = self.graph.shapes[name], items[name]
            if isinstance(item, ArrayFile):
                file = self.definition.folder / item.file
                try:
                    arrays[name] = read_array(file, shape, name, item.key, self._loss_of(name), item.columns)
                except MinigraphError as error:
                    self.problems.append(Problem((*path, name, "file"), str(error)))
            elif isinstance(item, Explicit):
                array = np.asarray(item.values)
                try:
                    _require_fit(array, shape, name, self._loss_of(name))
                except MinigraphError as error:
                    self.problems.append(Problem((*path, name), str(error)))
                else:
                    arrays[name] = array
            else:
                samples = () if repeats == 1 else (repeats,)
                arrays[name] = item.draw(Parameter((*samples, *shape), 0.0), self.generator)
        return arrays

    def _loss_of(self, name: str) -> Loss | None:
        return None if name in self.graph.inputs else self.loss


def _taught(
    graph: Graph, data: DataSection, inputs: dict[str, Array], dtype: str, generator: np.random.Generator
) -> tuple[dict[str, Array], dict[str, Array]]:
    """The graph's own answers with the teacher's parameters, and these."""
    model: Model[Any] = Model(graph, seed=0, dtype=dtype)
    for name, parameter in graph.parameters.items():
        initial = data.teacher.get(name) or default_initializer(parameter)
        model.parameters[name] = initial.draw(parameter, generator)
    answer = model.forward(inputs)
    targets = answer if len(graph.outputs) > 1 else {graph.outputs[0]: answer}
    return targets, {name: model.parameters[name].copy() for name in model.parameters}


def read_array(
    path: Path,
    shape: Shape,
    name: str,
    key: str | None = None,
    loss: Loss | None = None,
    columns: str | None = None,
) -> Array:
    """The array for the input or output ``name`` from a file. A large npy stays there and is read where it is used.

    Args:
        path: npy, npz, csv (one map, a row a line; of vectors and class numbers one sample a row), png or jpg (0 to 1,
            grey for one channel, RGB for three).
        shape: (C, H, W), or (F,), that it should have; it may have samples in front.
        key: the array's name in an npz; ``name`` when left out, or the only array there is.
        loss: the loss that the array is a target of, if it is one: some take class numbers.
        columns: of a csv with a sample in each row, maps too: the columns that hold it, as "0", "1:" or "1:785".

    Raises:
        DataError: the file is missing, unreadable, of another kind, or has entries that are not finite.
        ShapeError: the array has another shape.
    """
    suffix = require_file(path, FILE_KINDS)
    if columns is None:
        array = _READERS[suffix](path, shape, name, key)
    elif suffix == ".csv":
        array = _columns_of(path, shape, name, columns, loss)
    else:
        raise DataError(f"{path}: found columns beside a {suffix} file; expected a csv, or no columns")
    return _checked(array, path, shape, name, loss)


def map_size(path: Path) -> tuple[int, int]:
    """(height, width) of the map in a file: npy, csv, png or jpg.

    Raises:
        DataError: the file is missing, unreadable or of another kind. ShapeError: it holds no map.
    """
    shape = _SHAPES[require_file(path, tuple(_SHAPES))](path, 1)
    if len(shape) < 2:
        raise ShapeError(f"{path}: found shape {spell_shape(shape) or '()'}; expected a map: (H, W) at the end")
    return shape[-2], shape[-1]


def resized(shape: Shape, path: Path) -> Shape:
    """``shape``, (C, H, W), with the height and width of the maps in a file, where only these are others.

    Raises:
        DataError: the file is missing, unreadable or of another kind.
    """
    suffix = require_file(path, FILE_KINDS)
    if suffix not in _SHAPES:  # an npz says its sizes by name
        return shape
    found = _SHAPES[suffix](path, shape[0])
    leading, channels = found[:-2], shape[0]
    fits = len(found) > 1 and (leading[-1:] == (channels,) or (channels == 1 and len(leading) < 2))
    return (channels, *found[-2:]) if fits else shape


def _checked(array: Array, path: Path, shape: Shape, name: str, loss: Loss | None) -> Array:
    """``array`` if it is of real, finite numbers in a shape that fits ``shape``; see :func:`read_array`."""
    if not is_finite(_fitted(array, path, shape, name, loss)):
        raise DataError(f"{path}: '{name}' has entries that are not finite; expected finite numbers")
    return array


def _fitted(array: Array, path: Path, shape: Shape, name: str, loss: Loss | None) -> Array:
    """``array`` if it is of real numbers in a shape that fits ``shape``."""
    try:
        _require_fit(array, shape, name, loss)
    except (ShapeError, DataError) as error:
        raise type(error)(f"{path}: {error}") from None
    return array


def _require_fit(array: Array, shape: Shape, name: str, loss: Loss | None) -> None:
    if loss is None:
        arranged(array, shape, name)
    else:
        fit_target(array, shape, name, loss)


def _columns_of(path: Path, shape: Shape, name: str, columns: str, loss: Loss | None) -> Array:
    """The samples (N, ...) that some columns of a csv hold, or class numbers (N,), a row each."""
    rows = read_csv(path)
    if rows.ndim < 2:
        raise DataError(f"{path}: found no row of numbers; expected one for each sample")
    count = rows.shape[1]
    if ":" in columns:
        first, last = (int(part) if part else None for part in columns.split(":"))
        chosen = rows[:, first:last]
    elif -count <= int(columns) < count:
        chosen = rows[:, [int(columns)]]
    else:
        raise DataError(f"{path}: found columns = {columns}; expected one below {count}, the columns that there are")
    if chosen.shape[1] == prod(shape):
        return chosen.reshape(len(chosen), *shape)
    if loss is not None and loss.takes_classes and chosen.shape[1] == prod(shape[1:]):
        return chosen.reshape(len(chosen), *shape[1:])
    each = f"{prod(shape)} of them for a sample of '{name}', {spell_shape(shape)}"
    raise ShapeError(f"{path}: columns {columns} of {count} are {chosen.shape[1]}; expected {each}")


def _read_npz(path: Path, shape: Shape, name: str, key: str | None) -> Array:
    with opened_npz(path) as npz:
        names = list(npz.headers)
        wanted = names[0] if key is None and len(names) == 1 else key or name
        if wanted not in names:
            raise DataError(
                f"{path}: found the arrays {enumerated(names, wanted) or 'none'}; expected '{wanted}'"
                f"{did_you_mean(wanted, names)}"
            )
        return npz.read(wanted)


def _read_csv(path: Path, shape: Shape, name: str, key: str | None) -> Array:
    rows = read_csv(path)
    return rows[0] if len(shape) == 1 and len(rows) == 1 else rows


def _read_picture(path: Path, shape: Shape, name: str, key: str | None) -> Array:
    with opened_picture(path) as picture:
        if len(shape) != 3 or shape[0] not in (1, 3):
            raise ShapeError(f"{path}: found an image; expected an array for '{name}' with one or three channels")
        # Its shape is judged before a pixel is decoded, on an array that takes no memory.
        _fitted(np.broadcast_to(0.0, picture.shape(shape[0])), path, shape, name, None)
        return picture.pixels(shape[0])


def _picture_shape(path: Path, channels: int) -> tuple[int, ...]:
    with opened_picture(path) as picture:
        return picture.shape(channels)


_READERS: dict[str, Callable[[Path, Shape, str, str | None], Array]] = {
    ".npy": lambda path, shape, name, key: read_npy(path),
    ".npz": _read_npz,
    ".csv": _read_csv,
    **dict.fromkeys((".png", ".jpg", ".jpeg"), _read_picture),
}
_SHAPES: dict[str, Callable[[Path, int], tuple[int, ...]]] = {
    ".npy": lambda path, channels: npy_shape(path),
    ".csv": lambda path, channels: read_csv(path).shape,
    **dict.fromkeys((".png", ".jpg", ".jpeg"), _picture_shape),
}
FILE_KINDS = tuple(_READERS)
