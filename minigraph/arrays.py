"""Arrays as users give them and as minigraph keeps them: (N, C, H, W) for maps, (N, F) for vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigraph.errors import DataError, ShapeError
from minigraph.wording import did_you_mean

Array = NDArray[Any]
ArraysLike = ArrayLike | Mapping[str, ArrayLike]
"""One array, or one for each name."""
Shape = tuple[int, ...]
"""Of one sample: (C, H, W) or (F,)."""


def spell_shape(shape: Shape) -> str:
    """``(3, 20, 20)`` as people read it: ``3x20x20``."""
    return "x".join(map(str, shape))


def real_array(values: ArrayLike, what: str) -> Array:
    """``values`` as an array of real numbers.

    Raises:
        DataError: rows of different lengths, or entries that are no real numbers; ``what`` names the array.
    """
    try:
        array = np.asarray(values)
    except ValueError:
        raise DataError(f"{what}: found rows of different lengths; expected a regular array of numbers") from None
    if array.dtype.kind not in "biuf":
        raise DataError(f"{what}: found dtype {array.dtype}; expected real numbers")
    return array


def cast(array: Array, dtype: str, what: str) -> Array:
    """A copy of an array in another dtype.

    Raises:
        DataError: a number is too large for the dtype; ``what`` names the array.
    """
    try:
        with np.errstate(over="raise"):
            return array.astype(dtype)
    except FloatingPointError:
        raise DataError(f"{what}: found a number that {dtype} cannot hold; expected smaller ones") from None


def require_same_count(counts: Mapping[str, int], what: str) -> None:
    """Raise ShapeError unless all counts of samples, by the names that errors tell, are the same."""
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise ShapeError(f"{what} need the same number of samples; found {found}")


def by_name(given: ArraysLike, names: list[str], kind: str) -> dict[str, ArrayLike]:
    """One array for each name; a bare array is for the only one.

    Raises:
        DataError: a name is missing or unknown, or a bare array was given for several names.
    """
    if not isinstance(given, Mapping):
        if len(names) > 1:
            raise DataError(f"found one array for {len(names)} {kind}s; expected a dict with {', '.join(names)}")
        return {names[0]: given}
    faults = [f"'{name}' is missing" for name in names if name not in given]
    faults += [f"unknown {kind} '{name}'{did_you_mean(str(name), names)}" for name in given if name not in names]
    if faults:
        raise DataError(f"{'; '.join(faults)}; expected arrays for {', '.join(names)}")
    return {name: given[name] for name in names}


def canonical(given: ArrayLike, shape: Shape, name: str, dtype: str) -> tuple[Array, int]:
    """A copy of an array for the input or output ``name`` as (N, C, H, W), or (N, F), and its rank as given.

    Raises:
        ShapeError: its shape does not fit; the text has both. DataError: it is not of real numbers, or empty.
    """
    array, rank = arranged(given, shape, name)
    return cast(array, dtype, f"'{name}'"), rank


def arranged(given: ArrayLike, shape: Shape, name: str) -> tuple[Array, int]:
    """:func:`canonical` without the copy and in the array's own dtype: a view, where that is possible."""
    array = real_array(given, f"'{name}'")
    fitting = [shape, (None, *shape)]
    if len(shape) == 3 and shape[0] == 1:
        fitting.insert(0, shape[1:])
    for form in fitting:
        if len(form) == array.ndim and all(want in (None, have) for want, have in zip(form, array.shape, strict=True)):
            if array.size == 0:
                raise DataError(f"'{name}': found no samples; expected at least one")
            samples = len(array) if form[0] is None else 1
            return array.reshape(samples, *shape), 4 if form[0] is None else len(form)
    forms = " or ".join("x".join("N" if size is None else str(size) for size in form) for form in fitting)
    raise ShapeError(f"'{name}': found shape {spell_shape(array.shape) or '()'}; expected {forms}")
