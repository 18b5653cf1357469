"""Files appear whole or not at all."""

import os
import stat
from pathlib import Path

import numpy as np
import pytest

from minigraph.errors import DataError
from minigraph.files.npz import read_npz
from minigraph.files.writing import PART, whole, write_npz, write_text
from tests.helpers import assert_exact, raises


def test_a_file_appears_when_the_block_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with whole(path) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == PART
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_fails_leaves_what_was_there_before(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail_while_writing() -> None:
        with whole(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_while_writing()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_has_the_usual_rights(tmp_path: Path) -> None:
    kept = os.umask(0o027)
    try:
        write_text(tmp_path / "a.txt", "text")
        assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(kept)


def test_a_text_is_utf8_with_plain_line_ends(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "ä\nb\n")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xa4\nb\n"


def test_a_text_that_is_no_unicode_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        write_text(tmp_path / "a.txt", "\ud800")
    assert list(tmp_path.iterdir()) == []


def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    arrays = {"conv1.kernel": np.random.default_rng(0).normal(size=(2, 3)), "x": np.float32([1.5]), "a.b": np.arange(3)}
    write_npz(tmp_path / "a.npz", arrays)
    found = read_npz(tmp_path / "a.npz")
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert_exact(found[name], array)


@pytest.mark.parametrize("name", ["file", "allow_pickle", "args", "kwds"])
def test_any_name_may_be_an_arrays_name(tmp_path: Path, name: str) -> None:
    write_npz(tmp_path / "a.npz", {name: np.arange(3)})
    found = read_npz(tmp_path / "a.npz")
    assert list(found) == [name]
    assert_exact(found[name], [0, 1, 2])


def test_a_folder_that_does_not_exist_is_told(tmp_path: Path) -> None:
    path = tmp_path / "none" / "a.npz"
    with raises(DataError, f"{path}: cannot be written: No such file or directory"):
        write_npz(path, {})


def test_a_folder_in_the_place_of_the_file_is_told_and_nothing_left_behind(tmp_path: Path) -> None:
    (tmp_path / "a.npz").mkdir()
    with raises(DataError, f"{tmp_path / 'a.npz'}: cannot be written: Is a directory"):
        write_npz(tmp_path / "a.npz", {"x": np.zeros(1)})
    assert list(tmp_path.iterdir()) == [tmp_path / "a.npz"]


def test_a_name_that_no_file_can_have_is_told(tmp_path: Path) -> None:
    with raises(DataError, f"{tmp_path}/a\\x00.txt: cannot be written: no file can have such a name"):
        write_text(tmp_path / "a\0.txt", "text")


def test_the_same_arrays_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        write_npz(tmp_path / name, {"x": np.arange(3.0), "y": np.ones((2, 2))})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
