"""Run folders: what a training run or a recovery leaves behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from minigraph.arrays import Array
from minigraph.definition.bundled import DEFINITION
from minigraph.errors import DataError
from minigraph.files.writing import PART, write_npz, write_text
from minigraph.model.weights import LAST
from minigraph.runs.locking import LOCK, locked
from minigraph.runs.summary import RunSummary
from minigraph.training.trainer import Trainer

if TYPE_CHECKING:
    from minigraph.definition import Definition
    from minigraph.recovery import Recovery


CHECKPOINT = "checkpoint.npz"


@contextmanager
def run_folder(name: str, out: Path | None = None) -> Iterator[Path]:
    """The folder of a new run, locked while it is entered: ``out``, or the next free ``runs/NAME/NNN``.

    Raises:
        DataError: another process works in it, ``out`` has files already, or the folder cannot be made.
    """
    folder = _new_folder(name, out)
    with locked(folder):
        if _names(folder):
            raise DataError(f"{out}: found a folder with files; expected a new or empty folder: nothing is overwritten")
        yield folder


@contextmanager
def resumed_folder(folder: Path) -> Iterator[Path]:
    """The folder of a run that is gone on with, locked while it is entered.

    Raises:
        DataError: another process works in it, or it is no run's folder.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected a run's")
    with locked(folder):
        names = _names(folder)
        unfinished = {name for name in names if name.endswith(PART)}
        if names - unfinished and not names & {CHECKPOINT, DEFINITION}:
            raise DataError(f"{folder}: found neither {CHECKPOINT} nor {DEFINITION}; expected a run's folder")
        for name in unfinished:
            (folder / name).unlink()  # what a killed process was writing
        yield folder


def _names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()} - {LOCK}


def new_folder(name: str, out: Path | None) -> Path:
    """A new folder for results that are written in one go: ``out``, or the next free ``runs/NAME/NNN``.

    Raises:
        DataError: ``out`` has files already, or the folder cannot be made.
    """
    folder = _new_folder(name, out)
    if any(folder.iterdir()):
        raise DataError(f"{out}: found a folder with files; expected a new or empty folder: nothing is overwritten")
    return folder


def _new_folder(name: str, out: Path | None) -> Path:
    try:
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            return out
        family = Path("runs") / name
        family.mkdir(parents=True, exist_ok=True)
        number = max((int(run.name) for run in family.iterdir() if run.name.isdecimal()), default=0)
        while True:
            number += 1
            try:
                (family / f"{number:03d}").mkdir()
            except FileExistsError:
                continue  # another run took the number first
            return family / f"{number:03d}"
    except OSError as error:
        raise DataError(f"{error.filename}: the run's folder cannot be made: {error.strerror}") from None


class HistoryFile:
    """``history.csv`` while it grows: a row for each step, with the evaluation that followed it, if one did.

    It begins with what the trainer has seen already, so that a run that is resumed leaves the file of an unbroken one.
    """

    def __init__(self, path: Path, trainer: Trainer) -> None:
        self._columns, self._rows = trainer.columns, 0
        write_text(path, ",".join(["step", "loss", *self._columns]) + "\n" + self._new_rows(trainer))
        self._file = path.open("ab", buffering=0)

    def grow(self, trainer: Trainer) -> None:
        """Write the steps since the last time, whole rows at once."""
        self._file.write(self._new_rows(trainer).encode())

    def end_with(self, losses: Array) -> None:
        """Write what of all ``losses`` of a run that diverged is not written yet."""
        rows = enumerate(losses[self._rows :].tolist(), start=self._rows)
        self._file.write("".join(f"{step},{loss!r}{',' * len(self._columns)}\n" for step, loss in rows).encode())

    def __enter__(self) -> HistoryFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _new_rows(self, trainer: Trainer) -> str:
        after = {int(row["step"]) - 1: row for row in trainer.evaluations if row["step"] > self._rows}
        rows = []
        for step, loss in enumerate(trainer.losses[self._rows :].tolist(), start=self._rows):
            row = after.get(step, {})
            rows.append(
                ",".join([str(step), repr(loss), *(repr(row[key]) if key in row else "" for key in self._columns)])
            )
        self._rows = trainer.step
        return "".join(f"{row}\n" for row in rows)


def write_summary(folder: Path, summary: RunSummary) -> None:
    """Write ``summary.json``, whole or not at all."""
    write_text(folder / "summary.json", json.dumps(summary.plain(), indent=2) + "\n")


def write_recovery(folder: Path, definition: Definition, found: Recovery, seed: int) -> None:
    """Write ``definition.toml``, ``weights.npz`` (aligned with a teacher) and ``recovery.json``, each whole or not."""
    definition.save(folder / DEFINITION)
    write_npz(folder / LAST, found.parameters)
    facts = {"name": definition.graph.name, "seed": seed, **found.plain()}
    write_text(folder / "recovery.json", json.dumps(facts, indent=2) + "\n")
