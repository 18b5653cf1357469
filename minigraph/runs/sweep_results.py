"""What a sweep comes to: its runs, the table of its settings, and the files that keep both."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite, nan
from pathlib import Path
from typing import Any

import numpy as np

from minigraph.definition import Definition
from minigraph.files.plain import plain
from minigraph.files.writing import write_text
from minigraph.runs.summary import RunSummary
from minigraph.views.summary import table
from minigraph.wording import enumerated, figures

FACTS = ("seed", "steps", "loss_first", "loss_final", "seconds", "diverged_at", "stopped")
"""What sweep.csv has of each run's summary, before its metrics."""


@dataclass(frozen=True)
class Setting:
    """One combination: the swept values by key, as they were written and as they are meant, and the definition."""

    texts: dict[str, str]
    values: dict[str, Any]
    definition: Definition

    @property
    def label(self) -> str:
        """``learning_rate 1e-5, loss mse``."""
        named = zip(short_names(list(self.texts)), self.texts.values(), strict=True)
        return ", ".join(f"{name} {text}" for name, text in named) or "as declared"


@dataclass(frozen=True)
class Run:
    """One training of a sweep: the place of its setting, and what is to be said of it."""

    setting: int
    summary: RunSummary

    @property
    def judged(self) -> float:
        """What settings are ranked by: the validation loss of the best weights, or the final loss where there is none.

        It is infinite where training diverged, so that divergence flatters no setting.
        """
        if self.summary.diverged_at is not None:
            return inf
        return self.summary.loss_final if self.summary.best is None else self.summary.best.metrics["validation_loss"]

    @property
    def metrics(self) -> dict[str, float]:
        """Those of the best weights, or of the last where there are none."""
        return self.summary.metrics if self.summary.best is None else self.summary.best.metrics


@dataclass(frozen=True)
class Row:
    """What the runs of one setting come to.

    Attributes:
        rank: its place by the median, 1 is best; None where no run has ended.
        diverged: the seeds of the runs that did.
        median: of what runs are judged by, where a diverged run counts as infinite.
        lowest, highest: of the runs that did not diverge; NaN where all did.
        metrics: the medians of what was measured of them beside losses.
    """

    label: str
    rank: int | None
    runs: int
    diverged: list[int]
    median: float
    lowest: float
    highest: float
    metrics: dict[str, float]


