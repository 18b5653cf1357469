"""Checkpoints: all of a run in one npz, from which it goes on to the same bits.

The keys, read by plain ``np.load``: ``parameters/NAME``, ``state/NAME``, ``optimizer/NAME``, ``step``, ``epoch``,
``position`` (the step within the epoch), ``losses``, ``loss_first`` (of all samples), ``best/NAME`` and, as JSON texts,
``memory`` (the generator's and the schedule's state, the best loss so far), ``evaluations``, ``best_row`` (that of
``best/NAME``), ``algorithms`` (what the convolutions of each node run on, in all their passes), ``notes`` (what the run
was started with) and ``fingerprint`` (the graph, and the settings that have to agree).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from minigraph.definition.writing import to_tables
from minigraph.errors import CheckpointError
from minigraph.files.npz import opened_npz, read_npz
from minigraph.files.writing import write_npz
from minigraph.training.trainer import Trainer
from minigraph.wording import KeyPath, shorten, spell_path


def write_checkpoint(path: Path, trainer: Trainer) -> None:
    """Write a trainer as it stands, whole or not at all."""
    told = {"algorithms": trainer.batches.algorithms, "fingerprint": fingerprint(trainer)}
    write_npz(path, {**trainer.saved(), **{key: np.array(json.dumps(value)) for key, value in told.items()}})


def read_checkpoint(path: Path, trainer: Trainer) -> str | None:
    """Put a new trainer to where a checkpoint was written; it answers what is to be told of that, if anything.

    The learning rate and the optimizer's other numbers, the schedule, the length and what only looks on may be others.
    So may the algorithms of convolutions, but then the run may end in other bits than an unbroken one: that is told.

    Raises:
        CheckpointError: it is of another graph, or of other settings; the text has every difference.
        DataError: the file cannot be read.
    """
    saved = read_npz(path)
    if "fingerprint" not in saved:
        raise CheckpointError(f"{path}: found no checkpoint, but arrays; expected one written by training")
    differences = list(_differences(fingerprint(trainer), json.loads(str(saved["fingerprint"]))))
    differences = differences or [f"'{name}' is missing" for name in sorted(trainer.saved().keys() - saved.keys())]
    if differences:
        raise CheckpointError(f"{path}: this checkpoint is of another run: {'; '.join(differences)}")
    step = int(saved["step"])
    if step > trainer.length:
        raise CheckpointError(f"{path}: found {step} steps done; expected at most the {trainer.length} of this run")
    trainer.resume(saved)
    now = trainer.batches.algorithms
    changes = _changes(json.loads(str(saved["algorithms"])) if "algorithms" in saved else now, now)
    if not changes:
        return None
    return (
        f"{path}: other algorithms are chosen for convolutions than before ({'; '.join(changes)}): "
        "the run may end in other bits than an unbroken one"
    )


def read_notes(path: Path) -> dict[str, Any]:
    """What a checkpoint has as a trainer's notes; nothing where it has none.

    Raises:
        DataError: the file cannot be read.
    """
    with opened_npz(path) as npz:
        notes: dict[str, Any] = json.loads(str(npz.read("notes"))) if "notes" in npz.headers else {}
    return notes


def fingerprint(trainer: Trainer) -> dict[str, Any]:
    """What has to be the same for a run to be gone on with."""
    tables, settings = to_tables(trainer.model.graph, None, None), trainer.settings
    graph = {key: tables[key] for key in ("inputs", "nodes", "outputs")}
    train = {
        "loss": repr(settings.loss),
        "loss_weights": settings.loss_weights,
        "optimizer": type(settings.optimizer).__name__,
        "batch_size": settings.batch_size,
        "seed": settings.seed,
    }
    plain: dict[str, Any] = json.loads(
        json.dumps({**graph, "dtype": trainer.model.dtype, "train": train, "samples": len(trainer.samples)})
    )
    return plain


def _changes(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """The nodes whose algorithm is another one, with both."""
    changes: dict[tuple[str, str], list[str]] = {}
    for node in {**before, **now}:
        # The textbook's engine plans no convolution.
        pair = now.get(node, "naive"), before.get(node, "naive")
        if pair[0] != pair[1]:
            changes.setdefault(pair, []).append(node)
    told = [f"{shorten(', '.join(nodes))}: {new}, before {old}" for (new, old), nodes in changes.items()]
    needs = ["'lists' needs the extra `compiled`"] if any("lists" in name for pair in changes for name in pair) else []
    return [*told, *needs]


def _differences(actual: Any, expected: Any, path: KeyPath = ()) -> Iterator[str]:
    if isinstance(actual, dict) and isinstance(expected, dict):
        for key in dict.fromkeys([*actual, *expected]):
            yield from _differences(actual.get(key), expected.get(key), (*path, key))
    elif actual != expected:
        yield f"{spell_path(path)}: found {_told(actual)}, the checkpoint has {_told(expected)}"


def _told(value: Any) -> str:
    if value is None:
        return "none"
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
