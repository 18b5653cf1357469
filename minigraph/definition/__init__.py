"""Definitions: a graph, its data and its training in a TOML or JSON file."""

from __future__ import annotations

import gc
import json
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from minigraph.definition.reading import build, override, parse, read_source
from minigraph.definition.sections import HELD_OUT, ArrayFile, DataSection, HeldOut
from minigraph.definition.source import Source
from minigraph.definition.writing import to_json, to_tables, to_toml
from minigraph.errors import DataError, DefinitionError, Problem
from minigraph.files.opening import kind_at
from minigraph.files.writing import write_text
from minigraph.graph.graph import Graph, name_problems
from minigraph.recipe.settings import TrainSection
from minigraph.wording import KeyPath, did_you_mean

__all__ = [
    "ArrayFile",
    "DataSection",
    "Definition",
    "HeldOut",
    "TrainSection",
    "bundled",
    "parse_assignment",
    "write_starter",
]

AnySection = TypeVar("AnySection", DataSection, HeldOut)


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
    def load(cls, path: str | Path, overrides: Sequence[tuple[str, KeyPath, Any]] = ()) -> Definition:
        """Read a definition from a file, or a bundled one by its bare name.

        Args:
            path: a path that ends in .toml or .json, or a name such as ``two_conv``.
            overrides: (the option as it is told in errors, key path, value), put over what the file says.

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
        return name if Path(name).is_absolute() else Path(os.path.relpath(old / name, new)).as_posix()

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


def bundled() -> Mapping[str, Path]:
    """The definitions that come with minigraph, by name."""
    package = Path(__file__).parent.parent
    # In a checkout the folder stands beside the package, in an installed wheel inside it.
    folder = next((place for place in (package / "models", package.parent / "models") if place.is_dir()), package)
    return {file.stem: file for file in sorted(folder.glob("*.toml"))}


def find(path: str | Path) -> Path:
    """The file that a path or a bundled definition's bare name means.

    Raises:
        DefinitionError: there is no such file and no such name.
    """
    file = Path(path)
    try:
        kind = kind_at(file)
    except DataError as error:
        raise DefinitionError(str(error)) from None
    if kind == "a file":
        return file
    known = bundled()
    if str(path) in known:
        return known[str(path)]
    if kind is not None:
        raise DefinitionError(f"{path}: found {kind}; expected a definition file")
    near = did_you_mean(str(path), known)
    bare = f", or one of the bundled {', '.join(known)}{near}" if file.suffix == "" else ""
    raise DefinitionError(f"{path}: no such file; expected a .toml or .json definition{bare}")


def write_starter(name: str, folder: Path) -> Path:
    """Write ``NAME.toml``, a commented definition that trains at once, and return its path.

    Raises:
        DefinitionError: the name cannot be a graph's, or the file exists.
    """
    problems = name_problems(("name",), name)
    file = folder / f"{name}.toml"
    if problems:
        raise DefinitionError(problems)
    if file.exists():
        raise DefinitionError(f"{file}: found a file of this name; expected a new one: nothing is overwritten")
    text = Path(__file__).with_name("starter.toml").read_text(encoding="utf-8")
    write_text(file, text.replace('"NAME"', f'"{name}"'))
    return file


def parse_assignment(text: str) -> tuple[str, KeyPath, Any]:
    """``KEY=VALUE`` of the option ``--set`` as an override: a dotted key and a TOML value, or a bare word.

    Raises:
        DefinitionError: there is no ``=``, or the key is no dotted key.
    """
    option = f"--set {text}"
    key, equals, value = text.partition("=")
    try:
        table = tomllib.loads(f"{key} = 0") if equals else {}
    except tomllib.TOMLDecodeError:
        table = {}
    if not table:
        raise DefinitionError(f"{option}: found no assignment; expected KEY=VALUE, such as train.steps=500")
    path: list[str] = []
    while isinstance(table, dict):
        ((name, table),) = table.items()
        path.append(name)
    try:
        return option, tuple(path), tomllib.loads(f"value = {value}")["value"]
    except (tomllib.TOMLDecodeError, ValueError):
        return option, tuple(path), tomllib.loads(f"value = {json.dumps(value)}")["value"]
