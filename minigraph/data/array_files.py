"""Arrays in files, of every kind: for an input or an output of a graph, judged by the header before they are read."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from pathlib import Path

import numpy as np

from minigraph.arrays import Array, Shape, arranged, spell_shape
from minigraph.data.samples import fit_target, is_finite
from minigraph.errors import DataError, ShapeError
from minigraph.files.csv import read_csv
from minigraph.files.images import opened_picture
from minigraph.files.npy import npy_header, npy_shape, read_npy
from minigraph.files.npz import Npz, opened_npz
from minigraph.files.opening import opened, require_file
from minigraph.recipe.losses import Loss
from minigraph.wording import counted, did_you_mean, enumerated


def read_array(
    path: Path,
    shape: Shape,
    name: str,
    key: str | None = None,
    loss: Loss | None = None,
    columns: str | None = None,
    outlined: bool = False,
    rows_of: Callable[[Path], Array] = read_csv,
) -> Array:
    """The array for the input or output ``name`` from a file. A large npy stays there and is read where it is used.

    Args:
        path: npy, npz, csv (one map, a row a line; of vectors and class numbers one sample a row), png or jpg (0 to 1,
            grey for one channel, RGB for three).
        shape: (C, H, W), or (F,), that it should have; it may have samples in front.
        key: the array's name in an npz; ``name`` when left out, or the only array there is.
        loss: the loss that the array is a target of, if it is one: some take class numbers.
        columns: of a csv with a sample in each row, maps too: the columns that hold it, as "0", "1:" or "1:785".
        outlined: answer the array's :func:`outline`, for which no more is read than the header; a csv has none.
        rows_of: what reads a csv, for callers that keep the rows of one that has several arrays.

    Raises:
        DataError: the file is missing, unreadable, of another kind, or has entries that are not finite.
        ShapeError: the array has another shape.
    """
    suffix = require_file(path, FILE_KINDS)
    if columns is not None and suffix != ".csv":
        raise DataError(f"{path}: found columns beside a {suffix} file; expected a csv, or no columns")
    if columns is not None:
        array = _columns_of(path, rows_of(path), shape, name, columns, loss)
    elif suffix == ".csv":
        rows = rows_of(path)
        array = rows[0] if len(shape) == 1 and len(rows) == 1 else rows
    else:
        array = _READERS[suffix](path, shape, name, key, outlined)
    try:
        return checked(array, path, shape, name, loss)
    except ShapeError as error:
        if suffix == ".csv" and columns is None:
            raise ShapeError(
                f"{error}; of a csv with a sample in each row name the columns, as columns = '1:'"
            ) from None
        raise


def outline(shape: tuple[int, ...], dtype: np.dtype | None = None) -> Array:
    """An array of a shape that takes no memory, in whose place others stand when they are judged without being read.

    Args:
        dtype: that of the others, where it may be of no real numbers; else the outline is of bool.
    """
    real = dtype is None or dtype.kind in "biuf"
    return np.broadcast_to(np.zeros((), bool if real else dtype), shape)


def map_size(path: Path) -> tuple[int, int]:
    """(height, width) of the map in a file: npy, csv, png or jpg.

    Raises:
        DataError: the file is missing, unreadable or of another kind. ShapeError: it holds no map.
    """
    shape = _SHAPES[require_file(path, tuple(_SHAPES))](path, 1)
    if len(shape) < 2:
        raise ShapeError(f"{path}: found shape {spell_shape(shape) or '()'}; expected a map: (H, W) at the end")
    return shape[-2], shape[-1]


def resized(shape: Shape, path: Path) -> Shape:
    """``shape``, (C, H, W), with the height and width of the maps in a file, where only these are others.

    Raises:
        DataError: the file is missing, unreadable or of another kind.
    """
    suffix = require_file(path, FILE_KINDS)
    if suffix not in _SHAPES:  # an npz says its sizes by name
        return shape
    found = _SHAPES[suffix](path, shape[0])
    leading, channels = found[:-2], shape[0]
    fits = len(found) > 1 and (leading[-1:] == (channels,) or (channels == 1 and len(leading) < 2))
    return (channels, *found[-2:]) if fits else shape


def checked(array: Array, path: Path, shape: Shape, name: str, loss: Loss | None) -> Array:
    """``array`` if it is of real, finite numbers in a shape that fits ``shape``; see :func:`read_array`."""
    if not is_finite(_fitted(array, path, shape, name, loss)):
        raise DataError(f"{path}: '{name}' has entries that are not finite; expected finite numbers")
    return array


def _fitted(array: Array, path: Path, shape: Shape, name: str, loss: Loss | None) -> Array:
    """``array`` if it is of real numbers in a shape that fits ``shape``."""
    try:
        require_fit(array, shape, name, loss)
    except (ShapeError, DataError) as error:
        raise type(error)(f"{path}: {error}") from None
    return array


def require_fit(array: Array, shape: Shape, name: str, loss: Loss | None) -> None:
    """Raise ShapeError or DataError unless an array of real numbers fits ``shape``, or has class numbers for it."""
    if loss is None:
        arranged(array, shape, name)
    else:
        fit_target(array, shape, name, loss)


def _columns_of(path: Path, rows: Array, shape: Shape, name: str, columns: str, loss: Loss | None) -> Array:
    """The samples (N, ...) that some columns of a csv's rows hold, or class numbers (N,), a row each."""
    if rows.ndim < 2:
        raise DataError(f"{path}: found no row of numbers; expected one for each sample")
    count = rows.shape[1]
    if ":" in columns:
        first, last = (int(part) if part else None for part in columns.split(":"))
        chosen = rows[:, first:last]
    elif -count <= int(columns) < count:
        chosen = rows[:, [int(columns)]]
    else:
        raise DataError(f"{path}: found column {columns} of {count}; expected 0 to {count - 1}, or -1 for the last")
    forms = {prod(shape): shape}
    if loss is not None and loss.takes_classes:
        forms.setdefault(prod(shape[1:]), shape[1:])
    if chosen.shape[1] in forms:
        return chosen.reshape(len(chosen), *forms[chosen.shape[1]])
    classes = "".join(f", or {size} of class numbers" for size in [*forms][1:])
    raise ShapeError(
        f"{path}: found {counted(chosen.shape[1], 'column')} by '{columns}', of {count}; expected {prod(shape)} for "
        f"'{name}', {spell_shape(shape)}{classes}"
    )


