"""Weights in files: those that a run leaves in its folder, and arrays that fit a model, or what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from minigraph.arrays import Array, spell_shape
from minigraph.errors import CheckpointError, DataError
from minigraph.files.npz import opened_npz
from minigraph.files.opening import kind_at
from minigraph.graph.names import called_here
from minigraph.wording import did_you_mean

BEST, LAST = "best.npz", "weights.npz"
"""The weights in a run's folder: the best by validation, where there is one, and those after the last step."""


def weights_in(folder: Path) -> Path:
    """The best weights by validation that a run has left in its folder, else the last.

    Raises:
        DataError: it has left none yet.
    """
    left = _left_in(folder)
    if not left:
        raise DataError(f"{folder}: found neither {BEST} nor {LAST}; {_unfinished(folder)}")
    return folder / left[0]


def read_weights(path: str | Path, known: Mapping[str, Array], graph: str) -> dict[str, Array]:
    """The arrays of an npz, one for each of ``known`` and in its shape.

    Args:
        graph: its name, for messages.

    Raises:
        CheckpointError: the names or shapes are others. DataError: the file cannot be read.
    """
    with opened_npz(path) as npz:
        shapes = {name: header.shape for name, header in npz.headers.items()}
        if "fingerprint" in shapes:
            raise CheckpointError(f"{path}: found a checkpoint, with which training goes on; {_beside(Path(path))}")
        renamed = {name: ours for name in shapes if name not in known and (ours := called_here(name, known))}
        faults = [f"'{name}' is called '{ours}' here" for name, ours in renamed.items()]
        faults += [f"'{name}' is missing" for name in known if name not in {*shapes, *renamed.values()}]
        faults += [
            f"'{name}' is not of this graph{did_you_mean(name, known)}"
            for name in shapes
            if name not in {*known, *renamed}
        ]
        for name in [name for name in known if name in shapes]:
            dtype = npz.headers[name].dtype
            if shapes[name] != known[name].shape:
                found, expected = spell_shape(shapes[name]), spell_shape(known[name].shape)
                faults.append(f"'{name}' has shape {found}, expected {expected}")
            elif dtype.kind not in "biuf":
                faults.append(f"'{name}' has dtype {dtype}, expected real numbers")
        if faults:
            raise CheckpointError(f"{path}: these weights do not fit graph '{graph}': " + "; ".join(faults))
        return {name: npz.read(name) for name in known}


def _beside(checkpoint: Path) -> str:
    """What to give instead of a checkpoint."""
    left = _left_in(checkpoint.parent)
    return f"expected weights: {checkpoint.parent / left[0]}" if left else _unfinished(checkpoint.parent)


def _left_in(folder: Path) -> list[str]:
    return [name for name in (BEST, LAST) if kind_at(folder / name) is not None]


def _unfinished(folder: Path) -> str:
    return f"expected the weights of a run that has ended; to go on with it: minigraph train --resume {folder}"
