"""Comparison: what several runs' folders say, side by side."""

from __future__ import annotations

import csv
from collections.abc import Iterable
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
from minigraph.recipe.metrics import METRICS
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
        metric: what was best in "best": the first metric, of the validation samples if there are any, or the loss of
            those. None where nothing was evaluated.
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
    losses, columns = _read_history(folder / "history.csv")
    summary = _read_summary(folder / "summary.json")
    metric = next((name for name in columns if not name.endswith("_loss")), next(iter(columns), None))
    label = "loss" if metric is None else metric.removeprefix("validation_")
    kind = label.rpartition(".")[2]
    rises = kind in METRICS and METRICS.find(kind).rises
    values = [] if metric is None else columns[metric]
    ran = ComparedRun(
        str(folder),
        definition.graph.name,
        to_table(optimizers(), "name", settings.optimizer)["name"],
        getattr(settings.optimizer, "learning_rate", None),
        settings.seed,
        len(losses),
        _figure(summary, "loss_first", losses[:1]),
        _figure(summary, "loss_final", losses[-1:]),
        metric if values else None,
        (max if rises else min)(values, default=None),
        summary.get("metrics", {}).get(f"test_{label}"),
        summary.get("seconds"),
        _end(summary),
    )
    return ran, np.array(losses)


def _read_history(path: Path) -> tuple[list[float], dict[str, list[float]]]:
    """The losses, and what the evaluations told, by column."""
    losses: list[float] = []
    columns: dict[str, list[float]] = {}
    reader = csv.DictReader(StringIO(read_text(path, longest=LONGEST_CSV), newline=""), restkey="")
    try:
        names = list(reader.fieldnames or [])
        if names[:2] != ["step", "loss"]:
            columns_text = "other columns" if names else "no columns"
            raise DataError(f"{path}: found {columns_text}; expected step, loss and metrics")
        columns = {name: [] for name in names[2:]}
        for number, row in enumerate(reader):
            try:
                if "" in row or int(row["step"]) != number:
                    raise ValueError
                losses.append(float(row["loss"]))
                for name in columns:
                    if row[name]:
                        columns[name].append(float(row[name]))
            except (ValueError, TypeError):
                expected = f"step {number} with a number in each column"
                raise DataError(
                    f"{path}: row {number + 1}: found another step, or no number; expected {expected}"
                ) from None
    except csv.Error:
        raise DataError(f"{path}: line {reader.line_num + 1}: cannot be read as csv") from None
    return losses, columns


def _read_summary(path: Path) -> dict[str, Any]:
    if kind_at(path) is None:
        return {}
    summary = read_json(path)
    if not isinstance(summary, dict) or not isinstance(summary.get("metrics", {}), dict):
        raise DataError(f"{path}: found no table of facts; expected a run's summary")
    return summary


def _figure(summary: dict[str, Any], key: str, instead: list[float]) -> float:
    value = summary.get(key, next(iter(instead), nan))
    return nan if value is None else float(value)


def _end(summary: dict[str, Any]) -> str:
    if not summary:
        return "unfinished"
    stopped = summary.get("stopped")
    return "done" if stopped in (None, "steps", "epochs") else str(stopped)


def labels(runs: Iterable[ComparedRun]) -> list[str]:
    """A short name for each run: as much of the folder's end as tells it from the others, and the optimizer."""
    compared = list(runs)
    paths = [Path(run.run).absolute().parts for run in compared]
    length = 2
    while length < max(map(len, paths)) and len({path[-length:] for path in paths}) < len(set(paths)):
        length += 1
    return [f"{'/'.join(path[-length:])}  {run.optimizer}" for path, run in zip(paths, compared, strict=True)]
