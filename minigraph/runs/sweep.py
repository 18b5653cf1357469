"""Sweeps: a definition trained with every combination of some values, from several seeds each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod

from minigraph.data.loading import load_data
from minigraph.data.samples import Samples
from minigraph.definition import Definition, Override
from minigraph.errors import DefinitionError, ExecutorError, MinigraphError, Problem, TrainingDiverged
from minigraph.executors import run_tasks
from minigraph.executors.outcomes import BY_HAND
from minigraph.model.model import Model
from minigraph.runs.summary import summarize
from minigraph.runs.sweep_results import Run, Setting, Sweep
from minigraph.training import Trainer, new_trainer, run_training

MOST_RUNS = 100_000
"""A sweep has so many runs at most: more are a slip in a range."""


@dataclass(frozen=True)
class Axis:
    """A key that a sweep varies.

    Attributes:
        name: the key as it was written.
        values: what each value, as it was written, puts over the definition.
    """

    name: str
    values: Mapping[str, Override]


def combinations(
    load: Callable[[Sequence[Override]], Definition], axes: Sequence[Axis], seeds: Sequence[int]
) -> list[Setting]:
    """Every combination of the axes' values, each with its definition, all of them checked with their data.

    Args:
        load: the definition that overrides make; it has ``[train]``.

    Raises:
        DefinitionError: there are too many, or a combination is wrong: the text has every mistake once.
    """
    count = len(seeds) * prod(len(axis.values) for axis in axes)
    if count > MOST_RUNS:
        raise DefinitionError(f"found {count} runs; expected at most {MOST_RUNS}: fewer values or seeds")
    settings: list[Setting] = []
    blocks: dict[str, None] = {}
    for chosen in product(*(axis.values.items() for axis in axes)):
        try:
            definition = load([override for _, override in chosen])
            _trainer(definition, seeds[0], "fast")  # finds what does not fit
        except MinigraphError as error:
            blocks |= dict.fromkeys(error.blocks())
            continue
        # A worker may stand elsewhere.
        definition = replace(definition, folder=definition.folder.resolve())
        named = [(axis.name, text, value) for axis, (text, (_, _, value)) in zip(axes, chosen, strict=True)]
        texts, values = {name: text for name, text, _ in named}, {name: value for name, _, value in named}
        settings.append(Setting(texts, values, definition))
    if blocks:
        raise DefinitionError([Problem((), block) for block in blocks])
    return settings


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
        workers, scheduler: where, as for :func:`minigraph.executors.run_tasks`. Data files are read there.
        on_run: called with each run when it has ended, in any order where there are several workers.

    Ctrl-C or the loss of all workers ends the sweep with the runs that have ended, if there are any.

    Raises:
        ExecutorError: the workers cannot be had, or were lost before any run had ended.
        DefinitionError: no such engine, or workers is no positive integer.
    """
    tasks = [(place, seed) for place in range(len(settings)) for seed in seeds]
    ended_runs: dict[int, Run] = {}

    def note(index: int, one: Run) -> None:
        ended_runs[index] = one
        if on_run is not None:
            on_run(one)

    ended = ""
    try:
        run_tasks(
            _train_one,
            [(place, settings[place].definition, seed, engine) for place, seed in tasks],
            workers=workers,
            scheduler=scheduler,
            on_result=note,
        )
    except (KeyboardInterrupt, ExecutorError) as error:
        if not ended_runs:
            raise
        ended = str(error) or BY_HAND
    name = settings[0].definition.graph.name
    return Sweep(name, engine, list(settings), list(seeds), [ended_runs[index] for index in sorted(ended_runs)], ended)


def _train_one(task: tuple[int, Definition, int, str]) -> Run:
    place, definition, seed, engine = task
    diverged = None
    trainer, test = _trainer(definition, seed, engine)
    trainer.begin()
    try:
        run_training(trainer)
    except TrainingDiverged as error:
        diverged = error
    return Run(place, summarize(trainer, test, engine, None, diverged))


def _trainer(definition: Definition, seed: int, engine: str) -> tuple[Trainer, Samples | None]:
    """What trains a definition as it says, from a seed, and the test samples."""
    assert definition.train is not None, "a setting's definition has [train]"
    model = Model(definition.graph, seed, engine)
    data = load_data(definition, model.dtype, seed)
    settings = definition.train.model_copy(update={"seed": seed})
    return new_trainer(model, data.samples, data.validation, settings), data.test
