"""What comes from outside is opened in one way: regular files only, and never a wait or a traceback."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from minigraph.errors import DataError
from minigraph.files import opening
from minigraph.files.opening import KINDS, files_in, kind_at, opened, require_file
from tests.helpers import raises

# On Windows no path leads to a FIFO, a device or a socket, and mode bits keep nobody from reading.
NOT_ON_WINDOWS = pytest.mark.skipif(os.name == "nt", reason="a path leads to files and folders alone here")
NOBODY = 65534
"""The number of the user who owns nothing, by old custom."""


def refusal(path: Path | str) -> str:
    """Why a path is not opened, without the path."""
    with pytest.raises(DataError) as caught, opened(path):
        pass
    name, _, reason = str(caught.value).partition(": ")
    assert name == opening.spell_name(path)
    return reason


def test_a_file_is_opened_at_its_beginning_with_its_size(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"some bytes")
    with opened(path) as source:
        assert (source.size, source.name, source.file.read()) == (10, str(path), b"some bytes")
        file = source.file
    assert file.closed


def test_links_are_followed_to_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"some bytes")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "c").symlink_to("b")
    with opened(tmp_path / "c") as source:
        assert source.file.read() == b"some bytes"


def test_nothing_and_a_folder_are_told(tmp_path: Path) -> None:
    assert refusal(tmp_path / "gone") == "no such file"
    (tmp_path / "a").touch()
    assert refusal(tmp_path / "a" / "b") == "no such file"
    (tmp_path / "dangling").symlink_to("gone")
    assert refusal(tmp_path / "dangling") == "no such file"
    assert refusal(tmp_path) == "found a folder; expected a regular file"


@NOT_ON_WINDOWS
def test_what_may_hang_or_never_end_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "zero.npy").symlink_to("/dev/zero")
    (tmp_path / "ring").symlink_to("ring")
    assert refusal(tmp_path / "fifo") == "found a FIFO; expected a regular file"
    assert refusal(tmp_path / "zero.npy") == "found a device; expected a regular file"
    assert refusal(tmp_path / "ring").startswith("cannot be read: ")


@NOT_ON_WINDOWS
def test_a_socket_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path may have 108 characters
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket")
        assert refusal("socket") == "found a socket; expected a regular file"


@NOT_ON_WINDOWS
def test_a_fifo_that_takes_the_files_place_in_the_last_moment_does_not_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.setattr(opening, "kind_at", lambda *_: "a file")
    assert refusal(tmp_path / "fifo") == "found a FIFO; expected a regular file"


@contextmanager
def without_privileges() -> Iterator[None]:
    """Root, who may read everything, goes on as nobody; everybody else as they are."""
    privileged = os.geteuid() == 0
    if privileged:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if privileged:
            os.seteuid(0)


@NOT_ON_WINDOWS
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # nobody may enter the folders above it
    tmp_path.chmod(0o755)
    Path("open").touch(0o644)
    Path("secret").touch(0o200)
    Path("closed").mkdir()
    Path("closed/a").touch(0o644)
    Path("closed").chmod(0o000)
    try:
        with without_privileges():
            with opened("open") as source:
                assert source.size == 0
            assert refusal("secret") == "cannot be read: Permission denied"
            assert refusal("closed/a") == "cannot be read: Permission denied"
    finally:
        Path("closed").chmod(0o700)


def test_what_the_system_refuses_is_told_when_looking_opening_and_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "a"
    path.touch()
    with raises(DataError, f"{path}: cannot be read: Input/output error"), opened(path):
        raise OSError(5, "Input/output error")
    for call in ("open", "stat"):
        monkeypatch.setattr(opening.os, call, refuse)
        assert refusal(path) == "cannot be read: Permission denied"


def test_names_that_no_file_can_have_are_told(tmp_path: Path) -> None:
    assert refusal(tmp_path / "a\0b") == "found a character 0 in the name; expected the name of a file"
    assert refusal(tmp_path / "a\ud800b") == "found half a character in the name; expected the name of a file"
    assert refusal(tmp_path / ("a" * 5000)).startswith("cannot be read: ")


def test_names_are_told_printable_and_not_at_any_length(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught, opened(tmp_path / "\x1b]0;title\x07\u202e\n.npy"):
        pass
    assert str(caught.value) == f"{tmp_path}/\\x1b]0;title\\x07\\u202e\\n.npy: no such file"
    with pytest.raises(DataError) as caught, opened(tmp_path / ("a" * 5000)):
        pass
    assert len(str(caught.value)) < 500


def test_the_name_is_told_as_the_user_gave_it(tmp_path: Path) -> None:
    with raises(DataError, "two_conv: no such file"), opened(tmp_path / "gone", "two_conv"):
        pass
    with raises(DataError, "x: found a folder; expected a regular file"), opened(tmp_path, "x"):
        pass


def test_a_suffix_is_judged_where_a_file_stands(tmp_path: Path) -> None:
    (tmp_path / "a.NPY").touch()
    assert require_file(tmp_path / "a.NPY", (".npy", ".npz")) == ".npy"
    with raises(DataError, f"{tmp_path}/a.NPY: found a name that ends in '.NPY'; expected .npz"):
        require_file(tmp_path / "a.NPY", (".npz",))
    with raises(DataError, f"{tmp_path}/gone.txt: no such file"):
        require_file(tmp_path / "gone.txt", (".npz",))


def test_a_folder_is_listed_in_order(tmp_path: Path) -> None:
    for name in ("b.npy", "a.png", "a.txt"):
        (tmp_path / name).touch()
    assert files_in(tmp_path, (".npy", ".png")) == [tmp_path / "a.png", tmp_path / "b.npy"]
    with raises(DataError, f"{tmp_path}/gone: cannot be read: No such file or directory"):
        files_in(tmp_path / "gone", (".npy",))


@NOT_ON_WINDOWS
def test_every_kind_of_thing_has_a_name(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert kind_at(tmp_path / "fifo") == "a FIFO"
    assert kind_at(tmp_path) == "a folder"
    assert kind_at("/dev/zero") == "a device"
    assert kind_at(tmp_path / "gone") is None
    assert len(KINDS) == 6
