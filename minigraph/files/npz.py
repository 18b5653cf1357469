"""Arrays in npz files: all members are looked at before one is inflated, and only those that are asked for are."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minigraph.arrays import Array
from minigraph.files.npy import MAGIC, ZIP_STARTS, Header, HeaderError, read_header
from minigraph.files.opening import OpenFile, opened
from minigraph.wording import printable, spell_bytes

SUFFIX = ".npy"
"""How the name of every member ends; before it stands the array's name."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How NumPy writes members."""
MOST_DEFLATED = 1032
"""Bytes that one byte becomes at most, by the format: a run of 258 bytes takes two bits."""
LONGEST_DIRECTORY = 2**24
"""Bytes of a zip's list of members, which is read as a whole."""
INFLATED = 2**28
"""Bytes up to which an npz may inflate whatever it is itself."""
MOST_INFLATED = 100
"""Times its own size an npz may inflate to beyond that."""
PIECE = 2**20
"""Bytes that are inflated at a time."""


@dataclass(frozen=True)
class Npz:
    """An open npz: what its arrays are, by name, and the arrays themselves when they are asked for."""

    headers: Mapping[str, Header]
    _source: OpenFile
    _archive: zipfile.ZipFile
    _members: Mapping[str, zipfile.ZipInfo]

    def read(self, name: str) -> Array:
        """One of the arrays.

        Raises:
            DataError: its bytes are damaged or cut off.
        """
        header = self.headers[name]
        numbers = np.empty(header.count, header.dtype)
        room = numbers.view(np.uint8)
        with _told(self._source, name), self._archive.open(self._members[name]) as member:
            member.read(header.start)
            place = 0
            while place < len(room):
                piece = member.read(min(PIECE, len(room) - place))
                if not piece:
                    raise EOFError
                room[place : place + len(piece)] = np.frombuffer(piece, np.uint8)
                place += len(piece)
            while member.read(PIECE):  # only at the end of a member its checksum is compared
                pass
        return header.arrange(numbers)


@contextmanager
def opened_npz(path: str | Path) -> Iterator[Npz]:
    """Open an npz; nothing is inflated but the headers.

    Raises:
        DataError: there is no such regular file, it is no npz, a member of it is no array of plain values or is there
            twice, or it would inflate to far more than the file has, or to more than the machine has.
    """
    with opened(path) as source:
        start = source.file.peek(len(MAGIC))[: len(MAGIC)]
        if start == MAGIC:
            raise source.fault("found a single array; expected an npz with named arrays")
        if start[:4] not in ZIP_STARTS:
            raise source.fault("cannot be read as an npz: it does not begin as a zip does")
        with _told(source):
            archive = zipfile.ZipFile(_Limited(source))
        with archive:
            members = _members(source, archive)
            headers = {name: _header(source, archive, name, member) for name, member in members.items()}
            yield Npz(headers, source, archive, members)


def read_npz(path: str | Path) -> dict[str, Array]:
    """All arrays of an npz by name.

    Raises:
        DataError: as for :func:`opened_npz`, or an array is damaged or cut off.
    """
    with opened_npz(path) as npz:
        return {name: npz.read(name) for name in npz.headers}


def _members(source: OpenFile, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The members by their arrays' names, judged by what the list of them says."""
    members: dict[str, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        shown = printable(member.filename)
        if not member.filename.endswith(SUFFIX):
            raise source.fault(f"found '{shown}' in it; expected arrays only, whose names end in {SUFFIX}")
        name = member.filename.removesuffix(SUFFIX)
        if name in members:
            raise source.fault(f"found the array '{printable(name)}' twice; expected it once")
        if member.flag_bits & 1:
            raise source.fault(f"found '{shown}' encrypted; expected arrays that are not")
        if member.compress_type not in METHODS:
            raise source.fault(
                f"found '{shown}' compressed by another method; expected stored or deflated, as NumPy does"
            )
        growth = 1 if member.compress_type == zipfile.ZIP_STORED else MOST_DEFLATED
        if member.file_size > growth * member.compress_size:
            raise source.fault(
                f"cannot be read as an npz: it says that '{shown}' is {spell_bytes(member.file_size)} in "
                f"{spell_bytes(member.compress_size)}, which cannot be"
            )
        members[name] = member
    stored = sum(member.compress_size for member in members.values())
    if stored > source.size:
        raise source.fault(
            f"cannot be read as an npz: it says that {spell_bytes(stored)} of arrays are in {spell_bytes(source.size)}"
        )
    _require_size(source, sum(member.file_size for member in members.values()))
    return members


def _require_size(source: OpenFile, inflated: int) -> None:
    """Raise DataError where so many bytes are too many for a file of this size, or for this machine."""
    if inflated > max(INFLATED, MOST_INFLATED * source.size):
        raise source.fault(
            f"found {spell_bytes(inflated)} of arrays in {spell_bytes(source.size)}; expected at most {MOST_INFLATED} "
            "times the size: save such arrays uncompressed"
        )
    memory = machine_memory()
    if memory is not None and inflated > memory:
        raise source.fault(
            f"found {spell_bytes(inflated)} of arrays; expected at most the {spell_bytes(memory)} of this machine's "
            "memory: an npy may be larger"
        )


def machine_memory() -> int | None:
    """Bytes of the machine's memory, where the system tells them."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _header(source: OpenFile, archive: zipfile.ZipFile, name: str, member: zipfile.ZipInfo) -> Header:
    with _told(source, name), archive.open(member) as file:
        header = read_header(file)
        header.require_room(member.file_size, "member")
    return header


@contextmanager
def _told(source: OpenFile, name: str | None = None) -> Iterator[None]:
    """Errors of zipfile and zlib as errors that name file and array."""
    place = "" if name is None else f"'{printable(name)}': "
    try:
        yield
    except HeaderError as error:
        reason = str(error)
    except MemoryError:
        raise
    except Exception:  # damaged bytes reach zipfile and zlib, each with errors of its own, which show names and bytes
        reason = "it is damaged or cut off"
    else:
        return
    raise source.fault(f"cannot be read as an npz: {place}{reason}")


class _Limited:
    """A file for zipfile, which reads the list of members at once, as long as the zip says that it is."""

    def __init__(self, source: OpenFile) -> None:
        self._file, self._size = source.file, source.size

    def read(self, size: int = -1) -> bytes:
        left = min(LONGEST_DIRECTORY, max(0, self._size - self._file.tell()))
        return self._file.read(min(size, left) if size >= 0 else left)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
