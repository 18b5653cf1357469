"""Files that appear whole or not at all, and arrays in npz files."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from minigraph.arrays import Array
from minigraph.errors import DataError

PART = ".part"
"""How the name of a file ends that is being written."""


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place when the block ends well, and vanishes otherwise.

    Raises:
        DataError: the folder does not exist or cannot be written.
    """
    path = Path(path)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-", suffix=PART)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}") from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: str | Path, text: str) -> None:
    """Write a text as UTF-8 with plain line ends, whole or not at all."""
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_npz(path: str | Path, arrays: Mapping[str, Array]) -> None:
    """Write arrays by name as an npz, whole or not at all; the same arrays give the same bytes."""
    # Not np.savez: it takes names as keyword arguments, and "file" is one of its own.
    with whole(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)


def read_npz(path: str | Path) -> dict[str, Array]:
    """All arrays of an npz by name.

    Raises:
        DataError: the file is missing, is no npz, or holds objects.
    """
    arrays: dict[str, Array] = _load(path, "npz", lambda archive: {name: archive[name] for name in archive.files})
    return arrays


def read_npy(path: str | Path) -> Array:
    """The one array of an npy file; of a large one, a view into the file.

    Raises:
        DataError: the file is missing, is no npy, or holds objects.
    """
    array: Array = _load(path, "npy", np.asarray)
    return array


LARGE = 2**26
"""Bytes from which on an npy is not read as a whole."""


def _load(path: str | Path, kind: str, take: Callable[[Any], Any]) -> Any:
    """What ``take`` makes of a file that NumPy reads as ``kind``."""
    try:
        with open(path, "rb") as file:
            large = kind == "npy" and os.fstat(file.fileno()).st_size >= LARGE
            loaded = np.load(path if large else file, mmap_mode="r" if large else None, allow_pickle=False)
            if isinstance(loaded, np.ndarray) == (kind == "npy"):
                return take(loaded)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (
        Exception
    ) as error:  # damaged bytes reach NumPy's header parser, zlib and zipfile, each with errors of its own
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path}: cannot be read as {'an npz' if kind == 'npz' else 'npy'}: {reason}") from None
    found, wanted = ("an npz", "npy: one array") if kind == "npy" else ("a single array", "an npz with named arrays")
    raise DataError(f"{path}: found {found}; expected {wanted}")
