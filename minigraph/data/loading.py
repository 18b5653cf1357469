"""Data: the arrays that a definition's ``[data]`` section means, as samples to train on and held-out ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np

from minigraph.arrays import Array, arranged
from minigraph.data.array_files import checked, outline, outline_of, read_array, require_fit
from minigraph.data.samples import Samples, fit_samples, split_rows
from minigraph.definition import ArrayFile, DataSection, Definition, HeldOut
from minigraph.definition.sections import HELD_OUT, ArraySource
from minigraph.errors import DataError, MinigraphError, Problem, ShapeError
from minigraph.files.csv import read_csv
from minigraph.files.npz import opened_npz
from minigraph.files.opening import require_file
from minigraph.graph.graph import Graph
from minigraph.graph.initialization import Explicit
from minigraph.model.model import Model, default_initializer
from minigraph.ops.base import Parameter
from minigraph.randomness import stream
from minigraph.recipe.losses import Loss, SumSquaredError
from minigraph.wording import KeyPath, did_you_mean


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
    data = _section(definition)
    reading = _Reading(definition, seed)
    inputs, targets = reading.arrays(data, ("data",))
    reading.tell()
    teacher = None
    if data.source == "teacher":
        targets, teacher = _taught(definition.graph, data, inputs, dtype, reading.generator)
    return Data(inputs, targets, **reading.parts(data, inputs, targets), teacher=teacher)


def count_data(definition: Definition) -> dict[str, int]:
    """How many samples a definition's ``[data]`` has for "training", "validation" and "test".

    Names and shapes are judged by the headers of the files; numbers are read of a csv alone, which has no header.

    Raises:
        DefinitionError: as for :func:`load_data`, as far as it shows without numbers.
    """
    data, graph = _section(definition), definition.graph
    reading = _Reading(definition, 0, outlined=True)
    inputs, targets = reading.arrays(data, ("data",))
    reading.tell()
    if data.source == "teacher":
        name, shape = next(iter(graph.inputs.items()))
        count = len(arranged(inputs[name], shape, name)[0])
        targets = {output: outline((count, *graph.shapes[output])) for output in graph.outputs}
    parts = reading.parts(data, inputs, targets)
    return {"training": len(parts.pop("samples")), **{part: len(samples) for part, samples in parts.items()}}


def _section(definition: Definition) -> DataSection:
    if definition.data is None:
        raise definition.error([Problem(("data",), "the definition has no [data]; expected one, or --data FILE")])
    return definition.data


class _Reading:
    """Reads the arrays of a definition, or their outlines, and gathers what is wrong with them."""

    def __init__(self, definition: Definition, seed: int, outlined: bool = False) -> None:
        self.definition, self.graph = definition, definition.graph
        self.loss: Loss = definition.train.loss if definition.train else SumSquaredError()
        self.seed, self.generator, self.outlined = seed, stream(seed, "data"), outlined
        self.rows_of = cache(read_csv)
        self.problems: list[Problem] = []
        items = {**_section(definition).inputs, **_section(definition).outputs}
        self.keys = {name: item.key for name, item in items.items() if isinstance(item, ArrayFile) and item.key}
        """Under which other names than their own arrays may stand in an npz: those by which ``[data]`` reads them."""

    def tell(self) -> None:
        """Raise DefinitionError if anything was wrong."""
        if self.problems:
            raise self.definition.error(self.problems)

    def parts(self, data: DataSection, inputs: dict[str, Array], targets: dict[str, Array]) -> dict[str, Samples]:
        """The "samples" to train on and those that are held out."""
        samples = self.samples(inputs, targets, ("data",))
        held_out = {}
        for part in HELD_OUT:
            section = getattr(data, part)
            if section is not None:
                held_out[part] = self.samples(*self.arrays(section, ("data", part)), ("data", part))
        self.tell()
        if data.split is not None:
            shares = {part: share for part, share in data.split.model_dump().items() if share}
            try:
                rows = split_rows(len(samples), shares, stream(self.seed, "split"))
            except DataError as error:
                raise self.definition.error([Problem(("data", "split"), str(error))]) from None
            divided = {part: replace(samples, rows=chosen) for part, chosen in rows.items()}
            samples = divided.pop("train")
            held_out |= divided
        return {"samples": samples, **held_out}

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
        try:
            require_file(path, (".npz",))
            with opened_npz(path) as npz:
                names = list(npz.headers)
                called = {name: name if name in names else self.keys.get(name, name) for name in known}
                read = partial(outline_of, npz) if self.outlined else npz.read
                contents = {name: read(key) for name, key in called.items() if key in names}
        except DataError as error:
            self.problems.append(Problem(place, str(error)))
            return {}
        expected = ", ".join(f"{name} (or {self.keys[name]})" if name in self.keys else name for name in known)
        for name in [name for name in names if name not in called.values()]:
            text = f"{path}: unknown array '{name}'; expected {expected}{did_you_mean(name, known)}"
            self.problems.append(Problem(place, text))
        for name in [name for name in known if name not in contents]:
            self.problems.append(Problem(place, f"{path}: array '{name}' is missing; expected {expected}"))
        arrays = {}
        for name, array in contents.items():
            try:
                arrays[name] = checked(array, path, self.graph.shapes[name], name, self._loss_of(name))
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
                    arrays[name] = read_array(
                        file, shape, name, item.key, self._loss_of(name), item.columns, self.outlined, self.rows_of
                    )
                except MinigraphError as error:
                    self.problems.append(Problem((*path, name, "file"), str(error)))
            elif isinstance(item, Explicit):
                array = np.asarray(item.values)
                try:
                    require_fit(array, shape, name, self._loss_of(name))
                except MinigraphError as error:
                    self.problems.append(Problem((*path, name), str(error)))
                else:
                    arrays[name] = array
            else:
                drawn = ((repeats,) if repeats > 1 else ()) + shape
                arrays[name] = outline(drawn) if self.outlined else item.draw(Parameter(drawn, 0.0), self.generator)
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