@dataclass(frozen=True)
class Sweep:
    """All runs in the order of settings and seeds; ``ended`` says why some are missing, and is empty otherwise."""

    name: str
    engine: str
    settings: list[Setting]
    seeds: list[int]
    runs: list[Run]
    ended: str = ""

    @property
    def criterion(self) -> str:
        """What settings are ranked by, in words."""
        validated = any(run.summary.best is not None for run in self.runs)
        return "best validation loss" if validated else "final loss"

    def runs_of(self, setting: int) -> list[Run]:
        """The runs of a setting that have ended."""
        return [run for run in self.runs if run.setting == setting]

    @property
    def rows(self) -> list[Row]:
        """One for each setting."""
        medians = [_median([run.judged for run in self.runs_of(place)]) for place in range(len(self.settings))]
        rows = []
        for place, (setting, median) in enumerate(zip(self.settings, medians, strict=True)):
            runs = self.runs_of(place)
            sound = [run for run in runs if isfinite(run.judged)]
            keys = dict.fromkeys(key for run in sound for key in run.metrics if not key.endswith("loss"))
            rows.append(
                Row(
                    setting.label,
                    1 + sum(other < median for other in medians) if runs else None,
                    len(runs),
                    [run.summary.seed for run in runs if run.summary.diverged_at is not None],
                    median,
                    min((run.judged for run in sound), default=nan),
                    max((run.judged for run in sound), default=nan),
                    {key: _median([run.metrics[key] for run in sound if key in run.metrics]) for key in keys},
                )
            )
        return rows

    def __str__(self) -> str:
        """The table for people, the best setting first."""
        keys, rows = list(self.settings[0].texts), self.rows
        measured = list(dict.fromkeys(key for row in rows for key in row.metrics))
        columns = ["rank", *short_names(keys), "runs", "diverged", f"median {self.criterion}", "lowest", "highest"]
        columns += [f"median {key}" for key in measured]
        order = sorted(range(len(rows)), key=lambda place: rows[place].rank or inf)
        cells = [
            [
                "-" if row.rank is None else str(row.rank),
                *setting.texts.values(),
                str(row.runs),
                seeds_text(row.diverged),
            ]
            + [_figures(value) for value in (row.median, row.lowest, row.highest)]
            + [_figures(row.metrics.get(key, nan)) for key in measured]
            for setting, row in ((self.settings[place], rows[place]) for place in order)
        ]
        return table(columns, cells, right=["rank", *columns[1 + len(keys) :]])

    def plain(self) -> dict[str, Any]:
        """The facts for JSON: a loss that is not finite is told as null."""
        settings = []
        for place, (setting, row) in enumerate(zip(self.settings, self.rows, strict=True)):
            losses = [
                inf if run.summary.diverged_at is not None else run.summary.loss_final for run in self.runs_of(place)
            ]
            sound = [loss for loss in losses if isfinite(loss)]
            settings.append(
                {
                    "values": setting.values,
                    "rank": row.rank,
                    "runs": row.runs,
                    "diverged": len(row.diverged),
                    "diverged_seeds": row.diverged,
                    "loss_median": _median(losses),
                    "loss_min": min(sound, default=nan),
                    "loss_max": max(sound, default=nan),
                    "ranked_by": self.criterion,
                    "median": row.median,
                    "metrics": row.metrics,
                }
            )
        facts: dict[str, Any] = plain(
            {"name": self.name, "engine": self.engine, "seeds": self.seeds, "settings": settings, "ended": self.ended}
        )
        return facts

    def write(self, folder: Path) -> None:
        """Write ``sweep.csv`` (every run), ``sweep.json`` and ``sweep.png``, each whole or not at all."""
        from minigraph.views.plots.sweep import plot_sweep

        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        last = dict.fromkeys(key for run in self.runs for key in run.summary.metrics)
        best = dict.fromkeys(key for run in self.runs if run.summary.best for key in run.summary.best.metrics)
        columns = [*FACTS, *(f"metrics.{key}" for key in last), "best.step", "best.epoch"]
        writer.writerow([*self.settings[0].texts, *columns, *(f"best.metrics.{key}" for key in best)])
        for run in self.runs:
            found = run.summary.best
            cells = [*(getattr(run.summary, fact) for fact in FACTS), *map(run.summary.metrics.get, last)]
            cells += (
                [None] * (2 + len(best)) if found is None else [found.step, found.epoch, *map(found.metrics.get, best)]
            )
            writer.writerow([*self.settings[run.setting].texts.values(), *cells])
        write_text(folder / "sweep.csv", text.getvalue())
        write_text(folder / "sweep.json", json.dumps(self.plain(), indent=2) + "\n")
        judged = {
            setting.label: {run.summary.seed: run.judged for run in self.runs_of(place)}
            for place, setting in enumerate(self.settings)
        }
        plot_sweep(judged, folder / "sweep.png", f"{self.name}: {self.criterion}", self.criterion)


def short_names(keys: Sequence[str]) -> list[str]:
    """Of each dotted key the last part, or the whole key where two have the same last part."""
    last = [key.rpartition(".")[2] for key in keys]
    return [name if last.count(name) == 1 else key for key, name in zip(keys, last, strict=True)]


def _median(values: Sequence[float]) -> float:
    return float(np.median(values)) if values else nan


def _figures(value: float) -> str:
    return figures(value) if isfinite(value) else "-"


def seeds_text(seeds: Sequence[int]) -> str:
    """``0``, or how many and which: ``2: seeds 3, 7``."""
    return f"{len(seeds)}: seed{'s' * (len(seeds) > 1)} {enumerated(map(str, seeds))}" if seeds else "0"
