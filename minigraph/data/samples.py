"""Samples: inputs and targets as training reads them, row by row, without a copy of the whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from minigraph.arrays import (
    Array,
    ArraysLike,
    Shape,
    arranged,
    as_dtype,
    by_name,
    real_array,
    require_same_count,
)
from minigraph.errors import DataError, ShapeError
from minigraph.graph.graph import Graph
from minigraph.recipe.losses import Loss


@dataclass(frozen=True)
class Samples:
    """ArraysLike with one number of samples in front.

    Attributes:
        inputs: (N, C, H, W), or (N, F), by input, in the dtype in which they were given; they may lie in a file.
        targets: by output, likewise, or class numbers: (N, H, W), or (N,).
        rows: which of the N these are, (n,); None for all.
    """

    inputs: dict[str, Array]
    targets: dict[str, Array]
    rows: Array | None = None

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values()))) if self.rows is None else len(self.rows)

    def read(self, which: Any) -> tuple[dict[str, Array], dict[str, Array]]:
        """The inputs and targets of some of these samples: a slice, or their numbers (n,)."""
        index = which if self.rows is None else self.rows[which]
        return (
            {name: array[index] for name, array in self.inputs.items()},
            {name: array[index] for name, array in self.targets.items()},
        )


def fit_samples(graph: Graph, loss: Loss, x: ArraysLike, target: ArraysLike) -> Samples:
    """Inputs and targets of a graph, arranged and checked, not copied.

    Raises:
        ShapeError: an array does not fit. DataError: one is missing, or is not of real numbers.
    """
    given, wanted = by_name(x, list(graph.inputs), "input"), by_name(target, graph.outputs, "target")
    inputs = {name: arranged(given[name], shape, name)[0] for name, shape in graph.inputs.items()}
    counts = {name: len(array) for name, array in inputs.items()}
    samples = next(iter(counts.values()))
    targets = {name: fit_target(wanted[name], graph.shapes[name], name, loss, samples) for name in graph.outputs}
    counts |= {f"target of {name}": len(array) for name, array in targets.items()}
    require_same_count(counts, "inputs and targets")
    return Samples(inputs, targets)


def fit_target(given: ArrayLike, shape: Shape, name: str, loss: Loss, samples: int | None = None) -> Array:
    """The target of the output ``name``, samples in front, in the answer's shape or, if ``loss`` takes them, classes.

    Args:
        shape: the answer's, (C, H, W) or (F,); samples: how many there have to be, to tell the two forms apart.

    Raises:
        ShapeError: it fits neither form. DataError: it is not of real numbers, or a class is none of the C or F.
    """
    try:
        array = arranged(given, shape, name)[0]
    except ShapeError as error:
        classes = _as_classes(given, shape, name, samples) if loss.takes_classes else None
        if classes is None and loss.takes_classes:
            form = "x".join(map(str, ("N" if samples is None else samples, *shape[1:])))
            raise ShapeError(f"{error}, or class numbers of shape {form}") from None
        if classes is None:
            raise
        return classes
    if loss.takes_classes and samples not in (None, len(array)):
        classes = _as_classes(given, shape, name, samples)
        array = array if classes is None else classes
    return array


def _as_classes(given: ArrayLike, shape: Shape, name: str, samples: int | None) -> Array | None:
    """``given`` as class numbers (N, H, W) or (N,), wherever its axes of length 1 are; None if it has another shape."""
    array = real_array(given, f"'{name}'")
    places = shape[1:]
    count = array.size // prod(places) if samples is None else samples
    if not array.size or [size for size in array.shape if size > 1] != [size for size in (count, *places) if size > 1]:
        return None
    low, high = array.min(), array.max()
    if array.dtype.kind == "f" and not all((part == np.floor(part)).all() for part in parts(array)):
        raise DataError(f"'{name}': found numbers with fractions; expected classes: integers from 0 to {shape[0] - 1}")
    if low < 0 or high >= shape[0]:
        raise DataError(
            f"'{name}': found class {int(low if low < 0 else high)}; expected integers from 0 to {shape[0] - 1}"
        )
    return array.reshape(count, *places)


def parts(array: Array) -> Iterator[Array]:
    """An array in pieces of about a million numbers, so that one in a file is never in memory as a whole."""
    if array.ndim == 0:
        yield array
        return
    rows = max(1, 2**20 // max(1, prod(array.shape[1:])))
    for start in range(0, len(array), rows):
        yield array[start : start + rows]


def is_finite(array: Array) -> bool:
    """Whether all numbers of an array are finite."""
    return array.dtype.kind != "f" or all(bool(np.isfinite(part).all()) for part in parts(array))


def require_finite(samples: Samples, dtype: str, what: str = "") -> None:
    """Raise DataError unless all numbers of these samples are finite, in ``dtype`` too; ``what`` goes in front."""
    for name, array in {**samples.inputs, **samples.targets}.items():
        for part in parts(array):
            if not is_finite(part):
                raise DataError(f"{what}'{name}' has entries that are not finite; expected finite numbers")
            as_dtype(part, dtype, f"{what}'{name}'")


def split_rows(samples: int, shares: Mapping[str, float], generator: np.random.Generator) -> dict[str, Array]:
    """Which samples go where: the shares' numbers rounded, the rest under "train"; each sorted.

    Raises:
        DataError: a part would be empty.
    """
    order = generator.permutation(samples)
    rows, start = {}, 0
    for name, share in shares.items():
        count = round(share * samples)
        rows[name] = np.sort(order[start : start + count])
        start += count
    rows["train"] = np.sort(order[start:])
    empty = [name for name, part in rows.items() if not len(part)]
    if empty:
        raise DataError(f"found {samples} samples, which leaves none for {empty[0]}; expected more samples")
    return rows
