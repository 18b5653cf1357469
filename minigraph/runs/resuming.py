"""Going on with a run: with the settings that it was started with, and with what its file says otherwise since then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from minigraph.definition import Override
from minigraph.definition.bundled import find
from minigraph.definition.parsing import parse, read_source
from minigraph.definition.sections import ARRAYS
from minigraph.files.opening import kind_at
from minigraph.recipe.settings import LENGTHS
from minigraph.runs.folder import CHECKPOINT
from minigraph.training import read_notes
from minigraph.wording import KeyPath, shorten, spell_path

TOGETHER = {"data": {"source", "file", *ARRAYS}, "train": set(LENGTHS)}
"""Keys that take each other's place: where a file has changed one of them, no option for another one holds."""


@dataclass(frozen=True)
class Start:
    """What a run was started with; its checkpoints keep it.

    Attributes:
        file: [data] and [train] as they stood in the file.
        overrides: what the command line put over the file.
        options: what else it gave, by name: the engine and so on.
    """

    file: dict[str, Any] = field(default_factory=dict)
    overrides: list[Override] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Start:
        """What the checkpoint in a run's folder has of its start; nothing where there is none.

        Raises:
            DataError: the checkpoint cannot be read.
        """
        checkpoint = folder / CHECKPOINT
        notes = {} if kind_at(checkpoint) is None else read_notes(checkpoint)
        given = [(option, tuple(path), value) for option, path, value in notes.get("overrides", [])]
        return cls(notes.get("file", {}), given, notes.get("options", {}))

    def plain(self) -> dict[str, Any]:
        """As plain tables for a trainer's notes."""
        return asdict(self)

    def changed_to(self, file: dict[str, Any], given: list[Override]) -> tuple[list[str], list[Override]]:
        """What is told of a file that has changed since, and the overrides of the start that still hold.

        Args:
            given: overrides that are given anew. They count, then a changed key, then what was given at the start.
        """
        told, held = [], self.overrides
        for path, old, new in _differences(self.file, file) if self.file else ():
            held = [override for override in held if not _replaces(path, override[1])]
            counts = next((option for option, key, _ in given if _replaces(path, key)), "which")
            told.append(
                f"{spell_path(path)} has changed since the start from {_told(old)} to {_told(new)}, {counts} counts"
            )
        return told, held


def sections(model: str | Path) -> dict[str, Any]:
    """[data] and [train] as they stand in a definition file, which is looked at no further.

    Raises:
        DefinitionError: there is no such file, or its text is neither TOML nor JSON.
    """
    tables = parse(read_source(find(model), str(model)))
    return {key: tables.get(key) for key in TOGETHER}


def _replaces(changed: KeyPath, given: KeyPath) -> bool:
    """Whether a key that a file has changed takes the place of one that an option gave."""
    length = min(len(changed), len(given))
    if changed[:length] == given[:length]:
        return True
    together = TOGETHER[str(changed[0])]
    return changed[0] == given[0] and together.issuperset([*changed[1:2], *given[1:2]])


def _differences(old: Any, new: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any, Any]]:
    """Path, old and new value of what differs, None for what is not there."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            yield from _differences(old.get(key), new.get(key), (*path, key))
    elif old != new:
        yield path, old, new


def _told(value: Any) -> str:
    return "none" if value is None else shorten(json.dumps(value))
