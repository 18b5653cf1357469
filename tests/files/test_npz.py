"""An npz's members are judged before one is inflated; only arrays that are asked for are."""

import gc
import io
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigraph.errors import DataError
from minigraph.files import npz
from minigraph.files.npz import opened_npz, read_npz
from tests.files import archives
from tests.files.archives import archive, deflated, stored
from tests.helpers import assert_exact, raises

X = np.arange(12.0).reshape(3, 4)


def refusal(path: Path, contents: bytes) -> str:
    """Why a file of these bytes is not read, without the path."""
    path.write_bytes(contents)
    with pytest.raises(DataError) as caught:
        read_npz(path)
    name, _, reason = str(caught.value).partition(": ")
    assert name == str(path)
    return reason


def peak(path: Path, contents: bytes) -> tuple[str, int]:
    """Why a file is not read, and the bytes that were allocated at most while that was found out."""
    tracemalloc.start()
    try:
        return refusal(path, contents), tracemalloc.get_traced_memory()[1] - len(contents)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_are_those_that_numpy_reads(save: object, tmp_path: Path) -> None:
    arrays = {
        "x": X,
        "columns first": np.asfortranarray(X),
        "none": np.zeros((0, 2)),
        "state/a.b": np.array(3, ">i2"),
        "text": np.array("ä"),
        "large": np.arange(300_000),
    }
    save(tmp_path / "a.npz", **arrays)  # type: ignore[operator]  # either
    found = read_npz(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as wanted:
        assert list(found) == wanted.files
        for name in found:
            assert (found[name].dtype, found[name].strides) == (wanted[name].dtype, wanted[name].strides)
            assert_exact(found[name], wanted[name])
            assert found[name].flags.writeable


def test_zips_made_by_hand_are_sound(tmp_path: Path) -> None:
    contents = archive(stored("a.npy", archives.npy(X)), deflated("b.npy", archives.npy(X + 1)))
    (tmp_path / "a.npz").write_bytes(contents)
    found = read_npz(tmp_path / "a.npz")
    assert_exact(found["a"], X)
    assert_exact(found["b"], X + 1)
    (tmp_path / "a.npz").write_bytes(archive(archives.bomb("a.npy", 2)))
    with zipfile.ZipFile(tmp_path / "a.npz") as opened, pytest.raises(zipfile.BadZipFile, match="CRC"):
        opened.read("a.npy")  # all of it is there; only the checksum was not computed


def test_an_npz_without_arrays_is_empty(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(archive())
    assert read_npz(tmp_path / "a.npz") == {}


def test_only_what_is_asked_for_is_inflated(tmp_path: Path) -> None:
    contents = archive(deflated("good.npy", archives.npy(X)), archives.bomb("bad.npy", 200))
    (tmp_path / "a.npz").write_bytes(contents)
    tracemalloc.start()
    try:
        with opened_npz(tmp_path / "a.npz") as found:
            assert {name: header.shape for name, header in found.headers.items()} == {
                "good": (3, 4),
                "bad": (200 * 2**17,),
            }
            assert_exact(found.read("good"), X)
        assert tracemalloc.get_traced_memory()[1] < 3 * 2**20
    finally:
        tracemalloc.stop()


def test_a_bomb_is_refused_before_it_is_inflated(tmp_path: Path) -> None:
    contents = archive(archives.bomb("x.npy", 1024))
    assert len(contents) < 1.2 * 2**20
    reason, allocated = peak(tmp_path / "a.npz", contents)
    assert reason.startswith("found 1.0 GiB of arrays in 1.0 MiB; expected at most 100 times the size: ")
    assert allocated < 2**20


def test_many_small_members_are_one_bomb(tmp_path: Path) -> None:
    contents = archive(*(archives.bomb(f"x{number}.npy", 30) for number in range(10)))
    reason, allocated = peak(tmp_path / "a.npz", contents)
    assert reason.startswith("found 300.0 MiB of arrays in ")
    assert allocated < 2**20


def test_more_than_the_machine_has_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = npz.machine_memory()
    assert memory is None or memory > 2**26
    monkeypatch.setattr(npz, "machine_memory", lambda: 100)
    reason = refusal(tmp_path / "a.npz", archive(stored("x.npy", archives.npy(X))))
    assert reason.startswith("found 224 B of arrays; expected at most the 100 B of this machine's memory")


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        (
            stored("x.npy", archives.header("(1000000000000,)")),
            "'x': the header declares shape 1000000000000 of float64",
        ),
        (deflated("x.npy", archives.header("(1000000000000,)")), "'x': the header declares shape 1000000000000 of"),
        (
            deflated("x.npy", archives.header("(125000000,)"), size=10**9),
            "it says that 'x.npy' is 953.7 MiB in 70 B, which cannot be",
        ),
        (stored("x.npy", archives.header("(125000000,)"), size=10**9), "it says that 'x.npy' is 953.7 MiB in 76 B, wh"),
    ],
)
def test_sizes_that_are_not_so_are_refused_before_anything_is_allocated(
    contents: archives.Member, reason: str, tmp_path: Path
) -> None:
    told, allocated = peak(tmp_path / "a.npz", archive(contents))
    assert told.startswith(f"cannot be read as an npz: {reason}")
    assert allocated < 10**6


