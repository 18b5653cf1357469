"""Definition: a graph, its data and its training, read from a file and written to one."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from minigraph.definition.building import build
from minigraph.definition.bundled import find
from minigraph.definition.parsing import override, parse, read_source
from minigraph.definition.sections import HELD_OUT, ArrayFile, DataSection, HeldOut
from minigraph.definition.source import Source
from minigraph.definition.writing import to_json, to_tables, to_toml
from minigraph.errors import DefinitionError, Problem
from minigraph.files.writing import write_text
from minigraph.graph.graph import Graph
from minigraph.recipe.settings import TrainSection, loss_advice, loss_doubts
from minigraph.wording import KeyPath

AnySection = TypeVar("AnySection", DataSection, HeldOut)

Override = tuple[str, KeyPath, Any]
"""A value put over what a file says: the option that gives it, as errors tell it, the key's path, the value."""


@dataclass(frozen=True)
class Definition:
    """What a definition file says.

    Attributes:
        graph: the graph; data, train: its sections, where the file has them.
        folder: what the file names of data are relative to.
        source: the text, for problems that show only when the data are read.
    """

    graph: Graph
    data: DataSection | None = None
    train: TrainSection | None = None
    folder: Path = Path()
    source: Source | None = None

    @classmethod
    def load(cls, path: str | Path, overrides: Sequence[Override] = ()) -> Definition:
        """Read a definition from a file, or a bundled one by its bare name.

        Args:
            path: a path that ends in .toml or .json, or a name such as ``two_conv``.
            overrides: put over what the file says, in this order.

        Raises:
            DefinitionError: the file is missing or wrong; the text has every mistake with its place.
        """
        file = find(path)
        source = read_source(file, str(path) if Path(path).suffix else str(file))
        with _collector_paused():
            tables = parse(source)
            for option, keys, value in overrides:
                override(tables, source, keys, value, option)
            return cls(*build(tables, source), file.parent, source)

    def save(self, path: str | Path) -> None:
        """Write the definition, TOML or JSON by the name's end, whole or not at all.

        Names of data files are rewritten so that they hold from the new place.

        Raises:
            DefinitionError: the name ends in neither. DataError: the file cannot be written.
        """
        path = Path(path)
        if path.suffix not in (".toml", ".json"):
            raise DefinitionError(f"{path}: found a name that ends in '{path.suffix}'; expected .toml or .json")
        data = self.data and _moved(self.data, self.folder, path.parent)
        tables = to_tables(self.graph, data, self.train)
        write_text(path, to_json(tables) if path.suffix == ".json" else to_toml(tables))

    def warnings(self) -> list[Problem]:
        """What is sound and yet hardly meant, and what would do better."""
        found = self.graph.warnings()
        if self.train is not None:
            answering, loss = self.graph.answering(), self.train.loss
            found += [*loss_doubts(answering, loss), *loss_advice(answering, loss)]
        return found

    def tell(self, problem: Problem) -> str:
        """A problem as a block of text, with its place where the definition was read from a text."""
        return self.source.render(problem) if self.source else problem.message

    def error(self, problems: Sequence[Problem]) -> DefinitionError:
        """The error that shows these problems in the definition's text."""
        return DefinitionError(problems, self.source)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Without Python's garbage collector, whose passes over a large graph in the making grow faster than the graph."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def _moved(data: DataSection, old: Path, new: Path) -> DataSection:
    def moved(name: str) -> str:
        if Path(name).is_absolute():
            return name
        file = old / name
        # The system follows links before it goes up to a parent, so ".." counts from where folders really lie.
        really = os.path.join(os.path.realpath(file.parent), file.name)
        return Path(os.path.relpath(really, os.path.realpath(new))).as_posix()

    def source(item: Any) -> Any:
        return item.model_copy(update={"file": moved(item.file)}) if isinstance(item, ArrayFile) else item

    def files(section: AnySection) -> AnySection:
        return section.model_copy(
            update={
                "file": section.file and moved(section.file),
                "inputs": {name: source(item) for name, item in section.inputs.items()},
                "outputs": {name: source(item) for name, item in section.outputs.items()},
            }
        )

    held_out = {key: files(getattr(data, key)) for key in HELD_OUT if getattr(data, key) is not None}
    return files(data).model_copy(update=held_out)
