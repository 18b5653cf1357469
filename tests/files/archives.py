"""Files byte by byte: zips that say what is not so, and sound files with some bytes changed, lost or added."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from numpy.typing import ArrayLike

STORED, DEFLATED = 0, 8


@dataclass(frozen=True)
class Member:
    """One member: its name and bytes as they stand, and what the zip says of them."""

    name: str
    data: bytes
    size: int
    method: int = DEFLATED
    flags: int = 0
    checksum: int = 0


@st.composite
def damaged(draw: st.DrawFn, sound: bytes) -> bytes:
    """A file with some bytes in up to three places changed, lost or added."""
    contents = bytearray(sound)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(contents)))
        contents[place : place + draw(st.integers(0, 4))] = draw(st.binary(max_size=4))
    return bytes(contents)


def npy(values: ArrayLike) -> bytes:
    file = io.BytesIO()
    np.save(file, np.asarray(values))
    return file.getvalue()


def header(shape: str, descr: str = "<f8") -> bytes:
    """The header of an npy with this text as the shape; no numbers follow."""
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode("latin1")
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def stored(name: str, data: bytes, **said: int) -> Member:
    facts = {"size": len(data), "method": STORED, "checksum": zlib.crc32(data)} | said
    return Member(name, data, **facts)


def deflated(name: str, data: bytes, **said: int) -> Member:
    packer = zlib.compressobj(wbits=-15)
    facts = {"size": len(data), "checksum": zlib.crc32(data)} | said
    return Member(name, packer.compress(data) + packer.flush(), **facts)


def bomb(name: str, mebibytes: int) -> Member:
    """An npy of zeros, so large when inflated, made without ever being so."""
    count = mebibytes * 2**20 // 8
    packer = zlib.compressobj(9, wbits=-15)
    start = packer.compress(header(f"({count},)")) + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return Member(name, start + mebibytes * piece + packer.flush(), len(header(f"({count},)")) + count * 8)


def archive(*members: Member) -> bytes:
    """A zip of these members."""
    body, directory = b"", b""
    for member in members:
        name = member.name.encode()
        facts = struct.pack(
            "<5H3L2H",
            20,
            member.flags | 0x800,
            member.method,
            0,
            0x21,
            member.checksum,
            len(member.data),
            member.size,
            len(name),
            0,
        )
        directory += b"PK\x01\x02\x14\x00" + facts + struct.pack("<3H2L", 0, 0, 0, 0, len(body)) + name
        body += b"PK\x03\x04" + facts + name + member.data
    end = struct.pack("<4H2LH", 0, 0, len(members), len(members), len(directory), len(body), 0)
    return body + directory + b"PK\x05\x06" + end