def test_members_that_lie_over_each_other_are_refused(tmp_path: Path) -> None:
    contents = archive(*[stored(f"x{number}.npy", archives.npy(X)) for number in range(4)])
    start = contents.index(b"PK\x01\x02")
    shorter = contents[: start // 4] + contents[start:]  # four entries, and the bytes of one
    assert refusal(tmp_path / "a.npz", shorter).startswith(
        "cannot be read as an npz: it says that 896 B of arrays are in "
    )


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([stored("x.npy", archives.npy(X))] * 2, "found the array 'x' twice; expected it once"),
        ([stored("x.txt", b"secret")], "found 'x.txt' in it; expected arrays only, whose names end in .npy"),
        ([stored("folder/", b"")], "found 'folder/' in it; expected arrays only, whose names end in .npy"),
        ([stored("x.npy", b"secret")], "cannot be read as an npz: 'x': it does not begin as an npy does"),
        ([stored("x.npy", archives.npy(X), flags=1)], "found 'x.npy' encrypted; expected arrays that are not"),
        (
            [stored("x.npy", archives.npy(X), method=14)],
            "found 'x.npy' compressed by another method; expected stored or deflated, as NumPy does",
        ),
        ([stored("x.npy", archives.npy(X), checksum=1)], "cannot be read as an npz: 'x': it is damaged or cut off"),
        (
            [stored("x.npy", archives.npy(X) + bytes(10**5), checksum=1)],
            "cannot be read as an npz: 'x': it is damaged or cut off",
        ),
        (
            [deflated("x.npy", archives.header("(9,)") + bytes(8), size=len(archives.header("(9,)")) + 72)],
            "cannot be read as an npz: 'x': it is damaged or cut off",
        ),
        (
            [stored("\x1b]0;\u202e\n.npy", b"")],
            "cannot be read as an npz: '\\x1b]0;\\u202e\\n': it does not begin as an npy does",
        ),
        ([stored("a\0.npy", b"")], "found 'a' in it; expected arrays only, whose names end in .npy"),
        (
            [stored("x.npy", archives.header("(1,)", "|O"))],
            "cannot be read as an npz: 'x': Object arrays cannot be loaded; expected numbers",
        ),
    ],
)
def test_members_are_judged_and_nothing_of_them_is_shown(
    members: list[archives.Member], reason: str, tmp_path: Path
) -> None:
    assert refusal(tmp_path / "a.npz", archive(*members)) == reason


def test_a_list_of_members_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = archive(*(stored(f"x{number}.npy", archives.npy(X)) for number in range(40)))
    (tmp_path / "a.npz").write_bytes(contents)
    assert len(read_npz(tmp_path / "a.npz")) == 40
    monkeypatch.setattr(npz, "LONGEST_DIRECTORY", 1000)
    assert refusal(tmp_path / "a.npz", contents) == "cannot be read as an npz: it is damaged or cut off"


def test_an_npz_that_is_missing_or_none_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with raises(DataError, f"{path}: no such file"):
        read_npz(path)
    for contents in (b"", b"root:x:0:0:root:/root:/bin/bash\n"):
        assert refusal(path, contents) == "cannot be read as an npz: it does not begin as a zip does"
    with raises(DataError, f"{tmp_path}: found a folder; expected a regular file"):
        read_npz(tmp_path)
    assert refusal(path, archives.npy(X)) == "found a single array; expected an npz with named arrays"


def test_an_npz_that_is_cut_off_is_told_and_closed(tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        contents = archive(stored("x.npy", archives.npy(X)), deflated("y.npy", archives.npy(X)))
        for length in range(0, len(contents) - 1, 7):
            assert refusal(tmp_path / "a.npz", contents[:length]).startswith("cannot be read as an npz: ")
        gc.collect()
    assert [str(warning.message) for warning in caught] == []  # such as: unclosed file


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_damaged_bytes_are_told_or_give_the_right_arrays(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    sound = io.BytesIO()
    data.draw(st.sampled_from([np.savez, np.savez_compressed]))(sound, x=X, y=np.arange(3))
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    path.write_bytes(data.draw(archives.damaged(sound.getvalue())))
    try:
        found = read_npz(path)
    except DataError as error:
        told = str(error)
    else:
        told = str(path)
        wanted = {"x": X, "y": np.arange(3)}
        assert all(np.array_equal(array, wanted[name]) for name, array in found.items())
    assert told.startswith(str(path))
