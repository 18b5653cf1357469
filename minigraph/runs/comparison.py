"""Comparison: what several runs' folders say, side by side."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass
from io import StringIO
from math import nan
from pathlib import Path
from typing import Any

import numpy as np

from minigraph.arrays import Array
from minigraph.declared.tables import to_table
from minigraph.definition import Definition
from minigraph.errors import DataError
from minigraph.files.csv import LONGEST_CSV
from minigraph.files.opening import kind_at
from minigraph.files.plain import plain
from minigraph.files.text import read_json, read_text
from minigraph.recipe.settings import optimizers


@dataclass(frozen=True)
class ComparedRun:
    """A run as its folder tells it.

    Attributes:
        run: the folder; name: the graph's.
        optimizer, learning_rate, seed: as the definition in the folder has them.
        steps: how many losses there are.
        loss_first, loss_final: as in the summary; of a run that has not ended the first and the last of the losses, nan
            if there are none.
        validation_loss: the lowest; best_step: after how many updates it was: that of the weights in ``best.npz``. None
            without validation samples.
        metric: the first metric, of the validation samples if there are any; best: what it was at the best step, or
            without one of the last weights. None where nothing was measured.
        test: the same of the test samples, if there were any.
        seconds: wall time of the training loop; None where the run has not ended.
        end: "done", "patience", "interrupted", "diverged" or "unfinished".
    """

    run: str
    name: str
    optimizer: str
    learning_rate: float | None
    seed: int
    steps: int
    loss_first: float
    loss_final: float
    validation_loss: float | None
    best_step: int | None
    metric: str | None
    best: float | None
    test: float | None
    seconds: float | None
    end: str

    def plain(self) -> dict[str, Any]:
        """The facts for JSON: a number that is not finite is told as null."""
        facts: dict[str, Any] = plain(asdict(self))
        return facts


def read_run(folder: Path) -> tuple[ComparedRun, Array]:
    """What a run's folder says, and the losses (steps,). The run may still be going on.

    Raises:
        DataError: the folder is no run's, or a file of it is damaged. DefinitionError: the definition of it is.
    """
    kind = kind_at(folder)
    if kind != "a folder":
        raise DataError(f"{folder}: {'no such folder' if kind is None else f'found {kind}'}; expected a run's folder")
    for file in ("definition.toml", "history.csv"):
        if kind_at(folder / file) is None:
            raise DataError(f"{folder}: found no {file}; expected a run's folder")
    definition = Definition.load(folder / "definition.toml")
    settings = definition.train
    if settings is None:
        raise DataError(f"{folder / 'definition.toml'}: found no [train]; expected a run's definition")
    losses, evaluations = _read_history(folder / "history.csv")
    summary = _read_summary(folder / "summary.json")
    measured, best_step = _measured(summary, evaluations)
    validated = [key for key in measured if key.startswith("validation_")]
    own = validated or [key for key in measured if not key.startswith("test_")]
    metric = next((key for key in own if not key.endswith("loss")), next(iter(validated), None))
    ran = ComparedRun(
        str(folder),
        definition.graph.name,
        to_table(optimizers(), "name", settings.optimizer)["name"],
        getattr(settings.optimizer, "learning_rate", None),
        settings.seed,
        len(losses),
        _figure(summary, "loss_first", losses[:1]),
        _figure(summary, "loss_final", losses[-1:]),
        measured.get("validation_loss"),
        best_step,
        metric,
        None if metric is None else measured[metric],
        None if metric is None else measured.get(f"test_{metric.removeprefix('validation_')}"),
        summary.get("seconds"),
        _end(summary),
    )
    return ran, np.array(losses)


def _measured(summary: dict[str, Any], evaluations: list[dict[str, float]]) -> tuple[dict[str, float], int | None]:
    """The metrics of the best weights by validation and their step, or of the last weights and None."""
    if summary:
        best = summary.get("best")
        return (best.get("metrics", {}), best.get("step")) if best else (summary.get("metrics", {}), None)
    judged = [row for row in evaluations if "validation_loss" in row]
    row = min(judged, key=lambda row: row["validation_loss"]) if judged else (evaluations or [{}])[-1]
    return {key: row[key] for key in row if key != "step"}, int(row["step"]) if judged else None


def _read_history(path: Path) -> tuple[list[float], list[dict[str, float]]]:
    """The losses, and what each evaluation told, with "step": how many updates were done."""
    losses: list[float] = []
    evaluations: list[dict[str, float]] = []
    reader = csv.DictReader(StringIO(read_text(path, longest=LONGEST_CSV), newline=""), restkey="")
    try:
        names = list(reader.fieldnames or [])
        if names[:2] != ["step", "loss"]:
            columns_text = "other columns" if names else "no columns"
            raise DataError(f"{path}: found {columns_text}; expected step, loss and metrics")
        for number, row in enumerate(reader):
            try:
                if "" in row or int(row["step"]) != number:
                    raise ValueError
                losses.append(float(row["loss"]))
                told = {name: float(row[name]) for name in names[2:] if row[name]}
            except (ValueError, TypeError):
                expected = f"step {number} with a number in each column"
                raise DataError(
                    f"{path}: row {number + 1}: found another step, or no number; expected {expected}"
                ) from None
            if told:
                evaluations.append({"step": number + 1, **told})
    except csv.Error:
        raise DataError(f"{path}: line {reader.line_num + 1}: cannot be read as csv") from None
    return losses, evaluations


def _read_summary(path: Path) -> dict[str, Any]:
    if kind_at(path) is None:
        return {}
    summary = read_json(path)
    tables = [summary]
    if isinstance(summary, dict):
        best = summary.get("best") or {}
        tables += [best, summary.get("metrics", {}), best.get("metrics", {}) if isinstance(best, dict) else {}]
    if not all(isinstance(table, dict) for table in tables):
        raise DataError(f"{path}: found no table of facts; expected a run's summary")
    facts: dict[str, Any] = summary
    return facts


def _figure(summary: dict[str, Any], key: str, instead: list[float]) -> float:
    value = summary.get(key, next(iter(instead), nan))
    return nan if value is None else float(value)


def _end(summary: dict[str, Any]) -> str:
    if not summary:
        return "unfinished"
    stopped = summary.get("stopped")
    return "done" if stopped in (None, "steps", "epochs") else str(stopped)
