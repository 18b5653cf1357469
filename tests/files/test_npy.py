"""An npy's header is weighed against the file before anything is allocated, and no error shows bytes of it."""

import io
import os
import pickle
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigraph.errors import DataError
from minigraph.files import npy
from minigraph.files.npy import npy_shape, read_npy
from tests.files import archives
from tests.helpers import NEEDS_FIFOS, Array

ARRAYS = {
    "matrix": np.arange(12.0).reshape(3, 4),
    "columns first": np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)),
    "number": np.float32(1.5),
    "none": np.zeros((0, 3)),
    "whole": np.array([[1, -2]], ">i4"),
    "truths": np.array([True, False]),
    "text": np.array('{"a": 1}'),
    "complex": np.array([1j]),
    "days": np.array(["2020-01-01"], "M8[D]"),
}


def refusal(path: Path, contents: bytes) -> str:
    """Why a file of these bytes is not read, without the path."""
    path.write_bytes(contents)
    with pytest.raises(DataError) as caught:
        read_npy(path)
    name, _, reason = str(caught.value).partition(": ")
    assert name == str(path)
    return reason


@pytest.mark.parametrize("large", [npy.LARGE, 1])
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_are_those_that_numpy_reads(
    name: str, version: tuple[int, int], large: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(npy, "LARGE", large)
    path = tmp_path / "a.npy"
    with path.open("wb") as file:
        np.lib.format.write_array(file, np.asanyarray(ARRAYS[name]), version)
    found, wanted = read_npy(path), np.load(path)
    assert (found.dtype, found.shape, found.strides) == (wanted.dtype, wanted.shape, wanted.strides)
    assert found.tobytes() == wanted.tobytes()
    assert isinstance(found, np.memmap) == (large == 1 and found.size > 0)
    assert found.flags.writeable or isinstance(found, np.memmap)
    assert npy_shape(path) == wanted.shape


def test_a_mapped_array_stays_when_its_file_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npy, "LARGE", 1)
    np.save(tmp_path / "a.npy", np.arange(3))
    found = read_npy(tmp_path / "a.npy")
    (tmp_path / "a.npy").unlink()
    assert found.tolist() == [0, 1, 2]


@pytest.mark.parametrize("descr", ["<f8", "|u1", "<U1000"])
@pytest.mark.parametrize("shape", ["(1000000000000,)", "(1000000, 1000000)", "(2, 9000000000000000000)"])
def test_a_header_that_lies_is_refused_before_anything_is_allocated(shape: str, descr: str, tmp_path: Path) -> None:
    contents = archives.header(shape, descr)
    tracemalloc.start()
    try:
        reason = refusal(tmp_path / "a.npy", contents)
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()
    assert reason.startswith("cannot be read as npy: ")
    assert "in all; the file has" in reason or "more than an array has" in reason


def test_a_lying_header_is_told_with_both_sizes(tmp_path: Path) -> None:
    assert refusal(tmp_path / "a.npy", archives.header("(1000, 1024)") + bytes(8)) == (
        "cannot be read as npy: the header declares shape 1000x1024 of float64, 7.8 MiB in all; the file has 84 B"
    )


def test_an_array_that_is_cut_off_is_told(tmp_path: Path) -> None:
    whole = archives.npy(np.arange(3.0))
    for length in range(len(whole)):
        assert refusal(tmp_path / "a.npy", whole[:length]).startswith("cannot be read as npy: ")


def test_a_file_that_shrinks_while_it_is_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def shrunk(*_: object) -> Array:
        return np.zeros(2)

    monkeypatch.setattr(np, "fromfile", shrunk)
    reason = refusal(tmp_path / "a.npy", archives.npy(np.arange(3.0)))
    assert reason == "cannot be read as npy: it became shorter while it was read"


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        (b"", "it does not begin as an npy does"),
        (b"root:x:0:0:root:/root:/bin/bash\n", "it does not begin as an npy does"),
        (pickle.dumps({"secret": 1}), "it does not begin as an npy does"),
        (b"\x93NUMPY\x07\x00", "found version 7 of the format; expected 1 to 3"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\x7f", "found a header of 2.0 GiB; expected at most 16.0 KiB"),
        (archives.header("(1,)", "|O"), "Object arrays cannot be loaded; expected numbers"),
        (archives.header("(1,)", "f8,f8"), "found an array of records; expected numbers"),
        (archives.header("(1,)', 'secret"), "its header is damaged or cut off"),
        (archives.header("secret"), "its header is damaged or cut off"),
        (archives.header("(1,)", "\\secret"), "its header is damaged or cut off"),
        (archives.header("(1,)", "secret"), "its header is damaged or cut off"),
        (archives.header("(-1,)"), "its header is damaged or cut off"),
        (archives.header("(True,)"), "its header is damaged or cut off"),
        (archives.header("(" * 5000), "its header is damaged or cut off"),
        (archives.header("[" * 199 + "]" * 199), "its header is damaged or cut off"),
        (archives.header("(" + "1," * 65 + ")") + bytes(8), "found 65 axes of 204 B, more than an array has"),
        (archives.header("(1000,)", "<U0"), "found an array of records; expected numbers"),
    ],
)
def test_what_is_no_array_of_numbers_is_told_and_nothing_of_it_shown(
    contents: bytes, reason: str, tmp_path: Path
) -> None:
    assert refusal(tmp_path / "a.npy", contents) == f"cannot be read as npy: {reason}"


def test_python_warns_of_nothing_that_stands_in_a_header(tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        refusal(tmp_path / "a.npy", archives.header("(1,)", "\\d\\\x1b"))
    assert caught == []


def test_an_npz_is_told(tmp_path: Path) -> None:
    contents = io.BytesIO()
    np.savez(contents, x=np.zeros(3))
    assert refusal(tmp_path / "a.npy", contents.getvalue()) == "found an npz; expected npy: one array"
    assert refusal(tmp_path / "a.npy", archives.archive()) == "found an npz; expected npy: one array"


@NEEDS_FIFOS
def test_a_fifo_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.npy")
    for read in (read_npy, npy_shape):
        with pytest.raises(DataError, match="found a FIFO; expected a regular file"):
            read(tmp_path / "a.npy")


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_damaged_bytes_are_read_or_told(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    sound = archives.npy(data.draw(st.sampled_from(list(ARRAYS.values()))))
    contents = data.draw(archives.damaged(sound))
    path = tmp_path_factory.getbasetemp() / "damaged.npy"
    path.write_bytes(contents)
    try:
        found = read_npy(path)
    except DataError as error:
        told = str(error)
    else:
        told = str(path)
        assert found.nbytes < len(contents)
    assert told.startswith(str(path))
