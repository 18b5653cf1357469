"""Arrays in npy files: the header is read and weighed first, then the numbers are read or stay in the file."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from math import prod
from pathlib import Path
from typing import IO

import numpy as np

from minigraph.arrays import Array, spell_shape
from minigraph.files.opening import OpenFile, opened
from minigraph.wording import spell_bytes

LARGE = 2**26
"""Bytes from which on an npy is not read as a whole."""
MAGIC = b"\x93NUMPY"
LENGTHS = {1: 2, 2: 4, 3: 4}
"""By the format's version: of how many bytes the number is that has the header's length."""
LONGEST_HEADER = 2**14
"""Bytes; that of plain numbers has 118."""


class HeaderError(Exception):
    """What is wrong with a header. The text has nothing of the file but shapes and types."""


@dataclass(frozen=True)
class Header:
    """What an npy says of its array before the numbers.

    Attributes:
        shape, dtype: the array's; columns_first: whether the first index runs fastest (Fortran's order).
        start: at how many bytes the numbers begin.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    columns_first: bool
    start: int

    @property
    def count(self) -> int:
        """How many numbers there are."""
        return prod(self.shape)

    @property
    def end(self) -> int:
        """At how many bytes the numbers end."""
        return self.start + self.count * self.dtype.itemsize

    def require_room(self, size: int, where: str) -> None:
        """Raise HeaderError unless ``size`` bytes of the file or member called ``where`` can hold it all."""
        if self.end > size:
            raise HeaderError(
                f"the header declares shape {spell_shape(self.shape) or '()'} of {self.dtype}, {spell_bytes(self.end)} "
                f"in all; the {where} has {spell_bytes(size)}"
            )

    def arrange(self, numbers: Array) -> Array:
        """The array that has these numbers in the order of the file."""
        return numbers.reshape(self.shape, order="F" if self.columns_first else "C")


def read_header(file: IO[bytes]) -> Header:
    """The header at the beginning of a file or of a member of an npz; no more is read.

    Raises:
        HeaderError: there is none, or it is of no array of plain values.
    """
    start = file.read(len(MAGIC) + 2)
    if not start.startswith(MAGIC) or len(start) < len(MAGIC) + 2:
        raise HeaderError("it does not begin as an npy does")
    version = start[-2]
    if version not in LENGTHS:
        raise HeaderError(f"found version {version} of the format; expected 1 to 3")
    written = file.read(LENGTHS[version])
    length = int.from_bytes(written, "little")
    if length > LONGEST_HEADER:
        raise HeaderError(f"found a header of {spell_bytes(length)}; expected at most {spell_bytes(LONGEST_HEADER)}")
    text = file.read(length)
    shape, columns_first, dtype = _parsed(written + text, version)
    if dtype.hasobject:
        raise HeaderError("Object arrays cannot be loaded; expected numbers")
    if dtype.names is not None or dtype.subdtype is not None or dtype.itemsize == 0:
        raise HeaderError("found an array of records; expected numbers")
    header = Header(shape, dtype, columns_first, len(start) + len(written) + len(text))
    try:
        # Neither more axes than NumPy has nor more places than it can count; nothing is allocated.
        np.broadcast_to(np.empty((), dtype), shape)
    except ValueError:
        raise HeaderError(f"found {len(shape)} axes of {spell_bytes(header.end)}, more than an array has") from None
    return header


def _parsed(rest: bytes, version: int) -> tuple[tuple[int, ...], bool, np.dtype]:
    # Version 3 is 2 with other letters in the names of records, which are refused. A backslash can only stand in such
    # names, and Python would warn of it; NumPy's own errors show the whole header.
    parse = np.lib.format.read_array_header_1_0 if version == 1 else np.lib.format.read_array_header_2_0
    if b"\\" not in rest[LENGTHS[version] :]:
        try:
            shape, columns_first, dtype = parse(BytesIO(rest))
            if all(type(size) is int and size >= 0 for size in shape):
                return shape, columns_first, dtype
        except Exception:  # NumPy evaluates the text as a Python literal, which fails in many ways, MemoryError too
            pass
    raise HeaderError("its header is damaged or cut off")


def read_npy(path: str | Path) -> Array:
    """The one array of an npy file; of a large one, a view into the file.

    Raises:
        DataError: there is no such regular file, it is no npy, holds other things than plain values, or is cut off.
    """
    with opened(path) as source:
        header = npy_header(source)
        if source.size >= LARGE and header.count:
            return header.arrange(np.memmap(source.file, header.dtype, "r", header.start, (header.count,)))
        numbers = np.fromfile(source.file, header.dtype, header.count)
        if len(numbers) < header.count:
            raise source.fault("cannot be read as npy: it became shorter while it was read")
        return header.arrange(numbers)


def npy_shape(path: str | Path) -> tuple[int, ...]:
    """The shape of the array in an npy file, from its header.

    Raises:
        DataError: as for :func:`read_npy`.
    """
    with opened(path) as source:
        return npy_header(source).shape


def npy_header(source: OpenFile) -> Header:
    """The header of an open npy, whose numbers the file has room for; the file stands behind it.

    Raises:
        DataError: it is no npy, or damaged.
    """
    if source.file.peek(4)[:4] in ZIP_STARTS:
        raise source.fault("found an npz; expected npy: one array")
    try:
        header = read_header(source.file)
        header.require_room(source.size, "file")
    except HeaderError as error:
        raise source.fault(f"cannot be read as npy: {error}") from None
    return header


ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
"""How a zip begins, that of no members too."""
