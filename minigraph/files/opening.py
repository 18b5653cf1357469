"""The one way to open what comes from outside: regular files only, with their size, and errors that say why."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from minigraph.errors import DataError
from minigraph.wording import one_of, printable

KINDS = {
    stat.S_IFREG: "a file",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
"""What may stand at a path. Only the first is opened: the others may hang, never end, or do something."""

LONGEST_NAME = 400
"""So many characters of a path are told at most."""


@dataclass(frozen=True)
class OpenFile:
    """A regular file, open for reading.

    Attributes:
        file: at its beginning; size: in bytes.
        name: the path as it is told in messages.
    """

    file: BufferedReader
    size: int
    name: str

    def fault(self, message: str) -> DataError:
        """The error that says what is wrong with the file."""
        return DataError(f"{self.name}: {message}")


@contextmanager
def opened(path: str | Path, told: str | None = None) -> Iterator[OpenFile]:
    """Open a regular file for reading; symbolic links are followed to one.

    Args:
        told: the path as the user gave it, where that is another.

    Raises:
        DataError: there is nothing, something else, or what cannot be read; the text names it. Reading errors of the
            system within the block become one too.
    """
    name = spell_name(path if told is None else told)
    # Looked at before, since opening a device may do something, and again after, since another may stand there by then.
    _require_file(kind_at(path, told), name)
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            found = os.fstat(file.fileno())
            _require_file(KINDS.get(stat.S_IFMT(found.st_mode)), name)
            yield OpenFile(file, found.st_size, name)
    except OSError as error:
        raise DataError(f"{name}: {_reason(error)}") from None


def require_file(path: str | Path, suffixes: Collection[str]) -> str:
    """The suffix of a path in small letters, if a regular file stands there and its suffix is one of these.

    Raises:
        DataError: there is nothing, something else, or a file with another suffix.
    """
    name, suffix = spell_name(path), Path(path).suffix
    _require_file(kind_at(path, name), name)
    if suffix.lower() not in suffixes:
        raise DataError(f"{name}: found a name that ends in '{printable(suffix)}'; expected {one_of(suffixes)}")
    return suffix.lower()


def files_in(folder: str | Path, suffixes: Collection[str]) -> list[Path]:
    """What a folder has with one of these suffixes, in the order of the names.

    Raises:
        DataError: it cannot be looked into.
    """
    try:
        return sorted(path for path in Path(folder).iterdir() if path.suffix.lower() in suffixes)
    except OSError as error:
        raise DataError(f"{spell_name(folder)}: {_reason(error)}") from None


def kind_at(path: str | Path, told: str | None = None) -> str | None:
    """``"a file"``, ``"a folder"`` and so on at the end of a path and its links; None where nothing is.

    Raises:
        DataError: that cannot be found out, or no file can have such a name.
    """
    name = spell_name(path if told is None else told)
    try:
        return KINDS.get(stat.S_IFMT(os.stat(path).st_mode), "something unknown")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise DataError(f"{name}: {_reason(error)}") from None
    except UnicodeEncodeError:
        raise DataError(f"{name}: found half a character in the name; expected the name of a file") from None
    except ValueError:
        raise DataError(f"{name}: found a character 0 in the name; expected the name of a file") from None


def spell_name(path: str | Path) -> str:
    """A path in printable characters; the middle of a very long one is left out."""
    name = printable(str(path))
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME // 2]}...{name[-LONGEST_NAME // 2 :]}"


def _require_file(kind: str | None, name: str) -> None:
    if kind is None:
        raise DataError(f"{name}: no such file")
    if kind != "a file":
        raise DataError(f"{name}: found {kind}; expected a regular file")


def _reason(error: OSError) -> str:
    return f"cannot be read: {error.strerror or type(error).__name__}"
