"""What a sweep comes to: its runs, the table of its settings, and the files that keep both."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from minigraph.definition import Definition
from minigraph.files.plain import plain
from minigraph.files.writing import write_text
from minigraph.wording import table


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
    """One training of a sweep.

    Attributes:
        setting: the place of its setting. steps: how many losses there are.
        loss_first, loss_final: the losses before the first and before the last update.
        diverged_at: the step whose loss was not finite, if there was one.
    """

    setting: int
    seed: int
    steps: int
    loss_first: float
    loss_final: float
    seconds: float
    diverged_at: int | None


@dataclass(frozen=True)
class Row:
    """What the runs of one setting come to.

    Attributes:
        median: of the final losses, where a diverged run counts as infinite, so that divergence flatters no setting.
        lowest, highest: of the final losses of the runs that did not diverge; NaN where all did.
    """

    label: str
    runs: int
    diverged: int
    median: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class Sweep:
    """All runs in the order of settings and seeds; ``ended`` says why some are missing, and is empty otherwise."""

    name: str
    engine: str
    settings: list[Setting]
    seeds: list[int]
    runs: list[Run]
    ended: str = ""

    def losses(self, setting: int) -> list[float]:
        """A setting's final losses, infinite where training diverged."""
        return [
            float("inf") if one.diverged_at is not None else one.loss_final
            for one in self.runs
            if one.setting == setting
        ]

    @property
    def rows(self) -> list[Row]:
        """One for each setting."""
        rows = []
        for place, setting in enumerate(self.settings):
            losses = np.array(self.losses(place))
            sound = losses[np.isfinite(losses)]
            median = float(np.median(losses)) if losses.size else float("nan")
            lowest, highest = (float(sound.min()), float(sound.max())) if sound.size else (float("nan"),) * 2
            rows.append(Row(setting.label, losses.size, losses.size - sound.size, median, lowest, highest))
        return rows

    def __str__(self) -> str:
        """The table for people."""
        keys = list(self.settings[0].texts)
        columns = [*short_names(keys), "runs", "diverged", "median loss", "lowest", "highest"]
        cells = [
            [*setting.texts.values(), str(row.runs), str(row.diverged)]
            + [f"{loss:.6g}" if isfinite(loss) else "-" for loss in (row.median, row.lowest, row.highest)]
            for setting, row in zip(self.settings, self.rows, strict=True)
        ]
        return table(columns, cells, right=columns[len(keys) :])

    def plain(self) -> dict[str, Any]:
        """The facts for JSON: a loss that is not finite is told as null."""
        facts: dict[str, Any] = plain(
            {
                "name": self.name,
                "engine": self.engine,
                "seeds": self.seeds,
                "settings": [
                    {
                        "values": setting.values,
                        "runs": row.runs,
                        "diverged": row.diverged,
                        "loss_median": row.median,
                        "loss_min": row.lowest,
                        "loss_max": row.highest,
                    }
                    for setting, row in zip(self.settings, self.rows, strict=True)
                ],
                "ended": self.ended,
            }
        )
        return facts

    def write(self, folder: Path) -> None:
        """Write ``sweep.csv`` (every run), ``sweep.json`` and ``sweep.png``, each whole or not at all."""
        from minigraph.views.plots.sweep import plot_sweep

        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        facts = ("seed", "steps", "loss_first", "loss_final", "seconds", "diverged_at")
        writer.writerow([*self.settings[0].texts, *facts])
        for one in self.runs:
            writer.writerow([*self.settings[one.setting].texts.values(), *(getattr(one, fact) for fact in facts)])
        write_text(folder / "sweep.csv", text.getvalue())
        write_text(folder / "sweep.json", json.dumps(self.plain(), indent=2) + "\n")
        losses = {setting.label: self.losses(place) for place, setting in enumerate(self.settings)}
        plot_sweep(losses, folder / "sweep.png", f"{self.name}: final loss")


def short_names(keys: Sequence[str]) -> list[str]:
    """Of each dotted key the last part, or the whole key where two have the same last part."""
    last = [key.rpartition(".")[2] for key in keys]
    return [name if last.count(name) == 1 else key for key, name in zip(keys, last, strict=True)]
