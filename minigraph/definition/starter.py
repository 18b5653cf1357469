"""The starter: a commented definition to begin with, made from ``starter.toml``."""

from __future__ import annotations

from pathlib import Path

from minigraph.errors import DefinitionError
from minigraph.files.writing import write_text
from minigraph.graph.names import name_problems


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
