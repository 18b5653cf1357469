"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

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
    temporary = _beside(path)
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


def require_writable(path: str | Path) -> None:
    """Raise DataError unless a file of this name can be written: to be asked before a long work, not after it."""
    path = Path(path)
    if path.is_dir():
        raise DataError(f"{path}: cannot be written: it is a folder; expected the name of a file")
    _beside(path).unlink()


def _beside(path: Path) -> Path:
    """A new, empty file beside ``path``."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-", suffix=PART)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}") from None
    except ValueError:
        raise DataError(f"{path}: cannot be written: no file can have such a name") from None
    os.close(handle)
    return Path(name)


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
