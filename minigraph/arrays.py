"""Arrays as users give them and as minigraph keeps them: (N, C, H, W) for maps, (N, F) for vectors."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
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
        counted = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise ShapeError(f"{what} need the same number of samples; found {counted}")


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


class Form(IntEnum):
    """How a user gives an array, by the axes beside those of one sample; what comes back has the same form."""

    PLANE = 0
    """(H, W): one sample of one channel."""
    SAMPLE = 1
    """(C, H, W) or (F,): one sample."""
    STACK = 2
    """(N, H, W): two or more samples of one channel."""
    BATCH = 3
    """(N, C, H, W) or (N, F)."""

    def of(self, array: Array) -> Array:
        """(N, C, H, W) or (N, F) in this form, a view; more channels than one stay where the form has none."""
        if self is Form.BATCH:
            return array
        one_channel = array.ndim == 4 and array.shape[1] == 1
        if self is Form.STACK:
            return array[:, 0] if one_channel else array
        sample: Array = array[0]
        return sample[0] if self is Form.PLANE and one_channel else sample


def arranged(given: ArrayLike, shape: Shape, name: str) -> tuple[Array, Form]:
    """An array for the input or output ``name`` as (N, C, H, W), or (N, F), and the form in which it was given.

    It is a view where that is possible, in the array's own dtype.

    Raises:
        ShapeError: its shape does not fit; the text has both. DataError: it is not of real numbers, or empty.
    """
    array = real_array(given, f"'{name}'")
    fitting: list[tuple[Form, tuple[int | None, ...]]] = [(Form.SAMPLE, shape), (Form.BATCH, (None, *shape))]
    if len(shape) == 3 and shape[0] == 1:
        fitting[:0] = [(Form.PLANE, shape[1:])]
        fitting.append((Form.STACK, (None, *shape[1:])))
    for form, sizes in fitting:
        if len(sizes) == array.ndim and all(
            want in (None, have) for want, have in zip(sizes, array.shape, strict=True)
        ):
            if array.size == 0:
                raise DataError(f"'{name}': found no samples; expected at least one")
            return array.reshape(len(array) if sizes[0] is None else 1, *shape), form
    forms = " or ".join("x".join("N" if size is None else str(size) for size in sizes) for _, sizes in fitting)
    raise ShapeError(
        f"'{name}': found shape {spell_shape(array.shape) or '()'}; expected {forms}{_axes_hint(array, shape)}"
    )


def _axes_hint(array: Array, shape: Shape) -> str:
    """What is said beside an array that fits a map (C, H, W) but for the place of its channels."""
    if len(shape) != 3:
        return ""
    if array.shape[-3:] == (*shape[1:], shape[0]):
        return "; channels come first: np.moveaxis(array, -1, -3)"
    first, second, last = shape
    if array.shape[-3:] == (last, first, second) or (last == 1 and array.shape[-2:] == (first, second)):
        return f"; is the declared shape meant as [{last}, {first}, {second}]? Channels come first"
    return ""


def as_dtype(array: Array, dtype: str, what: str) -> Array:
    """``array`` in another dtype; itself where it has that already.

    Raises:
        DataError: a number is too large for the dtype; ``what`` names the array.
    """
    return array if array.dtype == dtype else cast(array, dtype, what)


def canonical(given: ArrayLike, shape: Shape, name: str, dtype: str) -> Array:
    """A copy, in a dtype, of an array for the input or output ``name`` as (N, C, H, W), or (N, F).

    Raises:
        ShapeError, DataError: as :func:`arranged`; or a number is too large for the dtype.
    """
    return cast(arranged(given, shape, name)[0], dtype, f"'{name}'")


def require_one_count(arrays: Mapping[str, Array]) -> int:
    """The number of samples N of arrays (N, ...) by name.

    Raises:
        ShapeError: they have different ones; the text has all.
    """
    require_same_count({f"'{name}'": len(array) for name, array in arrays.items()}, "inputs of one batch")
    return len(next(iter(arrays.values())))
