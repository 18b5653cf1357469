"""Run folders: what a training run or a recovery leaves behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minigraph.arrays import Array
from minigraph.data.loading import Data
from minigraph.definition.bundled import DEFINITION
from minigraph.errors import DataError, TrainingDiverged
from minigraph.files.plain import plain
from minigraph.files.writing import PART, write_npz, write_text
from minigraph.model.model import Model
from minigraph.model.weights import LAST
from minigraph.runs.locking import LOCK, locked
from minigraph.training.evaluation import evaluate
from minigraph.training.trainer import Trainer

if TYPE_CHECKING:
    from minigraph.definition import Definition
    from minigraph.recovery import Recovery


CHECKPOINT = "checkpoint.npz"


@dataclass(frozen=True)
class RunSummary:
    """What ``summary.json`` says.

    Attributes:
        steps: how many updates were done.
        loss_first, loss_final: the losses before the first and before the last update.
        seconds: wall time of the training loop, since it was last resumed.
        out: the run's folder.
        metrics: the last evaluation, and that of the test samples, if there are any, as "test_loss" and so on.
        best_step: after how many updates the weights in ``best.npz`` were, where there is validation.
        stopped: why it ended before its length: "patience" or "interrupted".
        diverged_at: the step whose loss was not finite or beyond reason, if there was one.
    """

    name: str
    engine: str
    seed: int
    steps: int
    loss_first: float | None
    loss_final: float | None
    seconds: float
    out: str
    metrics: dict[str, float] = field(default_factory=dict)
    best_step: int | None = None
    stopped: str | None = None
    diverged_at: int | None = None

    def plain(self) -> dict[str, Any]:
        """The facts for JSON: a number that is not finite is told as null."""
        facts: dict[str, Any] = plain(asdict(self))
        return facts


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


def summarize(
    trainer: Trainer, data: Data, engine: str, folder: Path, diverged: TrainingDiverged | None = None
) -> RunSummary:
    """What is to be said of a run that has ended; the test samples are judged now."""
    model, settings, history = trainer.model, trainer.settings, trainer.history
    losses = history.loss if diverged is None else diverged.history.loss
    metrics = {key: value for row in history.evaluations[-1:] for key, value in row.items() if key != "step"}
    if data.test is not None and diverged is None:
        judged = evaluate(model, data.test, settings)
        metrics |= {f"test_{key}": value for key, value in judged.items()}
    return RunSummary(
        model.graph.name,
        engine,
        settings.seed,
        trainer.step,
        float(losses[0]) if len(losses) else None,
        float(losses[-1]) if len(losses) else None,
        round(history.seconds, 6),
        str(folder),
        metrics,
        int(history.best["step"]) if history.best else None,
        history.stopped,
        diverged.step if diverged else None,
    )


def write_results(folder: Path, model: Model, summary: RunSummary) -> None:
    """Write ``weights.npz`` and ``summary.json``, each whole or not at all."""
    model.save(folder / LAST)
    write_text(folder / "summary.json", json.dumps(summary.plain(), indent=2) + "\n")


def write_recovery(folder: Path, definition: Definition, found: Recovery, seed: int) -> None:
    """Write ``definition.toml``, ``weights.npz`` (aligned with a teacher) and ``recovery.json``, each whole or not."""
    definition.save(folder / DEFINITION)
    write_npz(folder / LAST, found.parameters)
    facts = {"name": definition.graph.name, "seed": seed, **found.plain()}
    write_text(folder / "recovery.json", json.dumps(facts, indent=2) + "\n")
