"""Sweeps: a definition trained with every combination of some values, from several seeds each."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from minigraph.data.loading import load_data
from minigraph.definition import Definition, parse_assignment
from minigraph.errors import DefinitionError, ExecutorError, MinigraphError, Problem, TrainingDiverged
from minigraph.executors import run
from minigraph.files.writing import write_text
from minigraph.model.model import Model
from minigraph.training import Trainer, new_trainer
from minigraph.training import run as train
from minigraph.views.summary import table

MOST_RUNS = 100_000
"""A sweep has so many runs at most: more are a slip in a range."""
INTERRUPTED = "interrupted"


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
        """The facts for JSON, which has no infinity: a loss that is not finite is told as null."""
        return {
            "name": self.name,
            "engine": self.engine,
            "seeds": self.seeds,
            "settings": [
                {
                    "values": setting.values,
                    "runs": row.runs,
                    "diverged": row.diverged,
                    "loss_median": _finite(row.median),
                    "loss_min": _finite(row.lowest),
                    "loss_max": _finite(row.highest),
                }
                for setting, row in zip(self.settings, self.rows, strict=True)
            ],
            "ended": self.ended,
        }

    def write(self, folder: Path) -> None:
        """Write ``sweep.csv`` (every run), ``sweep.json`` and ``sweep.png``, each whole or not at all."""
        import csv
        import io

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


def _finite(loss: float) -> float | None:
    return loss if isfinite(loss) else None


# What is swept


def parse_seeds(text: str) -> list[int]:
    """``0..19`` (both ends belong to it), ``3,5,8`` or ``0..4,10`` as numbers.

    Raises:
        DefinitionError: it is none of these, a range is empty, or a seed is given twice.
    """
    wrong = f"--seeds {text}: found"
    wanted = "expected numbers or ranges with commas, such as 0..19 or 3,5,8"
    seeds: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"(\d{1,18})(?:\.\.(\d{1,18}))?", part.strip())
        if not found:
            raise DefinitionError(f"{wrong} '{part.strip()}'; {wanted}")
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first:
            raise DefinitionError(f"{wrong} a range from {first} down to {last}; expected the lower end first")
        if last - first >= MOST_RUNS:
            raise DefinitionError(f"{wrong} {last - first + 1} seeds; expected at most {MOST_RUNS}")
        seeds += range(first, last + 1)
    twice = next((seed for place, seed in enumerate(seeds) if place and seed in set(seeds[:place])), None)
    if twice is not None:
        raise DefinitionError(f"{wrong} {twice} twice; expected each seed once")
    return seeds


def parse_values(text: str) -> list[str]:
    """``KEY=V1,V2`` as ``KEY=V1``, ``KEY=V2``: commas within brackets, braces and quotes belong to a value.

    Raises:
        DefinitionError: there is no ``=``, a value is missing, or one is given twice.
    """
    key, equals, given = text.partition("=")
    if not equals:
        raise DefinitionError(
            f"--set {text}: found no assignment; expected KEY=VALUE,VALUE such as train.steps=500,1000"
        )
    values = _split(given)
    if "" in values:
        raise DefinitionError(f"--set {text}: found an empty value; expected one before, between and after commas")
    twice = next((value for place, value in enumerate(values) if value in values[:place]), None)
    if twice is not None:
        raise DefinitionError(f"--set {text}: found {twice} twice; expected each value once")
    return [f"{key}={value}" for value in values]


def _split(given: str) -> list[str]:
    """The values between commas. A part is a value if it is one in TOML, or has no open bracket or quote."""
    values: list[str] = []
    part = ""
    for piece in given.split(","):
        part = f"{part},{piece}" if part else piece
        if _is_toml(part) or not re.search(r"[\[\]{}\"']", part):
            values.append(part.strip())
            part = ""
    return [*values, part.strip()] if part else values


def _is_toml(value: str) -> bool:
    try:
        tomllib.loads(f"value = {value}")
    except (tomllib.TOMLDecodeError, ValueError):
        return False
    return True


def combinations(load: Callable[[list[str]], Definition], given: Sequence[str], seeds: Sequence[int]) -> list[Setting]:
    """Every combination of the values, each with its definition, all of them checked with their data.

    Args:
        load: the definition that a list of assignments ``KEY=VALUE`` makes; it has ``[train]``.
        given: texts ``KEY=V1,V2``, each of a key of its own.

    Raises:
        DefinitionError: a text or a combination is wrong: the text has every mistake once.
    """
    axes = [parse_values(text) for text in given]
    keys = [parse_assignment(axis[0])[1] for axis in axes]
    for place, key in enumerate(keys):
        if key in keys[:place]:
            raise DefinitionError(
                f"--set {given[place]}: found the key a second time; expected all its values in one --set"
            )
        if key == ("train", "seed"):
            raise DefinitionError(f"--set {given[place]}: found seeds; expected them in --seeds")
    count = len(seeds)
    for axis in axes:
        count *= len(axis)
    if count > MOST_RUNS:
        raise DefinitionError(f"found {count} runs; expected at most {MOST_RUNS}: fewer values or seeds")
    settings: list[Setting] = []
    blocks: dict[str, None] = {}
    for chosen in product(*axes):
        pairs = [text.partition("=") for text in chosen]
        values = {key.strip(): parse_assignment(text)[2] for (key, _, _), text in zip(pairs, chosen, strict=True)}
        try:
            definition = load(list(chosen))
            _trainer(definition, seeds[0], "fast")  # finds what does not fit
        except MinigraphError as error:
            blocks |= dict.fromkeys(error.blocks())
            continue
        # A worker may stand elsewhere.
        definition = replace(definition, folder=definition.folder.resolve())
        settings.append(Setting({key.strip(): value for key, _, value in pairs}, values, definition))
    if blocks:
        raise DefinitionError([Problem((), block) for block in blocks])
    return settings


# Running them


def sweep(
    settings: Sequence[Setting],
    seeds: Sequence[int],
    *,
    engine: str = "fast",
    workers: int | None = None,
    scheduler: str | None = None,
    on_run: Callable[[Run], None] | None = None,
) -> Sweep:
    """Train every setting from every seed.

    Args:
        workers, scheduler: where, as for :func:`minigraph.executors.run`. Data files are read there.
        on_run: called with each run when it has ended, in any order where there are several workers.

    Ctrl-C or the loss of all workers ends the sweep with the runs that have ended, if there are any.

    Raises:
        ExecutorError: the workers cannot be had, or were lost before any run had ended.
        DefinitionError: no such engine, or workers is no positive integer.
    """
    tasks = [(place, seed) for place in range(len(settings)) for seed in seeds]
    found: dict[int, Run] = {}

    def note(index: int, one: Run) -> None:
        found[index] = one
        if on_run is not None:
            on_run(one)

    ended = ""
    try:
        run(
            _train_one,
            [(place, settings[place].definition, seed, engine) for place, seed in tasks],
            workers=workers,
            scheduler=scheduler,
            on_result=note,
        )
    except (KeyboardInterrupt, ExecutorError) as error:
        if not found:
            raise
        ended = str(error) or INTERRUPTED
    name = settings[0].definition.graph.name
    return Sweep(name, engine, list(settings), list(seeds), [found[index] for index in sorted(found)], ended)


def _train_one(task: tuple[int, Definition, int, str]) -> Run:
    place, definition, seed, engine = task
    diverged_at = None
    trainer = _trainer(definition, seed, engine)
    try:
        train(trainer)
        history = trainer.history
    except TrainingDiverged as error:
        history, diverged_at = error.history, error.step
    losses = history.loss
    return Run(place, seed, len(losses), float(losses[0]), float(losses[-1]), round(history.seconds, 6), diverged_at)


def _trainer(definition: Definition, seed: int, engine: str) -> Trainer:
    """What trains a definition as it says, from a seed."""
    assert definition.train is not None, "a setting's definition has [train]"
    model = Model(definition.graph, seed, engine)
    data = load_data(definition, model.dtype, seed)
    settings = definition.train.model_copy(update={"seed": seed})
    return new_trainer(model, data.samples, data.validation, settings)