def _read_npy(path: Path, shape: Shape, name: str, key: str | None, outlined: bool) -> Array:
    if not outlined:
        return read_npy(path)
    with opened(path) as source:
        header = npy_header(source)
    return outline(header.shape, header.dtype)


def _read_npz(path: Path, shape: Shape, name: str, key: str | None, outlined: bool) -> Array:
    with opened_npz(path) as npz:
        names = list(npz.headers)
        wanted = names[0] if key is None and len(names) == 1 else key or name
        if wanted not in names:
            raise DataError(
                f"{path}: found the arrays {enumerated(names, wanted) or 'none'}; expected '{wanted}'"
                f"{did_you_mean(wanted, names)}"
            )
        return outline_of(npz, wanted) if outlined else npz.read(wanted)


def outline_of(npz: Npz, name: str) -> Array:
    """The outline of an array of an npz."""
    return outline(npz.headers[name].shape, npz.headers[name].dtype)


def _read_picture(path: Path, shape: Shape, name: str, key: str | None, outlined: bool) -> Array:
    with opened_picture(path) as picture:
        if len(shape) != 3 or shape[0] not in (1, 3):
            raise ShapeError(f"{path}: found an image; expected an array for '{name}' with one or three channels")
        # Its shape is judged before a pixel is decoded.
        found = _fitted(outline(picture.shape(shape[0])), path, shape, name, None)
        return found if outlined else picture.pixels(shape[0])


def _picture_shape(path: Path, channels: int) -> tuple[int, ...]:
    with opened_picture(path) as picture:
        return picture.shape(channels)


_READERS: dict[str, Callable[[Path, Shape, str, str | None, bool], Array]] = {
    ".npy": _read_npy,
    ".npz": _read_npz,
    **dict.fromkeys((".png", ".jpg", ".jpeg"), _read_picture),
}
_SHAPES: dict[str, Callable[[Path, int], tuple[int, ...]]] = {
    ".npy": lambda path, channels: npy_shape(path),
    ".csv": lambda path, channels: read_csv(path).shape,
    **dict.fromkeys((".png", ".jpg", ".jpeg"), _picture_shape),
}
FILE_KINDS = (".npy", ".npz", ".csv", ".png", ".jpg", ".jpeg")
